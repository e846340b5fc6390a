"""What a program proposes, people agree to."""

from typing import Any

import pytest

from tests.factories import World
from tests.plans.people import Cast, change, gather, move, ok, read, refusal

pytestmark = pytest.mark.anyio


async def proposal(world: World, cast: Cast) -> dict[str, Any]:
    plan = await world.plan(cast.learner)
    service = await cast.as_("service_writer")
    body = {"title": "Read more", "category": "personal"}
    made: dict[str, Any] = ok(await service.post(f"/v1/plans/{plan.id}/goals", json=body), 201)
    return made


async def test_a_service_proposes_for_the_staff_and_agrees_for_nobody(world: World) -> None:
    cast = await gather(world, "service_writer", "advisor")
    goal = await proposal(world, cast)
    assert (goal["status"], goal["proposed_side"], goal["proposed_by"]) == ("proposed", "staff", None)
    assert goal["learner_agreed_at"] is goal["staff_agreed_at"] is None
    url = f"/v1/goals/{goal['id']}"
    assert ok(await move(await cast.as_("learner"), url, "agree"))["status"] == "proposed"
    assert refusal(await move(await cast.as_("service_writer"), url, "agree")) == (403, "forbidden")
    assert ok(await move(await cast.as_("advisor"), url, "agree"))["status"] == "agreed"


async def test_what_a_service_edits_both_sides_are_asked_again(world: World) -> None:
    cast = await gather(world, "service_writer", "advisor")
    url = f"/v1/goals/{(await proposal(world, cast))['id']}"
    for label in ("advisor", "learner"):
        ok(await move(await cast.as_(label), url, "agree"))
        if label == "advisor":
            changed = ok(await change(await cast.as_("service_writer"), url, {"title": "Read much more"}))
            assert changed["staff_agreed_at"] is changed["learner_agreed_at"] is None
    assert (await read(await cast.as_("learner"), url))["status"] == "proposed"


async def test_a_refusal_calls_a_service_a_service(world: World) -> None:
    cast = await gather(world, "school_admin")
    plan = await world.plan(cast.learner)
    refused = await change(await cast.as_("school_admin"), f"/v1/plans/{plan.id}", {"title": "Mine"})
    assert refused.json()["detail"] == "Only for: a service, advisor, case manager, counselor, grantee, learner."
    assert refused.json()["permission"] == "plans:write"
