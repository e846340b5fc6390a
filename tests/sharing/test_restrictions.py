"""Guardianships as they are read, and what contacts are kept from: by whom, from what, and who may know."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from app.core.sequencer import number_events
from app.db.base import new_id
from tests import sharing_factories as sharing
from tests.databases import Database
from tests.factories import LATER, World
from tests.plans.people import Cast, change, fault, gather, ok, read, refusal, remove

pytestmark = pytest.mark.anyio

TODAY = datetime.now(UTC).date()
YESTERDAY, TOMORROW = TODAY - timedelta(days=1), TODAY + timedelta(days=1)
KEEPERS = ("counselor", "school_admin", "district_admin", "access_manager")
ORDER = "Family court 2026/118"


async def family(world: World, *labels: str) -> tuple[Cast, Any, Any]:
    """The cast, a contact (`contact` in it), and the contact's guardianship of the learner."""
    cast = await gather(world, *(label for label in labels if label not in ("access_manager", "contact")))
    cast.people["access_manager"] = await world.service("access.manage", "events.read")
    contact = cast.people["contact"] = await world.person("Connie", "Contact", role="guardian")
    return cast, contact, await world.guardian(contact, cast.learner)


def below(guardianship: Any) -> str:
    return f"/v1/guardianships/{guardianship.id}/restrictions"


def body(kind: str = "no_contact", **fields: Any) -> dict[str, Any]:
    return {"kind": kind, "evidence_reference": ORDER} | fields


# Guardianships


@pytest.mark.parametrize(
    ("until_on", "facts", "ends_on", "holds"),
    [
        (None, {}, None, True),
        (TOMORROW, {}, TOMORROW, True),
        (TODAY, {}, TODAY, False),
        (None, {"college_entry_on": TOMORROW}, TOMORROW, True),
        (None, {"college_entry_on": TODAY}, TODAY, False),
        (LATER, {"college_entry_on": TODAY}, TODAY, False),
        (None, {"college_entry_on": TODAY, "is_dependent": True}, None, True),
        (TOMORROW, {"college_entry_on": TODAY, "is_dependent": True}, TOMORROW, True),
    ],
)
async def test_a_guardianship_says_when_it_really_ends(
    world: World, until_on: date | None, facts: dict[str, Any], ends_on: date | None, holds: bool
) -> None:
    cast = await gather(world, "counselor")
    row = await world.guardian(await world.person(), cast.learner, until_on=until_on)
    await sharing.age(world, cast.learner, **facts)
    shown = await read(await cast.as_("counselor"), f"/v1/guardianships/{row.id}")
    assert (shown["ends_on"], shown["is_in_force"]) == (ends_on and ends_on.isoformat(), holds)
    listed = (await read(await cast.as_("counselor"), f"/v1/learners/{cast.learner.id}/guardianships"))["items"]
    assert [item["ends_on"] for item in listed] == [shown["ends_on"]]


@pytest.mark.parametrize("until_on", [None, TOMORROW])
async def test_the_learners_own_consent_moves_the_end(world: World, until_on: date | None) -> None:
    cast, contact, row = await family(world, "counselor")
    await sharing.age(world, cast.learner, college_entry_on=YESTERDAY)
    url, client = f"/v1/guardianships/{row.id}", await cast.as_("counselor")
    assert (await read(client, url))["ends_on"] == YESTERDAY.isoformat()
    await sharing.consent(
        world, cast.learner, recipient_person=contact, purpose="guardian_access", sections=[], until_on=until_on
    )
    assert (await read(client, url))["ends_on"] == (until_on and until_on.isoformat())
    assert (await read(client, url))["is_in_force"] is True


@pytest.mark.parametrize("label", ["learner", "guardian", "advisor", "counselor", "case_manager", "school_admin"])
async def test_who_reads_who_has_access_reads_guardianships(world: World, label: str) -> None:
    cast, _, row = await family(world, label)
    client = await cast.as_(label)
    url = f"/v1/learners/{cast.learner.id}/guardianships"
    assert str(row.id) in {item["id"] for item in (await read(client, url))["items"]}
    shown = await read(client, f"/v1/guardianships/{row.id}")
    assert (shown["guardian"]["given_name"], shown["relationship"]) == ("Connie", "parent")


