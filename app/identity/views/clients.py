"""Reads of service clients: for district administrators only."""

from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, Text, bindparam, cast, func, literal_column, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Uuid

from app.core.access import TENANT, Shape
from app.core.pagination import Listing, Sort
from app.core.reads import View
from app.db.projection import EMPTY_LIST, Projection, Raw
from app.identity.models import ServiceClient
from app.identity.policy import is_district_admin
from app.identity.schemas.clients import ServiceClientOut

SECRET: ColumnElement[str] = cast(bindparam("client_secret", type_=Text()), Text)
ACTIONS = frozenset({"available_actions", "blocked_actions"})


def client_id(tenant_id: Any, id: Any) -> ColumnElement[str]:
    """The public name, as `app.identity.opaque.ClientId` writes it."""

    def hexadecimal(column: Any) -> ColumnElement[str]:
        return func.replace(cast(column, Text), literal_column("'-'"), literal_column("''"), type_=Text())

    return func.concat(
        literal_column("'plp_'"), hexadecimal(tenant_id), literal_column("'_'"), hexadecimal(id), type_=Text()
    )


def _projection(client: type[ServiceClient]) -> Projection:
    return Projection(
        ServiceClientOut,
        {
            "id": client.id,
            "client_id": client_id(client.tenant_id, client.id),
            "name": client.name,
            "scopes": client.scopes,
            "public_jwk": client.public_jwk,
            "secret_count": func.cardinality(client.secret_hashes, type_=Integer()),
            "is_disabled": client.is_disabled,
            "version": client.version,
            "created_at": client.created_at,
            "updated_at": client.updated_at,
            "available_actions": literal_column("'{edit,add_secret,delete}'::text[]", ARRAY(Text())),
            "blocked_actions": Raw(EMPTY_LIST),
            "client_secret": SECRET,
        },
    )


def _visible(client: type[ServiceClient], _shape: Shape) -> ColumnElement[bool]:
    return (client.tenant_id == TENANT) & is_district_admin()


_CLIENT = _projection(ServiceClient)


def _one(shape: Shape, include: frozenset[str]) -> Select[Any]:
    return select(ServiceClient.version, _CLIENT.json(include | ACTIONS).label("body")).where(
        ServiceClient.id == bindparam("service_client_id", type_=Uuid()), _visible(ServiceClient, shape)
    )


SERVICE_CLIENT = View(_one)
WITH_SECRET = frozenset({"client_secret"})

SERVICE_CLIENTS = Listing(
    "service-clients",
    ServiceClient,
    visible=_visible,
    projection=_projection,
    sorts={"name": Sort(lambda client: [client.name, client.id])},
    filters={},
    expansions=ACTIONS,
)
