"""The calls that tests of grants make."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from sqlalchemy import select

from app.plans.models import Plan
from tests.factories import World
from tests.plans.people import Cast, ok

TODAY = datetime.now(UTC).date()
SOON = (TODAY + timedelta(days=30)).isoformat()
NADIA: dict[str, Any] = {"email": "nadia@club.example", "given_name": "Nadia", "family_name": "Haddad"}


def body(person: Any = None, **fields: Any) -> dict[str, Any]:
    """A grant of the plan, to read; to somebody invited by e-mail if no person is named."""
    whom: dict[str, Any] = {"invite": NADIA, "until_on": SOON} if person is None else {"person_id": str(person.id)}
    opened: dict[str, Any] = {} if "goal_ids" in fields else {"sections": ["plan"]}
    return {**whom, **opened, "level": "read", "purpose": "mentoring"} | fields


async def share(client: httpx.AsyncClient, plan: Plan, person: Any = None, **fields: Any) -> httpx.Response:
    return await client.post(f"/v1/plans/{plan.id}/grants", json=body(person, **fields))


def at(grant: dict[str, Any]) -> str:
    return f"/v1/grants/{grant['id']}"


async def staff_elsewhere(world: World) -> Any:
    """A teacher of the district whom nothing ties to the learner."""
    return await world.person("Tim", "Tutor", role="teacher", at=await world.school("Elsewhere"))


async def open_to(cast: Cast, person: Any, **fields: Any) -> tuple[Plan, dict[str, Any]]:
    """A plan that the counselor shares with the person, and the grant."""
    plan = await cast.world.plan(cast.learner)
    return plan, ok(await share(await cast.as_("counselor"), plan, person, **fields), 201)


async def rows(world: World, column: Any, *conditions: Any) -> list[Any]:
    """What the tables have, whoever may see it."""
    async with world.transaction() as session:
        return list(await session.scalars(select(column).where(*conditions)))
