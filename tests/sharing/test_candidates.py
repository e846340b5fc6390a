"""Searching for people to share a plan with: a learner is shown only those whom she knows."""

from typing import Any

import httpx
import pytest

from app.db.base import new_id
from app.plans.models import Plan
from tests import sharing_factories as sharing
from tests.factories import EARLIER, LATER, World
from tests.plans.people import gather, ok, read, refusal, restricted

pytestmark = pytest.mark.anyio


def url(plan: Plan) -> str:
    return f"/v1/plans/{plan.id}/share-candidates"


async def found(client: httpx.AsyncClient, plan: Plan, **query: Any) -> list[str]:
    """The ids of the people found, in their order."""
    return [item["id"] for item in (await read(client, url(plan), **query))["items"]]


async def test_a_learner_finds_her_staff_her_team_and_her_guardians(world: World) -> None:
    cast = await gather(world, "teacher", "advisor", "counselor", "case_manager", "guardian", "school_admin", "mentor")
    plan = await world.plan(cast.learner)
    helper = await world.person("Hal", "Helper", role="teacher")
    await sharing.team_member(world, plan, helper)
    stand_in = await world.person("Sue", "Substitute", role="teacher")
    await sharing.delegation(world, cast.people["counselor"], stand_in)
    close = {"teacher", "advisor", "counselor", "case_manager", "guardian"}
    known = {str(cast.people[label].id) for label in close} | {str(helper.id), str(stand_in.id)}
    learner = await cast.as_("learner")
    assert set(await found(learner, plan)) == known
    assert await found(learner, plan, q="mentor") == []
    assert await found(learner, plan, q="schooladmin") == []
    assert await found(learner, plan, q="GAIL g") == [str(cast.people["guardian"].id)]
    assert await found(learner, plan, q="guardian gail") == [str(cast.people["guardian"].id)]


async def test_only_relations_of_today_count(world: World) -> None:
    cast = await gather(world, "former_teacher", "future_teacher", "former_counselor", "restricted_guardian")
    plan = await world.plan(cast.learner)
    former = await world.person("Fran", "Former", role="teacher")
    await sharing.team_member(world, plan, former, until_on=EARLIER)
    coming = await world.person("Gus", "Guardian", role="guardian")
    await world.guardian(coming, cast.learner, from_on=LATER)
    await sharing.grant(world, plan, await world.person("Mia", "Mentor", role="mentor"))
    assert await found(await cast.as_("learner"), plan) == []


async def test_staff_find_the_schools_staff_and_mentors_by_name(world: World) -> None:
    cast = await gather(world, "counselor", "guardian", "mentor", "other_learner")
    plan = await world.plan(cast.learner)
    elsewhere = await world.school("Elsewhere")
    tutor = await world.person("Tim", "Tutor", role="teacher")
    await world.person("Tom", "Tutor", role="teacher", at=elsewhere)
    await world.role(await world.person("Tina", "Tutor"), "teacher", until_on=EARLIER)
    counselor = await cast.as_("counselor")
    assert await found(counselor, plan) == [str(cast.people["guardian"].id)]
    (shown,) = (await read(counselor, url(plan), q="tutor"))["items"]
    assert shown == {
        "id": str(tutor.id),
        "given_name": "Tim",
        "family_name": "Tutor",
        "relations": [],
        "roles": ["teacher"],
        "is_outside": False,
    }
    (mentor,) = (await read(counselor, url(plan), q="mia"))["items"]
    assert (mentor["roles"], mentor["is_outside"]) == (["mentor"], True)
    (guardian,) = (await read(counselor, url(plan), q="gail"))["items"]
    assert (guardian["relations"], guardian["roles"], guardian["is_outside"]) == (["guardian"], ["guardian"], False)
    assert await found(counselor, plan, q="otto") == []
    assert await found(counselor, plan, q="counselor") == []


async def test_nobody_who_is_kept_away_is_found(world: World) -> None:
    cast = await gather(world, "counselor", "restricted_teacher")
    plan = await world.plan(cast.learner)
    await restricted(world, await world.person("Mia", "Mentor", role="mentor"), cast.learner)
    counselor = await cast.as_("counselor")
    assert await found(counselor, plan) == []
    assert await found(counselor, plan, q="mia") == []
    assert await found(counselor, plan, q="tess") == []


async def test_a_person_with_several_relations_is_one(world: World) -> None:
    cast = await gather(world, "teacher")
    await world.caseload(cast.people["teacher"], cast.learner, "advisor")
    await world.class_(cast.people["teacher"], [cast.learner], title="Science")
    plan = await world.plan(cast.learner)
    (shown,) = (await read(await cast.as_("learner"), url(plan), count="true"))["items"]
    assert shown["relations"] == ["advisor", "teacher"]


async def test_what_is_searched_is_a_name_and_no_pattern(world: World) -> None:
    cast = await gather(world, "counselor", "guardian")
    plan = await world.plan(cast.learner)
    counselor = await cast.as_("counselor")
    for q in ("%%", "__", "' or", "\\\\"):
        assert await found(counselor, plan, q=q) == []
    for q in ("g", "", "x" * 101, "a\u0000b", "  "):
        assert (await counselor.get(url(plan), params={"q": q})).status_code == 422


async def test_pages_go_by_name(world: World) -> None:
    cast = await gather(world, "counselor")
    plan = await world.plan(cast.learner)
    for name in ("Cole", "Adler", "Brook"):
        await world.person("Ann", name, role="mentor")
    counselor = await cast.as_("counselor")
    names: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = await read(counselor, url(plan), q="ann", limit=1, **cursor)
        names += [item["family_name"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert names == ["Adler", "Brook", "Cole"]


@pytest.mark.parametrize(
    "label", ["guardian", "teacher", "school_admin", "district_admin", "service_reader", "service_writer"]
)
async def test_who_may_not_share_may_not_search(world: World, label: str) -> None:
    cast = await gather(world, label)
    plan = await world.plan(cast.learner)
    client = await cast.as_(label)
    for query in ({}, {"q": "gail"}):
        reply = await client.get(url(plan), params=query)
        assert refusal(reply) == (403, "forbidden")
        assert reply.json()["permission"] == "plans:write"


@pytest.mark.parametrize("label", ["mentor", "other_learner", "former_counselor", "restricted_counselor"])
async def test_who_does_not_read_the_plan_does_not_learn_of_it(world: World, label: str) -> None:
    cast = await gather(world, label)
    plan = await world.plan(cast.learner)
    client = await cast.as_(label)
    assert (await client.get(url(plan))).status_code == 404
    assert (await client.get(f"/v1/plans/{new_id()}/share-candidates")).status_code == 404


async def test_whoever_is_found_can_be_shared_with(world: World) -> None:
    cast = await gather(world, "teacher", "advisor", "counselor", "guardian")
    plan = await world.plan(cast.learner)
    learner = await cast.as_("learner")
    for person_id in await found(learner, plan):
        grant = {"person_id": person_id, "sections": ["plan"], "level": "read", "purpose": "to help me"}
        ok(await learner.post(f"/v1/plans/{plan.id}/grants", json=grant), 201)
