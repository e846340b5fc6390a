"""Access where the general rule is not enough: the teacher who is named on a goal, reflections shared or private."""

from functools import lru_cache
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, case, exists, literal_column, or_, select, true

from app.core.access import (
    ID,
    PERSON,
    TENANT,
    Shape,
    access_fact,
    granted_items,
    held_once,
    in_force,
    is_barred_from,
    may_read,
    related_learners,
    related_plans,
    relations_to,
    visible,
)
from app.core.errors import not_found
from app.core.reads import STATEMENTS_KEPT
from app.core.rules import READ, Relation, Section
from app.core.unit_of_work import Write
from app.db.base import Sql
from app.plans.models import Action, Comment, Goal, GoalTeacher, Milestone, Plan, Reflection
from app.roster.models import Delegation

Below = TypeVar("Below", Action, Milestone, Comment)


def plan_visible(plan: Any, shape: Shape) -> ColumnElement[bool]:
    return readable(plan, shape, Section.PLAN)


def readable(plan: Any, shape: Shape, section: Section) -> ColumnElement[bool]:
    """Whether the caller reads this plan-bound section of the plan."""
    return visible(
        shape,
        section,
        tenant_id=plan.tenant_id,
        learner_id=plan.learner_id,
        school_id=plan.school_id,
        plan_id=plan.id,
    )


def is_mine(plan: Any, shape: Shape) -> ColumnElement[bool]:
    """Whether it is by a relation of the caller's own, not by an office, that the plan is hers to read."""
    if shape.is_scoped:
        return plan.id.in_(related_plans(shape, Section.PLAN))  # type: ignore[no-any-return]
    return plan.learner_id.in_(related_learners(shape, Section.PLAN))  # type: ignore[no-any-return]


def plan_exists(plan_id: Sql, shape: Shape) -> ColumnElement[bool]:
    """Whether the caller may know of the plan."""
    return select(Plan.id).where(Plan.id == plan_id, plan_visible(Plan, shape)).exists()


def goal_exists(goal_id: Sql, shape: Shape) -> ColumnElement[bool]:
    """Whether the caller may know of the goal."""
    return select(Goal.id).where(Goal.id == goal_id, visible_below_plan(Goal, shape, Goal.id)).exists()


def visible_below_plan(entity: Any, shape: Shape, goal_id: Sql | None) -> ColumnElement[bool]:
    """Rows below a plan that the caller may read, or below a goal that a grant names."""
    plan = select(Plan.id).where(
        Plan.tenant_id == entity.tenant_id, Plan.id == entity.plan_id, plan_visible(Plan, shape)
    )
    is_visible: ColumnElement[bool] = plan.correlate(entity).exists()
    if goal_id is not None and shape.is_scoped:
        is_visible = is_visible | goal_id.in_(granted_items(shape, Section.PLAN))
    if goal_id is not None and shape.is_related and _reads_by_name_only(shape):
        by_name = _is_named(shape, entity.learner_id, goal_id)
        if shape.is_barred:
            by_name = and_(by_name, is_barred_from(Section.PLAN, entity.learner_id).is_not(true()))
        is_visible = is_visible | by_name
    return and_(entity.tenant_id == TENANT, is_visible)


def _is_named(shape: Shape, learner_id: Sql, goal_id: Sql) -> ColumnElement[bool]:
    """A teacher of the learner who is named on the goal, or who stands in for one who is."""
    is_named = GoalTeacher.person_id == PERSON
    if shape.is_scoped:
        delegation_id = access_fact.c.delegation_id
        absent = select(Delegation.delegator_id).where(Delegation.tenant_id == TENANT, Delegation.id == delegation_id)
        is_named = case((delegation_id.is_(None), is_named), else_=GoalTeacher.person_id.in_(absent))
    teaches = (
        select(access_fact.c.learner_id)
        .where(
            access_fact.c.tenant_id == TENANT,
            access_fact.c.person_id == PERSON,
            access_fact.c.learner_id == learner_id,
            access_fact.c.relation == literal_column("'teacher'"),
            in_force(access_fact.c.from_on, access_fact.c.until_on),
            is_named,
        )
        .correlate_except(access_fact)
        .exists()
    )
    named = exists().where(GoalTeacher.tenant_id == TENANT, GoalTeacher.goal_id == goal_id, teaches)
    return named.correlate_except(GoalTeacher)


def _reads_by_name_only(shape: Shape) -> bool:
    """Whether the tenant lets a teacher read no more of a plan than the goals on which she is named."""
    reaches = shape.policy.reaches
    return reaches(Section.PLAN, Relation.NAMED_TEACHER, READ) and not reaches(Section.PLAN, Relation.TEACHER, READ)


def held(shape: Shape, plan: Any, goal_id: Sql | None = None, section: Section = Section.PLAN) -> Any:
    """The caller's relations to the plan (and to one of its goals) in one of its sections, computed once a row."""
    return held_once(
        relations_to(
            shape,
            section,
            learner_id=plan.learner_id,
            school_id=plan.school_id,
            plan_id=plan.id,
            item_id=goal_id,
            named=None if goal_id is None else _is_named(shape, plan.learner_id, goal_id),
        )
    )


def held_in_reflections(shape: Shape, plan: Any) -> Any:
    """The caller's relations to the plan in its `shared` and in its `private` reflections, computed once a row."""

    def within(section: Section) -> ColumnElement[Any]:
        return relations_to(shape, section, learner_id=plan.learner_id, school_id=plan.school_id, plan_id=plan.id)

    shared, private = within(Section.REFLECTIONS), within(Section.PRIVATE_REFLECTIONS)
    found = select(shared.label("shared"), private.label("private")).correlate_except(None)
    return found.offset(literal_column("0")).lateral("held_in_reflections")


