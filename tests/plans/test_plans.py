"""Making, reading and changing plans: merge patches, tags and versions, the workflow lived through."""

import asyncio
import uuid
from typing import Any

import httpx
import pytest

from app.db.base import new_id
from tests.factories import EARLIER, SCHOOL_YEAR, World
from tests.plans.people import change, fault, gather, move, ok, read, refusal, tag

pytestmark = pytest.mark.anyio

MERGE_PATCH = "application/merge-patch+json"


def new_plan(learner: Any, **fields: Any) -> dict[str, Any]:
    return {"learner_id": str(learner.id), "school_year": SCHOOL_YEAR, "title": "Mine"} | fields


# Making


@pytest.mark.parametrize("label", ["learner", "advisor", "counselor", "case_manager", "service_writer"])
async def test_a_plan_is_made_by_the_learner_and_by_staff_of_the_caseload(world: World, label: str) -> None:
    cast = await gather(world, label)
    client = await cast.as_(label)
    offered = (await read(client, f"/v1/learners/{cast.learner.id}"))["available_actions"]
    made = await client.post("/v1/plans", json=new_plan(cast.learner))
    plan = ok(made, 201)
    assert "create_plan" in offered
    assert made.headers["location"] == f"/v1/plans/{plan['id']}"
    assert (plan["status"], plan["starts_on"], plan["ends_on"]) == ("draft", "2026-08-01", "2027-07-31")
    assert plan == await read(client, made.headers["location"])
    assert made.headers["etag"] == await tag(client, made.headers["location"])


@pytest.mark.parametrize("label", ["guardian", "teacher", "school_admin", "district_admin", "service_reader"])
async def test_who_may_only_read_makes_no_plan(world: World, label: str) -> None:
    cast = await gather(world, label)
    client = await cast.as_(label)
    blocked = (await read(client, f"/v1/learners/{cast.learner.id}"))["blocked_actions"]
    assert ("create_plan", "forbidden") in [(item["action"], item["code"]) for item in blocked]
    reply = await client.post("/v1/plans", json=new_plan(cast.learner))
    assert (refusal(reply), reply.json()["permission"]) == ((403, "forbidden"), "plans:write")


async def test_a_learner_has_one_plan_for_a_school_year(world: World) -> None:
    cast = await gather(world)
    client = await cast.as_("learner")
    ok(await client.post("/v1/plans", json=new_plan(cast.learner)), 201)
    assert refusal(await client.post("/v1/plans", json=new_plan(cast.learner))) == (409, "plan_exists")
    ok(await client.post("/v1/plans", json=new_plan(cast.learner, school_year=SCHOOL_YEAR + 1)), 201)


async def test_a_client_may_bring_its_own_id(world: World, another_world: World) -> None:
    here, there = await gather(world), await gather(another_world)
    client, mine = await here.as_("learner"), str(new_id())
    made = await client.post("/v1/plans", json=new_plan(here.learner, id=mine))
    assert made.headers["location"] == f"/v1/plans/{mine}"
    again = await client.post("/v1/plans", json=new_plan(here.learner, id=mine, school_year=SCHOOL_YEAR + 1))
    assert refusal(again) == (409, "id_taken")
    elsewhere = await there.as_("learner")
    assert (await elsewhere.get(f"/v1/plans/{mine}")).status_code == 404
    ok(await elsewhere.post("/v1/plans", json=new_plan(there.learner, id=mine)), 201)


@pytest.mark.parametrize("path", ["goals", "actions", "milestones", "progress"])
async def test_what_is_below_a_plan_may_have_the_clients_id_once(world: World, path: str) -> None:
    cast = await gather(world)
    plan = await world.plan(cast.learner)
    goal = await world.goal(plan, status="agreed")
    parent = f"/v1/plans/{plan.id}" if path == "goals" else f"/v1/goals/{goal.id}"
    body = {"goals": {"title": "G", "category": "personal"}, "progress": {"value": "1"}}.get(path, {"title": "T"})
    client, own = await cast.as_("learner"), {"id": str(new_id())}
    made = await client.post(f"{parent}/{path}", json=body | own)
    assert ok(made, 201)["id"] == own["id"]
    assert made.headers["location"] == f"/v1/{path}/{own['id']}"
    assert refusal(await client.post(f"{parent}/{path}", json=body | own)) == (409, "id_taken")


