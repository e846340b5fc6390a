"""Learners."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from app.core.pagination import PageQuery
from app.core.unit_of_work import Reading, UnitOfWorkRoute
from app.learners import views
from app.learners.schemas import LearnerList, LearnerOut

router = APIRouter(route_class=UnitOfWorkRoute, prefix="/v1", tags=["learners"])

LearnerId = Annotated[UUID, Path(description="The learner.")]
Expand = Annotated[
    str | None,
    Query(max_length=100, description="What to include: `profile_statements`.", examples=["profile_statements"]),
]
Fields = Annotated[str | None, Query(max_length=500, description="Only these fields, comma-separated.")]


class MyLearnerQuery(PageQuery):
    class_id: UUID | None = Field(None, description="Students of this class.")
    grade: str | None = Field(None, min_length=1, max_length=20, examples=["09"])
    sort: Literal["name", "-name"] = Field("name", description="By family name, then given name.")


class LearnerQuery(MyLearnerQuery):
    school_id: UUID | None = Field(None, description="Learners of this school.")


@router.get("/learners", response_model=LearnerList, responses={404: {}}, summary="List learners")
async def list_learners(read: Reading, query: Annotated[LearnerQuery, Query()]) -> Response:
    """Every learner that you may know of."""
    filters = {"class_id": query.class_id, "school_id": query.school_id, "grade": query.grade}
    return await views.LEARNERS.reply(read, query, sort=query.sort, filters=filters)


@router.get("/me/learners", response_model=LearnerList, responses={404: {}}, summary="List my learners")
async def list_my_learners(read: Reading, query: Annotated[MyLearnerQuery, Query()]) -> Response:
    """Those with a relation to you yourself: your students, your caseload, your children, or you."""
    filters = {"class_id": query.class_id, "grade": query.grade, "mine": "true"}
    return await views.LEARNERS.reply(read, query, sort=query.sort, filters=filters)


@router.get("/learners/{id}", response_model=LearnerOut, summary="Read a learner")
async def get_learner(read: Reading, id: LearnerId, expand: Expand = None, fields: Fields = None) -> Response:
    """A learner you have a relation to, with what you are to the learner. `expand`: profile_statements."""
    return await read.one(views.LEARNER, expand=expand, fields=fields, id=id)
