"""Tokens for programs over HTTP: forms and errors as RFC 6749 has them, and the keys that verify every token."""

import json
from typing import Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute

from app.core.replies import json_reply
from app.core.runtime import runtime_of
from app.core.security import LIFETIME_SECONDS
from app.core.strict_json import is_storable
from app.core.unit_of_work import Handler, PublicRoute, answered
from app.identity.router.signed_in import request_id_of
from app.identity.schemas.clients import AccessTokenOut, JwksOut
from app.identity.service import oauth
from app.identity.service.oauth import OAuthError, invalid_request

FORM = "application/x-www-form-urlencoded"
FORM_LIMIT = 16 * 1024
FIELDS_LIMIT = 20
NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class FormRoute(APIRoute):
    """Reads a form strictly: within the limit, every parameter once; says no in the words of RFC 6749."""

    def get_route_handler(self) -> Handler:
        original = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                request.scope["plp.form"] = await _read_form(request)
                return await answered(original(request))
            except OAuthError as error:
                return _refusal(error)

        return handle


async def _read_form(request: Request) -> dict[str, str]:
    if request.query_params:
        raise invalid_request("Parameters go into the body.")
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given != FORM:
        raise OAuthError(415, "invalid_request", f"Send the body as {FORM}.")
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > FORM_LIMIT:
            raise OAuthError(413, "invalid_request", f"The body may have at most {FORM_LIMIT} bytes.")
    try:
        text = data.decode("ascii")
        pairs = parse_qsl(
            text, keep_blank_values=True, strict_parsing=bool(text), errors="strict", max_num_fields=FIELDS_LIMIT
        )
    except ValueError:
        raise invalid_request("The body is not a form.") from None
    form = dict(pairs)
    if len(form) != len(pairs):
        raise invalid_request("A parameter is given twice.")
    if not all(map(is_storable, form.values())):
        raise invalid_request("A parameter is not valid text.")
    # RFC 6749, section 3.2: a parameter without a value counts as absent.
    return {name: value for name, value in form.items() if value}


def _refusal(error: OAuthError) -> Response:
    body = json.dumps({"error": error.error, "error_description": error.description})
    headers = dict(NO_STORE)
    if error.status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="plp"'
    if error.status == 413:
        headers["Connection"] = "close"
    if error.status == 415:
        headers["Accept-Post"] = FORM
    return Response(body, error.status, headers=headers, media_type="application/json")


def _authorization(request: Request) -> str | None:
    given = request.headers.getlist("authorization")
    if len(given) > 1:
        raise invalid_request("Authenticate once.")
    return given[0] if given else None


def _text(description: str, **more: Any) -> dict[str, Any]:
    return {"type": "string", "description": description, **more}


def _documented(required: str, fields: dict[str, Any], example: dict[str, str]) -> dict[str, Any]:
    """What the OpenAPI document says about a form and its refusals."""
    authentication = {
        "client_assertion_type": {"type": "string", "enum": [oauth.ASSERTION_TYPE]},
        "client_assertion": _text("A JWT signed with the registered key (RFC 7523); its `aud` is this server."),
        "client_id": _text("Optional: who authenticates anyway."),
    }
    error = {
        "type": "object",
        "required": ["error", "error_description"],
        "properties": {"error": _text("A code of RFC 6749."), "error_description": _text("What was wrong.")},
    }
    meanings = {"400": "Refused.", "401": "Who is asking?", "413": "Too large.", "415": "Not a form."}
    return {
        "security": [{"client": []}, {}],
        "requestBody": {
            "required": True,
            "content": {
                FORM: {
                    "schema": {
                        "type": "object",
                        "required": [required],
                        "properties": {**fields, **authentication},
                    },
                    "example": example,
                }
            },
        },
        "responses": {
            status: {"description": meaning, "content": {"application/json": {"schema": error}}}
            for status, meaning in meanings.items()
        },
    }


router = APIRouter(route_class=FormRoute, prefix="/v1/oauth", tags=["service-clients"])
keys_router = APIRouter(route_class=PublicRoute, tags=["auth"])


@router.post(
    "/token",
    response_model=AccessTokenOut,
    openapi_extra=_documented(
        "grant_type",
        {
            "grant_type": {"type": "string", "enum": ["client_credentials"]},
            "scope": _text("Some of the client's scopes, with spaces between; all if absent."),
        },
        {"grant_type": "client_credentials", "scope": "plans.read"},
    ),
    summary="Get a token for a program",
)
async def create_access_token(request: Request) -> Response:
    """Client credentials (RFC 6749) by HTTP Basic or `private_key_jwt` (ES256 or RS256, at most five minutes, used
    once). The token lives ten minutes; there is no refresh token.
    """
    granted = await oauth.grant(
        runtime_of(request), _authorization(request), request.scope["plp.form"], request_id_of(request)
    )
    body = AccessTokenOut(
        access_token=granted.access_token,
        token_type="Bearer",  # noqa: S106
        expires_in=LIFETIME_SECONDS,
        scope=" ".join(sorted(granted.scopes)),
    )
    return Response(body.model_dump_json(), headers=NO_STORE, media_type="application/json")


@router.post(
    "/revoke",
    status_code=200,
    response_class=Response,
    openapi_extra=_documented(
        "token",
        {"token": _text("The access token to end."), "token_type_hint": _text("Taken and not needed.")},
        {"token": "eyJhbGciOiJFUzI1NiIs..."},
    ),
    summary="Revoke a program's token",
)
async def revoke_access_token(request: Request) -> Response:
    """RFC 7009. A token that is over or unknown is no error."""
    await oauth.revoke(runtime_of(request), _authorization(request), request.scope["plp.form"], request_id_of(request))
    return Response(headers=NO_STORE)


@keys_router.get(
    "/.well-known/jwks.json",
    response_model=JwksOut,
    responses={304: {"description": "You have these already."}},
    summary="Read the public keys",
)
async def get_jwks(request: Request) -> Response:
    """The keys that verify access tokens, the next one among them: new tokens never name a key that was not published
    before.
    """
    body = json.dumps({"keys": list(await runtime_of(request).keys.jwks())}, separators=(",", ":"))
    return json_reply(request, body, headers={"Cache-Control": "public, max-age=60", "Vary": "Accept"})
