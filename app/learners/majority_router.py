"""When a learner comes of age, and rights over the record pass to the learner."""

from fastapi import APIRouter, Response

from app.core.unit_of_work import Reading, UnitOfWorkRoute, Writing
from app.learners.majority_schemas import MajorityOut, MajorityPatch
from app.learners.majority_views import MAJORITY_VIEW
from app.learners.router import LearnerId
from app.learners.service import majority as service

router = APIRouter(route_class=UnitOfWorkRoute, prefix="/v1", tags=["learners"])


@router.get("/learners/{id}/majority", response_model=MajorityOut, summary="Read when a learner comes of age")
async def get_majority(read: Reading, id: LearnerId) -> Response:
    """For whoever may see who sees the record. On `majority_on` guardians' rights end by themselves, unless
    `is_dependent` or the learner's own consent keeps them.
    """
    return await read.one(MAJORITY_VIEW, id=id)


@router.patch("/learners/{id}/majority", response_model=MajorityOut, summary="Change when a learner comes of age")
async def change_majority(write: Writing, id: LearnerId, body: MajorityPatch) -> Response:
    """Counselors, administrators, and programs that manage access. Guardians' rights follow at once, either way."""
    return await service.change_majority(write, id, body)
