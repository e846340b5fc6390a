"""Read side of the support team: for everybody who reads the plan."""

from typing import Any

from sqlalchemy import ColumnElement, Select, Uuid, and_, select, true

from app.core.access import ID, NOBODY, TENANT, Shape, in_force, may_read
from app.core.pagination import Filter, Listing, Sort
from app.core.reads import View
from app.core.rules import Section
from app.db.projection import Projection, Raw
from app.plans.models import Plan
from app.plans.policy import held, plan_exists, visible_below_plan
from app.roster.views import named
from app.sharing.models import TeamMember
from app.sharing.schemas.team import TeamMemberOut
from app.sharing.workflow import TEAM_MEMBER

_ACTIONS = frozenset({"available_actions", "blocked_actions"})
_FIELDS = ("id", "plan_id", "role", "from_on", "until_on", "version", "created_at", "updated_at")


def member_projection(member: Any, shape: Shape = NOBODY) -> Projection:
    relations = held(shape, Plan)

    def with_relations(actions: ColumnElement[Any]) -> Raw:
        plan = select(actions).select_from(Plan).join(relations, true())
        of_member = plan.where(Plan.tenant_id == member.tenant_id, Plan.id == member.plan_id)
        return Raw(of_member.correlate(member).scalar_subquery())

    return Projection(
        TeamMemberOut,
        {
            **{name: getattr(member, name) for name in _FIELDS},
            "person": named(member.tenant_id, member.person_id),
            "is_in_force": in_force(member.from_on, member.until_on),
            "available_actions": with_relations(TEAM_MEMBER.available(member, relations.c.relations, shape.policy)),
            "blocked_actions": with_relations(TEAM_MEMBER.blocked(member, relations.c.relations, shape.policy)),
        },
    )


def _listed(member: Any, shape: Shape, include: frozenset[str]) -> ColumnElement[Any]:
    return member_projection(member, shape).json(_ACTIONS if "available_actions" in include else frozenset())


def _member(shape: Shape, _include: frozenset[str]) -> Select[Any]:
    relations = held(shape, Plan)
    body = member_projection(TeamMember, shape).json(_ACTIONS).label("body")
    return (
        select(TeamMember.version.label("version"), body, TeamMember.learner_id, relations.c.relations)
        .select_from(TeamMember)
        .join(Plan, and_(Plan.tenant_id == TeamMember.tenant_id, Plan.id == TeamMember.plan_id))
        .join(relations, true())
        .where(
            TeamMember.tenant_id == TENANT, TeamMember.id == ID, may_read(shape, Section.PLAN, relations.c.relations)
        )
    )


def _by_creation(member: Any) -> tuple[Any, ...]:
    return (member.created_at, member.id)


MEMBER_VIEW = View(_member, section=Section.PLAN)

TEAM = Listing(
    "team",
    TeamMember,
    visible=lambda member, shape: visible_below_plan(member, shape, None),
    section=Section.PLAN,
    projection=member_projection,
    body=_listed,
    expansions={"available_actions"},
    sorts={"created_at": Sort(_by_creation), "-created_at": Sort(_by_creation, is_descending=True)},
    filters={"plan_id": Filter(lambda member, value, _: member.plan_id == value, Uuid(), must_exist=plan_exists)},
)
