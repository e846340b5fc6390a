"""Who has looked: one row for every read of learners' records by anybody but the learner.

Reads are many and their rows small: the rows wait in the process and are written together, twice a second and at the
end, so that a crash loses those of the last second. When too many wait, because the database takes none, a read first
writes them itself, and fails where that fails: nothing more is shown unrecorded.
"""

import asyncio
import functools
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from itertools import islice
from types import MappingProxyType
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Index, Text, Uuid, case, cast, func, literal_column, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from app.core.access import PERSON, Shape, is_opened
from app.core.deadlines import pause
from app.core.logging import log
from app.core.principal import Principal
from app.core.rules import READ, Policy, Relation, Section, plain
from app.db.base import Base, Instant, Sql, Strings, TenantOwned, new_id, tenant_key
from app.db.read import Statement, read_inside


class Look(TenantOwned, Base):
    """One request that showed parts of learners' records, and in which capacities. Never changed."""

    __tablename__ = "access_log"
    __table_args__ = (
        Index("ix_access_log_at", "tenant_id", "at", "id"),
        {"info": {"sections": ("access",)}},
    )

    at: Mapped[Instant] = mapped_column(server_default=text("clock_timestamp()"))
    viewer_person_id: Mapped[uuid.UUID | None]
    viewer_client_id: Mapped[uuid.UUID | None]
    capacities: Mapped[Strings]
    """Of a single read the relations that gave the right; of a list what the viewer is by office."""
    learner_ids: Mapped[list[uuid.UUID]] = mapped_column(ARRAY(Uuid()))
    sections: Mapped[Strings]
    is_list: Mapped[bool]
    operation: Mapped[str]
    request_id: Mapped[str]


class LookAtLearner(TenantOwned, Base):
    """A learner whom a look was at.

    Under row-level security no index over an array serves: its operators might tell of rows that the policy hides.
    """

    __tablename__ = "access_log_learner"
    __table_args__ = (
        tenant_key("learner_id", to="learner", ondelete="CASCADE"),
        Index("ix_access_log_learner_learner", "tenant_id", "learner_id", "at", "id"),
        {"info": {"sections": ("access",)}},
    )

    look_id: Mapped[uuid.UUID]
    learner_id: Mapped[uuid.UUID]
    at: Mapped[Instant]


# What a statement tells of what it shows


def looked_at(learner_id: Sql) -> ColumnElement[Any]:
    """Of a single read: the text of an array of the learner, null where the learner is the caller."""
    is_other = learner_id.is_not(None) & learner_id.is_distinct_from(PERSON)
    return case((is_other, func.concat(literal_column("'{'"), learner_id, literal_column("'}'")))).label("looked_at")


def list_columns(
    shape: Shape,
    learner_id: Sql,
    section: Section | Sql,
    also: Mapping[Section, ColumnElement[bool]] = MappingProxyType({}),
) -> list[ColumnElement[Any]]:
    """What each row of a list gives for `list_totals`. `section` is SQL where each row names its own; `also` says of
    other sections whether the row shows them."""
    columns: list[ColumnElement[Any]] = [learner_id.label("look_learner")]
    columns += [holds.label(f"look_also_{each}") for each, holds in also.items()]
    if not isinstance(section, Section):
        columns.append(section.label("look_section"))
    opened = is_opened(shape, section, learner_id)
    return columns if opened is None else [*columns, opened.label("look_opened")]


def list_totals(rows: Any, is_shown: ColumnElement[bool]) -> list[ColumnElement[Any]]:
    """What a list tells of the rows it shows: whom but the caller, which sections, and whether through break-glass."""
    if "look_learner" not in rows.c:
        return []
    learner_id = rows.c.look_learner
    is_look = is_shown & learner_id.is_not(None) & learner_id.is_distinct_from(PERSON)
    totals = [_texts_of(learner_id, is_look).label("looked_at")]
    if "look_section" in rows.c:
        totals.append(_texts_of(rows.c.look_section, is_look).label("looked_into"))
    flags = [column for column in rows.c if column.key == "look_opened" or column.key.startswith("look_also_")]
    return totals + [func.bool_or(flag).filter(is_look).label(flag.key) for flag in flags]


