"""What a caller may not know of answers as if it did not exist: every operation, every id, filter and cursor.

The twin is another tenant with the same objects; strangers are people of the same tenant without a relation.
"""

from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from app import tables
from app.core.looks import Look, LookAtLearner
from app.core.runtime import Runtime
from app.db.base import new_id
from tests.factories import World
from tests.openapi_contract import CheckedTransport
from tests.scene import SAMPLES, STRANGERS, Body, Scene, method_of, operations

pytestmark = pytest.mark.anyio

WITH_TARGET = [name for name, sample in SAMPLES.items() if sample.target]
PRIVATE = [name for name in WITH_TARGET if not SAMPLES[name].is_tenant_wide]
READS = [name for name in WITH_TARGET if name.startswith(("get_", "list_"))]

MEANT = {
    "learner_id": "pupil",
    "competency_ids": "competency",
    "teacher_ids": "teacher",
    "person_id": "newcomer",
    "class_id": "class",
    "school_id": "school",
    "framework_id": "framework",
    "goal_id": "goal",
    "goal_ids": "goal",
    "plan_id": "plan",
    "parent_id": "competency",
    "consent_id": "consent",
    "viewer_person_id": "teacher",
    "delegator_id": "teacher",
    "delegate_id": "newcomer",
    "consenter_id": "guardian",
    "recipient_person_id": "teacher",
}
"""Which object of the scene a field or parameter that takes an id may name."""
OUT_OF_REACH = {
    "learner_id": "strange_pupil",
    "teacher_ids": "strange_teacher",
    "class_id": "other_class",
    "consenter_id": "strange_guardian",
}
"""Objects of the same tenant that the sample's caller may not name."""
IN_BODIES = [
    ("create_plan", "learner_id"),
    ("create_goal", "competency_ids"),
    ("create_goal", "teacher_ids"),
    ("change_goal", "competency_ids"),
    ("change_goal", "teacher_ids"),
    ("create_account", "person_id"),
    ("create_share_link", "consent_id"),
    ("create_grant", "person_id"),
    ("create_grant", "goal_ids"),
    ("create_grant", "consent_id"),
    ("create_team_member", "person_id"),
    ("create_reflection", "goal_id"),
    ("create_caseload", "person_id"),
    ("create_delegation", "delegator_id"),
    ("create_delegation", "delegate_id"),
    ("create_consent", "consenter_id"),
    ("create_consent", "recipient_person_id"),
]
IN_FILTERS = [
    ("list_learners", "class_id"),
    ("list_learners", "school_id"),
    ("list_my_learners", "class_id"),
    ("list_classes", "school_id"),
    ("list_plans", "learner_id"),
    ("list_plans", "class_id"),
    ("list_competencies", "framework_id"),
    ("list_competencies", "parent_id"),
    ("list_accounts", "person_id"),
    ("explain_access", "person_id"),
    ("explain_access", "plan_id"),
    ("explain_access", "goal_id"),
    ("list_reflections", "goal_id"),
    ("list_access_log", "viewer_person_id"),
    ("list_delegations", "person_id"),
]
PAGED = ["list_learners", "list_plans", "list_goals", "list_accounts", "list_service_clients", "list_competencies"]


@pytest.fixture(scope="module")
async def scene(runtime: Runtime, transport: CheckedTransport, app: FastAPI) -> Scene:
    return await Scene.create(await World.create(runtime, transport, "Ours"), app)


@pytest.fixture(scope="module")
async def twin(runtime: Runtime, transport: CheckedTransport, app: FastAPI) -> Scene:
    return await Scene.create(await World.create(runtime, transport, "Twin"), app)


@pytest.fixture
async def untouched(scene: Scene, twin: Scene) -> AsyncIterator[None]:
    """Nothing in either tenant changes while the test runs."""
    for each in (scene, twin):
        for name in {sample.caller or "counselor" for sample in SAMPLES.values()} | {"service", *STRANGERS}:
            await each.client(name)
    before = [await state(scene.world), await state(twin.world)]
    yield
    assert [await state(scene.world), await state(twin.world)] == before


async def state(world: World) -> str:
    """A digest of every row of a tenant, but of those that tell who has looked."""
    looks = {Look.__tablename__, LookAtLearner.__tablename__}
    owned = {table.name for table in tables.metadata.sorted_tables if "tenant_id" in table.columns} - looks
    rows = " UNION ALL ".join(f"SELECT '{name}' || t::text AS line FROM \"{name}\" t" for name in owned)
    async with world.transaction() as session:
        return str(await session.scalar(text(f"SELECT md5(string_agg(line, chr(10) ORDER BY line)) FROM ({rows}) r")))


