"""The support team of a plan: who puts whom on it, and the rights that come and go with it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from app.db.base import new_id
from app.plans.models import Plan
from tests import sharing_factories as sharing
from tests.factories import World
from tests.plans.people import change, fault, gather, ok, read, refusal, remove, restricted

pytestmark = pytest.mark.anyio

TODAY = datetime.now(UTC).date()


def url(plan: Plan) -> str:
    return f"/v1/plans/{plan.id}/team"


async def add(client: httpx.AsyncClient, plan: Plan, person: Any, **fields: Any) -> httpx.Response:
    return await client.post(url(plan), json={"person_id": str(person.id), "role": "Reading specialist"} | fields)


async def helper(world: World) -> Any:
    """A teacher of the district whom nothing ties to the learner."""
    return await world.person("Hal", "Helper", role="teacher", at=await world.school("Elsewhere"))


@pytest.mark.parametrize("label", ["advisor", "counselor", "case_manager", "school_admin"])
async def test_staff_put_people_on_the_team_and_take_them_off(world: World, label: str) -> None:
    cast = await gather(world, label)
    plan, hal = await world.plan(cast.learner), await helper(world)
    client = await cast.as_(label)
    made = await add(client, plan, hal)
    member = ok(made, 201)
    assert made.headers["location"] == f"/v1/team-members/{member['id']}"
    assert (member["person"]["given_name"], member["role"]) == ("Hal", "Reading specialist")
    assert (member["is_in_force"], member["available_actions"]) == (True, ["edit", "delete"])
    of_hal = await world.client_for(hal)
    assert [item["id"] for item in (await read(of_hal, "/v1/plans"))["items"]] == [str(plan.id)]
    ok(await of_hal.post(f"/v1/plans/{plan.id}/comments", json={"text": "Well done."}), 201)
    assert (await change(of_hal, f"/v1/plans/{plan.id}", {"title": "Mine"})).status_code == 403
    assert (await remove(client, f"/v1/team-members/{member['id']}")).status_code == 204
    assert (await of_hal.get(f"/v1/plans/{plan.id}")).status_code == 404
    assert (await read(of_hal, "/v1/plans"))["items"] == []
    assert (await read(client, url(plan)))["items"] == []


@pytest.mark.parametrize("label", ["learner", "guardian", "teacher", "district_admin", "service_writer"])
async def test_others_read_the_team_and_do_not_change_it(world: World, label: str) -> None:
    cast = await gather(world, label)
    plan, hal = await world.plan(cast.learner), await helper(world)
    member = await sharing.team_member(world, plan, hal)
    client, one = await cast.as_(label), f"/v1/team-members/{member.id}"
    assert refusal(await add(client, plan, await helper(world))) == (403, "forbidden")
    assert refusal(await change(client, one, {"role": "Friend"})) == (403, "forbidden")
    assert refusal(await remove(client, one)) == (403, "forbidden")
    (listed,) = (await read(client, url(plan), expand="available_actions"))["items"]
    assert listed == await read(client, one)
    assert listed["available_actions"] == []


async def test_a_member_does_not_change_the_team(world: World) -> None:
    cast = await gather(world)
    plan, hal = await world.plan(cast.learner), await helper(world)
    member = await sharing.team_member(world, plan, hal)
    client = await world.client_for(hal)
    assert len((await read(client, url(plan)))["items"]) == 1
    assert refusal(await change(client, f"/v1/team-members/{member.id}", {"until_on": None})) == (403, "forbidden")


@pytest.mark.parametrize("label", ["mentor", "other_learner", "former_counselor", "restricted_counselor"])
async def test_who_does_not_read_the_plan_does_not_learn_of_its_team(world: World, label: str) -> None:
    cast = await gather(world, label)
    plan, hal = await world.plan(cast.learner), await helper(world)
    member = await sharing.team_member(world, plan, hal)
    client = await cast.as_(label)
    for reply in (
        await client.get(url(plan)),
        await add(client, plan, hal),
        await client.get(f"/v1/team-members/{member.id}"),
        await client.delete(f"/v1/team-members/{member.id}", headers={"If-Match": "*"}),
    ):
        assert reply.status_code == 404


async def test_the_team_is_of_staff(world: World) -> None:
    cast = await gather(world, "counselor", "guardian", "mentor", "other_learner")
    plan = await world.plan(cast.learner)
    counselor = await cast.as_("counselor")
    for label in ("guardian", "mentor"):
        assert refusal(await add(counselor, plan, cast.people[label])) == (409, "outside")
    for person in (cast.people["other_learner"], cast.learner, await world.person()):
        assert fault(await add(counselor, plan, person)) == (404, "/person_id", "not_found")
    assert fault(await add(counselor, plan, plan, person_id=str(new_id()))) == (404, "/person_id", "not_found")
    await world.role(cast.people["other_learner"], "teacher")
    assert refusal(await add(counselor, plan, cast.people["other_learner"])) == (409, "pupil")
    kept_away = await restricted(world, await world.person("Ray", "Restricted", role="teacher"), cast.learner)
    assert refusal(await add(counselor, plan, kept_away)) == (409, "restricted")


async def test_nobody_widens_her_own_rights(world: World) -> None:
    cast = await gather(world, "counselor", "school_admin")
    plan = await world.plan(cast.learner)
    admin = cast.people["school_admin"]
    assert refusal(await add(await cast.as_("school_admin"), plan, admin)) == (409, "own_rights")
    ok(await add(await cast.as_("counselor"), plan, admin), 201)
    ok(await add(await cast.as_("counselor"), plan, cast.people["counselor"]), 201)


async def test_a_place_is_given_once(world: World) -> None:
    cast = await gather(world, "counselor")
    plan, hal = await world.plan(cast.learner), await helper(world)
    counselor = await cast.as_("counselor")
    member = ok(await add(counselor, plan, hal), 201)
    assert refusal(await add(counselor, plan, hal)) == (409, "already_on_team")
    reply = await add(counselor, plan, await helper(world), id=member["id"])
    assert refusal(reply) == (409, "id_taken")
    other = await world.plan(cast.learner, school_year=2030)
    ok(await add(counselor, other, hal), 201)


async def test_dates_give_and_take_rights_with_nobody_acting(world: World) -> None:
    cast = await gather(world, "counselor")
    plan, hal = await world.plan(cast.learner), await helper(world)
    counselor, client = await cast.as_("counselor"), await world.client_for(hal)
    tomorrow, yesterday = TODAY + timedelta(days=1), TODAY - timedelta(days=1)
    member = ok(await add(counselor, plan, hal, from_on=tomorrow.isoformat()), 201)
    one, plan_url = f"/v1/team-members/{member['id']}", f"/v1/plans/{plan.id}"
    assert member["is_in_force"] is False
    assert (await client.get(plan_url)).status_code == 404
    ok(await change(counselor, one, {"from_on": TODAY.isoformat(), "until_on": tomorrow.isoformat()}))
    ok(await client.get(plan_url))
    over = ok(await change(counselor, one, {"from_on": yesterday.isoformat(), "until_on": TODAY.isoformat()}))
    assert over["is_in_force"] is False
    assert (await client.get(plan_url)).status_code == 404
    wrong = await change(counselor, one, {"from_on": TODAY.isoformat()})
    assert fault(wrong) == (422, "/until_on", "dates_in_order")
    wrong = await add(counselor, plan, hal, from_on=TODAY.isoformat(), until_on=TODAY.isoformat())
    assert fault(wrong) == (422, "/until_on", "dates_in_order")


async def test_the_team_is_of_one_plan(world: World) -> None:
    cast = await gather(world, "counselor")
    plan, hal = await world.plan(cast.learner), await helper(world)
    other = await world.plan(cast.learner, school_year=2030)
    ok(await add(await cast.as_("counselor"), plan, hal), 201)
    client = await world.client_for(hal)
    assert [item["id"] for item in (await read(client, "/v1/plans"))["items"]] == [str(plan.id)]
    assert (await client.get(f"/v1/plans/{other.id}")).status_code == 404
    assert (await client.get(url(other))).status_code == 404
    ok(await client.get(f"/v1/learners/{cast.learner.id}/profile-statements"))


async def test_a_substitute_stands_in_on_the_team(world: World) -> None:
    cast = await gather(world, "counselor")
    plan, hal = await world.plan(cast.learner), await helper(world)
    substitute = await world.person("Sue", "Substitute", role="teacher")
    await sharing.delegation(world, hal, substitute)
    client = await world.client_for(substitute)
    assert (await client.get(f"/v1/plans/{plan.id}")).status_code == 404
    member = ok(await add(await cast.as_("counselor"), plan, hal), 201)
    ok(await client.post(f"/v1/plans/{plan.id}/comments", json={"text": "Standing in."}), 201)
    ok_gone = await remove(await cast.as_("counselor"), f"/v1/team-members/{member['id']}")
    assert ok_gone.status_code == 204
    assert (await client.get(f"/v1/plans/{plan.id}")).status_code == 404


async def test_a_district_may_close_sections_to_its_teams(world: World) -> None:
    cast = await gather(world, "counselor")
    plan, hal = await world.plan(cast.learner), await helper(world)
    await sharing.sharing_policy(world, {"plan": {"team_member": "read"}, "profile": {"team_member": "none"}})
    ok(await add(await cast.as_("counselor"), plan, hal), 201)
    client = await world.client_for(hal)
    ok(await client.get(f"/v1/plans/{plan.id}"))
    reply = await client.post(f"/v1/plans/{plan.id}/comments", json={"text": "Well done."})
    assert refusal(reply) == (403, "forbidden")
    assert (await client.get(f"/v1/learners/{cast.learner.id}/profile-statements")).status_code == 404


async def test_every_change_is_an_event_for_who_may_see_access(world: World) -> None:
    cast = await gather(world, "counselor", "guardian", "teacher")
    plan, hal = await world.plan(cast.learner), await helper(world)
    counselor = await cast.as_("counselor")
    member = ok(await add(counselor, plan, hal), 201)
    one = f"/v1/team-members/{member['id']}"
    ok(await change(counselor, one, {"role": "Coach"}))
    ok(await change(counselor, one, {"role": "Coach"}))
    assert (await remove(counselor, one)).status_code == 204
    history = f"/v1/plans/{plan.id}/events"
    seen = (await read(await cast.as_("guardian"), history, sort="at"))["items"]
    steps = [(item["action"], item["section"], item["capacity"]) for item in seen]
    assert steps == [(action, "access", "counselor") for action in ("create", "edit", "delete")]
    assert seen[1]["changes"] == {"role": {"before": "Reading specialist", "after": "Coach"}}
    assert (await read(await cast.as_("teacher"), history))["items"] == []


async def test_the_administrator_of_another_school_gets_no_hold_of_a_members_account(world: World) -> None:
    cast = await gather(world, "counselor")
    elsewhere = await world.school("Elsewhere")
    hal = await world.person("Hal", "Helper", role="teacher", at=elsewhere)
    account = await world.account(hal)
    admin = await world.client_for(await world.school_admin(at=elsewhere))
    ok(await admin.post(f"/v1/accounts/{account.id}/password-reset"), 201)
    ok(await add(await cast.as_("counselor"), await world.plan(cast.learner), hal), 201)
    assert refusal(await admin.post(f"/v1/accounts/{account.id}/password-reset")) == (403, "forbidden")
