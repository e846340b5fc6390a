"""Holds every reply of the suite to the published OpenAPI document: status documented, body valid."""

import functools
import json
from typing import Any

import httpx
from fastapi import FastAPI
from fastapi.routing import APIRoute
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from referencing import Registry
from referencing.jsonschema import DRAFT202012

DOCUMENT = "urn:plp:openapi"


class ContractBroken(AssertionError):
    """A reply that the published document does not allow."""


class Contract:
    """The document of one application. Paths that it does not have are for the framework to answer."""

    def __init__(self, app: FastAPI) -> None:
        self.document: dict[str, Any] = app.openapi()
        self.routes = [route for route in app.routes if isinstance(route, APIRoute) and route.include_in_schema]
        self._registry: Registry[Any] = Registry().with_resource(DOCUMENT, DRAFT202012.create_resource(self.document))
        self._validator = functools.cache(self._make_validator)

    def check(self, request: httpx.Request, status: int, media_type: str, body: bytes) -> None:
        method = "GET" if request.method == "HEAD" else request.method
        route = self._route(method, request.url.path)
        if route is None:
            return
        where = f"{method} {route.path_format}"
        responses = self.document["paths"][route.path_format][method.lower()]["responses"]
        if str(status) not in responses:
            raise ContractBroken(f"{where}: status {status} is not documented: {body[:2000]!r}")
        if not body:
            return
        response, pointer = self._resolved(responses[str(status)], route.path_format, method, status)
        if media_type not in response.get("content", {}):
            raise ContractBroken(f"{where}: {status} with {media_type!r} is not documented")
        if not media_type.endswith("json"):
            return
        pointer += f"/content/{_escaped(media_type)}/schema"
        error = best_match(self._validator(pointer).iter_errors(json.loads(body)))
        if error is not None:
            raise ContractBroken(f"{where}: {status} breaks its schema: {error.json_path} {error.message}")

    def _route(self, method: str, path: str) -> APIRoute | None:
        for route in self.routes:
            if method in (route.methods or ()) and route.path_regex.match(path):
                return route
        return None

    def _resolved(self, response: dict[str, Any], path: str, method: str, status: int) -> tuple[dict[str, Any], str]:
        reference = response.get("$ref")
        if reference is None:
            return response, f"#/paths/{_escaped(path)}/{method.lower()}/responses/{status}"
        resolved: dict[str, Any] = self.document["components"]["responses"][reference.rpartition("/")[2]]
        return resolved, reference

    def _make_validator(self, pointer: str) -> Draft202012Validator:
        return Draft202012Validator({"$ref": DOCUMENT + pointer}, registry=self._registry)


def _escaped(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1").replace("{", "%7B").replace("}", "%7D")


class CheckedTransport(httpx.AsyncBaseTransport):
    """Calls the application in this process; an exception becomes its 500, and every reply is checked."""

    def __init__(self, app: FastAPI, contract: Contract) -> None:
        self._inner = httpx.ASGITransport(app, raise_app_exceptions=False)
        self._contract = contract

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(request)
        body = await response.aread()
        media_type = response.headers.get("content-type", "").partition(";")[0]
        if "x-request-id" not in response.headers:
            raise ContractBroken(f"{request.method} {request.url.path}: no request id")
        self._contract.check(request, response.status_code, media_type, body)
        return response
