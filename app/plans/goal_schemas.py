"""Goals, milestones, actions and progress on the wire."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import MISSING, ConfigDict, Field

from app.competencies.schemas import CompetencySummary
from app.core.schemas import BlockedAction, Input, Name, Output, Patch, Quantity, Text
from app.roster.schemas import PersonName

Category = Literal["personal", "academic", "career"]
Kind = Literal["aspiration", "goal"]
GoalStatus = Literal["proposed", "agreed", "achieved", "partly_achieved", "not_achieved", "dropped"]
MetricKind = Literal["boolean", "percent", "numeric", "count", "rubric", "milestones"]
Side = Literal["learner", "guardian", "staff"]
ProposerSide = Literal["learner", "guardian", "staff", "guest"]
ActionStatus = Literal["planned", "done", "dropped"]
GoalTransition = Literal["agree", "decline", "achieve", "partly_achieve", "not_achieve", "drop", "reopen"]
ActionTransition = Literal["complete", "drop", "reopen"]
Position = Annotated[int, Field(ge=0, le=10_000)]
Weight = Annotated[int, Field(ge=1, le=1000)]

GOAL_SUMMARY_EXAMPLE: dict[str, Any] = {
    "id": "01934b5e-7f6a-7c3e-9d0a-000000000005",
    "plan_id": "01934b5e-7f6a-7c3e-9d0a-000000000004",
    "learner_id": "01934b5e-7f6a-7c3e-9d0a-000000000003",
    "title": "Solve linear equations with confidence",
    "description": None,
    "category": "academic",
    "kind": "goal",
    "status": "agreed",
    "metric_kind": "percent",
    "unit": None,
    "baseline": "55",
    "target": "85",
    "current_value": "70",
    "progress": "0.5",
    "starts_on": "2026-09-01",
    "due_on": "2027-01-31",
    "proposed_by": "01934b5e-7f6a-7c3e-9d0a-000000000003",
    "proposed_side": "learner",
    "learner_agreed_at": "2026-09-01T06:00:00.000000Z",
    "staff_agreed_at": "2026-09-02T06:00:00.000000Z",
    "outcome_note": None,
    "outcome_at": None,
    "outcome_by": None,
    "version": 2,
    "created_at": "2026-09-01T06:00:00.000000Z",
    "updated_at": "2026-09-02T06:00:00.000000Z",
}
ACTION_EXAMPLE: dict[str, Any] = {
    "id": "01934b5e-7f6a-7c3e-9d0a-000000000006",
    "goal_id": "01934b5e-7f6a-7c3e-9d0a-000000000005",
    "title": "Work through one problem set a week",
    "owner": "learner",
    "status": "planned",
    "due_on": "2026-10-01",
    "if_obstacle": "If I get stuck",
    "then_response": "then I ask in the study hall",
    "completed_at": None,
    "version": 1,
    "created_at": "2026-09-01T06:00:00.000000Z",
    "updated_at": "2026-09-01T06:00:00.000000Z",
}
MILESTONE_EXAMPLE: dict[str, Any] = {
    "id": "01934b5e-7f6a-7c3e-9d0a-000000000007",
    "goal_id": "01934b5e-7f6a-7c3e-9d0a-000000000005",
    "title": "70 % in the unit test",
    "position": 1,
    "weight": 1,
    "due_on": "2026-11-15",
    "reached_at": None,
    "version": 1,
    "created_at": "2026-09-01T06:00:00.000000Z",
    "updated_at": "2026-09-01T06:00:00.000000Z",
}
PROGRESS_EXAMPLE: dict[str, Any] = {
    "id": "01934b5e-7f6a-7c3e-9d0a-000000000008",
    "goal_id": "01934b5e-7f6a-7c3e-9d0a-000000000005",
    "value": "70",
    "note": "Unit test 2",
    "observed_on": "2026-10-12",
    "recorded_by": "01934b5e-7f6a-7c3e-9d0a-000000000003",
    "recorded_side": "learner",
    "recorded_at": "2026-10-12T15:04:05.000000Z",
}
CAN_EXAMPLE: dict[str, Any] = {"available_actions": ["edit"], "blocked_actions": []}


class Representation(Output):
    """What everything under a plan has."""

    id: UUID
    version: int
    created_at: datetime
    updated_at: datetime


class Actionable(Output):
    """What the caller may do with it now, and what is missing for the rest."""

    available_actions: list[str]
    blocked_actions: list[BlockedAction]


class ActionSummary(Representation):
    """Something to do for a goal."""

    model_config = ConfigDict(json_schema_extra={"examples": [ACTION_EXAMPLE]})

    goal_id: UUID
    title: str
    owner: Side
    status: ActionStatus
    due_on: date | None
    if_obstacle: str | None = Field(description='The "if …" of an if-then plan.')
    then_response: str | None
    completed_at: datetime | None


class ActionOut(ActionSummary, Actionable):
    model_config = ConfigDict(json_schema_extra={"examples": [{**ACTION_EXAMPLE, **CAN_EXAMPLE}]})


class MilestoneSummary(Representation):
    """A station on the way to a goal."""

    model_config = ConfigDict(json_schema_extra={"examples": [MILESTONE_EXAMPLE]})

    goal_id: UUID
    title: str
    position: int
    weight: int = Field(description="Its share of the goal where progress is counted by milestones.")
    due_on: date | None
    reached_at: datetime | None


class MilestoneOut(MilestoneSummary, Actionable):
    model_config = ConfigDict(json_schema_extra={"examples": [{**MILESTONE_EXAMPLE, **CAN_EXAMPLE}]})


class ProgressOut(Output):
    """One measurement or note; never changed afterwards."""

    model_config = ConfigDict(json_schema_extra={"examples": [PROGRESS_EXAMPLE]})

    id: UUID
    goal_id: UUID
    value: Decimal | None = Field(description="In the goal's unit; a decimal as a string.")
    note: str | None
    observed_on: date
    recorded_by: UUID | None
    recorded_side: ProposerSide
    recorded_at: datetime


class GoalSummary(Representation):
    """A goal as part of a plan."""

    model_config = ConfigDict(json_schema_extra={"examples": [GOAL_SUMMARY_EXAMPLE]})

    plan_id: UUID
    learner_id: UUID
    title: str
    description: str | None
    category: Category
    kind: Kind
    status: GoalStatus
    metric_kind: MetricKind
    unit: str | None
    baseline: Decimal | None
    target: Decimal | None
    current_value: Decimal | None = Field(description="The value observed last.")
    progress: Decimal | None = Field(
        description="(current − baseline) ÷ (target − baseline), between 0 and 1; null while no value is recorded, and "
        "where baseline or target is missing. With `metric_kind` milestones: the weight reached over all."
    )
    starts_on: date | None
    due_on: date | None
    proposed_by: UUID | None = Field(description="The person; null where a service proposed it for the staff.")
    proposed_side: ProposerSide
    learner_agreed_at: datetime | None
    staff_agreed_at: datetime | None
    outcome_note: str | None
    outcome_at: datetime | None
    outcome_by: UUID | None
    actions: list[ActionSummary] | MISSING = Field(MISSING, description="With `expand=actions`.")
    milestones: list[MilestoneSummary] | MISSING = Field(MISSING, description="With `expand=milestones`.")
    competencies: list[CompetencySummary] | MISSING = Field(MISSING, description="With `expand=competencies`.")


class GoalOut(GoalSummary, Actionable):
    """A goal, and what the caller may do with it now."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    **GOAL_SUMMARY_EXAMPLE,
                    "teachers": [],
                    "relations": ["learner"],
                    "available_actions": ["edit", "add_action", "record_progress"],
                    "blocked_actions": [],
                }
            ]
        }
    )

    teachers: list[PersonName] = Field(description="Teachers named on the goal: they may write on it.")
    relations: list[str] = Field(description="What you are to the learner and the goal.")


