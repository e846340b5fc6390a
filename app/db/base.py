"""Base classes and column vocabulary of every table.

Every tenant-owned table has the primary key `(tenant_id, id)`, composite foreign keys and uniques that start with the
tenant, so that a reference across tenants cannot be written down. `tests/db/test_tenancy.py` walks the metadata and
holds every table to it.
"""

import uuid
from datetime import date, datetime
from typing import Annotated, Any, ClassVar

import uuid_utils.compat as uuid_utils
from sqlalchemy import (
    Boolean,
    Date,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    MetaData,
    SQLColumnExpression,
    Text,
    Uuid,
    func,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

Instant = Annotated[datetime, mapped_column(DateTime(timezone=True))]
Strings = Annotated[list[str], mapped_column(ARRAY(Text))]
Sql = SQLColumnExpression[Any]
"""A column or any other expression of SQL."""

Json = Annotated[dict[str, Any], mapped_column(JSONB)]


def new_id() -> uuid.UUID:
    """A UUIDv7: sortable by the time it was made, so that rows made together lie together."""
    return uuid_utils.uuid7()


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar = {
        str: Text(),
        uuid.UUID: Uuid(),
        datetime: DateTime(timezone=True),
        date: Date(),
        bool: Boolean(),
        int: Integer(),
        bytes: LargeBinary(),
    }


class TenantOwned:
    """A row of one tenant: primary key `(tenant_id, id)`."""

    tenant_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("tenant.id", ondelete="CASCADE"), primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)


class Stamped:
    """When the row was made and last changed, and its version (the optimistic lock behind `ETag`)."""

    version: Mapped[int] = mapped_column(default=1, server_default="1")
    created_at: Mapped[Instant] = mapped_column(server_default=func.now())
    updated_at: Mapped[Instant] = mapped_column(server_default=func.now(), onupdate=func.clock_timestamp())

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:
        return {"version_id_col": cls.version, "eager_defaults": False}


def tenant_key(*columns: str, to: str, name: str | None = None, ondelete: str | None = None) -> ForeignKeyConstraint:
    """A foreign key inside the tenant: `tenant_key("plan_id", to="plan")` → `(tenant_id, plan_id)` → `plan`."""
    return ForeignKeyConstraint(["tenant_id", *columns], [f"{to}.tenant_id", f"{to}.id"], name=name, ondelete=ondelete)


__all__ = [
    "Base",
    "Instant",
    "Json",
    "Sql",
    "Stamped",
    "Strings",
    "TenantOwned",
    "new_id",
    "tenant_key",
]
