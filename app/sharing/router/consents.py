"""Consents of learners and guardians."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from app.core.pagination import PageQuery
from app.core.unit_of_work import Reading, UnitOfWorkRoute, Writing
from app.learners.router import LearnerId
from app.sharing.schemas.consents import ConsentCreate, ConsentList, ConsentOut, ConsentTransitionIn
from app.sharing.service import consents as service
from app.sharing.views.consents import CONSENT_VIEW, CONSENTS

router = APIRouter(route_class=UnitOfWorkRoute, prefix="/v1", tags=["sharing"])

ConsentId = Annotated[UUID, Path(description="The consent.")]


class ConsentQuery(PageQuery):
    sort: Literal["created_at", "-created_at"] = Field("-created_at")


@router.get("/learners/{id}/consents", response_model=ConsentList, summary="List a learner's consents")
async def list_consents(read: Reading, id: LearnerId, query: Annotated[ConsentQuery, Query()]) -> Response:
    """For whoever may see who sees the record; a recipient sees those that name the recipient."""
    return await CONSENTS.reply(read, query, sort=query.sort, filters={"learner_id": id})


@router.post("/learners/{id}/consents", response_model=ConsentOut, status_code=201, summary="Give or record a consent")
async def create_consent(write: Writing, id: LearnerId, body: ConsentCreate) -> Response:
    """In the product you sign for yourself: the learner once of age, until then a guardian. Papers are recorded by
    counselors, case managers, administrators, and programs that manage access.
    """
    return await service.create_consent(write, id, body)


@router.get("/consents/{id}", response_model=ConsentOut, summary="Read a consent")
async def get_consent(read: Reading, id: ConsentId) -> Response:
    """With what you may do about it now."""
    return await read.one(CONSENT_VIEW, id=id)


@router.post("/consents/{id}/transitions", response_model=ConsentOut, summary="Withdraw a consent")
async def move_consent(write: Writing, id: ConsentId, body: ConsentTransitionIn) -> Response:
    """By whoever gave it, the learner once of age, or staff who record consents. What rests on it ends at once."""
    return await service.move_consent(write, id, body)
