"""Changing one's own password, and setting one with a one-time token."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update

from app.core.events import Event
from app.identity.models import Account, CredentialToken, Session
from app.identity.service.passwords import issue_token
from tests.factories import World

pytestmark = pytest.mark.anyio

OLD, NEW = "violet canyon 42", "amber meadow 77"


@pytest.fixture
async def account(world: World) -> Account:
    return await world.account(await world.person(), username=f"maya.{world.tenant.slug}", password=OLD)


@pytest.fixture
async def session(world: World, account: Account) -> Session:
    return await world.session(account)


@pytest.fixture
async def signed_in(world: World, session: Session) -> AsyncIterator[httpx.AsyncClient]:
    async with world.client_with(await world.token(session)) as client:
        yield client


async def change(client: httpx.AsyncClient, current: str, new: str) -> httpx.Response:
    return await client.post("/v1/auth/password", json={"current_password": current, "new_password": new})


async def may_sign_in(client: httpx.AsyncClient, account: Account, password: str) -> bool:
    body = {"identifier": account.username, "password": password, "client": "app"}
    return (await client.post("/v1/auth/sessions", json=body)).status_code == 201


async def token_for(world: World, account: Account) -> str:
    async with world.transaction() as db:
        return (await issue_token(db, world.runtime.keyring, account, "reset", issued_by=None)).text


async def complete(client: httpx.AsyncClient, token: str, password: str = NEW) -> httpx.Response:
    return await client.post("/v1/auth/password-resets/complete", json={"token": token, "new_password": password})


async def test_a_changed_password_ends_the_other_sessions_only(
    world: World, client: httpx.AsyncClient, signed_in: httpx.AsyncClient, account: Account, session: Session
) -> None:
    other = await world.session(account)
    assert (await change(signed_in, OLD, NEW)).status_code == 204
    assert (await world.reload(other)).ended_because == "password_changed"
    assert (await world.reload(session)).ended_at is None
    assert not await may_sign_in(client, account, OLD)
    assert await may_sign_in(client, account, NEW)


async def test_changing_needs_the_current_password_and_guessing_it_is_slowed_down(
    signed_in: httpx.AsyncClient, world: World, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def verify(_hash: str | None, _password: str) -> bool:
        return False

    monkeypatch.setattr(world.runtime.hasher, "verify", verify)
    replies = [await change(signed_in, "wrong password", NEW) for _ in range(6)]
    assert [reply.status_code for reply in replies] == [422] * 5 + [429]
    assert replies[0].json()["errors"][0]["pointer"] == "/current_password"
    assert (await world.reload(account)).password_hash == account.password_hash


@pytest.mark.parametrize(
    ("new", "code"), [("short", "too_short"), ("password123", "common"), (" " * 10, "blank"), ("aaaaaaaaaa", "common")]
)
async def test_a_weak_password_is_refused_with_its_reason(
    signed_in: httpx.AsyncClient, world: World, new: str, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def verify(_hash: str | None, _password: str) -> bool:
        return True

    monkeypatch.setattr(world.runtime.hasher, "verify", verify)
    reply = await change(signed_in, OLD, new)
    assert reply.status_code == 422
    assert reply.json()["errors"] == [
        {"pointer": "/new_password", "code": code, "detail": reply.json()["errors"][0]["detail"]}
    ]


async def test_the_user_name_is_no_password(signed_in: httpx.AsyncClient, account: Account) -> None:
    assert (await change(signed_in, OLD, str(account.username))).json()["errors"][0]["code"] == "identifier"


async def test_who_is_not_signed_in_is_told_so_before_anything_else(client: httpx.AsyncClient) -> None:
    assert (await client.post("/v1/auth/password", content=b"{", headers={"X": "y"})).status_code == 401


async def test_a_service_has_no_password(world: World) -> None:
    async with await world.client_for(await world.service("plans.read")) as service:
        assert (await change(service, OLD, NEW)).status_code == 403


async def test_a_one_time_token_sets_a_password_once_and_ends_every_session(
    world: World, client: httpx.AsyncClient, account: Account, session: Session
) -> None:
    token = await token_for(world, account)
    assert (await complete(client, token)).status_code == 204
    assert (await world.reload(session)).ended_at is not None
    assert await may_sign_in(client, account, NEW)
    again = await complete(client, token)
    assert (again.status_code, again.json()["code"]) == (400, "invalid_one_time_token")
    async with world.transaction() as db:
        event = (await db.scalars(select(Event).where(Event.action == "set_password"))).one()
    assert event.actor_person_id == account.person_id
    assert "password" not in str(event.changes)


async def test_a_newer_token_replaces_an_older_one(world: World, client: httpx.AsyncClient, account: Account) -> None:
    older = await token_for(world, account)
    await token_for(world, account)
    assert (await complete(client, older)).status_code == 400


async def test_a_weak_password_does_not_use_the_token_up(
    world: World, client: httpx.AsyncClient, account: Account
) -> None:
    token = await token_for(world, account)
    assert (await complete(client, token, "12345678")).status_code == 422
    assert (await complete(client, token)).status_code == 204


async def test_an_expired_or_altered_token_is_refused(
    world: World, client: httpx.AsyncClient, account: Account
) -> None:
    token = await token_for(world, account)
    for altered in (token[:-3] + "AAA", "plp_ot_", "nonsense", token + "="):
        assert (await complete(client, altered)).status_code == 400
    async with world.transaction() as db:
        await db.execute(update(CredentialToken).values(expires_at=datetime.now(UTC)))
    assert (await complete(client, token)).status_code == 400


async def test_only_hashes_of_tokens_are_kept(world: World, account: Account) -> None:
    token = await token_for(world, account)
    async with world.transaction() as db:
        kept: Any = (await db.scalars(select(CredentialToken))).one()
    assert kept.token_hash not in token.encode()
    assert len(kept.token_hash) == 32
