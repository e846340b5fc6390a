"""One request is one transaction: all of it or nothing, as often as the database asks, as the caller is now."""

import asyncio
from typing import Any

import asyncpg
import httpx
import pytest
from sqlalchemy import func, select, update

from app.core.errors import Problem
from app.core.events import Event
from app.core.runtime import Runtime
from app.db.base import new_id
from app.identity.models import Account, ServiceClient, Session
from app.main import create_app
from app.roster.models import Person, RoleAssignment
from tests.conftest import settings_for
from tests.core.tiny_app import PEOPLE, Control, database_error, router
from tests.databases import Database
from tests.factories import BASE_URL, World

pytestmark = pytest.mark.anyio

ADA = {"given_name": "Ada", "family_name": "Made"}


async def made(world: World) -> int:
    async with world.transaction() as session:
        found = await session.scalar(select(func.count()).select_from(Person).where(Person.family_name == "Made"))
    return found or 0


async def events(world: World) -> list[Event]:
    async with world.transaction() as session:
        return list(await session.scalars(select(Event)))


def pointers(reply: httpx.Response) -> list[str]:
    return [error["pointer"] for error in reply.json()["errors"]]


async def test_a_write_answers_with_what_a_read_will_show(tiny: World, caller: httpx.AsyncClient) -> None:
    created = await caller.post(PEOPLE, json=ADA)
    assert created.status_code == 201
    read = await caller.get(created.headers["location"])
    assert read.content == created.content
    assert read.headers["etag"] == created.headers["etag"]
    assert read.json()["given_name"] == "Ada"


async def test_every_write_leaves_one_event(tiny: World, caller: httpx.AsyncClient) -> None:
    created = await caller.post(PEOPLE, json=ADA, headers={"X-Request-Id": "r-1"})
    change = {"If-Match": created.headers["etag"]}
    await caller.patch(created.headers["location"], json={"given_name": "Eve"}, headers=change)
    first, second = sorted(await events(tiny), key=lambda one: one.at)
    assert (first.action, first.entity_type, str(first.entity_id)) == ("create", "person", created.json()["id"])
    assert first.request_id == "r-1"
    assert first.changes["given_name"] == {"before": None, "after": "Ada"}
    assert second.changes == {"given_name": {"before": "Ada", "after": "Eve"}}
    assert (first.entity_version, second.entity_version) == (1, 2)
    assert first.actor_person_id == second.actor_person_id is not None


async def test_a_trial_answers_as_the_live_call_would_and_changes_nothing(
    tiny: World, caller: httpx.AsyncClient
) -> None:
    trial = await caller.post(PEOPLE + "?validate_only=true", json=ADA)
    assert (trial.status_code, trial.json()["given_name"]) == (201, "Ada")
    assert await made(tiny) == 0
    assert await events(tiny) == []
    assert (await caller.post(PEOPLE + "?validate_only=true", json={"given_name": " "})).status_code == 422
    assert (await caller.post(PEOPLE + "?validate_only=false", json=ADA)).status_code == 201
    assert await made(tiny) == 1


@pytest.mark.parametrize("value", ["yes", "1", "", "TRUE"])
async def test_a_trial_is_asked_for_in_one_way(tiny: World, caller: httpx.AsyncClient, value: str) -> None:
    assert (await caller.post(f"{PEOPLE}?validate_only={value}", json=ADA)).status_code == 422
    assert await made(tiny) == 0


async def test_a_refusal_undoes_everything(tiny: World, caller: httpx.AsyncClient, steering: Control) -> None:
    steering.failures = [Problem(409, "rule", "No", "No.")]
    assert (await caller.post(PEOPLE, json=ADA)).json()["code"] == "rule"
    assert await made(tiny) == 0
    assert await events(tiny) == []


async def test_a_crash_undoes_everything_and_tells_nothing(
    tiny: World, caller: httpx.AsyncClient, steering: Control
) -> None:
    steering.failures = [RuntimeError("a secret of the inside")]
    reply = await caller.post(PEOPLE, json=ADA)
    assert reply.status_code == 500
    assert "secret" not in reply.text
    assert await made(tiny) == 0


@pytest.mark.parametrize("sqlstate", ["40001", "40P01"])
@pytest.mark.parametrize("place", ["failures", "commit_failures"])
@pytest.mark.parametrize("key", [{}, {"Idempotency-Key": "k"}], ids=["plain", "keyed"])
async def test_a_write_that_collides_is_run_again(
    tiny: World, caller: httpx.AsyncClient, steering: Control, sqlstate: str, place: str, key: dict[str, str]
) -> None:
    setattr(steering, place, [database_error(sqlstate), database_error(sqlstate)])
    reply = await caller.post(PEOPLE, json=ADA, headers=key)
    assert reply.status_code == 201
    assert steering.runs == 3
    assert await made(tiny) == 1
    assert len(await events(tiny)) == 1


