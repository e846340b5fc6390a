"""What the compiler refuses, and that PostgreSQL writes what Pydantic reads."""

import json
import re
from collections.abc import AsyncIterator, Collection, Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import MISSING, BaseModel, Field
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Date,
    DateTime,
    Double,
    Integer,
    Interval,
    LargeBinary,
    MetaData,
    Numeric,
    Table,
    Text,
    Uuid,
    func,
    insert,
    literal,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.schema import CreateTable

from app.core.runtime import Runtime
from app.db.projection import Many, One, Projection, ProjectionError, Raw
from app.plans.models import Goal, Plan

pytestmark = pytest.mark.anyio

BATCH = 20
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
PLAIN_DECIMAL = re.compile(r"-?(0|[1-9]\d*)(\.\d*[1-9])?")

sample = Table(
    "sample",
    MetaData(),
    Column("n", Integer),
    Column("uid", Uuid(), nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("maybe_at", DateTime(timezone=True)),
    Column("on", Date(), nullable=False),
    Column("amount", Numeric(14, 4), nullable=False),
    Column("maybe_amount", Numeric(14, 4)),
    Column("count", BigInteger(), nullable=False),
    Column("flag", Boolean(), nullable=False),
    Column("text", Text(), nullable=False),
    Column("maybe_text", Text()),
    Column("words", ARRAY(Text()), nullable=False),
    Column("maybe_words", ARRAY(Text())),
    Column("extra", JSONB(), nullable=False),
    Column("naive", DateTime()),
    Column("number", Double()),
    Column("span", Interval()),
    Column("blob", LargeBinary()),
    prefixes=["TEMPORARY"],
    postgresql_on_commit="DROP",
)


class Sample(BaseModel):
    uid: UUID
    at: datetime
    maybe_at: datetime | None
    on: date
    amount: Decimal
    maybe_amount: Decimal | None
    count: int
    flag: bool
    text: str
    maybe_text: str | None
    words: list[str]
    maybe_words: list[str]
    extra: dict[str, Any]


ROW: dict[str, Any] = {
    "uid": UUID(int=1),
    "at": datetime(2026, 1, 31, 12, tzinfo=UTC),
    "on": date(2026, 1, 31),
    "amount": Decimal("72.5"),
    "count": 1,
    "flag": True,
    "text": "",
    "words": [],
    "extra": {},
}
PROJECTION = Projection(Sample, {name: sample.c[name] for name in Sample.model_fields})

# What PostgreSQL can hold: no NUL, no lone surrogates; instants and dates of four-digit years.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
instants = st.datetimes(
    min_value=datetime(1, 1, 3), max_value=datetime(9999, 12, 29),  # noqa: DTZ001
    timezones=st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)  # fmt: skip
quantities = st.decimals(
    min_value=Decimal(-(10**10)) + 1, max_value=Decimal(10**10) - 1, places=4, allow_nan=False, allow_infinity=False
)
values = st.fixed_dictionaries(
    {
        "uid": st.uuids(),
        "at": instants,
        "maybe_at": st.none() | instants,
        "on": st.dates(),
        "amount": quantities,
        "maybe_amount": st.none() | quantities,
        "count": st.integers(-(2**63), 2**63 - 1),
        "flag": st.booleans(),
        "text": texts,
        "maybe_text": st.none() | texts,
        "words": st.lists(texts, max_size=4),
        "maybe_words": st.none() | st.lists(texts, max_size=4),
        "extra": st.dictionaries(texts, st.none() | st.booleans() | texts | st.lists(texts, max_size=2), max_size=3),
    }
)


@pytest.fixture
async def connection(runtime: Runtime) -> AsyncIterator[AsyncConnection]:
    """A connection with the table `sample`, which ends with the transaction."""
    async with runtime.engine.connect() as made, made.begin() as transaction:
        await made.execute(CreateTable(sample))
        yield made
        await transaction.rollback()


async def rendered(connection: AsyncConnection, expression: ColumnElement[Any], *order: Any) -> list[str]:
    rows = await connection.execute(select(expression.cast(Text)).select_from(sample).order_by(*order or (sample.c.n,)))
    return [row[0] for row in rows]


@given(rows=st.lists(values, min_size=1, max_size=BATCH))
async def test_postgresql_writes_what_pydantic_reads(connection: AsyncConnection, rows: list[dict[str, Any]]) -> None:
    await connection.execute(text("TRUNCATE sample"))
    await connection.execute(insert(sample), [{"n": n, **row} for n, row in enumerate(rows)])
    bodies = await rendered(connection, PROJECTION.json())
    assert len(bodies) == len(rows)
    for row, body in zip(rows, bodies, strict=True):
        read = Sample.model_validate_json(body, strict=True)
        assert read.model_dump() == {**row, "maybe_words": row["maybe_words"] or []}
        assert_forms(json.loads(body))


def assert_forms(body: dict[str, Any]) -> None:
    """One form each, whatever the value."""
    for name in ("at", "maybe_at"):
        assert body[name] is None or INSTANT.fullmatch(body[name]), body[name]
    for name in ("amount", "maybe_amount"):
        assert body[name] is None or PLAIN_DECIMAL.fullmatch(body[name]), body[name]
    assert body["on"] == date.fromisoformat(body["on"]).isoformat()


async def test_the_reply_says_utc_wherever_the_connection_is(connection: AsyncConnection) -> None:
    await connection.execute(text("SET LOCAL TimeZone = 'America/New_York'"))
    await connection.execute(insert(sample), ROW)

    class At(BaseModel):
        at: datetime

    assert await rendered(connection, Projection(At, {"at": sample.c.at}).json()) == [
        '{"at" : "2026-01-31T12:00:00.000000Z"}'
    ]


# Lists, nested objects, optional fields


class Word(BaseModel):
    text: str


class Sentence(BaseModel):
    n: int
    words: list[Word]


class Page(BaseModel):
    title: str
    word: Word | None
    sentences: list[Sentence] | MISSING
    note: str | MISSING | None


def page(present: bool = True) -> Projection:
    word = Projection(Word, {"text": sample.c.text})
    words = Many(word, select().select_from(sample).where(sample.c.n < 3), [sample.c.n.desc()])
    sentence = Projection(Sentence, {"n": literal(7), "words": words})
    one_row = select(literal(1).label("one")).subquery()
    return Projection(
        Page,
        {
            "title": literal("T"),
            "word": One(Projection(Word, {"text": literal("W")}), present=literal(present)),
            "sentences": Many(sentence, select().select_from(one_row), [one_row.c.one]),
            "note": literal(None, Text()),
        },
    )


async def body_of(connection: AsyncConnection, projection: Projection, include: Collection[str] = ()) -> Any:
    return json.loads((await connection.execute(select(projection.json(include).cast(Text)))).scalar_one())


@pytest.fixture
async def words(connection: AsyncConnection) -> AsyncConnection:
    rows = [{**ROW, "n": n, "text": word} for n, word in enumerate(("one", "two", "three"), 1)]
    await connection.execute(insert(sample), rows)
    return connection


async def test_an_optional_field_is_absent_unless_included(words: AsyncConnection) -> None:
    assert await body_of(words, page()) == {"title": "T", "word": {"text": "W"}}
    assert await body_of(words, page(), {"note"}) == {"title": "T", "word": {"text": "W"}, "note": None}


async def test_lists_are_ordered_as_declared(words: AsyncConnection) -> None:
    body = await body_of(words, page(), {"sentences"})
    assert body["sentences"] == [{"n": 7, "words": [{"text": "two"}, {"text": "one"}]}]


async def test_an_empty_list_is_a_list(connection: AsyncConnection) -> None:
    assert (await body_of(connection, page(), {"sentences"}))["sentences"] == [{"n": 7, "words": []}]


async def test_an_object_that_is_not_there_is_null(words: AsyncConnection) -> None:
    assert (await body_of(words, page(present=False)))["word"] is None


async def test_include_reaches_into_nested_objects(words: AsyncConnection) -> None:
    class Inner(BaseModel):
        secret: str | MISSING

    class Outer(BaseModel):
        inner: Inner

    outer = Projection(Outer, {"inner": One(Projection(Inner, {"secret": literal("s")}))})
    assert await body_of(words, outer) == {"inner": {}}
    assert await body_of(words, outer, {"inner.secret"}) == {"inner": {"secret": "s"}}


# What is refused when the module is imported


def refusals() -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    yield "a field without an expression", {"a": int, "b": int}, {"a": sample.c.n}
    yield "an expression without a field", {"a": int | None}, {"a": sample.c.n, "b": sample.c.n}
    yield "another type", {"a": str | None}, {"a": sample.c.n}
    yield "a float for a decimal", {"a": float}, {"a": sample.c.amount}
    yield "a decimal for an integer", {"a": Decimal}, {"a": sample.c.count}
    yield "a nullable column, a field that is never null", {"a": int}, {"a": sample.c.n}
    yield "a nullable ORM column", {"a": str}, {"a": Plan.vision}
    yield "an instant without a zone", {"a": datetime | None}, {"a": sample.c.naive}
    yield "a double", {"a": float | None}, {"a": sample.c.number}
    yield "an interval", {"a": timedelta | None}, {"a": sample.c.span}
    yield "bytes", {"a": bytes | None}, {"a": sample.c.blob}
    yield "a function of unknown type", {"a": str}, {"a": func.some_function(sample.c.text)}
    yield "a list of integers", {"a": list[int]}, {"a": literal([1], ARRAY(Integer()))}
    yield "two types", {"a": int | str}, {"a": sample.c.n}
    yield "words that are not all text", {"a": Literal["x", 1]}, {"a": sample.c.text}
    one = Projection(Word, {"text": sample.c.text})
    yield "one object for a list", {"a": list[Word]}, {"a": One(one)}
    yield "a list for one object", {"a": Word}, {"a": Many(one, select().select_from(sample), [sample.c.n])}
    yield "objects of another schema", {"a": list[Sample]}, {"a": Many(one, select(), [sample.c.n])}
    yield "an object that may be absent", {"a": Word}, {"a": One(one, present=sample.c.flag)}


@pytest.mark.parametrize(("fields", "columns"), [pytest.param(*rest, id=name) for name, *rest in refusals()])
def test_a_projection_that_breaks_its_schemas_promise_is_refused(
    fields: dict[str, Any], columns: dict[str, Any]
) -> None:
    schema = type("Schema", (BaseModel,), {"__annotations__": fields})
    with pytest.raises(ProjectionError):
        Projection(schema, columns)


def test_a_list_without_an_order_is_refused() -> None:
    one = Projection(Word, {"text": sample.c.text})

    class Listed(BaseModel):
        a: list[Word]

    with pytest.raises(ProjectionError):
        Projection(Listed, {"a": Many(one, select().select_from(sample), [])}).json()


def test_what_keeps_the_promise_is_accepted() -> None:
    class Good(BaseModel):
        id: UUID
        status: Literal["draft", "active"]
        vision: str | None
        title: Annotated[str, Field(description="The title.")]
        target: Annotated[Decimal | None, Field(description="Where to.")]
        extra: dict[str, Any]
        raw: list[str]
        optional: Annotated[str | MISSING, Field(description="Perhaps.")]

    projection = Projection(
        Good,
        {
            "id": Plan.id,
            "status": Plan.status,
            "vision": Plan.vision,
            "title": Plan.title,
            "target": Goal.target,
            "extra": sample.c.extra,
            "raw": Raw(literal("[]")),
            "optional": Plan.title,
        },
    )
    assert projection.optional() == {"optional"}
