"""Guardianships on the wire."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import MISSING, ConfigDict, Field

from app.core.schemas import BlockedAction, Output
from app.roster.schemas import PersonName
from app.sharing.schemas.restrictions import BRIEF, RestrictionBrief

EXAMPLE: dict[str, Any] = {
    "id": "01934b5e-7f6a-7c3e-9d0a-000000000042",
    "learner_id": "01934b5e-7f6a-7c3e-9d0a-000000000003",
    "guardian": {
        "id": "01934b5e-7f6a-7c3e-9d0a-000000000005",
        "given_name": "Lucía",
        "family_name": "Rivera",
    },
    "relationship": "parent",
    "from_on": None,
    "until_on": None,
    "ends_on": "2030-05-17",
    "is_in_force": True,
    "version": 1,
    "created_at": "2026-08-01T06:00:00.000000Z",
    "updated_at": "2026-08-01T06:00:00.000000Z",
}


class GuardianshipSummary(Output):
    """A guardian of a learner, as the roster has it, and when the guardian's rights end."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**EXAMPLE, "restrictions": [BRIEF]}]})

    id: UUID
    learner_id: UUID
    guardian: PersonName
    relationship: str
    from_on: date | None
    until_on: date | None
    ends_on: date | None = Field(
        description="The first day without a guardian's rights: `until_on`, or when the learner comes of age if that "
        "is sooner and neither dependency nor the learner's own consent keeps them. Null: no end."
    )
    is_in_force: bool = Field(description="Whether the guardian has a guardian's rights today, restrictions aside.")
    version: int
    created_at: datetime
    updated_at: datetime
    restrictions: list[RestrictionBrief] | MISSING = Field(
        MISSING, description="Those in force today. Absent for the family and for the contact."
    )


class GuardianshipOut(GuardianshipSummary):
    """A guardian of a learner, and what the caller may do about it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **EXAMPLE,
                    "restrictions": [BRIEF],
                    "available_actions": ["add_restriction"],
                    "blocked_actions": [],
                }
            ]
        }
    )

    available_actions: list[str]
    blocked_actions: list[BlockedAction]


class GuardianshipList(Output):
    """A page of a learner's guardians."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [EXAMPLE], "next_cursor": None}]})

    items: list[GuardianshipSummary]
    next_cursor: str | None
    total: int | MISSING = Field(MISSING, description="With `count=true`.")
