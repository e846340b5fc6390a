"""Lists: filters and sorts from a closed set, keyset cursors, one statement a page.

A cursor is opaque, sealed, and bound to the list, its filter, its sort and its caller. Rows whose sort key does not
change are neither skipped nor repeated while others come and go.
"""

import functools
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Request, Response
from pydantic import BaseModel, BeforeValidator, Field
from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    Text,
    bindparam,
    case,
    func,
    literal,
    literal_column,
    not_,
    select,
    true,
    tuple_,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import aliased

from app.core.access import Shape, reads_all
from app.core.errors import Problem, forbidden, not_found
from app.core.looks import list_columns, list_totals, shown_by_list
from app.core.principal import Principal
from app.core.reads import STATEMENTS_KEPT, Read, chosen, sparse, with_caller
from app.core.replies import json_reply
from app.core.rules import PERMISSION_WORDS, Section
from app.core.schemas import plain_integer
from app.core.secrets import Keyring, SealBroken
from app.db.base import Sql
from app.db.projection import Projection
from app.db.read import Statement

DEFAULT_LIMIT = 50
MAX_LIMIT = 200

Limit = Annotated[
    int,
    Field(ge=1, le=2**31 - 1, description="Items on a page; more than 200 are given as 200.", examples=[50]),
    BeforeValidator(plain_integer),
]
Cursor = Annotated[
    str | None, Field(max_length=2000, description="`next_cursor` of the page before. Send the same filters and sort.")
]
Count = Annotated[bool, Field(description="Add `total`, the number of items on all pages.")]
Fields = Annotated[
    str | None, Field(max_length=500, description="Only these fields of each item, comma-separated.", examples=["id"])
]


class PageQuery(BaseModel):
    """The query parameters that every list has."""

    limit: Limit = DEFAULT_LIMIT
    cursor: Cursor = None
    count: Count = False
    fields: Fields = None


@dataclass(frozen=True)
class Sort:
    """A total order: `columns` end with the id; all ascending or all descending; none may be null."""

    columns: Callable[[Any], Sequence[Any]]
    is_descending: bool = False


@dataclass(frozen=True)
class Permit:
    """What it takes to ask for a list at all: the permission's name, and whether the caller has it for a value."""

    permission: str
    holds: Callable[[ColumnElement[Any], Shape], ColumnElement[bool]]


@dataclass(frozen=True)
class Filter:
    """A condition on one query parameter, bound under its name.

    `must_exist` says whether what the parameter names is visible to the caller; if not, the list is a 404.
    `permit` is for lists that not everybody who sees it may ask for: the others get a 403.
    """

    condition: Callable[[Any, ColumnElement[Any], Shape], ColumnElement[bool]]
    type: Any
    must_exist: Callable[[ColumnElement[Any], Shape], ColumnElement[bool]] | None = None
    permit: Permit | None = None


@dataclass(frozen=True)
class PageKey:
    """What a page's statement is compiled for."""

    shape: Shape
    filters: frozenset[str]
    sort: str
    is_continued: bool
    with_total: bool
    include: frozenset[str]


