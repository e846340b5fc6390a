"""Comments on plans and goals."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from app.core.pagination import PageQuery
from app.core.unit_of_work import Reading, UnitOfWorkRoute, Writing
from app.plans.comment_schemas import CommentCreate, CommentList, CommentOut, CommentPatch
from app.plans.comment_views import COMMENT_VIEW, COMMENTS
from app.plans.goal_router import GoalId
from app.plans.router import PlanId
from app.plans.service import comments

router = APIRouter(route_class=UnitOfWorkRoute, prefix="/v1", tags=["comments"])

CommentId = Annotated[UUID, Path(description="The comment.")]


class CommentQuery(PageQuery):
    sort: Literal["created_at", "-created_at"] = Field("created_at")


Page = Annotated[CommentQuery, Query()]


@router.get("/plans/{id}/comments", response_model=CommentList, summary="List the comments on a plan")
async def list_plan_comments(read: Reading, id: PlanId, query: Page) -> Response:
    """What is said about the plan as a whole, oldest first. Its goals have comments of their own."""
    return await COMMENTS.reply(read, query, sort=query.sort, filters={"plan_id": id})


@router.post("/plans/{id}/comments", response_model=CommentOut, status_code=201, summary="Comment on a plan")
async def create_plan_comment(write: Writing, id: PlanId, body: CommentCreate) -> Response:
    """In every state of the plan until it is archived. Everybody who reads the plan reads it too."""
    return await comments.comment_on_plan(write, id, body)


@router.get("/goals/{id}/comments", response_model=CommentList, summary="List the comments on a goal")
async def list_goal_comments(read: Reading, id: GoalId, query: Page) -> Response:
    """Oldest first."""
    return await COMMENTS.reply(read, query, sort=query.sort, filters={"goal_id": id})


@router.post("/goals/{id}/comments", response_model=CommentOut, status_code=201, summary="Comment on a goal")
async def create_goal_comment(write: Writing, id: GoalId, body: CommentCreate) -> Response:
    """In every state of the goal, until its plan is archived. Everybody who reads the goal reads it too."""
    return await comments.comment_on_goal(write, id, body)


@router.get("/comments/{id}", response_model=CommentOut, summary="Read a comment")
async def get_comment(read: Reading, id: CommentId) -> Response:
    """With what you may do with it now."""
    return await read.one(COMMENT_VIEW, id=id)


@router.patch("/comments/{id}", response_model=CommentOut, summary="Change a comment")
async def change_comment(write: Writing, id: CommentId, body: CommentPatch) -> Response:
    """Only by whoever wrote it and may still comment. The history keeps what it said before."""
    return await comments.change_comment(write, id, body)


@router.delete("/comments/{id}", status_code=204, summary="Delete a comment")
async def delete_comment(write: Writing, id: CommentId) -> Response:
    """Only by whoever wrote it and may still comment. The history keeps what it said."""
    return await comments.delete_comment(write, id)
