"""What is told of grants: disclosures, events, and who sees them."""

from datetime import timedelta

import pytest

from app.db.base import new_id
from app.sharing.models import Disclosure
from tests import sharing_factories as sharing
from tests.factories import World
from tests.plans.people import change, fault, gather, move, ok, read, refusal
from tests.sharing.grants import NADIA, SOON, TODAY, at, open_to, rows, share, staff_elsewhere

pytestmark = pytest.mark.anyio


# Disclosures, events, changes


async def test_letting_an_outsider_in_is_a_disclosure(world: World) -> None:
    cast = await gather(world, "counselor", "teacher")
    plan = await world.plan(cast.learner)
    learner = await cast.as_("learner")
    ok(await share(learner, plan, cast.people["teacher"]), 201)
    proposed = ok(await share(learner, plan), 201)
    assert await rows(world, Disclosure.id, Disclosure.learner_id == cast.learner.id) == []
    approved = ok(await move(await cast.as_("counselor"), at(proposed), "approve"))
    (told,) = await rows(world, Disclosure, Disclosure.learner_id == cast.learner.id)
    assert (told.basis, told.recipient, told.purpose) == ("grant", "Nadia Haddad", "mentoring")
    assert (told.sections, told.fields, str(told.access_grant_id)) == (["plan"], [], proposed["id"])
    assert str(told.recipient_person_id) == approved["person"]["id"]
    assert told.actor_person_id == cast.people["counselor"].id


async def test_every_step_is_an_event_for_who_may_see_access(world: World) -> None:
    cast = await gather(world, "counselor", "teacher", "guardian")
    plan = await world.plan(cast.learner)
    goal = await world.goal(plan)
    proposed = ok(await share(await cast.as_("learner"), plan, goal_ids=[str(goal.id)]), 201)
    counselor = await cast.as_("counselor")
    ok(await change(counselor, at(proposed), {"purpose": "Robotics"}))
    ok(await move(counselor, at(proposed), "approve"))
    ok(await move(counselor, at(proposed), "revoke", "Moved away."))
    events = [
        item
        for item in (await read(await cast.as_("guardian"), f"/v1/plans/{plan.id}/events", sort="at"))["items"]
        if item["entity_type"] == "access_grant"
    ]
    steps = [(item["action"], item["capacity"], item["section"], item["reason"]) for item in events]
    assert steps == [
        ("create", "learner", "access", None),
        ("edit", "counselor", "access", None),
        ("approve", "counselor", "access", None),
        ("revoke", "counselor", "access", "Moved away."),
    ]
    assert events[0]["changes"]["goal_ids"]["after"] == [str(goal.id)]
    assert events[0]["changes"]["invited_email"]["after"] == NADIA["email"]
    assert events[2]["changes"]["status"] == {"before": "proposed", "after": "active"}
    seen = (await read(await cast.as_("teacher"), f"/v1/plans/{plan.id}/events"))["items"]
    assert [item for item in seen if item["entity_type"] == "access_grant"] == []


async def test_changing_a_grant(world: World) -> None:
    cast = await gather(world, "counselor", "advisor", "teacher")
    plan = await world.plan(cast.learner)
    learner, counselor = await cast.as_("learner"), await cast.as_("counselor")
    proposed = ok(await share(learner, plan), 201)
    sooner = (TODAY + timedelta(days=5)).isoformat()
    assert ok(await change(learner, at(proposed), {"until_on": sooner}))["until_on"] == sooner
    assert refusal(await change(await cast.as_("advisor"), at(proposed), {"purpose": "x"})) == (403, "forbidden")
    assert fault(await change(counselor, at(proposed), {"until_on": None})) == (422, "/until_on", "missing")
    late = (TODAY + timedelta(days=402)).isoformat()
    assert fault(await change(counselor, at(proposed), {"until_on": late})) == (422, "/until_on", "too_late")
    ok(await move(counselor, at(proposed), "approve"))
    assert refusal(await change(learner, at(proposed), {"until_on": SOON})) == (403, "forbidden")
    changed = ok(await change(counselor, at(proposed), {"until_on": SOON, "agreement_reference": "MOU 1"}))
    assert (changed["until_on"], changed["agreement_reference"]) == (SOON, "MOU 1")
    stale = await counselor.patch(at(proposed), json={"purpose": "x"}, headers={"If-Match": '"1-0"'})
    assert refusal(stale) == (412, "version_mismatch")
    inside = ok(await share(counselor, plan, cast.people["teacher"], until_on=SOON), 201)
    assert ok(await change(counselor, at(inside), {"until_on": None}))["until_on"] is None


