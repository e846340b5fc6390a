"""Read side of grants: all of a learner's for who reads section `access`, one's own for the grantee."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Select,
    Text,
    Uuid,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    or_,
    select,
    true,
)

from app.core.access import ID, NOBODY, PERSON, TENANT, Shape, granted_items, may_read
from app.core.pagination import Filter, Listing, Sort
from app.core.reads import View
from app.core.rules import Section
from app.db.base import Sql
from app.db.projection import Many, One, Projection, Raw
from app.learners.policy import section_visible
from app.plans.models import Goal, Plan
from app.plans.policy import visible_below_plan
from app.roster.models import Person
from app.roster.views import person_name
from app.sharing.models import Grant, GrantGoal
from app.sharing.policy import grant_in_force, grant_shown, grant_visible, held_in_access
from app.sharing.schemas.grants import GoalName, GrantOut, InviteOut
from app.sharing.workflow import GRANT

TOKEN: ColumnElement[str] = cast(bindparam("invitation_token", type_=Text()), Text)
TOKEN_EXPIRES: ColumnElement[datetime] = cast(
    bindparam("invitation_expires_at", type_=DateTime(timezone=True)), DateTime(timezone=True)
)
WITH_TOKEN = frozenset({"invitation_token", "invitation_expires_at"})
_ACTIONS = frozenset({"available_actions", "blocked_actions"})
_INVITED, _GOALS = frozenset({"invited"}), frozenset({"goals"})
_FIELDS = (
    "id", "plan_id", "is_outside", "status", "level", "sections", "purpose", "agreement_reference", "consent_id",
    "from_on", "until_on", "proposed_by", "proposed_as", "decided_by", "decided_at", "revoked_by", "revoked_at",
    "version", "created_at", "updated_at",
)  # fmt: skip


def _goals(grant: Any, shape: Shape, reads_plan: ColumnElement[bool]) -> Select[Any]:
    """The goals that the grant names, as far as the caller may read them."""
    may_read_goal: ColumnElement[bool] = reads_plan
    if shape.is_scoped:
        may_read_goal = or_(reads_plan, Goal.id.in_(granted_items(shape, Section.PLAN)))
    return (
        select()
        .select_from(GrantGoal)
        .join(Goal, and_(Goal.tenant_id == GrantGoal.tenant_id, Goal.id == GrantGoal.goal_id))
        .where(GrantGoal.tenant_id == grant.tenant_id, GrantGoal.grant_id == grant.id, may_read_goal)
    )


class _LookedUp:
    """What it takes to show a grant, looked up once a row: the caller's relations, and the goals she may read."""

    def __init__(self, grant: Any, shape: Shape) -> None:
        held = held_in_access(shape, grant)
        plan = select(visible_below_plan(grant, shape, None).label("is_read")).correlate(grant)
        self._plan = plan.offset(literal_column("0")).lateral("plan_seen")
        goals = Many(
            Projection(GoalName, {"id": Goal.id, "title": Goal.title}),
            _goals(grant, shape, self._plan.c.is_read).correlate(grant, self._plan),
            [Goal.created_at, Goal.id],
        )
        listed = select(goals.json(()).label("goals")).correlate(grant, self._plan)
        self._goals = listed.offset(literal_column("0")).lateral("goals_seen")
        self._held = held
        self.relations = held.c.relations
        self.goals = self._goals.c.goals

    def reads_access(self, shape: Shape) -> ColumnElement[bool]:
        return may_read(shape, Section.ACCESS, self.relations)

    def reads_goals(self) -> ColumnElement[bool]:
        return or_(self._plan.c.is_read, func.json_array_length(self.goals) > literal_column("0"))

    def joined(self, column: ColumnElement[Any], grant: Any) -> ColumnElement[Any]:
        """The column, computed of what was looked up for the grant."""
        found = select(column).select_from(self._held).join(self._plan, true()).join(self._goals, true())
        return found.correlate(grant).scalar_subquery()


def _name(grant: Any, person_id: Sql) -> One:
    person = select().where(Person.tenant_id == grant.tenant_id, Person.id == person_id)
    return One(person_name(), source=person.correlate(grant))


