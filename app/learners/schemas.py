"""Learners on the wire."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import MISSING, ConfigDict, Field

from app.core.schemas import BlockedAction, Output
from app.learners.statement_schemas import ProfileStatementSummary

SUMMARY_EXAMPLE: dict[str, Any] = {
    "id": "01934b5e-7f6a-7c3e-9d0a-000000000003",
    "given_name": "Mateo",
    "family_name": "Rivera",
    "grade": "09",
    "school_id": "01934b5e-7f6a-7c3e-9d0a-00000000000b",
    "school_name": "Harbor High School",
    "version": 1,
    "updated_at": "2026-09-01T06:00:00.000000Z",
}


class LearnerSummary(Output):
    """A learner, as lists show one."""

    model_config = ConfigDict(json_schema_extra={"examples": [SUMMARY_EXAMPLE]})

    id: UUID
    given_name: str
    family_name: str
    grade: str | None = Field(description="As in CEDS and OneRoster, e.g. KG, 01, 12.")
    school_id: UUID
    school_name: str
    version: int
    updated_at: datetime


class ExternalIdOut(Output):
    """The name that another system has for this learner."""

    system: str
    type: str
    value: str


class LearnerOut(LearnerSummary):
    """A learner, and what the caller is to the learner and may do."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **SUMMARY_EXAMPLE,
                    "external_ids": [{"system": "sis", "type": "sourcedId", "value": "S-1001"}],
                    "relations": ["teacher"],
                    "available_actions": ["add_staff_note"],
                    "blocked_actions": [
                        {"action": "create_plan", "code": "forbidden", "detail": "Only for: advisor, counselor."}
                    ],
                }
            ]
        }
    )

    external_ids: list[ExternalIdOut] | MISSING = Field(
        MISSING, description="Absent for guests: those who know the learner by a grant or a support team only."
    )
    relations: list[str] = Field(description="What you are to this learner, e.g. teacher, guardian.")
    available_actions: list[str]
    blocked_actions: list[BlockedAction]
    profile_statements: list[ProfileStatementSummary] | MISSING = Field(
        MISSING, description="With `expand=profile_statements`; absent where the profile is hidden from you."
    )


class LearnerList(Output):
    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [SUMMARY_EXAMPLE], "next_cursor": None}]})

    items: list[LearnerSummary]
    next_cursor: str | None
    total: int | MISSING = Field(MISSING, description="With `count=true`.")
