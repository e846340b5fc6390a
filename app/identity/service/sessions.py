"""Device sessions: opening, refreshing and ending them, and the tokens that they hand out."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import Problem, not_found
from app.core.runtime import Runtime
from app.core.unit_of_work import Write
from app.identity.models import Account, ServiceClient, Session
from app.identity.opaque import RefreshToken
from app.identity.service.trail import record_own

RETRY_WINDOW = timedelta(seconds=30)
"""How long the refresh token before still serves, for the client that never got its reply."""


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long a session lives unused, and how long in all."""

    unused: timedelta
    at_most: timedelta


LIFETIMES = {
    "app": Lifetime(timedelta(days=30), timedelta(days=90)),
    "browser": Lifetime(timedelta(hours=12), timedelta(days=7)),
}


@dataclass(frozen=True, slots=True, repr=False)
class Tokens:
    """What a signed-in device gets."""

    access_token: str
    refresh_token: str
    session_id: UUID
    client: str
    expires_at: datetime


def new_session(account: Account, client: str, device: str | None) -> Session:
    now = datetime.now(UTC)
    return Session(
        tenant_id=account.tenant_id,
        account_id=account.id,
        client=client,
        device=device,
        generation=0,
        created_at=now,
        last_used_at=now,
        rotated_at=now,
        expires_at=_expiry(client, now, now),
    )


async def tokens_of(runtime: Runtime, session: Session, subject: UUID) -> Tokens:
    """The tokens of a session as it is now. Call it while holding no connection."""
    signer = await runtime.keys.signer()
    access = signer.issue(tenant_id=session.tenant_id, subject=subject, session_id=session.id, now=time.time())
    refresh = RefreshToken(session.tenant_id, session.id, session.generation).write(runtime.keyring)
    return Tokens(access, refresh, session.id, session.client, session.expires_at)


async def refresh(runtime: Runtime, text: str, client: str, request_id: str) -> Tokens:
    """Rotate a refresh token that came the way `client` sends it. A token used late or elsewhere ends its session."""
    token = RefreshToken.read(runtime.keyring, text)
    if token is None:
        raise invalid_grant()
    async with runtime.transaction(token.tenant_id) as session:
        found = await _living(session, token)
        is_honoured = found is not None and found[0].client == client and _rotate(found[0], token.generation)
        if found is not None and not is_honoured:
            _end(found[0], "refresh_reuse")
            await record_own(session, found[1], found[0], "revoke", request_id, reason="refresh_reuse")
    if found is None or not is_honoured:
        raise invalid_grant()
    return await tokens_of(runtime, found[0], found[1].id)


async def _living(session: AsyncSession, token: RefreshToken) -> tuple[Session, Account] | None:
    """The token's session, locked, and its account, if both may still be used."""
    statement = (
        select(Session, Account)
        .join(Account, (Account.tenant_id == Session.tenant_id) & (Account.id == Session.account_id))
        .where(Session.id == token.session_id, Session.ended_at.is_(None), Account.is_disabled.is_(False))
        .with_for_update(of=Session)
    )
    found = (await session.execute(statement)).one_or_none()
    if found is None or found[0].expires_at <= datetime.now(UTC):
        return None
    return found[0], found[1]


def _rotate(session: Session, generation: int) -> bool:
    """Go on to the next generation; the one before is given that same successor for a while. Says whether it may be."""
    now = datetime.now(UTC)
    if generation == session.generation:
        session.generation += 1
        session.rotated_at = now
    elif generation != session.generation - 1 or now - session.rotated_at > RETRY_WINDOW:
        return False
    session.last_used_at = now
    session.expires_at = _expiry(session.client, session.created_at, now)
    return True


def _expiry(client: str, created_at: datetime, now: datetime) -> datetime:
    lifetime = LIFETIMES[client]
    return min(now + lifetime.unused, created_at + lifetime.at_most)


async def end_own(write: Write, session_id: UUID) -> None:
    """End one of the caller's sessions; one that is over already stays so."""
    found = await write.session.scalar(
        select(Session)
        .where(Session.id == session_id, Session.account_id == write.principal.owner_id)
        .with_for_update()
    )
    if found is None:
        raise not_found()
    if found.ended_at is None:
        _end(found, "signed_out")
        await _record_end(write.session, found, write.request_id)


async def end_current(runtime: Runtime, tenant_id: UUID, session_id: UUID, request_id: str) -> Session | None:
    """Sign a device out; None if its session was over already."""
    async with runtime.transaction(tenant_id) as session:
        found = await session.scalar(
            select(Session).where(Session.id == session_id, Session.ended_at.is_(None)).with_for_update()
        )
        if found is None or found.expires_at <= datetime.now(UTC):
            return None
        _end(found, "signed_out")
        await _record_end(session, found, request_id)
    return found


async def end_by_refresh_token(runtime: Runtime, text: str, request_id: str) -> None:
    """Sign out the browser that holds this token. What is not a living session's token changes nothing."""
    token = RefreshToken.read(runtime.keyring, text)
    if token is not None:
        await end_current(runtime, token.tenant_id, token.session_id, request_id)


async def end_all(session: AsyncSession, account_id: UUID, because: str, *, but: UUID | None = None) -> Sequence[UUID]:
    """End every living session of an account, except `but`; returns those it ended."""
    ended = await session.scalars(
        update(Session)
        .where(Session.account_id == account_id, Session.ended_at.is_(None), Session.id.is_distinct_from(but))
        .values(ended_at=datetime.now(UTC), ended_because=because)
        .returning(Session.id)
    )
    return ended.all()


def _end(session: Session, because: str) -> None:
    session.ended_at = datetime.now(UTC)
    session.ended_because = because


async def _record_end(session: AsyncSession, ended: Session, request_id: str) -> None:
    owner: Account | ServiceClient
    if ended.account_id is not None:
        owner = await session.get_one(Account, (ended.tenant_id, ended.account_id))
    else:
        owner = await session.get_one(ServiceClient, (ended.tenant_id, ended.service_client_id))
    await record_own(session, owner, ended, "sign_out", request_id)


def invalid_grant() -> Problem:
    return Problem(
        400,
        "invalid_grant",
        "Sign in again",
        "The refresh token is not valid, was used before, or its session is over.",
    )
