"""The check that every reply of the suite passes through can fail."""

import json
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.openapi_contract import Contract, ContractBroken

EMPTY = {"items": [], "next_after": 0, "has_more": False}
PROBLEM = {"type": "t", "title": "t", "status": 422, "detail": "d", "code": "c", "request_id": "r"}


@pytest.fixture(scope="module")
def contract(app: FastAPI) -> Contract:
    return Contract(app)


def check(contract: Contract, status: int, body: Any, media_type: str = "application/json", path: str = "") -> None:
    request = httpx.Request("GET", "http://testserver" + (path or "/v1/changes"))
    contract.check(request, status, media_type, json.dumps(body).encode())


def test_a_documented_reply_passes(contract: Contract) -> None:
    check(contract, 200, EMPTY)
    check(contract, 422, PROBLEM, "application/problem+json")


@pytest.mark.parametrize(
    ("status", "body", "media_type"),
    [
        (200, {**EMPTY, "unknown": 1}, "application/json"),
        (200, {**EMPTY, "next_after": "0"}, "application/json"),
        (200, {"items": [], "has_more": False}, "application/json"),
        (200, EMPTY, "text/plain"),
        (201, EMPTY, "application/json"),
        (500, PROBLEM, "application/problem+json"),
        (422, PROBLEM, "application/json"),
        (422, {"detail": "d"}, "application/problem+json"),
    ],
)
def test_another_reply_is_found_out(contract: Contract, status: int, body: Any, media_type: str) -> None:
    with pytest.raises(ContractBroken):
        check(contract, status, body, media_type)


def test_what_is_not_documented_is_for_the_framework_to_answer(contract: Contract) -> None:
    check(contract, 404, {}, path="/nowhere")