@pytest.mark.parametrize(
    ("fields", "pointer", "code"),
    [
        ({"school_year": "2027"}, "/school_year", "int_type"),
        ({"school_year": 1999}, "/school_year", "greater_than_equal"),
        ({"school_year": 2**63}, "/school_year", "integer_too_large"),
        ({"starts_on": "2027-08-01", "ends_on": "2027-07-31"}, "/starts_on", "dates_in_order"),
        ({"starts_on": None}, "/starts_on", "date_type"),
        ({"title": "a\u0000b"}, "/title", "character_refused"),
        ({"status": "active"}, "/status", "extra_forbidden"),
        ({"id": "7"}, "/id", "uuid_parsing"),
    ],
)
async def test_a_plan_that_makes_no_sense_is_refused(
    world: World, fields: dict[str, Any], pointer: str, code: str
) -> None:
    cast = await gather(world)
    reply = await (await cast.as_("learner")).post("/v1/plans", json=new_plan(cast.learner, **fields))
    assert fault(reply) == (422, pointer, code)


async def test_no_plan_is_made_for_a_learner_one_may_not_know_of(world: World, another_world: World) -> None:
    cast = await gather(world, "other_learner")
    client = await cast.as_("other_learner")
    hidden, foreign = cast.learner, await another_world.learner()
    answers = []
    for learner_id in (hidden.id, foreign.id, uuid.uuid4()):
        reply = await client.post("/v1/plans", json=new_plan(cast.learner, learner_id=str(learner_id)))
        answers.append({**reply.json(), "request_id": "", "status": reply.status_code})
    assert answers[0] == answers[1] == answers[2]
    assert (answers[0]["status"], answers[0]["code"]) == (404, "not_found")


# Changing


@pytest.mark.parametrize("content_type", [MERGE_PATCH, "application/json", MERGE_PATCH + "; charset=utf-8"])
async def test_a_patch_keeps_what_is_absent_and_clears_what_is_null(world: World, content_type: str) -> None:
    cast = await gather(world)
    plan = await world.plan(cast.learner, vision="Robots")
    client, url = await cast.as_("learner"), f"/v1/plans/{plan.id}"
    headers = {"Content-Type": content_type, "If-Match": await tag(client, url)}
    renamed = ok(await client.patch(url, content=b'{"title": "New"}', headers=headers))
    assert (renamed["title"], renamed["vision"], renamed["version"]) == ("New", "Robots", 2)
    headers["If-Match"] = await tag(client, url)
    cleared = ok(await client.patch(url, content=b'{"vision": null}', headers=headers))
    assert (cleared["title"], cleared["vision"], cleared["version"]) == ("New", None, 3)


@pytest.mark.parametrize("name", ["title", "starts_on", "ends_on"])
async def test_null_is_refused_where_a_value_is_needed(world: World, name: str) -> None:
    cast = await gather(world)
    plan = await world.plan(cast.learner)
    reply = await change(await cast.as_("learner"), f"/v1/plans/{plan.id}", {name: None})
    assert reply.status_code == 422
    assert {error["pointer"] for error in reply.json()["errors"]} == {f"/{name}"}


@pytest.mark.parametrize("name", ["is_admin", "status", "version", "learner_id", "submitted_by"])
async def test_a_field_that_is_not_for_changing_is_refused(world: World, name: str) -> None:
    cast = await gather(world)
    plan = await world.plan(cast.learner)
    reply = await change(await cast.as_("learner"), f"/v1/plans/{plan.id}", {name: "1"})
    assert fault(reply) == (422, f"/{name}", "extra_forbidden")


async def test_a_patch_of_another_type_is_refused(world: World) -> None:
    cast = await gather(world)
    plan = await world.plan(cast.learner)
    reply = await (await cast.as_("learner")).patch(f"/v1/plans/{plan.id}", content=b"title=New")
    assert reply.status_code == 415
    assert MERGE_PATCH in reply.headers["accept-patch"]


async def test_a_patch_that_changes_nothing_leaves_version_and_history(world: World) -> None:
    cast = await gather(world)
    plan = await world.plan(cast.learner)
    client, url = await cast.as_("learner"), f"/v1/plans/{plan.id}"
    before = await tag(client, url)
    for body in ({}, {"title": plan.title, "starts_on": plan.starts_on.isoformat()}):
        assert (await change(client, url, body)).headers["etag"] == before
    assert (await read(client, f"{url}/events"))["items"] == []


async def test_a_change_without_a_tag_is_refused_and_with_an_old_one_too(world: World) -> None:
    cast = await gather(world)
    plan = await world.plan(cast.learner)
    client, url = await cast.as_("learner"), f"/v1/plans/{plan.id}"
    old = await tag(client, url)
    for call in (client.patch(url, json={"title": "A"}), client.post(f"{url}/transitions", json={"action": "submit"})):
        assert refusal(await call) == (428, "if_match_required")
    ok(await change(client, url, {"title": "A"}))
    stale = await client.patch(url, json={"title": "B"}, headers={"If-Match": old})
    assert refusal(stale) == (412, "version_mismatch")
    assert stale.headers["etag"].startswith('"2')
    assert (await read(client, url))["title"] == "A"


