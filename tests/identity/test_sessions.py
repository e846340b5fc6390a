"""The list of device sessions, and ending them."""

from uuid import uuid4

import httpx
import pytest
from sqlalchemy import select

from app.core.events import Event
from app.identity.models import Account, Session
from tests.factories import World

pytestmark = pytest.mark.anyio


@pytest.fixture
async def account(world: World) -> Account:
    return await world.account(await world.person())


async def test_only_own_living_sessions_are_listed(world: World, account: Account) -> None:
    current = await world.session(account, device="tablet")
    other = await world.session(account, client="browser")
    await world.session(await world.account(await world.person()))
    async with world.client_with(await world.token(current)) as client:
        items = (await client.get("/v1/auth/sessions")).json()["items"]
        assert {item["id"]: item["is_current"] for item in items} == {str(current.id): True, str(other.id): False}
        assert (await client.delete(f"/v1/auth/sessions/{other.id}")).status_code == 204
        left = (await client.get("/v1/auth/sessions")).json()["items"]
    assert [item["id"] for item in left] == [str(current.id)]


async def test_ending_a_session_twice_is_no_error(world: World, account: Account) -> None:
    other = await world.session(account)
    async with world.client_with(await world.token(await world.session(account))) as client:
        for _ in range(2):
            assert (await client.delete(f"/v1/auth/sessions/{other.id}")).status_code == 204


async def test_a_program_that_ends_its_session_leaves_an_event(world: World) -> None:
    service = await world.service("plans.read")
    session = await world.session(service)
    async with world.client_with(await world.token(session)) as client:
        assert (await client.delete("/v1/auth/sessions/current")).status_code == 204
        assert (await client.get("/v1/me")).status_code == 401
    async with world.transaction() as db:
        event = (await db.scalars(select(Event).where(Event.action == "sign_out"))).one()
    assert (event.actor_client_id, event.entity_id, event.actor_person_id) == (service.id, session.id, None)


async def test_an_ended_session_is_refused_on_the_next_request(world: World, account: Account) -> None:
    other = await world.session(account)
    async with world.client_with(await world.token(other)) as there:
        assert (await there.get("/v1/me")).status_code == 200
        async with world.client_with(await world.token(await world.session(account))) as here:
            await here.delete(f"/v1/auth/sessions/{other.id}")
        refused = await there.get("/v1/me")
    assert (refused.status_code, refused.json()["code"]) == (401, "invalid_token")


async def test_somebody_elses_session_looks_like_none(world: World, another_world: World, account: Account) -> None:
    colleague = await world.session(await world.account(await world.person()))
    stranger = await another_world.session(await another_world.account(await another_world.person()))
    async with world.client_with(await world.token(await world.session(account))) as client:
        replies = [
            await client.delete(f"/v1/auth/sessions/{session_id}")
            for session_id in (colleague.id, stranger.id, uuid4(), "not-an-id")
        ]
    assert [reply.status_code for reply in replies] == [404] * 4
    assert len({tuple(sorted({**reply.json(), "request_id": ""}.items())) for reply in replies}) == 1


async def test_signing_out_ends_the_session_of_the_token(world: World, account: Account) -> None:
    session = await world.session(account)
    async with world.client_with(await world.token(session)) as client:
        assert (await client.delete("/v1/auth/sessions/current")).status_code == 204
        assert (await client.delete("/v1/auth/sessions/current")).status_code == 401
    assert (await world.reload(session)).ended_because == "signed_out"


async def test_signing_out_needs_a_credential(client: httpx.AsyncClient) -> None:
    assert (await client.delete("/v1/auth/sessions/current")).status_code == 401


async def test_a_trial_ends_nothing(world: World, account: Account) -> None:
    other: Session = await world.session(account)
    async with world.client_with(await world.token(await world.session(account))) as client:
        reply = await client.delete(f"/v1/auth/sessions/{other.id}", params={"validate_only": "true"})
    assert reply.status_code == 204
    assert (await world.reload(other)).ended_at is None
