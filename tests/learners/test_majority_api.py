"""Coming of age over HTTP: guardians' rights come and go by date, at once, with nobody else acting."""

import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from sqlalchemy import update

from app.identity.models import Tenant
from app.learners.models import Learner
from app.sharing.models import Consent
from tests import sharing_factories as sharing
from tests.factories import EARLIER, LATER, Identified, World
from tests.learners.conftest import Feed
from tests.plans.people import STRANGERS, change, fault, gather, ok, read, refusal

pytestmark = pytest.mark.anyio

KEEPERS = ("counselor", "school_admin", "district_admin")
READERS = ("learner", "guardian", "advisor", "case_manager")
DAY = timedelta(days=1)


def today(zone: str = "UTC") -> date:
    return datetime.now(ZoneInfo(zone)).date()


def eighteen_years_before(day: date) -> date:
    """The birth of who comes of age that day; of 29 February, when nobody does, of who does the day after."""
    is_leap_day = (day.month, day.day) == (2, 29)
    return date(day.year - 18, 3, 1) if is_leap_day else day.replace(year=day.year - 18)


def majority(learner: Identified) -> str:
    return f"/v1/learners/{learner.id}/majority"


async def sees(client: httpx.AsyncClient, learner: Learner) -> bool:
    """Whether the learner is the caller's to see; single reads and lists say the same."""
    addresses = (f"/v1/learners/{learner.id}", majority(learner), f"/v1/learners/{learner.id}/profile-statements")
    statuses = {(await client.get(url)).status_code for url in addresses}
    listed = [item["id"] for item in (await read(client, "/v1/learners"))["items"]]
    mine = [item["id"] for item in (await read(client, "/v1/me/learners"))["items"]]
    assert (statuses, listed, mine) in (({200}, [str(learner.id)], [str(learner.id)]), ({404}, [], []))
    return statuses == {200}


class Family:
    """A learner with a guardian, and the counselor who sets the dates."""

    def __init__(
        self, learner: Learner, person: Identified, guardian: httpx.AsyncClient, counselor: httpx.AsyncClient
    ) -> None:
        self.learner, self.person, self.guardian, self.counselor = learner, person, guardian, counselor

    async def set(self, **facts: Any) -> Any:
        body = {name: fact.isoformat() if isinstance(fact, date) else fact for name, fact in facts.items()}
        return ok(await change(self.counselor, majority(self.learner), body))

    async def guardian_sees(self) -> bool:
        return await sees(self.guardian, self.learner)


@pytest.fixture
async def family(world: World) -> Family:
    cast = await gather(world, "guardian", "counselor")
    return Family(cast.learner, cast.people["guardian"], await cast.as_("guardian"), await cast.as_("counselor"))


async def be_in(world: World, zone: str) -> None:
    async with world.transaction() as session:
        await session.execute(update(Tenant).values(timezone=zone))


# Who reads and changes it


@pytest.mark.parametrize("label", [*READERS, *KEEPERS])
async def test_who_may_know_who_sees_the_record_reads_when_its_learner_comes_of_age(world: World, label: str) -> None:
    cast = await gather(world, label)
    await sharing.age(world, cast.learner, birth_on=date(2015, 2, 28))
    reply = await (await cast.as_(label)).get(majority(cast.learner))
    shown = ok(reply)
    blocked = shown.pop("blocked_actions")
    assert shown == {
        "birth_on": "2015-02-28",
        "college_entry_on": None,
        "is_dependent": False,
        "majority_on": "2033-02-28",
        "is_of_age": False,
        "version": 2,
        "available_actions": ["edit"] if label in KEEPERS else [],
    }
    assert [(each["action"], each["code"]) for each in blocked] == ([] if label in KEEPERS else [("edit", "forbidden")])
    assert reply.headers["etag"].startswith('"2-')


@pytest.mark.parametrize("label", ["teacher", "service_reader", "service_writer", *STRANGERS])
async def test_for_everybody_else_there_is_no_such_address(world: World, label: str) -> None:
    cast = await gather(world, label)
    client = await cast.as_(label)
    for url in (majority(cast.learner), f"/v1/learners/{uuid.uuid4()}/majority"):
        assert refusal(await client.get(url)) == (404, "not_found")
        reply = await client.patch(url, json={"is_dependent": True}, headers={"If-Match": "*"})
        assert refusal(reply) == (404, "not_found")


@pytest.mark.parametrize("label", READERS)
async def test_who_only_reads_it_changes_nothing(world: World, label: str) -> None:
    cast = await gather(world, label)
    reply = await change(await cast.as_(label), majority(cast.learner), {"is_dependent": True})
    assert refusal(reply) == (403, "forbidden")
    assert reply.json()["permission"] == "access:manage"


