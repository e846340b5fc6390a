"""The database stops, crashes, hangs or is full: 503 at once, alive all the while, whole again without a restart."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import httpx
import pytest

from app.db import embedded
from app.db.base import new_id
from app.db.embedded import Server
from tests.databases import Database
from tests.faults.conftest import People
from tests.faults.harness import AT_ONCE, Service, connected, eventually, frozen, locked, waiting_for_lock

pytestmark = pytest.mark.anyio

Outage = Callable[[Server], AbstractAsyncContextManager[None]]


@contextlib.asynccontextmanager
async def stopped(server: Server) -> AsyncIterator[None]:
    await asyncio.to_thread(server.stop)
    yield
    await asyncio.to_thread(embedded.start, server.data_dir)


@contextlib.asynccontextmanager
async def crashed(server: Server) -> AsyncIterator[None]:
    await asyncio.to_thread(server.crash)
    yield
    await asyncio.to_thread(embedded.start, server.data_dir)


@contextlib.asynccontextmanager
async def hanging(server: Server) -> AsyncIterator[None]:
    with frozen(server):
        yield


def goal(title: str = "Read") -> dict[str, str]:
    return {"id": str(new_id()), "title": title, "category": "personal"}


async def assert_unavailable(request: asyncio.Future[httpx.Response] | asyncio.Task[httpx.Response]) -> None:
    reply = await request
    assert (reply.status_code, reply.headers["retry-after"]) == (503, "1"), reply.text
    assert reply.json()["code"] == "unavailable"
    assert reply.elapsed.total_seconds() < AT_ONCE


@pytest.mark.parametrize("outage", [stopped, crashed, hanging])
async def test_without_its_database_the_service_says_503_at_once_and_recovers_by_itself(
    service: Service, server: Server, people: People, outage: Outage
) -> None:
    goals = f"/v1/plans/{people.plan_id}/goals"
    async with service.client(people.learner_token) as client:
        # Connections lie in the pool when the fault comes.
        assert [reply.status_code for reply in await asyncio.gather(*(client.get(goals) for _ in range(6)))] == [
            200
        ] * 6
        async with outage(server):
            for _ in range(2):
                requests = [asyncio.ensure_future(client.get(goals)) for _ in range(6)]
                requests += [asyncio.ensure_future(client.post(goals, json=goal())) for _ in range(2)]
                requests.append(asyncio.ensure_future(client.get("/readyz")))
                alive = await client.get("/livez")
                assert alive.status_code == 200
                assert alive.elapsed.total_seconds() < AT_ONCE
                for request in requests:
                    await assert_unavailable(request)
        await eventually(lambda: answers(client, "/readyz"))
        await eventually(lambda: answers(client, goals))
        assert (await client.post(goals, json=goal())).status_code == 201


async def answers(client: httpx.AsyncClient, path: str) -> bool:
    return (await client.get(path)).status_code == 200


async def test_no_acknowledged_write_is_lost_when_the_database_crashes(
    service: Service, server: Server, people: People, database: Database
) -> None:
    acknowledged: set[str] = set()
    goals = f"/v1/plans/{people.plan_id}/goals"
    async with service.client(people.learner_token) as client:
        is_over = asyncio.Event()

        async def write() -> None:
            while not is_over.is_set():
                body = goal()
                reply = await client.post(goals, json=body, headers={"Idempotency-Key": body["id"]})
                assert reply.status_code in (201, 503), reply.text
                if reply.status_code == 201:
                    acknowledged.add(body["id"])
                else:
                    await asyncio.sleep(0.05)

        async def have_written(count: int) -> bool:
            return len(acknowledged) >= count

        async with asyncio.TaskGroup() as writers:
            for _ in range(4):
                writers.create_task(write())
            await eventually(lambda: have_written(20))
            async with crashed(server):
                pass
            before = len(acknowledged)
            await eventually(lambda: have_written(before + 20))
            is_over.set()
    async with connected(database.superuser) as connection:
        kept = {str(row["id"]) for row in await connection.fetch("SELECT id FROM goal")}
    assert acknowledged <= kept


async def test_a_pool_without_a_free_connection_is_answered_503_at_once(
    service: Service, people: People, database: Database
) -> None:
    goals = f"/v1/plans/{people.plan_id}/goals"
    async with service.client(people.learner_token) as client:
        async with locked(database.superuser, "goal"):
            requests = [asyncio.ensure_future(client.post(goals, json=goal())) for _ in range(12)]
            alive = await client.get("/livez")
            assert alive.status_code == 200
            for request in requests:
                await assert_unavailable(request)
        assert (await client.post(goals, json=goal())).status_code == 201
        assert len((await client.get(goals)).json()["items"]) == 1


async def test_a_backend_killed_in_the_middle_of_a_write_leaves_nothing_half_done(
    service: Service, people: People, database: Database
) -> None:
    goals = f"/v1/plans/{people.plan_id}/goals"
    body = goal()
    async with service.client(people.learner_token) as client:
        async with locked(database.superuser, "goal") as connection:
            write = asyncio.ensure_future(client.post(goals, json=body, headers={"Idempotency-Key": "one"}))
            await eventually(lambda: is_waiting(connection))
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'plp' AND wait_event_type = 'Lock'"
            )
            await assert_unavailable(write)
        assert (await client.get(goals)).json()["items"] == []
        again = await client.post(goals, json=body, headers={"Idempotency-Key": "one"})
        assert (again.status_code, "idempotency-replayed" in again.headers) == (201, False)


async def is_waiting(connection: object) -> bool:
    return await waiting_for_lock(connection) > 0


async def test_a_service_started_without_its_database_says_so_and_ends(service: Service, server: Server) -> None:
    service.kill()
    async with stopped(server):
        with pytest.raises(AssertionError, match="cannot be reached"):
            await service.start()
