"""Share links as the school's people see them: who makes, approves, ends and reads them."""

from typing import Any

import pytest
from sqlalchemy import select, update

from app.core.events import Event
from app.core.idempotency import REPLAYED
from app.db.base import new_id
from app.sharing.models import Consent, ShareLink
from tests import sharing_factories as sharing
from tests.factories import EARLIER, LATER, World
from tests.plans.people import Cast, fault, gather, move, ok, read, refusal
from tests.sharing.links import everything, in_days, of_plan, open_it, propose, wanted

pytestmark = pytest.mark.anyio

EVERYBODY = ("guardian", "teacher", "advisor", "counselor", "case_manager", "school_admin", "district_admin")


def at(link: Any) -> str:
    return f"/v1/share-links/{link['id'] if isinstance(link, dict) else link.id}"


async def change(world: World, link: Any, **fields: Any) -> None:
    async with world.transaction() as session:
        await session.execute(update(ShareLink).where(ShareLink.id == link["id"]).values(**fields))


# Making one


async def test_a_counselors_link_is_active_at_once_and_shows_its_token_once(world: World) -> None:
    cast = await gather(world, "counselor")
    plan = await world.plan(cast.learner)
    client = await cast.as_("counselor")
    reply = await client.post(of_plan(plan), json=wanted(sections=["reflections", "plan", "plan"]))
    link = ok(reply, 201)
    assert reply.headers["location"] == at(link)
    assert link.pop("token").startswith("plp_sl_")
    assert link["sections"] == ["plan", "reflections"]
    assert (link["status"], link["is_in_force"], link["has_passcode"]) == ("active", True, False)
    assert (link["open_count"], link["last_opened_at"]) == (0, None)
    assert (link["proposed_as"], link["proposed_by"]) == ("counselor", str(cast.people["counselor"].id))
    assert link["decided_by"] == link["proposed_by"]
    assert await read(client, at(link)) == link


@pytest.mark.parametrize("label", ["learner", "advisor", "case_manager"])
async def test_everybody_elses_link_waits_for_approval(world: World, label: str) -> None:
    cast = await gather(world, label)
    link = await propose(cast, await world.plan(cast.learner), label)
    assert "token" not in link
    assert (link["status"], link["is_in_force"], link["proposed_as"]) == ("proposed", False, label)
    assert link["decided_by"] is None


@pytest.mark.parametrize("label", ["guardian", "teacher", "school_admin", "district_admin", "service_writer"])
async def test_who_reads_the_plan_may_not_make_links_of_it(world: World, label: str) -> None:
    cast = await gather(world, label)
    plan = await world.plan(cast.learner)
    reply = await (await cast.as_(label)).post(of_plan(plan), json=wanted())
    assert refusal(reply) == (403, "forbidden")
    assert reply.json()["permission"] == "plans:write"


@pytest.mark.parametrize("label", ["other_learner", "restricted_counselor", "teacher_elsewhere", "mentor"])
async def test_for_who_does_not_see_the_plan_there_is_none(world: World, label: str) -> None:
    cast = await gather(world, label)
    plan = await world.plan(cast.learner)
    client = await cast.as_(label)
    for reply in (await client.post(of_plan(plan), json=wanted()), await client.get(of_plan(plan))):
        assert refusal(reply) == (404, "not_found")


@pytest.mark.parametrize(
    ("fields", "pointer", "code"),
    [
        ({"expires_at": in_days(-0.01)}, "/expires_at", "not_in_future"),
        ({"expires_at": in_days(367)}, "/expires_at", "too_late"),
        ({"expires_at": None}, "/expires_at", "datetime_type"),
        ({"sections": []}, "/sections", "too_short"),
        ({"sections": ["evidence"]}, "/sections/0", "literal_error"),
        ({"sections": ["plan", "staff_notes"]}, "/sections/1", "literal_error"),
        ({"sections": ["private_reflections"]}, "/sections/0", "literal_error"),
        ({"passcode": "five5"}, "/passcode", "string_too_short"),
        ({"passcode": "x1" * 33}, "/passcode", "string_too_long"),
        ({"passcode": "aaaaaaa"}, "/passcode", "common"),
        ({"passcode": "        "}, "/passcode", "blank"),
        ({"label": " "}, "/label", "blank"),
        ({"token": "plp_sl_mine"}, "/token", "extra_forbidden"),
    ],
)
async def test_a_link_that_is_not_well_made_is_refused(
    world: World, fields: dict[str, Any], pointer: str, code: str
) -> None:
    cast = await gather(world, "counselor")
    reply = await (await cast.as_("counselor")).post(of_plan(await world.plan(cast.learner)), json=wanted(**fields))
    assert fault(reply) == (422, pointer, code)


