"""What every change of a plan, goal, action or milestone has in common: tags, merge patches, trials, retries."""

import asyncio
from typing import Any

import pytest

from app.db.base import new_id
from tests.factories import World
from tests.plans.people import Cast, change, gather, ok, read, refusal, tag

pytestmark = pytest.mark.anyio

KINDS = ("plans", "goals", "actions", "milestones")
CLEARED = {"plans": "vision", "goals": "description", "actions": "if_obstacle", "milestones": "due_on"}
VALUE = {"plans": "Robots", "goals": "Any book", "actions": "If tired", "milestones": "2027-01-01"}


async def one_of(cast: Cast, kind: str) -> str:
    """The address of a row of this kind."""
    world = cast.world
    plan = await world.plan(cast.learner)
    goal = await world.goal(plan)
    rows: dict[str, Any] = {"plans": plan, "goals": goal}
    rows |= {"actions": await world.action(goal), "milestones": await world.milestone(goal)}
    return f"/v1/{kind}/{rows[kind].id}"


@pytest.mark.parametrize("kind", KINDS)
async def test_a_change_names_the_version_that_it_changes(world: World, kind: str) -> None:
    cast = await gather(world)
    url, client = await one_of(cast, kind), await cast.as_("learner")
    first = await tag(client, url)
    changed = ok(await client.patch(url, json={"title": "New"}, headers={"If-Match": first}))
    assert (changed["title"], changed["version"]) == ("New", 2)
    calls: list[tuple[str, str, Any]] = [("PATCH", url, {"title": "Newer"})]
    if kind != "plans":
        calls.append(("DELETE", url, None))
    if kind != "milestones":
        step = {"plans": "submit", "goals": "agree", "actions": "complete"}[kind]
        calls.append(("POST", f"{url}/transitions", {"action": step, "reason": "x"}))
    for method, target, body in calls:
        assert refusal(await client.request(method, target, json=body)) == (428, "if_match_required"), method
        for stale in (first, '"0"', '"99-0123456789abcdef"', '"nonsense"', "no-quotes"):
            reply = await client.request(method, target, json=body, headers={"If-Match": stale})
            # What is refused by a rule is refused with a stale tag first.
            assert refusal(reply) == (412, "version_mismatch"), (method, stale)
            assert reply.headers["etag"].startswith('"2')
    several = f'"7-aaaaaaaaaaaaaaaa", {await tag(client, url)}'
    ok(await client.patch(url, json={"title": "Newest"}, headers={"If-Match": several}))


@pytest.mark.parametrize("kind", KINDS)
async def test_of_two_writers_with_one_tag_exactly_one_wins(world: World, kind: str) -> None:
    cast = await gather(world, "counselor")
    url = await one_of(cast, kind)
    clients = [await cast.as_("learner"), await cast.as_("counselor")]
    match = {"If-Match": await tag(clients[0], url)}
    replies = await asyncio.gather(
        *(client.patch(url, json={"title": f"By {n}"}, headers=match) for n, client in enumerate(clients))
    )
    assert sorted(reply.status_code for reply in replies) == [200, 412]
    won = [reply.status_code for reply in replies].index(200)
    assert (await read(clients[0], url))["title"] == f"By {won}"


@pytest.mark.parametrize("kind", KINDS)
async def test_absent_stays_and_null_clears_where_it_may(world: World, kind: str) -> None:
    cast = await gather(world)
    url, client, name = await one_of(cast, kind), await cast.as_("learner"), CLEARED[kind]
    assert ok(await change(client, url, {name: VALUE[kind]}))[name] == VALUE[kind]
    kept = ok(await change(client, url, {"title": "New"}))
    assert (kept["title"], kept[name]) == ("New", VALUE[kind])
    assert ok(await change(client, url, {name: None}))[name] is None
    for body in ({"title": None}, {"is_admin": True}, {"id": str(new_id())}, {"title": 3}, {"title": "  "}):
        refused = await change(client, url, body)
        assert refusal(refused) == (422, "validation_error")
        assert {error["pointer"] for error in refused.json()["errors"]} == {f"/{next(iter(body))}"}
    assert (await read(client, url))["title"] == "New"


@pytest.mark.parametrize("kind", KINDS)
async def test_a_trial_answers_like_the_call_and_changes_nothing(world: World, kind: str) -> None:
    cast = await gather(world)
    url, client = await one_of(cast, kind), await cast.as_("learner")
    before = await client.get(url)
    match = {"If-Match": before.headers["etag"]}
    tried = await client.patch(f"{url}?validate_only=true", json={"title": "New"}, headers=match)
    assert (await client.get(url)).content == before.content
    done = await client.patch(url, json={"title": "New"}, headers=match)
    without_time = [{**ok(reply), "updated_at": ""} for reply in (tried, done)]
    assert without_time[0] == without_time[1]


async def test_a_retried_creation_happens_once(world: World) -> None:
    cast = await gather(world)
    goal = await world.goal(await world.plan(cast.learner), status="agreed")
    client, key = await cast.as_("learner"), {"Idempotency-Key": "phone-1"}
    url = f"/v1/goals/{goal.id}/progress"
    first = await client.post(url, json={"value": "5"}, headers=key)
    again = await client.post(url, json={"value": "5"}, headers=key)
    assert (again.status_code, again.content) == (first.status_code, first.content) == (201, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"]
    assert len((await read(client, url))["items"]) == 1


async def test_a_retried_transition_is_answered_before_its_tag_is_looked_at(world: World) -> None:
    cast = await gather(world)
    action = await world.action(await world.goal(await world.plan(cast.learner)))
    client, url = await cast.as_("learner"), f"/v1/actions/{action.id}"
    headers = {"Idempotency-Key": "phone-2", "If-Match": await tag(client, url)}
    first = await client.post(f"{url}/transitions", json={"action": "complete"}, headers=headers)
    again = await client.post(f"{url}/transitions", json={"action": "complete"}, headers=headers)
    assert (first.status_code, again.content) == (200, first.content)


async def test_at_once_two_plans_for_one_year_make_one(world: World) -> None:
    cast = await gather(world, "counselor", "advisor")
    body = {"learner_id": str(cast.learner.id), "school_year": 2030, "title": "Mine"}
    clients = [await cast.as_(label) for label in ("learner", "counselor", "advisor")]
    replies = await asyncio.gather(*(client.post("/v1/plans", json=body) for client in clients))
    assert sorted(reply.status_code for reply in replies) == [201, 409, 409]
    assert {reply.json().get("code") for reply in replies} == {None, "plan_exists"}


async def test_a_goal_agreed_while_the_plan_is_submitted_is_never_left_behind(world: World) -> None:
    """The plan's row is locked by both, so a goal cannot slip into a plan that has just gone to review."""
    cast = await gather(world, "counselor")
    plan = await world.plan(cast.learner)
    await world.goal(plan, status="agreed")
    url, learner, counselor = f"/v1/plans/{plan.id}", await cast.as_("learner"), await cast.as_("counselor")
    match = {"If-Match": await tag(counselor, url)}
    submitted, added = await asyncio.gather(
        counselor.post(f"{url}/transitions", json={"action": "submit"}, headers=match),
        learner.post(f"{url}/goals", json={"title": "Late", "category": "personal"}),
    )
    outcome = (submitted.status_code, added.status_code)
    assert outcome in ((200, 409), (409, 201))
    shown = await read(learner, url, expand="goals")
    assert (shown["status"], len(shown["goals"])) == (("in_review", 1) if outcome[0] == 200 else ("draft", 2))