@pytest.mark.parametrize("label", ["teacher", "other_school_admin", "restricted_guardian", "service_reader"])
async def test_to_others_there_are_no_guardianships(world: World, label: str) -> None:
    cast, _, row = await family(world, label)
    client = await cast.as_(label)
    listed = await client.get(f"/v1/learners/{cast.learner.id}/guardianships")
    assert listed.status_code == (403 if label == "service_reader" else 404)
    assert (await client.get(f"/v1/guardianships/{row.id}")).status_code == 404


# Who may know of restrictions


@pytest.mark.parametrize("label", ["advisor", "case_manager", *KEEPERS])
async def test_staff_and_administrators_see_what_a_contact_is_kept_from(world: World, label: str) -> None:
    cast, _, row = await family(world, label)
    past = await world.restrict(row, until_on=TODAY)
    made = await sharing.restrict_sections(world, row, ["evidence", "reflections"])
    client = await cast.as_(label)
    listed = (await read(client, below(row)))["items"]
    assert [(item["id"], item["is_in_force"]) for item in listed] == [(str(past.id), False), (str(made.id), True)]
    assert (await read(client, f"/v1/restrictions/{made.id}"))["sections"] == ["evidence", "reflections"]
    brief = [{"id": str(made.id), "kind": "sections", "sections": ["evidence", "reflections"]}]
    for shown in (
        await read(client, f"/v1/guardianships/{row.id}"),
        (await read(client, f"/v1/learners/{cast.learner.id}/guardianships"))["items"][0],
    ):
        assert [{name: each[name] for name in ("id", "kind", "sections")} for each in shown["restrictions"]] == brief


@pytest.mark.parametrize("label", ["learner", "guardian", "contact"])
async def test_the_family_and_the_contact_do_not_see_that_there_are_any(
    world: World, database: Database, label: str
) -> None:
    cast, _, row = await family(world, label, "counselor")
    keeper = await cast.as_("counselor")
    reply = await keeper.post(below(row), json=body("sections", sections=["evidence"]))
    url = f"/v1/restrictions/{ok(reply, 201)['id']}"
    client = await cast.as_(label)
    shown = await read(client, f"/v1/guardianships/{row.id}")
    assert "restrictions" not in shown
    assert shown["available_actions"] == []
    listed = await client.get(f"/v1/learners/{cast.learner.id}/guardianships")
    assert ORDER not in listed.text
    assert all("restrictions" not in item for item in listed.json()["items"])
    unknown = await client.get(below(row), headers={"X-Request-Id": "same"})
    of_nothing = await client.get(f"/v1/guardianships/{new_id()}/restrictions", headers={"X-Request-Id": "same"})
    assert (unknown.status_code, unknown.content) == (404, of_nothing.content)
    assert (await client.get(url)).status_code == 404
    assert (await client.post(below(row), json=body())).status_code == 404
    for method in ("PATCH", "DELETE"):
        given = {"kind": "no_contact"} if method == "PATCH" else None
        assert (await client.request(method, url, json=given, headers={"If-Match": "*"})).status_code == 404
    await number(database)
    assert await events(cast, label) == []
    assert await events(cast, "counselor") == ["create"]


@pytest.mark.parametrize("dates", [{}, {"from_on": TOMORROW}, {"until_on": TODAY}])
@pytest.mark.parametrize("label", ["counselor", "school_admin", "district_admin"])
async def test_a_contact_in_office_sees_no_restriction_of_herself_whenever_it_holds(
    world: World, database: Database, label: str, dates: dict[str, Any]
) -> None:
    cast = await gather(world, label)
    other = cast.people["other_admin"] = await world.district_admin()
    row = await world.guardian(cast.people[label], cast.learner)
    client, sent = await cast.as_(label), {name: day.isoformat() for name, day in dates.items()}
    given = body("sections", sections=["evidence"], **sent)
    made = ok(await (await world.client_for(other)).post(below(row), json=given), 201)
    assert (await client.get(f"/v1/restrictions/{made['id']}")).status_code == 404
    assert (await client.get(below(row))).status_code == 404
    shown = await read(client, f"/v1/guardianships/{row.id}")
    assert "restrictions" not in shown
    assert shown["available_actions"] == []
    assert (await client.get(f"/v1/learners/{cast.learner.id}")).status_code == 200
    await number(database)
    assert await events(cast, label) == []
    assert await events(cast, "other_admin") == ["create"]


