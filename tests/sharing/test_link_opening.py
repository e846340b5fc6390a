"""Opening a share link: what it shows to whom, what it tells nobody, and what is noted."""

import asyncio
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx
import pytest
from sqlalchemy import select, update

from app.core.events import Event
from app.core.passwords import HasherBusy
from app.core.runtime import Runtime
from app.db.base import new_id
from app.identity.models import Tenant
from app.sharing.link_token import LinkToken
from app.sharing.models import Consent, Disclosure, ShareLink
from tests import sharing_factories as sharing
from tests.factories import EARLIER, LATER, World
from tests.plans.people import Cast, gather, move, ok, read, refusal, tag
from tests.sharing.links import everything, open_it, propose

pytestmark = pytest.mark.anyio

ALL = ["plan", "profile", "reflections"]


async def counselor(world: World) -> Cast:
    return await gather(world, "counselor")


async def link_of(cast: Cast, plan: Any = None, **fields: Any) -> dict[str, Any]:
    return await propose(cast, plan or await cast.world.plan(cast.learner), "counselor", **fields)


async def change(world: World, entity: Any, **fields: Any) -> None:
    async with world.transaction() as session:
        await session.execute(update(entity).values(**fields))


def at(link: dict[str, Any]) -> str:
    return f"/v1/share-links/{link['id']}"


# What it shows


async def test_a_link_shows_its_sections_and_no_more_of_anybody(world: World, client: httpx.AsyncClient) -> None:
    cast = await counselor(world)
    learner, teacher = cast.learner, await world.teacher_of(cast.learner)
    plan = await world.plan(learner, title="My way", vision="Robots", status="active")
    goal = await world.goal(plan, description="Every day", status="agreed", due_on=date(2027, 1, 31))
    await world.progress(goal, value=25)
    await sharing.profile_statement(world, learner, statement="I can explain.")
    await sharing.profile_statement(world, learner, teacher, "She listens.", kind="interest", stated_on=LATER)
    await sharing.reflection(world, plan, "Mornings are best.", prompt="When?", goal=goal)
    link = await link_of(cast, plan, sections=ALL)
    reply = await open_it(client, link["token"])
    shown = ok(reply)
    assert reply.headers["cache-control"] == "no-store"
    assert shown["reflections"][0].pop("created_at")
    assert shown == {
        "learner": {"given_name": "Lea", "family_initial": "L"},
        "expires_at": link["expires_at"],
        "plan": {
            "title": "My way",
            "vision": "Robots",
            "school_year": 2027,
            "starts_on": "2026-08-01",
            "ends_on": "2027-07-31",
            "status": "active",
            "goals": [
                {
                    "title": "Read more",
                    "description": "Every day",
                    "category": "academic",
                    "status": "agreed",
                    "metric_kind": "percent",
                    "unit": None,
                    "baseline": "0",
                    "target": "100",
                    "current_value": "25",
                    "progress": "0.25",
                    "due_on": "2027-01-31",
                }
            ],
        },
        "profile": [
            {"kind": "strength", "statement": "I can explain.", "stated_on": "2020-01-01"},
            {"kind": "interest", "statement": "She listens.", "stated_on": "2099-01-01"},
        ],
        "reflections": [{"prompt": "When?", "text": "Mornings are best."}],
    }


@pytest.mark.parametrize("section", ALL)
async def test_a_section_that_was_not_chosen_is_absent(world: World, client: httpx.AsyncClient, section: str) -> None:
    cast = await counselor(world)
    link = await link_of(cast, sections=[section])
    assert set(ok(await open_it(client, link["token"]))) == {"learner", "expires_at", section}


