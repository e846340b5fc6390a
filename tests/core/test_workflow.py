"""Rules as data: who may do what, when, and what is said to the others."""

import json
from typing import Any
from uuid import UUID

import pytest
from fastapi import Request
from sqlalchemy import ARRAY, Text, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import Problem
from app.core.rules import DEFAULT, Relation
from app.core.runtime import Runtime
from app.core.unit_of_work import UnitOfWorkRoute, Write
from app.core.workflow import Guard, Rule, Workflow, apply, decide
from app.plans.models import Plan
from tests.core.callers import claims_of, principal_of
from tests.factories import World

pytestmark = pytest.mark.anyio

STAFF = (Relation.COUNSELOR, Relation.ADVISOR)
HAS_VISION = Guard("no_vision", 'The vision isn\'t "written" yet.', lambda plan: plan.vision.is_not(None))
IS_LONG = Guard("too_short", "The title is too short.", lambda plan: func.length(plan.title) > 3)
WORKFLOW = Workflow(
    (
        Rule("submit", (Relation.LEARNER, *STAFF), ("draft",), "in_review", (HAS_VISION, IS_LONG)),
        Rule("return", STAFF, ("in_review",), "draft", needs_reason=True),
        Rule("edit", (Relation.LEARNER, *STAFF), ("draft", "active"), permission="plan:edit"),
    )
)


@pytest.fixture
async def plan(world: World) -> Plan:
    return await world.plan(await world.learner())


async def shown(world: World, plan: Plan, *relations: str) -> tuple[list[str], dict[str, tuple[str, str]]]:
    """The available actions, and the blocked ones with code and detail."""
    held = literal(list(relations), ARRAY(Text()))
    query = select(WORKFLOW.available(Plan, held, DEFAULT), WORKFLOW.blocked(Plan, held, DEFAULT)).where(
        Plan.id == plan.id
    )
    async with world.transaction() as session:
        available, blocked = (await session.execute(query)).one()
    return available, {item["action"]: (item["code"], item["detail"]) for item in blocked}


async def test_an_action_is_available_or_blocked_with_a_reason(world: World, plan: Plan) -> None:
    assert await shown(world, plan, "learner") == (
        ["edit"],
        {
            "submit": ("no_vision", HAS_VISION.detail),
            "return": ("forbidden", "Only for: advisor, counselor."),
        },
    )


async def test_who_may_not_is_told_so_first_then_the_status_then_the_guards(world: World) -> None:
    learner = await world.learner()
    closed = await world.plan(learner, status="closed", vision=None, title="x")
    _, blocked = await shown(world, closed, "teacher", "guardian")
    assert {code for code, _ in blocked.values()} == {"forbidden"}
    _, blocked = await shown(world, closed, "counselor")
    assert blocked["submit"] == ("wrong_status", "Only while the status is draft.")
    assert blocked["edit"] == ("wrong_status", "Only while the status is draft or active.")
    draft = await world.plan(learner, school_year=2030, title="x", vision="To fly")
    assert (await shown(world, draft, "counselor"))[1]["submit"][0] == "too_short"


async def test_without_a_relation_nothing_is_available(world: World, plan: Plan) -> None:
    available, blocked = await shown(world, plan)
    assert available == []
    assert set(blocked) == {"submit", "return", "edit"}


async def test_where_everything_is_available_nothing_is_blocked(world: World) -> None:
    plan = await world.plan(await world.learner(), status="in_review")
    available, blocked = await shown(world, plan, "counselor")
    assert available == ["return"]
    assert set(blocked) == {"submit", "edit"}


class Acting:
    """A person acting on a plan in a transaction of its own."""

    def __init__(self, world: World, write: Write, plan_id: UUID, relations: list[str]) -> None:
        self.world = world
        self.write = write
        self.plan_id = plan_id
        self.relations = relations

    async def decide(self, action: str, **options: Any) -> tuple[Rule, str]:
        return await decide(self.write, WORKFLOW, action, await self._plan(), self.relations, **options)

    async def apply(self, action: str, reason: str | None = None) -> str:
        acting_as = await apply(self.write, WORKFLOW, action, await self._plan(), self.relations, reason)
        await self.write.session.flush()
        return acting_as

    async def refused(self, action: str, **options: Any) -> Problem:
        with pytest.raises(Problem) as caught:
            await self.decide(action, **options)
        return caught.value

    async def _plan(self) -> Plan:
        return await self.write.session.get_one(Plan, (self.world.tenant.id, self.plan_id))


