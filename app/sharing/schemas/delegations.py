"""Substitutes on the wire."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import MISSING, ConfigDict, Field

from app.core.schemas import BlockedAction, Input, Output, Patch, Text
from app.roster.schemas import PersonName

EXAMPLE: dict[str, Any] = {
    "id": "01934b5e-7f6a-7c3e-9d0a-000000000041",
    "delegator": {
        "id": "01934b5e-7f6a-7c3e-9d0a-000000000002",
        "given_name": "Amina",
        "family_name": "Okafor",
    },
    "delegate": {
        "id": "01934b5e-7f6a-7c3e-9d0a-000000000006",
        "given_name": "Jonas",
        "family_name": "Weber",
    },
    "from_on": "2026-11-02",
    "until_on": "2027-02-01",
    "is_in_force": True,
    "reason": "Parental leave.",
    "created_by": "01934b5e-7f6a-7c3e-9d0a-000000000007",
    "version": 1,
    "created_at": "2026-10-20T06:00:00.000000Z",
    "updated_at": "2026-10-20T06:00:00.000000Z",
}


class DelegationSummary(Output):
    """Somebody who stands in for somebody else, as lists show it."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    id: UUID
    delegator: PersonName = Field(description="Who is stood in for, and keeps all rights.")
    delegate: PersonName = Field(description="The substitute.")
    from_on: date
    until_on: date = Field(description="The first day on which it holds no more.")
    is_in_force: bool = Field(description="Whether it holds today.")
    reason: str
    created_by: UUID | None = Field(description="The person who made it; null: a service.")
    version: int
    created_at: datetime
    updated_at: datetime


class DelegationOut(DelegationSummary):
    """Somebody who stands in for somebody else, and what the caller may do about it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{**EXAMPLE, "available_actions": ["edit", "delete"], "blocked_actions": []}],
        }
    )

    available_actions: list[str]
    blocked_actions: list[BlockedAction]


class DelegationList(Output):
    """A page of substitutes."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [EXAMPLE], "next_cursor": None}]})

    items: list[DelegationSummary]
    next_cursor: str | None
    total: int | MISSING = Field(MISSING, description="With `count=true`.")


class DelegationCreate(Input):
    """Let one member of staff stand in for another, for at most 400 days."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "delegator_id": "01934b5e-7f6a-7c3e-9d0a-000000000002",
                    "delegate_id": "01934b5e-7f6a-7c3e-9d0a-000000000006",
                    "from_on": "2026-11-02",
                    "until_on": "2027-02-01",
                    "reason": "Parental leave.",
                }
            ]
        }
    )

    id: UUID | MISSING = Field(MISSING, description="Your own id, to create offline: a UUID, best a UUIDv7.")
    delegator_id: UUID = Field(description="Who is stood in for: somebody of the staff.")
    delegate_id: UUID = Field(description="The substitute: somebody else of the staff.")
    from_on: date | MISSING = Field(MISSING, description="The first day; today if absent.")
    until_on: date = Field(description="The first day on which it holds no more.")
    reason: Text


class DelegationPatch(Patch):
    """Other dates or another reason; absent fields stay as they are."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"until_on": "2027-03-01"}]})

    from_on: date | MISSING = MISSING
    until_on: date | MISSING = MISSING
    reason: Text | MISSING = MISSING
