"""Profile statements: who adds to a profile, whose words may be changed, and from whom the profile is hidden."""

import uuid
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import update

from app.identity.models import Tenant
from app.learners.models import ProfileStatement
from tests import sharing_factories as sharing
from tests.factories import EARLIER, World
from tests.learners.conftest import Feed
from tests.learners.profiles import EXPAND, NEW, assert_hidden, profile, state
from tests.plans.people import STRANGERS, change, fault, gather, ok, read, refusal, remove

pytestmark = pytest.mark.anyio

AUTHORS = ("learner", "guardian", "advisor", "counselor", "service_writer")
READERS = ("teacher", "case_manager", "school_admin", "district_admin", "service_reader")


def today() -> str:
    return datetime.now(ZoneInfo("UTC")).date().isoformat()


# Stating


@pytest.mark.parametrize("label", AUTHORS)
async def test_who_may_state_something_does_so_in_her_own_name(world: World, feed: Feed, label: str) -> None:
    cast = await gather(world, label)
    client, person = await cast.as_(label), cast.people[label]
    assert "add_profile_statement" in (await read(client, f"/v1/learners/{cast.learner.id}"))["available_actions"]
    reply = await client.post(profile(cast.learner), json=NEW)
    made = ok(reply, 201)
    shown = {name: made[name] for name in ("learner_id", "kind", "statement", "author_as", "stated_on", "version")}
    assert shown == {**NEW, "learner_id": str(cast.learner.id), "author_as": label, "stated_on": today(), "version": 1}
    assert (made["author"] and made["author"]["id"]) == (None if label == "service_writer" else str(person.id))
    assert (made["available_actions"], made["blocked_actions"]) == (["edit", "delete"], [])
    assert reply.headers["location"] == f"/v1/profile-statements/{made['id']}"
    assert ok(await client.get(reply.headers["location"])) == made
    (listed,) = (await read(client, profile(cast.learner)))["items"]
    assert listed == {name: value for name, value in made.items() if not name.endswith("_actions")}
    (event,) = await feed(cast.learner)
    assert (event["section"], event["action"], event["capacity"]) == ("profile", "create", label)
    assert event["changes"]["statement"] == {"before": None, "after": NEW["statement"]}


@pytest.mark.parametrize("label", READERS)
async def test_who_only_reads_the_profile_adds_nothing_to_it(world: World, label: str) -> None:
    cast = await gather(world, label)
    client = await cast.as_(label)
    statement = await sharing.profile_statement(world, cast.learner)
    reply = await client.post(profile(cast.learner), json=NEW)
    assert refusal(reply) == (403, "forbidden")
    assert reply.json()["permission"] == "profile:propose"
    blocked = (await read(client, f"/v1/learners/{cast.learner.id}"))["blocked_actions"]
    assert "add_profile_statement" in {each["action"] for each in blocked}
    url = f"/v1/profile-statements/{statement.id}"
    shown = await read(client, url)
    assert {(each["action"], each["code"]) for each in shown["blocked_actions"]} == {
        ("edit", "forbidden"),
        ("delete", "forbidden"),
    }
    assert refusal(await change(client, url, {"kind": "interest"})) == (403, "forbidden")
    assert refusal(await remove(client, url)) == (403, "forbidden")
    assert len((await read(client, profile(cast.learner)))["items"]) == 1


@pytest.mark.parametrize("label", STRANGERS)
async def test_for_strangers_there_is_no_profile(world: World, label: str) -> None:
    cast = await gather(world, label)
    statement = await sharing.profile_statement(world, cast.learner)
    client = await cast.as_(label)
    for url in (profile(cast.learner), f"/v1/profile-statements/{statement.id}"):
        assert refusal(await client.get(url)) == (404, "not_found")
    assert refusal(await client.post(profile(cast.learner), json=NEW)) == (404, "not_found")


@pytest.mark.parametrize("scope", ["roster.read", "roster.write", "supports.read", "access.manage"])
async def test_a_program_that_does_not_read_plans_sees_no_profile(world: World, scope: str) -> None:
    learner = await world.learner()
    statement = await sharing.profile_statement(world, learner)
    await assert_hidden(await world.client_for(await world.service(scope)), learner, statement)


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({"statement": "x" * 1001}, "/statement", "string_too_long"),
        ({"statement": " "}, "/statement", "blank"),
        ({"kind": "weakness"}, "/kind", "literal_error"),
        ({"stated_on": None}, "/stated_on", "date_type"),
        ({"author_id": "0198f000-0000-7000-8000-000000000001"}, "/author_id", "extra_forbidden"),
    ],
)
async def test_what_makes_no_sense_is_refused(world: World, body: dict[str, Any], pointer: str, code: str) -> None:
    learner = await world.learner()
    client = await world.client_for(learner)
    assert fault(await client.post(profile(learner), json={**NEW, **body})) == (422, pointer, code)
    url = await state(client, learner, statement="x" * 1000)
    assert fault(await change(client, url, body)) == (422, pointer, code)


