"""Read side of substitutes. They belong to no learner: two people have them, and administrators see them."""

from typing import Any

from sqlalchemy import ColumnElement, Select, Text, Uuid, and_, case, func, literal_column, or_, select, true
from sqlalchemy.dialects.postgresql import ARRAY, array

from app.core.access import BLANKET, ID, PERSON, TENANT, Shape, held_once, in_force, reads_all
from app.core.pagination import Filter, Listing, Sort
from app.core.reads import View
from app.core.rules import READ, Policy, Relation, Section
from app.db.base import Sql
from app.db.projection import Projection, Raw
from app.roster.models import Delegation
from app.roster.views import named
from app.sharing.facts_workflow import DELEGATION
from app.sharing.schemas.delegations import DelegationOut, DelegationSummary
from app.sharing.staff import is_staff_of_mine

_FIELDS = ("id", "from_on", "until_on", "reason", "created_by", "version", "created_at", "updated_at")


def held(shape: Shape) -> Any:
    """The offices by which the caller sees and changes the delegation, as relation words, computed once a row."""
    words: ColumnElement[Any] = BLANKET
    if _is_school_admin(shape):
        none: ColumnElement[Any] = literal_column("'{}'::text[]", ARRAY(Text()))
        at_school = case((_is_mine(Delegation), array([literal_column("'school_admin'", Text())])), else_=none)
        words = func.array_cat(BLANKET, at_school, type_=ARRAY(Text()))
    return held_once(words)


def visible(delegation: Any, shape: Shape) -> ColumnElement[bool]:
    inside: ColumnElement[bool] = delegation.tenant_id == TENANT
    if reads_all(shape, Section.ACCESS):
        return inside
    ways = [delegation.delegator_id == PERSON, delegation.delegate_id == PERSON]
    if _is_school_admin(shape):
        ways.append(_is_mine(delegation))
    return and_(inside, or_(*ways))


def _is_school_admin(shape: Shape) -> bool:
    return shape.schools > 0 and shape.policy.reaches(Section.ACCESS, Relation.SCHOOL_ADMIN, READ)


def _is_mine(delegation: Any) -> ColumnElement[bool]:
    """Whether one of the two stands at a school that the caller administers."""
    return or_(is_staff_of_mine(delegation.delegator_id), is_staff_of_mine(delegation.delegate_id))


def _columns(delegation: Any) -> dict[str, Any]:
    return {
        **{name: getattr(delegation, name) for name in _FIELDS},
        "delegator": named(delegation.tenant_id, delegation.delegator_id),
        "delegate": named(delegation.tenant_id, delegation.delegate_id),
        "is_in_force": in_force(delegation.from_on, delegation.until_on),
    }


def _summary(delegation: Any) -> Projection:
    return Projection(DelegationSummary, _columns(delegation))


def _projection(delegation: Any, relations: Sql, policy: Policy) -> Projection:
    return Projection(
        DelegationOut,
        {
            **_columns(delegation),
            "available_actions": Raw(DELEGATION.available(delegation, relations, policy)),
            "blocked_actions": Raw(DELEGATION.blocked(delegation, relations, policy)),
        },
    )


def _delegation(shape: Shape, _include: frozenset[str]) -> Select[Any]:
    here = held(shape)
    body = _projection(Delegation, here.c.relations, shape.policy).json()
    return (
        select(Delegation.version.label("version"), body.label("body"))
        .select_from(Delegation)
        .join(here, true())
        .where(Delegation.id == ID, visible(Delegation, shape))
    )


def _names(delegation: Any, person_id: Sql, _shape: Shape) -> ColumnElement[bool]:
    return or_(delegation.delegator_id == person_id, delegation.delegate_id == person_id)


DELEGATION_VIEW = View(_delegation)
DELEGATIONS = Listing(
    "delegations",
    Delegation,
    visible=visible,
    section=Section.ACCESS,
    projection=_summary,
    sorts={
        "from_on": Sort(lambda delegation: (delegation.from_on, delegation.id)),
        "-from_on": Sort(lambda delegation: (delegation.from_on, delegation.id), is_descending=True),
    },
    filters={"person_id": Filter(_names, Uuid())},
)
