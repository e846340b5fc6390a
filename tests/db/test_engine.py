"""The pool and its connections."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from app.db.engine import async_url, create_engine
from tests.conftest import settings_for
from tests.databases import Database

pytestmark = pytest.mark.anyio


@pytest.fixture
async def engine(database: Database) -> AsyncIterator[AsyncEngine]:
    made = create_engine(
        settings_for(
            database,
            pool_size=1,
            pool_overflow=0,
            statement_timeout=1.5,
            lock_timeout=0.25,
            idle_in_transaction_timeout=3.0,
        )
    )
    yield made
    await made.dispose()


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("statement_timeout", "1500ms"),
        ("lock_timeout", "250ms"),
        ("idle_in_transaction_session_timeout", "3s"),
        ("TimeZone", "UTC"),
        ("application_name", "plp"),
        ("role", "none"),
    ],
)
async def test_every_connection_has_its_limits(engine: AsyncEngine, setting: str, expected: str) -> None:
    async with engine.connect() as connection:
        assert await connection.scalar(text(f"SHOW {setting}")) == expected


async def test_a_connection_that_died_in_the_pool_is_replaced_unseen(engine: AsyncEngine, database: Database) -> None:
    async with engine.connect() as connection:
        raw = await connection.get_raw_connection()
        driver = raw.driver_connection
    assert driver is not None
    killer = await asyncpg.connect(database.superuser)
    await killer.execute("SELECT pg_terminate_backend($1, 5000)", driver.get_server_pid())
    await killer.close()
    async with asyncio.timeout(10):
        while not driver.is_closed():  # noqa: ASYNC110 (the news comes from PostgreSQL)
            await asyncio.sleep(0.001)
    async with engine.connect() as connection:
        assert await connection.scalar(text("SELECT 1")) == 1


async def test_json_is_stored_as_it_is(engine: AsyncEngine) -> None:
    dumps = engine.dialect._json_serializer
    assert dumps is not None
    assert dumps({"a": ["é", 1]}) == '{"a":["é",1]}'


def test_a_plain_address_serves() -> None:
    url = async_url("postgresql://plp_app:p%40ss@/plp?host=/run/pg")
    assert (url.drivername, url.password, url.query["host"]) == ("postgresql+asyncpg", "p@ss", "/run/pg")
