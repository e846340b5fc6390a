"""Who has a learner on the caseload."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from app.core.pagination import PageQuery
from app.core.unit_of_work import Reading, UnitOfWorkRoute, Writing
from app.learners.router import LearnerId
from app.sharing.schemas.caseloads import CaseloadCreate, CaseloadList, CaseloadOut, CaseloadPatch
from app.sharing.service import caseloads as service
from app.sharing.views.caseloads import CASELOAD_VIEW, CASELOADS

router = APIRouter(route_class=UnitOfWorkRoute, prefix="/v1", tags=["sharing"])

CaseloadId = Annotated[UUID, Path(description="The caseload entry.")]


@router.get("/learners/{id}/caseloads", response_model=CaseloadList, summary="List a learner's caseloads")
async def list_caseloads(read: Reading, id: LearnerId, query: Annotated[PageQuery, Query()]) -> Response:
    """On whose caseload the learner is, was and will be. For whoever may see who sees the record."""
    return await CASELOADS.reply(read, query, sort="created_at", filters={"learner_id": id})


@router.post(
    "/learners/{id}/caseloads", response_model=CaseloadOut, status_code=201, summary="Put a learner on a caseload"
)
async def create_caseload(write: Writing, id: LearnerId, body: CaseloadCreate) -> Response:
    """For administrators of the learner's school or the district, and programs that manage access."""
    return await service.create_caseload(write, id, body)


@router.get("/caseloads/{id}", response_model=CaseloadOut, summary="Read a caseload entry")
async def get_caseload(read: Reading, id: CaseloadId) -> Response:
    """With what you may do about it now."""
    return await read.one(CASELOAD_VIEW, id=id)


@router.patch("/caseloads/{id}", response_model=CaseloadOut, summary="Change a caseload's dates")
async def change_caseload(write: Writing, id: CaseloadId, body: CaseloadPatch) -> Response:
    """Rights follow with the next request."""
    return await service.change_caseload(write, id, body)


@router.delete("/caseloads/{id}", status_code=204, summary="Take a learner off a caseload")
async def delete_caseload(write: Writing, id: CaseloadId) -> Response:
    """As if it had never been, but for the event log; to end a caseload give it an `until_on`."""
    return await service.delete_caseload(write, id)