@pytest.mark.parametrize("place", ["failures", "commit_failures"])
async def test_a_write_that_collides_three_times_is_given_up(
    tiny: World, caller: httpx.AsyncClient, steering: Control, place: str
) -> None:
    setattr(steering, place, [database_error("40P01") for _ in range(9)])
    reply = await caller.post(PEOPLE, json=ADA)
    assert reply.status_code == 503
    assert reply.headers["retry-after"]
    assert steering.runs == 3
    assert await made(tiny) == 0


async def test_a_real_deadlock_is_not_seen_by_either_writer(
    tiny: World, caller: httpx.AsyncClient, steering: Control
) -> None:
    first, second = str((await tiny.person()).id), str((await tiny.person()).id)
    steering.barrier = asyncio.Barrier(2)
    replies = await asyncio.gather(
        caller.post("/v1/tests/swaps", json={"first": first, "second": second}),
        caller.post("/v1/tests/swaps", json={"first": second, "second": first}),
    )
    assert [reply.status_code for reply in replies] == [201, 201]
    assert steering.runs == 3


@pytest.mark.parametrize(
    ("sqlstate", "status"), [("23505", 409), ("57P01", 503), ("57014", 503), ("55P03", 503), ("08006", 503)]
)
async def test_what_the_database_refuses_becomes_a_problem(
    tiny: World, caller: httpx.AsyncClient, steering: Control, sqlstate: str, status: int
) -> None:
    steering.failures = [database_error(sqlstate)]
    reply = await caller.post(PEOPLE, json=ADA)
    assert reply.status_code == status
    assert reply.headers["content-type"] == "application/problem+json"
    assert "SELECT" not in reply.text
    assert await made(tiny) == 0


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_exhausted_pool_is_a_503(database: Database, tiny: World, method: str) -> None:
    token = await tiny.token_for(await tiny.person())
    small = create_app(settings_for(database, pool_size=1, pool_overflow=0, pool_timeout=0.05))
    small.state.control = Control()
    small.router.routes.extend(router.routes)
    runtime: Runtime = small.state.runtime
    client = httpx.AsyncClient(transport=httpx.ASGITransport(small), base_url=BASE_URL)
    await runtime.keys.public_keys(refresh=False)
    async with runtime.transaction(tiny.tenant.id) as holder:
        await holder.execute(select(1))
        headers = {"Authorization": f"Bearer {token}"}
        reply = await client.request(method, PEOPLE, headers=headers, json=ADA if method == "POST" else None)
        alive = await client.get("/livez")
    assert (reply.status_code, reply.json()["code"]) == (503, "unavailable")
    assert reply.headers["retry-after"]
    assert alive.status_code == 200
    await runtime.engine.dispose()
    runtime.hasher.close()


@pytest.mark.parametrize("place", ["handler", "show"])
async def test_a_backend_that_dies_during_a_write_is_a_503_and_nothing_is_done(
    tiny: World, caller: httpx.AsyncClient, steering: Control, database: Database, place: str
) -> None:
    killer = await asyncpg.connect(database.superuser)

    async def kill(pid: int) -> None:
        await killer.execute("SELECT pg_terminate_backend($1, 5000)", pid)

    setattr(steering, f"before_{place}", kill)
    reply = await caller.post(PEOPLE, json=ADA, headers={"Idempotency-Key": "k"})
    await killer.close()
    assert (reply.status_code, reply.json()["code"]) == (503, "unavailable")
    assert await made(tiny) == 0
    assert (await caller.post(PEOPLE, json=ADA, headers={"Idempotency-Key": "k"})).status_code == 201


# Versions


async def test_a_change_needs_the_version_that_it_changes(tiny: World, caller: httpx.AsyncClient) -> None:
    url = f"{PEOPLE}/{(await tiny.person()).id}"
    assert (await caller.patch(url, json={"given_name": "B"})).status_code == 428
    stale = await caller.patch(url, json={"given_name": "B"}, headers={"If-Match": '"7-0123456789abcdef"'})
    assert (stale.status_code, stale.json()["current_version"]) == (412, 1)
    assert stale.headers["etag"].startswith('"1')
    assert (await caller.patch(url, json={"given_name": "B"}, headers={"If-Match": '"1"'})).status_code == 200


async def test_of_two_writers_with_one_tag_one_wins(tiny: World, caller: httpx.AsyncClient) -> None:
    url = f"{PEOPLE}/{(await tiny.person()).id}"
    tag = {"If-Match": (await caller.get(url)).headers["etag"]}
    replies = await asyncio.gather(*(caller.patch(url, json={"given_name": n}, headers=tag) for n in "AB"))
    assert sorted(reply.status_code for reply in replies) == [200, 412]


