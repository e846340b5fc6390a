"""Refresh tokens: rotation, the window for lost replies, and the end of a session whose token turns up twice."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select, update

from app.core.events import Event
from app.identity.models import Account, Session
from app.identity.opaque import RefreshToken
from app.identity.service.sessions import LIFETIMES
from tests.factories import World

pytestmark = pytest.mark.anyio


@pytest.fixture
async def account(world: World) -> Account:
    return await world.account(await world.person())


@pytest.fixture
async def session(world: World, account: Account) -> Session:
    return await world.session(account)


def token_of(world: World, session: Session, generation: int = 0) -> str:
    return RefreshToken(world.tenant.id, session.id, generation).write(world.runtime.keyring)


async def refresh(client: httpx.AsyncClient, token: str) -> httpx.Response:
    return await client.post("/v1/auth/refresh", json={"refresh_token": token})


async def age(world: World, session: Session, **columns: Any) -> None:
    async with world.transaction() as db:
        await db.execute(update(Session).where(Session.id == session.id).values(**columns))


async def events_of(world: World, entity_id: UUID) -> list[str]:
    async with world.transaction() as db:
        found = await db.scalars(select(Event.action).where(Event.entity_id == entity_id).order_by(Event.at))
        return list(found)


async def test_refreshing_gives_new_tokens_that_work(client: httpx.AsyncClient, world: World, session: Session) -> None:
    first = (await refresh(client, token_of(world, session))).json()
    assert first["session_id"] == str(session.id)
    async with world.client_with(first["access_token"]) as signed_in:
        assert (await signed_in.get("/v1/auth/sessions")).status_code == 200
    second = await refresh(client, first["refresh_token"])
    assert second.status_code == 200
    assert second.json()["refresh_token"] != first["refresh_token"]


async def test_a_lost_reply_can_be_asked_for_again(client: httpx.AsyncClient, world: World, session: Session) -> None:
    token = token_of(world, session)
    first, again = await refresh(client, token), await refresh(client, token)
    assert first.status_code == again.status_code == 200
    assert first.json()["refresh_token"] == again.json()["refresh_token"]


async def test_a_token_used_again_after_its_successor_ends_the_session(
    client: httpx.AsyncClient, world: World, session: Session
) -> None:
    token = token_of(world, session)
    successor = (await refresh(client, token)).json()
    last = (await refresh(client, successor["refresh_token"])).json()
    stolen = await refresh(client, token)
    assert (stolen.status_code, stolen.json()["code"]) == (400, "invalid_grant")
    assert (await refresh(client, last["refresh_token"])).status_code == 400
    async with world.client_with(last["access_token"]) as signed_in:
        assert (await signed_in.get("/v1/auth/sessions")).status_code == 401
    assert await events_of(world, session.id) == ["revoke"]


async def test_a_token_used_again_too_late_ends_the_session(
    client: httpx.AsyncClient, world: World, session: Session
) -> None:
    token = token_of(world, session)
    successor = (await refresh(client, token)).json()["refresh_token"]
    await age(world, session, rotated_at=datetime.now(UTC) - timedelta(seconds=31))
    assert (await refresh(client, token)).status_code == 400
    assert (await refresh(client, successor)).status_code == 400
    assert (await world.reload(session)).ended_because == "refresh_reuse"


async def test_refreshing_twice_at_once_gives_one_successor(
    client: httpx.AsyncClient, world: World, session: Session
) -> None:
    token = token_of(world, session)
    replies = await asyncio.gather(*(refresh(client, token) for _ in range(5)))
    assert {reply.status_code for reply in replies} == {200}
    assert len({reply.json()["refresh_token"] for reply in replies}) == 1
    assert (await world.reload(session)).generation == 1


def with_another_letter(token: str) -> str:
    return token[:20] + ("x" if token[20] != "x" else "y") + token[21:]


@pytest.mark.parametrize("bend", [lambda t: t[:-1], lambda t: t + "A", with_another_letter, lambda _t: "é"])
async def test_a_token_that_we_did_not_make_changes_nothing(
    client: httpx.AsyncClient, world: World, session: Session, bend: Any
) -> None:
    reply = await refresh(client, bend(token_of(world, session)))
    assert (reply.status_code, reply.json()["code"]) == (400, "invalid_grant")
    assert (await world.reload(session)).ended_at is None


async def test_a_token_of_the_future_ends_the_session(
    client: httpx.AsyncClient, world: World, session: Session
) -> None:
    assert (await refresh(client, token_of(world, session, generation=3))).status_code == 400
    assert (await world.reload(session)).ended_at is not None


@pytest.mark.parametrize(
    "columns",
    [{"expires_at": datetime.now(UTC)}, {"ended_at": datetime.now(UTC), "ended_because": "signed_out"}],
    ids=["expired", "ended"],
)
async def test_a_session_that_is_over_gives_nothing(
    client: httpx.AsyncClient, world: World, session: Session, columns: dict[str, Any]
) -> None:
    await age(world, session, **columns)
    assert (await refresh(client, token_of(world, session))).status_code == 400


async def test_a_disabled_account_gets_no_new_tokens(
    client: httpx.AsyncClient, world: World, account: Account, session: Session
) -> None:
    async with world.transaction() as db:
        await db.execute(update(Account).where(Account.id == account.id).values(is_disabled=True))
    assert (await refresh(client, token_of(world, session))).status_code == 400


@pytest.mark.parametrize("kind", ["app", "browser"])
def test_a_session_never_outlives_its_limit(kind: str) -> None:
    from app.identity.service.sessions import _expiry

    created = datetime(2027, 1, 1, tzinfo=UTC)
    lifetime = LIFETIMES[kind]
    assert _expiry(kind, created, created) == created + lifetime.unused
    late = created + lifetime.at_most - timedelta(minutes=1)
    assert _expiry(kind, created, late) == created + lifetime.at_most


async def test_refreshing_pushes_the_expiry_on(client: httpx.AsyncClient, world: World, session: Session) -> None:
    await age(world, session, expires_at=datetime.now(UTC) + timedelta(minutes=1))
    await refresh(client, token_of(world, session))
    assert (await world.reload(session)).expires_at > datetime.now(UTC) + timedelta(days=29)


async def test_nothing_to_refresh_with_is_said_so(client: httpx.AsyncClient) -> None:
    assert (await client.post("/v1/auth/refresh")).status_code == 422
    assert (await client.post("/v1/auth/refresh", json={})).status_code == 422