async def test_a_link_never_shows_what_is_private_or_said_by_staff(world: World, client: httpx.AsyncClient) -> None:
    cast = await counselor(world)
    plan, staff = await world.plan(cast.learner), cast.people["counselor"]
    goal = await world.goal(plan, outcome_note="SECRET outcome")
    other = await world.plan(cast.learner, school_year=2030, title="SECRET plan")
    await sharing.comment(world, plan, staff, "SECRET comment")
    await sharing.comment(world, plan, staff, "SECRET comment", goal=goal)
    await sharing.reflection(world, plan, "SECRET reflection", is_private=True)
    await sharing.reflection(world, other, "SECRET reflection of another plan")
    await sharing.staff_note(world, cast.learner, staff, "SECRET note")
    await world.action(goal, title="SECRET action")
    await world.progress(goal, note="SECRET progress")
    link = await link_of(cast, plan, sections=ALL, label="SECRET label", purpose="SECRET purpose")
    reply = await open_it(client, link["token"])
    ok(reply)
    ids = (cast.learner.id, plan.id, goal.id, staff.id, world.tenant.id, world.home_school.id, link["id"])
    for text in ("SECRET", "Counselor", "Learner", *map(str, ids)):
        assert text not in reply.text


async def test_what_the_district_closes_is_absent_from_then_on(world: World, client: httpx.AsyncClient) -> None:
    cast = await counselor(world)
    both, one = await link_of(cast, sections=["plan", "profile"]), await propose_again(cast, ["profile"])
    await sharing.sharing_policy(world, {"profile": {"grantee": "none"}, "plan": {"grantee": "read"}})
    assert set(ok(await open_it(client, both["token"]))) == {"learner", "expires_at", "plan"}
    assert refusal(await open_it(client, one["token"])) == (404, "not_found")
    async with world.transaction() as session:
        (noted,) = await session.scalars(select(Disclosure))
    assert noted.sections == ["plan"]
    assert not [name for name in noted.fields if name.startswith("profile")]


async def propose_again(cast: Cast, sections: list[str]) -> dict[str, Any]:
    return await link_of(cast, await cast.world.plan(cast.learner, school_year=2031), sections=sections)


async def test_who_is_signed_in_gets_no_more(world: World) -> None:
    cast = await gather(world, "counselor", "mentor")
    link = await link_of(cast)
    for label in ("mentor", "counselor"):
        assert set(ok(await open_it(await cast.as_(label), link["token"]))) == {"learner", "expires_at", "plan"}


# What it tells nobody


def raw(reply: httpx.Response) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    return reply.status_code, sorted(reply.headers.raw), reply.content


async def test_a_token_that_opens_nothing_has_one_answer(
    world: World, runtime: Runtime, client: httpx.AsyncClient
) -> None:
    cast = await counselor(world)
    tenant_id = world.tenant.id
    good = await link_of(cast)
    answer = raw(await open_it(client, LinkToken.new(tenant_id, new_id()).write()))
    assert answer[0] == 404
    declined = LinkToken.new(tenant_id, new_id())
    await sharing.share_link(
        world,
        await world.plan(cast.learner, school_year=2029),
        id=declined.link_id,
        status="declined",
        token_hash=declined.hash(runtime.keyring),
    )
    revoked = await propose_again(cast, ["plan"])
    ok(await move(await cast.as_("counselor"), at(revoked), "revoke"))
    token = good["token"]
    for text in (
        "x",
        "plp_sl_",
        "plp_sl_x",
        token.removeprefix("plp_sl_"),
        token.replace("plp_sl_", "plp_ot_"),
        token[:-4],
        token + "A",
        token[:-4] + ("AAAA" if not token.endswith("AAAA") else "BBBB"),
        token[:60] + token[60:].swapcase(),
        "plp_sl_" + "A" * 86,
        LinkToken(tenant_id, LinkToken.read(token).link_id, bytes(32)).write(),
        LinkToken(new_id(), LinkToken.read(token).link_id, LinkToken.read(token).secret).write(),
        declined.write(),
        revoked["token"],
    ):
        assert raw(await open_it(client, text)) == answer, text
        assert raw(await open_it(client, text, "heron-4242")) == answer, text
    ok(await open_it(client, token))


