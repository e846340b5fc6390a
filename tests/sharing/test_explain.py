"""Explain: yes or no for one person, section and level, with the facts that give it or with what is missing."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from app.core.rules import DEFAULT, PLAN_BOUND, Level, Section
from app.learners.models import Learner
from app.plans.models import Goal, Plan
from app.sharing.schemas.explain import ACTIONS
from app.sharing.service.explain import Known, missing
from app.sharing.views.explain import Question
from tests import sharing_factories as sharing
from tests.factories import EARLIER, LATER, Identified, World
from tests.plans.people import fault, gather, ok, read, refusal

pytestmark = pytest.mark.anyio

TODAY = datetime.now(UTC).date()
YESTERDAY, TOMORROW = TODAY - timedelta(days=1), TODAY + timedelta(days=1)


def url(learner: Learner) -> str:
    return f"/v1/learners/{learner.id}/access/explain"


def asked(who: Identified, action: str, plan: Plan | None = None, goal: Goal | None = None) -> dict[str, str]:
    named = {"plan_id": plan, "goal_id": goal}
    return {"person_id": str(who.id), "action": action} | {name: str(row.id) for name, row in named.items() if row}


class Room:
    """A learner with a plan and a goal, and the learner's own client."""

    def __init__(self, world: World, learner: Learner, plan: Plan, goal: Goal, client: httpx.AsyncClient) -> None:
        self.world, self.learner, self.plan, self.goal, self.client = world, learner, plan, goal, client

    async def explain(self, who: Identified, action: str, *, goal: bool = False) -> dict[str, Any]:
        plan = self.plan if ACTIONS[action][0] in PLAN_BOUND else None
        query = asked(who, action, plan, self.goal if goal else None)
        told: dict[str, Any] = await read(self.client, url(self.learner), **query)
        return told

    async def code(self, who: Identified, action: str, *, goal: bool = False) -> str | None:
        told = await self.explain(who, action, goal=goal)
        assert told["allowed"] == bool(told["because"]) == (told["missing"] is None)
        return told["missing"]["code"] if told["missing"] else None


@pytest.fixture
async def room(world: World) -> Room:
    learner = await world.learner()
    plan = await world.plan(learner)
    return Room(world, learner, plan, await world.goal(plan), await world.client_for(learner))


async def test_yes_comes_with_every_fact_that_gives_it(room: Room) -> None:
    teacher = await room.world.teacher_of(room.learner)
    await room.world.caseload(teacher, room.learner, "advisor", until_on=LATER)
    told = await room.explain(teacher, "plan:comment")
    assert told["allowed"]
    assert told["missing"] is None
    assert told["person"] == {
        "id": str(teacher.id), "given_name": teacher.given_name, "family_name": teacher.family_name
    }  # fmt: skip
    assert (told["action"], told["plan_id"], told["goal_id"]) == ("plan:comment", str(room.plan.id), None)
    assert [item["relation"] for item in told["because"]] == ["teacher", "advisor"]
    shown = (await read(room.client, f"/v1/learners/{room.learner.id}/access"))["items"]
    assert [item for item in shown if item["person"]["id"] == str(teacher.id)] == told["because"]
    assert [item["relation"] for item in (await room.explain(teacher, "plan:write"))["because"]] == ["advisor"]


async def test_who_reads_who_has_access_may_ask(world: World) -> None:
    cast = await gather(
        world,
        "learner",
        "guardian",
        "counselor",
        "school_admin",
        "district_admin",
        "teacher",
        "service_reader",
        "mentor",
    )
    cast.people["manager"] = await world.service("access.manage")
    plan = await world.plan(cast.learner)
    for label in cast.people:
        reply = await (await cast.as_(label)).get(url(cast.learner), params=asked(cast.learner, "plan:read", plan))
        assert reply.status_code == (404 if label in ("teacher", "service_reader", "mentor") else 200), label


