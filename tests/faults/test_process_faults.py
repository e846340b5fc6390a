"""The process is killed or told to end, is overrun, or is asked the same thing many times at once."""

import asyncio
import signal

import asyncpg
import httpx
import pytest

from app.db.base import new_id
from app.settings import Settings
from tests.databases import Database
from tests.faults.conftest import People
from tests.faults.harness import Service, Wiretap, connected, eventually, locked, waiting_for_lock

pytestmark = pytest.mark.anyio

PASSWORD = "violet canyon 42"
MEMORY_MIB = 500
"""Far below the 200 × 19 MiB of 200 hashes at once."""


def goal() -> dict[str, str]:
    return {"id": str(new_id()), "title": "Read", "category": "personal"}


async def count(database: Database, table: str, plan_id: object) -> int:
    async with connected(database.superuser) as connection:
        return int(await connection.fetchval(f'SELECT count(*) FROM "{table}" WHERE plan_id = $1', plan_id))


async def test_a_reply_lost_to_kill_9_is_given_again_to_a_retry_and_nothing_is_done_twice(
    service: Service, people: People, database: Database
) -> None:
    goals, body, key = f"/v1/plans/{people.plan_id}/goals", goal(), {"Idempotency-Key": "retry"}
    async with service.client(people.learner_token) as client:
        original = await client.post(goals, json=body, headers=key)
    service.kill()
    await service.start()
    async with service.client(people.learner_token) as client:
        retry = await client.post(goals, json=body, headers=key)
    assert (retry.status_code, retry.headers["idempotency-replayed"]) == (201, "true")
    assert retry.content == original.content
    assert [retry.headers[name] for name in ("etag", "location")] == [
        original.headers["etag"],
        f"/v1/goals/{body['id']}",
    ]
    assert await count(database, "goal", people.plan_id) == 1
    assert await count(database, "event", people.plan_id) == 1


async def test_kill_9_after_the_commit_and_before_the_reply_has_one_effect(
    service: Service, settings: Settings, people: People, database: Database
) -> None:
    goals, body, key = f"/v1/plans/{people.plan_id}/goals", goal(), {"Idempotency-Key": "retry"}
    service.kill()
    tap = Wiretap(settings.database_url.get_secret_value(), after_commit=service.kill)
    async with tap.listening():
        await service.start(DATABASE_URL=tap.dsn)
        async with service.client(people.learner_token) as client:
            with pytest.raises(httpx.TransportError):
                await client.post(goals, json=body, headers=key)
    assert await count(database, "goal", people.plan_id) == 1
    await service.start()
    async with service.client(people.learner_token) as client:
        retries = [await client.post(goals, json=body, headers=key) for _ in range(2)]
        kept = await client.get(f"/v1/goals/{body['id']}")
    assert [(r.status_code, r.headers["idempotency-replayed"]) for r in retries] == [(201, "true")] * 2
    assert retries[0].content == retries[1].content == kept.content
    assert await count(database, "goal", people.plan_id) == 1


async def test_kill_9_before_the_commit_leaves_nothing_and_a_retry_does_it(
    service: Service, people: People, database: Database
) -> None:
    goals, body, key = f"/v1/plans/{people.plan_id}/goals", goal(), {"Idempotency-Key": "retry"}
    async with locked(database.superuser, "goal") as connection, service.client(people.learner_token) as client:
        lost = asyncio.ensure_future(client.post(goals, json=body, headers=key))
        await eventually(lambda: are_waiting(connection, 1))
        service.kill()
        with pytest.raises(httpx.TransportError):
            await lost
    await service.start()
    async with service.client(people.learner_token) as client:
        retry = await client.post(goals, json=body, headers=key)
    assert (retry.status_code, "idempotency-replayed" in retry.headers) == (201, False)
    assert await count(database, "goal", people.plan_id) == 1


async def are_waiting(connection: asyncpg.Connection, number: int) -> bool:
    return await waiting_for_lock(connection) >= number


async def test_sigterm_lets_every_request_that_is_being_answered_finish(
    service: Service, people: People, database: Database
) -> None:
    goals = f"/v1/plans/{people.plan_id}/goals"
    service.kill()
    await service.start(LOCK_TIMEOUT="20", STATEMENT_TIMEOUT="20")
    async with service.client(people.learner_token) as client:
        async with locked(database.superuser, "goal") as connection:
            writes = [asyncio.ensure_future(client.post(goals, json=goal())) for _ in range(4)]
            # One holds the plan's row and waits for the table, the others wait for the row.
            await eventually(lambda: are_waiting(connection, 4))
            service.signal(signal.SIGTERM)
            await eventually(lambda: refuses(service))
        replies = await asyncio.gather(*writes)
    assert [reply.status_code for reply in replies] == [201] * 4
    assert service.ended() in (0, -signal.SIGTERM)
    assert await count(database, "goal", people.plan_id) == 4


