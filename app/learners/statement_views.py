"""Read side of profile statements."""

from typing import Any

from sqlalchemy import ColumnElement, Select, Text, Uuid, and_, case

from app.core.access import TENANT, Shape, may
from app.core.pagination import Filter, Listing, Sort
from app.core.reads import View
from app.core.rules import WRITE, Section
from app.db.base import Sql
from app.db.projection import Projection, Raw
from app.learners.models import Learner, ProfileStatement
from app.learners.policy import held, one_owned, section_visible
from app.learners.statement_schemas import ProfileStatementOut, ProfileStatementSummary
from app.learners.workflow import ANY_STATEMENT, OWN_STATEMENT
from app.roster.views import named

FIELDS = ("id", "learner_id", "kind", "statement", "author_as", "stated_on", "version", "created_at", "updated_at")


def _columns(statement: Any) -> dict[str, Any]:
    fields = {name: getattr(statement, name) for name in FIELDS}
    return {**fields, "author": named(statement.tenant_id, statement.author_id)}


def statement_summary(statement: Any) -> Projection:
    return Projection(ProfileStatementSummary, _columns(statement))


def by_date(statement: Any) -> tuple[Any, ...]:
    return (statement.stated_on, statement.id)


def _statement_projection(statement: Any, relations: Sql, shape: Shape) -> Projection:
    keeps_profile = may(shape, Section.PROFILE, WRITE, relations)
    kept, own = (
        (workflow.available(statement, relations, shape.policy), workflow.blocked(statement, relations, shape.policy))
        for workflow in (ANY_STATEMENT, OWN_STATEMENT)
    )
    return Projection(
        ProfileStatementOut,
        {
            **_columns(statement),
            "available_actions": Raw(case((keeps_profile, kept[0]), else_=own[0])),
            "blocked_actions": Raw(case((keeps_profile, kept[1]), else_=own[1])),
        },
    )


def _statement(shape: Shape, _include: frozenset[str]) -> Select[Any]:
    relations = held(shape, Learner, Section.PROFILE)
    body = _statement_projection(ProfileStatement, relations.c.relations, shape).json()
    columns = (
        ProfileStatement.version.label("version"),
        body.label("body"),
        ProfileStatement.learner_id.label("learner_id"),
        relations.c.relations.label("relations"),
    )
    return one_owned(ProfileStatement, shape, Section.PROFILE, relations, *columns)


def _visible(statement: Any, shape: Shape) -> ColumnElement[bool]:
    return and_(statement.tenant_id == TENANT, section_visible(statement.learner_id, shape, Section.PROFILE))


STATEMENT = View(_statement, section=Section.PROFILE)
STATEMENTS = Listing(
    "profile-statements",
    ProfileStatement,
    visible=_visible,
    shows=Section.PROFILE,
    projection=statement_summary,
    sorts={"stated_on": Sort(by_date), "-stated_on": Sort(by_date, is_descending=True)},
    filters={
        "learner_id": Filter(
            lambda statement, value, _shape: statement.learner_id == value,
            Uuid(),
            must_exist=lambda value, shape: section_visible(value, shape, Section.PROFILE),
        ),
        "kind": Filter(lambda statement, value, _shape: statement.kind == value, Text()),
    },
)