@pytest.mark.parametrize("label", [*KEEPERS, "access_manager"])
async def test_who_keeps_access_changes_it_and_the_change_is_told(world: World, feed: Feed, label: str) -> None:
    cast = await gather(world, *(() if label == "access_manager" else (label,)))
    keeper = await world.service("access.manage") if label == "access_manager" else cast.people[label]
    client, url = await world.client_for(keeper), majority(cast.learner)
    changed = ok(await change(client, url, {"birth_on": "2012-02-29", "college_entry_on": "2029-09-01"}))
    assert (changed["majority_on"], changed["version"]) == ("2029-09-01", 2)
    assert ok(await change(client, url, {"college_entry_on": None}))["majority_on"] == "2030-03-01"
    assert ok(await change(client, url, {"college_entry_on": None}))["version"] == 3
    first, second = await feed(cast.learner)
    assert {(event["section"], event["action"], event["capacity"]) for event in (first, second)} == {
        ("access", "edit", label)
    }
    assert first["changes"] == {
        "birth_on": {"before": None, "after": "2012-02-29"},
        "college_entry_on": {"before": None, "after": "2029-09-01"},
    }
    assert second["changes"] == {"college_entry_on": {"before": "2029-09-01", "after": None}}
    shown = await (await world.client_for(cast.learner)).get(f"/v1/learners/{cast.learner.id}")
    assert shown.headers["etag"].startswith('"3-'), "it is the learner that changed"


async def test_a_change_needs_the_version_that_was_read(family: Family) -> None:
    url, client = majority(family.learner), family.counselor
    assert refusal(await client.patch(url, json={"is_dependent": True})) == (428, "if_match_required")
    stale = {"If-Match": (await client.get(url)).headers["etag"]}
    await family.set(is_dependent=True)
    reply = await client.patch(url, json={"is_dependent": False}, headers=stale)
    assert refusal(reply) == (412, "version_mismatch")


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({"birth_on": "1899-12-31"}, "/birth_on", "implausible_date"),
        ({"birth_on": "2201-01-01"}, "/birth_on", "implausible_date"),
        ({"birth_on": "2011-02-29"}, "/birth_on", "date_parsing"),
        ({"birth_on": "2012-02-29T00:00:00Z"}, "/birth_on", "date_parsing"),
        ({"birth_on": today().isoformat()}, "/birth_on", "in_the_future"),
        ({"birth_on": (today() + DAY).isoformat()}, "/birth_on", "in_the_future"),
        ({"college_entry_on": "1899-12-31"}, "/college_entry_on", "implausible_date"),
        ({"birth_on": "2012-02-29", "college_entry_on": "2012-02-29"}, "/college_entry_on", "dates_in_order"),
        ({"is_dependent": None}, "/is_dependent", "bool_type"),
        ({"is_dependent": "true"}, "/is_dependent", "bool_type"),
        ({"majority_on": "2030-01-01"}, "/majority_on", "extra_forbidden"),
    ],
)
async def test_what_cannot_be_is_refused(family: Family, body: dict[str, Any], pointer: str, code: str) -> None:
    assert fault(await change(family.counselor, majority(family.learner), body)) == (422, pointer, code)
    assert (await read(family.counselor, majority(family.learner)))["version"] == 1


async def test_a_birth_lies_in_the_past_of_the_school(world: World, family: Family) -> None:
    await be_in(world, "Pacific/Kiritimati")
    there = today("Pacific/Kiritimati")
    assert (await family.set(birth_on=there - DAY))["birth_on"] == (there - DAY).isoformat()
    await be_in(world, "Etc/GMT+12")
    reply = await change(family.counselor, majority(family.learner), {"birth_on": there.isoformat()})
    assert fault(reply) == (422, "/birth_on", "in_the_future")


# What it does to guardians


async def test_guardians_lose_their_rights_on_the_18th_birthday(world: World, family: Family) -> None:
    for day in (today() + DAY, today(), today() - DAY, today() + DAY):
        shown = await family.set(birth_on=eighteen_years_before(day))
        is_of_age = date.fromisoformat(shown["majority_on"]) <= today()
        assert shown["is_of_age"] is is_of_age
        assert await family.guardian_sees() is not is_of_age
        assert await sees(await world.client_for(family.learner), family.learner)


async def test_every_date_moved_in_either_direction_counts_at_once(family: Family) -> None:
    assert await family.guardian_sees(), "while no date is known"
    for facts, expected in (
        ({"birth_on": date(2000, 5, 17)}, False),
        ({"birth_on": date(2020, 5, 17)}, True),
        ({"college_entry_on": today()}, False),
        ({"college_entry_on": today() + DAY}, True),
        ({"college_entry_on": today() - DAY}, False),
        ({"is_dependent": True}, True),
        ({"is_dependent": False}, False),
        ({"college_entry_on": None}, True),
        ({"birth_on": date(2000, 5, 17), "college_entry_on": today() + DAY}, False),
        ({"birth_on": None}, True),
        ({"college_entry_on": today()}, False),
        ({"college_entry_on": None}, True),
    ):
        await family.set(**facts)
        assert await family.guardian_sees() is expected, facts


@pytest.mark.parametrize(
    ("birth_on", "majority_on"),
    [("2000-02-29", "2018-03-01"), ("2004-02-29", "2022-03-01"), ("2020-02-29", "2038-03-01")],
)
async def test_who_was_born_on_a_leap_day_comes_of_age_on_the_first_of_march(
    family: Family, birth_on: str, majority_on: str
) -> None:
    shown = await family.set(birth_on=birth_on)
    assert shown["majority_on"] == majority_on
    assert shown["is_of_age"] is (date.fromisoformat(majority_on) <= today())
    assert await family.guardian_sees() is not shown["is_of_age"]


