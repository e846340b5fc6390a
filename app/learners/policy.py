"""Access to what belongs to a learner as a whole, section by section."""

from collections.abc import Collection
from functools import lru_cache
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, select, true

from app.core.access import ID, TENANT, Shape, held_once, may_read, relations_to, visible
from app.core.errors import not_found
from app.core.reads import STATEMENTS_KEPT
from app.core.rules import AUTHORED, PLAN_BOUND, Section
from app.core.unit_of_work import Write
from app.db.base import Sql
from app.learners.models import Learner, ProfileStatement, StaffNote

Owned = TypeVar("Owned", ProfileStatement, StaffNote)


def held(shape: Shape, learner: Any, section: Section, name: str = "held") -> Any:
    """The caller's relations to the learner in one section, computed once a row. Of a plan-bound section: those to all
    plans."""
    return held_once(relations_to(shape, section, learner_id=learner.id, school_id=learner.school_id), name)


def held_in(shape: Shape, learner: Any, sections: Collection[Section]) -> dict[Section, Any]:
    """`held` for several sections, once for those that are alike."""
    alike: dict[Any, Any] = {}
    for section in sections:
        alike.setdefault(_kind(shape, section), held(shape, learner, section, f"held_in_{section.value}"))
    return {section: alike[_kind(shape, section)] for section in sections}


def _kind(shape: Shape, section: Section) -> Any:
    """What the relations depend on: a restriction may name the section, a fact may hold for one plan only."""
    return section if shape.is_barred else shape.is_scoped and section in PLAN_BOUND


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


def one_owned(entity: Any, shape: Shape, section: Section, relations: Any, *columns: Any) -> Select[Any]:
    """The learner's row with the id in the path, if the caller reads its section; `relations` as `held` gives them."""
    author_id = entity.author_id if section in AUTHORED else None
    return (
        select(*columns)
        .select_from(entity)
        .join(Learner, and_(Learner.tenant_id == entity.tenant_id, Learner.id == entity.learner_id))
        .join(relations, true())
        .where(entity.tenant_id == TENANT, entity.id == ID, may_read(shape, section, relations.c.relations, author_id))
    )


async def load_owned(write: Write, entity: type[Owned], entity_id: UUID, section: Section) -> tuple[Owned, list[str]]:
    """A row of a learner's, locked, and the caller's relations; 404 if the caller may not know of it."""
    return await _one(write, _owned(write.principal.shape, entity, section), entity_id)


@lru_cache(maxsize=STATEMENTS_KEPT)
def _owned(shape: Shape, entity: Any, section: Section) -> Select[Any]:
    relations = held(shape, Learner, section)
    return one_owned(entity, shape, section, relations, entity, relations.c.relations).with_for_update(of=entity)


async def load_learner(write: Write, learner_id: UUID, section: Section, *pointers: str) -> tuple[Learner, list[str]]:
    """The learner and the caller's relations in the section; 404 if the caller may not know of the learner.

    `pointers` say where in the body the id stands, if it does. Whether the relations reach into the section is for the
    caller to ask (`require`). The row is not locked.
    """
    return await _one(write, _learner(write.principal.shape, section), learner_id, *pointers)


async def lock_learner(write: Write, learner_id: UUID, section: Section) -> tuple[Learner, list[str]]:
    """`load_learner`, and nobody else changes the learner meanwhile; rows that refer to the learner may come."""
    return await _one(write, _learner_locked(write.principal.shape, section), learner_id)


@lru_cache(maxsize=STATEMENTS_KEPT)
def _learner(shape: Shape, section: Section) -> Select[Any]:
    relations = held(shape, Learner, section)
    return (
        select(Learner, relations.c.relations)
        .join(relations, true())
        .where(Learner.tenant_id == TENANT, Learner.id == ID, learner_visible(Learner, shape))
    )


@lru_cache(maxsize=STATEMENTS_KEPT)
def _learner_locked(shape: Shape, section: Section) -> Select[Any]:
    return _learner(shape, section).with_for_update(of=Learner, key_share=True)


async def _one(write: Write, statement: Select[Any], id: UUID, *pointers: str) -> tuple[Any, list[str]]:
    row = (await write.session.execute(statement, {**write.principal.binds(), "id": id})).one_or_none()
    if row is None:
        raise not_found(*pointers)
    return row[0], list(row[1])
