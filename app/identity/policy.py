"""Who administers accounts, as SQL over the account's person, and who else is told no.

A password gives its owner's rights, so nobody hands out one that reaches further than she does. A district
administrator administers every account. A school administrator administers people who stand at her schools and act for
nobody outside them (`acts_for`), and never a district administrator, wherever that role hangs. A teacher may only hand
a new password to pupils of her classes who act for nobody but themselves. Nobody administers the account of a child
whom a restriction keeps her from.

A role `school_admin` at an org that is not a school counts for that very org, not for the schools below it.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Date, Text, and_, column, exists, false, func, not_, or_, select, table, true
from sqlalchemy.types import Uuid

from app.core.access import (
    BLANKET,
    PERSON,
    SCHOOLS,
    TENANT,
    TODAY,
    Shape,
    access_fact,
    has_any,
    in_force,
)
from app.core.errors import forbidden
from app.core.principal import Principal
from app.core.reads import Read
from app.core.rules import PERMISSION_WORDS, Level, Policy, Relation, Section
from app.db.read import Statement

standing = table(
    "standing",
    column("tenant_id", Uuid()),
    column("person_id", Uuid()),
    column("org_id", Uuid()),
    column("role", Text()),
    column("from_on", Date()),
    column("until_on", Date()),
)
acts_for = table(
    "acts_for",
    column("tenant_id", Uuid()),
    column("person_id", Uuid()),
    column("school_id", Uuid()),
    column("acts_as", Text()),
    column("until_on", Date()),
)
"""For whose records, by school, a person acts: by a role, a class, a caseload, a guardianship, and as a learner."""
_barred = table("barred", column("tenant_id", Uuid()), column("person_id", Uuid()), column("learner_id", Uuid()))

_RELATION_OF = {
    "student": Relation.LEARNER,
    "guardian": Relation.GUARDIAN,
    "teacher": Relation.TEACHER,
    "counselor": Relation.COUNSELOR,
    "case_manager": Relation.CASE_MANAGER,
    "school_admin": Relation.SCHOOL_ADMIN,
    "district_admin": Relation.DISTRICT_ADMIN,
}
"""The relation to single learners that a role usually comes with."""

_ADMINISTRATOR = (
    "access:consent",
    "access:manage",
    "access:revoke",
    "accounts:read",
    "accounts:reset",
    "accounts:write",
    "break-glass:write",
    "plans:administer",
)
_BESIDES: dict[str, tuple[str, ...]] = {
    "student": ("access:consent", "access:revoke"),
    "guardian": ("access:consent",),
    "teacher": ("accounts:read", "accounts:reset"),
    "counselor": ("access:approve", "access:consent", "access:manage", "access:revoke", "plans:review"),
    "case_manager": ("access:consent",),
    "school_admin": (*_ADMINISTRATOR, "access:approve", "plans:review"),
    "district_admin": (*_ADMINISTRATOR, "service-clients:read", "service-clients:write"),
}
"""What a role allows that is not a matter of sections."""


def permissions(roles: Collection[str], scopes: Collection[str], policy: Policy) -> list[str]:
    """The permissions that come with roles, or with a service's scopes (`plans.read` allows `plans:read`).

    What each role allows in general, by the tenant's rules; every single record has the last word.
    """
    return sorted({word for role in roles for word in _of_role(role, policy)} | {s.replace(".", ":") for s in scopes})


def _of_role(role: str, policy: Policy) -> set[str]:
    found = {"competencies:read", *_BESIDES.get(role, ())}
    relation = _RELATION_OF.get(role)
    for section in set(Section) - {Section.ACCOUNT}:
        reached = Level.NONE if relation is None else policy.level(section, relation)
        found |= {f"{PERMISSION_WORDS[section]}:{level.name.lower()}" for level in Level if 0 < level <= reached}
    return found


def is_district_admin() -> ColumnElement[bool]:
    return has_any(BLANKET, [Relation.DISTRICT_ADMIN.value])


def visible(person_id: ColumnElement[UUID], shape: Shape) -> ColumnElement[bool]:
    """The predicate of a list of accounts: those that the caller may do anything about."""
    if shape.blanket:
        return and_(is_district_admin(), _is_not_barred(person_id))
    ways: list[ColumnElement[bool]] = []
    if shape.schools:
        ways.append(person_id.in_(_people(standing.c.org_id == func.any(SCHOOLS))))
    if shape.is_related:
        ways.append(_is_mere_pupil(person_id))
    return and_(or_(*ways), _is_not_barred(person_id)) if ways else false()


def administers(person_id: ColumnElement[UUID]) -> ColumnElement[bool]:
    """Whether the caller may change this person's account."""
    at_own_school = person_id.in_(_people(standing.c.org_id == func.any(SCHOOLS)))
    elsewhere = not_(acts_for.c.school_id == func.any(SCHOOLS))
    reaches_further = _acts(person_id, or_(acts_for.c.acts_as == "district_admin", elsewhere))
    by_role = or_(is_district_admin(), and_(at_own_school, not_(reaches_further)))
    return and_(by_role, _is_not_barred(person_id))


