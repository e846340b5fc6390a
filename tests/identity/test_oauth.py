"""Tokens for programs: client credentials, assertions, scopes, revocation, and errors in the words of RFC 6749."""

import asyncio
import time
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from jose import jwk as jose_jwk
from jose import jwt
from sqlalchemy import update

from app.core.security import SigningKey, new_signing_key
from app.identity.models import ServiceClient
from app.identity.opaque import ClientId, client_secret_hash, new_client_secret
from app.identity.service.oauth import ASSERTION_TYPE
from tests.factories import BASE_URL, World

pytestmark = pytest.mark.anyio

TOKEN = "/v1/oauth/token"
REVOKE = "/v1/oauth/revoke"
GRANT = {"grant_type": "client_credentials"}
SECRET = new_client_secret()
KEY = new_signing_key()


@pytest.fixture
async def service(world: World) -> ServiceClient:
    made = await world.service("plans.read", "roster.read")
    hashed = client_secret_hash(world.runtime.keyring, made.id, SECRET)
    return await change(world, made, secret_hashes=[hashed])


async def change(world: World, service: ServiceClient, **columns: Any) -> ServiceClient:
    async with world.transaction() as db:
        await db.execute(update(ServiceClient).where(ServiceClient.id == service.id).values(**columns))
    return await world.reload(service)


def name_of(service: ServiceClient) -> str:
    return str(ClientId(service.tenant_id, service.id))


async def ask(client: httpx.AsyncClient, service: ServiceClient, secret: str = SECRET, **form: str) -> httpx.Response:
    return await client.post(TOKEN, data=GRANT | form, auth=(name_of(service), secret))


def assertion(service: ServiceClient, key: SigningKey = KEY, **changes: Any) -> str:
    now = int(time.time())
    claims: dict[str, Any] = {"iss": name_of(service), "sub": name_of(service), "aud": BASE_URL + TOKEN}
    claims |= {"iat": now, "exp": now + 60, "jti": f"jti-{time.monotonic_ns()}"} | changes
    kept = {name: value for name, value in claims.items() if value is not None}
    signed: str = jwt.encode(kept, key.private_pem.decode(), algorithm="ES256")
    return signed


async def assert_(client: httpx.AsyncClient, text: str, **form: str) -> httpx.Response:
    return await client.post(
        TOKEN, data=GRANT | {"client_assertion_type": ASSERTION_TYPE, "client_assertion": text} | form
    )


async def test_a_client_gets_a_ten_minute_token(
    client: httpx.AsyncClient, world: World, service: ServiceClient
) -> None:
    reply = await ask(client, service)
    assert reply.status_code == 200
    assert reply.headers["cache-control"] == "no-store"
    assert {**reply.json(), "access_token": ""} == {
        "access_token": "",
        "token_type": "Bearer",
        "expires_in": 600,
        "scope": "plans.read roster.read",
    }
    async with world.client_with(reply.json()["access_token"]) as signed_in:
        me = (await signed_in.get("/v1/me")).json()
    assert (me["kind"], me["service_client"]["client_id"], me["person"]) == ("service", name_of(service), None)


async def test_a_token_may_have_fewer_scopes_and_never_more(client: httpx.AsyncClient, service: ServiceClient) -> None:
    assert (await ask(client, service, scope="plans.read")).json()["scope"] == "plans.read"
    for scope in ("plans.write", "plans.read plans.write", "everything"):
        refused = await ask(client, service, scope=scope)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_scope")


async def test_wrong_credentials_are_refused_alike(
    client: httpx.AsyncClient, world: World, service: ServiceClient
) -> None:
    unknown = ServiceClient(tenant_id=world.tenant.id, id=world.tenant.id)
    disabled = await change(world, await world.service("plans.read"), is_disabled=True)
    replies = [await ask(client, service, "wrong"), await ask(client, unknown), await ask(client, disabled)]
    replies += [await client.post(TOKEN, data=GRANT, auth=(name, "x")) for name in ("nobody", "plp_00_00", "")]
    replies += [await client.post(TOKEN, data=GRANT, headers={"Authorization": "Basic !"})]
    assert {reply.status_code for reply in replies} == {401}
    assert len({reply.content for reply in replies}) == 1
    assert replies[0].json()["error"] == "invalid_client"
    assert replies[0].headers["www-authenticate"].startswith("Basic")


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ("", 400, "invalid_request"),
        ("grant_type=password", 400, "unsupported_grant_type"),
        ("grant_type=client_credentials&grant_type=client_credentials", 400, "invalid_request"),
        ("grant_type=client_credentials&scope=%ff", 400, "invalid_request"),
        ("grant_type=client_credentials&scope=%00", 400, "invalid_request"),
        ("grant_type=client_credentials&nonsense", 400, "invalid_request"),
        ("&".join(f"p{n}=1" for n in range(30)), 400, "invalid_request"),
        ("grant_type=client_credentials&client_id=other", 400, "invalid_request"),
        ("grant_type=client_credentials&client_secret=x", 401, "invalid_client"),
        ("grant_type=client_credentials&client_assertion=x", 400, "invalid_request"),
        ("x=" + "y" * 20_000, 413, "invalid_request"),
    ],
)
async def test_a_form_is_read_strictly(
    client: httpx.AsyncClient, service: ServiceClient, body: str, status: int, error: str
) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    reply = await client.post(TOKEN, content=body, headers=headers, auth=(name_of(service), SECRET))
    assert (reply.status_code, reply.json()["error"]) == (status, error)


