"""Plans, and what hangs below a plan's address."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field

from app.core.pagination import PageQuery
from app.core.schemas import UtcInstant
from app.core.unit_of_work import Reading, UnitOfWorkRoute, Writing
from app.plans import views
from app.plans.schemas import EventList, PlanCreate, PlanList, PlanOut, PlanPatch, PlanStatus, PlanTransitionIn
from app.plans.service import plans as service
from app.roster.schemas import SchoolYear

router = APIRouter(route_class=UnitOfWorkRoute, prefix="/v1/plans", tags=["plans"])

PlanId = Annotated[UUID, Path(description="The plan.")]
Expand = Annotated[
    str | None, Query(max_length=500, description="What to include, comma-separated.", examples=["goals,goals.actions"])
]
Fields = Annotated[str | None, Query(max_length=500, description="Only these fields, comma-separated.")]


class PlanQuery(PageQuery):
    learner_id: UUID | None = Field(None, description="Plans of this learner.")
    status: PlanStatus | None = None
    school_year: SchoolYear | None = None
    class_id: UUID | None = Field(None, description="Plans of this class's students.")
    mine: Literal["true"] | None = Field(None, description="Only learners with a relation to you yourself.")
    updated_since: UtcInstant | None = Field(None, description="Plans changed at or after this instant.")
    sort: Literal["updated_at", "-updated_at", "created_at", "-created_at"] = Field("-updated_at")
    expand: str | None = Field(None, max_length=200, description="`available_actions`: what you may do with each.")


class EventQuery(PageQuery):
    sort: Literal["at", "-at"] = Field("-at")


@router.get("", response_model=PlanList, responses={404: {}}, summary="List plans")
async def list_plans(read: Reading, query: Annotated[PlanQuery, Query()]) -> Response:
    """Every plan that you may see."""
    names = ("learner_id", "status", "school_year", "class_id", "mine", "updated_since")
    filters = {name: getattr(query, name) for name in names}
    return await views.PLANS.reply(read, query, sort=query.sort, filters=filters, expand=query.expand)


@router.post("", response_model=PlanOut, status_code=201, responses={404: {}}, summary="Create a plan")
async def create_plan(write: Writing, body: PlanCreate) -> Response:
    """A draft for one learner and school year."""
    return await service.create_plan(write, body)


@router.get("/{id}", response_model=PlanOut, summary="Read a plan")
async def get_plan(read: Reading, id: PlanId, expand: Expand = None, fields: Fields = None) -> Response:
    """With what you may do now. `expand`: goals, goals.actions, goals.milestones, goals.competencies, reflections."""
    return await read.one(views.PLAN_VIEW, expand=expand, fields=fields, id=id)


@router.patch("/{id}", response_model=PlanOut, summary="Change a plan")
async def change_plan(write: Writing, id: PlanId, body: PlanPatch) -> Response:
    """The plan's own fields, while it is a draft or active. Goals have addresses of their own."""
    return await service.change_plan(write, id, body)


@router.post("/{id}/transitions", response_model=PlanOut, summary="Move a plan")
async def move_plan(write: Writing, id: PlanId, body: PlanTransitionIn) -> Response:
    """Submit, withdraw, return, approve, close, reopen, archive: what you may do now is in `available_actions`."""
    return await service.move_plan(write, id, body)


@router.get("/{id}/events", response_model=EventList, summary="Read a plan's history")
async def list_plan_events(read: Reading, id: PlanId, query: Annotated[EventQuery, Query()]) -> Response:
    """Who did what, when and as what; each event is shown to who may see its section."""
    return await views.PLAN_EVENTS.reply(read, query, sort=query.sort, filters={"plan_id": id})
