"""Caseloads on the wire."""

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import MISSING, ConfigDict, Field

from app.core.schemas import BlockedAction, Input, Output, Patch
from app.roster.schemas import PersonName

CaseloadKind = Literal["advisor", "counselor", "case_manager"]

EXAMPLE: dict[str, Any] = {
    "id": "01934b5e-7f6a-7c3e-9d0a-000000000040",
    "learner_id": "01934b5e-7f6a-7c3e-9d0a-000000000003",
    "person": {
        "id": "01934b5e-7f6a-7c3e-9d0a-000000000002",
        "given_name": "Amina",
        "family_name": "Okafor",
    },
    "kind": "counselor",
    "from_on": "2026-08-15",
    "until_on": None,
    "is_in_force": True,
    "version": 1,
    "created_at": "2026-08-01T06:00:00.000000Z",
    "updated_at": "2026-08-01T06:00:00.000000Z",
}


class CaseloadSummary(Output):
    """A learner on somebody's caseload, as lists show it."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    id: UUID
    learner_id: UUID
    person: PersonName
    kind: CaseloadKind
    from_on: date | None = Field(description="The first day; null: ever since.")
    until_on: date | None = Field(description="The first day on which it holds no more; null: no end.")
    is_in_force: bool = Field(description="Whether it holds today.")
    version: int
    created_at: datetime
    updated_at: datetime


class CaseloadOut(CaseloadSummary):
    """A learner on somebody's caseload, and what the caller may do with that."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{**EXAMPLE, "available_actions": ["edit", "delete"], "blocked_actions": []}],
        }
    )

    available_actions: list[str]
    blocked_actions: list[BlockedAction]


class CaseloadList(Output):
    """A page of a learner's caseloads."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [EXAMPLE], "next_cursor": None}]})

    items: list[CaseloadSummary]
    next_cursor: str | None
    total: int | MISSING = Field(MISSING, description="With `count=true`.")


class CaseloadCreate(Input):
    """Put the learner on the caseload of a teacher, counselor or case manager."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "person_id": "01934b5e-7f6a-7c3e-9d0a-000000000002",
                    "kind": "counselor",
                    "from_on": "2026-08-15",
                }
            ]
        }
    )

    id: UUID | MISSING = Field(MISSING, description="Your own id, to create offline: a UUID, best a UUIDv7.")
    person_id: UUID = Field(description="Somebody who is a teacher, counselor or case manager today.")
    kind: CaseloadKind
    from_on: date | None = None
    until_on: date | None = None


class CaseloadPatch(Patch):
    """Other dates; absent ones stay as they are, null takes one away."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"until_on": "2027-06-15"}]})

    from_on: date | None | MISSING = MISSING
    until_on: date | None | MISSING = MISSING
