"""Access tokens: signing keys, issuing, verifying. The only module that imports jose.

jose 3.5.0 trusts its caller a good deal: it takes the algorithm from the token unless given a list, ignores `kid`
and `crit`, accepts missing claims, and lets exceptions of its own and of json through. Hence the checks of our own
around one call of `jwt.decode`, and a single exception for whatever goes wrong.
"""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal, NamedTuple, get_args
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jose import jwt

# Named outright: left to itself jose may fall back to a pure Python implementation, which is not constant-time.
from jose.backends.cryptography_backend import CryptographyECKey, CryptographyRSAKey

from app.core.secrets import random_token

ALGORITHM = "ES256"
TOKEN_TYPE = "at+jwt"  # noqa: S105
LIFETIME_SECONDS = 600
CLOCK_SKEW_SECONDS = 30
MAXIMUM_TOKEN_LENGTH = 4096

# An ES256 signature is 64 bytes, thus 86 characters. jose's base64 decoder skips foreign characters; this does not.
_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{86}")
_HEADER_KEYS = {"alg", "kid", "typ"}
_COORDINATE_BYTES = 32
_DECODE_OPTIONS = {f"require_{claim}": True for claim in ("iss", "aud", "sub", "iat", "exp", "jti")}

Kind = Literal["person", "service"]

ASSERTION_ALGORITHMS = {"EC": "ES256", "RSA": "RS256"}
ASSERTION_LIFETIME_SECONDS = 300
_ASSERTION = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+")
_ASSERTION_TYPES = {"JWT", "client-authentication+jwt"}
_ASSERTION_OPTIONS = {
    **{f"require_{claim}": True for claim in ("iss", "sub", "exp", "jti")},
    "verify_aud": False,  # several are acceptable, and jose knows one; compared by hand
}
_RSA_BITS = range(2048, 4097)
_JTI_LENGTHS = range(1, 256)


class InvalidToken(Exception):
    """The token is not acceptable; deliberately without a reason."""


