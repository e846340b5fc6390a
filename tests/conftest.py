"""What every test stands on: the run's database server, one application per worker, and a world of its own."""

import itertools
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from pydantic import SecretStr

from app.core.runtime import Runtime
from app.db.embedded import Server
from app.identity.keys import ensure_keys
from app.identity.models import Tenant
from app.main import create_app
from app.settings import Settings
from tests import databases
from tests.blinding import blind_to as blind_to
from tests.databases import Database
from tests.factories import BASE_URL, World
from tests.openapi_contract import CheckedTransport, Contract

SECRET_KEY = "a secret of the tests, long enough and no more"
PLACE = pytest.StashKey[Path]()

_relaxed: dict[str, Any] = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
}
hypothesis_settings.register_profile("ci", max_examples=50, derandomize=True, **_relaxed)
hypothesis_settings.register_profile("nightly", max_examples=2000, **_relaxed)
hypothesis_settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def pytest_configure(config: pytest.Config) -> None:
    given = getattr(config, "workerinput", {}).get("place")
    config.stash[PLACE] = Path(given) if given else databases.make_place()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist where the run's server is."""
    node.workerinput["place"] = str(node.config.stash[PLACE])


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput") and PLACE in config.stash:
        databases.remove_place(config.stash[PLACE])


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def server(pytestconfig: pytest.Config) -> Server:
    """The run's PostgreSQL. Tests that stop or crash a server start one of their own."""
    return databases.shared_server(pytestconfig.stash[PLACE])


@pytest.fixture(scope="session")
def worker(pytestconfig: pytest.Config) -> str:
    return str(getattr(pytestconfig, "workerinput", {}).get("workerid", "main"))


@pytest.fixture(scope="session")
def database(server: Server, worker: str) -> Iterator[Database]:
    """This worker's migrated database."""
    with databases.database(server, worker) as made:
        yield made


_numbers = itertools.count(1)


@pytest.fixture
def new_database(server: Server, worker: str) -> Iterator[Callable[..., Database]]:
    """Makes databases of a test's own: `new_database()` is migrated, `new_database(template=None)` is empty."""
    with ExitStack() as stack:

        def make(template: str | None = databases.TEMPLATE) -> Database:
            name = f"{worker}_{next(_numbers)}"
            return stack.enter_context(databases.database(server, name, template))

        yield make


def settings_for(database: Database, **changes: Any) -> Settings:
    """Settings for a database, patient with a busy machine."""
    values: dict[str, Any] = {
        "database_url": SecretStr(database.app),
        "migration_database_url": SecretStr(database.owner),
        "system_database_url": SecretStr(database.system),
        "secret_key": SecretStr(SECRET_KEY),
        "public_url": BASE_URL,
        "pool_size": 5,
        "pool_overflow": 10,
        "pool_timeout": 20.0,
        "connect_timeout": 20.0,
        "statement_timeout": 20.0,
        "lock_timeout": 10.0,
    }
    return Settings(**values | changes)


@pytest.fixture(scope="session")
def settings(database: Database) -> Settings:
    return settings_for(database, answer_within=20.0)


@pytest.fixture(scope="session")
async def app(settings: Settings, anyio_backend: str) -> AsyncIterator[FastAPI]:
    """The application, without its lifespan: no sequencer runs. Alive for the session, and with it one event loop."""
    application = create_app(settings)
    runtime: Runtime = application.state.runtime
    async with runtime.sessions() as session, session.begin():
        await ensure_keys(session, runtime.keyring)
    yield application
    runtime.hasher.close()
    await runtime.engine.dispose()


@pytest.fixture(scope="session")
def runtime(app: FastAPI) -> Runtime:
    made: Runtime = app.state.runtime
    return made


@pytest.fixture(scope="session")
def transport(app: FastAPI) -> CheckedTransport:
    """The way to the application for every client of the suite."""
    return CheckedTransport(app, Contract(app))


@pytest.fixture
def client(transport: CheckedTransport) -> httpx.AsyncClient:
    """A client that has not signed in."""
    return httpx.AsyncClient(transport=transport, base_url=BASE_URL)


@pytest.fixture
async def world(runtime: Runtime, transport: CheckedTransport) -> World:
    """A tenant of the test's own, with a district and a school, and the means to people it."""
    return await World.create(runtime, transport, "World")


@pytest.fixture
async def another_world(runtime: Runtime, transport: CheckedTransport) -> World:
    """Another tenant, from which nothing of `world` may be seen."""
    return await World.create(runtime, transport, "Another world")


@pytest.fixture
def tenant(world: World) -> Tenant:
    return world.tenant
