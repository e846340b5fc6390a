"""Read side of goals, actions, milestones and progress."""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Numeric,
    Select,
    Text,
    Uuid,
    case,
    cast,
    func,
    literal_column,
    select,
    true,
)

from app.competencies.models import Competency
from app.competencies.views import competency_summary
from app.core.access import ID, TENANT, Shape, may_read
from app.core.pagination import Filter, Listing, Sort
from app.core.reads import View
from app.core.rules import Policy, Section
from app.core.workflow import Workflow
from app.db.base import Sql
from app.db.projection import Many, Projection, Raw
from app.learners.views import relation_names
from app.plans.goal_schemas import (
    ActionOut,
    ActionSummary,
    GoalOut,
    GoalSummary,
    MilestoneOut,
    MilestoneSummary,
    ProgressOut,
)
from app.plans.models import Action, Goal, GoalCompetency, GoalTeacher, Milestone, Plan, ProgressEntry
from app.plans.policy import goal_exists, held, plan_exists, visible_below_plan
from app.plans.workflow import ACTION, GOAL, MILESTONE
from app.roster.models import Person
from app.roster.views import person_name

GOAL_EXPANSIONS = ("actions", "milestones", "competencies")
GOAL_FIELDS = (
    "id", "plan_id", "learner_id", "title", "description", "category", "kind", "status", "metric_kind", "unit",
    "baseline", "target", "starts_on", "due_on", "proposed_by", "proposed_side", "learner_agreed_at",
    "staff_agreed_at", "outcome_note", "outcome_at", "outcome_by", "version", "created_at", "updated_at",
)  # fmt: skip
ACTION_FIELDS = (
    "id", "goal_id", "title", "owner", "status", "due_on", "if_obstacle", "then_response", "completed_at", "version",
    "created_at", "updated_at",
)  # fmt: skip
MILESTONE_FIELDS = (
    "id", "goal_id", "title", "position", "weight", "due_on", "reached_at", "version", "created_at", "updated_at",
)  # fmt: skip
PROGRESS_FIELDS = (
    "id", "goal_id", "value", "note", "observed_on", "recorded_by", "recorded_side", "recorded_at",
)  # fmt: skip


def _fields(entity: Any, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(entity, name) for name in names}


def action_summary(action: Any) -> Projection:
    return Projection(ActionSummary, _fields(action, ACTION_FIELDS))


def milestone_summary(milestone: Any) -> Projection:
    return Projection(MilestoneSummary, _fields(milestone, MILESTONE_FIELDS))


def progress_projection(entry: Any) -> Projection:
    return Projection(ProgressOut, _fields(entry, PROGRESS_FIELDS))


def _of_goal(entity: Any, goal: Any) -> Select[Any]:
    return (
        select()
        .select_from(entity)
        .where(entity.tenant_id == goal.tenant_id, entity.goal_id == goal.id)
        .correlate(goal)
    )


def _by_observation(entry: Any) -> tuple[Any, ...]:
    """The order of the series: by what was observed when, however late it was recorded."""
    return (entry.observed_on, entry.recorded_at, entry.id)


def _latest_entry(goal: Any) -> Select[Any]:
    """The entry with a value that was observed last."""
    return (
        _of_goal(ProgressEntry, goal)
        .where(ProgressEntry.value.is_not(None))
        .order_by(*(column.desc() for column in _by_observation(ProgressEntry)))
        .limit(literal_column("1"))
    )


def _progress(goal: Any) -> ColumnElement[Any]:
    """p = clamp((x − b) ÷ (t − b), 0, 1), the same for falling targets; null while nothing is recorded.

    A boolean goal runs from 0 to 1; one counted by milestones has the weight of those reached over all.
    """
    total = func.nullif(func.sum(Milestone.weight), literal_column("0"))
    reached = func.coalesce(func.sum(Milestone.weight).filter(Milestone.reached_at.is_not(None)), literal_column("0"))
    by_milestones = _of_goal(Milestone, goal).with_only_columns(cast(reached, Numeric()) / total).scalar_subquery()
    is_boolean = goal.metric_kind == literal_column("'boolean'")
    start = case((is_boolean, literal_column("0")), else_=goal.baseline)
    way = case((is_boolean, literal_column("1")), else_=goal.target - goal.baseline)
    share = ((ProgressEntry.value - start) / func.nullif(way, literal_column("0"))).label("share")
    latest = _latest_entry(goal).with_only_columns(share).correlate(goal).lateral("latest")
    # The condition matters: least() would take a null share for 1.
    by_value = (
        select(func.greatest(literal_column("0"), func.least(literal_column("1"), latest.c.share)))
        .where(latest.c.share.is_not(None))
        .scalar_subquery()
    )
    chosen = case((goal.metric_kind == literal_column("'milestones'"), by_milestones), else_=by_value)
    return func.round(chosen, literal_column("4"), type_=Numeric())


def goal_summary(goal: Any) -> Projection:
    return Projection(GoalSummary, _goal_columns(goal))


def _goal_columns(goal: Any) -> dict[str, Any]:
    competency_of_goal = (
        select()
        .select_from(GoalCompetency)
        .join(
            Competency,
            (Competency.tenant_id == GoalCompetency.tenant_id) & (Competency.id == GoalCompetency.competency_id),
        )
        .where(GoalCompetency.tenant_id == goal.tenant_id, GoalCompetency.goal_id == goal.id)
        .correlate(goal)
    )
    return {
        **_fields(goal, GOAL_FIELDS),
        "current_value": _latest_entry(goal).with_only_columns(ProgressEntry.value).scalar_subquery(),
        "progress": _progress(goal),
        "actions": Many(action_summary(Action), _of_goal(Action, goal), [Action.created_at, Action.id]),
        "milestones": Many(milestone_summary(Milestone), _of_goal(Milestone, goal), [Milestone.position, Milestone.id]),
        "competencies": Many(competency_summary(Competency), competency_of_goal, [Competency.position, Competency.id]),
    }