def _texts_of(column: Any, is_look: ColumnElement[bool]) -> ColumnElement[Any]:
    """The distinct values as the text of an array, null for none."""
    return cast(func.array_agg(column.distinct(), type_=ARRAY(column.type)).filter(is_look), Text())


# What a request showed


class Shown(NamedTuple):
    """What one reply shows of others' records. All but the last are texts of arrays, as the database gives and takes
    them."""

    learners: str
    sections: str
    capacities: str
    is_list: bool


def shown_by_list(
    principal: Principal, row: Any, section: Section | None = None, also: Iterable[Section] = ()
) -> Shown | None:
    """What a row with the columns of `list_totals` tells; None if no other learner is in it."""
    learners = row.get("looked_at")
    if learners is None:
        return None
    others = (each for each in also if row[f"look_also_{each}"])
    sections = row["looked_into"] if section is None else array_text((section, *others))
    opened = (Relation.BREAK_GLASS,) if row.get("look_opened") else ()
    return Shown(learners, sections, array_text((*principal.capacities, *opened)), is_list=True)


def shown_by_view(principal: Principal, row: Any, section: Section, opened: Collection[Section]) -> Shown | None:
    """What a view's row tells; None if it is the caller's own record. `opened` are other sections it shows to who reads
    them."""
    learners = row["looked_at"]
    if learners is None:
        return None
    if opened and principal.barred:
        learner_id = uuid.UUID(learners[1:-1])
        opened = tuple(each for each in opened if learner_id not in principal.barred_from(each))
    named = row.get("section")
    words = row.get("relations")
    if words is None:
        return Shown(learners, array_text((section, *opened)), array_text(principal.capacities), is_list=False)
    main = section if named is None else Section(named)
    sections, capacities = _read_through(principal.policy, tuple(words), main, tuple(opened))
    return Shown(learners, sections, capacities, is_list=False)


@functools.lru_cache(maxsize=4096)
def _read_through(
    policy: Policy, words: tuple[str, ...], section: Section, opened: tuple[Section, ...]
) -> tuple[str, str]:
    """The sections that these relations let read, and those of the relations that do. The row was shown, so its own
    section is among them, by whatever right."""
    sections = (section, *(each for each in opened if policy.reached(words, each)))
    reading = {word for each in sections for word in policy.words(each, READ)}
    capacities = {plain(word) for word in words if word in reading} or {plain(word) for word in words}
    return array_text(dict.fromkeys(sections)), array_text(sorted(capacities))


def array_text(words: Iterable[str]) -> str:
    """Words of our own as the text of an array."""
    return "{" + ",".join(words) + "}"


# Rows that wait


class Entry(NamedTuple):
    """A row of the log that waits to be written."""

    id: uuid.UUID
    at: datetime
    viewer_person_id: uuid.UUID | None
    viewer_client_id: uuid.UUID | None
    learner_ids: str
    sections: str
    capacities: str
    is_list: bool
    operation: str
    request_id: str

    @property
    def weight(self) -> int:
        """How many learners, and so rows, it is about."""
        return len(self.learner_ids) // _ID_LENGTH


_ID_LENGTH = 37
HANDFUL = 2000
"""So many learners' rows are written at once, which takes a small part of the time that a statement has."""