@pytest.mark.parametrize(
    ("entity", "fields"),
    [
        (ShareLink, {"expires_at": EARLIER}),
        (ShareLink, {"status": "revoked"}),
        (Consent, {"withdrawn_at": EARLIER}),
        (Consent, {"until_on": date(2021, 1, 1)}),
        (Consent, {"signed_on": LATER}),
    ],
)
async def test_a_link_that_no_longer_opens_is_like_none_also_with_its_passcode(
    world: World, client: httpx.AsyncClient, entity: Any, fields: dict[str, Any]
) -> None:
    cast = await counselor(world)
    consent = await sharing.consent(world, cast.learner)
    link = await link_of(cast, consent_id=str(consent.id), passcode="heron-4242")
    ok(await open_it(client, link["token"], "heron-4242"))
    await change(world, entity, **fields)
    answer = raw(await open_it(client, "x"))
    for passcode in (None, "heron-4242", "wrong"):
        assert raw(await open_it(client, link["token"], passcode)) == answer
    assert (await read(await cast.as_("counselor"), at(link)))["is_in_force"] is False


async def test_a_revoked_link_opens_for_nobody_from_then_on(world: World, client: httpx.AsyncClient) -> None:
    cast = await counselor(world)
    link = await link_of(cast)
    before = await tag(await cast.as_("counselor"), at(link))
    ok(await open_it(client, link["token"]))
    # Having been opened meanwhile keeps nobody from revoking it.
    address, body = f"{at(link)}/transitions", {"action": "revoke"}
    ok(await (await cast.as_("counselor")).post(address, json=body, headers={"If-Match": before}))
    assert refusal(await open_it(client, link["token"])) == (404, "not_found")


async def test_a_proposed_link_has_no_token_to_open_it(
    world: World, runtime: Runtime, client: httpx.AsyncClient
) -> None:
    cast = await gather(world)
    link = await propose(cast, await world.plan(cast.learner))
    stored = await world.reload(ShareLink(id=link["id"]))
    assert stored.token_hash is None


async def test_a_refused_opening_leaves_no_trace(world: World, client: httpx.AsyncClient) -> None:
    cast = await counselor(world)
    link = await link_of(cast, passcode="heron-4242")
    before = await everything(world)
    for passcode in (None, "wrong-4242"):
        assert refusal(await open_it(client, link["token"], passcode)) == (401, "passcode_required")
    assert refusal(await open_it(client, link["token"][:-2] + "AA", "heron-4242")) == (404, "not_found")
    assert await everything(world) == before


# Passcodes


async def test_a_passcode_is_asked_for_and_compared_as_typed(world: World, client: httpx.AsyncClient) -> None:
    cast = await counselor(world)
    link = await link_of(cast, passcode="caf\u00e9-42")
    assert link["has_passcode"] is True
    for passcode in (None, "cafe-42", "CAF\u00c9-42"):
        assert refusal(await open_it(client, link["token"], passcode)) == (401, "passcode_required")
    ok(await open_it(client, link["token"], "cafe\u0301-42"))


async def test_a_passcode_for_a_link_without_one_does_no_harm(world: World, client: httpx.AsyncClient) -> None:
    link = await link_of(await counselor(world))
    ok(await open_it(client, link["token"], "heron-4242"))


async def test_guessing_passcodes_is_slowed_down_at_that_link(world: World, client: httpx.AsyncClient) -> None:
    cast = await counselor(world)
    plan = await world.plan(cast.learner)
    link, other = await link_of(cast, plan, passcode="heron-4242"), await link_of(cast, plan, passcode="stork-4242")
    for number in range(5):
        assert refusal(await open_it(client, link["token"], f"guess-{number}")) == (401, "passcode_required")
    reply = await open_it(client, link["token"], "heron-4242")
    assert refusal(reply) == (429, "too_many_attempts")
    assert int(reply.headers["retry-after"]) >= 1
    ok(await open_it(client, other["token"], "stork-4242"))


