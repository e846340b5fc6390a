"""Rows that say who may see a learner's record: how they are read, listed, and loaded to be changed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Uuid, and_, or_, select, true

from app.core.access import ID, PERSON, TENANT, Shape, is_barred_from, may_read
from app.core.errors import not_found
from app.core.pagination import Filter
from app.core.reads import STATEMENTS_KEPT, View
from app.core.rules import Policy, Section
from app.core.unit_of_work import Write
from app.db.base import Sql
from app.db.projection import Projection
from app.learners.models import Learner
from app.learners.policy import held, section_visible


@dataclass(frozen=True, eq=False)
class LearnerRows:
    """Rows of one kind: the learner and the section that they belong to, and whom they name.

    Who reads the section of the learner reads them, and the person `named` in a row reads that row, unless barred.
    """

    entity: Any
    learner_id: Any
    section: Section
    named: Any = None
    above: Any = None
    """What leads to the learner, where the row itself does not: an entity and how it is joined."""

    def visible(self, shape: Shape) -> ColumnElement[bool]:
        """The predicate of a list."""
        reads = section_visible(self.learner_id, shape, self.section)
        return and_(self.entity.tenant_id == TENANT, self._or_named(reads, shape))

    def learner_shown(self, learner_id: Sql, shape: Shape) -> ColumnElement[bool]:
        """Whether the caller may know of such rows of the learner."""
        reads = section_visible(learner_id, shape, self.section)
        if self.named is None:
            return reads
        own = select(self.entity.id).where(self.learner_id == learner_id, self._is_named(shape))
        return or_(reads, own.exists())

    def of_learner(self) -> Filter:
        """The filter on the learner in the path of a list."""
        return Filter(lambda _entity, value, _: self.learner_id == value, Uuid(), must_exist=self.learner_shown)

    def view(self, project: Callable[[Any, Sql, Policy], Projection]) -> View:
        """The view of one row; `project` gets the entity, the caller's relations in the section, and the rules."""

        def build(shape: Shape, include: frozenset[str]) -> Select[Any]:
            def columns(relations: Sql) -> Sequence[Any]:
                body = project(self.entity, relations, shape.policy).json(include)
                learner_id = self.learner_id.label("learner_id")
                return self.entity.version.label("version"), body.label("body"), learner_id, relations

            return self.one(shape, columns)

        return View(build, section=self.section)

    def one(self, shape: Shape, columns: Callable[[Sql], Sequence[Any]]) -> Select[Any]:
        """These columns, made of the caller's relations, of the row with the id in the path, if the caller reads it."""
        here = held(shape, Learner, self.section)
        relations = here.c.relations
        source = select(*columns(relations)).select_from(self.entity)
        if self.above is not None:
            source = source.join(*self.above)
        return (
            source.join(Learner, and_(Learner.tenant_id == self.entity.tenant_id, Learner.id == self.learner_id))
            .join(here, true())
            .where(
                self.entity.tenant_id == TENANT,
                self.entity.id == ID,
                self._or_named(may_read(shape, self.section, relations), shape),
            )
        )

    async def load(self, write: Write, row_id: UUID) -> tuple[Any, list[str]]:
        """The row, locked, and the caller's relations; 404 if the caller may not know of it."""
        statement = _locked(self, write.principal.shape)
        row = (await write.session.execute(statement, {**write.principal.binds(), "id": row_id})).one_or_none()
        if row is None:
            raise not_found()
        return row[0], list(row[1])

    def _or_named(self, reads: ColumnElement[bool], shape: Shape) -> ColumnElement[bool]:
        return reads if self.named is None else or_(reads, self._is_named(shape))

    def _is_named(self, shape: Shape) -> ColumnElement[bool]:
        is_named: ColumnElement[bool] = self.named == PERSON
        if not shape.is_barred:
            return is_named
        return and_(is_named, is_barred_from(self.section, self.learner_id).is_not(true()))


@lru_cache(maxsize=STATEMENTS_KEPT)
def _locked(rows: LearnerRows, shape: Shape) -> Select[Any]:
    found = rows.one(shape, lambda relations: (rows.entity, relations))
    return found.with_for_update(of=rows.entity)
