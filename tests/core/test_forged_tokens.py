"""Forged and malformed tokens, among them every one that jose alone would let through."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from app.core.security import (
    InvalidToken,
    TokenSigner,
    UnknownKey,
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
    TENANT,
    VERIFIER,
    assert_refused,
    es256,
    forge,
    good_claims,
    hs256,
    issue,
    private_key,
)

# Algorithm confusion


PUBLIC = private_key(KEY.private_pem).public_key()
HMAC_SECRETS = {
    "DER": PUBLIC.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    "PEM": PUBLIC.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    "point": PUBLIC.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint),
    "JWK": json.dumps(KEY.public_jwk).encode(),
    "kid": KEY.kid.encode(),
    "empty": b"",
}


@pytest.mark.parametrize("algorithm", ["HS256", "ES256"])
@pytest.mark.parametrize("secret", HMAC_SECRETS.values(), ids=HMAC_SECRETS.keys())
def test_a_public_key_or_an_empty_secret_does_not_serve_as_an_hmac_secret(secret: bytes, algorithm: str) -> None:
    assert_refused(forge(HEADER | {"alg": algorithm}, good_claims(), hs256(secret)))
    # Also with a signature of the length that ES256 has.
    assert_refused(forge(HEADER | {"alg": algorithm}, good_claims(), lambda m: hs256(secret)(m) * 2))


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "", "es256", "ES384", "ES512", "HS256", "RS256", "dir"])
def test_any_other_algorithm_name_is_refused_even_over_a_good_signature(algorithm: str) -> None:
    assert_refused(forge(HEADER | {"alg": algorithm}, good_claims()))


@pytest.mark.parametrize("algorithm", [None, 0, 1e999, True, [], ["ES256"], {"ES256": 1}], ids=str)
def test_an_algorithm_that_is_no_string_is_refused(algorithm: Any) -> None:
    assert_refused(forge(HEADER | {"alg": algorithm}, good_claims()))


def test_a_token_without_signature_is_refused() -> None:
    unsigned, _, signature = issue().rpartition(".")
    for token in (unsigned, unsigned + ".", f"{unsigned}.{'A' * 86}", f"{unsigned}.{signature}.{signature}"):
        assert_refused(token)
    assert_refused(forge(HEADER | {"alg": "none"}, good_claims(), lambda _: b""))


def test_a_der_encoded_signature_is_refused() -> None:
    key = private_key(KEY.private_pem)
    assert_refused(forge(HEADER, good_claims(), lambda m: key.sign(m, ec.ECDSA(SHA256()))))


def test_an_rsa_key_does_not_make_a_signer() -> None:
    pem = rsa.generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(ValueError, match="not the one that kid names"):
        TokenSigner(KEY.kid, pem, ISSUER, AUDIENCE)


# The header


@pytest.mark.parametrize(
    "extra",
    [
        {"crit": ["exp"]},
        {"crit": ["b64"], "b64": False},
        {"jku": "https://evil.example/jwks.json"},
        {"jwk": OTHER_KEY.public_jwk},
        {"x5u": "https://evil.example/cert.pem"},
        {"x5c": ["AA=="]},
        {"cty": "JWT"},
        {"zip": "DEF"},
    ],
    ids=lambda extra: "+".join(extra),
)
def test_a_header_with_anything_else_is_refused(extra: dict[str, Any]) -> None:
    assert_refused(forge(HEADER | extra, good_claims()))


def test_a_key_inside_the_token_is_not_used() -> None:
    header = HEADER | {"jwk": OTHER_KEY.public_jwk}
    assert_refused(forge(header, good_claims(), lambda m: es256(m, OTHER_KEY.private_pem)))


@pytest.mark.parametrize("missing", ["alg", "kid", "typ"])
def test_a_header_without_one_of_its_keys_is_refused(missing: str) -> None:
    assert_refused(forge({k: v for k, v in HEADER.items() if k != missing}, good_claims()))


@pytest.mark.parametrize("kid", [None, 7, [], ["kid"], {"a": 1}, True], ids=str)
def test_a_kid_that_is_no_string_is_refused(kid: Any) -> None:
    with pytest.raises(InvalidToken) as caught:
        VERIFIER.verify(forge(HEADER | {"kid": kid}, good_claims()), KEYS, NOW)
    assert not isinstance(caught.value, UnknownKey)


@pytest.mark.parametrize("typ", ["JWT", "jwt", "application/at+jwt", "AT+JWT", "", None, ["at+jwt"]], ids=str)
def test_a_token_of_another_type_is_refused(typ: Any) -> None:
    assert_refused(forge(HEADER | {"typ": typ}, good_claims()))


@pytest.mark.parametrize(
    "header", ["", "null", "[]", "1", '"ES256"', "{", "[" * 2900, '{"a":' * 500, "\ufeff{}"], ids=lambda h: h[:8]
)
def test_a_header_that_is_no_flat_object_is_refused(header: str) -> None:
    assert_refused(forge(header, good_claims()))


# The claims


@pytest.mark.parametrize("missing", ["iss", "aud", "sub", "tid", "sid", "iat", "exp", "jti", "knd"])
def test_a_token_without_a_required_claim_is_refused(missing: str) -> None:
    assert_refused(forge(HEADER, {k: v for k, v in good_claims().items() if k != missing}))


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "https://evil.example"},
        {"iss": ISSUER + "/"},
        {"iss": [ISSUER]},
        {"iss": None},
        {"aud": "other"},
        {"aud": ["other"]},
        {"aud": None},
        {"aud": {AUDIENCE: 1}},
        {"sub": "amy"},
        {"sub": 7},
        {"sub": None},
        {"tid": "district-1"},
        {"tid": None},
        {"tid": str(TENANT).upper()},
        {"tid": "{" + str(TENANT) + "}"},
        {"tid": TENANT.hex},
        {"sid": ""},
        {"sid": [str(SESSION)]},
        {"sid": f"urn:uuid:{SESSION}"},
        {"jti": 7},
        {"knd": "admin"},
        {"knd": None},
        {"knd": ["person"]},
        {"scope": None},
        {"scope": ["plans.read"]},
        {"at_hash": "x"},
        {"nbf": NOW + 3600},
        {"nbf": "soon"},
        {"nbf": float("inf")},
    ],
    ids=str,
)
def test_a_claim_of_another_value_or_kind_is_refused(change: dict[str, Any]) -> None:
    assert_refused(forge(HEADER, good_claims(**change)))


@pytest.mark.parametrize("claim", ["iat", "exp"])
@pytest.mark.parametrize(
    "value", ["1e999", "-1e999", "NaN", "Infinity", "null", "true", '"5"', "[]", "{}", "9" * 900, "[" * 900]
)
def test_a_time_that_is_no_time_is_refused(claim: str, value: str) -> None:
    rest = json.dumps({k: v for k, v in good_claims().items() if k != claim})
    assert_refused(forge(HEADER, f'{rest[:-1]}, "{claim}": {value}}}'))


@pytest.mark.parametrize("claim", ["iat", "exp"])
def test_a_time_with_a_fraction_is_refused(claim: str) -> None:
    assert_refused(forge(HEADER, good_claims(**{claim: good_claims()[claim] + 0.5})))


@pytest.mark.parametrize("claims", ["", "null", "[]", "7", '"x"', "{", "\x00", "[" * 2500], ids=lambda c: c[:8])
def test_claims_that_are_no_object_are_refused(claims: str) -> None:
    assert_refused(forge(HEADER, claims))


# The encoding


def test_a_changed_character_anywhere_is_refused() -> None:
    token = issue()
    for position in range(0, len(token) - 1, 5):
        other = "A" if token[position] != "A" else "B"
        assert_refused(token[:position] + other + token[position + 1 :])


@pytest.mark.parametrize("junk", [" ", "\n", "=", "==", "+", "\x00", "é", "\ud800", "\u0661", "%2E"], ids=ascii)
def test_characters_that_a_lenient_decoder_skips_are_refused(junk: str) -> None:
    token = issue()
    middle = token.index(".") + 9
    for changed in (token + junk, junk + token, token[:middle] + junk + token[middle:], token[:-4] + junk + token[-4:]):
        assert_refused(changed)


def test_a_token_over_four_kibibytes_is_refused_unread() -> None:
    def padded(size: int) -> str:
        return forge(HEADER, good_claims(jti="x" * size))

    small, large = padded(2000), padded(3000)
    assert len(small) < 4096 < len(large)
    assert VERIFIER.verify(small, KEYS, NOW)
    assert_refused(large)


@pytest.mark.parametrize(
    "token",
    [None, 7, b"a.b.c", issue().encode(), [], {}, object(), float("inf")],
    ids=lambda token: type(token).__name__,
)
def test_what_is_no_string_is_refused(token: Any) -> None:
    assert_refused(token)


@given(st.one_of(st.text(), st.binary(), st.from_regex(r"[A-Za-z0-9_-]{0,60}\.[A-Za-z0-9_-]{0,60}\.[A-Za-z0-9_-]{86}")))
def test_garbage_is_an_invalid_token_and_nothing_else(garbage: Any) -> None:
    assert_refused(garbage)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from([*HEADER]), json_values)
def test_no_header_value_but_ours_is_accepted(name: str, value: Any) -> None:
    if value != HEADER[name]:
        assert_refused(forge(HEADER | {name: value}, good_claims()))


@given(st.sampled_from(["iss", "aud", "sub", "tid", "sid", "iat", "exp", "knd"]), json_values)
def test_no_claim_of_random_kind_is_accepted(name: str, value: Any) -> None:
    if value != good_claims()[name]:
        assert_refused(forge(HEADER, good_claims(**{name: value})))
