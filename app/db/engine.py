"""The engine, its one pool, and the session that writes go through."""

import json
from collections.abc import Callable
from typing import Any

from sqlalchemy import URL, event, make_url
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from app.settings import Settings


def async_url(dsn: str) -> URL:
    """A plain `postgresql://` address as SQLAlchemy's asyncpg dialect wants it."""
    return make_url(dsn).set(drivername="postgresql+asyncpg")


def server_settings(settings: Settings) -> dict[str, str]:
    """Session parameters of every connection: the limits on time, and UTC."""

    def milliseconds(seconds: float) -> str:
        return str(int(seconds * 1000))

    return {
        "application_name": "plp",
        "timezone": "UTC",
        "jit": "off",
        "statement_timeout": milliseconds(settings.statement_timeout),
        "lock_timeout": milliseconds(settings.lock_timeout),
        "idle_in_transaction_session_timeout": milliseconds(settings.idle_in_transaction_timeout),
    }


def create_engine(settings: Settings) -> AsyncEngine:
    """The serving engine, as role plp_app.

    `command_timeout` bounds a statement on our side too, for the database that no longer answers at all. A connection
    that the server closed while it lay in the pool is replaced when it is taken out, without a ping for the others.
    """
    engine = create_async_engine(
        async_url(settings.database_url.get_secret_value()),
        pool_size=settings.pool_size,
        max_overflow=settings.pool_overflow,
        pool_timeout=settings.pool_timeout,
        pool_use_lifo=True,
        json_serializer=compact_json,
        hide_parameters=True,
        connect_args={
            "timeout": settings.connect_timeout,
            "command_timeout": settings.statement_timeout + 0.3,
            "statement_cache_size": 256,
            "max_cacheable_statement_size": 0,
            "server_settings": server_settings(settings),
        },
    )
    event.listen(engine.sync_engine, "checkout", _refuse_closed)
    return engine


def _refuse_closed(adapted: Any, _record: Any, _proxy: Any) -> None:
    if adapted.driver_connection.is_closed():
        raise DisconnectionError


compact_json: Callable[[Any], str] = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
