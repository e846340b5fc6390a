"""Browser mode: the refresh token in a cookie, and the defence of the two operations that read it."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response

from app.identity.cookies import cookie_name, set_cookie
from app.identity.models import Session
from app.identity.opaque import RefreshToken
from app.settings import Settings
from tests.factories import BASE_URL, World

pytestmark = pytest.mark.anyio

PASSWORD = "violet canyon 42"
OWN_PAGE = {"Origin": BASE_URL, "X-Requested-With": "plp"}


@pytest.fixture
async def session(world: World) -> Session:
    return await world.session(await world.account(await world.person()), client="browser")


@pytest.fixture
async def browser(client: httpx.AsyncClient, world: World, session: Session) -> AsyncIterator[httpx.AsyncClient]:
    client.cookies.set("plp_refresh", RefreshToken(world.tenant.id, session.id, 0).write(world.runtime.keyring))
    async with client:
        yield client


async def test_a_browser_gets_its_refresh_token_in_a_cookie_only(client: httpx.AsyncClient, world: World) -> None:
    account = await world.account(await world.person(), email=f"b@{world.tenant.slug}.example", password=PASSWORD)
    body = {"identifier": account.email, "password": PASSWORD, "client": "browser"}
    reply = await client.post("/v1/auth/sessions", json=body)
    assert reply.status_code == 201
    assert "refresh_token" not in reply.json()
    cookie = reply.headers["set-cookie"].lower()
    assert cookie.startswith("plp_refresh=plp_rt_")
    for attribute in ("httponly", "samesite=strict", "path=/"):
        assert attribute in cookie
    assert "domain" not in cookie


def test_over_https_the_cookie_is_secure_and_bound_to_the_host(settings: Settings) -> None:
    secure = settings.model_copy(update={"public_url": "https://plp.example"})
    reply = Response()
    set_cookie(reply, secure, "token", 60)
    cookie = reply.headers["set-cookie"]
    assert cookie.startswith("__Host-plp_refresh=token")
    assert "Secure" in cookie
    assert cookie_name(secure) == "__Host-plp_refresh"


async def test_a_browser_refreshes_from_its_own_page(browser: httpx.AsyncClient, session: Session) -> None:
    before = browser.cookies["plp_refresh"]
    reply = await browser.post("/v1/auth/refresh", headers=OWN_PAGE)
    assert reply.status_code == 200
    assert reply.json()["session_id"] == str(session.id)
    assert "refresh_token" not in reply.json()
    assert f"plp_refresh={before}" not in reply.headers["set-cookie"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": BASE_URL},
        {"X-Requested-With": "plp"},
        {"Origin": "https://evil.example", "X-Requested-With": "plp"},
        {"Origin": "null", "X-Requested-With": "plp"},
        {"Origin": BASE_URL + ".evil.example", "X-Requested-With": "plp"},
    ],
)
async def test_a_foreign_page_can_neither_refresh_nor_sign_out(
    browser: httpx.AsyncClient, world: World, session: Session, headers: dict[str, str]
) -> None:
    refused = await browser.post("/v1/auth/refresh", headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "cross_site")
    assert (await browser.delete("/v1/auth/sessions/current", headers=headers)).status_code == 403
    unchanged = await world.reload(session)
    assert (unchanged.generation, unchanged.ended_at) == (0, None)


def test_an_allowed_origin_may_use_the_cookie(settings: Settings) -> None:
    from app.identity.cookies import check_same_site

    allowed = settings.model_copy(update={"allowed_origins": ("https://app.school.example",)})
    headers = [(b"origin", b"https://app.school.example"), (b"x-requested-with", b"plp")]
    check_same_site(Request({"type": "http", "headers": headers}), allowed)


async def test_cookie_and_body_together_are_refused(browser: httpx.AsyncClient, world: World, session: Session) -> None:
    body = {"refresh_token": browser.cookies["plp_refresh"]}
    reply = await browser.post("/v1/auth/refresh", headers=OWN_PAGE, json=body)
    assert (reply.status_code, reply.json()["code"]) == (400, "ambiguous_credentials")
    assert (await world.reload(session)).generation == 0


async def test_a_browser_token_in_a_body_ends_its_session(
    browser: httpx.AsyncClient, world: World, session: Session
) -> None:
    token = browser.cookies["plp_refresh"]
    browser.cookies.clear()
    assert (await browser.post("/v1/auth/refresh", json={"refresh_token": token})).status_code == 400
    assert (await world.reload(session)).ended_because == "refresh_reuse"


async def test_a_browser_signs_out_with_its_cookie(browser: httpx.AsyncClient, world: World, session: Session) -> None:
    reply = await browser.delete("/v1/auth/sessions/current", headers=OWN_PAGE)
    assert reply.status_code == 204
    assert "plp_refresh=" in reply.headers["set-cookie"]
    assert "Max-Age=0" in reply.headers["set-cookie"]
    assert (await world.reload(session)).ended_because == "signed_out"


async def test_no_other_operation_reads_the_cookie(browser: httpx.AsyncClient) -> None:
    paths: list[tuple[str, str, dict[str, Any]]] = [
        ("GET", "/v1/auth/sessions", {}),
        ("GET", "/v1/me", {}),
        ("POST", "/v1/auth/password", {"json": {"current_password": "x", "new_password": "y"}}),
    ]
    for method, path, more in paths:
        assert (await browser.request(method, path, headers=OWN_PAGE, **more)).status_code == 401