# Who sees grants


@pytest.mark.parametrize(
    ("label", "sees"),
    [
        *((label, True) for label in ("learner", "guardian", "advisor", "counselor", "case_manager")),
        *((label, True) for label in ("school_admin", "district_admin")),
        *((label, False) for label in ("teacher", "mentor", "other_learner", "restricted_guardian")),
        ("other_school_admin", False),
    ],
)
async def test_who_sees_a_plans_grants(world: World, label: str, sees: bool) -> None:
    cast = await gather(world, label)
    plan = await world.plan(cast.learner)
    tutor = await staff_elsewhere(world)
    given = await sharing.grant(world, plan, tutor, invited_email=NADIA["email"], invited_given_name="N",
                                invited_family_name="H")  # fmt: skip
    client = await cast.as_(label)
    urls = f"/v1/grants/{given.id}", f"/v1/plans/{plan.id}/grants", f"/v1/people/{tutor.id}/grants"
    for url in urls:
        assert (await client.get(url)).status_code == (200 if sees else 404), url
    if sees:
        (listed,) = (await read(client, urls[1], expand="available_actions"))["items"]
        assert listed == await read(client, urls[0])
        assert (await read(client, urls[2]))["items"][0]["invited"]["email"] == NADIA["email"]


async def test_a_grantee_sees_her_own_grant_and_not_the_plans_list(world: World) -> None:
    cast = await gather(world, "counselor", "mentor")
    plan, given = await open_to(cast, cast.people["mentor"], until_on=SOON)
    mentor = await cast.as_("mentor")
    shown = await read(mentor, at(given))
    assert "invited" not in shown
    assert shown["available_actions"] == []
    assert (await mentor.get(f"/v1/plans/{plan.id}/grants")).status_code == 404
    assert refusal(await move(mentor, at(given), "revoke")) == (403, "forbidden")


async def test_services_see_grants_with_the_scope_for_access_only(world: World) -> None:
    cast = await gather(world, "teacher")
    plan = await world.plan(cast.learner)
    goal = await world.goal(plan)
    given = await sharing.grant(world, plan, cast.people["teacher"], sections=[], goals=[goal])
    manager = await world.client_for(await world.service("access.manage"))
    reader = await world.client_for(await world.service("plans.read"))
    shown = await read(manager, f"/v1/grants/{given.id}")
    assert "goals" not in shown
    assert len((await read(manager, f"/v1/plans/{plan.id}/grants"))["items"]) == 1
    assert (await reader.get(f"/v1/grants/{given.id}")).status_code == 404
    assert refusal(await reader.get(f"/v1/plans/{plan.id}/grants")) == (403, "forbidden")


async def test_lists_filter_by_status_and_own_lists_are_never_unknown(world: World) -> None:
    cast = await gather(world, "counselor", "teacher", "mentor")
    plan, given = await open_to(cast, cast.people["teacher"])
    counselor = await cast.as_("counselor")
    ok(await share(await cast.as_("learner"), plan), 201)
    url = f"/v1/plans/{plan.id}/grants"
    assert (await read(counselor, url, status="active", count="true"))["total"] == 1
    assert (await read(counselor, url, sort="created_at"))["items"][0]["id"] == given["id"]
    assert (await counselor.get(f"/v1/plans/{new_id()}/grants")).status_code == 404
    mentor = cast.people["mentor"]
    assert (await read(await cast.as_("mentor"), f"/v1/people/{mentor.id}/grants"))["items"] == []
    assert (await counselor.get(f"/v1/people/{mentor.id}/grants")).status_code == 404
    assert (await counselor.get(f"/v1/people/{new_id()}/grants")).status_code == 404
