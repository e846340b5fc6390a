"""Sharing a plan with one person: who may, with whom, and how far."""

from typing import Any

import pytest

from app.db.base import new_id
from tests import sharing_factories as sharing
from tests.factories import EARLIER, World
from tests.plans.people import change, fault, gather, ok, read, refusal, restricted
from tests.sharing.grants import NADIA, SOON, TODAY, at, open_to, share, staff_elsewhere

pytestmark = pytest.mark.anyio


async def test_a_learner_shares_with_her_teacher_at_once(world: World) -> None:
    cast = await gather(world, "teacher", "advisor")
    plan = await world.plan(cast.learner)
    given = ok(await share(await cast.as_("learner"), plan, cast.people["teacher"], level="write"), 201)
    assert (given["status"], given["is_in_force"], given["is_outside"]) == ("active", True, False)
    assert (given["proposed_as"], given["sections"], given["from_on"]) == ("learner", ["plan"], TODAY.isoformat())
    assert given["person"]["given_name"] == "Tess"
    assert given["learner"]["id"] == str(cast.learner.id)
    assert (given["invited"], given["goals"], given["until_on"]) == (None, [], None)
    assert "invitation_token" not in given
    teacher = await cast.as_("teacher")
    ok(await change(teacher, f"/v1/plans/{plan.id}", {"title": "With my teacher"}))


@pytest.mark.parametrize("label", ["counselor", "advisor", "case_manager"])
async def test_staff_share_with_any_staff_of_the_district_at_once(world: World, label: str) -> None:
    cast = await gather(world, label)
    plan = await world.plan(cast.learner)
    tutor = await staff_elsewhere(world)
    given = ok(await share(await cast.as_(label), plan, tutor, level="comment"), 201)
    assert (given["status"], given["proposed_as"]) == ("active", label)
    client = await world.client_for(tutor)
    assert [item["id"] for item in (await read(client, "/v1/plans"))["items"]] == [str(plan.id)]
    ok(await client.post(f"/v1/plans/{plan.id}/comments", json={"text": "Well done."}), 201)
    assert (await change(client, f"/v1/plans/{plan.id}", {"title": "Mine"})).status_code == 403


@pytest.mark.parametrize(
    "label", ["guardian", "teacher", "school_admin", "district_admin", "service_reader", "service_writer"]
)
async def test_others_who_read_the_plan_may_not_share_it(world: World, label: str) -> None:
    cast = await gather(world, label)
    plan = await world.plan(cast.learner)
    reply = await share(await cast.as_(label), plan)
    assert refusal(reply) == (403, "forbidden")
    assert reply.json()["permission"] == "plans:write"


async def test_who_does_not_read_the_plan_does_not_learn_of_it(world: World) -> None:
    cast = await gather(world, "mentor", "other_learner", "former_counselor", "restricted_counselor")
    plan = await world.plan(cast.learner)
    for label in ("mentor", "other_learner", "former_counselor", "restricted_counselor"):
        assert (await share(await cast.as_(label), plan)).status_code == 404


async def test_a_grantee_with_write_does_not_share_further(world: World) -> None:
    cast = await gather(world, "counselor")
    tutor = await staff_elsewhere(world)
    plan, _ = await open_to(cast, tutor, level="write")
    assert refusal(await share(await world.client_for(tutor), plan)) == (403, "forbidden")


async def test_a_learner_names_only_people_she_knows(world: World) -> None:
    cast = await gather(world, "counselor", "guardian", "mentor")
    plan = await world.plan(cast.learner)
    learner = await cast.as_("learner")
    stranger = await staff_elsewhere(world)
    kept_away = await restricted(world, await world.person("Ray", "Restricted"), cast.learner)
    nobody = await share(learner, plan, cast.learner, person_id=str(new_id()))
    assert fault(nobody) == (404, "/person_id", "not_found")
    for person in (stranger, cast.people["mentor"], kept_away, await world.learner("Otto", "Other")):
        reply = await share(learner, plan, person, until_on=SOON)
        assert (reply.status_code, reply.json()["errors"]) == (404, nobody.json()["errors"])
    ok(await share(learner, plan, cast.people["guardian"], level="propose"), 201)


