"""Writing reflections: only the learner does, chooses who sees them, and may choose anew; the history follows suit."""

from typing import Any

import httpx
import pytest

from app.db.base import new_id
from app.plans.models import Plan, Reflection
from app.plans.workflow import REFLECTIONS_PER_PLAN
from tests import sharing_factories as sharing
from tests.factories import SCHOOL_YEAR, World
from tests.plans.people import READERS, Cast, change, fault, gather, ok, read, refusal, remove

pytestmark = pytest.mark.anyio

SHARED: dict[str, Any] = {"is_private": False, "text": "I learn best in the morning."}
PRIVATE: dict[str, Any] = {"is_private": True, "text": "I am afraid of the test."}


async def pair(world: World, plan: Plan) -> tuple[Reflection, Reflection]:
    """A shared and a private reflection on the plan."""
    return await sharing.reflection(world, plan), await sharing.reflection(world, plan, "A secret", is_private=True)


def place(plan: Plan) -> str:
    return f"/v1/plans/{plan.id}/reflections"


async def write(client: httpx.AsyncClient, plan: Plan, **body: Any) -> str:
    """A new reflection's address."""
    return f"/v1/reflections/{ok(await client.post(place(plan), json=body), 201)['id']}"


async def history(cast: Cast, label: str, plan: Plan) -> list[tuple[str, str, Any]]:
    """The events of reflections that somebody may see: section, action, and what became of the text."""
    events = (await read(await cast.as_(label), f"/v1/plans/{plan.id}/events", sort="at"))["items"]
    return [
        (event["section"], event["action"], event["changes"].get("text", {}).get("after"))
        for event in events
        if event["entity_type"] == "reflection"
    ]


# Who writes


@pytest.mark.parametrize("label", [label for label in READERS if label != "learner"])
@pytest.mark.parametrize(
    ("body", "permission"), [(SHARED, "reflections:write"), (PRIVATE, "private-reflections:write")]
)
async def test_nobody_writes_for_the_learner(world: World, label: str, body: dict[str, Any], permission: str) -> None:
    cast = await gather(world, label)
    plan = await world.plan(cast.learner)
    shared = await sharing.reflection(world, plan)
    client = await cast.as_(label)
    reply = await client.post(place(plan), json=body)
    assert (refusal(reply), reply.json()["permission"]) == ((403, "forbidden"), permission)
    url = f"/v1/reflections/{shared.id}"
    for refused in (await change(client, url, {"text": "Mine"}), await remove(client, url)):
        assert (refusal(refused), refused.json()["permission"]) == ((403, "forbidden"), "reflections:write")
    assert (await read(client, url))["available_actions"] == []


@pytest.mark.parametrize("body", [SHARED, PRIVATE])
async def test_the_learner_writes_changes_and_takes_back(world: World, body: dict[str, Any]) -> None:
    cast = await gather(world)
    plan = await world.plan(cast.learner)
    goal = await world.goal(plan)
    client = await cast.as_("learner")
    reply = await client.post(place(plan), json={**body, "prompt": "What helped?", "goal_id": str(goal.id)})
    made, url = ok(reply, 201), reply.headers["location"]
    assert url == f"/v1/reflections/{made['id']}"
    assert {name: made[name] for name in ("plan_id", "goal_id", "prompt", "text", "is_private")} == {
        "plan_id": str(plan.id), "goal_id": str(goal.id), "prompt": "What helped?", **body,
    }  # fmt: skip
    assert made["available_actions"] == ["edit", "delete"]
    assert await read(client, url) == made
    changed = ok(await change(client, url, {"text": "Evenings, too.", "prompt": None}))
    assert (changed["text"], changed["prompt"], changed["version"]) == ("Evenings, too.", None, 2)
    assert ok(await change(client, url, {"text": "Evenings, too."}))["version"] == 2
    stale = await client.patch(url, json={"text": "x"}, headers={"If-Match": '"1"'})
    assert refusal(stale) == (412, "version_mismatch")
    assert ok(await remove(client, url), 204) is None
    assert refusal(await client.get(url)) == (404, "not_found")


async def test_whether_it_is_private_must_be_said(world: World) -> None:
    cast = await gather(world)
    plan = await world.plan(cast.learner)
    client = await cast.as_("learner")
    assert fault(await client.post(place(plan), json={"text": "Hm"})) == (422, "/is_private", "missing")
    url = await write(client, plan, **PRIVATE)
    assert fault(await change(client, url, {"is_private": None}))[:2] == (422, "/is_private")


async def test_a_goal_must_be_one_of_the_plan(world: World) -> None:
    cast = await gather(world)
    plan, other = await world.plan(cast.learner), await world.plan(cast.learner, school_year=SCHOOL_YEAR + 1)
    client = await cast.as_("learner")
    for goal_id in (str((await world.goal(other)).id), str(new_id())):
        reply = await client.post(place(plan), json={**PRIVATE, "goal_id": goal_id})
        assert fault(reply)[:2] == (404, "/goal_id")


@pytest.mark.parametrize(
    ("section", "may", "may_not"),
    [("reflections", PRIVATE, SHARED), ("private_reflections", SHARED, PRIVATE)],
)
async def test_a_tenant_may_close_one_kind_to_the_learner(
    world: World, section: str, may: dict[str, Any], may_not: dict[str, Any]
) -> None:
    cast = await gather(world)
    plan = await world.plan(cast.learner)
    client = await cast.as_("learner")
    kept = await write(client, plan, **may_not)
    await sharing.sharing_policy(world, {section: {"learner": "none"}})
    url = await write(client, plan, **may)
    permission = f"{section.replace('_', '-')}:write"
    for reply in (
        await client.post(place(plan), json=may_not),
        await change(client, url, {"is_private": may_not["is_private"]}),
        await change(client, kept, {"is_private": may["is_private"]}),
        await change(client, kept, {"text": "New"}),
        await remove(client, kept),
    ):
        assert (refusal(reply), reply.json()["permission"]) == ((403, "forbidden"), permission)
    assert (await read(client, kept))["available_actions"] == []
    assert ok(await change(client, url, {"text": "New", "is_private": may["is_private"]}))["version"] == 2


