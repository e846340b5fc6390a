"""Administrating accounts: who may see, invite, change and reset whom."""

from uuid import uuid4

import httpx
import pytest
from sqlalchemy import select

from app.core.events import Event
from app.identity.models import Account
from app.roster.models import Person
from tests.factories import EARLIER, Identified, World

pytestmark = pytest.mark.anyio


async def etag(client: httpx.AsyncClient, account: Account) -> dict[str, str]:
    return {"If-Match": (await client.get(f"/v1/accounts/{account.id}")).headers["etag"]}


async def reset(world: World, who: Identified, account: Account) -> int:
    async with await world.client_for(who) as client:
        return (await client.post(f"/v1/accounts/{account.id}/password-reset")).status_code


async def listed(world: World, who: Identified) -> set[str]:
    async with await world.client_for(who) as client:
        return {item["id"] for item in (await client.get("/v1/accounts")).json()["items"]}


@pytest.fixture
async def admin(world: World) -> Person:
    return await world.district_admin()


async def test_an_invited_person_sets_her_password_and_signs_in(
    world: World, client: httpx.AsyncClient, admin: Person
) -> None:
    person = await world.person("Nele", "New", role="teacher")
    name = f"Nele.{world.tenant.slug}"
    async with await world.client_for(admin) as administrator:
        invited = await administrator.post("/v1/accounts", json={"person_id": str(person.id), "username": name})
        assert invited.status_code == 201
        account = invited.json()
        assert invited.headers["location"] == f"/v1/accounts/{account['id']}"
        assert (account["given_name"], account["has_password"]) == ("Nele", False)
        assert account["available_actions"] == ["edit", "reset_password"]
        read = (await administrator.get(invited.headers["location"])).json()
        assert "invitation_token" not in read
    done = {"token": account["invitation_token"], "new_password": "amber meadow 77"}
    assert (await client.post("/v1/auth/password-resets/complete", json=done)).status_code == 204
    body = {"identifier": name, "password": "amber meadow 77", "client": "app"}
    assert (await client.post("/v1/auth/sessions", json=body)).status_code == 201


async def test_an_invitation_is_replayed_under_its_key(world: World, admin: Person) -> None:
    person = await world.person()
    async with await world.client_for(admin) as client:
        first, again = [
            await client.post(
                "/v1/accounts",
                json={"person_id": str(person.id), "username": f"once.{world.tenant.slug}"},
                headers={"Idempotency-Key": "invite-1"},
            )
            for _ in range(2)
        ]
    assert first.content == again.content
    assert again.headers["idempotency-replayed"] == "true"


@pytest.mark.parametrize(
    ("names", "status"),
    [
        ({}, 422),
        ({"username": "with space"}, 422),
        ({"username": "a@b"}, 422),
        ({"email": "nobody"}, 422),
        ({"username": "free", "role": "district_admin"}, 422),
    ],
)
async def test_an_invitation_needs_a_sound_identifier(
    world: World, admin: Person, names: dict[str, str], status: int
) -> None:
    person = await world.person()
    async with await world.client_for(admin) as client:
        reply = await client.post("/v1/accounts", json={"person_id": str(person.id), **names})
    assert reply.status_code == status


async def test_an_identifier_belongs_to_one_account_of_the_tenant(
    world: World, another_world: World, admin: Person
) -> None:
    taken = f"taken.{world.tenant.slug}"
    await world.account(await world.person(), username=taken)
    person = await world.person()
    async with await world.client_for(admin) as client:
        body = {"person_id": str(person.id), "username": taken.upper()}
        reply = await client.post("/v1/accounts", json=body)
        assert (reply.status_code, reply.json()["code"]) == (409, "identifier_taken")
        await client.post("/v1/accounts", json=body | {"username": f"free.{world.tenant.slug}"})
        second = await client.post("/v1/accounts", json=body | {"username": f"more.{world.tenant.slug}"})
        assert (second.status_code, second.json()["code"]) == (409, "already_has_account")
    async with await another_world.client_for(await another_world.district_admin()) as client:
        there = await another_world.person()
        reply = await client.post("/v1/accounts", json={"person_id": str(there.id), "username": taken})
        assert reply.status_code == 201


