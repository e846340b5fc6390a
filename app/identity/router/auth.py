"""Signing in and out, over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from app.core.errors import Problem, forbidden, invalid, unauthorized
from app.core.runtime import Runtime, runtime_of
from app.core.security import LIFETIME_SECONDS
from app.core.unit_of_work import OwnRoute, PublicRoute, Reading, Writing
from app.identity.cookies import check_same_site, clear_cookie, read_cookie, set_cookie
from app.identity.router.signed_in import Caller, HashingRoute, address_of, request_id_of
from app.identity.schemas.sign_in import (
    PasswordChange,
    PasswordReset,
    Refresh,
    SessionPage,
    SessionQuery,
    SignIn,
    TokensOut,
)
from app.identity.service import passwords, sessions
from app.identity.service.sessions import LIFETIMES, Tokens
from app.identity.service.sign_in import sign_in
from app.identity.views.accounts import SESSIONS

NO_STORE = {"Cache-Control": "no-store"}

public_router = APIRouter(route_class=PublicRoute, prefix="/v1/auth", tags=["auth"])
own_router = APIRouter(route_class=OwnRoute, prefix="/v1/auth", tags=["auth"])
password_router = APIRouter(route_class=HashingRoute, prefix="/v1/auth", tags=["auth"])


@public_router.post(
    "/sessions",
    status_code=201,
    response_model=TokensOut,
    responses={401: {}, 409: {}, 429: {}},
    summary="Sign in",
)
async def create_session(request: Request, body: SignIn) -> Response:
    """Opens a session for a person with her e-mail or user name. What is wrong with credentials is never told apart.

    After a few failures from one address at one identifier that address waits (429), ever longer; nobody is locked out.
    An app's session ends after 30 days unused and 90 in all, a browser's after 12 hours unused and 7 days in all.
    """
    runtime = runtime_of(request)
    tokens = await sign_in(runtime, body, address_of(request), request_id_of(request))
    return _reply(runtime, tokens, status=201)


@public_router.post(
    "/refresh",
    response_model=TokensOut,
    responses={400: {}, 403: {}},
    summary="Get new tokens",
)
async def refresh_session(request: Request, body: Refresh | None = None) -> Response:
    """Rotates the refresh token: of an app in the body, of a browser in its cookie. The one before serves 30
    seconds more and gives the same successor, for replies that got lost; any other second use ends the session.

    With the cookie, `X-Requested-With: plp` and an allowed `Origin` are required.
    """
    runtime = runtime_of(request)
    given = body.refresh_token if body else None
    cookie = read_cookie(request, runtime.settings)
    if given is not None and cookie is not None:
        raise Problem(
            400, "ambiguous_credentials", "One token only", "Send the cookie or a token in the body, not both."
        )
    if cookie is not None:
        check_same_site(request, runtime.settings)
        return _reply(runtime, await sessions.refresh(runtime, cookie, "browser", request_id_of(request)))
    if given is None:
        raise invalid("/refresh_token", "missing", "Send the refresh token, or as a browser its cookie.")
    return _reply(runtime, await sessions.refresh(runtime, given, "app", request_id_of(request)))


@own_router.get("/sessions", response_model=SessionPage, summary="List own sessions")
async def list_sessions(read: Reading, query: Annotated[SessionQuery, Query()]) -> Response:
    """The devices on which the caller is signed in."""
    return await SESSIONS.reply(read, query, sort=query.sort, filters={})


@public_router.delete(
    "/sessions/current",
    status_code=204,
    responses={401: {}, 403: {}},
    openapi_extra={"security": [{"bearer": []}, {}]},
    summary="Sign out",
)
async def end_current_session(request: Request) -> Response:
    """Ends the session of the access token; a browser may send its cookie instead (with `X-Requested-With: plp` and an
    allowed `Origin`), which is removed.
    """
    runtime = runtime_of(request)
    reply = Response(status_code=204, headers=NO_STORE)
    if "authorization" in request.headers:
        claims = await runtime.authenticate(request)
        ended = await sessions.end_current(runtime, claims.tenant_id, claims.session_id, request_id_of(request))
        if ended is None:
            raise unauthorized()
        is_browser = ended.client == "browser"
    else:
        cookie = read_cookie(request, runtime.settings)
        if cookie is None:
            raise unauthorized()
        check_same_site(request, runtime.settings)
        await sessions.end_by_refresh_token(runtime, cookie, request_id_of(request))
        is_browser = True
    if is_browser:
        clear_cookie(reply, runtime.settings)
    return reply


@own_router.delete("/sessions/{session_id}", status_code=204, summary="End one of your sessions")
async def end_session(write: Writing, session_id: UUID) -> Response:
    """Signs out another device (or this one). Its access tokens are refused from the next request on."""
    await sessions.end_own(write, session_id)
    return Response(status_code=204)


@password_router.post(
    "/password", status_code=204, responses={401: {}, 403: {}, 429: {}}, summary="Change your password"
)
async def change_password(request: Request, caller: Caller, body: PasswordChange) -> Response:
    """Needs the current password. Every other session of the account ends.

    A password has 8 to 256 characters, is not among the most common ones and not the name to sign in with.
    """
    if caller.account_id is None:
        raise forbidden("password:write", "Only persons have a password.")
    await passwords.change_password(runtime_of(request), caller, body, address_of(request), request_id_of(request))
    return Response(status_code=204, headers=NO_STORE)


@public_router.post(
    "/password-resets/complete", status_code=204, responses={400: {}}, summary="Set a password with a one-time token"
)
async def complete_password_reset(request: Request, body: PasswordReset) -> Response:
    """For who was invited or has forgotten the password. The token comes from an administrator, or for a pupil from a
    teacher of her class (`POST /v1/accounts/{id}/password-reset`); none is sent by e-mail. Every session of
    the account ends.
    """
    await passwords.complete_reset(runtime_of(request), body, request_id_of(request))
    return Response(status_code=204, headers=NO_STORE)


def _reply(runtime: Runtime, tokens: Tokens, *, status: int = 200) -> Response:
    """Tokens for an app; for a browser the refresh token in its cookie, out of reach of scripts."""
    is_browser = tokens.client == "browser"
    optional = {} if is_browser else {"refresh_token": tokens.refresh_token}
    body = TokensOut(
        access_token=tokens.access_token,
        token_type="Bearer",  # noqa: S106
        expires_in=LIFETIME_SECONDS,
        session_id=tokens.session_id,
        **optional,
    )
    reply = Response(body.model_dump_json(), status, headers=NO_STORE, media_type="application/json")
    if is_browser:
        max_age = int(LIFETIMES["browser"].unused.total_seconds())
        set_cookie(reply, runtime.settings, tokens.refresh_token, max_age)
    return reply
