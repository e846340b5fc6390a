"""Structured logs: one JSON line an event, without personal data.

A request is logged by its route's template, never by its path, query, body or caller.
"""

import logging
import sys
from typing import Any

import structlog

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()


def configure_logging(level: str) -> None:
    """Send structlog's and the standard library's records to standard output as JSON lines."""
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer()],
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
