"""Making and opening share links in tests."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from sqlalchemy import text

from app import tables
from app.plans.models import Plan
from tests.factories import World
from tests.plans.people import Cast, ok


def in_days(days: float) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


def of_plan(plan: Plan) -> str:
    return f"/v1/plans/{plan.id}/share-links"


def wanted(**fields: Any) -> dict[str, Any]:
    """The body of a link to the plan for a month."""
    return {
        "label": "Harbor Robotics",
        "purpose": "Internship",
        "sections": ["plan"],
        "expires_at": in_days(30),
    } | fields


async def propose(cast: Cast, plan: Plan, by: str = "learner", **fields: Any) -> dict[str, Any]:
    """A link as its maker sees it; the counselor's is active."""
    client = await cast.as_(by)
    made: dict[str, Any] = ok(await client.post(of_plan(plan), json=wanted(**fields)), 201)
    return made


async def open_it(client: httpx.AsyncClient, token: str, passcode: str | None = None) -> httpx.Response:
    body = {"token": token} if passcode is None else {"token": token, "passcode": passcode}
    return await client.post("/v1/share-links/open", json=body, headers={"X-Request-Id": "same"})


async def everything(world: World) -> str:
    """Every row of the tenant, as text."""
    owned = [table.name for table in tables.metadata.sorted_tables if "tenant_id" in table.columns]
    rows = " UNION ALL ".join(f"SELECT '{name}' || t::text AS line FROM \"{name}\" t" for name in owned)
    async with world.transaction() as session:
        return str(await session.scalar(text(f"SELECT string_agg(line, chr(10) ORDER BY line) FROM ({rows}) r")))
