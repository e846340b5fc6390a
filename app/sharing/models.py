"""What lets somebody see a plan beyond class and caseload, and what was seen through it.

A support team, grants, share links and break-glass give access; a consent is what some of them rest on; a disclosure
tells of what left the school. Facts hold from `from_on` (inclusive) until `until_on` (exclusive).
"""

import uuid
from datetime import date, datetime

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, Instant, Json, Stamped, Strings, TenantOwned, tenant_key
from app.roster.models import Dated, one_of

LEVELS = ("read", "comment", "propose", "write")
SHARE_STATES = ("proposed", "active", "declined", "revoked")
CONSENTERS = ("learner", "guardian")
CONSENT_PURPOSES = ("sharing", "guardian_access")
CONSENT_METHODS = ("in_product", "on_paper")
DISCLOSURE_BASES = ("grant", "share_link")


class TeamMember(TenantOwned, Dated, Stamped, Base):
    """Somebody on the support team of one plan."""

    __tablename__ = "team_member"
    __table_args__ = (
        tenant_key("plan_id", to="plan", ondelete="CASCADE"),
        tenant_key("learner_id", to="learner"),
        tenant_key("person_id", to="person", ondelete="CASCADE"),
        UniqueConstraint("tenant_id", "plan_id", "person_id", name="uq_team_member"),
        Index("ix_team_member_person", "tenant_id", "person_id"),
        Index("ix_team_member_learner", "tenant_id", "learner_id"),
        CheckConstraint("from_on < until_on", name="dates"),
        {"info": {"sections": ("access",)}},
    )

    plan_id: Mapped[uuid.UUID]
    learner_id: Mapped[uuid.UUID]
    person_id: Mapped[uuid.UUID]
    role: Mapped[str]
    """What the person does for the learner, in the school's words."""


class Consent(TenantOwned, Stamped, Base):
    """A guardian's or the learner's yes: for which purpose, to whom, which sections, until when."""

    __tablename__ = "consent"
    __table_args__ = (
        tenant_key("learner_id", to="learner", ondelete="CASCADE"),
        tenant_key("consenter_id", to="person"),
        tenant_key("recipient_person_id", to="person"),
        Index("ix_consent_learner", "tenant_id", "learner_id", "created_at", "id"),
        one_of("consenter_as", CONSENTERS),
        one_of("purpose", CONSENT_PURPOSES),
        one_of("method", CONSENT_METHODS),
        CheckConstraint("signed_on < until_on", name="dates"),
        CheckConstraint("purpose <> 'guardian_access' OR recipient_person_id IS NOT NULL", name="names_guardian"),
        {"info": {"sections": ("access",)}},
    )

    learner_id: Mapped[uuid.UUID]
    consenter_id: Mapped[uuid.UUID]
    consenter_as: Mapped[str]
    purpose: Mapped[str]
    recipient: Mapped[str]
    """Who may receive, in words."""
    recipient_person_id: Mapped[uuid.UUID | None]
    sections: Mapped[Strings]
    signed_on: Mapped[date]
    until_on: Mapped[date | None]
    method: Mapped[str]
    reference: Mapped[str | None]
    """Where the signed paper lies."""
    recorded_by: Mapped[uuid.UUID | None]
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[uuid.UUID | None]


class Grant(TenantOwned, Stamped, Base):
    """Sections of one plan, or of some of its goals, opened to one person. Outsiders' grants always end."""

    __tablename__ = "access_grant"
    __table_args__ = (
        tenant_key("plan_id", to="plan", ondelete="CASCADE"),
        tenant_key("learner_id", to="learner"),
        tenant_key("person_id", to="person", ondelete="CASCADE"),
        tenant_key("consent_id", to="consent"),
        Index("ix_access_grant_plan", "tenant_id", "plan_id", "created_at", "id"),
        Index("ix_access_grant_person", "tenant_id", "person_id"),
        Index("ix_access_grant_learner", "tenant_id", "learner_id"),
        one_of("status", SHARE_STATES),
        one_of("level", LEVELS),
        CheckConstraint("person_id IS NOT NULL OR invited_email IS NOT NULL", name="somebody"),
        CheckConstraint("status <> 'active' OR person_id IS NOT NULL", name="active_person"),
        CheckConstraint("NOT is_outside OR until_on IS NOT NULL", name="outside_ends"),
        CheckConstraint("from_on < until_on", name="dates"),
        {"info": {"sections": ("access",)}},
    )

    plan_id: Mapped[uuid.UUID]
    learner_id: Mapped[uuid.UUID]
    person_id: Mapped[uuid.UUID | None]
    """Null until somebody invited by e-mail is let in."""
    invited_email: Mapped[str | None]
    invited_given_name: Mapped[str | None]
    invited_family_name: Mapped[str | None]
    is_outside: Mapped[bool]
    """Whether the person stood outside the school when the grant was made."""
    status: Mapped[str] = mapped_column(server_default="proposed")
    level: Mapped[str]
    sections: Mapped[Strings]
    """Empty where the grant opens goals only."""
    purpose: Mapped[str]
    agreement_reference: Mapped[str | None]
    consent_id: Mapped[uuid.UUID | None]
    from_on: Mapped[date]
    until_on: Mapped[date | None]
    proposed_by: Mapped[uuid.UUID | None]
    proposed_as: Mapped[str]
    decided_by: Mapped[uuid.UUID | None]
    decided_at: Mapped[datetime | None]
    revoked_by: Mapped[uuid.UUID | None]
    revoked_at: Mapped[datetime | None]


