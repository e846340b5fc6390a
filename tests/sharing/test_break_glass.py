"""Administrators open what is hidden from them: with a reason, for a while, and seen by all who may see that."""

from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import httpx
import pytest
from sqlalchemy import select, update

from app.core.events import Event
from app.core.rules import READ, RULES, Relation
from app.roster.models import RoleAssignment
from app.sharing.models import BreakGlass
from app.sharing.schemas.break_glass import HiddenSection
from tests import sharing_factories as sharing
from tests.factories import EARLIER, World
from tests.plans.people import Cast, fault, gather, ok, read, refusal, remove, restricted

pytestmark = pytest.mark.anyio

REASON = "A friend fears for her."
ADMINS = ["school_admin", "district_admin"]


def opening(*sections: str, **changes: Any) -> dict[str, Any]:
    return {"sections": list(sections or ("private_reflections",)), "reason": REASON, "minutes": 30} | changes


async def open_as(cast: Cast, label: str, *sections: str, **changes: Any) -> httpx.Response:
    client = await cast.as_(label)
    return await client.post(f"/v1/learners/{cast.learner.id}/break-glass", json=opening(*sections, **changes))


def test_what_may_be_opened_is_what_the_rules_let_break_glass_read() -> None:
    openable = {section.value for section, cells in RULES.items() if cells.get(Relation.BREAK_GLASS, 0) >= READ}
    assert set(get_args(HiddenSection)) == openable


@pytest.mark.parametrize("label", ADMINS)
async def test_an_administrator_reads_what_she_opened_and_no_other_administrator_does(world: World, label: str) -> None:
    cast = await gather(world, *ADMINS)
    reflection = await sharing.reflection(world, await world.plan(cast.learner), is_private=True)
    admin, address = await cast.as_(label), f"/v1/reflections/{reflection.id}"
    other = await cast.as_(next(each for each in ADMINS if each != label))
    assert (await admin.get(address)).status_code == 404
    glass = ok(await open_as(cast, label), 201)
    assert (await read(admin, address))["text"] == reflection.text
    assert (await other.get(address)).status_code == 404
    assert (glass["sections"], glass["reason"], glass["is_in_force"]) == (["private_reflections"], REASON, True)
    assert glass["person"]["id"] == str(cast.people[label].id)
    expires_at = datetime.fromisoformat(glass["expires_at"])
    assert timedelta(minutes=29) < expires_at - datetime.now(UTC) <= timedelta(minutes=30)


async def test_notes_of_others_are_read_by_break_glass(world: World) -> None:
    cast = await gather(world, "school_admin", "counselor")
    note = await sharing.staff_note(world, cast.learner, cast.people["counselor"])
    admin = await cast.as_("school_admin")
    assert (await admin.get(f"/v1/staff-notes/{note.id}")).status_code == 404
    ok(await open_as(cast, "school_admin", "staff_notes"), 201)
    assert (await read(admin, f"/v1/staff-notes/{note.id}"))["id"] == str(note.id)
    listed = await read(admin, f"/v1/learners/{cast.learner.id}/staff-notes")
    assert [item["id"] for item in listed["items"]] == [str(note.id)]


async def test_an_administrator_who_writes_notes_herself_may_open_those_of_others(world: World) -> None:
    cast = await gather(world, "counselor")
    note = await sharing.staff_note(world, cast.learner, cast.people["counselor"])
    admin = await world.teacher_of(cast.learner)
    await world.role(admin, "school_admin")
    cast.people["both"] = admin
    ok(await open_as(cast, "both", "staff_notes"), 201)
    assert (await read(await cast.as_("both"), f"/v1/staff-notes/{note.id}"))["id"] == str(note.id)


async def test_looks_under_it_are_in_the_log_as_break_glass(world: World) -> None:
    cast = await gather(world, "school_admin", "counselor")
    plan = await world.plan(cast.learner)
    reflection = await sharing.reflection(world, plan, is_private=True)
    await sharing.reflection(world, plan)
    await sharing.staff_note(world, cast.learner, cast.people["counselor"])
    ok(await open_as(cast, "school_admin", "private_reflections", "staff_notes"), 201)
    admin = await cast.as_("school_admin")
    await read(admin, f"/v1/reflections/{reflection.id}")
    await read(admin, f"/v1/plans/{plan.id}")
    await read(admin, f"/v1/plans/{plan.id}/reflections")
    await read(admin, f"/v1/plans/{plan.id}/reflections", is_private="false")
    await read(admin, f"/v1/learners/{cast.learner.id}/staff-notes")
    log = await read(await cast.as_("learner"), f"/v1/learners/{cast.learner.id}/access-log", sort="at")
    assert [(look["sections"], look["capacities"]) for look in log["items"]] == [
        (["private_reflections"], ["break_glass"]),
        (["plan"], ["school_admin"]),
        (["private_reflections", "reflections"], ["school_admin", "break_glass"]),
        (["reflections"], ["school_admin"]),
        (["staff_notes"], ["school_admin", "break_glass"]),
    ]


