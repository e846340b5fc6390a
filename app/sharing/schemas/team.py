"""The support team on the wire."""

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import MISSING, ConfigDict, Field

from app.core.pagination import PageQuery
from app.core.schemas import BlockedAction, Input, Name, Output, Patch
from app.roster.schemas import PersonName

EXAMPLE: dict[str, Any] = {
    "id": "01934b5e-7f6a-7c3e-9d0a-000000000050",
    "plan_id": "01934b5e-7f6a-7c3e-9d0a-000000000004",
    "person": {
        "id": "01934b5e-7f6a-7c3e-9d0a-000000000002",
        "given_name": "Amina",
        "family_name": "Okafor",
    },
    "role": "Reading specialist",
    "from_on": "2026-09-01",
    "until_on": None,
    "is_in_force": True,
    "version": 1,
    "created_at": "2026-08-20T08:00:00.000000Z",
    "updated_at": "2026-08-20T08:00:00.000000Z",
}
ACTIONS_EXAMPLE: dict[str, Any] = {"available_actions": ["edit", "delete"], "blocked_actions": []}


class TeamMemberOut(Output):
    """Somebody on the plan's support team: reads the plan and the profile, and comments."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**EXAMPLE, **ACTIONS_EXAMPLE}]})

    id: UUID
    plan_id: UUID
    person: PersonName
    role: str = Field(description="What the person does for the learner, in the school's words.")
    from_on: date | None
    until_on: date | None = Field(description="The first day without.")
    is_in_force: bool = Field(description="Whether the person is on the team today.")
    version: int
    created_at: datetime
    updated_at: datetime
    available_actions: list[str] | MISSING = Field(MISSING, description="What you may do with it now.")
    blocked_actions: list[BlockedAction] | MISSING = Field(
        MISSING, description="What you may not, and what is missing for it."
    )


class TeamMemberList(Output):
    """A page of a plan's support team."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [EXAMPLE], "next_cursor": None}]})

    items: list[TeamMemberOut]
    next_cursor: str | None
    total: int | MISSING = Field(MISSING, description="With `count=true`.")


class TeamQuery(PageQuery):
    sort: Literal["created_at", "-created_at"] = Field("created_at")
    expand: str | None = Field(None, max_length=200, description="`available_actions`: what you may do with each.")


class TeamMemberCreate(Input):
    """Somebody of the district's staff for the team. People outside get a grant instead."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"person_id": "01934b5e-7f6a-7c3e-9d0a-000000000002", "role": "Reading specialist"}]
        }
    )

    id: UUID | MISSING = Field(MISSING, description="Your own id, to create offline: a UUID, best a UUIDv7.")
    person_id: UUID
    role: Name
    from_on: date | None = None
    until_on: date | None = Field(None, description="The first day without.")


class TeamMemberPatch(Patch):
    """Changes to a member's part or dates."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"until_on": "2027-01-31"}]})

    role: Name | MISSING = MISSING
    from_on: date | None | MISSING = MISSING
    until_on: date | None | MISSING = MISSING
