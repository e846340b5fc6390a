"""Who has looked: one row for every read of learners' records by anybody but the learner."""

import uuid

from sqlalchemy import Index, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, Instant, Strings, TenantOwned


class Look(TenantOwned, Base):
    """One request that showed parts of learners' records, and in which capacities. Never changed."""

    __tablename__ = "access_log"
    __table_args__ = (
        Index("ix_access_log_at", "tenant_id", "at", "id"),
        Index("ix_access_log_learners", "learner_ids", postgresql_using="gin"),
        {"info": {"sections": ("access",)}},
    )

    at: Mapped[Instant] = mapped_column(server_default=text("clock_timestamp()"))
    viewer_person_id: Mapped[uuid.UUID | None]
    viewer_client_id: Mapped[uuid.UUID | None]
    capacities: Mapped[Strings]
    learner_ids: Mapped[list[uuid.UUID]] = mapped_column(ARRAY(Uuid()))
    sections: Mapped[Strings]
    is_list: Mapped[bool]
    operation: Mapped[str]
    request_id: Mapped[str]
