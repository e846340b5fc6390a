"""A service that can see nothing of a list is told which permission it lacks, instead of being shown none."""

import pytest

from tests.factories import World

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("scopes", "url", "permission"),
    [
        (("events.read",), "/v1/plans", "plans:read"),
        (("roster.read",), "/v1/plans?limit=1&count=true", "plans:read"),
        (("events.read",), "/v1/learners", "roster:read"),
        (("competencies.read",), "/v1/me/learners", "roster:read"),
        (("events.read",), "/v1/classes", "roster:read"),
        (("plans.write", "roster.write"), "/v1/accounts", "accounts:read"),
    ],
)
async def test_a_list_beyond_the_scopes_is_refused(
    world: World, scopes: tuple[str, ...], url: str, permission: str
) -> None:
    client = await world.client_for(await world.service(*scopes))
    reply = await client.get(url)
    assert (reply.status_code, reply.json()["permission"]) == (403, permission)


@pytest.mark.parametrize("url", ["/v1/plans", "/v1/learners", "/v1/classes", "/v1/accounts"])
async def test_a_person_without_relations_sees_an_empty_list(world: World, url: str) -> None:
    reply = await (await world.client_for(await world.person())).get(url)
    assert (reply.status_code, reply.json()["items"]) == (200, [])


@pytest.mark.parametrize("url", ["/v1/plans", "/v1/learners", "/v1/classes"])
async def test_what_a_scope_covers_is_listed(world: World, url: str) -> None:
    client = await world.client_for(await world.service("plans.read"))
    assert (await client.get(url)).status_code == 200
