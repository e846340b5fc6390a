"""What is asked of the servers: each case, and the requests it is made of."""

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bench.load import Traffic, ask, request

EXPANSIONS = ("goals", "goals.actions")
FLOOR_PLAN = "/floor/plans/{id}"
FLOOR_LIST = "/floor/plans"
CONNECTIONS = 8
"""At most so many at once; each writes to goals of its own."""

Server = Literal["app", "floor"]


@dataclass(frozen=True)
class Case:
    """One kind of request to one server. `traffic(n)` makes those of connection n."""

    key: str
    title: str
    server: Server
    traffic: Callable[[int], Traffic]
    status: int = 200


@dataclass(frozen=True)
class Caller:
    """The teacher as whom everything is asked."""

    port: int
    tenant_id: str
    session_id: str
    token: str
    plan_id: str
    """Her first learner's plan: five goals of four actions."""

    @property
    def authorization(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"}

    async def get(self, path: str) -> Any:
        """The JSON of a reply."""
        return json.loads((await ask(self.port, request("GET", path, self.authorization))).body)


async def sign_in(port: int, tenant_id: str, identifier: str, password: str, plan_id: str) -> Caller:
    body = json.dumps({"identifier": identifier, "password": password, "client": "app"})
    tokens = json.loads((await ask(port, request("POST", "/v1/auth/sessions", {}, body), status=201)).body)
    return Caller(port, tenant_id, tokens["session_id"], tokens["access_token"], plan_id)


def read_cases(caller: Caller) -> list[Case]:
    """The two reads."""
    plan = f"/v1/plans/{caller.plan_id}?expand={','.join(EXPANSIONS)}"
    return [
        Case("plan", "plan with 5 goals of 4 actions", "app", _repeated(plan, caller.authorization)),
        Case("list", "list of 50, teacher of 150", "app", _repeated("/v1/plans", caller.authorization)),
    ]


def list_cases(label: str, caller: Caller) -> list[Case]:
    """The two lists that everybody begins with, as one of the district's people."""
    return [
        Case(f"{label}/{path}", f"{path} of the {label}", "app", _repeated(f"/v1/{path}", caller.authorization))
        for path in ("plans", "learners")
    ]


def explain_case(caller: Caller, learner_id: str, person_id: str) -> Case:
    """May this person read the learner's plan, and why?"""
    query = f"person_id={person_id}&action=plan:read&plan_id={caller.plan_id}"
    path = f"/v1/learners/{learner_id}/access/explain?{query}"
    return Case("explain", "explain one person's access", "app", _repeated(path, caller.authorization))


async def all_cases(caller: Caller) -> list[Case]:
    """Every case, the reads with their floors, in the order of the report."""
    plan, listed = read_cases(caller)
    usual = f"/bench/usual/plans/{caller.plan_id}"
    changed, extended = await _own_goals(caller)
    return [
        Case("empty", "empty route", "app", _repeated("/bench/empty", {})),
        Case("plan_floor", "floor of the plan read", "floor", _repeated(FLOOR_PLAN.format(id=caller.plan_id), {})),
        plan,
        Case("plan_usual", "the same plan, the usual way", "app", _repeated(usual, caller.authorization)),
        Case("list_floor", "floor of the list", "floor", _repeated(FLOOR_LIST, {})),
        listed,
        Case("patch", "goal PATCH, If-Match, event", "app", lambda n: _patching(caller, changed[n])),
        Case(
            "progress",
            "progress POST, Idempotency-Key",
            "app",
            lambda n: _recording(caller, extended[n]),
            status=201,
        ),
    ]


async def check_shape(caller: Caller) -> None:
    """Raise unless the data is what the report says."""
    plan = await caller.get(f"/v1/plans/{caller.plan_id}?expand={','.join(EXPANSIONS)}")
    assert [len(goal["actions"]) for goal in plan["goals"]] == [4] * 5
    page = await caller.get("/v1/plans?count=true")
    assert (len(page["items"]), page["total"]) == (50, 150)


async def _own_goals(caller: Caller) -> tuple[list[str], list[str]]:
    """Goals on which the teacher is named: to change, and to record progress on. None is of the plan that is read."""
    page = await caller.get("/v1/plans?status=active&limit=50")
    plans = [plan["id"] for plan in page["items"] if plan["id"] != caller.plan_id][: 2 * CONNECTIONS]
    goals = [(await caller.get(f"/v1/plans/{plan}/goals?limit=1"))["items"][0]["id"] for plan in plans]
    return goals[:CONNECTIONS], goals[CONNECTIONS:]


def _repeated(path: str, headers: Mapping[str, str]) -> Callable[[int], Traffic]:
    content = request("GET", path, headers)

    def traffic(_connection: int) -> Traffic:
        while True:
            yield content

    return traffic


def _patching(caller: Caller, goal_id: str) -> Traffic:
    """Reads the goal's tag once, then changes its description again and again, each time with the tag of before."""
    path = f"/v1/goals/{goal_id}"
    tag = (yield request("GET", path, caller.authorization)).etag
    while True:
        body = json.dumps({"description": f"Changed {uuid.uuid4()}"})
        tag = (yield request("PATCH", path, {**caller.authorization, "if-match": tag}, body)).etag


def _recording(caller: Caller, goal_id: str) -> Traffic:
    body = json.dumps({"value": "70", "note": "Unit test"})
    while True:
        headers = {**caller.authorization, "idempotency-key": str(uuid.uuid4())}
        yield request("POST", f"/v1/goals/{goal_id}/progress", headers, body)
