"""Markers that must never be seen: a twin tenant whose every text carries one, and each hidden section's own.

Every operation is sent by every kind of principal, as its sample says and with the twin's ids in path, body and query.
Neither reply, header, log line, metric, event nor error may hold a marker that the principal has no right to.
"""

import json
from collections.abc import AsyncIterator, Callable

import asyncpg
import httpx
import pytest
import structlog
from fastapi import FastAPI

from app.core.runtime import Runtime
from app.core.sequencer import number_events
from tests.access.canaries import MARK, SEEN_BY, mark_all, secret, unmarked, write_secrets
from tests.access.matrix import LEAVE_NO_TRIAL, PUBLIC, expected
from tests.access.principals import Principals
from tests.access.standing import PRINCIPALS
from tests.databases import Database
from tests.db.test_tenancy import populate
from tests.factories import World
from tests.openapi_contract import CheckedTransport, ContractBroken
from tests.scene import SAMPLES, Body, Scene, method_of
from tests.test_isolation import IN_FILTERS, MEANT

pytestmark = pytest.mark.anyio

CURIOUS = [
    "pupil", "teacher", "advisor", "counselor", "second_counselor", "case_manager", "guardian", "mentor",
    "school_admin", "strange_admin", "admin", "team_member", "proposing_grantee", "reflections_grantee",
    "goal_grantee", "break_glass", "former_counselor", "restricted_guardian", "guardian_kept_from_plan",
    "counselor_kept_from_access", "service_plans.write", "service_access.manage", "anonymous",
]  # fmt: skip
LOOKING_BEYOND = ["pupil", "teacher", "counselor", "guardian", "admin", "service_access.manage", "anonymous"]
"""Who sends the twin's ids."""


@pytest.fixture(scope="module")
async def superuser(database: Database) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database.superuser)
    yield connection
    await connection.close()


@pytest.fixture(scope="module")
async def twin(
    runtime: Runtime,
    transport: CheckedTransport,
    app: FastAPI,
    superuser: asyncpg.Connection,
    database: Database,
) -> Scene:
    """Another tenant: a row in every table, and the marker in every text."""
    world = await World.create(runtime, transport, "Twin")
    scene = await Scene.create(world, app)
    await populate(world)
    await write_secrets(scene)
    await number(database)
    await mark_all(superuser, world)
    return scene


@pytest.fixture(scope="module")
async def principals(
    runtime: Runtime, transport: CheckedTransport, app: FastAPI, twin: Scene, database: Database
) -> Principals:
    scene = await Scene.create(await World.create(runtime, transport, "Ours"), app)
    await write_secrets(scene)
    await number(database)
    return Principals(scene, twin, transport)


async def number(database: Database) -> None:
    system = await asyncpg.connect(database.system)
    await number_events(system)
    await system.close()


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    """All that is logged while the test runs."""
    lines: list[str] = []
    for level in ("debug", "info", "warning", "error", "exception", "critical", "msg"):
        monkeypatch.setattr(structlog.PrintLogger, level, lambda _self, line: lines.append(str(line)))
    return lambda: "\n".join(lines) + caplog.text


async def test_every_text_of_the_twin_carries_the_marker(twin: Scene, superuser: asyncpg.Connection) -> None:
    assert await unmarked(superuser, twin.world) == []


async def test_who_may_see_a_secret_sees_it(principals: Principals) -> None:
    """The control: the markers are there to be seen."""
    seen = "".join([(await ask(principals, "counselor", name)).text for name in SAMPLES if name.startswith("list_")])
    seen += (await ask(principals, "pupil", "list_reflections")).text
    assert [section for section in SEEN_BY if secret(section) not in seen] == []


@pytest.mark.parametrize("name", CURIOUS)
async def test_nobody_sees_what_is_hidden(principals: Principals, name: str, logged: Callable[[], str]) -> None:
    who = PRINCIPALS[name]
    hidden = [
        secret(section)
        for section, single in SEEN_BY.items()
        if expected(single, SAMPLES[single].target, who) != 200 and not (section == "plan" and who.reach("plan"))
    ]
    for operation in SAMPLES:
        if operation not in LEAVE_NO_TRIAL:
            shown = whole(await ask(principals, name, operation))
            assert not [mark for mark in hidden if mark in shown], (operation, shown)
            assert MARK not in without_secrets(shown), (operation, shown)
    assert MARK not in logged()


