"""Rows of the access log wait in the process, are written together, and are not lost or doubled on the way."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from sqlalchemy import Column, Exists, Join, Select, Table, func, select
from sqlalchemy.exc import InterfaceError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core import looks
from app.core.access import NOBODY, Shape
from app.core.looks import Look, LookAtLearner, Looks, Shown, array_text, keep_writing
from app.core.pagination import Listing
from app.core.reads import View
from app.core.rules import Section
from app.core.runtime import Runtime
from app.learners.models import Learner
from tests.blinding import application
from tests.core.callers import principal_of
from tests.factories import World

pytestmark = pytest.mark.anyio


class Route:
    name = "get_plan"


SCOPE: dict[str, Any] = {"route": Route, "request_id": "r"}


def shown(*learner_ids: uuid.UUID, is_list: bool = False) -> Shown:
    return Shown(array_text(map(str, learner_ids)), "{plan}", "{counselor}", is_list)


class Flaky:
    """The runtime's database, which a test takes away or lets hang."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.is_away = False
        self.fails_after_commit = False
        self.transactions = 0
        self.was_missed = asyncio.Event()
        self.has_worked = asyncio.Event()

    @contextlib.asynccontextmanager
    async def transaction(self, tenant_id: uuid.UUID) -> AsyncIterator[AsyncSession]:
        if self.is_away:
            self.was_missed.set()
            raise InterfaceError("", None, Exception("gone"))
        self.transactions += 1
        async with self.runtime.transaction(tenant_id) as session:
            yield session
        self.has_worked.set()
        if self.fails_after_commit:
            raise InterfaceError("", None, Exception("nobody heard of it"))


@pytest.fixture
def flaky(runtime: Runtime) -> Flaky:
    return Flaky(runtime)


async def written(world: World) -> tuple[int, int]:
    """How many looks there are, and at how many learners."""
    async with world.transaction() as session:
        return (
            int(await session.scalar(select(func.count()).select_from(Look)) or 0),
            int(await session.scalar(select(func.count()).select_from(LookAtLearner)) or 0),
        )


async def test_what_waits_is_written_in_one_transaction_a_tenant(
    world: World, another_world: World, flaky: Flaky
) -> None:
    waiting = Looks(flaky.transaction, kept=100)
    for each in (world, another_world):
        caller, learner = await principal_of(each, await each.district_admin()), await each.learner()
        for _ in range(3):
            await waiting.add(caller, SCOPE, shown(learner.id))
    assert (len(waiting), await written(world)) == (6, (0, 0))
    await waiting.write()
    assert (len(waiting), flaky.transactions) == (0, 2)
    assert await written(world) == await written(another_world) == (3, 3)


async def test_a_look_says_who_saw_what_of_whom_when(world: World, flaky: Flaky) -> None:
    admin, learners = await world.district_admin(), [await world.learner(), await world.learner()]
    waiting = Looks(flaky.transaction, kept=100)
    await waiting.add(
        await principal_of(world, admin), SCOPE, shown(*(learner.id for learner in learners), is_list=True)
    )
    await waiting.write()
    async with world.transaction() as session:
        look = (await session.scalars(select(Look))).one()
        below = (await session.scalars(select(LookAtLearner))).all()
    assert (look.viewer_person_id, look.viewer_client_id) == (admin.id, None)
    assert (look.capacities, look.sections, look.is_list) == (["counselor"], ["plan"], True)
    assert (look.operation, look.request_id) == ("get_plan", "r")
    assert set(look.learner_ids) == {each.learner_id for each in below} == {learner.id for learner in learners}
    assert {(each.look_id, each.at) for each in below} == {(look.id, look.at)}


async def test_what_cannot_be_written_waits_for_the_next_time(world: World, flaky: Flaky) -> None:
    caller, learner = await principal_of(world, await world.district_admin()), await world.learner()
    waiting = Looks(flaky.transaction, kept=100)
    await waiting.add(caller, SCOPE, shown(learner.id))
    flaky.is_away = True
    with pytest.raises(InterfaceError):
        await waiting.write()
    await waiting.add(caller, SCOPE, shown(learner.id))
    flaky.is_away = False
    await waiting.write()
    assert (len(waiting), await written(world)) == (0, (2, 2))


