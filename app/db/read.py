"""The hot read path: one compiled statement on the driver, in a read-only transaction bound to one tenant.

SQLAlchemy rolls back only what it began, so a driver-level transaction left open would hand the next borrower the old
tenant. Therefore: BEGIN, fetch, COMMIT; on any other exit, cancellation included, the connection is terminated and
never returned to the pool.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Insert, QueuePool, Select
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.util import greenlet_spawn

_dialect = postgresql.asyncpg.dialect()  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement compiled once: SQL text with `$n` places, and which named value goes to each place."""

    sql: str
    names: tuple[str, ...]
    constants: Mapping[str, Any]

    @classmethod
    def compile(cls, select: Select[Any] | Insert) -> "Statement":
        compiled = select.compile(dialect=_dialect, compile_kwargs={"render_postcompile": True})
        names = tuple(compiled.positiontup or ())
        constants = {name: value for name, value in compiled.params.items() if value is not None}
        return cls(compiled.string, names, constants)

    def arguments(self, values: Mapping[str, Any]) -> Sequence[Any]:
        constants = self.constants
        return [values[name] if name in values else constants.get(name) for name in self.names]


class Reader:
    """Fetches inside one read-only transaction."""

    __slots__ = ("_driver",)

    def __init__(self, driver: Any) -> None:
        self._driver = driver

    async def fetch_row(self, statement: Statement, values: Mapping[str, Any]) -> Any:
        return await self._driver.fetchrow(statement.sql, *statement.arguments(values))


@asynccontextmanager
async def reading(engine: AsyncEngine, tenant_id: UUID) -> AsyncIterator[Reader]:
    """A read-only transaction bound to the tenant, opened and bound in one round trip."""
    pooled = await engine.raw_connection()
    driver: Any = pooled.driver_connection
    is_clean = False
    try:
        # The simple protocol takes no parameters; a UUID's text needs no quoting.
        await driver.execute(f"BEGIN READ ONLY; SELECT set_config('app.tenant', '{UUID(int=tenant_id.int)}', true)")
        yield Reader(driver)
        await driver.execute("COMMIT")
        is_clean = True
    finally:
        if not is_clean:
            driver.terminate()
            pooled.invalidate()
        # A connection beyond the pool's size is closed now, which SQLAlchemy can await only from inside a greenlet.
        if isinstance(engine.pool, QueuePool) and engine.pool.overflow() <= 0:
            pooled.close()
        else:
            await greenlet_spawn(pooled.close)


async def read_inside(session: AsyncSession) -> Reader:
    """A reader in the session's own transaction: how a write renders its reply. Flushes first."""
    if session.new or session.dirty or session.deleted:
        await session.flush()
    reader: Reader = session.info[Reader]
    return reader


async def bind_tenant(session: AsyncSession, tenant_id: UUID) -> None:
    """Bind the session's transaction to one tenant; without it every table reads as empty."""
    connection = await session.connection()
    await connection.exec_driver_sql("SELECT set_config('app.tenant', $1, true)", (str(tenant_id),))
    pooled = await connection.get_raw_connection()
    session.info[Reader] = Reader(pooled.driver_connection)