class Listing:
    """One list of the API.

    `source` selects the entity, with the joins that its sorts need; `projection` (or `body`, where it depends on the
    caller) gives a row's JSON for an alias of the entity. A service that does not read `section` is told so.

    A list of rows of learners' records says which section it `shows` (that is `section`, where it is given), or which
    each row does, so that it is known who has looked; `also` which others its rows show, and which of the rows.
    `learner` says whose a row is where it has no `learner_id`.
    """

    def __init__(
        self,
        name: str,
        entity: type[Any],
        *,
        visible: Callable[[Any, Shape], ColumnElement[bool]],
        section: Section | None = None,
        shows: Section | Callable[[Any], Sql] | None = None,
        also: Mapping[Section, Callable[[Any, Shape], ColumnElement[bool]]] | None = None,
        learner: Callable[[Any], Sql] | None = None,
        projection: Callable[[Any], Projection],
        sorts: Mapping[str, Sort],
        filters: Mapping[str, Filter],
        expansions: Collection[str] = (),
        source: Callable[[], Select[Any]] | None = None,
        body: Callable[[Any, Shape, frozenset[str]], ColumnElement[Any]] | None = None,
    ) -> None:
        self.name = name
        self.entity = entity
        self.visible = visible
        self.section = section
        self.shows = shows or section
        self.also = also or {}
        self.learner = learner or _learner_of(entity)
        self.projection = projection
        self.sorts = sorts
        self.filters = filters
        self.expansions = frozenset(expansions)
        self.source = source or (lambda: select(entity))
        self.body = body or self._body
        self.fields = frozenset(projection(entity).columns) - projection(entity).optional()
        self.statement = functools.lru_cache(maxsize=STATEMENTS_KEPT)(self._statement)

    def _body(self, entity: Any, _shape: Shape, include: frozenset[str]) -> ColumnElement[Any]:
        return self.projection(entity).json(include)

    def _statement(self, key: PageKey) -> Statement:
        entity, sort = self.entity, self.sorts[key.sort]
        columns = list(sort.columns(entity))
        conditions = [self.visible(entity, key.shape)]
        found: ColumnElement[bool] = true()
        refusals: list[tuple[ColumnElement[bool], ColumnElement[str]]] = []
        for name in sorted(key.filters):
            given = self.filters[name]
            value = bindparam(name, type_=given.type)
            conditions.append(given.condition(entity, value, key.shape))
            if given.must_exist is not None:
                found = found & given.must_exist(value, key.shape)
            if given.permit is not None:
                refusals.append((not_(given.permit.holds(value, key.shape)), literal(given.permit.permission, Text())))
        matching = self.source().where(*conditions)
        page = matching.add_columns(*(column.label(f"key_{i}") for i, column in enumerate(columns)))
        if key.is_continued:
            page = page.where(_after(columns, is_descending=sort.is_descending))
        # The literal tells the planner that a page is small; a bound limit alone is taken for a tenth of the table.
        page = page.order_by(*(c.desc() if sort.is_descending else c for c in columns)).limit(
            literal_column(str(MAX_LIMIT + 1))
        )
        total = (
            matching.with_only_columns(func.count()).scalar_subquery() if key.with_total else literal(None, Integer())
        )
        rendered = self._rendered(page, key, len(columns), found, total)
        return with_caller(rendered.add_columns(case(*refusals).label("lacking")) if refusals else rendered)

    def _rendered(
        self, page: Select[Any], key: PageKey, keys: int, found: ColumnElement[bool], total: ColumnElement[Any]
    ) -> Select[Any]:
        """The page's rows as one text of JSON objects, the key of its last row, and whether more follow."""
        limit = bindparam("page_limit", type_=Integer())
        cut = page.subquery("cut")
        rows = select(cut).limit(limit + 1).subquery("rows")
        entity = aliased(self.entity, rows)
        body = self.body(entity, key.shape, key.include)
        last_key = func.json_build_array(*(rows.c[f"key_{i}"] for i in range(keys)))
        # row_number() over nothing keeps the order in which the rows arrive, which is the page's.
        numbered = select(
            func.row_number().over().label("rank"),
            body.label("body"),
            last_key.label("last_key"),
            *self._look_columns(entity, key.shape),
        ).subquery("numbered")
        is_shown = numbered.c.rank <= limit
        separator: ColumnElement[Any] = literal_column("','")
        texts = func.string_agg(
            numbered.c.body.cast(Text()),
            aggregate_order_by(separator, numbered.c.rank),
        )
        return select(
            found.label("found"),
            total.label("total"),
            func.coalesce(texts.filter(is_shown), literal_column("''")).label("items"),
            (func.count() > limit).label("has_more"),
            func.max(numbered.c.last_key.cast(Text())).filter(numbered.c.rank == limit).label("last_key"),
            *list_totals(numbered, is_shown),
        ).select_from(numbered)

    def _look_columns(self, entity: Any, shape: Shape) -> list[ColumnElement[Any]]:
        if self.learner is None or self.shows is None:
            return []
        shows = self.shows if isinstance(self.shows, Section) else self.shows(entity)
        also = {section: holds(entity, shape) for section, holds in self.also.items()}
        return list_columns(shape, self.learner(entity), shows, also)

    async def reply(
        self,
        read: Read,
        query: PageQuery,
        *,
        sort: str,
        filters: Mapping[str, Any],
        expand: str | None = None,
        values: Mapping[str, Any] | None = None,
    ) -> Response:
        """The page that the query asks for. `filters` are those given, by name."""
        given = {name: value for name, value in filters.items() if value is not None}
        include = chosen(expand, self.expansions, "expand")
        only = chosen(query.fields, self.fields, "fields")
        limit = min(query.limit, MAX_LIMIT)
        owner = read.claims.subject
        seal = _CursorSeal(read.runtime.keyring, f"{self.name} {sort} {sorted(given.items())} {owner}")
        after = seal.open(query.cursor) if query.cursor is not None else []
        binds = {
            **given,
            "page_limit": limit,
            **(_parsed(self.sorts[sort].columns(self.entity), after) if after else {}),
            **(values or {}),
        }

        def statement(principal: Principal) -> Statement:
            self._check_service(principal)
            names = frozenset(given)
            return self.statement(PageKey(principal.shape, names, sort, bool(after), query.count, include))

        principal, row = await read.fetch(statement, binds)
        if not row["found"]:
            raise not_found()
        if row.get("lacking") is not None:
            raise forbidden(row["lacking"])
        section = self.shows if isinstance(self.shows, Section) else None
        await read.record(principal, shown_by_list(principal, row, section, self.also))
        cursor = seal.close(row["last_key"]) if row["has_more"] else None
        items = sparse(f"[{row['items']}]", only | include) if only else f"[{row['items']}]"
        return _page(read.request, items, cursor, row["total"] if query.count else None)

    def _check_service(self, principal: Principal) -> None:
        """A service that can see nothing of the list lacks a scope; an empty list would look like one without rows."""
        is_service = principal.service_client_id is not None
        if self.section and is_service and not reads_all(principal.shape, self.section):
            raise forbidden(f"{PERMISSION_WORDS[self.section]}:read")


