"""Grants on the wire."""

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import MISSING, ConfigDict, Field

from app.core.pagination import PageQuery
from app.core.schemas import BlockedAction, Input, InputPart, Name, Output, Patch, Text
from app.identity.schemas.accounts import Email
from app.roster.schemas import PersonName
from app.sharing.schemas.links import ShareStatus

GrantSection = Literal["plan", "profile", "evidence", "mastery", "reflections", "conference_notes"]
GrantLevel = Literal["read", "comment", "propose", "write"]
GrantTransition = Literal["approve", "decline", "revoke"]

EXAMPLE: dict[str, Any] = {
    "id": "01934b5e-7f6a-7c3e-9d0a-000000000040",
    "plan_id": "01934b5e-7f6a-7c3e-9d0a-000000000004",
    "learner": {
        "id": "01934b5e-7f6a-7c3e-9d0a-000000000003",
        "given_name": "Mateo",
        "family_name": "Rivera",
    },
    "person": None,
    "invited": {"email": "nadia@robotics-club.example", "given_name": "Nadia", "family_name": "Haddad"},
    "is_outside": True,
    "status": "proposed",
    "is_in_force": False,
    "level": "comment",
    "sections": ["plan"],
    "goals": [],
    "purpose": "Mentoring in the robotics club",
    "agreement_reference": "MOU 2026-14",
    "consent_id": None,
    "from_on": "2026-11-22",
    "until_on": "2027-06-15",
    "proposed_by": "01934b5e-7f6a-7c3e-9d0a-000000000003",
    "proposed_as": "learner",
    "decided_by": None,
    "decided_at": None,
    "revoked_by": None,
    "revoked_at": None,
    "version": 1,
    "created_at": "2026-11-22T08:00:00.000000Z",
    "updated_at": "2026-11-22T08:00:00.000000Z",
}
ACTIONS_EXAMPLE: dict[str, Any] = {
    "available_actions": ["revoke", "edit"],
    "blocked_actions": [
        {"action": "approve", "code": "forbidden", "detail": "Only for: counselor, school admin."},
        {"action": "decline", "code": "forbidden", "detail": "Only for: counselor, school admin."},
    ],
}


class InviteOut(Output):
    """Whom an invitation went to."""

    email: str
    given_name: str
    family_name: str


class GoalName(Output):
    """A goal, by name."""

    id: UUID
    title: str


class GrantOut(Output):
    """Sections of a plan, or some of its goals, opened to one person."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**EXAMPLE, **ACTIONS_EXAMPLE}]})

    id: UUID
    plan_id: UUID
    learner: PersonName
    person: PersonName | None = Field(description="Who gets it; null until an invitation by e-mail is approved.")
    invited: InviteOut | None | MISSING = Field(
        MISSING, description="Who was invited by e-mail, if anybody. Absent for the grantee."
    )
    is_outside: bool = Field(description="Whether it went outside the school and the family when it was made.")
    status: ShareStatus
    is_in_force: bool = Field(
        description="Whether it gives access today: active, within its dates, the consent it rests on in force."
    )
    level: GrantLevel
    sections: list[str] = Field(description="Empty where the grant opens goals only.")
    goals: list[GoalName] | MISSING = Field(
        MISSING, description="The goals it opens, if not whole sections. Absent where you may not read them."
    )
    purpose: str
    agreement_reference: str | None = Field(description="The agreement with the organization outside.")
    consent_id: UUID | None = Field(description="The consent it rests on and ends with.")
    from_on: date
    until_on: date | None = Field(description="The first day without.")
    proposed_by: UUID | None
    proposed_as: str = Field(description="The relation by which it was proposed or given.")
    decided_by: UUID | None
    decided_at: datetime | None
    revoked_by: UUID | None
    revoked_at: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime
    invitation_token: str | MISSING = Field(
        MISSING,
        description="Shown once: in the reply that let in somebody who had no account. Hand it over; she sets a "
        "password with it at `POST /v1/auth/password-resets/complete`.",
    )
    invitation_expires_at: datetime | MISSING = Field(MISSING, description="With `invitation_token`.")
    available_actions: list[str] | MISSING = Field(MISSING, description="What you may do with the grant now.")
    blocked_actions: list[BlockedAction] | MISSING = Field(
        MISSING, description="What you may not, and what is missing for it."
    )


class GrantList(Output):
    """A page of grants."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [EXAMPLE], "next_cursor": None}]})

    items: list[GrantOut]
    next_cursor: str | None
    total: int | MISSING = Field(MISSING, description="With `count=true`.")


class GrantQuery(PageQuery):
    status: ShareStatus | None = None
    sort: Literal["created_at", "-created_at"] = Field("-created_at")
    expand: str | None = Field(None, max_length=200, description="`available_actions`: what you may do with each.")


class Invite(InputPart):
    """Somebody outside. Nothing tells whether the e-mail is known until the grant is active."""

    email: Email
    given_name: Name
    family_name: Name


class GrantCreate(Input):
    """Either `person_id` or `invite`, and either `sections` or `goal_ids`.

    One level holds for all it opens; no section goes beyond its own limit, `mastery` for one beyond `read`.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "invite": {
                        "email": "nadia@robotics-club.example",
                        "given_name": "Nadia",
                        "family_name": "Haddad",
                    },
                    "sections": ["plan"],
                    "level": "comment",
                    "purpose": "Mentoring in the robotics club",
                    "until_on": "2027-06-15",
                    "agreement_reference": "MOU 2026-14",
                }
            ]
        }
    )

    id: UUID | MISSING = Field(MISSING, description="Your own id, to create offline: a UUID, best a UUIDv7.")
    person_id: UUID | None = Field(None, description="One of the plan's share candidates.")
    invite: Invite | None = None
    sections: list[GrantSection] = Field(
        default=[], max_length=6, description="People outside get `plan`, `profile` and `evidence` at most."
    )
    goal_ids: list[UUID] = Field(default=[], max_length=50, description="Goals of this plan, if not all of it.")
    level: GrantLevel = Field(description="People outside propose at most.")
    purpose: Text
    from_on: date | MISSING = Field(MISSING, description="Today, if absent.")
    until_on: date | None = Field(
        None, description="The first day without. Required for people outside, and within 400 days for them."
    )
    agreement_reference: Name | None = None
    consent_id: UUID | None = Field(
        None,
        description="A consent to sharing of this learner's, in force, that covers the sections and names nobody else. "
        "The grant ends with it.",
    )


class GrantPatch(Patch):
    """Changes to a grant. What it opens does not change: revoke it and make another."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"until_on": "2027-03-31"}]})

    until_on: date | None | MISSING = MISSING
    purpose: Text | MISSING = MISSING
    agreement_reference: Name | None | MISSING = MISSING


class GrantTransitionIn(Input):
    """A step of the grant's workflow. `decline` needs a reason."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"action": "approve"}]})

    action: GrantTransition
    reason: Text | None = None
