"""The handshake on goals: who proposes, who answers, and what happens to what both sides agreed on."""

from typing import Any

import httpx
import pytest

from app.plans.models import Goal
from tests.factories import EARLIER, LATER, World
from tests.plans.people import Cast, change, fault, gather, move, ok, read, refusal, remove

pytestmark = pytest.mark.anyio

NEW = {"title": "Read more", "category": "academic", "metric_kind": "percent", "baseline": "10", "target": "90"}


async def propose(cast: Cast, label: str, **fields: Any) -> str:
    """A goal proposed by somebody on a new plan; its address."""
    plan = await cast.world.plan(cast.learner)
    client = await cast.as_(label)
    reply = await client.post(f"/v1/plans/{plan.id}/goals", json=NEW | fields)
    goal = ok(reply, 201)
    assert reply.headers["location"] == f"/v1/goals/{goal['id']}"
    assert goal["status"] == "proposed"
    return reply.headers["location"]


async def agreed_goal(world: World, cast: Cast, **fields: Any) -> tuple[Goal, str]:
    plan = await world.plan(cast.learner, status="active")
    now = world.tenant.created_at
    goal = await world.goal(plan, status="agreed", learner_agreed_at=now, staff_agreed_at=now, **fields)
    return goal, f"/v1/goals/{goal.id}"


async def answer(cast: Cast, label: str, url: str, action: str = "agree", reason: str | None = None) -> httpx.Response:
    return await move(await cast.as_(label), url, action, reason)


@pytest.mark.parametrize("adult", ["advisor", "counselor"])
async def test_what_a_learner_proposes_an_adult_of_the_caseload_agrees_to(world: World, adult: str) -> None:
    cast = await gather(world, adult)
    url = await propose(cast, "learner")
    proposed = await read(await cast.as_("learner"), url)
    assert (proposed["proposed_side"], proposed["proposed_by"]) == ("learner", str(cast.learner.id))
    assert proposed["learner_agreed_at"] is not None
    assert proposed["staff_agreed_at"] is None
    agreed = ok(await answer(cast, adult, url))
    assert (agreed["status"], agreed["staff_agreed_at"] is None) == ("agreed", False)


async def test_what_an_adult_proposes_the_learner_agrees_to(world: World) -> None:
    cast = await gather(world, "case_manager", "counselor")
    url = await propose(cast, "case_manager")
    assert refusal(await answer(cast, "counselor", url)) == (409, "already_agreed")
    assert ok(await answer(cast, "learner", url))["status"] == "agreed"


@pytest.mark.parametrize("order", [("learner", "advisor"), ("advisor", "learner")])
async def test_what_a_guardian_proposes_needs_both_sides(world: World, order: tuple[str, str]) -> None:
    cast = await gather(world, "guardian", "advisor")
    url = await propose(cast, "guardian")
    assert refusal(await answer(cast, "guardian", url)) == (403, "forbidden")
    first = ok(await answer(cast, order[0], url))
    assert first["status"] == "proposed"
    assert refusal(await answer(cast, order[0], url)) == (409, "already_agreed")
    assert ok(await answer(cast, order[1], url))["status"] == "agreed"


@pytest.mark.parametrize("label", ["teacher", "school_admin", "district_admin", "service_reader"])
async def test_who_may_only_read_cannot_propose(world: World, label: str) -> None:
    cast = await gather(world, label)
    plan = await world.plan(cast.learner)
    reply = await (await cast.as_(label)).post(f"/v1/plans/{plan.id}/goals", json=NEW)
    assert refusal(reply) == (403, "forbidden")
    assert reply.json()["permission"] == "plans:propose"


async def test_a_teacher_answers_where_the_goal_names_her_and_nowhere_else(world: World) -> None:
    cast = await gather(world, "teacher", "named_teacher")
    url = await propose(cast, "learner", teacher_ids=[str(cast.people["named_teacher"].id)])
    assert refusal(await answer(cast, "teacher", url)) == (403, "forbidden")
    agreed = ok(await answer(cast, "named_teacher", url))
    assert agreed["status"] == "agreed"
    assert [teacher["id"] for teacher in agreed["teachers"]] == [str(cast.people["named_teacher"].id)]


