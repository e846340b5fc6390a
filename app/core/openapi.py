"""The OpenAPI document: what FastAPI derives, plus what our route classes do for every operation."""

from typing import Any, get_args

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel

from app.core.unit_of_work import PublicRoute, UnitOfWorkRoute

DESCRIPTION = """
Backend for personalized learning plans. Sign in at `POST /v1/auth/sessions`, send the access token as
`Authorization: Bearer …`. Every error is `application/problem+json` with a stable `code`. Lists are paged by opaque
cursors. Changes need `If-Match` with the `ETag` you read; any POST takes an `Idempotency-Key` and every write
`validate_only=true`, where the operation lists them.
"""

PROBLEM = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457 problem details.",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "properties": {
        "type": {"type": "string", "examples": ["urn:plp:problem:not_found"]},
        "title": {"type": "string", "examples": ["Not found"]},
        "status": {"type": "integer", "examples": [404]},
        "detail": {"type": "string", "examples": ["There is no such resource, or you may not know of it."]},
        "code": {"type": "string", "description": "Stable; for programs.", "examples": ["not_found"]},
        "request_id": {"type": "string", "examples": ["b7c1"]},
        "errors": {
            "type": "array",
            "description": "Which places of the request were refused and why, or which ids in it were not found.",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "detail"],
                "properties": {
                    "pointer": {"type": "string", "examples": ["/title"]},
                    "code": {"type": "string", "examples": ["blank"]},
                    "detail": {"type": "string", "examples": ["Must contain something visible."]},
                },
            },
        },
        "permission": {
            "type": "string",
            "description": "With 403: what is missing, in the words of `GET /v1/me`.",
            "examples": ["plans:write"],
        },
        "current_version": {
            "type": "integer",
            "description": "With 412 `version_mismatch`: the version there is now.",
            "examples": [4],
        },
        "tenants": {
            "type": "array",
            "description": "With 409 `tenant_required`: the tenants in which the credentials fit.",
            "items": {
                "type": "object",
                "required": ["slug", "name"],
                "properties": {
                    "slug": {"type": "string", "examples": ["oak"]},
                    "name": {"type": "string", "examples": ["Oak District"]},
                },
            },
        },
    },
}

MEANINGS = {
    400: "The body is not JSON, or a cursor is not ours.",
    401: "No valid access token, or its session is over.",
    403: "You can see this but may not do that; `permission` names what is missing.",
    404: "No such resource, or not one you may know of.",
    408: "The body came too slowly.",
    409: "A rule refuses this now; `code` says which.",
    412: "Changed since you read it, or `If-Match` is no tag of this resource; the current tag is in `ETag`.",
    413: "The body is too large.",
    415: "The body is not JSON by its content type.",
    422: "Values that are not accepted; `errors` points at them.",
    428: "`If-Match` is missing.",
    429: "Too many failed attempts; wait as `Retry-After` says.",
    431: "The headers are too large.",
    503: "Busy, or the database does not answer; try again after `Retry-After`.",
}


def build_document(app: FastAPI) -> dict[str, Any]:
    """The document of the running application; made once."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            description=DESCRIPTION.strip(),
            routes=app.routes,
            tags=app.openapi_tags,
            contact={"name": "The maintainers of Personalized Learning Plans"},
            license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
            servers=[{"url": "/", "description": "This server"}],
        )
        _complete(app, document)
        app.openapi_schema = document
    return app.openapi_schema


def _complete(app: FastAPI, document: dict[str, Any]) -> None:
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas["Problem"] = PROBLEM
    _restore_examples(schemas)
    components["responses"] = {f"Problem{status}": _problem(meaning) for status, meaning in MEANINGS.items()}
    components["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
        "client": {"type": "http", "scheme": "basic", "description": "A service client's id and secret."},
    }
    document["security"] = [{"bearer": []}]
    for route in app.routes:
        if isinstance(route, APIRoute) and route.include_in_schema:
            for method in route.methods or ():
                operation = document["paths"][route.path_format][method.lower()]
                operation["operationId"] = route.name
                _name_body(operation, route, schemas)
                _describe(operation, route, method)


def _restore_examples(schemas: dict[str, Any]) -> None:
    """FastAPI drops nulls from the document, also from examples, where they are values."""
    pending: list[type[BaseModel]] = [BaseModel]
    while pending:
        model = pending.pop()
        pending += model.__subclasses__()
        extra = model.model_config.get("json_schema_extra")
        if model.__name__ in schemas and isinstance(extra, dict) and "examples" in extra:
            schemas[model.__name__]["examples"] = extra["examples"]


def _name_body(operation: dict[str, Any], route: APIRoute, schemas: dict[str, Any]) -> None:
    """Refer to the body's schema by its name; FastAPI writes it out at each place."""
    models = [] if route.body_field is None else _models(route.body_field.field_info.annotation)
    for media in operation.get("requestBody", {}).get("content", {}).values():
        if models and models[0].__name__ in schemas:
            media["schema"] = {"$ref": f"#/components/schemas/{models[0].__name__}"}


