"""Access is a query, not a check: principal + section + level as a SQL predicate, over the rules of `app.core.rules`.

The caller's relations to learners are facts in tables; they reach this module through the view `access_fact` and
through the school held on learners and plans. A restriction of contact overrides them all: the caller's facts name the
learners whom the caller is barred from, wholly or in named sections.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BindParameter,
    Boolean,
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
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY, array
from sqlalchemy.types import Uuid

from app.core.errors import forbidden, not_found
from app.core.rules import (
    AUTHORED,
    BY_SECTION,
    DEFAULT,
    PERMISSION_WORDS,
    PLAN_BOUND,
    READ,
    Level,
    Policy,
    Relation,
    Section,
)
from app.db.base import Sql

_BY_SCOPE = {
    "plans.read": (Relation.SERVICE_READER,),
    "plans.write": (Relation.SERVICE_READER, Relation.SERVICE_WRITER),
    "roster.read": (Relation.ROSTER_READER,),
    "roster.write": (Relation.ROSTER_READER,),
    "supports.read": (Relation.SUPPORTS_READER,),
    "access.manage": (Relation.ACCESS_MANAGER,),
}


def blanket_relations(role_names: Collection[str], scopes: Collection[str]) -> tuple[str, ...]:
    """Relations to every learner of the tenant, from a role or from a service's scopes."""
    by_role = {Relation.DISTRICT_ADMIN} if "district_admin" in role_names else set()
    by_scope = {relation for scope in scopes for relation in _BY_SCOPE.get(scope, ())}
    return tuple(sorted(by_role | by_scope))


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
    """A restriction keeps the caller from some learner, or from sections of the record."""
    reads_events: bool
    """May read who changed what: a service only with the scope."""
    is_scoped: bool = False
    """May have facts of the narrower kind: on one plan or goal, for named sections, or as a substitute."""
    policy: Policy = DEFAULT
    """The rules of the caller's tenant."""


NOBODY = Shape((), schools=0, is_related=False, is_barred=False, reads_events=False)

access_fact = table(
    "access_fact",
    column("tenant_id", Uuid()),
    column("person_id", Uuid()),
    column("learner_id", Uuid()),
    column("plan_id", Uuid()),
    column("item_id", Uuid()),
    column("relation", Text()),
    column("sections", ARRAY(Text())),
    column("level", Text()),
    column("from_on", Date()),
    column("until_on", Date()),
    column("is_scoped", Boolean()),
    column("source", Text()),
    column("source_id", Uuid()),
    column("delegation_id", Uuid()),
)
_plan = table("plan", column("tenant_id", Uuid()), column("id", Uuid()), column("learner_id", Uuid()))

ID = bindparam("id", type_=Uuid())
"""The id in the path of a single read."""
TENANT = bindparam("caller_tenant", type_=Uuid())
PERSON = bindparam("caller_person", type_=Uuid())
TODAY = bindparam("caller_today", type_=Date())
SCHOOL = bindparam("caller_school", type_=Uuid())
SCHOOLS = bindparam("caller_schools", type_=ARRAY(Uuid()))
BLANKET = bindparam("caller_blanket", type_=ARRAY(Text()))


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
    plan_id: Sql | None = None,
    author_id: Sql | None = None,
) -> ColumnElement[bool]:
    """The predicate of a list: the rows whose `section` the caller may read.

    Rows of a plan-bound section give their `plan_id`, those of an authored one their `author_id`.
    """
    assert (plan_id is not None) == (section in PLAN_BOUND), section
    assert (author_id is not None) == (section in AUTHORED), section
    inside = tenant_id == TENANT
    if shape.is_barred:
        inside = and_(inside, is_barred_from(section, learner_id).is_not(true()))
    if reads_all(shape, section):
        return inside
    ways: list[ColumnElement[bool]] = []
    if shape.schools and shape.policy.reaches(section, Relation.SCHOOL_ADMIN, READ):
        ways.append(school_id == SCHOOL if shape.schools == 1 else school_id == func.any(SCHOOLS))
    if shape.is_related:
        ways.append(_related(shape, section, learner_id, plan_id, author_id))
    return and_(inside, or_(*ways)) if ways else false()


