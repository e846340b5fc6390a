"""Ids in a body: what is not there and what the caller may not know of are refused in the same words, at the place."""

from typing import Any
from uuid import uuid4

import pytest

from tests.factories import World
from tests.plans.people import gather, ok, read

pytestmark = pytest.mark.anyio

GOAL: dict[str, Any] = {"title": "Read more", "category": "personal"}


def places(problem: dict[str, Any]) -> list[tuple[str, str]]:
    return [(error["pointer"], error["code"]) for error in problem["errors"]]


async def test_an_unknown_link_of_a_goal_is_pointed_at(world: World, another_world: World) -> None:
    cast = await gather(world, "teacher", "teacher_elsewhere")
    plan = await world.plan(cast.learner)
    client = await cast.as_("learner")
    stranger, foreign = cast.people["teacher_elsewhere"].id, (await another_world.person()).id
    for unknown in (stranger, foreign, uuid4()):
        body = GOAL | {"teacher_ids": [str(cast.people["teacher"].id), str(unknown)]}
        refused = ok(await client.post(f"/v1/plans/{plan.id}/goals", json=body), 404)
        assert (refused["code"], places(refused)) == ("not_found", [("/teacher_ids/1", "not_found")])
    body = GOAL | {"competency_ids": [str(uuid4()), str(uuid4())]}
    refused = ok(await client.post(f"/v1/plans/{plan.id}/goals", json=body), 404)
    assert [pointer for pointer, _ in places(refused)] == ["/competency_ids/0", "/competency_ids/1"]
    assert (await read(client, f"/v1/plans/{plan.id}/goals"))["items"] == []


async def test_a_plan_for_an_unknown_learner_is_pointed_at(world: World, another_world: World) -> None:
    cast = await gather(world, "advisor", "other_learner")
    client = await cast.as_("advisor")
    answers = []
    for learner_id in (cast.people["other_learner"].id, (await another_world.learner()).id, uuid4()):
        body = {"learner_id": str(learner_id), "school_year": 2027, "title": "My plan"}
        refused = ok(await client.post("/v1/plans", json=body, headers={"X-Request-Id": "r"}), 404)
        assert places(refused) == [("/learner_id", "not_found")]
        answers.append(refused)
    assert answers[0] == answers[1] == answers[2]
