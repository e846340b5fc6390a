"""Key derivation, message codes and sealing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.secrets import Keyring, SealBroken, constant_time_equal, random_token

KEYRING = Keyring(b"0123456789abcdef0123456789abcdef")
OTHER = Keyring(b"another secret, as long as needed")
parts = st.lists(st.binary(max_size=8), max_size=4)


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 32 bytes"):
        Keyring(b"short")


def test_derived_keys_are_stable_and_differ_by_purpose_and_secret() -> None:
    key = KEYRING.derive("refresh")
    assert len(key) == 32
    assert key == Keyring(b"0123456789abcdef0123456789abcdef").derive("refresh")
    assert key != KEYRING.derive("cursor")
    assert key != OTHER.derive("refresh")


def test_a_derived_key_is_pinned_because_stored_data_depends_on_it() -> None:
    assert KEYRING.derive("refresh").hex() == "c02511f6b1c5ca42d6be6a58d37bec82f84f3243e05fb217ac4f21ca1051d97e"
    assert KEYRING.mac("login", "amy").hex() == "020fe221183b6f221aec24fadc01f3dd03b8dce4f185b2657854e07afc75e276"


def test_no_key_serves_two_algorithms() -> None:
    assert len({KEYRING._key(use, "x") for use in ("derive", "mac", "seal")}) == 3


@given(parts, parts)
def test_macs_are_equal_only_for_equal_parts(a: list[bytes], b: list[bytes]) -> None:
    assert (KEYRING.mac("m", *a) == KEYRING.mac("m", *b)) == (a == b)


def test_mac_parts_cannot_run_together() -> None:
    macs = [KEYRING.mac("m", *p) for p in ([], [""], ["", ""], ["ab", "c"], ["a", "bc"], ["abc"])]
    assert len(set(macs)) == len(macs)


def test_text_and_its_bytes_have_one_mac() -> None:
    assert KEYRING.mac("m", "é") == KEYRING.mac("m", "é".encode())


@given(st.binary(), st.binary(max_size=20))
def test_what_is_sealed_opens(plaintext: bytes, aad: bytes) -> None:
    sealed = KEYRING.seal("p", plaintext, aad)
    assert KEYRING.open("p", sealed, aad) == plaintext


def test_sealing_twice_gives_different_bytes() -> None:
    assert KEYRING.seal("p", b"x") != KEYRING.seal("p", b"x")


@pytest.mark.parametrize(
    ("keyring", "purpose", "aad"),
    [(OTHER, "p", b"row 1"), (KEYRING, "q", b"row 1"), (KEYRING, "p", b"row 2"), (KEYRING, "p", b"")],
    ids=["secret", "purpose", "aad", "no aad"],
)
def test_a_seal_opens_only_with_its_secret_purpose_and_data(keyring: Keyring, purpose: str, aad: bytes) -> None:
    sealed = KEYRING.seal("p", b"private", b"row 1")
    with pytest.raises(SealBroken):
        keyring.open(purpose, sealed, aad)


@given(st.integers(min_value=0, max_value=34), st.integers(min_value=1, max_value=255))
def test_any_changed_byte_breaks_the_seal(position: int, flip: int) -> None:
    sealed = bytearray(KEYRING.seal("p", b"private"))
    sealed[position] ^= flip
    with pytest.raises(SealBroken):
        KEYRING.open("p", bytes(sealed))


@given(st.binary(max_size=60))
def test_garbage_is_a_broken_seal_and_nothing_else(garbage: bytes) -> None:
    with pytest.raises(SealBroken):
        KEYRING.open("p", garbage)


def test_variable_purposes_do_not_grow_the_memory() -> None:
    keyring = Keyring(b"0123456789abcdef0123456789abcdef")
    first = keyring.derive("reply:0")
    for number in range(1, 400):
        keyring.derive(f"reply:{number}")
    assert keyring._key.cache_info().currsize <= 256
    assert keyring.derive("reply:0") == first


@pytest.mark.parametrize(
    ("a", "b", "equal"), [("é", "é", True), ("é", "é".encode(), True), ("a", "b", False), ("a", "aa", False)]
)
def test_constant_time_equal_takes_any_text_and_bytes(a: str, b: str | bytes, equal: bool) -> None:
    assert constant_time_equal(a, b) is equal


def test_random_tokens_differ_and_are_url_safe() -> None:
    tokens = {random_token() for _ in range(50)}
    assert len(tokens) == 50
    assert all(len(token) == 43 and token.replace("-", "").replace("_", "").isalnum() for token in tokens)


def test_a_keyring_does_not_show_its_secret() -> None:
    assert "0123456789" not in repr(KEYRING) + repr(KEYRING._key)
