"""Read side of staff notes."""

from typing import Any

from sqlalchemy import ColumnElement, Select, Uuid, and_

from app.core.access import PERSON, TENANT, Shape
from app.core.pagination import Filter, Listing, Sort
from app.core.reads import View
from app.core.rules import Policy, Section
from app.db.base import Sql
from app.db.projection import Projection, Raw
from app.learners.models import Learner, StaffNote
from app.learners.note_schemas import StaffNoteOut, StaffNoteSummary
from app.learners.policy import held, one_owned, section_visible
from app.learners.workflow import NOTE
from app.roster.views import named

FIELDS = ("id", "learner_id", "text", "version", "created_at", "updated_at")


def _columns(note: Any) -> dict[str, Any]:
    fields = {name: getattr(note, name) for name in FIELDS}
    return {**fields, "author": named(note.tenant_id, note.author_id)}


def _note_summary(note: Any) -> Projection:
    return Projection(StaffNoteSummary, _columns(note))


def _note_projection(note: Any, relations: Sql, policy: Policy) -> Projection:
    return Projection(
        StaffNoteOut,
        {
            **_columns(note),
            "available_actions": Raw(NOTE.available(note, relations, policy)),
            "blocked_actions": Raw(NOTE.blocked(note, relations, policy)),
        },
    )


def _note(shape: Shape, _include: frozenset[str]) -> Select[Any]:
    relations = held(shape, Learner, Section.STAFF_NOTES)
    body = _note_projection(StaffNote, relations.c.relations, shape.policy).json()
    columns = (
        StaffNote.version.label("version"),
        body.label("body"),
        StaffNote.learner_id.label("learner_id"),
        relations.c.relations.label("relations"),
    )
    return one_owned(StaffNote, shape, Section.STAFF_NOTES, relations, *columns)


def _visible(note: Any, shape: Shape) -> ColumnElement[bool]:
    return and_(note.tenant_id == TENANT, section_visible(note.learner_id, shape, Section.STAFF_NOTES, note.author_id))


def _may_have_notes(learner_id: Sql, shape: Shape) -> ColumnElement[bool]:
    """Whether notes on the learner would be the caller's to read, if she had written them."""
    return section_visible(learner_id, shape, Section.STAFF_NOTES, PERSON)


def _by_creation(note: Any) -> tuple[Any, ...]:
    return (note.created_at, note.id)


STAFF_NOTE = View(_note, section=Section.STAFF_NOTES)
STAFF_NOTES = Listing(
    "staff-notes",
    StaffNote,
    visible=_visible,
    shows=Section.STAFF_NOTES,
    projection=_note_summary,
    sorts={"created_at": Sort(_by_creation), "-created_at": Sort(_by_creation, is_descending=True)},
    filters={
        "learner_id": Filter(lambda note, value, _shape: note.learner_id == value, Uuid(), must_exist=_may_have_notes)
    },
)
