"""Comments on plans and goals: who reads them, who may speak, and that only the author takes back what was said."""

from typing import Any

import httpx
import pytest

from app.plans.models import Comment, Goal, Plan
from tests import sharing_factories as sharing
from tests.factories import EARLIER, SCHOOL_YEAR, World
from tests.plans.people import READERS, STRANGERS, Cast, change, gather, ok, read, refusal, remove

pytestmark = pytest.mark.anyio

SPEAKERS = ("learner", "guardian", "teacher", "advisor", "counselor", "case_manager", "service_writer")
WORDS = {"text": "Well done."}


async def plan_with_goal(cast: Cast, **fields: Any) -> tuple[Plan, Goal]:
    plan = await cast.world.plan(cast.learner, **fields)
    return plan, await cast.world.goal(plan)


def places(plan: Plan, goal: Goal) -> tuple[str, str]:
    """Where comments on the plan and on the goal are."""
    return f"/v1/plans/{plan.id}/comments", f"/v1/goals/{goal.id}/comments"


async def say(client: httpx.AsyncClient, place: str, text: str = "Well done.") -> Any:
    return ok(await client.post(place, json={"text": text}), 201)


async def statuses(client: httpx.AsyncClient, place: str, comment: Comment) -> tuple[int, int, int]:
    """Of listing, of reading one, and of trying to speak."""
    return (
        (await client.get(place)).status_code,
        (await client.get(f"/v1/comments/{comment.id}")).status_code,
        (await client.post(place, json=WORDS, params={"validate_only": "true"})).status_code,
    )


SPEAKS, LISTENS, HIDDEN = (200, 200, 201), (200, 200, 403), (404, 404, 404)


# Who


@pytest.mark.parametrize("label", READERS)
async def test_who_reads_the_plan_reads_comments_and_who_is_near_speaks(world: World, label: str) -> None:
    cast = await gather(world, label)
    plan, goal = await plan_with_goal(cast)
    client = await cast.as_(label)
    for place, of in zip(places(plan, goal), (None, goal), strict=True):
        comment = await sharing.comment(world, plan, cast.learner, goal=of)
        assert [item["id"] for item in (await read(client, place))["items"]] == [str(comment.id)]
        assert await statuses(client, place, comment) == (SPEAKS if label in SPEAKERS else LISTENS)


@pytest.mark.parametrize("label", ["school_admin", "district_admin", "service_reader"])
async def test_who_may_not_speak_is_told_the_permission(world: World, label: str) -> None:
    cast = await gather(world, label)
    for place in places(*await plan_with_goal(cast)):
        reply = await (await cast.as_(label)).post(place, json=WORDS)
        assert (refusal(reply), reply.json()["permission"]) == ((403, "forbidden"), "plans:comment")


@pytest.mark.parametrize("label", STRANGERS)
async def test_comments_do_not_exist_for_strangers(world: World, label: str) -> None:
    cast = await gather(world, label)
    plan, goal = await plan_with_goal(cast)
    client = await cast.as_(label)
    for place, of in zip(places(plan, goal), (None, goal), strict=True):
        comment = await sharing.comment(world, plan, cast.learner, goal=of)
        assert await statuses(client, place, comment) == HIDDEN
        for attempt in (
            client.patch(f"/v1/comments/{comment.id}", json=WORDS, headers={"If-Match": "*"}),
            client.delete(f"/v1/comments/{comment.id}", headers={"If-Match": "*"}),
        ):
            assert refusal(await attempt) == (404, "not_found")


@pytest.mark.parametrize("label", SPEAKERS)
async def test_a_comment_says_who_wrote_it_and_as_what(world: World, label: str) -> None:
    cast = await gather(world, label)
    plan, goal = await plan_with_goal(cast)
    client, person = await cast.as_(label), cast.people[label]
    for place, goal_id in zip(places(plan, goal), (None, str(goal.id)), strict=True):
        reply = await client.post(place, json=WORDS)
        made = ok(reply, 201)
        assert reply.headers["location"] == f"/v1/comments/{made['id']}"
        assert (made["plan_id"], made["goal_id"], made["text"]) == (str(plan.id), goal_id, "Well done.")
        assert (made["author"] or {}).get("id") == (None if label == "service_writer" else str(person.id))
        assert made["author_as"] == label
        assert made["available_actions"] == ["edit", "delete"]
        assert await read(client, reply.headers["location"]) == made


async def test_a_teacher_speaks_as_named_where_the_goal_names_her(world: World) -> None:
    cast = await gather(world, "named_teacher")
    plan, goal = await plan_with_goal(cast)
    await world.name_teacher(goal, cast.people["named_teacher"])
    client = await cast.as_("named_teacher")
    assert [(await say(client, place))["author_as"] for place in places(plan, goal)] == ["teacher", "named_teacher"]


