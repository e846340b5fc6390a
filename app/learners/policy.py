"""Access to what belongs to a learner as a whole, section by section."""

from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, select, true

from app.core.access import ID, TENANT, Shape, held_once, relations_to, visible
from app.core.errors import not_found
from app.core.reads import STATEMENTS_KEPT
from app.core.rules import Section
from app.core.unit_of_work import Write
from app.db.base import Sql
from app.learners.models import Learner


def held(shape: Shape, learner: Any, section: Section) -> Any:
    """The caller's relations to the learner in one section, computed once a row. Of a plan-bound section: those to all
    plans."""
    return held_once(relations_to(shape, section, learner_id=learner.id, school_id=learner.school_id))


def learner_visible(learner: Any, shape: Shape) -> ColumnElement[bool]:
    """Whether the caller may know of the learner."""
    return _visible(learner, shape, Section.LEARNER)


def learner_exists(learner_id: Sql, shape: Shape) -> ColumnElement[bool]:
    """Whether there is a learner of this id that the caller may know of."""
    return section_visible(learner_id, shape, Section.LEARNER)


def section_visible(
    learner_id: Sql, shape: Shape, section: Section, author_id: Sql | None = None
) -> ColumnElement[bool]:
    """Whether the caller reads this section of the learner's; of an authored one, rows of this author."""
    seen = _visible(Learner, shape, section, author_id)
    return select(Learner.id).where(Learner.tenant_id == TENANT, Learner.id == learner_id, seen).exists()


def _visible(learner: Any, shape: Shape, section: Section, author_id: Sql | None = None) -> ColumnElement[bool]:
    return visible(
        shape,
        section,
        tenant_id=learner.tenant_id,
        learner_id=learner.id,
        school_id=learner.school_id,
        author_id=author_id,
    )


async def load_learner(write: Write, learner_id: UUID, section: Section, *pointers: str) -> tuple[Learner, list[str]]:
    """The learner and the caller's relations in the section; 404 if the caller may not know of the learner.

    `pointers` say where in the body the id stands, if it does. Whether the relations reach into the section is for the
    caller to ask (`require`). The row is not locked.
    """
    statement = _learner(write.principal.shape, section)
    row = (await write.session.execute(statement, {**write.principal.binds(), "id": learner_id})).one_or_none()
    if row is None:
        raise not_found(*pointers)
    return row[0], list(row[1])


@lru_cache(maxsize=STATEMENTS_KEPT)
def _learner(shape: Shape, section: Section) -> Select[Any]:
    relations = held(shape, Learner, section)
    return (
        select(Learner, relations.c.relations)
        .join(relations, true())
        .where(Learner.tenant_id == TENANT, Learner.id == ID, learner_visible(Learner, shape))
    )