async def test_of_two_writers_with_one_tag_one_wins(world: World) -> None:
    cast = await gather(world, "counselor", "advisor")
    plan = await world.plan(cast.learner)
    url = f"/v1/plans/{plan.id}"
    clients = [await cast.as_(label) for label in ("learner", "counselor", "advisor")]
    tags = [await tag(client, url) for client in clients]
    replies = await asyncio.gather(
        *(
            client.patch(url, json={"title": f"By {number}"}, headers={"If-Match": etag})
            for number, (client, etag) in enumerate(zip(clients, tags, strict=True))
        )
    )
    assert sorted(reply.status_code for reply in replies) == [200, 412, 412]
    winner = next(reply.json()["title"] for reply in replies if reply.status_code == 200)
    assert (await read(clients[0], url))["title"] == winner


async def test_a_tag_of_any_representation_serves_for_a_change(world: World) -> None:
    cast = await gather(world)
    plan = await world.plan(cast.learner)
    await world.goal(plan)
    client, url = await cast.as_("learner"), f"/v1/plans/{plan.id}"
    for number, query in enumerate(("", "?expand=goals")):
        headers = {"If-Match": await tag(client, url + query)}
        ok(await client.patch(url, json={"title": f"Title {number}"}, headers=headers))
    ok(await client.patch(url, json={"title": "Any"}, headers={"If-Match": "*"}))


# Reading


async def test_a_tag_changes_with_an_expanded_child_and_the_version_does_not(world: World) -> None:
    cast = await gather(world)
    plan = await world.plan(cast.learner, status="active")
    goal = await world.goal(plan, status="agreed")
    client, url = await cast.as_("learner"), f"/v1/plans/{plan.id}"
    plain, expanded = await tag(client, url), await tag(client, f"{url}?expand=goals")
    assert plain != expanded
    ok(await client.post(f"/v1/goals/{goal.id}/progress", json={"value": "40"}), 201)
    assert await tag(client, url) == plain
    after = await tag(client, f"{url}?expand=goals")
    assert after != expanded
    assert after.partition("-")[0] == expanded.partition("-")[0]


async def test_a_tag_changes_with_what_the_caller_may_do_and_not_with_the_token(world: World) -> None:
    cast = await gather(world, "counselor")
    plan = await world.plan(cast.learner)
    url = f"/v1/plans/{plan.id}"
    as_learner, as_counselor = await cast.as_("learner"), await cast.as_("counselor")
    before = await tag(as_learner, url)
    assert before == await tag(await world.client_for(cast.learner), url)
    assert before != await tag(as_counselor, url)
    goal = await world.goal(plan, status="agreed")
    submittable = await tag(as_learner, url)
    assert goal.plan_id == plan.id
    assert submittable != before
    assert submittable.partition("-")[0] == before.partition("-")[0]


async def test_what_is_known_already_is_not_sent_again(world: World) -> None:
    cast = await gather(world)
    plan = await world.plan(cast.learner)
    client, url = await cast.as_("learner"), f"/v1/plans/{plan.id}"
    for path in (url, f"{url}?expand=goals", "/v1/plans", f"/v1/learners/{cast.learner.id}"):
        known = await tag(client, path)
        same = await client.get(path, headers={"If-None-Match": f'"other", {known}'})
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", known)
        assert same.headers["cache-control"] == "private, no-cache"
        assert same.headers["vary"] == "Authorization, Accept"
        assert (await client.get(path, headers={"If-None-Match": '"1-0000000000000000"'})).status_code == 200


async def test_expansions_are_there_only_when_asked_for(world: World) -> None:
    cast = await gather(world)
    plan = await world.plan(cast.learner)
    goal = await world.goal(plan)
    await world.action(goal)
    await world.milestone(goal)
    await world.link(goal, await world.competency(await world.framework()))
    client, url = await cast.as_("learner"), f"/v1/plans/{plan.id}"
    below = {"actions", "milestones", "competencies"}
    assert "goals" not in await read(client, url)
    shown = await read(client, url, expand="goals")
    assert not below & set(shown["goals"][0])
    for name in below:
        goal_shown = (await read(client, url, expand=f"goals.{name}"))["goals"][0]
        assert below & set(goal_shown) == {name}
        assert len(goal_shown[name]) == 1


