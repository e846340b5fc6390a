"""A durable PostgreSQL of this folder's own, a database for each test, and the service as a process."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from uuid import UUID

import httpx
import pytest

from app.db import embedded, migrate
from app.db.embedded import Server
from app.identity.keys import ensure_keys
from app.learners.models import Learner
from app.main import make_runtime
from app.settings import Settings
from tests import databases
from tests.conftest import settings_for
from tests.databases import TEMPLATE, Database
from tests.factories import World
from tests.faults.harness import Service, free_port


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that keeps what it acknowledged; tests crash it and leave it running."""
    place = tmp_path_factory.mktemp("durable")
    started = embedded.start(place)
    started.create_database(TEMPLATE)
    migrate.upgrade(started.url("plp_owner", TEMPLATE))
    yield started
    embedded.start(place).destroy()  # a test that failed may have left it stopped


@pytest.fixture(scope="package")
def database(server: Server) -> Iterator[Database]:
    with databases.database(server, "faults") as made:
        yield made


@pytest.fixture(scope="package")
def settings(database: Database) -> Settings:
    return settings_for(database, public_url=f"http://127.0.0.1:{free_port()}", pool_size=4, pool_overflow=4)


@dataclass
class People:
    """A learner with a plan and a counselor, and tokens of both and of an administrator."""

    world: World
    learner: Learner
    plan_id: UUID
    learner_token: str
    counselor_token: str


@pytest.fixture
async def people(settings: Settings) -> AsyncIterator[People]:
    runtime = make_runtime(settings)
    async with runtime.sessions() as session, session.begin():
        await ensure_keys(session, runtime.keyring)
    world = await World.create(runtime, httpx.AsyncHTTPTransport())
    learner = await world.learner()
    plan = await world.plan(learner)
    counselor = await world.staff_of(learner)
    tokens = [await world.token_for(person) for person in (learner, counselor)]
    yield People(world, learner, plan.id, *tokens)
    runtime.hasher.close()
    await runtime.engine.dispose()


@pytest.fixture(scope="package")
def process(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    made = Service(settings, tmp_path_factory.mktemp("service") / "log")
    yield made
    made.kill()


@pytest.fixture
async def service(process: Service, people: People) -> AsyncIterator[Service]:
    """The service, serving; a test may kill it. Whatever tests do to it, it never answers 500."""
    if not process.is_running:
        await process.start()
    yield process
    assert "request_failed" not in process.log.read_text()