async def test_nobody_shares_what_she_does_not_read(world: World) -> None:
    cast = await gather(world, "advisor", "case_manager")
    plan = await world.plan(cast.learner)
    await sharing.sharing_policy(world, {"reflections": {"advisor": "none"}, "access": {"case_manager": "none"}})
    reply = await (await cast.as_("advisor")).post(of_plan(plan), json=wanted(sections=["plan", "reflections"]))
    assert (refusal(reply), reply.json()["permission"]) == ((403, "forbidden"), "reflections:read")
    reply = await (await cast.as_("case_manager")).post(of_plan(plan), json=wanted())
    assert (refusal(reply), reply.json()["permission"]) == ((403, "forbidden"), "access:read")


async def test_what_the_district_shares_with_nobody_outside_no_link_carries(world: World) -> None:
    cast = await gather(world, "counselor")
    await sharing.sharing_policy(world, {"profile": {"grantee": "none"}})
    client, plan = await cast.as_("counselor"), await world.plan(cast.learner)
    assert refusal(await client.post(of_plan(plan), json=wanted(sections=["profile"]))) == (409, "section_closed")
    ok(await client.post(of_plan(plan), json=wanted()), 201)


async def test_an_id_of_ones_own_is_taken_once(world: World) -> None:
    cast = await gather(world)
    client, plan = await cast.as_("learner"), await world.plan(cast.learner)
    link = await propose(cast, plan, id=str(new_id()))
    assert refusal(await client.post(of_plan(plan), json=wanted(id=link["id"]))) == (409, "id_taken")


# Consent


async def consented(cast: Cast, consent: Consent, **fields: Any) -> Any:
    plan = await cast.world.plan(cast.learner)
    client = await cast.as_("learner")
    return await client.post(of_plan(plan), json=wanted(consent_id=str(consent.id), **fields))


async def test_a_link_may_rest_on_a_consent(world: World) -> None:
    cast = await gather(world)
    consent = await sharing.consent(world, cast.learner, sections=["plan", "profile"])
    link = ok(await consented(cast, consent, sections=["profile"]), 201)
    assert link["consent_id"] == str(consent.id)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"sections": ["plan"]}, "consent_not_covering"),
        ({"purpose": "guardian_access"}, "consent_not_covering"),
        ({"recipient_person_id": "@learner"}, "consent_not_covering"),
        ({"until_on": LATER, "signed_on": LATER.replace(year=2098)}, "consent_ended"),
        ({"until_on": EARLIER, "signed_on": EARLIER.replace(year=2019)}, "consent_ended"),
        ({"withdrawn_at": True}, "consent_ended"),
    ],
)
async def test_a_consent_must_cover_the_link_and_be_in_force(world: World, fields: dict[str, Any], code: str) -> None:
    cast = await gather(world)
    given = {"sections": ["plan", "profile"], **fields}
    if "withdrawn_at" in given:
        given["withdrawn_at"] = world.tenant.created_at
    if "recipient_person_id" in given:
        given.pop("recipient_person_id")
        given["recipient_person"] = cast.learner
    if given.get("purpose") == "guardian_access":
        given["recipient_person"] = await world.guardian_of(cast.learner)
    consent = await sharing.consent(world, cast.learner, **given)
    assert refusal(await consented(cast, consent, sections=["plan", "profile"])) == (409, code)


async def test_a_consent_of_another_learner_is_none(world: World) -> None:
    cast = await gather(world)
    consent = await sharing.consent(world, await world.learner("Otto", "Other"))
    assert fault(await consented(cast, consent)) == (404, "/consent_id", "not_found")


# Approving


@pytest.mark.parametrize("label", ["counselor", "school_admin"])
async def test_an_approved_link_shows_its_token_once(world: World, label: str) -> None:
    cast = await gather(world, label)
    link = await propose(cast, await world.plan(cast.learner))
    client = await cast.as_(label)
    assert (await read(client, at(link)))["available_actions"] == ["approve", "decline", "revoke"]
    approved = ok(await move(client, at(link), "approve"))
    ok(await open_it(client, approved.pop("token")))
    approved |= {"open_count": 1, "last_opened_at": (await read(client, at(link)))["last_opened_at"]}
    assert (approved["status"], approved["is_in_force"]) == ("active", True)
    assert approved["decided_by"] == str(cast.people[label].id)
    assert await read(client, at(link)) == approved
    assert "token" not in await read(await cast.as_("learner"), at(link))
    assert refusal(await move(client, at(link), "approve")) == (409, "wrong_status")


