"""The processes that are measured: starting them, and what they have used of the machine."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PATIENCE_SECONDS = 30.0
PROBE_SECONDS = 0.002


class NotStarted(RuntimeError):
    """A server process did not come up."""


@dataclass(frozen=True)
class ServerProcess:
    """A process that serves HTTP on 127.0.0.1."""

    pid: int
    port: int
    seconds_to_start: float

    def cpu_seconds(self) -> float:
        return cpu_seconds(self.pid)

    def resident_mib(self) -> float:
        """Resident memory now."""
        found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{self.pid}/status").read_text())
        assert found is not None
        return int(found[1]) / 1024


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, all its threads, to the nanosecond (`stat` counts hundredths)."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


class Backends:
    """The database's processes that work for one role."""

    def __init__(self, pgdata: Path, role: str) -> None:
        self._postmaster = (pgdata / "postmaster.pid").read_text().split()[0]
        self._title = f"postgres: {role} ".encode()

    def cpu_seconds(self) -> dict[int, float]:
        """What each living backend has used."""
        found: dict[int, float] = {}
        children = Path(f"/proc/{self._postmaster}/task/{self._postmaster}/children").read_text().split()
        for pid in map(int, children):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                if Path(f"/proc/{pid}/cmdline").read_bytes().startswith(self._title):
                    found[pid] = cpu_seconds(pid)
        return found


def spent(before: Mapping[int, float], after: Mapping[int, float]) -> float:
    """What backends used between two looks; those that ended in between are left out."""
    return sum(seconds - before.get(pid, 0.0) for pid, seconds in after.items())


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def serving(
    arguments: Sequence[str], environment: Mapping[str, str], *, alive_path: str = "/livez"
) -> Iterator[ServerProcess]:
    """Run `python <arguments> --port N` until the block ends; ready once `alive_path` answers."""
    port = free_port()
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments, "--port", str(port)],
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
    )
    try:
        _await_answer(process, port, alive_path)
        yield ServerProcess(process.pid, port, time.perf_counter() - started)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE_SECONDS)


def _await_answer(process: subprocess.Popen[bytes], port: int, path: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS) as connection:
                connection.sendall(f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".encode())
                if connection.recv(4096).startswith(b"HTTP/1.1 200"):
                    return
        except ConnectionError:
            time.sleep(PROBE_SECONDS)
    raise NotStarted(f"{process.args!r} did not answer")


def seconds_to_run(code: str) -> float:
    """How long a fresh interpreter takes to run the code and end."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - started
