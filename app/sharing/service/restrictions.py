"""Keeping contacts from learners' records, by a court's order or the school's decision."""

from uuid import UUID

from starlette.responses import Response

from app.core.errors import conflict, explain_constraint, invalid
from app.core.rules import Section
from app.core.schemas import MISSING
from app.core.unit_of_work import Write
from app.core.workflow import decide
from app.db.base import new_id
from app.roster.models import Guardianship, GuardianshipRestriction
from app.sharing.facts_workflow import GUARDIANSHIP, RESTRICTION
from app.sharing.schemas.restrictions import RestrictionCreate, RestrictionPatch
from app.sharing.service.dates import check_order
from app.sharing.views.guardianships import GUARDIANSHIPS_TO_RESTRICT
from app.sharing.views.restrictions import RESTRICTION_ROWS, RESTRICTION_VIEW

explain_constraint("pk_guardianship_restriction", conflict("id_taken", "This id is taken. Make a new one."))


async def create_restriction(write: Write, guardianship_id: UUID, body: RestrictionCreate) -> Response:
    """It holds from the contact's next request on."""
    guardianship, relations = await GUARDIANSHIPS_TO_RESTRICT.load(write, guardianship_id)
    _, acting_as = await decide(write, GUARDIANSHIP, "add_restriction", guardianship, relations, is_versioned=False)
    restriction = GuardianshipRestriction(
        tenant_id=guardianship.tenant_id,
        id=new_id() if body.id is MISSING else body.id,
        guardianship_id=guardianship.id,
        kind=body.kind,
        sections=[] if body.sections is MISSING else body.sections,
        evidence_reference=body.evidence_reference,
        from_on=body.from_on,
        until_on=body.until_on,
    )
    _check(restriction)
    write.session.add(restriction)
    await _record(write, restriction, "create", acting_as, guardianship.learner_id)
    return await write.show(
        RESTRICTION_VIEW, status=201, location=f"/v1/restrictions/{restriction.id}", id=restriction.id
    )


async def change_restriction(write: Write, restriction_id: UUID, body: RestrictionPatch) -> Response:
    """A merge patch."""
    restriction, relations = await RESTRICTION_ROWS.load(write, restriction_id)
    _, acting_as = await decide(write, RESTRICTION, "edit", restriction, relations)
    for name, value in body.changes().items():
        setattr(restriction, name, value)
    _check(restriction)
    if write.session.is_modified(restriction):
        await _record(write, restriction, "edit", acting_as, await _learner_of(write, restriction))
    return await write.show(RESTRICTION_VIEW, id=restriction.id)


async def delete_restriction(write: Write, restriction_id: UUID) -> Response:
    """It holds no more from the contact's next request on; the event log keeps what it was."""
    restriction, relations = await RESTRICTION_ROWS.load(write, restriction_id)
    _, acting_as = await decide(write, RESTRICTION, "delete", restriction, relations)
    await _record(write, restriction, "delete", acting_as, await _learner_of(write, restriction))
    await write.session.delete(restriction)
    return Response(status_code=204)


def _check(restriction: GuardianshipRestriction) -> None:
    check_order(restriction.from_on, restriction.until_on)
    if restriction.kind == "sections" and not restriction.sections:
        raise invalid("/sections", "missing", "Say which sections are hidden from the contact.")
    if restriction.kind != "sections" and restriction.sections:
        raise invalid("/sections", "not_accepted", f"{restriction.kind} hides everything: name no sections.")


async def _learner_of(write: Write, restriction: GuardianshipRestriction) -> UUID:
    above = await write.session.get_one(Guardianship, (restriction.tenant_id, restriction.guardianship_id))
    return above.learner_id


async def _record(
    write: Write, restriction: GuardianshipRestriction, action: str, acting_as: str, learner_id: UUID
) -> None:
    await write.record(restriction, action, section=Section.RESTRICTIONS, capacity=acting_as, learner_id=learner_id)
