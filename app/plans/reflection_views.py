"""Read side of reflections: those that the learner shares, and private ones."""

from typing import Any

from sqlalchemy import ColumnElement, Select, Text, Uuid, case, literal_column, select, true

from app.core.access import ID, TENANT, Shape
from app.core.pagination import Filter, Listing, Sort
from app.core.reads import View
from app.core.rules import Section
from app.db.base import Sql
from app.db.projection import Many, Projection, Raw
from app.plans.goal_views import can
from app.plans.models import Plan, Reflection
from app.plans.policy import held_in_reflections, reads_reflection, reflection_visible, reflections_exist
from app.plans.reflection_schemas import ReflectionOut, ReflectionSummary
from app.plans.workflow import PRIVATE_REFLECTION, SHARED_REFLECTION

FIELDS = ("id", "plan_id", "goal_id", "is_private", "prompt", "text", "version", "created_at", "updated_at")


def _columns(reflection: Any) -> dict[str, Any]:
    return {name: getattr(reflection, name) for name in FIELDS}


def reflection_summary(reflection: Any) -> Projection:
    return Projection(ReflectionSummary, _columns(reflection))


def reflections_of(plan: Any, shape: Shape, held: Any) -> Many:
    """The plan's reflections that the caller may see; `held` as `held_in_reflections` gives it for the plan."""
    found = (
        select()
        .select_from(Reflection)
        .where(
            Reflection.tenant_id == plan.tenant_id,
            Reflection.plan_id == plan.id,
            reads_reflection(Reflection, shape, held),
        )
        .correlate(plan, held)
    )
    return Many(reflection_summary(Reflection), found, _by_creation(Reflection))


def _reflection_projection(reflection: Any, shape: Shape, held: Any) -> Projection:
    shared = can(SHARED_REFLECTION, reflection, held.c.shared, shape.policy)
    private = can(PRIVATE_REFLECTION, reflection, held.c.private, shape.policy)
    offered = {
        name: Raw(case((reflection.is_private, private[name].expression), else_=shared[name].expression))
        for name in shared
    }
    return Projection(ReflectionOut, {**_columns(reflection), **offered})


def _reflection(shape: Shape, _include: frozenset[str]) -> Select[Any]:
    held = held_in_reflections(shape, Plan)
    body = _reflection_projection(Reflection, shape, held).json()
    return (
        select(
            Reflection.version.label("version"),
            body.label("body"),
            Reflection.learner_id.label("learner_id"),
            case((Reflection.is_private, held.c.private), else_=held.c.shared).label("relations"),
            _section(Reflection).label("section"),
        )
        .select_from(Reflection)
        .join(Plan, (Plan.tenant_id == Reflection.tenant_id) & (Plan.id == Reflection.plan_id))
        .join(held, true())
        .where(Reflection.tenant_id == TENANT, Reflection.id == ID, reads_reflection(Reflection, shape, held))
    )


def _section(reflection: Any) -> ColumnElement[str]:
    """The section that a reflection belongs to."""
    private, shared = (
        literal_column(f"'{each}'", Text()) for each in (Section.PRIVATE_REFLECTIONS, Section.REFLECTIONS)
    )
    return case((reflection.is_private, private), else_=shared)


def _is_of_kind(reflection: Any, is_private: Sql, _shape: Shape) -> ColumnElement[bool]:
    return reflection.is_private == (is_private == literal_column("'true'"))  # type: ignore[no-any-return]


def _by_creation(reflection: Any) -> tuple[Any, ...]:
    return (reflection.created_at, reflection.id)


REFLECTION_VIEW = View(_reflection, section=Section.REFLECTIONS)

REFLECTIONS = Listing(
    "reflections",
    Reflection,
    visible=reflection_visible,
    shows=_section,
    projection=reflection_summary,
    sorts={"created_at": Sort(_by_creation), "-created_at": Sort(_by_creation, is_descending=True)},
    filters={
        "plan_id": Filter(
            lambda reflection, value, _: reflection.plan_id == value, Uuid(), must_exist=reflections_exist
        ),
        "goal_id": Filter(lambda reflection, value, _: reflection.goal_id == value, Uuid()),
        "is_private": Filter(_is_of_kind, Text()),
    },
)