async def test_absent_fields_stay_as_they_are(tiny: World, caller: httpx.AsyncClient) -> None:
    url = f"{PEOPLE}/{(await tiny.person('Ada', 'L')).id}"
    reply = await caller.patch(url, json={}, headers={"If-Match": '"1"'})
    assert (reply.json()["given_name"], reply.json()["version"]) == ("Ada", 1)


@pytest.mark.parametrize("media_type", ["application/json", "application/merge-patch+json"])
async def test_a_patch_comes_as_merge_patch_or_json(tiny: World, caller: httpx.AsyncClient, media_type: str) -> None:
    url = f"{PEOPLE}/{(await tiny.person()).id}"
    headers = {"If-Match": '"1"', "Content-Type": media_type}
    reply = await caller.patch(url, content=b'{"given_name": "B"}', headers=headers)
    assert reply.json()["given_name"] == "B"


# Input, and the order in which it is looked at


@pytest.mark.parametrize(
    ("url", "pointer"),
    [
        ("?colour=red", "query:colour"),
        ("?sort=name&sort=name", "query:sort"),
        ("?family_name=a%00b", "query:family_name"),
        ("?family_name=%ED%A0%80", "query:family_name"),
        ("?limit=0", "query:limit"),
        ("?limit=-1", "query:limit"),
        ("?limit=100000000000000000000", "query:limit"),
        ("?limit=x", "query:limit"),
        ("?expand=parents", "query:expand"),
        ("?fields=password_hash", "query:fields"),
        ("?friend_of=nobody", "query:friend_of"),
        ("?validate_only=true", "query:validate_only"),
        (f"?{'x' * 300}=1", "query:?"),
    ],
)
async def test_a_query_that_is_not_understood_is_refused(caller: httpx.AsyncClient, url: str, pointer: str) -> None:
    reply = await caller.get(PEOPLE + url)
    assert reply.status_code == 422
    assert pointers(reply) == [pointer]


@pytest.mark.parametrize("id", ["1", "nobody", "9" * 30, "%00", "01934b5e-7f6a-7c3e-9d0a-00000000000g"])
async def test_a_path_that_cannot_be_an_id_names_nothing(caller: httpx.AsyncClient, id: str) -> None:
    nothing = await caller.get(f"{PEOPLE}/{new_id()}")
    reply = await caller.get(f"{PEOPLE}/{id}")
    assert reply.status_code == nothing.status_code == 404
    same = {"request_id": ""}
    assert reply.json() | same == nothing.json() | same


@pytest.mark.parametrize(
    ("content", "media_type", "status"),
    [
        (b'{"given_name": "A"', "application/json", 400),
        (b'{"given_name": "A", "given_name": "B"}', "application/json", 400),
        (b'{"given_name": "A\\u0000"}', "application/json", 422),
        (b'{"given_name": NaN}', "application/json", 422),
        (b'{"given_name": 5}', "application/json", 422),
        (b'{"given_name": "A", "is_admin": true}', "application/json", 422),
        (b"", "application/json", 422),
        (b'{"given_name": "A"}', "text/plain", 415),
        (b'{"given_name": "A"}', "application/merge-patch+json", 415),
        (b'{"given_name": "A"}', "", 415),
        (b'{"given_name": "' + b"A" * 1_100_000 + b'"}', "application/json", 413),
    ],
)
async def test_a_body_that_is_not_acceptable_is_refused(
    tiny: World, caller: httpx.AsyncClient, content: bytes, media_type: str, status: int
) -> None:
    headers = {"Content-Type": media_type} if media_type else {}
    reply = await caller.post(PEOPLE, content=content, headers=headers)
    assert reply.status_code == status
    assert reply.headers["content-type"] == "application/problem+json"
    assert ("accept-post" in reply.headers) is (status == 415)


async def test_a_body_without_a_declared_length_is_measured_while_it_comes(caller: httpx.AsyncClient) -> None:
    sent = 0

    async def endless() -> Any:
        nonlocal sent
        while sent < 20_000_000:
            sent += 65_536
            yield b" " * 65_536

    reply = await caller.post(PEOPLE, content=endless(), headers={"Content-Type": "application/json"})
    assert reply.status_code == 413
    assert sent < 2_000_000