class GoalList(Output):
    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [GOAL_SUMMARY_EXAMPLE], "next_cursor": None}]})

    items: list[GoalSummary]
    next_cursor: str | None
    total: int | MISSING = Field(MISSING, description="With `count=true`.")


class ActionList(Output):
    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [ACTION_EXAMPLE], "next_cursor": None}]})

    items: list[ActionSummary]
    next_cursor: str | None
    total: int | MISSING = Field(MISSING, description="With `count=true`.")


class MilestoneList(Output):
    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [MILESTONE_EXAMPLE], "next_cursor": None}]})

    items: list[MilestoneSummary]
    next_cursor: str | None
    total: int | MISSING = Field(MISSING, description="With `count=true`.")


class ProgressList(Output):
    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [PROGRESS_EXAMPLE], "next_cursor": None}]})

    items: list[ProgressOut]
    next_cursor: str | None
    total: int | MISSING = Field(MISSING, description="With `count=true`.")


class GoalCreate(Input):
    """A goal, proposed by the caller's side; the other side then agrees or declines."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "title": "Solve linear equations with confidence",
                    "category": "academic",
                    "metric_kind": "percent",
                    "baseline": "55",
                    "target": "85",
                    "due_on": "2027-01-31",
                    "competency_ids": ["01934b5e-7f6a-7c3e-9d0a-000000000009"],
                }
            ]
        }
    )

    id: UUID | MISSING = Field(MISSING, description="Your own id, to create offline: a UUID, best a UUIDv7.")
    title: Name
    description: Text | None = None
    category: Category
    kind: Kind = "goal"
    metric_kind: MetricKind = Field(
        "boolean",
        description="`percent`, `numeric`, `count` and `rubric` need baseline and target for `progress`; `boolean` "
        "runs from 0 to 1; `milestones` counts the weight of the milestones reached, whatever values are recorded.",
    )
    unit: Name | None = None
    baseline: Quantity | None = None
    target: Quantity | None = None
    starts_on: date | None = None
    due_on: date | None = None
    competency_ids: list[UUID] = Field(default=[], max_length=50)
    teacher_ids: list[UUID] = Field(default=[], max_length=20, description="Teachers of the learner to name on it.")


class GoalPatch(Patch):
    """Changes to a goal. Once agreed, a new target or due date needs `change_reason`."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"due_on": "2027-02-28", "change_reason": "Was ill for two weeks."}]}
    )

    title: Name | MISSING = MISSING
    description: Text | None | MISSING = MISSING
    category: Category | MISSING = MISSING
    kind: Kind | MISSING = MISSING
    metric_kind: MetricKind | MISSING = MISSING
    unit: Name | None | MISSING = MISSING
    baseline: Quantity | None | MISSING = MISSING
    target: Quantity | None | MISSING = MISSING
    starts_on: date | None | MISSING = MISSING
    due_on: date | None | MISSING = MISSING
    competency_ids: list[UUID] | MISSING = Field(MISSING, max_length=50)
    teacher_ids: list[UUID] | MISSING = Field(MISSING, max_length=20)
    change_reason: Text | MISSING = MISSING


