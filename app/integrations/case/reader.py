"""Reads a CASE 1.0 or 1.1 CFPackage as the world writes it, not as the schema asks.

A deviation that can be read only one way is accepted in silence. Whatever was guessed or lost becomes a `Problem`. Only
a file that is no CFPackage at all is refused.
"""

import json
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import TypeVar
from uuid import UUID

from app.integrations.case import graph
from app.integrations.case.fields import Problem, Row, as_uuid, kind

__all__ = ["Association", "Document", "Item", "Package", "PackageError", "Problem", "Stub", "read_package"]

ASSOCIATION_TYPES = (
    "isChildOf",
    "isPeerOf",
    "isPartOf",
    "exactMatchOf",
    "precedes",
    "isRelatedTo",
    "replacedBy",
    "exemplar",
    "hasSkillLevel",
    "isTranslationOf",
)

# Stands for "never said": any dated copy of the same row counts as newer.
UNDATED = datetime(1970, 1, 1, tzinfo=UTC)

_SPELLING = {name.lower(): name for name in ASSOCIATION_TYPES}


class PackageError(ValueError):
    """The input is not a CFPackage."""


@dataclass(frozen=True, slots=True)
class Document:
    identifier: UUID
    uri: str
    title: str
    creator: str | None
    publisher: str | None
    description: str | None
    language: str | None
    adoption_status: str | None
    version: str | None
    subject: list[str]
    official_source_url: str | None
    license_uri: str | None
    notes: str | None
    last_changed_at: datetime
    source_case_version: str | None


@dataclass(frozen=True, slots=True)
class Item:
    """A competency. `parent_ids` names items only, the one it is placed under first; a root item has none.

    `position` is the rank, from 0, in the pre-order walk of the whole tree; `depth` is 0 for a root item.
    """

    identifier: UUID
    uri: str
    full_statement: str
    abbreviated_statement: str | None
    alternative_label: str | None
    human_coding_scheme: str | None
    list_enumeration: str | None
    item_type: str | None
    education_levels: list[str]
    concept_keywords: list[str]
    subject: list[str]
    language: str | None
    notes: str | None
    status_start_on: date | None
    status_end_on: date | None
    last_changed_at: datetime
    parent_ids: list[UUID]
    position: int
    depth: int


@dataclass(frozen=True, slots=True)
class Association:
    """An edge: origin isChildOf destination; origin precedes (is a prerequisite of) destination."""

    identifier: UUID
    uri: str
    type: str
    origin_id: UUID
    destination_id: UUID
    origin_title: str | None
    destination_title: str | None
    origin_uri: str | None
    destination_uri: str | None
    sequence_number: int | None
    notes: str | None
    last_changed_at: datetime


@dataclass(frozen=True, slots=True)
class Stub:
    """A node that associations name and the package does not contain."""

    identifier: UUID
    uri: str | None
    title: str | None


@dataclass(frozen=True, slots=True)
class Package:
    """Items in tree order, associations in file order.

    `cyclic` holds the associations to leave out when walking: the isChildOf edge that closes a cycle, and every
    precedes edge that lies on one.
    """

    document: Document
    items: list[Item]
    associations: list[Association]
    stubs: list[Stub]
    problems: list[Problem]
    cyclic: set[UUID]


def read_package(data: bytes, source: str = "") -> Package:
    """Read a CFPackage; `source` names the input in the error."""
    try:
        return _read(_parse(data))
    except PackageError as error:
        raise PackageError(f"{source}: {error}" if source else str(error)) from None


def _parse(data: bytes) -> Row:
    try:
        values = json.loads(data)
    except RecursionError:
        raise PackageError("not a CFPackage: nested too deeply") from None
    except ValueError as error:
        raise PackageError(f"not JSON: {error}") from None
    if not isinstance(values, dict):
        raise PackageError(f"not a CFPackage: the file holds {kind(values)}, not an object")
    return Row(values, "", [])


def _read(file: Row) -> Package:
    document = _document(file)
    items = _by_identifier((row, _item(row, document)) for row in file.rows("CFItems"))
    known = {item.uri: item.identifier for item in items.values()} | {document.uri: document.identifier}
    associations = list(
        _by_identifier((row, _association(row, document, known)) for row in file.rows("CFAssociations")).values()
    )
    tree, closing = _plant(items, associations, document.identifier, file)
    return Package(
        document=document,
        items=tree,
        associations=associations,
        stubs=_stubs(associations, items.keys() | {document.identifier}),
        problems=file.problems,
        cyclic=closing | _precedes_cycles(associations, file),
    )


