"""Loads one demo tenant: in one transaction, so that a tenant that can be seen is whole."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.read import bind_tenant
from app.demo import statements
from app.demo.goals import GOALS, OBSTACLE, RESPONSE
from app.demo.ids import Kind
from app.demo.names import FAMILY
from app.demo.world import GRADES, Learner, World, school_year
from app.identity.models import Tenant
from app.integrations.case.importer import import_package
from app.integrations.case.reader import Item, Package

CHUNK = 5000
RESTRICTED = 1 << 36
"""The restricted guardian's number, out of the way of the others."""
SUBJECTS = (("Mathematics", "MATH"), ("English", "ENGL"))

Advance = Callable[[int], None]


async def load(session: AsyncSession, world: World, package: Package, today: date, advance: Advance) -> None:
    """Load the tenant in the session's transaction; `advance` is told of every so many learners done."""
    tenant_id = world.ids(Kind.TENANT, 0)
    await bind_tenant(session, tenant_id)
    session.add(Tenant(id=tenant_id, slug=world.slug, name=world.name, timezone="America/Chicago"))
    await session.flush()
    await import_package(session, tenant_id, marked(package, world))
    driver = await driver_of(session)
    await _prepare(session, driver, world, today)
    for statement in statements.ORGANISATION:
        await driver.execute(statement)
    competencies = _of_grade(package, GRADES[0])
    for chunk in _chunks(world.learners()):
        await _load_chunk(driver, chunk, competencies)
        advance(len(chunk))
    await _restrict_guardian(driver, world)


async def driver_of(session: AsyncSession) -> Any:
    """The asyncpg connection of the session's transaction, for COPY."""
    connection = await session.connection()
    return (await connection.get_raw_connection()).driver_connection


def marked(package: Package, world: World) -> Package:
    """The framework in the tenant's words: the twin's carries its marker."""
    document = replace(package.document, title=world.text(package.document.title))
    items = [replace(item, full_statement=world.text(item.full_statement)) for item in package.items]
    return replace(package, document=document, items=items)


async def _prepare(session: AsyncSession, driver: Any, world: World, today: date) -> None:
    """Make the temporary tables and id functions, and fill the tables that do not grow with the learners."""
    ids = world.ids
    await session.execute(
        text("SELECT set_config('demo.time', :time, true), set_config('demo.world', :world, true)"),
        {"time": ids.time, "world": ids.world},
    )
    await driver.execute(statements.TEMPORARY_TABLES + statements.ID_FUNCTIONS)
    text_of, year = world.text, school_year(today)
    goals, actions, milestones = _goal_rows(world)
    rows: dict[str, Iterable[tuple[object, ...]]] = {
        "demo_world": [
            (
                ids(Kind.TENANT, 0), year, date(year - 1, 8, 1), date(year, 6, 30),
                datetime.combine(today, time(), UTC),
                text_of(f"My plan {year - 1}/{year % 100:02d}"), text_of("I want to work outdoors and with people."),
                text_of("parent"), text_of(OBSTACLE), text_of(RESPONSE),
            )
        ],
        "demo_subject": [(rank, text_of(title), text_of(code)) for rank, (title, code) in enumerate(SUBJECTS)],
        "demo_school": world.schools(),
        "demo_section": world.sections(),
        "demo_staff": world.staff(),
        "demo_goal": goals,
        "demo_action": actions,
        "demo_milestone": milestones,
    }  # fmt: skip
    for table, records in rows.items():
        await driver.copy_records_to_table(table, records=records)


def _goal_rows(world: World) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]], list[tuple[object, ...]]]:
    text_of = world.text
    goals: list[tuple[object, ...]] = []
    actions: list[tuple[object, ...]] = []
    milestones: list[tuple[object, ...]] = []
    for number, goal in enumerate(GOALS):
        unit = goal.unit and text_of(goal.unit)
        words = (text_of(goal.title), text_of(goal.description))
        goals.append((number, *words, goal.category, goal.metric_kind, unit, goal.baseline, goal.target))
        actions += [(number, rank, owner, text_of(title)) for rank, (owner, title) in enumerate(goal.actions)]
        milestones += [(number, rank, text_of(title)) for rank, title in enumerate(goal.milestones)]
    return goals, actions, milestones


async def _load_chunk(driver: Any, chunk: list[Learner], competencies: list[UUID]) -> None:
    await driver.execute("TRUNCATE demo_learner")
    await driver.copy_records_to_table("demo_learner", records=chunk)
    await driver.execute("ANALYZE demo_learner")
    for statement in (*statements.LEARNERS, *statements.PLANS):
        await driver.execute(statement)
    if any(learner.goals == 5 for learner in chunk):
        for statement in statements.TAUGHT:
            await driver.execute(statement)
        await driver.execute(statements.COMPETENCIES, competencies)


async def _restrict_guardian(driver: Any, world: World) -> None:
    """The first learner has a second guardian, who may have no contact."""
    ids, tenant_id = world.ids, world.ids(Kind.TENANT, 0)
    person, guardianship = ids(Kind.GUARDIAN, RESTRICTED), ids(Kind.GUARDIANSHIP, RESTRICTED)
    names = world.text("Robin"), world.text(FAMILY[0])
    arguments = (
        (tenant_id, person, *names),
        (tenant_id, guardianship, person, ids(Kind.LEARNER, 0), world.text("parent")),
        (tenant_id, ids(Kind.RESTRICTION, 0), guardianship, world.text("Court order on file")),
        (tenant_id, ids(Kind.ROLE, RESTRICTED - 1), person, ids(Kind.ORG, 1)),
    )
    for statement, values in zip(statements.RESTRICTED_GUARDIAN, arguments, strict=True):
        await driver.execute(statement, *values)


def _of_grade(package: Package, grade: str) -> list[UUID]:
    """The competencies that a goal of the grade can work towards: the finest ones, else those of any grade."""
    parents = {parent for item in package.items for parent in item.parent_ids}

    def finest(items: Iterable[Item]) -> list[UUID]:
        return [item.identifier for item in items if item.identifier not in parents]

    return finest(item for item in package.items if grade in item.education_levels) or finest(package.items)


def _chunks(learners: Iterator[Learner]) -> Iterator[list[Learner]]:
    while chunk := list(islice(learners, CHUNK)):
        yield chunk
