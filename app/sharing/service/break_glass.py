"""Opening what is hidden, for a short time and with a reason, and closing it again.

Whoever reads who has access, counselor and administrators foremost, is told by the event.
"""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from starlette.responses import Response

from app.core.access import require
from app.core.errors import conflict, explain_constraint, forbidden
from app.core.rules import AUTHORED, READ, Level, Policy, Relation, Section
from app.core.schemas import MISSING
from app.core.unit_of_work import Write
from app.core.workflow import capacity_of, decide
from app.db.base import new_id
from app.learners.policy import load_learner
from app.sharing.models import BreakGlass
from app.sharing.schemas.break_glass import BreakGlassCreate
from app.sharing.views.break_glass import BREAK_GLASS, BREAK_GLASS_VIEW, OPEN, ROWS

explain_constraint("pk_break_glass", conflict("id_taken", "This id is taken. Make a new one."))


async def open_break_glass(write: Write, learner_id: UUID, body: BreakGlassCreate) -> Response:
    """Only what is hidden from the administrator; what a restriction hides stays hidden."""
    sections = [Section(section) for section in dict.fromkeys(body.sections)]
    learner, relations = await load_learner(write, learner_id, Section.ACCESS)
    require(write.principal.policy, relations, Section.ACCESS, READ)
    acting_as = _acting_as(write.principal.policy, relations)
    await _check_hidden(write, learner_id, sections)
    glass = BreakGlass(
        tenant_id=learner.tenant_id,
        id=new_id() if body.id is MISSING else body.id,
        learner_id=learner.id,
        person_id=write.principal.person_id,
        sections=sorted(sections),
        reason=body.reason,
        expires_at=datetime.now(UTC) + timedelta(minutes=body.minutes),
    )
    write.session.add(glass)
    await _record(write, glass, "break_glass", acting_as, body.reason)
    return await write.show(BREAK_GLASS_VIEW, status=201, location=f"/v1/break-glass/{glass.id}", id=glass.id)


async def end_break_glass(write: Write, glass_id: UUID) -> Response:
    """From the next request on the sections are hidden again. That they were open stays on record."""
    glass, relations = await ROWS.load(write, glass_id)
    _, acting_as = await decide(write, BREAK_GLASS, "end", glass, relations)
    glass.ended_at = datetime.now(UTC)
    await _record(write, glass, "end", acting_as)
    return Response(status_code=204)


def _acting_as(policy: Policy, relations: Collection[str]) -> Relation:
    if not set(OPEN.words(policy)).intersection(relations):
        raise forbidden(OPEN.permission, OPEN.whose())
    return capacity_of(OPEN, relations, policy)


async def _check_hidden(write: Write, learner_id: UUID, sections: Sequence[Section]) -> None:
    policy = write.principal.policy
    closed = [section for section in sections if not policy.reaches(section, Relation.BREAK_GLASS, READ)]
    if closed:
        raise conflict("section_closed", f"Your district lets nobody open: {', '.join(closed)}.")
    seen = []
    for section in sections:
        _, relations = await load_learner(write, learner_id, section)
        _acting_as(policy, relations)  # a restriction that names the section leaves no relation in it
        if not _is_hidden(policy, section, relations):
            seen.append(section)
    if seen:
        raise conflict("not_hidden", f"You read this already: {', '.join(seen)}.")


def _is_hidden(policy: Policy, section: Section, relations: Collection[str]) -> bool:
    """Who writes notes herself reads those, and not yet what others wrote."""
    if section in AUTHORED:
        return not set(policy.words(section, READ, (Relation.BREAK_GLASS,))).intersection(relations)
    return policy.reached(relations, section) == Level.NONE


async def _record(write: Write, glass: BreakGlass, action: str, acting_as: Relation, reason: str | None = None) -> None:
    await write.record(
        glass, action, section=Section.ACCESS, capacity=acting_as, learner_id=glass.learner_id, reason=reason
    )
