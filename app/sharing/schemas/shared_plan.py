"""What somebody sees who opens a share link: no ids, no names but the learner's given one, nobody's notes."""

from collections.abc import Collection, Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any, get_args

from pydantic import MISSING, BaseModel, ConfigDict, Field

from app.core.schemas import Output
from app.learners.models import STATEMENT_KINDS
from app.plans.goal_schemas import Category, GoalStatus, MetricKind
from app.plans.schemas import PlanStatus

EXAMPLE: dict[str, Any] = {
    "learner": {"given_name": "Mateo", "family_initial": "R"},
    "expires_at": "2027-02-01T00:00:00.000000Z",
    "plan": {
        "title": "My ninth-grade plan",
        "vision": "I want to build robots that help people.",
        "school_year": 2027,
        "starts_on": "2026-08-15",
        "ends_on": "2027-06-15",
        "status": "active",
        "goals": [
            {
                "title": "Solve linear equations with confidence",
                "description": None,
                "category": "academic",
                "status": "agreed",
                "metric_kind": "percent",
                "unit": None,
                "baseline": "55",
                "target": "85",
                "current_value": "70",
                "progress": "0.5",
                "due_on": "2027-01-31",
            }
        ],
    },
    "profile": [{"kind": "strength", "statement": "I can explain things to others.", "stated_on": "2026-09-01"}],
}


class SharedLearner(Output):
    """Whose plan it is."""

    given_name: str
    family_initial: str


class SharedGoal(Output):
    """A goal, and how far it is."""

    title: str
    description: str | None
    category: Category
    status: GoalStatus
    metric_kind: MetricKind
    unit: str | None
    baseline: Decimal | None
    target: Decimal | None
    current_value: Decimal | None
    progress: Decimal | None = Field(description="Between 0 and 1.")
    due_on: date | None


class SharedPlan(Output):
    """The plan."""

    title: str
    vision: str | None
    school_year: int = Field(description="The calendar year in which the school year ends.")
    starts_on: date
    ends_on: date
    status: PlanStatus
    goals: list[SharedGoal]


class SharedStatement(Output):
    """Something said of the learner."""

    kind: str = Field(description=f"One of: {', '.join(STATEMENT_KINDS)}.")
    statement: str
    stated_on: date


class SharedReflection(Output):
    """A reflection that the learner shares."""

    prompt: str | None
    text: str
    created_at: datetime


class SharedPlanOut(Output):
    """What the link shows; a part that it does not carry is absent."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    learner: SharedLearner
    expires_at: datetime
    plan: SharedPlan | MISSING = MISSING
    profile: list[SharedStatement] | MISSING = MISSING
    reflections: list[SharedReflection] | MISSING = MISSING


_PARTS: dict[str, type[Output]] = {
    "plan": SharedPlan,
    "profile": SharedStatement,
    "reflections": SharedReflection,
}


def fields_shown(sections: Collection[str]) -> list[str]:
    """Every field of the record that is shown with these sections, as a disclosure names them: `plan.goals.title`."""
    shown = [*_names(SharedLearner, "learner")]
    for section in sections:
        shown += _names(_PARTS[section], section)
    return shown


def _names(schema: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in schema.model_fields.items():
        inner = [each for each in get_args(field.annotation) if isinstance(each, type) and issubclass(each, BaseModel)]
        if inner:
            yield from _names(inner[0], f"{prefix}.{name}")
        else:
            yield f"{prefix}.{name}"