async def test_a_substitute_speaks_while_standing_in(world: World) -> None:
    cast = await gather(world, "teacher")
    plan, goal = await plan_with_goal(cast)
    for label in ("substitute", "former_substitute"):
        cast.people[label] = await world.person("Sue", "Substitute", role="teacher")
    teacher = cast.people["teacher"]
    await sharing.delegation(world, teacher, cast.people["substitute"])
    await sharing.delegation(
        world, teacher, cast.people["former_substitute"], from_on=EARLIER.replace(2019), until_on=EARLIER
    )
    for place in places(plan, goal):
        made = await say(await cast.as_("substitute"), place)
        assert (made["author"]["given_name"], made["author_as"]) == ("Sue", "teacher")
        assert refusal(await (await cast.as_("former_substitute")).get(place)) == (404, "not_found")
    url = f"/v1/comments/{made['id']}"
    assert refusal(await change(await cast.as_("teacher"), url, {"text": "Mine"})) == (409, "not_author")


async def test_a_team_member_speaks_on_the_one_plan(world: World) -> None:
    cast = await gather(world)
    plan, goal = await plan_with_goal(cast)
    next_plan, next_goal = await plan_with_goal(cast, school_year=SCHOOL_YEAR + 1)
    cast.people["member"] = await world.person("Max", "Member", role="mentor")
    await sharing.team_member(world, plan, cast.people["member"])
    client = await cast.as_("member")
    for place in places(plan, goal):
        assert (await say(client, place))["author_as"] == "team_member"
    for place in places(next_plan, next_goal):
        comment = await sharing.comment(world, next_plan, cast.learner)
        assert await statuses(client, place, comment) == HIDDEN


@pytest.mark.parametrize(
    ("sections", "level", "expected"),
    [
        (["plan"], "read", LISTENS),
        (["plan"], "comment", SPEAKS),
        (["plan"], "propose", SPEAKS),
        (["plan", "profile"], "write", SPEAKS),
        (["reflections", "profile"], "comment", HIDDEN),
    ],
)
async def test_a_grant_of_the_plan_opens_comments_to_its_level(
    world: World, sections: list[str], level: str, expected: tuple[int, int, int]
) -> None:
    cast = await gather(world, "mentor")
    plan, goal = await plan_with_goal(cast)
    await sharing.grant(world, plan, cast.people["mentor"], sections=sections, level=level)
    client = await cast.as_("mentor")
    for place, of in zip(places(plan, goal), (None, goal), strict=True):
        comment = await sharing.comment(world, plan, cast.learner, goal=of)
        assert await statuses(client, place, comment) == expected
        if expected == SPEAKS:
            assert (await say(client, place))["author_as"] == "grantee"


@pytest.mark.parametrize(("level", "expected"), [("read", LISTENS), ("comment", SPEAKS)])
async def test_a_grant_of_one_goal_opens_the_comments_on_it_alone(
    world: World, level: str, expected: tuple[int, int, int]
) -> None:
    cast = await gather(world, "mentor")
    plan, goal = await plan_with_goal(cast)
    other = await world.goal(plan)
    await sharing.grant(world, plan, cast.people["mentor"], sections=(), goals=[goal], level=level)
    client = await cast.as_("mentor")
    of_plan, of_goal = places(plan, goal)
    assert await statuses(client, of_goal, await sharing.comment(world, plan, cast.learner, goal=goal)) == expected
    assert await statuses(client, of_plan, await sharing.comment(world, plan, cast.learner)) == HIDDEN
    of_other = places(plan, other)[1]
    assert await statuses(client, of_other, await sharing.comment(world, plan, cast.learner, goal=other)) == HIDDEN
    if expected == SPEAKS:
        url = f"/v1/comments/{(await say(client, of_goal))['id']}"
        assert ok(await change(client, url, {"text": "Better."}))["text"] == "Better."
        assert ok(await remove(client, url), 204) is None


@pytest.mark.parametrize(
    ("sections", "expected"), [(["plan"], HIDDEN), (["reflections", "evidence"], SPEAKS), (["learner"], SPEAKS)]
)
async def test_a_guardian_is_kept_from_comments_with_the_plan(
    world: World, sections: list[str], expected: tuple[int, int, int]
) -> None:
    cast = await gather(world)
    plan, goal = await plan_with_goal(cast)
    guardian = cast.people["guardian"] = await world.person("Gus", "Guardian", role="guardian")
    await sharing.restrict_sections(world, await world.guardian(guardian, cast.learner), sections)
    for place, of in zip(places(plan, goal), (None, goal), strict=True):
        comment = await sharing.comment(world, plan, cast.learner, goal=of)
        assert await statuses(await cast.as_("guardian"), place, comment) == expected


