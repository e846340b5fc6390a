"""A retry shows a learner's record again only to who may still read it."""

import pytest

from app.roster.models import Caseload
from tests.factories import World
from tests.plans.people import gather, restricted, tag

pytestmark = pytest.mark.anyio

KEY = {"Idempotency-Key": "a-key-of-the-client"}
GOAL = {"title": "Read more", "category": "academic", "metric_kind": "boolean"}


@pytest.mark.parametrize("loss", ["caseload", "restriction"])
async def test_a_replay_is_refused_to_who_may_not_read_the_record_any_more(world: World, loss: str) -> None:
    cast = await gather(world)
    counselor = await world.person("Case", "Counselor", role="counselor")
    row = await world.caseload(counselor, cast.learner)
    client = await world.client_for(counselor)
    plan = await world.plan(cast.learner)
    url = f"/v1/plans/{plan.id}/goals"
    first = await client.post(url, json=GOAL, headers=KEY)
    again = await client.post(url, json=GOAL, headers=KEY)
    assert (again.status_code, again.content) == (first.status_code, first.content) == (201, first.content)
    if loss == "restriction":
        await restricted(world, counselor, cast.learner)
    else:
        async with world.transaction() as session:
            await session.delete(await session.get_one(Caseload, (world.tenant.id, row.id)))
    refused, unknown = await client.post(url, json=GOAL, headers=KEY), await client.get(first.headers["location"])
    assert (refused.status_code, unknown.status_code) == (404, 404)
    assert {**refused.json(), "request_id": ""} == {**unknown.json(), "request_id": ""}


async def test_a_transition_is_replayed_to_who_still_has_a_relation_whatever_else_changed(world: World) -> None:
    cast = await gather(world, "counselor")
    client = await cast.as_("counselor")
    plan = await world.plan(cast.learner)
    await world.goal(plan, status="agreed")
    url = f"/v1/plans/{plan.id}"
    headers = {**KEY, "If-Match": await tag(client, url)}
    first = await client.post(f"{url}/transitions", json={"action": "submit"}, headers=headers)
    await world.role(cast.people["counselor"], "teacher")
    again = await client.post(f"{url}/transitions", json={"action": "submit"}, headers=headers)
    assert (again.status_code, again.content) == (first.status_code, first.content) == (200, first.content)
    assert again.headers["idempotency-replayed"] == "true"
