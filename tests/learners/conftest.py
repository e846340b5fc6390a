"""What the feed tells whom."""

from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest

from app.core.sequencer import PLANNING, number_events
from tests.databases import Database
from tests.factories import Identified, World
from tests.plans.people import read

Feed = Callable[[Identified], Awaitable[list[Any]]]


@pytest.fixture
def feed(world: World, database: Database) -> Feed:
    """Reads all events that somebody may see of what has happened so far."""

    async def fed(who: Identified) -> list[Any]:
        connection = await asyncpg.connect(database.system, server_settings=PLANNING)
        try:
            await number_events(connection)
        finally:
            await connection.close()
        items: list[Any] = (await read(await world.client_for(who), "/v1/changes"))["items"]
        return items

    return fed
