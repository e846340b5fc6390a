"""Reflections: the learner's own words about the way so far."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from app.core.pagination import PageQuery
from app.core.unit_of_work import Reading, UnitOfWorkRoute, Writing
from app.plans.reflection_schemas import ReflectionCreate, ReflectionList, ReflectionOut, ReflectionPatch
from app.plans.reflection_views import REFLECTION_VIEW, REFLECTIONS
from app.plans.router import PlanId
from app.plans.service import reflections

router = APIRouter(route_class=UnitOfWorkRoute, prefix="/v1", tags=["reflections"])

ReflectionId = Annotated[UUID, Path(description="The reflection.")]


class ReflectionQuery(PageQuery):
    goal_id: UUID | None = Field(None, description="Reflections on this goal.")
    is_private: Literal["true", "false"] | None = Field(None, description="Only private ones, or only shared ones.")
    sort: Literal["created_at", "-created_at"] = Field("created_at")


@router.get("/plans/{id}/reflections", response_model=ReflectionList, summary="List a plan's reflections")
async def list_reflections(read: Reading, id: PlanId, query: Annotated[ReflectionQuery, Query()]) -> Response:
    """Those that you may read, oldest first. Private ones: only the learner, and an administrator who opened them with
    a reason, which is logged."""
    filters = {"plan_id": id, "goal_id": query.goal_id, "is_private": query.is_private}
    return await REFLECTIONS.reply(read, query, sort=query.sort, filters=filters)


@router.post("/plans/{id}/reflections", response_model=ReflectionOut, status_code=201, summary="Write a reflection")
async def create_reflection(write: Writing, id: PlanId, body: ReflectionCreate) -> Response:
    """Only by the learner. Private means that staff and family do not see it in the product. It is an education record
    all the same: an administrator may open it with a reason, which is logged, and law may require the school to show
    it. Tell learners so where they write.
    """
    return await reflections.create_reflection(write, id, body)


@router.get("/reflections/{id}", response_model=ReflectionOut, summary="Read a reflection")
async def get_reflection(read: Reading, id: ReflectionId) -> Response:
    """With what you may do with it now. A private one is shown to the learner, and to an administrator who opened it
    with a reason, which is logged."""
    return await read.one(REFLECTION_VIEW, id=id)


@router.patch("/reflections/{id}", response_model=ReflectionOut, summary="Change a reflection")
async def change_reflection(write: Writing, id: ReflectionId, body: ReflectionPatch) -> Response:
    """Only by the learner, who may also share it or make it private. Private means that staff and family do not see it
    in the product; it stays an education record. What they could read before stays in their history."""
    return await reflections.change_reflection(write, id, body)


@router.delete("/reflections/{id}", status_code=204, summary="Delete a reflection")
async def delete_reflection(write: Writing, id: ReflectionId) -> Response:
    """Only by the learner. The history keeps its text, for those who could read it."""
    return await reflections.delete_reflection(write, id)
