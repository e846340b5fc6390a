"""Who can see a learner's record: everybody, by every fact, until when; and what of it is whose to know."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest

from app.learners.models import Learner
from tests import sharing_factories as sharing
from tests.factories import EARLIER, LATER, World
from tests.plans.people import fault, gather, ok, read, restricted

pytestmark = pytest.mark.anyio

TODAY = datetime.now(UTC).date()
YESTERDAY, TOMORROW = TODAY - timedelta(days=1), TODAY + timedelta(days=1)
READERS = ("learner", "guardian", "advisor", "counselor", "case_manager", "school_admin", "district_admin")


def url(learner: Learner) -> str:
    return f"/v1/learners/{learner.id}/access"


async def items(client: httpx.AsyncClient, learner: Learner, **query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await read(client, url(learner), **query))["items"]
    return found


def of(found: list[dict[str, Any]], who: Any, kind: str = "person") -> list[dict[str, Any]]:
    return [item for item in found if item[kind] is not None and item[kind]["id"] == str(who.id)]


def levels(item: dict[str, Any]) -> dict[str, str]:
    return {each["section"]: each["level"] for each in item["sections"]}


async def test_those_who_read_who_has_access_read_the_list(world: World) -> None:
    cast = await gather(
        world, *READERS, "teacher", "service_reader", "mentor", "former_counselor", "restricted_guardian"
    )
    cast.people["manager"] = await world.service("access.manage")
    for label in cast.people:
        reply = await (await cast.as_(label)).get(url(cast.learner))
        assert reply.status_code == (200 if label in (*READERS, "manager") else 404), label


async def test_everybody_with_a_fact_of_today_is_in_it_once_for_each_fact(world: World) -> None:
    cast = await gather(world, *READERS, "teacher")
    learner = cast.learner
    await world.caseload(cast.people["teacher"], learner, "advisor", until_on=LATER)
    found = await items(await cast.as_("counselor"), learner)
    seen = [(item["relation"], item["person"]["id"]) for item in found]
    assert seen == [
        ("learner", str(learner.id)),
        ("guardian", str(cast.people["guardian"].id)),
        ("teacher", str(cast.people["teacher"].id)),
        *sorted(
            (("advisor", str(cast.people[label].id)) for label in ("advisor", "teacher")),
            key=lambda each: each[1] == str(cast.people["teacher"].id),
        ),
        ("counselor", str(cast.people["counselor"].id)),
        ("case_manager", str(cast.people["case_manager"].id)),
        ("school_admin", str(cast.people["school_admin"].id)),
        ("district_admin", str(cast.people["district_admin"].id)),
    ]
    assert [item["source"]["type"] for item in found] == [
        "learner", "guardianship", "enrollment", "caseload", "caseload", "caseload", "caseload", "role_assignment",
        "role_assignment",
    ]  # fmt: skip
    assert found[4]["until_on"] == LATER.isoformat()
    assert all(item["is_in_force"] and item["from_on"] is None and item["plan_id"] is None for item in found)


async def test_the_sections_are_those_that_the_rules_open(world: World) -> None:
    cast = await gather(world, "learner", "guardian", "teacher", "district_admin")
    found = await items(await cast.as_("learner"), cast.learner)
    assert levels(of(found, cast.people["teacher"])[0]) == {
        "learner": "read",
        "plan": "comment",
        "profile": "read",
        "evidence": "read",
        "mastery": "write",
        "reflections": "read",
        "staff_notes": "own",
    }
    assert levels(of(found, cast.people["guardian"])[0])["plan"] == "propose"
    assert "private_reflections" in levels(of(found, cast.learner)[0])
    await sharing.sharing_policy(world, {"plan": {"teacher": "none"}, "staff_notes": {"teacher": "read"}})
    found = await items(await cast.as_("learner"), cast.learner)
    assert "plan" not in levels(of(found, cast.people["teacher"])[0])
    assert levels(of(found, cast.people["teacher"])[0])["staff_notes"] == "own"


async def test_who_reads_nothing_by_a_fact_is_not_in_it(world: World) -> None:
    learner = await world.learner()
    plan = await world.plan(learner)
    stranger = await world.person()
    await sharing.sharing_policy(world, {"plan": {"grantee": "none"}})
    granted = await sharing.grant(world, plan, stranger, level="comment")
    client = await world.client_for(learner)
    assert [levels(item) for item in of(await items(client, learner), stranger)] == [{"learner": "read"}]
    await sharing.grant(world, plan, await world.person(), status="revoked")
    assert {item["source"]["id"] for item in await items(client, learner)} == {str(learner.id), str(granted.id)}


async def test_grants_name_their_sections_and_goals(world: World) -> None:
    learner, person = await world.learner(), await world.person("Mia", "Mentor")
    plan = await world.plan(learner)
    goal = await world.goal(plan)
    grant = await sharing.grant(
        world, plan, person, level="write", sections=("plan", "profile", "evidence"), until_on=LATER
    )
    narrow = await sharing.grant(world, plan, person, level="comment", sections=(), goals=[goal])
    found = of(await items(await world.client_for(learner), learner), person)
    by_goal = {(item["source"]["id"], item["goal_id"]): item for item in found}
    assert set(by_goal) == {(str(grant.id), None), (str(narrow.id), None), (str(narrow.id), str(goal.id))}
    wide = by_goal[str(grant.id), None]
    assert levels(wide) == {"learner": "read", "plan": "write", "profile": "propose", "evidence": "read"}
    assert (wide["relation"], wide["plan_id"], wide["until_on"]) == ("grantee", str(plan.id), LATER.isoformat())
    assert levels(by_goal[str(narrow.id), None]) == {"learner": "read"}
    assert levels(by_goal[str(narrow.id), str(goal.id)]) == {"plan": "comment"}


async def test_a_teacher_named_on_a_goal_and_a_substitute_say_so(world: World) -> None:
    learner = await world.learner()
    teacher, substitute = await world.teacher_of(learner), await world.person("Sue", "Substitute")
    plan = await world.plan(learner)
    goal = await world.goal(plan)
    await world.name_teacher(goal, teacher)
    delegation = await sharing.delegation(world, teacher, substitute, until_on=TOMORROW)
    found = await items(await world.client_for(learner), learner)
    named = [
        (item["person"]["id"], item["goal_id"], levels(item)["plan"])
        for item in found
        if item["relation"] == "named_teacher"
    ]
    assert sorted(named) == sorted((str(who.id), str(goal.id), "write") for who in (teacher, substitute))
    assert delegation.until_on == TOMORROW
    for item in of(found, substitute):
        assert item["delegated_from"] == {
            "id": str(teacher.id), "given_name": teacher.given_name, "family_name": teacher.family_name
        }  # fmt: skip
        assert item["until_on"] == TOMORROW.isoformat()
    assert all(item["delegated_from"] is None for item in of(found, teacher))
    assert {item["relation"] for item in of(found, substitute)} == {"teacher", "named_teacher"}


async def test_a_teacher_who_no_longer_stands_in_is_not_named_for_the_other(world: World) -> None:
    learner = await world.learner()
    teacher, other = await world.teacher_of(learner), await world.teacher_of(learner)
    await world.name_teacher(await world.goal(await world.plan(learner)), teacher)
    await sharing.delegation(world, teacher, other, until_on=TODAY)
    found = await items(await world.client_for(learner), learner)
    assert [item["relation"] for item in of(found, other)] == ["teacher"]
    assert [item["relation"] for item in of(found, teacher)] == ["teacher", "named_teacher"]


async def test_services_share_links_and_break_glass_are_in_it(world: World) -> None:
    learner, admin = await world.learner(), await world.school_admin()
    plan = await world.plan(learner)
    service, disabled = await world.service("plans.write", "events.read"), await world.service("plans.read")
    async with world.transaction() as session:
        (await session.get_one(type(disabled), (world.tenant.id, disabled.id))).is_disabled = True
    link = await sharing.share_link(world, plan, sections=("plan", "profile"))
    await sharing.share_link(world, plan, status="proposed", token_hash=None)
    await sharing.share_link(world, plan, token_hash=b"1", expires_at=datetime.now(UTC) - timedelta(hours=1))
    ended = await sharing.consent(world, learner, withdrawn_at=datetime.now(UTC))
    await sharing.share_link(world, plan, token_hash=b"2", consent_id=ended.id)
    opened = await sharing.break_glass(world, learner, admin)
    await sharing.break_glass(world, learner, admin, ended_at=datetime.now(UTC))
    found = await items(await world.client_for(learner), learner)
    assert [(item["relation"], levels(item)["plan"]) for item in of(found, service, "service")] == [
        ("service_reader", "read"),
        ("service_writer", "write"),
    ]
    assert not of(found, disabled, "service")
    links = [item for item in found if item["share_link"]]
    assert [(item["share_link"], item["relation"], levels(item), item["plan_id"]) for item in links] == [
        ({"id": str(link.id), "label": link.label}, "share_link", {"plan": "read", "profile": "read"}, str(plan.id))
    ]
    assert datetime.fromisoformat(links[0]["until_at"]) == link.expires_at
    glass = [item for item in of(found, admin) if item["source"]["type"] == "break_glass"]
    assert [(item["relation"], levels(item), item["source"]["id"]) for item in glass] == [
        ("break_glass", {"staff_notes": "read"}, str(opened.id))
    ]
    assert datetime.fromisoformat(glass[0]["until_at"]) == opened.expires_at


async def test_break_glass_of_somebody_with_two_offices_is_one_fact(world: World) -> None:
    learner, admin = await world.learner(), await world.school_admin()
    await world.role(admin, "district_admin", until_on=TOMORROW)
    await sharing.break_glass(world, learner, admin)
    found = of(await items(await world.client_for(learner), learner), admin)
    glass = [item for item in found if item["relation"] == "break_glass"]
    assert [(levels(item), item["until_on"]) for item in glass] == [({"staff_notes": "read"}, None)]


async def test_a_guardian_ends_with_the_learners_majority(world: World) -> None:
    learner = await world.learner()
    guardian = await world.guardian_of(learner)
    client = await world.client_for(learner)
    await sharing.age(world, learner, birth_on=date(TODAY.year - 10, 2, 28))
    assert of(await items(client, learner), guardian)[0]["until_on"] == date(TODAY.year + 8, 2, 28).isoformat()
    await sharing.age(world, learner, birth_on=date(TODAY.year - 30, 1, 1))
    assert not of(await items(client, learner), guardian)
    kept = await sharing.consent(world, learner, purpose="guardian_access", recipient_person=guardian, until_on=LATER)
    found = of(await items(client, learner), guardian)
    assert [(item["source"], item["until_on"]) for item in found] == [
        ({"type": "consent", "id": str(kept.id)}, LATER.isoformat())
    ]


DATED = [
    (EARLIER, YESTERDAY, "over"),
    (None, TODAY, "over"),
    (TODAY, TOMORROW, "now"),
    (TOMORROW, None, "upcoming"),
    (TOMORROW, LATER, "upcoming"),
    (LATER, TOMORROW, "never"),
]


@pytest.mark.parametrize(("from_on", "until_on", "when"), DATED)
async def test_what_is_yet_to_come_is_shown_when_asked_for(
    world: World, from_on: date | None, until_on: date | None, when: str
) -> None:
    learner, person = await world.learner(), await world.person()
    await world.caseload(person, learner, from_on=from_on, until_on=until_on)
    client = await world.client_for(learner)
    assert bool(of(await items(client, learner), person)) == (when == "now")
    found = of(await items(client, learner, include="upcoming"), person)
    assert [item["is_in_force"] for item in found] == {"now": [True], "upcoming": [False]}.get(when, [])


async def test_nothing_else_can_be_included(world: World) -> None:
    learner = await world.learner()
    reply = await (await world.client_for(learner)).get(url(learner), params={"include": "past"})
    assert fault(reply)[:2] == (422, "query:include")


# Restrictions


async def test_who_is_barred_is_not_in_it_for_anybody(world: World) -> None:
    cast = await gather(world, *READERS)
    barred = await restricted(world, await world.teacher_of(cast.learner), cast.learner)
    await world.role(barred, "school_admin")
    plan = await world.plan(cast.learner)
    await sharing.grant(world, plan, barred)
    for label in READERS:
        found = await items(await cast.as_(label), cast.learner)
        assert not of(found, barred)
        assert "Restricted" not in str(found)


async def test_barred_sections_are_left_out_and_told_of_only_to_staff(world: World) -> None:
    cast = await gather(world, *READERS)
    other = await world.person("Ray", "Restricted", role="guardian")
    guardianship = await world.guardian(other, cast.learner)
    await sharing.restrict_sections(world, guardianship, ["plan", "mastery"])
    for label in READERS:
        found = await items(await cast.as_(label), cast.learner)
        (item,) = of(found, other)
        assert not {"plan", "mastery"} & set(levels(item))
        assert "profile" in levels(item)
        if label in ("learner", "guardian"):
            assert all("hidden_sections" not in each for each in found)
        else:
            assert item["hidden_sections"] == ["plan", "mastery"]
            assert of(found, cast.learner)[0]["hidden_sections"] == []
    own = await items(await world.client_for(other), cast.learner)
    assert all("hidden_sections" not in each for each in own)


async def test_a_restricted_counselor_hears_nothing_of_restrictions(world: World) -> None:
    learner = await world.learner()
    counselor = await world.staff_of(learner)
    await sharing.restrict_sections(world, await world.guardian(counselor, learner), ["mastery"])
    found = await items(await world.client_for(counselor), learner)
    assert "mastery" not in levels(of(found, counselor)[0])
    assert all("hidden_sections" not in each for each in found)


async def test_a_look_at_who_has_access_is_recorded(world: World) -> None:
    cast = await gather(world, "counselor", "learner")
    for label in ("counselor", "learner"):
        await items(await cast.as_(label), cast.learner)
        await read(
            await cast.as_(label),
            f"{url(cast.learner)}/explain",
            person_id=str(cast.learner.id),
            action="learner:read",
        )
    reply = await (await cast.as_("counselor")).get(f"/v1/learners/{cast.learner.id}/access-log")
    looks = [(item["operation"], item["sections"], item["capacities"]) for item in ok(reply)["items"]]
    assert sorted(looks) == [
        ("explain_access", ["access"], ["counselor"]),
        ("list_access", ["access"], ["counselor"]),
    ]
