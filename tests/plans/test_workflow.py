"""The workflows' tables: who may do what in which state, and that what is shown is what happens.

The tables below are written out from the domain's rules, not derived from the code. For each scene and each caller the
representation must offer exactly these actions, and each call must succeed, or fail with the code shown.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.factories import World
from tests.plans.people import READERS, Cast, gather, ok, tag

pytestmark = pytest.mark.anyio

CALLERS = (*READERS, "named_teacher")
WRITERS = {"learner", "advisor", "counselor", "case_manager", "service_writer"}
PROPOSERS = WRITERS | {"guardian"}
SUBMITTERS = {"learner", "advisor", "counselor"}
REVIEWERS = {"counselor", "school_admin"}
ADMINS = {"school_admin", "district_admin"}
SPEAKERS = PROPOSERS | {"teacher", "named_teacher"}
SPEAK = {"comment": SPEAKERS, "reflect": {"learner"}, "reflect_privately": {"learner"}}
SHARE = {
    "share": {"counselor", "learner", "advisor", "case_manager"},
    "add_team_member": {"counselor", "advisor", "case_manager", "school_admin"},
}
ALWAYS = {**SPEAK, **SHARE}
OPEN_PLAN = {"edit": WRITERS, "add_goal": PROPOSERS, **ALWAYS}

Table = dict[str, set[str]]

PLAN_SCENES: dict[str, tuple[dict[str, Any], tuple[str, ...], Table]] = {
    "draft without a goal": ({"status": "draft"}, (), OPEN_PLAN),
    "draft with a proposal": ({"status": "draft"}, ("agreed", "proposed"), OPEN_PLAN),
    "draft with an agreed goal": ({"status": "draft"}, ("agreed", "dropped"), OPEN_PLAN | {"submit": SUBMITTERS}),
    "submitted by the learner": (
        {"status": "in_review", "submitted_by": "learner"},
        ("agreed",),
        {"withdraw": {"learner"}, "return": REVIEWERS, "approve": REVIEWERS, **ALWAYS},
    ),
    "submitted by the counselor": (
        {"status": "in_review", "submitted_by": "counselor"},
        ("agreed",),
        {"withdraw": {"counselor"}, "return": {"school_admin"}, "approve": {"school_admin"}, **ALWAYS},
    ),
    "active": ({"status": "active"}, ("agreed", "achieved"), OPEN_PLAN),
    "active with outcomes": (
        {"status": "active"},
        ("achieved", "dropped"),
        OPEN_PLAN | {"close": {"advisor", "counselor"}},
    ),
    "closed": ({"status": "closed"}, ("achieved",), {"reopen": {"counselor"} | ADMINS, "archive": ADMINS, **ALWAYS}),
    "archived": ({"status": "archived"}, ("achieved",), SHARE),
}
PLAN_ACTIONS = {"submit", "withdraw", "return", "approve", "close", "reopen", "archive", "edit", "add_goal", *ALWAYS}

GOAL_WRITERS = WRITERS | {"named_teacher"}
GOAL_STAFF = {"advisor", "counselor", "case_manager", "named_teacher"}
ANSWERING_STAFF = {"advisor", "counselor", "named_teacher"}
OUTCOMES = ("achieve", "partly_achieve", "not_achieve", "drop")
COMMENT = {"comment": SPEAKERS}
BELOW = {"edit": GOAL_WRITERS, "add_action": GOAL_WRITERS, "add_milestone": GOAL_WRITERS, **COMMENT}
BOTH = {"learner_agreed_at", "staff_agreed_at"}


def _answers(who: set[str]) -> Table:
    return {"agree": who, "decline": who}


GOAL_SCENES: dict[str, tuple[str, dict[str, Any], Table]] = {
    "the learner proposed": (
        "draft",
        {"agreed": {"learner_agreed_at"}, "proposed_by": "learner"},
        BELOW | _answers(ANSWERING_STAFF) | {"delete": {"learner"}},
    ),
    "an adult proposed": (
        "active",
        {"agreed": {"staff_agreed_at"}, "proposed_by": "counselor", "proposed_side": "staff"},
        BELOW | _answers({"learner"}) | {"delete": {"counselor"}},
    ),
    "a guardian proposed": (
        "draft",
        {"proposed_by": "guardian", "proposed_side": "guardian"},
        BELOW | _answers({"learner"} | ANSWERING_STAFF) | {"delete": {"guardian"}},
    ),
    "proposed, plan in review": ("in_review", {"agreed": {"learner_agreed_at"}, "proposed_by": "learner"}, COMMENT),
    "agreed": (
        "active",
        {"status": "agreed", "agreed": BOTH},
        BELOW | dict.fromkeys(OUTCOMES, GOAL_STAFF) | {"record_progress": GOAL_WRITERS},
    ),
    "agreed, plan in review": (
        "in_review",
        {"status": "agreed", "agreed": BOTH},
        {"record_progress": GOAL_WRITERS, **COMMENT},
    ),
    "agreed, plan closed": ("closed", {"status": "agreed", "agreed": BOTH}, COMMENT),
    "achieved": ("active", {"status": "achieved", "agreed": BOTH}, {"reopen": {"advisor", "counselor"}, **COMMENT}),
    "declined": ("active", {"status": "dropped", "agreed": {"staff_agreed_at"}}, COMMENT),
    "achieved, plan archived": ("archived", {"status": "achieved", "agreed": BOTH}, {}),
}
GOAL_ACTIONS = {
    *("agree", "decline", *OUTCOMES, "reopen"),
    *("edit", "delete", "add_action", "add_milestone", "record_progress", "comment"),
}

ACTION_SCENES: dict[str, tuple[str, str, Table]] = {
    "planned": ("active", "planned", dict.fromkeys(("complete", "drop", "edit", "delete"), GOAL_WRITERS)),
    "planned, plan in review": (
        "in_review",
        "planned",
        dict.fromkeys(("complete", "drop", "edit", "delete"), GOAL_WRITERS),
    ),
    "done": ("draft", "done", {"reopen": GOAL_WRITERS}),
    "dropped": ("active", "dropped", {"reopen": GOAL_WRITERS}),
    "planned, plan closed": ("closed", "planned", {}),
}
ACTION_ACTIONS = {"complete", "drop", "reopen", "edit", "delete"}

NEW_GOAL = {"title": "New", "category": "personal"}
BELOW_GOAL: dict[str, tuple[str, dict[str, Any]]] = {
    "add_action": ("actions", {"title": "New"}),
    "add_milestone": ("milestones", {"title": "New"}),
    "record_progress": ("progress", {"value": "5"}),
    "add_goal": ("goals", NEW_GOAL),
    "comment": ("comments", {"text": "New"}),
    "reflect": ("reflections", {"text": "New", "is_private": False}),
    "reflect_privately": ("reflections", {"text": "New", "is_private": True}),
    "share": ("share-links", {"label": "New", "purpose": "New", "sections": ["plan"]}),
    "add_team_member": ("team", {"role": "coach"}),
}


async def attempt(cast: Cast, client: httpx.AsyncClient, url: str, action: str, etag: str) -> httpx.Response:
    """Do the action, on trial: answered as the live call would be, and nothing changes."""
    headers, trial = {"If-Match": etag}, {"validate_only": "true"}
    if action in BELOW_GOAL:
        path, body = BELOW_GOAL[action]
        if action == "share":
            body = {**body, "expires_at": (datetime.now(UTC) + timedelta(days=30)).isoformat()}
        elif action == "add_team_member":
            body = {**body, "person_id": str((await cast.world.person(role="teacher")).id)}
        return await client.post(f"{url}/{path}", json=body, params=trial)
    if action == "edit":
        return await client.patch(url, json={"title": "Changed"}, headers=headers, params=trial)
    if action == "delete":
        return await client.delete(url, headers=headers, params=trial)
    body = {"action": action, "reason": "because"}
    return await client.post(f"{url}/transitions", json=body, headers=headers, params=trial)


async def check(cast: Cast, url: str, actions: set[str], table: Table, *, also_forbidden: bool) -> None:
    """Each caller is offered what the table says, and each call does what the representation says.

    What a caller may never do is the same in every state; `also_forbidden` tries it too.
    """
    for label in CALLERS:
        client = await cast.as_(label)
        reply = await client.get(url)
        shown = ok(reply)
        expected = {action for action, allowed in table.items() if label in allowed}
        assert set(shown["available_actions"]) == expected, (label, shown["blocked_actions"])
        blocked = {item["action"]: item for item in shown["blocked_actions"]}
        assert set(blocked) == actions - expected
        for action in sorted(actions):
            if action in blocked and blocked[action]["code"] == "forbidden" and not also_forbidden:
                continue
            tried = await attempt(cast, client, url, action, reply.headers["etag"])
            if action in expected:
                assert tried.status_code in (200, 201, 204), (label, action, tried.text)
                continue
            code = tried.json()["code"]
            assert (code, tried.json()["detail"]) == (blocked[action]["code"], blocked[action]["detail"])
            assert tried.status_code == (403 if code == "forbidden" else 409), (label, action)
    assert await tag(client, url) == reply.headers["etag"], "a trial changed something"


async def test_every_action_has_a_row_in_the_tables(world: World) -> None:
    cast = await gather(world, "counselor")
    client = await cast.as_("counselor")
    goal = await world.goal(await world.plan(cast.learner))
    action = await world.action(goal)
    for url, known in (
        (f"/v1/plans/{goal.plan_id}", PLAN_ACTIONS),
        (f"/v1/goals/{goal.id}", GOAL_ACTIONS),
        (f"/v1/actions/{action.id}", ACTION_ACTIONS),
    ):
        shown = ok(await client.get(url))
        assert {*shown["available_actions"], *(item["action"] for item in shown["blocked_actions"])} == known


@pytest.mark.parametrize("scene", PLAN_SCENES)
async def test_a_plan_offers_each_caller_what_the_table_says_and_does_it(world: World, scene: str) -> None:
    fields, goals, table = PLAN_SCENES[scene]
    cast = await gather(world, *CALLERS)
    if "submitted_by" in fields:
        fields = fields | {"submitted_by": cast.people[fields["submitted_by"]].id}
    plan = await world.plan(cast.learner, **fields)
    for status in goals:
        goal = await world.goal(plan, status=status)
        await world.name_teacher(goal, cast.people["named_teacher"])
    await check(cast, f"/v1/plans/{plan.id}", PLAN_ACTIONS, table, also_forbidden=scene == "active")


@pytest.mark.parametrize("scene", GOAL_SCENES)
async def test_a_goal_offers_each_caller_what_the_table_says_and_does_it(world: World, scene: str) -> None:
    plan_status, fields, table = GOAL_SCENES[scene]
    cast = await gather(world, *CALLERS)
    agreed = dict.fromkeys(fields.get("agreed", ()), world.tenant.created_at)
    rest = {name: value for name, value in fields.items() if name != "agreed"}
    if "proposed_by" in rest:
        rest["proposed_by"] = cast.people[rest["proposed_by"]].id
    goal = await world.goal(await world.plan(cast.learner, status=plan_status), **agreed, **rest)
    await world.name_teacher(goal, cast.people["named_teacher"])
    await check(cast, f"/v1/goals/{goal.id}", GOAL_ACTIONS, table, also_forbidden=scene == "agreed")


@pytest.mark.parametrize("scene", ACTION_SCENES)
async def test_an_action_offers_each_caller_what_the_table_says_and_does_it(world: World, scene: str) -> None:
    plan_status, status, table = ACTION_SCENES[scene]
    cast = await gather(world, *CALLERS)
    goal = await world.goal(await world.plan(cast.learner, status=plan_status), status="agreed")
    await world.name_teacher(goal, cast.people["named_teacher"])
    action = await world.action(goal, status=status)
    await check(cast, f"/v1/actions/{action.id}", ACTION_ACTIONS, table, also_forbidden=scene == "planned")


@pytest.mark.parametrize(
    ("plan_status", "table"),
    [
        ("active", {"edit": GOAL_WRITERS, "delete": GOAL_WRITERS}),
        ("in_review", {"edit": GOAL_WRITERS}),
        ("closed", {}),
    ],
)
async def test_a_milestone_offers_each_caller_what_the_table_says(world: World, plan_status: str, table: Table) -> None:
    cast = await gather(world, *CALLERS)
    goal = await world.goal(await world.plan(cast.learner, status=plan_status), status="agreed")
    await world.name_teacher(goal, cast.people["named_teacher"])
    milestone = await world.milestone(goal)
    await check(
        cast, f"/v1/milestones/{milestone.id}", {"edit", "delete"}, table, also_forbidden=plan_status == "active"
    )
