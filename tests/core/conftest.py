"""The tiny application, for the tests of the core."""

from collections.abc import MutableMapping
from typing import Any

import httpx
import pytest
import structlog
from fastapi import FastAPI
from structlog.testing import LogCapture

from app.core import middleware
from app.core.runtime import Runtime
from app.settings import Settings
from tests.core.tiny_app import Control, make_tiny_app
from tests.factories import World


@pytest.fixture(scope="session")
def tiny_app(settings: Settings, runtime: Runtime) -> FastAPI:
    return make_tiny_app(settings, runtime)


@pytest.fixture
def steering(tiny_app: FastAPI) -> Control:
    """Steers the handlers of the tiny application; new for each test."""
    made = tiny_app.state.control = Control()
    return made


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch) -> list[MutableMapping[str, Any]]:
    """What the middleware logs."""
    capture = LogCapture()
    made = structlog.wrap_logger(None, processors=[capture], wrapper_class=structlog.make_filtering_bound_logger(0))
    monkeypatch.setattr(middleware, "log", made)
    return capture.entries


@pytest.fixture
async def tiny(tiny_app: FastAPI, runtime: Runtime, steering: Control) -> World:
    """A world whose clients talk to the tiny application."""
    return await World.create(runtime, httpx.ASGITransport(tiny_app, raise_app_exceptions=False))


@pytest.fixture
async def twin(tiny_app: FastAPI, runtime: Runtime) -> World:
    return await World.create(runtime, httpx.ASGITransport(tiny_app, raise_app_exceptions=False))


@pytest.fixture
async def caller(tiny: World) -> httpx.AsyncClient:
    """Somebody signed in, talking to the tiny application."""
    return await tiny.client_for(await tiny.person("Cal", "Ler", role="teacher"))