@pytest.mark.parametrize("label", ["learner", "guardian", "advisor", "case_manager", "district_admin"])
async def test_nobody_else_approves(world: World, label: str) -> None:
    cast = await gather(world, label)
    link = await propose(cast, await world.plan(cast.learner))
    client = await cast.as_(label)
    for action in ("approve", "decline"):
        assert refusal(await move(client, at(link), action, "because")) == (403, "forbidden")
    blocked = (await read(client, at(link)))["blocked_actions"]
    assert {"approve", "decline"} <= {each["action"] for each in blocked if each["code"] == "forbidden"}


async def test_declining_needs_a_reason_and_is_final(world: World) -> None:
    cast = await gather(world, "counselor")
    link = await propose(cast, await world.plan(cast.learner))
    client = await cast.as_("counselor")
    assert fault(await move(client, at(link), "decline")) == (422, "/reason", "missing")
    assert ok(await move(client, at(link), "decline", "Too wide."))["status"] == "declined"
    for action in ("approve", "revoke"):
        assert refusal(await move(client, at(link), action)) == (409, "wrong_status")


async def test_what_would_not_open_is_not_approved(world: World) -> None:
    cast = await gather(world, "counselor")
    plan, client = await world.plan(cast.learner), await cast.as_("counselor")
    late = await propose(cast, plan)
    await change(world, late, expires_at=world.tenant.created_at)
    assert refusal(await move(client, at(late), "approve")) == (409, "expired")
    consent = await sharing.consent(world, cast.learner)
    link = await propose(cast, plan, consent_id=str(consent.id))
    async with world.transaction() as session:
        await session.execute(update(Consent).values(withdrawn_at=world.tenant.created_at))
    assert refusal(await move(client, at(link), "approve")) == (409, "consent_ended")


# Ending


@pytest.mark.parametrize("label", ["learner", "counselor", "school_admin", "district_admin"])
async def test_a_revoked_link_is_over(world: World, label: str) -> None:
    cast = await gather(world, "counselor", label)
    link = await propose(cast, await world.plan(cast.learner), "counselor")
    client = await cast.as_(label)
    revoked = ok(await move(client, at(link), "revoke"))
    assert (revoked["status"], revoked["is_in_force"]) == ("revoked", False)
    assert revoked["revoked_by"] == str(cast.people[label].id)
    assert revoked["revoked_at"]
    assert refusal(await move(client, at(link), "revoke")) == (409, "wrong_status")


@pytest.mark.parametrize("label", ["advisor", "case_manager"])
async def test_who_proposed_a_link_may_take_it_back_and_others_of_her_kind_may_not(world: World, label: str) -> None:
    cast = await gather(world, label, "counselor")
    plan = await world.plan(cast.learner)
    own, other = await propose(cast, plan, label), await propose(cast, plan, "counselor")
    client = await cast.as_(label)
    assert ok(await move(client, at(own), "revoke"))["status"] == "revoked"
    assert refusal(await move(client, at(other), "revoke")) == (403, "forbidden")


async def test_a_change_of_what_has_changed_since_is_refused(world: World) -> None:
    cast = await gather(world, "counselor")
    link = await propose(cast, await world.plan(cast.learner))
    client, address = await cast.as_("counselor"), f"{at(link)}/transitions"
    assert refusal(await client.post(address, json={"action": "approve"})) == (428, "if_match_required")
    stale = {"If-Match": '"9-0123456789abcdef"'}
    assert refusal(await client.post(address, json={"action": "approve"}, headers=stale)) == (412, "version_mismatch")


# Reading


@pytest.mark.parametrize("label", ["learner", *EVERYBODY, "service_reader", "service_writer"])
async def test_who_reads_who_has_access_reads_the_links(world: World, label: str) -> None:
    cast = await gather(world, "counselor", label)
    plan = await world.plan(cast.learner)
    link = await propose(cast, plan, "counselor")
    client = await cast.as_(label)
    single, listed = await client.get(at(link)), await client.get(of_plan(plan))
    if label in ("teacher", "service_reader", "service_writer"):
        assert refusal(single) == (404, "not_found")
        assert refusal(listed) in ((404, "not_found"), (403, "forbidden"))
        return
    assert "token" not in ok(single)
    (item,) = ok(listed)["items"]
    del link["token"], link["available_actions"], link["blocked_actions"]
    assert item == link
    (item,) = (await read(client, of_plan(plan), expand="available_actions"))["items"]
    assert item == ok(single)