def _document(file: Row) -> Document:
    row = file.child("CFDocument")
    if row is None:
        raise PackageError("not a CFPackage: it has no CFDocument object")
    identifier = as_uuid(row.text("identifier"))
    if identifier is None:
        raise PackageError("not a CFPackage: CFDocument.identifier is not a UUID")
    uri = row.text("uri") or row.assume("uri", identifier.urn)
    return Document(
        identifier=identifier,
        uri=uri,
        title=row.text("title") or row.assume("title", str(identifier)),
        creator=row.text("creator"),
        publisher=row.text("publisher"),
        description=row.text("description"),
        language=row.text("language"),
        adoption_status=row.text("adoptionStatus"),
        version=row.text("version"),
        subject=row.texts("subject"),
        official_source_url=row.text("officialSourceURL"),
        license_uri=_linked(row, "licenseURI", "uri"),
        notes=row.text("notes"),
        last_changed_at=row.instant("lastChangeDateTime", UNDATED),
        source_case_version=row.text("caseVersion") or _version_in(uri),
    )


def _version_in(uri: str) -> str | None:
    match = re.search("/case/v([0-9])p([0-9])/", uri)
    return f"{match[1]}.{match[2]}" if match else None


def _linked(row: Row, field: str, part: str) -> str | None:
    link = row.child(field)
    return link.text(part) if link else None


def _item(row: Row, document: Document) -> Item | None:
    identifier = row.identifier({})
    if identifier is None:
        return None
    if identifier == document.identifier:
        row.note("duplicate_identifier", "the document's own; the row is left out", "identifier")
        return None
    abbreviated, label, code = (row.text(f) for f in ("abbreviatedStatement", "alternativeLabel", "humanCodingScheme"))
    stand_in = abbreviated or label or code or str(identifier)
    return Item(
        identifier=identifier,
        uri=row.text("uri") or row.assume("uri", identifier.urn),
        full_statement=row.text("fullStatement") or row.assume("fullStatement", stand_in),
        abbreviated_statement=abbreviated,
        alternative_label=label,
        human_coding_scheme=code,
        list_enumeration=row.text("listEnumeration"),
        item_type=row.text("CFItemType") or _linked(row, "CFItemTypeURI", "title"),
        education_levels=row.texts("educationLevel", ",") or row.texts("educationalLevel", ","),
        concept_keywords=row.texts("conceptKeywords", ","),
        subject=row.texts("subject"),
        language=row.text("language"),
        notes=row.text("notes"),
        status_start_on=row.day("statusStartDate"),
        status_end_on=row.day("statusEndDate"),
        last_changed_at=row.instant("lastChangeDateTime", document.last_changed_at),
        parent_ids=[],
        position=0,
        depth=0,
    )


def _association(row: Row, document: Document, known: Mapping[str, UUID]) -> Association | None:
    identifier = row.identifier({})
    origin, destination = row.child("originNodeURI"), row.child("destinationNodeURI")
    name = row.text("associationType")
    if origin is None or destination is None or name is None:
        row.note("missing", "associationType, originNodeURI or destinationNodeURI; the row is left out")
        return None
    origin_id, destination_id = origin.identifier(known), destination.identifier(known)
    if identifier is None or origin_id is None or destination_id is None:
        return None
    return Association(
        identifier=identifier,
        uri=row.text("uri") or row.assume("uri", identifier.urn),
        type=_association_type(row, name),
        origin_id=origin_id,
        destination_id=destination_id,
        origin_title=origin.text("title"),
        destination_title=destination.text("title"),
        origin_uri=origin.text("uri"),
        destination_uri=destination.text("uri"),
        sequence_number=row.integer("sequenceNumber"),
        notes=row.text("notes"),
        last_changed_at=row.instant("lastChangeDateTime", document.last_changed_at),
    )


def _association_type(row: Row, name: str) -> str:
    if name.startswith("ext:"):
        return name
    spelling = _SPELLING.get(name.lower())
    if spelling is None:
        row.note("unknown_type", f"{name[:80]!r} is no type of CASE; kept as it is", "associationType")
    return spelling or name


Identified = TypeVar("Identified", Item, Association)


def _by_identifier(read: Iterable[tuple[Row, Identified | None]]) -> dict[UUID, Identified]:
    found: dict[UUID, Identified] = {}
    for row, record in read:
        if record is None:
            continue
        if record.identifier in found:
            row.note("duplicate_identifier", f"{record.identifier} again; this later row is kept", "identifier")
        found[record.identifier] = record
    return found


