"""Events of what happens outside a signed-in request: who signs in is not yet, or no longer, a principal."""

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.events import Event
from app.core.rules import Section
from app.identity.models import Account, ServiceClient


async def record_own(
    session: AsyncSession,
    owner: Account | ServiceClient,
    entity: Any,
    action: str,
    request_id: str,
    *,
    reason: str | None = None,
) -> None:
    """Flush, and note that an account's person or a service client did something to what is its own."""
    await session.flush()
    session.add(
        Event(
            tenant_id=owner.tenant_id,
            actor_person_id=owner.person_id if isinstance(owner, Account) else None,
            actor_client_id=owner.id if isinstance(owner, ServiceClient) else None,
            capacity="self",
            section=Section.ACCOUNT.value,
            entity_type=entity.__tablename__,
            entity_id=entity.id,
            action=action,
            entity_version=getattr(entity, "version", None),
            reason=reason,
            changes={},
            request_id=request_id,
        )
    )


async def record_system(session: AsyncSession, tenant_id: UUID, entity: Any, action: str) -> None:
    """Flush, and note what an operator did at the command line."""
    await session.flush()
    session.add(
        Event(
            tenant_id=tenant_id,
            capacity="system",
            section=Section.ACCOUNT.value,
            entity_type=entity.__tablename__,
            entity_id=entity.id,
            action=action,
            entity_version=getattr(entity, "version", None),
            changes={},
            request_id="command-line",
        )
    )
