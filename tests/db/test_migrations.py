"""The migration history leads to the models, and back to nothing."""

from collections.abc import Callable

import asyncpg
import pytest

from app.db import migrate
from tests.databases import Database

pytestmark = pytest.mark.anyio

LEFT_OVER = """
SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relname !~ '^alembic_version'
UNION ALL SELECT p.proname FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
UNION ALL SELECT t.typname FROM pg_type t
WHERE t.typnamespace = 'public'::regnamespace AND t.typname !~ '^_?alembic_version$'
"""


@pytest.fixture
def empty(new_database: Callable[..., Database]) -> Database:
    return new_database(template=None)


@pytest.fixture
def down_and_up(empty: Database) -> Database:
    migrate.upgrade(empty.owner)
    migrate.downgrade(empty.owner, "base")
    migrate.upgrade(empty.owner)
    return empty


@pytest.fixture
def down(empty: Database) -> Database:
    migrate.upgrade(empty.owner)
    migrate.downgrade(empty.owner, "base")
    return empty


def test_the_models_and_the_migrated_schema_agree(down_and_up: Database) -> None:
    migrate.check(down_and_up.owner)


async def test_the_way_down_leaves_nothing(down: Database) -> None:
    connection = await asyncpg.connect(down.owner)
    try:
        assert [row[0] for row in await connection.fetch(LEFT_OVER)] == []
    finally:
        await connection.close()
