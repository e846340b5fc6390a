"""A password gives its owner's rights: nobody hands out, or keeps, one that reaches further than she does."""

from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import delete, update

from app.identity.models import Account
from app.learners.models import Learner
from app.roster.models import Org, Person, RoleAssignment
from tests.factories import EARLIER, Identified, World

pytestmark = pytest.mark.anyio

NEW = "amber meadow 77"


async def issue(world: World, who: Identified, account: Account) -> httpx.Response:
    async with await world.client_for(who) as client:
        return await client.post(f"/v1/accounts/{account.id}/password-reset")


async def reset(world: World, who: Identified, whose: Identified) -> int:
    return (await issue(world, who, await world.account(whose))).status_code


async def invite(world: World, who: Identified, person_id: UUID) -> httpx.Response:
    async with await world.client_for(who) as client:
        body = {"person_id": str(person_id), "username": f"u.{uuid4().hex}"}
        return await client.post("/v1/accounts", json=body)


async def redeem(client: httpx.AsyncClient, token: str) -> int:
    body = {"token": token, "new_password": NEW}
    return (await client.post("/v1/auth/password-resets/complete", json=body)).status_code


@pytest.fixture
async def far_school(world: World) -> Org:
    return await world.school("Far School")


@pytest.fixture
async def far_learner(world: World, far_school: Org) -> Learner:
    return await world.learner(school=far_school)


@pytest.fixture
async def school_admin(world: World) -> Person:
    return await world.school_admin()


async def test_a_district_administrator_is_out_of_reach_wherever_her_role_hangs(
    world: World, school_admin: Person
) -> None:
    district_admin = await world.person(role="district_admin", at=world.home_school)
    assert await reset(world, school_admin, district_admin) == 403
    invited = await invite(world, school_admin, (await world.person(role="district_admin", at=world.home_school)).id)
    assert invited.status_code == 403


async def test_a_school_administrator_at_the_district_org_reaches_that_org_only(world: World) -> None:
    above = await world.school_admin(at=world.district)
    assert await reset(world, above, await world.person(role="teacher")) == 404
    assert await reset(world, above, await world.person(role="counselor", at=world.district)) == 201
    assert await reset(world, above, await world.district_admin()) == 403


Give = Callable[[World, Person, Org, Learner], Awaitable[object]]


async def _role(world: World, person: Person, school: Org, _learner: Learner) -> object:
    return await world.role(person, "counselor", at=school)


async def _class(world: World, person: Person, school: Org, _learner: Learner) -> object:
    return await world.class_(person, school=school)


async def _pupil(world: World, person: Person, _school: Org, learner: Learner) -> object:
    return await world.class_(person, [learner])


async def _caseload(world: World, person: Person, _school: Org, learner: Learner) -> object:
    return await world.caseload(person, learner)


async def _guardianship(world: World, person: Person, _school: Org, learner: Learner) -> object:
    return await world.guardian(person, learner)


@pytest.mark.parametrize("give", [_role, _class, _pupil, _caseload, _guardianship])
async def test_who_acts_at_another_school_is_beyond_a_school_administrator(
    world: World, school_admin: Person, far_school: Org, far_learner: Learner, give: Give
) -> None:
    person = await world.person(role="teacher")
    assert await reset(world, school_admin, person) == 201
    await give(world, person, far_school, far_learner)
    assert await reset(world, school_admin, person) == 403
    newcomer = await world.person(role="teacher")
    await give(world, newcomer, far_school, far_learner)
    assert (await invite(world, school_admin, newcomer.id)).status_code == 403
    async with await world.client_for(school_admin) as client:
        account = (await client.get(f"/v1/accounts/{(await world.account(person)).id}")).json()
    assert account["available_actions"] == []
    assert await reset(world, await world.district_admin(), person) == 201


async def test_what_is_over_elsewhere_is_no_matter(
    world: World, school_admin: Person, far_school: Org, far_learner: Learner
) -> None:
    person = await world.person(role="teacher")
    await world.role(person, "school_admin", at=far_school, until_on=EARLIER)
    await world.caseload(person, far_learner, until_on=EARLIER)
    assert await reset(world, school_admin, person) == 201


