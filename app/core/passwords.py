"""Passwords: hashing that cannot exhaust the machine, the policy, and the delay after failures."""

import asyncio
import os
import unicodedata
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, Literal, TypeVar

import argon2
from argon2.exceptions import InvalidHashError, VerifyMismatchError

MEMORY_KIB = 19456
PASSES = 2
LANES = 1

# The salt and digest are zeros, which no password fits; checking against it costs what a real check costs.
_NOBODY = f"$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${'A' * 22}${'A' * 43}"

FREE_FAILURES = 4
MAXIMUM_DELAY_SECONDS = 30.0
"""Short enough for who shares the address with a guesser, as in a computer room; long enough against guessing."""
_ENOUGH_DOUBLINGS = 5

# Only those that reach the minimum length; shorter ones are refused for that.
_COMMON_WORDS = """
12345678 123456789 1234567890 87654321 987654321 0987654321 0123456789 11223344 12341234 12344321 11112222
123123123 123454321 147258369 789456123 1q2w3e4r 1q2w3e4r5t 1qaz2wsx 1qazxsw2 q1w2e3r4 zaq12wsx qazwsxedc
qwertyui qwertyuiop qwerty12 qwerty123 qwerty1234 asdfghjk asdfghjkl zxcvbnm1 zxcvbnm123 asdf1234 abcd1234
abc12345 abc123456 abcdefgh abcdefg1 aa123456 a1234567 a12345678 a123456789 password password1 password12
password123 password1234 password! passw0rd p@ssword p@ssw0rd passport pass1234 changeme changeme1 letmein1
letmein123 welcome1 welcome12 welcome123 iloveyou iloveyou1 sunshine sunshine1 princess princess1 football
football1 baseball baseball1 basketball superman superman1 spiderman pokemon1 minecraft minecraft1 fortnite
fortnite1 roblox123 starwars whatever trustno1 computer computer1 internet michelle jennifer jordan23 michael1
charlie1 samantha victoria elizabeth alexander liverpool chocolate butterfly dragon123 monkey123 mustang1
corvette mercedes midnight rainbow1 snowball1 admin123 admin1234 administrator default1 guest123 test1234
testtest student1 student123 students teacher1 teacher123 teachers learner1 learning school123 homework
classroom graduate springtime summer2024 summer2025 winter2024 winter2025
"""
_COMMON = frozenset(_COMMON_WORDS.split())

Result = TypeVar("Result")
Reason = Literal["too_short", "too_long", "blank", "common", "identifier"]


class HasherBusy(Exception):
    """Too many passwords are being hashed; try again later."""


class WeakPassword(ValueError):
    """The password breaks the policy; `reason` is a stable code, the text says what would be accepted."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason: Reason = reason
        self.detail = detail


class PasswordHasher:
    """Argon2id in a thread pool of its own: as many hashes at once as threads, a short queue, then `HasherBusy`.

    A call waits at most `patience` seconds for a thread. A cancelled call leaves the queue; if its hash has already
    begun, it keeps its thread until it ends, because a thread cannot be stopped.
    """

    def __init__(self, *, threads: int | None = None, queue: int = 128, patience: float = 2.0) -> None:
        self._threads = threads or _usable_cores()
        self._capacity = self._threads + queue
        self._patience = patience
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="password")
        self._jobs: set[Future[Any]] = set()
        # A few more than threads, so that no thread waits for what comes before and after a hash.
        self._places = asyncio.Semaphore(2 * self._threads + 2)
        self._argon2 = argon2.PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """A place for a hash and the work around it; who waits for one holds no connection that others could use."""
        try:
            async with asyncio.timeout(self._patience):
                await self._places.acquire()
        except TimeoutError:
            raise HasherBusy from None
        try:
            yield
        finally:
            self._places.release()

    async def hash(self, password: str) -> str:
        """Return the encoded hash of a password."""
        secret = _bytes(password)
        return await self._run(lambda: self._argon2.hash(secret))

    async def verify(self, hash: str | None, password: str) -> bool:
        """Say whether the password fits. Without a hash (an unknown account) it takes as long and says no."""
        secret = _bytes(password)
        matches = await self._run(lambda: self._matches(hash or _NOBODY, secret))
        return matches and hash is not None

    def needs_rehash(self, hash: str) -> bool:
        """Say whether a stored hash was made with other parameters than today's."""
        return self._argon2.check_needs_rehash(hash)

    def close(self) -> None:
        """Turn away whoever waits and let the threads end."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _matches(self, hash: str, secret: bytes) -> bool:
        try:
            return self._argon2.verify(hash, secret)
        except (VerifyMismatchError, InvalidHashError):
            # Not VerificationError, which is also raised for want of memory: that is not a wrong password.
            return False

    async def _run(self, work: Callable[[], Result]) -> Result:
        if len(self._jobs) >= self._capacity:
            raise HasherBusy
        job = self._pool.submit(work)
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)
        # Cancelling a job that a thread has begun does nothing: it keeps its thread and its place in the count.
        give_up = asyncio.get_running_loop().call_later(self._patience, job.cancel)
        outcome = asyncio.wrap_future(job)
        try:
            # Unlike awaiting the outcome itself, this tells our own cancellation from the job's.
            await asyncio.wait([outcome])
        finally:
            give_up.cancel()
            job.cancel()
        if outcome.cancelled():
            raise HasherBusy
        return outcome.result()


def prepare(password: str) -> str:
    """Return the form that is hashed: NFKC, so that one password typed on two keyboards is the same."""
    return unicodedata.normalize("NFKC", password)


def check_password(password: str, *identifiers: str, minimum: int = 8, maximum: int = 256) -> None:
    """Hold a new password to the policy (NIST SP 800-63B): length and guessability, no rules of composition.

    `identifiers` are the names by which its owner signs in. Raises `WeakPassword`.
    """
    # Before normalising, which can make a text 18 times as long.
    if len(password) > maximum:
        raise WeakPassword("too_long", f"A password has at most {maximum} characters.")
    prepared = prepare(password)
    if not any(map(_is_visible, prepared)):
        raise WeakPassword("blank", "A password needs characters other than spaces.")
    if len(prepared) < minimum:
        raise WeakPassword("too_short", f"A password needs at least {minimum} characters.")
    folded = prepared.casefold()
    if folded in _COMMON or len(set(folded)) == 1:
        raise WeakPassword("common", "This password is among the first that an attacker tries; choose another.")
    if folded in _names(identifiers):
        raise WeakPassword("identifier", "A password must differ from the name used to sign in.")


def sign_in_delay(failures: int) -> float:
    """Return the seconds to wait after so many failures in a row; it grows, and never becomes a lock-out.

    Count per account and address, so that nobody else's guessing delays the owner.
    """
    if failures <= FREE_FAILURES:
        return 0.0
    doublings = min(failures - FREE_FAILURES - 1, _ENOUGH_DOUBLINGS)
    return min(float(1 << doublings), MAXIMUM_DELAY_SECONDS)


def _bytes(password: str) -> bytes:
    return prepare(password).encode("utf-8", "surrogatepass")


def _is_visible(character: str) -> bool:
    """Neither a separator nor a control, format or unassigned character."""
    return unicodedata.category(character)[0] not in "ZC"


def _names(identifiers: tuple[str, ...]) -> set[str]:
    """The identifiers, and of an e-mail address also the part before the @."""
    folded = {prepare(identifier).strip().casefold() for identifier in identifiers}
    return folded | {name.partition("@")[0] for name in folded}


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
