"""The learner: the person whose plan it is; what is said of the learner as a whole."""

import uuid
from datetime import date

from sqlalchemy import Computed, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, Stamped, TenantOwned, tenant_key
from app.roster.models import one_of

STATEMENT_KINDS = ("strength", "interest", "aspiration")

# A day of the birth month, counted from its first: 29 February comes out as 1 March, for no year 18 after a leap year
# is one. PostgreSQL's least() passes over nulls.
MAJORITY_ON = """LEAST(make_date(EXTRACT(year FROM birth_on)::integer + 18, EXTRACT(month FROM birth_on)::integer, 1)
 + EXTRACT(day FROM birth_on)::integer - 1, college_entry_on)"""


class Learner(TenantOwned, Stamped, Base):
    """A person who learns; `id` is the person's id. The administrators of the school see the learner."""

    __tablename__ = "learner"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "id", "given_name", "family_name"],
            ["person.tenant_id", "person.id", "person.given_name", "person.family_name"],
            name="fk_learner_person",
            onupdate="CASCADE",
            ondelete="CASCADE",
        ),
        tenant_key("school_id", to="org"),
        UniqueConstraint("tenant_id", "id", "school_id", name="uq_learner_school"),
        Index("ix_learner_school", "tenant_id", "school_id", "id"),
        Index("ix_learner_name", "tenant_id", "family_name", "given_name", "id"),
        Index("ix_learner_school_name", "tenant_id", "school_id", "family_name", "given_name", "id"),
        {"info": {"sections": ("learner",)}},
    )

    given_name: Mapped[str]
    """The person's names, repeated here for the index that lists are read by. They change along."""
    family_name: Mapped[str]
    school_id: Mapped[uuid.UUID]
    grade: Mapped[str | None]
    birth_on: Mapped[date | None]
    college_entry_on: Mapped[date | None]
    is_dependent: Mapped[bool] = mapped_column(server_default=text("false"))
    """Guardians keep their rights beyond majority."""
    majority_on: Mapped[date | None] = mapped_column(Computed(MAJORITY_ON, persisted=True))
    """The first day on which the learner's rights are the learner's own: 18th birthday, or college entry if earlier."""


class ProfileStatement(TenantOwned, Stamped, Base):
    """A strength, interest or aspiration of the learner, in the words of who states it."""

    __tablename__ = "profile_statement"
    __table_args__ = (
        tenant_key("learner_id", to="learner", ondelete="CASCADE"),
        Index("ix_profile_statement_learner", "tenant_id", "learner_id", "stated_on", "id"),
        one_of("kind", STATEMENT_KINDS),
        {"info": {"sections": ("profile",)}},
    )

    learner_id: Mapped[uuid.UUID]
    kind: Mapped[str]
    statement: Mapped[str]
    author_id: Mapped[uuid.UUID | None]
    """The person who states it; null: a service."""
    author_as: Mapped[str]
    stated_on: Mapped[date]


class StaffNote(TenantOwned, Stamped, Base):
    """A working note on a learner, for its author alone."""

    __tablename__ = "staff_note"
    __table_args__ = (
        tenant_key("learner_id", to="learner", ondelete="CASCADE"),
        tenant_key("author_id", to="person", ondelete="CASCADE"),
        Index("ix_staff_note_learner", "tenant_id", "learner_id", "created_at", "id"),
        {"info": {"sections": ("staff_notes",)}},
    )

    learner_id: Mapped[uuid.UUID]
    author_id: Mapped[uuid.UUID]
    text: Mapped[str]
