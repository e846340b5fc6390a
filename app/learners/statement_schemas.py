"""Profile statements on the wire."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import MISSING, AfterValidator, ConfigDict, Field

from app.core.schemas import BlockedAction, Input, Output, Patch, clean_text
from app.roster.schemas import PersonName

StatementKind = Literal["strength", "interest", "aspiration"]
StatementText = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(clean_text)]

STATEMENT_EXAMPLE: dict[str, Any] = {
    "id": "01934b5e-7f6a-7c3e-9d0a-00000000000c",
    "learner_id": "01934b5e-7f6a-7c3e-9d0a-000000000003",
    "kind": "strength",
    "statement": "Explains a hard problem so that others understand it.",
    "author": {"id": "01934b5e-7f6a-7c3e-9d0a-000000000002", "given_name": "Amina", "family_name": "Okafor"},
    "author_as": "counselor",
    "stated_on": "2026-09-14",
    "version": 1,
    "created_at": "2026-09-14T08:30:00.000000Z",
    "updated_at": "2026-09-14T08:30:00.000000Z",
}


class ProfileStatementSummary(Output):
    """A strength, interest or aspiration of a learner, in the words of who states it."""

    model_config = ConfigDict(json_schema_extra={"examples": [STATEMENT_EXAMPLE]})

    id: UUID
    learner_id: UUID
    kind: StatementKind
    statement: str
    author: PersonName | None = Field(description="Who states it; null: a service.")
    author_as: str = Field(description="What the author was to the learner when it was stated, e.g. guardian.")
    stated_on: date
    version: int
    created_at: datetime
    updated_at: datetime


class ProfileStatementOut(ProfileStatementSummary):
    """A profile statement, and what you may do with it now."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **STATEMENT_EXAMPLE,
                    "available_actions": ["delete"],
                    "blocked_actions": [{"action": "edit", "code": "not_author", "detail": "Only for its author."}],
                }
            ]
        }
    )

    available_actions: list[str]
    blocked_actions: list[BlockedAction]


class ProfileStatementList(Output):
    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [STATEMENT_EXAMPLE], "next_cursor": None}]})

    items: list[ProfileStatementSummary]
    next_cursor: str | None
    total: int | MISSING = Field(MISSING, description="With `count=true`.")


class ProfileStatementCreate(Input):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"kind": "interest", "statement": "Takes radios apart, and mends them."}]}
    )

    id: UUID | MISSING = Field(MISSING, description="Your own id, to create offline: a UUID, best a UUIDv7.")
    kind: StatementKind
    statement: StatementText
    stated_on: date | MISSING = Field(MISSING, description="Today, if absent; not in the future.")


class ProfileStatementPatch(Patch):
    model_config = ConfigDict(json_schema_extra={"examples": [{"kind": "aspiration"}]})

    kind: StatementKind | MISSING = MISSING
    statement: StatementText | MISSING = MISSING
    stated_on: date | MISSING = MISSING
