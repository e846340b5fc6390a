"""Orgs, people and their dated relations, in OneRoster's words.

Relations hold from `from_on` (inclusive) until `until_on` (exclusive, as OneRoster's endDate; null: no end).
"""

import uuid
from datetime import date

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, Stamped, Strings, TenantOwned, tenant_key

ORG_TYPES = ("department", "school", "district", "local", "state", "national")
ROLES = (
    "student",
    "teacher",
    "counselor",
    "case_manager",
    "guardian",
    "mentor",
    "school_admin",
    "district_admin",
)
IS_OFFICE = "role IN ('school_admin', 'district_admin')"
CASELOAD_KINDS = ("advisor", "counselor", "case_manager")
ENROLLMENT_ROLES = ("student", "teacher", "administrator", "proctor")
RESTRICTION_KINDS = ("no_contact", "no_records", "sections")


def one_of(column: str, values: tuple[str, ...]) -> CheckConstraint:
    """A check that a text column holds one of the values."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


class Dated:
    """A fact that holds for some time."""

    from_on: Mapped[date | None]
    until_on: Mapped[date | None]


class Org(TenantOwned, Stamped, Base):
    """A node of the organisation tree: the district, its schools, …"""

    __tablename__ = "org"
    __table_args__ = (tenant_key("parent_id", to="org"), one_of("type", ORG_TYPES))

    name: Mapped[str]
    type: Mapped[str]
    parent_id: Mapped[uuid.UUID | None]


class Person(TenantOwned, Stamped, Base):
    """Anybody the tenant knows: pupils, staff, guardians, mentors."""

    __tablename__ = "person"
    __table_args__ = (
        Index("ix_person_name", "tenant_id", "family_name", "given_name", "id"),
        UniqueConstraint("tenant_id", "id", "given_name", "family_name", name="uq_person_names"),
    )

    given_name: Mapped[str]
    family_name: Mapped[str]


class RoleAssignment(TenantOwned, Dated, Base):
    """A person's role at an org."""

    __tablename__ = "role_assignment"
    __table_args__ = (
        tenant_key("person_id", to="person", ondelete="CASCADE"),
        tenant_key("org_id", to="org", ondelete="CASCADE"),
        UniqueConstraint("tenant_id", "person_id", "org_id", "role", name="uq_role_assignment"),
        Index("ix_role_assignment_office", "tenant_id", "org_id", postgresql_where=text(IS_OFFICE)),
        one_of("role", ROLES),
    )

    person_id: Mapped[uuid.UUID]
    org_id: Mapped[uuid.UUID]
    role: Mapped[str]


class Class(TenantOwned, Stamped, Base):
    """A class: people who learn together for a school year."""

    __tablename__ = "class"
    __table_args__ = (
        tenant_key("school_id", to="org"),
        Index("ix_class_title", "tenant_id", "title", "id"),
        Index("ix_class_school", "tenant_id", "school_id"),
    )

    title: Mapped[str]
    class_code: Mapped[str | None]
    school_id: Mapped[uuid.UUID]
    school_year: Mapped[int]


class Enrollment(TenantOwned, Dated, Base):
    """A person in a class, as student or teacher."""

    __tablename__ = "enrollment"
    __table_args__ = (
        tenant_key("class_id", to="class", ondelete="CASCADE"),
        tenant_key("person_id", to="person", ondelete="CASCADE"),
        UniqueConstraint("tenant_id", "person_id", "class_id", "role", name="uq_enrollment"),
        Index("ix_enrollment_class", "tenant_id", "class_id", "role", "person_id"),
        one_of("role", ENROLLMENT_ROLES),
    )

    class_id: Mapped[uuid.UUID]
    person_id: Mapped[uuid.UUID]
    role: Mapped[str]


class Guardianship(TenantOwned, Dated, Stamped, Base):
    """A guardian of a learner."""

    __tablename__ = "guardianship"
    __table_args__ = (
        tenant_key("guardian_id", to="person", ondelete="CASCADE"),
        tenant_key("learner_id", to="person", ondelete="CASCADE"),
        UniqueConstraint("tenant_id", "guardian_id", "learner_id", name="uq_guardianship"),
        Index("ix_guardianship_learner", "tenant_id", "learner_id"),
        {"info": {"sections": ("access",)}},
    )

    guardian_id: Mapped[uuid.UUID]
    learner_id: Mapped[uuid.UUID]
    relationship: Mapped[str]


class GuardianshipRestriction(TenantOwned, Dated, Stamped, Base):
    """A court's or the school's limit on one contact. While it holds it overrides the guardianship."""

    __tablename__ = "guardianship_restriction"
    __table_args__ = (
        tenant_key("guardianship_id", to="guardianship", ondelete="CASCADE"),
        Index("ix_guardianship_restriction", "tenant_id", "guardianship_id"),
        one_of("kind", RESTRICTION_KINDS),
        CheckConstraint("(kind = 'sections') = (cardinality(sections) > 0)", name="names_sections"),
        {"info": {"sections": ("restrictions",)}},
    )

    guardianship_id: Mapped[uuid.UUID]
    kind: Mapped[str]
    sections: Mapped[Strings] = mapped_column(server_default=text("'{}'"))
    """What the contact is kept from, if not from everything."""
    evidence_reference: Mapped[str]


class Caseload(TenantOwned, Dated, Stamped, Base):
    """A learner on the caseload of an advisor, counselor or case manager."""

    __tablename__ = "caseload"
    __table_args__ = (
        tenant_key("person_id", to="person", ondelete="CASCADE"),
        tenant_key("learner_id", to="person", ondelete="CASCADE"),
        UniqueConstraint("tenant_id", "person_id", "learner_id", "kind", name="uq_caseload"),
        Index("ix_caseload_learner", "tenant_id", "learner_id"),
        one_of("kind", CASELOAD_KINDS),
        {"info": {"sections": ("access",)}},
    )

    person_id: Mapped[uuid.UUID]
    learner_id: Mapped[uuid.UUID]
    kind: Mapped[str]


class Delegation(TenantOwned, Stamped, Base):
    """A substitute: for a time the delegate has the delegator's relations to learners, as well as the delegator."""

    __tablename__ = "delegation"
    __table_args__ = (
        tenant_key("delegator_id", to="person", ondelete="CASCADE"),
        tenant_key("delegate_id", to="person", ondelete="CASCADE"),
        Index("ix_delegation_delegate", "tenant_id", "delegate_id"),
        Index("ix_delegation_delegator", "tenant_id", "delegator_id"),
        CheckConstraint("delegate_id <> delegator_id", name="two_people"),
        CheckConstraint("from_on < until_on", name="dates"),
    )

    delegator_id: Mapped[uuid.UUID]
    delegate_id: Mapped[uuid.UUID]
    from_on: Mapped[date]
    until_on: Mapped[date]
    reason: Mapped[str]
    created_by: Mapped[uuid.UUID | None]
    """The person who made it; null: a service."""


class ExternalId(TenantOwned, Base):
    """The name another system (SIS, LMS) has for one of our rows, e.g. a OneRoster sourcedId."""

    __tablename__ = "external_id"
    __table_args__ = (
        UniqueConstraint("tenant_id", "system", "type", "value", name="uq_external_id_value"),
        Index("ix_external_id_entity", "tenant_id", "entity_id"),
    )

    entity_id: Mapped[uuid.UUID]
    system: Mapped[str]
    type: Mapped[str]
    value: Mapped[str] = mapped_column()
