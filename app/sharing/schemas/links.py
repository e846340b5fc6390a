"""Share links on the wire."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import MISSING, ConfigDict, Field

from app.core.pagination import PageQuery
from app.core.schemas import BlockedAction, Input, Name, Output, Text, UtcInstant
from app.roster.schemas import PersonName

ShareStatus = Literal["proposed", "active", "declined", "revoked"]
LinkSection = Literal["plan", "profile", "reflections"]
LinkTransition = Literal["approve", "decline", "revoke"]

TOKEN = "plp_sl_AZNLXn9qfD6dCgAAAAAAAQGTS15_anw-nQoAAAAAADA..."  # noqa: S105
EXAMPLE: dict[str, Any] = {
    "id": "01934b5e-7f6a-7c3e-9d0a-000000000030",
    "plan_id": "01934b5e-7f6a-7c3e-9d0a-000000000004",
    "learner": {
        "id": "01934b5e-7f6a-7c3e-9d0a-000000000003",
        "given_name": "Mateo",
        "family_name": "Rivera",
    },
    "label": "Summer internship at Harbor Robotics",
    "purpose": "Application for an internship",
    "sections": ["plan"],
    "status": "active",
    "is_in_force": True,
    "has_passcode": True,
    "expires_at": "2027-02-01T00:00:00.000000Z",
    "consent_id": None,
    "open_count": 2,
    "last_opened_at": "2026-11-22T09:30:00.000000Z",
    "proposed_by": "01934b5e-7f6a-7c3e-9d0a-000000000003",
    "proposed_as": "learner",
    "decided_by": "01934b5e-7f6a-7c3e-9d0a-000000000002",
    "decided_at": "2026-11-20T10:00:00.000000Z",
    "revoked_by": None,
    "revoked_at": None,
    "version": 2,
    "created_at": "2026-11-20T08:00:00.000000Z",
    "updated_at": "2026-11-20T10:00:00.000000Z",
}
ACTIONS_EXAMPLE: dict[str, Any] = {
    "available_actions": ["revoke"],
    "blocked_actions": [
        {"action": "approve", "code": "wrong_status", "detail": "Only while the status is proposed."},
        {"action": "decline", "code": "wrong_status", "detail": "Only while the status is proposed."},
    ],
}


class ShareLinkOut(Output):
    """A link that shows parts of a plan to whoever holds its token, for a time."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**EXAMPLE, **ACTIONS_EXAMPLE}]})

    id: UUID
    plan_id: UUID
    learner: PersonName
    label: str = Field(description="Whom the link is for. Each opening is recorded as a disclosure to them.")
    purpose: str
    sections: list[str]
    status: ShareStatus
    is_in_force: bool = Field(
        description="Whether it opens now: active, not expired, and the consent it rests on in force."
    )
    has_passcode: bool
    expires_at: datetime
    consent_id: UUID | None
    open_count: int
    last_opened_at: datetime | None
    proposed_by: UUID | None
    proposed_as: str
    decided_by: UUID | None
    decided_at: datetime | None
    revoked_by: UUID | None
    revoked_at: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime
    token: str | MISSING = Field(
        MISSING, description="Shown once: in the reply that made the link active. It cannot be read again."
    )
    available_actions: list[str] | MISSING = Field(MISSING, description="What you may do with the link now.")
    blocked_actions: list[BlockedAction] | MISSING = Field(
        MISSING, description="What you may not, and what is missing for it."
    )


class ShareLinkList(Output):
    """A page of a plan's links."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [EXAMPLE], "next_cursor": None}]})

    items: list[ShareLinkOut]
    next_cursor: str | None
    total: int | MISSING = Field(MISSING, description="With `count=true`.")


class ShareLinkQuery(PageQuery):
    status: ShareStatus | None = None
    sort: Literal["created_at", "-created_at"] = Field("-created_at")
    expand: str | None = Field(None, max_length=200, description="`available_actions`: what you may do with each.")


class ShareLinkCreate(Input):
    """A new link. It shows no more than its sections, and never comments, private reflections, supports or notes."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "label": "Summer internship at Harbor Robotics",
                    "purpose": "Application for an internship",
                    "sections": ["plan"],
                    "expires_at": "2027-02-01T00:00:00Z",
                    "passcode": "heron-42",
                }
            ]
        }
    )

    id: UUID | MISSING = Field(MISSING, description="Your own id, to create offline: a UUID, best a UUIDv7.")
    label: Name = Field(description="Whom the link is for.")
    purpose: Text
    sections: Annotated[list[LinkSection], Field(min_length=1, max_length=3)] = Field(
        description="What it shows, of what you read yourself. Links carry no evidence and no mastery yet."
    )
    expires_at: UtcInstant = Field(description="In the future, and within a year.")
    passcode: str | None = Field(
        None, min_length=6, max_length=64, description="Asked of who opens the link. Hand it over another way."
    )
    consent_id: UUID | None = Field(
        None,
        description="A consent to sharing of this learner's, in force, that covers the sections and names no other "
        "person. The link ends with it.",
    )


class ShareLinkTransitionIn(Input):
    """A step of the link's workflow. `decline` needs a reason."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"action": "approve"}]})

    action: LinkTransition
    reason: Text | None = None


class ShareLinkOpen(Input):
    """What opens a link. Secrets travel in the body: addresses end up in logs."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"token": TOKEN, "passcode": "heron-42"}]})

    token: str = Field(min_length=1, max_length=200)
    passcode: str | None = Field(None, min_length=1, max_length=64)
