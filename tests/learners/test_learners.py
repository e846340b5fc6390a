"""Learners over HTTP: what is shown of one, and the lists with their filters."""

import uuid
from typing import Any

import httpx
import pytest

from app.learners.models import Learner
from app.roster.models import ExternalId
from tests.factories import EARLIER, LATER, World
from tests.plans.people import fault, gather, ok, read, refusal

pytestmark = pytest.mark.anyio


@pytest.fixture
async def admin(world: World) -> httpx.AsyncClient:
    return await world.client_for(await world.school_admin())


async def names(client: httpx.AsyncClient, path: str = "/v1/learners", **query: Any) -> list[str]:
    return [f"{item['given_name']} {item['family_name']}" for item in (await read(client, path, **query))["items"]]


async def family(world: World) -> list[Learner]:
    people = (("Zoe", "Adams"), ("Ben", "Brown"), ("Ann", "Brown"), ("Ann", "Brown"), ("Émile", "Zola"))
    return [await world.learner(given, last, grade=f"0{i}") for i, (given, last) in enumerate(people)]


async def test_a_learner_is_shown_with_school_and_outside_names(world: World) -> None:
    cast = await gather(world, "teacher")
    for system, value in (("sis", "S-1"), ("lms", "L-1")):
        row = {"entity_id": cast.learner.id, "system": system, "type": "sourcedId", "value": value}
        await world.add(ExternalId(tenant_id=world.tenant.id, **row))
    reply = await (await cast.as_("teacher")).get(f"/v1/learners/{cast.learner.id}")
    assert reply.headers["etag"].startswith('"1-')
    shown = ok(reply)
    assert (shown["given_name"], shown["family_name"], shown["grade"]) == ("Lea", "Learner", "07")
    assert (shown["school_id"], shown["school_name"]) == (str(world.home_school.id), "Home School")
    assert [name["system"] for name in shown["external_ids"]] == ["lms", "sis"]
    assert (shown["relations"], shown["available_actions"]) == (["teacher"], ["add_staff_note"])


async def test_learners_come_by_name_and_pages_give_each_once(world: World, admin: httpx.AsyncClient) -> None:
    await family(world)
    in_order = ["Zoe Adams", "Ann Brown", "Ann Brown", "Ben Brown", "Émile Zola"]
    assert await names(admin) == in_order
    assert await names(admin, sort="-name") == in_order[::-1]
    for sort in ("name", "-name"):
        found: list[str] = []
        page: Any = {"next_cursor": ""}
        while page["next_cursor"] is not None:
            query = {"cursor": page["next_cursor"]} if page["next_cursor"] else {}
            page = await read(admin, "/v1/learners", sort=sort, limit=2, count="true", **query)
            found += [item["id"] for item in page["items"]]
            assert page["total"] == 5
        assert len(found) == len(set(found)) == 5


async def test_learners_are_filtered_by_class_school_and_grade(world: World) -> None:
    learners = await family(world)
    elsewhere = await world.learner("Else", "Where", school=await world.school("Second School"), grade="02")
    class_ = await world.class_(None, learners[:2])
    await world.enroll(class_, learners[2], "student", until_on=EARLIER)
    await world.enroll(class_, learners[3], "student", from_on=LATER)
    client = await world.client_for(await world.district_admin())
    assert await names(client, class_id=class_.id) == ["Zoe Adams", "Ben Brown"]
    assert await names(client, school_id=elsewhere.school_id) == ["Else Where"]
    assert await names(client, grade="02") == ["Ann Brown", "Else Where"]
    assert await names(client, grade="02", school_id=world.home_school.id) == ["Ann Brown"]
    assert await names(client, grade="12") == []
    assert await names(client, school_id=uuid.uuid4()) == []


async def test_my_learners_are_those_i_have_a_relation_to_myself(world: World) -> None:
    cast = await gather(world, "teacher", "guardian", "counselor", "school_admin", "district_admin", "service_reader")
    await world.learner("Not", "Mine")
    for label in ("learner", "teacher", "guardian", "counselor"):
        assert await names(await cast.as_(label), "/v1/me/learners") == ["Lea Learner"]
    for label in ("school_admin", "district_admin", "service_reader"):
        client = await cast.as_(label)
        assert await names(client, "/v1/me/learners") == []
        assert await names(client) == ["Lea Learner", "Not Mine"]


async def test_my_learners_of_one_class(world: World) -> None:
    teacher = await world.person()
    one, other = await world.learner("One"), await world.learner("Other", grade="08")
    class_ = await world.class_(teacher, [one])
    await world.class_(teacher, [one, other])
    client = await world.client_for(teacher)
    assert await names(client, "/v1/me/learners", class_id=class_.id) == ["One Learner"]
    assert await names(client, "/v1/me/learners", grade="08") == ["Other Learner"]


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("class=1", "query:class"),
        ("grade=", "query:grade"),
        ("school_id=7", "query:school_id"),
        ("sort=grade", "query:sort"),
        ("limit=0", "query:limit"),
        ("fields=password_hash", "query:fields"),
        ("grade=01&grade=02", "query:grade"),
        ("expand=plans", "query:expand"),
    ],
)
async def test_a_query_that_makes_no_sense_is_refused(admin: httpx.AsyncClient, query: str, pointer: str) -> None:
    assert fault(await admin.get(f"/v1/learners?{query}"))[:2] == (422, pointer)


@pytest.mark.parametrize("learner_id", ["7", "not-an-id", "0198f000-0000-7000-8000-000000000001", "9" * 400])
async def test_what_is_no_learner_is_not_found(admin: httpx.AsyncClient, learner_id: str) -> None:
    assert refusal(await admin.get(f"/v1/learners/{learner_id}")) == (404, "not_found")


async def test_a_person_who_is_no_learner_is_not_found(world: World, admin: httpx.AsyncClient) -> None:
    teacher = await world.person(role="teacher")
    assert refusal(await admin.get(f"/v1/learners/{teacher.id}")) == (404, "not_found")