@pytest.mark.parametrize("label", ["learner", "guardian", "counselor", "school_admin", "district_admin"])
async def test_who_may_see_who_has_access_is_told_by_an_event(world: World, label: str) -> None:
    cast = await gather(world, *({"district_admin", label} - {"learner"}))
    glass = ok(await open_as(cast, "district_admin"), 201)
    client = await cast.as_(label)
    listed = await read(client, f"/v1/learners/{cast.learner.id}/break-glass")
    assert [item["id"] for item in listed["items"]] == [glass["id"]]
    assert (await read(client, f"/v1/break-glass/{glass['id']}"))["reason"] == REASON
    async with world.transaction() as session:
        event = (await session.execute(_event(glass["id"]))).one()
    assert tuple(event) == ("access", "break_glass", "district_admin", REASON, cast.learner.id)


def _event(entity_id: str) -> Any:
    columns = (Event.section, Event.action, Event.capacity, Event.reason, Event.learner_id)
    return select(*columns).where(Event.entity_id == entity_id)


async def test_what_is_read_already_is_not_opened(world: World) -> None:
    cast = await gather(world, "school_admin")
    reply = await open_as(cast, "school_admin", "private_reflections", "plan", "evidence")
    assert refusal(reply) == (409, "not_hidden")
    assert reply.json()["detail"] == "You read this already: plan, evidence."
    ok(await open_as(cast, "school_admin"), 201)
    assert refusal(await open_as(cast, "school_admin")) == (409, "not_hidden")


async def test_a_section_that_the_district_has_closed_to_administrators_can_be_opened(world: World) -> None:
    cast = await gather(world, "school_admin")
    await sharing.sharing_policy(world, {"plan": {"school_admin": "none"}})
    plan = await world.plan(cast.learner)
    admin = await cast.as_("school_admin")
    assert (await admin.get(f"/v1/plans/{plan.id}")).status_code == 404
    ok(await open_as(cast, "school_admin", "plan"), 201)
    await read(admin, f"/v1/plans/{plan.id}")


async def test_a_section_that_the_district_lets_nobody_open_stays_closed(world: World) -> None:
    cast = await gather(world, "school_admin")
    await sharing.sharing_policy(world, {"private_reflections": {"break_glass": "none"}})
    assert refusal(await open_as(cast, "school_admin")) == (409, "section_closed")


@pytest.mark.parametrize("label", ["learner", "guardian", "counselor", "case_manager"])
async def test_others_who_see_the_access_may_not_open_anything(world: World, label: str) -> None:
    cast = await gather(world, label)
    reply = await open_as(cast, label)
    assert refusal(reply) == (403, "forbidden")
    assert reply.json()["permission"] == "break-glass:write"


@pytest.mark.parametrize("label", ["teacher", "other_school_admin", "restricted_school_admin", "mentor"])
async def test_for_others_there_is_nothing_to_open(world: World, label: str) -> None:
    cast = await gather(world, label)
    assert refusal(await open_as(cast, label)) == (404, "not_found")


async def test_what_a_restriction_hides_from_an_administrator_stays_hidden(world: World) -> None:
    cast = await gather(world, "counselor")
    admin = cast.people["relative"] = await world.district_admin()
    await sharing.restrict_sections(world, await world.guardian(admin, cast.learner), ["private_reflections"])
    assert refusal(await open_as(cast, "relative")) == (403, "forbidden")
    ok(await open_as(cast, "relative", "staff_notes"), 201)


async def test_a_restriction_ends_what_was_opened(world: World) -> None:
    cast = await gather(world, "district_admin")
    reflection = await sharing.reflection(world, await world.plan(cast.learner), is_private=True)
    ok(await open_as(cast, "district_admin"), 201)
    admin, address = await cast.as_("district_admin"), f"/v1/reflections/{reflection.id}"
    await read(admin, address)
    await restricted(world, cast.people["district_admin"], cast.learner)
    assert (await admin.get(address)).status_code == 404