async def acting(
    world: World, runtime: Runtime, session: AsyncSession, plan: Plan, *relations: str, if_match: str = '"1"'
) -> Acting:
    person = await world.person()
    route = UnitOfWorkRoute("/v1/plans/{id}/transitions", lambda: None, methods=["POST"])
    scope = {"type": "http", "headers": [(b"if-match", if_match.encode())], "route": route, "method": "POST"}
    principal = await principal_of(world, person)
    write = Write(Request(scope), runtime, await claims_of(world, person), session, principal)
    return Acting(world, write, plan.id, list(relations))


async def test_a_transition_moves_the_status(world: World, runtime: Runtime) -> None:
    plan = await world.plan(await world.learner(), vision="To fly")
    async with world.transaction() as session:
        actor = await acting(world, runtime, session, plan, "teacher", "advisor", "counselor")
        assert await actor.apply("submit") == "counselor"
    after = await world.reload(plan)
    assert (after.status, after.version) == ("in_review", 2)


async def test_what_is_refused_is_refused_with_the_words_that_were_shown(
    world: World, runtime: Runtime, plan: Plan
) -> None:
    async with world.transaction() as session:
        learner = await acting(world, runtime, session, plan, "learner")
        forbidden = await learner.refused("return", reason="x")
        guarded = await learner.refused("submit")
        counselor = await acting(world, runtime, session, plan, "counselor")
        too_early = await counselor.refused("return", reason="x")
    _, shown_to_learner = await shown(world, plan, "learner")
    assert (forbidden.status, forbidden.extra["permission"]) == (403, "plans:write")
    assert forbidden.detail == shown_to_learner["return"][1]
    assert (guarded.status, guarded.code, guarded.detail) == (409, *shown_to_learner["submit"])
    assert (too_early.status, too_early.code) == (409, "wrong_status")


async def test_rights_come_before_the_version_and_the_version_before_the_rule(
    world: World, runtime: Runtime, plan: Plan
) -> None:
    async with world.transaction() as session:
        stranger = await acting(world, runtime, session, plan, "teacher", if_match='"7"')
        late = await acting(world, runtime, session, plan, "learner", if_match='"7"')
        assert (await stranger.refused("submit")).status == 403
        assert (await late.refused("submit")).status == 412
        assert (await late.refused("submit", is_versioned=False)).status == 409


async def test_an_action_that_needs_a_reason_is_refused_without(world: World, runtime: Runtime) -> None:
    plan = await world.plan(await world.learner(), status="in_review")
    async with world.transaction() as session:
        counselor = await acting(world, runtime, session, plan, "counselor")
        problem = await counselor.refused("return")
        assert (problem.status, problem.errors[0]["pointer"]) == (422, "/reason")
        assert await counselor.apply("return", "Say more about March.") == "counselor"


async def test_an_edit_moves_no_status(world: World, runtime: Runtime, plan: Plan) -> None:
    async with world.transaction() as session:
        learner = await acting(world, runtime, session, plan, "learner")
        rule, acting_as = await learner.decide("edit")
    assert (rule.target, acting_as) == (None, "learner")


async def test_a_detail_may_hold_any_character(world: World, plan: Plan) -> None:
    detail = "it's \"quoted\" \\ and 100% – “fine”, {x} :name ' || '"
    guard = Guard("odd", detail, lambda plan: plan.title == "never")
    workflow = Workflow((Rule("odd", (Relation.LEARNER,), ("draft",), guards=(guard,)),))
    verdict = workflow.verdict(workflow.rules[0], Plan, literal(["learner"], ARRAY(Text())), DEFAULT)
    async with world.transaction() as session:
        found = await session.scalar(select(verdict).where(Plan.id == plan.id))
    assert found is not None
    assert json.loads(found)["detail"] == detail
