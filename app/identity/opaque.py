"""Opaque credentials: what they carry and how they are written. Each carries its tenant, for none is bound yet."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from secrets import token_bytes
from uuid import UUID

from app.core.secrets import Keyring, constant_time_equal, random_token

# The prefixes let people and secret scanners see what leaked.
REFRESH_PREFIX = "plp_rt_"
ONE_TIME_PREFIX = "plp_ot_"
SECRET_PREFIX = "plp_cs_"  # noqa: S105
_ID_BYTES = 16
_GENERATION_BYTES = 4
_SECRET_BYTES = 32
_CLIENT_ID = re.compile(r"plp_([0-9a-f]{32})_([0-9a-f]{32})")


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A session's refresh token of one generation. It is derived from the server's secret, never stored."""

    tenant_id: UUID
    session_id: UUID
    generation: int

    def write(self, keyring: Keyring) -> str:
        named = self._named()
        return REFRESH_PREFIX + encoded(named + keyring.mac("refresh", named))

    @classmethod
    def read(cls, keyring: Keyring, text: str) -> "RefreshToken | None":
        """The token, if we made it."""
        raw = decoded(REFRESH_PREFIX, text, 2 * _ID_BYTES + _GENERATION_BYTES + _SECRET_BYTES)
        if raw is None:
            return None
        token = cls(UUID(bytes=raw[:16]), UUID(bytes=raw[16:32]), int.from_bytes(raw[32:36], "big"))
        return token if constant_time_equal(raw[36:], keyring.mac("refresh", token._named())) else None

    def _named(self) -> bytes:
        return self.tenant_id.bytes + self.session_id.bytes + self.generation.to_bytes(_GENERATION_BYTES, "big")


@dataclass(frozen=True, slots=True, repr=False)
class OneTimeToken:
    """The credential behind an invitation or a password reset: an id to find it by and a secret to prove it."""

    tenant_id: UUID
    id: UUID
    secret: bytes

    @classmethod
    def new(cls, tenant_id: UUID, id: UUID) -> "OneTimeToken":
        return cls(tenant_id, id, token_bytes(_SECRET_BYTES))

    def write(self) -> str:
        return ONE_TIME_PREFIX + encoded(self.tenant_id.bytes + self.id.bytes + self.secret)

    @classmethod
    def read(cls, text: str) -> "OneTimeToken | None":
        raw = decoded(ONE_TIME_PREFIX, text, 2 * _ID_BYTES + _SECRET_BYTES)
        return None if raw is None else cls(UUID(bytes=raw[:16]), UUID(bytes=raw[16:32]), raw[32:])

    def hash(self, keyring: Keyring) -> bytes:
        return keyring.mac("one-time-token", self.tenant_id.bytes, self.id.bytes, self.secret)


@dataclass(frozen=True, slots=True)
class ClientId:
    """A service client's public name."""

    tenant_id: UUID
    id: UUID

    def __str__(self) -> str:
        return f"plp_{self.tenant_id.hex}_{self.id.hex}"

    @classmethod
    def read(cls, text: str) -> "ClientId | None":
        found = _CLIENT_ID.fullmatch(text)
        return None if found is None else cls(UUID(hex=found[1]), UUID(hex=found[2]))


def new_client_secret() -> str:
    return SECRET_PREFIX + random_token(_SECRET_BYTES)


def client_secret_hash(keyring: Keyring, client_id: UUID, secret: str) -> str:
    """Keyed and fast: the secret is random, so there is nothing to guess."""
    return keyring.mac("client-secret", client_id.bytes, secret).hex()


def encoded(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def decoded(prefix: str, text: str, size: int) -> bytes | None:
    """The bytes, if the text is just what `encoded` makes of so many."""
    body = text.removeprefix(prefix)
    if body == text or not body.isascii() or len(body) != -(-size * 4 // 3):
        return None
    try:
        raw = urlsafe_b64decode(body + "=" * (-len(body) % 4))
    except ValueError:
        return None
    return raw if len(raw) == size and encoded(raw) == body else None