async def test_a_named_teacher_who_no_longer_teaches_the_learner_is_a_stranger(world: World) -> None:
    cast = await gather(world)
    teacher = cast.people["former"] = await world.person("Tom", "Former", role="teacher")
    class_ = await world.class_(None, [cast.learner])
    await world.enroll(class_, teacher, "teacher", until_on=EARLIER)
    goal = await world.goal(await world.plan(cast.learner))
    await world.name_teacher(goal, teacher)
    assert refusal(await (await cast.as_("former")).get(f"/v1/goals/{goal.id}")) == (404, "not_found")


@pytest.mark.parametrize("dates", [{"until_on": EARLIER}, {"from_on": LATER}, None])
async def test_only_a_current_teacher_of_the_learner_can_be_named(world: World, dates: dict[str, Any] | None) -> None:
    cast = await gather(world)
    teacher = await world.person("Tom", "Teacher", role="teacher")
    if dates is not None:
        await world.enroll(await world.class_(None, [cast.learner]), teacher, "teacher", **dates)
    plan = await world.plan(cast.learner)
    body = NEW | {"teacher_ids": [str(teacher.id)]}
    reply = await (await cast.as_("learner")).post(f"/v1/plans/{plan.id}/goals", json=body)
    assert refusal(reply) == (404, "not_found")


async def test_declining_needs_a_reason_and_ends_the_proposal(world: World) -> None:
    cast = await gather(world, "counselor")
    url = await propose(cast, "learner")
    assert fault(await answer(cast, "counselor", url, "decline")) == (422, "/reason", "missing")
    declined = ok(await answer(cast, "counselor", url, "decline", "Too much at once"))
    assert (declined["status"], declined["outcome_note"]) == ("dropped", "Too much at once")
    assert declined["outcome_by"] == str(cast.people["counselor"].id)


async def test_a_side_cannot_decline_what_it_proposed(world: World) -> None:
    cast = await gather(world)
    url = await propose(cast, "learner")
    assert refusal(await answer(cast, "learner", url, "decline", "On second thoughts")) == (409, "already_agreed")


async def test_what_was_never_agreed_cannot_be_reopened_into_agreement(world: World) -> None:
    cast = await gather(world, "counselor")
    url = await propose(cast, "counselor")
    ok(await answer(cast, "learner", url, "decline", "Not mine"))
    assert refusal(await answer(cast, "counselor", url, "reopen", "But still")) == (409, "never_agreed")


async def test_a_change_by_the_other_side_asks_the_proposer_again(world: World) -> None:
    cast = await gather(world, "counselor")
    url = await propose(cast, "learner")
    changed = ok(await change(await cast.as_("counselor"), url, {"target": "95"}))
    assert changed["learner_agreed_at"] is None
    assert ok(await answer(cast, "counselor", url))["status"] == "proposed"
    assert ok(await answer(cast, "learner", url))["status"] == "agreed"


async def test_a_change_by_the_proposing_side_keeps_its_own_agreement(world: World) -> None:
    cast = await gather(world, "counselor")
    url = await propose(cast, "learner")
    ok(await change(await cast.as_("learner"), url, {"target": "95"}))
    assert ok(await answer(cast, "counselor", url))["status"] == "agreed"


@pytest.mark.parametrize(
    "changed",
    [{"target": "95"}, {"due_on": "2027-02-01"}, {"baseline": "20"}, {"due_on": None}, {"metric_kind": "numeric"}],
)
async def test_what_both_agreed_on_changes_only_with_a_reason(world: World, changed: dict[str, Any]) -> None:
    cast = await gather(world, "advisor")
    goal, url = await agreed_goal(world, cast, due_on=EARLIER)
    client = await cast.as_("advisor")
    assert fault(await change(client, url, changed)) == (422, "/change_reason", "missing")
    result = ok(await change(client, url, changed | {"change_reason": "Was ill"}))
    (name, value) = next(iter(changed.items()))
    assert (result[name], result["status"]) == (value, "agreed")
    events = (await read(client, f"/v1/plans/{goal.plan_id}/events"))["items"]
    assert (events[0]["action"], events[0]["reason"], events[0]["capacity"]) == ("edit", "Was ill", "advisor")
    assert set(events[0]["changes"]) == {name}
    assert events[0]["changes"][name]["before"] is not None


async def test_other_fields_of_an_agreed_goal_change_without_a_reason(world: World) -> None:
    cast = await gather(world)
    _, url = await agreed_goal(world, cast)
    same_target = {"title": "Read a lot", "description": "Any book", "target": "100.0"}
    changed = ok(await change(await cast.as_("learner"), url, same_target))
    assert (changed["title"], changed["description"]) == ("Read a lot", "Any book")