@pytest.mark.parametrize("status", ["draft", "in_review", "active", "closed"])
async def test_the_learner_reflects_until_the_plan_is_archived(world: World, status: str) -> None:
    cast = await gather(world)
    plan = await world.plan(cast.learner, status=status)
    client = await cast.as_("learner")
    for body in (SHARED, PRIVATE):
        url = await write(client, plan, **body)
        ok(await change(client, url, {"text": "Other"}))
        ok(await remove(client, url), 204)


async def test_an_archived_plan_keeps_its_reflections_as_they_are(world: World) -> None:
    cast = await gather(world)
    plan = await world.plan(cast.learner, status="archived")
    client = await cast.as_("learner")
    for body, each in zip((SHARED, PRIVATE), await pair(world, plan), strict=True):
        assert refusal(await client.post(place(plan), json=body)) == (409, "wrong_status")
        url = f"/v1/reflections/{each.id}"
        assert refusal(await change(client, url, {"text": "Other"})) == (409, "plan_archived")
        assert refusal(await change(client, url, {"is_private": not each.is_private})) == (409, "plan_archived")
        assert refusal(await remove(client, url)) == (409, "plan_archived")


async def test_a_plan_has_room_for_so_many_reflections(world: World) -> None:
    cast = await gather(world)
    plan = await world.plan(cast.learner)
    async with world.transaction() as session:
        session.add_all(
            Reflection(
                tenant_id=plan.tenant_id, plan_id=plan.id, learner_id=plan.learner_id, is_private=True, text=str(number)
            )
            for number in range(REFLECTIONS_PER_PLAN)
        )
    for body in (SHARED, PRIVATE):
        reply = await (await cast.as_("learner")).post(place(plan), json=body)
        assert refusal(reply) == (409, "too_many")


# To share, and to make private


async def test_sharing_shows_it_and_making_it_private_hides_it(world: World) -> None:
    cast = await gather(world, "teacher", "guardian")
    plan = await world.plan(cast.learner)
    client = await cast.as_("learner")
    url = await write(client, plan, **PRIVATE)

    async def found(label: str) -> int:
        return len((await read(await cast.as_(label), place(plan)))["items"])

    assert (await found("learner"), await found("teacher")) == (1, 0)
    ok(await change(client, url, {"is_private": False}))
    assert (await found("teacher"), await found("guardian")) == (1, 1)
    ok(await change(client, url, {"is_private": True}))
    assert (await found("teacher"), await found("guardian"), await found("learner")) == (0, 0, 1)
    assert refusal(await (await cast.as_("teacher")).get(url)) == (404, "not_found")


async def test_the_history_shows_each_text_to_who_could_read_it(world: World) -> None:
    cast = await gather(world, "teacher", "school_admin")
    plan = await world.plan(cast.learner)
    client = await cast.as_("learner")
    url = await write(client, plan, **SHARED)
    ok(await change(client, url, {"text": "shared edit"}))
    ok(await change(client, url, {"is_private": True, "text": "turned private"}))
    ok(await change(client, url, {"text": "private edit"}))
    ok(await change(client, url, {"is_private": False, "text": "shared again"}))
    ok(await change(client, url, {"text": "last"}))
    ok(await remove(client, url), 204)
    everything = [
        ("reflections", "create", SHARED["text"]),
        ("reflections", "edit", "shared edit"),
        ("private_reflections", "edit", "turned private"),
        ("reflections", "delete", None),
        ("private_reflections", "edit", "private edit"),
        ("private_reflections", "edit", "shared again"),
        ("reflections", "create", "shared again"),
        ("reflections", "edit", "last"),
        ("reflections", "delete", None),
    ]
    shared = [event for event in everything if event[0] == "reflections"]
    assert await history(cast, "learner", plan) == everything
    assert await history(cast, "teacher", plan) == await history(cast, "school_admin", plan) == shared
    told = (await (await cast.as_("teacher")).get(f"/v1/plans/{plan.id}/events")).text
    assert "turned private" not in told
    assert "private edit" not in told


async def test_the_history_of_a_private_one_is_opened_with_it(world: World) -> None:
    cast = await gather(world, "teacher", "district_admin", "service_reader")
    plan = await world.plan(cast.learner)
    client = await cast.as_("learner")
    ok(await remove(client, await write(client, plan, **PRIVATE)), 204)
    whole = [("private_reflections", "create", PRIVATE["text"]), ("private_reflections", "delete", None)]
    assert await history(cast, "learner", plan) == whole
    for label in ("teacher", "district_admin", "service_reader"):
        assert await history(cast, label, plan) == []
    await sharing.break_glass(world, cast.learner, cast.people["district_admin"], sections=["private_reflections"])
    assert await history(cast, "district_admin", plan) == whole


async def test_what_the_learner_wrote_on_a_proposal_outlives_it(world: World) -> None:
    cast = await gather(world)
    plan = await world.plan(cast.learner)
    goal = await world.goal(plan)
    client = await cast.as_("learner")
    url = await write(client, plan, **PRIVATE, goal_id=str(goal.id))
    ok(await remove(client, f"/v1/goals/{goal.id}"), 204)
    assert (await read(client, url))["goal_id"] is None
