"""Lists of plans and of what is below them: filters, sorts, pages."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.plans.models import Plan
from tests.factories import BASE_URL, EARLIER, SCHOOL_YEAR, World
from tests.plans.people import Cast, change, fault, gather, ok, read, refusal

pytestmark = pytest.mark.anyio

START = datetime(2026, 9, 1, tzinfo=UTC)


async def ids(client: httpx.AsyncClient, path: str = "/v1/plans", **query: Any) -> list[str]:
    return [item["id"] for item in (await read(client, path, **query))["items"]]


async def walk(client: httpx.AsyncClient, path: str, **query: Any) -> list[str]:
    """The ids of all pages, by following the links."""
    reply = await client.get(path, params=query)
    found = []
    while True:
        page = ok(reply)
        found += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            assert "link" not in reply.headers
            return found
        link, _, relation = reply.headers["link"].partition("; ")
        assert relation == 'rel="next"'
        reply = await client.get(link.strip("<>"))


async def many_plans(world: World, count: int = 7) -> tuple[Cast, list[Plan]]:
    """A counselor's plans; some were made or changed at the very same instant."""
    cast = await gather(world, "counselor")
    plans = []
    for number in range(count):
        learner = await world.learner(f"Learner {number}")
        await world.caseload(cast.people["counselor"], learner)
        made, changed = START + timedelta(hours=number // 2), START + timedelta(days=count - number // 3)
        plans.append(await world.plan(learner, created_at=made, updated_at=changed, title=f"Plan {number}"))
    return cast, plans


@pytest.mark.parametrize("sort", ["updated_at", "-updated_at", "created_at", "-created_at"])
@pytest.mark.parametrize("limit", [1, 2, 3, 7, 200])
async def test_pages_give_each_plan_once_in_the_order_of_the_sort(world: World, sort: str, limit: int) -> None:
    cast, plans = await many_plans(world)
    name = sort.removeprefix("-")
    expected = sorted(plans, key=lambda plan: (getattr(plan, name), plan.id), reverse=sort.startswith("-"))
    client = await cast.as_("counselor")
    assert await walk(client, "/v1/plans", sort=sort, limit=limit) == [str(plan.id) for plan in expected]
    if sort == "-updated_at":
        assert await walk(client, "/v1/plans", limit=limit) == [str(plan.id) for plan in expected], "the default"


async def test_plans_that_come_and_go_move_no_others_between_pages(world: World) -> None:
    cast, plans = await many_plans(world)
    client = await cast.as_("counselor")
    in_order = [str(plan.id) for plan in sorted(plans, key=lambda plan: (plan.created_at, plan.id))]
    first = await read(client, "/v1/plans", sort="created_at", limit=3)
    newcomer = await world.learner("New", "Comer")
    await world.caseload(cast.people["counselor"], newcomer)
    await world.plan(newcomer, created_at=START - timedelta(days=1))
    async with world.transaction() as session:
        for gone in (in_order[2], in_order[5]):
            await session.delete(await session.get_one(Plan, (world.tenant.id, uuid.UUID(gone))))
    rest = await walk(client, "/v1/plans", sort="created_at", limit=3, cursor=first["next_cursor"])
    assert [item["id"] for item in first["items"]] == in_order[:3]
    assert rest == [in_order[3], in_order[4], in_order[6]]


async def test_each_filter_keeps_what_it_names(world: World) -> None:
    cast = await gather(world, "teacher", "school_admin")
    other = await world.learner("Otto", "Other")
    this_year = await world.plan(cast.learner, status="active", updated_at=START)
    last_year = await world.plan(cast.learner, school_year=SCHOOL_YEAR - 1, status="closed", updated_at=START)
    others = await world.plan(other, updated_at=START + timedelta(days=1))
    class_ = await world.class_(cast.people["teacher"], [cast.learner])
    await world.enroll(class_, other, "student", until_on=EARLIER)
    client = await cast.as_("school_admin")
    instant = (START + timedelta(days=1)).isoformat().replace("+00:00", "Z")
    for query, expected in (
        ({"learner_id": other.id}, {others}),
        ({"learner_id": cast.learner.id}, {this_year, last_year}),
        ({"status": "active"}, {this_year}),
        ({"status": "archived"}, set()),
        ({"school_year": SCHOOL_YEAR}, {this_year, others}),
        ({"school_year": SCHOOL_YEAR, "status": "draft"}, {others}),
        ({"class_id": class_.id}, {this_year, last_year}),
        ({"mine": "true"}, set()),
        ({"updated_since": instant}, {others}),
        ({"updated_since": "2026-09-02T02:00:00.000000+02:00"}, {others}),
        ({"updated_since": "2026-09-02T00:00:00.000001Z"}, set()),
        ({}, {this_year, last_year, others}),
    ):
        assert set(await ids(client, **query)) == {str(plan.id) for plan in expected}, query
        assert (await read(client, "/v1/plans", count="true", limit=1, **query))["total"] == len(expected)
    as_teacher = await cast.as_("teacher")
    assert set(await ids(as_teacher, mine="true")) == set(await ids(as_teacher)) != set()


@pytest.mark.parametrize("name", ["learner_id", "class_id"])
async def test_a_filter_by_what_one_may_not_know_of_is_not_found(world: World, another_world: World, name: str) -> None:
    cast = await gather(world, "teacher_elsewhere")
    hidden_class, foreign = await world.class_(None, [cast.learner]), await another_world.learner()
    foreign_class = await another_world.class_(None, [foreign])
    hidden = {"learner_id": (cast.learner.id, foreign.id), "class_id": (hidden_class.id, foreign_class.id)}
    client = await cast.as_("teacher_elsewhere")
    for wanted in (*hidden[name], uuid.uuid4()):
        assert refusal(await client.get("/v1/plans", params={name: str(wanted)})) == (404, "not_found")
        if name == "class_id":
            assert refusal(await client.get("/v1/learners", params={name: str(wanted)})) == (404, "not_found")


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("learner=x", "query:learner"),
        ("status=open", "query:status"),
        ("status=draft&status=active", "query:status"),
        ("learner_id=7", "query:learner_id"),
        ("sort=title", "query:sort"),
        ("mine=yes", "query:mine"),
        ("school_year=abc", "query:school_year"),
        ("school_year=3000000000", "query:school_year"),
        (f"school_year={10**20}", "query:school_year"),
        ("updated_since=yesterday", "query:updated_since"),
        ("updated_since=2026-09-01T00:00:00", "query:updated_since"),
        ("updated_since=0001-01-01T00:00:00%2B14:00", "query:updated_since"),
        ("updated_since=9999-12-31T23:59:59-14:00", "query:updated_since"),
        ("updated_since=1e300", "query:updated_since"),
        ("limit=0", "query:limit"),
        ("limit=-1", "query:limit"),
        ("limit=2147483648", "query:limit"),
        (f"limit={10**20}", "query:limit"),
        ("limit=ten", "query:limit"),
        ("count=maybe", "query:count"),
        ("expand=goals", "query:expand"),
        ("fields=secret", "query:fields"),
        ("status=%00", "query:status"),
    ],
)
async def test_a_query_that_makes_no_sense_is_refused(world: World, query: str, pointer: str) -> None:
    cast = await gather(world)
    reply = await (await cast.as_("learner")).get(f"/v1/plans?{query}")
    assert fault(reply)[:2] == (422, pointer)