def _related(
    shape: Shape, section: Section, learner_id: Sql, plan_id: Sql | None, author_id: Sql | None
) -> ColumnElement[bool]:
    """One membership, not two joined by OR: the planner turns it into a join."""
    if plan_id is not None and shape.is_scoped:
        return plan_id.in_(related_plans(shape, section))
    if author_id is None:
        return learner_id.in_(related_learners(shape, section))
    as_author = and_(author_id == PERSON, learner_id.in_(_learners(shape, _plain_readers(shape, section), section)))
    opened = shape.policy.words(section, READ, (Relation.BREAK_GLASS,))
    if not shape.is_scoped or not opened:
        return as_author
    return or_(as_author, learner_id.in_(_learners(shape, opened, section)))


def is_opened(shape: Shape, section: Section | Sql, learner_id: Sql) -> ColumnElement[bool] | None:
    """Whether the caller has opened the row's section of the learner's record by break-glass; None if a caller of this
    kind cannot have."""
    if not shape.is_scoped or not (shape.schools or Relation.DISTRICT_ADMIN in shape.blanket):
        return None

    def opened(each: Section) -> ColumnElement[bool]:
        words = shape.policy.words(each, READ, (Relation.BREAK_GLASS,))
        return learner_id.in_(_learners(shape, words, each))

    if isinstance(section, Section):
        return opened(section)
    return or_(*((section == literal_column(f"'{each}'", Text())) & opened(each) for each in Section))


def reads_all(shape: Shape, section: Section) -> bool:
    """Whether the caller reads this section of every learner. For a service it is that or nothing."""
    return any(shape.policy.reaches(section, Relation(relation), READ) for relation in shape.blanket)


def barred(section: Section) -> BindParameter[Any]:
    """The learners of whom a restriction hides the section from the caller."""
    return bindparam(f"caller_barred_{section.value}", type_=ARRAY(Uuid()))


def is_barred_from(section: Section, learner_id: Sql) -> ColumnElement[bool]:
    """Whether a restriction keeps the caller from the section, whatever the caller is by role."""
    return learner_id == func.any(barred(section))


def readers(shape: Shape, section: Section) -> tuple[str, ...]:
    """The relation words that read the section, of those that a caller of this kind may have."""
    if shape.is_scoped:
        return shape.policy.words(section, READ)
    return _plain_readers(shape, section)


def _plain_readers(shape: Shape, section: Section) -> tuple[str, ...]:
    return shape.policy.words(section, READ, tuple(relation for relation in Relation if relation not in BY_SECTION))


def related_learners(shape: Shape, section: Section) -> Select[Any]:
    """The learners whose `section`, of every plan, the caller may read through a relation of her own."""
    return _learners(shape, readers(shape, section), section)


def learners_through(shape: Shape, relations: Iterable[Relation]) -> Select[Any]:
    """The learners to whom the caller has one of these relations, restrictions aside."""
    words = [relation.value for relation in relations]
    return _own_facts(shape, access_fact.c.learner_id, words, Section.LEARNER)


def _learners(shape: Shape, words: Collection[str], section: Section) -> Select[Any]:
    found = _own_facts(shape, access_fact.c.learner_id, words, section)
    return found.where(access_fact.c.plan_id.is_(None)) if section in PLAN_BOUND else found


def related_plans(shape: Shape, section: Section) -> Any:
    """The plans whose `section` the caller may read: all of a related learner's, and those that facts name."""
    of_learners = select(_plan.c.id).where(
        _plan.c.tenant_id == TENANT, _plan.c.learner_id.in_(related_learners(shape, section))
    )
    named = _own_facts(shape, access_fact.c.plan_id, readers(shape, section), section)
    return union_all(of_learners, named.where(access_fact.c.plan_id.is_not(None)))


def granted_items(shape: Shape, section: Section) -> Select[Any]:
    """The goals that grants to the caller name one by one."""
    words = shape.policy.words(section, READ, (Relation.GRANTEE,))
    found = _facts(shape, access_fact.c.item_id, section).where(access_fact.c.relation == func.any(_texts(words)))
    return found.where(access_fact.c.item_id.is_not(None))


def _own_facts(shape: Shape, column: Any, words: Collection[str], section: Section) -> Select[Any]:
    found = _facts(shape, column, section).where(access_fact.c.relation == func.any(_texts(words)))
    return found.where(access_fact.c.item_id.is_(None)) if shape.is_scoped else found