@pytest.mark.parametrize(
    ("changes", "pointer", "code"),
    [
        ({"minutes": 4}, "/minutes", "greater_than_equal"),
        ({"minutes": 241}, "/minutes", "less_than_equal"),
        ({"reason": "too short"}, "/reason", "string_too_short"),
        ({"reason": "   padded       "}, "/reason", "too_short"),
        ({"sections": []}, "/sections", "too_short"),
        ({"sections": ["access"]}, "/sections/0", "literal_error"),
        ({"sections": ["learner"]}, "/sections/0", "literal_error"),
    ],
)
async def test_limits_of_what_is_asked_for(world: World, changes: dict[str, Any], pointer: str, code: str) -> None:
    cast = await gather(world, "school_admin")
    assert fault(await open_as(cast, "school_admin", **changes)) == (422, pointer, code)


async def test_it_is_over_when_its_time_is(world: World) -> None:
    cast = await gather(world, "school_admin")
    reflection = await sharing.reflection(world, await world.plan(cast.learner), is_private=True)
    glass = ok(await open_as(cast, "school_admin"), 201)
    admin = await cast.as_("school_admin")
    await read(admin, f"/v1/reflections/{reflection.id}")
    async with world.transaction() as session:
        past = datetime.now(UTC) - timedelta(seconds=1)
        await session.execute(update(BreakGlass).values(expires_at=past))
    assert (await admin.get(f"/v1/reflections/{reflection.id}")).status_code == 404
    over = await read(admin, f"/v1/break-glass/{glass['id']}")
    assert (over["is_in_force"], over["available_actions"]) == (False, [])
    assert over["blocked_actions"] == [{"action": "end", "code": "over", "detail": "It is over already."}]
    assert refusal(await remove(admin, f"/v1/break-glass/{glass['id']}")) == (409, "over")
    ok(await open_as(cast, "school_admin"), 201)


@pytest.mark.parametrize("label", ADMINS)
async def test_its_opener_and_the_districts_administrators_end_it_at_once(world: World, label: str) -> None:
    cast = await gather(world, *ADMINS)
    reflection = await sharing.reflection(world, await world.plan(cast.learner), is_private=True)
    glass = ok(await open_as(cast, "school_admin"), 201)
    assert glass["available_actions"] == ["end"]
    address = f"/v1/break-glass/{glass['id']}"
    client = await cast.as_(label)
    assert (await client.delete(address)).status_code == 428
    assert (await client.delete(address, headers={"If-Match": '"7"'})).status_code == 412
    ok(await remove(client, address), 204)
    opener = await cast.as_("school_admin")
    assert (await opener.get(f"/v1/reflections/{reflection.id}")).status_code == 404
    ended = await read(opener, address)
    assert ended["ended_at"] is not None
    assert ended["is_in_force"] is False


async def test_another_administrator_of_the_school_cannot_end_it(world: World) -> None:
    cast = await gather(world, "school_admin", "counselor")
    cast.people["colleague"] = await world.school_admin()
    glass = ok(await open_as(cast, "school_admin"), 201)
    for label in ("colleague", "counselor", "learner"):
        client = await cast.as_(label)
        seen = await read(client, f"/v1/break-glass/{glass['id']}")
        assert seen["available_actions"] == []
        assert refusal(await remove(client, f"/v1/break-glass/{glass['id']}")) == (403, "forbidden")


async def test_it_gives_nothing_once_the_office_is_over(world: World) -> None:
    cast = await gather(world, "school_admin", "counselor")
    reflection = await sharing.reflection(world, await world.plan(cast.learner), is_private=True)
    glass = ok(await open_as(cast, "school_admin"), 201)
    async with world.transaction() as session:
        of_admin = update(RoleAssignment).where(RoleAssignment.person_id == cast.people["school_admin"].id)
        await session.execute(of_admin.values(until_on=EARLIER))
    admin = await cast.as_("school_admin")
    assert (await admin.get(f"/v1/reflections/{reflection.id}")).status_code == 404
    seen = await read(await cast.as_("counselor"), f"/v1/break-glass/{glass['id']}")
    assert seen["is_in_force"] is False


async def test_a_retry_under_a_key_opens_once_and_an_id_is_taken_once(world: World) -> None:
    cast = await gather(world, "school_admin")
    admin, address = await cast.as_("school_admin"), f"/v1/learners/{cast.learner.id}/break-glass"
    replies = [await admin.post(address, json=opening(), headers={"Idempotency-Key": "k"}) for _ in range(2)]
    assert [reply.status_code for reply in replies] == [201, 201]
    glass = replies[0].json()
    assert replies[1].json() == glass
    taken = await open_as(cast, "school_admin", "staff_notes", id=glass["id"])
    assert refusal(taken) == (409, "id_taken")
