"""Input that an ordinary service stores, ignores or stumbles over, and the answer it gets here."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.core.runtime import Runtime
from app.db.base import new_id
from tests.factories import World
from tests.openapi_contract import CheckedTransport
from tests.scene import SAMPLES, Scene, assert_problem, method_of, operations

pytestmark = pytest.mark.anyio

WITH_BODY = [name for name, sample in SAMPLES.items() if sample.body is not None]
UNPAGED = {"list_changes", "list_access"}
LISTS = [name for name in SAMPLES if name.startswith("list_") and name not in UNPAGED]
READS = [name for name in SAMPLES if name.startswith(("get_", "list_"))]
WITH_TARGET = [name for name, sample in SAMPLES.items() if sample.target]
NAMES = {name: next(iter({"title", "name"} & set(SAMPLES[name].body or ())), None) for name in WITH_BODY}
MIB = 1 << 20


@pytest.fixture(scope="module")
async def scene(runtime: Runtime, transport: CheckedTransport, app: FastAPI) -> Scene:
    return await Scene.create(await World.create(runtime, transport), app)


async def send_raw(scene: Scene, operation: str, content: Any, **headers: str) -> httpx.Response:
    """An operation's sample with these bytes for its body."""
    client = await scene.client(SAMPLES[operation].caller or "counselor")
    method = method_of(scene.routes[operation])
    given = {"content-type": "application/json", "if-match": "*"} | {k.replace("_", "-"): v for k, v in headers.items()}
    given = {name: value for name, value in given.items() if value}
    return await client.request(method, scene.address(operation), content=content, headers=given)


# Bodies


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"{", id="cut off"),
        pytest.param(b"hello", id="no JSON"),
        pytest.param(b'{"a":1,"a":1}', id="duplicate keys"),
        pytest.param(b"[" * 100_000 + b"]" * 100_000, id="endless nesting"),
        pytest.param(b'{"a":' * 70 + b"1" + b"}" * 70, id="deep nesting"),
        pytest.param(b'{"a":' + b"9" * 5000 + b"}", id="endless integer"),
        pytest.param(b'{"a":"\xff"}', id="bad UTF-8"),
        pytest.param('{"a":1}'.encode("utf-16"), id="UTF-16"),
        pytest.param(b"\xef\xbb\xbf{}", id="byte order mark"),
        pytest.param(b"{} {}", id="two documents"),
        pytest.param(b'{"a":01}', id="leading zero"),
    ],
)
async def test_what_is_not_json_is_refused_everywhere(scene: Scene, content: bytes) -> None:
    for operation in WITH_BODY:
        assert_problem(await send_raw(scene, operation, content), 400, "invalid_json")


@pytest.mark.parametrize(
    ("content", "pointer"),
    [
        pytest.param(b'{"a":NaN}', "/a", id="NaN"),
        pytest.param(b'{"a":[-Infinity]}', "/a/0", id="infinity"),
        pytest.param(b'{"a":1e999}', "/a", id="1e999"),
        pytest.param(b'{"a":"x\\u0000"}', "/a", id="NUL"),
        pytest.param(b'{"a":"\\ud800"}', "/a", id="lone surrogate"),
        pytest.param(b'{"a\\u0000":1}', "", id="NUL in a key"),
        pytest.param(b'{"\\ud800":NaN}', "/?", id="lone surrogate in a key"),
        pytest.param(b'{"a":9223372036854775808}', "/a", id="beyond 64 bits"),
        pytest.param(b"[]", "", id="a list"),
        pytest.param(b'"text"', "", id="a text"),
        pytest.param(b"3", "", id="a number"),
        pytest.param(b'{"is_admin":true}', "/is_admin", id="unknown field"),
    ],
)
async def test_values_that_nothing_can_hold_are_refused_everywhere(scene: Scene, content: bytes, pointer: str) -> None:
    for operation in WITH_BODY:
        assert_problem(await send_raw(scene, operation, content), 422, "validation_error", pointer)


