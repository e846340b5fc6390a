"""A few routes over people, made only of what the core gives every domain, to see the core at work through HTTP."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, FastAPI, Query, Request, Response
from sqlalchemy import ColumnElement, Select, Text, bindparam, event, func, literal, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import Uuid

from app.core.access import TENANT, Shape
from app.core.errors import Problem
from app.core.pagination import Filter, Listing, PageQuery, Sort
from app.core.reads import View
from app.core.replies import json_reply
from app.core.rules import Section
from app.core.runtime import Runtime
from app.core.schemas import MISSING, Input, Name, Output, Patch
from app.core.unit_of_work import Reading, UnitOfWorkRoute, Write, Writing
from app.db.projection import Projection
from app.main import create_app
from app.roster.models import Person
from app.settings import Settings

PEOPLE = "/v1/tests/people"
router = APIRouter(route_class=UnitOfWorkRoute, prefix="/v1/tests")


class PersonOut(Output):
    id: UUID
    given_name: str
    family_name: str
    version: int
    secret: str | MISSING


class PersonCreate(Input):
    given_name: Name
    family_name: Name = "Body"


class PersonPatch(Patch):
    given_name: Name | MISSING = MISSING


class Refusal(Input):
    status: int


class Swap(Input):
    first: UUID
    second: UUID


@dataclass
class Control:
    """How a test steers the handlers."""

    entered: asyncio.Event = field(default_factory=asyncio.Event)
    release: asyncio.Event = field(default_factory=asyncio.Event)
    barrier: asyncio.Barrier | None = None
    failures: list[Exception] = field(default_factory=list)
    """Raised one by one, each by one run of the handler."""
    commit_failures: list[Exception] = field(default_factory=list)
    runs: int = 0
    before_handler: Callable[[int], Awaitable[None]] | None = None
    before_show: Callable[[int], Awaitable[None]] | None = None
    """Called once with the process id of the backend."""

    async def meet(self, write: Write, place: str) -> None:
        meddle = getattr(self, f"before_{place}")
        if meddle is not None:
            setattr(self, f"before_{place}", None)
            await write.session.flush()
            await meddle(await write.session.scalar(select(func.pg_backend_pid())))


def control(request: Request) -> Control:
    steering: Control = request.app.state.control
    return steering


def projection(person: Any) -> Projection:
    return Projection(
        PersonOut,
        {
            "id": person.id,
            "given_name": person.given_name,
            "family_name": person.family_name,
            "version": person.version,
            "secret": literal("s", Text()),
        },
    )


def _build(_shape: Shape, include: frozenset[str]) -> Select[Any]:
    columns: list[ColumnElement[Any]] = [
        Person.version.label("version"),
        projection(Person).json(include).label("body"),
    ]
    return select(*columns).where(Person.tenant_id == TENANT, Person.id == bindparam("id", type_=Uuid()))


PERSON = View(_build, expansions=("secret",), fields=("id", "given_name"))
LIST = Listing(
    "tests.people",
    Person,
    visible=lambda person, _shape: person.tenant_id == TENANT,
    projection=projection,
    sorts={
        "name": Sort(lambda person: (person.given_name, person.id)),
        "-name": Sort(lambda person: (person.given_name, person.id), is_descending=True),
        "created_at": Sort(lambda person: (person.created_at, person.id)),
    },
    filters={
        "family_name": Filter(lambda person, value, _shape: person.family_name == value, Text()),
        "friend_of": Filter(
            lambda person, value, _shape: person.id != value,
            Uuid(),
            must_exist=lambda value, _shape: (
                select(Person.id).where(Person.tenant_id == TENANT, Person.id == value).exists()
            ),
        ),
    },
    expansions=("secret",),
)


class PeopleQuery(PageQuery):
    sort: str = "name"
    family_name: str | None = None
    friend_of: UUID | None = None
    expand: str | None = None


@router.get("/people")
async def list_people(read: Reading, query: Annotated[PeopleQuery, Query()]) -> Response:
    filters = {"family_name": query.family_name, "friend_of": query.friend_of}
    return await LIST.reply(read, query, sort=query.sort, filters=filters, expand=query.expand)


@router.get("/people/{id}")
async def get_person(read: Reading, id: UUID, expand: str | None = None, fields: str | None = None) -> Response:
    return await read.one(PERSON, expand=expand, fields=fields, id=id)


async def _create(write: Writing, body: PersonCreate) -> Response:
    steering = control(write.request)
    steering.runs += 1
    await steering.meet(write, "handler")
    person = Person(tenant_id=write.principal.tenant_id, given_name=body.given_name, family_name=body.family_name)
    write.session.add(person)
    await write.record(person, "create", section=Section.LEARNER, capacity="test")
    if steering.failures:
        raise steering.failures.pop(0)
    if steering.commit_failures:
        _fail_at_commit(write, steering.commit_failures.pop(0))
    await steering.meet(write, "show")
    return await write.show(PERSON, status=201, location=f"{PEOPLE}/{person.id}", id=person.id)


def _fail_at_commit(write: Writing, error: Exception) -> None:
    @event.listens_for(write.session.sync_session, "before_commit")
    def fail(_session: Any) -> None:
        raise error


@router.post("/people")
async def create_person(write: Writing, body: PersonCreate) -> Response:
    return await _create(write, body)


@router.post("/slow-people")
async def create_slowly(write: Writing, body: PersonCreate) -> Response:
    steering = control(write.request)
    steering.entered.set()
    await steering.release.wait()
    return await _create(write, body)


@router.patch("/people/{id}")
async def update_person(write: Writing, id: UUID, body: PersonPatch) -> Response:
    return await _update(write, id, body.changes())


@router.post("/people/{id}/transitions")
async def rename_person(write: Writing, id: UUID, body: PersonPatch) -> Response:
    return await _update(write, id, body.changes())


async def _update(write: Writing, id: UUID, changes: dict[str, Any]) -> Response:
    person = await write.session.scalar(select(Person).where(Person.id == id).with_for_update())
    assert person is not None
    write.check_version(person.version)
    for name, value in changes.items():
        setattr(person, name, value)
    await write.record(person, "update", section=Section.LEARNER, capacity="test")
    return await write.show(PERSON, id=id)


@router.post("/refusals")
async def refuse(write: Writing, body: Refusal) -> Response:
    """Does something, and is refused then."""
    control(write.request).runs += 1
    write.session.add(Person(tenant_id=write.principal.tenant_id, given_name="Un", family_name="Done"))
    await write.session.flush()
    raise Problem(body.status, "refused", "Refused", "Refused by the test.")


@router.post("/swaps")
async def swap(write: Writing, body: Swap) -> Response:
    """Locks two rows in the order that the caller wants."""
    steering = control(write.request)
    steering.runs += 1
    await _lock(write, body.first)
    if steering.barrier is not None and steering.runs <= 2:
        await steering.barrier.wait()
    await _lock(write, body.second)
    return json_reply(write.request, "{}", status=201)


async def _lock(write: Writing, id: UUID) -> None:
    await write.session.execute(
        select(func.count()).select_from(select(Person).where(Person.id == id).with_for_update().subquery())
    )


@router.get("/crash")
async def crash(read: Reading) -> Response:
    raise RuntimeError("a secret of the inside")


class DriverError(Exception):
    """As asyncpg has them."""

    def __init__(self, sqlstate: str) -> None:
        super().__init__(sqlstate)
        self.sqlstate = sqlstate


def database_error(sqlstate: str) -> DBAPIError:
    return DBAPIError("SELECT 1", {}, DriverError(sqlstate))


def make_tiny_app(settings: Settings, runtime: Runtime) -> FastAPI:
    """The real application around the tiny routes, on a runtime that exists already."""
    application = create_app(settings)
    application.state.runtime.hasher.close()
    application.state.runtime = runtime
    application.state.control = Control()
    application.router.routes.extend(router.routes)
    return application
