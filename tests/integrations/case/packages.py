"""CASE packages for the tests: small ones made here, real ones where they are at hand."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app.integrations.case.reader import Package, read_package

SHARED = Path(__file__).resolve().parents[3] / ".." / "shared/data/case"

DOCUMENT = UUID(int=1)
A, B, C, D = (UUID(int=n) for n in range(0xA, 0xE))


def shared(name: str) -> bytes:
    path = SHARED / name
    if not path.is_file():
        pytest.skip(f"the shared file {name} is absent")
    return path.read_bytes()


def item(identifier: UUID, **fields: object) -> dict[str, Any]:
    uri = f"https://case.example/CFItems/{identifier}"
    return {
        "identifier": str(identifier),
        "uri": uri,
        "fullStatement": f"Statement {identifier.int:X}",
        "lastChangeDateTime": "2024-05-06T07:08:09Z",
        **fields,
    }


def node(identifier: UUID | str) -> dict[str, Any]:
    return {"title": "Node", "identifier": str(identifier), "uri": f"https://case.example/CFItems/{identifier}"}


def edge(number: int, kind: str, origin: UUID, destination: UUID, **fields: object) -> dict[str, Any]:
    return {
        "identifier": str(UUID(int=number)),
        "uri": f"https://case.example/CFAssociations/{number}",
        "associationType": kind,
        "originNodeURI": node(origin),
        "destinationNodeURI": node(destination),
        "lastChangeDateTime": "2024-05-06T07:08:09Z",
        **fields,
    }


def package(
    items: list[dict[str, Any]] | None = None, associations: list[dict[str, Any]] | None = None, **document: object
) -> dict[str, Any]:
    return {
        "CFDocument": {
            "identifier": str(DOCUMENT),
            "uri": f"https://case.example/ims/case/v1p0/CFDocuments/{DOCUMENT}",
            "creator": "Us",
            "title": "Skills",
            "lastChangeDateTime": "2024-05-06T07:08:09Z",
            **document,
        },
        "CFItems": items or [],
        "CFAssociations": associations or [],
    }


def read(content: dict[str, Any]) -> Package:
    return read_package(json.dumps(content).encode())


def codes(result: Package) -> list[str]:
    return [problem.code for problem in result.problems]


def assert_is_pre_order(result: Package) -> None:
    """Each item comes after its parent, one level deeper, with nothing shallower between them."""
    path: list[UUID] = []
    for position, each in enumerate(result.items):
        assert each.position == position
        assert each.depth <= len(path)
        del path[each.depth :]
        assert each.parent_ids[:1] == path[-1:]
        path.append(each.identifier)