def grant_projection(grant: Any, shape: Shape = NOBODY, found: _LookedUp | None = None) -> Projection:
    found = found or _LookedUp(grant, shape)
    invited = {
        "email": cast(grant.invited_email, Text),
        "given_name": cast(grant.invited_given_name, Text),
        "family_name": cast(grant.invited_family_name, Text),
    }
    return Projection(
        GrantOut,
        {
            **{name: getattr(grant, name) for name in _FIELDS},
            "learner": _name(grant, grant.learner_id),
            "person": _name(grant, grant.person_id),
            "invited": One(Projection(InviteOut, invited), present=grant.invited_email.is_not(None)),
            "is_in_force": grant_in_force(grant),
            "goals": Raw(found.goals),
            "invitation_token": TOKEN,
            "invitation_expires_at": TOKEN_EXPIRES,
            "available_actions": Raw(GRANT.available(grant, found.relations, shape.policy)),
            "blocked_actions": Raw(GRANT.blocked(grant, found.relations, shape.policy)),
        },
    )


def _body(grant: Any, shape: Shape, include: frozenset[str]) -> ColumnElement[Any]:
    """The e-mail of an invitation is for who reads section `access`, goals for who reads them: else absent."""
    found = _LookedUp(grant, shape)
    projection = grant_projection(grant, shape, found)
    reads_access, reads_goals = found.reads_access(shape), found.reads_goals()
    body = case(
        (and_(reads_access, reads_goals), projection.json(include | _INVITED | _GOALS)),
        (reads_access, projection.json(include | _INVITED)),
        (reads_goals, projection.json(include | _GOALS)),
        else_=projection.json(include),
    )
    return found.joined(body, grant)


def _listed(grant: Any, shape: Shape, include: frozenset[str]) -> ColumnElement[Any]:
    return _body(grant, shape, _ACTIONS if "available_actions" in include else frozenset())


def _grant(shape: Shape, include: frozenset[str]) -> Select[Any]:
    relations = held_in_access(shape, Grant)
    body = _body(Grant, shape, include | _ACTIONS).label("body")
    return (
        select(Grant.version.label("version"), body, Grant.learner_id, relations.c.relations)
        .select_from(Grant)
        .join(relations, true())
        .where(Grant.id == ID, grant_shown(Grant, shape, may_read(shape, Section.ACCESS, relations.c.relations)))
    )


def _of_plan(plan_id: Sql, shape: Shape) -> ColumnElement[bool]:
    """Whether there is such a plan, of a learner of whom the caller reads who has access."""
    readable = section_visible(Plan.learner_id, shape, Section.ACCESS)
    return select(Plan.id).where(Plan.tenant_id == TENANT, Plan.id == plan_id, readable).exists()


def _of_person(person_id: Sql, shape: Shape) -> ColumnElement[bool]:
    """Whether the person is the caller, or has a grant that the caller sees."""
    found = select(Grant.id).where(Grant.person_id == person_id, grant_visible(Grant, shape)).exists()
    return or_(person_id.is_not_distinct_from(PERSON), found)


def _by_creation(grant: Any) -> tuple[Any, ...]:
    return (grant.created_at, grant.id)


def _names_goals(grant: Any, shape: Shape) -> ColumnElement[bool]:
    """Whether goals of the plan are shown with the grant."""
    shown = _goals(grant, shape, visible_below_plan(grant, shape, None))
    return shown.with_only_columns(GrantGoal.id).correlate(grant).exists()


GRANT_VIEW = View(_grant, section=Section.ACCESS, also=(Section.PLAN,))

_SORTS = {"created_at": Sort(_by_creation), "-created_at": Sort(_by_creation, is_descending=True)}
_STATUS = Filter(lambda grant, value, _: grant.status == value, Text())

PLAN_GRANTS = Listing(
    "plan-grants",
    Grant,
    visible=grant_visible,
    section=Section.ACCESS,
    also={Section.PLAN: _names_goals},
    projection=grant_projection,
    body=_listed,
    expansions={"available_actions"},
    sorts=_SORTS,
    filters={
        "plan_id": Filter(lambda grant, value, _: grant.plan_id == value, Uuid(), must_exist=_of_plan),
        "status": _STATUS,
    },
)
PERSON_GRANTS = Listing(
    "person-grants",
    Grant,
    visible=grant_visible,
    section=Section.ACCESS,
    also={Section.PLAN: _names_goals},
    projection=grant_projection,
    body=_listed,
    expansions={"available_actions"},
    sorts=_SORTS,
    filters={
        "person_id": Filter(lambda grant, value, _: grant.person_id == value, Uuid(), must_exist=_of_person),
        "status": _STATUS,
    },
)