# What is missing


async def test_nothing_gives_it(room: Room) -> None:
    stranger = await room.world.person(role="teacher")
    room.client = await room.world.client_for(await room.world.staff_of(room.learner))
    assert await room.code(stranger, "plan:read") == "no_relation"
    assert await room.code(stranger, "learner:read") == "no_relation"


async def test_a_fact_that_begins_later(room: Room) -> None:
    person = await room.world.person()
    await room.world.caseload(person, room.learner, from_on=TOMORROW)
    told = await room.explain(person, "plan:write")
    assert told["missing"] == {"code": "not_yet", "detail": f"What gives it begins on {TOMORROW}."}


async def test_a_fact_that_has_ended(room: Room) -> None:
    person = await room.world.person()
    await room.world.caseload(person, room.learner, until_on=YESTERDAY)
    told = await room.explain(person, "plan:write")
    assert told["missing"] == {"code": "over", "detail": f"What gave it ended on {YESTERDAY}."}


async def test_a_relation_that_does_not_reach_so_far(room: Room) -> None:
    teacher = await room.world.teacher_of(room.learner)
    told = await room.explain(teacher, "plan:write")
    assert told["missing"]["code"] == "level_too_low"
    assert "reaches comment in this section; this needs write" in told["missing"]["detail"]
    assert "reaches nothing" in (await room.explain(teacher, "private_reflections:read"))["missing"]["detail"]


async def test_a_guardian_of_somebody_of_age(room: Room) -> None:
    guardian = await room.world.guardian_of(room.learner)
    assert await room.code(guardian, "plan:read") is None
    await sharing.age(room.world, room.learner, birth_on=date(TODAY.year - 19, 1, 1))
    told = await room.explain(guardian, "plan:read")
    assert told["missing"]["code"] == "of_age"
    assert str(date(TODAY.year - 1, 1, 1)) in told["missing"]["detail"]
    await sharing.age(room.world, room.learner, is_dependent=True)
    assert await room.code(guardian, "plan:read") is None
    left = await room.world.person()
    await room.world.guardian(left, room.learner, until_on=date(TODAY.year - 1, 1, 1))
    assert await room.code(left, "plan:read") == "over"
    await sharing.age(room.world, room.learner, birth_on=None)
    former = await room.world.person()
    await room.world.guardian(former, room.learner, until_on=YESTERDAY)
    assert await room.code(former, "plan:read") == "over"


async def test_rules_that_the_tenant_tightened(room: Room) -> None:
    teacher, stranger = await room.world.teacher_of(room.learner), await room.world.person()
    await sharing.sharing_policy(room.world, {"plan": {"teacher": "read", "grantee": "none"}})
    await sharing.grant(room.world, room.plan, stranger, level="comment")
    assert await room.code(teacher, "plan:read") is None
    assert await room.code(teacher, "plan:comment") == "tightened"
    assert await room.code(teacher, "plan:write") == "level_too_low"
    assert await room.code(stranger, "plan:read") == "tightened"


async def test_staff_notes_are_their_authors(room: Room) -> None:
    teacher, admin = await room.world.teacher_of(room.learner), await room.world.school_admin()
    assert await room.code(teacher, "staff_notes:write") is None
    assert (await room.explain(teacher, "staff_notes:read"))["because"][0]["sections"][-1]["level"] == "own"
    for who in (admin, room.learner):
        assert await room.code(who, "staff_notes:read") == "author_only"
    await sharing.break_glass(room.world, room.learner, admin)
    told = await room.explain(admin, "staff_notes:read")
    assert [item["relation"] for item in told["because"]] == ["break_glass"]
    assert await room.code(admin, "staff_notes:write") == "author_only"