def _reads_shared(shape: Shape, held: Any) -> ColumnElement[bool]:
    return may_read(shape, Section.REFLECTIONS, held.c.shared)


def _reads_private(shape: Shape, held: Any) -> ColumnElement[bool]:
    return may_read(shape, Section.PRIVATE_REFLECTIONS, held.c.private)


def reads_reflections(shape: Shape, held: Any) -> ColumnElement[bool]:
    """Whether the caller may see reflections of the plan, of either kind."""
    return or_(_reads_shared(shape, held), _reads_private(shape, held))


def reads_reflection(reflection: Any, shape: Shape, held: Any) -> ColumnElement[bool]:
    """Whether the caller may see this reflection of the plan."""
    return case((reflection.is_private, _reads_private(shape, held)), else_=_reads_shared(shape, held))


def reflection_visible(reflection: Any, shape: Shape) -> ColumnElement[bool]:
    held = held_in_reflections(shape, Plan)
    plan = select(Plan.id).join(held, true()).where(_is_plan_of(reflection), reads_reflection(reflection, shape, held))
    return and_(reflection.tenant_id == TENANT, plan.correlate(reflection).exists())


def reflections_exist(plan_id: Sql, shape: Shape) -> ColumnElement[bool]:
    """Whether the caller may know that the plan has a place for reflections."""
    held = held_in_reflections(shape, Plan)
    plan = select(Plan.id).join(held, true()).where(Plan.tenant_id == TENANT, Plan.id == plan_id)
    return plan.where(reads_reflections(shape, held)).exists()


async def load_plan(write: Write, plan_id: UUID) -> tuple[Plan, list[str]]:
    """The plan, locked, and the caller's relations; 404 if the caller may not know of it."""
    return await _one(write, _plan_locked(write.principal.shape), plan_id)


@lru_cache(maxsize=STATEMENTS_KEPT)
def _plan_locked(shape: Shape) -> Select[Any]:
    relations = held(shape, Plan)
    return (
        select(Plan, relations.c.relations)
        .join(relations, true())
        .where(Plan.tenant_id == TENANT, Plan.id == ID, may_read(shape, Section.PLAN, relations.c.relations))
        .with_for_update(of=Plan)
    )


async def load_goal(write: Write, goal_id: UUID) -> tuple[Goal, list[str]]:
    """The goal and its plan, locked, and the caller's relations; 404 if the caller may not know of it."""
    return await _one(write, _locked_with_plan(write.principal.shape, Goal, Goal.id), goal_id)


async def load_below_goal(write: Write, entity: type[Below], entity_id: UUID) -> tuple[Below, list[str]]:
    """An action, milestone or comment, locked with its plan, and the caller's relations."""
    return await _one(write, _locked_with_plan(write.principal.shape, entity, entity.goal_id), entity_id)


@lru_cache(maxsize=STATEMENTS_KEPT)
def _locked_with_plan(shape: Shape, entity: Any, goal_id: Any) -> Select[Any]:
    relations = held(shape, Plan, goal_id)
    return (
        select(entity, relations.c.relations)
        .join(Plan, _is_plan_of(entity))
        .join(relations, true())
        .where(entity.tenant_id == TENANT, entity.id == ID, may_read(shape, Section.PLAN, relations.c.relations))
        .with_for_update(of=(Plan, entity))
    )


async def load_plan_to_reflect(write: Write, plan_id: UUID, *, is_private: bool) -> tuple[Plan, list[str]]:
    """The plan, locked, and the caller's relations in the section; 404 if the caller sees no reflections of it."""
    return await _one(write, _plan_locked_to_reflect(write.principal.shape, is_private), plan_id)


@lru_cache(maxsize=STATEMENTS_KEPT)
def _plan_locked_to_reflect(shape: Shape, is_private: bool) -> Select[Any]:
    held = held_in_reflections(shape, Plan)
    return (
        select(Plan, held.c.private if is_private else held.c.shared)
        .join(held, true())
        .where(Plan.tenant_id == TENANT, Plan.id == ID, reads_reflections(shape, held))
        .with_for_update(of=Plan)
    )


async def load_reflection(write: Write, reflection_id: UUID) -> tuple[Reflection, list[str]]:
    """The reflection, locked with its plan, and the caller's relations in its section."""
    return await _one(write, _reflection_locked(write.principal.shape), reflection_id)


@lru_cache(maxsize=STATEMENTS_KEPT)
def _reflection_locked(shape: Shape) -> Select[Any]:
    held = held_in_reflections(shape, Plan)
    return (
        select(Reflection, case((Reflection.is_private, held.c.private), else_=held.c.shared))
        .join(Plan, _is_plan_of(Reflection))
        .join(held, true())
        .where(Reflection.tenant_id == TENANT, Reflection.id == ID, reads_reflection(Reflection, shape, held))
        .with_for_update(of=(Plan, Reflection))
    )


def _is_plan_of(entity: Any) -> ColumnElement[bool]:
    return and_(Plan.tenant_id == entity.tenant_id, Plan.id == entity.plan_id)


async def _one(write: Write, statement: Select[Any], id: UUID) -> tuple[Any, list[str]]:
    """The row, if the caller may read it: what is not the caller's is not locked, and nobody waits for its lock."""
    row = (await write.session.execute(statement, {**write.principal.binds(), "id": id})).one_or_none()
    if row is None:
        raise not_found()
    return row[0], list(row[1])
