"""What a log line says of an exception."""

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.core.logging import described
from app.core.runtime import Runtime

pytestmark = pytest.mark.anyio


SECRET = "our " + "secret"
"""In two pieces: a trace shows source lines."""


async def insert_refused(runtime: Runtime) -> None:
    async with runtime.engine.connect() as connection:
        await connection.execute(text("CREATE TEMP TABLE kept (words text CHECK (length(words) < 3))"))
        await connection.execute(text("INSERT INTO kept VALUES (:words)"), {"words": SECRET})


async def test_a_database_refusal_is_logged_without_the_row_it_quotes(runtime: Runtime) -> None:
    with pytest.raises(DBAPIError) as refused:
        await insert_refused(runtime)
    line = described(refused.value)
    assert (line["sqlstate"], line["constraint"]) == ("23514", "kept_words_check")
    assert "insert_refused" in line["stack"]
    assert SECRET not in str(line)


async def divide_by_zero(runtime: Runtime) -> None:
    async with runtime.engine.connect() as connection:
        await connection.execute(text("SELECT length(:words) / 0"), {"words": SECRET})


async def test_parameters_are_in_no_error_text(runtime: Runtime) -> None:
    with pytest.raises(DBAPIError) as refused:
        await divide_by_zero(runtime)
    assert SECRET not in str(refused.value)


def test_another_exception_is_logged_with_its_trace() -> None:
    error = KeyError("name")
    assert described(error) == {"exc_info": error}


def test_the_cause_decides() -> None:
    try:
        try:
            raise asyncpg.UniqueViolationError("Key (email)=(ada@example) already exists")
        except asyncpg.UniqueViolationError as inner:
            raise RuntimeError("could not") from inner
    except RuntimeError as error:
        line = described(error)
    assert (line["sqlstate"], line["error"]) == ("23505", "RuntimeError < UniqueViolationError")
    assert "ada" not in str(line)
