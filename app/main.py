"""create_app(): middleware, handlers, routers, lifespan. No logic."""

import asyncio
import functools
import gc
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.staticfiles import StaticFiles
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse

from app import __version__
from app.api import ROUTERS
from app.core.cors import Cors
from app.core.errors import Problem, not_found, problem_response, validation_problem
from app.core.logging import configure_logging
from app.core.looks import keep_writing
from app.core.metrics import Metrics
from app.core.middleware import RequestMiddleware, method_not_allowed
from app.core.openapi import build_document
from app.core.passwords import PasswordHasher
from app.core.replies import json_reply
from app.core.runtime import Runtime
from app.core.secrets import Keyring
from app.core.security import TokenVerifier
from app.core.sequencer import run_sequencer
from app.db.engine import create_engine
from app.identity.keys import SigningKeys
from app.settings import Settings

DOCS_ASSETS = Path(__file__).parent / "docs_assets"
TAGS = [
    {"name": "auth", "description": "Signing in and out."},
    {"name": "accounts", "description": "Who can sign in."},
    {"name": "service-clients", "description": "Programs that act for the tenant."},
    {"name": "me", "description": "The caller."},
    {"name": "learners", "description": "Whose plans these are."},
    {"name": "classes", "description": "Classes, as the roster has them."},
    {"name": "plans", "description": "Plans and their way from draft to archive."},
    {"name": "goals", "description": "Goals, their milestones, actions and progress."},
    {"name": "comments", "description": "What people say about a plan or a goal."},
    {"name": "reflections", "description": "What the learner thinks of the way so far, shared or private."},
    {"name": "sharing", "description": "Who may see a plan, why, and who has looked."},
    {"name": "competencies", "description": "Frameworks and their competencies, in CASE's words."},
    {"name": "changes", "description": "What changed since a number, for delta sync."},
]


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application. Without settings they come from the environment."""
    settings = settings or Settings()
    configure_logging(settings.log_level)
    app = FastAPI(
        title="Personalized Learning Plans",
        version=__version__,
        lifespan=_lifespan,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        openapi_tags=TAGS,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.runtime = make_runtime(settings)
    app.state.metrics = Metrics()
    _add_layers(app, settings)
    # Included routers are matched twice by FastAPI, through a context of their own; plain routes once.
    for router in ROUTERS:
        app.router.routes.extend(router.routes)
    _add_documents(app)
    return app


def make_runtime(settings: Settings) -> Runtime:
    engine = create_engine(settings)
    keyring = Keyring(settings.secret_key.get_secret_value().encode())
    return Runtime(
        settings=settings,
        engine=engine,
        keyring=keyring,
        keys=SigningKeys(engine, keyring, settings.issuer),
        hasher=PasswordHasher(patience=settings.hash_wait),
        verifier=TokenVerifier(settings.issuer, settings.issuer),
    )


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    runtime: Runtime = app.state.runtime
    stop = asyncio.Event()
    sequencer = asyncio.create_task(run_sequencer(runtime.settings, stop))
    looks = asyncio.create_task(keep_writing(runtime.looks, runtime.settings.looks_interval, stop))
    gc.collect()
    gc.freeze()
    yield
    stop.set()
    await sequencer
    await looks
    runtime.hasher.close()
    await runtime.engine.dispose()


def _add_layers(app: FastAPI, settings: Settings) -> None:
    if settings.allowed_origins:
        app.add_middleware(Cors, origins=settings.allowed_origins)
    app.add_middleware(RequestMiddleware, metrics=app.state.metrics)
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http_error)


async def _on_problem(request: Request, error: Any) -> Response:
    problem: Problem = error
    return problem.response(request)


async def _on_invalid(request: Request, error: Any) -> Response:
    return validation_problem(error.errors(), "body").response(request)


async def _on_http_error(request: Request, error: Any) -> Response:
    """The framework's own errors, in our family."""
    if error.status_code == 405:
        return method_not_allowed(request).response(request)
    if error.status_code == 404:
        return not_found().response(request)
    problem = Problem(error.status_code, "http_error", "Not possible", str(error.detail), headers=error.headers)
    return problem_response(problem, request.scope.get("request_id", ""))


def _add_documents(app: FastAPI) -> None:
    """The OpenAPI document, and interactive docs that work offline."""
    app.openapi = lambda: build_document(app)  # type: ignore[method-assign]

    @functools.cache
    def rendered() -> str:
        return json_text(build_document(app))

    async def openapi_json(request: Request) -> Response:
        return json_reply(request, await run_in_threadpool(rendered))

    async def docs(_request: Request) -> Response:
        return get_swagger_ui_html(
            openapi_url="/openapi.json",
            title=app.title,
            swagger_js_url="/docs/assets/swagger-ui-bundle.js",
            swagger_css_url="/docs/assets/swagger-ui.css",
            swagger_favicon_url="/docs/assets/favicon-32x32.png",
        )

    async def front(_request: Request) -> Response:
        return RedirectResponse("/docs")

    app.add_route("/", front, include_in_schema=False)
    app.add_route("/openapi.json", openapi_json, include_in_schema=False)
    app.add_route("/docs", docs, include_in_schema=False)
    app.mount("/docs/assets", StaticFiles(directory=DOCS_ASSETS))


def json_text(document: dict[str, Any]) -> str:
    """The document as it is served and committed."""

    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"