# An entry that was written though nobody heard of it is not written again. What a tenant or a learner was who is gone
# by now holds up nobody else's.
_WRITE = Statement(
    """
    WITH looks AS (
        INSERT INTO access_log (tenant_id, id, at, viewer_person_id, viewer_client_id, learner_ids, sections,
                                capacities, is_list, operation, request_id)
        SELECT t.id, e.id, e.at, e.person_id, e.client_id, e.learner_ids::uuid[], e.sections::text[],
               e.capacities::text[], e.is_list, e.operation, e.request_id
        FROM unnest($2::uuid[], $3::timestamptz[], $4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::text[],
                    $9::boolean[], $10::text[], $11::text[])
             AS e (id, at, person_id, client_id, learner_ids, sections, capacities, is_list, operation, request_id)
        JOIN tenant t ON t.id = $1
        ON CONFLICT (tenant_id, id) DO NOTHING
        RETURNING tenant_id, id, at, learner_ids
    )
    INSERT INTO access_log_learner (tenant_id, id, look_id, learner_id, at)
    SELECT k.tenant_id, gen_random_uuid(), k.id, l.id, k.at
    FROM looks k
    CROSS JOIN LATERAL unnest(k.learner_ids) AS seen (learner_id)
    JOIN learner l ON l.tenant_id = k.tenant_id AND l.id = seen.learner_id
    """,
    ("tenant_id", *Entry._fields),
    {},
)

Transaction = Callable[[uuid.UUID], AbstractAsyncContextManager[AsyncSession]]


class Looks:
    """The rows of one process that wait to be written, by tenant."""

    def __init__(self, transaction: Transaction, kept: int) -> None:
        self._transaction = transaction
        self._kept = kept
        self._waiting: dict[uuid.UUID, list[Entry]] = {}
        self._count = 0
        self._writing = asyncio.Lock()

    def __len__(self) -> int:
        return self._count

    async def add(self, principal: Principal, scope: Mapping[str, Any], shown: Shown) -> None:
        """Record a request of the principal's. Raises if too many wait and cannot be written."""
        if self._count >= self._kept:
            await self.write()
        entry = Entry(
            new_id(),
            datetime.now(UTC),
            principal.person_id,
            principal.service_client_id,
            *shown,
            scope["route"].name,
            scope.get("request_id", ""),
        )
        self._waiting.setdefault(principal.tenant_id, []).append(entry)
        self._count += 1

    async def write(self) -> None:
        """Write what waits. One tenant's failure, raised at the end, holds up no other's; its rows go on waiting."""
        failure: Exception | None = None
        for tenant_id in list(self._waiting):
            try:
                await self.write_of(tenant_id)
            except Exception as error:
                failure = error
        if failure is not None:
            raise failure

    async def write_of(self, tenant_id: uuid.UUID) -> None:
        """Write what waits of one tenant by now."""
        async with self._writing:
            waiting = self._waiting.get(tenant_id, [])
            for some in _handfuls(tuple(waiting)):
                async with self._transaction(tenant_id) as session:
                    reader = await read_inside(session)
                    columns = zip(Entry._fields, zip(*some, strict=True), strict=True)
                    await reader.fetch_row(_WRITE, {"tenant_id": tenant_id, **dict(columns)})
                del waiting[: len(some)]
                self._count -= len(some)
            if not waiting:
                self._waiting.pop(tenant_id, None)


def _handfuls(entries: Sequence[Entry]) -> Iterator[tuple[Entry, ...]]:
    """The entries in their order, in groups that are not too heavy."""
    rest = iter(entries)
    start = weight = 0
    for end, entry in enumerate(entries):
        weight += entry.weight
        if weight >= HANDFUL:
            yield tuple(islice(rest, end + 1 - start))
            start, weight = end + 1, 0
    if start < len(entries):
        yield tuple(rest)


async def keep_writing(looks: Looks, interval: float, stop: asyncio.Event) -> None:
    """Write what waits until `stop` is set, and then once more; survives the loss of the database."""
    while not await pause(stop, interval):
        try:
            await looks.write()
        except Exception as error:  # whatever it is, the rows are kept, and this must go on
            log.warning("looks_not_written", error=type(error).__name__, waiting=len(looks))
    try:
        await looks.write()
    except Exception as error:
        log.error("looks_lost", error=type(error).__name__, lost=len(looks))
