"""Access is a query, not a check: who may do what, as data, and principal + section + level as a SQL predicate.

The caller's relations to learners are facts in tables; they reach this module through the view `access_fact` and
through the school held on learners and plans. A restriction of contact overrides them all: the caller's facts name the
learners whom the caller is barred from. Source of the default rules: the table "who sees what" of the domain.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    Select,
    Text,
    and_,
    bindparam,
    case,
    column,
    false,
    func,
    literal_column,
    or_,
    select,
    table,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, array
from sqlalchemy.types import Uuid

from app.core.errors import forbidden, not_found
from app.db.base import Sql


class Level(IntEnum):
    """How far a relation reaches into a section; each includes the ones before it."""

    NONE = 0
    READ = 1
    COMMENT = 2
    PROPOSE = 3
    WRITE = 4


class Section(StrEnum):
    """Parts of a learner's record that are shared separately. Every learner-owned row and every event names one."""

    LEARNER = "learner"
    """Name, school and grade: what everybody with any relation sees."""
    PLAN = "plan"
    """Plan, goals, actions, progress."""
    ACCOUNT = "account"
    """Accounts and sessions."""


class Relation(StrEnum):
    LEARNER = "learner"
    GUARDIAN = "guardian"
    TEACHER = "teacher"
    NAMED_TEACHER = "named_teacher"
    ADVISOR = "advisor"
    COUNSELOR = "counselor"
    CASE_MANAGER = "case_manager"
    SCHOOL_ADMIN = "school_admin"
    DISTRICT_ADMIN = "district_admin"
    ROSTER_READER = "roster_reader"
    SERVICE_READER = "service_reader"
    SERVICE_WRITER = "service_writer"


READ, COMMENT, PROPOSE, WRITE = Level.READ, Level.COMMENT, Level.PROPOSE, Level.WRITE

RULES: dict[Section, dict[Relation, Level]] = {
    Section.LEARNER: {
        Relation.LEARNER: READ,
        Relation.GUARDIAN: READ,
        Relation.TEACHER: READ,
        Relation.ADVISOR: READ,
        Relation.COUNSELOR: READ,
        Relation.CASE_MANAGER: READ,
        Relation.SCHOOL_ADMIN: READ,
        Relation.DISTRICT_ADMIN: READ,
        Relation.ROSTER_READER: READ,
        Relation.SERVICE_READER: READ,
        Relation.SERVICE_WRITER: READ,
    },
    Section.PLAN: {
        Relation.LEARNER: WRITE,
        Relation.GUARDIAN: PROPOSE,
        Relation.TEACHER: COMMENT,
        Relation.NAMED_TEACHER: WRITE,
        Relation.ADVISOR: WRITE,
        Relation.COUNSELOR: WRITE,
        Relation.CASE_MANAGER: WRITE,
        Relation.SCHOOL_ADMIN: READ,
        Relation.DISTRICT_ADMIN: READ,
        Relation.SERVICE_READER: READ,
        Relation.SERVICE_WRITER: WRITE,
    },
    Section.ACCOUNT: {
        Relation.SCHOOL_ADMIN: READ,
        Relation.DISTRICT_ADMIN: WRITE,
    },
}

PERMISSION_WORDS = {Section.LEARNER: "roster", Section.PLAN: "plans", Section.ACCOUNT: "accounts"}
"""How permissions call the sections, as in `plans:write`."""

PLAN_STAFF = (Relation.ADVISOR, Relation.COUNSELOR, Relation.CASE_MANAGER, Relation.SERVICE_WRITER)


def relations_with(section: Section, level: Level) -> tuple[str, ...]:
    """The relations that reach at least `level` in `section`."""
    return tuple(relation.value for relation, reached in RULES[section].items() if reached >= level)


def blanket_relations(role_names: Collection[str], scopes: Collection[str]) -> tuple[str, ...]:
    """Relations to every learner of the tenant, from a role or from a service's scopes."""
    found = []
    if "district_admin" in role_names:
        found.append(Relation.DISTRICT_ADMIN.value)
    if "roster.read" in scopes or "roster.write" in scopes:
        found.append(Relation.ROSTER_READER.value)
    if "plans.read" in scopes or "plans.write" in scopes:
        found.append(Relation.SERVICE_READER.value)
    if "plans.write" in scopes:
        found.append(Relation.SERVICE_WRITER.value)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Shape:
    """The kind of caller a statement is compiled for. One predicate for all kinds would be slow for each."""

    blanket: tuple[str, ...]
    """Relations to every learner of the tenant."""
    schools: int
    """Administers no (0), one (1) or several (2) schools."""
    is_related: bool
    """May have relations to single learners."""
    is_barred: bool
    """A restriction keeps the caller from some learner."""
    reads_events: bool
    """May read who changed what: a service only with the scope."""


access_fact = table(
    "access_fact",
    column("tenant_id", Uuid()),
    column("person_id", Uuid()),
    column("learner_id", Uuid()),
    column("plan_id", Uuid()),
    column("relation", Text()),
    column("from_on", Date()),
    column("until_on", Date()),
)

