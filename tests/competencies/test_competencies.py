"""Frameworks and competencies over HTTP."""

import uuid
from typing import Any

import httpx
import pytest

from app.competencies.models import Association, Competency, Framework
from tests.factories import World

pytestmark = pytest.mark.anyio


@pytest.fixture
async def reader(world: World) -> httpx.AsyncClient:
    """Signed in as somebody with no role and no relation."""
    return await world.client_for(await world.person())


async def get(client: httpx.AsyncClient, path: str, **query: Any) -> Any:
    response = await client.get(path, params=query)
    assert response.status_code == 200, response.text
    return response.json()


async def ids(client: httpx.AsyncClient, **query: Any) -> list[str]:
    return [item["id"] for item in (await get(client, "/v1/competencies", **query))["items"]]


async def tree(world: World, title: str = "Maths") -> tuple[Framework, list[Competency]]:
    """A root, two below it, and one more root; in tree order."""
    framework = await world.framework(title)
    root = await world.competency(framework, "Number", human_coding_scheme="N", education_levels=["03", "04"])
    first = await world.competency(
        framework, "Adds", parent_id=root.id, position=1, depth=1, human_coding_scheme="N.1", education_levels=["03"]
    )
    second = await world.competency(
        framework, "Divides", parent_id=root.id, position=2, depth=1, human_coding_scheme="N.2"
    )
    last = await world.competency(framework, "Shape", position=3, human_coding_scheme="S")
    return framework, [root, first, second, last]


async def associate(world: World, framework: Framework, kind: str, origin: Any, to: Any, **fields: Any) -> Association:
    values = {"framework_id": framework.id, "type": kind, "uri": "urn:x", "origin_id": origin.id}
    return await world.add(Association(tenant_id=world.tenant.id, destination_id=to.id, **values | fields))


# Frameworks


async def test_frameworks_are_listed_by_title(world: World, reader: httpx.AsyncClient) -> None:
    for title in ("Science", "Maths", "Reading"):
        await world.framework(title)
    page = await get(reader, "/v1/frameworks", count="true")
    assert [framework["title"] for framework in page["items"]] == ["Maths", "Reading", "Science"]
    assert (page["total"], page["next_cursor"]) == (3, None)
    backwards = await get(reader, "/v1/frameworks", sort="-title")
    assert [framework["title"] for framework in backwards["items"]] == ["Science", "Reading", "Maths"]


async def test_a_framework_is_read_with_its_version_as_tag(world: World, reader: httpx.AsyncClient) -> None:
    framework = await world.framework("Maths", publisher="The office", language="en")
    response = await reader.get(f"/v1/frameworks/{framework.id}")
    found = response.json()
    assert (found["title"], found["publisher"], found["language"]) == ("Maths", "The office", "en")
    assert found["source_changed_at"] == "2024-01-01T00:00:00.000000Z"
    assert response.headers["etag"].startswith('"1-')


# Lists of competencies


async def test_competencies_are_listed_in_the_order_of_the_tree(world: World, reader: httpx.AsyncClient) -> None:
    framework, competencies = await tree(world)
    await tree(world, "Another")
    assert await ids(reader, framework_id=framework.id) == [str(c.id) for c in competencies]


async def test_paging_visits_every_competency_once(world: World, reader: httpx.AsyncClient) -> None:
    _, first = await tree(world)
    _, second = await tree(world, "Another")
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 3}
    while query:
        page = await get(reader, "/v1/competencies", **query)
        seen += [item["id"] for item in page["items"]]
        query = {"limit": 3, "cursor": page["next_cursor"]} if page["next_cursor"] else {}
    assert len(seen) == 8
    assert set(seen) == {str(c.id) for c in first + second}


async def test_competencies_are_filtered_by_parent_root_code_and_level(world: World, reader: httpx.AsyncClient) -> None:
    framework, (root, first, second, last) = await tree(world)
    assert await ids(reader, parent_id=root.id) == [str(first.id), str(second.id)]
    assert await ids(reader, is_root="true") == [str(root.id), str(last.id)]
    assert await ids(reader, is_root="false") == [str(first.id), str(second.id)]
    assert await ids(reader, code="N.1") == [str(first.id)]
    assert await ids(reader, education_level="03") == [str(root.id), str(first.id)]
    assert await ids(reader, education_level="03", framework_id=framework.id, is_root="false") == [str(first.id)]
    assert await ids(reader, code="n.1") == []


async def test_stubs_are_in_no_list_but_can_be_read(world: World, reader: httpx.AsyncClient) -> None:
    stub = await world.competency(None, "From elsewhere")
    assert await ids(reader) == []
    found = await get(reader, f"/v1/competencies/{stub.id}")
    assert (found["is_stub"], found["framework_id"], found["full_statement"]) == (True, None, "From elsewhere")


@pytest.mark.parametrize("name", ["framework_id", "parent_id"])
async def test_a_filter_that_names_nothing_is_404(reader: httpx.AsyncClient, name: str) -> None:
    response = await reader.get("/v1/competencies", params={name: str(uuid.uuid4())})
    assert (response.status_code, response.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    "query",
    [
        {"framework_id": "x"},
        {"code": ""},
        {"code": "a\u202eb"},
        {"is_root": "perhaps"},
        {"sort": "title"},
        {"limit": "100000000000000000000"},
        {"framework": "x"},
        {"fields": "children"},
    ],
)
async def test_a_filter_that_cannot_be_meant_is_422(reader: httpx.AsyncClient, query: dict[str, str]) -> None:
    response = await reader.get("/v1/competencies", params=query)
    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == f"query:{next(iter(query))}"


