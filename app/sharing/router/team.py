"""The support team of a plan."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from app.core.unit_of_work import Reading, UnitOfWorkRoute, Writing
from app.plans.router import PlanId
from app.sharing.schemas.team import TeamMemberCreate, TeamMemberList, TeamMemberOut, TeamMemberPatch, TeamQuery
from app.sharing.service import team
from app.sharing.views.team import MEMBER_VIEW, TEAM

router = APIRouter(route_class=UnitOfWorkRoute, prefix="/v1", tags=["sharing"])

MemberId = Annotated[UUID, Path(description="The place on the team.")]


@router.get("/plans/{id}/team", response_model=TeamMemberList, summary="List a plan's support team")
async def list_team_members(read: Reading, id: PlanId, query: Annotated[TeamQuery, Query()]) -> Response:
    """Everybody ever put on it and not taken off: `is_in_force` says who is on it today."""
    return await TEAM.reply(read, query, sort=query.sort, filters={"plan_id": id}, expand=query.expand)


@router.post("/plans/{id}/team", response_model=TeamMemberOut, status_code=201, summary="Put somebody on the team")
async def create_team_member(write: Writing, id: PlanId, body: TeamMemberCreate) -> Response:
    """By an advisor, counselor or case manager of the learner, or the school's administrator. For staff only: people
    outside get a grant.
    """
    return await team.create_member(write, id, body)


@router.get("/team-members/{id}", response_model=TeamMemberOut, summary="Read a place on the team")
async def get_team_member(read: Reading, id: MemberId) -> Response:
    """For everybody who reads the plan."""
    return await read.one(MEMBER_VIEW, id=id)


@router.patch("/team-members/{id}", response_model=TeamMemberOut, summary="Change a place on the team")
async def change_team_member(write: Writing, id: MemberId, body: TeamMemberPatch) -> Response:
    """The person's part or dates. Rights appear and vanish with the dates."""
    return await team.change_member(write, id, body)


@router.delete("/team-members/{id}", status_code=204, summary="Take somebody off the team")
async def delete_team_member(write: Writing, id: MemberId) -> Response:
    """Rights by the team end with the next request."""
    return await team.delete_member(write, id)