async def test_the_day_comes_where_the_school_is(world: World, family: Family) -> None:
    there = today("Pacific/Kiritimati")  # more than a day ahead of the west
    for facts in (
        {"college_entry_on": there},
        {"college_entry_on": None, "birth_on": eighteen_years_before(there)},
    ):
        shown = await family.set(**facts)
        is_leap_day = shown["majority_on"] != there.isoformat()
        for zone, is_of_age in (("Pacific/Kiritimati", not is_leap_day), ("Etc/GMT+12", False)):
            await be_in(world, zone)
            assert (await read(family.counselor, majority(family.learner)))["is_of_age"] is is_of_age
            assert await family.guardian_sees() is not is_of_age
        await be_in(world, "UTC")


async def test_what_a_guardian_began_cannot_be_ended_after_majority(family: Family) -> None:
    url = f"/v1/learners/{family.learner.id}/profile-statements"
    made = await family.guardian.post(url, json={"kind": "strength", "statement": "Explains well."})
    statement = made.headers["location"]
    await family.set(birth_on=date(2000, 5, 17))
    for method, at in (("GET", statement), ("DELETE", statement), ("PATCH", statement), ("POST", url)):
        body = {"kind": "interest", "statement": "Reads."} if method == "POST" else {"kind": "interest"}
        json = None if method in ("GET", "DELETE") else body
        reply = await family.guardian.request(method, at, json=json, headers={"If-Match": "*"})
        assert refusal(reply) == (404, "not_found"), method
    assert (await read(family.counselor, statement))["author"]["given_name"] == "Gail"
    await family.set(is_dependent=True)
    assert (await read(family.guardian, statement))["available_actions"] == ["edit", "delete"]


async def test_an_earlier_end_of_guardianship_stays(world: World) -> None:
    cast = await gather(world, "counselor")
    former = await world.person()
    await world.guardian(former, cast.learner, until_on=EARLIER)
    client = await world.client_for(former)
    await sharing.age(world, cast.learner, is_dependent=True, birth_on=date(2020, 5, 17))
    assert not await sees(client, cast.learner)


async def test_who_is_staff_as_well_stays_staff(world: World) -> None:
    cast = await gather(world, "counselor")
    await world.guardian(cast.people["counselor"], cast.learner)
    url = f"/v1/learners/{cast.learner.id}"
    client = await cast.as_("counselor")
    assert (await read(client, url))["relations"] == ["counselor", "guardian"]
    ok(await change(client, majority(cast.learner), {"birth_on": "2000-05-17"}))
    assert (await read(client, url))["relations"] == ["counselor"]


# The learner's own consent


async def agree(world: World, family: Family, **fields: Any) -> Consent:
    values = {"purpose": "guardian_access", "recipient_person": family.person, **fields}
    return await sharing.consent(world, family.learner, **values)


async def test_the_learners_consent_keeps_the_guardian_until_it_is_withdrawn(world: World, family: Family) -> None:
    await family.set(birth_on=date(2000, 5, 17))
    consent = await agree(world, family)
    assert await family.guardian_sees()
    async with world.transaction() as session:
        (await session.get_one(Consent, (world.tenant.id, consent.id))).withdrawn_at = datetime.now(UTC)
    assert not await family.guardian_sees()
    await family.set(birth_on=date(2020, 5, 17))
    assert await family.guardian_sees(), "by the guardianship itself"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"signed_on": today()}, True),
        ({"signed_on": today() + DAY}, False),
        ({"until_on": today() + DAY}, True),
        ({"until_on": today()}, False),
        ({"until_on": LATER}, True),
        ({"purpose": "sharing"}, False),
        ({"withdrawn_at": datetime(2024, 1, 1, tzinfo=UTC)}, False),
    ],
)
async def test_a_consent_counts_while_it_is_in_force(
    world: World, family: Family, fields: dict[str, Any], expected: bool
) -> None:
    await family.set(birth_on=date(2000, 5, 17))
    await agree(world, family, **fields)
    assert await family.guardian_sees() is expected


async def test_a_consent_keeps_the_guardian_it_names_and_comes_from_the_learner(world: World, family: Family) -> None:
    await family.set(birth_on=date(2000, 5, 17))
    other = await world.guardian_of(family.learner)
    await agree(world, family, recipient_person=other)
    assert await sees(await world.client_for(other), family.learner)
    assert not await family.guardian_sees()
    await agree(world, family, consenter=other)
    assert not await family.guardian_sees(), "one guardian does not consent for another"


async def test_a_consent_makes_nobody_a_guardian_and_overrides_no_restriction(world: World, family: Family) -> None:
    await family.set(birth_on=date(2000, 5, 17))
    uncle, kept_away = await world.person(), await world.person()
    await world.restrict(await world.guardian(kept_away, family.learner))
    for person in (uncle, kept_away):
        await agree(world, family, recipient_person=person)
        assert not await sees(await world.client_for(person), family.learner)
