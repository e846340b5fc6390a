"""The one layer around every request: its id, its log line and metrics, HEAD and OPTIONS, and the last resort."""

import re
import time
from collections.abc import Iterable

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.core.errors import Problem, not_found, problem_response
from app.core.logging import described, log
from app.core.metrics import Metrics
from app.db.base import new_id

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
HEADERS_LIMIT = 32 * 1024
CLIENT_CLOSED_REQUEST = 499
"""Nobody waits for the reply any more; a number for logs and metrics only."""
UNMATCHED = "(none)"


class RequestMiddleware:
    """Outermost of ours; whatever happens inside, the client gets a reply with a request id."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        exchange = _Exchange(scope, send)
        started = time.perf_counter()
        try:
            if sum(len(name) + len(value) for name, value in scope["headers"]) > HEADERS_LIMIT:
                await problem_response(_headers_too_large(), exchange.request_id)(scope, receive, exchange.send)
            else:
                await self._answer(exchange, receive)
        finally:
            self._note(exchange, time.perf_counter() - started)

    async def _answer(self, exchange: "_Exchange", receive: Receive) -> None:
        scope = exchange.scope
        try:
            if exchange.method == "OPTIONS" and b"access-control-request-method" not in dict(scope["headers"]):
                await _options(Request(scope), exchange.request_id)(scope, receive, exchange.send)
            else:
                await self.app(scope, receive, exchange.send)
        except ClientDisconnect:
            exchange.status = CLIENT_CLOSED_REQUEST
        except Exception as error:
            log.error("request_failed", request_id=exchange.request_id, route=_template(scope), **described(error))
            if exchange.status:
                raise
            await problem_response(_internal_error(), exchange.request_id)(scope, receive, exchange.send)

    def _note(self, exchange: "_Exchange", seconds: float) -> None:
        method = exchange.method if exchange.method in METHODS else "OTHER"
        route = _template(exchange.scope)
        self.metrics.observe(method, route, exchange.status, seconds)
        log.info(
            "request",
            request_id=exchange.request_id,
            method=method,
            route=route,
            status=exchange.status,
            ms=round(seconds * 1000, 2),
        )


class _Exchange:
    """One request and what was sent for it."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.method: str = scope["method"]
        # The server keeps its own: it must know that a HEAD's reply has no body.
        self.scope = scope if self.method != "HEAD" else {**scope, "method": "GET"}
        self.status = 0
        self._send = send
        self._is_head = self.method == "HEAD"
        given = Headers(scope=scope).get("x-request-id", "")
        self.request_id = given if REQUEST_ID.fullmatch(given) else new_id().hex
        self.scope["request_id"] = self.request_id

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = message.setdefault("headers", [])
            headers.append((b"x-request-id", self.request_id.encode()))
            headers.append((b"x-content-type-options", b"nosniff"))
        elif self._is_head and message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await self._send(message)


def _template(scope: Scope) -> str:
    return getattr(scope.get("route"), "path", UNMATCHED)


def _headers_too_large() -> Problem:
    return Problem(431, "headers_too_large", "Too large", f"The headers may have at most {HEADERS_LIMIT} bytes.")


def _internal_error() -> Problem:
    return Problem(500, "internal_error", "A fault of ours", "Something failed here. The request id helps us find it.")


def allowed_methods(routes: Iterable[BaseRoute], path: str) -> list[str]:
    """Every method that some route answers at this path."""
    methods: set[str] = set()
    for route in routes:
        if isinstance(route, Route | Mount) and route.path_regex.match(path):
            methods |= getattr(route, "methods", None) or {"GET"}
    if not methods:
        return []
    if "GET" in methods:
        methods.add("HEAD")
    return sorted(methods | {"OPTIONS"})


def method_not_allowed(request: Request) -> Problem:
    allow = ", ".join(allowed_methods(request.app.routes, request.scope["path"]))
    return Problem(405, "method_not_allowed", "Not this method", f"Accepted here: {allow}.", headers={"Allow": allow})


def _options(request: Request, request_id: str) -> ASGIApp:
    allow = allowed_methods(request.app.routes, request.scope["path"])
    if not allow:
        return problem_response(not_found(), request_id)
    return Response(status_code=204, headers={"Allow": ", ".join(allow)})
