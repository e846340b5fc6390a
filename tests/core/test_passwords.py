"""Password hashing under load, the policy, the delay after failures."""

import asyncio
import threading
from collections.abc import Iterator

import argon2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core import passwords
from app.core.passwords import (
    HasherBusy,
    PasswordHasher,
    WeakPassword,
    check_password,
    prepare,
    sign_in_delay,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
def hasher() -> Iterator[PasswordHasher]:
    made = PasswordHasher(threads=1, queue=2)
    yield made
    made.close()


class Gate:
    """Stands in for argon2: each hash begins, says so, and ends when the gate opens."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.began = threading.Semaphore(0)
        self.lock = threading.Lock()
        self.running = 0
        self.most = 0
        self.total = 0

    def hash(self, secret: bytes) -> str:
        with self.lock:
            self.running += 1
            self.total += 1
            self.most = max(self.most, self.running)
        self.began.release()
        assert self.open.wait(20)
        with self.lock:
            self.running -= 1
        return f"hash of {secret.decode()}"

    def verify(self, encoded: str, secret: bytes) -> bool:
        raise argon2.exceptions.VerificationError("no memory")

    async def until_begun(self) -> None:
        assert await asyncio.to_thread(self.began.acquire, timeout=20)


def gated(*, threads: int, queue: int = 0) -> tuple[PasswordHasher, Gate]:
    # Patient, so that a slow machine turns nobody away.
    hasher, gate = PasswordHasher(threads=threads, queue=queue, patience=60), Gate()
    hasher._argon2 = gate  # type: ignore[assignment]
    return hasher, gate


async def turn() -> None:
    """Let every ready task run up to its next wait."""
    for _ in range(5):
        await asyncio.sleep(0)


# Hashing


async def test_a_hash_fits_its_password_and_no_other(hasher: PasswordHasher) -> None:
    encoded = await hasher.hash("correct horse")
    assert encoded.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await hasher.verify(encoded, "correct horse")
    assert not await hasher.verify(encoded, "correct horsf")
    assert not hasher.needs_rehash(encoded)


async def test_one_password_typed_in_two_unicode_forms_fits(hasher: PasswordHasher) -> None:
    encoded = await hasher.hash("cafe\u0301 \ufb01ve")
    assert await hasher.verify(encoded, "caf\u00e9 five")


async def test_a_lone_surrogate_or_nul_does_not_break_hashing(hasher: PasswordHasher) -> None:
    encoded = await hasher.hash("\ud800 and \x00 here")
    assert not await hasher.verify(encoded, "\ud800 and ")


async def test_a_hash_of_other_parameters_still_fits_and_asks_for_a_new_one(hasher: PasswordHasher) -> None:
    old = argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash("correct horse")
    assert await hasher.verify(old, "correct horse")
    assert hasher.needs_rehash(old)


@pytest.mark.parametrize("stored", ["", "x", "$2b$12$abcdefghijklmnopqrstuv"])
async def test_an_unreadable_stored_hash_fits_nothing(hasher: PasswordHasher, stored: str) -> None:
    assert not await hasher.verify(stored, "correct horse")


async def test_an_unknown_account_costs_a_whole_argon2_run_with_the_same_parameters(hasher: PasswordHasher) -> None:
    seen = []
    matches = hasher._matches

    def watched(hash: str, secret: bytes) -> bool:
        seen.append(hash)
        return matches(hash, secret)

    hasher._matches = watched  # type: ignore[method-assign]
    known = await hasher.hash("correct horse")
    assert not await hasher.verify(None, "correct horse")
    dummy = argon2.extract_parameters(seen[0])
    assert dummy == argon2.extract_parameters(known)
    # Readable to the last character: the library computes it, and finds a mismatch rather than a malformed hash.
    with pytest.raises(argon2.exceptions.VerifyMismatchError):
        hasher._argon2.verify(seen[0], b"correct horse")


# Under load


async def test_no_more_hashes_run_at_once_than_threads() -> None:
    hasher, gate = gated(threads=2, queue=10)
    calls = [asyncio.create_task(hasher.hash(f"{number}")) for number in range(8)]
    await gate.until_begun()
    await gate.until_begun()
    assert gate.running == 2
    gate.open.set()
    assert await asyncio.gather(*calls) == [f"hash of {number}" for number in range(8)]
    assert gate.most == 2
    hasher.close()


async def test_the_event_loop_stays_free_while_hashing() -> None:
    hasher, gate = gated(threads=1)
    call = asyncio.create_task(hasher.hash("a"))
    await gate.until_begun()
    await turn()
    assert not call.done()
    gate.open.set()
    await call
    hasher.close()


async def test_a_full_queue_turns_the_next_away_at_once() -> None:
    hasher, gate = gated(threads=1, queue=2)
    calls = [asyncio.create_task(hasher.hash(f"{number}")) for number in range(3)]
    await turn()
    with pytest.raises(HasherBusy):
        await hasher.hash("one too many")
    gate.open.set()
    assert len(await asyncio.gather(*calls)) == 3
    assert await hasher.hash("later") == "hash of later"
    hasher.close()


async def test_who_waits_too_long_is_turned_away_and_never_hashed() -> None:
    hasher, gate = gated(threads=1, queue=2)
    running = asyncio.create_task(hasher.hash("running"))
    await gate.until_begun()
    hasher._patience = 0
    with pytest.raises(HasherBusy):
        await hasher.hash("waiting")
    hasher._patience = 60
    gate.open.set()
    # Patience is for the queue: a hash that has begun is waited for.
    assert await running == "hash of running"
    assert await hasher.hash("later") == "hash of later"
    assert gate.total == 2
    hasher.close()


async def test_a_cancelled_waiter_leaves_its_place() -> None:
    hasher, gate = gated(threads=1, queue=1)
    running = asyncio.create_task(hasher.hash("running"))
    await gate.until_begun()
    for _ in range(5):
        waiting = asyncio.create_task(hasher.hash("waiting"))
        await turn()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    last = asyncio.create_task(hasher.hash("last"))
    await turn()
    gate.open.set()
    assert await running == "hash of running"
    assert await last == "hash of last"
    assert gate.total == 2
    hasher.close()


async def test_a_running_hash_keeps_its_thread_when_its_caller_is_cancelled() -> None:
    hasher, gate = gated(threads=1, queue=0)
    call = asyncio.create_task(hasher.hash("abandoned"))
    await gate.until_begun()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    with pytest.raises(HasherBusy):
        await hasher.hash("next")
    (job,) = hasher._jobs
    gate.open.set()
    await asyncio.wrap_future(job)
    assert await hasher.hash("next") == "hash of next"
    assert gate.most == 1
    hasher.close()


async def test_two_hundred_at_once_are_each_answered_or_turned_away() -> None:
    hasher, gate = gated(threads=2, queue=50)
    calls = [asyncio.create_task(hasher.hash("x")) for _ in range(200)]
    await turn()
    gate.open.set()
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(answer == "hash of x" for answer in answers) == 52
    assert sum(isinstance(answer, HasherBusy) for answer in answers) == 148
    assert gate.most <= 2
    assert not hasher._jobs
    hasher.close()


async def test_a_failure_inside_the_thread_reaches_the_caller_and_frees_the_place() -> None:
    hasher, gate = gated(threads=1, queue=0)
    with pytest.raises(argon2.exceptions.VerificationError, match="no memory"):
        await hasher.verify("$argon2id$", "correct horse")
    assert not hasher._jobs
    gate.open.set()
    assert await hasher.hash("next") == "hash of next"
    hasher.close()


async def test_closing_turns_away_who_waits() -> None:
    hasher, gate = gated(threads=1, queue=5)
    running = asyncio.create_task(hasher.hash("running"))
    await gate.until_begun()
    waiting = asyncio.create_task(hasher.hash("waiting"))
    await turn()
    hasher.close()
    with pytest.raises(HasherBusy):
        await waiting
    gate.open.set()
    assert await running == "hash of running"


# The policy


@pytest.mark.parametrize(
    "password",
    ["correct horse", "blue-kite-7", "        x", "пароль-кота", "密码密码密码是猫啊", "x" * 255 + "y", "amy.lee-2031"],
    ids=ascii,
)
def test_a_password_of_some_length_is_accepted_without_rules_of_composition(password: str) -> None:
    check_password(password, "amy.lee", "amy.lee@school.example")


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("", "blank"),
        (" " * 12, "blank"),
        ("\u200b\u00a0\u2003" * 5, "blank"),
        ("\x00" * 9, "blank"),
        ("kite-77", "too_short"),
        ("e\u0301e\u0301e\u0301e\u0301", "too_short"),
        ("xy" * 129, "too_long"),
        ("\ufdfa" * 257, "too_long"),
        ("password", "common"),
        ("PassWord123", "common"),
        ("\uff50assword", "common"),
        ("zzzzzzzzzz", "common"),
        ("Amy.Lee-Jones", "identifier"),
        ("AMY.LEE-JONES@school.example", "identifier"),
    ],
    ids=ascii,
)
def test_a_weak_password_is_refused_with_its_reason(password: str, reason: str) -> None:
    with pytest.raises(WeakPassword) as caught:
        check_password(password, "amy.lee-jones@school.example")
    assert caught.value.reason == reason
    assert caught.value.detail == str(caught.value)


def test_the_bounds_can_be_set_and_are_named_in_the_refusal() -> None:
    check_password("a-long-enough-one", minimum=15)
    with pytest.raises(WeakPassword, match="at least 15 characters"):
        check_password("fourteen chars", minimum=15)


@given(st.text(min_size=4, max_size=7))
def test_a_refusal_never_repeats_the_password(password: str) -> None:
    with pytest.raises(WeakPassword) as caught:
        check_password(password, minimum=80)
    assert password not in str(caught.value)


@given(st.text())
def test_preparing_twice_changes_nothing_more(password: str) -> None:
    assert prepare(prepare(password)) == prepare(password)


def test_the_common_passwords_are_of_allowed_length_and_folded() -> None:
    assert all(len(word) >= 8 and word == prepare(word).casefold() for word in passwords._COMMON)


# The delay


def test_the_delay_is_exponential_after_four_free_failures_and_has_a_ceiling() -> None:
    assert [sign_in_delay(failures) for failures in range(8)] == [0, 0, 0, 0, 0, 1, 2, 4]
    assert [sign_in_delay(failures) for failures in (8, 9, 10, 10**9)] == [8, 16, 30, 30]


@given(st.integers(min_value=0, max_value=10**6))
def test_the_delay_never_shrinks_and_never_locks_out(failures: int) -> None:
    assert 0 <= sign_in_delay(failures) <= sign_in_delay(failures + 1) <= 30
