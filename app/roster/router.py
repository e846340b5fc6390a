"""Classes."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from app.core.pagination import PageQuery
from app.core.unit_of_work import Reading, UnitOfWorkRoute
from app.roster import views
from app.roster.schemas import ClassList, ClassOut, SchoolYear

router = APIRouter(route_class=UnitOfWorkRoute, prefix="/v1/classes", tags=["classes"])


class ClassQuery(PageQuery):
    school_id: UUID | None = Field(None, description="Classes of this school.")
    school_year: SchoolYear | None = None
    sort: Literal["title", "-title"] = Field("title")


@router.get("", response_model=ClassList, summary="List classes")
async def list_classes(read: Reading, query: Annotated[ClassQuery, Query()]) -> Response:
    """The classes that you teach or attend, that a learner of yours attends, or that you administer."""
    filters = {"school_id": query.school_id, "school_year": query.school_year}
    return await views.CLASSES.reply(read, query, sort=query.sort, filters=filters)


@router.get("/{id}", response_model=ClassOut, summary="Read a class")
async def get_class(read: Reading, id: Annotated[UUID, Path()]) -> Response:
    """One class that you may know of."""
    return await read.one(views.CLASS, id=id)
