"""What guests see of a learner: those who know her by a grant or a support team; and substitutes, who are none."""

import httpx
import pytest
from fastapi import FastAPI

from app.roster.models import ExternalId
from tests import sharing_factories as sharing
from tests.factories import BASE_URL, World
from tests.learners.profiles import EXPAND, NEW, assert_hidden, profile, state
from tests.plans.people import gather, read, refusal, remove

pytestmark = pytest.mark.anyio


async def test_parts_of_a_learner_leave_out_what_is_hidden(app: FastAPI, world: World) -> None:
    learner, guest = await world.learner(), await world.person(role="teacher")
    await sharing.grant(world, await world.plan(learner), guest)
    for who, expected in ((learner, {"id", "external_ids", "profile_statements"}), (guest, {"id"})):
        # Straight to the application: the document of whole representations does not describe parts of them.
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url=BASE_URL,
            headers={"Authorization": (await world.client_for(who)).headers["authorization"]},
        )
        shown = await read(client, f"/v1/learners/{learner.id}", **EXPAND, fields="id,external_ids")
        assert shown.keys() == expected


@pytest.mark.parametrize(("level", "outcome"), [("read", 403), ("comment", 403), ("propose", 201), ("write", 201)])
async def test_a_guest_adds_to_the_profile_as_far_as_the_grant_goes(world: World, level: str, outcome: int) -> None:
    learner, guest = await world.learner(), await world.person(role="teacher")
    statement = await sharing.profile_statement(world, learner)
    await sharing.grant(world, await world.plan(learner), guest, level=level, sections=["profile"])
    client = await world.client_for(guest)
    assert len((await read(client, f"/v1/learners/{learner.id}", **EXPAND))["profile_statements"]) == 1
    reply = await client.post(profile(learner), json=NEW)
    assert reply.status_code == outcome
    foreign = f"/v1/profile-statements/{statement.id}"
    assert refusal(await remove(client, foreign)) == ((409, "not_author") if outcome == 201 else (403, "forbidden"))
    if outcome == 201:
        assert reply.json()["author_as"] == "grantee"
        assert (await remove(client, reply.headers["location"])).status_code == 204


async def test_a_guest_of_the_plan_sees_no_profile(world: World) -> None:
    learner, guest = await world.learner(), await world.person(role="mentor")
    statement = await sharing.profile_statement(world, learner)
    await sharing.grant(world, await world.plan(learner), guest, level="write", sections=["plan"])
    await assert_hidden(await world.client_for(guest), learner, statement)


async def test_a_member_of_the_support_team_reads_the_profile(world: World) -> None:
    learner, coach = await world.learner(), await world.person(role="teacher")
    await sharing.profile_statement(world, learner)
    await sharing.team_member(world, await world.plan(learner), coach)
    client = await world.client_for(coach)
    assert len((await read(client, profile(learner)))["items"]) == 1
    assert refusal(await client.post(profile(learner), json=NEW)) == (403, "forbidden")


async def test_a_substitute_states_in_her_own_name_while_it_lasts(world: World) -> None:
    cast = await gather(world, "counselor")
    substitute = await world.person("Sue", "Substitute", role="counselor")
    row = await sharing.delegation(world, cast.people["counselor"], substitute)
    client = await world.client_for(substitute)
    url = await state(client, cast.learner)
    shown = await read(client, url)
    assert (shown["author"]["given_name"], shown["author_as"]) == ("Sue", "counselor")
    async with world.transaction() as session:
        await session.delete(await session.get_one(type(row), (world.tenant.id, row.id)))
    assert refusal(await client.get(url)) == (404, "not_found")
    assert (await read(await cast.as_("counselor"), url))["available_actions"] == ["delete"]


async def test_names_in_other_systems_are_not_for_guests(world: World) -> None:
    cast = await gather(world, "teacher", "school_admin", "guardian", "service_reader")
    learner = cast.learner
    await world.make(ExternalId, entity_id=learner.id, system="sis", type="sourcedId", value="S-1")
    plan = await world.plan(learner)
    grantee, coach, substitute, both = [await world.person(role="teacher") for _ in range(4)]
    for guest in (grantee, both, cast.people["school_admin"]):
        await sharing.grant(world, plan, guest, sections=["plan", "profile"])
    await sharing.team_member(world, plan, coach)
    await sharing.delegation(world, cast.people["teacher"], substitute)
    await world.class_(both, [learner])
    url = f"/v1/learners/{learner.id}"
    for guest in (grantee, coach):
        client = await world.client_for(guest)
        for query in ({}, EXPAND):
            shown = await read(client, url, **query)
            assert "external_ids" not in shown
            assert ("profile_statements" in shown) == bool(query)
    for insider in (learner, substitute, both, *(cast.people[label] for label in cast.people)):
        client = await world.client_for(insider)
        for query in ({}, EXPAND):
            assert [name["value"] for name in (await read(client, url, **query))["external_ids"]] == ["S-1"]
