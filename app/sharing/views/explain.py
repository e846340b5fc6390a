"""Read side of explain: may the caller ask, and what does the predicate that guards the data say of the other person?

Two statements, for they are compiled for two kinds of caller: the asking one, and the one that is asked about.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Select,
    Text,
    and_,
    bindparam,
    case,
    column,
    exists,
    false,
    func,
    literal_column,
    not_,
    or_,
    select,
    table,
    true,
)
from sqlalchemy.types import Uuid

from app.core.access import ID, PERSON, TENANT, Shape, access_fact, in_force, may, visible
from app.core.reads import STATEMENTS_KEPT, compiled_for, with_caller
from app.core.rules import AUTHORED, PLAN_BOUND, Level, Section
from app.db.projection import EMPTY_LIST
from app.db.read import Statement
from app.learners.models import Learner
from app.learners.policy import held as held_of_learner
from app.plans.models import Goal, Plan
from app.plans.policy import held as held_of_plan
from app.plans.policy import readable, visible_below_plan
from app.roster.models import Guardianship, GuardianshipRestriction, Person
from app.roster.views import person_name
from app.sharing.models import Grant
from app.sharing.people import has_role, is_kept_away
from app.sharing.views.access import listed, readable_learner
from app.sharing.views.facts import facts, is_current, reached

_person_facts = table("person_facts", column("tenant_id", Uuid()), column("person_id", Uuid()), column("facts", Text()))
_ASKED = bindparam("asked_person", type_=Uuid())
_PLAN_ID = bindparam("plan_id", type_=Uuid())
_GOAL_ID = bindparam("goal_id", type_=Uuid())
# The answer's statement takes longer to plan than to run, and no value of its parameters makes another plan better.
_PLANNED_ONCE = func.set_config(
    literal_column("'plan_cache_mode'"), literal_column("'force_generic_plan'"), true(), type_=Text()
)
_SEES_RESTRICTIONS = bindparam("sees_restrictions", type_=Boolean())


@dataclass(frozen=True)
class Question:
    """What is asked, but for the ids."""

    section: Section
    level: Level
    is_of_goal: bool = False


# May the caller ask?


@compiled_for
def asking(shape: Shape) -> Statement:
    """A row if the caller reads who has access to the learner: whether plan, goal and person are there, the person's
    facts, and whether the caller may hear of restrictions."""
    has_plan = select(Plan.id).where(Plan.tenant_id == TENANT, Plan.id == _PLAN_ID, Plan.learner_id == ID)
    has_goal = select(Goal.id).where(Goal.tenant_id == TENANT, Goal.id == _GOAL_ID, Goal.plan_id == _PLAN_ID)
    person = select(person_name().json()).where(Person.tenant_id == TENANT, Person.id == _ASKED)
    learner, sees_restrictions = readable_learner(shape)
    is_hers_to_know = or_(sees_restrictions, and_(_has_to_do(_ASKED), ~is_kept_away(_ASKED, ID)))
    return with_caller(
        learner.add_columns(
            true().label("may_ask"),
            sees_restrictions.label("sees_restrictions"),
            or_(_PLAN_ID.is_(None), has_plan.exists()).label("has_plan"),
            or_(_GOAL_ID.is_(None), has_goal.exists()).label("has_goal"),
            case((is_hers_to_know, person.scalar_subquery())).label("person"),
            _facts_of(_ASKED).label("person_facts"),
            _PLANNED_ONCE.label("planned_once"),
        )
    )


def _has_to_do(person_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether the person has, had or will have to do with the learner: of others the family need not know the names."""
    fact = exists().where(
        access_fact.c.tenant_id == TENANT, access_fact.c.person_id == person_id, access_fact.c.learner_id == ID
    )
    grant = exists().where(Grant.tenant_id == TENANT, Grant.person_id == person_id, Grant.learner_id == ID)
    office = has_role(person_id, "school_admin", "district_admin")
    return or_(fact.correlate_except(access_fact), grant.correlate_except(Grant), office)


def _facts_of(person_id: ColumnElement[Any]) -> ColumnElement[str]:
    return (
        select(_person_facts.c.facts)
        .where(_person_facts.c.tenant_id == TENANT, _person_facts.c.person_id == person_id)
        .scalar_subquery()
    )


# What of the other person?


