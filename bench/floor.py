"""The least that can be done: Starlette and asyncpg, the same statements in the same kind of transaction, no sign-in.

Run as `python -m bench.floor --port N`. `BENCH_CALLER` is `tenant/session`, the caller whose statements are used.
"""

import argparse
import contextlib
import os
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import uvicorn
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.core.access import Shape
from app.core.pagination import DEFAULT_LIMIT, PageKey
from app.core.principal import Principal, caller_facts
from app.core.security import AccessClaims
from app.db.engine import server_settings
from app.db.read import Statement
from app.plans.views import PLAN_VIEW, PLANS
from app.settings import Settings
from bench.cases import EXPANSIONS, FLOOR_LIST, FLOOR_PLAN


class Floor:
    """The pool, and the two statements with the caller's values."""

    def __init__(self, settings: Settings, tenant_id: UUID, session_id: UUID) -> None:
        self.settings = settings
        self.claims = AccessClaims(tenant_id, tenant_id, session_id, "person", frozenset(), 0, 0, "")
        self.begin = f"BEGIN READ ONLY; SELECT set_config('app.tenant', '{tenant_id}', true)"
        self.binds: dict[str, Any] = {}

    @contextlib.asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        async with asyncpg.create_pool(
            self.settings.database_url.get_secret_value(),
            min_size=self.settings.pool_size,
            max_size=self.settings.pool_size,
            reset=_keep,
            max_cacheable_statement_size=0,
            server_settings=server_settings(self.settings),
        ) as self.pool:
            values = {"caller_tenant": self.claims.tenant_id, "caller_session": self.claims.session_id}
            row = await self.fetch(Statement.compile(select(caller_facts().label("facts"))), values)
            principal = Principal.parse(row["facts"], self.claims)
            self.binds = principal.binds()
            self.plan, self.plans = _statements(principal.shape)
            yield

    async def fetch(self, statement: Statement, values: dict[str, Any]) -> Any:
        async with self.pool.acquire() as connection:
            await connection.execute(self.begin)
            row = await connection.fetchrow(statement.sql, *statement.arguments(values))
            await connection.execute("COMMIT")
            return row

    async def get_plan(self, request: Request) -> Response:
        row = await self.fetch(self.plan, {**self.binds, "id": UUID(request.path_params["id"])})
        return Response(row["body"], media_type="application/json")

    async def list_plans(self, _request: Request) -> Response:
        row = await self.fetch(self.plans, {**self.binds, "page_limit": DEFAULT_LIMIT})
        return Response(f'{{"items":[{row["items"]}],"next_cursor":null}}', media_type="application/json")


async def _keep(_connection: Any) -> None:
    """Nothing to reset between borrowers: the transaction's setting ended with it."""


def _statements(shape: Shape) -> tuple[Statement, Statement]:
    nothing: frozenset[str] = frozenset()
    page = PageKey(shape, nothing, "-updated_at", False, False, nothing)
    return PLAN_VIEW.statement(shape, frozenset(EXPANSIONS)), PLANS.statement(page)


async def _alive(_request: Request) -> Response:
    return Response(b"{}", media_type="application/json")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    tenant, session = os.environ["BENCH_CALLER"].split("/")
    floor = Floor(Settings(), UUID(tenant), UUID(session))
    routes = [
        Route("/livez", _alive),
        Route(FLOOR_PLAN.format(id="{id}"), floor.get_plan),
        Route(FLOOR_LIST, floor.list_plans),
    ]
    app = Starlette(routes=routes, lifespan=floor.lifespan)
    uvicorn.run(app, port=parser.parse_args().port, log_config=None, access_log=False, server_header=False)


if __name__ == "__main__":
    main()
