"""Actions, milestones and progress: the work on a goal, and the figure that sums it up."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import insert

from app.db.base import new_id
from app.plans.models import Action, Goal, Milestone
from app.plans.workflow import GOALS_PER_PLAN, OUTCOMES, PARTS_PER_GOAL
from tests.factories import World
from tests.plans.people import Cast, change, fault, gather, move, ok, read, refusal, remove

pytestmark = pytest.mark.anyio


async def agreed(world: World, cast: Cast, **fields: Any) -> Goal:
    return await world.goal(await world.plan(cast.learner, status="active"), status="agreed", **fields)


async def record(client: httpx.AsyncClient, goal: Goal, **body: Any) -> Any:
    return ok(await client.post(f"/v1/goals/{goal.id}/progress", json=body), 201)


@pytest.mark.parametrize(
    ("metric", "baseline", "target", "values", "expected"),
    [
        ("percent", "50", "90", ["60"], "0.25"),
        ("percent", "50", "90", ["60", "80"], "0.75"),
        ("percent", "50", "90", ["95"], "1"),
        ("percent", "50", "90", ["40"], "0"),
        ("numeric", "12.5", "10", ["11.25"], "0.5"),
        ("numeric", "12.5", "10", ["14"], "0"),
        ("numeric", "12.5", "10", ["9"], "1"),
        ("numeric", "0", "3", ["1"], "0.3333"),
        ("numeric", "-4", "-8", ["-5"], "0.25"),
        ("count", "0", "20", ["5"], "0.25"),
        ("rubric", "1", "4", ["3"], "0.6667"),
        ("boolean", None, None, ["0"], "0"),
        ("boolean", None, None, ["0", "1"], "1"),
        ("percent", "50", "90", [], None),
        ("numeric", None, "10", ["5"], None),
        ("numeric", "1", None, ["5"], None),
    ],
)
async def test_progress_is_the_share_of_the_way_between_baseline_and_target(
    world: World, metric: str, baseline: str | None, target: str | None, values: list[str], expected: str | None
) -> None:
    cast = await gather(world)
    client = await cast.as_("learner")
    goal = await agreed(world, cast, metric_kind=metric, baseline=baseline, target=target)
    for value in values:
        await record(client, goal, value=value)
    shown = await read(client, f"/v1/goals/{goal.id}")
    assert (shown["progress"], shown["current_value"]) == (expected, values[-1] if values else None)


async def test_a_note_alone_leaves_the_current_value(world: World) -> None:
    cast = await gather(world)
    client = await cast.as_("learner")
    goal = await agreed(world, cast)
    await record(client, goal, value="40")
    await record(client, goal, note="Forgot my book")
    shown = await read(client, f"/v1/goals/{goal.id}")
    assert (shown["current_value"], shown["progress"]) == ("40", "0.4")


async def test_milestones_count_by_their_weight(world: World) -> None:
    cast = await gather(world)
    client = await cast.as_("learner")
    goal = await agreed(world, cast, metric_kind="milestones", baseline=None, target=None)
    url = f"/v1/goals/{goal.id}"
    assert (await read(client, url))["progress"] is None
    stations = [
        ok(await client.post(f"{url}/milestones", json={"title": title, "position": position, "weight": weight}), 201)
        for title, position, weight in (("Last", 2, 3), ("First", 1, 1))
    ]
    assert (await read(client, url))["progress"] == "0"
    first = f"/v1/milestones/{stations[1]['id']}"
    reached = ok(await change(client, first, {"is_reached": True}))
    assert reached["reached_at"] is not None
    shown = await read(client, url, expand="milestones")
    assert (shown["progress"], [item["title"] for item in shown["milestones"]]) == ("0.25", ["First", "Last"])
    assert ok(await change(client, first, {"is_reached": True}))["version"] == reached["version"]
    assert ok(await change(client, first, {"is_reached": False}))["reached_at"] is None
    assert (await read(client, url))["progress"] == "0"


async def test_progress_needs_an_agreed_goal(world: World) -> None:
    cast = await gather(world)
    goal = await world.goal(await world.plan(cast.learner))
    reply = await (await cast.as_("learner")).post(f"/v1/goals/{goal.id}/progress", json={"value": "5"})
    assert refusal(reply) == (409, "wrong_status")


async def test_progress_is_a_value_or_a_note(world: World) -> None:
    cast = await gather(world)
    goal = await agreed(world, cast)
    reply = await (await cast.as_("learner")).post(f"/v1/goals/{goal.id}/progress", json={})
    assert fault(reply) == (422, "/value", "missing")


async def test_the_series_says_who_recorded_each_point(world: World) -> None:
    cast = await gather(world, "counselor")
    goal = await agreed(world, cast)
    await record(await cast.as_("learner"), goal, value="10", observed_on="2026-10-01")
    counted = await record(await cast.as_("counselor"), goal, value="30", note="Test", observed_on="2026-09-01")
    client = await cast.as_("learner")
    series = (await read(client, f"/v1/goals/{goal.id}/progress"))["items"]
    assert [(item["value"], item["recorded_side"], item["observed_on"]) for item in series] == [
        ("30", "staff", "2026-09-01"),
        ("10", "learner", "2026-10-01"),
    ]
    assert series[0] == counted == await read(client, f"/v1/progress/{counted['id']}")
    backwards = (await read(client, f"/v1/goals/{goal.id}/progress", sort="-observed_on"))["items"]
    assert backwards == series[::-1]
    assert (await read(client, f"/v1/goals/{goal.id}"))["current_value"] == "10", "a late report of an earlier day"


async def test_nothing_is_observed_before_its_day(world: World) -> None:
    cast = await gather(world)
    goal = await agreed(world, cast)
    tomorrow = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
    reply = await (await cast.as_("learner")).post(
        f"/v1/goals/{goal.id}/progress", json={"value": "1", "observed_on": tomorrow}
    )
    assert fault(reply) == (422, "/observed_on", "in_the_future")


@pytest.mark.parametrize("label", ["guardian", "teacher", "school_admin", "service_reader"])
async def test_who_may_not_write_does_no_work_on_a_goal(world: World, label: str) -> None:
    cast = await gather(world, label)
    goal = await agreed(world, cast)
    client = await cast.as_(label)
    for path, body in (("progress", {"value": "5"}), ("actions", {"title": "A"}), ("milestones", {"title": "M"})):
        assert refusal(await client.post(f"/v1/goals/{goal.id}/{path}", json=body)) == (403, "forbidden")


async def test_a_named_teacher_works_on_her_goal_only(world: World) -> None:
    cast = await gather(world, "named_teacher")
    goal, other = (
        await agreed(world, cast),
        await world.goal(await world.plan(cast.learner, school_year=2026), status="agreed"),
    )
    await world.name_teacher(goal, cast.people["named_teacher"])
    client = await cast.as_("named_teacher")
    await record(client, goal, value="5")
    assert refusal(await client.post(f"/v1/goals/{other.id}/progress", json={"value": "5"})) == (403, "forbidden")


async def test_an_action_is_planned_changed_done_reopened_and_deleted(world: World) -> None:
    cast = await gather(world)
    client = await cast.as_("learner")
    goal = await world.goal(await world.plan(cast.learner))
    body = {"title": "Ask", "owner": "guardian", "if_obstacle": "If shy", "then_response": "then write"}
    made = await client.post(f"/v1/goals/{goal.id}/actions", json=body)
    action, url = ok(made, 201), made.headers["location"]
    assert {name: action[name] for name in body} == body
    assert (action["status"], url) == ("planned", f"/v1/actions/{action['id']}")

    assert ok(await change(client, url, {"if_obstacle": None, "due_on": "2026-10-01"}))["if_obstacle"] is None
    done = ok(await move(client, url, "complete"))
    assert (done["status"], done["completed_at"] is None) == ("done", False)
    assert refusal(await change(client, url, {"title": "Ask again"})) == (409, "wrong_status")
    assert refusal(await remove(client, url)) == (409, "wrong_status")
    assert ok(await move(client, url, "reopen"))["completed_at"] is None
    assert (await remove(client, url)).status_code == 204
    assert refusal(await client.get(url)) == (404, "not_found")
    assert (await read(client, f"/v1/goals/{goal.id}/actions"))["items"] == []


async def test_a_milestone_is_changed_and_deleted(world: World) -> None:
    cast = await gather(world)
    client = await cast.as_("learner")
    goal = await world.goal(await world.plan(cast.learner))
    made = await client.post(f"/v1/goals/{goal.id}/milestones", json={"title": "Half", "due_on": "2026-12-01"})
    url = made.headers["location"]
    changed = ok(await change(client, url, {"title": "Halfway", "due_on": None, "weight": 2}))
    assert (changed["title"], changed["due_on"], changed["weight"], changed["version"]) == ("Halfway", None, 2, 2)
    assert (await remove(client, url)).status_code == 204
    assert refusal(await client.get(url)) == (404, "not_found")


@pytest.mark.parametrize("status", ["closed", "archived"])
async def test_a_closed_plan_is_read_and_not_changed(world: World, status: str) -> None:
    cast = await gather(world, "counselor")
    client = await cast.as_("counselor")
    plan = await world.plan(cast.learner, status=status)
    goal = await world.goal(plan, status="agreed")
    action, milestone = await world.action(goal), await world.milestone(goal)
    plan_url, goal_url = f"/v1/plans/{plan.id}", f"/v1/goals/{goal.id}"
    assert refusal(await change(client, plan_url, {"title": "New"})) == (409, "wrong_status")
    assert refusal(await change(client, goal_url, {"title": "New"})) == (409, "plan_not_open")
    for url in (f"/v1/actions/{action.id}", f"/v1/milestones/{milestone.id}"):
        assert refusal(await change(client, url, {"title": "New"})) == (409, "plan_closed")
    posts = {"actions": {"title": "A"}, "milestones": {"title": "M"}, "progress": {"value": "1"}}
    for path, body in posts.items():
        assert (await client.post(f"{goal_url}/{path}", json=body)).status_code == 409
    new_goal = {"title": "G", "category": "personal"}
    assert refusal(await client.post(f"{plan_url}/goals", json=new_goal)) == (409, "wrong_status")


@pytest.mark.parametrize(
    ("fields", "pointer", "code"),
    [
        ({"weight": 0}, "/weight", "greater_than_equal"),
        ({"weight": 1001}, "/weight", "less_than_equal"),
        ({"position": -1}, "/position", "greater_than_equal"),
        ({"position": 2**40}, "/position", "less_than_equal"),
        ({"position": "1"}, "/position", "int_type"),
        ({"position": True}, "/position", "int_type"),
    ],
)
async def test_a_milestones_numbers_have_limits(world: World, fields: dict[str, Any], pointer: str, code: str) -> None:
    cast = await gather(world)
    goal = await world.goal(await world.plan(cast.learner))
    client = await cast.as_("learner")
    made = await client.post(f"/v1/goals/{goal.id}/milestones", json={"title": "Half"} | fields)
    assert fault(made) == (422, pointer, code)
    changed = await change(client, f"/v1/milestones/{(await world.milestone(goal)).id}", fields)
    assert changed.status_code == 422


@pytest.mark.parametrize("status", OUTCOMES)
async def test_a_milestone_of_an_ended_goal_is_part_of_the_record(world: World, status: str) -> None:
    cast = await gather(world, "counselor")
    goal = await world.goal(await world.plan(cast.learner, status="active"), status=status)
    url, client = f"/v1/milestones/{(await world.milestone(goal)).id}", await cast.as_("counselor")
    assert refusal(await change(client, url, {"is_reached": True})) == (409, "goal_ended")
    assert refusal(await remove(client, url)) == (409, "goal_ended")
    shown = await read(client, url)
    assert shown["available_actions"] == []
    assert {item["code"] for item in shown["blocked_actions"]} == {"goal_ended"}


async def test_a_plan_has_room_for_so_many_goals(world: World) -> None:
    cast = await gather(world)
    client, plan = await cast.as_("learner"), await world.plan(cast.learner)
    await fill(world, await world.goal(plan), GOALS_PER_PLAN - 2)
    url, body = f"/v1/plans/{plan.id}", {"title": "G", "category": "personal", "metric_kind": "boolean"}
    ok(await client.post(f"{url}/goals", json=body), 201)
    assert refusal(await client.post(f"{url}/goals", json=body)) == (409, "too_many")
    shown = await read(client, url)
    assert "add_goal" not in shown["available_actions"]
    assert ("add_goal", "too_many") in {(item["action"], item["code"]) for item in shown["blocked_actions"]}


@pytest.mark.parametrize(("part", "other"), [("action", "milestone"), ("milestone", "action")])
async def test_a_goal_has_room_for_so_many_parts(world: World, part: str, other: str) -> None:
    cast = await gather(world)
    goal, client = await agreed(world, cast), await cast.as_("learner")
    row = await world.action(goal) if part == "action" else await world.milestone(goal)
    await fill(world, row, PARTS_PER_GOAL - 2)
    url = f"/v1/goals/{goal.id}"
    ok(await client.post(f"{url}/{part}s", json={"title": "Last"}), 201)
    assert refusal(await client.post(f"{url}/{part}s", json={"title": "One more"})) == (409, "too_many")
    ok(await client.post(f"{url}/{other}s", json={"title": "Other"}), 201)
    shown = await read(client, url)
    assert f"add_{part}" not in shown["available_actions"]
    assert f"add_{other}" in shown["available_actions"]


async def fill(world: World, row: Goal | Action | Milestone, copies: int) -> None:
    """Put so many rows like this one beside it."""
    columns = {column.key: getattr(row, column.key) for column in row.__mapper__.column_attrs}
    async with world.transaction() as session:
        await session.execute(insert(type(row)), [columns | {"id": new_id()} for _ in range(copies)])
