"""The plan and what it is made of: goals, their milestones and actions, the progress recorded on them, what people say.

Every row names its plan and its learner, so that access and events need no walk upwards.
"""

import uuid
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Numeric, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, Instant, Stamped, TenantOwned, tenant_key
from app.roster.models import one_of

PLAN_STATES = ("draft", "in_review", "active", "closed", "archived")
GOAL_STATES = ("proposed", "agreed", "achieved", "partly_achieved", "not_achieved", "dropped")
ACTION_STATES = ("planned", "done", "dropped")
METRIC_KINDS = ("boolean", "percent", "numeric", "count", "rubric", "milestones")
SIDES = ("learner", "guardian", "staff")
"""Who owns an action."""
PROPOSER_SIDES = (*SIDES, "guest")
"""Who proposes a goal: a guest is somebody whom a grant let in."""

GENERAL_TEMPLATE = "general"
"""The one built-in template, until templates are data."""

Quantity = Numeric(14, 4)


class Plan(TenantOwned, Stamped, Base):
    """One learner's plan for one school year."""

    __tablename__ = "plan"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "learner_id", "school_id"],
            ["learner.tenant_id", "learner.id", "learner.school_id"],
            name="fk_plan_learner",
            onupdate="CASCADE",
        ),
        UniqueConstraint("tenant_id", "learner_id", "school_year", "template", name="uq_plan_learner_year"),
        Index("ix_plan_updated", "tenant_id", "updated_at", "id"),
        Index("ix_plan_created", "tenant_id", "created_at", "id"),
        Index("ix_plan_school_updated", "tenant_id", "school_id", "updated_at", "id"),
        Index("ix_plan_school_created", "tenant_id", "school_id", "created_at", "id"),
        one_of("status", PLAN_STATES),
        CheckConstraint("starts_on < ends_on", name="dates"),
        {"info": {"sections": ("plan",)}},
    )

    learner_id: Mapped[uuid.UUID]
    school_id: Mapped[uuid.UUID]
    """The learner's school, repeated here for the index that a school's administrators read by. It moves along."""
    school_year: Mapped[int]
    """The calendar year in which the school year ends, as in OneRoster."""
    template: Mapped[str] = mapped_column(server_default=GENERAL_TEMPLATE)
    title: Mapped[str]
    vision: Mapped[str | None]
    """Where the learner wants to go, in the learner's words."""
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    status: Mapped[str] = mapped_column(server_default="draft")
    submitted_by: Mapped[uuid.UUID | None]
    submitted_at: Mapped[datetime | None]
    approved_by: Mapped[uuid.UUID | None]
    approved_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]


class Goal(TenantOwned, Stamped, Base):
    """What the learner sets out to reach, and the handshake by which both sides agree on it."""

    __tablename__ = "goal"
    __table_args__ = (
        tenant_key("plan_id", to="plan", ondelete="CASCADE"),
        tenant_key("learner_id", to="learner"),
        Index("ix_goal_plan", "tenant_id", "plan_id", "created_at", "id"),
        Index("ix_goal_learner", "tenant_id", "learner_id"),
        one_of("category", ("personal", "academic", "career")),
        one_of("kind", ("aspiration", "goal")),
        one_of("status", GOAL_STATES),
        one_of("metric_kind", METRIC_KINDS),
        one_of("proposed_side", PROPOSER_SIDES),
        CheckConstraint("baseline <> target", name="metric_moves"),
        {"info": {"sections": ("plan",)}},
    )

    plan_id: Mapped[uuid.UUID]
    learner_id: Mapped[uuid.UUID]
    title: Mapped[str]
    description: Mapped[str | None]
    category: Mapped[str]
    kind: Mapped[str] = mapped_column(server_default="goal")
    status: Mapped[str] = mapped_column(server_default="proposed")
    metric_kind: Mapped[str]
    unit: Mapped[str | None]
    baseline: Mapped[Decimal | None] = mapped_column(Quantity)
    target: Mapped[Decimal | None] = mapped_column(Quantity)
    starts_on: Mapped[date | None]
    due_on: Mapped[date | None]
    proposed_by: Mapped[uuid.UUID | None]
    proposed_side: Mapped[str]
    learner_agreed_at: Mapped[datetime | None]
    learner_agreed_by: Mapped[uuid.UUID | None]
    staff_agreed_at: Mapped[datetime | None]
    staff_agreed_by: Mapped[uuid.UUID | None]
    outcome_note: Mapped[str | None]
    outcome_at: Mapped[datetime | None]
    outcome_by: Mapped[uuid.UUID | None]


class GoalTeacher(TenantOwned, Base):
    """A teacher named on a goal: may agree to it and write on it while teaching the learner."""

    __tablename__ = "goal_teacher"
    __table_args__ = (
        tenant_key("goal_id", to="goal", ondelete="CASCADE"),
        tenant_key("person_id", to="person", ondelete="CASCADE"),
        UniqueConstraint("tenant_id", "goal_id", "person_id", name="uq_goal_teacher"),
        {"info": {"sections": ("plan",)}},
    )

    goal_id: Mapped[uuid.UUID]
    person_id: Mapped[uuid.UUID]


