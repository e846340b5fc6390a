"""Setting passwords: one's own, and by the one-time token of an invitation or a reset.

There is no self-service reset by e-mail: young pupils have none. An administrator, or the teacher of a pupil's class,
makes a one-time token and hands it over. It serves only while its issuer may still hand it out.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import Problem, invalid, unauthorized
from app.core.passwords import WeakPassword, check_password
from app.core.principal import Principal
from app.core.runtime import Runtime
from app.core.secrets import Keyring, constant_time_equal
from app.db.base import new_id
from app.identity.models import Account, CredentialToken, Session
from app.identity.opaque import OneTimeToken
from app.identity.schemas.sign_in import PasswordChange, PasswordReset
from app.identity.service.attempts import Attempts
from app.identity.service.issuers import may_still_issue
from app.identity.service.sessions import end_all
from app.identity.service.sign_in import hashed, verified
from app.identity.service.trail import record_own

Purpose = Literal["invitation", "reset"]
LIFETIMES: dict[Purpose, timedelta] = {"invitation": timedelta(days=7), "reset": timedelta(days=1)}


@dataclass(frozen=True, slots=True, repr=False)
class Issued:
    """A one-time token as it is shown once."""

    text: str
    expires_at: datetime


async def issue_token(
    session: AsyncSession, keyring: Keyring, account: Account, purpose: Purpose, *, issued_by: UUID | None
) -> Issued:
    """Make a one-time token; earlier ones of the account no longer serve. `issued_by` is None for an operator."""
    await void_tokens(session, account)
    token = OneTimeToken.new(account.tenant_id, new_id())
    expires_at = datetime.now(UTC) + LIFETIMES[purpose]
    session.add(
        CredentialToken(
            tenant_id=account.tenant_id,
            id=token.id,
            account_id=account.id,
            issued_by=issued_by,
            purpose=purpose,
            token_hash=token.hash(keyring),
            expires_at=expires_at,
        )
    )
    return Issued(token.write(), expires_at)


async def void_tokens(session: AsyncSession, account: Account) -> None:
    await session.execute(
        update(CredentialToken)
        .where(CredentialToken.account_id == account.id, CredentialToken.used_at.is_(None))
        .values(used_at=datetime.now(UTC))
    )


async def change_password(
    runtime: Runtime, caller: Principal, given: PasswordChange, address: str, request_id: str
) -> None:
    """Set the caller's own password and end her other sessions."""
    account_id = caller.owner_id
    attempts = Attempts(runtime, runtime.keyring.mac("password-change", account_id.bytes), address)
    async with runtime.transaction(caller.tenant_id) as session:
        await attempts.check(session)
        account = await session.get_one(Account, (caller.tenant_id, account_id))
    is_right = await verified(runtime, account.password_hash, given.current_password)
    await attempts.settle(is_right=is_right)
    if not is_right:
        raise invalid("/current_password", "wrong_password", "This is not your password.")
    _check(given.new_password, account)
    new_hash = await hashed(runtime, given.new_password)
    async with runtime.transaction(caller.tenant_id) as session:
        changed = await _locked(session, account)
        is_alive = await session.scalar(
            select(Session.id).where(Session.id == caller.session_id, Session.ended_at.is_(None))
        )
        if is_alive is None or changed is None or changed.password_hash != account.password_hash:
            raise unauthorized()
        await _set(session, changed, new_hash, but=caller.session_id)
        await record_own(session, changed, changed, "change_password", request_id)


async def complete_reset(runtime: Runtime, given: PasswordReset, request_id: str) -> None:
    """Set the password that goes with a one-time token; the token is used up and every session ends."""
    token = OneTimeToken.read(given.token)
    if token is None:
        raise invalid_one_time_token()
    async with runtime.transaction(token.tenant_id) as session:
        _, account = await _redeemable(session, runtime.keyring, token)
    _check(given.new_password, account)
    new_hash = await hashed(runtime, given.new_password)
    async with runtime.transaction(token.tenant_id) as session:
        found, account = await _redeemable(session, runtime.keyring, token)
        await _set(session, account, new_hash)
        await record_own(session, account, account, "set_password", request_id, reason=found.purpose)


async def _redeemable(session: AsyncSession, keyring: Keyring, token: OneTimeToken) -> tuple[CredentialToken, Account]:
    """The token's row and account, both locked; raises if the token no longer serves."""
    found = await session.get(CredentialToken, (token.tenant_id, token.id), with_for_update=True)
    if found is None or not constant_time_equal(found.token_hash, token.hash(keyring)):
        raise invalid_one_time_token()
    if found.used_at is not None or found.expires_at <= datetime.now(UTC):
        raise invalid_one_time_token()
    account = await session.get(Account, (token.tenant_id, found.account_id), with_for_update=True)
    if account is None or account.is_disabled:
        raise invalid_one_time_token()
    if found.issued_by is not None and not await may_still_issue(session, found.issued_by, account):
        raise invalid_one_time_token()
    return found, account


async def _locked(session: AsyncSession, account: Account) -> Account | None:
    return await session.get(Account, (account.tenant_id, account.id), with_for_update=True)


async def _set(session: AsyncSession, account: Account, password_hash: str, *, but: UUID | None = None) -> None:
    account.password_hash = password_hash
    account.password_changed_at = datetime.now(UTC)
    await void_tokens(session, account)
    await end_all(session, account.id, "password_changed", but=but)


def _check(password: str, account: Account) -> None:
    """Hold the password to the policy: 422 that says which rule it breaks."""
    names = [name for name in (account.email, account.username) if name is not None]
    try:
        check_password(password, *names)
    except WeakPassword as weak:
        raise invalid("/new_password", weak.reason, weak.detail) from None


def invalid_one_time_token() -> Problem:
    return Problem(
        400, "invalid_one_time_token", "Ask for a new one", "The token is not valid, was used before, or has expired."
    )
