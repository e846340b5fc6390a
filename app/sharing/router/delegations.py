"""Substitutes."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from app.core.pagination import PageQuery
from app.core.unit_of_work import Reading, UnitOfWorkRoute, Writing
from app.sharing.schemas.delegations import DelegationCreate, DelegationList, DelegationOut, DelegationPatch
from app.sharing.service import delegations as service
from app.sharing.views.delegations import DELEGATION_VIEW, DELEGATIONS

router = APIRouter(route_class=UnitOfWorkRoute, prefix="/v1/delegations", tags=["sharing"])

DelegationId = Annotated[UUID, Path(description="The delegation.")]


class DelegationQuery(PageQuery):
    person_id: UUID | None = Field(None, description="Those in which this person stands in or is stood in for.")
    sort: Literal["from_on", "-from_on"] = Field("-from_on")


@router.get("", response_model=DelegationList, summary="List substitutes")
async def list_delegations(read: Reading, query: Annotated[DelegationQuery, Query()]) -> Response:
    """Administrators of the district see all, those of a school the ones of its staff, everybody their own."""
    return await DELEGATIONS.reply(read, query, sort=query.sort, filters={"person_id": query.person_id})


@router.post("", response_model=DelegationOut, status_code=201, responses={404: {}}, summary="Appoint a substitute")
async def create_delegation(write: Writing, body: DelegationCreate) -> Response:
    """While it holds, the substitute has the other's rights as a teacher, advisor, counselor, case manager and member
    of support teams, as far and as long as the other has them; none as family, by a grant or by an office. An
    administrator of a school appoints among its staff, for those who have learners there alone.
    """
    return await service.create_delegation(write, body)


@router.get("/{id}", response_model=DelegationOut, summary="Read a delegation")
async def get_delegation(read: Reading, id: DelegationId) -> Response:
    """With what you may do about it now."""
    return await read.one(DELEGATION_VIEW, id=id)


@router.patch("/{id}", response_model=DelegationOut, summary="Change a delegation")
async def change_delegation(write: Writing, id: DelegationId, body: DelegationPatch) -> Response:
    """Its dates and its reason; rights follow with the next request."""
    return await service.change_delegation(write, id, body)


@router.delete("/{id}", status_code=204, summary="Delete a delegation")
async def delete_delegation(write: Writing, id: DelegationId) -> Response:
    """The substitute's rights are gone with the next request."""
    return await service.delete_delegation(write, id)