# A stricter tenant


@pytest.mark.parametrize(
    ("rules", "label", "expected"),
    [
        ({"plan": {"teacher": "read"}}, "teacher", LISTENS),
        ({"plan": {"teacher": "none"}}, "teacher", HIDDEN),
        ({"plan": {"guardian": "read"}}, "guardian", LISTENS),
        ({"plan": {"guardian": "comment"}}, "guardian", SPEAKS),
        ({"plan": {"advisor": "comment"}}, "advisor", SPEAKS),
        ({"plan": {"school_admin": "none"}}, "school_admin", HIDDEN),
        ({"plan": {"school_admin": "write"}}, "school_admin", LISTENS),
        ({"plan": {"service_writer": "none"}}, "service_writer", LISTENS),
    ],
)
async def test_a_tenant_may_let_fewer_speak(
    world: World, rules: dict[str, dict[str, str]], label: str, expected: tuple[int, int, int]
) -> None:
    await sharing.sharing_policy(world, rules)
    cast = await gather(world, label)
    plan, goal = await plan_with_goal(cast)
    for place, of in zip(places(plan, goal), (None, goal), strict=True):
        comment = await sharing.comment(world, plan, cast.learner, goal=of)
        assert await statuses(await cast.as_(label), place, comment) == expected


async def test_an_opened_plan_is_read_and_not_spoken_on(world: World) -> None:
    await sharing.sharing_policy(world, {"plan": {"school_admin": "none"}})
    cast = await gather(world, "school_admin")
    plan, goal = await plan_with_goal(cast)
    await sharing.break_glass(world, cast.learner, cast.people["school_admin"], sections=["plan"])
    for place, of in zip(places(plan, goal), (None, goal), strict=True):
        comment = await sharing.comment(world, plan, cast.learner, goal=of)
        assert await statuses(await cast.as_("school_admin"), place, comment) == LISTENS


async def test_who_may_not_speak_any_more_leaves_what_was_said(world: World) -> None:
    cast = await gather(world, "teacher")
    plan, goal = await plan_with_goal(cast)
    client = await cast.as_("teacher")
    url = f"/v1/comments/{(await say(client, places(plan, goal)[1]))['id']}"
    await sharing.sharing_policy(world, {"plan": {"teacher": "read"}})
    for reply in (await change(client, url, {"text": "Other"}), await remove(client, url)):
        assert (refusal(reply), reply.json()["permission"]) == ((403, "forbidden"), "plans:comment")
    assert (await read(client, url))["available_actions"] == []


# What


async def test_a_plan_and_its_goals_have_comments_apart_oldest_first(world: World) -> None:
    cast = await gather(world, "teacher")
    plan, goal = await plan_with_goal(cast)
    of_plan, of_goal = places(plan, goal)
    client = await cast.as_("teacher")
    for place, text in ((of_plan, "one"), (of_goal, "two"), (of_plan, "three"), (of_goal, "four")):
        await say(client, place, text)

    async def texts(place: str, **query: Any) -> list[str]:
        return [item["text"] for item in (await read(client, place, **query))["items"]]

    assert (await texts(of_plan), await texts(of_goal)) == (["one", "three"], ["two", "four"])
    assert await texts(of_plan, sort="-created_at") == ["three", "one"]
    first = await read(client, of_goal, limit=1, count="true")
    assert (first["items"][0]["text"], first["total"]) == ("two", 2)
    assert await texts(of_goal, limit=1, cursor=first["next_cursor"]) == ["four"]
    reply = await client.get(of_plan, params={"limit": 1, "cursor": first["next_cursor"]})
    assert refusal(reply) == (400, "invalid_cursor")


async def test_a_listed_comment_reads_as_it_does_alone(world: World) -> None:
    cast = await gather(world, "teacher")
    place = places(*await plan_with_goal(cast))[0]
    client = await cast.as_("teacher")
    made = await say(client, place)
    (item,) = (await read(client, place))["items"]
    assert item == {name: value for name, value in made.items() if not name.endswith("_actions")}


async def test_only_the_author_takes_back_what_was_said(world: World) -> None:
    cast = await gather(world, "teacher", "counselor", "service_writer")
    place = places(*await plan_with_goal(cast))[1]
    url = f"/v1/comments/{(await say(await cast.as_('teacher'), place))['id']}"
    for label in ("learner", "counselor", "service_writer"):
        client = await cast.as_(label)
        assert refusal(await change(client, url, {"text": "Other"})) == (409, "not_author")
        assert refusal(await remove(client, url)) == (409, "not_author")
        shown = await read(client, url)
        assert (shown["available_actions"], {item["code"] for item in shown["blocked_actions"]}) == ([], {"not_author"})
    author = await cast.as_("teacher")
    changed = ok(await change(author, url, {"text": "Very well done."}))
    assert (changed["text"], changed["version"]) == ("Very well done.", 2)
    assert ok(await change(author, url, {"text": "Very well done."}))["version"] == 2
    stale = await author.patch(url, json=WORDS, headers={"If-Match": '"1"'})
    assert refusal(stale) == (412, "version_mismatch")
    assert ok(await remove(author, url), 204) is None
    assert refusal(await author.get(url)) == (404, "not_found")


