"""The read side of frameworks and competencies: public within the tenant, so only its boundary is checked here."""

from typing import Any

from sqlalchemy import ColumnElement, Select, Text, and_, exists, func, or_, select
from sqlalchemy.orm import aliased
from sqlalchemy.types import Boolean, Uuid

from app.competencies.models import Association, Competency, Framework
from app.competencies.schemas import AssociationOut, CompetencyOut, CompetencySummary, FrameworkOut
from app.core.access import ID, TENANT, Shape
from app.core.pagination import Filter, Listing, Sort
from app.core.reads import View
from app.db.projection import Many, Projection

EXPANSIONS = ("children", "prerequisites", "associations")


def framework_projection(entity: Any) -> Projection:
    return Projection(FrameworkOut, {name: getattr(entity, name) for name in FrameworkOut.model_fields})


def competency_summary(entity: Any) -> Projection:
    """A competency in one line, for embedding."""
    return Projection(
        CompetencySummary,
        {
            "id": entity.id,
            "code": entity.human_coding_scheme,
            "full_statement": entity.full_statement,
            "framework_id": entity.framework_id,
        },
    )


def competency_projection(entity: Any) -> Projection:
    computed = {
        "code": entity.human_coding_scheme,
        "is_stub": entity.framework_id.is_(None),
        "children": _children(entity),
        "prerequisites": _prerequisites(entity),
        "associations": _associations(entity),
    }
    names = CompetencyOut.model_fields
    return Projection(CompetencyOut, {n: computed[n] if n in computed else getattr(entity, n) for n in names})


def _children(entity: Any) -> Many:
    child: Any = aliased(Competency)
    source = select(child).where(child.tenant_id == TENANT, child.parent_id == entity.id)
    return Many(competency_summary(child), source, order_by=[child.position, child.id])


def _prerequisites(entity: Any) -> Many:
    # Not a join: the same pair may occur in two associations.
    before: Any = aliased(Competency)
    edge: Any = aliased(Association)
    leads_here = (
        select(edge.origin_id)
        .where(
            edge.tenant_id == TENANT,
            edge.destination_id == entity.id,
            edge.type == "precedes",
            edge.is_cyclic.is_(False),
        )
        .correlate_except(edge)
    )
    source = select(before).where(before.tenant_id == TENANT, before.id.in_(leads_here))
    return Many(competency_summary(before), source, order_by=[before.position, before.id])


def _associations(entity: Any) -> Many:
    edge: Any = aliased(Association)
    projection = Projection(AssociationOut, {name: getattr(edge, name) for name in AssociationOut.model_fields})
    touches = or_(edge.origin_id == entity.id, edge.destination_id == entity.id)
    source = select(edge).where(edge.tenant_id == TENANT, touches)
    return Many(projection, source, order_by=[edge.type, edge.sequence_number, edge.id])


def _one_framework(_shape: Shape, include: frozenset[str]) -> Select[Any]:
    return _one(Framework, framework_projection(Framework).json(include))


def _one_competency(_shape: Shape, include: frozenset[str]) -> Select[Any]:
    return _one(Competency, competency_projection(Competency).json(include))


def _one(entity: Any, body: ColumnElement[Any]) -> Select[Any]:
    return select(entity.version.label("version"), body.label("body")).where(
        entity.tenant_id == TENANT, entity.id == ID
    )


def _plain_fields(projection: Projection) -> frozenset[str]:
    return frozenset(projection.columns) - projection.optional()


def _framework_is_here(value: ColumnElement[Any], _shape: Shape) -> ColumnElement[bool]:
    return exists().where(Framework.tenant_id == TENANT, Framework.id == value)


def _competency_is_here(value: ColumnElement[Any], _shape: Shape) -> ColumnElement[bool]:
    return exists().where(Competency.tenant_id == TENANT, Competency.id == value)


def _is_listed(entity: Any, _shape: Shape) -> ColumnElement[bool]:
    """Stubs are in no list: nobody imported them, others only name them."""
    return and_(entity.tenant_id == TENANT, entity.framework_id.is_not(None))


FRAMEWORK = View(_one_framework, fields=_plain_fields(framework_projection(Framework)))
COMPETENCY = View(_one_competency, expansions=EXPANSIONS, fields=_plain_fields(competency_projection(Competency)))

FRAMEWORKS = Listing(
    "frameworks",
    Framework,
    visible=lambda entity, _shape: entity.tenant_id == TENANT,
    projection=framework_projection,
    sorts={
        "title": Sort(lambda entity: [entity.title, entity.id]),
        "-title": Sort(lambda entity: [entity.title, entity.id], is_descending=True),
    },
    filters={},
)

COMPETENCIES = Listing(
    "competencies",
    Competency,
    visible=_is_listed,
    projection=competency_projection,
    sorts={"position": Sort(lambda entity: [entity.framework_id, entity.position, entity.id])},
    filters={
        "framework_id": Filter(lambda entity, value, _: entity.framework_id == value, Uuid(), _framework_is_here),
        "parent_id": Filter(lambda entity, value, _: entity.parent_id == value, Uuid(), _competency_is_here),
        "is_root": Filter(lambda entity, value, _: entity.parent_id.is_(None) == value, Boolean()),
        "code": Filter(lambda entity, value, _: entity.human_coding_scheme == value, Text()),
        "education_level": Filter(lambda entity, value, _: value == func.any(entity.education_levels), Text()),
    },
)
