"""What browsers of other origins may do."""

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.core.errors import Problem

METHODS = ("GET", "POST", "PATCH", "DELETE")
ACCEPTED = (
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "X-Request-Id",
    "X-Requested-With",
)
EXPOSED = ("ETag", "Link", "Location", "Retry-After", "X-Request-Id", "Idempotency-Replayed")


class Cors(CORSMiddleware):
    """Lets the listed origins in; a refused preflight is a problem like any other."""

    def __init__(self, app: ASGIApp, origins: tuple[str, ...]) -> None:
        super().__init__(
            app,
            allow_origins=origins,
            allow_credentials=True,
            allow_methods=METHODS,
            allow_headers=ACCEPTED,
            expose_headers=EXPOSED,
        )

    def preflight_response(self, request_headers: Headers) -> Response:
        reply = super().preflight_response(request_headers)
        return reply if reply.status_code < 400 else _Refused(bytes(reply.body).decode(), reply.headers["vary"])


class _Refused(Response):
    """Becomes a problem when it is sent: only then is the request's id known."""

    def __init__(self, reason: str, vary: str) -> None:
        super().__init__(status_code=400)
        detail = f"{reason}. Origins are listed in ALLOWED_ORIGINS, as in http://localhost:5173, without a path."
        self.problem = Problem(400, "cors_refused", "Not for this origin", detail, headers={"Vary": vary})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.problem.response(Request(scope))(scope, receive, send)
