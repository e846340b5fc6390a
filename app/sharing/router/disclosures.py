"""What of a learner's record left the school."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from app.core.unit_of_work import Reading, UnitOfWorkRoute
from app.sharing.schemas.disclosures import DisclosureList, DisclosureQuery
from app.sharing.views.disclosures import DISCLOSURES

router = APIRouter(route_class=UnitOfWorkRoute, prefix="/v1", tags=["sharing"])


@router.get("/learners/{id}/disclosures", response_model=DisclosureList, summary="List what left the school")
async def list_disclosures(
    read: Reading,
    id: Annotated[UUID, Path(description="The learner.")],
    query: Annotated[DisclosureQuery, Query()],
) -> Response:
    """Each grant to somebody outside and each opening of a share link: to whom, why, on which basis, what was shown."""
    filters = {"learner_id": id, "basis": query.basis, "since": query.since}
    return await DISCLOSURES.reply(read, query, sort=query.sort, filters=filters)
