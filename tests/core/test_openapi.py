"""The published document is the running service's, complete, and readable without the internet."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from app.api import ROUTERS
from app.main import json_text

pytestmark = pytest.mark.anyio

COMMITTED = Path(__file__).parents[2] / "docs" / "openapi.json"
VERB_NOUN = re.compile(r"[a-z]+(_[a-z]+)+")
METHODS = ("get", "post", "put", "patch", "delete")
JSON_TYPES = ("application/json", "application/merge-patch+json", "application/problem+json")
OPERATIONS = sorted(
    (route.path_format, method.lower())
    for router in ROUTERS
    for route in router.routes
    if isinstance(route, APIRoute) and route.include_in_schema
    for method in route.methods or ()
)
each_operation = pytest.mark.parametrize(("path", "method"), OPERATIONS)


@pytest.fixture(scope="session")
def document(app: FastAPI) -> dict[str, Any]:
    return app.openapi()


def walk(node: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, dict):
        yield path, node
        for key, value in node.items():
            yield from walk(value, f"{path}/{key}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from walk(value, f"{path}/{index}")


def resolved(document: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        found: Any = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part.replace("~1", "/").replace("~0", "~")]
        node = found
    return node


def media_of(document: dict[str, Any], holder: dict[str, Any]) -> list[tuple[dict[str, Any], list[Any]]]:
    """Each JSON body of a request or response: its schema, and the examples given for it."""
    found = []
    for media_type, media in resolved(document, holder).get("content", {}).items():
        if media_type not in JSON_TYPES:
            continue
        examples = [media["example"]] if "example" in media else []
        examples += [example["value"] for example in media.get("examples", {}).values()]
        examples += resolved(document, media["schema"]).get("examples", [])
        found.append((media["schema"], examples))
    return found


def test_the_committed_document_is_the_running_services(document: dict[str, Any]) -> None:
    """After a change of the interface: `plp openapi --output docs/openapi.json`."""
    assert COMMITTED.read_text() == json_text(document)


async def test_the_document_is_served(client: httpx.AsyncClient, document: dict[str, Any]) -> None:
    reply = await client.get("/openapi.json")
    assert reply.json() == document
    again = await client.get("/openapi.json", headers={"If-None-Match": reply.headers["etag"]})
    assert again.status_code == 304


async def test_the_docs_need_nothing_from_elsewhere(client: httpx.AsyncClient) -> None:
    reply = await client.get("/docs")
    assert reply.headers["content-type"].startswith("text/html")
    assert not re.search(r"(https?:)?//\w", reply.text)
    assets = re.findall(r'(?:src|href)="([^"]+)"', reply.text)
    assert len(assets) >= 3
    for asset in assets:
        assert (await client.get(asset)).status_code == 200


def test_every_operation_is_in_the_document(document: dict[str, Any]) -> None:
    documented = {(path, method) for path, item in document["paths"].items() for method in METHODS if method in item}
    assert documented == set(OPERATIONS)


def test_operation_ids_are_unique(document: dict[str, Any]) -> None:
    ids = [document["paths"][path][method]["operationId"] for path, method in OPERATIONS]
    assert len(set(ids)) == len(ids)


@each_operation
def test_an_operation_has_a_name_a_summary_and_a_known_tag(document: dict[str, Any], path: str, method: str) -> None:
    operation = document["paths"][path][method]
    assert VERB_NOUN.fullmatch(operation["operationId"])
    assert 0 < len(operation["summary"]) <= 80
    assert not operation["summary"].endswith(".")
    assert operation["tags"]
    assert set(operation["tags"]) <= {tag["name"] for tag in document["tags"]}


@each_operation
def test_an_operation_documents_its_errors(document: dict[str, Any], path: str, method: str) -> None:
    operation = document["paths"][path][method]
    statuses = set(operation["responses"])
    expected = {"503"}
    if operation.get("security") != []:
        expected.add("401")
    if "{" in path:
        expected.add("404")
    if operation.get("parameters") or "requestBody" in operation:
        expected.add("422")
    if "requestBody" in operation:
        expected |= {"400", "413", "415"}
    if any(parameter["name"] == "If-Match" for parameter in operation.get("parameters", [])):
        expected |= {"412", "428"}
    if path.startswith("/v1/oauth/"):
        expected -= {"404", "415", "422"}  # RFC 6749 has errors of its own
    assert expected <= statuses
    for status in statuses:
        response = resolved(document, operation["responses"][status])
        assert response["description"]
        if status >= "400" and not path.startswith("/v1/oauth/"):
            assert "application/problem+json" in response["content"]


@each_operation
def test_an_operation_has_valid_examples_of_what_goes_in_and_out(
    document: dict[str, Any], path: str, method: str
) -> None:
    operation = document["paths"][path][method]
    holders = [response for status, response in operation["responses"].items() if status < "300"]
    assert holders
    holders += [operation["requestBody"]] if "requestBody" in operation else []
    registry: Registry[Any] = Registry().with_resource("urn:document", DRAFT202012.create_resource(document))
    for holder in holders:
        for schema, examples in media_of(document, holder):
            assert examples, schema
            reference = json.loads(json.dumps(schema).replace('"#/', '"urn:document#/'))
            for example in examples:
                Draft202012Validator(reference, registry=registry).validate(example)


@each_operation
def test_a_parameter_says_what_it_is(document: dict[str, Any], path: str, method: str) -> None:
    for parameter in document["paths"][path][method].get("parameters", []):
        said = {key for _, node in walk(parameter) for key in node}
        is_plain_id = parameter["in"] == "path"
        assert is_plain_id or said & {"description", "example", "examples", "enum", "const"}, parameter["name"]


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    for path, node in walk(document):
        if isinstance(node.get("$ref"), str):
            assert resolved(document, node), path


def test_replies_have_no_defaults_and_no_unknown_fields(document: dict[str, Any]) -> None:
    """So that every field of a generated client type is exact."""
    for path, operations in document["paths"].items():
        for method in METHODS:
            for status, response in operations.get(method, {}).get("responses", {}).items():
                for schema, _ in media_of(document, response):
                    for where, node in reachable(document, schema):
                        assert "default" not in node, f"{method} {path} {status} {where}"


def reachable(document: dict[str, Any], schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The schemas that a schema consists of."""
    pending, seen = [schema], set()
    while pending:
        for where, node in walk(pending.pop()):
            reference = node.get("$ref")
            if isinstance(reference, str) and reference not in seen:
                seen.add(reference)
                pending.append(resolved(document, node))
            if "type" in node and not where.endswith("/properties"):
                yield where, node