async def test_nothing_is_stated_before_its_day_where_the_school_is(world: World) -> None:
    learner = await world.learner()
    client = await world.client_for(learner)
    for zone in ("Pacific/Kiritimati", "Etc/GMT+12"):
        async with world.transaction() as session:
            await session.execute(update(Tenant).values(timezone=zone))
        there = datetime.now(ZoneInfo(zone)).date()
        url = await state(client, learner)
        assert (await read(client, url))["stated_on"] == there.isoformat()
        tomorrow = {"stated_on": (there + timedelta(days=1)).isoformat()}
        wrong = (422, "/stated_on", "in_the_future")
        assert fault(await client.post(profile(learner), json={**NEW, **tomorrow})) == wrong
        assert fault(await change(client, url, tomorrow)) == wrong
        assert ok(await change(client, url, {"stated_on": "2019-05-01"}))["stated_on"] == "2019-05-01"


async def test_an_own_id_serves_once(world: World) -> None:
    learner = await world.learner()
    client = await world.client_for(learner)
    own = str(uuid.uuid4())
    assert (await state(client, learner, id=own)).endswith(own)
    assert refusal(await client.post(profile(learner), json={**NEW, "id": own})) == (409, "id_taken")


async def test_a_profile_has_an_end(world: World) -> None:
    learner = await world.learner()
    async with world.transaction() as session:
        session.add_all(
            ProfileStatement(
                tenant_id=world.tenant.id, learner_id=learner.id, author_as="learner", stated_on=EARLIER, **NEW
            )
            for _ in range(200)
        )
    client = await world.client_for(learner)
    shown = await read(client, f"/v1/learners/{learner.id}", **EXPAND)
    assert len(shown["profile_statements"]) == 200
    assert ("add_profile_statement", "too_many") in {
        (each["action"], each["code"]) for each in shown["blocked_actions"]
    }
    assert refusal(await client.post(profile(learner), json=NEW)) == (409, "too_many")


# Changing and deleting


async def test_only_the_author_changes_her_words(world: World) -> None:
    cast = await gather(world, "guardian", "counselor", "advisor")
    url = await state(await cast.as_("guardian"), cast.learner)
    for label in ("learner", "counselor", "advisor"):
        client = await cast.as_(label)
        shown = await read(client, url)
        assert shown["available_actions"] == ["delete"]
        assert [(each["action"], each["code"]) for each in shown["blocked_actions"]] == [("edit", "not_author")]
        assert refusal(await change(client, url, {"statement": "No."})) == (409, "not_author")
    guardian = await cast.as_("guardian")
    changed = ok(await change(guardian, url, {"statement": "Mends clocks too.", "kind": "strength"}))
    assert (changed["statement"], changed["kind"], changed["version"]) == ("Mends clocks too.", "strength", 2)
    assert ok(await change(guardian, url, {"kind": "strength"}))["version"] == 2


async def test_a_change_needs_the_version_that_was_read(world: World) -> None:
    learner = await world.learner()
    client = await world.client_for(learner)
    url = await state(client, learner)
    assert refusal(await client.patch(url, json={"kind": "strength"})) == (428, "if_match_required")
    stale = {"If-Match": (await client.get(url)).headers["etag"]}
    ok(await change(client, url, {"kind": "strength"}))
    assert refusal(await client.patch(url, json={"kind": "interest"}, headers=stale)) == (412, "version_mismatch")
    assert refusal(await client.delete(url, headers=stale)) == (412, "version_mismatch")


async def test_programs_count_as_one_author(world: World) -> None:
    learner = await world.learner()
    one, other = [await world.client_for(await world.service("plans.write")) for _ in range(2)]
    url = await state(one, learner)
    assert ok(await change(other, url, {"kind": "strength"}))["author"] is None
    assert refusal(await change(await world.client_for(learner), url, {"kind": "interest"})) == (409, "not_author")


@pytest.mark.parametrize(
    ("author", "label", "outcome"),
    [
        ("guardian", "guardian", 204),
        ("guardian", "learner", 204),
        ("guardian", "counselor", 204),
        ("guardian", "advisor", 204),
        ("guardian", "service_writer", 204),
        ("guardian", "teacher", 403),
        ("learner", "guardian", 409),
        ("counselor", "guardian", 409),
    ],
)
async def test_a_statement_is_deleted_by_its_author_or_who_keeps_the_profile(
    world: World, feed: Feed, author: str, label: str, outcome: int
) -> None:
    cast = await gather(world, author, label)
    url = await state(await cast.as_(author), cast.learner)
    client = await cast.as_(label)
    assert ("delete" in (await read(client, url))["available_actions"]) == (outcome == 204)
    assert (await remove(client, url)).status_code == outcome
    assert (await client.get(url)).status_code == (404 if outcome == 204 else 200)
    if outcome == 204:
        event = (await feed(cast.learner))[-1]
        assert (event["action"], event["capacity"]) == ("delete", label)


