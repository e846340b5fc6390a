"""Numbers the events of each tenant after they are committed, so that a feed never misses a late committer.

A cursor over `updated_at`, or over numbers given before commit, loses rows under concurrent writers: a transaction that
took its number early may commit after a reader has gone past it. Here one process at a time (it holds a session
advisory lock) gives consecutive numbers to rows that are visible to it, hence committed.
"""

import asyncio

import asyncpg

from app.core.deadlines import pause
from app.core.logging import log
from app.settings import Settings

LOCK = 0x506C5053  # "PlPS": any constant that nothing else locks
BATCH = 5000
RETRY_SECONDS = 2.0
HOUSEKEEPING_SECONDS = 3600.0
# Without statistics (after a bulk load) the planner takes the waiting events for few, and loops over them n² times.
PLANNING = {"enable_nestloop": "off"}

NUMBER = """
WITH pending AS (
    SELECT tenant_id, id, row_number() OVER (PARTITION BY tenant_id ORDER BY at, id) AS n
    FROM (SELECT tenant_id, at, id FROM event WHERE seq IS NULL ORDER BY tenant_id, at, id LIMIT $1) oldest
), counted AS (
    SELECT tenant_id, count(*) AS n FROM pending GROUP BY tenant_id
), reserved AS (
    UPDATE tenant t SET last_event_seq = t.last_event_seq + c.n
    FROM counted c WHERE t.id = c.tenant_id
    RETURNING t.id, t.last_event_seq - c.n AS base
)
UPDATE event e SET seq = r.base + p.n
FROM pending p JOIN reserved r ON r.id = p.tenant_id
WHERE e.tenant_id = p.tenant_id AND e.id = p.id AND e.seq IS NULL
"""

HOUSEKEEPING = (
    "DELETE FROM idempotency_key WHERE created_at < now() - interval '90 days'",
    "DELETE FROM session WHERE coalesce(ended_at, expires_at) < now() - interval '30 days'",
    "DELETE FROM client_assertion WHERE expires_at < now()",
    "DELETE FROM sign_in_failure WHERE last_at < now() - interval '1 day'",
    "DELETE FROM credential_token WHERE expires_at < now() - interval '30 days'",
)


async def number_events(connection: asyncpg.Connection) -> int:
    """Number all that wait; returns how many."""
    total = 0
    while True:
        done = int((await connection.execute(NUMBER, BATCH)).rpartition(" ")[2])
        total += done
        if done < BATCH:
            return total


async def run_sequencer(settings: Settings, stop: asyncio.Event) -> None:
    """Number events until `stop` is set, whenever this process can get the lock; survives the loss of the database."""
    if settings.system_database_url is None:
        return
    dsn = settings.system_database_url.get_secret_value()
    while not stop.is_set():
        try:
            connection = await asyncpg.connect(
                dsn, timeout=settings.connect_timeout, command_timeout=60, server_settings=PLANNING
            )
        except (OSError, TimeoutError, asyncpg.PostgresError):
            await pause(stop, RETRY_SECONDS)
            continue
        try:
            await _serve(connection, settings.sequencer_interval, stop)
        except Exception as error:  # asyncpg raises more than it documents when a backend dies, and this must go on
            log.warning("sequencer_interrupted", error=type(error).__name__)
            await pause(stop, RETRY_SECONDS)
        finally:
            connection.terminate()


async def _serve(connection: asyncpg.Connection, interval: float, stop: asyncio.Event) -> None:
    while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK):
        if await pause(stop, RETRY_SECONDS):
            return
    loop = asyncio.get_running_loop()
    housekeeping_due = loop.time()
    while not stop.is_set():
        await number_events(connection)
        if loop.time() >= housekeeping_due:
            for statement in HOUSEKEEPING:
                await connection.execute(statement)
            housekeeping_due = loop.time() + HOUSEKEEPING_SECONDS
        await pause(stop, interval)
