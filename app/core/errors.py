"""Problem details (RFC 9457): the one family of errors and its only renderer."""

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import asyncpg
from fastapi import Request, Response
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

MEDIA_TYPE = "application/problem+json"
TYPE_BASE = "urn:plp:problem:"
ERRORS_NAMED = 20
RETRY_SOON = {"Retry-After": "1"}


class Problem(Exception):
    """An answer that is not a success. `code` is stable; `detail` says which rule refused and what is accepted."""

    def __init__(
        self,
        status: int,
        code: str,
        title: str,
        detail: str,
        *,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.title = title
        self.detail = detail
        self.errors = errors
        self.headers = headers or {}
        self.extra = extra or {}

    def body(self, request_id: str) -> dict[str, Any]:
        body: dict[str, Any] = {
            "type": TYPE_BASE + self.code,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "request_id": request_id,
        }
        if self.errors:
            body["errors"] = list(self.errors)
        return body | dict(self.extra)

    def response(self, request: Request) -> Response:
        """The only place where a problem becomes a reply."""
        return problem_response(self, request.scope.get("request_id", ""))


def problem_response(problem: Problem, request_id: str) -> Response:
    content = json.dumps(problem.body(request_id), ensure_ascii=False, separators=(",", ":")).encode()
    return Response(content, status_code=problem.status, media_type=MEDIA_TYPE, headers=dict(problem.headers))


def not_found(*pointers: str) -> Problem:
    """The same words for what does not exist and for what the caller may not know of.

    `pointers` name the places in the body whose ids are meant.
    """
    detail = "There is no such resource, or you may not know of it."
    errors = [{"pointer": pointer, "code": "not_found", "detail": detail} for pointer in pointers[:ERRORS_NAMED]]
    return Problem(404, "not_found", "Not found", detail, errors=errors)


def unauthorized(detail: str = "The access token is missing, expired or not valid. Sign in again.") -> Problem:
    return Problem(
        401,
        "invalid_token",
        "Not signed in",
        detail,
        headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
    )


def forbidden(permission: str, detail: str = "") -> Problem:
    words = detail or f"This needs the permission {permission}, which you do not have here."
    return Problem(403, "forbidden", "Not allowed", words, extra={"permission": permission})


def conflict(code: str, detail: str, **extra: Any) -> Problem:
    return Problem(409, code, "Not possible now", detail, extra=extra)


def invalid(pointer: str, code: str, detail: str) -> Problem:
    """A 422 about one place of the input."""
    return validation([{"pointer": pointer, "code": code, "detail": detail}])


def validation(errors: Sequence[Mapping[str, str]]) -> Problem:
    """A 422 that names the first few places that were refused."""
    errors = errors[:ERRORS_NAMED]
    return Problem(422, "validation_error", "Not valid", "The request has values that are not accepted.", errors=errors)


def invalid_json(detail: str) -> Problem:
    return Problem(400, "invalid_json", "Not JSON", detail)


def unavailable(detail: str = "The service is busy. Try again.") -> Problem:
    return Problem(503, "unavailable", "Try again", detail, headers=RETRY_SOON)


def json_pointer(path: Iterable[Any]) -> str:
    """RFC 6901, e.g. `/goals/0/title`."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def validation_problem(errors: Iterable[Mapping[str, Any]], place: str) -> Problem:
    """Pydantic's errors as a problem. A path parameter that cannot be an id names nothing: 404."""
    found = []
    for error in itertools.islice(errors, ERRORS_NAMED):
        location = tuple(error["loc"])
        where = place
        if location and location[0] in ("body", "query", "path", "header", "cookie"):
            where, location = str(location[0]), location[1:]
        if where == "path":
            return not_found()
        pointer = json_pointer(location) if where == "body" else f"{where}:{'.'.join(map(str, location))}"
        found.append({"pointer": pointer, "code": str(error["type"]), "detail": str(error["msg"])})
    return validation(found)


# What the database refuses, by constraint: code and detail of the 409 (or 422) that says so.
_BY_CONSTRAINT: dict[str, Problem] = {}


def explain_constraint(name: str, problem: Problem) -> None:
    """Say what it means to a caller that the constraint `name` was violated."""
    _BY_CONSTRAINT[name] = problem


RETRYABLE = frozenset({"40001", "40P01"})
# Connection lost or refused, server shutting down or starting, too many connections, limits on time.
_UNAVAILABLE = ("08", "57P", "53", "57014", "55P03", "25P03", "25P04", "25006")


def sqlstate(error: BaseException) -> str:
    """The SQLSTATE behind an error of SQLAlchemy or of the driver; empty if it has none."""
    original = getattr(error, "orig", None) or error
    return str(getattr(original, "sqlstate", "") or "")


def database_problem(error: BaseException) -> Problem | None:
    """The problem a database error means to the caller; None if it is a fault of ours (500)."""
    state = sqlstate(error)
    if state in RETRYABLE:
        return unavailable("Others were changing the same records. Try again.")
    if state.startswith(_UNAVAILABLE) or _is_out_of_reach(error):
        return unavailable("The database does not answer. Try again.")
    known = _BY_CONSTRAINT.get(_constraint(error))
    if state.startswith("23") and known is not None:
        return known
    if state == "23505":
        return conflict("already_exists", "Something with the same identity exists already.")
    return not_found() if state == "23503" else None


def _is_out_of_reach(error: BaseException) -> bool:
    """Whether there is no (longer a) connection."""
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    lost = PoolTimeout | OSError | TimeoutError | asyncpg.InterfaceError
    return any(isinstance(cause, lost) for cause in _causes(error))


def _constraint(error: BaseException) -> str:
    names = (getattr(cause, "constraint_name", None) for cause in _causes(error))
    return next((str(name) for name in names if name), "")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, what SQLAlchemy wrapped, and what the driver said."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = getattr(cause, "orig", None) or cause.__cause__