class GoalTransitionIn(Input):
    """A step of the goal's handshake, or its outcome. `decline`, `drop` and `reopen` need a reason."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"action": "agree"}]})

    action: GoalTransition
    reason: Text | None = None


class ActionCreate(Input):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"title": "Work through one problem set a week", "owner": "learner"}]}
    )

    id: UUID | MISSING = Field(MISSING, description="Your own id, to create offline: a UUID, best a UUIDv7.")
    title: Name
    owner: Side = "learner"
    due_on: date | None = None
    if_obstacle: Text | None = None
    then_response: Text | None = None


class ActionPatch(Patch):
    model_config = ConfigDict(json_schema_extra={"examples": [{"due_on": "2026-10-08"}]})

    title: Name | MISSING = MISSING
    owner: Side | MISSING = MISSING
    due_on: date | None | MISSING = MISSING
    if_obstacle: Text | None | MISSING = MISSING
    then_response: Text | None | MISSING = MISSING


class ActionTransitionIn(Input):
    model_config = ConfigDict(json_schema_extra={"examples": [{"action": "complete"}]})

    action: ActionTransition
    reason: Text | None = None


class MilestoneCreate(Input):
    model_config = ConfigDict(json_schema_extra={"examples": [{"title": "70 % in the unit test", "position": 1}]})

    id: UUID | MISSING = Field(MISSING, description="Your own id, to create offline: a UUID, best a UUIDv7.")
    title: Name
    position: Position = 0
    weight: Weight = 1
    due_on: date | None = None


class MilestonePatch(Patch):
    model_config = ConfigDict(json_schema_extra={"examples": [{"is_reached": True}]})

    title: Name | MISSING = MISSING
    position: Position | MISSING = MISSING
    weight: Weight | MISSING = MISSING
    due_on: date | None | MISSING = MISSING
    is_reached: bool | MISSING = Field(MISSING, description="Sets or clears `reached_at`.")


class ProgressCreate(Input):
    """A measurement, a note, or both."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"value": "70", "note": "Unit test 2"}]})

    id: UUID | MISSING = Field(MISSING, description="Your own id, to create offline: a UUID, best a UUIDv7.")
    value: Quantity | None = None
    note: Text | None = None
    observed_on: date | MISSING = Field(MISSING, description="Today, if absent.")
