"""What a database error means to a caller."""

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import create_async_engine

from app.core.errors import database_problem
from app.db.engine import async_url
from tests.databases import Database

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "error",
    [
        PoolTimeout("no connection in time"),
        ConnectionRefusedError(),
        TimeoutError(),
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.ConnectionDoesNotExistError("gone"),
        asyncpg.AdminShutdownError("restarting"),
        asyncpg.QueryCanceledError("too long"),
        asyncpg.DeadlockDetectedError("deadlock"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_goes_by_is_answered_503(error: Exception) -> None:
    problem = database_problem(error)
    assert problem is not None
    assert (problem.status, problem.headers["Retry-After"]) == (503, "1")


@pytest.mark.parametrize("error", [ValueError(), KeyError(), asyncpg.UndefinedTableError("no such table")])
def test_a_fault_of_ours_is_not_passed_off_as_load(error: Exception) -> None:
    assert database_problem(error) is None


async def test_a_value_that_the_driver_cannot_send_is_a_fault_of_ours(database: Database) -> None:
    connection = await asyncpg.connect(database.app)
    try:
        with pytest.raises(asyncpg.DataError, match="invalid input") as refused:
            await connection.fetchval("SELECT $1::int", "seven")
    finally:
        await connection.close()
    assert database_problem(refused.value) is None


async def test_the_same_through_sqlalchemy(runtime_session_error: DBAPIError) -> None:
    assert database_problem(runtime_session_error) is None


@pytest.fixture
async def runtime_session_error(database: Database) -> DBAPIError:
    """What SQLAlchemy makes of such a value."""
    engine = create_async_engine(async_url(database.app))
    try:
        async with engine.connect() as connection:
            with pytest.raises(DBAPIError) as refused:
                await connection.execute(text("SELECT CAST(:value AS int)"), {"value": "seven"})
    finally:
        await engine.dispose()
    return refused.value
