"""Compiles a reply's schema and SQL expressions into one `json_build_object`, so that the database writes the reply.

The compiler refuses, when the module that declares a projection is imported, a schema field without an expression,
an expression without a field, and a SQL type that has no fixed JSON form or not the one the field promises. Forms:
instants `2026-01-31T12:00:00.000000Z`, decimals as strings, dates ISO, lists never null, `json_agg` always ordered.
"""

import types
import typing
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from pydantic import MISSING, BaseModel
from sqlalchemy import (
    Boolean,
    ColumnElement,
    Date,
    DateTime,
    Integer,
    Numeric,
    Select,
    String,
    Text,
    Uuid,
    case,
    cast,
    func,
    literal_column,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSON, JSONB, aggregate_order_by
from sqlalchemy.sql.elements import ColumnClause

from app.db.base import Sql

EMPTY_LIST: ColumnClause[Any] = literal_column("'[]'::json", JSON())
INSTANT_FORMAT = """'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'"""


class ProjectionError(TypeError):
    """A projection that does not keep its schema's promise."""


@dataclass(frozen=True)
class Many:
    """A list of nested objects: the rows of `source` (a select's FROM and WHERE), always ordered."""

    projection: "Projection"
    source: Select[Any]
    order_by: Sequence[Sql]

    def json(self, include: Collection[str]) -> ColumnElement[Any]:
        if not self.order_by:
            raise ProjectionError(f"a list of {self.projection.schema.__name__} has no order")
        body = self.projection.json(include)
        rows = self.source.with_only_columns(func.json_agg(aggregate_order_by(body, *self.order_by)))
        return func.coalesce(rows.scalar_subquery(), EMPTY_LIST)


@dataclass(frozen=True)
class One:
    """A nested object of the same row, or null where `present` is false."""

    projection: "Projection"
    present: ColumnElement[bool] | None = None
    source: Select[Any] | None = None

    def json(self, include: Collection[str]) -> ColumnElement[Any]:
        body = self.projection.json(include)
        if self.source is not None:
            return self.source.with_only_columns(body).scalar_subquery()
        return body if self.present is None else case((self.present, body))


@dataclass(frozen=True)
class Raw:
    """An expression that is JSON already (the available actions, say); its author answers for its form."""

    expression: ColumnElement[Any]


@dataclass(frozen=True)
class Projection:
    """How the fields of `schema` are computed. `expand` is given to `json` as dotted paths of optional fields."""

    schema: type[BaseModel]
    columns: Mapping[str, Any]
    _annotations: dict[str, Any] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        declared, given = set(self.schema.model_fields), set(self.columns)
        if declared != given:
            missing, unknown = sorted(declared - given), sorted(given - declared)
            raise ProjectionError(f"{self.schema.__name__}: no expression for {missing}, no field for {unknown}")
        hints = typing.get_type_hints(self.schema)
        for name, expression in self.columns.items():
            self._annotations[name] = hints[name]
            _check(f"{self.schema.__name__}.{name}", hints[name], expression)

    def optional(self) -> frozenset[str]:
        """The fields that are absent unless asked for or allowed."""
        return frozenset(name for name, hint in self._annotations.items() if MISSING in typing.get_args(hint))

    def json(self, include: Collection[str] = ()) -> ColumnElement[Any]:
        """The reply as one SQL expression of type json.

        Optional fields only where `include` names them (dotted paths reach into nested ones).
        """
        optional = self.optional()
        pairs: list[ColumnElement[Any]] = []
        for name, expression in self.columns.items():
            if name in optional and name not in include:
                continue
            inner = {path.removeprefix(name + ".") for path in include if path.startswith(name + ".")}
            pairs.append(literal_column(f"'{name}'"))
            pairs.append(_json(expression, inner))
        return func.json_build_object(*pairs, type_=JSON())


def _json(expression: Any, include: Collection[str]) -> ColumnElement[Any]:
    if isinstance(expression, Many | One):
        return expression.json(include)
    if isinstance(expression, Raw):
        return expression.expression
    kind = expression.type
    if isinstance(kind, DateTime):
        return func.to_char(func.timezone(literal_column("'UTC'"), expression), literal_column(INSTANT_FORMAT))
    if isinstance(kind, Numeric):
        return cast(func.trim_scale(expression), Text)
    if isinstance(kind, ARRAY):
        return func.coalesce(func.to_json(expression), EMPTY_LIST)
    return expression  # type: ignore[no-any-return]


def _check(where: str, hint: Any, expression: Any) -> None:
    is_nullable, wanted = _unwrap(hint)
    if isinstance(expression, Raw):
        return
    if isinstance(expression, Many):
        if typing.get_origin(wanted) is not list or typing.get_args(wanted)[0] is not expression.projection.schema:
            raise ProjectionError(
                f"{where}: declared {wanted}, given a list of {expression.projection.schema.__name__}"
            )
        return
    if isinstance(expression, One):
        if wanted is not expression.projection.schema:
            raise ProjectionError(f"{where}: declared {wanted}, given {expression.projection.schema.__name__}")
        if expression.present is not None and not is_nullable:
            raise ProjectionError(f"{where}: the object may be absent, the field may not be null")
        return
    allowed = _python_types(where, expression.type)
    if not _is_one_of(wanted, allowed):
        raise ProjectionError(f"{where}: declared {wanted}, but {expression.type!r} gives {allowed}")
    column = getattr(expression, "nullable", None)
    if column and not is_nullable and not isinstance(expression.type, ARRAY):
        raise ProjectionError(f"{where}: the column may be null, the field may not")


def _unwrap(hint: Any) -> tuple[bool, Any]:
    """The hint without its annotations, null and MISSING; and whether it allows null."""
    if typing.get_origin(hint) is typing.Annotated:
        return _unwrap(typing.get_args(hint)[0])
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        parts = [part for part in typing.get_args(hint) if part is not MISSING]
        rest = [part for part in parts if part is not type(None)]
        if len(rest) != 1:
            raise ProjectionError(f"a field of several types has no projection: {hint}")
        _, wanted = _unwrap(rest[0])
        return len(rest) < len(parts), wanted
    return False, hint


def _python_types(where: str, kind: Any) -> tuple[Any, ...]:
    known: tuple[tuple[type[Any] | tuple[type[Any], ...], tuple[Any, ...]], ...] = (
        (Uuid, (UUID,)),
        (DateTime, (datetime,)),
        (Date, (date,)),
        (Boolean, (bool,)),
        (Integer, (int,)),
        ((String, Text), (str,)),
        ((JSONB, JSON), (dict,)),
    )
    if isinstance(kind, DateTime) and not kind.timezone:
        raise ProjectionError(f"{where}: an instant without a time zone has no JSON form")
    if type(kind) is Numeric:
        return (Decimal,)
    if isinstance(kind, ARRAY) and isinstance(kind.item_type, String):
        return (list[str],)
    for sql, python in known:
        if isinstance(kind, sql):
            return python
    raise ProjectionError(f"{where}: the SQL type {kind!r} has no JSON form")


def _is_one_of(wanted: Any, allowed: tuple[Any, ...]) -> bool:
    if typing.get_origin(wanted) is Literal:
        return all(type(value) in allowed for value in typing.get_args(wanted))
    if typing.get_origin(wanted) is dict:
        return dict in allowed
    return wanted in allowed