async def test_an_author_who_no_longer_may_changes_nothing(world: World) -> None:
    cast = await gather(world, "guardian")
    client = await cast.as_("guardian")
    url = await state(client, cast.learner)
    await sharing.sharing_policy(world, {"profile": {"guardian": "read"}})
    assert (await read(client, url))["available_actions"] == []
    assert refusal(await change(client, url, {"kind": "strength"})) == (403, "forbidden")
    assert refusal(await remove(client, url)) == (403, "forbidden")
    assert refusal(await client.post(profile(cast.learner), json=NEW)) == (403, "forbidden")


async def test_a_learner_who_may_only_propose_deletes_what_is_hers(world: World) -> None:
    cast = await gather(world, "guardian")
    theirs = await state(await cast.as_("guardian"), cast.learner)
    client = await cast.as_("learner")
    own = await state(client, cast.learner)
    await sharing.sharing_policy(world, {"profile": {"learner": "propose"}})
    assert refusal(await remove(client, theirs)) == (409, "not_author")
    assert (await remove(client, own)).status_code == 204


# Reading


async def test_statements_are_listed_by_date_and_kind(world: World) -> None:
    learner = await world.learner()
    client = await world.client_for(learner)
    for day, kind in ((2, "strength"), (1, "interest"), (3, "strength"), (2, "aspiration")):
        await state(client, learner, kind=kind, stated_on=f"2026-05-0{day}", statement=f"{kind} {day}")

    async def listed(**query: Any) -> list[str]:
        return [item["statement"] for item in (await read(client, profile(learner), **query))["items"]]

    in_order = ["interest 1", "strength 2", "aspiration 2", "strength 3"]
    assert await listed() == in_order
    assert await listed(sort="-stated_on") == in_order[::-1]
    assert await listed(kind="strength") == ["strength 2", "strength 3"]
    page = await read(client, profile(learner), limit=3, count="true")
    rest = await read(client, profile(learner), limit=3, cursor=page["next_cursor"])
    assert (page["total"], [item["statement"] for item in rest["items"]]) == (4, ["strength 3"])
    for query in ("kind=weakness", "sort=kind", "author_id=1"):
        assert (await client.get(f"{profile(learner)}?{query}")).status_code == 422


async def test_a_learner_is_shown_with_the_profile_when_asked_for(world: World) -> None:
    cast = await gather(world, "teacher")
    client, url = await cast.as_("teacher"), f"/v1/learners/{cast.learner.id}"
    assert "profile_statements" not in await read(client, url)
    empty = await client.get(url, params=EXPAND)
    assert ok(empty)["profile_statements"] == []
    later = await state(await cast.as_("learner"), cast.learner)
    await sharing.profile_statement(world, cast.learner)
    reply = await client.get(url, params=EXPAND, headers={"If-None-Match": empty.headers["etag"]})
    shown = ok(reply)["profile_statements"]
    assert shown == (await read(client, profile(cast.learner)))["items"]
    assert (len(shown), later.endswith(shown[1]["id"])) == (2, True)
    for query in ("expand=plans", "fields=profile_statements"):
        assert (await client.get(f"{url}?{query}")).status_code == 422


async def test_a_named_section_is_hidden_from_a_contact_and_from_nobody_else(world: World, feed: Feed) -> None:
    cast = await gather(world, "counselor", "guardian")
    statement = await sharing.profile_statement(world, cast.learner)
    contact = cast.people["counselor"]
    await sharing.restrict_sections(world, await world.guardian(contact, cast.learner), ["profile"])
    await state(await cast.as_("learner"), cast.learner)
    client = await cast.as_("counselor")
    await assert_hidden(client, cast.learner, statement)
    shown = await read(client, f"/v1/learners/{cast.learner.id}")
    assert shown["relations"] == ["counselor", "guardian"]
    assert shown["available_actions"] == ["create_plan", "add_staff_note"]
    assert await feed(contact) == []
    assert len(await feed(cast.people["guardian"])) == 1
    assert len((await read(await cast.as_("guardian"), profile(cast.learner)))["items"]) == 2


async def test_a_plan_is_not_offered_to_whom_plans_are_hidden_from(world: World) -> None:
    cast = await gather(world, "counselor")
    contact = await world.guardian(cast.people["counselor"], cast.learner)
    await sharing.restrict_sections(world, contact, ["plan"])
    shown = await read(await cast.as_("counselor"), f"/v1/learners/{cast.learner.id}")
    assert shown["available_actions"] == ["add_profile_statement", "add_staff_note"]


async def test_a_tenant_hides_the_profile_from_a_relation(world: World) -> None:
    cast = await gather(world, "teacher", "guardian")
    statement = await sharing.profile_statement(world, cast.learner)
    await sharing.sharing_policy(world, {"profile": {"teacher": "none", "guardian": "none"}})
    await assert_hidden(await cast.as_("teacher"), cast.learner, statement)
    assert len((await read(await cast.as_("guardian"), profile(cast.learner)))["items"]) == 1
