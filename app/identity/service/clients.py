"""Administrating service clients and their secrets; district administrators only."""

from uuid import UUID

from sqlalchemy import select
from starlette.responses import Response

from app.core.errors import conflict, explain_constraint, not_found
from app.core.rules import Section
from app.core.unit_of_work import Write
from app.db.base import new_id
from app.identity.models import ServiceClient
from app.identity.opaque import client_secret_hash, new_client_secret
from app.identity.policy import require_district_admin
from app.identity.schemas.clients import ServiceClientCreate, ServiceClientPatch
from app.identity.views.clients import SERVICE_CLIENT, WITH_SECRET

LIVE_SECRETS = 2
PERMISSION = "service-clients:write"

explain_constraint("uq_service_client_tenant_id_name", conflict("name_taken", "Another service client has this name."))


async def create(write: Write, given: ServiceClientCreate) -> Response:
    """Register a client. Without a public key it gets a secret, shown this once."""
    require_district_admin(write.principal, PERMISSION)
    client = ServiceClient(
        tenant_id=write.principal.tenant_id,
        id=given.id or new_id(),
        name=given.name,
        scopes=sorted(set(given.scopes)),
        public_jwk=given.public_jwk.members() if given.public_jwk else None,
        secret_hashes=[],
        is_disabled=False,
    )
    secret = _add_secret(write, client) if client.public_jwk is None else None
    write.session.add(client)
    await _record(write, client, "create")
    return await write.show(
        SERVICE_CLIENT,
        status=201,
        location=f"/v1/service-clients/{client.id}",
        expand=WITH_SECRET if secret else frozenset(),
        service_client_id=client.id,
        client_secret=secret,
    )


async def change(write: Write, client_id: UUID, given: ServiceClientPatch) -> Response:
    """Change name, scopes, key, or whether it may get tokens at all; living tokens follow at once."""
    client = await _locked(write, client_id)
    write.check_version(client.version)
    for name, value in given.changes().items():
        if name == "scopes":
            client.scopes = sorted(set(value))
        elif name == "public_jwk":
            client.public_jwk = value.members() if value else None
        else:
            setattr(client, name, value)
    if write.session.is_modified(client):
        await _record(write, client, "update")
    return await write.show(SERVICE_CLIENT, service_client_id=client.id)


async def add_secret(write: Write, client_id: UUID) -> Response:
    """Give the client one more secret; of three the oldest goes. So secrets are changed without a gap."""
    client = await _locked(write, client_id)
    secret = _add_secret(write, client)
    await _record(write, client, "add_secret")
    return await write.show(
        SERVICE_CLIENT, status=201, expand=WITH_SECRET, service_client_id=client.id, client_secret=secret
    )


async def remove(write: Write, client_id: UUID) -> Response:
    """Delete a client; its tokens die with it."""
    client = await _locked(write, client_id)
    write.check_version(client.version)
    await _record(write, client, "delete")
    await write.session.delete(client)
    await write.session.flush()
    return Response(status_code=204)


def _add_secret(write: Write, client: ServiceClient) -> str:
    secret = new_client_secret()
    hashed = client_secret_hash(write.runtime.keyring, client.id, secret)
    client.secret_hashes = [*client.secret_hashes, hashed][-LIVE_SECRETS:]
    return secret


async def _locked(write: Write, client_id: UUID) -> ServiceClient:
    """The client, for a district administrator; nobody else may know of it."""
    if "district_admin" not in write.principal.role_names:
        raise not_found()
    found = await write.session.scalar(
        select(ServiceClient).where(ServiceClient.id == client_id).with_for_update(key_share=True)
    )
    if found is None:
        raise not_found()
    return found


async def _record(write: Write, client: ServiceClient, action: str) -> None:
    await write.record(client, action, section=Section.ACCOUNT, capacity="district_admin")