def _facts(shape: Shape, column: Any, section: Section) -> Select[Any]:
    """The caller's facts of today, without those that a restriction overrides."""
    found = select(column).where(
        access_fact.c.tenant_id == TENANT,
        access_fact.c.person_id == PERSON,
        in_force(access_fact.c.from_on, access_fact.c.until_on),
    )
    if not shape.is_scoped:
        found = found.where(~access_fact.c.is_scoped)
    if shape.is_barred:
        found = found.where(is_barred_from(section, access_fact.c.learner_id).is_not(true()))
    return found


def relations_to(
    shape: Shape,
    section: Section,
    *,
    learner_id: Sql,
    school_id: Sql,
    plan_id: Sql | None = None,
    item_id: Sql | None = None,
    named: ColumnElement[bool] | None = None,
) -> ColumnElement[Any]:
    """The words of all relations of the caller to one learner, as a text array; none where a restriction holds.

    With `plan_id` those to one plan, with `item_id` to one goal of it; of a plan-bound section without it, only those
    to all plans. `named` says whether the caller is named on the row at hand; it counts only together with being a
    teacher.
    """
    held = _facts(shape, access_fact.c.relation, section).where(access_fact.c.learner_id == learner_id)
    if shape.is_scoped:
        is_general = access_fact.c.item_id.is_(None)
        held = held.where(is_general if item_id is None else or_(is_general, access_fact.c.item_id == item_id))
        if section in PLAN_BOUND:
            is_wide = access_fact.c.plan_id.is_(None)
            held = held.where(is_wide if plan_id is None else or_(is_wide, access_fact.c.plan_id == plan_id))
    of_facts = func.array(held.correlate_except(access_fact).scalar_subquery(), type_=ARRAY(Text()))
    no_text: ColumnElement[Any] = literal_column("'{}'::text[]", ARRAY(Text()))
    at_school = case((school_id == func.any(SCHOOLS), array([literal_column("'school_admin'", Text())])), else_=no_text)
    together = func.array_cat(func.array_cat(of_facts, at_school, type_=ARRAY(Text())), BLANKET, type_=ARRAY(Text()))
    if named is not None:
        by_name = case((named, array([literal_column("'named_teacher'", Text())])), else_=no_text)
        together = func.array_cat(together, by_name, type_=ARRAY(Text()))
    if not shape.is_barred:
        return together
    return case((is_barred_from(section, learner_id), no_text), else_=together)


def held_once(relations: ColumnElement[Any], name: str = "held") -> Any:
    """The relations as a lateral subquery, computed once a row.

    OFFSET 0 keeps the planner from copying the expression to each place that uses it.
    """
    return select(relations.label("relations")).correlate_except(None).offset(literal_column("0")).lateral(name)


def has_any(relations: Sql, wanted: Iterable[str]) -> ColumnElement[bool]:
    """Whether the array holds at least one of the relation words."""
    return relations.op("&&", is_comparison=True)(_texts(wanted))


def may_read(shape: Shape, section: Section, relations: Sql, author_id: Sql | None = None) -> ColumnElement[bool]:
    """Whether relations to the learner, as `relations_to` gives them, reach into the section."""
    return may(shape, section, READ, relations, author_id)


def may(
    shape: Shape, section: Section, level: Level, relations: Sql, author_id: Sql | None = None
) -> ColumnElement[bool]:
    """Whether the relations reach `level` in the section."""
    assert (author_id is not None) == (section in AUTHORED), section
    words = shape.policy.words(section, level)
    if author_id is None:
        return has_any(relations, words)
    opened = shape.policy.words(section, level, (Relation.BREAK_GLASS,))
    return or_(has_any(relations, opened), and_(has_any(relations, words), author_id == PERSON))


def _texts(values: Iterable[str]) -> ColumnElement[Any]:
    """A constant text array. The values are our own words, never input."""
    return literal_column("'{" + ",".join(values) + "}'::text[]", ARRAY(Text()))


def require(policy: Policy, relations: Collection[str] | None, section: Section, level: Level) -> None:
    """Raise 404 when the section is hidden from these relations, 403 when it is visible but `level` is not reached."""
    reached = policy.reached(relations or (), section)
    if reached == Level.NONE:
        raise not_found()
    if reached < level:
        raise forbidden(f"{PERMISSION_WORDS[section]}:{level.name.lower()}")
