"""The application and the oracle are asked the same questions about generated tenants, and give the same answers.

A case is a whole tenant, asked through at most sixty requests.
"""

import ast
import asyncio
import re
from pathlib import Path
from pprint import pformat
from typing import Any

import httpx
import pytest
from hypothesis import given, settings

from app.core.runtime import Runtime
from tests.access import oracle, worlds
from tests.access.kinds import Answer
from tests.access.oracle import Oracle
from tests.access.questions import Case, Question, cases
from tests.access.rows import Written, write
from tests.openapi_contract import CheckedTransport

CASES = max(200, settings().max_examples)
BLOCK = 10
"""Cases a test, so that workers can share them. After its tenth hypothesis mostly varies what it has had."""


@pytest.fixture(scope="session")
async def loop(runtime: Runtime) -> asyncio.AbstractEventLoop:
    """The session's event loop. Hypothesis calls plain functions; between async tests this loop stands still."""
    return asyncio.get_running_loop()


@pytest.mark.parametrize("block", range(CASES // BLOCK))
@settings(max_examples=BLOCK)
@given(case=cases())
def test_the_application_answers_as_the_rules_say(
    block: int, case: Case, loop: asyncio.AbstractEventLoop, runtime: Runtime, transport: CheckedTransport
) -> None:
    loop.run_until_complete(ask(case, runtime, transport))


async def ask(case: Case, runtime: Runtime, transport: httpx.AsyncBaseTransport) -> None:
    today = case.tenant.today()
    judge = Oracle(case.tenant, today)
    callers = {question.who for question in case.questions}
    written = await write(runtime, transport, case.tenant, callers)
    clients = {who: await written.client(who) for who in callers}
    for question in case.questions:
        said = await put(clients[question.who], question, written)
        right = question.answer(judge)
        if case.tenant.today() != today:
            return
        assert said == right, (
            f"{question!r}: the application says {said}, the rules say {right}\n{pformat(case.tenant)}"
        )


async def put(client: httpx.AsyncClient, question: Question, written: Written) -> Answer:
    """What the application answers, with the tenant's names in the place of ids."""
    kind = question.kind

    def fill(text: Any) -> Any:
        return re.sub(r"{(.*?)}", lambda gap: str(written.ids[question.target + gap[1]]), text)

    def named(items: list[Any] | None) -> frozenset[str] | None:
        return None if items is None else frozenset(i if isinstance(i, str) else written.names[i["id"]] for i in items)

    body = {name: fill(value) if isinstance(value, str) else value for name, value in kind.body}
    headers = {"If-Match": "*"} if kind.method in ("PATCH", "DELETE") else {}
    reply = await client.request(kind.method, fill(kind.path), json=body or None, headers=headers)
    if kind.method != "GET" or reply.status_code != 200:
        return Answer(reply.status_code)
    shown = reply.json()
    if "items" not in shown:
        return Answer(200, shows=tuple((name, named(shown.get(name))) for name in kind.shown))
    assert shown.get("total", len(shown["items"])) == len(shown["items"])
    return Answer(200, named(shown["items"]))


@pytest.mark.parametrize("module", [oracle, worlds])
def test_the_oracle_knows_nothing_of_the_application(module: Any) -> None:
    tree = ast.parse(Path(module.__file__).read_text())
    imported = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)} | {
        alias.name for n in ast.walk(tree) if isinstance(n, ast.Import) for alias in n.names
    }
    assert not [name for name in imported if name and name.partition(".")[0] in ("app", "migrations", "sqlalchemy")]
