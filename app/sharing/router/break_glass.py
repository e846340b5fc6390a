"""Break-glass: opening what is hidden, in an emergency."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from app.core.unit_of_work import Reading, UnitOfWorkRoute, Writing
from app.sharing.schemas.break_glass import BreakGlassCreate, BreakGlassList, BreakGlassOut, BreakGlassQuery
from app.sharing.service import break_glass as service
from app.sharing.views.break_glass import BREAK_GLASS_VIEW, BREAK_GLASSES

router = APIRouter(route_class=UnitOfWorkRoute, prefix="/v1", tags=["sharing"])

LearnerId = Annotated[UUID, Path(description="The learner.")]
BreakGlassId = Annotated[UUID, Path(description="What was opened.")]


@router.get("/learners/{id}/break-glass", response_model=BreakGlassList, summary="List what was opened by break-glass")
async def list_break_glass(read: Reading, id: LearnerId, query: Annotated[BreakGlassQuery, Query()]) -> Response:
    """What administrators opened of the learner's record, also what is over. For who reads section `access`."""
    return await BREAK_GLASSES.reply(read, query, sort=query.sort, filters={"learner_id": id})


@router.post(
    "/learners/{id}/break-glass", response_model=BreakGlassOut, status_code=201, summary="Open hidden sections"
)
async def create_break_glass(write: Writing, id: LearnerId, body: BreakGlassCreate) -> Response:
    """For administrators of the learner's school and of the district: opens sections that are hidden from them, to
    read, for a while. What they read already is a 409 `not_hidden`. An event with action `break_glass` tells counselor,
    administrators and family at once, and what is read by it stands in the access log.
    """
    return await service.open_break_glass(write, id, body)


@router.get("/break-glass/{id}", response_model=BreakGlassOut, summary="Read what was opened by break-glass")
async def get_break_glass(read: Reading, id: BreakGlassId) -> Response:
    """With whether it is in force, and what you may do now."""
    return await read.one(BREAK_GLASS_VIEW, id=id)


@router.delete("/break-glass/{id}", status_code=204, summary="End break-glass")
async def end_break_glass(write: Writing, id: BreakGlassId) -> Response:
    """Hides the sections again, at once. For who opened it and for district administrators; the record of it stays."""
    return await service.end_break_glass(write, id)
