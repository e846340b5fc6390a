"""Who may change the facts that access follows from, as data: caseloads, substitutes, restrictions, consents."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, func, literal_column, not_, or_, select

from app.core.access import BLANKET, PERSON, SCHOOLS, TENANT, TODAY, access_fact, has_any
from app.core.rules import READ, Relation, Section
from app.core.workflow import FORBIDDEN, Guard, Own, Rule, Workflow
from app.db.base import Sql
from app.learners.models import Learner
from app.sharing.staff import is_staff_of_mine

LEARNER, GUARDIAN = Relation.LEARNER, Relation.GUARDIAN
COUNSELOR, CASE_MANAGER = Relation.COUNSELOR, Relation.CASE_MANAGER
SCHOOL_ADMIN, DISTRICT_ADMIN, SERVICE = Relation.SCHOOL_ADMIN, Relation.DISTRICT_ADMIN, Relation.ACCESS_MANAGER

ADMINISTRATORS = (SCHOOL_ADMIN, DISTRICT_ADMIN, SERVICE)
KEEPERS = (COUNSELOR, *ADMINISTRATORS)
RECORDERS = (COUNSELOR, CASE_MANAGER, *ADMINISTRATORS)
DELEGABLE = (
    Relation.TEACHER,
    Relation.ADVISOR,
    Relation.COUNSELOR,
    Relation.CASE_MANAGER,
    Relation.TEAM_MEMBER,
)
"""What a substitute has of the person stood in for: all but what one has as family, by a grant or by an office."""


def _rule(
    action: str,
    by: Sequence[Relation],
    *guards: Guard,
    section: Section = Section.ACCESS,
    permission: str = "access:manage",
    own: Own | None = None,
) -> Rule:
    return Rule(action, by, (), guards=guards, permission=permission, level=READ, section=section, own=own)


# Caseloads

ADD_CASELOAD = Workflow((_rule("add_caseload", ADMINISTRATORS),))
CASELOAD = Workflow((_rule("edit", ADMINISTRATORS), _rule("delete", ADMINISTRATORS)))

# Substitutes


def stands_elsewhere(person_id: Sql) -> ColumnElement[bool]:
    """Whether a substitute for the person would reach learners, now or soon, beyond the caller's schools."""
    relations: list[ColumnElement[Any]] = [literal_column(f"'{relation.value}'") for relation in DELEGABLE]
    reached = (
        select(access_fact.c.learner_id)
        .join(Learner, and_(Learner.tenant_id == access_fact.c.tenant_id, Learner.id == access_fact.c.learner_id))
        .where(
            access_fact.c.tenant_id == TENANT,
            access_fact.c.person_id == person_id,
            access_fact.c.relation.in_(relations),
            access_fact.c.delegation_id.is_(None),
            or_(access_fact.c.until_on.is_(None), access_fact.c.until_on > TODAY),
            not_(Learner.school_id == func.any(SCHOOLS)),
        )
    )
    return reached.correlate_except(access_fact, Learner).exists()


def is_everywhere() -> ColumnElement[bool]:
    """Whether the caller's office is over the whole district."""
    return has_any(BLANKET, [DISTRICT_ADMIN.value, SERVICE.value])


def _at_my_schools(delegation: Any) -> ColumnElement[bool]:
    both = and_(is_staff_of_mine(delegation.delegator_id), is_staff_of_mine(delegation.delegate_id))
    return or_(is_everywhere(), and_(both, not_(stands_elsewhere(delegation.delegator_id))))


NOT_ALL_MINE = "Only where both stand at your schools, and who is stood in for has learners there alone."
BOTH_AT_MY_SCHOOLS = Guard(FORBIDDEN, NOT_ALL_MINE, _at_my_schools)
CREATE_DELEGATION = _rule("create_delegation", (DISTRICT_ADMIN, SCHOOL_ADMIN, SERVICE))
DELEGATION = Workflow((_rule("edit", ADMINISTRATORS, BOTH_AT_MY_SCHOOLS), _rule("delete", ADMINISTRATORS)))

# Restrictions

GUARDIANSHIP = Workflow((_rule("add_restriction", KEEPERS, section=Section.RESTRICTIONS),))
RESTRICTION = Workflow(
    (
        _rule("edit", KEEPERS, section=Section.RESTRICTIONS),
        _rule("delete", KEEPERS, section=Section.RESTRICTIONS),
    )
)

# Consents


def is_of_age(learner: Any) -> ColumnElement[bool]:
    """Whether the rights over the record are the learner's own."""
    return func.coalesce(learner.majority_on <= TODAY, literal_column("false"))


def _may_withdraw(consent: Any) -> ColumnElement[bool]:
    myself = and_(Learner.tenant_id == consent.tenant_id, Learner.id == consent.learner_id, Learner.id == PERSON)
    of_age = select(Learner.id).where(myself, is_of_age(Learner))
    return or_(consent.consenter_id.is_not_distinct_from(PERSON), of_age.correlate(consent).exists())


NOT_YET_OF_AGE = Guard(
    "not_of_age",
    "Until the learner is of age a guardian signs.",
    lambda learner: or_(learner.id.is_distinct_from(PERSON), is_of_age(learner)),
)
OF_AGE_ALREADY = Guard(
    "of_age",
    "The learner is of age and signs.",
    lambda learner: or_(learner.id.is_not_distinct_from(PERSON), not_(is_of_age(learner))),
)
NOT_WITHDRAWN = Guard("withdrawn", "It is withdrawn already.", lambda consent: consent.withdrawn_at.is_(None))
GIVER = Own((LEARNER, GUARDIAN), "And for whoever gave it, and for the learner once of age.", _may_withdraw)

ADD_CONSENT = Workflow(
    (
        _rule("sign", (LEARNER, GUARDIAN), NOT_YET_OF_AGE, OF_AGE_ALREADY, permission="access:consent"),
        _rule("keep_guardian", (LEARNER,), NOT_YET_OF_AGE, permission="access:consent"),
        _rule("record", RECORDERS),
    )
)
CONSENT = Workflow((_rule("withdraw", RECORDERS, NOT_WITHDRAWN, own=GIVER),))
