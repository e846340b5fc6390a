"""Read side of "who can see this?": everybody with access to a learner's record, and by which fact."""

from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, and_, case, cast, func, null, select, true
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import aliased

from app.core.access import ID, TENANT, Shape, may_read
from app.core.reads import View
from app.core.rules import Section
from app.db.base import Sql
from app.db.projection import EMPTY_LIST, One, Projection, Raw
from app.identity.models import ServiceClient
from app.learners.models import Learner
from app.learners.policy import held
from app.roster.models import Delegation, Person
from app.roster.views import person_name
from app.sharing.models import ShareLink
from app.sharing.schemas.access import AccessFact, AccessList, FactSource, ServiceName, ShareLinkName
from app.sharing.views.facts import facts, is_current, is_not_over, reached

UPCOMING = "upcoming"
_Delegator = aliased(Person)


def fact_projection(row: Any) -> Projection:
    """One row of `reached`, with the names of whom it is about joined to it."""
    service = Projection(ServiceName, {"id": ServiceClient.id, "name": ServiceClient.name})
    link = Projection(ShareLinkName, {"id": ShareLink.id, "label": ShareLink.label})
    return Projection(
        AccessFact,
        {
            "person": One(person_name(), present=row.person_id.is_not(None)),
            "service": One(service, present=row.client_id.is_not(None)),
            "share_link": One(link, present=row.share_link_id.is_not(None)),
            "relation": row.relation,
            "plan_id": row.plan_id,
            "goal_id": row.goal_id,
            "sections": Raw(row.sections),
            "from_on": row.from_on,
            "until_on": row.until_on,
            "until_at": row.until_at,
            "is_in_force": is_current(row),
            "source": One(Projection(FactSource, {"type": row.source, "id": row.source_id})),
            "delegated_from": One(person_name(_Delegator), present=row.delegation_id.is_not(None)),
            "hidden_sections": row.hidden_sections,
        },
    )


def listed(rows: Any, sees_restrictions: ColumnElement[bool], *conditions: ColumnElement[bool]) -> ColumnElement[Any]:
    """The rows of `reached` as a JSON list, by relation and name; what restrictions hide only for who may know."""
    row = rows.c
    projection = fact_projection(row)
    body = case((sees_restrictions, projection.json({"hidden_sections"})), else_=projection.json())
    order = (
        row.rank,
        Person.family_name,
        Person.given_name,
        ServiceClient.name,
        ShareLink.label,
        row.source_id,
        row.goal_id,
        row.delegation_id,
    )
    found = (
        select(func.json_agg(aggregate_order_by(body, *order)))
        .select_from(rows)
        .outerjoin(Person, _is(Person, row.person_id))
        .outerjoin(ServiceClient, _is(ServiceClient, row.client_id))
        .outerjoin(ShareLink, _is(ShareLink, row.share_link_id))
        .outerjoin(Delegation, _is(Delegation, row.delegation_id))
        .outerjoin(_Delegator, _is(_Delegator, Delegation.delegator_id))
        .where(*conditions)
    )
    return func.coalesce(found.scalar_subquery(), EMPTY_LIST)


def _is(entity: Any, id: Sql) -> ColumnElement[bool]:
    return and_(entity.tenant_id == TENANT, entity.id == id)


def readable_learner(shape: Shape) -> tuple[Select[Any], ColumnElement[bool]]:
    """The learner of the request, if the caller reads who has access; and whether she may know of restrictions."""
    relations = held(shape, Learner, Section.ACCESS)
    restricting = held(shape, Learner, Section.RESTRICTIONS, "held_of_restrictions")
    found = (
        select(Learner.id.label("learner_id"), relations.c.relations)
        .select_from(Learner)
        .join(relations, true())
        .join(restricting, true())
        .where(Learner.tenant_id == TENANT, Learner.id == ID, may_read(shape, Section.ACCESS, relations.c.relations))
    )
    return found, may_read(shape, Section.RESTRICTIONS, restricting.c.relations)


def _access(shape: Shape, include: frozenset[str]) -> Select[Any]:
    fact = facts()
    holds = is_not_over(fact.c) if UPCOMING in include else is_current(fact.c)
    learner, sees_restrictions = readable_learner(shape)
    everybody = listed(reached(fact, shape.policy, holds), sees_restrictions)
    body = Projection(AccessList, {"items": Raw(everybody)}).json()
    return learner.add_columns(cast(null(), Integer).label("version"), body.label("body"))


ACCESS = View(_access, section=Section.ACCESS, expansions={UPCOMING})
