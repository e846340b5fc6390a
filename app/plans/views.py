"""Read side of plans and their history."""

from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, Text, Uuid, case, select, true
from sqlalchemy.types import DateTime

from app.core.access import ID, NOBODY, TENANT, Shape, in_force, may_read
from app.core.errors import forbidden
from app.core.event_views import event_projection, visible_events
from app.core.events import Event
from app.core.pagination import Filter, Listing, Sort
from app.core.reads import View
from app.core.rules import Section
from app.db.base import Sql
from app.db.projection import Many, Projection, Raw
from app.learners.policy import learner_exists
from app.learners.views import relation_names
from app.plans.goal_views import GOAL_EXPANSIONS, goal_summary
from app.plans.models import Goal, Plan
from app.plans.policy import held, held_in_reflections, is_mine, plan_exists, plan_visible, reads_reflections
from app.plans.reflection_views import reflections_of
from app.plans.schemas import PlanOut, PlanSummary
from app.plans.workflow import PLAN
from app.roster.models import Enrollment
from app.roster.views import class_exists, named

FIELDS = (
    "id",
    "school_id",
    "school_year",
    "template",
    "title",
    "vision",
    "starts_on",
    "ends_on",
    "status",
    "submitted_by",
    "submitted_at",
    "approved_by",
    "approved_at",
    "closed_at",
    "version",
    "created_at",
    "updated_at",
)


def _columns(plan: Any) -> dict[str, Any]:
    found: dict[str, Any] = {name: getattr(plan, name) for name in FIELDS}
    return {"id": found.pop("id"), "learner": named(plan.tenant_id, plan.learner_id), **found}


def plan_projection(plan: Any, shape: Shape, relations: Sql, reflections: Many) -> Projection:
    goals = select().select_from(Goal).where(Goal.tenant_id == plan.tenant_id, Goal.plan_id == plan.id).correlate(plan)
    return Projection(
        PlanOut,
        {
            **_columns(plan),
            "relations": relation_names(relations),
            "available_actions": Raw(PLAN.available(plan, relations, shape.policy)),
            "blocked_actions": Raw(PLAN.blocked(plan, relations, shape.policy)),
            "goals": Many(goal_summary(Goal), goals, [Goal.created_at, Goal.id]),
            "reflections": reflections,
        },
    )


def plan_summary(plan: Any, shape: Shape = NOBODY) -> Projection:
    relations = held(shape, plan)

    def with_relations(actions: ColumnElement[Any]) -> Raw:
        return Raw(select(actions).select_from(relations).scalar_subquery())

    return Projection(
        PlanSummary,
        {
            **_columns(plan),
            "available_actions": with_relations(PLAN.available(plan, relations.c.relations, shape.policy)),
            "blocked_actions": with_relations(PLAN.blocked(plan, relations.c.relations, shape.policy)),
        },
    )


def _plan(shape: Shape, include: frozenset[str]) -> Select[Any]:
    relations, in_reflections = held(shape, Plan), held_in_reflections(shape, Plan)
    projection = plan_projection(Plan, shape, relations.c.relations, reflections_of(Plan, shape, in_reflections))
    found = (
        select(
            Plan.version.label("version"),
            Plan.learner_id.label("learner_id"),
            relations.c.relations.label("relations"),
        )
        .select_from(Plan)
        .join(relations, true())
        .where(Plan.tenant_id == TENANT, Plan.id == ID, may_read(shape, Section.PLAN, relations.c.relations))
    )
    if "reflections" not in include:
        return found.add_columns(projection.json(include).label("body"))
    # Who may read none is not told that there are none: the key is absent.
    body = case(
        (reads_reflections(shape, in_reflections), projection.json(include)),
        else_=projection.json(include - {"reflections"}),
    )
    return found.join(in_reflections, true()).add_columns(body.label("body"))


def _summary_body(plan: Any, shape: Shape, include: frozenset[str]) -> ColumnElement[Any]:
    wanted = include | {"blocked_actions"} if "available_actions" in include else include
    return plan_summary(plan, shape).json(wanted)


def _in_class(plan: Any, class_id: Sql, _shape: Shape) -> ColumnElement[bool]:
    students = select(Enrollment.person_id).where(
        Enrollment.tenant_id == TENANT,
        Enrollment.class_id == class_id,
        Enrollment.role == "student",
        in_force(Enrollment.from_on, Enrollment.until_on),
    )
    return plan.learner_id.in_(students)  # type: ignore[no-any-return]


VIEW_FIELDS = frozenset({*FIELDS, "learner", "relations", "available_actions", "blocked_actions"})
EXPANSIONS = {"goals", *(f"goals.{name}" for name in GOAL_EXPANSIONS), "reflections"}
PLAN_VIEW = View(
    _plan,
    section=Section.PLAN,
    opens={"reflections": (Section.REFLECTIONS, Section.PRIVATE_REFLECTIONS)},
    expansions=EXPANSIONS,
    fields=VIEW_FIELDS,
)

_SORTED = {
    "updated_at": lambda plan: (plan.updated_at, plan.id),
    "created_at": lambda plan: (plan.created_at, plan.id),
}

PLANS = Listing(
    "plans",
    Plan,
    visible=plan_visible,
    section=Section.PLAN,
    projection=plan_summary,
    body=_summary_body,
    expansions={"available_actions"},
    sorts={
        **{name: Sort(columns) for name, columns in _SORTED.items()},
        **{f"-{name}": Sort(columns, is_descending=True) for name, columns in _SORTED.items()},
    },
    filters={
        "learner_id": Filter(lambda plan, value, _: plan.learner_id == value, Uuid(), must_exist=learner_exists),
        "status": Filter(lambda plan, value, _: plan.status == value, Text()),
        "school_year": Filter(lambda plan, value, _: plan.school_year == value, Integer()),
        "class_id": Filter(_in_class, Uuid(), must_exist=class_exists),
        "mine": Filter(lambda plan, _value, shape: is_mine(plan, shape), Text()),
        "updated_since": Filter(lambda plan, value, _: plan.updated_at >= value, DateTime(timezone=True)),
    },
)


def _history(event: Any, shape: Shape) -> ColumnElement[bool]:
    """A plan's events are events: a service needs the scope for them as it does for the feed."""
    if not shape.reads_events:
        raise forbidden("events:read")
    return visible_events(event, shape)


PLAN_EVENTS = Listing(
    "plan-events",
    Event,
    visible=_history,
    shows=lambda event: event.section,
    projection=event_projection,
    sorts={
        "at": Sort(lambda event: (event.at, event.id)),
        "-at": Sort(lambda event: (event.at, event.id), is_descending=True),
    },
    filters={"plan_id": Filter(lambda event, value, _: event.plan_id == value, Uuid(), must_exist=plan_exists)},
)