@pytest.mark.parametrize("operation", WITH_BODY)
async def test_an_unknown_field_in_a_good_body_is_refused(scene: Scene, operation: str) -> None:
    body = (scene.body(operation) or {}) | {"is_admin": True}
    assert_problem(await scene.send(operation, body=body), 422, "validation_error", "/is_admin")


@pytest.mark.parametrize("content", [b"", b"null"])
async def test_a_missing_body_is_refused(scene: Scene, content: bytes) -> None:
    for operation in WITH_BODY:
        assert_problem(await send_raw(scene, operation, content), 422, "validation_error")


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonp", ";"]
)
async def test_another_content_type_is_refused_and_the_right_one_named(scene: Scene, content_type: str) -> None:
    for operation in WITH_BODY:
        reply = await send_raw(scene, operation, json.dumps(scene.body(operation)).encode(), content_type=content_type)
        assert_problem(reply, 415, "unsupported_media_type")
        is_patch = method_of(scene.routes[operation]) == "PATCH"
        assert "application/json" in reply.headers["accept-patch" if is_patch else "accept-post"]


async def test_a_merge_patch_is_taken_as_such(scene: Scene) -> None:
    reply = await send_raw(scene, "change_goal", b'{"title":"New"}', content_type="application/merge-patch+json")
    assert reply.status_code == 200


async def test_twenty_megabytes_are_refused_unread(scene: Scene) -> None:
    read = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(20):
            read += 1
            yield b" " * MIB

    for operation in WITH_BODY:
        reply = await send_raw(scene, operation, chunks(), content_length=str(20 * MIB))
        assert_problem(reply, 413, "body_too_large")
    assert read == 0


async def test_an_undeclared_body_is_read_no_further_than_the_limit(scene: Scene) -> None:
    for operation in WITH_BODY:
        read = 0

        async def chunks() -> AsyncIterator[bytes]:
            nonlocal read
            for _ in range(20):
                read += 1
                yield b" " * (MIB // 2)

        assert_problem(await send_raw(scene, operation, chunks()), 413, "body_too_large")
        assert read <= 3


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "\t",
        "\u200b",
        "\u2060\ufeff",
        "a\u202eb",
        "\u2066a",
        "a\u200f",
        "a\x07",
        "a\x7f",
        "a\x85",
        "x" * 201,
        "a\nb",
    ],
)
async def test_names_without_anything_to_see_or_with_tricks_are_refused(scene: Scene, name: str) -> None:
    for operation, field in NAMES.items():
        if field:
            body = (scene.body(operation) or {}) | {field: name}
            assert_problem(await scene.send(operation, body=body), 422, "validation_error", f"/{field}")


async def test_text_is_kept_in_its_composed_form(scene: Scene) -> None:
    reply = await scene.send(
        "create_goal", body=(scene.body("create_goal") or {}) | {"title": " Zoe\u0308 "}, is_trial=True
    )
    assert reply.json()["title"] == "Zo\u00eb"


@pytest.mark.parametrize("value", [True, "3", 3.0, 3.5, None, [3], 10**18, -1])
@pytest.mark.parametrize(
    ("operation", "field"),
    [("create_plan", "school_year"), ("create_milestone", "position"), ("change_milestone", "weight")],
)
async def test_only_an_integer_in_range_is_an_integer(scene: Scene, operation: str, field: str, value: object) -> None:
    body = (scene.body(operation) or {}) | {field: value}
    assert_problem(await scene.send(operation, body=body), 422, "validation_error", f"/{field}")


@pytest.mark.parametrize("value", ["true", 1, "yes", None])
async def test_only_a_boolean_is_a_boolean(scene: Scene, value: object) -> None:
    reply = await scene.send("change_milestone", body={"is_reached": value})
    assert_problem(reply, 422, "validation_error", "/is_reached")


@pytest.mark.parametrize("value", ["", "x", "NaN", "1e5", "1.00001", "99999999999", "-", " 7", 72.5, "٣", True])
async def test_only_a_decimal_that_fits_is_a_quantity(scene: Scene, value: object) -> None:
    reply = await scene.send("create_progress", body={"value": value})
    assert_problem(reply, 422, "validation_error", "/value")


