"""Who has looked."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from app.core.unit_of_work import Reading, UnitOfWorkRoute
from app.sharing.schemas.access_log import LookList, LookQuery
from app.sharing.service import access_log as service

router = APIRouter(route_class=UnitOfWorkRoute, prefix="/v1", tags=["sharing"])


@router.get("/learners/{id}/access-log", response_model=LookList, summary="List who has looked")
async def list_access_log(
    read: Reading,
    id: Annotated[UUID, Path(description="The learner.")],
    query: Annotated[LookQuery, Query()],
) -> Response:
    """Every request that showed somebody other than the learner something of the record, newest first: who looked, as
    what, at which sections. Changes are in the plan's history and in `/v1/changes`. For who reads section `access`.
    """
    return await service.list_looks(read, id, query)
