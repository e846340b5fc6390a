"""Words in which a migration says a tenant-owned table. Constraints are named by the convention of the metadata."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import SchemaItem

from migrations.isolation import isolate

INSTANT = sa.DateTime(timezone=True)
TEXTS = postgresql.ARRAY(sa.Text())


def create(
    table: str,
    *items: SchemaItem,
    indexes: dict[str, Sequence[str]] | None = None,
    grants: str = "SELECT, INSERT, UPDATE, DELETE",
) -> None:
    """A tenant-owned table, isolated; its indexes start with the tenant."""
    op.create_table(
        table,
        *items,
        id_column("tenant_id"),
        id_column("id"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "id"),
    )
    for name, columns in (indexes or {}).items():
        op.create_index(name, table, ["tenant_id", *columns])
    isolate(table, grants=grants)


def id_column(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Uuid(), nullable=nullable)


def text_column(name: str, *, nullable: bool = False, server_default: str | None = None) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), server_default=server_default, nullable=nullable)


def texts(name: str, *, server_default: sa.TextClause | None = None) -> sa.Column[Any]:
    return sa.Column(name, TEXTS, server_default=server_default, nullable=False)


def flag(name: str, *, server_default: sa.TextClause | None = None) -> sa.Column[Any]:
    return sa.Column(name, sa.Boolean(), server_default=server_default, nullable=False)


def stamps() -> tuple[sa.Column[Any], ...]:
    now = sa.text("now()")
    return (
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", INSTANT, server_default=now, nullable=False),
        sa.Column("updated_at", INSTANT, server_default=now, nullable=False),
    )


def refers(column: str, table: str, *, ondelete: str | None = None) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["tenant_id", column], [f"{table}.tenant_id", f"{table}.id"], ondelete=ondelete)