def _stubs(associations: Iterable[Association], inside: Collection[UUID]) -> list[Stub]:
    stubs: dict[UUID, Stub] = {}
    for edge in associations:
        for stub in (
            Stub(edge.origin_id, edge.origin_uri, edge.origin_title),
            Stub(edge.destination_id, edge.destination_uri, edge.destination_title),
        ):
            if stub.identifier not in inside:
                stubs.setdefault(stub.identifier, stub)
    return list(stubs.values())


def _precedes_cycles(associations: Iterable[Association], file: Row) -> set[UUID]:
    edges = {e.identifier: (e.origin_id, e.destination_id) for e in associations if e.type == "precedes"}
    cyclic: set[UUID] = set()
    for cycle in graph.cycles(edges.values()):
        members = [identifier for identifier, edge in edges.items() if edge in cycle]
        file.note("precedes_cycle", " ".join(map(str, members)), "CFAssociations")
        cyclic.update(members)
    return cyclic


def _plant(
    items: dict[UUID, Item], associations: Iterable[Association], document_id: UUID, file: Row
) -> tuple[list[Item], set[UUID]]:
    """The items in tree order, and the isChildOf associations that would close a cycle."""
    edges = _child_edges(items, associations, document_id, file)
    closing = _closing(items, edges, document_id)
    cyclic = {association.identifier for edge in closing for association in edges.pop(edge)}
    for child, parent in closing:
        file.note("child_cycle", f"{child} cannot be below {parent}, which is below it", "CFAssociations")

    parents = defaultdict[UUID, list[UUID]](list)
    for child, parent in edges:
        parents[child].append(parent)
    parent_items = {child: [parent for parent in parents[child] if parent != document_id] for child in items}

    ranks: dict[UUID, Rank] = {}
    children = defaultdict[UUID, list[UUID]](list)
    for index, (child, item) in enumerate(items.items()):
        parent = next(iter(parent_items[child]), document_id)
        ranks[child] = _rank(item, edges.get((child, parent), []), index)
        children[parent].append(child)
    for siblings in children.values():
        siblings.sort(key=ranks.__getitem__)

    tree: list[Item] = []
    depths = {document_id: -1}
    for step, node, parent_id in graph.walk([document_id], children):
        if step == "enter" and parent_id is not None:
            depths[node] = depths[parent_id] + 1
            tree.append(replace(items[node], parent_ids=parent_items[node], position=len(tree), depth=depths[node]))
    return tree, cyclic


def _child_edges(
    items: Mapping[UUID, Item], associations: Iterable[Association], document_id: UUID, file: Row
) -> dict[graph.Edge, list[Association]]:
    """The isChildOf associations from an item to an item or the document, by (child, parent)."""
    edges = defaultdict[graph.Edge, list[Association]](list)
    orphans = dict.fromkeys(items)
    for association in associations:
        child, parent = association.origin_id, association.destination_id
        if association.type != "isChildOf" or child not in items:
            continue
        orphans.pop(child, None)
        if parent in items or parent == document_id:
            edges[child, parent].append(association)
        else:
            file.note("parent_outside", f"{child} is below {parent}, which is not in the package", "CFAssociations")
    for orphan in orphans:
        file.note("no_parent", f"{orphan} is placed after the root items", "CFItems")
    return edges


def _closing(items: Iterable[UUID], edges: Iterable[graph.Edge], document_id: UUID) -> list[graph.Edge]:
    below = defaultdict[UUID, list[UUID]](list)
    for child, parent in edges:
        below[parent].append(child)
    with_parent = {child for child, _ in edges}
    # From the top, so that the edge that is cut is the one that leads back up.
    starts = [document_id, *(item for item in items if item not in with_parent), *items]
    steps = graph.walk(starts, below)
    return [(child, parent) for step, child, parent in steps if step == "closes" and parent is not None]


NaturalKey = tuple[bool, list[tuple[bool, int, str]]]
Rank = tuple[bool, bool, int, NaturalKey, NaturalKey, int]


def _rank(item: Item, edge: list[Association], index: int) -> Rank:
    """Sorts siblings: as numbered, then as enumerated, then by code, then as written; an orphan after all others."""
    number = next((a.sequence_number for a in edge if a.sequence_number is not None), None)
    by_list, by_code = _natural(item.list_enumeration), _natural(item.human_coding_scheme)
    return not edge, number is None, number or 0, by_list, by_code, index


def _natural(text: str | None) -> NaturalKey:
    """Sorts 9 before 10, and what has no text last. Digits compare by length first: they may be too many for int()."""
    parts = re.findall("[0-9]+|[^0-9]+", (text or "").casefold())
    digits = (part.lstrip("0") if part[0] in "0123456789" else None for part in parts)
    return text is None, [
        (True, 0, part) if number is None else (False, len(number), number)
        for part, number in zip(parts, digits, strict=True)
    ]
