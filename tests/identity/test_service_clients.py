"""Administrating service clients: for district administrators only; secrets shown once, two live at a time."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import select

from app.core.events import Event
from app.core.security import new_signing_key
from app.identity.models import ServiceClient
from tests.factories import Identified, World

pytestmark = pytest.mark.anyio

SYNC = {"name": "Nightly sync", "scopes": ["roster.read", "plans.read"]}


@pytest.fixture
async def admin(world: World) -> AsyncIterator[httpx.AsyncClient]:
    async with await world.client_for(await world.district_admin()) as client:
        yield client


async def token(client: httpx.AsyncClient, made: dict[str, Any], secret: str | None = None) -> httpx.Response:
    auth = (made["client_id"], secret or made["client_secret"])
    return await client.post("/v1/oauth/token", data={"grant_type": "client_credentials"}, auth=auth)


async def test_a_new_client_gets_its_secret_once(
    admin: httpx.AsyncClient, client: httpx.AsyncClient, world: World
) -> None:
    made = await admin.post("/v1/service-clients", json=SYNC)
    assert made.status_code == 201
    assert made.json()["client_secret"].startswith("plp_cs_")
    assert made.json()["scopes"] == ["plans.read", "roster.read"]
    read = await admin.get(made.headers["location"])
    assert "client_secret" not in read.json()
    assert read.json()["secret_count"] == 1
    assert (await token(client, made.json())).status_code == 200
    async with world.transaction() as db:
        kept = (await db.scalars(select(ServiceClient))).one()
        events = (await db.scalars(select(Event).where(Event.entity_id == kept.id))).all()
    assert made.json()["client_secret"] not in str([kept.secret_hashes, *(event.changes for event in events)])
    assert not any("secret_hashes" in event.changes for event in events)


async def test_a_third_secret_ends_the_oldest(admin: httpx.AsyncClient, client: httpx.AsyncClient) -> None:
    made = (await admin.post("/v1/service-clients", json=SYNC)).json()
    path = f"/v1/service-clients/{made['id']}/secrets"
    second, third = [(await admin.post(path)).json()["client_secret"] for _ in range(2)]
    statuses = [(await token(client, made, secret)).status_code for secret in (made["client_secret"], second, third)]
    assert statuses == [401, 200, 200]


async def test_scopes_taken_away_are_gone_from_living_tokens(
    admin: httpx.AsyncClient, client: httpx.AsyncClient, world: World
) -> None:
    made = await admin.post("/v1/service-clients", json=SYNC)
    access = (await token(client, made.json())).json()["access_token"]
    async with world.client_with(access) as service:
        assert (await service.get("/v1/me")).json()["service_client"]["scopes"] == ["plans.read", "roster.read"]
        reply = await admin.patch(
            made.headers["location"], json={"scopes": ["roster.read"]}, headers={"If-Match": made.headers["etag"]}
        )
        assert (reply.status_code, reply.json()["scopes"]) == (200, ["roster.read"])
        assert (await service.get("/v1/me")).json()["service_client"]["scopes"] == ["roster.read"]


async def test_a_disabled_or_deleted_client_is_refused_at_once(
    admin: httpx.AsyncClient, client: httpx.AsyncClient, world: World
) -> None:
    made = await admin.post("/v1/service-clients", json=SYNC)
    path, headers = made.headers["location"], {"If-Match": made.headers["etag"]}
    access = (await token(client, made.json())).json()["access_token"]
    async with world.client_with(access) as service:
        disabled = await admin.patch(path, json={"is_disabled": True}, headers=headers)
        assert (await service.get("/v1/me")).status_code == 401
        assert (await token(client, made.json())).status_code == 401
        assert (await admin.delete(path, headers=headers)).status_code == 412
        assert (await admin.delete(path)).status_code == 428
        assert (await admin.delete(path, headers={"If-Match": disabled.headers["etag"]})).status_code == 204
        assert (await admin.get(path)).status_code == 404
        assert (await service.get("/v1/me")).status_code == 401


async def test_nobody_else_may_know_of_service_clients(world: World, another_world: World) -> None:
    known = await world.service("plans.read")
    insiders: list[Identified] = [
        await world.school_admin(),
        await world.learner(),
        await world.service("access.manage", "plans.write"),
    ]
    for who in insiders:
        async with await world.client_for(who) as client:
            assert (await client.get("/v1/service-clients")).status_code == 403
            assert (await client.post("/v1/service-clients", json=SYNC)).status_code == 403
            await refused_as_unknown(client, known)
    async with await another_world.client_for(await another_world.district_admin()) as client:
        await refused_as_unknown(client, known)
        assert (await client.get("/v1/service-clients")).json()["items"] == []


async def refused_as_unknown(client: httpx.AsyncClient, known: ServiceClient) -> None:
    for client_id in (known.id, uuid4()):
        path = f"/v1/service-clients/{client_id}"
        assert (await client.get(path)).status_code == 404
        assert (await client.patch(path, json={}, headers={"If-Match": '"1"'})).status_code == 404
        assert (await client.delete(path, headers={"If-Match": '"1"'})).status_code == 404
        assert (await client.post(f"{path}/secrets")).status_code == 404


async def test_names_are_unique_and_listed_in_order(admin: httpx.AsyncClient) -> None:
    for name in ("Beta", "Alpha"):
        await admin.post("/v1/service-clients", json=SYNC | {"name": name})
    again = await admin.post("/v1/service-clients", json=SYNC | {"name": "Beta"})
    assert (again.status_code, again.json()["code"]) == (409, "name_taken")
    items = (await admin.get("/v1/service-clients", params={"expand": "available_actions"})).json()["items"]
    assert [item["name"] for item in items] == ["Alpha", "Beta"]
    assert items[0]["available_actions"] == ["edit", "add_secret", "delete"]
    assert "client_secret" not in items[0]


@pytest.mark.parametrize(
    "change",
    [
        {"scopes": []},
        {"scopes": ["everything"]},
        {"name": " "},
        {"public_jwk": {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}},
        {"public_jwk": {"kty": "EC"}},
        {"public_jwk": {"kty": "RSA", "n": "AQAB", "e": "AQAB"}},
        {"public_jwk": {"kty": "oct", "k": "AAAA"}},
        {"public_jwk": {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "d": "AA"}},
    ],
)
async def test_what_a_client_cannot_have_is_refused(admin: httpx.AsyncClient, change: dict[str, Any]) -> None:
    assert (await admin.post("/v1/service-clients", json=SYNC | change)).status_code == 422


async def test_a_client_with_a_key_has_no_secret(admin: httpx.AsyncClient) -> None:
    jwk = new_signing_key().public_jwk
    made = (await admin.post("/v1/service-clients", json=SYNC | {"public_jwk": jwk})).json()
    assert "client_secret" not in made
    assert (made["public_jwk"], made["secret_count"]) == (jwk, 0)
