"""Caseloads: who keeps them, who reads them, and rights that follow with the next request."""

from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from app.core.sequencer import number_events
from app.db.base import new_id
from app.roster.models import Person
from tests import sharing_factories as sharing
from tests.databases import Database
from tests.factories import EARLIER, LATER, World
from tests.plans.people import Cast, change, fault, gather, ok, read, refusal, remove, restricted

pytestmark = pytest.mark.anyio

TODAY = datetime.now(UTC).date()
TOMORROW = (TODAY + timedelta(days=1)).isoformat()
ADMINISTRATORS = ("school_admin", "district_admin", "access_manager")
READERS = ("learner", "guardian", "advisor", "counselor", "case_manager")
OUTSIDERS = ("teacher", "other_school_admin", "restricted_guardian", "service_reader", "mentor")


async def cast_with(world: World, *labels: str) -> Cast:
    """The cast, and `access_manager`, a service with the scope."""
    cast = await gather(world, *(label for label in labels if label != "access_manager"))
    cast.people["access_manager"] = await world.service("access.manage", "events.read")
    return cast


def of(cast: Cast) -> str:
    return f"/v1/learners/{cast.learner.id}/caseloads"


def body(person: Any, kind: str = "counselor", **fields: Any) -> dict[str, Any]:
    return {"person_id": str(person.id), "kind": kind} | fields


@pytest.mark.parametrize("label", ADMINISTRATORS)
async def test_administrators_put_a_learner_on_a_caseload_change_its_dates_and_take_it_off(
    world: World, label: str
) -> None:
    cast = await cast_with(world, label)
    person = await world.person("Cora", "Counselor", role="counselor")
    client, hers = await cast.as_(label), await world.client_for(person)
    learner = f"/v1/learners/{cast.learner.id}"
    assert (await hers.get(learner)).status_code == 404
    reply = await client.post(of(cast), json=body(person, from_on=TODAY.isoformat()))
    made = ok(reply, 201)
    url = f"/v1/caseloads/{made['id']}"
    assert reply.headers["location"] == url
    assert (made["person"]["family_name"], made["is_in_force"]) == ("Counselor", True)
    assert (made["available_actions"], made["blocked_actions"]) == (["edit", "delete"], [])
    assert (await read(hers, learner))["relations"] == ["counselor"]
    assert ok(await change(client, url, {"from_on": TOMORROW}))["is_in_force"] is False
    assert (await hers.get(learner)).status_code == 404
    assert ok(await change(client, url, {"from_on": None}))["from_on"] is None
    assert (await hers.get(learner)).status_code == 200
    assert (await remove(client, url)).status_code == 204
    assert (await hers.get(learner)).status_code == 404
    assert (await client.get(url)).status_code == 404


async def colleague(world: World) -> Person:
    return await world.person(role="teacher")


async def test_the_kind_takes_the_role_and_nobody_serves_herself(world: World) -> None:
    cast = await cast_with(world, "school_admin")
    client, admin = await cast.as_("school_admin"), cast.people["school_admin"]
    for kind in ("counselor", "case_manager"):
        assert (await client.post(of(cast), json=body(await colleague(world), kind))).status_code == 404
    await world.role(admin, "counselor")
    assert refusal(await client.post(of(cast), json=body(admin, "counselor"))) == (409, "own_rights")


@pytest.mark.parametrize("label", READERS)
async def test_who_reads_who_has_access_reads_caseloads_and_changes_none(world: World, label: str) -> None:
    cast = await cast_with(world, label)
    entry = await world.caseload(await world.person(role="counselor"), cast.learner, until_on=EARLIER)
    client, url = await cast.as_(label), f"/v1/caseloads/{entry.id}"
    assert str(entry.id) in {item["id"] for item in (await read(client, of(cast)))["items"]}
    shown = await read(client, url)
    assert shown["available_actions"] == []
    assert {each["code"] for each in shown["blocked_actions"]} == {"forbidden"}
    person = await world.person(role="teacher")
    for reply in (
        await client.post(of(cast), json=body(person)),
        await change(client, url, {"until_on": None}),
        await remove(client, url),
    ):
        assert refusal(reply) == (403, "forbidden")
        assert reply.json()["permission"] == "access:manage"


