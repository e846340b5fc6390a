"""How an event reads on the wire, wherever it is shown."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import ConfigDict, Field
from sqlalchemy import ColumnElement, column, literal_column, or_, select, table
from sqlalchemy.types import Uuid

from app.core.access import Shape, readers, reads_all, visible
from app.core.rules import AUTHORED, PLAN_BOUND, READ, Relation, Section
from app.core.schemas import Output
from app.db.projection import Projection

_learner = table("learner", column("tenant_id", Uuid()), column("id", Uuid()), column("school_id", Uuid()))


class EventOut(Output):
    """Who did what to which entity, and which fields changed how."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "01934b5e-7f6a-7c3e-9d0a-000000000001",
                    "seq": 4711,
                    "at": "2026-11-22T09:30:00.000000Z",
                    "actor_person_id": "01934b5e-7f6a-7c3e-9d0a-000000000002",
                    "actor_client_id": None,
                    "capacity": "counselor",
                    "section": "plan",
                    "learner_id": "01934b5e-7f6a-7c3e-9d0a-000000000003",
                    "plan_id": "01934b5e-7f6a-7c3e-9d0a-000000000004",
                    "entity_type": "plan",
                    "entity_id": "01934b5e-7f6a-7c3e-9d0a-000000000004",
                    "action": "approve",
                    "entity_version": 3,
                    "reason": None,
                    "changes": {"status": {"before": "in_review", "after": "active"}},
                    "request_id": "b7c1",
                }
            ]
        }
    )

    id: UUID
    seq: int | None = Field(description="Its number in the feed; null for the moment until it has one.")
    at: datetime
    actor_person_id: UUID | None
    actor_client_id: UUID | None = Field(description="The service client, if a program did it.")
    capacity: str = Field(description="The relation or role that gave the right.")
    section: str
    learner_id: UUID | None
    plan_id: UUID | None
    entity_type: str
    entity_id: UUID
    action: str
    entity_version: int | None
    reason: str | None
    changes: dict[str, Any] = Field(description="Per field `before` and `after`.")
    request_id: str


def event_projection(event: Any) -> Projection:
    return Projection(EventOut, {name: getattr(event, name) for name in EventOut.model_fields})


def visible_events(event: Any, shape: Shape) -> ColumnElement[bool]:
    """Events whose section the caller may read. Sections with the same readers share one condition."""
    school_id = (
        select(_learner.c.school_id)
        .where(_learner.c.tenant_id == event.tenant_id, _learner.c.id == event.learner_id)
        .correlate(event)
        .scalar_subquery()
    )
    alike: dict[Any, list[Section]] = {}
    for section in Section:
        alike.setdefault(_readers(shape, section), []).append(section)
    return or_(
        *(
            _is_of(event, sections)
            & visible(
                shape,
                sections[0],
                tenant_id=event.tenant_id,
                learner_id=event.learner_id,
                school_id=school_id,
                plan_id=event.plan_id if sections[0] in PLAN_BOUND else None,
                author_id=event.actor_person_id if sections[0] in AUTHORED else None,
            )
            for sections in alike.values()
        )
    )


def _readers(shape: Shape, section: Section) -> Any:
    """What a section's condition depends on; where callers are barred by section, on the section itself."""
    return (
        reads_all(shape, section),
        shape.policy.reaches(section, Relation.SCHOOL_ADMIN, READ),
        readers(shape, section),
        section in PLAN_BOUND,
        section in AUTHORED,
        section if shape.is_barred else None,
    )


def _is_of(event: Any, sections: list[Section]) -> ColumnElement[bool]:
    return event.section.in_([literal_column(f"'{section}'") for section in sections])  # type: ignore[no-any-return]