@pytest.mark.parametrize("limit", [201, 1000, 2**31 - 1])
async def test_a_large_limit_is_the_largest_page(world: World, limit: int) -> None:
    cast = await gather(world)
    goal = await world.goal(await world.plan(cast.learner))
    for position in range(203):
        await world.milestone(goal, title=f"M {position}", position=position)
    client = await cast.as_("learner")
    page = await read(client, f"/v1/goals/{goal.id}/milestones", limit=limit, count="true")
    assert (len(page["items"]), page["total"]) == (200, 203)
    rest = await read(client, f"/v1/goals/{goal.id}/milestones", limit=limit, cursor=page["next_cursor"])
    assert [item["position"] for item in rest["items"]] == [200, 201, 202]
    assert len((await read(client, f"/v1/goals/{goal.id}/milestones"))["items"]) == 50


async def test_a_cursor_serves_only_its_own_list_filter_sort_and_caller(world: World) -> None:
    cast, _ = await many_plans(world, 4)
    client = await cast.as_("counselor")
    cursor = (await read(client, "/v1/plans", limit=2, status="draft"))["next_cursor"]
    query: dict[str, Any] = {"limit": 2, "status": "draft", "cursor": cursor}
    assert len(await ids(client, **query)) == 2
    for changed in (
        {"status": "active"},
        {"sort": "created_at"},
        {"cursor": cursor[:-2]},
        {"cursor": "x" + cursor[1:]},
    ):
        assert refusal(await client.get("/v1/plans", params=query | changed)) == (400, "invalid_cursor")
    assert refusal(await client.get("/v1/plans", params={"cursor": cursor})) == (400, "invalid_cursor")
    assert refusal(await client.get("/v1/learners", params={"cursor": cursor})) == (400, "invalid_cursor")
    other = await world.client_for(await world.district_admin())
    assert refusal(await other.get("/v1/plans", params=query)) == (400, "invalid_cursor")
    again = await world.client_for(cast.people["counselor"])
    assert len(await ids(again, **query)) == 2, "a new session of the same caller goes on"


