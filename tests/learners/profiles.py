"""What tests of profiles share."""

import uuid
from typing import Any

import httpx

from app.learners.models import Learner, ProfileStatement
from tests.plans.people import ok, read, refusal

NEW: dict[str, Any] = {"kind": "interest", "statement": "Takes radios apart, and mends them."}
EXPAND = {"expand": "profile_statements"}


def profile(learner: Learner) -> str:
    return f"/v1/learners/{learner.id}/profile-statements"


async def state(client: httpx.AsyncClient, learner: Learner, **fields: Any) -> str:
    """State something new; the address of it."""
    reply = await client.post(profile(learner), json={**NEW, **fields})
    ok(reply, 201)
    return reply.headers["location"]


async def assert_hidden(client: httpx.AsyncClient, learner: Learner, statement: ProfileStatement) -> None:
    """The profile is hidden in every way, from one who knows of the learner."""
    url, nowhere = f"/v1/profile-statements/{statement.id}", f"/v1/profile-statements/{uuid.uuid4()}"
    for method, body in (("GET", None), ("PATCH", {"statement": "Hacked"}), ("DELETE", None)):
        replies = [await client.request(method, at, json=body, headers={"If-Match": "*"}) for at in (url, nowhere)]
        assert [refusal(reply) for reply in replies] == [(404, "not_found")] * 2, method
        assert len({str(reply.json() | {"request_id": ""}) for reply in replies}) == 1
    for query in ("", "?kind=strength", "?count=true"):
        assert refusal(await client.get(profile(learner) + query)) == (404, "not_found")
    assert refusal(await client.post(profile(learner), json=NEW)) == (404, "not_found")
    assert "profile_statements" not in await read(client, f"/v1/learners/{learner.id}", **EXPAND)
