"""Frameworks of competencies and the associations between them, in CASE's words.

A competency's id is its CASE identifier: re-imports keep it, and other systems name it so. A node that an association
names and no imported package holds is a stub (`framework_id` null); importing its package later fills it in.
"""

import uuid
from datetime import date, datetime

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, Json, Stamped, Strings, TenantOwned, tenant_key


class Framework(TenantOwned, Stamped, Base):
    """A CFDocument: one published set of standards or competencies."""

    __tablename__ = "framework"
    __table_args__ = (Index("ix_framework_title", "tenant_id", "title", "id"),)

    uri: Mapped[str]
    title: Mapped[str]
    creator: Mapped[str]
    publisher: Mapped[str | None]
    description: Mapped[str | None]
    language: Mapped[str | None]
    adoption_status: Mapped[str | None]
    source_changed_at: Mapped[datetime]
    extra: Mapped[Json] = mapped_column(server_default=text("'{}'"))


class Competency(TenantOwned, Stamped, Base):
    """A CFItem, or a stub of one."""

    __tablename__ = "competency"
    __table_args__ = (
        tenant_key("framework_id", to="framework"),
        Index("ix_competency_tree", "tenant_id", "framework_id", "position", "id"),
        Index("ix_competency_parent", "tenant_id", "parent_id", "position"),
        Index("ix_competency_code", "tenant_id", "human_coding_scheme"),
    )

    framework_id: Mapped[uuid.UUID | None]
    parent_id: Mapped[uuid.UUID | None]
    position: Mapped[int] = mapped_column(server_default="0")
    """Rank in the framework's tree, read in pre-order."""
    depth: Mapped[int] = mapped_column(server_default="0")
    uri: Mapped[str]
    full_statement: Mapped[str]
    abbreviated_statement: Mapped[str | None]
    human_coding_scheme: Mapped[str | None]
    list_enumeration: Mapped[str | None]
    item_type: Mapped[str | None]
    education_levels: Mapped[Strings] = mapped_column(server_default=text("'{}'"))
    notes: Mapped[str | None]
    status_start_on: Mapped[date | None]
    status_end_on: Mapped[date | None]
    source_changed_at: Mapped[datetime | None]
    extra: Mapped[Json] = mapped_column(server_default=text("'{}'"))


class Association(TenantOwned, Stamped, Base):
    """A CFAssociation: a directed edge. Its ends may lie outside every imported package."""

    __tablename__ = "association"
    __table_args__ = (
        tenant_key("framework_id", to="framework", ondelete="CASCADE"),
        Index("ix_association_origin", "tenant_id", "origin_id", "type"),
        Index("ix_association_destination", "tenant_id", "destination_id", "type"),
        Index("ix_association_framework", "tenant_id", "framework_id"),
    )

    framework_id: Mapped[uuid.UUID]
    type: Mapped[str]
    uri: Mapped[str]
    origin_id: Mapped[uuid.UUID]
    destination_id: Mapped[uuid.UUID]
    sequence_number: Mapped[int | None]
    is_cyclic: Mapped[bool] = mapped_column(server_default=text("false"))
    """A `precedes` or `isChildOf` edge that closes a circle: kept, but never walked."""
    source_changed_at: Mapped[datetime | None]
    extra: Mapped[Json] = mapped_column(server_default=text("'{}'"))
