"""What a caller may not know of takes what the absent takes: the same statements, about the same time.

Time alone is a poor witness on a busy machine, so the work is counted: a request for what is hidden must send the
database the very statements, in the same order, that a request for what is not there does, lock as little, and write
nothing. What then remains, the time inside one statement, is held to a generous bound by medians of interleaved pairs.
"""

import statistics
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from asyncpg import prepared_stmt
from fastapi import FastAPI

from app.core.runtime import Runtime
from app.db.base import new_id
from tests.access.matrix import expected
from tests.access.principals import Principals
from tests.access.standing import PRINCIPALS
from tests.databases import Database
from tests.factories import World
from tests.openapi_contract import CheckedTransport
from tests.scene import SAMPLES, Scene

pytestmark = pytest.mark.anyio

WITHOUT = ["strange_counselor", "twin_admin", "restricted_guardian"]
"""They may know of nothing of the pupil's."""
WITHIN = ["teacher", "guardian", "advisor", "goal_grantee", "team_member", "school_admin", "service_plans.write"]
"""They know the pupil, and sections are hidden from them."""
PAIRS = 60
ROUNDS = 3
"""A round that a busy machine spoiled may be held again."""
LOCKED = (
    "plan", "goal", "action", "milestone", "progress_entry", "comment", "reflection", "profile_statement", "staff_note",
    "team_member", "caseload", "guardianship", "guardianship_restriction", "consent", "access_grant", "share_link",
    "break_glass", "delegation",
)  # fmt: skip
TIMED = [
    ("strange_counselor", "get_plan"),
    ("strange_counselor", "change_goal"),
    ("teacher", "get_reflection"),
    ("teacher", "list_consents"),
    ("second_counselor", "get_staff_note"),
    ("guardian", "list_restrictions"),
]


@pytest.fixture(scope="module")
async def principals(runtime: Runtime, transport: CheckedTransport, app: FastAPI) -> Principals:
    ours = await Scene.create(await World.create(runtime, transport, "Ours"), app)
    twin = await Scene.create(await World.create(runtime, transport, "Twin"), app)
    return Principals(ours, twin, transport)


@contextmanager
def statements() -> Iterator[list[str]]:
    """The statements that reach the database, through whichever of the driver's doors."""
    sent: list[str] = []
    patch = pytest.MonkeyPatch()

    def listen(owner: Any, method: str, text_of: Callable[..., str]) -> None:
        original = getattr(owner, method)

        async def noted(self: Any, *args: Any, **options: Any) -> Any:
            sent.append(text_of(self, *args))
            return await original(self, *args, **options)

        patch.setattr(owner, method, noted)

    for method in ("execute", "executemany", "fetch", "fetchrow", "fetchval"):
        listen(asyncpg.Connection, method, lambda _self, query, *_: query)
    for method in ("fetch", "fetchrow", "fetchval", "executemany", "fetchmany"):
        listen(prepared_stmt.PreparedStatement, method, lambda self, *_: self.get_query())
    try:
        yield sent
    finally:
        patch.undo()


def hidden_operations(name: str) -> list[str]:
    """What is not there for this principal."""
    who = PRINCIPALS[name]
    targets = {operation: sample.target for operation, sample in SAMPLES.items() if sample.target}
    return [operation for operation, target in targets.items() if expected(operation, target, who) == 404]


@pytest.mark.parametrize("name", [*WITHOUT, *WITHIN])
async def test_hidden_and_absent_send_the_same_statements(principals: Principals, name: str) -> None:
    client = await principals.client(name)
    operations = hidden_operations(name)
    assert len(operations) > 5
    for operation in operations:
        for _ in range(ROUNDS):
            hidden = await sent_for(principals, client, operation, None)
            absent = await sent_for(principals, client, operation, new_id())
            # Again if not: now and then a request reads the signing keys anew, or a connection learns a type.
            if hidden == absent:
                break
        assert hidden == absent, operation
        assert hidden, operation
        assert not any(is_change(statement) for statement in hidden), operation


async def sent_for(principals: Principals, client: httpx.AsyncClient, operation: str, target: UUID | None) -> list[str]:
    with statements() as sent:
        reply = await ask(principals, client, operation, target)
    assert reply.status_code == 404, (operation, reply.text)
    return sent


def is_change(statement: str) -> bool:
    """Whether the statement writes. What is hidden is not even locked: the lock is of rows that the caller reads."""
    return statement.lstrip().upper().startswith(("INSERT", "UPDATE", "DELETE"))


@asynccontextmanager
async def all_locked(database: Database, world: World) -> AsyncIterator[None]:
    """Somebody is changing all that is the pupil's."""
    connection = await asyncpg.connect(database.superuser)
    await connection.execute("SET idle_in_transaction_session_timeout = 0")
    async with connection.transaction():
        for table in LOCKED:
            await connection.fetch(f'SELECT FROM "{table}" WHERE tenant_id = $1 FOR UPDATE', world.tenant.id)
        yield
    await connection.close()


@pytest.mark.parametrize("name", ["strange_counselor", "goal_grantee"])
async def test_nobody_waits_for_the_lock_of_what_is_hidden(
    principals: Principals, database: Database, name: str
) -> None:
    """A wait, up to the lock's timeout and its 503, would tell that there is something."""
    client = await principals.client(name)
    async with all_locked(database, principals.world):
        for operation in hidden_operations(name):
            reply = await ask(principals, client, operation)
            assert reply.status_code == 404, (operation, reply.text)


@pytest.mark.parametrize(("name", "operation"), TIMED)
async def test_hidden_takes_about_as_long_as_absent(principals: Principals, name: str, operation: str) -> None:
    assert expected(operation, SAMPLES[operation].target, PRINCIPALS[name]) == 404
    client = await principals.client(name)
    ratios = []
    for _ in range(ROUNDS):
        ratios.append(await ratio(principals, client, operation))
        if 0.5 < ratios[-1] < 2:
            return
    pytest.fail(f"hidden by absent: {ratios}")


async def ratio(principals: Principals, client: httpx.AsyncClient, operation: str) -> float:
    """The median time for the hidden by that for the absent, asked in turns."""
    hidden: list[float] = []
    absent: list[float] = []
    for turn in range(PAIRS):
        pair = [(hidden, None), (absent, new_id())]
        for times, target in pair if turn % 2 else reversed(pair):
            began = time.perf_counter()
            await ask(principals, client, operation, target)
            times.append(time.perf_counter() - began)
    return float(statistics.median(hidden) / statistics.median(absent))


async def ask(principals: Principals, client: httpx.AsyncClient, operation: str, target: Any = None) -> httpx.Response:
    return await principals.scene.send(operation, client=client, target=target, is_trial=True)