async def test_staff_name_no_pupils_no_restricted_contacts_and_not_themselves(world: World) -> None:
    cast = await gather(world, "counselor")
    plan = await world.plan(cast.learner)
    counselor = await cast.as_("counselor")
    pupil = await world.learner("Otto", "Other")
    assert fault(await share(counselor, plan, pupil)) == (404, "/person_id", "not_found")
    await world.role(pupil, "teacher")
    assert refusal(await share(counselor, plan, pupil)) == (409, "pupil")
    assert refusal(await share(counselor, plan, cast.learner)) == (409, "own_plan")
    assert refusal(await share(counselor, plan, cast.people["counselor"])) == (409, "own_grant")
    kept_away = await restricted(world, await world.person("Ray", "Restricted", role="teacher"), cast.learner)
    assert refusal(await share(counselor, plan, kept_away)) == (409, "restricted")


async def test_nobody_shares_more_than_she_has(world: World) -> None:
    cast = await gather(world, "case_manager", "counselor")
    plan = await world.plan(cast.learner)
    tutor = await staff_elsewhere(world)
    reply = await share(await cast.as_("case_manager"), plan, tutor, sections=["plan", "profile"], level="propose")
    assert (reply.status_code, reply.json()["permission"]) == (403, "profile:propose")
    ok(await share(await cast.as_("counselor"), plan, tutor, sections=["plan", "profile"], level="propose"), 201)
    await sharing.sharing_policy(world, {"access": {"case_manager": "none"}})
    reply = await share(await cast.as_("case_manager"), plan, tutor)
    assert (reply.status_code, reply.json()["permission"]) == (403, "access:read")


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"invite": NADIA}, ("/person_id", "one_of")),
        ({"person_id": None}, ("/person_id", "one_of")),
        ({"sections": []}, ("/sections", "one_of")),
        ({"goal_ids": [str(new_id())], "sections": ["plan"]}, ("/sections", "one_of")),
        ({"sections": ["staff_notes"]}, ("/sections/0", "literal_error")),
        ({"sections": ["plan", "evidence"], "level": "comment"}, ("/level", "too_high")),
        ({"sections": ["profile"], "level": "write"}, ("/level", "too_high")),
        ({"sections": ["mastery"], "level": "comment"}, ("/level", "too_high")),
        ({"until_on": TODAY.isoformat(), "from_on": EARLIER.isoformat()}, ("/until_on", "in_the_past")),
        ({"from_on": SOON, "until_on": SOON}, ("/until_on", "dates_in_order")),
    ],
)
async def test_what_does_not_fit_is_refused(world: World, fields: dict[str, Any], wrong: tuple[str, str]) -> None:
    cast = await gather(world, "counselor", "teacher")
    plan = await world.plan(cast.learner)
    reply = await share(await cast.as_("counselor"), plan, cast.people["teacher"], **fields)
    assert fault(reply) == (422, *wrong)


async def test_the_districts_rules_are_the_ceiling_of_grants(world: World) -> None:
    cast = await gather(world, "counselor", "teacher")
    plan, given = await open_to(cast, await staff_elsewhere(world), level="write")
    await sharing.sharing_policy(world, {"plan": {"grantee": "comment"}, "profile": {"grantee": "none"}})
    counselor, teacher = await cast.as_("counselor"), cast.people["teacher"]
    assert fault(await share(counselor, plan, teacher, level="propose")) == (422, "/level", "too_high")
    reply = await share(counselor, plan, teacher, sections=["plan", "profile"])
    assert fault(reply) == (422, "/sections/1", "closed")
    assert (await read(counselor, at(given)))["is_in_force"] is True
