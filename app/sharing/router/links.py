"""Share links: for the school's people, and for who opens one."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response

from app.core.runtime import runtime_of
from app.core.unit_of_work import PublicRoute, Reading, UnitOfWorkRoute, Writing
from app.identity.router.auth import NO_STORE
from app.identity.router.signed_in import request_id_of
from app.sharing.schemas.links import (
    ShareLinkCreate,
    ShareLinkList,
    ShareLinkOpen,
    ShareLinkOut,
    ShareLinkQuery,
    ShareLinkTransitionIn,
)
from app.sharing.schemas.shared_plan import SharedPlanOut
from app.sharing.service import links as service
from app.sharing.service.link_opening import open_link
from app.sharing.views.links import LINK_VIEW, LINKS

router = APIRouter(route_class=UnitOfWorkRoute, prefix="/v1", tags=["sharing"])
public_router = APIRouter(route_class=PublicRoute, prefix="/v1", tags=["sharing"])

PlanId = Annotated[UUID, Path(description="The plan.")]
LinkId = Annotated[UUID, Path(description="The share link.")]
Fields = Annotated[str | None, Query(max_length=500, description="Only these fields, comma-separated.")]


@router.get("/share-links", response_model=ShareLinkList, summary="List share links")
async def list_share_links(read: Reading, query: Annotated[ShareLinkQuery, Query()]) -> Response:
    """Of all learners of whom you may see who has access. What waits for you: `status=proposed`, with
    `expand=available_actions`."""
    return await LINKS.reply(read, query, sort=query.sort, filters={"status": query.status}, expand=query.expand)


@router.get("/plans/{id}/share-links", response_model=ShareLinkList, summary="List a plan's share links")
async def list_plan_share_links(read: Reading, id: PlanId, query: Annotated[ShareLinkQuery, Query()]) -> Response:
    """For who may read who has access to the learner's record."""
    filters = {"plan_id": id, "status": query.status}
    return await LINKS.reply(read, query, sort=query.sort, filters=filters, expand=query.expand)


@router.post("/plans/{id}/share-links", response_model=ShareLinkOut, status_code=201, summary="Create a share link")
async def create_share_link(write: Writing, id: PlanId, body: ShareLinkCreate) -> Response:
    """Learner, advisor, counselor and case manager may. The counselor's link is active at once, and the reply holds its
    `token`, this once; everybody else's is proposed until a counselor or the school's administrator approves it.

    Build the address that you hand out with the token behind a `#`, where no server and no log sees it.
    """
    return await service.create_link(write, id, body)


# Typed, so that `/share-links/open` is no link.
@router.get("/share-links/{id:uuid}", response_model=ShareLinkOut, summary="Read a share link")
async def get_share_link(read: Reading, id: LinkId, fields: Fields = None) -> Response:
    """With how often it was opened and what you may do now. The token cannot be read again."""
    return await read.one(LINK_VIEW, fields=fields, id=id)


@router.post("/share-links/{id}/transitions", response_model=ShareLinkOut, summary="Approve or end a share link")
async def move_share_link(write: Writing, id: LinkId, body: ShareLinkTransitionIn) -> Response:
    """Approve, decline, revoke: what you may do now is in `available_actions`. The reply to `approve` holds the
    `token`, this once; a revoked link opens for nobody from then on.
    """
    return await service.move_link(write, id, body)


@public_router.post(
    "/share-links/open",
    response_model=SharedPlanOut,
    responses={401: {}, 404: {}, 429: {}},
    summary="Open a share link",
)
async def open_share_link(request: Request, body: ShareLinkOpen) -> Response:
    """Shows what the link carries, to whoever holds its token. A token that opens nothing, be it unknown, revoked or
    expired, or its consent ended, gets one answer: 404. With a good token a missing or wrong passcode is 401
    `passcode_required`; after a few wrong ones the link waits (429), ever longer.

    Every opening is counted and recorded as a disclosure.
    """
    shown = await open_link(runtime_of(request), body, request_id_of(request))
    return Response(shown, headers=NO_STORE, media_type="application/json")