@pytest.mark.parametrize("label", ["advisor", "counselor", "case_manager"])
async def test_adults_say_how_a_goal_ended_and_the_learner_sees_it(world: World, label: str) -> None:
    cast = await gather(world, label)
    _, url = await agreed_goal(world, cast)
    assert refusal(await answer(cast, "learner", url, "achieve")) == (403, "forbidden")
    ok(await answer(cast, label, url, "partly_achieve", "Nearly there"))
    seen = await read(await cast.as_("learner"), url)
    assert (seen["status"], seen["outcome_note"]) == ("partly_achieved", "Nearly there")
    assert seen["outcome_by"] == str(cast.people[label].id)


async def test_an_outcome_is_taken_back_with_a_reason(world: World) -> None:
    cast = await gather(world, "counselor")
    _, url = await agreed_goal(world, cast)
    ok(await answer(cast, "counselor", url, "achieve"))
    assert fault(await answer(cast, "counselor", url, "reopen")) == (422, "/reason", "missing")
    reopened = ok(await answer(cast, "counselor", url, "reopen", "Marked by mistake"))
    assert (reopened["status"], reopened["outcome_at"], reopened["outcome_by"]) == ("agreed", None, None)


async def test_a_proposal_is_taken_back_only_by_whoever_made_it(world: World) -> None:
    cast = await gather(world, "counselor", "advisor", "guardian")
    url = await propose(cast, "guardian")
    for label in ("learner", "counselor"):
        assert refusal(await remove(await cast.as_(label), url)) == (409, "not_proposer")
    assert (await remove(await cast.as_("guardian"), url)).status_code == 204
    assert (await (await cast.as_("guardian")).get(url)).status_code == 404


async def test_an_agreed_goal_is_not_deleted(world: World) -> None:
    cast = await gather(world)
    _, url = await agreed_goal(world, cast)
    assert refusal(await remove(await cast.as_("learner"), url)) == (409, "wrong_status")


@pytest.mark.parametrize(
    ("fields", "pointer", "code"),
    [
        ({"baseline": "50", "target": "50.0"}, "/target", "equals_baseline"),
        ({"starts_on": "2027-02-01", "due_on": "2027-01-31"}, "/due_on", "dates_in_order"),
        ({"category": "sport"}, "/category", "literal_error"),
        ({"target": "1e999"}, "/target", "decimal_parsing"),
        ({"target": 1.5}, "/target", "decimal_parsing"),
        ({"target": True}, "/target", "decimal_parsing"),
        ({"target": "1.23456"}, "/target", "decimal_parsing"),
        ({"target": 10**10}, "/target", "decimal_whole_digits"),
        ({"title": "\u200b"}, "/title", "blank"),
        ({"status": "agreed"}, "/status", "extra_forbidden"),
    ],
)
async def test_a_goal_that_makes_no_sense_is_refused(
    world: World, fields: dict[str, Any], pointer: str, code: str
) -> None:
    cast = await gather(world)
    plan = await world.plan(cast.learner)
    reply = await (await cast.as_("learner")).post(f"/v1/plans/{plan.id}/goals", json=NEW | fields)
    assert fault(reply) == (422, pointer, code)


async def test_a_change_that_makes_target_and_baseline_equal_is_refused(world: World) -> None:
    cast = await gather(world)
    goal = await world.goal(await world.plan(cast.learner), baseline=10, target=90)
    reply = await change(await cast.as_("learner"), f"/v1/goals/{goal.id}", {"baseline": "90"})
    assert fault(reply) == (422, "/target", "equals_baseline")


async def test_a_goal_is_linked_to_known_competencies_only(world: World, another_world: World) -> None:
    cast = await gather(world)
    ours = await world.competency(await world.framework(), "Adds")
    theirs = await another_world.competency(await another_world.framework(), "Adds")
    url = await propose(cast, "learner", competency_ids=[str(ours.id), str(ours.id)])
    client = await cast.as_("learner")
    linked = await read(client, url, expand="competencies")
    assert [competency["id"] for competency in linked["competencies"]] == [str(ours.id)]
    foreign = await change(client, url, {"competency_ids": [str(ours.id), str(theirs.id)]})
    assert refusal(foreign) == (404, "not_found")
    ok(await change(client, url, {"competency_ids": []}))
    assert (await read(client, url, expand="competencies"))["competencies"] == []
