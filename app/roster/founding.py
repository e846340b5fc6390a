"""The first rows of a tenant, made by an operator: the tenant, its district, its first people."""

from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.base import new_id
from app.db.read import bind_tenant
from app.identity.models import Tenant
from app.roster.models import Org, Person, RoleAssignment


class Newcomer(NamedTuple):
    """A person who is not in the roster yet."""

    given_name: str
    family_name: str
    role: str


async def found_tenant(session: AsyncSession, slug: str, name: str) -> UUID:
    """Make a tenant and its district; the session's transaction is bound to it. The caller commits."""
    tenant = Tenant(id=new_id(), slug=slug, name=name)
    await bind_tenant(session, tenant.id)
    session.add(tenant)
    await session.flush()
    session.add(Org(tenant_id=tenant.id, name=name, type="district"))
    await session.flush()
    return tenant.id


async def add_newcomer(session: AsyncSession, tenant_id: UUID, newcomer: Newcomer) -> UUID:
    """Make a person with a role at the root of the tenant's orgs. `LookupError` while there is no org."""
    roots = select(Org.id).where(Org.tenant_id == tenant_id, Org.parent_id.is_(None)).order_by(Org.id)
    root = await session.scalar(roots.limit(1))
    if root is None:
        raise LookupError("the tenant has no org at which the person could have a role")
    given_name, family_name, role = newcomer
    person = Person(tenant_id=tenant_id, id=new_id(), given_name=given_name, family_name=family_name)
    session.add(person)
    await session.flush()
    session.add(RoleAssignment(tenant_id=tenant_id, person_id=person.id, org_id=root, role=role))
    await session.flush()
    return person.id