async def test_who_is_not_signed_in_is_told_so_whatever_else_is_wrong(tiny: World) -> None:
    stranger = tiny.client_with("not.a.token")
    for content, media_type in ((b"{", "application/json"), (b"x", "text/plain"), (b" " * 2_000_000, "x/y")):
        reply = await stranger.post(PEOPLE + "?colour=red", content=content, headers={"Content-Type": media_type})
        assert reply.status_code == 401
        assert reply.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert (await stranger.get(PEOPLE + "?colour=red")).status_code == 401


async def test_the_body_is_judged_before_the_precondition(tiny: World, caller: httpx.AsyncClient) -> None:
    url = f"{PEOPLE}/{(await tiny.person()).id}"
    assert (await caller.patch(url, content=b"{", headers={"Content-Type": "application/json"})).status_code == 400
    assert (await caller.patch(url, json={"given_name": 5})).status_code == 422


# The caller, as of now


async def test_a_session_that_ends_is_over_at_once(tiny: World) -> None:
    session = await tiny.session(await tiny.account(await tiny.person()))
    caller = tiny.client_with(await tiny.token(session))
    assert (await caller.get(PEOPLE)).status_code == 200
    async with tiny.transaction() as transaction:
        await transaction.execute(update(Session).where(Session.id == session.id).values(ended_at=func.now()))
    for reply in (await caller.get(PEOPLE), await caller.post(PEOPLE, json=ADA), await caller.get(PEOPLE)):
        assert (reply.status_code, reply.json()["code"]) == (401, "invalid_token")
    assert await made(tiny) == 0


async def test_an_account_that_is_disabled_is_out_at_once(tiny: World) -> None:
    account = await tiny.account(await tiny.person())
    caller = tiny.client_with(await tiny.token(await tiny.session(account)))
    assert (await caller.get(PEOPLE)).status_code == 200
    async with tiny.transaction() as transaction:
        await transaction.execute(update(Account).where(Account.id == account.id).values(is_disabled=True))
    assert (await caller.get(PEOPLE)).status_code == 401
    assert (await caller.post(PEOPLE, json=ADA)).status_code == 401


async def test_a_scope_taken_from_a_service_is_gone_at_once(client: httpx.AsyncClient, world: World) -> None:
    service = await world.service("events.read", "plans.read")
    caller = await world.client_for(service)
    assert (await caller.get("/v1/changes")).status_code == 200
    async with world.transaction() as transaction:
        await transaction.execute(update(ServiceClient).values(scopes=["plans.read"]))
    assert (await caller.get("/v1/changes")).status_code == 403


async def test_a_role_that_ends_is_gone_at_once(world: World) -> None:
    admin = await world.district_admin()
    caller = await world.client_for(admin)
    await world.add(
        Event(
            tenant_id=world.tenant.id,
            capacity="system",
            section="plan",
            entity_type="plan",
            entity_id=new_id(),
            action="create",
            changes={},
            request_id="r",
            seq=1,
        )
    )
    assert len((await caller.get("/v1/changes")).json()["items"]) == 1
    async with world.transaction() as transaction:
        await transaction.execute(
            update(RoleAssignment).where(RoleAssignment.person_id == admin.id).values(until_on=func.current_date())
        )
    assert (await caller.get("/v1/changes")).json()["items"] == []


async def test_a_token_of_one_tenant_opens_nothing_of_another(tiny: World, twin: World) -> None:
    theirs = await twin.person()
    caller = await tiny.client_for(await tiny.district_admin())
    nothing = await caller.get(f"{PEOPLE}/{new_id()}")
    hidden = await caller.get(f"{PEOPLE}/{theirs.id}")
    same = {"request_id": ""}
    assert hidden.status_code == 404
    assert hidden.json() | same == nothing.json() | same


# Expansions and fields


async def test_optional_fields_are_there_when_asked_for(tiny: World, caller: httpx.AsyncClient) -> None:
    url = f"{PEOPLE}/{(await tiny.person()).id}"
    assert "secret" not in (await caller.get(url)).json()
    assert (await caller.get(url + "?expand=secret")).json()["secret"] == "s"
    assert (await caller.get(url + "?fields=given_name,id")).json().keys() == {"id", "given_name"}
    assert (await caller.get(url + "?fields=id&expand=secret")).json().keys() == {"id", "secret"}


async def test_a_tag_belongs_to_a_representation(tiny: World, caller: httpx.AsyncClient) -> None:
    url = f"{PEOPLE}/{(await tiny.person()).id}"
    plain, expanded = await caller.get(url), await caller.get(url + "?expand=secret")
    assert plain.headers["etag"] != expanded.headers["etag"]
    not_modified = await caller.get(url, headers={"If-None-Match": plain.headers["etag"]})
    assert (not_modified.status_code, not_modified.content) == (304, b"")
    other = await caller.get(url + "?expand=secret", headers={"If-None-Match": plain.headers["etag"]})
    assert other.status_code == 200
