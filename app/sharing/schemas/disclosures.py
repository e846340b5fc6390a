"""Disclosures on the wire."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import MISSING, ConfigDict, Field

from app.core.pagination import PageQuery
from app.core.schemas import Output, UtcInstant
from app.roster.schemas import PersonName

Basis = Literal["grant", "share_link"]

EXAMPLE: dict[str, Any] = {
    "id": "01934b5e-7f6a-7c3e-9d0a-000000000031",
    "at": "2026-11-22T09:30:00.000000Z",
    "basis": "share_link",
    "recipient": "Summer internship at Harbor Robotics",
    "recipient_person": None,
    "purpose": "Application for an internship",
    "sections": ["plan"],
    "fields": ["learner.given_name", "learner.family_initial", "plan.title", "plan.goals.title"],
    "plan_id": "01934b5e-7f6a-7c3e-9d0a-000000000004",
    "consent_id": None,
    "access_grant_id": None,
    "share_link_id": "01934b5e-7f6a-7c3e-9d0a-000000000030",
}


class DisclosureOut(Output):
    """What of a learner's record left the school: when, to whom, why, and on which basis. It outlives all it names."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    id: UUID
    at: datetime
    basis: Basis = Field(description="What allowed it: a grant to somebody outside, or a share link that was opened.")
    recipient: str = Field(description="Who received it, in words: a person's name, a link's label.")
    recipient_person: PersonName | None = Field(description="Null where nobody signed in, as with a link.")
    purpose: str
    sections: list[str]
    fields: list[str] = Field(description="What was shown; empty where access was opened, and looks are in the log.")
    plan_id: UUID | None
    consent_id: UUID | None
    access_grant_id: UUID | None
    share_link_id: UUID | None


class DisclosureList(Output):
    """A page of what left the school."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [EXAMPLE], "next_cursor": None}]})

    items: list[DisclosureOut]
    next_cursor: str | None
    total: int | MISSING = Field(MISSING, description="With `count=true`.")


class DisclosureQuery(PageQuery):
    basis: Basis | None = Field(None, description="Only those on this basis.")
    since: UtcInstant | None = Field(None, description="Only those at or after this instant.")
    sort: Literal["at", "-at"] = Field("-at")
