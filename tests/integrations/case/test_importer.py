"""Importing a CASE package: everything comes in, and coming again changes nothing."""

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select

from app.competencies.models import Association, Competency, Framework
from app.core.events import Event
from app.integrations.case import importer
from app.integrations.case.importer import Counts, ImportReport, import_file, import_package
from app.integrations.case.reader import Package, PackageError, read_package
from tests.factories import World
from tests.integrations.case.packages import DOCUMENT, A, B, C, D, edge, item, package, read, shared

pytestmark = pytest.mark.anyio

DEMO = Path(importer.__file__).parent / "demo_framework.json"
KINDS = (Framework, Competency, Association)


@pytest.fixture
def real() -> Package:
    return read_package(shared("smarter-balanced-math.cfpackage.json"))


async def bring_in(world: World, content: Package | dict[str, Any]) -> ImportReport:
    async with world.transaction() as session:
        return await import_package(
            session, world.tenant.id, content if isinstance(content, Package) else read(content)
        )


async def rows(world: World, entity: type[Any]) -> dict[UUID, Any]:
    async with world.transaction() as session:
        return {row.id: row for row in await session.scalars(select(entity))}


async def stamps(world: World) -> list[tuple[Any, ...]]:
    """Id, version and time of the last change of every imported row."""
    found: list[tuple[Any, ...]] = []
    async with world.transaction() as session:
        for kind in KINDS:
            query = select(kind.id, kind.version, kind.updated_at).order_by(kind.id)
            found += [tuple(row) for row in await session.execute(query)]
    return found


async def events(world: World) -> Sequence[Event]:
    async with world.transaction() as session:
        return (await session.scalars(select(Event).order_by(Event.at))).all()


async def test_every_item_of_the_real_package_comes_in_and_in_the_order_of_its_tree(
    world: World, real: Package
) -> None:
    report = await bring_in(world, real)
    async with world.transaction() as session:
        query = select(Competency).where(Competency.framework_id == report.framework_id).order_by(Competency.position)
        found = (await session.scalars(query)).all()
    assert report.competencies == Counts(created=585)
    assert [c.id for c in found] == [i.identifier for i in real.items]
    assert [(c.position, c.depth) for c in found] == [(i.position, i.depth) for i in real.items]
    assert [c.parent_id for c in found] == [next(iter(i.parent_ids), None) for i in real.items]


async def test_all_precedes_edges_are_kept_those_from_outside_and_the_pair_that_occurs_twice_too(
    world: World, real: Package
) -> None:
    report = await bring_in(world, real)
    competencies, associations = await rows(world, Competency), await rows(world, Association)
    precedes = [a for a in associations.values() if a.type == "precedes"]
    assert report.associations == Counts(created=3367)
    assert len(precedes) == 423
    assert max(Counter((a.origin_id, a.destination_id) for a in precedes).values()) == 2
    from_outside = [a for a in precedes if competencies[a.origin_id].framework_id is None]
    assert len(from_outside) == 3


async def test_every_node_outside_the_real_package_is_a_stub(world: World, real: Package) -> None:
    report = await bring_in(world, real)
    stubs = [c for c in (await rows(world, Competency)).values() if c.framework_id is None]
    assert report.stubs == Counts(created=940)
    assert {s.id for s in stubs} == {s.identifier for s in real.stubs}


async def test_a_second_import_changes_nothing(world: World, real: Package) -> None:
    await bring_in(world, real)
    before = await stamps(world)
    report = await bring_in(world, real)
    assert not report.has_changes
    assert (report.competencies, report.associations) == (Counts(unchanged=585), Counts(unchanged=3367))
    assert await stamps(world) == before
    assert len(await events(world)) == 1


async def test_the_demo_framework_comes_in_from_its_file(world: World) -> None:
    report = await import_file(world.runtime.sessions, world.tenant.id, DEMO)
    expected = read_package(DEMO.read_bytes())
    assert (report.title, report.problems) == ("Everyday Skills", [])
    assert report.competencies == Counts(created=len(expected.items))
    assert report.associations == Counts(created=len(expected.associations))
    assert set(await rows(world, Framework)) == {expected.document.identifier}


async def test_a_file_that_is_no_package_is_refused_and_named(world: World, tmp_path: Path) -> None:
    path = tmp_path / "grades.json"
    path.write_text("[]")
    with pytest.raises(PackageError, match=r"grades\.json"):
        await import_file(world.runtime.sessions, world.tenant.id, path)


async def test_what_has_no_column_is_kept_as_well(world: World) -> None:
    content = package(
        [item(A), item(B, conceptKeywords=["sum"], alternativeLabel="Adding", language="en", subject=["Maths"])],
        [edge(100, "isChildOf", B, A, notes="below")],
        version="2.1",
        officialSourceURL="https://case.example/source",
    )
    await bring_in(world, content)
    framework = (await rows(world, Framework))[DOCUMENT]
    competency = (await rows(world, Competency))[B]
    (association,) = (await rows(world, Association)).values()
    assert framework.extra == {
        "version": "2.1",
        "official_source_url": "https://case.example/source",
        "source_case_version": "1.0",
    }
    assert competency.extra == {
        "alternative_label": "Adding",
        "concept_keywords": ["sum"],
        "language": "en",
        "parent_ids": [str(A)],
        "subject": ["Maths"],
    }
    assert association.extra["notes"] == "below"
    assert association.extra["origin_uri"] == f"https://case.example/CFItems/{B}"


