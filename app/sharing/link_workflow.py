"""Who may make a share link, decide on one and end it: a link shows a pupil's record to people nobody can name."""

from typing import Any

from sqlalchemy import ColumnElement, and_, func, literal_column, or_, select, true

from app.core.access import PERSON, TODAY
from app.core.rules import READ, Relation, Section
from app.core.workflow import Guard, Own, Rule, Workflow
from app.db.base import Sql
from app.sharing.models import Consent

APPROVERS = (Relation.COUNSELOR, Relation.SCHOOL_ADMIN)


def consent_holds(link: Any, today: Sql = TODAY) -> ColumnElement[bool]:
    """Whether the consent that the link rests on is in force, if it rests on one."""
    in_force = select(Consent.id).where(
        Consent.tenant_id == link.tenant_id,
        Consent.id == link.consent_id,
        Consent.withdrawn_at.is_(None),
        Consent.signed_on <= today,
        func.coalesce(Consent.until_on > today, true()),
    )
    return or_(link.consent_id.is_(None), in_force.correlate(link).exists())


def _has_time_left(link: Any) -> ColumnElement[bool]:
    return link.expires_at > func.now()  # type: ignore[no-any-return]


def link_in_force(link: Any, today: Sql = TODAY) -> ColumnElement[bool]:
    """Whether the link opens now."""
    return and_(link.status == literal_column("'active'"), _has_time_left(link), consent_holds(link, today))


OWN_LINK = Own(
    (Relation.ADVISOR, Relation.CASE_MANAGER),
    "And for whoever proposed it.",
    lambda link: link.proposed_by.is_not_distinct_from(PERSON),
)
NOT_EXPIRED = Guard("expired", "The link would have expired already.", _has_time_left)
CONSENT_HOLDS = Guard("consent_ended", "The consent that the link rests on is not in force.", consent_holds)

SHARE_LINK = Workflow(
    (
        Rule(
            "approve",
            APPROVERS,
            ("proposed",),
            "active",
            guards=(NOT_EXPIRED, CONSENT_HOLDS),
            permission="access:approve",
            level=READ,
            section=Section.ACCESS,
        ),
        Rule(
            "decline",
            APPROVERS,
            ("proposed",),
            "declined",
            needs_reason=True,
            permission="access:approve",
            level=READ,
            section=Section.ACCESS,
        ),
        Rule(
            "revoke",
            (*APPROVERS, Relation.LEARNER, Relation.DISTRICT_ADMIN),
            ("proposed", "active"),
            "revoked",
            permission="access:revoke",
            level=READ,
            section=Section.ACCESS,
            own=OWN_LINK,
        ),
    )
)