async def test_facts_of_another_plan_or_goal(room: Room) -> None:
    world = room.world
    other = await world.plan(room.learner, school_year=2031)
    member, mentor = await world.person(), await world.person()
    await sharing.team_member(world, other, member)
    await sharing.grant(world, room.plan, mentor, level="comment", sections=(), goals=[room.goal])
    assert await room.code(member, "plan:read") == "elsewhere"
    assert await room.code(mentor, "plan:read") == "elsewhere"
    assert await room.code(mentor, "plan:comment", goal=True) is None
    assert await room.code(mentor, "plan:write", goal=True) == "level_too_low"
    second = await world.goal(room.plan)
    told = await read(room.client, url(room.learner), **asked(mentor, "plan:read", room.plan, second))
    assert told["missing"]["code"] == "elsewhere"
    profile = await read(room.client, url(room.learner), **asked(member, "profile:read"))
    assert profile["allowed"]


async def test_a_teacher_named_on_the_goal(room: Room) -> None:
    teacher = await room.world.teacher_of(room.learner)
    substitute = await room.world.person()
    await room.world.name_teacher(room.goal, teacher)
    await sharing.delegation(room.world, teacher, substitute)
    for who in (teacher, substitute):
        told = await room.explain(who, "plan:write", goal=True)
        assert [item["relation"] for item in told["because"]] == ["named_teacher"]
        assert await room.code(who, "plan:write") in ("level_too_low", "elsewhere")


async def test_a_restriction_is_named_to_staff_only(room: Room) -> None:
    world = room.world
    barred = await world.teacher_of(room.learner)
    guardianship = await world.guardian(barred, room.learner)
    await sharing.restrict_sections(world, guardianship, ["plan"])
    told = await room.explain(barred, "plan:read")
    assert told["missing"]["code"] == "no_relation"
    assert "hidden_by" not in told
    assert await room.code(barred, "profile:read") is None
    counselor = await world.client_for(await world.staff_of(room.learner))
    told = await read(counselor, url(room.learner), **asked(barred, "plan:read", room.plan))
    assert (told["missing"]["code"], told["hidden_by"], told["because"]) == ("restricted", ["sections"], [])
    told = await read(counselor, url(room.learner), **asked(barred, "profile:read"))
    assert (told["allowed"], told["hidden_by"], told["because"][0]["hidden_sections"]) == (True, [], ["plan"])
    await world.restrict(guardianship)
    told = await read(counselor, url(room.learner), **asked(barred, "plan:read", room.plan))
    assert told["hidden_by"] == ["no_contact", "sections"]


async def test_a_barred_person_and_a_stranger_look_alike_to_the_family(room: Room) -> None:
    """Neither is theirs to ask about: the names of strangers are not for the family."""
    barred, stranger = await room.world.person("Bo", "Bee"), await room.world.person("Bo", "Bee")
    await room.world.restrict(await room.world.guardian(barred, room.learner))
    replies = [
        await room.client.get(url(room.learner), params=asked(who, "learner:read"), headers={"X-Request-Id": "same"})
        for who in (barred, stranger)
    ]
    assert [reply.status_code for reply in replies] == [404, 404]
    assert replies[0].content == replies[1].content


async def test_the_family_may_ask_about_who_had_a_grant(room: Room) -> None:
    mentor = await room.world.person(role="mentor")
    await sharing.revoke(room.world, await sharing.grant(room.world, room.plan, mentor))
    assert await room.code(mentor, "plan:read") == "no_relation"


# What can be asked


async def test_every_section_and_level_that_anybody_reaches_can_be_asked(room: Room) -> None:
    assert set(ACTIONS) >= {"learner:read", "plan:write", "profile:propose", "access:read", "staff_notes:write"}
    assert not set(ACTIONS) & {"learner:write", "access:write", "account:read", "plan:none"}
    for action in ACTIONS:
        told = await room.explain(room.learner, action)
        assert told["allowed"] == (told["missing"] is None)


