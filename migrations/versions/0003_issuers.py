"""Who issued a one-time token; for which schools' records a person acts, so that no issuer reaches beyond hers."""

import sqlalchemy as sa
from alembic import op

from migrations.views_0003 import ACTS_FOR

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Of the tokens that are out nobody knows who issued them: they no longer serve.
    op.execute("TRUNCATE credential_token")
    op.add_column("credential_token", sa.Column("issued_by", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_credential_token_tenant_id_issued_by"),
        "credential_token",
        "account",
        ["tenant_id", "issued_by"],
        ["tenant_id", "id"],
        ondelete="CASCADE",
    )
    op.create_index("ix_credential_token_issued_by", "credential_token", ["tenant_id", "issued_by"])
    op.execute(ACTS_FOR)
    op.execute("GRANT SELECT ON acts_for TO plp_app")


def downgrade() -> None:
    op.execute("DROP VIEW acts_for")
    op.drop_column("credential_token", "issued_by")