async def test_the_access_log_does_not_tell_the_family_that_somebody_looked_at_restrictions(
    world: World, database: Database
) -> None:
    cast, _, row = await family(world, "learner", "counselor", "guardian")
    keeper = await cast.as_("counselor")
    made = ok(await keeper.post(below(row), json=body("sections", sections=["evidence"])), 201)
    await read(keeper, below(row))
    await read(keeper, f"/v1/restrictions/{made['id']}")
    await read(keeper, f"/v1/guardianships/{row.id}")
    await number(database)
    await read(keeper, "/v1/changes")
    url = f"/v1/learners/{cast.learner.id}/access-log"
    told = [(item["operation"], item["sections"]) for item in (await read(keeper, url, sort="at"))["items"]]
    assert told[:2] == [("list_restrictions", ["restrictions"]), ("get_restriction", ["restrictions"])]
    assert told[2][0] == "get_guardianship"
    for label in ("learner", "guardian", "contact"):
        items = (await read(await cast.as_(label), url, viewer_person_id=str(cast.people["counselor"].id)))["items"]
        assert "get_guardianship" in {item["operation"] for item in items}, label
        assert "restrictions" not in str([(item["operation"], item["sections"]) for item in items]), label


# What they do


@pytest.mark.parametrize("kind", ["no_contact", "no_records"])
@pytest.mark.parametrize("label", ["guardian", "teacher", "counselor", "school_admin", "district_admin", "grantee"])
async def test_it_overrides_every_role_and_grant_of_the_contact_at_once(world: World, kind: str, label: str) -> None:
    cast, contact, row = await family(world, *([] if label in ("guardian", "grantee") else [label]), "case_manager")
    plan, keeper = await world.plan(cast.learner), await world.client_for(await world.district_admin())
    if label == "grantee":
        await sharing.grant(world, plan, contact, level="write")
    elif label != "guardian":
        contact = cast.people[label]
        row = await world.guardian(contact, cast.learner)
    client = await world.client_for(contact)
    urls = (f"/v1/plans/{plan.id}", f"/v1/learners/{cast.learner.id}")
    for url in urls:
        assert (await client.get(url)).status_code == 200
    made = ok(await keeper.post(below(row), json=body(kind)), 201)
    for url in urls:
        assert (await client.get(url)).status_code == 404
    assert (await read(client, "/v1/learners"))["items"] == (await read(client, "/v1/plans"))["items"] == []
    reply = await client.patch(urls[0], json={"title": "Hacked"}, headers={"If-Match": "*"})
    assert reply.status_code == 404
    lifted = await change(keeper, f"/v1/restrictions/{made['id']}", {"until_on": TODAY.isoformat()})
    assert ok(lifted)["is_in_force"] is False
    for url in urls:
        assert (await client.get(url)).status_code == 200


@pytest.mark.parametrize("label", ["guardian", "counselor", "district_admin"])
async def test_named_sections_are_hidden_everywhere_and_the_others_stay(
    world: World, database: Database, label: str
) -> None:
    cast, contact, row = await family(world, *([] if label == "guardian" else [label]))
    if label != "guardian":
        contact = cast.people[label]
        row = await world.guardian(contact, cast.learner)
    plan = await world.plan(cast.learner)
    await sharing.reflection(world, plan)
    statement = await sharing.profile_statement(world, cast.learner)
    learner, client = await cast.as_("learner"), await world.client_for(contact)
    ok(await change(learner, f"/v1/plans/{plan.id}", {"title": "New"}))
    ok(await change(learner, f"/v1/profile-statements/{statement.id}", {"kind": "interest"}))
    await number(database)
    base, own = f"/v1/plans/{plan.id}", f"/v1/learners/{cast.learner.id}"
    assert "reflections" in await read(client, base, expand="reflections")
    await sharing.restrict_sections(world, row, ["reflections", "profile"])
    assert "reflections" not in await read(client, base, expand="reflections")
    assert "profile_statements" not in await read(client, own, expand="profile_statements")
    for url in (f"{base}/reflections", f"{own}/profile-statements", f"/v1/profile-statements/{statement.id}"):
        assert (await client.get(url)).status_code == 404, url
    seen = {item["section"] for item in (await read(client, "/v1/changes"))["items"]}
    assert seen == {"plan"}
    assert [item["id"] for item in (await read(client, "/v1/plans"))["items"]] == [str(plan.id)]
    assert (await client.get(f"{own}/guardianships")).status_code == 200


