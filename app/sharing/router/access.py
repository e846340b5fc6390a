"""Who can see a learner's record, over HTTP."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from app.core.unit_of_work import Reading, UnitOfWorkRoute
from app.sharing.schemas.access import AccessList
from app.sharing.schemas.explain import AccessExplanation, ExplainQuery
from app.sharing.service import explain as service
from app.sharing.views.access import ACCESS

router = APIRouter(route_class=UnitOfWorkRoute, prefix="/v1/learners/{id}/access", tags=["sharing"])

LearnerId = Annotated[UUID, Path(description="The learner.")]
Include = Annotated[
    Literal["upcoming"] | None, Query(description="`upcoming`: also facts that are yet to come into force.")
]


@router.get("", response_model=AccessList, summary="Read who can see a learner's record")
async def list_access(read: Reading, id: LearnerId, include: Include = None) -> Response:
    """Everybody who can see something today: who, as what, which sections and how far, until when, and by which row.
    One item for each fact: who is both teacher and guardian has two. Complete, by relation and name. People whom a
    restriction keeps away are not in it. For the learner, guardians, advisors, counselors, case managers and
    administrators.
    """
    return await read.one(ACCESS, expand=include, id=id)


@router.get("/explain", response_model=AccessExplanation, summary="Explain what somebody can see or do")
async def explain_access(read: Reading, id: LearnerId, query: Annotated[ExplainQuery, Query()]) -> Response:
    """Whether a person may do something with one section of the record, by the very predicate that guards the data:
    with the facts that give it, or with what is missing. It is about rights over the record: whether the person can
    sign in, and whether a plan's status allows the step, is another matter. For the same people as the list.
    """
    return await service.explain_access(read, id, query)