def resets(person_id: ColumnElement[UUID]) -> ColumnElement[bool]:
    """Whether the caller may hand this person a token for a new password."""
    return or_(administers(person_id), and_(_is_mere_pupil(person_id), _is_not_barred(person_id)))


def _people(*conditions: ColumnElement[bool]) -> Any:
    """Those who stand somewhere, today or soon: accounts are made before people arrive."""
    is_not_over = func.coalesce(standing.c.until_on > TODAY, true())
    return select(standing.c.person_id).where(standing.c.tenant_id == TENANT, is_not_over, *conditions)


def _acts(person_id: ColumnElement[UUID], condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether the person acts in this way, today or soon."""
    is_not_over = func.coalesce(acts_for.c.until_on > TODAY, true())
    return (
        exists()
        .where(acts_for.c.tenant_id == TENANT, acts_for.c.person_id == person_id, is_not_over, condition)
        .correlate_except(acts_for)
    )


def _is_not_barred(person_id: ColumnElement[UUID]) -> ColumnElement[bool]:
    """No role gets past a restriction of contact: the child's password would."""
    barred = select(_barred.c.learner_id).where(_barred.c.tenant_id == TENANT, _barred.c.person_id == PERSON)
    return person_id.not_in(barred)


def _is_mere_pupil(person_id: ColumnElement[UUID]) -> ColumnElement[bool]:
    return and_(person_id.in_(_pupils()), not_(_acts(person_id, acts_for.c.acts_as != "learner")))


def _pupils() -> Any:
    return select(access_fact.c.learner_id).where(
        access_fact.c.tenant_id == TENANT,
        access_fact.c.person_id == PERSON,
        access_fact.c.relation == Relation.TEACHER.value,
        in_force(access_fact.c.from_on, access_fact.c.until_on),
    )


def capacity(principal: Principal) -> str:
    """The role in which the caller administers, for the event."""
    for role in ("district_admin", "school_admin"):
        if role in principal.role_names:
            return role
    return "teacher"


class ServiceClientsRead(Read):
    """A read for district administrators; others are told what they lack."""

    async def fetch(
        self, statement_for: Callable[[Principal], Statement], values: Mapping[str, Any]
    ) -> tuple[Principal, Any]:
        principal, row = await super().fetch(statement_for, values)
        require_district_admin(principal, "service-clients:read")
        return principal, row


def require_account_administrator(principal: Principal) -> None:
    if principal.role_names.isdisjoint({"district_admin", "school_admin"}):
        raise forbidden("accounts:write")


def require_district_admin(principal: Principal, permission: str) -> None:
    if "district_admin" not in principal.role_names:
        raise forbidden(permission)
