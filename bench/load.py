"""A small HTTP/1.1 client that costs little: raw keep-alive connections, each with one request under way."""

import asyncio
import math
import re
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass

CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
ETAG = re.compile(rb'\r\netag: ("[^"]+")', re.IGNORECASE)
END_OF_HEAD = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered."""

    status: int
    head: bytes
    body: bytes

    @property
    def etag(self) -> str:
        found = ETAG.search(self.head)
        assert found is not None
        return found[1].decode()


Traffic = Generator[bytes, Reply, None]
"""Yields requests without end and is sent each one's reply."""


class UnexpectedReply(RuntimeError):
    """A measured request was not answered as it should be."""


def request(method: str, path: str, headers: Mapping[str, str], body: str = "") -> bytes:
    """The bytes of a request."""
    lines = [f"{method} {path} HTTP/1.1", "host: 127.0.0.1", *(f"{name}: {value}" for name, value in headers.items())]
    if body:
        lines += ["content-type: application/json", f"content-length: {len(body.encode())}"]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


class _Connection(asyncio.Protocol):
    """One connection, busy from its first request until the deadline."""

    def __init__(self, traffic: Traffic, status: int, deadline: float) -> None:
        self.latencies: list[float] = []
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._traffic = traffic
        self._status = status
        self._deadline = deadline
        self._received = b""
        self._expected = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send(next(self._traffic))

    def _send(self, content: bytes) -> None:
        self._started = time.perf_counter()
        self._transport.write(content)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._expected:
            end = self._received.find(END_OF_HEAD)
            if end < 0:
                return
            length = CONTENT_LENGTH.search(self._received, 0, end)
            self._head_size = end + len(END_OF_HEAD)
            self._expected = self._head_size + (int(length[1]) if length else 0)
        if len(self._received) >= self._expected:
            self._finish_request()

    def _finish_request(self) -> None:
        now = time.perf_counter()
        self.latencies.append(now - self._started)
        reply = Reply(int(self._received[9:12]), self._received[: self._head_size], self._received[self._head_size :])
        self._received, self._expected = b"", 0
        if reply.status != self._status:
            self._end(UnexpectedReply(f"{reply.status} instead of {self._status}: {reply.body[:300].decode()}"))
            return
        content = self._traffic.send(reply)
        if now >= self._deadline:
            self._end()
        else:
            self._send(content)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(exc or UnexpectedReply("the server closed the connection"))

    def _end(self, error: Exception | None = None) -> None:
        if self.done.done():
            return
        if error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(error)
        self._transport.close()


@dataclass(frozen=True)
class Timing:
    """How long requests took, in seconds."""

    latencies: list[float]
    elapsed: float

    @property
    def count(self) -> int:
        return len(self.latencies)

    @property
    def rate(self) -> float:
        return self.count / self.elapsed

    def percentile(self, percent: float) -> float:
        ordered = sorted(self.latencies)
        return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


async def drive(
    port: int, traffic: Callable[[int], Traffic], *, status: int, connections: int, seconds: float
) -> Timing:
    """Send requests over so many connections for so long; `traffic` makes the requests of connection n."""
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    opened = [
        (await loop.create_connection(_maker(traffic(n), status, started + seconds), "127.0.0.1", port))[1]
        for n in range(connections)
    ]
    await asyncio.gather(*(connection.done for connection in opened))
    latencies = [latency for connection in opened for latency in connection.latencies]
    return Timing(latencies, time.perf_counter() - started)


def _maker(traffic: Traffic, status: int, deadline: float) -> Callable[[], _Connection]:
    return lambda: _Connection(traffic, status, deadline)


async def ask(port: int, content: bytes, *, status: int = 200) -> Reply:
    """Send one request and return its reply."""
    replies: list[Reply] = []

    def once() -> Traffic:
        replies.append((yield content))
        yield b""

    await drive(port, lambda _n: once(), status=status, connections=1, seconds=0)
    return replies[0]
