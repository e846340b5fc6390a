"""Reads requests strictly: known query parameters only, bodies within the limit, of the right type, parsed once."""

import asyncio
from typing import Any

from fastapi import Request
from starlette.types import Scope

from app.core.errors import ERRORS_NAMED, Problem, validation
from app.core.schemas import Wire
from app.core.strict_json import check_json, is_storable

BODY_SECONDS = 20.0
JSON_TYPES = "application/json"
PATCH_TYPES = "application/merge-patch+json, application/json"


class WireRequest(Request):
    """A request whose body was read before; its JSON is handed on unparsed, for the schema to validate strictly."""

    def __init__(self, scope: Scope, body: bytes) -> None:
        super().__init__(scope)
        self._body = body

    async def json(self) -> Any:
        return Wire(self._body)


def check_query(request: Request, known: frozenset[str]) -> None:
    """Raise 422 for unknown, repeated or unstorable query parameters: a misspelt filter must not return everything."""
    items = request.query_params.multi_items()
    if not items:
        return
    errors = []
    seen: set[str] = set()
    for name, value in items:
        shown = name if is_storable(name) and len(name) <= 50 else "?"
        if name not in known:
            detail = f"Not a parameter here. Known: {', '.join(sorted(known)) or 'none'}."
            errors.append({"pointer": f"query:{shown}", "code": "unknown_parameter", "detail": detail})
        elif name in seen:
            errors.append({"pointer": f"query:{shown}", "code": "repeated", "detail": "Give it once."})
        elif not is_storable(value) or "\ufffd" in value:
            errors.append({"pointer": f"query:{shown}", "code": "character_refused", "detail": "Not valid text."})
        elif name == "validate_only" and value not in ("true", "false"):
            errors.append({"pointer": "query:validate_only", "code": "bool_parsing", "detail": "true or false."})
        seen.add(name)
        if len(errors) == ERRORS_NAMED:
            break
    if errors:
        raise validation(errors)


async def read_body(request: Request, limit: int) -> bytes | Problem:
    """The body, or the problem it has. The problem is returned, not raised: a dead session is told so first."""
    try:
        data = await _read_within(request, limit)
        if data:
            _check_type(request)
            check_json(data)
        return data
    except Problem as problem:
        return problem


async def _read_within(request: Request, limit: int) -> bytes:
    """The whole body, if it comes within the limits of size and time."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared[:19]) > limit:
        raise too_large(limit)
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                size += len(chunk)
                if size > limit:
                    raise too_large(limit)
                chunks.append(chunk)
    except TimeoutError:
        raise too_slow() from None
    return b"".join(chunks)


def too_slow() -> Problem:
    return Problem(
        408,
        "body_too_slow",
        "Too slow",
        f"The body must arrive within {BODY_SECONDS:g} seconds.",
        headers={"Connection": "close"},
    )


def too_large(limit: int) -> Problem:
    return Problem(
        413,
        "body_too_large",
        "Too large",
        f"The body may have at most {limit} bytes.",
        headers={"Connection": "close"},
    )


def _check_type(request: Request) -> None:
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    is_patch = request.method == "PATCH"
    if given == "application/json" or (is_patch and given == "application/merge-patch+json"):
        return
    accepted = PATCH_TYPES if is_patch else JSON_TYPES
    raise Problem(
        415,
        "unsupported_media_type",
        "Not JSON",
        f"Send the body as {accepted.replace(', ', ' or ')}.",
        headers={"Accept-Patch" if is_patch else "Accept-Post": accepted},
    )
