"""Who is calling, as one statement."""

from typing import Any

from sqlalchemy import Text, cast, column, func, literal_column, select, table
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.types import Uuid

from app.core.access import PERSON, TENANT, in_force
from app.core.reads import with_caller
from app.db.projection import EMPTY_LIST
from app.identity.models import ServiceClient, Tenant
from app.identity.policy import standing
from app.identity.views.accounts import OWNER, person
from app.identity.views.clients import client_id

org = table("org", column("tenant_id", Uuid()), column("id", Uuid()), column("name", Text()))


def _object(**fields: Any) -> Any:
    pairs: list[Any] = []
    for name, value in fields.items():
        pairs += [literal_column(f"'{name}'"), value]
    return func.json_build_object(*pairs)


_PERSON = (
    select(_object(id=person.c.id, given_name=person.c.given_name, family_name=person.c.family_name))
    .where(person.c.tenant_id == TENANT, person.c.id == PERSON)
    .scalar_subquery()
)
_CLIENT = (
    select(
        _object(
            id=ServiceClient.id, client_id=client_id(ServiceClient.tenant_id, ServiceClient.id), name=ServiceClient.name
        )
    )
    .where(ServiceClient.tenant_id == TENANT, ServiceClient.id == OWNER)
    .scalar_subquery()
)
# A pupil may be one twice: by a role and by her learner record.
_held = (
    select(standing.c.role, org.c.id, org.c.name)
    .distinct()
    .join(org, (org.c.tenant_id == standing.c.tenant_id) & (org.c.id == standing.c.org_id))
    .where(
        standing.c.tenant_id == TENANT,
        standing.c.person_id == PERSON,
        in_force(standing.c.from_on, standing.c.until_on),
    )
    .subquery("held")
)
_ROLES = select(
    func.json_agg(
        aggregate_order_by(
            _object(role=_held.c.role, org_id=_held.c.id, org_name=_held.c.name), _held.c.role, _held.c.name, _held.c.id
        )
    )
).scalar_subquery()

ME = with_caller(
    select(
        cast(
            _object(
                person=_PERSON,
                service_client=_CLIENT,
                tenant=_object(id=Tenant.id, name=Tenant.name, slug=Tenant.slug, timezone=Tenant.timezone),
                roles=func.coalesce(_ROLES, EMPTY_LIST),
            ),
            Text,
        ).label("body")
    ).where(Tenant.id == TENANT)
)
