"""How PostgreSQL reads the lists in a district of 200,000 learners: through indexes that begin with the tenant.

Each list is planned for each kind of caller, for the values at hand and, as a statement that has run often, for all.
"""

import json
import re
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from app.core.pagination import Listing, PageKey
from app.core.principal import Principal
from app.db.embedded import Server
from tests import databases, large_district
from tests.databases import Database
from tests.large_district import PERSON, TENANT_ID, number_id

pytestmark = pytest.mark.anyio

CALLERS = {
    "teacher": large_district.TEACHER,
    "counselor": large_district.COUNSELOR,
    "school_admin": large_district.SCHOOL_ADMIN,
    "admin_of_two_schools": large_district.PRINCIPAL_OF_TWO,
    "district_admin": large_district.DISTRICT_ADMIN,
    "guardian": large_district.GUARDIAN,
    "mentor": large_district.MENTOR,
    "learner": 1,
}
LARGE = 5000
"""Nobody's list reads so many rows of a table to make one page; a school has 2,000 learners."""
VALUES: dict[str, Any] = {
    "learner_id": number_id(PERSON, 1),
    "plan_id": number_id(large_district.PLAN, 1),
    "goal_id": number_id(large_district.GOAL, 1),
    "person_id": number_id(PERSON, large_district.MENTOR),
}


@pytest.fixture(scope="module")
async def district(server: Server, worker: str) -> AsyncIterator[Database]:
    with databases.database(server, f"{worker}_large") as made:
        await large_district.fill(made.superuser)
        yield made


@pytest.fixture
async def connection(district: Database) -> AsyncIterator[asyncpg.Connection]:
    """As plp_app, bound to the tenant, so that the policies are part of every plan."""
    found = await asyncpg.connect(district.app)
    await found.execute(f"SELECT set_config('app.tenant', '{TENANT_ID}', false)")
    yield found
    await found.close()


def listings() -> dict[str, Listing]:
    found: dict[str, Listing] = {}
    for name, module in list(sys.modules.items()):
        if name.startswith("app."):
            found |= {value.name: value for value in vars(module).values() if isinstance(value, Listing)}
    return found


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("plan_mode", ["force_custom_plan", "force_generic_plan"])
async def test_every_list_is_read_through_an_index_led_by_the_tenant(
    connection: asyncpg.Connection, caller: str, plan_mode: str
) -> None:
    principal = await principal_of(connection, number_id(PERSON, CALLERS[caller]))
    await connection.execute(f"SET plan_cache_mode = {plan_mode}")
    leading = await first_columns(connection)
    for listing, key in pages(principal):
        plan = await explained(connection, listing, key, principal)
        for node in nodes(plan):
            where = f"{listing.name} sorted by {key.sort}, filters {sorted(key.filters)}: {node}"
            if "Index Name" in node:
                assert leading.get(node["Index Name"]) == "tenant_id", where
            if node["Node Type"] == "Seq Scan":
                assert node["Actual Rows"] + node.get("Rows Removed by Filter", 0) < LARGE, where
            assert node["Actual Rows"] * node["Actual Loops"] < LARGE, where


def pages(principal: Principal) -> Iterator[tuple[Listing, PageKey]]:
    """The first page of every list in every order: alone where it may be, else with each filter by an id."""
    for listing in listings().values():
        by_id = [name for name in listing.filters if name in VALUES and listing.filters[name].must_exist]
        for filters in [frozenset({name}) for name in by_id] or [frozenset()]:
            for sort in listing.sorts:
                yield listing, PageKey(principal.shape, filters, sort, False, False, frozenset())
        if listing.name in ("plans", "learners"):
            for sort in listing.sorts:
                yield listing, PageKey(principal.shape, frozenset(), sort, False, False, frozenset())


async def principal_of(connection: asyncpg.Connection, person_id: UUID) -> Principal:
    facts = await connection.fetchval("SELECT facts FROM person_facts WHERE person_id = $1", person_id)
    return Principal.of(facts, TENANT_ID, person_id)


async def explained(connection: asyncpg.Connection, listing: Listing, key: PageKey, principal: Principal) -> Any:
    """What the server did to make the page, as EXPLAIN (ANALYZE) tells it."""
    statement = listing.statement(key)
    values = {**VALUES, **principal.binds(), "page_limit": 50}
    arguments = ", ".join(map(literal, statement.arguments(values)))
    await connection.execute(f"PREPARE page AS {statement.sql}")
    try:
        found = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE page ({arguments})")
    finally:
        await connection.execute("DEALLOCATE page")
    return json.loads(found)[0]["Plan"]


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield {name: value for name, value in plan.items() if name != "Plans"}
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def literal(value: Any) -> str:
    """One of our own values as SQL has it."""
    if value is None:
        return "NULL"
    if isinstance(value, list):
        return "'{" + ",".join(map(str, value)) + "}'"
    return f"'{value}'"


async def first_columns(connection: asyncpg.Connection) -> dict[str, str]:
    """The leading column of every index."""
    rows = await connection.fetch("SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'")
    return {row["indexname"]: re.search(r"\((\w+)", row["indexdef"])[1] for row in rows}  # type: ignore[index]