async def test_another_tenants_people_and_accounts_look_like_none(
    world: World, another_world: World, admin: Person
) -> None:
    stranger = await another_world.person()
    account = await another_world.account(stranger)
    async with await world.client_for(admin) as client:
        for account_id in (account.id, uuid4()):
            path = f"/v1/accounts/{account_id}"
            assert (await client.get(path)).status_code == 404
            assert (await client.patch(path, json={}, headers={"If-Match": '"1"'})).status_code == 404
            assert (await client.post(f"{path}/password-reset")).status_code == 404
        body = {"person_id": str(stranger.id), "username": f"x.{world.tenant.slug}"}
        assert (await client.post("/v1/accounts", json=body)).status_code == 404


async def test_everybody_sees_the_accounts_she_looks_after(world: World, admin: Person) -> None:
    learner, elsewhere = await world.learner(), await world.learner(school=await world.school("Far School"))
    teacher, school_admin = await world.teacher_of(learner), await world.school_admin()
    here = {str((await world.account(person)).id) for person in (learner, teacher, school_admin)}
    far = str((await world.account(elsewhere)).id)
    of_admin = str((await world.account(admin)).id)
    assert await listed(world, admin) == here | {far, of_admin}
    assert await listed(world, school_admin) == here
    assert await listed(world, teacher) == {str((await world.account(learner)).id)}
    assert await listed(world, learner) == set()
    service = await world.client_for(await world.service("plans.write", "access.manage"))
    assert (await service.get("/v1/accounts")).json()["permission"] == "accounts:read"


async def test_a_teacher_hands_out_resets_to_pupils_of_her_classes_only(world: World) -> None:
    learner, other = await world.learner(), await world.learner()
    teacher = await world.teacher_of(learner)
    assert await reset(world, teacher, await world.account(learner)) == 201
    assert await reset(world, teacher, await world.account(other)) == 404
    assert await reset(world, teacher, await world.account(await world.school_admin())) == 404
    former = await world.person(role="teacher")
    await world.enroll(await world.class_(None, [learner]), former, "teacher", until_on=EARLIER)
    assert await reset(world, former, await world.account(learner)) == 404
    for nobody in (await world.staff_of(learner), await world.guardian_of(learner), learner):
        assert await reset(world, nobody, await world.account(learner)) == 404


async def test_a_teacher_may_not_take_over_a_colleague_who_sits_in_her_class(world: World) -> None:
    colleague = await world.person(role="teacher")
    teacher = await world.teacher_of(colleague)
    assert await reset(world, teacher, await world.account(colleague)) == 404


async def test_a_teacher_sees_what_she_may_do_and_may_not_edit(world: World) -> None:
    learner = await world.learner()
    account = await world.account(learner)
    async with await world.client_for(await world.teacher_of(learner)) as client:
        read = await client.get(f"/v1/accounts/{account.id}")
        assert read.json()["available_actions"] == ["reset_password"]
        assert [blocked["action"] for blocked in read.json()["blocked_actions"]] == ["edit"]
        headers = {"If-Match": read.headers["etag"]}
        reply = await client.patch(f"/v1/accounts/{account.id}", json={"is_disabled": True}, headers=headers)
    assert (reply.status_code, reply.json()["permission"]) == (403, "accounts:write")


async def test_a_school_administrator_gains_nothing_over_those_who_lead_elsewhere(world: World) -> None:
    school_admin = await world.school_admin()
    teacher = await world.person(role="teacher")
    leader = await world.person(role="teacher")
    await world.role(leader, "school_admin", at=await world.school("Far School"))
    district = await world.district_admin()
    await world.role(district, "teacher")
    assert await reset(world, school_admin, await world.account(teacher)) == 201
    assert await reset(world, school_admin, await world.account(leader)) == 403
    assert await reset(world, school_admin, await world.account(district)) == 403
    async with await world.client_for(school_admin) as client:
        read = (await client.get(f"/v1/accounts/{(await world.account(leader)).id}")).json()
        unknown = await world.person(role="district_admin")
        await world.role(unknown, "teacher")
        body = {"person_id": str(unknown.id), "username": f"y.{world.tenant.slug}"}
        assert (await client.post("/v1/accounts", json=body)).status_code == 403
    assert read["available_actions"] == []
    assert [blocked["action"] for blocked in read["blocked_actions"]] == ["edit", "reset_password"]


