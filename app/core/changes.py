"""`GET /v1/changes`: what changed since event number n, for delta sync. Only what the caller may see."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from sqlalchemy import (
    BigInteger,
    Integer,
    Text,
    bindparam,
    column,
    func,
    literal_column,
    select,
    table,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import aliased
from sqlalchemy.types import Uuid

from app.core.access import TENANT, Shape, reads_all
from app.core.errors import Problem, forbidden
from app.core.event_views import EventOut, event_projection, visible_events
from app.core.events import Event
from app.core.looks import list_columns, list_totals, shown_by_list
from app.core.pagination import MAX_LIMIT, Limit
from app.core.principal import Principal
from app.core.reads import compiled_for, with_caller
from app.core.replies import json_reply
from app.core.rules import Section
from app.core.schemas import MAX_INTEGER, Output, plain_integer
from app.core.unit_of_work import Reading, UnitOfWorkRoute
from app.db.read import Statement

router = APIRouter(route_class=UnitOfWorkRoute, prefix="/v1/changes", tags=["changes"])

_tenant = table("tenant", column("id", Uuid()), column("last_event_seq", BigInteger()))


class ChangesQuery(BaseModel):
    after: Annotated[int, Field(ge=0, le=MAX_INTEGER), BeforeValidator(plain_integer)] = Field(
        0, description="The `next_after` of the call before; 0 for the beginning. A number not yet given is a 400."
    )
    limit: Limit = MAX_LIMIT


class ChangesOut(Output):
    """Events in the order of their numbers. A deletion is an event like any other, with action `delete`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [], "next_after": 4711, "has_more": False}]})

    items: list[EventOut]
    next_after: int = Field(description="Send as `after` next time.")
    has_more: bool = Field(description="Whether more can be read at once.")


@compiled_for
def _changes(shape: Shape) -> Statement:
    after = bindparam("after", type_=BigInteger())
    limit = bindparam("page_limit", type_=Integer())
    head = select(_tenant.c.last_event_seq).where(_tenant.c.id == TENANT).scalar_subquery()
    cut = (
        select(Event)
        .where(Event.seq > after, visible_events(Event, shape))
        .order_by(Event.seq)
        .limit(literal_column(str(MAX_LIMIT + 1)))
        .subquery("cut")
    )
    rows = select(cut).limit(limit + 1).subquery("rows")
    event = aliased(Event, rows)
    numbered = select(
        func.row_number().over().label("rank"),
        event.seq,
        event_projection(event).json().label("body"),
        *list_columns(shape, event.learner_id, event.section),
    ).subquery("numbered")
    is_shown = numbered.c.rank <= limit
    text = func.string_agg(
        numbered.c.body.cast(Text()), aggregate_order_by(literal_column("','"), numbered.c.rank)
    ).filter(is_shown)
    return with_caller(
        select(
            func.coalesce(text, literal_column("''")).label("items"),
            (func.count() > limit).label("has_more"),
            func.max(numbered.c.seq).filter(is_shown).label("last_seq"),
            head.label("head"),
            *list_totals(numbered, is_shown),
        ).select_from(numbered)
    )


@router.get("", response_model=ChangesOut, summary="Read what changed since a number")
async def list_changes(read: Reading, query: Annotated[ChangesQuery, Query()]) -> Response:
    """Numbers are given after commit and per tenant: who has read up to n has seen every change up to n that was theirs
    to see. A new relation shows older records only by reading them; then go on from here. A service needs the scope
    `events.read`, and one that reads what the events are about, such as `plans.read`.
    """
    limit = min(query.limit, MAX_LIMIT)
    principal, row = await read.fetch(_changes_for, {"after": query.after, "page_limit": limit})
    if query.after > row["head"]:
        raise beyond_the_end()
    await read.record(principal, shown_by_list(principal, row))
    has_more: bool = row["has_more"]
    next_after = row["last_seq"] if has_more else row["head"]
    body = f'{{"items":[{row["items"]}],"next_after":{next_after},"has_more":{"true" if has_more else "false"}}}'
    return json_reply(read.request, body)


def _changes_for(principal: Principal) -> Statement:
    """A service that could see no event is told so: an empty feed would look like one without news."""
    if not principal.has_scope("events.read"):
        raise forbidden("events:read")
    if principal.service_client_id is not None and not any(reads_all(principal.shape, each) for each in Section):
        raise forbidden("plans:read", "events.read shows what else you may read; this needs plans.read as well.")
    return _changes(principal.shape)


def beyond_the_end() -> Problem:
    return Problem(
        400,
        "invalid_cursor",
        "Not a cursor",
        "No event has this number yet, so it is not from this feed. Begin anew with after=0.",
    )