@pytest.mark.parametrize("label", OUTSIDERS)
async def test_to_others_there_are_no_caseloads(world: World, label: str) -> None:
    cast = await cast_with(world, label)
    entry = await world.caseload(await world.person(role="counselor"), cast.learner)
    client = await cast.as_(label)
    assert (await client.get(of(cast))).status_code == (403 if label == "service_reader" else 404)
    assert (await client.get(f"/v1/caseloads/{entry.id}")).status_code == 404
    assert (await client.post(of(cast), json=body(await world.person(role="teacher")))).status_code == 404
    reply = await client.delete(f"/v1/caseloads/{entry.id}", headers={"If-Match": "*"})
    assert reply.status_code == 404


async def test_the_person_in_an_entry_reads_it_before_it_begins_unless_kept_from_the_learner(world: World) -> None:
    cast = await cast_with(world)
    person = await world.person(role="counselor")
    entry = await world.caseload(person, cast.learner, from_on=LATER)
    other = await world.caseload(await world.person(role="counselor"), cast.learner)
    client = await world.client_for(person)
    assert [item["id"] for item in (await read(client, of(cast)))["items"]] == [str(entry.id)]
    assert (await read(client, f"/v1/caseloads/{entry.id}"))["is_in_force"] is False
    assert (await client.get(f"/v1/caseloads/{other.id}")).status_code == 404
    await restricted(world, person, cast.learner)
    assert (await client.get(of(cast))).status_code == 404
    assert (await client.get(f"/v1/caseloads/{entry.id}")).status_code == 404


async def test_only_staff_of_today_have_caseloads(world: World) -> None:
    cast = await cast_with(world, "district_admin", "guardian")
    client = await cast.as_("district_admin")
    former = await world.person()
    await world.role(former, "counselor", until_on=TODAY)
    for person in (cast.learner, cast.people["guardian"], former, await world.person(role="mentor")):
        assert fault(await client.post(of(cast), json=body(person))) == (404, "/person_id", "not_found")
    elsewhere = await world.person(role="case_manager", at=await world.school("Elsewhere"))
    ok(await client.post(of(cast), json=body(elsewhere, "case_manager")), 201)


async def test_what_does_not_fit_is_refused(world: World) -> None:
    cast = await cast_with(world, "school_admin")
    client, person = await cast.as_("school_admin"), await world.person(role="teacher")
    wrong = body(person, from_on=TOMORROW, until_on=TOMORROW)
    assert fault(await client.post(of(cast), json=wrong)) == (422, "/until_on", "dates_in_order")
    given = body(person, "advisor", id=str(new_id()))
    made = ok(await client.post(of(cast), json=given), 201)
    assert refusal(await client.post(of(cast), json=given | {"id": str(new_id())})) == (409, "caseload_exists")
    assert refusal(await client.post(of(cast), json=given | {"person_id": str((await colleague(world)).id)})) == (
        409,
        "id_taken",
    )
    url = f"/v1/caseloads/{made['id']}"
    assert refusal(await client.patch(url, json={"until_on": TOMORROW})) == (428, "if_match_required")
    stale = await client.patch(url, json={"until_on": TOMORROW}, headers={"If-Match": '"7"'})
    assert refusal(stale) == (412, "version_mismatch")
    late = await change(client, url, {"from_on": TOMORROW, "until_on": TODAY.isoformat()})
    assert fault(late) == (422, "/until_on", "dates_in_order")


async def test_a_rule_that_hides_access_from_school_administrators_hides_caseloads(world: World) -> None:
    cast = await cast_with(world, "school_admin")
    entry = await world.caseload(await world.person(role="counselor"), cast.learner)
    await sharing.sharing_policy(world, {"access": {"school_admin": "none"}})
    client = await cast.as_("school_admin")
    assert (await client.get(of(cast))).status_code == 404
    assert (await client.get(f"/v1/caseloads/{entry.id}")).status_code == 404


async def test_events_of_caseloads_are_for_who_reads_who_has_access(world: World, database: Database) -> None:
    cast = await cast_with(world, "school_admin", "guardian", "teacher")
    client, person = await cast.as_("school_admin"), await world.person(role="counselor")
    made = ok(await client.post(of(cast), json=body(person)), 201)
    await remove(client, f"/v1/caseloads/{made['id']}")
    connection = await asyncpg.connect(database.system)
    await number_events(connection)
    await connection.close()
    for label, expected in (
        ("guardian", ["create", "delete"]),
        ("access_manager", ["create", "delete"]),
        ("teacher", []),
    ):
        items = (await read(await cast.as_(label), "/v1/changes"))["items"]
        events = [item for item in items if item["entity_type"] == "caseload"]
        assert [event["action"] for event in events] == expected, label
        assert all(event["capacity"] == "school_admin" for event in events)