async def test_a_service_takes_back_what_services_said(world: World) -> None:
    cast = await gather(world, "service_writer", "counselor")
    place = places(*await plan_with_goal(cast))[0]
    url = f"/v1/comments/{(await say(await cast.as_('service_writer'), place))['id']}"
    assert refusal(await remove(await cast.as_("counselor"), url)) == (409, "not_author")
    assert ok(await remove(await cast.as_("service_writer"), url), 204) is None


@pytest.mark.parametrize("status", ["draft", "in_review", "active", "closed"])
async def test_people_speak_until_the_plan_is_archived(world: World, status: str) -> None:
    cast = await gather(world, "teacher")
    plan, goal = await plan_with_goal(cast, status=status)
    client = await cast.as_("teacher")
    for place in places(plan, goal):
        url = f"/v1/comments/{(await say(client, place))['id']}"
        ok(await change(client, url, {"text": "Other"}))
        ok(await remove(client, url), 204)


async def test_an_archived_plan_is_spoken_of_no_more(world: World) -> None:
    cast = await gather(world, "teacher")
    plan, goal = await plan_with_goal(cast, status="archived")
    client, teacher = await cast.as_("teacher"), cast.people["teacher"]
    for place, of, code in zip(places(plan, goal), (None, goal), ("wrong_status", "plan_archived"), strict=True):
        assert refusal(await client.post(place, json=WORDS)) == (409, code)
        url = f"/v1/comments/{(await sharing.comment(world, plan, teacher, goal=of)).id}"
        assert refusal(await change(client, url, WORDS)) == (409, "plan_archived")
        assert refusal(await remove(client, url)) == (409, "plan_archived")


async def test_an_id_of_ones_own_serves_once(world: World) -> None:
    cast = await gather(world)
    of_plan, of_goal = places(*await plan_with_goal(cast))
    client = await cast.as_("learner")
    own = "01934b5e-7f6a-7c3e-9d0a-0000000000aa"
    assert ok(await client.post(of_plan, json=WORDS | {"id": own}), 201)["id"] == own
    assert refusal(await client.post(of_goal, json=WORDS | {"id": own})) == (409, "id_taken")


async def test_the_history_keeps_what_was_said_for_who_reads_the_plan(world: World) -> None:
    cast = await gather(world, "teacher", "guardian", "other_learner")
    plan, goal = await plan_with_goal(cast)
    teacher = await cast.as_("teacher")
    made = await say(teacher, places(plan, goal)[1])
    url = f"/v1/comments/{made['id']}"
    ok(await change(teacher, url, {"text": "Other"}))
    ok(await remove(teacher, url), 204)
    for label in ("learner", "guardian", "teacher"):
        events = (await read(await cast.as_(label), f"/v1/plans/{plan.id}/events", sort="at"))["items"]
        said = [event for event in events if event["entity_type"] == "comment"]
        assert [(event["action"], event["capacity"], event["section"]) for event in said] == [
            ("create", "teacher", "plan"),
            ("edit", "teacher", "plan"),
            ("delete", "teacher", "plan"),
        ]
        assert said[1]["changes"] == {"text": {"before": "Well done.", "after": "Other"}}
        assert said[2]["changes"]["text"] == {"before": "Other", "after": None}
        assert said[0]["changes"]["goal_id"] == {"before": None, "after": str(goal.id)}


async def test_whoever_has_only_a_goal_may_repeat_a_comment_on_it_while_she_has_it(world: World) -> None:
    cast = await gather(world, "mentor")
    plan, goal = await plan_with_goal(cast)
    other = await world.goal(plan)
    place = places(plan, goal)[1]
    made = await sharing.grant(world, plan, cast.people["mentor"], level="comment", sections=(), goals=[goal])
    client, key = await cast.as_("mentor"), {"Idempotency-Key": "once"}
    first = await client.post(place, json=WORDS, headers=key)
    assert ok(await client.post(place, json=WORDS, headers=key), 201) == first.json()
    await sharing.revoke(world, made)
    await sharing.grant(world, plan, cast.people["mentor"], level="comment", sections=(), goals=[other])
    assert (await client.post(place, json=WORDS, headers=key)).status_code == 404
