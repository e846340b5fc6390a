"""Brings a CASE package into a tenant: set by set, keyed on the CASE identifiers, and without effect when repeated.

What vanished from a package stays, because plans cite it; the report counts it as missing.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Table, bindparam, column, func, literal_column, select, tuple_
from sqlalchemy.dialects.postgresql import JSONB, Insert, insert
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from app.competencies.models import Association, Competency, Framework
from app.core.events import Event, plain
from app.db.base import Base
from app.db.read import bind_tenant
from app.integrations.case import reader
from app.integrations.case.reader import Package, Problem, read_package

__all__ = ["Counts", "ImportReport", "import_file", "import_package"]

ROWS_PER_STATEMENT = 5000
KEY = ("tenant_id", "id")
RowValues = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Counts:
    """What an import did to the rows of one kind. `missing`: of the framework, but no longer in the package."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    missing: int = 0


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did, and what was guessed or lost in reading the package."""

    framework_id: UUID
    title: str
    framework: Counts
    competencies: Counts
    associations: Counts
    stubs: Counts
    problems: list[Problem]

    def counts(self) -> dict[str, Counts]:
        return {name: getattr(self, name) for name in ("framework", "competencies", "associations", "stubs")}

    @property
    def has_changes(self) -> bool:
        return any(counts.created or counts.updated for counts in self.counts().values())


async def import_file(sessions: async_sessionmaker[AsyncSession], tenant_id: UUID, path: Path) -> ImportReport:
    """Import a CFPackage file in one transaction. Raises `PackageError` if it is none."""
    package = await asyncio.to_thread(_read_file, path)
    async with sessions() as session, session.begin():
        await bind_tenant(session, tenant_id)
        return await import_package(session, tenant_id, package)


def _read_file(path: Path) -> Package:
    return read_package(path.read_bytes(), path.name)


async def import_package(session: AsyncSession, tenant_id: UUID, package: Package) -> ImportReport:
    """Upsert a package in the session's transaction, which is bound to the tenant; one event if anything changed."""
    document = package.document
    # First of all: it locks the framework's row, so that two imports of one framework take turns.
    framework = await _upsert(session, tenant_id, Framework, [_framework(document)])
    competencies = await _upsert(session, tenant_id, Competency, [_competency(i, document) for i in package.items])
    stubs = await _upsert(session, tenant_id, Competency, [_stub(s) for s in package.stubs], only_new=True)
    associations = await _upsert(
        session, tenant_id, Association, [_association(a, document, package.cyclic) for a in package.associations]
    )
    report = ImportReport(
        framework_id=document.identifier,
        title=document.title,
        framework=framework,
        competencies=await _with_missing(session, tenant_id, Competency, document.identifier, competencies),
        associations=await _with_missing(session, tenant_id, Association, document.identifier, associations),
        stubs=stubs,
        problems=package.problems,
    )
    if report.has_changes:
        session.add(_event(tenant_id, report))
        await session.flush()
    return report


async def _upsert(
    session: AsyncSession, tenant_id: UUID, entity: type[Base], rows: Sequence[RowValues], *, only_new: bool = False
) -> Counts:
    """Insert the rows; those that exist are changed if they differ, or left alone if `only_new`."""
    if not rows:
        return Counts()
    table = cast("Table", entity.__table__)
    statement = _upsert_statement(table, [*rows[0], "tenant_id"], only_new=only_new).returning(table.c.version)
    versions: list[int] = []
    for start in range(0, len(rows), ROWS_PER_STATEMENT):
        batch = [{**row, "tenant_id": str(tenant_id)} for row in rows[start : start + ROWS_PER_STATEMENT]]
        versions += await session.scalars(statement, {"rows": batch})
    # A new row has version 1, a changed one more; what is left alone is not returned.
    created = versions.count(1)
    return Counts(created=created, updated=len(versions) - created, unchanged=len(rows) - len(versions))


