"""What contacts are kept from."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from app.core.pagination import PageQuery
from app.core.unit_of_work import Reading, UnitOfWorkRoute, Writing
from app.sharing.schemas.restrictions import RestrictionCreate, RestrictionList, RestrictionOut, RestrictionPatch
from app.sharing.service import restrictions as service
from app.sharing.views.restrictions import RESTRICTION_VIEW, RESTRICTIONS

router = APIRouter(route_class=UnitOfWorkRoute, prefix="/v1", tags=["sharing"])

GuardianshipId = Annotated[UUID, Path(description="The guardianship.")]
RestrictionId = Annotated[UUID, Path(description="The restriction.")]


@router.get("/guardianships/{id}/restrictions", response_model=RestrictionList, summary="List a contact's restrictions")
async def list_restrictions(read: Reading, id: GuardianshipId, query: Annotated[PageQuery, Query()]) -> Response:
    """For staff around the learner and administrators. Neither the family nor the contact sees that there are any."""
    return await RESTRICTIONS.reply(read, query, sort="created_at", filters={"guardianship_id": id})


@router.post(
    "/guardianships/{id}/restrictions", response_model=RestrictionOut, status_code=201, summary="Restrict a contact"
)
async def create_restriction(write: Writing, id: GuardianshipId, body: RestrictionCreate) -> Response:
    """It overrides the guardianship and every other role and grant of the contact, from the next request on.

    For counselors, administrators, and programs that manage access.
    """
    return await service.create_restriction(write, id, body)


@router.get("/restrictions/{id}", response_model=RestrictionOut, summary="Read a restriction")
async def get_restriction(read: Reading, id: RestrictionId) -> Response:
    """With what you may do about it now."""
    return await read.one(RESTRICTION_VIEW, id=id)


@router.patch("/restrictions/{id}", response_model=RestrictionOut, summary="Change a restriction")
async def change_restriction(write: Writing, id: RestrictionId, body: RestrictionPatch) -> Response:
    """To lift one give it an `until_on`. It holds as changed from the contact's next request on."""
    return await service.change_restriction(write, id, body)


@router.delete("/restrictions/{id}", status_code=204, summary="Delete a restriction")
async def delete_restriction(write: Writing, id: RestrictionId) -> Response:
    """For what was entered by mistake; the event log keeps what it was."""
    return await service.delete_restriction(write, id)
