"""No request waits longer for the database than its time, whatever it is that hangs."""

import asyncio
import contextlib
from collections.abc import Awaitable, Coroutine
from typing import Any

from starlette.responses import Response

from app.core.errors import unavailable


async def within(seconds: float, reply: Awaitable[Response]) -> Response:
    async with asyncio.timeout(seconds):
        return await reply


async def within_or_apart(seconds: float, reply: Coroutine[Any, Any, Response]) -> Response:
    """The reply, or 503 when the time is over.

    A cancelled transaction first tries to roll back, which a database that hangs does not answer either: that goes on
    behind the reply. Whether a commit got through is then open; who sent an Idempotency-Key can ask again.
    """
    work = asyncio.create_task(reply)
    try:
        done, _ = await asyncio.wait({work}, timeout=seconds)
    except asyncio.CancelledError:
        work.cancel()
        raise
    if done:
        return work.result()
    work.add_done_callback(_forget)
    work.cancel()
    raise unavailable("The database does not answer. Try again.")


def _forget(work: asyncio.Task[Response]) -> None:
    """Take note of how abandoned work ended, so that nobody else complains of it."""
    if not work.cancelled():
        work.exception()


async def pause(stop: asyncio.Event, seconds: float) -> bool:
    """Wait, at most so long; true if it is time to stop."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
    return stop.is_set()
