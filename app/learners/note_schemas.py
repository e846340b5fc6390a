"""Staff notes on the wire."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import MISSING, ConfigDict, Field

from app.core.schemas import BlockedAction, Input, Output, Patch, Text
from app.roster.schemas import PersonName

NOTE_EXAMPLE: dict[str, Any] = {
    "id": "01934b5e-7f6a-7c3e-9d0a-00000000000d",
    "learner_id": "01934b5e-7f6a-7c3e-9d0a-000000000003",
    "author": {"id": "01934b5e-7f6a-7c3e-9d0a-000000000002", "given_name": "Amina", "family_name": "Okafor"},
    "text": "Seemed tired all week; ask how the move went.",
    "version": 1,
    "created_at": "2026-09-14T08:30:00.000000Z",
    "updated_at": "2026-09-14T08:30:00.000000Z",
}


class StaffNoteSummary(Output):
    """A working note on a learner: a memory aid of its author's, whom alone it is shown to."""

    model_config = ConfigDict(json_schema_extra={"examples": [NOTE_EXAMPLE]})

    id: UUID
    learner_id: UUID
    author: PersonName
    text: str
    version: int
    created_at: datetime
    updated_at: datetime


class StaffNoteOut(StaffNoteSummary):
    """A staff note, and what you may do with it now."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{**NOTE_EXAMPLE, "available_actions": ["edit", "delete"], "blocked_actions": []}]
        }
    )

    available_actions: list[str]
    blocked_actions: list[BlockedAction]


class StaffNoteList(Output):
    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [NOTE_EXAMPLE], "next_cursor": None}]})

    items: list[StaffNoteSummary]
    next_cursor: str | None
    total: int | MISSING = Field(MISSING, description="With `count=true`.")


class StaffNoteCreate(Input):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"text": "Seemed tired all week; ask how the move went."}]}
    )

    id: UUID | MISSING = Field(MISSING, description="Your own id, to create offline: a UUID, best a UUIDv7.")
    text: Text


class StaffNotePatch(Patch):
    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "The move went well."}]})

    text: Text | MISSING = MISSING