async def refuses(service: Service) -> bool:
    try:
        async with service.client() as client:
            await client.get("/livez")
    except httpx.TransportError:
        return True
    return False


async def test_twenty_equal_posts_with_one_key_at_once_have_one_effect(
    service: Service, people: People, database: Database
) -> None:
    goals, body, key = f"/v1/plans/{people.plan_id}/goals", goal(), {"Idempotency-Key": "one"}
    async with service.client(people.learner_token) as client:
        replies = await asyncio.gather(*(client.post(goals, json=body, headers=key) for _ in range(20)))
        last = await client.post(goals, json=body, headers=key)
    done = [reply for reply in replies if reply.status_code == 201]
    assert sum("idempotency-replayed" not in reply.headers for reply in done) == 1
    assert {reply.content for reply in done} == {last.content}
    others = [reply for reply in replies if reply.status_code != 201]
    assert all(reply.json()["code"] in ("idempotency_key_in_flight", "unavailable") for reply in others)
    assert all("retry-after" in reply.headers for reply in others)
    assert await count(database, "goal", people.plan_id) == 1


async def test_two_writers_with_one_tag_are_one_200_and_one_412(service: Service, people: People) -> None:
    plan = f"/v1/plans/{people.plan_id}"
    async with service.client(people.learner_token) as one, service.client(people.counselor_token) as other:
        tag = {"If-Match": (await one.get(plan)).headers["etag"]}
        replies = await asyncio.gather(
            one.patch(plan, json={"title": "One"}, headers=tag), other.patch(plan, json={"title": "Other"}, headers=tag)
        )
    assert sorted(reply.status_code for reply in replies) == [200, 412]


async def test_a_session_that_is_ended_during_a_request_is_refused_from_the_next_one_on(
    service: Service, people: People, database: Database
) -> None:
    goals = f"/v1/plans/{people.plan_id}/goals"
    async with service.client(people.learner_token) as client:
        session_id = (await client.get("/v1/me")).json()["session_id"]
        async with locked(database.superuser, "goal") as connection:
            write = asyncio.ensure_future(client.post(goals, json=goal()))
            await eventually(lambda: are_waiting(connection, 1))
            ended = await client.delete(f"/v1/auth/sessions/{session_id}")
            assert ended.status_code == 204
            refused = await client.get("/v1/me")
            assert (refused.status_code, refused.json()["code"]) == (401, "invalid_token")
        assert (await write).status_code in (201, 503)  # 503 where the busy machine took longer than a lock may
        assert (await client.post(goals, json=goal())).status_code == 401


async def test_a_relation_that_ends_is_denied_on_the_next_request(
    service: Service, people: People, database: Database
) -> None:
    plan = f"/v1/plans/{people.plan_id}"
    async with service.client(people.counselor_token) as client, connected(database.superuser) as connection:
        assert (await client.get(plan)).status_code == 200
        await connection.execute("DELETE FROM caseload WHERE learner_id = $1", people.learner.id)
        assert (await client.get(plan)).status_code == 404
        assert (await client.patch(plan, json={"title": "Mine"}, headers={"If-Match": "*"})).status_code == 404


async def test_two_hundred_sign_ins_at_once_neither_fail_nor_starve_the_others(
    service: Service, people: People
) -> None:
    username = f"crowd.{people.world.tenant.slug}"
    await people.world.account(await people.world.person(), username=username, password=PASSWORD)
    body = {"identifier": username, "password": PASSWORD, "client": "app"}
    async with service.client() as crowd, service.client(people.learner_token) as client:
        sign_ins = [asyncio.ensure_future(crowd.post("/v1/auth/sessions", json=body)) for _ in range(200)]
        meanwhile = []
        while not all(sign_in.done() for sign_in in sign_ins):
            meanwhile.append(await client.get("/v1/me"))
        replies = await asyncio.gather(*sign_ins)
    statuses = [reply.status_code for reply in replies]
    assert set(statuses) <= {201, 503}
    assert 201 in statuses
    assert all("retry-after" in reply.headers for reply in replies if reply.status_code == 503)
    assert {reply.status_code for reply in meanwhile} == {200}
    assert service.peak_memory_mib() < MEMORY_MIB