@pytest.mark.parametrize(
    "query", ["expand=goals.secrets", "expand=", "fields=password", "expnad=goals", "fields=id&fields=id"]
)
async def test_a_misspelt_parameter_is_refused(world: World, query: str) -> None:
    cast = await gather(world)
    plan = await world.plan(cast.learner)
    reply = await (await cast.as_("learner")).get(f"/v1/plans/{plan.id}?{query}")
    assert refusal(reply) == (422, "validation_error")


# The workflow, lived through


async def test_a_plan_lives_from_draft_to_archive(world: World) -> None:
    cast = await gather(world, "counselor", "school_admin")
    plan = await world.plan(cast.learner)
    goal = await world.goal(plan, status="agreed", learner_agreed_at=plan.created_at, staff_agreed_at=plan.created_at)
    url = f"/v1/plans/{plan.id}"
    clients = {label: await cast.as_(label) for label in ("learner", "counselor", "school_admin")}

    async def step(label: str, action: str, reason: str | None = None) -> Any:
        return ok(await move(clients[label], url, action, reason))

    submitted = await step("learner", "submit")
    assert submitted["submitted_by"] == str(cast.learner.id)
    assert (await step("learner", "withdraw"))["submitted_by"] is None
    await step("learner", "submit")
    assert fault(await move(clients["counselor"], url, "return")) == (422, "/reason", "missing")
    assert (await step("counselor", "return", "Too vague"))["status"] == "draft"
    await step("learner", "submit")
    approved = await step("counselor", "approve")
    assert (approved["status"], approved["approved_by"]) == ("active", str(cast.people["counselor"].id))
    assert refusal(await move(clients["counselor"], url, "close")) == (409, "goal_without_outcome")
    ok(await move(clients["counselor"], f"/v1/goals/{goal.id}", "achieve"))
    assert (await step("counselor", "close"))["closed_at"] is not None
    assert fault(await move(clients["counselor"], url, "reopen")) == (422, "/reason", "missing")
    reopened = await step("school_admin", "reopen", "A goal was missing")
    assert (reopened["status"], reopened["approved_by"]) == ("active", approved["approved_by"])
    await step("counselor", "close")
    assert (await step("school_admin", "archive"))["available_actions"] == ["add_team_member"]

    history = (await read(clients["learner"], f"{url}/events", sort="at"))["items"]
    assert [(event["action"], event["capacity"], event["reason"]) for event in history] == [
        ("submit", "learner", None),
        ("withdraw", "learner", None),
        ("submit", "learner", None),
        ("return", "counselor", "Too vague"),
        ("submit", "learner", None),
        ("approve", "counselor", None),
        ("achieve", "counselor", None),
        ("close", "counselor", None),
        ("reopen", "school_admin", "A goal was missing"),
        ("close", "counselor", None),
        ("archive", "school_admin", None),
    ]


async def test_whoever_submitted_does_not_approve(world: World) -> None:
    cast = await gather(world, "counselor")
    other = cast.people["colleague"] = await world.staff_of(cast.learner, "counselor")
    plan = await world.plan(cast.learner)
    await world.goal(plan, status="agreed")
    url = f"/v1/plans/{plan.id}"
    ok(await move(await cast.as_("counselor"), url, "submit"))
    for action in ("approve", "return"):
        assert refusal(await move(await cast.as_("counselor"), url, action, "Mine")) == (409, "own_submission")
    assert refusal(await move(await cast.as_("colleague"), url, "withdraw")) == (409, "not_submitter")
    assert ok(await move(await cast.as_("colleague"), url, "approve"))["approved_by"] == str(other.id)


async def test_an_unknown_step_is_not_a_step(world: World) -> None:
    cast = await gather(world)
    plan = await world.plan(cast.learner)
    reply = await move(await cast.as_("learner"), f"/v1/plans/{plan.id}", "edit")
    assert fault(reply) == (422, "/action", "literal_error")


async def test_an_overdue_plan_stays_as_it_is(world: World) -> None:
    cast = await gather(world)
    plan = await world.plan(cast.learner, status="active", starts_on=EARLIER.replace(year=2019), ends_on=EARLIER)
    await world.goal(plan, status="agreed", due_on=EARLIER)
    shown = await read(await cast.as_("learner"), f"/v1/plans/{plan.id}", expand="goals")
    assert (shown["status"], shown["goals"][0]["status"]) == ("active", "agreed")


async def test_a_plan_reads_the_same_as_its_list_item(world: World) -> None:
    cast = await gather(world, "teacher")
    plan = await world.plan(cast.learner)
    client: httpx.AsyncClient = await cast.as_("teacher")
    one = await read(client, f"/v1/plans/{plan.id}")
    (item,) = (await read(client, "/v1/plans", expand="available_actions"))["items"]
    assert item == {name: value for name, value in one.items() if name != "relations"}
