"""Who sees which learner and plan: by relation, by date, and not a moment longer."""

import uuid
from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from app.learners.models import Learner
from tests.factories import EARLIER, LATER, SCHOOL_YEAR, World
from tests.plans.people import READERS, STRANGERS, Cast, gather, ok, read, restricted

pytestmark = pytest.mark.anyio

TODAY = date.today()  # noqa: DTZ011  the tenants of the tests live in UTC, as the tests do
YESTERDAY, TOMORROW = TODAY - timedelta(days=1), TODAY + timedelta(days=1)
RELATION = {"service_reader": {"service_reader"}, "service_writer": {"service_reader", "service_writer"}}


async def full_plan(cast: Cast) -> list[str]:
    """A plan with everything below it; the addresses of all, the learner's first."""
    world = cast.world
    plan = await world.plan(cast.learner)
    goal = await world.goal(plan)
    action, milestone, entry = await world.action(goal), await world.milestone(goal), await world.progress(goal)
    return [
        f"/v1/learners/{cast.learner.id}",
        f"/v1/plans/{plan.id}",
        f"/v1/plans/{plan.id}?expand=goals,goals.actions,goals.milestones,goals.competencies",
        f"/v1/plans/{plan.id}/goals",
        f"/v1/plans/{plan.id}/events",
        f"/v1/goals/{goal.id}",
        f"/v1/goals/{goal.id}/actions",
        f"/v1/goals/{goal.id}/milestones",
        f"/v1/goals/{goal.id}/progress",
        f"/v1/actions/{action.id}",
        f"/v1/milestones/{milestone.id}",
        f"/v1/progress/{entry.id}",
    ]


async def listed(client: httpx.AsyncClient, path: str, **query: Any) -> set[str]:
    """Who is in a list; nobody where a service lacks the scope for it."""
    reply = await client.get(path, params=query)
    return set() if reply.status_code == 403 else {item["id"] for item in ok(reply)["items"]}


async def sees(client: httpx.AsyncClient, learner_id: uuid.UUID) -> bool:
    """Whether the learner can be read; lists must say the same."""
    status = (await client.get(f"/v1/learners/{learner_id}")).status_code
    assert status in (200, 404)
    assert (str(learner_id) in await listed(client, "/v1/learners")) == (status == 200)
    return status == 200


@pytest.mark.parametrize("label", READERS)
async def test_who_has_a_relation_reads_the_learner_and_the_plan(world: World, label: str) -> None:
    cast = await gather(world, label)
    addresses = await full_plan(cast)
    client = await cast.as_(label)
    for address in addresses:
        assert (await client.get(address)).status_code == 200, address
    relations = set((await read(client, addresses[0]))["relations"])
    assert relations == RELATION.get(label, {label})
    assert await listed(client, "/v1/learners") == {str(cast.learner.id)}
    assert len(await listed(client, "/v1/plans")) == 1


@pytest.mark.parametrize("label", STRANGERS)
async def test_for_whom_has_no_relation_today_there_is_nothing(world: World, label: str) -> None:
    cast = await gather(world, label)
    addresses = await full_plan(cast)
    client = await cast.as_(label)
    for address in addresses:
        reply = await client.get(address)
        unknown = await client.get(address.replace(address.split("/")[3].partition("?")[0], str(uuid.uuid4())))
        assert (reply.status_code, unknown.status_code) == (404, 404), address
        assert {**reply.json(), "request_id": ""} == {**unknown.json(), "request_id": ""}
    assert str(cast.learner.id) not in await listed(client, "/v1/learners")
    assert await listed(client, "/v1/plans") == set()


@pytest.mark.parametrize("label", STRANGERS)
async def test_whom_nothing_is_shown_changes_nothing(world: World, label: str) -> None:
    cast = await gather(world, label)
    plan = await world.plan(cast.learner)
    goal = await world.goal(plan)
    action, milestone = await world.action(goal), await world.milestone(goal)
    client, match = await cast.as_(label), {"If-Match": "*"}
    for kind, row in (("plans", plan), ("goals", goal), ("actions", action), ("milestones", milestone)):
        reply = await client.patch(f"/v1/{kind}/{row.id}", json={"title": "Hacked"}, headers=match)
        assert reply.status_code == 404, kind
    for kind, row in (("goals", goal), ("actions", action), ("milestones", milestone)):
        assert (await client.delete(f"/v1/{kind}/{row.id}", headers=match)).status_code == 404
    moves = {f"plans/{plan.id}": "submit", f"goals/{goal.id}": "agree", f"actions/{action.id}": "complete"}
    for path, step in moves.items():
        reply = await client.post(f"/v1/{path}/transitions", json={"action": step}, headers=match)
        assert reply.status_code == 404, path
    posts = {
        f"plans/{plan.id}/goals": {"title": "G", "category": "personal"},
        f"goals/{goal.id}/actions": {"title": "A"},
        f"goals/{goal.id}/milestones": {"title": "M"},
        f"goals/{goal.id}/progress": {"value": "1"},
    }
    for path, body in posts.items():
        assert (await client.post(f"/v1/{path}", json=body)).status_code == 404, path


