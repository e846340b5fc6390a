"""Goals and the work on them."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from app.core.pagination import PageQuery
from app.core.unit_of_work import Reading, UnitOfWorkRoute, Writing
from app.plans import goal_views as views
from app.plans.goal_schemas import (
    ActionCreate,
    ActionList,
    ActionOut,
    ActionPatch,
    ActionTransitionIn,
    GoalCreate,
    GoalList,
    GoalOut,
    GoalPatch,
    GoalStatus,
    GoalTransitionIn,
    MilestoneCreate,
    MilestoneList,
    MilestoneOut,
    MilestonePatch,
    ProgressCreate,
    ProgressList,
    ProgressOut,
)
from app.plans.router import Expand, Fields, PlanId
from app.plans.service import goals, work

router = APIRouter(route_class=UnitOfWorkRoute, prefix="/v1", tags=["goals"])

GoalId = Annotated[UUID, Path(description="The goal.")]
ActionId = Annotated[UUID, Path(description="The action.")]
MilestoneId = Annotated[UUID, Path(description="The milestone.")]


class GoalQuery(PageQuery):
    status: GoalStatus | None = None
    sort: Literal["created_at", "-created_at"] = Field("created_at")
    expand: str | None = Field(None, max_length=200, description="actions, milestones, competencies")


class ProgressQuery(PageQuery):
    sort: Literal["observed_on", "-observed_on"] = Field("observed_on")


Page = Annotated[PageQuery, Query()]


@router.get("/plans/{id}/goals", response_model=GoalList, summary="List a plan's goals")
async def list_goals(read: Reading, id: PlanId, query: Annotated[GoalQuery, Query()]) -> Response:
    """In the order in which they were made."""
    filters = {"plan_id": id, "status": query.status}
    return await views.GOALS.reply(read, query, sort=query.sort, filters=filters, expand=query.expand)


@router.post("/plans/{id}/goals", response_model=GoalOut, status_code=201, summary="Propose a goal")
async def create_goal(write: Writing, id: PlanId, body: GoalCreate) -> Response:
    """A learner's goal is agreed to by staff, staff's by the learner, a guardian's by both."""
    return await goals.create_goal(write, id, body)


@router.get("/goals/{id}", response_model=GoalOut, summary="Read a goal")
async def get_goal(read: Reading, id: GoalId, expand: Expand = None, fields: Fields = None) -> Response:
    """`expand`: actions, milestones, competencies."""
    return await read.one(views.GOAL_VIEW, expand=expand, fields=fields, id=id)


@router.patch("/goals/{id}", response_model=GoalOut, summary="Change a goal")
async def change_goal(write: Writing, id: GoalId, body: GoalPatch) -> Response:
    """Once agreed, a new target or due date needs `change_reason`."""
    return await goals.change_goal(write, id, body)


@router.delete("/goals/{id}", status_code=204, summary="Take back a proposed goal")
async def delete_goal(write: Writing, id: GoalId) -> Response:
    """Only by whoever proposed it; others decline."""
    return await goals.delete_goal(write, id)


@router.post("/goals/{id}/transitions", response_model=GoalOut, summary="Move a goal")
async def move_goal(write: Writing, id: GoalId, body: GoalTransitionIn) -> Response:
    """Agree or decline a proposal; say how an agreed goal ended."""
    return await goals.move_goal(write, id, body)


@router.get("/goals/{id}/actions", response_model=ActionList, summary="List a goal's actions")
async def list_actions(read: Reading, id: GoalId, query: Page) -> Response:
    """In the order in which they were made."""
    return await views.ACTIONS.reply(read, query, sort="created_at", filters={"goal_id": id})


@router.post("/goals/{id}/actions", response_model=ActionOut, status_code=201, summary="Add an action")
async def create_action(write: Writing, id: GoalId, body: ActionCreate) -> Response:
    """Something to do for the goal, by the learner, a guardian or staff."""
    return await work.create_action(write, id, body)


@router.get("/actions/{id}", response_model=ActionOut, summary="Read an action")
async def get_action(read: Reading, id: ActionId) -> Response:
    """With what you may do with it now."""
    return await read.one(views.ACTION_VIEW, id=id)


@router.patch("/actions/{id}", response_model=ActionOut, summary="Change an action")
async def change_action(write: Writing, id: ActionId, body: ActionPatch) -> Response:
    """While it is planned."""
    return await work.change_action(write, id, body)


@router.delete("/actions/{id}", status_code=204, summary="Delete a planned action")
async def delete_action(write: Writing, id: ActionId) -> Response:
    """While it is planned; afterwards it is part of the record."""
    return await work.delete_action(write, id)


@router.post("/actions/{id}/transitions", response_model=ActionOut, summary="Move an action")
async def move_action(write: Writing, id: ActionId, body: ActionTransitionIn) -> Response:
    """Complete, drop or reopen it."""
    return await work.move_action(write, id, body)


@router.get("/goals/{id}/milestones", response_model=MilestoneList, summary="List a goal's milestones")
async def list_milestones(read: Reading, id: GoalId, query: Page) -> Response:
    """In their order."""
    return await views.MILESTONES.reply(read, query, sort="position", filters={"goal_id": id})


@router.post("/goals/{id}/milestones", response_model=MilestoneOut, status_code=201, summary="Add a milestone")
async def create_milestone(write: Writing, id: GoalId, body: MilestoneCreate) -> Response:
    """A station on the way; `weight` counts where progress is by milestones."""
    return await work.create_milestone(write, id, body)


@router.get("/milestones/{id}", response_model=MilestoneOut, summary="Read a milestone")
async def get_milestone(read: Reading, id: MilestoneId) -> Response:
    """With what you may do with it now."""
    return await read.one(views.MILESTONE_VIEW, id=id)


@router.patch("/milestones/{id}", response_model=MilestoneOut, summary="Change a milestone")
async def change_milestone(write: Writing, id: MilestoneId, body: MilestonePatch) -> Response:
    """`is_reached` says whether it is reached."""
    return await work.change_milestone(write, id, body)


@router.delete("/milestones/{id}", status_code=204, summary="Delete a milestone")
async def delete_milestone(write: Writing, id: MilestoneId) -> Response:
    """While the plan is a draft or active."""
    return await work.delete_milestone(write, id)


@router.get("/goals/{id}/progress", response_model=ProgressList, summary="List a goal's progress")
async def list_progress(read: Reading, id: GoalId, query: Annotated[ProgressQuery, Query()]) -> Response:
    """The raw series, ready to chart."""
    return await views.PROGRESS.reply(read, query, sort=query.sort, filters={"goal_id": id})


@router.post("/goals/{id}/progress", response_model=ProgressOut, status_code=201, summary="Record progress")
async def create_progress(write: Writing, id: GoalId, body: ProgressCreate) -> Response:
    """On an agreed goal: a measurement, a note, or both."""
    return await work.record_progress(write, id, body)


@router.get("/progress/{id}", response_model=ProgressOut, summary="Read a progress entry")
async def get_progress(read: Reading, id: Annotated[UUID, Path(description="The entry.")]) -> Response:
    """One entry of the series."""
    return await read.one(views.PROGRESS_VIEW, id=id)
