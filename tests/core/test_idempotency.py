"""A retry with the same key does nothing twice and gets the first reply again."""

import asyncio
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, update
from starlette.responses import Response

from app.core.errors import Problem
from app.core.events import Event
from app.core.idempotency import IdempotencyKey, KeyedRequest, Subject
from app.core.rules import Section
from app.identity.models import Session
from app.roster.models import Caseload, Person, RoleAssignment
from tests.core.callers import principal_of
from tests.core.tiny_app import PEOPLE, Control
from tests.factories import World

pytestmark = pytest.mark.anyio

KEY = {"Idempotency-Key": "a-key-of-the-client"}
ADA = {"given_name": "Ada", "family_name": "Made"}
REFUSALS = "/v1/tests/refusals"


async def made(world: World, family_name: str = "Made") -> int:
    """How many people were made."""
    async with world.transaction() as session:
        found = await session.scalar(select(func.count()).select_from(Person).where(Person.family_name == family_name))
    return found or 0


async def stored(world: World) -> int:
    async with world.transaction() as session:
        return await session.scalar(select(func.count()).select_from(IdempotencyKey)) or 0


def comparable(reply: httpx.Response) -> tuple[int, bytes, dict[str, str]]:
    """A reply without what belongs to one exchange only."""
    ours = {"x-request-id", "idempotency-replayed"}
    return reply.status_code, reply.content, {k: v for k, v in reply.headers.items() if k not in ours}


async def test_a_replay_is_the_first_reply_byte_for_byte(tiny: World, caller: httpx.AsyncClient) -> None:
    first = await caller.post(PEOPLE, json=ADA, headers=KEY)
    again = await caller.post(PEOPLE, json=ADA, headers=KEY)
    assert first.status_code == 201
    assert comparable(again) == comparable(first)
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert await made(tiny) == 1
    async with tiny.transaction() as session:
        assert await session.scalar(select(func.count()).select_from(Event)) == 1


async def test_the_replay_survives_a_change_of_what_was_made(caller: httpx.AsyncClient) -> None:
    first = await caller.post(PEOPLE, json=ADA, headers=KEY)
    change = {"If-Match": first.headers["etag"]}
    assert (await caller.patch(first.headers["location"], json={"given_name": "B"}, headers=change)).is_success
    assert comparable(await caller.post(PEOPLE, json=ADA, headers=KEY)) == comparable(first)


async def test_without_a_key_a_repetition_is_a_second_request(tiny: World, caller: httpx.AsyncClient) -> None:
    for _ in range(2):
        assert (await caller.post(PEOPLE, json=ADA)).status_code == 201
    assert await made(tiny) == 2


@pytest.mark.parametrize(
    ("url", "body"),
    [(PEOPLE, {**ADA, "given_name": "Eve"}), ("/v1/tests/slow-people", ADA), (PEOPLE + "?validate_only=true", ADA)],
    ids=["body", "path", "query"],
)
async def test_a_key_serves_one_request_only(
    tiny: World, caller: httpx.AsyncClient, url: str, body: dict[str, Any]
) -> None:
    await caller.post(PEOPLE, json=ADA, headers=KEY)
    reused = await caller.post(url, json=body, headers=KEY)
    assert (reused.status_code, reused.json()["code"]) == (422, "idempotency_key_reused")
    assert await made(tiny) == 1


async def test_an_equal_key_of_somebody_else_is_another_key(
    tiny: World, twin: World, caller: httpx.AsyncClient
) -> None:
    others = [
        await tiny.client_for(await tiny.person()),
        await tiny.client_for(await tiny.service("plans.write")),
        await twin.client_for(await twin.person()),
    ]
    first = await caller.post(PEOPLE, json=ADA, headers=KEY)
    for other in others:
        reply = await other.post(PEOPLE, json={**ADA, "given_name": "Eve"}, headers=KEY)
        assert reply.status_code == 201
        assert reply.json()["id"] != first.json()["id"]


async def test_the_key_works_from_another_device_of_the_same_person(tiny: World) -> None:
    person = await tiny.person()
    phone, laptop = await tiny.client_for(person), await tiny.client_for(person)
    first = await phone.post(PEOPLE, json=ADA, headers=KEY)
    assert comparable(await laptop.post(PEOPLE, json=ADA, headers=KEY)) == comparable(first)


async def test_while_the_first_request_runs_the_second_is_told_to_wait(
    tiny: World, caller: httpx.AsyncClient, steering: Control
) -> None:
    url = "/v1/tests/slow-people"
    first = asyncio.create_task(caller.post(url, json=ADA, headers=KEY))
    await steering.entered.wait()
    second = await caller.post(url, json=ADA, headers=KEY)
    assert (second.status_code, second.json()["code"]) == (409, "idempotency_key_in_flight")
    assert int(second.headers["retry-after"]) >= 1
    steering.release.set()
    assert (await first).status_code == 201
    third = await caller.post(url, json=ADA, headers=KEY)
    assert comparable(third) == comparable(await first)
    assert await made(tiny) == 1


async def test_of_many_at_once_one_is_done(tiny: World, caller: httpx.AsyncClient) -> None:
    replies = await asyncio.gather(*(caller.post(PEOPLE, json=ADA, headers=KEY) for _ in range(8)))
    assert {reply.status_code for reply in replies} <= {201, 409}
    assert len({reply.content for reply in replies if reply.status_code == 201}) == 1
    assert await made(tiny) == 1


