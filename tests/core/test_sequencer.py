"""The feed of changes loses nothing, however writers overlap and whatever happens to the sequencer."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta

import asyncpg
import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import func, select, text

from app.core import sequencer
from app.core.events import Event
from app.core.idempotency import IdempotencyKey
from app.core.sequencer import BATCH, LOCK, PLANNING, number_events, run_sequencer
from app.db.base import new_id
from app.identity.models import Session
from app.settings import Settings
from app.tables import metadata
from tests.conftest import settings_for
from tests.databases import Database
from tests.factories import World

pytestmark = pytest.mark.anyio

WRITERS = 8
PATIENCE = 20.0


def event(world: World, request_id: str = "r") -> Event:
    return Event(
        tenant_id=world.tenant.id,
        capacity="system",
        section="plan",
        entity_type="plan",
        entity_id=new_id(),
        action="create",
        changes={},
        request_id=request_id,
    )


class Feed:
    """A client that follows `GET /v1/changes`."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.after = 0
        self.seen: list[str] = []
        self.numbers: list[int] = []

    async def poll(self) -> None:
        while True:
            body = (await self.client.get(f"/v1/changes?after={self.after}")).json()
            self.seen += [item["request_id"] for item in body["items"]]
            self.numbers += [item["seq"] for item in body["items"]]
            self.after = body["next_after"]
            if not body["has_more"]:
                return


class NaiveFeed:
    """A client that asks for what came after the last instant it has seen."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.after = datetime(1970, 1, 1, tzinfo=UTC)
        self.seen: list[str] = []

    async def poll(self) -> None:
        async with self.world.transaction() as session:
            rows = list(await session.scalars(select(Event).where(Event.at > self.after).order_by(Event.at)))
        self.seen += [row.request_id for row in rows]
        self.after = max([self.after, *(row.at for row in rows)])


@pytest.fixture
async def feed(world: World) -> Feed:
    return Feed(await world.client_for(await world.district_admin()))


@pytest.fixture
async def system(database: Database) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database.system, server_settings=PLANNING)
    yield connection
    await connection.close()


@pytest.fixture
async def superuser(database: Database) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database.superuser)
    yield connection
    await connection.close()


@pytest.fixture
def quick(database: Database, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of a sequencer that tries again at once."""
    monkeypatch.setattr(sequencer, "RETRY_SECONDS", 0.01)
    return settings_for(database, sequencer_interval=0.005)


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[asyncio.Task[None]]:
    stop = asyncio.Event()
    task = asyncio.create_task(run_sequencer(settings, stop))
    try:
        yield task
    finally:
        stop.set()
        await task


