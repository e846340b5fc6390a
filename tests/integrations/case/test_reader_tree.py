from itertools import pairwise
from typing import Any
from uuid import UUID

from tests.integrations.case.packages import DOCUMENT, A, B, C, D, codes, edge, item, package, read


def order_of(children: list[dict[str, Any]], numbers: dict[UUID, int]) -> list[UUID]:
    edges = [
        edge(100 + n, "isChildOf", UUID(c["identifier"]), DOCUMENT, sequenceNumber=numbers.get(UUID(c["identifier"])))
        for n, c in enumerate(children)
    ]
    return [i.identifier for i in read(package(children, edges)).items]


def test_siblings_come_by_number_then_enumeration_then_code_then_as_written() -> None:
    assert order_of([item(A), item(B), item(C)], {A: 10, B: 9}) == [B, A, C]
    assert order_of([item(A, listEnumeration="10."), item(B, listEnumeration="9.")], {}) == [B, A]
    assert order_of([item(A, humanCodingScheme="M.10"), item(B, humanCodingScheme="M.9"), item(C)], {}) == [B, A, C]
    assert order_of([item(B), item(A)], {}) == [B, A]


def test_an_item_with_two_parents_is_placed_once_under_the_first() -> None:
    edges = [
        edge(100, "isChildOf", A, DOCUMENT, sequenceNumber=1),
        edge(101, "isChildOf", B, DOCUMENT, sequenceNumber=2),
        edge(102, "isChildOf", C, B),
        edge(103, "isChildOf", C, A),
    ]
    result = read(package([item(A), item(B), item(C)], edges))
    assert [i.identifier for i in result.items] == [A, B, C]
    assert result.items[2].parent_ids == [B, A]


def test_an_item_below_an_outside_node_becomes_a_root() -> None:
    result = read(package([item(A)], [edge(100, "isChildOf", A, B)]))
    assert (result.items[0].depth, result.items[0].parent_ids) == (0, [])
    assert codes(result) == ["parent_outside"]
    assert [s.identifier for s in result.stubs] == [B]


def test_a_cycle_of_children_is_cut_where_it_leads_back_up() -> None:
    edges = [
        edge(100, "isChildOf", A, C),
        edge(101, "isChildOf", A, DOCUMENT),
        edge(102, "isChildOf", B, A),
        edge(103, "isChildOf", C, B),
    ]
    result = read(package([item(C), item(B), item(A)], edges))
    assert [(i.identifier, i.depth) for i in result.items] == [(A, 0), (B, 1), (C, 2)]
    assert result.cyclic == {UUID(int=100)}
    assert len(result.associations) == 4
    assert codes(result) == ["child_cycle"]


def test_a_cycle_of_children_away_from_the_document_is_cut_too() -> None:
    edges = [edge(100, "isChildOf", A, B), edge(101, "isChildOf", B, A), edge(102, "isChildOf", C, C)]
    result = read(package([item(A), item(B), item(C)], edges))
    assert [(i.identifier, i.depth) for i in result.items] == [(A, 0), (B, 1), (C, 0)]
    assert result.cyclic == {UUID(int=100), UUID(int=102)}


def test_the_precedes_associations_on_a_cycle_are_marked_and_kept() -> None:
    edges = [
        edge(100, "precedes", A, B),
        edge(101, "precedes", B, C),
        edge(102, "precedes", C, B),
        edge(103, "precedes", C, D),
        edge(104, "precedes", D, D),
        edge(105, "isRelatedTo", B, A),
    ]
    result = read(package([item(i) for i in (A, B, C, D)], edges))
    assert len(result.associations) == 6
    assert result.cyclic == {UUID(int=n) for n in (101, 102, 104)}
    cycles = {p.detail for p in result.problems if p.code == "precedes_cycle"}
    assert cycles == {f"{UUID(int=101)} {UUID(int=102)}", str(UUID(int=104))}


def test_a_very_deep_tree_is_read() -> None:
    chain = [UUID(int=n) for n in range(1000, 6000)]
    parents = [DOCUMENT, *chain]
    below = [edge(n, "isChildOf", c, p) for n, (c, p) in enumerate(zip(chain, parents, strict=False), 10_000)]
    before = [edge(n, "precedes", o, d) for n, (o, d) in enumerate(pairwise(chain), 20_000)]
    result = read(package([item(i) for i in reversed(chain)], below + before))
    assert [i.identifier for i in result.items] == chain
    assert result.items[-1].depth == len(chain) - 1
