"""Read side of learners."""

from typing import Any

from sqlalchemy import ColumnElement, Select, Text, Uuid, func, literal_column, select, true
from sqlalchemy.dialects.postgresql import JSON

from app.core.access import (
    ID,
    TENANT,
    Shape,
    in_force,
    may_read,
    related_learners,
)
from app.core.pagination import Filter, Listing, Sort
from app.core.reads import View
from app.core.rules import DEFAULT, Policy, Relation, Section
from app.core.workflow import Rule, Workflow
from app.db.base import Sql
from app.db.projection import Many, Projection, Raw
from app.learners.models import Learner
from app.learners.policy import held, learner_visible
from app.learners.schemas import ExternalIdOut, LearnerOut, LearnerSummary
from app.roster.models import Enrollment, ExternalId
from app.roster.views import class_exists, org_name

CREATE_PLAN = Rule(
    "create_plan",
    by=(Relation.LEARNER, Relation.ADVISOR, Relation.COUNSELOR, Relation.CASE_MANAGER, Relation.SERVICE_WRITER),
    sources=(),
)
LEARNER_ACTIONS = Workflow((CREATE_PLAN,))


def _summary_columns(entity: Any) -> dict[str, Any]:
    return {
        "id": entity.id,
        "given_name": entity.given_name,
        "family_name": entity.family_name,
        "grade": entity.grade,
        "school_id": entity.school_id,
        "school_name": org_name(entity.tenant_id, entity.school_id),
        "version": entity.version,
        "updated_at": entity.updated_at,
    }


def learner_summary(entity: Any) -> Projection:
    return Projection(LearnerSummary, _summary_columns(entity))


def learner_projection(entity: Any, relations: Sql, policy: Policy = DEFAULT) -> Projection:
    external = Projection(
        ExternalIdOut, {"system": ExternalId.system, "type": ExternalId.type, "value": ExternalId.value}
    )
    named = select().where(ExternalId.tenant_id == entity.tenant_id, ExternalId.entity_id == entity.id)
    return Projection(
        LearnerOut,
        {
            **_summary_columns(entity),
            "external_ids": Many(external, named, [ExternalId.system, ExternalId.type, ExternalId.value]),
            "relations": relation_names(relations),
            "available_actions": Raw(LEARNER_ACTIONS.available(entity, relations, policy)),
            "blocked_actions": Raw(LEARNER_ACTIONS.blocked(entity, relations, policy)),
        },
    )


def relation_names(relations: Sql) -> Raw:
    """The distinct relations, sorted, as a JSON list."""
    each = func.unnest(relations).column_valued("each_relation")
    name = func.split_part(each, literal_column("':'"), literal_column("1"))
    ordered = select(name).distinct().order_by(name).scalar_subquery()
    return Raw(func.to_json(func.array(ordered), type_=JSON()))


def _learner(shape: Shape, _include: frozenset[str]) -> Select[Any]:
    relations = held(shape, Learner, Section.LEARNER)
    body = learner_projection(Learner, relations.c.relations, shape.policy).json()
    return (
        select(Learner.version.label("version"), body.label("body"))
        .select_from(Learner)
        .join(relations, true())
        .where(
            Learner.tenant_id == TENANT,
            Learner.id == ID,
            may_read(shape, Section.LEARNER, relations.c.relations),
        )
    )


def _in_class(entity: Any, class_id: Sql, _shape: Shape) -> ColumnElement[bool]:
    students = select(Enrollment.person_id).where(
        Enrollment.tenant_id == TENANT,
        Enrollment.class_id == class_id,
        Enrollment.role == "student",
        in_force(Enrollment.from_on, Enrollment.until_on),
    )
    return entity.id.in_(students)  # type: ignore[no-any-return]


LEARNER = View(_learner, fields=learner_projection(Learner, literal_column("'{}'")).columns)


def _by_name(learner: Any) -> tuple[Any, ...]:
    return (learner.family_name, learner.given_name, learner.id)


LEARNERS = Listing(
    "learners",
    Learner,
    visible=learner_visible,
    section=Section.LEARNER,
    projection=learner_summary,
    sorts={
        "name": Sort(_by_name),
        "-name": Sort(_by_name, is_descending=True),
    },
    filters={
        "class_id": Filter(_in_class, Uuid(), must_exist=class_exists),
        "school_id": Filter(lambda entity, value, _shape: entity.school_id == value, Uuid()),
        "grade": Filter(lambda entity, value, _shape: entity.grade == value, Text()),
        "mine": Filter(lambda entity, _value, shape: entity.id.in_(related_learners(shape, Section.LEARNER)), Text()),
    },
)
