"""Read side of learners."""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, Uuid, case, func, literal_column, select, true
from sqlalchemy.dialects.postgresql import JSON

from app.core.access import (
    ID,
    TENANT,
    Shape,
    has_any,
    in_force,
    may_read,
    related_learners,
)
from app.core.pagination import Filter, Listing, Sort
from app.core.reads import View
from app.core.rules import READ, Policy, Relation, Section
from app.db.base import Sql
from app.db.projection import Many, Projection, Raw
from app.learners.models import Learner, ProfileStatement
from app.learners.policy import held_in, learner_visible
from app.learners.schemas import ExternalIdOut, LearnerOut, LearnerSummary
from app.learners.statement_views import by_date, statement_summary
from app.learners.workflow import LEARNER_ACTIONS
from app.roster.models import Enrollment, ExternalId
from app.roster.views import class_exists, org_name

SECTIONS = (Section.LEARNER, *(rule.section for rule in LEARNER_ACTIONS.rules))
"""In which the caller's relations count for what is shown of a learner."""
INSIDERS = tuple(each for each in Relation if each not in (Relation.GRANTEE, Relation.TEAM_MEMBER))
"""Everybody but guests, whom the roster may know nothing of."""


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


def learner_projection(entity: Any, relations: Mapping[Section, Sql], policy: Policy) -> Projection:
    external = Projection(
        ExternalIdOut, {"system": ExternalId.system, "type": ExternalId.type, "value": ExternalId.value}
    )
    named = select().where(ExternalId.tenant_id == entity.tenant_id, ExternalId.entity_id == entity.id)
    stated = select().where(ProfileStatement.tenant_id == entity.tenant_id, ProfileStatement.learner_id == entity.id)
    return Projection(
        LearnerOut,
        {
            **_summary_columns(entity),
            "external_ids": Many(external, named, [ExternalId.system, ExternalId.type, ExternalId.value]),
            "relations": relation_names(relations[Section.LEARNER]),
            "available_actions": Raw(LEARNER_ACTIONS.available(entity, relations, policy)),
            "blocked_actions": Raw(LEARNER_ACTIONS.blocked(entity, relations, policy)),
            "profile_statements": Many(statement_summary(ProfileStatement), stated, by_date(ProfileStatement)),
        },
    )


def relation_names(relations: Sql) -> Raw:
    """The distinct relations, sorted, as a JSON list."""
    each = func.unnest(relations).column_valued("each_relation")
    name = func.split_part(each, literal_column("':'"), literal_column("1"))
    ordered = select(name).distinct().order_by(name).scalar_subquery()
    return Raw(func.to_json(func.array(ordered), type_=JSON()))


def _learner(shape: Shape, include: frozenset[str]) -> Select[Any]:
    held = held_in(shape, Learner, SECTIONS)
    relations = {section: each.c.relations for section, each in held.items()}
    projection = learner_projection(Learner, relations, shape.policy)
    shown: dict[str, ColumnElement[bool]] = {}
    if shape.is_scoped:
        shown["external_ids"] = has_any(relations[Section.LEARNER], shape.policy.words(Section.LEARNER, READ, INSIDERS))
    if "profile_statements" in include:
        shown["profile_statements"] = may_read(shape, Section.PROFILE, relations[Section.PROFILE])
    body = _body(projection, shown, () if shape.is_scoped else ("external_ids",))
    learner = select(
        Learner.version.label("version"),
        body.label("body"),
        Learner.id.label("learner_id"),
        relations[Section.LEARNER].label("relations"),
    ).select_from(Learner)
    for each in dict.fromkeys(held.values()):
        learner = learner.join(each, true())
    return learner.where(
        Learner.tenant_id == TENANT,
        Learner.id == ID,
        may_read(shape, Section.LEARNER, relations[Section.LEARNER]),
    )


def _body(
    projection: Projection, shown: Mapping[str, ColumnElement[bool]], include: Collection[str]
) -> ColumnElement[Any]:
    """The reply with each of the optional fields where its condition holds; elsewhere it is absent, not null."""
    if not shown:
        return projection.json(include)
    (name, holds), *others = shown.items()
    return case(
        (holds, _body(projection, dict(others), (*include, name))), else_=_body(projection, dict(others), include)
    )


def _in_class(entity: Any, class_id: Sql, _shape: Shape) -> ColumnElement[bool]:
    students = select(Enrollment.person_id).where(
        Enrollment.tenant_id == TENANT,
        Enrollment.class_id == class_id,
        Enrollment.role == "student",
        in_force(Enrollment.from_on, Enrollment.until_on),
    )
    return entity.id.in_(students)  # type: ignore[no-any-return]


EXPANSIONS = frozenset({"profile_statements"})
LEARNER = View(
    _learner,
    section=Section.LEARNER,
    opens={"profile_statements": (Section.PROFILE,)},
    expansions=EXPANSIONS,
    fields=frozenset(LearnerOut.model_fields) - EXPANSIONS,
)


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
