"""Keys derived from the one server secret: message codes, sealing, random tokens."""

import hmac
import secrets
from functools import lru_cache
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MINIMUM_SECRET_BYTES = 32
_KEY_BYTES = 32
_NONCE_BYTES = 12
_CACHED_KEYS = 256


class SealBroken(Exception):
    """The sealed bytes were changed, or sealed for another purpose, with other data or another secret."""


class Keyring:
    """Every key that the service needs, derived from one secret and separated by purpose.

    A purpose may contain a variable part (`f"reply:{key}"`): such a key is opened only by who knows that part.
    """

    def __init__(self, secret: bytes) -> None:
        if len(secret) < MINIMUM_SECRET_BYTES:
            raise ValueError(f"the server secret needs at least {MINIMUM_SECRET_BYTES} bytes")
        # Bounded, because purposes may vary; per instance, so that the keys go when the keyring goes.
        self._key = lru_cache(maxsize=_CACHED_KEYS)(_Deriver(secret))

    def derive(self, purpose: str) -> bytes:
        """Return the 256-bit key for a purpose."""
        return self._key("derive", purpose)

    def mac(self, purpose: str, *parts: bytes | str) -> bytes:
        """Return the HMAC-SHA256 of the parts; each is prefixed with its length, so that they cannot run together."""
        message = b"".join(len(part).to_bytes(8, "big") + part for part in map(_as_bytes, parts))
        return hmac.digest(self._key("mac", purpose), message, sha256)

    def seal(self, purpose: str, plaintext: bytes, aad: bytes = b"") -> bytes:
        """Encrypt and authenticate with AES-256-GCM; `aad` is authenticated only and must be given again to open."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + AESGCM(self._key("seal", purpose)).encrypt(nonce, plaintext, aad)

    def seal_alike(self, purpose: str, plaintext: bytes, aad: bytes = b"") -> bytes:
        """As `seal`, but the same plaintext and aad always give the same bytes: the nonce is their message code."""
        nonce = self.mac(f"nonce:{purpose}", aad, plaintext)[:_NONCE_BYTES]
        return nonce + AESGCM(self._key("seal", purpose)).encrypt(nonce, plaintext, aad)

    def open(self, purpose: str, sealed: bytes, aad: bytes = b"") -> bytes:
        """Return what was sealed, or raise `SealBroken`."""
        nonce, ciphertext = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            return AESGCM(self._key("seal", purpose)).decrypt(nonce, ciphertext, aad)
        except (InvalidTag, ValueError):
            raise SealBroken from None


class _Deriver:
    """HKDF-SHA256 from the secret; the use is part of the label, so that no key serves two algorithms."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def __call__(self, use: str, purpose: str) -> bytes:
        info = f"plp/{use}/{purpose}".encode()
        return HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=info).derive(self._secret)


def constant_time_equal(a: bytes | str, b: bytes | str) -> bool:
    """Compare two secrets in a time that does not depend on where they differ."""
    return hmac.compare_digest(_as_bytes(a), _as_bytes(b))


def random_token(size: int = 32) -> str:
    """Return `size` random bytes as URL-safe text."""
    return secrets.token_urlsafe(size)


def _as_bytes(value: bytes | str) -> bytes:
    return value.encode() if isinstance(value, str) else value
