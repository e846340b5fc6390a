"""What was looked at stays on record: over a crash but for the last second, over an orderly end, over a database that
takes no rows."""

import asyncio
import signal

import pytest

from tests.databases import Database
from tests.faults.conftest import People
from tests.faults.harness import Service, connected, eventually, locked

pytestmark = pytest.mark.anyio


async def looks_at(database: Database, people: People) -> int:
    query = "SELECT count(*) FROM access_log_learner WHERE learner_id = $1"
    async with connected(database.superuser) as connection:
        return int(await connection.fetchval(query, people.learner.id))


async def test_kill_9_loses_nothing_that_was_written_within_the_second(
    service: Service, people: People, database: Database
) -> None:
    async def are_written() -> bool:
        return await looks_at(database, people) == 5

    async with service.client(people.counselor_token) as client:
        for _ in range(5):
            assert (await client.get(f"/v1/plans/{people.plan_id}")).status_code == 200
    await eventually(are_written)
    service.kill()
    assert await looks_at(database, people) == 5


async def test_an_orderly_end_writes_what_waits(service: Service, people: People, database: Database) -> None:
    service.kill()
    await service.start(LOOKS_INTERVAL="3600")
    async with service.client(people.counselor_token) as client:
        for _ in range(5):
            assert (await client.get(f"/v1/plans/{people.plan_id}")).status_code == 200
    assert await looks_at(database, people) == 0
    service.signal(signal.SIGTERM)
    assert service.ended() in (0, -signal.SIGTERM)
    assert await looks_at(database, people) == 5


async def test_a_database_that_takes_no_rows_lets_nobody_look_unrecorded(
    service: Service, people: People, database: Database
) -> None:
    service.kill()
    await service.start(LOOKS_KEPT="3", LOOKS_INTERVAL="0.2")
    plan = f"/v1/plans/{people.plan_id}"
    async with service.client(people.counselor_token) as client:
        async with locked(database.superuser, "access_log"):
            replies = [await client.get(plan) for _ in range(3)]
            # Those that find it full wait for the table, and in vain.
            replies += await asyncio.gather(*(client.get(plan) for _ in range(3)))
        statuses = [reply.status_code for reply in replies]
        assert statuses == [200] * 3 + [503] * 3
        assert all(reply.headers["retry-after"] == "1" for reply in replies[3:])

        async def are_written() -> bool:
            return await looks_at(database, people) == 3

        await eventually(are_written)
        assert (await client.get(plan)).status_code == 200
    service.kill()
