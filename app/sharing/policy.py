"""Access to what sharing itself is made of: who sees a grant, and rows loaded for a change."""

from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, false, literal_column, or_, select, true

from app.core.access import ID, PERSON, TENANT, Shape, in_force, is_barred_from, may_read, relations_to
from app.core.errors import not_found
from app.core.reads import STATEMENTS_KEPT
from app.core.rules import Section
from app.core.unit_of_work import Write
from app.learners.models import Learner
from app.learners.policy import section_visible
from app.plans.models import Plan
from app.plans.policy import held
from app.sharing.link_workflow import consent_holds
from app.sharing.models import Grant, TeamMember


def grant_in_force(grant: Any) -> ColumnElement[bool]:
    """Whether the grant gives access today, as `access_fact` has it: active, within its dates, with its consent."""
    is_active = grant.status == literal_column("'active'")
    return and_(is_active, in_force(grant.from_on, grant.until_on), consent_holds(grant))


def grant_visible(grant: Any, shape: Shape) -> ColumnElement[bool]:
    """Who reads section `access` of the learner sees all grants, a grantee her own while they are in force."""
    return grant_shown(grant, shape, section_visible(grant.learner_id, shape, Section.ACCESS))


def grant_shown(grant: Any, shape: Shape, reads_access: ColumnElement[bool]) -> ColumnElement[bool]:
    """`grant_visible`, for who has found out already whether the caller reads section `access`."""
    return and_(grant.tenant_id == TENANT, or_(reads_access, _is_own(grant, shape)))


def _is_own(grant: Any, shape: Shape) -> ColumnElement[bool]:
    if not shape.is_scoped:
        return false()
    own = and_(grant.person_id.is_not_distinct_from(PERSON), grant_in_force(grant))
    if not shape.is_barred:
        return own
    return and_(own, is_barred_from(Section.LEARNER, grant.learner_id).is_not(true()))


def held_in_access(shape: Shape, row: Any) -> Any:
    """The caller's relations, in section `access`, to the learner whom a row names, computed once a row (see
    `held_once`)."""
    relations = relations_to(shape, Section.ACCESS, learner_id=Learner.id, school_id=Learner.school_id)
    of_learner = select(relations.label("relations")).where(
        Learner.tenant_id == row.tenant_id, Learner.id == row.learner_id
    )
    return of_learner.correlate(row).offset(literal_column("0")).lateral("held")


async def load_grant(write: Write, grant_id: UUID) -> tuple[Grant, list[str]]:
    """The grant, locked, and the caller's relations to its learner in section `access`; 404 if it is not hers to
    see."""
    return await _one(write, _grant_locked(write.principal.shape), grant_id)


@lru_cache(maxsize=STATEMENTS_KEPT)
def _grant_locked(shape: Shape) -> Select[Any]:
    relations = held_in_access(shape, Grant)
    return (
        select(Grant, relations.c.relations)
        .join(relations, true())
        .where(Grant.id == ID, grant_shown(Grant, shape, may_read(shape, Section.ACCESS, relations.c.relations)))
        .with_for_update(of=Grant)
    )


async def load_team_member(write: Write, member_id: UUID) -> tuple[TeamMember, list[str]]:
    """The member, locked, and the caller's relations to the plan; 404 if the caller may not know of the plan."""
    return await _one(write, _member_locked(write.principal.shape), member_id)


@lru_cache(maxsize=STATEMENTS_KEPT)
def _member_locked(shape: Shape) -> Select[Any]:
    relations = held(shape, Plan)
    return (
        select(TeamMember, relations.c.relations)
        .join(Plan, and_(Plan.tenant_id == TeamMember.tenant_id, Plan.id == TeamMember.plan_id))
        .join(relations, true())
        .where(
            TeamMember.tenant_id == TENANT,
            TeamMember.id == ID,
            may_read(shape, Section.PLAN, relations.c.relations),
        )
        .with_for_update(of=TeamMember)
    )


async def _one(write: Write, statement: Select[Any], id: UUID) -> tuple[Any, list[str]]:
    row = (await write.session.execute(statement, {**write.principal.binds(), "id": id})).one_or_none()
    if row is None:
        raise not_found()
    return row[0], list(row[1])
