"""A demo district on a database server of its own, and the servers in front of it."""

import asyncio
import contextlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from app.db import embedded
from app.demo import prepare
from app.demo.accounts import SignIn, sign_ins
from app.demo.ids import Kind
from app.demo.prepare import Addresses, Choice
from app.demo.world import World
from bench.cases import Caller, sign_in
from bench.processes import Backends, ServerProcess, serving

SCHOOLS_IN_ONE = 4

Loaded = Callable[[World, int], None]


@dataclass(frozen=True)
class District:
    """A loaded district: how to serve it, and where its database's processes are."""

    world: World
    addresses: Addresses
    secret: str
    backends: Backends

    @property
    def environment(self) -> dict[str, str]:
        return {
            "DATABASE_URL": self.addresses.app,
            "SYSTEM_DATABASE_URL": self.addresses.system,
            "SECRET_KEY": self.secret,
        }

    def sign_in(self, server: ServerProcess, label: str = "teacher") -> Caller:
        """One of the first learner's people (the teacher has 150), signed in anew: a token lives ten minutes."""
        person = self.person(label)
        tenant_id, plan_id = str(self.world.ids(Kind.TENANT, 0)), str(self.world.ids(Kind.PLAN, 0))
        return asyncio.run(sign_in(server.port, tenant_id, person.identifier, person.password, plan_id))

    def person(self, label: str) -> SignIn:
        return next(person for person in sign_ins(self.world) if person.label == label)

    @property
    def learner_id(self) -> str:
        return str(self.world.ids(Kind.LEARNER, 0))


@contextlib.contextmanager
def district(directory: Path | None, learners: int, loaded: Loaded) -> Iterator[District]:
    """The district in `directory`, loaded if it is not, or one that is gone after the block."""
    with contextlib.ExitStack() as stack:
        place = directory / str(learners) if directory else Path(stack.enter_context(_temporary()))
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        server = embedded.start(place / "postgres")
        stack.callback(server.stop if directory else server.destroy)
        yield _load(server, place, learners, loaded)


def _temporary() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="plp-bench-")


def _load(server: embedded.Server, place: Path, learners: int, loaded: Loaded) -> District:
    if not server.has_database(prepare.DATABASE):
        server.create_database(prepare.DATABASE)
    roles = ("plp_app", "plp_owner", "plp_system")
    addresses = Addresses(*(server.url(role, prepare.DATABASE) for role in roles))
    choice, secret = Choice.of(place, None, learners), prepare.secret_key(place)
    prepare.prepare(addresses, secret, choice, prepare.framework_file(None), loaded)
    asyncio.run(_enlarge_school(server.url("postgres", prepare.DATABASE), choice.worlds[0]))
    return District(choice.worlds[0], addresses, secret, Backends(server.pgdata, "plp_app"))


async def _enlarge_school(superuser: str, world: World) -> None:
    """Move the learners of the next schools to the first: a school of 2,000 for its administrator to look at."""
    schools = [world.ids(Kind.ORG, number) for number in range(1, 1 + min(SCHOOLS_IN_ONE, world.school_count))]
    connection = await asyncpg.connect(superuser)
    try:
        move = "UPDATE learner SET school_id = $1 WHERE school_id = ANY($2)"
        await connection.execute(move, schools[0], schools[1:])
        await connection.execute("ANALYZE")
    finally:
        await connection.close()


def application(found: District) -> contextlib.AbstractContextManager[ServerProcess]:
    """The application with one worker, as `plp serve` runs it."""
    return serving(["-m", "bench.server", "serve"], found.environment)


def floor(found: District, caller: Caller) -> contextlib.AbstractContextManager[ServerProcess]:
    environment = {**found.environment, "BENCH_CALLER": f"{caller.tenant_id}/{caller.session_id}"}
    return serving(["-m", "bench.floor"], environment)