async def test_what_is_no_form_is_refused(client: httpx.AsyncClient, service: ServiceClient) -> None:
    auth = (name_of(service), SECRET)
    reply = await client.post(TOKEN, json=GRANT, auth=auth)
    assert (reply.status_code, reply.json()["error"]) == (415, "invalid_request")
    assert (await client.post(TOKEN + "?scope=plans.read", data=GRANT, auth=auth)).status_code == 400
    assert (await client.post(TOKEN, data=GRANT)).json()["error"] == "invalid_client"


async def test_a_registered_key_serves_instead_of_a_secret(
    client: httpx.AsyncClient, world: World, service: ServiceClient
) -> None:
    await change(world, service, public_jwk=KEY.public_jwk)
    assert (await assert_(client, assertion(service))).status_code == 200
    assert (await assert_(client, assertion(service, aud=BASE_URL))).status_code == 200
    assert (await assert_(client, assertion(service), client_id=name_of(service))).status_code == 200


async def test_an_rsa_key_serves_too(client: httpx.AsyncClient, world: World, service: ServiceClient) -> None:
    private = rsa.generate_private_key(65537, 2048)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    public = {name: str(value) for name, value in jose_jwk.construct(pem, "RS256").public_key().to_dict().items()}
    await change(world, service, public_jwk=public)
    now = int(time.time())
    claims = {"iss": name_of(service), "sub": name_of(service), "aud": BASE_URL, "exp": now + 60, "jti": "rsa"}
    assert (await assert_(client, jwt.encode(claims, pem, algorithm="RS256"))).status_code == 200


async def test_an_assertion_is_used_once_even_at_once(
    client: httpx.AsyncClient, world: World, service: ServiceClient
) -> None:
    await change(world, service, public_jwk=KEY.public_jwk)
    text = assertion(service)
    replies = await asyncio.gather(*(assert_(client, text) for _ in range(4)))
    assert sorted(reply.status_code for reply in replies) == [200, 401, 401, 401]


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "https://elsewhere.example"},
        {"aud": None},
        {"aud": [BASE_URL, "https://elsewhere.example"]},
        {"exp": int(time.time()) - 60},
        {"exp": int(time.time()) + 3600},
        {"exp": None},
        {"exp": "soon"},
        {"iat": int(time.time()) + 3600},
        {"jti": None},
        {"jti": ""},
        {"jti": 7},
        {"sub": "somebody else"},
        {"sub": None},
        {"iss": "somebody else"},
    ],
)
async def test_an_assertion_that_says_too_little_or_too_much_is_refused(
    client: httpx.AsyncClient, world: World, service: ServiceClient, changes: dict[str, Any]
) -> None:
    await change(world, service, public_jwk=KEY.public_jwk)
    assert (await assert_(client, assertion(service, **changes))).status_code == 401


async def test_a_forged_assertion_is_refused(client: httpx.AsyncClient, world: World, service: ServiceClient) -> None:
    claims = jwt.get_unverified_claims(assertion(service))
    unsigned = assertion(service).rpartition(".")[0] + "."
    assert (await assert_(client, assertion(service))).status_code == 401, "no key is registered"
    await change(world, service, public_jwk=KEY.public_jwk)
    forged = [
        assertion(service, new_signing_key()),
        jwt.encode(claims, "secret", algorithm="HS256"),
        jwt.encode(claims, KEY.public_jwk["x"], algorithm="HS256"),
        jwt.encode(claims, KEY.private_pem.decode(), algorithm="ES256", headers={"crit": ["x"]}),
        jwt.encode(claims, KEY.private_pem.decode(), algorithm="ES256", headers={"typ": "at+jwt"}),
        unsigned,
        "a.b.c",
        "x" * 5000,
    ]
    assert {(await assert_(client, text)).status_code for text in forged} == {401}
    assert (await client.post(TOKEN, data=GRANT | {"client_assertion": "x"})).status_code == 400


async def test_a_revoked_token_is_refused(client: httpx.AsyncClient, world: World, service: ServiceClient) -> None:
    access = (await ask(client, service)).json()["access_token"]
    auth = (name_of(service), SECRET)
    async with world.client_with(access) as signed_in:
        assert (await signed_in.get("/v1/me")).status_code == 200
        for _ in range(2):
            assert (await client.post(REVOKE, data={"token": access}, auth=auth)).status_code == 200
        assert (await signed_in.get("/v1/me")).status_code == 401


async def test_only_own_tokens_are_revoked(
    client: httpx.AsyncClient, world: World, another_world: World, service: ServiceClient
) -> None:
    auth = (name_of(service), SECRET)
    assert (await client.post(REVOKE, data={"token": "nonsense"}, auth=auth)).status_code == 200
    assert (await client.post(REVOKE, data={}, auth=auth)).json()["error"] == "invalid_request"
    assert (await client.post(REVOKE, data={"token": "x"}, auth=(name_of(service), "wrong"))).status_code == 401
    for there in (world, another_world):
        token = await there.token_for(await there.person())
        refused = await client.post(REVOKE, data={"token": token}, auth=auth)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
        async with there.client_with(token) as signed_in:
            assert (await signed_in.get("/v1/me")).status_code == 200
