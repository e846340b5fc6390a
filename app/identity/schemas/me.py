"""What a caller is told about herself."""

from typing import Literal
from uuid import UUID

from pydantic import Field

from app.core.schemas import Output
from app.identity.schemas.examples import ID, OTHER_ID, example


class MePerson(Output):
    id: UUID
    given_name: str
    family_name: str


class MeRole(Output):
    role: str = Field(examples=["teacher"])
    org_id: UUID
    org_name: str


class MeTenant(Output):
    id: UUID
    name: str
    slug: str
    timezone: str = Field(examples=["America/New_York"])


class MeClient(Output):
    id: UUID
    client_id: str
    name: str
    scopes: list[str] = Field(description="Of this token.")


class MeOut(Output):
    """Who is calling: a person or a service client, and what they may do in general."""

    model_config = example(
        {
            "kind": "person",
            "person": {"id": OTHER_ID, "given_name": "Tola", "family_name": "Okafor"},
            "service_client": None,
            "account_id": ID,
            "session_id": ID,
            "tenant": {"id": ID, "name": "Riverbend", "slug": "riverbend", "timezone": "America/New_York"},
            "roles": [{"role": "teacher", "org_id": ID, "org_name": "Riverbend High"}],
            "permissions": ["competencies:read", "plans:comment", "plans:read"],
        }
    )

    kind: Literal["person", "service"]
    person: MePerson | None
    service_client: MeClient | None
    account_id: UUID | None
    session_id: UUID
    tenant: MeTenant
    roles: list[MeRole]
    permissions: list[str] = Field(
        description="What the roles or scopes allow in general. What may be done to one record now, its own "
        "`available_actions` say."
    )
