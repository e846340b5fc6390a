"""Who has looked at a learner's record: every read by anybody but the learner, and nothing else."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from app.core.runtime import Runtime
from app.core.sequencer import number_events
from app.learners.models import Learner
from tests import sharing_factories as sharing
from tests.databases import Database
from tests.factories import World
from tests.openapi_contract import CheckedTransport
from tests.plans.people import Cast, change, gather, ok, read, refusal
from tests.scene import SAMPLES, Scene

pytestmark = pytest.mark.anyio

Look = dict[str, Any]


async def log_of(client: httpx.AsyncClient, learner: Learner, **query: Any) -> list[Look]:
    """The learner's access log, newest first."""
    items: list[Look] = (await read(client, f"/v1/learners/{learner.id}/access-log", **query))["items"]
    return items


async def looks(cast: Cast, **query: Any) -> list[Look]:
    """As the learner, whose own reads are in no log, sees it."""
    return await log_of(await cast.as_("learner"), cast.learner, **query)


async def test_a_single_read_is_in_the_log_with_viewer_relation_and_sections(world: World) -> None:
    cast = await gather(world, "teacher")
    plan = await world.plan(cast.learner)
    before = datetime.now(UTC)
    teacher = await cast.as_("teacher")
    ok(await teacher.get(f"/v1/plans/{plan.id}", headers={"X-Request-Id": "this-one"}))
    (look,) = await looks(cast)
    assert look["viewer_person"] == {
        "id": str(cast.people["teacher"].id),
        "given_name": "Tess",
        "family_name": "Teacher",
    }
    assert look["viewer_service"] is None
    assert (look["capacities"], look["sections"], look["is_list"]) == (["teacher"], ["plan"], False)
    assert (look["operation"], look["request_id"]) == ("get_plan", "this-one")
    assert before <= datetime.fromisoformat(look["at"]) <= datetime.now(UTC)


async def test_a_list_names_each_learner_on_it_and_none_to_another(world: World) -> None:
    learners = [
        await world.learner("Lea", "One"),
        await world.learner("Leo", "Two"),
        await world.learner("Not", "Hers"),
    ]
    teacher = await world.teacher_of(*learners[:2])
    for learner in learners:
        await world.plan(learner)
    await read(await world.client_for(teacher), "/v1/plans")
    found = [await log_of(await world.client_for(learner), learner) for learner in learners]
    assert [len(each) for each in found] == [1, 1, 0]
    assert found[0] == found[1]
    (look,) = found[0]
    assert (look["capacities"], look["sections"], look["is_list"]) == (["teacher"], ["plan"], True)
    assert not any(str(learner.id) in str(look) for learner in learners)


async def test_only_what_the_page_shows_was_looked_at(world: World) -> None:
    learners = [await world.learner("Lea", name) for name in ("Aa", "Bb")]
    client = await world.client_for(await world.teacher_of(*learners))
    await read(client, "/v1/learners", limit=1, sort="name")
    assert [len(await log_of(await world.client_for(learner), learner)) for learner in learners] == [1, 0]


async def test_a_service_is_named_as_a_service(world: World) -> None:
    cast = await gather(world, "service_reader")
    plan = await world.plan(cast.learner)
    service = await cast.as_("service_reader")
    await read(service, f"/v1/plans/{plan.id}")
    await read(service, "/v1/plans")
    listed, single = await looks(cast)
    named = {"id": str(cast.people["service_reader"].id), "name": cast.people["service_reader"].name}
    assert [look["viewer_service"] for look in (listed, single)] == [named] * 2
    assert [look["capacities"] for look in (listed, single)] == [["service"], ["service_reader"]]
    assert single["viewer_person"] is None


async def test_learners_reading_their_own_record_are_in_no_log(world: World) -> None:
    cast = await gather(world, "counselor")
    plan = await world.plan(cast.learner)
    learner = await cast.as_("learner")
    for address in (f"/v1/plans/{plan.id}", "/v1/plans", f"/v1/learners/{cast.learner.id}", "/v1/learners"):
        await read(learner, address)
    assert await log_of(await cast.as_("counselor"), cast.learner) == []


async def test_what_was_not_shown_is_in_no_log(world: World) -> None:
    cast = await gather(world, "teacher_elsewhere", "counselor")
    plan = await world.plan(cast.learner)
    stranger = await cast.as_("teacher_elsewhere")
    assert (await stranger.get(f"/v1/plans/{plan.id}")).status_code == 404
    assert (await read(stranger, "/v1/plans"))["items"] == []
    assert (await stranger.get(f"/v1/plans/{plan.id}/goals")).status_code == 404
    await read(await cast.as_("counselor"), f"/v1/plans/{plan.id}/goals")
    assert await looks(cast) == []


