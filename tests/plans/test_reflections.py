"""Reflections: the learner's own, to share or to keep. Nobody else sees a private one unless it is opened."""

from typing import Any

import httpx
import pytest

from app.db.base import new_id
from app.plans.models import Plan, Reflection
from tests import sharing_factories as sharing
from tests.factories import SCHOOL_YEAR, World
from tests.plans.people import READERS, STRANGERS, change, fault, gather, ok, read, refusal, remove

pytestmark = pytest.mark.anyio

SHARED: dict[str, Any] = {"is_private": False, "text": "I learn best in the morning."}
PRIVATE: dict[str, Any] = {"is_private": True, "text": "I am afraid of the test."}


async def pair(world: World, plan: Plan) -> tuple[Reflection, Reflection]:
    """A shared and a private reflection on the plan."""
    return await sharing.reflection(world, plan), await sharing.reflection(world, plan, "A secret", is_private=True)


async def seen(client: httpx.AsyncClient, plan: Plan, reflections: tuple[Reflection, ...]) -> set[str] | None:
    """Which of the reflections the caller sees, None if the caller may not know that there are any. Lists, single
    reads and the expanded plan must say the same."""
    one_by_one = set()
    for each in reflections:
        status = (await client.get(f"/v1/reflections/{each.id}")).status_code
        assert status in (200, 404)
        one_by_one |= {str(each.id)} if status == 200 else set()
    listed = await client.get(f"/v1/plans/{plan.id}/reflections", params={"count": "true"})
    expanded = await client.get(f"/v1/plans/{plan.id}", params={"expand": "reflections"})
    if listed.status_code == 404:
        assert not one_by_one
        assert expanded.status_code == 404 or "reflections" not in expanded.json()
        return None
    items = ok(listed)["items"]
    assert {item["id"] for item in items} == one_by_one
    assert listed.json()["total"] == len(items)
    assert expanded.status_code == 404 or expanded.json()["reflections"] == items
    return one_by_one


def place(plan: Plan) -> str:
    return f"/v1/plans/{plan.id}/reflections"


# Who reads


@pytest.mark.parametrize("label", READERS)
async def test_shared_ones_are_read_by_who_is_near_and_private_ones_by_the_learner(world: World, label: str) -> None:
    cast = await gather(world, label)
    plan = await world.plan(cast.learner)
    shared, private = both = await pair(world, plan)
    expected = {str(shared.id), str(private.id)} if label == "learner" else {str(shared.id)}
    assert await seen(await cast.as_(label), plan, both) == expected


@pytest.mark.parametrize("label", STRANGERS)
async def test_reflections_do_not_exist_for_strangers(world: World, label: str) -> None:
    cast = await gather(world, label)
    plan = await world.plan(cast.learner)
    both = await pair(world, plan)
    client = await cast.as_(label)
    assert await seen(client, plan, both) is None
    assert refusal(await client.post(place(plan), json=PRIVATE)) == (404, "not_found")
    for each in both:
        url = f"/v1/reflections/{each.id}"
        assert refusal(await client.patch(url, json={}, headers={"If-Match": "*"})) == (404, "not_found")
        assert refusal(await client.delete(url, headers={"If-Match": "*"})) == (404, "not_found")


async def test_a_team_member_reads_the_plan_without_its_reflections(world: World) -> None:
    cast = await gather(world)
    plan = await world.plan(cast.learner)
    both = await pair(world, plan)
    cast.people["member"] = await world.person("Max", "Member", role="mentor")
    await sharing.team_member(world, plan, cast.people["member"])
    client = await cast.as_("member")
    assert await seen(client, plan, both) is None
    assert "reflections" not in await read(client, f"/v1/plans/{plan.id}", expand="goals,reflections")
    assert refusal(await client.post(place(plan), json=SHARED)) == (404, "not_found")


async def test_a_substitute_reads_what_the_teacher_reads(world: World) -> None:
    cast = await gather(world, "teacher")
    plan = await world.plan(cast.learner)
    shared, _ = both = await pair(world, plan)
    cast.people["substitute"] = await world.person("Sue", "Substitute", role="teacher")
    await sharing.delegation(world, cast.people["teacher"], cast.people["substitute"])
    assert await seen(await cast.as_("substitute"), plan, both) == {str(shared.id)}


