"""Staff notes: each for its author, while she works with the learner."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from app.learners.models import Learner, StaffNote
from tests import sharing_factories as sharing
from tests.factories import EARLIER, Identified, World
from tests.learners.conftest import Feed
from tests.plans.people import STRANGERS, change, fault, gather, ok, read, refusal, remove

pytestmark = pytest.mark.anyio

TEXT = "Seemed tired all week; ask how the move went."
AUTHORS = ("teacher", "advisor", "counselor", "case_manager")
OTHERS = ("learner", "guardian", "school_admin", "district_admin", "service_reader", "service_writer", *STRANGERS)


def notes(learner: Identified) -> str:
    return f"/v1/learners/{learner.id}/staff-notes"


def address(note: StaffNote) -> str:
    return f"/v1/staff-notes/{note.id}"


async def write(client: httpx.AsyncClient, learner: Learner, text: str = TEXT) -> str:
    """Write a note; the address of it."""
    reply = await client.post(notes(learner), json={"text": text})
    ok(reply, 201)
    return reply.headers["location"]


async def assert_no_notes(client: httpx.AsyncClient, learner: Learner, note: StaffNote) -> None:
    """Neither notes on the learner nor a place for them are known to the caller."""
    urls = [address(note), f"/v1/staff-notes/{uuid.uuid4()}"]
    for method, body in (("GET", None), ("PATCH", {"text": "Hacked"}), ("DELETE", None)):
        replies = [await client.request(method, url, json=body, headers={"If-Match": "*"}) for url in urls]
        assert [refusal(reply) for reply in replies] == [(404, "not_found")] * 2, method
        assert len({str(reply.json() | {"request_id": ""}) for reply in replies}) == 1
    assert refusal(await client.get(notes(learner), params={"count": "true"})) == (404, "not_found")
    assert refusal(await client.post(notes(learner), json={"text": TEXT})) == (404, "not_found")


async def texts(client: httpx.AsyncClient, learner: Learner, **query: Any) -> list[str]:
    return [item["text"] for item in (await read(client, notes(learner), **query))["items"]]


@pytest.mark.parametrize("label", AUTHORS)
async def test_staff_write_notes_for_themselves(world: World, feed: Feed, label: str) -> None:
    cast = await gather(world, label)
    client, author = await cast.as_(label), cast.people[label]
    assert (await read(client, notes(cast.learner), count="true")) == {"items": [], "next_cursor": None, "total": 0}
    assert "add_staff_note" in (await read(client, f"/v1/learners/{cast.learner.id}"))["available_actions"]
    url = await write(client, cast.learner)
    made = await read(client, url)
    assert (made["learner_id"], made["author"]["id"]) == (str(cast.learner.id), str(author.id))
    assert (made["text"], made["version"]) == (TEXT, 1)
    assert (made["available_actions"], made["blocked_actions"]) == (["edit", "delete"], [])
    (listed,) = (await read(client, notes(cast.learner)))["items"]
    assert listed == {name: value for name, value in made.items() if not name.endswith("_actions")}
    assert ok(await change(client, url, {"text": "It went well."}))["version"] == 2
    assert ok(await change(client, url, {"text": "It went well."}))["version"] == 2
    assert (await remove(client, url)).status_code == 204
    assert refusal(await client.get(url)) == (404, "not_found")
    events = await feed(author)
    assert [(event["section"], event["action"]) for event in events] == [
        ("staff_notes", "create"),
        ("staff_notes", "edit"),
        ("staff_notes", "delete"),
    ]
    assert {event["capacity"] for event in events} == {label}


@pytest.mark.parametrize("label", OTHERS)
async def test_for_everybody_else_there_are_no_notes(world: World, label: str) -> None:
    cast = await gather(world, label)
    note = await sharing.staff_note(world, cast.learner, await world.staff_of(cast.learner))
    await assert_no_notes(await cast.as_(label), cast.learner, note)


async def test_guests_know_of_no_notes(world: World) -> None:
    learner = await world.learner()
    note = await sharing.staff_note(world, learner, await world.staff_of(learner))
    plan = await world.plan(learner)
    grantee, coach = await world.person(role="counselor"), await world.person(role="counselor")
    everything = ["plan", "profile", "evidence", "mastery", "reflections", "conference_notes"]
    await sharing.grant(world, plan, grantee, level="write", sections=everything)
    await sharing.team_member(world, plan, coach)
    for guest in (grantee, coach):
        client = await world.client_for(guest)
        await assert_no_notes(client, learner, note)
        assert "add_staff_note" not in (await read(client, f"/v1/learners/{learner.id}"))["available_actions"]


async def test_nobody_reads_the_notes_of_colleagues(world: World, feed: Feed) -> None:
    cast = await gather(world, *AUTHORS, "school_admin", "guardian")
    urls = {label: await write(await cast.as_(label), cast.learner, f"By the {label}") for label in AUTHORS}
    for label in AUTHORS:
        client = await cast.as_(label)
        assert await texts(client, cast.learner) == [f"By the {label}"]
        assert (await read(client, notes(cast.learner), count="true"))["total"] == 1
        for other, url in urls.items():
            assert (await client.get(url)).status_code == (200 if other == label else 404)
            if other != label:
                reply = await client.patch(url, json={"text": "Hacked"}, headers={"If-Match": "*"})
                assert refusal(reply) == (404, "not_found")
                assert refusal(await client.delete(url, headers={"If-Match": "*"})) == (404, "not_found")
        assert len(await feed(cast.people[label])) == 1
    for label in ("learner", "guardian", "school_admin"):
        assert await feed(cast.people[label]) == []


async def test_an_author_who_left_the_learner_reads_nothing_any_more(world: World, feed: Feed) -> None:
    learner, counselor = await world.learner(), await world.person(role="counselor")
    row = await world.caseload(counselor, learner)
    client = await world.client_for(counselor)
    await write(client, learner)
    note = await sharing.staff_note(world, learner, counselor)
    assert len(await texts(client, learner)) == 2
    async with world.transaction() as session:
        (await session.get_one(type(row), (world.tenant.id, row.id))).until_on = EARLIER
    await assert_no_notes(client, learner, note)
    assert await feed(counselor) == []


async def test_notes_come_in_the_order_in_which_they_were_written(world: World) -> None:
    learner = await world.learner()
    client = await world.client_for(await world.staff_of(learner))
    for number in range(3):
        await write(client, learner, f"Note {number}")
    assert await texts(client, learner) == ["Note 0", "Note 1", "Note 2"]
    assert await texts(client, learner, sort="-created_at") == ["Note 2", "Note 1", "Note 0"]
    page = await read(client, notes(learner), limit=2)
    assert await texts(client, learner, limit=2, cursor=page["next_cursor"]) == ["Note 2"]


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({}, "/text", "missing"),
        ({"text": None}, "/text", "string_type"),
        ({"text": "x" * 5001}, "/text", "string_too_long"),
        ({"text": TEXT, "author_id": None}, "/author_id", "extra_forbidden"),
    ],
)
async def test_what_makes_no_sense_is_refused(world: World, body: dict[str, Any], pointer: str, code: str) -> None:
    learner = await world.learner()
    client = await world.client_for(await world.staff_of(learner))
    assert fault(await client.post(notes(learner), json=body)) == (422, pointer, code)


async def test_an_own_id_serves_once(world: World) -> None:
    learner = await world.learner()
    client = await world.client_for(await world.staff_of(learner))
    body = {"id": str(uuid.uuid4()), "text": TEXT}
    ok(await client.post(notes(learner), json=body), 201)
    assert refusal(await client.post(notes(learner), json=body)) == (409, "id_taken")


async def test_a_change_needs_the_version_that_was_read(world: World) -> None:
    learner = await world.learner()
    client = await world.client_for(await world.staff_of(learner))
    url = await write(client, learner)
    assert refusal(await client.delete(url)) == (428, "if_match_required")
    stale = {"If-Match": (await client.get(url)).headers["etag"]}
    ok(await change(client, url, {"text": "New"}))
    assert refusal(await client.patch(url, json={"text": "Newer"}, headers=stale)) == (412, "version_mismatch")


async def test_a_note_is_written_once_however_often_it_is_sent(world: World) -> None:
    learner = await world.learner()
    row = await world.caseload(counselor := await world.person(role="counselor"), learner)
    client = await world.client_for(counselor)
    sent = [
        await client.post(notes(learner), json={"text": TEXT}, headers={"Idempotency-Key": "9f1c"}) for _ in range(2)
    ]
    assert sent[0].content == sent[1].content
    assert len(await texts(client, learner)) == 1
    async with world.transaction() as session:
        (await session.get_one(type(row), (world.tenant.id, row.id))).until_on = EARLIER
    again = await client.post(notes(learner), json={"text": TEXT}, headers={"Idempotency-Key": "9f1c"})
    assert refusal(again) == (404, "not_found")


# Break-glass


@pytest.mark.parametrize("label", ["school_admin", "district_admin"])
async def test_an_administrator_who_opened_the_notes_reads_all_of_them(world: World, feed: Feed, label: str) -> None:
    cast = await gather(world, label, "teacher", "counselor")
    for author in ("teacher", "counselor"):
        await write(await cast.as_(author), cast.learner, f"By the {author}")
    other = await world.learner()
    untouched = await sharing.staff_note(world, other, await world.staff_of(other))
    client = await cast.as_(label)
    await sharing.break_glass(world, cast.learner, cast.people[label])
    items = (await read(client, notes(cast.learner)))["items"]
    assert [(item["text"], item["author"]["given_name"]) for item in items] == [
        ("By the teacher", "Tess"),
        ("By the counselor", "Case"),
    ]
    url = f"/v1/staff-notes/{items[0]['id']}"
    shown = await read(client, url)
    assert (shown["available_actions"], {each["code"] for each in shown["blocked_actions"]}) == ([], {"forbidden"})
    for refused in (
        await change(client, url, {"text": "Hacked"}),
        await remove(client, url),
        await client.post(notes(cast.learner), json={"text": TEXT}),
    ):
        assert refusal(refused) == (403, "forbidden")
        assert refused.json()["permission"] == "staff-notes:write"
    assert len([event for event in await feed(cast.people[label]) if event["section"] == "staff_notes"]) == 2
    await assert_no_notes(client, other, untouched)


@pytest.mark.parametrize(
    "fields",
    [
        {"sections": ["private_reflections"]},
        {"expires_at": datetime.now(UTC) - timedelta(minutes=1)},
        {"ended_at": datetime.now(UTC)},
    ],
)
async def test_what_is_not_opened_or_no_longer_stays_hidden(world: World, fields: dict[str, Any]) -> None:
    cast = await gather(world, "school_admin", "teacher")
    note = await sharing.staff_note(world, cast.learner, cast.people["teacher"])
    await sharing.break_glass(world, cast.learner, cast.people["school_admin"], **fields)
    await assert_no_notes(await cast.as_("school_admin"), cast.learner, note)


async def test_who_is_author_and_administrator_changes_only_what_is_hers(world: World) -> None:
    cast = await gather(world, "school_admin", "counselor")
    admin = cast.people["school_admin"]
    theirs = await sharing.staff_note(world, cast.learner, cast.people["counselor"], "Theirs")
    await world.caseload(admin, cast.learner, "advisor")
    client = await cast.as_("school_admin")
    own = await write(client, cast.learner, "Mine")
    assert await texts(client, cast.learner) == ["Mine"]
    await sharing.break_glass(world, cast.learner, admin)
    assert await texts(client, cast.learner) == ["Theirs", "Mine"]
    assert refusal(await change(client, address(theirs), {"text": "Hacked"})) == (409, "not_author")
    assert refusal(await remove(client, address(theirs))) == (409, "not_author")
    assert ok(await change(client, own, {"text": "Still mine"}))["available_actions"] == ["edit", "delete"]


# Substitutes and stricter rules


async def test_a_substitute_writes_notes_of_her_own(world: World) -> None:
    cast = await gather(world, "teacher")
    theirs = await sharing.staff_note(world, cast.learner, cast.people["teacher"])
    substitute = await world.person("Sue", "Substitute", role="teacher")
    await sharing.delegation(world, cast.people["teacher"], substitute)
    client = await world.client_for(substitute)
    await write(client, cast.learner, "For the next lesson")
    assert await texts(client, cast.learner) == ["For the next lesson"]
    assert refusal(await client.get(address(theirs))) == (404, "not_found")
    assert await texts(await cast.as_("teacher"), cast.learner) == [theirs.text]


async def test_a_tenant_may_let_teachers_keep_no_notes(world: World) -> None:
    cast = await gather(world, "teacher", "advisor")
    note = await sharing.staff_note(world, cast.learner, cast.people["teacher"])
    await sharing.sharing_policy(world, {"staff_notes": {"teacher": "none", "advisor": "read"}})
    await assert_no_notes(await cast.as_("teacher"), cast.learner, note)
    advisor = await cast.as_("advisor")
    assert await texts(advisor, cast.learner) == []
    assert refusal(await advisor.post(notes(cast.learner), json={"text": TEXT})) == (403, "forbidden")


async def test_a_named_section_is_hidden_from_a_contact_who_works_with_the_learner(world: World) -> None:
    cast = await gather(world, "teacher")
    note = await sharing.staff_note(world, cast.learner, cast.people["teacher"])
    contact = await world.guardian(cast.people["teacher"], cast.learner)
    await sharing.restrict_sections(world, contact, ["staff_notes"])
    await assert_no_notes(await cast.as_("teacher"), cast.learner, note)