async def test_only_administrators_invite(world: World) -> None:
    person, learner = await world.person(), await world.learner()
    for who in (await world.teacher_of(learner), learner, await world.service("access.manage")):
        async with await world.client_for(who) as client:
            body = {"person_id": str(person.id), "username": f"z.{world.tenant.slug}"}
            assert (await client.post("/v1/accounts", json=body)).status_code == 403


async def test_disabling_ends_sessions_and_is_an_event(world: World, admin: Person) -> None:
    account = await world.account(await world.person())
    session = await world.session(account)
    async with await world.client_for(admin) as client:
        headers = await etag(client, account)
        reply = await client.patch(f"/v1/accounts/{account.id}", json={"is_disabled": True}, headers=headers)
        assert (reply.status_code, reply.json()["is_disabled"]) == (200, True)
        stale = await client.patch(f"/v1/accounts/{account.id}", json={"is_disabled": False}, headers=headers)
        assert stale.status_code == 412
        assert (await client.patch(f"/v1/accounts/{account.id}", json={"is_disabled": False})).status_code == 428
        reset_refused = await client.post(f"/v1/accounts/{account.id}/password-reset")
        assert reset_refused.json()["code"] == "account_disabled"
    assert (await world.reload(session)).ended_because == "account_disabled"
    async with world.transaction() as db:
        event = (await db.scalars(select(Event).where(Event.entity_id == account.id))).one()
    assert event.changes == {"is_disabled": {"before": False, "after": True}}
    assert (event.capacity, event.actor_person_id) == ("district_admin", admin.id)


async def test_a_renamed_account_answers_to_its_new_name_only(
    world: World, client: httpx.AsyncClient, admin: Person
) -> None:
    old, new = f"old.{world.tenant.slug}", f"new.{world.tenant.slug}"
    account = await world.account(await world.person(), username=old, password="violet canyon 42")
    async with await world.client_for(admin) as administrator:
        path, headers = f"/v1/accounts/{account.id}", await etag(administrator, account)
        assert (await administrator.patch(path, json={"username": None}, headers=headers)).status_code == 422
        assert (await administrator.patch(path, json={"username": new}, headers=headers)).status_code == 200
    statuses = [
        (
            await client.post(
                "/v1/auth/sessions", json={"identifier": name, "password": "violet canyon 42", "client": "app"}
            )
        ).status_code
        for name in (old, new)
    ]
    assert statuses == [401, 201]


async def test_nobody_locks_herself_out(world: World, admin: Person) -> None:
    account = await world.account(admin)
    async with await world.client_for(admin) as client:
        headers = await etag(client, account)
        reply = await client.patch(f"/v1/accounts/{account.id}", json={"is_disabled": True}, headers=headers)
    assert (reply.status_code, reply.json()["code"]) == (409, "own_account")


async def test_an_unchanged_account_keeps_its_version(world: World, admin: Person) -> None:
    account = await world.account(await world.person())
    async with await world.client_for(admin) as client:
        reply = await client.patch(
            f"/v1/accounts/{account.id}", json={"is_disabled": False}, headers=await etag(client, account)
        )
    assert reply.json()["version"] == 1


async def test_the_list_filters_and_shows_actions_on_demand(world: World, admin: Person) -> None:
    person = await world.person()
    account = await world.account(person)
    await world.account(await world.person(), is_disabled=True)
    async with await world.client_for(admin) as client:
        wanted = {"person_id": str(person.id), "expand": "available_actions"}
        one = (await client.get("/v1/accounts", params=wanted)).json()
        off = (await client.get("/v1/accounts", params={"is_disabled": "true", "count": "true"})).json()
    assert [item["id"] for item in one["items"]] == [str(account.id)]
    assert one["items"][0]["available_actions"] == ["edit", "reset_password"]
    assert off["total"] == 1
    assert "available_actions" not in off["items"][0]
