"""Whom a plan may be shared with: a learner is shown only people she may know already."""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    Uuid,
    and_,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import JSON

from app.core.access import PERSON, TENANT, Shape, access_fact, has_any
from app.core.pagination import Filter, Listing, Permit, Sort
from app.core.rules import Section
from app.db.base import Sql
from app.db.projection import Projection, Raw
from app.learners.models import Learner
from app.plans.models import Plan
from app.plans.policy import held, plan_exists
from app.plans.workflow import SHARE
from app.roster.models import Person, RoleAssignment
from app.sharing.people import (
    MENTOR,
    STAFF,
    is_kept_away,
    is_outside,
    is_pupil,
    relations_of_today,
    roles_of_today,
)
from app.sharing.schemas.candidates import CandidateOut

OF_PLAN: ColumnElement[Any] = bindparam("of_plan", type_=Uuid())
"""The plan in the path, which says to whom people are close."""
_ROLES = (*STAFF, MENTOR, "guardian")


def _learner_id() -> ColumnElement[Any]:
    return select(Plan.learner_id).where(Plan.tenant_id == TENANT, Plan.id == OF_PLAN).scalar_subquery()


def _school_id() -> ColumnElement[Any]:
    found = select(Learner.school_id).where(Learner.tenant_id == TENANT, Learner.id == _learner_id())
    return found.scalar_subquery()


def _words(found: Select[Any], word: Any) -> Raw:
    """The distinct words, sorted, as a JSON list."""
    listed = found.distinct().order_by(word).scalar_subquery()
    return Raw(func.to_json(func.array(listed), type_=JSON()))


def candidate_projection(person: Any) -> Projection:
    relations = relations_of_today(_learner_id(), access_fact.c.relation).where(access_fact.c.person_id == person.id)
    roles = roles_of_today(RoleAssignment.role, among=_ROLES).where(RoleAssignment.person_id == person.id)
    return Projection(
        CandidateOut,
        {
            "id": person.id,
            "given_name": person.given_name,
            "family_name": person.family_name,
            "relations": _words(relations, access_fact.c.relation),
            "roles": _words(roles, RoleAssignment.role),
            "is_outside": is_outside(person.id, _learner_id()),
        },
    )


def _possible(person: Any, _shape: Shape) -> ColumnElement[bool]:
    """Anybody but the caller, pupils, and those whom a restriction keeps from the learner."""
    is_other = and_(person.tenant_id == TENANT, person.id != PERSON)
    return and_(is_other, ~is_pupil(person.id), ~is_kept_away(person.id, _learner_id()))


def _close(person: Any, _plan_id: Sql, _shape: Shape) -> ColumnElement[bool]:
    return person.id.in_(relations_of_today(_learner_id(), access_fact.c.person_id))  # type: ignore[no-any-return]


def _known(person: Any, _plan_id: Sql, _shape: Shape) -> ColumnElement[bool]:
    """Those close to the learner; for staff also the school's staff, and mentors."""
    is_staff = _learner_id().is_distinct_from(PERSON)
    at_school = roles_of_today(RoleAssignment.person_id, among=STAFF).where(RoleAssignment.org_id == _school_id())
    mentors = roles_of_today(RoleAssignment.person_id, among=(MENTOR,))
    return person.id.in_(  # type: ignore[no-any-return]
        union_all(
            relations_of_today(_learner_id(), access_fact.c.person_id),
            at_school.where(is_staff),
            mentors.where(is_staff),
        )
    )


def _named_like(person: Any, q: Sql, _shape: Shape) -> ColumnElement[bool]:
    """Part of a name, whatever the case; names are people's own, so nothing in `q` is a pattern."""
    space: ColumnElement[Any] = literal_column("' '", Text())
    wanted = func.lower(q)
    names = (person.given_name + space + person.family_name, person.family_name + space + person.given_name)
    return or_(*(func.strpos(func.lower(name), wanted) > literal_column("0") for name in names))


def _may_share(plan_id: Sql, shape: Shape) -> ColumnElement[bool]:
    rule = SHARE
    assert rule is not None
    relations = held(shape, Plan)
    found = select(Plan.id).join(relations, true()).where(Plan.tenant_id == TENANT, Plan.id == plan_id)
    return found.where(has_any(relations.c.relations, rule.words(shape.policy))).exists()


_PERMIT = Permit("plans:write", _may_share)

CANDIDATES = Listing(
    "share-candidates",
    Person,
    visible=_possible,
    shows=Section.ACCESS,
    learner=lambda _person: _learner_id(),
    projection=candidate_projection,
    sorts={"name": Sort(lambda person: (person.family_name, person.given_name, person.id))},
    filters={
        "plan_id": Filter(_close, Uuid(), must_exist=plan_exists, permit=_PERMIT),
        "searched_plan_id": Filter(_known, Uuid(), must_exist=plan_exists, permit=_PERMIT),
        "q": Filter(_named_like, Text()),
    },
)
