"""Slows guessing down: after a few failures an address waits, ever longer, before its next try at the same identifier.

It is a delay and never a lock-out: other addresses are not concerned. What has no account is counted alike.
"""

import math
from ipaddress import IPv6Address, ip_address

from sqlalchemy import ColumnElement, Float, cast, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import Problem
from app.core.passwords import sign_in_delay
from app.core.runtime import Runtime
from app.identity.models import SignInFailure

FORGOTTEN_AFTER_SECONDS = 86_400.0
_NETWORK_BYTES = 8


class Attempts:
    """The attempts on one subject (an identifier's hash) from one client address."""

    def __init__(self, runtime: Runtime, subject: bytes, address: str) -> None:
        self._runtime = runtime
        self._key = {
            "subject_hash": subject,
            "address_hash": runtime.keyring.mac("sign-in-address", _network(address)),
        }

    async def check(self, session: AsyncSession) -> None:
        """Raise 429 while the delay runs."""
        await self._count(session)

    async def settle(self, *, is_right: bool) -> None:
        """Note the outcome, or raise 429 if attempts made at the same time have started the delay meanwhile.

        So guessing many at once tells no more than guessing one after another.
        """
        async with self._runtime.sessions() as session, session.begin():
            if is_right:
                await self._count(session, lock=True)
                await session.execute(delete(SignInFailure).where(*self._is_this()))
                return
            await session.execute(insert(SignInFailure).values(**self._key, failures=0).on_conflict_do_nothing())
            failures = await self._count(session, lock=True) + 1
            found = await session.get_one(SignInFailure, tuple(self._key.values()))
            found.failures = failures
            found.last_at = await session.scalar(select(func.clock_timestamp())) or found.last_at

    async def _count(self, session: AsyncSession, *, lock: bool = False) -> int:
        age = cast(func.extract("epoch", func.clock_timestamp() - SignInFailure.last_at), Float)
        statement = select(SignInFailure.failures, age).where(*self._is_this())
        found = (await session.execute(statement.with_for_update() if lock else statement)).one_or_none()
        if found is None or found[1] > FORGOTTEN_AFTER_SECONDS:
            return 0
        failures, seconds = found
        remaining = sign_in_delay(failures) - seconds
        if remaining > 0:
            raise too_many_attempts(remaining)
        return int(failures)

    def _is_this(self) -> list[ColumnElement[bool]]:
        return [getattr(SignInFailure, name) == value for name, value in self._key.items()]


def too_many_attempts(seconds: float) -> Problem:
    return Problem(
        429,
        "too_many_attempts",
        "Wait a moment",
        "Too many failed attempts from here. Wait as long as Retry-After says.",
        headers={"Retry-After": str(math.ceil(seconds))},
    )


def _network(address: str) -> bytes:
    """The address, of IPv6 its network: a household has a whole one of those."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address.encode()
    return parsed.packed[:_NETWORK_BYTES] if isinstance(parsed, IPv6Address) else parsed.packed
