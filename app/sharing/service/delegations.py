"""Letting members of staff stand in for each other.

Their events are about no learner: who administers the whole district sees them in the feed, others read the resource.
"""

from datetime import date, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Select, Uuid, and_, literal, not_, or_, select, true
from starlette.responses import Response

from app.core.access import ID, Shape
from app.core.errors import conflict, explain_constraint, forbidden, invalid, not_found
from app.core.reads import STATEMENTS_KEPT
from app.core.rules import Relation, Section
from app.core.schemas import MISSING
from app.core.unit_of_work import Write
from app.core.workflow import capacity_of, decide
from app.db.base import new_id
from app.roster.models import Delegation
from app.sharing.facts_workflow import (
    CREATE_DELEGATION,
    DELEGATION,
    NOT_ALL_MINE,
    is_everywhere,
    stands_elsewhere,
)
from app.sharing.schemas.delegations import DelegationCreate, DelegationPatch
from app.sharing.service.dates import check_order
from app.sharing.staff import is_staff, is_staff_of_mine
from app.sharing.views.delegations import DELEGATION_VIEW, held, visible

LONGEST = timedelta(days=400)

explain_constraint("pk_delegation", conflict("id_taken", "This id is taken. Make a new one."))


async def create_delegation(write: Write, body: DelegationCreate) -> Response:
    """A substitute; a school's administrator appoints among the staff of her schools."""
    from_on = write.principal.today() if body.from_on is MISSING else body.from_on
    _check_dates(from_on, body.until_on)
    if body.delegator_id == body.delegate_id:
        raise invalid("/delegate_id", "same_person", "Nobody stands in for oneself.")
    if body.delegate_id == write.principal.person_id:
        raise conflict("own_rights", "Nobody appoints herself: another administrator does.")
    acting_as = _appointing_as(write)
    await _check_people(write, body.delegator_id, body.delegate_id)
    delegation = Delegation(
        tenant_id=write.principal.tenant_id,
        id=new_id() if body.id is MISSING else body.id,
        delegator_id=body.delegator_id,
        delegate_id=body.delegate_id,
        from_on=from_on,
        until_on=body.until_on,
        reason=body.reason,
        created_by=write.principal.person_id,
    )
    write.session.add(delegation)
    await _record(write, delegation, "create", acting_as)
    return await write.show(DELEGATION_VIEW, status=201, location=f"/v1/delegations/{delegation.id}", id=delegation.id)


async def change_delegation(write: Write, delegation_id: UUID, body: DelegationPatch) -> Response:
    """A merge patch of the dates and the reason."""
    delegation, relations = await _load(write, delegation_id)
    _, acting_as = await decide(write, DELEGATION, "edit", delegation, relations)
    if delegation.delegate_id == write.principal.person_id:
        raise conflict("own_rights", "Nobody prolongs her own rights: another administrator does.")
    for name, value in body.changes().items():
        setattr(delegation, name, value)
    _check_dates(delegation.from_on, delegation.until_on)
    if write.session.is_modified(delegation):
        await _record(write, delegation, "edit", acting_as)
    return await write.show(DELEGATION_VIEW, id=delegation.id)


async def delete_delegation(write: Write, delegation_id: UUID) -> Response:
    delegation, relations = await _load(write, delegation_id)
    _, acting_as = await decide(write, DELEGATION, "delete", delegation, relations)
    await _record(write, delegation, "delete", acting_as)
    await write.session.delete(delegation)
    return Response(status_code=204)


def _check_dates(from_on: date, until_on: date) -> None:
    check_order(from_on, until_on)
    if until_on - from_on > LONGEST:
        raise invalid("/until_on", "too_long", f"A substitute is appointed for at most {LONGEST.days} days at a time.")


def _appointing_as(write: Write) -> Relation:
    """The office in which the caller appoints substitutes; 403 without one."""
    principal = write.principal
    offices = [*principal.blanket, *([Relation.SCHOOL_ADMIN.value] if principal.school_ids else [])]
    if not set(CREATE_DELEGATION.words(principal.policy)).intersection(offices):
        raise forbidden(CREATE_DELEGATION.permission)
    return capacity_of(CREATE_DELEGATION, offices, principal.policy)


async def _check_people(write: Write, delegator_id: UUID, delegate_id: UUID) -> None:
    """404 for whoever is not of the staff in the caller's care, 403 if rights beyond it would go along."""
    delegator, delegate = literal(delegator_id, Uuid()), literal(delegate_id, Uuid())
    found = select(
        _in_my_care(delegator), _in_my_care(delegate), or_(is_everywhere(), not_(stands_elsewhere(delegator)))
    )
    row = (await write.session.execute(found, write.principal.binds())).one()
    named = (("/delegator_id", row[0]), ("/delegate_id", row[1]))
    unknown = [pointer for pointer, is_known in named if not is_known]
    if unknown:
        raise not_found(*unknown)
    if not row[2]:
        raise forbidden(CREATE_DELEGATION.permission, NOT_ALL_MINE)


def _in_my_care(person_id: Any) -> Any:
    return or_(and_(is_everywhere(), is_staff(person_id)), is_staff_of_mine(person_id))


async def _load(write: Write, delegation_id: UUID) -> tuple[Delegation, list[str]]:
    """The delegation, locked, and the caller's offices; 404 if the caller may not know of it."""
    statement = _locked(write.principal.shape)
    row = (await write.session.execute(statement, {**write.principal.binds(), "id": delegation_id})).one_or_none()
    if row is None:
        raise not_found()
    return row[0], list(row[1])


@lru_cache(maxsize=STATEMENTS_KEPT)
def _locked(shape: Shape) -> Select[Any]:
    here = held(shape)
    return (
        select(Delegation, here.c.relations)
        .join(here, true())
        .where(Delegation.id == ID, visible(Delegation, shape))
        .with_for_update(of=Delegation)
    )


async def _record(write: Write, delegation: Delegation, action: str, acting_as: str) -> None:
    await write.record(delegation, action, section=Section.ACCESS, capacity=acting_as)
