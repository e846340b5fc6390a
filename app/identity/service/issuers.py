"""Whether who issued a one-time token may still do so when it is redeemed."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.access import PERSON, TENANT, blanket_relations, in_force
from app.identity import policy
from app.identity.models import Account, Tenant
from app.identity.policy import standing

_ROLES = select(standing.c.role, standing.c.org_id).where(
    standing.c.tenant_id == TENANT,
    standing.c.person_id == PERSON,
    in_force(standing.c.from_on, standing.c.until_on),
)


async def may_still_issue(session: AsyncSession, issuer_id: UUID, account: Account) -> bool:
    """By the rights of both as they are now: the issuer may have lost hers, the account's owner gained some."""
    issuer = await session.get(Account, (account.tenant_id, issuer_id))
    if issuer is None or issuer.is_disabled:
        return False
    statement = select(policy.resets(Account.person_id)).where(  # type: ignore[arg-type]
        Account.tenant_id == TENANT, Account.id == account.id
    )
    return bool(await session.scalar(statement, await _binds(session, issuer)))


async def _binds(session: AsyncSession, issuer: Account) -> dict[str, Any]:
    """What `Principal.binds` is for who is signed in."""
    tenant = await session.get_one(Tenant, issuer.tenant_id)
    caller = {
        "caller_tenant": issuer.tenant_id,
        "caller_person": issuer.person_id,
        "caller_today": datetime.now(UTC).astimezone(ZoneInfo(tenant.timezone)).date(),
    }
    roles = [(role, org) for role, org in await session.execute(_ROLES, caller)]
    return caller | {
        "caller_schools": [org for role, org in roles if role == "school_admin"],
        "caller_blanket": list(blanket_relations({role for role, _ in roles}, ())),
    }