def _upsert_statement(table: Table, names: Sequence[str], *, only_new: bool) -> Insert:
    """Takes `rows` as one JSON value; touches only rows that are new or differ."""
    as_rows = func.jsonb_populate_recordset(literal_column(f"NULL::{table.name}"), bindparam("rows", type_=JSONB()))
    source = as_rows.table_valued(*(column(name, table.c[name].type) for name in names))
    # In the order of the key, so that two imports that meet in some rows wait for each other rather than deadlock.
    ordered = select(*(source.c[name] for name in names)).order_by(source.c.id)
    statement = insert(table).from_select(list(names), ordered, include_defaults=False)
    if only_new:
        return statement.on_conflict_do_nothing(index_elements=KEY)
    new = {name: statement.excluded[name] for name in names if name not in KEY}
    return statement.on_conflict_do_update(
        index_elements=KEY,
        set_={**new, "version": table.c.version + 1, "updated_at": func.clock_timestamp()},
        where=tuple_(*(table.c[name] for name in new)).is_distinct_from(tuple_(*new.values())),
    )


async def _with_missing(
    session: AsyncSession, tenant_id: UUID, entity: type[Competency | Association], framework_id: UUID, counts: Counts
) -> Counts:
    held = await session.scalar(
        select(func.count())
        .select_from(entity)
        .where(entity.tenant_id == tenant_id, entity.framework_id == framework_id)
    )
    in_package = counts.created + counts.updated + counts.unchanged
    return Counts(counts.created, counts.updated, counts.unchanged, missing=(held or 0) - in_package)


def _framework(document: reader.Document) -> RowValues:
    return {
        "id": str(document.identifier),
        "uri": document.uri,
        "title": document.title,
        "creator": document.creator or document.publisher or "Unknown",
        "publisher": document.publisher,
        "description": document.description,
        "language": document.language,
        "adoption_status": document.adoption_status,
        "source_changed_at": plain(document.last_changed_at),
        "extra": _extra(
            document, "version", "subject", "official_source_url", "license_uri", "notes", "source_case_version"
        ),
    }


def _competency(item: reader.Item, document: reader.Document) -> RowValues:
    return {
        "id": str(item.identifier),
        "framework_id": str(document.identifier),
        "parent_id": str(item.parent_ids[0]) if item.parent_ids else None,
        "position": item.position,
        "depth": item.depth,
        "uri": item.uri,
        "full_statement": item.full_statement,
        "abbreviated_statement": item.abbreviated_statement,
        "human_coding_scheme": item.human_coding_scheme,
        "list_enumeration": item.list_enumeration,
        "item_type": item.item_type,
        "education_levels": item.education_levels,
        "notes": item.notes,
        "status_start_on": plain(item.status_start_on),
        "status_end_on": plain(item.status_end_on),
        "source_changed_at": plain(item.last_changed_at),
        "extra": _extra(item, "alternative_label", "concept_keywords", "subject", "language", "parent_ids"),
    }


def _stub(stub: reader.Stub) -> RowValues:
    uri = stub.uri or stub.identifier.urn
    return {
        "id": str(stub.identifier),
        "position": 0,
        "depth": 0,
        "uri": uri,
        "full_statement": stub.title or uri,
        "education_levels": [],
        "extra": {},
    }


def _association(edge: reader.Association, document: reader.Document, cyclic: set[UUID]) -> RowValues:
    return {
        "id": str(edge.identifier),
        "framework_id": str(document.identifier),
        "type": edge.type,
        "uri": edge.uri,
        "origin_id": str(edge.origin_id),
        "destination_id": str(edge.destination_id),
        "sequence_number": edge.sequence_number,
        "is_cyclic": edge.identifier in cyclic,
        "source_changed_at": plain(edge.last_changed_at),
        "extra": _extra(edge, "origin_title", "destination_title", "origin_uri", "destination_uri", "notes"),
    }


def _extra(record: reader.Document | reader.Item | reader.Association, *names: str) -> dict[str, Any]:
    """The named fields that have a value: what has no column of its own is kept, too."""
    values = {name: getattr(record, name) for name in names}
    return {
        name: [plain(member) for member in value] if isinstance(value, list) else plain(value)
        for name, value in values.items()
        if value
    }


def _event(tenant_id: UUID, report: ImportReport) -> Event:
    return Event(
        tenant_id=tenant_id,
        capacity="system",
        section="competencies",
        entity_type="framework",
        entity_id=report.framework_id,
        action="import",
        changes={name: {"before": None, "after": asdict(counts)} for name, counts in report.counts().items()},
        request_id="case-import",
    )