def _models(annotation: Any) -> list[type[BaseModel]]:
    """The model of a body, also of one that may be left out."""
    candidates = (annotation, *get_args(annotation))
    return [each for each in candidates if isinstance(each, type) and issubclass(each, BaseModel)]


def _problem(meaning: str) -> dict[str, Any]:
    return {
        "description": meaning,
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


def _describe(operation: dict[str, Any], route: APIRoute, method: str) -> None:
    statuses = set(_statuses(route, method)) | {int(s) for s in route.responses if str(s).isdigit() and int(s) >= 400}
    own = (route.openapi_extra or {}).get("responses", {})
    for status in sorted(statuses - {int(status) for status in own}):
        operation["responses"][str(status)] = {"$ref": f"#/components/responses/Problem{status}"}
    if isinstance(route, PublicRoute):
        operation.setdefault("security", [])
    parameters = operation.setdefault("parameters", [])
    if isinstance(route, UnitOfWorkRoute):
        parameters += _parameters(route, method)
    if not parameters:
        del operation["parameters"]
    body = operation.get("requestBody", {}).get("content", {})
    if method == "PATCH" and "application/json" in body:
        body["application/merge-patch+json"] = body["application/json"]
    if method == "GET" and "200" in operation["responses"] and not isinstance(route, PublicRoute):
        operation["responses"]["304"] = {"description": "Nothing changed since the `ETag` you sent."}
        operation["responses"]["200"]["headers"] = {
            "ETag": {"description": "Strong tag of this representation.", "schema": {"type": "string"}}
        }
    if "201" in operation["responses"]:
        operation["responses"]["201"]["headers"] = {
            "Location": {"description": "Address of what was made.", "schema": {"type": "string"}}
        }


def _statuses(route: APIRoute, method: str) -> list[int]:
    found = [422, 431, 503]
    is_write = method != "GET"
    if is_write:
        # A body that an operation has no use for is still read, and has to be one.
        found += [400, 408, 413, 415]
    if isinstance(route, UnitOfWorkRoute):
        found += [401, 403]
        if is_write:
            found.append(409)
        if route.needs_if_match:
            found += [412, 428]
    if "{" in route.path:
        found.append(404)
    if any(parameter.alias == "query" for parameter in route.dependant.query_params):
        found.append(400)
    return found


def _parameters(route: UnitOfWorkRoute, method: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if method == "GET":
        return [_header("If-None-Match", "The `ETag` you have; 304 if nothing changed.", '"3-0123456789abcdef"')]
    found.append(
        {
            "name": "validate_only",
            "in": "query",
            "description": "Answer exactly as the live call would, and change nothing.",
            "schema": {"type": "boolean", "default": False},
        }
    )
    if method == "POST" and route.idempotent:
        found.append(_header("Idempotency-Key", "Your own key: a retry with it does nothing twice.", "9f1c"))
    if route.needs_if_match:
        found.append(_header("If-Match", "The `ETag` that you read. Required.", '"3-0123456789abcdef"', required=True))
    return found


def _header(name: str, description: str, example: str, *, required: bool = False) -> dict[str, Any]:
    return {
        "name": name,
        "in": "header",
        "required": required,
        "description": description,
        "schema": {"type": "string"},
        "example": example,
    }
