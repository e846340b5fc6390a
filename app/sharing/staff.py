"""Who of the school's people somebody may be put in charge or stood in for: staff of today, and whose staff."""

from sqlalchemy import ColumnElement, func

from app.core.access import SCHOOLS
from app.db.base import Sql
from app.roster.models import RoleAssignment
from app.sharing.people import STAFF, has_role, is_pupil, roles_of_today

CASELOAD_ROLES = ("teacher", "counselor", "case_manager")
"""Roles of those who may have learners on a caseload."""


def is_staff(person_id: Sql, roles: tuple[str, ...] = STAFF) -> ColumnElement[bool]:
    """Whether the person has one of the roles today, anywhere in the tenant, and is no pupil."""
    return has_role(person_id, *roles) & ~is_pupil(person_id)


def is_staff_of_mine(person_id: Sql) -> ColumnElement[bool]:
    """Whether the person is staff today of a school that the caller administers."""
    found = roles_of_today(RoleAssignment.id, among=STAFF).where(
        RoleAssignment.person_id == person_id, RoleAssignment.org_id == func.any(SCHOOLS)
    )
    return found.correlate_except(RoleAssignment).exists() & ~is_pupil(person_id)
