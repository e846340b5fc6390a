"""Consents: who signs, who records, who withdraws, and what ends with them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from app.core.sequencer import number_events
from tests import sharing_factories as sharing
from tests.databases import Database
from tests.factories import World
from tests.plans.people import Cast, fault, gather, move, ok, read, refusal, tag

pytestmark = pytest.mark.anyio

TODAY = datetime.now(UTC).date()
YESTERDAY, TOMORROW = TODAY - timedelta(days=1), TODAY + timedelta(days=1)
RECORDERS = ("counselor", "case_manager", "school_admin", "district_admin", "access_manager")


async def cast_with(world: World, *labels: str, of_age: bool = False) -> Cast:
    cast = await gather(world, *(label for label in labels if label != "access_manager"))
    cast.people["access_manager"] = await world.service("access.manage", "events.read")
    if of_age:
        await sharing.age(world, cast.learner, college_entry_on=TODAY)
    return cast


def of(cast: Cast) -> str:
    return f"/v1/learners/{cast.learner.id}/consents"


def body(**fields: Any) -> dict[str, Any]:
    """A consent to sharing the plan, signed in the product."""
    return {"purpose": "sharing", "recipient": "The youth club", "sections": ["plan"], "method": "in_product"} | fields


def paper(consenter: Any, **fields: Any) -> dict[str, Any]:
    return body(method="on_paper", reference="Folder 7", consenter_id=str(consenter.id)) | fields


def keeping(guardian: Any, **fields: Any) -> dict[str, Any]:
    return body(purpose="guardian_access", sections=[], recipient_person_id=str(guardian.id)) | fields


async def sign(cast: Cast, label: str, given: dict[str, Any]) -> httpx.Response:
    return await (await cast.as_(label)).post(of(cast), json=given)


# Signing in the product


async def test_until_the_learner_is_of_age_a_guardian_signs(world: World) -> None:
    cast = await cast_with(world, "guardian")
    reply = await sign(cast, "guardian", body(sections=["reflections", "plan", "plan"]))
    made = ok(reply, 201)
    assert reply.headers["location"] == f"/v1/consents/{made['id']}"
    assert (made["consenter_as"], made["consenter"]["family_name"]) == ("guardian", "Guardian")
    assert (made["sections"], made["signed_on"]) == (["plan", "reflections"], TODAY.isoformat())
    assert (made["is_in_force"], made["recorded_by"]) == (True, None)
    assert made["available_actions"] == ["withdraw"]
    assert refusal(await sign(cast, "learner", body())) == (409, "not_of_age")


async def test_of_age_the_learner_signs_and_no_guardian_even_of_a_dependent(world: World) -> None:
    cast = await cast_with(world, "guardian", of_age=True)
    made = ok(await sign(cast, "learner", body()), 201)
    assert (made["consenter_as"], made["consenter"]["id"]) == ("learner", str(cast.learner.id))
    assert (await sign(cast, "guardian", body())).status_code == 404
    await sharing.age(world, cast.learner, is_dependent=True)
    assert refusal(await sign(cast, "guardian", body())) == (409, "of_age")


@pytest.mark.parametrize("label", ["advisor", *RECORDERS])
async def test_staff_sign_for_nobody(world: World, label: str) -> None:
    cast = await cast_with(world, label, of_age=True)
    reply = await sign(cast, label, body())
    assert refusal(reply) == (403, "forbidden")
    assert reply.json()["permission"] == "access:consent"


@pytest.mark.parametrize("label", ["teacher", "other_school_admin", "restricted_guardian", "mentor", "service_reader"])
async def test_to_others_there_are_no_consents(world: World, label: str) -> None:
    cast = await cast_with(world, label)
    row = await sharing.consent(world, cast.learner)
    client = await cast.as_(label)
    assert (await sign(cast, label, body())).status_code == 404
    assert (await client.get(of(cast))).status_code == (403 if label == "service_reader" else 404)
    assert (await client.get(f"/v1/consents/{row.id}")).status_code == 404
    url, match = f"/v1/consents/{row.id}/transitions", {"If-Match": "*"}
    assert (await client.post(url, json={"action": "withdraw"}, headers=match)).status_code == 404


async def test_a_guardian_opens_nothing_that_is_hidden_from_her(world: World) -> None:
    cast = await cast_with(world)
    guardian = cast.people["guardian"] = await world.person(role="guardian")
    row = await world.guardian(guardian, cast.learner)
    await sharing.restrict_sections(world, row, ["evidence"])
    reply = await sign(cast, "guardian", body(sections=["plan", "evidence"]))
    assert refusal(reply) == (403, "forbidden")
    assert reply.json()["permission"] == "evidence:read"
    ok(await sign(cast, "guardian", body()), 201)
    await world.restrict(row)
    assert (await sign(cast, "guardian", body())).status_code == 404


# On paper


@pytest.mark.parametrize("label", RECORDERS)
async def test_staff_record_what_was_signed_on_paper(world: World, label: str) -> None:
    cast = await cast_with(world, label, "guardian")
    made = ok(await sign(cast, label, paper(cast.people["guardian"], signed_on=YESTERDAY.isoformat())), 201)
    assert (made["method"], made["reference"], made["signed_on"]) == ("on_paper", "Folder 7", YESTERDAY.isoformat())
    assert made["recorded_by"] == (None if label == "access_manager" else str(cast.people[label].id))
    assert (made["consenter_as"], made["available_actions"]) == ("guardian", ["withdraw"])


@pytest.mark.parametrize("label", ["learner", "guardian", "advisor"])
async def test_others_record_no_papers(world: World, label: str) -> None:
    cast = await cast_with(world, label, "guardian")
    reply = await sign(cast, label, paper(cast.people["guardian"]))
    assert refusal(reply) == (403, "forbidden")
    assert reply.json()["permission"] == "access:manage"


async def test_a_paper_is_signed_by_whoever_could_sign_today(world: World) -> None:
    cast = await cast_with(world, "counselor", "guardian", "restricted_guardian")
    partly = await world.person(role="guardian")
    await sharing.restrict_sections(world, await world.guardian(partly, cast.learner), ["plan"])
    former = await world.person(role="guardian")
    await world.guardian(former, cast.learner, until_on=TODAY)
    stranger = await world.guardian_of(await world.learner())
    for person in (cast.people["restricted_guardian"], partly, former, stranger, cast.people["counselor"]):
        reply = await sign(cast, "counselor", paper(person))
        assert fault(reply) == (404, "/consenter_id", "not_found")
    ok(await sign(cast, "counselor", paper(partly, sections=["mastery"])), 201)
    assert refusal(await sign(cast, "counselor", paper(cast.learner))) == (409, "not_of_age")
    await sharing.age(world, cast.learner, college_entry_on=TODAY, is_dependent=True)
    assert ok(await sign(cast, "counselor", paper(cast.learner)), 201)["consenter_as"] == "learner"
    assert refusal(await sign(cast, "counselor", paper(cast.people["guardian"]))) == (409, "of_age")


async def test_what_does_not_fit_is_refused(world: World) -> None:
    cast = await cast_with(world, "guardian", "counselor")
    guardian = cast.people["guardian"]
    tomorrow, today = TOMORROW.isoformat(), TODAY.isoformat()
    wrong = {
        ("/sections", "missing"): body(sections=[]),
        ("/sections/0", "literal_error"): body(sections=["staff_notes"]),
        ("/sections", "not_accepted"): keeping(guardian, sections=["plan"]),
        ("/recipient_person_id", "missing"): body(purpose="guardian_access", sections=[]),
        ("/reference", "missing"): paper(guardian, reference=None),
        ("/consenter_id", "missing"): paper(guardian, consenter_id=None),
        ("/reference", "not_accepted"): body(reference="Folder 7"),
        ("/consenter_id", "not_accepted"): body(consenter_id=str(guardian.id)),
        ("/signed_on", "in_the_future"): paper(guardian, signed_on=tomorrow),
        ("/signed_on", "not_today"): body(signed_on=YESTERDAY.isoformat()),
        ("/until_on", "dates_in_order"): body(until_on=today),
    }
    for (pointer, code), given in wrong.items():
        assert fault(await sign(cast, "guardian", given)) == (422, pointer, code)
    made = ok(await sign(cast, "guardian", body(until_on=tomorrow)), 201)
    assert refusal(await sign(cast, "guardian", body(id=made["id"]))) == (409, "id_taken")


# Recipients


async def test_a_family_names_whom_it_knows_and_staff_whom_the_school_knows(world: World) -> None:
    cast = await cast_with(world, "guardian", "counselor", "teacher")
    mentor, stranger = await world.person(role="mentor"), await world.person()
    colleague = await world.person(role="teacher", at=await world.school("Elsewhere"))
    known = {"guardian": {"teacher"}, "counselor": {"teacher", "mentor", "colleague"}}
    people = {
        "teacher": cast.people["teacher"],
        "mentor": mentor,
        "colleague": colleague,
        "stranger": stranger,
        "pupil": await world.learner(),
        "learner": cast.learner,
    }
    for label, names in known.items():
        for name, person in people.items():
            given = {"recipient_person_id": str(person.id)}
            sent = body(**given) if label == "guardian" else paper(cast.people["guardian"], **given)
            reply = await sign(cast, label, sent)
            if name in names:
                assert ok(reply, 201)["recipient_person"]["id"] == str(person.id)
            else:
                assert fault(reply) == (404, "/recipient_person_id", "not_found"), (label, name)


async def test_a_recipient_reads_the_consents_that_name_her_and_does_not_withdraw(world: World) -> None:
    cast = await cast_with(world, "mentor")
    mentor = cast.people["mentor"]
    named = await sharing.consent(world, cast.learner, recipient_person=mentor)
    other = await sharing.consent(world, cast.learner)
    client, url = await cast.as_("mentor"), f"/v1/consents/{named.id}"
    assert [item["id"] for item in (await read(client, of(cast)))["items"]] == [str(named.id)]
    assert (await read(client, url))["available_actions"] == []
    assert (await client.get(f"/v1/consents/{other.id}")).status_code == 404
    assert refusal(await move(client, url, "withdraw")) == (403, "forbidden")
    assert (await client.get(f"/v1/learners/{cast.learner.id}")).status_code == 404
    await world.restrict(await world.guardian(mentor, cast.learner))
    assert (await client.get(url)).status_code == 404


# Withdrawing


@pytest.mark.parametrize("label", RECORDERS)
async def test_staff_who_record_consents_withdraw_them(world: World, label: str) -> None:
    cast = await cast_with(world, label, "guardian")
    row = await sharing.consent(world, cast.learner, cast.people["guardian"])
    made = ok(await move(await cast.as_(label), f"/v1/consents/{row.id}", "withdraw", "By telephone."))
    assert made["withdrawn_at"] is not None
    assert made["withdrawn_by"] == (None if label == "access_manager" else str(cast.people[label].id))
    assert (made["is_in_force"], made["available_actions"]) == (False, [])


async def test_whoever_gave_it_withdraws_it_and_nobody_else_of_the_family(world: World) -> None:
    cast = await cast_with(world, "guardian", "advisor")
    cast.people["other"] = await world.guardian_of(cast.learner)
    url = f"/v1/consents/{ok(await sign(cast, 'guardian', body()), 201)['id']}"
    for label in ("other", "learner", "advisor"):
        client = await cast.as_(label)
        blocked = (await read(client, url))["blocked_actions"]
        assert [(each["action"], each["code"]) for each in blocked] == [("withdraw", "forbidden")]
        assert refusal(await move(client, url, "withdraw")) == (403, "forbidden")
    client = await cast.as_("guardian")
    stale = {"If-Match": '"7"'}
    assert refusal(await client.post(f"{url}/transitions", json={"action": "withdraw"})) == (428, "if_match_required")
    late = await client.post(f"{url}/transitions", json={"action": "withdraw"}, headers=stale)
    assert refusal(late) == (412, "version_mismatch")
    ok(await move(client, url, "withdraw"))
    assert refusal(await move(client, url, "withdraw")) == (409, "withdrawn")
    for action in ("restore", "sign"):
        reply = await client.post(
            f"{url}/transitions", json={"action": action}, headers={"If-Match": await tag(client, url)}
        )
        assert reply.status_code == 422


async def test_once_of_age_the_learner_withdraws_what_a_guardian_gave(world: World) -> None:
    cast = await cast_with(world, "guardian")
    url = f"/v1/consents/{ok(await sign(cast, 'guardian', body()), 201)['id']}"
    await sharing.age(world, cast.learner, college_entry_on=TODAY)
    assert ok(await move(await cast.as_("learner"), url, "withdraw"))["withdrawn_by"] == str(cast.learner.id)


# What rests on a consent


async def test_a_grant_ends_with_the_consent_that_it_rests_on(world: World) -> None:
    cast = await cast_with(world, "guardian", "mentor")
    given = body(until_on=(TODAY + timedelta(days=30)).isoformat())
    made = ok(await sign(cast, "guardian", given), 201)
    plan = await world.plan(cast.learner)
    await sharing.grant(world, plan, cast.people["mentor"], consent_id=made["id"])
    client, url = await cast.as_("mentor"), f"/v1/plans/{plan.id}"
    assert (await client.get(url)).status_code == 200
    ok(await move(await cast.as_("guardian"), f"/v1/consents/{made['id']}", "withdraw"))
    assert (await client.get(url)).status_code == 404
    assert (await read(client, "/v1/plans"))["items"] == []


async def test_the_learners_consent_keeps_a_guardian_until_it_is_withdrawn(world: World) -> None:
    cast = await cast_with(world, "guardian", of_age=True)
    guardian, other = cast.people["guardian"], await world.guardian_of(cast.learner)
    client, learner = await cast.as_("guardian"), f"/v1/learners/{cast.learner.id}"
    assert (await client.get(learner)).status_code == 404
    made = ok(await sign(cast, "learner", keeping(guardian)), 201)
    assert (made["purpose"], made["sections"], made["consenter_as"]) == ("guardian_access", [], "learner")
    assert (await read(client, learner))["relations"] == ["guardian"]
    assert (await (await world.client_for(other)).get(learner)).status_code == 404
    assert refusal(await move(client, f"/v1/consents/{made['id']}", "withdraw")) == (403, "forbidden")
    ok(await move(await cast.as_("learner"), f"/v1/consents/{made['id']}", "withdraw"))
    assert (await client.get(learner)).status_code == 404
    ok(await sign(cast, "learner", keeping(guardian)), 201)
    assert (await client.get(learner)).status_code == 200


async def test_only_a_guardian_is_kept_and_only_by_the_learner(world: World) -> None:
    cast = await cast_with(world, "guardian", "counselor", "teacher")
    guardian = cast.people["guardian"]
    assert refusal(await sign(cast, "learner", keeping(guardian))) == (409, "not_of_age")
    assert refusal(await sign(cast, "guardian", keeping(guardian))) == (403, "forbidden")
    on_paper = {"method": "on_paper", "reference": "Folder 7"}
    by_guardian = keeping(guardian, consenter_id=str(guardian.id), **on_paper)
    assert refusal(await sign(cast, "counselor", by_guardian)) == (409, "not_of_age")
    await sharing.age(world, cast.learner, college_entry_on=TODAY)
    for person in (cast.people["teacher"], await world.guardian_of(await world.learner())):
        reply = await sign(cast, "learner", keeping(person))
        assert fault(reply) == (404, "/recipient_person_id", "not_found")
    made = ok(await sign(cast, "counselor", keeping(guardian, consenter_id=str(cast.learner.id), **on_paper)), 201)
    assert (made["consenter_as"], made["recorded_by"]) == ("learner", str(cast.people["counselor"].id))
    assert (await (await cast.as_("guardian")).get(f"/v1/learners/{cast.learner.id}")).status_code == 200


async def test_a_consent_lifts_no_restriction(world: World) -> None:
    cast = await cast_with(world, of_age=True)
    guardian = await world.person(role="guardian")
    await world.restrict(await world.guardian(guardian, cast.learner))
    ok(await sign(cast, "learner", keeping(guardian)), 201)
    assert (await (await world.client_for(guardian)).get(f"/v1/learners/{cast.learner.id}")).status_code == 404


# Reading


@pytest.mark.parametrize("label", ["learner", "guardian", "advisor", *RECORDERS])
async def test_who_reads_who_has_access_reads_consents(world: World, label: str) -> None:
    cast = await cast_with(world, label)
    first, last = await sharing.consent(world, cast.learner), await sharing.consent(world, cast.learner)
    client = await cast.as_(label)
    listed = [item["id"] for item in (await read(client, of(cast)))["items"]]
    assert listed == [str(last.id), str(first.id)]
    oldest = await read(client, of(cast), sort="created_at", limit=1, count=True)
    assert ([item["id"] for item in oldest["items"]], oldest["total"]) == ([str(first.id)], 2)
    assert (await read(client, f"/v1/consents/{first.id}"))["id"] == str(first.id)


@pytest.mark.parametrize(("until_on", "holds"), [(None, True), (TOMORROW, True), (TODAY, False)])
async def test_a_consent_holds_until_its_end(world: World, until_on: Any, holds: bool) -> None:
    cast = await cast_with(world)
    row = await sharing.consent(world, cast.learner, until_on=until_on)
    assert (await read(await cast.as_("learner"), f"/v1/consents/{row.id}"))["is_in_force"] is holds


async def test_events_of_consents_are_for_who_reads_who_has_access(world: World, database: Database) -> None:
    cast = await cast_with(world, "guardian", "counselor", "teacher")
    made = ok(await sign(cast, "guardian", body()), 201)
    ok(await move(await cast.as_("counselor"), f"/v1/consents/{made['id']}", "withdraw", "By telephone."))
    connection = await asyncpg.connect(database.system)
    await number_events(connection)
    await connection.close()
    expected = [("create", "guardian", None), ("withdraw", "counselor", "By telephone.")]
    for label in ("learner", "access_manager", "teacher"):
        items = (await read(await cast.as_(label), "/v1/changes"))["items"]
        found = [(e["action"], e["capacity"], e["reason"]) for e in items if e["entity_type"] == "consent"]
        assert found == ([] if label == "teacher" else expected)
