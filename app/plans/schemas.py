"""Plans on the wire."""

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import MISSING, ConfigDict, Field

from app.core.event_views import EventOut
from app.core.schemas import BlockedAction, Input, Name, Output, Patch, Text
from app.plans.goal_schemas import GOAL_SUMMARY_EXAMPLE, GoalSummary
from app.plans.reflection_schemas import ReflectionSummary
from app.roster.schemas import PersonName, SchoolYear

PlanStatus = Literal["draft", "in_review", "active", "closed", "archived"]
PlanTransition = Literal["submit", "withdraw", "return", "approve", "close", "reopen", "archive"]

SUMMARY_EXAMPLE: dict[str, Any] = {
    "id": "01934b5e-7f6a-7c3e-9d0a-000000000004",
    "learner": {
        "id": "01934b5e-7f6a-7c3e-9d0a-000000000003",
        "given_name": "Mateo",
        "family_name": "Rivera",
    },
    "school_id": "01934b5e-7f6a-7c3e-9d0a-00000000000b",
    "school_year": 2027,
    "template": "general",
    "title": "My ninth-grade plan",
    "vision": "I want to build robots that help people.",
    "starts_on": "2026-08-15",
    "ends_on": "2027-06-15",
    "status": "draft",
    "submitted_by": None,
    "submitted_at": None,
    "approved_by": None,
    "approved_at": None,
    "closed_at": None,
    "version": 1,
    "created_at": "2026-09-01T06:00:00.000000Z",
    "updated_at": "2026-09-01T06:00:00.000000Z",
}
ACTIONS_EXAMPLE: dict[str, Any] = {
    "available_actions": ["edit", "add_goal"],
    "blocked_actions": [{"action": "submit", "code": "no_goal", "detail": "The plan needs at least one goal."}],
}


class PlanFields(Output):
    """What every representation of a plan has."""

    id: UUID
    learner: PersonName
    school_id: UUID
    school_year: int = Field(description="The calendar year in which the school year ends.")
    template: str
    title: str
    vision: str | None = Field(description="Where the learner wants to go, in the learner's words.")
    starts_on: date
    ends_on: date
    status: PlanStatus
    submitted_by: UUID | None
    submitted_at: datetime | None
    approved_by: UUID | None
    approved_at: datetime | None
    closed_at: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime


class PlanSummary(PlanFields):
    """A plan, as lists show one. The actions are there with `expand=available_actions`."""

    model_config = ConfigDict(json_schema_extra={"examples": [SUMMARY_EXAMPLE]})

    available_actions: list[str] | MISSING = MISSING
    blocked_actions: list[BlockedAction] | MISSING = MISSING


class PlanOut(PlanFields):
    """A plan, what the caller is to its learner, and what the caller may do with it now."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {**SUMMARY_EXAMPLE, "relations": ["learner"], **ACTIONS_EXAMPLE, "goals": [GOAL_SUMMARY_EXAMPLE]}
            ]
        }
    )

    relations: list[str] = Field(description="What you are to the learner, e.g. counselor.")
    available_actions: list[str] = Field(description="What you may do with the plan now.")
    blocked_actions: list[BlockedAction] = Field(description="What you may not, and what is missing for it.")
    goals: list[GoalSummary] | MISSING = Field(MISSING, description="With `expand=goals`.")
    reflections: list[ReflectionSummary] | MISSING = Field(
        MISSING, description="With `expand=reflections`: those that you may read; absent where you may read none."
    )


class PlanList(Output):
    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [SUMMARY_EXAMPLE], "next_cursor": None}]})

    items: list[PlanSummary]
    next_cursor: str | None
    total: int | MISSING = Field(MISSING, description="With `count=true`.")


class PlanCreate(Input):
    """A new plan, as a draft. Dates default to the school year's (1 August to 31 July)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "learner_id": "01934b5e-7f6a-7c3e-9d0a-000000000003",
                    "school_year": 2027,
                    "title": "My ninth-grade plan",
                    "vision": "I want to build robots that help people.",
                }
            ]
        }
    )

    id: UUID | MISSING = Field(MISSING, description="Your own id, to create offline: a UUID, best a UUIDv7.")
    learner_id: UUID
    school_year: SchoolYear
    title: Name
    vision: Text | None = None
    starts_on: date | MISSING = MISSING
    ends_on: date | MISSING = MISSING


class PlanPatch(Patch):
    """Changes to a plan; absent fields stay as they are."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"title": "My plan for grade nine"}]})

    title: Name | MISSING = MISSING
    vision: Text | None | MISSING = MISSING
    starts_on: date | MISSING = MISSING
    ends_on: date | MISSING = MISSING


class PlanTransitionIn(Input):
    """A step of the plan's workflow. `return` and `reopen` need a reason."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"action": "submit"}]})

    action: PlanTransition
    reason: Text | None = None


class EventList(Output):
    """A page of a plan's history."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [], "next_cursor": None}]})

    items: list[EventOut]
    next_cursor: str | None
    total: int | MISSING = Field(MISSING, description="With `count=true`.")