async def test_a_pupil_of_another_school_stays_that_schools(
    world: World, school_admin: Person, far_learner: Learner
) -> None:
    """Even where she takes lessons here: her record is the other school's."""
    await world.role(far_learner, "student", at=world.home_school)
    assert await reset(world, school_admin, far_learner) == 403
    assert await reset(world, school_admin, await world.learner()) == 201


@pytest.mark.parametrize("give", [_class, _caseload, _guardianship])
async def test_a_pupil_who_acts_for_others_is_beyond_her_teacher(world: World, give: Give) -> None:
    pupil, other = await world.learner(), await world.learner()
    teacher = await world.teacher_of(pupil)
    assert await reset(world, teacher, pupil) == 201
    await give(world, await world_person(world, pupil), world.home_school, other)
    assert await reset(world, teacher, pupil) == 404


async def world_person(world: World, learner: Learner) -> Person:
    async with world.transaction() as session:
        return await session.get_one(Person, (world.tenant.id, learner.id))


@pytest.mark.parametrize("role", ["teacher", "school_admin", "district_admin"])
async def test_a_restriction_of_contact_overrides_every_role(world: World, role: str) -> None:
    child = await world.learner()
    parent = await world.person(role=role)
    await world.class_(parent, [child])
    bond = await world.guardian(parent, child)
    assert await reset(world, parent, child) == 201
    issued = await issue(world, parent, await world.account(child))
    await world.restrict(bond)
    assert await reset(world, parent, child) == 404
    async with await world.client_for(parent) as client:
        listed = {item["id"] for item in (await client.get("/v1/accounts")).json()["items"]}
    assert str((await world.account(child)).id) not in listed
    transport = httpx.AsyncClient(transport=world._transport, base_url="http://testserver")
    assert await redeem(transport, issued.json()["reset_token"]) == 400


async def test_a_person_of_another_school_looks_like_none_to_who_invites(
    world: World, school_admin: Person, far_school: Org
) -> None:
    stranger = await world.person(role="teacher", at=far_school)
    absent = await invite(world, school_admin, uuid4())
    hidden = await invite(world, school_admin, stranger.id)
    assert (absent.status_code, hidden.status_code) == (404, 404)
    assert {**absent.json(), "request_id": ""} == {**hidden.json(), "request_id": ""}


# A one-time token serves only while its issuer may still hand it out.


async def _loses_role(world: World, issuer: Person) -> None:
    async with world.transaction() as session:
        await session.execute(delete(RoleAssignment).where(RoleAssignment.person_id == issuer.id))


async def _is_disabled(world: World, issuer: Person) -> None:
    async with world.transaction() as session:
        await session.execute(update(Account).where(Account.person_id == issuer.id).values(is_disabled=True))


async def _is_gone(world: World, issuer: Person) -> None:
    async with world.transaction() as session:
        await session.execute(delete(Account).where(Account.person_id == issuer.id))


@pytest.mark.parametrize("happens", [_loses_role, _is_disabled, _is_gone])
@pytest.mark.parametrize("role", ["school_admin", "district_admin"])
async def test_a_token_dies_with_its_issuers_right(
    world: World, client: httpx.AsyncClient, role: str, happens: Callable[[World, Person], Awaitable[None]]
) -> None:
    issuer = await world.person(role=role)
    person, newcomer = await world.person(role="teacher"), await world.person(role="teacher")
    token = (await issue(world, issuer, await world.account(person))).json()["reset_token"]
    invitation = (await invite(world, issuer, newcomer.id)).json()["invitation_token"]
    await happens(world, issuer)
    assert await redeem(client, token) == 400
    assert await redeem(client, invitation) == 400


async def test_a_token_dies_when_its_owner_comes_to_reach_further_than_its_issuer(
    world: World, client: httpx.AsyncClient, school_admin: Person
) -> None:
    person = await world.person(role="teacher")
    token = (await issue(world, school_admin, await world.account(person))).json()["reset_token"]
    await world.role(person, "district_admin")
    assert await redeem(client, token) == 400


async def test_a_teachers_token_serves_while_the_pupil_is_hers(world: World, client: httpx.AsyncClient) -> None:
    pupil = await world.learner()
    teacher = await world.teacher_of(pupil)
    account = await world.account(pupil)
    token = (await issue(world, teacher, account)).json()["reset_token"]
    assert await redeem(client, token) == 204
    assert (await world.reload(account)).password_hash is not None
