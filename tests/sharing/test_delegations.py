"""Substitutes: what they may while they stand in, and who appoints them."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from app.core.sequencer import number_events
from app.roster.models import Caseload, Delegation, Enrollment
from tests import sharing_factories as sharing
from tests.databases import Database
from tests.factories import EARLIER, LATER, World
from tests.plans.people import change, fault, gather, ok, read, refusal, remove, tag

pytestmark = pytest.mark.anyio

TODAY = datetime.now(UTC).date()
YESTERDAY, TOMORROW = TODAY - timedelta(days=1), TODAY + timedelta(days=1)
URL = "/v1/delegations"


def body(delegator: Any, delegate: Any, **fields: Any) -> dict[str, Any]:
    people = {"delegator_id": str(delegator.id), "delegate_id": str(delegate.id)}
    return {**people, "until_on": TOMORROW.isoformat(), "reason": "Parental leave."} | fields


async def teacher(world: World, **fields: Any) -> Any:
    return await world.person("Sub", "Stitute", role="teacher", **fields)


async def sees(client: httpx.AsyncClient, learner: Any) -> bool:
    return (await client.get(f"/v1/learners/{learner.id}")).status_code == 200


# What a substitute may


@pytest.mark.parametrize("label", ["teacher", "advisor", "counselor", "case_manager"])
async def test_a_substitute_has_the_rights_of_staff_while_it_lasts(world: World, label: str) -> None:
    cast = await gather(world, label, "district_admin")
    plan, substitute = await world.plan(cast.learner), await teacher(world)
    client, admin = await world.client_for(substitute), await cast.as_("district_admin")
    own, url = await cast.as_(label), f"/v1/plans/{plan.id}"
    assert (await client.get(url)).status_code == 404
    made = ok(await admin.post(URL, json=body(cast.people[label], substitute)), 201)
    assert (made["from_on"], made["is_in_force"]) == (TODAY.isoformat(), True)
    mine, theirs = await read(client, url), await read(own, url)
    assert mine["relations"] == theirs["relations"] == [label]
    assert mine["available_actions"] == theirs["available_actions"]
    assert [item["id"] for item in (await read(client, "/v1/plans?mine=true"))["items"]] == [str(plan.id)]
    ok(await change(admin, f"{URL}/{made['id']}", {"from_on": TOMORROW.isoformat(), "until_on": "2099-01-01"}), 422)
    ends = {"from_on": EARLIER.isoformat(), "until_on": EARLIER.replace(month=3).isoformat()}
    assert ok(await change(admin, f"{URL}/{made['id']}", ends))["is_in_force"] is False
    assert (await client.get(url)).status_code == 404
    assert (await own.get(url)).status_code == 200


async def test_a_substitute_of_the_teacher_named_on_a_goal_writes_it(world: World) -> None:
    cast = await gather(world, "teacher")
    goal = await world.goal(await world.plan(cast.learner))
    await world.name_teacher(goal, cast.people["teacher"])
    substitute = await teacher(world)
    row = await sharing.delegation(world, cast.people["teacher"], substitute)
    client = await world.client_for(substitute)
    ok(await change(client, f"/v1/goals/{goal.id}", {"title": "By the substitute"}))
    await end(world, row, TODAY)
    assert (await client.get(f"/v1/goals/{goal.id}")).status_code == 404


async def test_a_substitute_is_on_the_support_team_of_that_plan_alone(world: World) -> None:
    learner, member, substitute = await world.learner(), await teacher(world), await teacher(world)
    plan, other = await world.plan(learner), await world.plan(learner, school_year=2030)
    await sharing.team_member(world, plan, member)
    await sharing.delegation(world, member, substitute)
    client = await world.client_for(substitute)
    assert (await read(client, f"/v1/plans/{plan.id}"))["relations"] == ["team_member"]
    assert (await client.get(f"/v1/plans/{other.id}")).status_code == 404


async def test_nothing_goes_along_that_one_has_as_family_by_grant_or_by_office(world: World) -> None:
    """The delegator is a guardian, a learner, a grantee, an administrator, and opened a section by break-glass."""
    child, pupil, other = await world.learner(), await world.learner(), await world.learner()
    plan = await world.plan(pupil)
    admin = await world.school_admin()
    await world.guardian(admin, child)
    await sharing.grant(world, plan, admin)
    await sharing.break_glass(world, other, admin)
    substitute = await teacher(world)
    for delegator in (admin, child):
        await sharing.delegation(world, delegator, substitute)
    client = await world.client_for(substitute)
    for learner in (child, pupil, other):
        assert not await sees(client, learner)
    assert (await client.get(f"/v1/plans/{plan.id}")).status_code == 404
    assert (await client.get("/v1/accounts")).json()["items"] == []


async def test_a_substitute_of_a_substitute_has_only_what_is_hers(world: World) -> None:
    cast = await gather(world, "counselor")
    second, third = await teacher(world), await teacher(world)
    await sharing.delegation(world, cast.people["counselor"], second)
    await sharing.delegation(world, second, third)
    assert await sees(await world.client_for(second), cast.learner)
    assert not await sees(await world.client_for(third), cast.learner)


@pytest.mark.parametrize(
    ("from_on", "until_on", "holds"),
    [(TODAY, TOMORROW, True), (EARLIER, TODAY, False), (TOMORROW, LATER, False), (YESTERDAY, LATER, True)],
)
async def test_it_holds_from_its_first_day_and_no_longer_on_its_last(
    world: World, from_on: date, until_on: date, holds: bool
) -> None:
    cast, substitute = await gather(world, "counselor"), await teacher(world)
    await sharing.delegation(world, cast.people["counselor"], substitute, from_on=from_on, until_on=until_on)
    assert await sees(await world.client_for(substitute), cast.learner) is holds


@pytest.mark.parametrize("label", ["teacher", "counselor"])
async def test_what_the_delegator_loses_the_substitute_loses(world: World, label: str) -> None:
    cast, substitute = await gather(world, label), await teacher(world)
    await sharing.delegation(world, cast.people[label], substitute)
    client = await world.client_for(substitute)
    assert await sees(client, cast.learner)
    entity: Any = Enrollment if label == "teacher" else Caseload
    async with world.transaction() as session:
        rows = await session.execute(entity.__table__.update().values(until_on=TODAY))
    assert rows.rowcount  # type: ignore[attr-defined]
    assert not await sees(client, cast.learner)


async def test_a_restriction_binds_the_substitute(world: World) -> None:
    cast, substitute = await gather(world, "counselor"), await teacher(world)
    await sharing.delegation(world, cast.people["counselor"], substitute)
    await world.restrict(await world.guardian(substitute, cast.learner))
    assert not await sees(await world.client_for(substitute), cast.learner)


# Who appoints


async def test_a_school_administrator_appoints_among_the_staff_of_her_schools(world: World) -> None:
    cast = await gather(world, "teacher", "school_admin", "guardian")
    client, substitute = await cast.as_("school_admin"), await teacher(world)
    elsewhere = await teacher(world, at=await world.school("Elsewhere"))
    one = cast.people["teacher"]
    made = ok(await client.post(URL, json=body(one, substitute)), 201)
    assert made["created_by"] == str(cast.people["school_admin"].id)
    assert (made["available_actions"], made["blocked_actions"]) == (["edit", "delete"], [])
    for stranger in (elsewhere, cast.learner, cast.people["guardian"], await world.person(role="mentor")):
        assert fault(await client.post(URL, json=body(one, stranger))) == (404, "/delegate_id", "not_found")
        assert fault(await client.post(URL, json=body(stranger, one))) == (404, "/delegator_id", "not_found")
    assert (await remove(client, f"{URL}/{made['id']}")).status_code == 204


async def test_rights_over_learners_of_other_schools_are_for_the_district_to_hand_on(world: World) -> None:
    cast = await gather(world, "school_admin", "district_admin")
    elsewhere = await world.school("Elsewhere")
    one, substitute = await teacher(world), await teacher(world)
    await world.class_(one, [await world.learner(school=elsewhere)])
    refused = await (await cast.as_("school_admin")).post(URL, json=body(one, substitute))
    assert refusal(refused) == (403, "forbidden")
    made = ok(await (await cast.as_("district_admin")).post(URL, json=body(one, substitute)), 201)
    client, url = await cast.as_("school_admin"), f"{URL}/{made['id']}"
    shown = await read(client, url)
    assert shown["available_actions"] == ["delete"]
    assert [each["action"] for each in shown["blocked_actions"]] == ["edit"]
    assert refusal(await change(client, url, {"reason": "More."})) == (403, "forbidden")


@pytest.mark.parametrize("label", ["district_admin", "access_manager"])
async def test_the_district_appoints_anybody_of_the_staff(world: World, label: str) -> None:
    admin: Any = await (world.service("access.manage") if label == "access_manager" else world.district_admin())
    client = await world.client_for(admin)
    one, other = await teacher(world, at=await world.school("One")), await teacher(world, at=await world.school("Two"))
    made = ok(await client.post(URL, json=body(one, other)), 201)
    assert made["created_by"] == (None if label == "access_manager" else str(admin.id))
    pupil = await world.learner()
    assert fault(await client.post(URL, json=body(one, pupil))) == (404, "/delegate_id", "not_found")


@pytest.mark.parametrize("label", ["learner", "guardian", "teacher", "counselor", "service_writer"])
async def test_nobody_else_appoints(world: World, label: str) -> None:
    cast = await gather(world, label)
    one, other = await teacher(world), await teacher(world)
    reply = await (await cast.as_(label)).post(URL, json=body(one, other))
    assert refusal(reply) == (403, "forbidden")
    assert reply.json()["permission"] == "access:manage"


async def test_what_does_not_fit_is_refused(world: World) -> None:
    client = await world.client_for(await world.district_admin())
    one, other = await teacher(world), await teacher(world)
    long = {"from_on": TODAY.isoformat(), "until_on": (TODAY + timedelta(days=401)).isoformat()}
    assert fault(await client.post(URL, json=body(one, other, **long))) == (422, "/until_on", "too_long")
    just = long | {"until_on": (TODAY + timedelta(days=400)).isoformat()}
    made = ok(await client.post(URL, json=body(one, other, **just)), 201)
    backwards = body(one, other, until_on=TODAY.isoformat())
    assert fault(await client.post(URL, json=backwards)) == (422, "/until_on", "dates_in_order")
    assert fault(await client.post(URL, json=body(one, one))) == (422, "/delegate_id", "same_person")
    taken = await client.post(URL, json=body(one, other, id=made["id"]))
    assert refusal(taken) == (409, "id_taken")
    missing = body(one, other)
    del missing["until_on"]
    assert fault(await client.post(URL, json=missing)) == (422, "/until_on", "missing")
    assert refusal(await client.patch(f"{URL}/{made['id']}", json={"reason": "x"})) == (428, "if_match_required")


# Who reads


async def test_administrators_and_the_two_people_read_a_delegation(world: World) -> None:
    elsewhere = await world.school("Elsewhere")
    one, other = await teacher(world), await teacher(world, at=elsewhere)
    row = await sharing.delegation(world, one, other)
    hidden = await sharing.delegation(
        world, await teacher(world, at=await world.school("Third")), await world.person(role="counselor", at=elsewhere)
    )
    expected = {
        "one": (one, {row.id}),
        "other": (other, {row.id}),
        "her school": (await world.school_admin(), {row.id}),
        "the other's school": (await world.school_admin(at=elsewhere), {row.id, hidden.id}),
        "a third school": (await world.school_admin(at=await world.school("Fourth")), set[Any]()),
        "the district": (await world.district_admin(), {row.id, hidden.id}),
        "a colleague": (await teacher(world), set[Any]()),
        "a learner": (await world.learner(), set[Any]()),
    }
    for name, (person, seen) in expected.items():
        client = await world.client_for(person)
        assert {item["id"] for item in (await read(client, URL))["items"]} == {str(each) for each in seen}, name
        for each in (row, hidden):
            status = (await client.get(f"{URL}/{each.id}")).status_code
            assert status == (200 if each.id in seen else 404), name
    found = await read(await world.client_for(one), URL, person_id=str(other.id))
    assert [item["id"] for item in found["items"]] == [str(row.id)]
    mine = await world.client_for(other)
    assert (await read(mine, f"{URL}/{row.id}"))["available_actions"] == []
    match = {"If-Match": await tag(mine, f"{URL}/{row.id}")}
    assert refusal(await mine.delete(f"{URL}/{row.id}", headers=match)) == (403, "forbidden")
    assert (await (await world.client_for(await world.service("plans.write"))).get(URL)).status_code == 403


async def test_its_events_are_for_who_administers_the_district(world: World, database: Database) -> None:
    cast = await gather(world, "teacher", "school_admin", "district_admin")
    client = await cast.as_("school_admin")
    made = ok(await client.post(URL, json=body(cast.people["teacher"], await teacher(world))), 201)
    await change(client, f"{URL}/{made['id']}", {"reason": "Sabbatical."})
    connection = await asyncpg.connect(database.system)
    await number_events(connection)
    await connection.close()
    for label, expected in (("district_admin", ["create", "edit"]), ("school_admin", []), ("teacher", [])):
        items = (await read(await cast.as_(label), "/v1/changes"))["items"]
        assert [item["action"] for item in items if item["entity_type"] == "delegation"] == expected, label


async def end(world: World, row: Delegation, until_on: date) -> None:
    async with world.transaction() as session:
        (await session.get_one(Delegation, (world.tenant.id, row.id))).until_on = until_on


async def test_nobody_appoints_herself_or_prolongs_what_she_has(world: World) -> None:
    cast = await gather(world, "counselor", "district_admin")
    admin, client = cast.people["district_admin"], await cast.as_("district_admin")
    assert refusal(await client.post(URL, json=body(cast.people["counselor"], admin))) == (409, "own_rights")
    row = await sharing.delegation(world, cast.people["counselor"], admin)
    url = f"{URL}/{row.id}"
    assert refusal(await change(client, url, {"reason": "Longer."})) == (409, "own_rights")
    ok(await remove(client, url), 204)