async def test_a_reply_that_the_client_has_already_and_a_head_are_looks(world: World) -> None:
    cast = await gather(world, "counselor")
    address = f"/v1/plans/{(await world.plan(cast.learner)).id}"
    counselor = await cast.as_("counselor")
    tag = (await counselor.get(address)).headers["etag"]
    assert (await counselor.get(address, headers={"If-None-Match": tag})).status_code == 304
    assert (await counselor.head(address)).status_code == 200
    assert [look["operation"] for look in await looks(cast)] == ["get_plan"] * 3


async def test_expansions_add_their_sections_where_they_are_shown(world: World) -> None:
    cast = await gather(world, "counselor", "named_teacher")
    plan = await world.plan(cast.learner)
    await sharing.profile_statement(world, cast.learner)
    counselor = await cast.as_("counselor")
    await read(counselor, f"/v1/plans/{plan.id}", expand="goals,reflections")
    await read(counselor, f"/v1/learners/{cast.learner.id}", expand="profile_statements")
    mentor = await world.person("Mia", "Mentor", role="mentor")
    await sharing.grant(world, plan, mentor, sections=["plan"])
    await read(await world.client_for(mentor), f"/v1/plans/{plan.id}", expand="reflections")
    by_mentor, of_learner, of_plan = await looks(cast)
    assert of_plan["sections"] == ["plan", "reflections"]
    assert of_learner["sections"] == ["learner", "profile"]
    assert (by_mentor["sections"], by_mentor["capacities"]) == (["plan"], ["grantee"])


async def test_a_restriction_that_hides_an_expansion_leaves_it_out_of_the_log(world: World) -> None:
    cast = await gather(world)
    guardian = await world.person("Gail", "Guardian", role="guardian")
    await sharing.restrict_sections(world, await world.guardian(guardian, cast.learner), ["reflections"])
    plan = await world.plan(cast.learner)
    await read(await world.client_for(guardian), f"/v1/plans/{plan.id}", expand="reflections")
    (look,) = await looks(cast)
    assert (look["capacities"], look["sections"]) == (["guardian"], ["plan"])


async def test_histories_and_the_feed_are_lists_of_the_sections_of_their_events(
    world: World, sequencer: Callable[[], Awaitable[None]]
) -> None:
    cast = await gather(world, "counselor")
    plan = await world.plan(cast.learner)
    counselor = await cast.as_("counselor")
    ok(await change(counselor, f"/v1/plans/{plan.id}", {"title": "Other"}))
    await sequencer()
    await read(counselor, f"/v1/plans/{plan.id}/events")
    assert (await read(counselor, "/v1/changes"))["items"]
    feed, history, before_change = await looks(cast)
    assert [look["operation"] for look in (feed, history)] == ["list_changes", "list_plan_events"]
    assert [(look["is_list"], look["sections"]) for look in (feed, history)] == [(True, ["plan"])] * 2
    assert before_change["operation"] == "get_plan"
    await read(counselor, "/v1/changes", after=(await read(counselor, "/v1/changes"))["next_after"])
    assert (await looks(cast))[0]["operation"] == "list_changes"
    assert len(await looks(cast)) == 4


@pytest.fixture
def sequencer(database: Database) -> Callable[[], Awaitable[None]]:
    """Numbers the events that wait."""

    async def number() -> None:
        connection = await asyncpg.connect(database.system)
        try:
            await number_events(connection)
        finally:
            await connection.close()

    return number


async def test_a_change_is_in_the_history_and_a_trial_of_one_is_a_look(world: World) -> None:
    cast = await gather(world, "counselor")
    address = f"/v1/plans/{(await world.plan(cast.learner)).id}"
    counselor, any_version = await cast.as_("counselor"), {"If-Match": "*"}
    ok(await counselor.patch(address, json={"title": "Other"}, headers=any_version))
    assert await looks(cast) == []
    ok(await counselor.patch(f"{address}?validate_only=true", json={"title": "Third"}, headers=any_version))
    ok(await counselor.patch(address, json={"title": "Other"}, headers=any_version))  # changes nothing
    assert [look["operation"] for look in await looks(cast)] == ["change_plan"] * 2


