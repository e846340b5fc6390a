"""Runs reads: one statement that gives the reply and the caller's facts together."""

import functools
import json
from collections.abc import Callable, Collection, Mapping
from typing import Any

from fastapi import Request, Response
from sqlalchemy import JSON, ColumnElement, Select, Text, select, true

from app.core.access import Shape
from app.core.errors import Problem, not_found, unauthorized, validation
from app.core.looks import Shown, looked_at, shown_by_view
from app.core.principal import Principal, caller_facts
from app.core.replies import json_reply
from app.core.rules import Section
from app.core.runtime import Runtime
from app.core.security import AccessClaims
from app.db.engine import compact_json
from app.db.read import Reader, Statement, reading

STATEMENTS_KEPT = 512


class View:
    """A read: builds, for each kind of caller and set of expansions, the select whose result is the reply.

    `build(shape, include)` returns a select with the columns `version` and `body`, of at most one row. It is
    compiled together with the caller's facts, so that one statement answers both whether the session lives and what
    the caller gets. `expansions` is the allow-list for `?expand=`.

    A view of a learner's record says of which `section` its row is, `also` which others it shows to who reads them, and
    `opens` which others its expansions show. Its select then has the column `learner_id`, and `relations` where it
    knows the caller's (as `held` gives them): they tell who has looked at what, as what. Where the row itself decides
    on the section, its select has the column `section`.
    """

    def __init__(
        self,
        build: Callable[[Shape, frozenset[str]], Select[Any]],
        *,
        section: Section | None = None,
        also: Collection[Section] = (),
        opens: Mapping[str, Collection[Section]] | None = None,
        expansions: Collection[str] = (),
        fields: Collection[str] = (),
    ) -> None:
        self.build = build
        self.section = section
        self.also = tuple(also)
        self.opens = opens or {}
        self.expansions = frozenset(expansions)
        self.fields = frozenset(fields)
        self.statement = functools.lru_cache(maxsize=STATEMENTS_KEPT)(self._statement)

    def _statement(self, shape: Shape, include: frozenset[str]) -> Statement:
        inner = self.build(shape, include)
        if self.section is not None and "learner_id" not in inner.selected_columns:
            raise TypeError(f"a view of section {self.section} does not say whose record its row is of")
        return with_caller(inner)

    def shown(self, principal: Principal, row: Any, include: frozenset[str]) -> Shown | None:
        """What the row shows of somebody else's record, if it does."""
        if self.section is None:
            return None
        opened = [section for name in sorted(include & self.opens.keys()) for section in self.opens[name]]
        return shown_by_view(principal, row, self.section, (*self.also, *opened))


def compiled_for(build: Callable[[Shape], Statement]) -> Callable[[Shape], Statement]:
    """Remember a statement for each kind of caller."""
    return functools.lru_cache(maxsize=STATEMENTS_KEPT)(build)


def with_caller(inner: Select[Any]) -> Statement:
    """Compile a select so that it always gives one row, the first column being the caller's facts.

    JSON goes out as text: SQLAlchemy's dialect teaches its connections to parse json, which a reply has no use for.
    """
    caller = select(caller_facts().label("facts")).subquery("caller_now")
    result = inner.lateral("result")
    columns = [_handed_out(column) for column in result.c]
    return Statement.compile(select(caller.c.facts, *columns).select_from(caller.outerjoin(result, true())))


def _handed_out(column: ColumnElement[Any]) -> ColumnElement[Any]:
    if column.key == "learner_id":
        return looked_at(column)
    return column.cast(Text()).label(column.key) if isinstance(column.type, JSON) else column


def chosen(value: str | None, allowed: frozenset[str], parameter: str) -> frozenset[str]:
    """The names in a comma-separated `expand` or `fields`; 422 for a name that is not on the list."""
    if value is None:
        return frozenset()
    names = frozenset(value.split(","))
    unknown = names - allowed
    if unknown:
        detail = f"Accepted: {', '.join(sorted(allowed)) or 'nothing'}."
        raise validation([{"pointer": f"query:{parameter}", "code": "unknown_name", "detail": detail}])
    parents = {name.rpartition(".")[0] for name in names} - {""}
    return names | parents


class Read:
    """The reading side of one request."""

    def __init__(self, request: Request, runtime: Runtime, claims: AccessClaims) -> None:
        self.request = request
        self.runtime = runtime
        self.claims = claims

    async def fetch(
        self, statement_for: Callable[[Principal], Statement], values: Mapping[str, Any]
    ) -> tuple[Principal, Any]:
        """Run a statement made by `with_caller` and make sure that it was compiled for the caller as of now.

        A refusal leaves the transaction as it should be left; any other exception costs the connection.
        """
        async with reading(self.runtime.engine, self.claims.tenant_id) as reader:
            try:
                return await self._fetch(reader, statement_for, values)
            except Problem as problem:
                refusal = problem
        raise refusal

    async def _fetch(
        self, reader: Reader, statement_for: Callable[[Principal], Statement], values: Mapping[str, Any]
    ) -> tuple[Principal, Any]:
        """What was known of the caller is only a guess: if the row says otherwise, ask again."""
        principals = self.runtime.principals
        known = principals.get(self.claims.session_id)
        if known is None:
            facts = await self._facts(reader)
            known = (facts, principals.remember(facts, self.claims))
        while True:
            facts, principal = known
            row = await reader.fetch_row(statement_for(principal), principal.binds() | dict(values))
            if row["facts"] == facts:
                return principal, row
            if row["facts"] is None:
                principals.forget(self.claims.session_id)
                raise unauthorized()
            known = (row["facts"], principals.remember(row["facts"], self.claims))

    async def _facts(self, reader: Reader) -> str:
        claims = self.claims
        row = await reader.fetch_row(FACTS, {"caller_tenant": claims.tenant_id, "caller_session": claims.session_id})
        if row["facts"] is None:
            raise unauthorized()
        return str(row["facts"])

    async def one(self, view: View, *, expand: str | None = None, fields: str | None = None, **values: Any) -> Response:
        """The one resource that the view finds, or 404."""
        include = chosen(expand, view.expansions, "expand")
        only = chosen(fields, view.fields, "fields")
        principal, row = await self.fetch(lambda principal: view.statement(principal.shape, include), values)
        reply = rendered(self.request, row, kept=only | include if only else frozenset())
        await self.record(principal, view.shown(principal, row, include))
        return reply

    async def record(self, principal: Principal, shown: Shown | None) -> None:
        """Let it be known who has looked, before anything is shown; nobody need know that one has looked at oneself."""
        if shown is not None:
            await self.runtime.looks.add(principal, self.request.scope, shown)


FACTS = Statement.compile(select(caller_facts().label("facts")))


def rendered(
    request: Request,
    row: Any,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    kept: frozenset[str] = frozenset(),
) -> Response:
    """The reply a view's row makes, cut to the fields in `kept` if there are any; 404 for no row."""
    if row["body"] is None:
        raise not_found()
    body = sparse(row["body"], kept) if kept else row["body"]
    return json_reply(request, body, row["version"], status=status, headers=headers)


def sparse(body: str, kept: frozenset[str]) -> str:
    """A JSON object, or a list of them, with the kept fields only.

    Cut here and not in SQL: every set of fields would be a statement of its own to compile, keep and plan.
    """
    found = json.loads(body)
    if isinstance(found, list):
        return compact_json([_cut(item, kept) for item in found])
    return compact_json(_cut(found, kept))


def _cut(item: dict[str, Any], kept: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name in kept}
