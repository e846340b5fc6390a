"""Runs migrations as the role plp_owner (`MIGRATION_DATABASE_URL`)."""

import asyncio
from typing import Any

from alembic import context
from sqlalchemy import Connection, pool
from sqlalchemy.ext.asyncio import create_async_engine

from app import tables
from app.db.engine import async_url

config = context.config


def include_object(_object: Any, name: str | None, kind: str, _reflected: bool, _other: Any) -> bool:
    return not (kind == "table" and name == "alembic_version")


def run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=tables.metadata, include_object=include_object)
    with context.begin_transaction():
        context.run_migrations()


async def connect_and_run(dsn: str) -> None:
    engine = create_async_engine(async_url(dsn), poolclass=pool.NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(run)
        await connection.commit()
    await engine.dispose()


given: Connection | None = config.attributes.get("connection")
if given is not None:
    run(given)
else:
    asyncio.run(connect_and_run(config.get_main_option("sqlalchemy.url") or config.attributes["dsn"]))