class UnknownKey(InvalidToken):
    """The token names a key that is not among those given; it may have been published since they were read."""


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """What a verified access token says. `subject` is an account id, or a service client's id."""

    tenant_id: UUID
    subject: UUID
    session_id: UUID
    kind: Kind
    scopes: frozenset[str]
    issued_at: int
    expires_at: int
    key_id: str


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A verification key, parsed once."""

    jose: Any


class SigningKey(NamedTuple):
    """A new key pair. The private part is to be sealed before it is stored."""

    kid: str
    private_pem: bytes
    public_jwk: dict[str, str]

    def __repr__(self) -> str:
        return f"SigningKey(kid={self.kid!r})"


def new_signing_key() -> SigningKey:
    """Make a P-256 key pair, named by its RFC 7638 thumbprint."""
    private = ec.generate_private_key(ec.SECP256R1())
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    point = _jwk_point(private.public_key())
    kid = _thumbprint(point)
    return SigningKey(kid, pem, {**point, "kid": kid, "use": "sig", "alg": ALGORITHM})


def public_key(jwk: Mapping[str, str]) -> PublicKey:
    """Build the verification key of a published JWK; `ValueError` unless it is a public P-256 key."""
    if jwk.get("kty") != "EC" or jwk.get("crv") != "P-256" or "d" in jwk:
        raise ValueError("not a public P-256 key")
    x, y = (int.from_bytes(_from_base64url(jwk[name]), "big") for name in ("x", "y"))
    point = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1())
    return PublicKey(CryptographyECKey(point.public_key(), ALGORITHM))


class TokenSigner:
    """Issues access tokens with one private key."""

    def __init__(self, kid: str, private_pem: bytes, issuer: str, audience: str) -> None:
        private = load_pem_private_key(private_pem, password=None)
        if not isinstance(private, ec.EllipticCurvePrivateKey) or _thumbprint(_jwk_point(private.public_key())) != kid:
            raise ValueError("the private key is not the one that kid names")
        self._key = CryptographyECKey(private, ALGORITHM)
        self._headers = {"kid": kid, "typ": TOKEN_TYPE}
        self._issuer = issuer
        self._audience = audience

    def issue(
        self,
        *,
        tenant_id: UUID,
        subject: UUID,
        session_id: UUID,
        now: float,
        kind: Kind = "person",
        scopes: frozenset[str] = frozenset(),
    ) -> str:
        """Return a signed token that expires `LIFETIME_SECONDS` after now."""
        issued_at = int(now)
        claims: dict[str, str | int] = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": str(subject),
            "tid": str(tenant_id),
            "sid": str(session_id),
            "iat": issued_at,
            "exp": issued_at + LIFETIME_SECONDS,
            "jti": random_token(16),
            "knd": kind,
        }
        if scopes:
            claims["scope"] = " ".join(sorted(scopes))
        token: str = jwt.encode(claims, self._key, algorithm=ALGORITHM, headers=self._headers)
        return token


class TokenVerifier:
    """Turns a token into claims, or refuses it with `InvalidToken` and nothing else."""

    def __init__(self, issuer: str, audience: str) -> None:
        self._issuer = issuer
        self._audience = audience

    def verify(self, token: str, public_keys: Mapping[str, PublicKey], now: float) -> AccessClaims:
        """Return the claims of a valid token; `UnknownKey` when its key is not in `public_keys`."""
        try:
            kid = _key_id(token)
            if kid not in public_keys:
                raise UnknownKey
            return _read_claims(self._decode(token, public_keys[kid]), kid, now)
        except UnknownKey:
            raise
        except Exception:
            # jose and json raise far more than they document (AttributeError, OverflowError, RecursionError).
            raise InvalidToken from None

    def _decode(self, token: str, key: PublicKey) -> dict[str, Any]:
        claims: dict[str, Any] = jwt.decode(
            token,
            key.jose,
            algorithms=[ALGORITHM],
            audience=self._audience,
            issuer=self._issuer,
            options=_DECODE_OPTIONS,
        )
        return claims


class InvalidKey(ValueError):
    """The JWK is not a public key that we verify assertions with."""


@dataclass(frozen=True, slots=True)
class ClientAssertion:
    """What a verified client assertion (RFC 7523) says. `jti` must not have been used before."""

    jti: str
    expires_at: int


def assertion_key(jwk: Mapping[str, str]) -> PublicKey:
    """Build the key of a registered JWK: public, P-256 or RSA of 2048 to 4096 bits."""
    try:
        algorithm = ASSERTION_ALGORITHMS[jwk["kty"]]
        if jwk.get("alg", algorithm) != algorithm:
            raise InvalidKey
        return public_key(jwk) if algorithm == ALGORITHM else _rsa_key(jwk)
    except (KeyError, ValueError):
        raise InvalidKey from None


def assertion_issuer(assertion: str) -> str:
    """Who an assertion claims to be from, unverified: only to find the key to verify it with. Empty if unreadable."""
    found = _ASSERTION.fullmatch(assertion)
    if found is None or len(assertion) > MAXIMUM_TOKEN_LENGTH:
        return ""
    try:
        claims = json.loads(_from_base64url(found[2]))
    except (ValueError, RecursionError):
        return ""
    issuer = claims.get("iss") if isinstance(claims, dict) else None
    return issuer if isinstance(issuer, str) else ""


def verify_client_assertion(
    assertion: str, jwk: Mapping[str, str], *, client_id: str, audiences: Collection[str], now: float
) -> ClientAssertion:
    """Verify a `private_key_jwt` assertion with the client's registered key, or raise `InvalidToken`."""
    try:
        algorithm = ASSERTION_ALGORITHMS[jwk["kty"]]
        _check_assertion_form(assertion, algorithm)
        claims = jwt.decode(
            assertion,
            assertion_key(jwk).jose,
            algorithms=[algorithm],
            issuer=client_id,
            subject=client_id,
            options=_ASSERTION_OPTIONS,
        )
        return _read_assertion(claims, audiences, now)
    except Exception:
        raise InvalidToken from None


def _check_assertion_form(assertion: str, algorithm: str) -> None:
    found = _ASSERTION.fullmatch(assertion)
    if found is None or len(assertion) > MAXIMUM_TOKEN_LENGTH:
        raise InvalidToken
    header = json.loads(_from_base64url(found[1]))
    if not header.keys() <= _HEADER_KEYS or header["alg"] != algorithm:
        raise InvalidToken
    if header.get("typ", "JWT") not in _ASSERTION_TYPES:
        raise InvalidToken


def _read_assertion(claims: Mapping[str, Any], audiences: Collection[str], now: float) -> ClientAssertion:
    given = claims["aud"]
    named = given if isinstance(given, list) else [given]
    if len(named) != 1 or named[0] not in audiences:
        raise InvalidToken
    expires_at = _whole(claims["exp"])
    if not now < expires_at <= now + ASSERTION_LIFETIME_SECONDS + CLOCK_SKEW_SECONDS:
        raise InvalidToken
    if "iat" in claims and _whole(claims["iat"]) > now + CLOCK_SKEW_SECONDS:
        raise InvalidToken
    jti = claims["jti"]
    if not isinstance(jti, str) or len(jti) not in _JTI_LENGTHS:
        raise InvalidToken
    return ClientAssertion(jti, expires_at)