async def test_only_what_differs_is_touched(world: World) -> None:
    await bring_in(world, package([item(A), item(B)]))
    before = await rows(world, Competency)
    report = await bring_in(world, package([item(A), item(B, fullStatement="Better said")]))
    after = await rows(world, Competency)
    assert report.competencies == Counts(updated=1, unchanged=1)
    assert (after[A].version, after[A].updated_at) == (1, before[A].updated_at)
    assert (after[B].version, after[B].full_statement) == (2, "Better said")
    assert after[B].updated_at > before[B].updated_at
    assert after[B].created_at == before[B].created_at


async def test_a_value_that_was_withdrawn_is_cleared(world: World) -> None:
    await bring_in(world, package([item(A, humanCodingScheme="M.1", educationLevel=["03"])]))
    await bring_in(world, package([item(A)]))
    competency = (await rows(world, Competency))[A]
    assert (competency.human_coding_scheme, competency.education_levels) == (None, [])


async def test_what_vanished_from_the_package_stays_and_is_counted(world: World) -> None:
    await bring_in(world, package([item(A), item(B)], [edge(100, "precedes", A, B)]))
    report = await bring_in(world, package([item(A)]))
    assert report.competencies == Counts(unchanged=1, missing=1)
    assert report.associations == Counts(missing=1)
    assert set(await rows(world, Competency)) == {A, B}
    assert len(await rows(world, Association)) == 1


async def test_a_stub_is_filled_in_when_its_package_comes(world: World) -> None:
    other = package([item(B, fullStatement="The whole of it")], identifier=str(UUID(int=2)))
    await bring_in(world, package([item(A)], [edge(100, "precedes", B, A)]))
    stub = (await rows(world, Competency))[B]
    assert (stub.framework_id, stub.full_statement) == (None, "Node")
    report = await bring_in(world, other)
    filled = (await rows(world, Competency))[B]
    assert report.competencies == Counts(updated=1)
    assert (filled.framework_id, filled.full_statement) == (UUID(int=2), "The whole of it")


async def test_naming_a_competency_from_elsewhere_does_not_make_a_stub_of_it(world: World) -> None:
    await bring_in(world, package([item(B, fullStatement="The whole of it")], identifier=str(UUID(int=2))))
    report = await bring_in(world, package([item(A)], [edge(100, "precedes", B, A)]))
    known = (await rows(world, Competency))[B]
    assert report.stubs == Counts(unchanged=1)
    assert (known.version, known.full_statement) == (1, "The whole of it")


async def test_edges_on_a_circle_are_kept_and_marked(world: World) -> None:
    circle = [edge(100, "precedes", A, B), edge(101, "precedes", B, A), edge(102, "precedes", B, C)]
    report = await bring_in(world, package([item(A), item(B), item(C)], circle))
    marked = {a.id.int: a.is_cyclic for a in (await rows(world, Association)).values()}
    assert marked == {100: True, 101: True, 102: False}
    assert "precedes_cycle" in [problem.code for problem in report.problems]


async def test_an_import_is_one_event_of_the_system(world: World) -> None:
    await bring_in(world, package([item(A), item(B)], [edge(100, "precedes", D, B)]))
    (event,) = await events(world)
    assert (event.entity_type, event.entity_id, event.action) == ("framework", DOCUMENT, "import")
    assert (event.actor_person_id, event.actor_client_id, event.capacity) == (None, None, "system")
    assert event.changes["competencies"]["after"] == {"created": 2, "updated": 0, "unchanged": 0, "missing": 0}
    assert event.changes["stubs"]["after"]["created"] == 1


async def test_a_package_larger_than_one_statement_comes_in_whole(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importer, "ROWS_PER_STATEMENT", 2)
    items = [item(UUID(int=n)) for n in range(10, 15)]
    assert (await bring_in(world, package(items))).competencies == Counts(created=5)
    assert (await bring_in(world, package(items))).competencies == Counts(unchanged=5)


async def test_two_imports_at_once_take_turns(world: World, tmp_path: Path) -> None:
    path = tmp_path / "package.json"
    path.write_text(json.dumps(package([item(A), item(B)], [edge(100, "precedes", D, B)])))
    reports = await asyncio.gather(*(import_file(world.runtime.sessions, world.tenant.id, path) for _ in range(4)))
    assert sorted(report.competencies.created for report in reports) == [0, 0, 0, 2]
    assert {id: row.version for id, row in (await rows(world, Competency)).items()} == {A: 1, B: 1, D: 1}


async def test_another_tenant_sees_nothing_of_an_import_and_may_make_its_own(
    world: World, another_world: World
) -> None:
    await bring_in(world, package([item(A)]))
    assert [await rows(another_world, kind) for kind in KINDS] == [{}, {}, {}]
    assert await events(another_world) == []
    report = await bring_in(another_world, package([item(A, fullStatement="Ours")]))
    assert report.competencies == Counts(created=1)
    assert (await rows(world, Competency))[A].full_statement == "Statement A"


async def test_nothing_stays_of_an_import_that_fails(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise RuntimeError("stop")

    monkeypatch.setattr(importer, "_association", refuse)
    with pytest.raises(RuntimeError, match="stop"):
        await bring_in(world, package([item(A)], [edge(100, "precedes", D, A)]))
    async with world.transaction() as session:
        assert await session.scalar(select(func.count()).select_from(Competency)) == 0
