"""The databases of the tests: one embedded server for the whole run, migrated once, cloned for each worker."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.db import embedded, migrate
from app.db.cluster import exclusive
from app.db.embedded import Server

TEMPLATE = "template_migrated"


@dataclass(frozen=True)
class Database:
    """One database and its addresses, by role."""

    server: Server
    name: str

    @property
    def owner(self) -> str:
        return self.server.url("plp_owner", self.name)

    @property
    def app(self) -> str:
        return self.server.url("plp_app", self.name)

    @property
    def system(self) -> str:
        return self.server.url("plp_system", self.name)

    @property
    def superuser(self) -> str:
        return self.server.url("postgres", self.name)


def make_place() -> Path:
    """Where the run's server will be, once a test needs it."""
    return Path(tempfile.mkdtemp(prefix="plp-tests-"))


def remove_place(place: Path) -> None:
    """Stop the run's server, if a test started it, and delete everything."""
    server_dir = place / "server"
    if server_dir.exists():
        embedded.start(server_dir, fast=True).destroy()
    shutil.rmtree(place)


def shared_server(place: Path) -> Server:
    """The run's server with its migrated template. The first worker that comes makes both, the others wait."""
    with exclusive(place):
        server = embedded.start(place / "server", fast=True)
        if not server.has_database(TEMPLATE):
            unfinished = TEMPLATE + "_new"
            server.drop_database(unfinished)
            server.create_database(unfinished)
            migrate.upgrade(server.url("plp_owner", unfinished))
            server.create_database(TEMPLATE, unfinished)
        return server


@contextlib.contextmanager
def database(server: Server, name: str, template: str | None = TEMPLATE) -> Iterator[Database]:
    """A database that lives as long as the block."""
    server.create_database(name, template)
    try:
        yield Database(server, name)
    finally:
        server.drop_database(name)