async def test_who_reads_the_log_is_in_it_the_next_time(world: World) -> None:
    cast = await gather(world, "guardian")
    guardian = await cast.as_("guardian")
    await read(guardian, f"/v1/learners/{cast.learner.id}")
    assert [look["operation"] for look in await log_of(guardian, cast.learner)] == ["get_learner"]
    look, _ = await log_of(guardian, cast.learner)
    assert (look["operation"], look["sections"], look["capacities"]) == ("list_access_log", ["access"], ["guardian"])


@pytest.mark.parametrize("label", ["learner", "guardian", "counselor", "school_admin", "district_admin"])
async def test_the_log_is_for_who_reads_section_access(world: World, label: str) -> None:
    cast = await gather(world, label)
    assert await log_of(await cast.as_(label), cast.learner) == []


@pytest.mark.parametrize("label", ["teacher", "other_learner", "restricted_guardian", "other_school_admin", "mentor"])
async def test_for_others_there_is_no_log(world: World, label: str) -> None:
    cast = await gather(world, label)
    reply = await (await cast.as_(label)).get(f"/v1/learners/{cast.learner.id}/access-log")
    assert refusal(reply) == (404, "not_found")


async def test_the_log_is_filtered_sorted_and_paged(world: World) -> None:
    cast = await gather(world, "counselor", "teacher")
    plan = await world.plan(cast.learner)
    for label, address in (
        ("counselor", f"/v1/plans/{plan.id}"),
        ("teacher", "/v1/plans"),
        ("teacher", "/v1/learners"),
    ):
        await read(await cast.as_(label), address)
    newest = await looks(cast)
    assert [look["operation"] for look in newest] == ["list_learners", "list_plans", "get_plan"]
    assert await looks(cast, sort="at") == newest[::-1]
    assert await looks(cast, viewer_person_id=str(cast.people["counselor"].id)) == newest[2:]
    assert await looks(cast, is_list="true") == newest[:2]
    assert await looks(cast, is_list="false") == newest[2:]
    assert await looks(cast, since=newest[1]["at"]) == newest[:2]
    assert await looks(cast, until=newest[1]["at"]) == newest[2:]
    learner, address = await cast.as_("learner"), f"/v1/learners/{cast.learner.id}/access-log"
    first = await read(learner, address, limit=2, count="true")
    rest = await read(learner, address, limit=2, cursor=first["next_cursor"])
    assert ([*first["items"], *rest["items"]], first["total"]) == (newest, 3)


async def test_a_read_that_cannot_be_recorded_shows_nothing(
    world: World, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    cast = await gather(world, "counselor")
    address = f"/v1/plans/{(await world.plan(cast.learner)).id}"
    counselor = await cast.as_("counselor")
    await read(counselor, address)

    def away(_tenant_id: Any) -> Any:
        raise ConnectionRefusedError

    with monkeypatch.context() as patch:
        patch.setattr(runtime.looks, "_kept", len(runtime.looks))
        patch.setattr(runtime.looks, "_transaction", away)
        for path in (address, "/v1/plans"):
            reply = await counselor.get(path)
            assert refusal(reply) == (503, "unavailable")
        assert (await (await cast.as_("learner")).get(address)).status_code == 200
    assert len(await looks(cast)) == 1


# Every operation


OF_LEARNER = (
    "pupil", "plan", "submitted_plan", "goal", "agreed_goal", "action", "milestone", "progress", "comment",
    "reflection", "break_glass",
)  # fmt: skip
"""Objects of the scene that are of the learner's record."""
NOT_OF_A_RECORD = {"list_accounts", "get_account"}
"""A pupil's account is how she signs in, as everybody does."""


@pytest.fixture(scope="module")
async def scene(runtime: Runtime, transport: CheckedTransport, app: FastAPI) -> Scene:
    return await Scene.create(await World.create(runtime, transport, "Ours"), app)


@pytest.mark.parametrize("operation", [name for name in SAMPLES if name.startswith(("get_", "list_", "explain_"))])
async def test_no_operation_shows_a_learner_and_is_not_in_the_log(
    scene: Scene, runtime: Runtime, operation: str
) -> None:
    for caller in ("counselor", "admin", "service"):
        before = len(runtime.looks)
        reply = await scene.send(operation, client=await scene.client(caller))
        shows = reply.status_code == 200 and any(
            f'"{scene.ids[name]}"' in reply.text for name in OF_LEARNER if name in scene.ids
        )
        was_recorded = len(runtime.looks) - before == 1 or operation == "list_access_log"
        if shows and operation not in NOT_OF_A_RECORD:
            assert was_recorded, f"{caller}: {reply.text[:500]}"