async def test_when_too_many_passcodes_are_checked_the_service_is_busy(
    world: World, runtime: Runtime, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    cast = await counselor(world)
    link = await link_of(cast, passcode="heron-4242")

    async def busy(*_: object) -> bool:
        raise HasherBusy

    monkeypatch.setattr(runtime.hasher, "verify", busy)
    reply = await open_it(client, link["token"], "heron-4242")
    assert refusal(reply) == (503, "unavailable")
    assert reply.headers["retry-after"] == "1"


# What is noted


async def test_an_opening_is_counted_disclosed_and_recorded(world: World, client: httpx.AsyncClient) -> None:
    cast = await counselor(world)
    plan, consent = await world.plan(cast.learner), await sharing.consent(world, cast.learner)
    link = await link_of(cast, plan, consent_id=str(consent.id))
    ok(await open_it(client, link["token"]))
    async with world.transaction() as session:
        (noted,) = await session.scalars(select(Disclosure))
        (event,) = await session.scalars(select(Event).where(Event.action == "open"))
    assert (noted.basis, noted.share_link_id, noted.consent_id) == ("share_link", UUID(link["id"]), consent.id)
    assert (noted.recipient, noted.recipient_person_id, noted.purpose) == ("Harbor Robotics", None, "Internship")
    assert (noted.learner_id, noted.plan_id, noted.sections) == (cast.learner.id, plan.id, ["plan"])
    assert noted.fields[:3] == ["learner.given_name", "learner.family_initial", "plan.title"]
    assert "plan.goals.progress" in noted.fields
    assert (noted.actor_person_id, noted.actor_client_id, noted.request_id) == (None, None, "same")
    assert (event.entity_type, event.entity_id, event.section) == ("share_link", UUID(link["id"]), "access")
    assert (event.learner_id, event.plan_id, event.actor_person_id) == (cast.learner.id, plan.id, None)
    assert event.capacity == "share_link"
    found = await read(await cast.as_("learner"), at(link))
    assert found["open_count"] == 1
    assert found["last_opened_at"]
    assert (found["version"], found["updated_at"]) == (link["version"], link["updated_at"])


async def test_openings_at_the_same_time_are_all_counted(world: World, client: httpx.AsyncClient) -> None:
    cast = await counselor(world)
    link = await link_of(cast)
    replies = await asyncio.gather(*(open_it(client, link["token"]) for _ in range(4)))
    assert [reply.status_code for reply in replies] == [200] * 4
    assert (await read(await cast.as_("learner"), at(link)))["open_count"] == 4
    async with world.transaction() as session:
        assert len(list(await session.scalars(select(Disclosure)))) == 4


@pytest.mark.parametrize("timezone", ["Pacific/Kiritimati", "Etc/GMT+12"])
async def test_a_consent_ends_where_the_district_is(world: World, client: httpx.AsyncClient, timezone: str) -> None:
    """It is never the same day in both places."""
    async with world.transaction() as session:
        await session.execute(update(Tenant).where(Tenant.id == world.tenant.id).values(timezone=timezone))
    cast = await counselor(world)
    today = datetime.now(ZoneInfo(timezone)).date()
    consent = await sharing.consent(world, cast.learner, until_on=today + timedelta(days=1))
    link = await link_of(cast, consent_id=str(consent.id))
    ok(await open_it(client, link["token"]))
    await change(world, Consent, until_on=today)
    assert refusal(await open_it(client, link["token"])) == (404, "not_found")


@pytest.mark.parametrize("body", [{}, {"token": ""}, {"token": "x" * 201}, {"token": "x", "passcode": "x" * 65}, []])
async def test_what_is_no_token_and_passcode_is_not_valid(client: httpx.AsyncClient, body: Any) -> None:
    reply = await client.post("/v1/share-links/open", json=body)
    assert refusal(reply) == (422, "validation_error")


async def test_a_token_in_the_address_is_refused(client: httpx.AsyncClient) -> None:
    reply = await client.post("/v1/share-links/open", json={"token": "x"}, params={"token": "x"})
    assert refusal(reply) == (422, "validation_error")
