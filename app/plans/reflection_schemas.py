"""Reflections on the wire."""

from typing import Any
from uuid import UUID

from pydantic import MISSING, ConfigDict, Field

from app.core.schemas import Input, Output, Patch, Text
from app.plans.goal_schemas import CAN_EXAMPLE, Actionable, Representation

IS_PRIVATE = (
    "Private: staff and family do not see it in the product. It is an education record all the same: an administrator "
    "may open it with a reason, which is logged, and law may require the school to show it."
)
REFLECTION_EXAMPLE: dict[str, Any] = {
    "id": "01934b5e-7f6a-7c3e-9d0a-00000000000d",
    "plan_id": "01934b5e-7f6a-7c3e-9d0a-000000000004",
    "goal_id": "01934b5e-7f6a-7c3e-9d0a-000000000005",
    "is_private": False,
    "prompt": "What helped you this month?",
    "text": "I learn best in the morning, when it is quiet.",
    "version": 1,
    "created_at": "2026-10-12T15:04:05.000000Z",
    "updated_at": "2026-10-12T15:04:05.000000Z",
}


class ReflectionSummary(Representation):
    """What the learner thinks of the way so far."""

    model_config = ConfigDict(json_schema_extra={"examples": [REFLECTION_EXAMPLE]})

    plan_id: UUID
    goal_id: UUID | None = Field(description="The goal that it is about; null where it is about the plan.")
    is_private: bool = Field(description=IS_PRIVATE)
    prompt: str | None = Field(description="The question that it answers.")
    text: str


class ReflectionOut(ReflectionSummary, Actionable):
    """A reflection, and what the caller may do with it now."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**REFLECTION_EXAMPLE, **CAN_EXAMPLE}]})


class ReflectionList(Output):
    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [REFLECTION_EXAMPLE], "next_cursor": None}]})

    items: list[ReflectionSummary]
    next_cursor: str | None
    total: int | MISSING = Field(MISSING, description="With `count=true`.")


class ReflectionCreate(Input):
    """The learner's own words. Whether they are private is said each time: nothing is shared by leaving it out."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "is_private": False,
                    "prompt": "What helped you this month?",
                    "text": "I learn best in the morning, when it is quiet.",
                    "goal_id": "01934b5e-7f6a-7c3e-9d0a-000000000005",
                }
            ]
        }
    )

    id: UUID | MISSING = Field(MISSING, description="Your own id, to create offline: a UUID, best a UUIDv7.")
    is_private: bool = Field(description=IS_PRIVATE)
    text: Text
    prompt: Text | None = Field(None, description="The question that it answers.")
    goal_id: UUID | None = Field(None, description="A goal of the plan, if it is about one.")


class ReflectionPatch(Patch):
    """Changes to a reflection; absent fields stay as they are."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"is_private": True}]})

    is_private: bool | MISSING = Field(
        MISSING, description=f"{IS_PRIVATE} What was shared before stays in the history of those who could read it."
    )
    text: Text | MISSING = MISSING
    prompt: Text | None | MISSING = MISSING
