"""What is said of access is what access is: the list, explain, and each person's own requests agree."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import Select, select

from app.core.access import PERSON, Shape, visible
from app.core.principal import Principal
from app.core.rules import AUTHORED, PLAN_BOUND, Section
from app.core.runtime import Runtime
from app.learners.models import Learner
from app.plans.models import Goal, Plan
from app.plans.policy import readable, visible_below_plan
from app.sharing.schemas.access import RECORD
from tests.core.callers import principal_of
from tests.factories import Identified, World
from tests.openapi_contract import CheckedTransport
from tests.plans.people import read
from tests.sharing.generated import ADULTS, Tenant, build, tenants

pytestmark = pytest.mark.anyio

EXAMPLES = max(hypothesis_settings().max_examples // 3, 1)
SOME_PLACES = 19
Place = tuple[str, str, UUID | None]
"""A section, and whether it is a plan's, a goal's or the learner's, and whose."""


def indexes(count: int, least: int, most: int) -> Any:
    return st.sets(st.integers(0, count - 1), min_size=least, max_size=most)


def places(tenant: Tenant) -> list[Place]:
    bound = [(section, "plan", plan.id) for section in RECORD if section in PLAN_BOUND for plan in tenant.plans]
    wide = [(section, "learner", None) for section in RECORD if section not in PLAN_BOUND]
    return [*wide, *bound, *((Section.PLAN, "goal", goal.id) for goal in tenant.goals)]


async def read_by_herself(tenant: Tenant, principal: Principal) -> set[Place]:
    """The places that her own requests show to somebody."""
    asked = places(tenant)
    seen = [_seen(tenant, principal.shape, *place).exists() for place in asked]
    async with tenant.world.transaction() as session:
        row = (await session.execute(select(*seen), principal.binds())).one()
    return {place for place, is_seen in zip(asked, row, strict=True) if is_seen}


def _seen(tenant: Tenant, shape: Shape, section: str, kind: str, id: UUID | None) -> Select[Any]:
    if kind == "plan":
        return select(Plan.id).where(Plan.id == id, readable(Plan, shape, Section(section)))
    if kind == "goal":
        return select(Goal.id).where(Goal.id == id, visible_below_plan(Goal, shape, Goal.id))
    author_id = PERSON if section in AUTHORED else None
    columns = {"tenant_id": Learner.tenant_id, "learner_id": Learner.id, "school_id": Learner.school_id}
    seen = visible(shape, Section(section), **columns, author_id=author_id)
    return select(Learner.id).where(Learner.id == tenant.learner.id, seen)


def listed(tenant: Tenant, items: list[Any], person_id: UUID) -> set[Place]:
    """The places that the list says are open to somebody."""
    found: set[Place] = set()
    for item in items:
        if item["person"] is None or item["person"]["id"] != str(person_id):
            continue
        assert item["is_in_force"]
        for section in (Section(each["section"]) for each in item["sections"]):
            if section not in PLAN_BOUND:
                found.add((section, "learner", None))
                continue
            plans = [plan.id for plan in tenant.plans if item["plan_id"] in (None, str(plan.id))]
            if item["goal_id"] is None:
                found |= {(section, "plan", plan_id) for plan_id in plans}
            if section is Section.PLAN:
                goals = [goal for goal in tenant.goals if goal.plan_id in plans]
                found |= {(section, "goal", g.id) for g in goals if item["goal_id"] in (None, str(g.id))}
    return found


async def keeper_of(tenant: Tenant) -> httpx.AsyncClient:
    """Somebody who may ask about anybody: the family may not about strangers."""
    return await tenant.world.client_for(await tenant.world.service("access.manage"))


async def explained(client: httpx.AsyncClient, tenant: Tenant, person_id: UUID, action: str, place: Place) -> Any:
    query = {"person_id": str(person_id), "action": action}
    if place[1] == "plan":
        query["plan_id"] = str(place[2])
    elif place[1] == "goal":
        plan_id = next(goal.plan_id for goal in tenant.goals if goal.id == place[2])
        query |= {"plan_id": str(plan_id), "goal_id": str(place[2])}
    told = await read(client, f"/v1/learners/{tenant.learner.id}/access/explain", **query)
    assert told["allowed"] == bool(told["because"]) == (told["missing"] is None), told
    assert all(item["person"]["id"] == str(person_id) for item in told["because"])
    return told


