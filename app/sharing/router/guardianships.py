"""Guardians of a learner. The roster import writes them; here they are read."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from app.core.pagination import PageQuery
from app.core.unit_of_work import Reading, UnitOfWorkRoute
from app.learners.router import LearnerId
from app.sharing.schemas.guardianships import GuardianshipList, GuardianshipOut
from app.sharing.views.guardianships import GUARDIANSHIP_VIEW, GUARDIANSHIPS

router = APIRouter(route_class=UnitOfWorkRoute, prefix="/v1", tags=["sharing"])


@router.get("/learners/{id}/guardianships", response_model=GuardianshipList, summary="List a learner's guardians")
async def list_guardianships(read: Reading, id: LearnerId, query: Annotated[PageQuery, Query()]) -> Response:
    """For whoever may see who sees the record, and until when each has a guardian's rights."""
    return await GUARDIANSHIPS.reply(read, query, sort="created_at", filters={"learner_id": id})


@router.get("/guardianships/{id}", response_model=GuardianshipOut, summary="Read a guardianship")
async def get_guardianship(read: Reading, id: Annotated[UUID, Path(description="The guardianship.")]) -> Response:
    """With the restrictions in force today, for staff who may know of them."""
    return await read.one(GUARDIANSHIP_VIEW, id=id)
