"""Every operation by every principal: the status that the matrix expects, whatever holds of the principal."""

from collections.abc import Sized
from typing import Any, get_args
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI

from app.core.runtime import Runtime
from app.db.base import new_id
from app.identity.schemas.clients import Scope
from app.plans.models import Plan
from tests.access import matrix
from tests.access.matrix import LEAVE_NO_TRIAL, expected
from tests.access.principals import Principals, let_grow_up, shared
from tests.access.standing import EVERY_SCOPE, PRINCIPALS, Principal
from tests.factories import World
from tests.openapi_contract import CheckedTransport
from tests.scene import SAMPLES, Scene, operations

pytestmark = pytest.mark.anyio

HOLDS = {
    "list_learners": "get_learner",
    "list_classes": "get_class",
    "list_plans": "get_plan",
    "list_goals": "get_goal",
    "list_actions": "get_action",
    "list_milestones": "get_milestone",
    "list_progress": "get_progress",
    "list_goal_comments": "get_comment",
    "list_reflections": "get_reflection",
    "list_profile_statements": "get_profile_statement",
    "list_staff_notes": "get_staff_note",
    "list_share_links": "get_share_link",
    "list_plan_share_links": "get_share_link",
    "list_grants": "get_grant",
    "list_plan_grants": "get_grant",
    "list_person_grants": "get_grant",
    "list_team_members": "get_team_member",
    "list_caseloads": "get_caseload",
    "list_delegations": "get_delegation",
    "list_guardianships": "get_guardianship",
    "list_restrictions": "get_restriction",
    "list_consents": "get_consent",
    "list_break_glass": "get_break_glass",
    "list_accounts": "get_account",
    "list_service_clients": "get_service_client",
    "list_frameworks": "get_framework",
    "list_competencies": "get_competency",
}
"""What a list holds is what can be read alone."""


@pytest.fixture(scope="module")
async def twin(runtime: Runtime, transport: CheckedTransport, app: FastAPI) -> Scene:
    return await Scene.create(await World.create(runtime, transport, "Twin"), app)


@pytest.fixture(scope="module")
async def principals(runtime: Runtime, transport: CheckedTransport, app: FastAPI, twin: Scene) -> dict[str, Principals]:
    """By the pupil's state, each in a tenant of its own."""
    made = {}
    for state in {who.state for who in PRINCIPALS.values()}:
        scene = await Scene.create(await World.create(runtime, transport, state), app)
        if state == "of_age":
            await let_grow_up(scene)
        made[state] = Principals(scene, twin, transport)
    return made


def test_every_operation_has_expectations(app: FastAPI) -> None:
    """A new route fails here until the matrix says who may call it."""
    assert set(operations(app)) == matrix.operations()
    tables: list[Sized] = [matrix.RECORD, matrix.PUBLIC, matrix.ANYBODY, matrix.LISTS, matrix.OFFICE, matrix.SPECIAL]
    assert sum(len(table) for table in tables) == len(matrix.operations()), "an operation is in one table only"


def test_every_list_is_looked_into(app: FastAPI) -> None:
    others = {"list_my_learners", "list_changes", "list_plan_events", "list_plan_comments", "list_sessions",
              "list_access", "list_access_log", "list_disclosures", "list_share_candidates"}  # fmt: skip
    assert {name for name in operations(app) if name.startswith("list_")} == set(HOLDS) | others


def test_every_scope_has_a_client() -> None:
    assert set(EVERY_SCOPE) == set(get_args(Scope))


@pytest.mark.parametrize("name", PRINCIPALS)
async def test_every_operation_answers_as_the_matrix_says(principals: dict[str, Principals], name: str) -> None:
    who = PRINCIPALS[name]
    cast = principals[who.state]
    client = await cast.client(name)
    wrong = []
    for operation, sample in SAMPLES.items():
        if operation == "end_current_session":  # comes last
            continue
        reply = await ask(cast, client, operation, name)
        right = expected(operation, sample.target, who)
        if reply.status_code != right:
            wrong.append(f"{operation}: {reply.status_code}, not {right}: {reply.text}")
        elif wrong_inside := inside(cast.scene, operation, who, reply):
            wrong.append(f"{operation}: {wrong_inside}")
        elif right == 404 and sample.target and who.ties and operation not in who.besides:
            of_nothing = await ask(cast, client, operation, name, new_id())
            if raw(reply) != raw(of_nothing):
                wrong.append(f"{operation}: {reply.text}, and of what is not there: {of_nothing.text}")
    reply = await cast.scene.send("end_current_session", client=client)
    if reply.status_code != expected("end_current_session", None, who):
        wrong.append(f"end_current_session: {reply.status_code}")
    assert not wrong, "\n".join(wrong)


async def ask(
    cast: Principals, client: httpx.AsyncClient, operation: str, name: str, target: UUID | None = None
) -> httpx.Response:
    """The sample of the operation, tried only where it would change something."""
    is_trial = operation not in LEAVE_NO_TRIAL
    body: dict[str, Any] | None = None
    if operation == "create_session":  # or they would all be one who guesses
        body = dict(SAMPLES[operation].body or {}) | {"identifier": f"{name}@nowhere.example"}
    query = {"limit": "200"} if operation in HOLDS else None
    return await cast.scene.send(operation, client=client, target=target, body=body, query=query, is_trial=is_trial)


def inside(scene: Scene, operation: str, who: Principal, reply: httpx.Response) -> str | None:
    """What is wrong with the items of a list."""
    if operation not in HOLDS or reply.status_code != 200:
        return None
    single = HOLDS[operation]
    target = SAMPLES[single].target
    wanted = who.is_known and expected(single, target, who) == 200
    ids = {item["id"] for item in reply.json()["items"]}
    assert target is not None
    return None if (str(scene.ids[target]) in ids) == wanted else f"holds {target}: {not wanted}"


def raw(reply: httpx.Response) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    return reply.status_code, sorted(reply.headers.raw), reply.content


async def test_the_holder_of_a_share_link_sees_what_it_carries_and_no_more(
    principals: dict[str, Principals], client: httpx.AsyncClient
) -> None:
    cast = principals["of_school_age"]
    async with cast.world.transaction() as session:
        plan = await session.get_one(Plan, (cast.world.tenant.id, cast.scene.ids["plan"]))
    token = await shared(cast.world.runtime, cast.world, plan, sections=["profile"])
    reply = await cast.scene.send("open_share_link", client=client, body={"token": token})
    assert reply.status_code == 200, reply.text
    assert set(reply.json()) == {"learner", "expires_at", "profile"}
