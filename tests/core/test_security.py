"""Access tokens: signing keys, what is issued, when it is accepted, the memory of verified tokens."""

import json
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from app.core.security import (
    LIFETIME_SECONDS,
    AccessClaims,
    InvalidToken,
    TokenSigner,
    UnknownKey,
    VerifiedTokens,
    public_key,
)
from tests.core.tokens import (
    AUDIENCE,
    HEADER,
    ISSUER,
    KEY,
    KEYS,
    NOW,
    OTHER_KEY,
    SESSION,
    SIGNER,
    SUBJECT,
    TENANT,
    VERIFIER,
    assert_refused,
    b64,
    es256,
    forge,
    good_claims,
    issue,
    unb64,
)

# What we issue


def test_an_issued_token_has_exactly_the_documented_header_and_claims() -> None:
    header, claims, _ = issue().split(".")
    assert json.loads(unb64(header)) == HEADER
    read = json.loads(unb64(claims))
    assert len(read.pop("jti")) >= 22
    expected = good_claims()
    del expected["jti"]
    assert read == expected


def test_two_tokens_of_one_second_differ() -> None:
    assert issue() != issue()


def test_a_hand_made_token_is_accepted_so_that_refusals_mean_something() -> None:
    claims = VERIFIER.verify(forge(HEADER, good_claims()), KEYS, NOW)
    assert claims == AccessClaims(TENANT, SUBJECT, SESSION, "person", frozenset(), NOW, NOW + LIFETIME_SECONDS, KEY.kid)


@given(
    tenant=st.uuids(),
    subject=st.uuids(),
    session=st.uuids(),
    kind=st.sampled_from(["person", "service"]),
    scopes=st.frozensets(st.from_regex(r"[a-z]{1,12}\.(read|write)", fullmatch=True), max_size=6),
    elapsed=st.integers(min_value=0, max_value=LIFETIME_SECONDS - 1),
)
def test_claims_survive_the_round_trip(
    tenant: UUID, subject: UUID, session: UUID, kind: Any, scopes: frozenset[str], elapsed: int
) -> None:
    token = SIGNER.issue(tenant_id=tenant, subject=subject, session_id=session, kind=kind, scopes=scopes, now=NOW + 0.7)
    claims = VERIFIER.verify(token, KEYS, NOW + elapsed)
    assert claims == AccessClaims(tenant, subject, session, kind, scopes, NOW, NOW + LIFETIME_SECONDS, KEY.kid)


def test_a_signing_key_is_named_by_its_thumbprint_and_publishes_nothing_private() -> None:
    jwk = KEY.public_jwk
    assert jwk.keys() == {"kty", "crv", "x", "y", "kid", "use", "alg"}
    assert (jwk["kty"], jwk["crv"], jwk["use"], jwk["alg"]) == ("EC", "P-256", "sig", "ES256")
    canonical = f'{{"crv":"P-256","kty":"EC","x":"{jwk["x"]}","y":"{jwk["y"]}"}}'
    assert jwk["kid"] == KEY.kid == b64(sha256(canonical.encode()).digest())
    assert KEY.private_pem.startswith(b"-----BEGIN PRIVATE KEY-----")


def test_a_signing_key_does_not_show_its_private_part() -> None:
    assert repr(KEY) == str(KEY) == f"SigningKey(kid={KEY.kid!r})"


def test_a_signer_refuses_a_key_under_another_name() -> None:
    with pytest.raises(ValueError, match="not the one that kid names"):
        TokenSigner(OTHER_KEY.kid, KEY.private_pem, ISSUER, AUDIENCE)


@pytest.mark.parametrize(
    "change", [{"kty": "oct", "k": "AA"}, {"crv": "P-384"}, {"d": "AQ"}, {"y": b64(bytes(32))}], ids=str
)
def test_only_a_public_p256_point_becomes_a_public_key(change: dict[str, str]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the point check's text is the library's
        public_key(KEY.public_jwk | change)


def test_keys_use_the_constant_time_backend() -> None:
    assert isinstance(KEYS[KEY.kid].jose.prepared_key, ec.EllipticCurvePublicKey)
    assert isinstance(SIGNER._key.prepared_key, ec.EllipticCurvePrivateKey)


# Which key


def test_a_token_of_a_key_not_given_is_an_unknown_key() -> None:
    token = forge(HEADER | {"kid": OTHER_KEY.kid}, good_claims(), lambda m: es256(m, OTHER_KEY.private_pem))
    with pytest.raises(UnknownKey):
        VERIFIER.verify(token, KEYS, NOW)
    claims = VERIFIER.verify(token, KEYS | {OTHER_KEY.kid: public_key(OTHER_KEY.public_jwk)}, NOW)
    assert claims.key_id == OTHER_KEY.kid


def test_a_token_signed_by_another_known_key_than_its_kid_is_refused() -> None:
    keys = KEYS | {OTHER_KEY.kid: public_key(OTHER_KEY.public_jwk)}
    token = forge(HEADER, good_claims(), lambda m: es256(m, OTHER_KEY.private_pem))
    with pytest.raises(InvalidToken) as caught:
        VERIFIER.verify(token, keys, NOW)
    assert not isinstance(caught.value, UnknownKey)


def test_without_any_key_every_token_is_of_an_unknown_key() -> None:
    with pytest.raises(UnknownKey):
        VERIFIER.verify(issue(), {}, NOW)


# Time


def test_a_token_lives_until_its_last_second_and_not_longer() -> None:
    token = issue()
    assert VERIFIER.verify(token, KEYS, NOW + LIFETIME_SECONDS - 0.001)
    assert_refused(token, NOW + LIFETIME_SECONDS)


def test_an_expired_token_is_refused() -> None:
    assert_refused(forge(HEADER, good_claims(iat=NOW - 700, exp=NOW - 100)))


@pytest.mark.parametrize(("iat", "exp"), [(NOW, NOW + 601), (NOW - 100, NOW + 501), (NOW + 5, NOW + 5), (NOW + 9, NOW)])
def test_a_lifetime_that_we_never_issue_is_refused(iat: int, exp: int) -> None:
    assert_refused(forge(HEADER, good_claims(iat=iat, exp=exp)))


def test_a_token_from_a_slightly_fast_clock_is_accepted_and_from_the_future_refused() -> None:
    token = issue(NOW + 60)
    assert VERIFIER.verify(token, KEYS, NOW + 31)
    assert_refused(token, NOW + 29)


# The memory of verified tokens


def remembered(capacity: int, *tokens: str) -> tuple[VerifiedTokens, AccessClaims]:
    claims = VERIFIER.verify(issue(), KEYS, NOW)
    memory = VerifiedTokens(capacity)
    for token in tokens:
        memory.remember(token, claims)
    return memory, claims


def test_a_verified_token_is_remembered_until_it_expires() -> None:
    memory, claims = remembered(10, "a")
    assert memory.get("a", claims.expires_at - 0.001) == claims
    assert memory.get("b", NOW) is None
    assert memory.get("a", claims.expires_at) is None
    assert len(memory) == 0


def test_the_memory_is_bounded_and_drops_the_least_recently_used() -> None:
    memory, claims = remembered(2, "a", "b")
    memory.get("a", NOW)
    memory.remember("c", claims)
    assert len(memory) == 2
    assert [memory.get(token, NOW) is not None for token in "abc"] == [True, False, True]


def test_the_memory_holds_no_token() -> None:
    token = issue()
    memory, _ = remembered(10, token)
    assert token not in str(vars(memory))


def test_the_memory_takes_any_string_without_failing() -> None:
    memory, _ = remembered(10)
    assert memory.get("\ud800", NOW) is None