def goal_projection(goal: Any, relations: Sql, policy: Policy) -> Projection:
    teachers = (
        select()
        .select_from(GoalTeacher)
        .join(Person, (Person.tenant_id == GoalTeacher.tenant_id) & (Person.id == GoalTeacher.person_id))
        .where(GoalTeacher.tenant_id == goal.tenant_id, GoalTeacher.goal_id == goal.id)
        .correlate(goal)
    )
    return Projection(
        GoalOut,
        {
            **_goal_columns(goal),
            "teachers": Many(person_name(), teachers, [Person.family_name, Person.given_name, Person.id]),
            "relations": relation_names(relations),
            **can(GOAL, goal, relations, policy),
        },
    )


def can(workflow: Workflow, entity: Any, relations: Sql, policy: Policy) -> dict[str, Raw]:
    """What the caller may do with it now, and what is missing for the rest."""
    return {
        "available_actions": Raw(workflow.available(entity, relations, policy)),
        "blocked_actions": Raw(workflow.blocked(entity, relations, policy)),
    }


def below_plan(entity: Any, goal_id: Sql, project: Any) -> Any:
    """A view of one row below a plan, seen by who may read the plan."""

    def build(shape: Shape, include: frozenset[str]) -> Select[Any]:
        relations = held(shape, Plan, goal_id)
        body = project(entity, relations.c.relations, shape.policy).json(include)
        version = getattr(entity, "version", literal_column("NULL::integer", Integer()))
        return (
            select(
                version.label("version"),
                body.label("body"),
                entity.learner_id.label("learner_id"),
                relations.c.relations.label("relations"),
            )
            .select_from(entity)
            .join(Plan, (Plan.tenant_id == entity.tenant_id) & (Plan.id == entity.plan_id))
            .join(relations, true())
            .where(entity.tenant_id == TENANT, entity.id == ID, may_read(shape, Section.PLAN, relations.c.relations))
        )

    return build


def _action_projection(action: Any, relations: Sql, policy: Policy) -> Projection:
    return Projection(ActionOut, {**_fields(action, ACTION_FIELDS), **can(ACTION, action, relations, policy)})


def _milestone_projection(milestone: Any, relations: Sql, policy: Policy) -> Projection:
    offered = can(MILESTONE, milestone, relations, policy)
    return Projection(MilestoneOut, {**_fields(milestone, MILESTONE_FIELDS), **offered})


GOAL_VIEW = View(
    below_plan(Goal, Goal.id, goal_projection),
    section=Section.PLAN,
    expansions=GOAL_EXPANSIONS,
    fields={*GOAL_FIELDS, "current_value", "progress", "teachers", "relations", "available_actions", "blocked_actions"},
)
ACTION_VIEW = View(below_plan(Action, Action.goal_id, _action_projection), section=Section.PLAN)
MILESTONE_VIEW = View(below_plan(Milestone, Milestone.goal_id, _milestone_projection), section=Section.PLAN)
PROGRESS_VIEW = View(
    below_plan(ProgressEntry, ProgressEntry.goal_id, lambda entry, _relations, _policy: progress_projection(entry)),
    section=Section.PLAN,
)


def _visible_below_goal(entity: Any, shape: Shape) -> ColumnElement[bool]:
    return visible_below_plan(entity, shape, entity.goal_id)


def _by_creation(entity: Any) -> tuple[Any, ...]:
    return (entity.created_at, entity.id)


_OF_GOAL = {"goal_id": Filter(lambda entity, value, _: entity.goal_id == value, Uuid(), must_exist=goal_exists)}

GOALS = Listing(
    "goals",
    Goal,
    visible=lambda goal, shape: visible_below_plan(goal, shape, goal.id),
    shows=Section.PLAN,
    projection=goal_summary,
    expansions=GOAL_EXPANSIONS,
    sorts={"created_at": Sort(_by_creation), "-created_at": Sort(_by_creation, is_descending=True)},
    filters={
        "plan_id": Filter(lambda goal, value, _: goal.plan_id == value, Uuid(), must_exist=plan_exists),
        "status": Filter(lambda goal, value, _: goal.status == value, Text()),
    },
)
ACTIONS = Listing(
    "actions",
    Action,
    visible=_visible_below_goal,
    shows=Section.PLAN,
    projection=action_summary,
    sorts={"created_at": Sort(_by_creation)},
    filters=_OF_GOAL,
)
MILESTONES = Listing(
    "milestones",
    Milestone,
    visible=_visible_below_goal,
    shows=Section.PLAN,
    projection=milestone_summary,
    sorts={"position": Sort(lambda milestone: (milestone.position, milestone.id))},
    filters=_OF_GOAL,
)
PROGRESS = Listing(
    "progress",
    ProgressEntry,
    visible=_visible_below_goal,
    shows=Section.PLAN,
    projection=progress_projection,
    sorts={
        "observed_on": Sort(_by_observation),
        "-observed_on": Sort(_by_observation, is_descending=True),
    },
    filters=_OF_GOAL,
)
