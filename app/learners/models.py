"""The learner: the person whose plan it is."""

import uuid

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped

from app.db.base import Base, Stamped, TenantOwned, tenant_key


class Learner(TenantOwned, Stamped, Base):
    """A person who learns; `id` is the person's id. The administrators of the school see the learner."""

    __tablename__ = "learner"
    __table_args__ = (
        tenant_key("id", to="person", ondelete="CASCADE", name="fk_learner_person"),
        tenant_key("school_id", to="org"),
        UniqueConstraint("tenant_id", "id", "school_id", name="uq_learner_school"),
        Index("ix_learner_school", "tenant_id", "school_id", "id"),
    )

    school_id: Mapped[uuid.UUID]
    grade: Mapped[str | None]