async def test_the_twin_tenants_strongest_role_sees_nothing(world: World, another_world: World) -> None:
    cast = await gather(world)
    addresses = await full_plan(cast)
    twin = await another_world.learner()
    await another_world.plan(twin)
    client = await another_world.client_for(await another_world.district_admin())
    for address in addresses:
        assert (await client.get(address)).status_code == 404, address
    assert await listed(client, "/v1/learners") == {str(twin.id)}
    assert len(await listed(client, "/v1/plans")) == 1


@pytest.mark.parametrize(
    ("from_on", "until_on", "holds"),
    [
        (None, None, True),
        (TODAY, None, True),
        (TOMORROW, None, False),
        (None, TOMORROW, True),
        (None, TODAY, False),
        (EARLIER, YESTERDAY, False),
        (EARLIER, LATER, True),
    ],
)
@pytest.mark.parametrize("relation", ["guardian", "counselor", "teacher", "student", "school_admin", "district_admin"])
async def test_a_relation_holds_from_its_first_day_and_no_longer_on_its_last(
    world: World, relation: str, from_on: date | None, until_on: date | None, holds: bool
) -> None:
    learner, person = await world.learner(), await world.person()
    dates: dict[str, Any] = {"from_on": from_on, "until_on": until_on}
    if relation == "guardian":
        await world.guardian(person, learner, **dates)
    elif relation == "counselor":
        await world.caseload(person, learner, **dates)
    elif relation in ("teacher", "student"):
        class_ = await world.class_()
        await world.enroll(class_, person, "teacher", **(dates if relation == "teacher" else {}))
        await world.enroll(class_, learner, "student", **(dates if relation == "student" else {}))
    else:
        await world.role(person, relation, **dates)
    assert await sees(await world.client_for(person), learner.id) is holds


@pytest.mark.parametrize("relation", ["guardian", "counselor", "teacher", "student", "school_admin", "district_admin"])
async def test_a_relation_that_ends_is_gone_with_the_next_request(world: World, relation: str) -> None:
    learner, person = await world.learner(), await world.person()
    if relation == "guardian":
        row: Any = await world.guardian(person, learner)
    elif relation == "counselor":
        row = await world.caseload(person, learner)
    elif relation in ("teacher", "student"):
        class_ = await world.class_()
        rows = {
            "teacher": await world.enroll(class_, person, "teacher"),
            "student": await world.enroll(class_, learner, "student"),
        }
        row = rows[relation]
    else:
        row = await world.role(person, relation)
    client = await world.client_for(person)
    assert await sees(client, learner.id)
    async with world.transaction() as session:
        held = await session.get_one(type(row), (world.tenant.id, row.id))
        held.until_on = TODAY
    assert not await sees(client, learner.id)


async def test_a_restriction_overrides_the_guardianship_while_it_holds(world: World) -> None:
    learner, guardian = await world.learner(), await world.person()
    guardianship = await world.guardian(guardian, learner)
    client = await world.client_for(guardian)
    await world.restrict(guardianship, "no_records", until_on=TODAY)
    await world.restrict(guardianship, "no_records", from_on=TOMORROW)
    assert await sees(client, learner.id)
    await world.restrict(guardianship, "no_contact", from_on=TODAY)
    assert not await sees(client, learner.id)


async def test_a_restriction_concerns_one_guardian_and_one_learner(world: World) -> None:
    learner, sibling = await world.learner(), await world.learner("Sue", "Learner")
    restricted, other = await world.person(), await world.guardian_of(learner)
    await world.restrict(await world.guardian(restricted, learner))
    await world.guardian(restricted, sibling)
    client = await world.client_for(restricted)
    assert not await sees(client, learner.id)
    assert await sees(client, sibling.id)
    assert await sees(await world.client_for(other), learner.id)


@pytest.mark.parametrize("label", ["teacher", "counselor", "school_admin", "district_admin"])
async def test_a_restriction_binds_the_person_in_every_role(world: World, label: str) -> None:
    other = await world.learner("Olga", "Other")
    cast = await gather(world, label)
    person = cast.people[label]
    await world.class_(person, [other])
    client = await cast.as_(label)
    assert await sees(client, cast.learner.id)
    guardianship = await world.guardian(person, cast.learner)
    await world.restrict(guardianship, until_on=TODAY)
    await world.restrict(guardianship, from_on=TOMORROW)
    assert await sees(client, cast.learner.id)
    await world.restrict(guardianship, from_on=TODAY)
    assert not await sees(client, cast.learner.id)
    assert await sees(client, other.id)
    assert await listed(client, "/v1/me/learners") == {str(other.id)}


async def test_who_is_kept_from_a_child_neither_makes_plans_for_it_nor_lists_its_class(world: World) -> None:
    learner, admin = await world.learner(), await world.district_admin()
    teacher = await world.teacher_of(learner)
    own = await world.class_(None, [learner])
    for person in (admin, teacher):
        await restricted(world, person, learner)
    client = await world.client_for(teacher)
    body = {"learner_id": str(learner.id), "school_year": SCHOOL_YEAR, "title": "Mine"}
    assert (await client.post("/v1/plans", json=body)).status_code == 404
    assert (await client.get(f"/v1/classes/{own.id}")).status_code == 404
    everything = await world.client_for(admin)
    assert await listed(everything, "/v1/learners", class_id=own.id) == set()