async def test_who_finds_it_full_writes_it_and_fails_where_that_fails(world: World, flaky: Flaky) -> None:
    caller, learner = await principal_of(world, await world.district_admin()), await world.learner()
    waiting = Looks(flaky.transaction, kept=3)
    for _ in range(3):
        await waiting.add(caller, SCOPE, shown(learner.id))
    flaky.is_away = True
    with pytest.raises(InterfaceError):
        await waiting.add(caller, SCOPE, shown(learner.id))
    assert len(waiting) == 3
    flaky.is_away = False
    await waiting.add(caller, SCOPE, shown(learner.id))
    assert (len(waiting), await written(world)) == (1, (3, 3))


async def test_a_commit_that_nobody_heard_of_is_not_repeated(world: World, flaky: Flaky) -> None:
    caller, learner = await principal_of(world, await world.district_admin()), await world.learner()
    waiting = Looks(flaky.transaction, kept=100)
    await waiting.add(caller, SCOPE, shown(learner.id))
    flaky.fails_after_commit = True
    with pytest.raises(InterfaceError):
        await waiting.write()
    flaky.fails_after_commit = False
    await waiting.write()
    assert (len(waiting), await written(world)) == (0, (1, 1))


async def test_a_cancelled_write_loses_nothing(world: World, flaky: Flaky) -> None:
    caller, learner = await principal_of(world, await world.district_admin()), await world.learner()
    waiting = Looks(flaky.transaction, kept=100)
    await waiting.add(caller, SCOPE, shown(learner.id))
    async with world.transaction() as session:
        await session.execute(select(Learner).with_for_update())  # the foreign key waits for it
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.2):
                await waiting.write()
    assert len(waiting) == 1
    await waiting.write()
    assert (len(waiting), await written(world)) == (0, (1, 1))


async def test_learners_and_tenants_who_are_gone_hold_up_nobody(
    world: World, another_world: World, flaky: Flaky
) -> None:
    caller, learner = await principal_of(world, await world.district_admin()), await world.learner()
    theirs = await principal_of(another_world, await another_world.district_admin())
    waiting = Looks(flaky.transaction, kept=100)
    await waiting.add(caller, SCOPE, shown(learner.id, uuid.uuid4(), is_list=True))
    ghost = type(theirs)(**{**_fields(theirs), "tenant_id": uuid.uuid4()})
    await waiting.add(ghost, SCOPE, shown(learner.id))
    await waiting.write()
    assert (len(waiting), await written(world)) == (0, (1, 1))


def _fields(principal: Any) -> dict[str, Any]:
    return {name: getattr(principal, name) for name in principal.__dataclass_fields__}


async def test_one_tenants_failure_holds_up_no_others_rows(world: World, another_world: World, flaky: Flaky) -> None:
    waiting = Looks(flaky.transaction, kept=100)
    for each, learners in ((world, "{no id}"), (another_world, array_text([str((await another_world.learner()).id)]))):
        caller = await principal_of(each, await each.district_admin())
        await waiting.add(caller, SCOPE, Shown(learners, "{plan}", "{counselor}", False))
    with pytest.raises(Exception, match="no id"):
        await waiting.write()
    assert len(waiting) == 1
    assert await written(another_world) == (1, 1)


async def test_heavy_lists_are_written_a_handful_at_a_time(
    world: World, flaky: Flaky, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looks, "HANDFUL", 4)
    caller = await principal_of(world, await world.district_admin())
    learners = [await world.learner() for _ in range(3)]
    waiting = Looks(flaky.transaction, kept=100)
    for _ in range(5):
        await waiting.add(caller, SCOPE, shown(*(learner.id for learner in learners), is_list=True))
    await waiting.write()
    assert (flaky.transactions, await written(world)) == (3, (5, 15))


async def test_the_background_task_writes_again_and_again_and_once_more_at_the_end(world: World, flaky: Flaky) -> None:
    caller, learner = await principal_of(world, await world.district_admin()), await world.learner()
    waiting, stop = Looks(flaky.transaction, kept=100), asyncio.Event()
    await waiting.add(caller, SCOPE, shown(learner.id))
    flaky.is_away = True
    task = asyncio.create_task(keep_writing(waiting, 0.01, stop))
    await flaky.was_missed.wait()
    flaky.is_away = False
    await flaky.has_worked.wait()
    slow = asyncio.create_task(keep_writing(waiting, 3600, stop))
    await waiting.add(caller, SCOPE, shown(learner.id))
    stop.set()
    await asyncio.gather(task, slow)
    assert (len(waiting), await written(world)) == (0, (2, 2))


