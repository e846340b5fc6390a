"""Writing, changing and deleting working notes."""

from uuid import UUID

from starlette.responses import Response

from app.core.access import require
from app.core.errors import conflict, explain_constraint
from app.core.rules import READ, Section
from app.core.schemas import MISSING
from app.core.unit_of_work import Write
from app.core.workflow import decide
from app.db.base import new_id
from app.learners.models import StaffNote
from app.learners.note_schemas import StaffNoteCreate, StaffNotePatch
from app.learners.note_views import STAFF_NOTE
from app.learners.policy import load_learner, load_owned
from app.learners.workflow import LEARNER_ACTIONS, NOTE

explain_constraint("pk_staff_note", conflict("id_taken", "This id is taken. Make a new one."))


async def create_note(write: Write, learner_id: UUID, body: StaffNoteCreate) -> Response:
    """404 for whoever reads no staff notes on this learner."""
    learner, relations = await load_learner(write, learner_id, Section.STAFF_NOTES)
    require(write.principal.policy, relations, Section.STAFF_NOTES, READ)
    _, acting_as = await decide(write, LEARNER_ACTIONS, "add_staff_note", learner, relations, is_versioned=False)
    note = StaffNote(
        tenant_id=learner.tenant_id,
        id=new_id() if body.id is MISSING else body.id,
        learner_id=learner.id,
        author_id=write.principal.person_id,
        text=body.text,
    )
    write.session.add(note)
    await _record(write, note, "create", acting_as)
    return await write.show(STAFF_NOTE, status=201, location=f"/v1/staff-notes/{note.id}", id=note.id)


async def change_note(write: Write, note_id: UUID, body: StaffNotePatch) -> Response:
    note, relations = await load_owned(write, StaffNote, note_id, Section.STAFF_NOTES)
    _, acting_as = await decide(write, NOTE, "edit", note, relations)
    for name, value in body.changes().items():
        setattr(note, name, value)
    if write.session.is_modified(note):
        await _record(write, note, "edit", acting_as)
    return await write.show(STAFF_NOTE, id=note.id)


async def delete_note(write: Write, note_id: UUID) -> Response:
    note, relations = await load_owned(write, StaffNote, note_id, Section.STAFF_NOTES)
    _, acting_as = await decide(write, NOTE, "delete", note, relations)
    await _record(write, note, "delete", acting_as)
    await write.session.delete(note)
    return Response(status_code=204)


async def _record(write: Write, note: StaffNote, action: str, acting_as: str) -> None:
    """The event shows the text; its actor is the author, who alone sees it."""
    await write.record(note, action, section=Section.STAFF_NOTES, capacity=acting_as, learner_id=note.learner_id)
