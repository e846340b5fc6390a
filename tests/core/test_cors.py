"""Browsers of other origins: who is let in, with which headers, and how others are told no."""

import httpx
import pytest

from app.core.runtime import Runtime
from app.main import create_app
from app.settings import Settings
from tests.factories import BASE_URL

pytestmark = pytest.mark.anyio

ORIGIN = "http://127.0.0.1:5173"


@pytest.fixture
async def browser(settings: Settings) -> httpx.AsyncClient:
    application = create_app(settings.model_copy(update={"allowed_origins": (ORIGIN,)}))
    runtime: Runtime = application.state.runtime
    runtime.hasher.close()
    return httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url=BASE_URL)


async def preflight(browser: httpx.AsyncClient, origin: str, method: str, headers: str) -> httpx.Response:
    asked = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers}
    return await browser.options("/v1/plans", headers={"Origin": origin} | asked)


async def test_a_listed_origin_may_send_what_the_api_takes(browser: httpx.AsyncClient) -> None:
    headers = "authorization,content-type,idempotency-key,if-match,if-none-match,x-request-id,x-requested-with"
    for method in ("GET", "POST", "PATCH", "DELETE"):
        reply = await preflight(browser, ORIGIN, method, headers)
        assert (reply.status_code, reply.headers["access-control-allow-origin"]) == (200, ORIGIN)


@pytest.mark.parametrize(
    ("origin", "method", "headers", "why"),
    [
        ("https://evil.example", "GET", "authorization", "origin"),
        (ORIGIN, "PUT", "authorization", "method"),
        (ORIGIN, "GET", "x-other", "headers"),
    ],
)
async def test_a_refused_preflight_is_a_problem(
    browser: httpx.AsyncClient, origin: str, method: str, headers: str, why: str
) -> None:
    reply = await preflight(browser, origin, method, headers)
    problem = reply.json()
    assert (reply.status_code, problem["code"]) == (400, "cors_refused")
    assert problem["detail"].startswith(f"Disallowed CORS {why}.")
    assert problem["request_id"] == reply.headers["x-request-id"]
    assert "access-control-allow-origin" not in reply.headers


async def test_the_front_door_leads_to_the_documents(browser: httpx.AsyncClient) -> None:
    reply = await browser.get("/")
    assert (reply.status_code, reply.headers["location"]) == (307, "/docs")