def raw(reply: httpx.Response) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    return reply.status_code, sorted(reply.headers.raw), reply.content


def assert_unknown(reply: httpx.Response, of_nothing: httpx.Response) -> None:
    assert reply.status_code == 404, reply.text
    assert raw(reply) == raw(of_nothing)


# The tables above are complete


def test_every_operation_has_a_sample(app: FastAPI) -> None:
    assert set(operations(app)) == set(SAMPLES)


def test_every_operation_with_an_id_in_its_path_is_tried(app: FastAPI) -> None:
    assert {name for name, route in operations(app).items() if "{" in route.path} == set(WITH_TARGET)
    assert all("{" not in route.path.partition("}")[2] for route in operations(app).values())


def test_every_id_in_a_body_is_tried(app: FastAPI) -> None:
    document = app.openapi()
    found = set()
    for name, route in operations(app).items():
        operation = document["paths"][route.path_format][method_of(route).lower()]
        for media in operation.get("requestBody", {}).get("content", {}).values():
            schema = document["components"]["schemas"].get(media["schema"].get("$ref", "").rpartition("/")[2], {})
            found |= {(name, field) for field, given in schema.get("properties", {}).items() if takes_id(given)}
    assert {pair for pair in found if pair[1] != "id"} == set(IN_BODIES)


def test_every_id_in_a_filter_is_tried(app: FastAPI) -> None:
    document = app.openapi()
    found = set()
    for name, route in operations(app).items():
        operation = document["paths"][route.path_format][method_of(route).lower()]
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "query" and takes_id(parameter["schema"]):
                found.add((name, parameter["name"]))
    assert found == set(IN_FILTERS)


def takes_id(schema: Any) -> bool:
    if isinstance(schema, dict):
        return schema.get("format") == "uuid" or any(map(takes_id, schema.values()))
    return isinstance(schema, list) and any(map(takes_id, schema))


@pytest.mark.parametrize("operation", WITH_TARGET)
async def test_the_sample_of_an_operation_succeeds_for_its_caller(
    scene: Scene, untouched: None, operation: str
) -> None:
    reply = await scene.send(operation, is_trial=True)
    assert reply.status_code < 300, reply.text


# Ids in paths


@pytest.mark.parametrize("operation", WITH_TARGET)
async def test_the_twin_tenant_gets_the_answer_for_what_does_not_exist(
    scene: Scene, twin: Scene, untouched: None, operation: str
) -> None:
    body, entitled = scene.body(operation), SAMPLES[operation].caller
    for caller in ("admin", "service", "counselor", entitled):
        client = await twin.client(caller or "")
        reply = await scene.send(operation, client=client, body=body)
        assert raw(reply) == raw(await scene.send(operation, client=client, body=body, target=new_id()))
        # Who lacks the role is told so, whatever the id.
        assert reply.status_code == 404 or (reply.status_code == 403 and caller != entitled), reply.text


@pytest.mark.parametrize("operation", PRIVATE)
async def test_a_stranger_gets_the_answer_for_what_does_not_exist(
    scene: Scene, untouched: None, operation: str
) -> None:
    for stranger in STRANGERS:
        client = await scene.client(stranger)
        reply = await scene.send(operation, client=client)
        assert raw(reply) == raw(await scene.send(operation, client=client, target=new_id()))
        assert reply.status_code == 404 or (reply.status_code == 403 and SAMPLES[operation].caller == "admin")


# Ids in bodies and filters


def with_id(scene: Scene, operation: str, field: str, value: object) -> Body:
    body = dict(scene.body(operation) or {})
    body[field] = [str(value)] if field.endswith("_ids") else str(value)
    return body


@pytest.mark.parametrize(("operation", "field"), IN_BODIES)
async def test_an_id_of_the_twin_tenant_in_a_body_names_nothing(
    scene: Scene, twin: Scene, untouched: None, operation: str, field: str
) -> None:
    own, foreign = scene.ids[MEANT[field]], twin.ids[MEANT[field]]
    accepted = await scene.send(operation, body=with_id(scene, operation, field, own), is_trial=True)
    assert accepted.status_code < 300, accepted.text
    reply = await scene.send(operation, body=with_id(scene, operation, field, foreign))
    assert_unknown(reply, await scene.send(operation, body=with_id(scene, operation, field, new_id())))