@pytest.mark.parametrize("status", [409, 422])
async def test_a_refusal_by_a_rule_is_an_outcome(
    tiny: World, caller: httpx.AsyncClient, steering: Control, status: int
) -> None:
    first = await caller.post(REFUSALS, json={"status": status}, headers=KEY)
    again = await caller.post(REFUSALS, json={"status": status}, headers=KEY)
    assert first.status_code == status
    assert comparable(again) == comparable(first)
    assert again.headers["idempotency-replayed"] == "true"
    assert steering.runs == 1
    assert await made(tiny, "Done") == 0


@pytest.mark.parametrize("status", [401, 403, 404, 412, 428, 429, 500, 503])
async def test_other_refusals_are_not_kept(
    tiny: World, caller: httpx.AsyncClient, steering: Control, status: int
) -> None:
    for expected_runs in (1, 2):
        reply = await caller.post(REFUSALS, json={"status": status}, headers=KEY)
        assert reply.status_code == status
        assert steering.runs == expected_runs
    assert await stored(tiny) == 0
    assert await made(tiny, "Done") == 0


async def test_a_crash_is_not_kept(tiny: World, caller: httpx.AsyncClient, steering: Control) -> None:
    steering.failures = [RuntimeError("crash")]
    assert (await caller.post(PEOPLE, json=ADA, headers=KEY)).status_code == 500
    assert await made(tiny) == 0
    assert (await caller.post(PEOPLE, json=ADA, headers=KEY)).status_code == 201


async def test_a_trial_keeps_nothing(tiny: World, caller: httpx.AsyncClient) -> None:
    trial = await caller.post(PEOPLE + "?validate_only=true", json=ADA, headers=KEY)
    assert trial.status_code == 201
    assert await stored(tiny) == 0
    assert (await caller.post(PEOPLE, json=ADA, headers=KEY)).status_code == 201


async def test_a_replay_needs_a_live_session(tiny: World) -> None:
    session = await tiny.session(await tiny.account(await tiny.person()))
    caller = tiny.client_with(await tiny.token(session))
    await caller.post(PEOPLE, json=ADA, headers=KEY)
    async with tiny.transaction() as transaction:
        await transaction.execute(update(Session).where(Session.id == session.id).values(ended_at=func.now()))
    assert (await caller.post(PEOPLE, json=ADA, headers=KEY)).status_code == 401


@pytest.mark.parametrize("change", ["lost", "gained"])
async def test_a_replay_is_for_who_has_the_same_rights(tiny: World, change: str) -> None:
    person = await tiny.person()
    role = await tiny.role(person, "school_admin")
    caller = await tiny.client_for(person)
    first = await caller.post(PEOPLE, json=ADA, headers=KEY)
    assert comparable(await caller.post(PEOPLE, json=ADA, headers=KEY)) == comparable(first)
    if change == "gained":
        await tiny.role(person, "district_admin")
    else:
        async with tiny.transaction() as session:
            await session.delete(await session.get_one(RoleAssignment, (tiny.tenant.id, role.id)))
    again = await caller.post(PEOPLE, json=ADA, headers=KEY)
    assert (again.status_code, again.json()["code"]) == (404, "not_found")
    assert await made(tiny) == 1


@pytest.mark.parametrize("section", [Section.PLAN, Section.LEARNER])
async def test_what_is_about_a_learner_is_replayed_to_who_may_still_read_it(tiny: World, section: Section) -> None:
    learner, counselor = await tiny.learner(), await tiny.person()
    caseload = await tiny.caseload(counselor, learner)

    async def claimed(store: bool = False) -> Any:
        principal = await principal_of(tiny, counselor)
        keyed = KeyedRequest(tiny.runtime.keyring, principal, "k", "POST", "/v1/x?", b"{}")
        async with tiny.transaction() as session:
            if not store:
                return await keyed.claim(session)
            assert await keyed.claim(session) is None
            return keyed.store(session, Response("body", 201), Subject(learner.id, section))

    await claimed(store=True)
    await tiny.role(counselor, "counselor")
    assert (await claimed()).body == b"body"
    async with tiny.transaction() as session:
        await session.delete(await session.get_one(Caseload, (tiny.tenant.id, caseload.id)))
    with pytest.raises(Problem) as refused:
        await claimed()
    assert refused.value.status == 404


async def test_the_key_is_looked_at_before_the_version(tiny: World, caller: httpx.AsyncClient) -> None:
    person = await tiny.person()
    url, headers = f"{PEOPLE}/{person.id}/transitions", {**KEY, "If-Match": '"1"'}
    first = await caller.post(url, json={"given_name": "B"}, headers=headers)
    assert first.status_code == 200
    assert comparable(await caller.post(url, json={"given_name": "B"}, headers=headers)) == comparable(first)
    assert comparable(await caller.post(url, json={"given_name": "B"}, headers=KEY)) == comparable(first)


@pytest.mark.parametrize("key", ["", " ", "x" * 201, "a b", "ü"])
async def test_a_key_has_a_form(tiny: World, caller: httpx.AsyncClient, key: str) -> None:
    reply = await caller.post(PEOPLE, json=ADA, headers={b"Idempotency-Key": key.encode()})
    assert reply.status_code == 422
    assert reply.json()["errors"][0]["pointer"] == "header:Idempotency-Key"
    assert await made(tiny) == 0


async def test_neither_key_nor_reply_can_be_read_in_the_database(tiny: World, caller: httpx.AsyncClient) -> None:
    reply = await caller.post(PEOPLE, json=ADA, headers=KEY)
    async with tiny.transaction() as session:
        row = (await session.scalars(select(IdempotencyKey))).one()
    kept = row.key_hash + row.request_hash + row.reply_sealed
    for secret in (KEY["Idempotency-Key"], "Ada", reply.json()["id"]):
        assert secret.encode() not in kept
