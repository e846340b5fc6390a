"""Administrating accounts: inviting, changing, disabling, handing out password resets."""

from uuid import UUID

from sqlalchemy import Text, bindparam, delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from app.core.errors import Problem, conflict, explain_constraint, forbidden, invalid, not_found
from app.core.rules import Section
from app.core.secrets import Keyring
from app.core.unit_of_work import Write
from app.db.base import new_id
from app.identity import policy
from app.identity.identifiers import identifier_hash
from app.identity.models import Account, Login
from app.identity.schemas.accounts import AccountCreate, AccountPatch
from app.identity.service.passwords import Issued, Purpose, issue_token, void_tokens
from app.identity.service.sessions import end_all
from app.identity.service.trail import record_system
from app.identity.views.accounts import ACCOUNT, INVITED, RESET, person

IDENTIFIER_TAKEN = conflict("identifier_taken", "Another account of this tenant signs in by that e-mail or user name.")
for _name in ("pk_login", "uq_account_email", "uq_account_username"):
    explain_constraint(_name, IDENTIFIER_TAKEN)
explain_constraint("uq_account_person", conflict("already_has_account", "This person has an account already."))


async def create_account(
    session: AsyncSession,
    keyring: Keyring,
    tenant_id: UUID,
    *,
    person_id: UUID,
    email: str | None = None,
    username: str | None = None,
    password_hash: str | None = None,
    account_id: UUID | None = None,
) -> Account:
    """Add an account and what it answers to, to a session that is bound to its tenant. The caller commits."""
    account = Account(
        tenant_id=tenant_id,
        id=account_id or new_id(),
        person_id=person_id,
        email=email,
        username=username,
        password_hash=password_hash,
    )
    session.add(account)
    await session.flush()
    _add_logins(session, keyring, account)
    await session.flush()
    return account


async def create_account_for_operator(
    session: AsyncSession,
    keyring: Keyring,
    tenant_id: UUID,
    *,
    person_id: UUID,
    email: str | None,
    username: str | None,
) -> str:
    """`plp account create`: makes an account and returns its invitation token."""
    account = await create_account(session, keyring, tenant_id, person_id=person_id, email=email, username=username)
    await record_system(session, tenant_id, account, "invite")
    return (await issue_token(session, keyring, account, "invitation", issued_by=None)).text


async def find_tenant(session: AsyncSession, slug: str) -> UUID | None:
    """The tenant of this name; works while none is bound."""
    found: UUID | None = await session.scalar(
        select(func.tenant_by_slug(bindparam("slug", type_=Text()))), {"slug": slug}
    )
    return found


async def invite(write: Write, given: AccountCreate) -> Response:
    """Make an account without a password; the reply has the token to set one, this once."""
    policy.require_account_administrator(write.principal)
    if given.email is None and given.username is None:
        raise no_identifier()
    statement = select(policy.administers(person.c.id)).where(
        person.c.tenant_id == write.principal.tenant_id,
        person.c.id == given.person_id,
        policy.visible(person.c.id, write.principal.shape),
    )
    may_administer = await write.session.scalar(statement, write.principal.binds())
    if may_administer is None:
        raise not_found()
    if not may_administer:
        raise forbidden("accounts:write", "This person acts for others than those of your schools.")
    account = await create_account(
        write.session,
        write.runtime.keyring,
        write.principal.tenant_id,
        person_id=given.person_id,
        email=given.email,
        username=given.username,
        account_id=given.id,
    )
    await _record(write, account, "invite", _named(account))
    issued = await _issue(write, account, "invitation")
    return await write.show(
        INVITED,
        status=201,
        location=f"/v1/accounts/{account.id}",
        account_id=account.id,
        one_time_token=issued.text,
        token_expires=issued.expires_at,
    )


async def change(write: Write, account_id: UUID, given: AccountPatch) -> Response:
    """Change how somebody signs in, or whether she can at all."""
    account = await _for_change(write, account_id, "accounts:write")
    write.check_version(account.version)
    changes = given.changes()
    if changes.get("is_disabled") and account.id == write.principal.account_id:
        raise conflict("own_account", "You cannot disable the account that you are signed in with.")
    for name, value in changes.items():
        setattr(account, name, value)
    if account.email is None and account.username is None:
        raise no_identifier()
    if write.session.is_modified(account):
        await _record(write, account, "update")
        if changes.keys() & {"email", "username"}:
            await _rename(write, account)
        if account.is_disabled:
            await void_tokens(write.session, account)
            await end_all(write.session, account.id, "account_disabled")
    return await write.show(ACCOUNT, account_id=account.id)


async def _rename(write: Write, account: Account) -> None:
    """Let the account answer to its present identifiers and no others."""
    await write.session.execute(delete(Login).where(Login.account_id == account.id))
    _add_logins(write.session, write.runtime.keyring, account)
    await write.session.flush()


async def hand_out_reset(write: Write, account_id: UUID) -> Response:
    """Make a one-time token for a new password; for administrators, and for teachers of the pupil."""
    account = await _for_change(write, account_id, "accounts:reset")
    if account.is_disabled:
        raise conflict("account_disabled", "Enable the account first.")
    purpose: Purpose = "reset" if account.password_hash else "invitation"
    issued = await _issue(write, account, purpose)
    await _record(write, account, "hand_out_reset", {})
    return await write.show(
        RESET, status=201, account_id=account.id, one_time_token=issued.text, token_expires=issued.expires_at
    )


async def _issue(write: Write, account: Account, purpose: Purpose) -> Issued:
    issuer_id = write.principal.account_id
    assert issuer_id is not None, "only persons hand out tokens"
    return await issue_token(write.session, write.runtime.keyring, account, purpose, issued_by=issuer_id)


async def _for_change(write: Write, account_id: UUID, permission: str) -> Account:
    """The account, locked: 404 if the caller may not know of it, 403 if she may not do this to it."""
    person_id = Account.person_id
    allowed = policy.administers if permission == "accounts:write" else policy.resets
    statement = (
        select(Account, allowed(person_id))  # type: ignore[arg-type]
        .where(
            Account.tenant_id == write.principal.tenant_id,
            Account.id == account_id,
            policy.visible(person_id, write.principal.shape),  # type: ignore[arg-type]
        )
        .with_for_update(of=Account, key_share=True)
    )
    found = (await write.session.execute(statement, write.principal.binds())).one_or_none()
    if found is None:
        raise not_found()
    account, is_allowed = found
    if not is_allowed:
        raise forbidden(permission)
    return account


def _add_logins(session: AsyncSession, keyring: Keyring, account: Account) -> None:
    hashes = {identifier_hash(keyring, name) for name in (account.email, account.username) if name}
    session.add_all(
        Login(identifier_hash=found, tenant_id=account.tenant_id, account_id=account.id) for found in hashes
    )


def _named(account: Account) -> dict[str, dict[str, object]]:
    return {name: {"before": None, "after": getattr(account, name)} for name in ("email", "username")}


async def _record(
    write: Write, account: Account, action: str, changes: dict[str, dict[str, object]] | None = None
) -> None:
    await write.record(
        account, action, section=Section.ACCOUNT, capacity=policy.capacity(write.principal), changes=changes
    )


def no_identifier() -> Problem:
    return invalid("", "identifier_required", "An account needs an e-mail or a user name.")