@pytest.mark.parametrize(
    ("action", "names", "pointer", "code"),
    [
        ("plan:read", (), "query:plan_id", "missing"),
        ("conference_notes:read", (), "query:plan_id", "missing"),
        ("profile:read", ("plan",), "query:plan_id", "not_of_a_plan"),
        ("reflections:read", ("plan", "goal"), "query:goal_id", "not_of_a_goal"),
        ("plans:read", ("plan",), "query:action", "unknown_action"),
        ("plan", ("plan",), "query:action", "unknown_action"),
        ("learner:write", (), "query:action", "unknown_action"),
    ],
)
async def test_what_cannot_be_asked(room: Room, action: str, names: tuple[str, ...], pointer: str, code: str) -> None:
    plan, goal = room.plan if "plan" in names else None, room.goal if "goal" in names else None
    reply = await room.client.get(url(room.learner), params=asked(room.learner, action, plan, goal))
    assert fault(reply) == (422, pointer, code)


async def test_a_question_needs_a_person_and_an_action(room: Room) -> None:
    reply = await room.client.get(url(room.learner))
    assert [error["pointer"] for error in reply.json()["errors"]] == ["query:person_id", "query:action"]


async def test_what_is_not_there_cannot_be_asked_about(room: Room, another_world: World) -> None:
    world = room.world
    other = await world.learner()
    foreign_plan, foreign_goal = (
        await world.plan(other),
        await world.goal(await world.plan(room.learner, school_year=2030)),
    )
    elsewhere = await another_world.person()
    for query, pointer in (
        (asked(elsewhere, "plan:read", room.plan), "query:person_id"),
        (asked(room.learner, "plan:read", foreign_plan), "query:plan_id"),
        (asked(room.learner, "plan:read", room.plan, foreign_goal), "query:goal_id"),
    ):
        reply = await room.client.get(url(room.learner), params=query)
        assert fault(reply) == (404, pointer, "not_found")
    unknown = asked(room.learner, "plan:read", room.plan) | {"person_id": str(UUID(int=1))}
    assert refusal(await room.client.get(url(room.learner), params=unknown)) == (404, "not_found")


async def test_an_answer_has_a_tag(room: Room) -> None:
    query = asked(room.learner, "plan:read", room.plan)
    first = await room.client.get(url(room.learner), params=query)
    ok(first)
    again = await room.client.get(url(room.learner), params=query, headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304


# Which of several reasons is told


def known(word: str, from_on: date | None = None, until_on: date | None = None, **fields: bool) -> Known:
    return Known(word, fields.get("is_here", True), from_on, until_on, fields.get("ended_by_age", False))


WRITING = Question(Section.PLAN, Level.WRITE)
PROPOSING = Question(Section.PLAN, Level.PROPOSE)
FUTURE, PAST = known("advisor", TOMORROW), known("advisor", EARLIER, YESTERDAY)
NEVER = known("advisor", LATER, TOMORROW)
TEACHER, ELSEWHERE = known("teacher"), known("grantee:plan:write", is_here=False)
OF_AGE = known("guardian", None, YESTERDAY, ended_by_age=True)


@pytest.mark.parametrize(
    ("question", "facts", "code"),
    [
        (WRITING, [], "no_relation"),
        (WRITING, [NEVER], "over"),
        (WRITING, [TEACHER, ELSEWHERE, PAST, FUTURE], "not_yet"),
        (WRITING, [TEACHER, ELSEWHERE, PAST], "elsewhere"),
        (WRITING, [TEACHER, PAST], "level_too_low"),
        (WRITING, [PAST], "over"),
        (PROPOSING, [TEACHER, OF_AGE, PAST], "of_age"),
        (WRITING, [TEACHER, OF_AGE], "level_too_low"),
        (WRITING, [OF_AGE], "no_relation"),
    ],
)
def test_the_nearest_reason_is_told(question: Question, facts: list[Known], code: str) -> None:
    assert missing(question, facts, DEFAULT, TODAY)["code"] == code