@given(tenants, indexes(SOME_PLACES, 3, 5))
@hypothesis_settings(max_examples=EXAMPLES)
async def test_the_list_and_explain_say_what_everybodys_own_requests_show(
    runtime: Runtime, transport: CheckedTransport, drawn: Any, asked: set[int]
) -> None:
    tenant = await build(await World.create(runtime, transport), drawn)
    assert len(places(tenant)) == SOME_PLACES
    asker = await tenant.world.client_for(tenant.learner)
    items = (await read(asker, f"/v1/learners/{tenant.learner.id}/access"))["items"]
    keeper = await keeper_of(tenant)
    people: list[Identified] = [*tenant.adults, tenant.learner]
    for person in people:
        shown = await read_by_herself(tenant, await principal_of(tenant.world, person))
        assert listed(tenant, items, person.id) == shown
        for place in (places(tenant)[index] for index in asked):
            told = await explained(keeper, tenant, person.id, f"{place[0]}:read", place)
            assert told["allowed"] == (place in shown), (place, told)


Ask = Callable[[httpx.AsyncClient, Tenant], Any]


def _write(method: str, url: Callable[[Tenant], str], body: dict[str, Any]) -> Ask:
    async def ask(client: httpx.AsyncClient, tenant: Tenant) -> httpx.Response:
        headers = {"If-Match": "*"} if method == "PATCH" else {}
        return await client.request(method, url(tenant), params={"validate_only": "true"}, json=body, headers=headers)

    return ask


def _get(url: Callable[[Tenant], str]) -> Ask:
    async def ask(client: httpx.AsyncClient, tenant: Tenant) -> httpx.Response:
        return await client.get(url(tenant))

    return ask


def _learner(tenant: Tenant, path: str = "") -> str:
    return f"/v1/learners/{tenant.learner.id}{path}"


def _plan(tenant: Tenant, path: str = "") -> str:
    return f"/v1/plans/{tenant.plans[0].id}{path}"


def _goal(tenant: Tenant, path: str = "") -> str:
    return f"/v1/goals/{tenant.goals[0].id}{path}"


NOTE = {"text": "Ask about the move."}
INTEREST = {"kind": "interest", "statement": "Mends radios."}
GOAL = {"title": "Read", "category": "academic"}
REQUESTS: list[tuple[str, str, Ask]] = [
    ("learner:read", "learner", _get(_learner)),
    ("access:read", "learner", _get(lambda tenant: _learner(tenant, "/access"))),
    ("profile:read", "learner", _get(lambda tenant: _learner(tenant, "/profile-statements"))),
    ("profile:propose", "learner", _write("POST", lambda tenant: _learner(tenant, "/profile-statements"), INTEREST)),
    ("staff_notes:read", "learner", _get(lambda tenant: _learner(tenant, "/staff-notes"))),
    ("staff_notes:write", "learner", _write("POST", lambda tenant: _learner(tenant, "/staff-notes"), NOTE)),
    ("plan:read", "plan", _get(_plan)),
    ("plan:comment", "plan", _write("POST", lambda tenant: _plan(tenant, "/comments"), NOTE)),
    ("plan:propose", "plan", _write("POST", lambda tenant: _plan(tenant, "/goals"), GOAL)),
    ("plan:write", "plan", _write("PATCH", _plan, {"title": "Other"})),
    ("plan:read", "goal", _get(_goal)),
    ("plan:comment", "goal", _write("POST", lambda tenant: _goal(tenant, "/comments"), NOTE)),
    ("plan:write", "goal", _write("PATCH", _goal, {"title": "Other"})),
]  # fmt: skip


@given(tenants, indexes(ADULTS, 1, 2), indexes(len(REQUESTS), 3, 6))
@hypothesis_settings(max_examples=EXAMPLES)
async def test_explain_says_what_happens_to_a_request(
    runtime: Runtime, transport: CheckedTransport, drawn: Any, adults: set[int], asked: set[int]
) -> None:
    tenant = await build(await World.create(runtime, transport), drawn)
    asker = await keeper_of(tenant)
    ids = {"learner": None, "plan": tenant.plans[0].id, "goal": tenant.goals[0].id}
    for adult in adults:
        client = await tenant.world.client_for(tenant.adults[adult])
        for index in asked:
            action, kind, ask = REQUESTS[index]
            place = (action.partition(":")[0], kind, ids[kind])
            told = await explained(asker, tenant, tenant.adults[adult].id, action, place)
            reply = await ask(client, tenant)
            assert reply.status_code in (200, 201, 403, 404), reply.text
            assert told["allowed"] == (reply.status_code < 300), (action, kind, told, reply.text)
