"""Sharing a plan with people outside the school: approval, limits, invitations by e-mail."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from app.identity.models import Account, CredentialToken
from app.roster.models import RoleAssignment
from app.sharing.models import Grant
from tests.factories import World
from tests.plans.people import fault, gather, move, ok, read, refusal
from tests.sharing.grants import NADIA, SOON, TODAY, at, body, open_to, rows, share

pytestmark = pytest.mark.anyio

PASSWORD = "violet canyon 42"


# People outside


@pytest.mark.parametrize("label", ["learner", "advisor", "case_manager"])
async def test_what_goes_outside_waits_for_the_counselor(world: World, label: str) -> None:
    cast = await gather(world, label, "counselor", "guardian", "school_admin")
    plan = await world.plan(cast.learner)
    proposed = ok(await share(await cast.as_(label), plan, level="comment"), 201)
    assert (proposed["status"], proposed["is_in_force"], proposed["is_outside"]) == ("proposed", False, True)
    assert (proposed["person"], proposed["invited"]) == (None, NADIA)
    assert set(proposed["available_actions"]) == {"revoke", "edit"}
    assert refusal(await move(await cast.as_(label), at(proposed), "approve")) == (403, "forbidden")
    assert refusal(await move(await cast.as_("guardian"), at(proposed), "approve")) == (403, "forbidden")
    approver = await cast.as_("school_admin" if label == "learner" else "counselor")
    assert set((await read(approver, at(proposed)))["available_actions"]) == {"approve", "decline", "revoke", "edit"}
    approved = ok(await move(approver, at(proposed), "approve"))
    assert (approved["status"], approved["is_in_force"]) == ("active", True)
    assert approved["decided_by"] == str(cast.people["school_admin" if label == "learner" else "counselor"].id)
    assert approved["person"]["given_name"] == "Nadia"
    assert refusal(await move(approver, at(proposed), "approve")) == (409, "wrong_status")


async def test_what_a_counselor_opens_to_outsiders_is_active_at_once(world: World) -> None:
    cast = await gather(world, "counselor", "mentor")
    _, given = await open_to(cast, cast.people["mentor"], until_on=SOON, level="propose", sections=["plan", "profile"])
    assert (given["status"], given["is_outside"], given["sections"]) == ("active", True, ["plan", "profile"])
    mentor = await cast.as_("mentor")
    assert (await read(mentor, at(given)))["id"] == given["id"]
    plan_url = f"/v1/plans/{given['plan_id']}"
    goal = {"title": "Build a robot", "category": "career"}
    assert ok(await mentor.post(f"{plan_url}/goals", json=goal), 201)["proposed_side"] == "guest"


async def test_a_mentor_named_by_an_advisor_learns_nothing_before_approval(world: World) -> None:
    cast = await gather(world, "advisor", "counselor", "mentor")
    plan = await world.plan(cast.learner)
    proposed = ok(await share(await cast.as_("advisor"), plan, cast.people["mentor"], until_on=SOON), 201)
    assert proposed["status"] == "proposed"
    mentor = await cast.as_("mentor")
    own = f"/v1/people/{cast.people['mentor'].id}/grants"
    assert (await mentor.get(at(proposed))).status_code == 404
    assert (await read(mentor, own))["items"] == []
    assert (await mentor.get(f"/v1/plans/{plan.id}")).status_code == 404
    ok(await move(await cast.as_("counselor"), at(proposed), "approve"))
    (shown,) = (await read(mentor, own))["items"]
    assert (shown["id"], shown["learner"]["given_name"], shown["goals"]) == (proposed["id"], "Lea", [])
    assert "invited" not in shown
    ok(await mentor.get(f"/v1/plans/{plan.id}"))


async def test_access_for_outsiders_has_an_end_and_limits(world: World) -> None:
    cast = await gather(world, "counselor", "mentor")
    plan = await world.plan(cast.learner)
    client, mentor = await cast.as_("counselor"), cast.people["mentor"]
    assert fault(await share(client, plan, mentor)) == (422, "/until_on", "missing")
    assert fault(await share(client, plan, until_on=None)) == (422, "/until_on", "missing")
    late = (TODAY + timedelta(days=402)).isoformat()
    assert fault(await share(client, plan, until_on=late)) == (422, "/until_on", "too_late")
    for section in ("mastery", "reflections", "conference_notes"):
        reply = await share(client, plan, mentor, until_on=SOON, sections=["plan", section])
        assert refusal(reply) == (409, "outside_limits")
    assert refusal(await share(client, plan, level="write")) == (409, "outside_limits")


async def test_a_declined_grant_is_over(world: World) -> None:
    cast = await gather(world, "counselor")
    plan = await world.plan(cast.learner)
    proposed = ok(await share(await cast.as_("learner"), plan), 201)
    counselor = await cast.as_("counselor")
    assert fault(await move(counselor, at(proposed), "decline")) == (422, "/reason", "missing")
    declined = ok(await move(counselor, at(proposed), "decline", "We do not know the club."))
    assert (declined["status"], declined["person"]) == ("declined", None)
    assert refusal(await move(await cast.as_("learner"), at(proposed), "revoke")) == (409, "wrong_status")
    assert await rows(world, Account.id, Account.email == NADIA["email"]) == []


# Invitations


async def test_an_invited_mentor_sets_a_password_and_sees_the_plan(world: World, client: httpx.AsyncClient) -> None:
    cast = await gather(world, "learner", "counselor")
    plan = await world.plan(cast.learner)
    proposed = ok(await share(await cast.as_("learner"), plan, level="comment"), 201)
    approved = ok(await move(await cast.as_("counselor"), at(proposed), "approve"))
    token = {"token": approved["invitation_token"], "new_password": PASSWORD}
    assert (await client.post("/v1/auth/password-resets/complete", json=token)).status_code == 204
    who = {"identifier": "Nadia@CLUB.example", "password": PASSWORD, "client": "app", "tenant": world.tenant.slug}
    signed_in = ok(await client.post("/v1/auth/sessions", json=who), 201)
    mentor = world.client_with(signed_in["access_token"])
    assert [item["id"] for item in (await read(mentor, "/v1/plans"))["items"]] == [str(plan.id)]
    ok(await mentor.post(f"/v1/plans/{plan.id}/comments", json={"text": "Well done."}), 201)
    roles = await rows(world, RoleAssignment.role, RoleAssignment.person_id == approved["person"]["id"])
    assert roles == ["mentor"]
    again = await read(await cast.as_("counselor"), at(proposed))
    assert "invitation_token" not in again


async def test_an_invitation_to_a_known_address_goes_to_its_owner(world: World) -> None:
    cast = await gather(world, "counselor", "mentor")
    await world.account(cast.people["mentor"], email="Nadia@Club.example")
    plan = await world.plan(cast.learner)
    proposed = ok(await share(await cast.as_("learner"), plan), 201)
    assert (proposed["person"], proposed["invited"]) == (None, NADIA)
    approved = ok(await move(await cast.as_("counselor"), at(proposed), "approve"))
    assert approved["person"]["id"] == str(cast.people["mentor"].id)
    assert "invitation_token" not in approved
    ok(await (await cast.as_("mentor")).get(f"/v1/plans/{plan.id}"))


@pytest.mark.parametrize(
    ("label", "code"),
    [
        ("other_learner", "pupil"),
        ("learner", "own_plan"),
        ("counselor", "own_grant"),
        ("advisor", "own_grant"),
        ("restricted_guardian", "restricted"),
    ],
)
async def test_an_address_that_must_not_be_let_in_is_found_out_at_approval_only(
    world: World, label: str, code: str
) -> None:
    cast = await gather(world, "counselor", "advisor", *({label} - {"learner", "counselor", "advisor"}))
    await world.account(cast.people[label], email=NADIA["email"])
    plan = await world.plan(cast.learner)
    proposed = ok(await share(await cast.as_("advisor"), plan), 201)
    assert (proposed["person"], proposed["status"]) == (None, "proposed")
    assert refusal(await move(await cast.as_("counselor"), at(proposed), "approve")) == (409, code)
    assert (await world.reload(await one_grant(world))).status == "proposed"


async def one_grant(world: World) -> Grant:
    (found,) = await rows(world, Grant, Grant.tenant_id == world.tenant.id)
    return found  # type: ignore[no-any-return]


async def test_a_revoked_invitation_opens_no_account(world: World, client: httpx.AsyncClient) -> None:
    cast = await gather(world, "counselor")
    _, given = await open_to(cast, None)
    ok(await move(await cast.as_("counselor"), at(given), "revoke"))
    token = {"token": given["invitation_token"], "new_password": PASSWORD}
    reply = await client.post("/v1/auth/password-resets/complete", json=token)
    assert refusal(reply) == (400, "invalid_one_time_token")


async def test_a_token_serves_while_another_grant_wants_the_person(world: World, client: httpx.AsyncClient) -> None:
    cast = await gather(world, "counselor")
    plan, given = await open_to(cast, None)
    counselor = await cast.as_("counselor")
    ok(await share(counselor, plan, sections=["profile"]), 201)
    ok(await move(counselor, at(given), "revoke"))
    token = {"token": given["invitation_token"], "new_password": PASSWORD}
    assert (await client.post("/v1/auth/password-resets/complete", json=token)).status_code == 204


async def test_a_replay_shows_the_token_again_and_a_trial_leaves_nothing(world: World) -> None:
    cast = await gather(world, "counselor")
    plan = await world.plan(cast.learner)
    counselor = await cast.as_("counselor")
    url = f"/v1/plans/{plan.id}/grants"
    tried = ok(await counselor.post(url, json=body(), params={"validate_only": "true"}), 201)
    assert tried["invitation_token"]
    assert await rows(world, Grant.id, Grant.plan_id == plan.id) == []
    assert await rows(world, Account.id, Account.email == NADIA["email"]) == []
    given = await counselor.post(url, json=body(), headers={"Idempotency-Key": "once"})
    again = await counselor.post(url, json=body(), headers={"Idempotency-Key": "once"})
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json() == given.json()
    assert len(await rows(world, CredentialToken.id, CredentialToken.tenant_id == world.tenant.id)) == 1


async def test_the_token_is_kept_nowhere(world: World) -> None:
    cast = await gather(world, "counselor")
    _, given = await open_to(cast, None)
    secret = given["invitation_token"]
    async with world.transaction() as session:
        for table in ("event", "access_grant", "credential_token", "disclosure", "account"):
            found = await session.scalar(
                text(f"SELECT count(*) FROM {table} t WHERE strpos(t::text, :secret) > 0"), {"secret": secret}
            )
            assert found == 0


async def test_an_administrator_of_another_school_gets_no_hold_of_a_grantees_account(world: World) -> None:
    cast = await gather(world, "counselor")
    elsewhere = await world.school("Elsewhere")
    mentor = await world.person("Mia", "Mentor", role="mentor", at=elsewhere)
    account = await world.account(mentor)
    admin = await world.client_for(await world.school_admin(at=elsewhere))
    ok(await admin.post(f"/v1/accounts/{account.id}/password-reset"), 201)
    await open_to(cast, mentor, until_on=SOON)
    assert refusal(await admin.post(f"/v1/accounts/{account.id}/password-reset")) == (403, "forbidden")


async def test_what_waits_for_a_counselor_is_one_list_over_all_her_learners(world: World) -> None:
    cast = await gather(world, "counselor", "mentor")
    second = await world.learner("Second", "Learner")
    await world.caseload(cast.people["counselor"], second)
    strange = await world.learner("Strange", "Learner")
    for learner in (cast.learner, second, strange):
        plan = await world.plan(learner)
        client = await world.client_for(learner)
        ok(await share(client, plan), 201)
        ok(await client.post(f"/v1/plans/{plan.id}/share-links", json=link_body()), 201)
    counselor, wanted = await cast.as_("counselor"), {"status": "proposed", "expand": "available_actions"}
    for path in ("/v1/grants", "/v1/share-links"):
        items = (await read(counselor, path, **wanted))["items"]
        assert {item["learner"]["id"] for item in items} == {str(cast.learner.id), str(second.id)}
        assert all("approve" in item["available_actions"] for item in items)
        assert (await read(await cast.as_("mentor"), path))["items"] == []


def link_body() -> dict[str, Any]:
    return {"label": "Somebody", "purpose": "An internship", "sections": ["plan"], "expires_at": f"{SOON}T00:00:00Z"}