class GrantGoal(TenantOwned, Base):
    """A goal that a grant opens where it does not open the whole section `plan`."""

    __tablename__ = "access_grant_goal"
    __table_args__ = (
        tenant_key("grant_id", to="access_grant", ondelete="CASCADE"),
        tenant_key("goal_id", to="goal", ondelete="CASCADE"),
        UniqueConstraint("tenant_id", "grant_id", "goal_id", name="uq_access_grant_goal"),
        Index("ix_access_grant_goal_goal", "tenant_id", "goal_id"),
        {"info": {"sections": ("access",)}},
    )

    grant_id: Mapped[uuid.UUID]
    goal_id: Mapped[uuid.UUID]


class ShareLink(TenantOwned, Stamped, Base):
    """An address that shows sections of a plan to whoever holds it, for a time. Its token is kept as a hash only."""

    __tablename__ = "share_link"
    __table_args__ = (
        tenant_key("plan_id", to="plan", ondelete="CASCADE"),
        tenant_key("learner_id", to="learner"),
        tenant_key("consent_id", to="consent"),
        UniqueConstraint("tenant_id", "token_hash", name="uq_share_link_token"),
        Index("ix_share_link_plan", "tenant_id", "plan_id", "created_at", "id"),
        Index("ix_share_link_learner", "tenant_id", "learner_id"),
        one_of("status", SHARE_STATES),
        CheckConstraint("status <> 'active' OR token_hash IS NOT NULL", name="active_token"),
        CheckConstraint("cardinality(sections) > 0", name="some_section"),
        {"info": {"sections": ("access",)}},
    )

    plan_id: Mapped[uuid.UUID]
    learner_id: Mapped[uuid.UUID]
    label: Mapped[str]
    purpose: Mapped[str]
    sections: Mapped[Strings]
    status: Mapped[str] = mapped_column(server_default="proposed")
    token_hash: Mapped[bytes | None]
    passcode_hash: Mapped[str | None]
    expires_at: Mapped[Instant]
    consent_id: Mapped[uuid.UUID | None]
    open_count: Mapped[int] = mapped_column(server_default="0")
    last_opened_at: Mapped[datetime | None]
    proposed_by: Mapped[uuid.UUID | None]
    proposed_as: Mapped[str]
    decided_by: Mapped[uuid.UUID | None]
    decided_at: Mapped[datetime | None]
    revoked_by: Mapped[uuid.UUID | None]
    revoked_at: Mapped[datetime | None]


class Disclosure(TenantOwned, Base):
    """What was shown to somebody outside the school, on which basis. Never changed.

    It outlives the plan, grant, link and consent that it names, and so refers to none of them.
    """

    __tablename__ = "disclosure"
    __table_args__ = (
        tenant_key("learner_id", to="learner", ondelete="CASCADE"),
        Index("ix_disclosure_learner", "tenant_id", "learner_id", "at", "id"),
        one_of("basis", DISCLOSURE_BASES),
        CheckConstraint("(basis = 'grant') = (access_grant_id IS NOT NULL)", name="names_grant"),
        CheckConstraint("(basis = 'share_link') = (share_link_id IS NOT NULL)", name="names_share_link"),
        {"info": {"sections": ("access",)}},
    )

    at: Mapped[Instant] = mapped_column(server_default=text("clock_timestamp()"))
    learner_id: Mapped[uuid.UUID]
    plan_id: Mapped[uuid.UUID | None]
    basis: Mapped[str]
    access_grant_id: Mapped[uuid.UUID | None]
    share_link_id: Mapped[uuid.UUID | None]
    consent_id: Mapped[uuid.UUID | None]
    recipient: Mapped[str]
    recipient_person_id: Mapped[uuid.UUID | None]
    purpose: Mapped[str]
    sections: Mapped[Strings]
    fields: Mapped[Strings]
    actor_person_id: Mapped[uuid.UUID | None]
    actor_client_id: Mapped[uuid.UUID | None]
    request_id: Mapped[str]


class BreakGlass(TenantOwned, Stamped, Base):
    """Hidden sections that an administrator opened for a short time, and why."""

    __tablename__ = "break_glass"
    __table_args__ = (
        tenant_key("learner_id", to="learner", ondelete="CASCADE"),
        tenant_key("person_id", to="person", ondelete="CASCADE"),
        Index("ix_break_glass_learner", "tenant_id", "learner_id", "created_at", "id"),
        Index("ix_break_glass_person", "tenant_id", "person_id"),
        CheckConstraint("cardinality(sections) > 0", name="some_section"),
        {"info": {"sections": ("access",)}},
    )

    learner_id: Mapped[uuid.UUID]
    person_id: Mapped[uuid.UUID]
    sections: Mapped[Strings]
    reason: Mapped[str]
    expires_at: Mapped[Instant]
    ended_at: Mapped[datetime | None]


class SharingPolicy(TenantOwned, Stamped, Base):
    """Where the tenant is stricter than the default rules: at most one row a tenant.

    `rules` is `{section: {relation: level}}`, of the lowered cells only.
    """

    __tablename__ = "sharing_policy"
    __table_args__ = (UniqueConstraint("tenant_id", name="uq_sharing_policy"),)

    rules: Mapped[Json] = mapped_column(server_default=text("'{}'"))
