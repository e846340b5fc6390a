"""How a rendered body becomes a reply: strong tags, conditional requests, caching rules."""

import hashlib
import re
from collections.abc import Mapping

from fastapi import Request, Response

from app.core.errors import Problem

CACHE_HEADERS = {"Cache-Control": "private, no-cache", "Vary": "Authorization, Accept"}
_EXAMPLE = '"3-0123456789abcdef"'
_TAG = re.compile(r'"([^"]*)"')


def entity_tag(body: bytes, version: int | None) -> str:
    """`"<version>-<hash of the body>"`; the hash alone for what has no version (lists)."""
    digest = hashlib.sha256(body).hexdigest()[:16]
    return f'"{digest}"' if version is None else f'"{version}-{digest}"'


def json_reply(
    request: Request,
    body: str,
    version: int | None = None,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The reply with this JSON text, or 304 if the client has just this already."""
    content = body.encode()
    tag = entity_tag(content, version)
    all_headers = {"ETag": tag, **CACHE_HEADERS, **(headers or {})}
    known = request.headers.get("if-none-match")
    is_read = request.method in ("GET", "HEAD")
    if known is not None and is_read and (known.strip() == "*" or tag[1:-1] in _tags(known)):
        return Response(status_code=304, headers=all_headers)
    return Response(content, status_code=status, media_type="application/json", headers=all_headers)


def check_precondition(if_match: str, version: int, current_tag: str | None = None) -> None:
    """Raise 412 unless `If-Match` names this version. A tag of any representation serves: its version part counts."""
    named = {tag.partition("-")[0] for tag in _tags(if_match)}
    if if_match.strip() == "*" or str(version) in named:
        return
    detail = "This was changed since you read it. Read it again and repeat your change."
    if not any(name.isdecimal() for name in named):
        detail = f"If-Match needs the ETag of a read of this very resource, as in {_EXAMPLE}; a list's does not serve."
    raise Problem(
        412,
        "version_mismatch",
        "Not the version there is",
        detail,
        headers={"ETag": current_tag or f'"{version}"'},
        extra={"current_version": version},
    )


def _tags(header: str) -> list[str]:
    return _TAG.findall(header)
