"""Restrictions of a contact on the wire."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import MISSING, AfterValidator, ConfigDict, Field

from app.core.schemas import BlockedAction, Input, Name, Output, Patch

RestrictionKind = Literal["no_contact", "no_records", "sections"]
RestrictedSection = Literal[
    "plan",
    "profile",
    "evidence",
    "mastery",
    "reflections",
    "private_reflections",
    "conference_notes",
    "staff_notes",
    "related_plans",
    "accommodations",
    "access",
]


def _each_once(sections: list[Any]) -> list[Any]:
    return sorted(set(sections))


RestrictedSections = Annotated[
    list[RestrictedSection],
    Field(max_length=20, description="With kind `sections`: the sections that are hidden from the contact."),
    AfterValidator(_each_once),
]

BRIEF: dict[str, Any] = {
    "id": "01934b5e-7f6a-7c3e-9d0a-000000000043",
    "kind": "sections",
    "sections": ["evidence", "reflections"],
    "from_on": "2026-09-01",
    "until_on": None,
}
EXAMPLE: dict[str, Any] = {
    **BRIEF,
    "guardianship_id": "01934b5e-7f6a-7c3e-9d0a-000000000042",
    "evidence_reference": "Family court 2026/118, filed with the registrar.",
    "is_in_force": True,
    "version": 1,
    "created_at": "2026-08-30T06:00:00.000000Z",
    "updated_at": "2026-08-30T06:00:00.000000Z",
}


class RestrictionBrief(Output):
    """What a contact is kept from, in short."""

    id: UUID
    kind: RestrictionKind
    sections: list[str] = Field(description="Empty where the contact is kept from everything.")
    from_on: date | None
    until_on: date | None


class RestrictionSummary(RestrictionBrief):
    """What a contact is kept from, as lists show it."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    guardianship_id: UUID
    evidence_reference: str = Field(description="Where the order or the decision lies.")
    is_in_force: bool = Field(description="Whether it holds today.")
    version: int
    created_at: datetime
    updated_at: datetime


class RestrictionOut(RestrictionSummary):
    """What a contact is kept from, and what the caller may do about it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{**EXAMPLE, "available_actions": ["edit", "delete"], "blocked_actions": []}],
        }
    )

    available_actions: list[str]
    blocked_actions: list[BlockedAction]


class RestrictionList(Output):
    """A page of a guardianship's restrictions."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [EXAMPLE], "next_cursor": None}]})

    items: list[RestrictionSummary]
    next_cursor: str | None
    total: int | MISSING = Field(MISSING, description="With `count=true`.")


class RestrictionCreate(Input):
    """Keep a contact from a learner's record, or from sections of it. It overrides every role and grant."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "sections",
                    "sections": ["evidence", "reflections"],
                    "evidence_reference": "Family court 2026/118, filed with the registrar.",
                    "from_on": "2026-09-01",
                }
            ]
        }
    )

    id: UUID | MISSING = Field(MISSING, description="Your own id, to create offline: a UUID, best a UUIDv7.")
    kind: RestrictionKind = Field(description="`no_contact` and `no_records` hide the whole record.")
    sections: RestrictedSections | MISSING = MISSING
    evidence_reference: Name = Field(description="Where the order or the decision lies.")
    from_on: date | None = Field(None, description="The first day; absent: at once.")
    until_on: date | None = Field(None, description="The first day on which it holds no more; absent: no end.")


class RestrictionPatch(Patch):
    """Changes to a restriction; absent fields stay as they are. They hold at once."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"until_on": "2027-09-01"}]})

    kind: RestrictionKind | MISSING = MISSING
    sections: RestrictedSections | MISSING = MISSING
    evidence_reference: Name | MISSING = MISSING
    from_on: date | None | MISSING = MISSING
    until_on: date | None | MISSING = MISSING