@pytest.mark.parametrize(("operation", "field"), [pair for pair in IN_BODIES if pair[1] in OUT_OF_REACH])
async def test_an_unrelated_id_in_a_body_names_nothing(
    scene: Scene, untouched: None, operation: str, field: str
) -> None:
    reply = await scene.send(operation, body=with_id(scene, operation, field, scene.ids[OUT_OF_REACH[field]]))
    assert_unknown(reply, await scene.send(operation, body=with_id(scene, operation, field, new_id())))


@pytest.mark.parametrize(
    "kind",
    [
        "plan",
        "goal",
        "action",
        "milestone",
        "progress",
        "reflection",
        "profile_statement",
        "staff_note",
        "account",
        "service_client",
        "caseload",
        "delegation",
        "restriction",
        "consent",
        "grant",
        "team_member",
    ],
)
async def test_an_id_that_the_twin_tenant_has_taken_is_free(
    scene: Scene, twin: Scene, untouched: None, kind: str
) -> None:
    body = (scene.body(f"create_{kind}") or {}) | {"id": str(twin.ids[kind])}
    reply = await scene.send(f"create_{kind}", body=body, is_trial=True)
    assert reply.status_code == 201, reply.text


@pytest.mark.parametrize(("operation", "field"), IN_FILTERS)
async def test_an_id_of_the_twin_tenant_in_a_filter_finds_nothing(
    scene: Scene, twin: Scene, untouched: None, operation: str, field: str
) -> None:
    for caller in ("admin", "counselor"):
        client = await scene.client(caller)
        reply = await scene.send(operation, client=client, query={field: str(twin.ids[MEANT[field]])})
        assert raw(reply) == raw(await scene.send(operation, client=client, query={field: str(new_id())}))
        assert reply.status_code == 404 or reply.json()["items"] == []


@pytest.mark.parametrize(("operation", "field"), [pair for pair in IN_FILTERS if pair[1] in OUT_OF_REACH])
async def test_an_unrelated_id_in_a_filter_finds_nothing(
    scene: Scene, untouched: None, operation: str, field: str
) -> None:
    reply = await scene.send(operation, query={field: str(scene.ids[OUT_OF_REACH[field]])})
    assert_unknown(reply, await scene.send(operation, query={field: str(new_id())}))


@pytest.mark.parametrize("operation", [name for name in SAMPLES if name.startswith("list_")])
async def test_no_list_shows_anything_of_the_twin_tenant(
    scene: Scene, twin: Scene, untouched: None, operation: str
) -> None:
    foreign = {str(each) for each in twin.ids.values()} | {str(twin.world.tenant.id)}
    for caller in ("admin", "service", "counselor"):
        reply = await scene.send(operation, client=await scene.client(caller))
        assert not any(each in reply.text for each in foreign)


# Cursors


@pytest.mark.parametrize("operation", PAGED)
async def test_a_cursor_of_the_twin_tenant_is_no_cursor(
    scene: Scene, twin: Scene, untouched: None, operation: str
) -> None:
    theirs = await twin.send(operation, query={"limit": "1"})
    cursor = theirs.json()["next_cursor"] or "AAAA"
    reply = await scene.send(operation, query={"limit": "1", "cursor": cursor})
    nonsense = await scene.send(operation, query={"limit": "1", "cursor": "A" * len(cursor)})
    assert (reply.status_code, reply.json()["code"]) == (400, "invalid_cursor")
    assert raw(reply) == raw(nonsense)


async def test_a_cursor_of_somebody_else_in_the_tenant_is_no_cursor(scene: Scene, untouched: None) -> None:
    theirs = await scene.send("list_goals", client=await scene.client("pupil"), query={"limit": "1"})
    assert theirs.json()["next_cursor"]
    reply = await scene.send("list_goals", query={"limit": "1", "cursor": theirs.json()["next_cursor"]})
    assert (reply.status_code, reply.json()["code"]) == (400, "invalid_cursor")


# Row-level security alone


@pytest.mark.parametrize("operation", [name for name in READS if name in PRIVATE])
async def test_without_the_predicate_row_level_security_hides_the_twin_tenant(
    scene: Scene, twin: Scene, untouched: None, blind_to: Callable[[World], None], operation: str
) -> None:
    client = await twin.client("admin")
    blind_to(scene.world)
    # The control: inside the tenant nothing but the predicate stood in the way.
    insider = "counselor" if operation == "list_share_candidates" else "admin"  # who may not share may not search
    seen = await scene.send(operation, client=await scene.client(insider))
    assert seen.status_code == 200, seen.text
    reply = await scene.send(operation, client=client)
    assert_unknown(reply, await scene.send(operation, client=client, target=new_id()))