# Nobody forgets to declare


ADMIN = Shape(("district_admin",), schools=1, is_related=True, is_barred=True, reads_events=True, is_scoped=True)
SHAPES = (ADMIN, Shape((), schools=0, is_related=True, is_barred=False, reads_events=True))


def tables_shown(element: Any, seen: set[int] | None = None) -> set[Table]:
    """The tables whose columns an expression gives out; conditions give out nothing."""
    seen = set() if seen is None else seen
    if id(element) in seen or isinstance(element, Exists):
        return set()
    seen.add(id(element))
    if isinstance(element, Table):
        return {element}
    parts: Iterator[Any]
    if isinstance(element, Select):
        parts = iter([*element.get_final_froms(), *element.selected_columns])
    elif isinstance(element, Join):
        parts = iter([element.left, element.right])
    elif isinstance(element, Column):
        parts = iter([element.table])
    else:
        parts = iter(element.get_children())
    return set().union(*(tables_shown(part, seen) for part in parts if part is not None))


EXCUSED = {
    "ACCESS": {"plan"},  # of goals only the ids, where somebody's access is to one
    "MEMBER_VIEW": {"access"},  # a plan's team is shown with the plan
    "TEAM": {"access"},
}
"""Sections that a view or list touches, and does not show."""


def excused(name: str) -> set[str]:
    return {Section.LEARNER.value} | EXCUSED.get(name.rpartition(".")[2], set())


def sections_of(tables: set[Table]) -> set[str] | None:
    """The sections that these tables' rows belong to; None if none is of a learner's record."""
    named = [table.info["sections"] for table in tables if "sections" in table.info]
    return set().union(*named) if named else None


def declared_by(view: View) -> set[str]:
    opened = [section for sections in view.opens.values() for section in sections]
    return {str(section) for section in (view.section, *view.also, *opened) if section is not None}


def every(kind: type[Any]) -> dict[str, Any]:
    """Every view or list of the application, by its name."""
    return {
        f"{module.__name__}.{name}": value
        for module in application()
        for name, value in vars(module).items()
        if isinstance(value, kind)
    }


@pytest.mark.parametrize("shape", SHAPES)
def test_every_view_of_a_learners_record_says_which_sections_it_shows(shape: Shape) -> None:
    views = every(View)
    assert len(views) > 10
    for name, view in views.items():
        statement = view.build(shape, view.expansions)
        shows = sections_of(tables_shown(statement.selected_columns["body"]))
        if shows is None:
            continue
        assert view.section is not None, f"{name} does not say which section its rows are of"
        assert "learner_id" in statement.selected_columns, f"{name} does not say whose its rows are"
        if "section" not in statement.selected_columns:
            undeclared = shows - excused(name) - declared_by(view)
            assert not undeclared, f"{name} shows {undeclared} and does not say so"


@pytest.mark.parametrize("shape", SHAPES)
def test_every_list_of_learners_records_says_which_sections_it_shows(shape: Shape) -> None:
    lists = every(Listing)
    assert len(lists) > 10
    for name, listing in lists.items():
        body = listing.body(listing.entity, shape, listing.expansions)
        shows = sections_of({listing.entity.__table__} | tables_shown(body))
        if shows is None:
            continue
        assert listing.shows is not None, f"{name} does not say which section its rows are of"
        assert listing.learner is not None, f"{name} does not say whose its rows are"
        if isinstance(listing.shows, Section):
            undeclared = shows - excused(name) - {listing.shows.value, *listing.also}
            assert not undeclared, f"{name} shows {undeclared} and does not say so"


def test_a_view_that_does_not_say_whose_its_rows_are_is_refused() -> None:
    def build(_shape: Shape, _include: frozenset[str]) -> Select[Any]:
        columns: list[Any] = [Learner.version, Learner.grade.label("body")]
        return select(*columns)

    view = View(build, section=Section.LEARNER)
    with pytest.raises(TypeError, match="whose record"):
        view.statement(NOBODY, frozenset())


def test_the_walk_sees_what_lies_below() -> None:
    shown = sections_of(tables_shown(every(View)["app.plans.views.PLAN_VIEW"].build(ADMIN, frozenset({"goals"}))))
    assert shown is not None
    assert {"plan"} <= shown
