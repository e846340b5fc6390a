"""Who the caller is and what she may do in general."""

import pytest

from tests.factories import EARLIER, LATER, World

pytestmark = pytest.mark.anyio


async def test_a_person_reads_her_name_her_roles_of_today_and_her_tenant(world: World) -> None:
    teacher = await world.person("Tola", "Okafor", role="teacher")
    await world.role(teacher, "counselor", until_on=EARLIER)
    await world.role(teacher, "school_admin", from_on=LATER)
    async with await world.client_for(teacher) as client:
        me = (await client.get("/v1/me")).json()
    assert me["kind"] == "person"
    assert me["person"] == {"id": str(teacher.id), "given_name": "Tola", "family_name": "Okafor"}
    assert me["roles"] == [{"role": "teacher", "org_id": str(world.home_school.id), "org_name": "Home School"}]
    assert me["permissions"] == [
        "accounts:read",
        "accounts:reset",
        "competencies:read",
        "evidence:read",
        *(f"mastery:{level}" for level in ("comment", "propose", "read", "write")),
        "plans:comment",
        "plans:read",
        "profile:read",
        "reflections:read",
        "roster:read",
        *(f"staff-notes:{level}" for level in ("comment", "propose", "read", "write")),
    ]
    assert me["tenant"]["slug"] == world.tenant.slug
    assert me["service_client"] is None


async def test_a_pupil_is_a_student_once(world: World) -> None:
    async with await world.client_for(await world.learner()) as client:
        me = (await client.get("/v1/me")).json()
    assert [role["role"] for role in me["roles"]] == ["student"]
    assert "plans:write" in me["permissions"]


async def test_a_role_taken_away_is_gone_on_the_next_request(world: World) -> None:
    person = await world.person()
    role = await world.role(person, "district_admin")
    async with await world.client_for(person) as client:
        assert "accounts:write" in (await client.get("/v1/me")).json()["permissions"]
        async with world.transaction() as db:
            await db.delete(role)
        assert (await client.get("/v1/me")).json()["permissions"] == []


async def test_a_service_reads_its_scopes(world: World) -> None:
    service = await world.service("plans.read", "events.read")
    async with await world.client_for(service) as client:
        me = (await client.get("/v1/me")).json()
    assert (me["kind"], me["person"], me["account_id"]) == ("service", None, None)
    assert me["service_client"]["name"] == service.name
    assert me["permissions"] == ["events:read", "plans:read"]
