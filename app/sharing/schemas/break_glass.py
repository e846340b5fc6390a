"""Break-glass on the wire."""

from datetime import datetime
from typing import Annotated, Any, Literal, get_args
from uuid import UUID

from pydantic import MISSING, AfterValidator, ConfigDict, Field

from app.core.pagination import PageQuery
from app.core.schemas import BlockedAction, Input, Output, clean_text
from app.roster.schemas import PersonName

HiddenSection = Literal[
    "plan", "profile", "evidence", "mastery", "reflections", "private_reflections", "conference_notes", "staff_notes",
    "related_plans", "accommodations",
]  # fmt: skip
"""Sections that break-glass may open: those that the rules give it."""

ReasonText = Annotated[str, Field(min_length=10, max_length=1000), AfterValidator(clean_text)]
Reason = Annotated[ReasonText, Field(min_length=10)]
"""Spaces around it do not count."""

EXAMPLE: dict[str, Any] = {
    "id": "01934b5e-7f6a-7c3e-9d0a-000000000033",
    "learner_id": "01934b5e-7f6a-7c3e-9d0a-000000000003",
    "person": {
        "id": "01934b5e-7f6a-7c3e-9d0a-000000000006",
        "given_name": "Dana",
        "family_name": "Ruiz",
    },
    "sections": ["private_reflections"],
    "reason": "A friend reports that Mateo may harm himself.",
    "expires_at": "2026-11-22T10:30:00.000000Z",
    "ended_at": None,
    "is_in_force": True,
    "version": 1,
    "created_at": "2026-11-22T09:30:00.000000Z",
    "updated_at": "2026-11-22T09:30:00.000000Z",
    "available_actions": ["end"],
    "blocked_actions": [],
}


class BreakGlassOut(Output):
    """Hidden sections that an administrator opened for herself, for a short time, and why."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    id: UUID
    learner_id: UUID
    person: PersonName = Field(description="The administrator, who alone sees more by it.")
    sections: list[str]
    reason: str
    expires_at: datetime
    ended_at: datetime | None = Field(description="When it was ended before its time.")
    is_in_force: bool = Field(
        description="Whether it opens the sections now: neither ended nor expired, and its holder still administrator."
    )
    version: int
    created_at: datetime
    updated_at: datetime
    available_actions: list[str]
    blocked_actions: list[BlockedAction]


class BreakGlassList(Output):
    """A page of what was opened."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [EXAMPLE], "next_cursor": None}]})

    items: list[BreakGlassOut]
    next_cursor: str | None
    total: int | MISSING = Field(MISSING, description="With `count=true`.")


class BreakGlassQuery(PageQuery):
    sort: Literal["created_at", "-created_at"] = Field("-created_at")


class BreakGlassCreate(Input):
    """What to open, why, and for how long."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "sections": ["private_reflections"],
                    "reason": "A friend reports that Mateo may harm himself.",
                    "minutes": 60,
                }
            ]
        }
    )

    id: UUID | MISSING = Field(MISSING, description="An id of your own, preferably a UUIDv7.")
    sections: list[HiddenSection] = Field(min_length=1, max_length=len(get_args(HiddenSection)))
    reason: Reason = Field(
        description="Why it must be, in at least ten characters. The learner, the guardians and the staff read it."
    )
    minutes: int = Field(ge=5, le=240, description="For how long.")
