"""What one process holds while it serves: settings, engine, keys, hasher and bounded memories of verified things."""

import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from app.core.errors import unauthorized
from app.core.looks import Looks
from app.core.passwords import PasswordHasher
from app.core.principal import Principal
from app.core.secrets import Keyring
from app.core.security import (
    AccessClaims,
    InvalidToken,
    PublicKey,
    TokenSigner,
    TokenVerifier,
    UnknownKey,
    VerifiedTokens,
)
from app.db.read import bind_tenant
from app.settings import Settings

PRINCIPALS_REMEMBERED = 10_000


class KeyRing(Protocol):
    """Where the published keys come from (the database)."""

    async def public_keys(self, *, refresh: bool) -> Mapping[str, PublicKey]:
        """The keys by kid; `refresh` when a token named one that is not among them."""

    async def jwks(self) -> Sequence[Mapping[str, Any]]:
        """The published keys as others may read them."""

    async def signer(self) -> TokenSigner:
        """The signer with the key of today."""


class Principals:
    """The last known facts of each session: only a guess, compared with the database in the statement that uses it."""

    def __init__(self, capacity: int = PRINCIPALS_REMEMBERED) -> None:
        self._capacity = capacity
        self._known: OrderedDict[UUID, tuple[str, Principal]] = OrderedDict()

    def get(self, session_id: UUID) -> tuple[str, Principal] | None:
        return self._known.get(session_id)

    def remember(self, facts: str, claims: AccessClaims) -> Principal:
        principal = Principal.parse(facts, claims)
        self._known[claims.session_id] = (facts, principal)
        self._known.move_to_end(claims.session_id)
        if len(self._known) > self._capacity:
            self._known.popitem(last=False)
        return principal

    def forget(self, session_id: UUID) -> None:
        self._known.pop(session_id, None)


@dataclass
class Runtime:
    """Everything shared by the requests of one process."""

    settings: Settings
    engine: AsyncEngine
    keyring: Keyring
    keys: KeyRing
    hasher: PasswordHasher
    verifier: TokenVerifier
    verified: VerifiedTokens = field(default_factory=VerifiedTokens)
    principals: Principals = field(default_factory=Principals)
    sessions: async_sessionmaker[AsyncSession] = field(init=False)
    looks: Looks = field(init=False)

    def __post_init__(self) -> None:
        self.sessions = async_sessionmaker(self.engine, expire_on_commit=False, autoflush=False)
        self.looks = Looks(self.transaction, self.settings.looks_kept)

    @asynccontextmanager
    async def transaction(self, tenant_id: UUID) -> AsyncIterator[AsyncSession]:
        """A transaction bound to the tenant, for what happens outside a signed-in request; commits at the end."""
        async with self.sessions() as session, session.begin():
            await bind_tenant(session, tenant_id)
            yield session

    async def authenticate(self, request: Request) -> AccessClaims:
        """The claims of the request's bearer token, or 401. Whether its session lives is for the database to say."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or len(request.headers.getlist("authorization")) != 1:
            raise unauthorized()
        now = time.time()
        claims = self.verified.get(token, now)
        # A remembered token is worth no more than the key that signed it.
        if claims is None or claims.key_id not in await self.keys.public_keys(refresh=False):
            claims = await self._verify(token, now)
            self.verified.remember(token, claims)
        return claims

    async def _verify(self, token: str, now: float) -> AccessClaims:
        try:
            try:
                return self.verifier.verify(token, await self.keys.public_keys(refresh=False), now)
            except UnknownKey:
                return self.verifier.verify(token, await self.keys.public_keys(refresh=True), now)
        except InvalidToken:
            raise unauthorized() from None


def runtime_of(request: Request) -> Runtime:
    runtime: Runtime = request.app.state.runtime
    return runtime
