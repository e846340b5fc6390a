"""The published document against the running service: schemathesis makes up requests from it, with every check on."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import schemathesis
import uvicorn
from fastapi import FastAPI
from hypothesis import settings as hypothesis_settings
from pydantic import SecretStr
from schemathesis.config import SchemathesisConfig
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode

from app.core.runtime import Runtime
from app.db.base import new_id
from app.main import create_app
from app.settings import Settings
from tests.factories import World
from tests.openapi_contract import CheckedTransport
from tests.scene import SAMPLES, Scene

pytestmark = pytest.mark.anyio

EXAMPLES = 8

TEXT = {422: "A name or text must have something to see in it and no control characters, which JSON Schema cannot say."}
NAMES = {422: "`fields` and `expand` take names from a list, and `sort` orders that not every list has."}
CURSOR = {400: "A cursor is signed; nobody can make one up."} | NAMES
RULES = {422: "A rule over several fields: dates in order, a target that differs from its baseline, a reason to give."}
CREDENTIALS = {400: "A token cannot be made up, and nor can a password.", 422: "The password policy.", 429: "Guessing."}

EXPECTED: dict[str, dict[int, str]] = {
    **{name: CURSOR for name in SAMPLES if name.startswith("list_")},
    **{name: NAMES for name in SAMPLES if name.startswith("get_")},
    **{name: TEXT | RULES for name, sample in SAMPLES.items() if sample.body is not None},
    "explain_access": RULES,
    "create_session": CREDENTIALS,
    "refresh_session": CREDENTIALS,
    "complete_password_reset": CREDENTIALS,
    "change_password": CREDENTIALS,
    "create_access_token": CREDENTIALS,
    "revoke_access_token": CREDENTIALS,
}
"""Statuses that a correct request can meet, besides those of `USUAL`, and why."""
USUAL = ["2xx", "304", "401", "403", "404", "409"]


def configuration() -> SchemathesisConfig:
    return SchemathesisConfig.from_dict(
        {
            "seed": 1,
            # RFC 6585 has a status of its own for a condition that is missing.
            "checks": {"missing_required_header": {"expected-statuses": [400, 401, 415, 422, 428]}},
            "generation": {"max-examples": EXAMPLES, "deterministic": True, "database": "none"},
            "operations": [
                {
                    "include-operation-id": name,
                    "checks": {
                        "positive_data_acceptance": {"expected-statuses": USUAL + [str(code) for code in codes]}
                    },
                }
                for name, codes in EXPECTED.items()
            ],
        }
    )


def document() -> dict[str, Any]:
    nowhere = Settings(database_url=SecretStr("postgresql://localhost/none"), secret_key=SecretStr("-" * 32))
    return create_app(nowhere).openapi()


schema = schemathesis.openapi.from_dict(document(), config=configuration())


@dataclass
class Target:
    """A running service with the objects of a scene, and tokens of those who may use them."""

    url: str
    scene: Scene
    tokens: dict[str, str]

    def aim(self, case: Any) -> None:
        """Put ids that exist in the place of made-up ones, where the request is meant to be right."""
        name = case.operation.definition.raw["operationId"]
        sample = SAMPLES[name]
        if case.query and case.query.get("fields") == "id":
            # The document gives whole representations, exact for clients; who asks for a part knows which.
            del case.query["fields"]
        if case.meta is None or case.meta.generation.mode is not GenerationMode.POSITIVE:
            return
        if sample.target:
            case.path_parameters = dict.fromkeys(case.path_parameters, str(self.scene.ids[sample.target]))
        if "If-Match" in (case.headers or {}):
            case.headers["If-Match"] = "*"
        if case.operation.method.lower() == "delete" and sample.target:
            # The other operations are to find what is there.
            case.query = {**(case.query or {}), "validate_only": "true"}
        for field, value in (self.scene.body(name) or {}).items():
            if field.endswith(("_id", "_ids")) and case.body.get(field):
                case.body[field] = value
        if "Idempotency-Key" in (case.headers or {}):
            case.headers["Idempotency-Key"] = f"{new_id()}"

    def headers(self, case: Any) -> dict[str, str]:
        caller = SAMPLES[case.operation.definition.raw["operationId"]].caller
        return {"Authorization": f"Bearer {self.tokens[caller]}"} if caller else {}


@pytest.fixture(scope="module")
def address(settings: Settings) -> Iterator[str]:
    """An application of its own behind a real socket, for schemathesis is not async."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        application = create_app(settings.model_copy(update={"system_database_url": None}))
        server = uvicorn.Server(uvicorn.Config(application, log_config=None, access_log=False))
        thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])))
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
async def scene(runtime: Runtime, transport: CheckedTransport, app: FastAPI) -> Scene:
    return await Scene.create(await World.create(runtime, transport), app)


@pytest.fixture
async def target(address: str, scene: Scene) -> Target:
    """With sessions of the test's own, for one operation ends them."""
    callers = {sample.caller for sample in SAMPLES.values() if sample.caller}
    return Target(address, scene, {name: await scene.token(name) for name in callers})


@schema.parametrize()
@hypothesis_settings(max_examples=EXAMPLES, derandomize=True, deadline=None)
def test_the_service_keeps_the_published_contract(case: Any, target: Target) -> None:
    target.aim(case)
    case.call_and_validate(base_url=target.url, headers=target.headers(case))


def test_every_operation_is_tried() -> None:
    results = list(schema.get_all_operations())
    tried = {result.ok().definition.raw["operationId"] for result in results if isinstance(result, Ok)}
    assert len(results) == len(tried)
    assert tried == set(SAMPLES)
