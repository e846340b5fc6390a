"""Who somebody is to a learner and to the school: whom a plan may be shared with, and who counts as outside."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Text, bindparam, column, exists, literal_column, select, table
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Uuid

from app.core.access import TENANT, access_fact, in_force
from app.core.rules import Relation
from app.core.unit_of_work import Write
from app.db.base import Sql
from app.learners.models import Learner
from app.roster.models import Guardianship, Person, RoleAssignment

STAFF = ("teacher", "counselor", "case_manager", "school_admin", "district_admin")
"""Roles whose holders belong to the school."""
MENTOR = "mentor"
CLOSE = (
    Relation.TEACHER,
    Relation.ADVISOR,
    Relation.COUNSELOR,
    Relation.CASE_MANAGER,
    Relation.GUARDIAN,
    Relation.TEAM_MEMBER,
)
"""Relations of the people whom a learner knows: her staff, her team, her guardians."""

_barred = table(
    "barred",
    column("tenant_id", Uuid()),
    column("person_id", Uuid()),
    column("learner_id", Uuid()),
    column("sections", ARRAY(Text())),
)
_WHO = bindparam("who", type_=Uuid())
_WHOSE = bindparam("whose", type_=Uuid())


def _constants(words: Any) -> list[ColumnElement[Any]]:
    return [literal_column(f"'{word}'") for word in words]


def relations_of_today(learner_id: Sql, *columns: Any) -> Select[Any]:
    """The facts of today that make people close to the learner."""
    return select(*columns).where(
        access_fact.c.tenant_id == TENANT,
        access_fact.c.learner_id == learner_id,
        access_fact.c.relation.in_(_constants(CLOSE)),
        in_force(access_fact.c.from_on, access_fact.c.until_on),
    )


def roles_of_today(*columns: Any, among: tuple[str, ...]) -> Select[Any]:
    """The roles that people have today, of these."""
    return select(*columns).where(
        RoleAssignment.tenant_id == TENANT,
        RoleAssignment.role.in_(_constants(among)),
        in_force(RoleAssignment.from_on, RoleAssignment.until_on),
    )


def is_close(person_id: Sql, learner_id: Sql) -> ColumnElement[bool]:
    found = relations_of_today(learner_id, access_fact.c.person_id).where(access_fact.c.person_id == person_id)
    return found.correlate_except(access_fact).exists()


def has_role(person_id: Sql, *roles: str) -> ColumnElement[bool]:
    found = roles_of_today(RoleAssignment.id, among=roles).where(RoleAssignment.person_id == person_id)
    return found.correlate_except(RoleAssignment).exists()


def is_pupil(person_id: Sql) -> ColumnElement[bool]:
    found = exists().where(Learner.tenant_id == TENANT, Learner.id == person_id)
    return found.correlate_except(Learner)


def is_kept_away(person_id: Sql, learner_id: Sql) -> ColumnElement[bool]:
    """Whether a restriction keeps the person from the learner altogether."""
    found = exists().where(
        _barred.c.tenant_id == TENANT,
        _barred.c.person_id == person_id,
        _barred.c.learner_id == learner_id,
        _barred.c.sections.is_(None),
    )
    return found.correlate_except(_barred)


def is_outside(person_id: Sql, learner_id: Sql) -> ColumnElement[bool]:
    """Whether giving the person a look into the record is a disclosure outside the school and the family."""
    return ~has_role(person_id, *STAFF) & ~is_close(person_id, learner_id)


def _is_guardian(person_id: Sql, learner_id: Sql) -> ColumnElement[bool]:
    """By the roster, whatever rights come with it: the guardian of a learner of age is one still."""
    found = exists().where(
        Guardianship.tenant_id == TENANT,
        Guardianship.guardian_id == person_id,
        Guardianship.learner_id == learner_id,
        in_force(Guardianship.from_on, Guardianship.until_on),
    )
    return found.correlate_except(Guardianship)


@dataclass(frozen=True)
class Standing:
    """What somebody is today, to one learner and at the school."""

    name: str
    is_close: bool
    is_staff: bool
    is_mentor: bool
    is_guardian: bool
    is_pupil: bool
    is_kept_away: bool

    @property
    def is_outside(self) -> bool:
        return not (self.is_staff or self.is_close)

    def is_known_to(self, relation: Relation) -> bool:
        """Whether somebody with this relation to the learner may name the person: a learner those close to her."""
        if relation is Relation.LEARNER:
            return self.is_close and not self.is_kept_away and not self.is_pupil
        return self.is_close or self.is_staff or self.is_mentor or self.is_guardian


_STANDING = select(
    Person.given_name + literal_column("' '", Text()) + Person.family_name,
    is_close(_WHO, _WHOSE),
    has_role(_WHO, *STAFF),
    has_role(_WHO, MENTOR),
    _is_guardian(_WHO, _WHOSE),
    is_pupil(_WHO),
    is_kept_away(_WHO, _WHOSE),
).where(Person.tenant_id == TENANT, Person.id == _WHO)


async def standing(write: Write, person_id: UUID, learner_id: UUID) -> Standing | None:
    """What the person is to the learner; None if there is no such person."""
    values = {**write.principal.binds(), "who": person_id, "whose": learner_id}
    row = (await write.session.execute(_STANDING, values)).one_or_none()
    return None if row is None else Standing(*row)