# One competency


async def test_a_competency_is_read_without_what_was_not_asked_for(world: World, reader: httpx.AsyncClient) -> None:
    framework, (root, first, *_) = await tree(world)
    found = await get(reader, f"/v1/competencies/{first.id}")
    assert found["framework_id"] == str(framework.id)
    assert found["parent_id"] == str(root.id)
    assert (found["code"], found["full_statement"], found["education_levels"]) == ("N.1", "Adds", ["03"])
    assert (found["position"], found["depth"], found["is_stub"]) == (1, 1, False)
    assert not {"children", "prerequisites", "associations"} & found.keys()


async def test_children_come_in_order_in_one_line_each(world: World, reader: httpx.AsyncClient) -> None:
    framework, (root, first, second, _) = await tree(world)
    found = await get(reader, f"/v1/competencies/{root.id}", expand="children")
    assert [child["id"] for child in found["children"]] == [str(first.id), str(second.id)]
    assert found["children"][0] == {
        "id": str(first.id),
        "code": "N.1",
        "full_statement": "Adds",
        "framework_id": str(framework.id),
    }


async def test_prerequisites_are_what_precedes_directly_each_once(world: World, reader: httpx.AsyncClient) -> None:
    framework, (root, first, second, last) = await tree(world)
    stub = await world.competency(None, "From elsewhere")
    await world.precedes(first, second, framework)
    await world.precedes(first, second, framework)
    await world.precedes(stub, second, framework)
    await world.precedes(root, first, framework)
    await world.precedes(second, last, framework)
    found = await get(reader, f"/v1/competencies/{second.id}", expand="prerequisites")
    assert {p["id"]: p["framework_id"] for p in found["prerequisites"]} == {
        str(first.id): str(framework.id),
        str(stub.id): None,
    }
    assert len(found["prerequisites"]) == 2


async def test_an_edge_on_a_circle_makes_no_prerequisite(world: World, reader: httpx.AsyncClient) -> None:
    framework, (_, first, second, _) = await tree(world)
    await associate(world, framework, "precedes", first, second, is_cyclic=True)
    found = await get(reader, f"/v1/competencies/{second.id}", expand="prerequisites,associations")
    assert found["prerequisites"] == []
    assert [edge["is_cyclic"] for edge in found["associations"]] == [True]


async def test_associations_are_those_that_start_or_end_here(world: World, reader: httpx.AsyncClient) -> None:
    framework, (root, first, second, last) = await tree(world)
    below = await associate(world, framework, "isChildOf", first, root, sequence_number=1)
    before = await associate(world, framework, "precedes", second, first)
    await associate(world, framework, "precedes", second, last)
    found = await get(reader, f"/v1/competencies/{first.id}", expand="associations")
    assert [edge["id"] for edge in found["associations"]] == [str(below.id), str(before.id)]
    assert (found["associations"][0]["type"], found["associations"][0]["sequence_number"]) == ("isChildOf", 1)


async def test_an_unknown_expansion_is_422(world: World, reader: httpx.AsyncClient) -> None:
    stub = await world.competency(None)
    response = await reader.get(f"/v1/competencies/{stub.id}", params={"expand": "parents"})
    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == "query:expand"


# Who


async def test_nothing_is_read_without_signing_in(client: httpx.AsyncClient) -> None:
    for path in ("/v1/frameworks", f"/v1/frameworks/{uuid.uuid4()}", "/v1/competencies"):
        assert (await client.get(path)).status_code == 401


async def test_another_tenant_finds_what_does_not_exist(world: World, another_world: World) -> None:
    framework, (root, first, *_) = await tree(world)
    await world.precedes(first, root, framework)
    stranger = await another_world.client_for(await another_world.district_admin())
    assert (await get(stranger, "/v1/frameworks"))["items"] == []
    assert await ids(stranger) == []
    for path in (
        f"/v1/frameworks/{framework.id}",
        f"/v1/competencies/{root.id}?expand=children,prerequisites,associations",
        f"/v1/competencies?framework_id={framework.id}",
        f"/v1/competencies?parent_id={root.id}",
    ):
        assert (await stranger.get(path)).status_code == 404


@pytest.mark.parametrize("scope", ["competencies.read", "plans.read"])
async def test_a_service_reads_within_its_scopes(world: World, scope: str) -> None:
    framework, (root, *_) = await tree(world)
    service = await world.client_for(await world.service(scope))
    assert (await get(service, f"/v1/frameworks/{framework.id}"))["title"] == "Maths"
    assert (await get(service, f"/v1/competencies/{root.id}"))["code"] == "N"


async def test_a_service_without_the_scope_is_told_which_permission_it_lacks(world: World) -> None:
    framework, (root, *_) = await tree(world)
    service = await world.client_for(await world.service("roster.read"))
    for path in (
        "/v1/frameworks",
        f"/v1/frameworks/{framework.id}",
        "/v1/competencies",
        f"/v1/competencies/{root.id}",
        f"/v1/competencies/{uuid.uuid4()}",
    ):
        response = await service.get(path)
        assert (response.status_code, response.json()["permission"]) == (403, "competencies:read")