def _rsa_key(jwk: Mapping[str, str]) -> PublicKey:
    if jwk.keys() & {"d", "p", "q", "dp", "dq", "qi"}:
        raise InvalidKey
    n, e = (int.from_bytes(_from_base64url(jwk[name]), "big") for name in ("n", "e"))
    if n.bit_length() not in _RSA_BITS:
        raise InvalidKey
    return PublicKey(CryptographyRSAKey(rsa.RSAPublicNumbers(e, n).public_key(), "RS256"))


class VerifiedTokens:
    """Remembers verified tokens until they expire, by digest only; when full, the least recently used goes.

    Whoever asks sees to it that the token's key still verifies (`AccessClaims.key_id`).
    """

    def __init__(self, capacity: int = 10_000) -> None:
        self._capacity = capacity
        self._claims: OrderedDict[bytes, AccessClaims] = OrderedDict()

    def get(self, token: str, now: float) -> AccessClaims | None:
        """Return the claims of a remembered token that has not expired."""
        digest = _digest(token)
        claims = self._claims.get(digest)
        if claims is None:
            return None
        if now >= claims.expires_at:
            del self._claims[digest]
            return None
        self._claims.move_to_end(digest)
        return claims

    def remember(self, token: str, claims: AccessClaims) -> None:
        """Keep the claims of a token that has just been verified."""
        digest = _digest(token)
        self._claims[digest] = claims
        self._claims.move_to_end(digest)
        if len(self._claims) > self._capacity:
            self._claims.popitem(last=False)

    def __len__(self) -> int:
        return len(self._claims)


def _key_id(token: str) -> str:
    """Check the token's form and header before any cryptography; return the key that it names."""
    if len(token) > MAXIMUM_TOKEN_LENGTH:
        raise InvalidToken
    compact = _COMPACT.fullmatch(token)
    if compact is None:
        raise InvalidToken
    header = json.loads(_from_base64url(compact[1]))
    if header.keys() != _HEADER_KEYS or header["alg"] != ALGORITHM or header["typ"] != TOKEN_TYPE:
        raise InvalidToken
    kid = header["kid"]
    if not isinstance(kid, str):
        raise InvalidToken
    return kid


def _read_claims(claims: Mapping[str, Any], kid: str, now: float) -> AccessClaims:
    issued_at, expires_at = _whole(claims["iat"]), _whole(claims["exp"])
    if not 0 < expires_at - issued_at <= LIFETIME_SECONDS:
        raise InvalidToken
    # Another process may have issued it by a clock slightly ahead of ours; nobody's expiry is stretched.
    if not issued_at - CLOCK_SKEW_SECONDS <= now < expires_at:
        raise InvalidToken
    kind = claims["knd"]
    if kind not in get_args(Kind):
        raise InvalidToken
    return AccessClaims(
        tenant_id=_canonical_uuid(claims["tid"]),
        subject=_canonical_uuid(claims["sub"]),
        session_id=_canonical_uuid(claims["sid"]),
        kind=kind,
        scopes=frozenset(claims.get("scope", "").split()),
        issued_at=issued_at,
        expires_at=expires_at,
        key_id=kid,
    )


def _whole(value: object) -> int:
    # bool is a subclass of int, and a float may be infinite.
    if type(value) is not int:
        raise InvalidToken
    return value


def _canonical_uuid(text: str) -> UUID:
    # UUID() also takes braces, "urn:uuid:" and missing hyphens.
    value = UUID(text)
    if str(value) != text:
        raise InvalidToken
    return value


def _digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()


def _jwk_point(key: ec.EllipticCurvePublicKey) -> dict[str, str]:
    numbers = key.public_numbers()
    x, y = (_to_base64url(number.to_bytes(_COORDINATE_BYTES, "big")) for number in (numbers.x, numbers.y))
    return {"crv": "P-256", "kty": "EC", "x": x, "y": y}


def _thumbprint(point: Mapping[str, str]) -> str:
    canonical = json.dumps(point, separators=(",", ":"), sort_keys=True)
    return _to_base64url(sha256(canonical.encode()).digest())


def _to_base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _from_base64url(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
