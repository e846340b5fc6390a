"""Putting learners on caseloads and taking them off."""

from uuid import UUID

from sqlalchemy import Uuid, literal, select
from starlette.responses import Response

from app.core.access import require
from app.core.errors import conflict, explain_constraint, not_found
from app.core.rules import READ, Section
from app.core.schemas import MISSING
from app.core.unit_of_work import Write
from app.core.workflow import decide
from app.db.base import new_id
from app.learners.policy import load_learner
from app.roster.models import Caseload
from app.sharing.facts_workflow import ADD_CASELOAD, CASELOAD
from app.sharing.schemas.caseloads import CaseloadCreate, CaseloadPatch
from app.sharing.service.dates import check_order
from app.sharing.staff import CASELOAD_ROLES, is_staff
from app.sharing.views.caseloads import CASELOAD_ROWS, CASELOAD_VIEW

explain_constraint("pk_caseload", conflict("id_taken", "This id is taken. Make a new one."))
explain_constraint(
    "uq_caseload", conflict("caseload_exists", "This learner is on that person's caseload already. Change its dates.")
)


async def create_caseload(write: Write, learner_id: UUID, body: CaseloadCreate) -> Response:
    """The learner on the caseload of somebody of the staff."""
    check_order(body.from_on, body.until_on)
    learner, relations = await load_learner(write, learner_id, Section.ACCESS)
    require(write.principal.policy, relations, Section.ACCESS, READ)
    _, acting_as = await decide(write, ADD_CASELOAD, "add_caseload", learner, relations, is_versioned=False)
    await _check_person(write, body.person_id, body.kind)
    caseload = Caseload(
        tenant_id=learner.tenant_id,
        id=new_id() if body.id is MISSING else body.id,
        learner_id=learner.id,
        person_id=body.person_id,
        kind=body.kind,
        from_on=body.from_on,
        until_on=body.until_on,
    )
    write.session.add(caseload)
    await _record(write, caseload, "create", acting_as)
    return await write.show(CASELOAD_VIEW, status=201, location=f"/v1/caseloads/{caseload.id}", id=caseload.id)


async def change_caseload(write: Write, caseload_id: UUID, body: CaseloadPatch) -> Response:
    """A merge patch of the dates."""
    caseload, relations = await CASELOAD_ROWS.load(write, caseload_id)
    _, acting_as = await decide(write, CASELOAD, "edit", caseload, relations)
    for name, value in body.changes().items():
        setattr(caseload, name, value)
    check_order(caseload.from_on, caseload.until_on)
    if write.session.is_modified(caseload):
        await _record(write, caseload, "edit", acting_as)
    return await write.show(CASELOAD_VIEW, id=caseload.id)


async def delete_caseload(write: Write, caseload_id: UUID) -> Response:
    caseload, relations = await CASELOAD_ROWS.load(write, caseload_id)
    _, acting_as = await decide(write, CASELOAD, "delete", caseload, relations)
    await _record(write, caseload, "delete", acting_as)
    await write.session.delete(caseload)
    return Response(status_code=204)


async def _check_person(write: Write, person_id: UUID, kind: str) -> None:
    """404 for whoever has no such role today: nobody learns of other people by their ids."""
    if person_id == write.principal.person_id:
        raise conflict("own_rights", "Nobody puts a learner on her own caseload: another administrator does.")
    roles = CASELOAD_ROLES if kind == "advisor" else (kind,)
    is_known = select(is_staff(literal(person_id, Uuid()), roles))
    if not await write.session.scalar(is_known, write.principal.binds()):
        raise not_found("/person_id")


async def _record(write: Write, caseload: Caseload, action: str, acting_as: str) -> None:
    await write.record(caseload, action, section=Section.ACCESS, capacity=acting_as, learner_id=caseload.learner_id)
