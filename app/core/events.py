"""The event log: one row for every mutation, written in its own transaction.

Audit, history, delta sync and notifications all read this one log. Histories sort by (at, id); feeds go by `seq`, which
the sequencer gives after commit (see `app.core.sequencer`), so that a reader who has seen number n has seen all before.
"""

import uuid
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, Index, LargeBinary, bindparam, insert, inspect, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from app.core.principal import Principal
from app.core.rules import Section
from app.db.base import Base, Instant, TenantOwned, new_id
from app.db.engine import compact_json
from app.db.read import Statement, read_inside

UNRECORDED = frozenset(
    {"tenant_id", "version", "created_at", "updated_at", "password_hash", "passcode_hash", "secret_hashes"}
)


class Event(TenantOwned, Base):
    """Who did what to which entity, acting as what, and which fields changed how."""

    __tablename__ = "event"
    __table_args__ = (
        Index("ix_event_seq", "tenant_id", "seq", unique=True),
        Index("ix_event_unnumbered", "tenant_id", "at", "id", postgresql_where=text("seq IS NULL")),
        Index("ix_event_plan", "tenant_id", "plan_id", "at", "id"),
        Index("ix_event_learner", "tenant_id", "learner_id", "at", "id"),
        {"info": {"sections": ()}},  # each row names its own
    )

    seq: Mapped[int | None] = mapped_column(BigInteger)
    at: Mapped[Instant] = mapped_column(server_default=text("clock_timestamp()"))
    actor_person_id: Mapped[uuid.UUID | None]
    actor_client_id: Mapped[uuid.UUID | None]
    capacity: Mapped[str]
    """The relation or role that gave the right, e.g. `counselor`."""
    section: Mapped[str]
    learner_id: Mapped[uuid.UUID | None]
    plan_id: Mapped[uuid.UUID | None]
    entity_type: Mapped[str]
    entity_id: Mapped[uuid.UUID]
    action: Mapped[str]
    entity_version: Mapped[int | None]
    reason: Mapped[str | None]
    changes: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """`{"field": {"before": …, "after": …}}`"""
    request_id: Mapped[str]


def changes_of(entity: Any) -> dict[str, dict[str, Any]]:
    """The changed fields of a pending or dirty entity, before and after."""
    state = inspect(entity)
    found = {}
    for attribute in state.mapper.column_attrs:
        history = state.attrs[attribute.key].history
        if attribute.key in UNRECORDED or not history.has_changes():
            continue
        if isinstance(attribute.columns[0].type, LargeBinary):
            continue
        before = history.deleted[0] if history.deleted else None
        after = history.added[0] if history.added else None
        if before != after:
            found[attribute.key] = {"before": plain(before), "after": plain(after)}
    return found


def all_fields_of(entity: Any) -> dict[str, dict[str, Any]]:
    """Every recorded field of an entity that is about to be deleted."""
    keys = [attribute.key for attribute in inspect(entity).mapper.column_attrs if attribute.key not in UNRECORDED]
    return {key: {"before": plain(getattr(entity, key)), "after": None} for key in keys}


def plain(value: Any) -> Any:
    """A column's value as JSON has it."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, uuid.UUID | Decimal):
        return str(value)
    return value


async def record(
    session: AsyncSession,
    principal: Principal,
    request_id: str,
    entity: Any,
    action: str,
    *,
    section: Section,
    capacity: str,
    learner_id: uuid.UUID | None = None,
    plan_id: uuid.UUID | None = None,
    reason: str | None = None,
    changes: dict[str, dict[str, Any]] | None = None,
) -> None:
    """Flush the entity's change and add its event. A deletion is recorded before the entity is deleted."""
    if changes is None:
        changes = all_fields_of(entity) if action == "delete" else changes_of(entity)
    reader = await read_inside(session)
    values = dict(  # noqa: C408
        id=new_id(),
        tenant_id=principal.tenant_id,
        actor_person_id=principal.person_id,
        actor_client_id=principal.service_client_id,
        capacity=capacity,
        section=section.value,
        learner_id=learner_id,
        plan_id=plan_id,
        entity_type=entity.__tablename__,
        entity_id=entity.id,
        action=action,
        entity_version=getattr(entity, "version", None),
        reason=reason,
        changes=compact_json(changes),
        request_id=request_id,
    )
    await reader.fetch_row(_INSERT, values)


_WRITTEN = (
    "id", "tenant_id", "actor_person_id", "actor_client_id", "capacity", "section", "learner_id", "plan_id",
    "entity_type", "entity_id", "action", "entity_version", "reason", "changes", "request_id",
)  # fmt: skip
_INSERT = Statement.compile(
    insert(Event).values({name: bindparam(name, type_=getattr(Event, name).type) for name in _WRITTEN})
)
