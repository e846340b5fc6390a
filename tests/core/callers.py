"""Principals as the database knows them, for tests below HTTP."""

import time

from sqlalchemy import select

from app.core.principal import Principal, caller_facts
from app.core.security import LIFETIME_SECONDS, AccessClaims
from app.identity.models import ServiceClient
from tests.factories import Identified, World


async def claims_of(world: World, who: Identified) -> AccessClaims:
    """The claims of a new session."""
    owner = who if isinstance(who, ServiceClient) else await world.account(who)
    session = await world.session(owner)
    now = int(time.time())
    return AccessClaims(
        tenant_id=world.tenant.id,
        subject=owner.id,
        session_id=session.id,
        kind="service" if isinstance(who, ServiceClient) else "person",
        scopes=frozenset(session.scopes),
        issued_at=now,
        expires_at=now + LIFETIME_SECONDS,
        key_id="k",
    )


async def principal_of(world: World, who: Identified) -> Principal:
    claims = await claims_of(world, who)
    async with world.transaction() as session:
        facts = await session.scalar(
            select(caller_facts()), {"caller_tenant": claims.tenant_id, "caller_session": claims.session_id}
        )
    assert facts is not None
    return Principal.parse(facts, claims)
