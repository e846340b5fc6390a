"""The keys that sign access tokens: kept sealed in the database, published ahead of use, rotated without a gap.

A key is published as soon as it exists, signs once it is activated, and after its retirement still verifies until the
last token that it signed has expired. One key always waits as the next, so that every verifier knows it beforehand.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from app.core.errors import unavailable
from app.core.secrets import Keyring
from app.core.security import LIFETIME_SECONDS, PublicKey, TokenSigner, new_signing_key, public_key
from app.identity.models import SigningKey

SIGNER_KEPT_SECONDS = 30.0
PUBLIC_KEYS_KEPT_SECONDS = 30.0
"""For so long at most a key still verifies here that was withdrawn at once."""
RELOAD_AFTER_SECONDS = 3.0
"""How soon an unknown kid may make us look again; garbage must not reach the database each time."""
# Another process may go on signing with the retired key until it looks for its successor.
RETIREMENT = timedelta(seconds=LIFETIME_SECONDS + 2 * SIGNER_KEPT_SECONDS)
_LOCK = 0x506C504B  # "PlPK"
_SEALING = "signing-key"


class SigningKeys:
    """The keys as one process knows them, looked up again every so often."""

    def __init__(self, engine: AsyncEngine, keyring: Keyring, issuer: str) -> None:
        self._sessions = async_sessionmaker(engine)
        self._keyring = keyring
        self._issuer = issuer
        self._published: Sequence[Mapping[str, Any]] = ()
        self._public: Mapping[str, PublicKey] = {}
        self._public_until = self._reload_from = float("-inf")
        self._signer: TokenSigner | None = None
        self._signer_until = float("-inf")
        self._lock = asyncio.Lock()

    async def public_keys(self, *, refresh: bool) -> Mapping[str, PublicKey]:
        """The keys that verify, by kid; `refresh` looks for new ones, at most every few seconds."""
        if self._is_stale(refresh=refresh):
            async with self._lock:
                if self._is_stale(refresh=refresh):
                    await self._load_public_keys()
        return self._public

    async def jwks(self) -> Sequence[Mapping[str, Any]]:
        """The same keys as others may read them, oldest first."""
        await self.public_keys(refresh=not self._public)
        return self._published

    def _is_stale(self, *, refresh: bool) -> bool:
        return time.monotonic() >= (self._reload_from if refresh else self._public_until)

    async def _load_public_keys(self) -> None:
        # Others go on meanwhile with what is known, and so they do if the database does not answer.
        self._public_until = time.monotonic() + RELOAD_AFTER_SECONDS
        async with self._sessions() as session:
            found = await published(session)
        self._published, self._public = found, {jwk["kid"]: public_key(jwk) for jwk in found}
        now = time.monotonic()
        self._public_until = now + PUBLIC_KEYS_KEPT_SECONDS
        self._reload_from = now + RELOAD_AFTER_SECONDS

    async def signer(self) -> TokenSigner:
        """The signer with the key of now. It borrows a connection: call it while holding none."""
        if self._signer is None or time.monotonic() >= self._signer_until:
            async with self._lock:
                self._signer = await self._load_signer()
                self._signer_until = time.monotonic() + SIGNER_KEPT_SECONDS
        return self._signer

    async def _load_signer(self) -> TokenSigner:
        async with self._sessions() as session:
            key = await session.scalar(select(SigningKey).where(_is_signing()))
        if key is None:
            raise unavailable("No key to sign tokens with exists yet.")
        pem = self._keyring.open(_SEALING, key.private_sealed, key.kid.encode())
        return TokenSigner(key.kid, pem, self._issuer, self._issuer)


async def published(session: AsyncSession) -> list[dict[str, Any]]:
    """The public keys that verify today and tomorrow, oldest first."""
    is_of_use = or_(SigningKey.retired_at.is_(None), SigningKey.retired_at > func.now())
    found = await session.scalars(
        select(SigningKey.public_jwk).where(is_of_use).order_by(SigningKey.created_at, SigningKey.kid)
    )
    return list(found)


async def ensure_keys(session: AsyncSession, keyring: Keyring) -> None:
    """Make the first signing key and the one that waits, where they are missing. The caller commits."""
    await _exclusively(session)
    if await session.scalar(select(SigningKey).where(_is_signing())) is None:
        waiting = await session.scalar(select(SigningKey).where(_is_waiting()))
        (waiting or _add_key(session, keyring)).activated_at = datetime.now(UTC)
        await session.flush()
    if await session.scalar(select(SigningKey).where(_is_waiting())) is None:
        _add_key(session, keyring)
        await session.flush()


async def rotate_keys(session: AsyncSession, keyring: Keyring) -> str:
    """Sign with the next key from now on; returns its kid. The old one verifies until its last token has expired."""
    await ensure_keys(session, keyring)
    old = (await session.scalars(select(SigningKey).where(_is_signing()))).one()
    following = (await session.scalars(select(SigningKey).where(_is_waiting()))).one()
    now = datetime.now(UTC)
    old.retired_at = now + RETIREMENT
    following.activated_at = now
    _add_key(session, keyring)
    await session.flush()
    return following.kid


async def _exclusively(session: AsyncSession) -> None:
    """Wait for other processes that start or rotate; until the end of the transaction."""
    await session.execute(select(func.pg_advisory_xact_lock(_LOCK)))


def _add_key(session: AsyncSession, keyring: Keyring) -> SigningKey:
    made = new_signing_key()
    sealed = keyring.seal(_SEALING, made.private_pem, made.kid.encode())
    key = SigningKey(kid=made.kid, public_jwk=made.public_jwk, private_sealed=sealed)
    session.add(key)
    return key


def _is_signing() -> ColumnElement[bool]:
    return SigningKey.activated_at.is_not(None) & SigningKey.retired_at.is_(None)


def _is_waiting() -> ColumnElement[bool]:
    return SigningKey.activated_at.is_(None)
