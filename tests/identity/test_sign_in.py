"""Signing in: one answer for everything that is wrong, delay without lock-out, one identifier in several tenants."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select, text, update

from app.core.events import Event
from app.core.passwords import HasherBusy
from app.core.runtime import Runtime
from app.identity.identifiers import identifier_hash
from app.identity.models import Account, Session
from tests.factories import BASE_URL, World

pytestmark = pytest.mark.anyio

PASSWORD = "violet canyon 42"


def credentials(identifier: str, password: str = PASSWORD, **more: Any) -> dict[str, Any]:
    return {"identifier": identifier, "password": password, "client": "app", **more}


async def sign_in(client: httpx.AsyncClient, identifier: str, password: str = PASSWORD, **more: Any) -> httpx.Response:
    return await client.post("/v1/auth/sessions", json=credentials(identifier, password, **more))


@pytest.fixture
async def account(world: World) -> Account:
    learner = await world.learner()
    return await world.account(learner, username=f"Maya.{world.tenant.slug}", password=PASSWORD)


@pytest.fixture
def fast_hasher(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """Compares instead of hashing, and tells with what."""
    compared: list[str | None] = []

    async def verify(hash: str | None, password: str) -> bool:
        compared.append(hash)
        return hash == password

    monkeypatch.setattr(runtime.hasher, "verify", verify)
    monkeypatch.setattr(runtime.hasher, "needs_rehash", lambda _hash: False)
    return compared


async def with_plain_password(world: World, username: str, password: str, **fields: Any) -> Account:
    """For the hasher that only compares."""
    account = await world.account(await world.person(), username=username, **fields)
    async with world.transaction() as session:
        await session.execute(update(Account).where(Account.id == account.id).values(password_hash=password))
    return account


async def test_a_pupil_signs_in_by_user_name_whatever_its_case(
    client: httpx.AsyncClient, world: World, account: Account
) -> None:
    assert account.username is not None
    reply = await sign_in(client, account.username.upper(), device="Maya's tablet")
    assert reply.status_code == 201
    assert reply.headers["cache-control"] == "no-store"
    tokens = reply.json()
    assert tokens["token_type"] == "Bearer"
    assert tokens["expires_in"] == 600
    assert tokens["refresh_token"].startswith("plp_rt_")
    async with world.client_with(tokens["access_token"]) as signed_in:
        listed = (await signed_in.get("/v1/auth/sessions")).json()["items"]
    assert [(item["id"], item["device"], item["is_current"]) for item in listed] == [
        (tokens["session_id"], "Maya's tablet", True)
    ]


async def test_signing_in_is_an_event_of_the_person(client: httpx.AsyncClient, world: World, account: Account) -> None:
    tokens = (await sign_in(client, str(account.username))).json()
    async with world.transaction() as session:
        event = (await session.scalars(select(Event).where(Event.action == "sign_in"))).one()
    assert (event.actor_person_id, str(event.entity_id)) == (account.person_id, tokens["session_id"])


@pytest.mark.usefixtures("fast_hasher")
async def test_what_is_wrong_is_never_told(client: httpx.AsyncClient, world: World, fast_hasher: list[Any]) -> None:
    slug = world.tenant.slug
    await with_plain_password(world, f"known.{slug}", PASSWORD)
    await with_plain_password(world, f"disabled.{slug}", PASSWORD, is_disabled=True)
    await world.account(await world.person(), username=f"invited.{slug}")
    replies = [
        await sign_in(client, f"known.{slug}", "wrong password"),
        await sign_in(client, f"unknown.{slug}"),
        await sign_in(client, f"disabled.{slug}"),
        await sign_in(client, f"invited.{slug}"),
        await sign_in(client, f"known.{slug}", tenant="another-tenant"),
    ]
    bodies = [{**reply.json(), "request_id": ""} for reply in replies]
    assert {reply.status_code for reply in replies} == {401}
    assert bodies[0]["code"] == "invalid_credentials"
    assert all(body == bodies[0] for body in bodies)
    assert len(fast_hasher) == len(replies), "each costs one hash"


@pytest.mark.usefixtures("fast_hasher")
async def test_unknown_and_known_identifiers_are_delayed_alike(client: httpx.AsyncClient, world: World) -> None:
    slug = world.tenant.slug
    await with_plain_password(world, f"known.{slug}", PASSWORD)
    seen = {}
    for name in ("known", "unknown"):
        seen[name] = [(await sign_in(client, f"{name}.{slug}", "wrong password")).status_code for _ in range(7)]
    assert seen["known"] == seen["unknown"] == [401] * 5 + [429] * 2


async def test_a_delay_comes_before_hashing_and_ends_with_time(
    client: httpx.AsyncClient, world: World, runtime: Runtime, fast_hasher: list[Any]
) -> None:
    name = f"known.{world.tenant.slug}"
    await with_plain_password(world, name, PASSWORD)
    for _ in range(5):
        await sign_in(client, name, "wrong password")
    hashed = len(fast_hasher)
    refused = await sign_in(client, name)
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_attempts")
    assert int(refused.headers["retry-after"]) >= 1
    assert len(fast_hasher) == hashed
    await age_failures(runtime, name)
    assert (await sign_in(client, name)).status_code == 201
    assert (await sign_in(client, name, "wrong password")).status_code == 401, "a success wipes the slate"


@pytest.mark.usefixtures("fast_hasher")
async def test_nobody_is_locked_out_by_guessing_from_elsewhere(
    client: httpx.AsyncClient, world: World, app: Any
) -> None:
    name = f"known.{world.tenant.slug}"
    await with_plain_password(world, name, PASSWORD)
    for _ in range(6):
        await sign_in(client, name, "wrong password")
    elsewhere = httpx.ASGITransport(app, client=("203.0.113.9", 1234))
    async with httpx.AsyncClient(transport=elsewhere, base_url=BASE_URL) as owner:
        assert (await sign_in(owner, name)).status_code == 201


@pytest.mark.usefixtures("fast_hasher")
async def test_a_network_of_version_6_counts_as_one_address(client: httpx.AsyncClient, world: World, app: Any) -> None:
    name = f"known.{world.tenant.slug}"
    await with_plain_password(world, name, PASSWORD)
    statuses = []
    for n in range(6):
        hopping = httpx.ASGITransport(app, client=(f"2001:db8::{n}", 1234))
        async with httpx.AsyncClient(transport=hopping, base_url=BASE_URL) as guesser:
            statuses.append((await sign_in(guesser, name, "wrong password")).status_code)
    assert statuses[-1] == 429


async def test_guessing_many_at_once_tells_no_more_than_one_by_one(
    client: httpx.AsyncClient, world: World, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"known.{world.tenant.slug}"
    await with_plain_password(world, name, PASSWORD)

    async def verify_while_others_guess(hash: str | None, password: str) -> bool:
        await age_failures(runtime, name, failures=5, seconds=0)
        return hash == password

    await fail_once(client, name)
    monkeypatch.setattr(runtime.hasher, "verify", verify_while_others_guess)
    assert (await sign_in(client, name)).status_code == 429


@pytest.mark.usefixtures("fast_hasher")
async def test_an_identifier_in_two_tenants_is_asked_for_its_tenant_only_when_both_fit(
    client: httpx.AsyncClient, world: World, another_world: World
) -> None:
    name = f"both.{world.tenant.slug}"
    await with_plain_password(world, name, PASSWORD)
    await with_plain_password(another_world, name, PASSWORD)
    third = await World.create(world.runtime, client._transport, "Third")
    await with_plain_password(third, name, "another password")
    asked = await sign_in(client, name)
    assert (asked.status_code, asked.json()["code"]) == (409, "tenant_required")
    assert {tenant["slug"] for tenant in asked.json()["tenants"]} == {world.tenant.slug, another_world.tenant.slug}
    assert (await sign_in(client, name, tenant=world.tenant.slug)).status_code == 201
    assert (await sign_in(client, name, "another password")).status_code == 201


async def test_when_too_many_sign_in_at_once_the_rest_are_told_to_come_back(
    client: httpx.AsyncClient, account: Account, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def busy(_hash: str | None, _password: str) -> bool:
        raise HasherBusy

    monkeypatch.setattr(runtime.hasher, "verify", busy)
    reply = await sign_in(client, str(account.username))
    assert reply.status_code == 503
    assert reply.headers["retry-after"]


async def test_an_outdated_hash_is_renewed_on_the_way(
    client: httpx.AsyncClient, world: World, account: Account, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime.hasher, "needs_rehash", lambda _hash: True)
    assert (await sign_in(client, str(account.username))).status_code == 201
    assert (await world.reload(account)).password_hash != account.password_hash
    monkeypatch.undo()
    assert (await sign_in(client, str(account.username))).status_code == 201


async def test_no_connection_is_held_while_a_password_is_hashed(
    client: httpx.AsyncClient, account: Account, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool: Any = runtime.engine.pool
    held = []

    async def verify(_hash: str | None, _password: str) -> bool:
        held.append(pool.checkedout())
        return False

    before = pool.checkedout()
    monkeypatch.setattr(runtime.hasher, "verify", verify)
    await sign_in(client, str(account.username))
    assert held == [before]


@pytest.mark.parametrize(
    "body",
    [
        {"identifier": "x", "password": "y"},
        {"identifier": "x", "password": "y", "client": "desktop"},
        {"identifier": "x", "password": "y" * 257, "client": "app"},
        {"identifier": "x", "password": 12345678, "client": "app"},
        {"identifier": "x", "password": "y", "client": "app", "is_admin": True},
    ],
)
async def test_a_malformed_sign_in_is_refused_without_echoing_it(client: httpx.AsyncClient, body: Any) -> None:
    reply = await client.post("/v1/auth/sessions", json=body)
    assert reply.status_code == 422
    assert "yyyy" not in reply.text
    assert "12345678" not in reply.text


async def test_a_session_ends_and_expires_by_the_clock(world: World) -> None:
    account = await world.account(await world.person())
    session = await world.session(account)
    async with world.client_with(await world.token(session)) as signed_in:
        assert (await signed_in.get("/v1/auth/sessions")).status_code == 200
        async with world.transaction() as db:
            past = datetime.now(UTC) - timedelta(seconds=1)
            await db.execute(update(Session).where(Session.id == session.id).values(expires_at=past))
        assert (await signed_in.get("/v1/auth/sessions")).status_code == 401


async def fail_once(client: httpx.AsyncClient, name: str) -> None:
    assert (await sign_in(client, name, "wrong password")).status_code == 401


async def age_failures(runtime: Runtime, name: str, *, failures: int = 5, seconds: int = 60) -> None:
    """As if so many attempts had failed so long ago."""
    async with runtime.sessions() as session, session.begin():
        await session.execute(
            text(
                "UPDATE sign_in_failure SET failures = :failures, last_at = now() - make_interval(secs => :seconds) "
                "WHERE subject_hash = :subject"
            ),
            {"failures": failures, "seconds": seconds, "subject": identifier_hash(runtime.keyring, name)},
        )
