"""Classes over HTTP: who knows of which, what is shown, and the list with its filters."""

import uuid
from typing import Any

import httpx
import pytest

from tests.factories import EARLIER, LATER, SCHOOL_YEAR, World
from tests.plans.people import fault, gather, ok, read, refusal

pytestmark = pytest.mark.anyio


async def titles(client: httpx.AsyncClient, **query: Any) -> list[str]:
    return [item["title"] for item in (await read(client, "/v1/classes", **query))["items"]]


async def test_a_class_is_shown_with_its_present_teachers(world: World) -> None:
    teacher = await world.person("Tess", "Teacher")
    learner = await world.learner()
    class_ = await world.class_(teacher, [learner], title="Algebra")
    for dates in ({"until_on": EARLIER}, {"from_on": LATER}):
        await world.enroll(class_, await world.person("Not", "Now"), "teacher", **dates)
    reply = await (await world.client_for(learner)).get(f"/v1/classes/{class_.id}")
    assert reply.headers["etag"].startswith('"1-')
    shown = ok(reply)
    assert (shown["title"], shown["school_name"], shown["school_year"]) == ("Algebra", "Home School", SCHOOL_YEAR)
    assert shown["teachers"] == [{"id": str(teacher.id), "given_name": "Tess", "family_name": "Teacher"}]


@pytest.mark.parametrize(
    "label", ["learner", "guardian", "counselor", "advisor", "case_manager", "school_admin", "district_admin"]
)
async def test_who_knows_the_learner_knows_the_learners_classes(world: World, label: str) -> None:
    cast = await gather(world, label)
    class_ = await world.class_(None, [cast.learner], title="Known")
    client = await cast.as_(label)
    assert await titles(client) == ["Known"]
    assert (await client.get(f"/v1/classes/{class_.id}")).status_code == 200


@pytest.mark.parametrize(
    "label",
    ["other_learner", "restricted_guardian", "former_counselor", "other_school_admin", "mentor", "teacher_elsewhere"],
)
async def test_others_do_not_know_of_the_class(world: World, label: str) -> None:
    cast = await gather(world, label)
    class_ = await world.class_(None, [cast.learner], title="Hidden")
    client = await cast.as_(label)
    assert "Hidden" not in await titles(client)
    hidden, unknown = [await client.get(f"/v1/classes/{id}") for id in (class_.id, uuid.uuid4())]
    assert refusal(hidden) == (404, "not_found")
    assert {**hidden.json(), "request_id": ""} == {**unknown.json(), "request_id": ""}


@pytest.mark.parametrize("role", ["teacher", "student"])
@pytest.mark.parametrize(("dates", "holds"), [({}, True), ({"until_on": EARLIER}, False), ({"from_on": LATER}, False)])
async def test_a_class_is_known_while_enrolled(world: World, role: str, dates: dict[str, Any], holds: bool) -> None:
    person, class_ = await world.person(), await world.class_()
    await world.enroll(class_, person, role, **dates)
    client = await world.client_for(person)
    assert (await titles(client) == [class_.title]) is holds
    assert ((await client.get(f"/v1/classes/{class_.id}")).status_code == 200) is holds


async def test_classes_are_filtered_sorted_and_paged(world: World) -> None:
    second = await world.school("Second School")
    for title in ("Music", "Art", "Biology"):
        await world.class_(title=title)
    await world.class_(title="Art", school=second)
    await world.class_(title="Dance", school_year=SCHOOL_YEAR - 1)
    client = await world.client_for(await world.district_admin())
    assert await titles(client) == ["Art", "Art", "Biology", "Dance", "Music"]
    assert await titles(client, sort="-title") == ["Music", "Dance", "Biology", "Art", "Art"]
    assert await titles(client, school_id=second.id) == ["Art"]
    assert await titles(client, school_year=SCHOOL_YEAR - 1) == ["Dance"]
    assert await titles(client, school_year=SCHOOL_YEAR, school_id=world.home_school.id) == ["Art", "Biology", "Music"]
    for sort in ("title", "-title"):
        found, cursor = [], None
        while True:
            query: dict[str, Any] = {"cursor": cursor} if cursor else {}
            page = await read(client, "/v1/classes", sort=sort, limit=1, count="true", **query)
            found += [item["id"] for item in page["items"]]
            assert page["total"] == 5
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert len(found) == len(set(found)) == 5


async def test_an_administrator_sees_the_own_schools_classes(world: World) -> None:
    await world.class_(title="Here")
    await world.class_(title="There", school=await world.school("Second School"))
    assert await titles(await world.client_for(await world.school_admin())) == ["Here"]


async def test_classes_of_another_tenant_do_not_exist(world: World, another_world: World) -> None:
    foreign = await another_world.class_(title="Foreign")
    client = await world.client_for(await world.district_admin())
    assert await titles(client) == []
    assert refusal(await client.get(f"/v1/classes/{foreign.id}")) == (404, "not_found")


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("title=Art", "query:title"),
        ("school_id=7", "query:school_id"),
        ("school_year=x", "query:school_year"),
        ("school_year=3000000000", "query:school_year"),
        (f"school_year={10**20}", "query:school_year"),
        ("sort=school", "query:sort"),
        ("limit=0", "query:limit"),
    ],
)
async def test_a_query_that_makes_no_sense_is_refused(world: World, query: str, pointer: str) -> None:
    client = await world.client_for(await world.person())
    assert fault(await client.get(f"/v1/classes?{query}"))[:2] == (422, pointer)
