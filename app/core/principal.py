"""Who is calling: a person or a service, of which tenant, in which roles.

The facts come from the SQL view `caller` (session alive, account enabled, roles of today), read in the same statement
or transaction as the work, so that a role taken away is gone on the next request.
"""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ScalarSelect, Text, bindparam, column, select, table
from sqlalchemy.types import Uuid

from app.core.access import Shape, barred, blanket_relations
from app.core.rules import Policy, Section
from app.core.security import AccessClaims

_caller = table("caller", column("tenant_id", Uuid()), column("session_id", Uuid()), column("facts", Text()))


def caller_facts() -> ScalarSelect[str]:
    """The caller's facts as one text, null if the session is over. Binds `caller_tenant` and `caller_session`."""
    return (
        select(_caller.c.facts)
        .where(
            _caller.c.tenant_id == bindparam("caller_tenant", type_=Uuid()),
            _caller.c.session_id == bindparam("caller_session", type_=Uuid()),
        )
        .scalar_subquery()
    )


@dataclass(frozen=True)
class Principal:
    """The caller of one request."""

    tenant_id: UUID
    session_id: UUID
    person_id: UUID | None
    account_id: UUID | None
    service_client_id: UUID | None
    timezone: str
    roles: tuple[tuple[str, UUID], ...]
    scopes: frozenset[str]
    has_relations: bool
    is_scoped: bool
    barred: tuple[tuple[UUID, frozenset[str] | None], ...]
    """Learners from whom a restriction keeps the caller, and from which sections (None: all)."""
    policy: Policy

    @classmethod
    def parse(cls, facts: str, claims: AccessClaims) -> "Principal":
        return cls.of(facts, claims.tenant_id, claims.session_id)

    @classmethod
    def of(cls, facts: str, tenant_id: UUID, session_id: UUID) -> "Principal":
        """From the text that the views `caller` and `person_facts` give."""
        found: dict[str, Any] = json.loads(facts)

        def identifier(name: str) -> UUID | None:
            return UUID(found[name]) if found[name] else None

        return cls(
            tenant_id=tenant_id,
            session_id=session_id,
            person_id=identifier("person_id"),
            account_id=identifier("account_id"),
            service_client_id=identifier("service_client_id"),
            timezone=found["timezone"],
            roles=tuple((role, UUID(org)) for role, org in found["roles"]),
            scopes=frozenset(found["scopes"]),
            has_relations=found["has_relations"],
            is_scoped=found["is_scoped"],
            barred=tuple(map(_restriction, found["barred"])),
            policy=Policy.of(found["rules"]),
        )

    @cached_property
    def owner_id(self) -> UUID:
        """The account or service client: whose sessions, cursors and idempotency keys these are."""
        owner = self.account_id or self.service_client_id
        assert owner is not None
        return owner

    @cached_property
    def role_names(self) -> frozenset[str]:
        return frozenset(role for role, _ in self.roles)

    @cached_property
    def capacities(self) -> tuple[str, ...]:
        """What the caller is by office: the names of her roles; a service is a service."""
        return ("service",) if self.service_client_id else tuple(sorted(self.role_names))

    @cached_property
    def school_ids(self) -> tuple[UUID, ...]:
        """The schools that the caller administers."""
        return tuple(org for role, org in self.roles if role == "school_admin")

    @cached_property
    def blanket(self) -> tuple[str, ...]:
        """Relations the caller has to every learner of the tenant."""
        return blanket_relations(self.role_names, self.scopes)

    @cached_property
    def shape(self) -> Shape:
        return Shape(
            blanket=self.blanket,
            schools=min(len(self.school_ids), 2),
            is_related=self.has_relations,
            is_barred=bool(self.barred),
            reads_events=self.has_scope("events.read"),
            is_scoped=self.is_scoped,
            policy=self.policy,
        )

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    def today(self) -> date:
        """Today where the tenant is."""
        return datetime.now(UTC).astimezone(self.zone).date()

    def binds(self) -> dict[str, Any]:
        """Values of the parameters that access expressions use."""
        return {**self._standing_binds, "caller_today": self.today()}

    @cached_property
    def _standing_binds(self) -> dict[str, Any]:
        return {
            "caller_tenant": self.tenant_id,
            "caller_session": self.session_id,
            "caller_person": self.person_id,
            "caller_owner": self.account_id or self.service_client_id,
            "caller_schools": list(self.school_ids),
            "caller_school": self.school_ids[0] if self.school_ids else None,
            "caller_blanket": list(self.blanket),
            **{barred(section).key: self.barred_from(section) for section in Section},
        }

    def barred_from(self, section: Section) -> list[UUID]:
        """The learners of whom a restriction hides the section from the caller."""
        return [learner for learner, sections in self.barred if sections is None or section in sections]

    def has_scope(self, scope: str) -> bool:
        """Persons act by their relations; a service only within its scopes."""
        return self.service_client_id is None or scope in self.scopes


def _restriction(text: str) -> tuple[UUID, frozenset[str] | None]:
    learner, sections = json.loads(text)
    return UUID(learner), None if sections is None else frozenset(sections)
