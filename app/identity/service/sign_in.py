"""Signing in with an identifier and a password.

An unknown identifier, a wrong password and a disabled account look alike: same answer, same work. No connection is
held while a password is hashed.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Text, Uuid, bindparam, column, func, select
from sqlalchemy.dialects.postgresql import BYTEA
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import Problem, conflict, unavailable
from app.core.passwords import HasherBusy
from app.core.runtime import Runtime
from app.identity.identifiers import identifier_hash
from app.identity.models import Account
from app.identity.schemas.sign_in import SignIn
from app.identity.service.attempts import Attempts
from app.identity.service.sessions import Tokens, new_session, tokens_of
from app.identity.service.trail import record_own

CANDIDATES_TRIED = 5
"""With accounts in more tenants than this the tenant has to be named."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An account that answers to the identifier."""

    tenant_id: UUID
    account_id: UUID
    slug: str
    name: str


@dataclass(frozen=True, slots=True, repr=False)
class Fit:
    """A candidate whose password it is, as hashed when it was checked."""

    candidate: Candidate
    password_hash: str


NOBODY = Candidate(UUID(int=0), UUID(int=0), "", "")
_candidates = select(
    func.sign_in_candidates(bindparam("wanted", type_=BYTEA())).table_valued(
        column("tenant_id", Uuid()), column("account_id", Uuid()), column("slug", Text()), column("name", Text())
    )
)


async def sign_in(runtime: Runtime, given: SignIn, address: str, request_id: str) -> Tokens:
    """Open a session for the one account that the password fits; 503 when too many want to."""
    try:
        async with runtime.hasher.place():
            return await _sign_in(runtime, given, address, request_id)
    except HasherBusy:
        raise busy() from None


async def _sign_in(runtime: Runtime, given: SignIn, address: str, request_id: str) -> Tokens:
    identifier = identifier_hash(runtime.keyring, given.identifier)
    attempts = Attempts(runtime, identifier, address)
    async with runtime.sessions() as session:
        await attempts.check(session)
        candidates = await _find(session, identifier, given.tenant)
    fits = [fit for candidate in candidates if (fit := await _try(runtime, candidate, given.password))]
    await attempts.settle(is_right=bool(fits))
    if not fits:
        raise invalid_credentials()
    if len(fits) > 1:
        raise tenant_required([fit.candidate for fit in fits])
    return await _open(runtime, fits[0], given, request_id)


async def _find(session: AsyncSession, identifier: bytes, slug: str | None) -> list[Candidate]:
    rows = await session.execute(_candidates, {"wanted": identifier})
    found = [Candidate(*row) for row in rows]
    if slug is not None:
        found = [candidate for candidate in found if candidate.slug == slug]
    return found[:CANDIDATES_TRIED] or [NOBODY]


async def _try(runtime: Runtime, candidate: Candidate, password: str) -> Fit | None:
    async with runtime.transaction(candidate.tenant_id) as session:
        account = await session.get(Account, (candidate.tenant_id, candidate.account_id))
    known = account.password_hash if account is not None and not account.is_disabled else None
    is_right = await verified(runtime, known, password)
    return Fit(candidate, known) if is_right and known is not None else None


async def _open(runtime: Runtime, fit: Fit, given: SignIn, request_id: str) -> Tokens:
    rehashed = await hashed(runtime, given.password) if runtime.hasher.needs_rehash(fit.password_hash) else None
    async with runtime.transaction(fit.candidate.tenant_id) as session:
        account = await session.get(
            Account, (fit.candidate.tenant_id, fit.candidate.account_id), with_for_update={"key_share": True}
        )
        if account is None or account.is_disabled or account.password_hash != fit.password_hash:
            raise invalid_credentials()
        if rehashed is not None:
            account.password_hash = rehashed
        opened = new_session(account, given.client, given.device)
        session.add(opened)
        await record_own(session, account, opened, "sign_in", request_id)
    return await tokens_of(runtime, opened, fit.candidate.account_id)


async def verified(runtime: Runtime, password_hash: str | None, password: str) -> bool:
    """Whether the password fits; 503 when too many are being hashed."""
    try:
        return await runtime.hasher.verify(password_hash, password)
    except HasherBusy:
        raise busy() from None


async def hashed(runtime: Runtime, password: str) -> str:
    try:
        return await runtime.hasher.hash(password)
    except HasherBusy:
        raise busy() from None


def busy() -> Problem:
    return unavailable("Too many people are signing in right now. Try again.")


def invalid_credentials() -> Problem:
    return Problem(
        401,
        "invalid_credentials",
        "Not signed in",
        "Identifier and password do not belong together. Who has accounts at many districts must name the tenant.",
    )


def tenant_required(candidates: list[Candidate]) -> Problem:
    return conflict(
        "tenant_required",
        "These credentials fit accounts of several tenants. Repeat the request with the tenant's slug.",
        tenants=[{"slug": candidate.slug, "name": candidate.name} for candidate in candidates],
    )