class GoalCompetency(TenantOwned, Base):
    """A competency that a goal works towards."""

    __tablename__ = "goal_competency"
    __table_args__ = (
        tenant_key("goal_id", to="goal", ondelete="CASCADE"),
        tenant_key("competency_id", to="competency"),
        UniqueConstraint("tenant_id", "goal_id", "competency_id", name="uq_goal_competency"),
        Index("ix_goal_competency_competency", "tenant_id", "competency_id"),
        {"info": {"sections": ("plan",)}},
    )

    goal_id: Mapped[uuid.UUID]
    competency_id: Mapped[uuid.UUID]


class Milestone(TenantOwned, Stamped, Base):
    """A station on the way to a goal."""

    __tablename__ = "milestone"
    __table_args__ = (
        tenant_key("goal_id", to="goal", ondelete="CASCADE"),
        Index("ix_milestone_goal", "tenant_id", "goal_id", "position", "id"),
        CheckConstraint("weight > 0", name="weight"),
        {"info": {"sections": ("plan",)}},
    )

    goal_id: Mapped[uuid.UUID]
    plan_id: Mapped[uuid.UUID]
    learner_id: Mapped[uuid.UUID]
    title: Mapped[str]
    position: Mapped[int] = mapped_column(server_default="0")
    weight: Mapped[int] = mapped_column(server_default="1")
    due_on: Mapped[date | None]
    reached_at: Mapped[datetime | None]


class Action(TenantOwned, Stamped, Base):
    """Something to do for a goal, by the learner, a guardian or staff."""

    __tablename__ = "action"
    __table_args__ = (
        tenant_key("goal_id", to="goal", ondelete="CASCADE"),
        Index("ix_action_goal", "tenant_id", "goal_id", "created_at", "id"),
        one_of("owner", SIDES),
        one_of("status", ACTION_STATES),
        {"info": {"sections": ("plan",)}},
    )

    goal_id: Mapped[uuid.UUID]
    plan_id: Mapped[uuid.UUID]
    learner_id: Mapped[uuid.UUID]
    title: Mapped[str]
    owner: Mapped[str]
    status: Mapped[str] = mapped_column(server_default="planned")
    due_on: Mapped[date | None]
    if_obstacle: Mapped[str | None]
    """The "if …" of an if-then plan."""
    then_response: Mapped[str | None]
    completed_at: Mapped[datetime | None]


class ProgressEntry(TenantOwned, Base):
    """One measurement or note on the way to a goal. Never changed: the raw series is kept."""

    __tablename__ = "progress_entry"
    __table_args__ = (
        tenant_key("goal_id", to="goal", ondelete="CASCADE"),
        Index("ix_progress_entry_goal", "tenant_id", "goal_id", "observed_on", "recorded_at", "id"),
        {"info": {"sections": ("plan",)}},
    )

    goal_id: Mapped[uuid.UUID]
    plan_id: Mapped[uuid.UUID]
    learner_id: Mapped[uuid.UUID]
    value: Mapped[Decimal | None] = mapped_column(Quantity)
    note: Mapped[str | None]
    observed_on: Mapped[date]
    recorded_by: Mapped[uuid.UUID | None]
    recorded_side: Mapped[str]
    recorded_at: Mapped[Instant] = mapped_column(server_default=text("clock_timestamp()"))


class Comment(TenantOwned, Stamped, Base):
    """What somebody says about a plan, or about one of its goals."""

    __tablename__ = "comment"
    __table_args__ = (
        tenant_key("plan_id", to="plan", ondelete="CASCADE"),
        tenant_key("learner_id", to="learner"),
        tenant_key("goal_id", to="goal", ondelete="CASCADE"),
        Index("ix_comment_plan", "tenant_id", "plan_id", "created_at", "id"),
        Index("ix_comment_goal", "tenant_id", "goal_id", "created_at", "id"),
        {"info": {"sections": ("plan",)}},
    )

    plan_id: Mapped[uuid.UUID]
    learner_id: Mapped[uuid.UUID]
    goal_id: Mapped[uuid.UUID | None]
    author_id: Mapped[uuid.UUID | None]
    """The person who wrote it; null: a service."""
    author_as: Mapped[str]
    """The relation that gave the right to write it, e.g. `teacher`."""
    text: Mapped[str]


class Reflection(TenantOwned, Stamped, Base):
    """What the learner thinks of the way so far. A private one is the learner's alone."""

    __tablename__ = "reflection"
    __table_args__ = (
        tenant_key("plan_id", to="plan", ondelete="CASCADE"),
        tenant_key("learner_id", to="learner"),
        tenant_key("goal_id", to="goal", ondelete="SET NULL (goal_id)"),
        Index("ix_reflection_plan", "tenant_id", "plan_id", "created_at", "id"),
        Index("ix_reflection_goal", "tenant_id", "goal_id", "created_at", "id"),
        {"info": {"sections": ("reflections", "private_reflections")}},
    )

    plan_id: Mapped[uuid.UUID]
    learner_id: Mapped[uuid.UUID]
    goal_id: Mapped[uuid.UUID | None]
    """Null too where the goal was a proposal that was taken back: what the learner wrote stays."""
    is_private: Mapped[bool]
    prompt: Mapped[str | None]
    """The question that the learner answers."""
    text: Mapped[str]
