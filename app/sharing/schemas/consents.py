"""Consents on the wire."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import MISSING, AfterValidator, ConfigDict, Field

from app.core.schemas import BlockedAction, Input, Name, Output, Text
from app.roster.schemas import PersonName

ConsentPurpose = Literal["sharing", "guardian_access"]
ConsentMethod = Literal["in_product", "on_paper"]
ConsentSection = Literal["plan", "profile", "evidence", "mastery", "reflections", "conference_notes"]


def _each_once(sections: list[Any]) -> list[Any]:
    return sorted(set(sections))


EXAMPLE: dict[str, Any] = {
    "id": "01934b5e-7f6a-7c3e-9d0a-000000000044",
    "learner_id": "01934b5e-7f6a-7c3e-9d0a-000000000003",
    "purpose": "sharing",
    "recipient": "Mentors of the Harbor youth club",
    "recipient_person": None,
    "sections": ["plan", "profile"],
    "signed_on": "2026-09-01",
    "until_on": "2027-06-15",
    "is_in_force": True,
    "method": "on_paper",
    "reference": "Registrar, folder 2026/7",
    "consenter": {
        "id": "01934b5e-7f6a-7c3e-9d0a-000000000005",
        "given_name": "Lucía",
        "family_name": "Rivera",
    },
    "consenter_as": "guardian",
    "recorded_by": "01934b5e-7f6a-7c3e-9d0a-000000000002",
    "withdrawn_at": None,
    "withdrawn_by": None,
    "version": 1,
    "created_at": "2026-09-02T06:00:00.000000Z",
    "updated_at": "2026-09-02T06:00:00.000000Z",
}


class ConsentSummary(Output):
    """A guardian's or the learner's yes, as lists show it."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    id: UUID
    learner_id: UUID
    purpose: ConsentPurpose
    recipient: str = Field(description="Who may receive, in words.")
    recipient_person: PersonName | None
    sections: list[str] = Field(description="Empty with `guardian_access`, which keeps what a guardian has.")
    signed_on: date
    until_on: date | None = Field(description="The first day on which it holds no more; null: no end.")
    is_in_force: bool = Field(description="Whether it holds today: signed, not over, not withdrawn.")
    method: ConsentMethod
    reference: str | None = Field(description="Where the signed paper lies.")
    consenter: PersonName
    consenter_as: Literal["learner", "guardian"]
    recorded_by: UUID | None = Field(description="Who recorded a paper; null: in the product, or a service.")
    withdrawn_at: datetime | None
    withdrawn_by: UUID | None
    version: int
    created_at: datetime
    updated_at: datetime


class ConsentOut(ConsentSummary):
    """A guardian's or the learner's yes, and what the caller may do about it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{**EXAMPLE, "available_actions": ["withdraw"], "blocked_actions": []}],
        }
    )

    available_actions: list[str]
    blocked_actions: list[BlockedAction]


class ConsentList(Output):
    """A page of a learner's consents."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [EXAMPLE], "next_cursor": None}]})

    items: list[ConsentSummary]
    next_cursor: str | None
    total: int | MISSING = Field(MISSING, description="With `count=true`.")


class ConsentCreate(Input):
    """A consent: signed here by the caller, or signed on paper by somebody else and recorded by the caller."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "purpose": "sharing",
                    "recipient": "Mentors of the Harbor youth club",
                    "sections": ["plan", "profile"],
                    "until_on": "2027-06-15",
                    "method": "on_paper",
                    "signed_on": "2026-09-01",
                    "reference": "Registrar, folder 2026/7",
                    "consenter_id": "01934b5e-7f6a-7c3e-9d0a-000000000005",
                }
            ]
        }
    )

    id: UUID | MISSING = Field(MISSING, description="Your own id, to create offline: a UUID, best a UUIDv7.")
    purpose: ConsentPurpose = Field(
        description="`sharing`: grants and links may rest on it. `guardian_access`: the learner, being of age, lets a "
        "guardian keep a guardian's access."
    )
    recipient: Name = Field(description="Who may receive, in words.")
    recipient_person_id: UUID | None = Field(None, description="With `guardian_access` a guardian of the learner.")
    sections: Annotated[
        list[ConsentSection],
        Field(max_length=20, description="With `sharing` at least one; with `guardian_access` none."),
        AfterValidator(_each_once),
    ] = Field(default_factory=list)
    signed_on: date | MISSING = Field(MISSING, description="Today if absent; of a paper also earlier.")
    until_on: date | None = Field(None, description="The first day on which it holds no more.")
    method: ConsentMethod
    reference: Name | None = Field(None, description="Of a paper: where it lies.")
    consenter_id: UUID | None = Field(None, description="Of a paper: who signed it.")


class ConsentTransitionIn(Input):
    """Withdraw a consent. What rests on it ends at once, and it cannot come back; a new one can be given."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"action": "withdraw"}]})

    action: Literal["withdraw"]
    reason: Text | None = None
