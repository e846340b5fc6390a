"""Walks over directed graphs of identifiers, without recursion: frameworks may be thousands of levels deep."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Literal
from uuid import UUID

Edge = tuple[UUID, UUID]
Successors = Mapping[UUID, Sequence[UUID]]
Step = tuple[Literal["enter", "leave", "closes"], UUID, UUID | None]


def walk(starts: Iterable[UUID], successors: Successors) -> Iterator[Step]:
    """Depth first, every node once.

    Steps are (enter, node, from where), (leave, node, None) and (closes, node, from where): an edge back to a node that
    is still being walked.
    """
    seen: set[UUID] = set()
    for start in starts:
        if start in seen:
            continue
        seen.add(start)
        yield "enter", start, None
        path = {start: iter(successors.get(start, ()))}
        while path:
            node, ahead = next(reversed(path.items()))
            for successor in ahead:
                if successor in path:
                    yield "closes", successor, node
                elif successor not in seen:
                    seen.add(successor)
                    yield "enter", successor, node
                    path[successor] = iter(successors.get(successor, ()))
                    break
            else:
                path.popitem()
                yield "leave", node, None


def cycles(edges: Collection[Edge]) -> list[set[Edge]]:
    """The edges that lie on a cycle, grouped by strongly connected component (Kosaraju)."""
    forward, backward = defaultdict[UUID, list[UUID]](list), defaultdict[UUID, list[UUID]](list)
    for origin, destination in edges:
        forward[origin].append(destination)
        backward[destination].append(origin)
    finished = [node for step, node, _ in walk(list(forward), forward) if step == "leave"]
    component: dict[UUID, UUID] = {}
    for step, node, before in walk(reversed(finished), backward):
        if step == "enter":
            component[node] = node if before is None else component[before]
    groups = defaultdict[UUID, set[Edge]](set)
    for origin, destination in edges:
        if component[origin] == component[destination]:
            groups[component[origin]].add((origin, destination))
    return list(groups.values())