@pytest.mark.parametrize(
    ("sections", "level", "reads_them"),
    [
        (["reflections"], "read", True),
        (["reflections", "plan"], "comment", True),
        (["reflections", "plan"], "write", True),
        (["plan"], "write", False),
        (["private_reflections", "plan"], "write", False),
        (["profile"], "read", False),
    ],
)
async def test_a_grant_opens_shared_ones_where_it_names_them(
    world: World, sections: list[str], level: str, reads_them: bool
) -> None:
    cast = await gather(world, "mentor")
    plan, other = await world.plan(cast.learner), await world.plan(cast.learner, school_year=SCHOOL_YEAR + 1)
    shared, _ = both = await pair(world, plan)
    await sharing.grant(world, plan, cast.people["mentor"], sections=sections, level=level)
    client = await cast.as_("mentor")
    assert await seen(client, plan, both) == ({str(shared.id)} if reads_them else None)
    assert await seen(client, other, await pair(world, other)) is None
    refused = await client.post(place(plan), json=SHARED)
    assert refusal(refused) == ((403, "forbidden") if reads_them else (404, "not_found"))


async def test_a_grant_of_a_goal_opens_no_reflection_on_it(world: World) -> None:
    cast = await gather(world, "mentor")
    plan = await world.plan(cast.learner)
    goal = await world.goal(plan)
    on_goal = await sharing.reflection(world, plan, goal=goal)
    await sharing.grant(world, plan, cast.people["mentor"], sections=(), goals=[goal], level="write")
    assert await seen(await cast.as_("mentor"), plan, (on_goal,)) is None


@pytest.mark.parametrize(
    ("sections", "expected"),
    [(["reflections"], False), (["plan"], True), (["private_reflections"], True), (["reflections", "plan"], False)],
)
async def test_a_guardian_may_be_kept_from_reflections_alone(world: World, sections: list[str], expected: bool) -> None:
    cast = await gather(world)
    plan = await world.plan(cast.learner)
    shared, _ = both = await pair(world, plan)
    guardian = cast.people["guardian"] = await world.person("Gus", "Guardian", role="guardian")
    await sharing.restrict_sections(world, await world.guardian(guardian, cast.learner), sections)
    client = await cast.as_("guardian")
    assert await seen(client, plan, both) == ({str(shared.id)} if expected else None)
    assert (await client.get(f"/v1/plans/{plan.id}")).status_code == (404 if "plan" in sections else 200)
    refused = await client.post(place(plan), json=SHARED)
    assert refusal(refused) == ((403, "forbidden") if expected else (404, "not_found"))


@pytest.mark.parametrize(
    ("rules", "label", "expected"),
    [
        ({"reflections": {"teacher": "none"}}, "teacher", False),
        ({"reflections": {"teacher": "none"}}, "counselor", True),
        ({"reflections": {"guardian": "none"}}, "guardian", True),
        ({"reflections": {"service_reader": "none"}}, "service_writer", False),
        ({"reflections": {"district_admin": "none"}}, "district_admin", False),
        ({"private_reflections": {"learner": "read"}}, "teacher", True),
    ],
)
async def test_a_tenant_may_hide_them_from_some_everywhere(
    world: World, rules: dict[str, dict[str, str]], label: str, expected: bool
) -> None:
    await sharing.sharing_policy(world, rules)
    cast = await gather(world, label)
    plan = await world.plan(cast.learner)
    shared, _ = both = await pair(world, plan)
    assert await seen(await cast.as_(label), plan, both) == ({str(shared.id)} if expected else None)


