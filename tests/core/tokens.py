"""Tokens for the tests: issued, and forged by hand."""

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    load_pem_private_key,
)

from app.core.security import (
    LIFETIME_SECONDS,
    InvalidToken,
    TokenSigner,
    TokenVerifier,
    new_signing_key,
    public_key,
)

ISSUER = "https://plp.example"
AUDIENCE = "plp"
KEY = new_signing_key()
OTHER_KEY = new_signing_key()
KEYS = {KEY.kid: public_key(KEY.public_jwk)}
SIGNER = TokenSigner(KEY.kid, KEY.private_pem, ISSUER, AUDIENCE)
VERIFIER = TokenVerifier(ISSUER, AUDIENCE)
HEADER = {"alg": "ES256", "kid": KEY.kid, "typ": "at+jwt"}
# jose compares `exp` with the real clock too: far ahead of it, ours alone decides.
NOW = 4_000_000_000
TENANT = UUID("0193b0aa-0000-7000-8000-00000000000a")
SUBJECT = UUID("0193b0aa-0000-7000-8000-00000000000b")
SESSION = UUID("0193b0aa-0000-7000-8000-00000000000c")


def private_key(pem: bytes) -> ec.EllipticCurvePrivateKey:
    key = load_pem_private_key(pem, password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


def b64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return urlsafe_b64decode(text + "==")


def es256(message: bytes, pem: bytes = KEY.private_pem) -> bytes:
    r, s = decode_dss_signature(private_key(pem).sign(message, ec.ECDSA(SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def hs256(secret: bytes) -> Callable[[bytes], bytes]:
    return lambda message: hmac.digest(secret, message, sha256)


def forge(header: Any, claims: Any, sign: Callable[[bytes], bytes] = es256) -> str:
    """Put a token together by hand; header and claims may be raw JSON text."""
    segments = [part if isinstance(part, str) else json.dumps(part) for part in (header, claims)]
    signed = ".".join(b64(segment.encode()) for segment in segments)
    return f"{signed}.{b64(sign(signed.encode()))}"


def good_claims(**changes: Any) -> dict[str, Any]:
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": str(SUBJECT),
        "tid": str(TENANT),
        "sid": str(SESSION),
        "iat": NOW,
        "exp": NOW + LIFETIME_SECONDS,
        "jti": "one",
        "knd": "person",
    }
    return claims | changes


def issue(now: float = NOW) -> str:
    return SIGNER.issue(tenant_id=TENANT, subject=SUBJECT, session_id=SESSION, now=now)


def assert_refused(token: Any, now: float = NOW) -> None:
    with pytest.raises(InvalidToken) as caught:
        VERIFIER.verify(token, KEYS, now)
    assert caught.value.args == ()
    assert caught.value.__cause__ is None
