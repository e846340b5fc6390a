"""Read side of guardianships. The roster import writes them."""

from typing import Any

from sqlalchemy import ColumnElement, Select, Text, and_, case, exists, func, literal_column, or_, select, true

from app.core.access import ID, TENANT, Shape, access_fact, in_force, may_read
from app.core.pagination import Listing, Sort
from app.core.reads import View
from app.core.rules import Policy, Section
from app.db.base import Sql
from app.db.projection import Many, Projection, Raw
from app.learners.models import Learner
from app.learners.policy import held, section_visible
from app.roster.models import Guardianship, GuardianshipRestriction
from app.roster.views import named
from app.sharing.facts_workflow import GUARDIANSHIP
from app.sharing.learner_rows import LearnerRows
from app.sharing.schemas.guardianships import GuardianshipOut, GuardianshipSummary
from app.sharing.views.restrictions import restriction_brief

_FIELDS = ("id", "learner_id", "relationship", "from_on", "until_on", "version", "created_at", "updated_at")
_WITH_RESTRICTIONS = frozenset({"restrictions"})

GUARDIANSHIP_ROWS = LearnerRows(Guardianship, Guardianship.learner_id, Section.ACCESS)
GUARDIANSHIPS_TO_RESTRICT = LearnerRows(Guardianship, Guardianship.learner_id, Section.RESTRICTIONS)


def _rights(guardianship: Any) -> Select[Any]:
    """The facts that give the guardian a guardian's rights: by the roster, and by the learner's own consent."""
    facts = select().where(
        access_fact.c.tenant_id == guardianship.tenant_id,
        access_fact.c.person_id == guardianship.guardian_id,
        access_fact.c.learner_id == guardianship.learner_id,
        access_fact.c.relation == literal_column("'guardian'", Text()),
    )
    return facts.correlate_except(access_fact)


def _ends_on(guardianship: Any) -> ColumnElement[Any]:
    """The last end of these facts; null if one has none."""
    until_on = access_fact.c.until_on
    last = case((func.bool_and(until_on.is_not(None)), func.max(until_on)))
    return _rights(guardianship).with_only_columns(last).scalar_subquery()


def _columns(guardianship: Any) -> dict[str, Any]:
    restrictions = (
        select()
        .select_from(GuardianshipRestriction)
        .where(
            GuardianshipRestriction.tenant_id == guardianship.tenant_id,
            GuardianshipRestriction.guardianship_id == guardianship.id,
            in_force(GuardianshipRestriction.from_on, GuardianshipRestriction.until_on),
        )
        .correlate(guardianship)
    )
    current = _rights(guardianship).with_only_columns(access_fact.c.learner_id)
    order = [GuardianshipRestriction.created_at, GuardianshipRestriction.id]
    return {
        **{name: getattr(guardianship, name) for name in _FIELDS},
        "guardian": named(guardianship.tenant_id, guardianship.guardian_id),
        "ends_on": _ends_on(guardianship),
        "is_in_force": current.where(in_force(access_fact.c.from_on, access_fact.c.until_on)).exists(),
        "restrictions": Many(restriction_brief(GuardianshipRestriction), restrictions, order),
    }


def _summary(guardianship: Any) -> Projection:
    return Projection(GuardianshipSummary, _columns(guardianship))


def _projection(guardianship: Any, relations: Sql, policy: Policy) -> Projection:
    return Projection(
        GuardianshipOut,
        {
            **_columns(guardianship),
            "available_actions": Raw(GUARDIANSHIP.available(guardianship, relations, policy)),
            "blocked_actions": Raw(GUARDIANSHIP.blocked(guardianship, relations, policy)),
        },
    )


def _is_kept_away(guardianship: Any) -> ColumnElement[bool]:
    """Whether the contact is kept from the whole record today: who may not know of it does not see the contact."""
    kept = exists().where(
        GuardianshipRestriction.tenant_id == guardianship.tenant_id,
        GuardianshipRestriction.guardianship_id == guardianship.id,
        GuardianshipRestriction.kind != literal_column("'sections'"),
        in_force(GuardianshipRestriction.from_on, GuardianshipRestriction.until_on),
    )
    return kept.correlate_except(GuardianshipRestriction)


def _guardianship(shape: Shape, include: frozenset[str]) -> Select[Any]:
    """Shown to who reads section access; the restrictions, and what to do about them, by section restrictions."""
    relations = held(shape, Learner, Section.ACCESS)
    keeping = held(shape, Learner, Section.RESTRICTIONS, "held_of_restrictions")
    projection = _projection(Guardianship, keeping.c.relations, shape.policy)
    body = case(
        (may_read(shape, Section.RESTRICTIONS, keeping.c.relations), projection.json(_WITH_RESTRICTIONS)),
        else_=projection.json(),
    )
    return (
        select(
            Guardianship.version.label("version"),
            body.label("body"),
            Guardianship.learner_id.label("learner_id"),
            relations.c.relations,
        )
        .select_from(Guardianship)
        .join(Learner, and_(Learner.tenant_id == Guardianship.tenant_id, Learner.id == Guardianship.learner_id))
        .join(relations, true())
        .join(keeping, true())
        .where(
            Guardianship.tenant_id == TENANT,
            Guardianship.id == ID,
            may_read(shape, Section.ACCESS, relations.c.relations),
            or_(may_read(shape, Section.RESTRICTIONS, keeping.c.relations), ~_is_kept_away(Guardianship)),
        )
    )


def _restrictions_shown(guardianship: Any, shape: Shape) -> ColumnElement[bool]:
    return section_visible(guardianship.learner_id, shape, Section.RESTRICTIONS)


def _visible(guardianship: Any, shape: Shape) -> ColumnElement[bool]:
    known = or_(_restrictions_shown(guardianship, shape), ~_is_kept_away(guardianship))
    return and_(GUARDIANSHIP_ROWS.visible(shape), known)


def _summary_body(guardianship: Any, shape: Shape, include: frozenset[str]) -> ColumnElement[Any]:
    projection = _summary(guardianship)
    is_shown = _restrictions_shown(guardianship, shape)
    return case((is_shown, projection.json(include | _WITH_RESTRICTIONS)), else_=projection.json(include))


GUARDIANSHIP_VIEW = View(_guardianship, section=Section.ACCESS, also=(Section.RESTRICTIONS,))
GUARDIANSHIPS = Listing(
    "guardianships",
    Guardianship,
    visible=_visible,
    section=Section.ACCESS,
    also={Section.RESTRICTIONS: _restrictions_shown},
    projection=_summary,
    body=_summary_body,
    sorts={"created_at": Sort(lambda guardianship: (guardianship.created_at, guardianship.id))},
    filters={"learner_id": GUARDIANSHIP_ROWS.of_learner()},
)