def _learner_of(entity: Any) -> Callable[[Any], Sql] | None:
    """How to tell whose record a row is of, if it is of a learner's."""
    if entity.__tablename__ == "learner":
        return lambda row: row.id
    return (lambda row: row.learner_id) if hasattr(entity, "learner_id") else None


def _after(columns: Sequence[Any], *, is_descending: bool) -> ColumnElement[bool]:
    here = tuple_(*columns)
    there = tuple_(*(bindparam(f"after_{i}", type_=column.type) for i, column in enumerate(columns)))
    return here < there if is_descending else here > there


class _CursorSeal:
    """Makes and opens the cursors of one list as one caller asks for it. A cursor holds names: it is sealed, and
    alike for the same page, so that the page's tag is.
    """

    def __init__(self, keyring: Keyring, binding: str) -> None:
        self._keyring = keyring
        self._binding = binding.encode()

    def close(self, last_key: str) -> str:
        sealed = self._keyring.seal_alike("cursor", last_key.encode(), self._binding)
        return urlsafe_b64encode(sealed).decode().rstrip("=")

    def open(self, cursor: str) -> list[Any]:
        try:
            sealed = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
            payload = self._keyring.open("cursor", sealed, self._binding)
        except (ValueError, SealBroken):
            raise invalid_cursor() from None
        if self.close(payload.decode()) != cursor:  # base64 has more than one spelling of the same bytes
            raise invalid_cursor()
        return list(json.loads(payload))


_PARSERS: dict[type[Any], Callable[[str], Any]] = {
    UUID: UUID,
    datetime: datetime.fromisoformat,
    date: date.fromisoformat,
}


def _as_is(item: Any) -> Any:
    return item


def _parsed(columns: Sequence[Any], keys: Sequence[Any]) -> dict[str, Any]:
    """The values of a cursor's key, as the sort's columns have them."""
    parsers: list[Callable[[Any], Any]] = [_PARSERS.get(column.type.python_type, _as_is) for column in columns]
    return {f"after_{i}": parse(key) for i, (parse, key) in enumerate(zip(parsers, keys, strict=False))}


def invalid_cursor() -> Problem:
    return Problem(
        400, "invalid_cursor", "Not a cursor", "This cursor was not made for this list, filter, sort and caller."
    )


def _page(request: Request, items: str, cursor: str | None, total: int | None) -> Response:
    counted = "" if total is None else f',"total":{total}'
    body = f'{{"items":{items},"next_cursor":{json.dumps(cursor)}{counted}}}'
    headers = {}
    if cursor is not None:
        parameters = [(n, v) for n, v in request.query_params.multi_items() if n != "cursor"] + [("cursor", cursor)]
        headers["Link"] = f'<{request.scope["path"]}?{urlencode(parameters)}>; rel="next"'
    return json_reply(request, body, headers=headers)