@pytest.mark.parametrize(
    "value", ["2027-02-29", "2027-1-1", "01/02/2027", "", 0, "2027-01-01T00:00:00Z", "99999-01-01"]
)
async def test_only_a_date_is_a_date(scene: Scene, value: object) -> None:
    reply = await scene.send("create_milestone", body={"title": "Half", "due_on": value})
    assert_problem(reply, 422, "validation_error", "/due_on")


# Queries and paths


@pytest.mark.parametrize(
    "operation", [name for name in SAMPLES if name not in ("create_access_token", "revoke_access_token")]
)
async def test_an_unknown_query_parameter_is_refused(scene: Scene, operation: str) -> None:
    reply = await scene.send(operation, query={"filter": "x"})
    assert_problem(reply, 422, "validation_error", "query:filter")


@pytest.mark.parametrize("operation", LISTS)
@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("limit=1&limit=2", "query:limit"),
        ("limit=100000000000000000000", "query:limit"),
        ("limit=" + "9" * 5000, "query:limit"),
        ("limit=0", "query:limit"),
        ("limit=-1", "query:limit"),
        ("limit=", "query:limit"),
        ("limit=ten", "query:limit"),
        ("cursor=a%00", "query:cursor"),
        ("cursor=%ED%A0%80", "query:cursor"),
        ("cursor=%FF", "query:cursor"),
        ("fields=a%00b", "query:fields"),
        ("fields=nonsense", "query:fields"),
        ("count=perhaps", "query:count"),
        ("sort=nonsense", "query:sort"),
        ("a%00=1", "query:?"),
    ],
)
async def test_a_bad_query_parameter_is_refused(scene: Scene, operation: str, query: str, pointer: str) -> None:
    client = await scene.client(SAMPLES[operation].caller or "counselor")
    assert_problem(await client.get(f"{scene.address(operation)}?{query}"), 422, "validation_error", pointer)


@pytest.mark.parametrize("operation", LISTS)
@pytest.mark.parametrize("cursor", ["", "x", "%25", "AAAA", "A" * 100, "e30", "ä"])
async def test_a_made_up_cursor_is_refused(scene: Scene, operation: str, cursor: str) -> None:
    client = await scene.client(SAMPLES[operation].caller or "counselor")
    assert_problem(await client.get(f"{scene.address(operation)}?cursor={cursor}"), 400, "invalid_cursor")


@pytest.mark.parametrize("limit", [201, 10_000, 2**31 - 1])
async def test_a_large_limit_means_the_largest(scene: Scene, limit: int) -> None:
    assert (await scene.send("list_plans", query={"limit": str(limit)})).status_code == 200


@pytest.mark.parametrize(
    ("operation", "query"),
    [
        ("list_plans", {"school_year": str(10**20)}),
        ("list_plans", {"school_year": str(2**63)}),
        ("list_plans", {"school_year": str(2**31)}),
        ("list_plans", {"school_year": "9" * 5000}),
        ("list_plans", {"school_year": "2027.0"}),
        ("list_plans", {"learner_id": "x"}),
        ("list_plans", {"updated_since": "yesterday"}),
        ("list_plans", {"updated_since": "2027-01-01T00:00:00"}),
        ("list_plans", {"updated_since": "0"}),
        ("list_plans", {"updated_since": "0001-01-01T00:00:00+23:59"}),
        ("list_plans", {"updated_since": "9999-12-31T23:59:59.999999-23:59"}),
        ("list_plans", {"mine": "false"}),
        ("list_classes", {"school_year": str(-(2**63) - 1)}),
        ("list_changes", {"after": str(2**63)}),
        ("list_changes", {"after": "-1"}),
        ("list_learners", {"grade": "x" * 21}),
        ("list_learners", {"grade": ""}),
        ("list_competencies", {"code": "\u200b"}),
        ("get_plan", {"expand": "owner"}),
        ("get_plan", {"expand": "goals.plan"}),
        ("get_plan", {"fields": "title,password_hash"}),
        ("get_plan", {"expand": "x" * 501}),
    ],
)
async def test_a_bad_filter_is_refused(scene: Scene, operation: str, query: dict[str, str]) -> None:
    reply = await scene.send(operation, query=query)
    assert_problem(reply, 422, "validation_error", f"query:{next(iter(query))}")


