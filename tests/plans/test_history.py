"""A plan's history and the feed of changes: in order, complete, and only what the caller may see."""

import uuid
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx
import pytest

from app.core.sequencer import number_events
from tests.databases import Database
from tests.factories import SCHOOL_YEAR, World
from tests.plans.people import READERS, STRANGERS, Cast, change, gather, move, ok, read, refusal, remove

pytestmark = pytest.mark.anyio


@pytest.fixture
async def system(database: Database) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the role that numbers events."""
    connection = await asyncpg.connect(database.system)
    yield connection
    await connection.close()


async def some_history(cast: Cast) -> tuple[str, str]:
    """A learner makes a plan with a goal, changes both, and takes the goal back; their addresses."""
    client = await cast.as_("learner")
    body = {"learner_id": str(cast.learner.id), "school_year": SCHOOL_YEAR, "title": "Mine"}
    plan = (await client.post("/v1/plans", json=body)).headers["location"]
    made = await client.post(f"{plan}/goals", json={"title": "Read", "category": "personal", "target": "5"})
    goal = made.headers["location"]
    ok(await change(client, plan, {"title": "Ours", "vision": "Robots"}))
    ok(await change(client, goal, {"target": "7"}))
    ok(await remove(client, goal), 204)
    return plan, goal


async def changes(client: httpx.AsyncClient, **query: Any) -> Any:
    return await read(client, "/v1/changes", **query)


async def test_the_history_tells_what_changed_from_what_to_what(world: World) -> None:
    cast = await gather(world)
    plan, goal = await some_history(cast)
    client = await cast.as_("learner")
    events = (await read(client, f"{plan}/events", sort="at"))["items"]
    assert [(event["entity_type"], event["action"]) for event in events] == [
        ("plan", "create"),
        ("goal", "create"),
        ("plan", "edit"),
        ("goal", "edit"),
        ("goal", "delete"),
    ]
    assert events[2]["changes"] == {
        "title": {"before": "Mine", "after": "Ours"},
        "vision": {"before": None, "after": "Robots"},
    }
    assert events[0]["changes"]["title"] == {"before": None, "after": "Mine"}
    assert {name: float(value) for name, value in events[3]["changes"]["target"].items()} == {"before": 5, "after": 7}
    assert events[4]["changes"]["title"] == {"before": "Read", "after": None}
    assert [event["entity_version"] for event in events] == [1, 1, 2, 2, 2]
    assert {event["capacity"] for event in events} == {"learner"}
    assert {event["actor_person_id"] for event in events} == {str(cast.learner.id)}
    assert {event["learner_id"] for event in events} == {str(cast.learner.id)}
    assert {event["plan_id"] for event in events} == {plan.rpartition("/")[2]}
    assert events[4]["entity_id"] == goal.rpartition("/")[2]


async def test_the_newest_comes_first_and_pages_follow(world: World) -> None:
    cast = await gather(world)
    plan, _ = await some_history(cast)
    client = await cast.as_("learner")
    in_order = (await read(client, f"{plan}/events", sort="at"))["items"]
    first = await read(client, f"{plan}/events", limit=3, count="true")
    rest = await read(client, f"{plan}/events", limit=3, cursor=first["next_cursor"])
    assert first["items"] + rest["items"] == in_order[::-1]
    assert (first["total"], rest["next_cursor"]) == (5, None)


async def test_an_event_carries_the_request_and_the_client_that_made_it(world: World) -> None:
    cast = await gather(world, "service_writer")
    client = await cast.as_("service_writer")
    body = {"learner_id": str(cast.learner.id), "school_year": SCHOOL_YEAR, "title": "Made by a program"}
    made = await client.post("/v1/plans", json=body, headers={"X-Request-Id": "nightly-run.7"})
    (event,) = (await read(client, f"{made.headers['location']}/events"))["items"]
    assert (event["request_id"], event["capacity"]) == ("nightly-run.7", "service_writer")
    assert (event["actor_person_id"], event["actor_client_id"]) == (None, str(cast.people["service_writer"].id))


async def test_a_reason_is_kept_with_the_step(world: World) -> None:
    cast = await gather(world, "counselor")
    plan = await world.plan(cast.learner, status="in_review", submitted_by=cast.learner.id)
    url = f"/v1/plans/{plan.id}"
    ok(await move(await cast.as_("counselor"), url, "return", "Too vague"))
    (event,) = (await read(await cast.as_("learner"), f"{url}/events"))["items"]
    assert (event["action"], event["reason"], event["capacity"]) == ("return", "Too vague", "counselor")
    assert event["changes"]["status"] == {"before": "in_review", "after": "draft"}


async def test_what_was_refused_or_only_tried_leaves_no_event(world: World) -> None:
    cast = await gather(world)
    plan = await world.plan(cast.learner)
    client, url = await cast.as_("learner"), f"/v1/plans/{plan.id}"
    assert refusal(await move(client, url, "submit")) == (409, "no_goal")
    headers = {"If-Match": "*"}
    ok(await client.patch(url, json={"title": "Tried"}, headers=headers, params={"validate_only": "true"}))
    assert (await read(client, f"{url}/events"))["items"] == []
    assert (await read(client, url))["title"] == plan.title


async def test_the_feed_gives_numbered_events_in_order_with_deletions(world: World, system: asyncpg.Connection) -> None:
    cast = await gather(world)
    client = await cast.as_("learner")
    start = (await changes(client))["next_after"]
    plan, goal = await some_history(cast)
    assert (await changes(client, after=start))["items"] == [], "nothing is given out before it is numbered"
    await number_events(system)
    feed = await changes(client, after=start)
    assert [event["action"] for event in feed["items"]] == ["create", "create", "edit", "edit", "delete"]
    numbers = [event["seq"] for event in feed["items"]]
    assert numbers == list(range(start + 1, start + 6))
    assert (feed["next_after"], feed["has_more"]) == (numbers[-1], False)
    assert feed["items"][-1]["entity_id"] == goal.rpartition("/")[2]

    first = await changes(client, after=start, limit=2)
    second = await changes(client, after=first["next_after"], limit=3)
    assert (first["has_more"], second["has_more"]) == (True, False)
    assert first["items"] + second["items"] == feed["items"]
    assert (await changes(client, after=feed["next_after"]))["items"] == []
    assert plan.rpartition("/")[2] == feed["items"][0]["plan_id"]


async def test_the_feed_is_for_each_caller_what_the_caller_may_see(world: World, system: asyncpg.Connection) -> None:
    labels = [label for label in (*READERS, *STRANGERS) if not label.startswith("service")]
    cast = await gather(world, *labels)
    await some_history(cast)
    await number_events(system)
    for label in labels:
        feed = await changes(await cast.as_(label))
        seen = {event["learner_id"] for event in feed["items"] if event["section"] == "plan"}
        assert seen == ({str(cast.learner.id)} if label in READERS else set()), label
        assert (feed["has_more"], feed["next_after"] >= 5) == (False, True), "what is hidden does not hold up the feed"


async def test_a_service_reads_the_feed_within_its_scopes(world: World, system: asyncpg.Connection) -> None:
    cast = await gather(world, "service_reader")
    cast.people |= {
        "plans_only": await world.service("plans.read"),
        "feed_only": await world.service("events.read"),
    }
    await some_history(cast)
    await number_events(system)
    assert len((await changes(await cast.as_("service_reader")))["items"]) == 5
    for label in ("feed_only", "plans_only"):
        assert refusal(await (await cast.as_(label)).get("/v1/changes")) == (403, "forbidden")


async def test_the_feed_of_one_tenant_has_nothing_of_another(
    world: World, another_world: World, system: asyncpg.Connection
) -> None:
    here, there = await gather(world), await gather(another_world, "district_admin")
    await some_history(here)
    await number_events(system)
    feed = await changes(await there.as_("district_admin"))
    assert str(here.learner.id) not in str(feed)
    assert (feed["items"], feed["next_after"]) == ([], 0)


@pytest.mark.parametrize("query", ["after=-1", f"after={2**63}", "after=x", "before=1", "limit=0"])
async def test_a_feed_is_asked_for_properly(world: World, query: str) -> None:
    cast = await gather(world)
    reply = await (await cast.as_("learner")).get(f"/v1/changes?{query}")
    assert refusal(reply) == (422, "validation_error")


async def test_a_service_reads_no_history_without_the_scope_for_events(world: World) -> None:
    cast = await gather(world)
    cast.people["reader"] = await world.service("plans.read")
    plan, _ = await some_history(cast)
    client = await cast.as_("reader")
    for path in (f"{plan}/events", f"/v1/plans/{uuid.uuid4()}/events"):
        assert refusal(await client.get(path)) == (403, "forbidden")
    ok(await client.get(plan))


async def test_the_history_of_an_unknown_plan_is_not_found(world: World) -> None:
    cast = await gather(world)
    reply = await (await cast.as_("learner")).get(f"/v1/plans/{uuid.uuid4()}/events")
    assert refusal(reply) == (404, "not_found")
