"""Staff notes: working notes, each for its author."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from app.core.pagination import PageQuery
from app.core.unit_of_work import Reading, UnitOfWorkRoute, Writing
from app.learners import note_views as views
from app.learners.note_schemas import StaffNoteCreate, StaffNoteList, StaffNoteOut, StaffNotePatch
from app.learners.router import LearnerId
from app.learners.service import notes as service

router = APIRouter(route_class=UnitOfWorkRoute, prefix="/v1", tags=["learners"])

NoteId = Annotated[UUID, Path(description="The staff note.")]


class NoteQuery(PageQuery):
    sort: Literal["created_at", "-created_at"] = Field("created_at")


@router.get("/learners/{id}/staff-notes", response_model=StaffNoteList, summary="List my notes on a learner")
async def list_staff_notes(read: Reading, id: LearnerId, query: Annotated[NoteQuery, Query()]) -> Response:
    """Your own, oldest first. Who opened the section with a reason (break-glass) sees everybody's; to learner, family,
    programs and other administrators the address does not exist.
    """
    return await views.STAFF_NOTES.reply(read, query, sort=query.sort, filters={"learner_id": id})


@router.post(
    "/learners/{id}/staff-notes", response_model=StaffNoteOut, status_code=201, summary="Write a note on a learner"
)
async def create_staff_note(write: Writing, id: LearnerId, body: StaffNoteCreate) -> Response:
    """A working note, a memory aid for yourself: the product shows it to nobody else, and to you only while you work
    with the learner. An administrator may open it with a reason, which is logged. A note that is shared with anybody
    becomes an education record, which the family may ask to see.
    """
    return await service.create_note(write, id, body)


@router.get("/staff-notes/{id}", response_model=StaffNoteOut, summary="Read a staff note")
async def get_staff_note(read: Reading, id: NoteId) -> Response:
    """With what you may do with it now."""
    return await read.one(views.STAFF_NOTE, id=id)


@router.patch("/staff-notes/{id}", response_model=StaffNoteOut, summary="Change a staff note")
async def change_staff_note(write: Writing, id: NoteId, body: StaffNotePatch) -> Response:
    """Only its author, who still works with the learner."""
    return await service.change_note(write, id, body)


@router.delete("/staff-notes/{id}", status_code=204, summary="Delete a staff note")
async def delete_staff_note(write: Writing, id: NoteId) -> Response:
    """Only its author. The event of it keeps the text, for the same readers as the note."""
    return await service.delete_note(write, id)
