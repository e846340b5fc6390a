"""Who a caller says she is: whatever does not prove it, or no longer holds, gets one answer."""

import json
import time
from base64 import urlsafe_b64decode

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import delete, update

from app.core.runtime import Runtime
from app.identity.models import Account, Session
from app.roster.models import Caseload, RoleAssignment
from tests.core.tokens import forge, hs256
from tests.factories import World
from tests.openapi_contract import CheckedTransport
from tests.scene import SAMPLES, Scene, assert_problem, method_of

pytestmark = pytest.mark.anyio

MIB = 1 << 20
# Signing out is public: a browser does it with its cookie.
SIGNED_IN = [name for name, sample in SAMPLES.items() if sample.caller and name != "end_current_session"]


@pytest.fixture(scope="module")
async def scene(runtime: Runtime, transport: CheckedTransport, app: FastAPI) -> Scene:
    return await Scene.create(await World.create(runtime, transport), app)


async def bad_credentials(runtime: Runtime, world: World) -> dict[str, str]:
    """Authorization headers that prove nothing, by what is wrong with them."""
    session = await world.session(await world.account(await world.person()))
    ended = await world.session(await world.account(await world.person()), ended_at=session.created_at)
    over = await world.session(await world.account(await world.person()), expires_at=session.created_at)
    good = await world.token(session)
    signer = await runtime.keys.signer()
    parts = {"tenant_id": world.tenant.id, "subject": session.account_id, "session_id": session.id}
    expired = signer.issue(**parts, now=time.time() - 3600)  # type: ignore[arg-type]
    header, claims, signature = good.split(".")
    read_header, read_claims = (json.loads(_unpadded(part)) for part in (header, claims))
    sign = signer._key.sign
    return {
        "no scheme": good,
        "another scheme": f"Basic {good}",
        "no token": "Bearer",
        "an empty token": "Bearer ",
        "two tokens": f"Bearer {good} {good}",
        "no JWT": "Bearer x.y.z",
        "not ASCII": "Bearer ÿ",
        "endless": f"Bearer {good}{'A' * 20_000}",
        "expired": f"Bearer {expired}",
        "signature changed": f"Bearer {header}.{claims}.{signature[:-4]}AAAA",
        "signature left out": f"Bearer {header}.{claims}.",
        "claims changed": f"Bearer {header}.{claims[:-4]}AAAA.{signature}",
        "signed by another": f"Bearer {forge(read_header, read_claims)}",
        "algorithm none": f"Bearer {forge(read_header | {'alg': 'none'}, read_claims, lambda _: b'')}",
        "secret of a public key": f"Bearer {forge(read_header | {'alg': 'HS256'}, read_claims, hs256(b''))}",
        "critical extension": f"Bearer {forge(read_header | {'crit': ['b64']}, read_claims, sign)}",
        "key from elsewhere": f"Bearer {forge(read_header | {'jku': 'https://evil.example'}, read_claims, sign)}",
        "unknown key": f"Bearer {forge(read_header | {'kid': 'x'}, read_claims, sign)}",
        "for somebody else": f"Bearer {forge(read_header, read_claims | {'aud': 'x'}, sign)}",
        "by somebody else": f"Bearer {forge(read_header, read_claims | {'iss': 'x'}, sign)}",
        "endless life": f"Bearer {forge(read_header, read_claims | {'exp': 10**12}, sign)}",
        "ended session": f"Bearer {await world.token(ended)}",
        "session over": f"Bearer {await world.token(over)}",
    }


def _unpadded(part: str) -> bytes:
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))


async def test_whatever_is_wrong_with_a_token_the_answer_is_the_same(
    scene: Scene, runtime: Runtime, client: httpx.AsyncClient
) -> None:
    for operation in ("get_me", "create_goal", "change_password"):
        method, address = method_of(scene.routes[operation]), scene.address(operation)
        missing = await client.request(method, address, headers={"X-Request-Id": "same"})
        assert_problem(missing, 401, "invalid_token")
        assert missing.headers["www-authenticate"] == 'Bearer error="invalid_token"'
        for what, value in (await bad_credentials(runtime, scene.world)).items():
            headers = {b"Authorization": value.encode("latin-1"), b"X-Request-Id": b"same"}
            reply = await client.request(method, address, headers=headers)
            assert (reply.content, reply.headers) == (missing.content, missing.headers), what


async def test_two_authorization_headers_are_none(scene: Scene, client: httpx.AsyncClient) -> None:
    token = (await scene.client("counselor")).headers["authorization"]
    reply = await client.get("/v1/me", headers=[("Authorization", token), ("Authorization", token)])
    assert_problem(reply, 401, "invalid_token")


@pytest.mark.parametrize("operation", SIGNED_IN)
async def test_who_has_not_signed_in_learns_nothing_but_that(
    scene: Scene, client: httpx.AsyncClient, operation: str
) -> None:
    method, address = method_of(scene.routes[operation]), scene.address(operation)
    for path, content in ((address, b"{"), (f"{address}?nonsense=1", b"x" * (2 * MIB))):
        reply = await client.request(method, path, content=content)
        assert_problem(reply, 401, "invalid_token")


# What was taken away a moment ago


async def test_an_ended_session_is_refused_at_once(world: World) -> None:
    session = await world.session(await world.account(await world.learner()))
    client = world.client_with(await world.token(session))
    assert (await client.get("/v1/me")).status_code == 200
    async with world.transaction() as transaction:
        await transaction.execute(update(Session).where(Session.id == session.id).values(ended_at=session.created_at))
    assert_problem(await client.get("/v1/me"), 401, "invalid_token")
    assert_problem(await client.post("/v1/plans", json={}), 401, "invalid_token")


async def test_a_disabled_account_is_refused_at_once(world: World) -> None:
    learner = await world.learner()
    client = await world.client_for(learner)
    assert (await client.get("/v1/me")).status_code == 200
    async with world.transaction() as transaction:
        await transaction.execute(update(Account).where(Account.person_id == learner.id).values(is_disabled=True))
    assert_problem(await client.get("/v1/me"), 401, "invalid_token")


async def test_a_role_taken_away_is_gone_at_once(world: World) -> None:
    learner, admin = await world.learner(), await world.school_admin()
    client = await world.client_for(admin)
    assert (await client.get(f"/v1/learners/{learner.id}")).status_code == 200
    async with world.transaction() as transaction:
        await transaction.execute(delete(RoleAssignment).where(RoleAssignment.person_id == admin.id))
    assert_problem(await client.get(f"/v1/learners/{learner.id}"), 404, "not_found")
    assert (await client.get("/v1/learners")).json()["items"] == []


async def test_a_relation_taken_away_is_gone_at_once(world: World) -> None:
    learner = await world.learner()
    plan, counselor = await world.plan(learner), await world.staff_of(learner)
    client = await world.client_for(counselor)
    address, any_version = f"/v1/plans/{plan.id}", {"If-Match": "*"}
    assert (await client.patch(address, json={"title": "One"}, headers=any_version)).status_code == 200
    async with world.transaction() as transaction:
        await transaction.execute(delete(Caseload).where(Caseload.person_id == counselor.id))
    assert_problem(await client.patch(address, json={"title": "Two"}, headers=any_version), 404, "not_found")
    assert_problem(await client.get(address), 404, "not_found")