ID = bindparam("id", type_=Uuid())
"""The id in the path of a single read."""
TENANT = bindparam("caller_tenant", type_=Uuid())
PERSON = bindparam("caller_person", type_=Uuid())
TODAY = bindparam("caller_today", type_=Date())
SCHOOL = bindparam("caller_school", type_=Uuid())
SCHOOLS = bindparam("caller_schools", type_=ARRAY(Uuid()))
BLANKET = bindparam("caller_blanket", type_=ARRAY(Text()))
BARRED = bindparam("caller_barred", type_=ARRAY(Uuid()))


def in_force(from_on: Sql, until_on: Sql) -> ColumnElement[bool]:
    """Whether a dated fact holds today: from is inclusive, until exclusive, null has no end."""
    return and_(func.coalesce(from_on <= TODAY, true()), func.coalesce(until_on > TODAY, true()))


def visible(
    shape: Shape,
    section: Section,
    *,
    tenant_id: Sql,
    learner_id: Sql,
    school_id: Sql,
) -> ColumnElement[bool]:
    """The predicate of a list: the rows whose `section` the caller may read."""
    inside = tenant_id == TENANT
    if shape.is_barred:
        inside = and_(inside, is_barred_from(learner_id).is_not(true()))
    if reads_all(shape, section):
        return inside
    ways: list[ColumnElement[bool]] = []
    if shape.schools and Relation.SCHOOL_ADMIN in RULES[section]:
        ways.append(school_id == SCHOOL if shape.schools == 1 else school_id == func.any(SCHOOLS))
    if shape.is_related:
        ways.append(learner_id.in_(related_learners(section)))
    return and_(inside, or_(*ways)) if ways else false()


def reads_all(shape: Shape, section: Section) -> bool:
    """Whether the caller reads this section of every learner. For a service it is that or nothing."""
    return any(Relation(relation) in RULES[section] for relation in shape.blanket)


def is_barred_from(learner_id: Sql) -> ColumnElement[bool]:
    """Whether a restriction keeps the caller from the learner, whatever the caller is by role."""
    return learner_id == func.any(BARRED)


def related_learners(section: Section) -> Select[Any]:
    """The learners whose `section` the caller may read through a relation of their own."""
    return select(access_fact.c.learner_id).where(
        access_fact.c.tenant_id == TENANT,
        access_fact.c.person_id == PERSON,
        access_fact.c.relation == func.any(_texts(relations_with(section, READ))),
        in_force(access_fact.c.from_on, access_fact.c.until_on),
        is_barred_from(access_fact.c.learner_id).is_not(true()),
    )


def relations_to(*, learner_id: Sql, school_id: Sql, named: ColumnElement[bool] | None = None) -> ColumnElement[Any]:
    """All relations of the caller to one learner, as a text array; none where a restriction holds.

    `named` says whether the caller is named on the row at hand; it counts only together with being a teacher.
    """
    held = func.array(
        select(access_fact.c.relation)
        .where(
            access_fact.c.tenant_id == TENANT,
            access_fact.c.person_id == PERSON,
            access_fact.c.learner_id == learner_id,
            in_force(access_fact.c.from_on, access_fact.c.until_on),
        )
        .correlate_except(access_fact)
        .scalar_subquery(),
        type_=ARRAY(Text()),
    )
    no_text: ColumnElement[Any] = literal_column("'{}'::text[]", ARRAY(Text()))
    at_school = case((school_id == func.any(SCHOOLS), array([literal_column("'school_admin'", Text())])), else_=no_text)
    together = func.array_cat(func.array_cat(held, at_school, type_=ARRAY(Text())), BLANKET, type_=ARRAY(Text()))
    if named is not None:
        by_name = case((named, array([literal_column("'named_teacher'", Text())])), else_=no_text)
        together = func.array_cat(together, by_name, type_=ARRAY(Text()))
    return case((is_barred_from(learner_id), no_text), else_=together)


def has_any(relations: Sql, wanted: Iterable[str]) -> ColumnElement[bool]:
    """Whether the array holds at least one of the relations."""
    return relations.op("&&", is_comparison=True)(_texts(wanted))


def may_read(relations: Sql, section: Section) -> ColumnElement[bool]:
    return has_any(relations, relations_with(section, READ))


def _texts(values: Iterable[str]) -> ColumnElement[Any]:
    """A constant text array. The values are our own words, never input."""
    return literal_column("'{" + ",".join(values) + "}'::text[]", ARRAY(Text()))


def require(relations: Collection[str] | None, section: Section, level: Level) -> None:
    """Raise 404 when the section is hidden from these relations, 403 when it is visible but `level` is not reached."""
    rules = RULES[section]
    reached = max((rules.get(Relation(relation), Level.NONE) for relation in relations or ()), default=Level.NONE)
    if reached == Level.NONE:
        raise not_found()
    if reached < level:
        raise forbidden(f"{PERMISSION_WORDS[section]}:{level.name.lower()}")
