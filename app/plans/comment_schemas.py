"""Comments on the wire."""

from typing import Any
from uuid import UUID

from pydantic import MISSING, ConfigDict, Field

from app.core.schemas import Input, Output, Patch, Text
from app.plans.goal_schemas import CAN_EXAMPLE, Actionable, Representation
from app.roster.schemas import PersonName

COMMENT_EXAMPLE: dict[str, Any] = {
    "id": "01934b5e-7f6a-7c3e-9d0a-00000000000c",
    "plan_id": "01934b5e-7f6a-7c3e-9d0a-000000000004",
    "goal_id": "01934b5e-7f6a-7c3e-9d0a-000000000005",
    "author": {
        "id": "01934b5e-7f6a-7c3e-9d0a-000000000002",
        "given_name": "Tess",
        "family_name": "Teacher",
    },
    "author_as": "teacher",
    "text": "Your last test shows how far you have come.",
    "version": 1,
    "created_at": "2026-10-12T15:04:05.000000Z",
    "updated_at": "2026-10-12T15:04:05.000000Z",
}


class CommentSummary(Representation):
    """What somebody says about a plan, or about one of its goals."""

    model_config = ConfigDict(json_schema_extra={"examples": [COMMENT_EXAMPLE]})

    plan_id: UUID
    goal_id: UUID | None = Field(description="The goal that it is about; null where it is about the plan.")
    author: PersonName | None = Field(description="Who wrote it; null where a service did.")
    author_as: str = Field(description="The relation that gave the right to write it, e.g. teacher.")
    text: str


class CommentOut(CommentSummary, Actionable):
    """A comment, and what the caller may do with it now."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**COMMENT_EXAMPLE, **CAN_EXAMPLE}]})


class CommentList(Output):
    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [COMMENT_EXAMPLE], "next_cursor": None}]})

    items: list[CommentSummary]
    next_cursor: str | None
    total: int | MISSING = Field(MISSING, description="With `count=true`.")


class CommentCreate(Input):
    """Something to say. Everybody who reads the plan, or the goal, reads it too."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": COMMENT_EXAMPLE["text"]}]})

    id: UUID | MISSING = Field(MISSING, description="Your own id, to create offline: a UUID, best a UUIDv7.")
    text: Text


class CommentPatch(Patch):
    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "Your last two tests show it."}]})

    text: Text | MISSING = MISSING