@pytest.mark.parametrize("name", LOOKING_BEYOND)
async def test_nothing_of_the_twin_is_ever_shown(
    principals: Principals, twin: Scene, name: str, logged: Callable[[], str]
) -> None:
    client = await principals.client(name)
    for operation in SAMPLES.keys() - {"end_current_session"}:
        for reply in await beyond(principals.scene, twin, client, operation):
            is_refused = name == "anonymous" or operation in PUBLIC
            assert is_refused or reply.status_code not in (401, 500), (operation, reply.text)
            assert MARK not in without_secrets(whole(reply)), (operation, whole(reply))
    assert MARK not in logged()


async def beyond(scene: Scene, twin: Scene, client: httpx.AsyncClient, operation: str) -> list[httpx.Response]:
    """The operation with ids of the twin: in the path, in the body, in the query, and all at once; and nonsense."""
    target = SAMPLES[operation].target
    theirs = None if target is None else twin.ids[target]
    query = {field: str(twin.ids[MEANT[field]]) for name, field in IN_FILTERS if name == operation}
    body = twin.body(operation)
    replies = [await scene.send(operation, client=client, target=theirs, body=body, query=query)]
    if target is not None:
        replies.append(await scene.send(operation, client=client, target=theirs))
    if body is not None and body != scene.body(operation):
        replies.append(await scene.send(operation, client=client, body=body))
    if query:
        replies.append(await scene.send(operation, client=client, query=query))
    if body is not None:
        nonsense: Body = {field: [str(theirs)] for field in body}
        replies.append(await scene.send(operation, client=client, target=theirs, body=nonsense))
    return replies


async def test_no_page_outside_the_documented_operations_shows_a_marker(
    app: FastAPI, principals: Principals, twin: Scene, client: httpx.AsyncClient
) -> None:
    await ask(principals, "admin", "list_learners")
    await twin.send("get_plan")
    pages = [route for route in app.routes if not getattr(route, "include_in_schema", True)]
    paths = {route.path for route in pages if "{" not in getattr(route, "path", "{")}  # type: ignore[attr-defined]
    assert "/metrics" in paths
    for path in paths:
        reply = await client.get(path)
        assert MARK not in whole(reply), path
        assert not any(str(each) in reply.text for each in twin.ids.values()), path


async def test_the_feed_tells_nothing_of_the_twin(principals: Principals, twin: Scene) -> None:
    for name in ("admin", "counselor", "pupil"):
        client, after, events = await principals.client(name), 0, []
        while True:
            page = (await client.get("/v1/changes", params={"after": after})).json()
            events += page["items"]
            after = page["next_after"]
            if not page["has_more"]:
                break
        assert events
        assert MARK not in without_secrets(json.dumps(events))


@pytest.mark.parametrize("name", ["admin", "counselor"])
async def test_without_the_predicate_row_level_security_hides_every_text_of_the_twin(
    principals: Principals, twin: Scene, blind_to: Callable[[World], None], name: str
) -> None:
    """The application believes that the twin's tenant is the one asked for, and that everything in it is visible."""
    client = await principals.client(name)
    stranger = await principals.client("mentor")
    blind_to(principals.world)
    # The control: inside the tenant nothing but the predicate stood in the way.
    assert (await principals.scene.send("get_plan", client=stranger)).status_code == 200
    blind_to(twin.world)
    for operation, route in principals.scene.routes.items():
        target = SAMPLES[operation].target
        if method_of(route) == "GET":
            for each in {None, None if target is None else twin.ids[target]}:
                shown = await seen_by_the_blind(principals.scene, client, operation, each)
                assert MARK not in without_secrets(shown), (operation, shown)


async def seen_by_the_blind(scene: Scene, client: httpx.AsyncClient, operation: str, target: object) -> str:
    """The reply. The feed fails, for it does not find the tenant's own row: then what it says of that."""
    try:
        return whole(await scene.send(operation, client=client, target=target))
    except ContractBroken as fault:
        assert operation == "list_changes"
        return str(fault)


async def ask(principals: Principals, name: str, operation: str) -> httpx.Response:
    client = await principals.client(name)
    return await principals.scene.send(operation, client=client, is_trial=operation not in LEAVE_NO_TRIAL)


def whole(reply: httpx.Response) -> str:
    """All of a reply: headers and body."""
    return str(reply.headers) + reply.text


def without_secrets(shown: str) -> str:
    """What remains when the markers of our own sections are taken out: those of the twin."""
    for section in SEEN_BY:
        shown = shown.replace(secret(section), "")
    return shown
