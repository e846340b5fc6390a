"""Rights that come and go with a grant, by level, section, goal, date and consent."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.db.base import new_id
from tests import sharing_factories as sharing
from tests.factories import LATER, World
from tests.plans.people import change, fault, gather, move, ok, read, refusal
from tests.sharing.grants import SOON, TODAY, at, open_to, share, staff_elsewhere

pytestmark = pytest.mark.anyio


# Rights that come and go


@pytest.mark.parametrize("level", ["read", "comment", "propose", "write"])
async def test_a_level_gives_what_it_says(world: World, level: str) -> None:
    cast = await gather(world, "counselor")
    tutor = await staff_elsewhere(world)
    plan, _ = await open_to(cast, tutor, level=level)
    client, url = await world.client_for(tutor), f"/v1/plans/{plan.id}"
    ok(await client.get(url))
    replies = {
        "comment": await client.post(f"{url}/comments", json={"text": "Well done."}),
        "propose": await client.post(f"{url}/goals", json={"title": "Read", "category": "academic"}),
        "write": await change(client, url, {"title": "Other"}),
    }
    levels = ["read", "comment", "propose", "write"]
    for needed, reply in replies.items():
        allowed = levels.index(level) >= levels.index(needed)
        assert (reply.status_code < 300) == allowed, (needed, reply.text)
        assert allowed or reply.status_code == 403


async def test_a_section_opens_that_section_only(world: World) -> None:
    cast = await gather(world, "counselor", "mentor")
    plan, _ = await open_to(cast, cast.people["mentor"], sections=["profile"], level="propose", until_on=SOON)
    mentor = await cast.as_("mentor")
    statements = f"/v1/learners/{cast.learner.id}/profile-statements"
    ok(await mentor.get(statements))
    ok(await mentor.post(statements, json={"kind": "strength", "statement": "Patient"}), 201)
    assert (await mentor.get(f"/v1/plans/{plan.id}")).status_code == 404
    assert (await read(mentor, "/v1/plans"))["items"] == []
    (shown,) = (await read(mentor, f"/v1/people/{cast.people['mentor'].id}/grants"))["items"]
    assert "goals" not in shown


async def test_a_grant_opens_one_plan_and_no_other(world: World) -> None:
    cast = await gather(world, "counselor", "mentor")
    plan, _ = await open_to(cast, cast.people["mentor"], until_on=SOON)
    other = await world.plan(cast.learner, school_year=2030)
    mentor = await cast.as_("mentor")
    assert [item["id"] for item in (await read(mentor, "/v1/plans"))["items"]] == [str(plan.id)]
    assert (await mentor.get(f"/v1/plans/{other.id}")).status_code == 404


async def test_a_grant_of_goals_opens_these_goals(world: World) -> None:
    cast = await gather(world, "counselor", "mentor")
    plan = await world.plan(cast.learner)
    goal = await world.goal(plan, title="Build a robot", status="agreed")
    hidden = await world.goal(plan, title="Sleep more")
    counselor, mentor = await cast.as_("counselor"), await cast.as_("mentor")
    given = ok(
        await share(
            counselor, plan, cast.people["mentor"], goal_ids=[str(goal.id)] * 2, level="comment", until_on=SOON
        ),
        201,
    )
    assert (given["sections"], given["goals"]) == ([], [{"id": str(goal.id), "title": "Build a robot"}])
    ok(await mentor.get(f"/v1/goals/{goal.id}"))
    ok(await mentor.post(f"/v1/goals/{goal.id}/comments", json={"text": "Nice."}), 201)
    assert (await mentor.get(f"/v1/goals/{hidden.id}")).status_code == 404
    assert (await mentor.get(f"/v1/plans/{plan.id}")).status_code == 404
    assert (await read(mentor, at(given)))["goals"] == given["goals"]
    ok(await move(counselor, at(given), "revoke"))
    assert (await mentor.get(f"/v1/goals/{goal.id}")).status_code == 404
    unknown = await share(counselor, plan, cast.people["mentor"], goal_ids=[str(goal.id), str(new_id())])
    assert fault(unknown) == (404, "/goal_ids/1", "not_found")
    elsewhere = await world.goal(await world.plan(cast.learner, school_year=2030))
    unknown = await share(counselor, plan, cast.people["mentor"], goal_ids=[str(elsewhere.id)])
    assert fault(unknown) == (404, "/goal_ids/0", "not_found")


async def test_revoking_takes_effect_on_the_next_request(world: World) -> None:
    cast = await gather(world, "counselor", "mentor", "learner")
    plan, given = await open_to(cast, cast.people["mentor"], until_on=SOON)
    mentor = await cast.as_("mentor")
    ok(await mentor.get(f"/v1/plans/{plan.id}"))
    revoked = ok(await move(await cast.as_("learner"), at(given), "revoke"))
    assert (revoked["status"], revoked["is_in_force"]) == ("revoked", False)
    assert revoked["revoked_by"] == str(cast.learner.id)
    assert (await mentor.get(f"/v1/plans/{plan.id}")).status_code == 404
    assert (await mentor.get(at(given))).status_code == 404
    assert (await read(mentor, "/v1/plans"))["items"] == []
    assert (await read(mentor, f"/v1/people/{cast.people['mentor'].id}/grants"))["items"] == []


async def test_an_advisor_revokes_what_she_proposed_and_nothing_else(world: World) -> None:
    cast = await gather(world, "advisor", "counselor", "teacher")
    plan, given = await open_to(cast, cast.people["teacher"])
    advisor = await cast.as_("advisor")
    shown = await read(advisor, at(given))
    assert shown["available_actions"] == []
    assert {item["action"]: item["code"] for item in shown["blocked_actions"]}["revoke"] == "forbidden"
    assert refusal(await move(advisor, at(given), "revoke")) == (403, "forbidden")
    own = ok(await share(advisor, plan, cast.people["teacher"]), 201)
    assert ok(await move(advisor, at(own), "revoke"))["status"] == "revoked"


async def test_dates_give_and_take_access_with_nobody_acting(world: World) -> None:
    cast = await gather(world, "counselor", "mentor")
    counselor = await cast.as_("counselor")
    tomorrow = (TODAY + timedelta(days=1)).isoformat()
    plan, given = await open_to(cast, cast.people["mentor"], from_on=tomorrow, until_on=SOON)
    mentor = await cast.as_("mentor")
    assert (given["status"], given["is_in_force"]) == ("active", False)
    assert (await mentor.get(f"/v1/plans/{plan.id}")).status_code == 404
    await sharing.grant(world, plan, cast.people["mentor"], from_on=TODAY, until_on=TODAY + timedelta(days=1))
    ok(await mentor.get(f"/v1/plans/{plan.id}"))
    over = await sharing.grant(world, plan, cast.people["mentor"], sections=["profile"], until_on=TODAY)
    assert (await read(counselor, f"/v1/grants/{over.id}"))["is_in_force"] is False
    assert (await mentor.get(f"/v1/learners/{cast.learner.id}/profile-statements")).status_code == 404


async def test_what_is_shown_as_in_force_is_what_gives_access(world: World) -> None:
    cast = await gather(world, "counselor")
    ended = await sharing.consent(world, cast.learner, withdrawn_at=datetime.now(UTC))
    coming, lasting = (
        await sharing.consent(world, cast.learner, signed_on=LATER),
        await sharing.consent(world, cast.learner),
    )
    over = await sharing.consent(world, cast.learner, until_on=TODAY)
    cases: list[tuple[dict[str, Any], bool]] = [
        ({}, True),
        ({"until_on": TODAY}, False),
        ({"until_on": TODAY + timedelta(days=1)}, True),
        ({"from_on": TODAY}, True),
        ({"from_on": TODAY + timedelta(days=1)}, False),
        *(({"status": status}, False) for status in ("proposed", "declined", "revoked")),
        ({"consent_id": lasting.id}, True),
        *(({"consent_id": consent.id}, False) for consent in (ended, coming, over)),
    ]
    for number, (fields, holds) in enumerate(cases):
        plan = await world.plan(cast.learner, school_year=2030 + number)
        tutor = await world.person("Tim", "Tutor", role="teacher")
        given = await sharing.grant(world, plan, tutor, **fields)
        client = await world.client_for(tutor)
        assert (await read(await cast.as_("counselor"), f"/v1/grants/{given.id}"))["is_in_force"] is holds, fields
        assert (await client.get(f"/v1/plans/{plan.id}")).status_code == (200 if holds else 404), fields
        assert (await client.get(f"/v1/grants/{given.id}")).status_code == (200 if holds else 404), fields


async def test_an_expired_proposal_cannot_be_approved(world: World) -> None:
    cast = await gather(world, "counselor", "mentor")
    plan = await world.plan(cast.learner)
    late = await sharing.grant(world, plan, cast.people["mentor"], status="proposed", is_outside=True, until_on=TODAY)
    reply = await move(await cast.as_("counselor"), f"/v1/grants/{late.id}", "approve")
    assert refusal(reply) == (409, "expired")


async def test_a_grantee_who_is_restricted_sees_nothing_at_once(world: World) -> None:
    cast = await gather(world, "counselor", "guardian")
    guardian = await world.person("Gil", "Guardian", role="guardian")
    bond = await world.guardian(guardian, cast.learner)
    plan, given = await open_to(cast, guardian, level="propose")
    client = await world.client_for(guardian)
    ok(await client.get(at(given)))
    await world.restrict(bond)
    assert (await client.get(at(given))).status_code == 404
    assert (await client.get(f"/v1/plans/{plan.id}")).status_code == 404
    assert (await read(client, f"/v1/people/{guardian.id}/grants"))["items"] == []


async def test_goals_are_absent_for_who_may_not_read_them(world: World) -> None:
    cast = await gather(world, "counselor", "teacher")
    guardian = await world.person("Gil", "Guardian", role="guardian")
    bond = await world.guardian(guardian, cast.learner)
    plan = await world.plan(cast.learner)
    goal = await world.goal(plan, title="Private matter")
    given = await sharing.grant(world, plan, cast.people["teacher"], sections=[], goals=[goal])
    client = await world.client_for(guardian)
    url = f"/v1/grants/{given.id}"
    assert [item["title"] for item in (await read(client, url))["goals"]] == ["Private matter"]
    await sharing.restrict_sections(world, bond, ["plan"])
    assert "goals" not in await read(client, url)
    assert "Private matter" not in (await client.get(f"/v1/plans/{plan.id}/grants")).text


# Consents


async def test_a_grant_ends_with_the_consent_it_rests_on(world: World) -> None:
    cast = await gather(world, "counselor", "mentor", "guardian")
    signed = await sharing.consent(world, cast.learner, cast.people["guardian"])
    plan, given = await open_to(cast, cast.people["mentor"], until_on=SOON, consent_id=str(signed.id))
    mentor = await cast.as_("mentor")
    ok(await mentor.get(f"/v1/plans/{plan.id}"))
    async with world.transaction() as session:
        found = await session.get_one(type(signed), (world.tenant.id, signed.id))
        found.withdrawn_at = datetime.now(UTC)
    assert (await mentor.get(f"/v1/plans/{plan.id}")).status_code == 404
    assert (await read(await cast.as_("counselor"), at(given)))["is_in_force"] is False


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"withdrawn_at": datetime.now(UTC)}, "consent_ended"),
        ({"until_on": TODAY}, "consent_ended"),
        ({"signed_on": LATER}, "consent_ended"),
        ({"sections": ["profile"]}, "consent_not_covering"),
        ({"purpose": "guardian_access"}, "consent_not_covering"),
        ({"recipient_person": True}, "consent_not_covering"),
    ],
)
async def test_a_consent_must_cover_the_grant(world: World, fields: dict[str, Any], code: str) -> None:
    cast = await gather(world, "counselor", "mentor", "guardian")
    other = cast.people["guardian"]
    if fields.get("recipient_person") or fields.get("purpose"):
        fields = fields | {"recipient_person": other}
    signed = await sharing.consent(world, cast.learner, other, **fields)
    plan = await world.plan(cast.learner)
    reply = await share(
        await cast.as_("counselor"), plan, cast.people["mentor"], until_on=SOON, consent_id=str(signed.id)
    )
    assert refusal(reply) == (409, code)


async def test_a_consent_of_another_learner_is_unknown(world: World) -> None:
    cast = await gather(world, "counselor", "teacher", "other_learner")
    signed = await sharing.consent(world, cast.people["other_learner"])
    plan = await world.plan(cast.learner)
    reply = await share(await cast.as_("counselor"), plan, cast.people["teacher"], consent_id=str(signed.id))
    assert fault(reply) == (404, "/consent_id", "not_found")


async def test_a_proposal_whose_consent_was_withdrawn_is_not_approved(world: World) -> None:
    cast = await gather(world, "counselor", "guardian")
    signed = await sharing.consent(world, cast.learner, cast.people["guardian"])
    plan = await world.plan(cast.learner)
    proposed = ok(await share(await cast.as_("learner"), plan, consent_id=str(signed.id)), 201)
    async with world.transaction() as session:
        found = await session.get_one(type(signed), (world.tenant.id, signed.id))
        found.withdrawn_at = datetime.now(UTC)
    assert refusal(await move(await cast.as_("counselor"), at(proposed), "approve")) == (409, "consent_ended")
