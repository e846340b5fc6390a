"""Every reply has its request id and is ours, whatever was asked and whatever went wrong."""

import re
from collections.abc import MutableMapping
from typing import Any

import httpx
import pytest

from tests.core.tiny_app import PEOPLE
from tests.factories import World

pytestmark = pytest.mark.anyio

Logs = list[MutableMapping[str, Any]]
MADE_ID = re.compile(r"[0-9a-f]{32}")


@pytest.fixture
def anybody(tiny: World) -> httpx.AsyncClient:
    """A client of the tiny application that has not signed in."""
    client = tiny.client_with("x")
    del client.headers["Authorization"]
    return client


@pytest.mark.parametrize("given", ["r", "A.b_c-9", "x" * 64])
async def test_a_request_id_is_taken_over(anybody: httpx.AsyncClient, given: str) -> None:
    reply = await anybody.get("/livez", headers={"X-Request-Id": given})
    assert reply.headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", " ", "x" * 65, "a b", "a\tb", "ä", "<script>", "a/b"])
async def test_a_request_id_of_another_form_is_replaced(anybody: httpx.AsyncClient, given: str) -> None:
    reply = await anybody.get("/livez", headers={b"X-Request-Id": given.encode()})
    assert MADE_ID.fullmatch(reply.headers["x-request-id"])


async def test_every_request_gets_an_id_of_its_own(anybody: httpx.AsyncClient) -> None:
    ids = {(await anybody.get("/livez")).headers["x-request-id"] for _ in range(3)}
    assert len(ids) == 3


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/livez", 200),
        ("GET", PEOPLE, 401),
        ("GET", "/nowhere", 404),
        ("PUT", PEOPLE, 405),
        ("OPTIONS", PEOPLE, 204),
    ],
)
async def test_the_id_is_in_header_log_and_problem(
    anybody: httpx.AsyncClient, logs: Logs, method: str, path: str, status: int
) -> None:
    reply = await anybody.request(method, path, headers={"X-Request-Id": "r-1"})
    assert reply.status_code == status
    assert reply.headers.get_list("x-request-id") == ["r-1"]
    assert reply.headers.get_list("x-content-type-options") == ["nosniff"]
    assert [entry["request_id"] for entry in logs if entry["event"] == "request"] == ["r-1"]
    if status >= 400:
        assert reply.headers["content-type"] == "application/problem+json"
        assert reply.json()["request_id"] == "r-1"
        assert reply.json()["status"] == status


async def test_head_has_the_headers_of_get_and_no_body(tiny: World, caller: httpx.AsyncClient) -> None:
    url = f"{PEOPLE}/{(await tiny.person()).id}"
    got, head = await caller.get(url), await caller.head(url)
    assert head.status_code == 200
    assert head.content == b""
    ours = "x-request-id"
    assert {k: v for k, v in head.headers.items() if k != ours} == {k: v for k, v in got.headers.items() if k != ours}
    again = await caller.head(url, headers={"If-None-Match": got.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        (PEOPLE, "GET, HEAD, OPTIONS, POST"),
        (PEOPLE + "/01934b5e-7f6a-7c3e-9d0a-000000000001", "GET, HEAD, OPTIONS, PATCH"),
        ("/v1/tests/refusals", "OPTIONS, POST"),
        ("/openapi.json", "GET, HEAD, OPTIONS"),
        ("/docs/assets/swagger-ui.css", "GET, HEAD, OPTIONS"),
    ],
)
async def test_what_is_allowed_is_listed_completely(anybody: httpx.AsyncClient, path: str, methods: str) -> None:
    options = await anybody.options(path)
    assert (options.status_code, options.content, options.headers["allow"]) == (204, b"", methods)
    refused = await anybody.request("PROPFIND", path)
    assert (refused.status_code, refused.headers["allow"]) == (405, methods)
    assert refused.json()["code"] == "method_not_allowed"


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "PROPFIND", "HEAD"])
@pytest.mark.parametrize("path", ["/nowhere", "/v1", "/v1/", PEOPLE + "/", "/%00"])
async def test_an_unknown_path_is_not_found(anybody: httpx.AsyncClient, method: str, path: str) -> None:
    reply = await anybody.request(method, path)
    assert reply.status_code == 404
    if method != "HEAD":
        assert reply.headers["content-type"] == "application/problem+json"
        assert reply.json()["code"] == "not_found"


async def test_a_fault_of_ours_tells_the_log_all_and_the_client_nothing(caller: httpx.AsyncClient, logs: Logs) -> None:
    reply = await caller.get("/v1/tests/crash", headers={"X-Request-Id": "r-1"})
    assert reply.status_code == 500
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.headers["x-request-id"] == reply.json()["request_id"] == "r-1"
    assert reply.json()["code"] == "internal_error"
    assert "secret" not in reply.text
    failed = next(entry for entry in logs if entry["event"] == "request_failed")
    assert (failed["request_id"], failed["route"]) == ("r-1", "/v1/tests/crash")
    assert failed["exc_info"]


async def test_the_log_has_no_personal_data(tiny: World, logs: Logs) -> None:
    person = await tiny.person("Unmistakable", "Name")
    token = await tiny.token_for(person)
    caller = tiny.client_with(token)
    await caller.get(f"{PEOPLE}/{person.id}?expand=secret")
    await caller.get(f"{PEOPLE}?family_name=Unmistakable")
    await caller.post(PEOPLE, json={"given_name": "Unmistakable"})
    await caller.post(PEOPLE, json={"given_name": ["Unmistakable"]})
    written = repr(logs)
    for secret in ("Unmistakable", str(person.id), token, "family_name"):
        assert secret not in written
    routes: list[Any] = [entry["route"] for entry in logs if entry["event"] == "request"]
    assert routes == [PEOPLE + "/{id}", PEOPLE, PEOPLE, PEOPLE]


async def test_metrics_name_routes_and_nobody(tiny: World, caller: httpx.AsyncClient) -> None:
    person = await tiny.person()
    await caller.get(f"{PEOPLE}/{person.id}")
    await caller.request("WEIRD", f"/some/{person.id}")
    exposition = (await caller.get("/metrics")).text
    assert f'plp_requests_total{{method="GET",route="{PEOPLE}/{{id}}",status="2xx"}}' in exposition
    assert 'method="OTHER",route="(none)"' in exposition
    assert str(person.id) not in exposition
    assert 'plp_pool_connections{state="in_use"}' in exposition


async def test_headers_beyond_the_limit_are_refused(anybody: httpx.AsyncClient) -> None:
    reply = await anybody.get("/livez", headers={"X-Much": "x" * 40_000})
    assert (reply.status_code, reply.json()["code"]) == (431, "headers_too_large")


async def test_a_refusal_names_a_few_of_many_wrong_places(anybody: httpx.AsyncClient) -> None:
    reply = await anybody.get("/livez?" + "&".join(f"a{number}=1" for number in range(3000)))
    assert reply.status_code == 422
    assert len(reply.json()["errors"]) == 20


async def test_a_body_with_many_unknown_fields_is_answered_shortly(anybody: httpx.AsyncClient) -> None:
    body = {f"field_{number}": 1 for number in range(5000)}
    reply = await anybody.post("/v1/auth/sessions", json=body)
    assert (reply.status_code, len(reply.json()["errors"])) == (422, 20)
