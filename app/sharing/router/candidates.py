"""Whom a plan may be shared with."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from app.core.unit_of_work import Reading, UnitOfWorkRoute
from app.plans.router import PlanId
from app.sharing.schemas.candidates import CandidateList, CandidateQuery
from app.sharing.views.candidates import CANDIDATES

router = APIRouter(route_class=UnitOfWorkRoute, prefix="/v1/plans", tags=["sharing"])


@router.get("/{id}/share-candidates", response_model=CandidateList, summary="Search for people to share a plan with")
async def list_share_candidates(read: Reading, id: PlanId, query: Annotated[CandidateQuery, Query()]) -> Response:
    """For who may share the plan. A learner finds the people she may know: her staff, her team, her guardians. Staff
    find these too, and with `q` also staff of the school and mentors.
    """
    name = "plan_id" if query.q is None else "searched_plan_id"
    filters = {name: id, "q": query.q}
    return await CANDIDATES.reply(read, query, sort=query.sort, filters=filters, values={"of_plan": id})
