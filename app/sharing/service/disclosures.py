"""Noting what left the school: who got it, on which basis, which sections and fields. Never changed afterwards."""

from typing import Literal, NotRequired, TypedDict, Unpack
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.unit_of_work import Write
from app.sharing.models import Disclosure


class Disclosed(TypedDict):
    """What was shown or opened to whom. The basis names its row: a grant or a share link."""

    learner_id: UUID
    plan_id: UUID | None
    basis: Literal["grant", "share_link"]
    recipient: str
    """In words, for who reads it years later."""
    recipient_person_id: UUID | None
    purpose: str
    sections: list[str]
    fields: list[str]
    """What was shown; empty where access was opened and nothing shown yet."""
    consent_id: NotRequired[UUID | None]
    access_grant_id: NotRequired[UUID | None]
    share_link_id: NotRequired[UUID | None]


async def disclose(write: Write, **what: Unpack[Disclosed]) -> None:
    """Note a disclosure by the caller, in the transaction that makes it."""
    principal = write.principal
    disclosure = Disclosure(
        tenant_id=principal.tenant_id,
        actor_person_id=principal.person_id,
        actor_client_id=principal.service_client_id,
        request_id=write.request_id,
        **what,
    )
    write.session.add(disclosure)
    await write.session.flush()


async def disclose_to_holder(
    session: AsyncSession, tenant_id: UUID, request_id: str, **what: Unpack[Disclosed]
) -> None:
    """Note a disclosure to somebody who holds a link and has not signed in, in the transaction that makes it."""
    session.add(Disclosure(tenant_id=tenant_id, request_id=request_id, **what))
    await session.flush()
