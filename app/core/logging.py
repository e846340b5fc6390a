"""Structured logs: one JSON line an event, without personal data.

A request is logged by its route's template, never by its path, query, body or caller.
"""

import json
import logging
import sys
import traceback
from collections.abc import Iterator
from typing import Any

import structlog

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


def described(error: BaseException) -> dict[str, Any]:
    """What to log of an exception: its whole trace, but of a database's refusal not the words, which quote the row."""
    causes = list(_causes(error))
    states = [str(state) for state in (getattr(cause, "sqlstate", None) for cause in causes) if state]
    if not states:
        return {"exc_info": error}
    constraints = [str(name) for name in (getattr(cause, "constraint_name", None) for cause in causes) if name]
    return {
        "error": " < ".join(type(cause).__name__ for cause in causes),
        "sqlstate": states[-1],
        "constraint": constraints[-1] if constraints else None,
        "stack": "".join(traceback.format_tb(error.__traceback__)),
    }


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


_encode = json.JSONEncoder(default=str).encode


def _json(record: dict[str, Any], **_options: Any) -> str:
    """As `json.dumps`, without making an encoder for each line."""
    return _encode(record)


def configure_logging(level: str) -> None:
    """Send structlog's and the standard library's records to standard output as JSON lines."""
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(serializer=_json)],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
            foreign_pre_chain=shared,
        )
    )
    logging.basicConfig(handlers=[handler], level=max(number, logging.INFO), force=True)
    # httpx names the whole address of each call it makes.
    logging.getLogger("httpx").setLevel(logging.WARNING)
