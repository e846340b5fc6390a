"""Grants: sections of a plan opened to one person."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from app.core.unit_of_work import Reading, UnitOfWorkRoute, Writing
from app.plans.router import PlanId
from app.sharing.schemas.grants import GrantCreate, GrantList, GrantOut, GrantPatch, GrantQuery, GrantTransitionIn
from app.sharing.service import grants
from app.sharing.views.grants import GRANT_VIEW, PERSON_GRANTS, PLAN_GRANTS

router = APIRouter(route_class=UnitOfWorkRoute, prefix="/v1", tags=["sharing"])

GrantId = Annotated[UUID, Path(description="The grant.")]


@router.get("/grants", response_model=GrantList, summary="List grants")
async def list_grants(read: Reading, query: Annotated[GrantQuery, Query()]) -> Response:
    """Of all learners of whom you may see who has access. A counselor's inbox: `status=proposed`, oldest first with
    `sort=created_at`, with `expand=available_actions`."""
    return await PLAN_GRANTS.reply(read, query, sort=query.sort, filters={"status": query.status}, expand=query.expand)


@router.get("/plans/{id}/grants", response_model=GrantList, summary="List a plan's grants")
async def list_plan_grants(read: Reading, id: PlanId, query: Annotated[GrantQuery, Query()]) -> Response:
    """For who may see who has access to the learner's record."""
    filters = {"plan_id": id, "status": query.status}
    return await PLAN_GRANTS.reply(read, query, sort=query.sort, filters=filters, expand=query.expand)


@router.post("/plans/{id}/grants", response_model=GrantOut, status_code=201, summary="Share a plan with somebody")
async def create_grant(write: Writing, id: PlanId, body: GrantCreate) -> Response:
    """By the learner, an advisor, counselor or case manager, and no more than they reach themselves.

    To staff and family it is active at once. To people outside (mentors, invitations by e-mail) a counselor's own is;
    everybody else's is `proposed` until a counselor or the school's administrator approves it.
    """
    return await grants.create_grant(write, id, body)


@router.get("/grants/{id}", response_model=GrantOut, summary="Read a grant")
async def get_grant(read: Reading, id: GrantId) -> Response:
    """For who may see who has access to the record; for the grantee while it is in force."""
    return await read.one(GRANT_VIEW, id=id)


@router.patch("/grants/{id}", response_model=GrantOut, summary="Change a grant")
async def change_grant(write: Writing, id: GrantId, body: GrantPatch) -> Response:
    """Its end, purpose or agreement: by who may approve it, and by who proposed it until it is decided."""
    return await grants.change_grant(write, id, body)


@router.post("/grants/{id}/transitions", response_model=GrantOut, summary="Move a grant")
async def move_grant(write: Writing, id: GrantId, body: GrantTransitionIn) -> Response:
    """Approve, decline or revoke it: what you may do now is in `available_actions`. Who is let in without an account
    gets one, and the reply has the token for its password. What is revoked gives no access from the next request on.
    """
    return await grants.move_grant(write, id, body)


@router.get("/people/{id}/grants", response_model=GrantList, summary="List a person's grants")
async def list_person_grants(
    read: Reading, id: Annotated[UUID, Path(description="The person.")], query: Annotated[GrantQuery, Query()]
) -> Response:
    """Your own: those in force. Another person's: those on learners of whom you may see who has access; 404 if there is
    none.
    """
    filters = {"person_id": id, "status": query.status}
    return await PERSON_GRANTS.reply(read, query, sort=query.sort, filters=filters, expand=query.expand)