async def eventually(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await condition():  # noqa: ASYNC110 (what we wait for happens in PostgreSQL)
            await asyncio.sleep(0.005)


async def holders(connection: asyncpg.Connection) -> list[int]:
    """The backends that hold the sequencer's lock."""
    rows = await connection.fetch(
        "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND objid = $1"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        LOCK,
    )
    return [row["pid"] for row in rows]


async def test_numbers_lose_nothing_where_instants_do(world: World, feed: Feed, system: asyncpg.Connection) -> None:
    """Eight writers that overlap, the first to begin being the last to commit."""
    naive = NaiveFeed(world)
    names = [f"w{n}" for n in range(WRITERS)]
    async with AsyncExitStack() as stack:
        open_writers = []
        for name in names:
            transaction = world.transaction()
            session = await stack.enter_async_context(transaction)
            session.add(event(world, name))
            await session.flush()
            open_writers.append(session)
        for session in reversed(open_writers):
            await session.commit()
            await number_events(system)
            await feed.poll()
            await naive.poll()
    assert sorted(feed.seen) == names
    assert feed.numbers == list(range(1, WRITERS + 1))
    assert naive.seen == names[-1:], "the naive cursor was to lose all but the first to commit"


async def test_nothing_is_lost_while_writers_sequencer_and_reader_run_freely(
    world: World, feed: Feed, quick: Settings
) -> None:
    rounds = 15

    async def write(writer: int) -> None:
        for n in range(rounds):
            async with world.transaction() as session:
                session.add_all([event(world, f"{writer}.{n}.{m}") for m in range(2)])

    async with running(quick):
        writers = asyncio.gather(*(write(writer) for writer in range(WRITERS)))
        while not writers.done():
            await feed.poll()
        await writers

        async def all_seen() -> bool:
            await feed.poll()
            return len(feed.seen) >= WRITERS * rounds * 2

        await eventually(all_seen)
    assert len(set(feed.seen)) == len(feed.seen) == WRITERS * rounds * 2
    assert feed.numbers == list(range(1, len(feed.seen) + 1))


async def test_tenants_are_numbered_apart_in_the_order_of_their_events(
    world: World, another_world: World, system: asyncpg.Connection
) -> None:
    many = BATCH + 10
    for each, count in ((world, many), (another_world, 3)):
        async with each.transaction() as session:
            await session.execute(
                text(
                    "INSERT INTO event (tenant_id, id, at, capacity, section, entity_type, entity_id, action, changes,"
                    " request_id) SELECT :tenant, gen_random_uuid(), timestamptz '2026-01-01' + n * interval '1 s',"
                    " 'system', 'plan', 'plan', gen_random_uuid(), 'create', '{}', n"
                    " FROM generate_series(1, :count) n"
                ),
                {"tenant": each.tenant.id, "count": count},
            )
    assert await number_events(system) >= many + 3
    for each, count in ((world, many), (another_world, 3)):
        async with each.transaction() as session:
            in_order = select(func.count()).where(Event.seq == func.cast(Event.request_id, Event.seq.type))
            assert await session.scalar(in_order) == count
            last = await session.scalar(text("SELECT last_event_seq FROM tenant"))
            assert last == count
    assert await number_events(system) == 0


async def test_the_feed_ends_where_nothing_is_new(world: World, feed: Feed, system: asyncpg.Connection) -> None:
    await world.add(event(world))
    await number_events(system)
    await feed.poll()
    body = (await feed.client.get("/v1/changes?after=1")).json()
    assert body == {"items": [], "next_after": 1, "has_more": False}
    assert (await feed.client.get(f"/v1/changes?after={2**63 - 1}")).json()["code"] == "invalid_cursor"


async def test_an_event_without_a_number_is_not_in_the_feed_yet(world: World, feed: Feed) -> None:
    await world.add(event(world))
    await feed.poll()
    assert (feed.seen, feed.after) == ([], 0)


async def test_a_caller_gets_past_what_is_hidden_from_it(world: World, system: asyncpg.Connection) -> None:
    await world.add(event(world))
    await number_events(system)
    stranger = Feed(await world.client_for(await world.person()))
    await stranger.poll()
    assert (stranger.seen, stranger.after) == ([], 1)


async def test_of_two_sequencers_one_works_and_the_other_takes_over(
    world: World, feed: Feed, quick: Settings, superuser: asyncpg.Connection
) -> None:
    async with running(quick), running(quick):

        async def one_holds_the_lock() -> bool:
            return len(await holders(superuser)) == 1

        await eventually(one_holds_the_lock)
        await world.add(event(world, "before"))
        (first,) = await holders(superuser)
        await superuser.execute("SELECT pg_terminate_backend($1)", first)

        async def another_holds_the_lock() -> bool:
            return bool(pids := await holders(superuser)) and pids != [first]

        await eventually(another_holds_the_lock)
        await world.add(event(world, "after"))

        async def all_seen() -> bool:
            await feed.poll()
            return len(feed.seen) == 2

        await eventually(all_seen)
    assert feed.seen == ["before", "after"]
    assert feed.numbers == [1, 2]


async def test_a_sequencer_survives_the_loss_of_its_connection(
    world: World, feed: Feed, quick: Settings, superuser: asyncpg.Connection
) -> None:
    async with running(quick) as task:
        for round_ in (1, 2):

            async def is_working() -> bool:
                return bool(await holders(superuser))

            await eventually(is_working)
            for pid in await holders(superuser):
                await superuser.execute("SELECT pg_terminate_backend($1, 5000)", pid)
            await world.add(event(world, str(round_)))
        assert not task.done()

        async def all_seen() -> bool:
            await feed.poll()
            return len(feed.seen) == 2

        await eventually(all_seen)


async def test_a_process_without_the_system_role_numbers_nothing(database: Database) -> None:
    await run_sequencer(settings_for(database, system_database_url=None), asyncio.Event())


async def test_a_sequencer_stops_although_the_database_is_away(quick: Settings, database: Database) -> None:
    away = settings_for(database, system_database_url=SecretStr("postgresql://nobody@127.0.0.1:1/none"))
    async with running(away) as task:
        await asyncio.sleep(0)
        assert not task.done()


async def test_housekeeping_removes_what_is_old_and_nothing_else(
    world: World, quick: Settings, superuser: asyncpg.Connection
) -> None:
    now = datetime.now(UTC)
    account = await world.account(await world.person())
    kept = {(await world.session(account)).id, (await world.session(account, ended_at=now)).id}
    await world.session(account, expires_at=now - timedelta(days=31))
    await world.session(account, ended_at=now - timedelta(days=31))
    for days in (89, 91):
        await world.add(
            IdempotencyKey(
                tenant_id=world.tenant.id,
                owner_id=account.id,
                key_hash=bytes([days]),
                request_hash=b"",
                reply_sealed=b"",
                created_at=now - timedelta(days=days),
            )
        )
    async with running(quick):

        async def is_clean() -> bool:
            async with world.transaction() as session:
                return await session.scalar(select(func.count()).select_from(Session)) == len(kept)

        await eventually(is_clean)
    async with world.transaction() as session:
        assert set(await session.scalars(select(Session.id))) == kept
        assert list(await session.scalars(select(IdempotencyKey.key_hash))) == [bytes([89])]


async def test_the_system_role_may_do_its_work_and_no_more(superuser: asyncpg.Connection) -> None:
    rows = await superuser.fetch(
        "SELECT table_name, privilege_type FROM information_schema.table_privileges WHERE grantee = 'plp_system'"
    )
    granted: dict[str, set[str]] = {}
    for row in rows:
        granted.setdefault(row["table_name"], set()).add(row["privilege_type"])
    swept = {"idempotency_key", "session", "client_assertion", "sign_in_failure", "credential_token"}
    expected = {name: {"SELECT", "DELETE"} for name in swept} | {"event": {"SELECT"}, "tenant": {"SELECT"}}
    assert granted == expected
    assert set(granted) <= set(metadata.tables)
    columns = await superuser.fetch(
        "SELECT table_name, column_name FROM information_schema.column_privileges"
        " WHERE grantee = 'plp_system' AND privilege_type = 'UPDATE'"
    )
    assert {tuple(row) for row in columns} == {("event", "seq"), ("tenant", "last_event_seq")}
