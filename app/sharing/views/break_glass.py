"""Read side of break-glass."""

from typing import Any

from sqlalchemy import ColumnElement, Text, func, literal_column, select, true
from sqlalchemy.dialects.postgresql import ARRAY

from app.core.access import PERSON, Shape, access_fact, in_force
from app.core.pagination import Listing, Sort
from app.core.rules import DEFAULT, READ, Policy, Relation, Section
from app.core.workflow import Guard, Own, Rule, Workflow
from app.db.base import Sql
from app.db.projection import Projection
from app.learners.models import Learner
from app.learners.policy import held
from app.plans.goal_views import can
from app.roster.views import named
from app.sharing.learner_rows import LearnerRows
from app.sharing.models import BreakGlass
from app.sharing.schemas.break_glass import BreakGlassOut

OPEN = Rule(
    "break_glass",
    by=(Relation.SCHOOL_ADMIN, Relation.DISTRICT_ADMIN),
    sources=(),
    permission="break-glass:write",
    level=READ,
    section=Section.ACCESS,
)
_GOES_ON = Guard(
    "over",
    "It is over already.",
    lambda glass: glass.ended_at.is_(None) & (glass.expires_at > func.now()),
)
BREAK_GLASS = Workflow(
    (
        Rule(
            "end",
            by=(Relation.DISTRICT_ADMIN,),
            sources=(),
            guards=(_GOES_ON,),
            permission="break-glass:write",
            level=READ,
            section=Section.ACCESS,
            own=Own(
                (Relation.SCHOOL_ADMIN,),
                "And for who opened it.",
                lambda glass: glass.person_id.is_not_distinct_from(PERSON),
            ),
        ),
    )
)
ROWS = LearnerRows(BreakGlass, BreakGlass.learner_id, Section.ACCESS)
_FIELDS = (
    "id", "learner_id", "sections", "reason", "expires_at", "ended_at", "version", "created_at", "updated_at",
)  # fmt: skip


def _is_in_force(glass: Any) -> ColumnElement[bool]:
    """Whether it opens anything today: by the very facts that do, the administrator's role included."""
    facts = select(access_fact.c.source_id).where(
        access_fact.c.tenant_id == glass.tenant_id,
        access_fact.c.person_id == glass.person_id,
        access_fact.c.source == literal_column("'break_glass'"),
        access_fact.c.source_id == glass.id,
        in_force(access_fact.c.from_on, access_fact.c.until_on),
    )
    return facts.correlate(glass).exists()


def _projection(glass: Any, relations: Sql, policy: Policy) -> Projection:
    return Projection(
        BreakGlassOut,
        {
            **{name: getattr(glass, name) for name in _FIELDS},
            "person": named(glass.tenant_id, glass.person_id),
            "is_in_force": _is_in_force(glass),
            **can(BREAK_GLASS, glass, relations, policy),
        },
    )


def _each(glass: Any, shape: Shape, _include: frozenset[str]) -> ColumnElement[Any]:
    """One of a list, with the caller's relations to the learner."""
    relations = held(shape, Learner, Section.ACCESS)
    body = _projection(glass, relations.c.relations, shape.policy).json()
    found = select(body).select_from(Learner).join(relations, true())
    return (
        found.where(Learner.tenant_id == glass.tenant_id, Learner.id == glass.learner_id)
        .correlate(glass)
        .scalar_subquery()
    )


def _by_creation(glass: Any) -> tuple[Any, ...]:
    return (glass.created_at, glass.id)


_NOTHING: ColumnElement[Any] = literal_column("'{}'", ARRAY(Text()))
BREAK_GLASS_VIEW = ROWS.view(_projection)
BREAK_GLASSES = Listing(
    "break-glass",
    BreakGlass,
    visible=lambda _glass, shape: ROWS.visible(shape),
    section=Section.ACCESS,
    projection=lambda glass: _projection(glass, _NOTHING, DEFAULT),
    body=_each,
    sorts={"created_at": Sort(_by_creation), "-created_at": Sort(_by_creation, is_descending=True)},
    filters={"learner_id": ROWS.of_learner()},
)