@lru_cache(maxsize=STATEMENTS_KEPT)
def answer(shape: Shape, question: Question) -> Statement:
    """Compiled for the person who is asked about, whose values its parameters take. Always one row."""
    fact = facts(PERSON)
    giving = shape.policy.words(question.section, question.level)
    because = reached(
        fact,
        shape.policy,
        is_current(fact.c),
        _is_here(fact.c, question),
        opens=lambda row: and_(row.section == _text(question.section), row.word.in_([_text(word) for word in giving])),
    )
    known = select(
        func.json_agg(
            func.json_build_array(
                fact.c.word, _is_here(fact.c, question), fact.c.from_on, fact.c.until_on, _ended_by_age(fact.c)
            )
        )
    )
    columns: list[ColumnElement[Any]] = [
        _facts_of(PERSON).label("facts"),
        func.coalesce(_allowed(shape, question).scalar_subquery(), false()).label("allowed"),
        listed(because, _SEES_RESTRICTIONS).cast(Text()).label("because"),
        func.coalesce(known.scalar_subquery(), EMPTY_LIST).cast(Text()).label("known"),
        func.to_json(func.array(_restrictions(question.section).scalar_subquery())).cast(Text()).label("hidden_by"),
    ]
    return Statement.compile(select(*columns))


def _allowed(shape: Shape, question: Question) -> Select[Any]:
    """List predicate and single read's relations alike, as they guard the data."""
    section, level = question.section, question.level
    author_id = PERSON if section in AUTHORED else None
    if section not in PLAN_BOUND:
        relations = held_of_learner(shape, Learner, section)
        is_seen = visible(
            shape,
            section,
            tenant_id=Learner.tenant_id,
            learner_id=Learner.id,
            school_id=Learner.school_id,
            author_id=author_id,
        )
        found = select(and_(is_seen, may(shape, section, level, relations.c.relations, author_id)))
        return found.select_from(Learner).join(relations, true()).where(Learner.tenant_id == TENANT, Learner.id == ID)
    relations = held_of_plan(shape, Plan, _GOAL_ID if question.is_of_goal else None, section)
    is_seen = readable(Plan, shape, section)
    if question.is_of_goal:
        goal = select(Goal.id).where(Goal.tenant_id == TENANT, Goal.id == _GOAL_ID, Goal.plan_id == Plan.id)
        is_seen = goal.where(visible_below_plan(Goal, shape, Goal.id)).correlate(Plan).exists()
    found = select(and_(is_seen, may(shape, section, level, relations.c.relations)))
    here = found.select_from(Plan).join(relations, true())
    return here.where(Plan.tenant_id == TENANT, Plan.id == _PLAN_ID, Plan.learner_id == ID)


def _is_here(row: Any, question: Question) -> ColumnElement[bool]:
    """Whether the fact reaches the plan, and the goal, that is asked about."""
    is_of_goal = row.goal_id == _GOAL_ID if question.is_of_goal else false()
    here: ColumnElement[bool] = or_(row.goal_id.is_(None), is_of_goal)
    if question.section in PLAN_BOUND:
        here = and_(here, or_(row.plan_id.is_(None), row.plan_id == _PLAN_ID))
    return here


def _ended_by_age(row: Any) -> ColumnElement[bool]:
    """Whether a guardian's fact ends on the day on which the learner comes of age."""
    that_day = select(Learner.id).where(
        Learner.tenant_id == TENANT, Learner.id == ID, not_(Learner.is_dependent), Learner.majority_on == row.until_on
    )
    return and_(row.source == _text("guardianship"), that_day.correlate_except(Learner).exists())


def _restrictions(section: Section) -> Select[Any]:
    """The kinds of the restrictions of today that hide the section from the person."""
    kind, sections = GuardianshipRestriction.kind, GuardianshipRestriction.sections
    return (
        select(kind)
        .distinct()
        .join(Guardianship, Guardianship.id == GuardianshipRestriction.guardianship_id)
        .where(
            Guardianship.tenant_id == TENANT,
            GuardianshipRestriction.tenant_id == TENANT,
            Guardianship.guardian_id == PERSON,
            Guardianship.learner_id == ID,
            Guardianship.guardian_id != Guardianship.learner_id,
            in_force(GuardianshipRestriction.from_on, GuardianshipRestriction.until_on),
            or_(kind != _text("sections"), _text(section) == func.any(sections)),
        )
        .order_by(kind)
    )


def _text(word: str) -> ColumnElement[str]:
    return literal_column(f"'{word}'", Text())
