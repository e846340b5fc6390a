"""Read side of what contacts are kept from: for staff, never for the family or the contact."""

from typing import Any

from sqlalchemy import ColumnElement, Uuid, and_, select

from app.core.access import TENANT, Shape, in_force
from app.core.pagination import Filter, Listing, Sort
from app.core.rules import Policy, Section
from app.db.base import Sql
from app.db.projection import Projection, Raw
from app.learners.policy import section_visible
from app.roster.models import Guardianship, GuardianshipRestriction
from app.sharing.facts_workflow import RESTRICTION
from app.sharing.learner_rows import LearnerRows
from app.sharing.schemas.restrictions import RestrictionBrief, RestrictionOut, RestrictionSummary

_BRIEF = ("id", "kind", "sections", "from_on", "until_on")
_FIELDS = (*_BRIEF, "guardianship_id", "evidence_reference", "version", "created_at", "updated_at")
_IS_OF = and_(
    Guardianship.tenant_id == GuardianshipRestriction.tenant_id,
    Guardianship.id == GuardianshipRestriction.guardianship_id,
)

RESTRICTION_ROWS = LearnerRows(
    GuardianshipRestriction, Guardianship.learner_id, Section.RESTRICTIONS, above=(Guardianship, _IS_OF)
)


def restriction_brief(restriction: Any) -> Projection:
    return Projection(RestrictionBrief, {name: getattr(restriction, name) for name in _BRIEF})


def _columns(restriction: Any) -> dict[str, Any]:
    return {
        **{name: getattr(restriction, name) for name in _FIELDS},
        "is_in_force": in_force(restriction.from_on, restriction.until_on),
    }


def _summary(restriction: Any) -> Projection:
    return Projection(RestrictionSummary, _columns(restriction))


def _projection(restriction: Any, relations: Sql, policy: Policy) -> Projection:
    return Projection(
        RestrictionOut,
        {
            **_columns(restriction),
            "available_actions": Raw(RESTRICTION.available(restriction, relations, policy)),
            "blocked_actions": Raw(RESTRICTION.blocked(restriction, relations, policy)),
        },
    )


def _learner_of(restriction: Any) -> Any:
    above = select(Guardianship.learner_id).where(
        Guardianship.tenant_id == restriction.tenant_id, Guardianship.id == restriction.guardianship_id
    )
    return above.correlate(restriction).scalar_subquery()


def _guardianship_shown(guardianship_id: Sql, shape: Shape) -> ColumnElement[bool]:
    """Whether the caller may know of what is restricted about this guardianship."""
    reads = section_visible(Guardianship.learner_id, shape, Section.RESTRICTIONS)
    found = select(Guardianship.id).where(Guardianship.tenant_id == TENANT, Guardianship.id == guardianship_id, reads)
    return found.exists()


RESTRICTION_VIEW = RESTRICTION_ROWS.view(_projection)
RESTRICTIONS = Listing(
    "restrictions",
    GuardianshipRestriction,
    source=lambda: select(GuardianshipRestriction).join(Guardianship, _IS_OF),
    visible=lambda _restriction, shape: RESTRICTION_ROWS.visible(shape),
    section=Section.RESTRICTIONS,
    learner=_learner_of,
    projection=_summary,
    sorts={"created_at": Sort(lambda restriction: (restriction.created_at, restriction.id))},
    filters={
        "guardianship_id": Filter(
            lambda restriction, value, _: restriction.guardianship_id == value, Uuid(), must_exist=_guardianship_shown
        )
    },
)
