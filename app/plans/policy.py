"""Access where the general rule is not enough: the teacher who is named on a goal."""

from functools import cache
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, exists, literal_column, select, true

from app.core.access import (
    ID,
    PERSON,
    TENANT,
    Section,
    Shape,
    access_fact,
    in_force,
    may_read,
    relations_to,
    visible,
)
from app.core.errors import not_found
from app.core.unit_of_work import Write
from app.db.base import Sql
from app.plans.models import Action, Goal, GoalTeacher, Milestone, Plan

Below = TypeVar("Below", Action, Milestone)


def plan_visible(plan: Any, shape: Shape) -> ColumnElement[bool]:
    return visible(shape, Section.PLAN, tenant_id=plan.tenant_id, learner_id=plan.learner_id, school_id=plan.school_id)


def plan_exists(plan_id: Sql, shape: Shape) -> ColumnElement[bool]:
    """Whether the caller may know of the plan."""
    return select(Plan.id).where(Plan.id == plan_id, plan_visible(Plan, shape)).exists()


def goal_exists(goal_id: Sql, shape: Shape) -> ColumnElement[bool]:
    """Whether the caller may know of the goal."""
    plan = (Plan.tenant_id == Goal.tenant_id) & (Plan.id == Goal.plan_id)
    return select(Goal.id).join(Plan, plan).where(Goal.id == goal_id, plan_visible(Plan, shape)).exists()


def _is_named(learner_id: Sql, goal_id: Sql) -> ColumnElement[bool]:
    """Named on the goal, and (still) a teacher of the learner."""
    named = exists().where(
        GoalTeacher.tenant_id == TENANT, GoalTeacher.goal_id == goal_id, GoalTeacher.person_id == PERSON
    )
    teaches = (
        select(access_fact.c.learner_id)
        .where(
            access_fact.c.tenant_id == TENANT,
            access_fact.c.person_id == PERSON,
            access_fact.c.learner_id == learner_id,
            access_fact.c.relation == literal_column("'teacher'"),
            in_force(access_fact.c.from_on, access_fact.c.until_on),
        )
        .correlate_except(access_fact)
        .exists()
    )
    return named.correlate_except(GoalTeacher) & teaches


def held(plan: Any, goal_id: Sql | None = None) -> Any:
    """The caller's relations to the plan's learner (and to one of its goals), computed once a row.

    OFFSET 0 keeps the planner from copying the expression to each place that uses it.
    """
    named = None if goal_id is None else _is_named(plan.learner_id, goal_id)
    relations = relations_to(learner_id=plan.learner_id, school_id=plan.school_id, named=named)
    return select(relations.label("relations")).correlate_except(None).offset(literal_column("0")).lateral("held")


async def load_plan(write: Write, plan_id: UUID) -> tuple[Plan, list[str]]:
    """The plan, locked, and the caller's relations; 404 if the caller may not know of it."""
    return await _one(write, _plan_locked(), plan_id)


@cache
def _plan_locked() -> Select[Any]:
    relations = held(Plan)
    return (
        select(Plan, relations.c.relations)
        .join(relations, true())
        .where(Plan.tenant_id == TENANT, Plan.id == ID, may_read(relations.c.relations, Section.PLAN))
        .with_for_update(of=Plan)
    )


async def load_goal(write: Write, goal_id: UUID) -> tuple[Goal, list[str]]:
    """The goal and its plan, locked, and the caller's relations; 404 if the caller may not know of it."""
    return await _one(write, _locked_with_plan(Goal, Goal.id), goal_id)


async def load_below_goal(write: Write, entity: type[Below], entity_id: UUID) -> tuple[Below, list[str]]:
    """An action or milestone, locked with its plan, and the caller's relations."""
    return await _one(write, _locked_with_plan(entity, entity.goal_id), entity_id)


@cache
def _locked_with_plan(entity: Any, goal_id: Any) -> Select[Any]:
    relations = held(Plan, goal_id)
    return (
        select(entity, relations.c.relations)
        .join(Plan, _is_plan_of(entity))
        .join(relations, true())
        .where(entity.tenant_id == TENANT, entity.id == ID, may_read(relations.c.relations, Section.PLAN))
        .with_for_update(of=(Plan, entity))
    )


def _is_plan_of(entity: Any) -> ColumnElement[bool]:
    return and_(Plan.tenant_id == entity.tenant_id, Plan.id == entity.plan_id)


async def _one(write: Write, statement: Select[Any], id: UUID) -> tuple[Any, list[str]]:
    """The row, if the caller may read it: what is not the caller's is not locked, and nobody waits for its lock."""
    row = (await write.session.execute(statement, {**write.principal.binds(), "id": id})).one_or_none()
    if row is None:
        raise not_found()
    return row[0], list(row[1])