async def test_only_the_fields_that_are_asked_for(app: FastAPI, world: World) -> None:
    cast = await gather(world)
    plan = await world.plan(cast.learner)
    goal = await world.goal(plan)
    signed_in = (await cast.as_("learner")).headers["authorization"]
    # Straight to the application: the document of whole representations does not describe parts of them.
    client = httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url=BASE_URL, headers={"Authorization": signed_in}
    )
    for path, query, expected in (
        ("/v1/plans", "fields=id,title", {"items": [{"id": str(plan.id), "title": plan.title}], "next_cursor": None}),
        (f"/v1/plans/{plan.id}", "fields=title", {"title": plan.title}),
        (f"/v1/plans/{plan.id}/goals", "fields=title", {"items": [{"title": goal.title}], "next_cursor": None}),
        (f"/v1/goals/{goal.id}", "fields=status,version", {"status": "proposed", "version": 1}),
        (f"/v1/learners/{cast.learner.id}", "fields=grade", {"grade": "07"}),
    ):
        assert ok(await client.get(f"{path}?{query}")) == expected
    trimmed = await client.patch(
        f"/v1/plans/{plan.id}",
        json={"title": "New"},
        headers={"If-Match": (await client.get(f"/v1/plans/{plan.id}?fields=title")).headers["etag"]},
    )
    assert trimmed.status_code == 200, "the tag of a part serves for a change"


async def test_list_items_say_what_the_caller_may_do_only_when_asked(world: World) -> None:
    cast = await gather(world, "teacher")
    await world.plan(cast.learner)
    for label in ("learner", "teacher"):
        client = await cast.as_(label)
        (plain,) = (await read(client, "/v1/plans"))["items"]
        (full,) = (await read(client, "/v1/plans", expand="available_actions"))["items"]
        assert not {"available_actions", "blocked_actions"} & set(plain)
        assert full["available_actions"] == (
            ["edit", "add_goal", "comment", "reflect", "reflect_privately", "share"]
            if label == "learner"
            else ["comment"]
        )


async def test_goals_are_listed_by_status_and_time_with_their_work(world: World) -> None:
    cast = await gather(world)
    plan = await world.plan(cast.learner)
    first = await world.goal(plan, created_at=START, status="agreed")
    second = await world.goal(plan, created_at=START + timedelta(days=1))
    await world.goal(await world.plan(cast.learner, school_year=2020))
    await world.action(first)
    client, path = await cast.as_("learner"), f"/v1/plans/{plan.id}/goals"
    assert await ids(client, path) == [str(first.id), str(second.id)]
    assert await walk(client, path, sort="-created_at", limit=1) == [str(second.id), str(first.id)]
    assert await ids(client, path, status="proposed") == [str(second.id)]
    shown = (await read(client, path, expand="actions,milestones"))["items"]
    assert [(len(goal["actions"]), goal["milestones"]) for goal in shown] == [(1, []), (0, [])]


@pytest.mark.parametrize("path", ["actions", "milestones", "progress"])
async def test_what_is_below_a_goal_is_paged(world: World, path: str) -> None:
    cast = await gather(world)
    goal, other = (
        await world.goal(await world.plan(cast.learner)),
        await world.goal(await world.plan(cast.learner, school_year=2020)),
    )
    make: Any = {"actions": world.action, "milestones": world.milestone, "progress": world.progress}[path]
    await make(other)
    made = [str((await make(goal)).id) for _ in range(5)]
    client = await cast.as_("learner")
    assert sorted(await walk(client, f"/v1/goals/{goal.id}/{path}", limit=2)) == sorted(made)
    assert (await read(client, f"/v1/goals/{goal.id}/{path}", count="true", limit=1))["total"] == 5


async def test_a_changed_plan_comes_first_in_the_default_order(world: World) -> None:
    cast, plans = await many_plans(world, 3)
    client = await cast.as_("counselor")
    last = (await ids(client))[-1]
    ok(await change(client, f"/v1/plans/{last}", {"title": "Just now"}))
    assert (await ids(client))[0] == last
    assert len(plans) == 3
