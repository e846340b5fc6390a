"""A tenant tightens who reaches how far into which section: within limits, and from the next request on."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx
import pytest
from pydantic import ValidationError

from app.core.rules import FIXED, RULES, Level, Relation, Section, floor
from app.core.sequencer import PLANNING, number_events
from app.sharing.schemas.sharing_rules import SharingRuleIn
from tests import sharing_factories as sharing
from tests.databases import Database
from tests.factories import World
from tests.plans.people import change, fault, gather, ok, read, refusal, tag

pytestmark = pytest.mark.anyio

URL = "/v1/sharing-rules"


@pytest.fixture
async def system(database: Database) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database.system, server_settings=PLANNING)
    yield connection
    await connection.close()


def rule(section: str, relation: str, level: str) -> dict[str, str]:
    return {"section": section, "relation": relation, "level": level}


async def set_rules(client: httpx.AsyncClient, *rules: dict[str, str]) -> httpx.Response:
    return await change(client, URL, {"rules": list(rules)})


def cell(rules: dict[str, Any], section: str, relation: str) -> dict[str, Any]:
    found: dict[str, Any] = next(
        each for each in rules["rules"] if (each["section"], each["relation"]) == (section, relation)
    )
    return found


async def test_everybody_reads_every_rule(world: World) -> None:
    cast = await gather(world, "learner", "guardian", "teacher", "mentor", "service_without_scope", "district_admin")
    for label in cast.people:
        rules = await read(await cast.as_(label), URL)
        assert {(each["section"], each["relation"]) for each in rules["rules"]} == {
            (section, relation) for section, relations in RULES.items() for relation in relations
        }
        assert all(each["level"] == each["default"] for each in rules["rules"])
        assert rules["version"] == 0
    teacher = cell(rules, "plan", "teacher")
    assert teacher | {"default": "comment", "floor": "none", "may_change": True} == teacher
    guardian = cell(rules, "plan", "guardian")
    assert guardian | {"default": "propose", "floor": "read", "may_change": True} == guardian
    assert not cell(rules, "learner", "teacher")["may_change"]
    assert not cell(rules, "mastery", "guardian")["may_change"]


async def test_only_district_administrators_and_access_managers_change_them(world: World) -> None:
    cast = await gather(world, "learner", "counselor", "school_admin", "service_writer", "district_admin")
    cast.people["manager"] = await world.service("access.manage")
    for label in ("learner", "counselor", "school_admin", "service_writer"):
        client = await cast.as_(label)
        reply = await set_rules(client, rule("plan", "teacher", "read"))
        assert refusal(reply) == (403, "forbidden")
        assert reply.json()["permission"] == "access:manage"
        rules = await read(client, URL)
        assert rules["available_actions"] == []
        assert [each["action"] for each in rules["blocked_actions"]] == ["edit"]
    for label, level in (("district_admin", "read"), ("manager", "none")):
        client = await cast.as_(label)
        assert (await read(client, URL))["available_actions"] == ["edit"]
        changed = ok(await set_rules(client, rule("plan", "teacher", level)))
        assert cell(changed, "plan", "teacher")["level"] == level
        assert changed == await read(client, URL)


async def test_a_change_holds_on_everybodys_next_request(world: World) -> None:
    cast = await gather(world, "teacher", "counselor", "district_admin")
    plan = await world.plan(cast.learner)
    teacher, admin = await cast.as_("teacher"), await cast.as_("district_admin")
    url = f"/v1/plans/{plan.id}"
    await read(teacher, url)
    ok(await set_rules(admin, rule("plan", "teacher", "none"), rule("profile", "teacher", "none")))
    assert (await teacher.get(url)).status_code == 404
    assert (await read(teacher, "/v1/plans"))["items"] == []
    await read(teacher, f"/v1/learners/{cast.learner.id}")
    await read(await cast.as_("counselor"), url)
    ok(await set_rules(admin, rule("plan", "teacher", "comment")))
    await read(teacher, url)
    assert cell(await read(teacher, URL), "profile", "teacher")["level"] == "none"


async def test_the_first_change_is_made_on_version_0_and_once(world: World) -> None:
    admin = await world.client_for(await world.district_admin())
    before = await tag(admin, URL)
    assert before.startswith('"0-')
    bodies = [{"rules": [rule("plan", relation, "none")]} for relation in ("teacher", "team_member")]
    replies = await asyncio.gather(*(admin.patch(URL, json=body, headers={"If-Match": before}) for body in bodies))
    assert sorted(reply.status_code for reply in replies) == [200, 412]
    assert (await tag(admin, URL)).startswith('"1-')
    stale = await admin.patch(URL, json=bodies[0], headers={"If-Match": before})
    assert refusal(stale) == (412, "version_mismatch")
    missing = await admin.patch(URL, json=bodies[0])
    assert refusal(missing) == (428, "if_match_required")


async def test_trying_changes_nothing(world: World) -> None:
    admin = await world.client_for(await world.district_admin())
    before = await read(admin, URL)
    body = {"rules": [rule("plan", "teacher", "none")]}
    tried = ok(
        await admin.patch(URL, params={"validate_only": "true"}, json=body, headers={"If-Match": await tag(admin, URL)})
    )
    assert cell(tried, "plan", "teacher")["level"] == "none"
    assert await read(admin, URL) == before


async def test_a_rule_at_its_default_is_no_rule_of_the_tenants(world: World) -> None:
    admin = await world.client_for(await world.district_admin())
    ok(await set_rules(admin, rule("plan", "teacher", "comment")))
    assert await tag(admin, URL) == await tag(admin, URL)
    assert (await read(admin, URL))["version"] == 0
    ok(await set_rules(admin, rule("plan", "teacher", "none"), rule("evidence", "teacher", "none")))
    ok(await set_rules(admin, rule("plan", "teacher", "comment")))
    rules = await read(admin, URL)
    assert rules["version"] == 2
    assert [(each["section"], each["level"]) for each in rules["rules"] if each["level"] != each["default"]] == [
        ("evidence", "none")
    ]


CELLS = [(section, relation) for section, relations in RULES.items() for relation in relations]


@pytest.mark.parametrize(("section", "relation"), CELLS)
def test_a_rule_takes_the_levels_from_its_floor_to_its_default(section: Section, relation: Relation) -> None:
    for level in Level:
        given = rule(section, relation, level.name.lower())
        if section not in FIXED and floor(section, relation) <= level <= RULES[section][relation]:
            assert SharingRuleIn.model_validate(given).level == given["level"]
        else:
            with pytest.raises(ValidationError) as caught:
                SharingRuleIn.model_validate(given)
            (error,) = caught.value.errors()
            place, code = ("section", "fixed") if section in FIXED else ("level", "out_of_limits")
            assert (error["loc"], error["type"]) == ((place,), code)


@pytest.mark.parametrize(
    ("rules", "pointer", "code"),
    [
        ([], "/rules", "too_short"),
        ([rule("learner", "teacher", "none")], "/rules/0/section", "fixed"),
        ([rule("account", "school_admin", "none")], "/rules/0/section", "fixed"),
        ([rule("plan", "advisor", "none"), rule("plan", "teacher", "write")], "/rules/1/level", "out_of_limits"),
        ([rule("plan", "guardian", "none")], "/rules/0/level", "out_of_limits"),
        ([rule("plan", "roster_reader", "none")], "/rules/0/relation", "no_such_rule"),
        ([rule("plan", "teacher", "none"), rule("plan", "teacher", "read")], "/rules", "duplicate"),
        ([rule("plan", "teacher", "all")], "/rules/0/level", "literal_error"),
        ([rule("plans", "teacher", "read")], "/rules/0/section", "enum"),
        ([rule("plan", "uncle", "read")], "/rules/0/relation", "enum"),
        ([{"section": "plan", "relation": "teacher"}], "/rules/0/level", "missing"),
    ],
)
async def test_what_is_no_rule_is_refused(world: World, rules: list[Any], pointer: str, code: str) -> None:
    admin = await world.client_for(await world.district_admin())
    assert fault(await set_rules(admin, *rules)) == (422, pointer, code)


async def test_a_change_is_an_event_for_those_who_see_every_learners_access(
    world: World, system: asyncpg.Connection
) -> None:
    cast = await gather(world, "counselor", "school_admin", "guardian", "service_reader", "district_admin")
    cast.people["manager"] = await world.service("access.manage", "events.read")
    admin = await cast.as_("district_admin")
    for _ in range(2):
        ok(await set_rules(admin, rule("plan", "teacher", "none")))
    await number_events(system)
    for label in cast.people:
        events = (await read(await cast.as_(label), "/v1/changes"))["items"]
        found = [(event["capacity"], event["action"], event["changes"]) for event in events]
        if label in ("district_admin", "manager"):
            after = {"plan": {"teacher": "none"}}
            assert found == [("district_admin", "edit", {"rules": {"before": {}, "after": after}})]
        else:
            assert found == []


async def test_who_lowers_her_own_level_can_raise_it_again(world: World) -> None:
    admin = await world.client_for(await world.district_admin())
    lowered = [
        rule(section, "district_admin", "none")
        for section in Section
        if section not in FIXED and "district_admin" in RULES[section]
    ]
    ok(await set_rules(admin, *lowered))
    assert (await read(admin, "/v1/plans"))["items"] == []
    ok(await set_rules(admin, rule("access", "district_admin", "read")))


async def test_one_tenants_rules_are_not_anothers(world: World, another_world: World) -> None:
    await sharing.sharing_policy(another_world, {"plan": {"teacher": "none"}})
    theirs = await read(await another_world.client_for(await another_world.district_admin()), URL)
    ours = await read(await world.client_for(await world.district_admin()), URL)
    assert (cell(theirs, "plan", "teacher")["level"], cell(ours, "plan", "teacher")["level"]) == ("none", "comment")
