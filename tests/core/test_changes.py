"""`GET /v1/changes` gives each caller the events that the caller may see, in the order of their numbers."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx
import pytest

from app.core.events import Event
from app.core.rules import Section
from app.core.sequencer import PLANNING, number_events
from app.db.base import new_id
from app.learners.models import Learner
from tests.databases import Database
from tests.factories import Identified, World

pytestmark = pytest.mark.anyio


@pytest.fixture
async def system(database: Database) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database.system, server_settings=PLANNING)
    yield connection
    await connection.close()


async def happen(world: World, section: Section, learner: Learner | None, action: str = "create") -> str:
    """An event; returns its id."""
    event = await world.add(
        Event(
            tenant_id=world.tenant.id,
            capacity="counselor",
            section=section.value,
            learner_id=learner.id if learner else None,
            entity_type="plan",
            entity_id=new_id(),
            action=action,
            changes={"title": {"before": None, "after": 'Zoë’s "plan"'}},
            request_id="r",
        )
    )
    return str(event.id)


async def seen(world: World, who: Identified) -> list[str]:
    client = await world.client_for(who)
    return [item["id"] for item in (await client.get("/v1/changes")).json()["items"]]


async def test_everybody_sees_the_changes_of_their_own_learners_and_sections(
    world: World, another_world: World, system: asyncpg.Connection
) -> None:
    mine, other = await world.learner(), await world.learner(school=await world.school("Elsewhere"))
    my_plan = await happen(world, Section.PLAN, mine)
    their_plan = await happen(world, Section.PLAN, other)
    my_name = await happen(world, Section.LEARNER, mine, "delete")
    account = await happen(world, Section.ACCOUNT, mine)
    await happen(another_world, Section.PLAN, await another_world.learner())
    await number_events(system)
    for who, expected in (
        (mine, [my_plan, my_name]),
        (await world.teacher_of(mine), [my_plan, my_name]),
        (await world.guardian_of(other), [their_plan]),
        (await world.school_admin(), [my_plan, my_name, account]),
        (await world.district_admin(), [my_plan, their_plan, my_name, account]),
        (await world.service("events.read", "plans.read"), [my_plan, their_plan, my_name]),
        (await world.service("events.read", "roster.read"), [my_name]),
        (await world.person(), []),
    ):
        assert await seen(world, who) == expected, who


async def test_a_service_needs_the_scope(world: World) -> None:
    client = await world.client_for(await world.service("plans.write"))
    reply = await client.get("/v1/changes")
    assert (reply.status_code, reply.json()["permission"]) == (403, "events:read")


async def test_a_service_that_can_see_no_event_is_told_so(world: World) -> None:
    client = await world.client_for(await world.service("events.read"))
    reply = await client.get("/v1/changes")
    assert (reply.status_code, reply.json()["permission"]) == (403, "plans:read")


@pytest.fixture
async def admin(world: World, system: asyncpg.Connection) -> httpx.AsyncClient:
    learner = await world.learner()
    for _ in range(3):
        await happen(world, Section.PLAN, learner)
    await number_events(system)
    return await world.client_for(await world.district_admin())


async def test_the_feed_is_read_in_portions(admin: httpx.AsyncClient) -> None:
    portions: list[dict[str, Any]] = []
    after, has_more = 0, True
    while has_more:
        portion = (await admin.get(f"/v1/changes?after={after}&limit=2")).json()
        portions.append(portion)
        after, has_more = portion["next_after"], portion["has_more"]
    assert [[item["seq"] for item in portion["items"]] for portion in portions] == [[1, 2], [3]]
    assert after == 3


async def test_a_number_that_was_never_given_is_refused(admin: httpx.AsyncClient) -> None:
    at_the_end = (await admin.get("/v1/changes?after=3")).json()
    assert at_the_end == {"items": [], "next_after": 3, "has_more": False}
    beyond = await admin.get("/v1/changes?after=4")
    assert (beyond.status_code, beyond.json()["code"]) == (400, "invalid_cursor")


async def test_an_event_says_what_changed(admin: httpx.AsyncClient) -> None:
    item = (await admin.get("/v1/changes?limit=1")).json()["items"][0]
    assert item["changes"] == {"title": {"before": None, "after": 'Zoë’s "plan"'}}
    assert item["at"].endswith("Z")


@pytest.mark.parametrize("query", ["after=-1", "after=x", f"after={2**63}", "limit=0", "since=1", "after=1&after=2"])
async def test_a_question_that_is_not_understood_is_refused(admin: httpx.AsyncClient, query: str) -> None:
    assert (await admin.get(f"/v1/changes?{query}")).status_code == 422
