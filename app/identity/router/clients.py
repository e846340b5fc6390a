"""Service clients over HTTP; for district administrators."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from app.core.unit_of_work import Reading, UnitOfWorkRoute, Writing
from app.identity.policy import ServiceClientsRead
from app.identity.schemas.clients import (
    ServiceClientCreate,
    ServiceClientOut,
    ServiceClientPage,
    ServiceClientPatch,
    ServiceClientQuery,
)
from app.identity.service import clients
from app.identity.views.clients import SERVICE_CLIENT, SERVICE_CLIENTS

router = APIRouter(route_class=UnitOfWorkRoute, prefix="/v1/service-clients", tags=["service-clients"])


async def _as_administrator(read: Reading) -> ServiceClientsRead:
    return ServiceClientsRead(read.request, read.runtime, read.claims)


AdministratorReading = Annotated[ServiceClientsRead, Depends(_as_administrator)]


@router.get("", response_model=ServiceClientPage, responses={403: {}}, summary="List service clients")
async def list_service_clients(read: AdministratorReading, query: Annotated[ServiceClientQuery, Query()]) -> Response:
    """The programs that act for the tenant."""
    return await SERVICE_CLIENTS.reply(read, query, sort=query.sort, filters={}, expand=query.expand)


@router.get("/{service_client_id}", response_model=ServiceClientOut, summary="Read a service client")
async def get_service_client(read: Reading, service_client_id: UUID) -> Response:
    """One program and what it may do. Its secrets are not kept and cannot be read."""
    return await read.one(SERVICE_CLIENT, service_client_id=service_client_id)


@router.post("", status_code=201, response_model=ServiceClientOut, summary="Register a service client")
async def create_service_client(write: Writing, body: ServiceClientCreate) -> Response:
    """Registers a program. Without `public_jwk` the reply has its `client_secret`, this once."""
    return await clients.create(write, body)


@router.patch("/{service_client_id}", response_model=ServiceClientOut, summary="Change a service client")
async def update_service_client(write: Writing, service_client_id: UUID, body: ServiceClientPatch) -> Response:
    """Changes name, scopes or key, disables or enables. Tokens given before lose at once what is taken away."""
    return await clients.change(write, service_client_id, body)


@router.delete("/{service_client_id}", status_code=204, summary="Delete a service client")
async def delete_service_client(write: Writing, service_client_id: UUID) -> Response:
    """Deletes the program's registration; its tokens are refused from the next request on."""
    return await clients.remove(write, service_client_id)


@router.post("/{service_client_id}/secrets", status_code=201, response_model=ServiceClientOut, summary="Add a secret")
async def create_client_secret(write: Writing, service_client_id: UUID) -> Response:
    """The reply has the new `client_secret`, this once. Two secrets are live at a time, so that a program can change
    over; a third ends the oldest.
    """
    return await clients.add_secret(write, service_client_id)