async def test_a_service_that_manages_access_reads_the_links(world: World) -> None:
    cast = await gather(world, "counselor")
    plan = await world.plan(cast.learner)
    link = await propose(cast, plan, "counselor")
    service = await world.client_for(await world.service("access.manage"))
    assert (await read(service, at(link)))["available_actions"] == []
    assert len((await read(service, of_plan(plan)))["items"]) == 1


async def test_a_plans_links_are_listed_newest_first_and_by_status(world: World) -> None:
    cast = await gather(world, "counselor")
    plan = await world.plan(cast.learner)
    first, second = await propose(cast, plan), await propose(cast, plan, "counselor")
    await propose(cast, await world.plan(cast.learner, school_year=2030))
    client = await cast.as_("learner")

    async def ids(**query: Any) -> list[str]:
        return [item["id"] for item in (await read(client, of_plan(plan), **query))["items"]]

    assert await ids() == [second["id"], first["id"]]
    assert await ids(sort="created_at") == [first["id"], second["id"]]
    assert await ids(status="proposed") == [first["id"]]
    assert await ids(status="revoked") == []


async def test_a_restriction_hides_the_links_from_who_is_kept_from_section_access(world: World) -> None:
    cast = await gather(world, "counselor")
    link = await propose(cast, await world.plan(cast.learner))
    guardian = await world.person(role="guardian")
    await sharing.restrict_sections(world, await world.guardian(guardian, cast.learner), ["access"])
    assert refusal(await (await world.client_for(guardian)).get(at(link))) == (404, "not_found")


async def test_a_link_that_is_over_is_not_in_force(world: World) -> None:
    cast = await gather(world, "counselor")
    link = await propose(cast, await world.plan(cast.learner), "counselor")
    await change(world, link, expires_at=world.tenant.created_at)
    found = await read(await cast.as_("learner"), at(link))
    assert (found["status"], found["is_in_force"]) == ("active", False)


# What is kept


async def test_neither_token_nor_passcode_is_kept(world: World) -> None:
    cast = await gather(world, "counselor")
    client, plan = await cast.as_("counselor"), await world.plan(cast.learner)
    key = {"Idempotency-Key": "once"}
    reply = await client.post(of_plan(plan), json=wanted(passcode="heron-4242"), headers=key)
    token = ok(reply, 201)["token"]
    rows = await everything(world)
    assert "Harbor Robotics" in rows
    for secret in (token, token.removeprefix("plp_sl_"), token[-40:], "heron-4242"):
        assert secret not in rows
        assert secret.encode().hex() not in rows


async def test_each_step_is_an_event_without_secrets(world: World) -> None:
    cast = await gather(world, "counselor")
    plan, client = await world.plan(cast.learner), await cast.as_("counselor")
    link = await propose(cast, plan, passcode="heron-4242")
    ok(await move(client, at(link), "approve"))
    ok(await move(client, at(link), "revoke", "Sent to the wrong place."))
    async with world.transaction() as session:
        found = await session.scalars(select(Event).where(Event.entity_id == link["id"]).order_by(Event.at))
        events = list(found)
    assert [(each.action, each.capacity, each.section) for each in events] == [
        ("create", "learner", "access"),
        ("approve", "counselor", "access"),
        ("revoke", "counselor", "access"),
    ]
    assert all(each.plan_id == plan.id and each.learner_id == cast.learner.id for each in events)
    assert events[2].reason == "Sent to the wrong place."
    assert not {"token_hash", "passcode_hash"} & {name for each in events for name in each.changes}


async def test_validate_only_makes_no_link(world: World) -> None:
    cast = await gather(world, "counselor")
    client, plan = await cast.as_("counselor"), await world.plan(cast.learner)
    before = await everything(world)
    trial = ok(await client.post(of_plan(plan), json=wanted(), params={"validate_only": "true"}), 201)
    assert await everything(world) == before
    assert refusal(await open_it(client, trial["token"])) == (404, "not_found")


async def test_a_retry_under_the_same_key_shows_the_same_token(world: World) -> None:
    cast = await gather(world, "counselor")
    client, plan = await cast.as_("counselor"), await world.plan(cast.learner)
    body, key = wanted(), {"Idempotency-Key": "once"}
    first, second = [await client.post(of_plan(plan), json=body, headers=key) for _ in range(2)]
    assert ok(first, 201) == ok(second, 201)
    assert second.headers[REPLAYED] == "true"
    assert len((await read(client, of_plan(plan)))["items"]) == 1
    ok(await open_it(client, second.json()["token"]))
