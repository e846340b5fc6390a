"""The credential in a share link. It carries its tenant, for who opens a link has not signed in."""

from dataclasses import dataclass
from secrets import token_bytes
from uuid import UUID

from app.core.secrets import Keyring
from app.identity.opaque import decoded, encoded

PREFIX = "plp_sl_"
_ID_BYTES = 16
_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True, repr=False)
class LinkToken:
    """An id to find the link by and a secret to prove that it was handed out. Only its hash is kept."""

    tenant_id: UUID
    link_id: UUID
    secret: bytes

    @classmethod
    def new(cls, tenant_id: UUID, link_id: UUID) -> "LinkToken":
        return cls(tenant_id, link_id, token_bytes(_SECRET_BYTES))

    def write(self) -> str:
        return PREFIX + encoded(self.tenant_id.bytes + self.link_id.bytes + self.secret)

    @classmethod
    def read(cls, text: str) -> "LinkToken":
        """The token; of what is none, one that opens nothing, so that it is looked for like any other."""
        raw = decoded(PREFIX, text, 2 * _ID_BYTES + _SECRET_BYTES) or bytes(2 * _ID_BYTES + _SECRET_BYTES)
        return cls(UUID(bytes=raw[:16]), UUID(bytes=raw[16:32]), raw[32:])

    def hash(self, keyring: Keyring) -> bytes:
        return keyring.mac("share-link", self.tenant_id.bytes, self.link_id.bytes, self.secret)