async def test_nobody_is_kept_from_oneself(world: World) -> None:
    learner = await world.learner()
    await restricted(world, learner, learner)
    assert await sees(await world.client_for(learner), learner.id)


async def test_a_plan_goes_to_the_new_school_with_its_learner(world: World) -> None:
    old, new = await world.school("Old"), await world.school("New")
    learner = await world.learner(school=old)
    plan = await world.plan(learner)
    before, after = [await world.client_for(await world.school_admin(at=school)) for school in (old, new)]
    assert await listed(before, "/v1/plans") == {str(plan.id)}
    async with world.transaction() as session:
        (await session.get_one(Learner, (world.tenant.id, learner.id))).school_id = new.id
    assert (await before.get(f"/v1/plans/{plan.id}")).status_code == 404
    assert await listed(before, "/v1/plans") == set()
    assert (await read(after, f"/v1/plans/{plan.id}"))["school_id"] == str(new.id)
    assert await listed(after, "/v1/plans") == {str(plan.id)}


@pytest.mark.parametrize("label", ["other_school_admin", "restricted_guardian"])
async def test_whom_nothing_is_shown_waits_for_nobodys_lock(world: World, label: str) -> None:
    cast = await gather(world, label)
    plan = await world.plan(cast.learner)
    goal = await world.goal(plan)
    action = await world.action(goal)
    client = await cast.as_(label)
    async with world.transaction() as session:
        for row in (plan, goal, action):
            await session.get_one(type(row), (world.tenant.id, row.id), with_for_update=True)
        for path in (f"plans/{plan.id}", f"goals/{goal.id}", f"actions/{action.id}"):
            reply = await client.patch(f"/v1/{path}", json={"title": "Hacked"}, headers={"If-Match": "*"})
            assert reply.status_code == 404, path


async def test_an_administrator_is_also_a_parent_elsewhere(world: World) -> None:
    elsewhere = await world.school("Elsewhere")
    pupil, child = await world.learner("Pat", "Pupil"), await world.learner("Chris", "Child", school=elsewhere)
    stranger = await world.learner("Sue", "Stranger", school=elsewhere)
    admin = await world.school_admin()
    await world.guardian(admin, child)
    client = await world.client_for(admin)
    assert await listed(client, "/v1/learners") == {str(pupil.id), str(child.id)}
    assert await listed(client, "/v1/me/learners") == {str(child.id)}
    assert not await sees(client, stranger.id)
    assert (await read(client, f"/v1/learners/{child.id}"))["relations"] == ["guardian"]


async def test_an_administrator_of_two_schools_sees_both_and_no_third(world: World) -> None:
    second, third = await world.school("Second"), await world.school("Third")
    learners = [await world.learner(school=school) for school in (world.home_school, second, third)]
    admin = await world.school_admin()
    await world.role(admin, "school_admin", at=second)
    client = await world.client_for(admin)
    assert await listed(client, "/v1/learners") == {str(learner.id) for learner in learners[:2]}
    assert not await sees(client, learners[2].id)


async def test_a_relation_held_twice_is_named_once_and_lost_with_the_last(world: World) -> None:
    learner, teacher = await world.learner(), await world.person()
    first, second = await world.class_(None, [learner]), await world.class_(None, [learner])
    await world.enroll(first, teacher, "teacher")
    row = await world.enroll(second, teacher, "teacher", until_on=EARLIER)
    assert row.until_on == EARLIER
    client = await world.client_for(teacher)
    assert (await read(client, f"/v1/learners/{learner.id}"))["relations"] == ["teacher"]
    assert len((await read(client, "/v1/learners"))["items"]) == 1


async def test_classmates_do_not_see_each_other(world: World) -> None:
    one, other = await world.learner("One"), await world.learner("Other")
    await world.class_(await world.person(), [one, other])
    client = await world.client_for(one)
    assert await listed(client, "/v1/learners") == {str(one.id)}
    assert not await sees(client, other.id)


@pytest.mark.parametrize("scope", ["roster.read", "roster.write"])
async def test_a_roster_service_sees_learners_and_no_plan(world: World, scope: str) -> None:
    learner = await world.learner()
    plan = await world.plan(learner)
    client = await world.client_for(await world.service(scope))
    assert await sees(client, learner.id)
    assert await listed(client, "/v1/plans") == set()
    assert (await client.get(f"/v1/plans/{plan.id}")).status_code == 404


async def test_a_service_loses_a_scope_with_the_next_request(world: World) -> None:
    learner = await world.learner()
    service = await world.service("plans.read", "competencies.read")
    client = await world.client_for(service)
    assert await sees(client, learner.id)
    async with world.transaction() as session:
        (await session.get_one(type(service), (world.tenant.id, service.id))).scopes = ["competencies.read"]
    assert not await sees(client, learner.id)