async def test_it_concerns_one_contact_and_one_learner(world: World) -> None:
    cast, contact, row = await family(world, "guardian", "counselor")
    sibling = await world.learner("Sue", "Sibling")
    await world.guardian(contact, sibling)
    ok(await (await cast.as_("counselor")).post(below(row), json=body()), 201)
    client = await cast.as_("contact")
    assert [item["id"] for item in (await read(client, "/v1/learners"))["items"]] == [str(sibling.id)]
    assert (await (await cast.as_("guardian")).get(f"/v1/learners/{cast.learner.id}")).status_code == 200


# Who keeps them


@pytest.mark.parametrize("label", KEEPERS)
async def test_keepers_of_access_restrict_change_and_delete(world: World, database: Database, label: str) -> None:
    cast, _, row = await family(world, label)
    client = await cast.as_(label)
    reply = await client.post(below(row), json=body("sections", sections=["reflections", "evidence", "evidence"]))
    made = ok(reply, 201)
    url = f"/v1/restrictions/{made['id']}"
    assert reply.headers["location"] == url
    assert (made["sections"], made["evidence_reference"]) == (["evidence", "reflections"], ORDER)
    assert made["available_actions"] == ["edit", "delete"]
    whole = ok(await change(client, url, {"kind": "no_records", "sections": []}))
    assert (whole["kind"], whole["sections"]) == ("no_records", [])
    assert (await remove(client, url)).status_code == 204
    assert (await read(client, below(row)))["items"] == []
    await number(database)
    assert await events(cast, label) == ["create", "edit", "delete"]


@pytest.mark.parametrize("label", ["advisor", "case_manager"])
async def test_other_staff_read_and_do_not_change(world: World, label: str) -> None:
    cast, _, row = await family(world, label)
    made = await world.restrict(row)
    client, url = await cast.as_(label), f"/v1/restrictions/{made.id}"
    assert (await read(client, url))["available_actions"] == []
    for reply in (
        await client.post(below(row), json=body()),
        await change(client, url, {"kind": "no_records"}),
        await remove(client, url),
    ):
        assert refusal(reply) == (403, "forbidden")
        assert reply.json()["permission"] == "access:manage"


async def test_what_does_not_fit_is_refused(world: World) -> None:
    cast, _, row = await family(world, "counselor")
    client = await cast.as_("counselor")

    async def post(**fields: Any) -> Any:
        return await client.post(below(row), json=body(**fields))

    assert fault(await post(kind="sections")) == (422, "/sections", "missing")
    assert fault(await post(kind="sections", sections=[])) == (422, "/sections", "missing")
    assert fault(await post(sections=["plan"])) == (422, "/sections", "not_accepted")
    for section in ("learner", "account", "restrictions", "nonsense"):
        assert fault(await post(kind="sections", sections=[section])) == (422, "/sections/0", "literal_error")
    day = TODAY.isoformat()
    assert fault(await post(from_on=day, until_on=day)) == (422, "/until_on", "dates_in_order")
    made = ok(await post(), 201)
    assert refusal(await post(id=made["id"])) == (409, "id_taken")
    url = f"/v1/restrictions/{made['id']}"
    assert fault(await change(client, url, {"kind": "sections"})) == (422, "/sections", "missing")
    assert refusal(await client.patch(url, json={"kind": "no_records"})) == (428, "if_match_required")


async def test_a_reply_to_a_keeper_is_replayed_to_who_may_still_know(world: World) -> None:
    cast, _, row = await family(world, "counselor")
    client, key = await cast.as_("counselor"), {"Idempotency-Key": "once"}
    first = await client.post(below(row), json=body(), headers=key)
    again = await client.post(below(row), json=body(), headers=key)
    assert (again.status_code, again.content) == (201, first.content)
    await world.restrict(await world.guardian(cast.people["counselor"], cast.learner), "no_records")
    assert (await client.post(below(row), json=body(), headers=key)).status_code == 404


async def number(database: Database) -> None:
    connection = await asyncpg.connect(database.system)
    await number_events(connection)
    await connection.close()


async def events(cast: Cast, label: str) -> list[str]:
    """The actions on restrictions that the feed shows."""
    items = (await read(await cast.as_(label), "/v1/changes"))["items"]
    assert all(item["section"] != "restrictions" or item["entity_type"] == "guardianship_restriction" for item in items)
    return [item["action"] for item in items if item["entity_type"] == "guardianship_restriction"]
