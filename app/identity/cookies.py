"""The refresh cookie of browsers, and the defence of what reads it.

The cookie holds nothing but the refresh token; two operations read it, and both ask for a header that a foreign page
cannot send without our consent (CORS) and for an `Origin` that is ours or allowed.
"""

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from app.core.errors import Problem
from app.settings import Settings

REQUESTED_WITH = "X-Requested-With"


def cookie_name(settings: Settings) -> str:
    """With the prefix `__Host-` browsers take the cookie from this very host only, over https."""
    return "__Host-plp_refresh" if settings.is_https else "plp_refresh"


def read_cookie(request: Request, settings: Settings) -> str | None:
    return request.cookies.get(cookie_name(settings))


def set_cookie(reply: Response, settings: Settings, token: str, max_age: int) -> None:
    reply.set_cookie(
        cookie_name(settings),
        token,
        max_age=max_age,
        path="/",
        secure=settings.is_https,
        httponly=True,
        samesite="strict",
    )


def clear_cookie(reply: Response, settings: Settings) -> None:
    reply.delete_cookie(cookie_name(settings), path="/", secure=settings.is_https, httponly=True, samesite="strict")


def check_same_site(request: Request, settings: Settings) -> None:
    """Raise 403 unless the request comes from a page of ours, or of an allowed origin."""
    allowed = {_own_origin(settings), *settings.allowed_origins}
    if request.headers.get("origin") not in allowed or not request.headers.get(REQUESTED_WITH):
        raise Problem(
            403,
            "cross_site",
            "Not allowed",
            f"The refresh cookie is read only with the header {REQUESTED_WITH}: plp and an Origin that is allowed.",
            extra={"permission": "session:refresh"},
        )


def _own_origin(settings: Settings) -> str:
    parts = urlsplit(settings.public_url)
    return f"{parts.scheme}://{parts.netloc}"
