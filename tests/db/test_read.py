"""Whatever happens to a read, the next borrower of its connection is clean and bound to nobody."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import Integer, Text, bindparam, func, literal, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from app.db.base import new_id
from app.db.engine import create_engine
from app.db.read import Statement, bind_tenant, read_inside, reading
from app.roster.models import Person
from tests.conftest import settings_for
from tests.databases import Database
from tests.factories import World

pytestmark = pytest.mark.anyio

BOUND = Statement.compile(select(func.current_setting("app.tenant", True).label("bound")))
PEOPLE = Statement.compile(select(func.count().label("n")).select_from(Person))
TENANT = new_id()
STEPS = ("BEGIN", "SELECT", "COMMIT")


@pytest.fixture
async def engine(database: Database) -> AsyncIterator[AsyncEngine]:
    """An engine with a pool of one, so that the next borrower gets the same connection if there is one."""
    made = create_engine(settings_for(database, pool_size=1, pool_overflow=0, statement_timeout=1.0))
    yield made
    await made.dispose()


class Meddler:
    """Meets a statement of the read on its way to the driver, once."""

    def __init__(self, meddle: Callable[[asyncpg.Connection, Callable[[], Awaitable[Any]]], Awaitable[Any]]) -> None:
        self.meddle = meddle
        self.step = ""

    def wrap(self, original: Any) -> Any:
        async def wrapped(connection: asyncpg.Connection, sql: str, *arguments: Any, **options: Any) -> Any:
            def call() -> Awaitable[Any]:
                awaitable: Awaitable[Any] = original(connection, sql, *arguments, **options)
                return awaitable

            if self.step and sql.startswith(self.step):
                self.step = ""
                return await self.meddle(connection, call)
            return await call()

        return wrapped


async def cancel(_: asyncpg.Connection, call: Callable[[], Awaitable[Any]]) -> Any:
    """The request is cancelled while the statement is under way."""
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    return await call()


async def fail_before(_: asyncpg.Connection, call: Callable[[], Awaitable[Any]]) -> Any:
    raise RuntimeError("meddled")


async def fail_after(_: asyncpg.Connection, call: Callable[[], Awaitable[Any]]) -> Any:
    await call()
    raise RuntimeError("meddled")


FAULTS = {"cancelled": cancel, "failing before": fail_before, "failing after": fail_after}


@pytest.fixture
def meddler(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Meddler:
    made = Meddler(request.param)
    for name in ("execute", "fetchrow"):
        monkeypatch.setattr(asyncpg.Connection, name, made.wrap(getattr(asyncpg.Connection, name)))
    return made


async def read_bound(engine: AsyncEngine, tenant_id: UUID = TENANT) -> str:
    async with reading(engine, tenant_id) as reader:
        bound: str = (await reader.fetch_row(BOUND, {}))["bound"]
        return bound


async def assert_clean(engine: AsyncEngine) -> None:
    """The connection that the pool gives next is in no transaction and bound to nobody; the pool lost nothing."""
    assert engine.pool.checkedout() == 0  # type: ignore[attr-defined]
    pooled = await engine.raw_connection()
    try:
        driver: Any = pooled.driver_connection
        assert not driver.is_in_transaction()
        assert await driver.fetchval("SELECT coalesce(current_setting('app.tenant', true), '')") == ""
        assert await driver.fetchval("SELECT count(*) FROM person") == 0
    finally:
        pooled.close()
    assert await read_bound(engine) == str(TENANT)


async def test_a_read_is_bound_to_its_tenant_and_hands_back_a_clean_connection(engine: AsyncEngine) -> None:
    assert await read_bound(engine) == str(TENANT)
    await assert_clean(engine)


async def test_a_read_sees_the_rows_of_its_tenant_only(engine: AsyncEngine, world: World, another_world: World) -> None:
    await world.person()
    for tenant_id, expected in ((world.tenant.id, 1), (another_world.tenant.id, 0), (new_id(), 0)):
        async with reading(engine, tenant_id) as reader:
            assert (await reader.fetch_row(PEOPLE, {}))["n"] == expected


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("meddler", FAULTS.values(), ids=FAULTS.keys(), indirect=True)
async def test_a_read_that_breaks_off_leaves_nothing_behind(engine: AsyncEngine, meddler: Meddler, step: str) -> None:
    await read_bound(engine)
    meddler.step = step
    reader = asyncio.create_task(read_bound(engine))
    with pytest.raises((RuntimeError, asyncio.CancelledError)):
        await reader
    assert meddler.step == "", "the step was not reached"
    await assert_clean(engine)


@pytest.mark.parametrize("step", STEPS)
async def test_a_read_whose_backend_is_killed_leaves_nothing_behind(
    engine: AsyncEngine, database: Database, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    async def kill(connection: asyncpg.Connection, call: Callable[[], Awaitable[Any]]) -> Any:
        killer = await asyncpg.connect(database.superuser)
        await killer.execute("SELECT pg_terminate_backend($1, 5000)", connection.get_server_pid())
        await killer.close()
        return await call()

    meddler = Meddler(kill)
    for name in ("execute", "fetchrow"):
        monkeypatch.setattr(asyncpg.Connection, name, meddler.wrap(getattr(asyncpg.Connection, name)))
    await read_bound(engine)
    meddler.step = step
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await read_bound(engine)
    await assert_clean(engine)


async def test_an_error_inside_the_block_leaves_nothing_behind(engine: AsyncEngine) -> None:
    with pytest.raises(ZeroDivisionError):
        async with reading(engine, TENANT):
            raise ZeroDivisionError
    await assert_clean(engine)


async def test_who_is_cancelled_while_waiting_for_a_connection_takes_none(engine: AsyncEngine) -> None:
    async with reading(engine, TENANT):
        waiter = asyncio.create_task(read_bound(engine))
        await asyncio.sleep(0)
        waiter.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiter
    await assert_clean(engine)


async def test_connections_beyond_the_pool_are_closed_when_they_come_back(database: Database) -> None:
    engine = create_engine(settings_for(database, pool_size=1, pool_overflow=3))
    barrier = asyncio.Barrier(4)

    async def read() -> Any:
        async with reading(engine, TENANT) as reader:
            await barrier.wait()
            return reader._driver

    drivers = await asyncio.gather(*(read() for _ in range(4)))
    assert sorted(driver.is_closed() for driver in drivers) == [False, True, True, True]
    await assert_clean(engine)
    await engine.dispose()


async def test_who_waits_too_long_for_a_connection_is_told(database: Database) -> None:
    engine = create_engine(settings_for(database, pool_size=1, pool_overflow=0, pool_timeout=0.05))
    async with reading(engine, TENANT):
        with pytest.raises(PoolTimeout):
            await read_bound(engine)
    await assert_clean(engine)
    await engine.dispose()


async def test_a_statement_that_takes_too_long_is_ended(engine: AsyncEngine) -> None:
    slow = Statement.compile(select(func.pg_sleep(30)))
    with pytest.raises(asyncpg.QueryCanceledError):
        async with reading(engine, TENANT) as reader:
            await reader.fetch_row(slow, {})
    await assert_clean(engine)


async def test_a_read_cannot_write(engine: AsyncEngine) -> None:
    write = Statement("DELETE FROM person", (), {})
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        async with reading(engine, TENANT) as reader:
            await reader.fetch_row(write, {})
    await assert_clean(engine)


async def test_a_driver_transaction_left_open_would_hand_on_its_tenant(engine: AsyncEngine) -> None:
    """The danger that `reading` is made against: the pool undoes only what SQLAlchemy began."""
    pooled = await engine.raw_connection()
    driver: Any = pooled.driver_connection
    await driver.execute(f"BEGIN; SELECT set_config('app.tenant', '{TENANT}', true)")
    pooled.close()
    pooled = await engine.raw_connection()
    driver = pooled.driver_connection
    assert await driver.fetchval("SELECT current_setting('app.tenant', true)") == str(TENANT)
    driver.terminate()
    pooled.invalidate()
    pooled.close()


@pytest.fixture
async def session(engine: AsyncEngine) -> AsyncIterator[AsyncSession]:
    async with AsyncSession(engine) as made:
        yield made


async def test_a_session_that_fails_hands_back_a_clean_connection(engine: AsyncEngine) -> None:
    async def fail() -> None:
        async with AsyncSession(engine) as session, session.begin():
            await bind_tenant(session, TENANT)
            await session.execute(select(literal(1) / 0))

    with pytest.raises(DBAPIError):
        await fail()
    await assert_clean(engine)


async def test_a_write_reads_in_its_own_transaction(session: AsyncSession) -> None:
    async with session.begin():
        await bind_tenant(session, TENANT)
        reader = await read_inside(session)
        assert (await reader.fetch_row(BOUND, {}))["bound"] == str(TENANT)


async def test_arguments_find_their_places(engine: AsyncEngine) -> None:
    first, second = bindparam("first", type_=Integer()), bindparam("second", type_=Text())
    columns: list[Any] = [second.label("b"), first.label("a"), (first + 1).label("c"), literal(7).label("constant")]
    statement = Statement.compile(select(*columns))
    async with reading(engine, TENANT) as reader:
        row = await reader.fetch_row(statement, {"first": 1, "second": "two", "unused": 3})
    assert dict(row) == {"b": "two", "a": 1, "c": 2, "constant": 7}


async def test_an_argument_that_is_not_given_is_null(engine: AsyncEngine) -> None:
    statement = Statement.compile(select(bindparam("maybe", type_=Text()).label("maybe")))
    async with reading(engine, TENANT) as reader:
        assert (await reader.fetch_row(statement, {}))["maybe"] is None


async def test_a_value_is_never_part_of_the_statement(engine: AsyncEngine) -> None:
    hostile = "'; DROP TABLE person; --"
    statement = Statement.compile(select(bindparam("text", type_=Text()).label("text")))
    assert hostile not in statement.sql
    async with reading(engine, TENANT) as reader:
        assert (await reader.fetch_row(statement, {"text": hostile}))["text"] == hostile
