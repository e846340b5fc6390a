"""Real processes to break: `plp serve` on a port of its own, and the processes of a PostgreSQL."""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from urllib.parse import unquote

import asyncpg
import httpx

from app.db.embedded import Server
from app.settings import Settings

SOCKET = ".s.PGSQL.5432"
ROOT = Path(__file__).parents[2]
PATIENCE = 20.0
"""Seconds until a test gives up on what must happen sooner or later."""
AT_ONCE = 4.0
"""Seconds within which a fault must be answered: two by contract, twice that for a busy machine."""


async def eventually(condition: Callable[[], Awaitable[bool]], within: float = PATIENCE) -> None:
    """Ask until the answer is yes."""
    deadline = time.monotonic() + within
    while not await condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


class Service:
    """A `plp serve` process."""

    def __init__(self, settings: Settings, log: Path) -> None:
        self.settings = settings
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self, **changes: str) -> None:
        """Start it, with changes to its environment, and wait until it serves."""
        self._launch(environment(self.settings) | changes)
        async with self.client() as client:
            await eventually(lambda: self._serves(client))

    def _launch(self, environment: dict[str, str]) -> None:
        port = self.settings.public_url.rpartition(":")[2]
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-c", "from app.cli import main; main()", "serve", "--port", port],
                cwd=ROOT,
                env=dict(os.environ) | environment,
                stdout=output,
                stderr=output,
            )

    async def _serves(self, client: httpx.AsyncClient) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()
        with contextlib.suppress(httpx.TransportError):
            return (await client.get("/livez")).status_code == 200
        return False

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def ended(self) -> int:
        """Wait for its end; the exit status."""
        assert self._process is not None
        return self._process.wait(PATIENCE)

    def kill(self) -> None:
        """End it at once, as kill -9 does."""
        if self._process is not None and self.is_running:
            self._process.kill()
            self.ended()

    def client(self, token: str | None = None) -> httpx.AsyncClient:
        """A client of it; every request fails after a while, whatever happens."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        limits = httpx.Limits(max_connections=None)
        return httpx.AsyncClient(base_url=self.settings.public_url, headers=headers, timeout=PATIENCE, limits=limits)

    def peak_memory_mib(self) -> int:
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) // 1024


def environment(settings: Settings) -> dict[str, str]:
    """The settings as a process finds them in its environment."""
    assert settings.system_database_url is not None
    return {
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "SYSTEM_DATABASE_URL": settings.system_database_url.get_secret_value(),
        "SECRET_KEY": settings.secret_key.get_secret_value(),
        "PUBLIC_URL": settings.public_url,
        "POOL_SIZE": str(settings.pool_size),
        "POOL_OVERFLOW": str(settings.pool_overflow),
        "LOG_LEVEL": "warning",
    }


@contextlib.contextmanager
def frozen(server: Server) -> Iterator[None]:
    """Every process of the server stops where it is: connections stay open, and nothing answers."""
    stopped: list[int] = []
    try:
        # Until no new one appears: the postmaster, stopped first, starts no more.
        while new := [pid for pid in processes_of(server) if pid not in stopped]:
            for pid in new:
                with contextlib.suppress(ProcessLookupError):  # a backend may end by itself in between
                    os.kill(pid, signal.SIGSTOP)
            stopped += new
        yield
    finally:
        for pid in stopped:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def processes_of(server: Server) -> list[int]:
    """The postmaster and its children."""
    postmaster = int((server.pgdata / "postmaster.pid").read_text().splitlines()[0])
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split()
    return [postmaster, *map(int, children)]


@contextlib.asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(dsn, timeout=PATIENCE)
    try:
        yield connection
    finally:
        connection.terminate()


@contextlib.asynccontextmanager
async def locked(dsn: str, table: str) -> AsyncIterator[asyncpg.Connection]:
    """Nobody else reads or writes the table within the block."""
    async with connected(dsn) as connection, connection.transaction():
        await connection.execute(f'LOCK TABLE "{table}" IN ACCESS EXCLUSIVE MODE')
        yield connection


async def waiting_for_lock(connection: asyncpg.Connection) -> int:
    """How many backends of the application wait for a lock."""
    # Inside a transaction the first look would be the last.
    await connection.execute("SELECT pg_stat_clear_snapshot()")
    query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'plp' AND wait_event_type = 'Lock'"
    return int(await connection.fetchval(query))


class Wiretap:
    """Sits between the service and its database, and acts at the moment when a commit is done and nobody knows yet."""

    def __init__(self, dsn: str, after_commit: Callable[[], None]) -> None:
        before, _, real = dsn.partition("?host=")
        self._real = Path(unquote(real)) / SOCKET
        self._place = Path(tempfile.mkdtemp(prefix="plp-tap-"))
        self._after_commit = after_commit
        self.dsn = f"{before}?host={self._place}"

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        tap = await asyncio.start_unix_server(self._serve, self._place / SOCKET)
        try:
            yield
        finally:
            tap.close()
            shutil.rmtree(self._place)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        database_reader, database_writer = await asyncio.open_unix_connection(self._real)
        has_written = is_committing = False

        async def forth() -> None:
            nonlocal has_written, is_committing
            while data := await reader.read(65536):
                has_written = has_written or b"INSERT INTO idempotency_key" in data
                is_committing = has_written and b"COMMIT" in data
                database_writer.write(data)

        async def back() -> None:
            while data := await database_reader.read(65536):
                if is_committing:
                    self._after_commit()
                    return
                writer.write(data)

        with contextlib.suppress(ConnectionError):
            await asyncio.wait(
                [asyncio.ensure_future(forth()), asyncio.ensure_future(back())], return_when=asyncio.FIRST_COMPLETED
            )
        database_writer.close()
        writer.close()