@pytest.mark.parametrize("label", ["school_admin", "district_admin"])
@pytest.mark.parametrize("sections", [["private_reflections"], ["staff_notes"]])
async def test_an_administrator_who_opened_them_reads_private_ones_and_writes_none(
    world: World, label: str, sections: list[str]
) -> None:
    cast = await gather(world, label)
    plan = await world.plan(cast.learner)
    shared, private = both = await pair(world, plan)
    await sharing.break_glass(world, cast.learner, cast.people[label], sections=sections)
    client = await cast.as_(label)
    opened = "private_reflections" in sections
    assert await seen(client, plan, both) == ({str(shared.id), str(private.id)} if opened else {str(shared.id)})
    if opened:
        reply = await remove(client, f"/v1/reflections/{private.id}")
        assert (refusal(reply), reply.json()["permission"]) == ((403, "forbidden"), "private-reflections:write")


async def test_an_administrator_may_see_private_ones_and_no_others(world: World) -> None:
    await sharing.sharing_policy(world, {"reflections": {"school_admin": "none"}})
    cast = await gather(world, "school_admin")
    plan = await world.plan(cast.learner)
    _, private = both = await pair(world, plan)
    client = await cast.as_("school_admin")
    assert await seen(client, plan, both) is None
    await sharing.break_glass(world, cast.learner, cast.people["school_admin"], sections=["private_reflections"])
    assert await seen(client, plan, both) == {str(private.id)}


# Lists, and the plan with its reflections


async def test_they_are_listed_oldest_first_by_kind_and_goal(world: World) -> None:
    cast = await gather(world, "teacher")
    plan = await world.plan(cast.learner)
    goal = await world.goal(plan)
    client = await cast.as_("learner")
    for text, is_private, goal_id in (
        ("a", True, None),
        ("b", False, None),
        ("c", True, goal.id),
        ("d", False, goal.id),
    ):
        on = {"goal_id": str(goal_id)} if goal_id else {}
        ok(await client.post(place(plan), json={"text": text, "is_private": is_private, **on}), 201)

    async def texts(label: str = "learner", **query: Any) -> str:
        items = (await read(await cast.as_(label), place(plan), **query))["items"]
        return "".join(item["text"] for item in items)

    assert (await texts(), await texts(sort="-created_at")) == ("abcd", "dcba")
    assert (await texts(is_private="true"), await texts(is_private="false")) == ("ac", "bd")
    assert (await texts(goal_id=goal.id), await texts(goal_id=goal.id, is_private="true")) == ("cd", "c")
    assert (await texts("teacher"), await texts("teacher", is_private="true")) == ("bd", "")
    assert await texts(goal_id=new_id()) == ""
    first = await read(client, place(plan), limit=3)
    assert await texts(limit=3, cursor=first["next_cursor"]) == "d"
    for value in ("1", "yes", "True", ""):
        assert fault(await client.get(place(plan), params={"is_private": value}))[:2] == (422, "query:is_private")


async def test_a_plan_shows_reflections_only_when_asked_and_its_tag_tells(world: World) -> None:
    cast = await gather(world, "teacher")
    plan = await world.plan(cast.learner)
    shared, private = await pair(world, plan)
    await world.goal(plan)
    url = f"/v1/plans/{plan.id}"
    for label, expected in (("learner", [str(shared.id), str(private.id)]), ("teacher", [str(shared.id)])):
        client = await cast.as_(label)
        assert "reflections" not in await read(client, url)
        whole = f"{url}?expand=reflections,goals.actions"
        reply = await client.get(whole)
        assert [item["id"] for item in ok(reply)["reflections"]] == expected
        assert len(reply.json()["goals"]) == 1
        known = {"If-None-Match": reply.headers["etag"]}
        assert (await client.get(whole, headers=known)).status_code == 304
        ok(await change(await cast.as_("learner"), f"/v1/reflections/{shared.id}", {"text": f"For the {label}"}))
        assert (await client.get(whole, headers=known)).status_code == 200


async def test_a_plan_without_reflections_says_so_to_who_may_read_them(world: World) -> None:
    await sharing.sharing_policy(world, {"reflections": {"teacher": "none"}})
    cast = await gather(world, "teacher", "counselor")
    plan = await world.plan(cast.learner)
    url = f"/v1/plans/{plan.id}"
    assert (await read(await cast.as_("counselor"), url, expand="reflections"))["reflections"] == []
    assert "reflections" not in await read(await cast.as_("teacher"), url, expand="reflections")
