"""Profile statements: what a learner is good at, likes, and hopes for."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from app.core.pagination import PageQuery
from app.core.unit_of_work import Reading, UnitOfWorkRoute, Writing
from app.learners import statement_views as views
from app.learners.router import LearnerId
from app.learners.service import statements as service
from app.learners.statement_schemas import (
    ProfileStatementCreate,
    ProfileStatementList,
    ProfileStatementOut,
    ProfileStatementPatch,
    StatementKind,
)

router = APIRouter(route_class=UnitOfWorkRoute, prefix="/v1", tags=["learners"])

StatementId = Annotated[UUID, Path(description="The profile statement.")]


class StatementQuery(PageQuery):
    kind: StatementKind | None = None
    sort: Literal["stated_on", "-stated_on"] = Field("stated_on")


@router.get(
    "/learners/{id}/profile-statements", response_model=ProfileStatementList, summary="List a learner's profile"
)
async def list_profile_statements(read: Reading, id: LearnerId, query: Annotated[StatementQuery, Query()]) -> Response:
    """Strengths, interests and aspirations, in the order of their dates. With the learner at once:
    `GET /v1/learners/{id}?expand=profile_statements`.
    """
    filters = {"learner_id": id, "kind": query.kind}
    return await views.STATEMENTS.reply(read, query, sort=query.sort, filters=filters)


@router.post(
    "/learners/{id}/profile-statements",
    response_model=ProfileStatementOut,
    status_code=201,
    summary="Add to a learner's profile",
)
async def create_profile_statement(write: Writing, id: LearnerId, body: ProfileStatementCreate) -> Response:
    """In your own name: learners and guardians, advisors and counselors, and guests whose grant says so."""
    return await service.create_statement(write, id, body)


@router.get("/profile-statements/{id}", response_model=ProfileStatementOut, summary="Read a profile statement")
async def get_profile_statement(read: Reading, id: StatementId) -> Response:
    """With what you may do with it now."""
    return await read.one(views.STATEMENT, id=id)


@router.patch("/profile-statements/{id}", response_model=ProfileStatementOut, summary="Change a profile statement")
async def change_profile_statement(write: Writing, id: StatementId, body: ProfileStatementPatch) -> Response:
    """Only its author, for they are her words; any program that may write counts as the author of what one stated."""
    return await service.change_statement(write, id, body)


@router.delete("/profile-statements/{id}", status_code=204, summary="Delete a profile statement")
async def delete_profile_statement(write: Writing, id: StatementId) -> Response:
    """Its author, or who keeps the profile: the learner, advisor and counselor."""
    return await service.delete_statement(write, id)