@pytest.mark.parametrize(
    "value", ["x", "1", "%00", "%ED%A0%80", "%FF", "9" * 5000, "null", "..%2F..", "{id}", "%20", "ä"]
)
async def test_what_cannot_be_an_id_names_nothing(scene: Scene, value: str) -> None:
    for operation in WITH_TARGET:
        assert_problem(await scene.send(operation, target=value), 404, "not_found")


@pytest.mark.parametrize("key", ["", " ", "x" * 201, "a b", "ä", "a\tb"])
async def test_a_bad_idempotency_key_is_refused(scene: Scene, key: str) -> None:
    client = await scene.client("counselor")
    headers = {b"Idempotency-Key": key.encode()}
    reply = await client.post(scene.address("create_goal"), json=scene.body("create_goal"), headers=headers)
    assert_problem(reply, 422, "validation_error", "header:Idempotency-Key")


@pytest.mark.parametrize(
    "tag", ["", "*x", "1", '"0-0"', 'W/"1', "\xff", '"999999999999999999999999-0"', '"' + "1" * 5000]
)
async def test_a_tag_that_is_none_matches_nothing(scene: Scene, tag: str) -> None:
    client = await scene.client("counselor")
    headers = {b"If-Match": tag.encode("latin-1")}
    reply = await client.patch(scene.address("change_goal"), json={"title": "Other"}, headers=headers)
    assert_problem(reply, 412, "version_mismatch")


@pytest.mark.parametrize("request_id", ["", "a b", "x" * 65, "ä", '"><script>', "a\x00b"])
async def test_a_bad_request_id_is_replaced(scene: Scene, request_id: str) -> None:
    client = await scene.client("counselor")
    reply = await client.get("/v1/me", headers={b"X-Request-Id": request_id.encode()})
    assert reply.status_code == 200
    assert reply.headers["x-request-id"].isalnum()
    assert reply.headers["x-request-id"] != request_id


# Methods


def methods_by_path(app: FastAPI) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for route in operations(app).values():
        found.setdefault(route.path, {"OPTIONS"}).add(method_of(route))
    return {path: methods | ({"HEAD"} if "GET" in methods else set()) for path, methods in found.items()}


async def test_every_path_names_all_its_methods_when_asked_and_when_refusing(scene: Scene, app: FastAPI) -> None:
    client = await scene.client("counselor")
    for path, methods in methods_by_path(app).items():
        path = path.replace("{id:uuid}", str(new_id())).replace("{", "").replace("}", "")
        options = await client.options(path)
        assert (options.status_code, options.content) == (204, b"")
        assert set(options.headers["allow"].split(", ")) == methods
        for method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"} - methods:
            refused = await client.request(method, path)
            assert refused.status_code == 405
            assert set(refused.headers["allow"].split(", ")) == methods
            if method != "HEAD":
                assert_problem(refused, 405, "method_not_allowed")


@pytest.mark.parametrize("operation", READS)
async def test_head_is_get_without_the_body(scene: Scene, operation: str) -> None:
    client = await scene.client(SAMPLES[operation].caller or "counselor")
    headers = {"X-Request-Id": "same"}
    got = await client.get(scene.address(operation), headers=headers)
    head = await client.head(scene.address(operation), headers=headers)
    assert (got.status_code, head.status_code, head.content) == (200, 200, b"")
    for reply in (got, head) if operation == "list_access_log" else ():
        for changing in ("etag", "content-length"):  # this list tells of its own reading
            del reply.headers[changing]
    assert head.headers == got.headers


@pytest.mark.parametrize(
    "path", ["/v1", "/v1/", "/v1/plan", "/v1/plans/", "/V1/plans", "//v1/plans", "/v1/plans/x/y/z"]
)
async def test_an_unknown_path_is_a_problem(client: httpx.AsyncClient, path: str) -> None:
    for method in ("GET", "POST", "OPTIONS"):
        reply = await client.request(method, httpx.URL(f"http://testserver{path}"))
        assert_problem(reply, 404, "not_found")
