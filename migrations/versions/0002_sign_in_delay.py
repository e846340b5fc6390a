"""Sign-in delay by identifier, known or not; where people stand, for account administration; tenants by slug."""

import sqlalchemy as sa
from alembic import op

from migrations.isolation import isolate, let_system

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

STANDING = """
CREATE VIEW standing WITH (security_invoker = true) AS
SELECT tenant_id, person_id, org_id, role, from_on, until_on FROM role_assignment
UNION ALL
SELECT tenant_id, id, school_id, 'student', NULL, NULL FROM learner
"""

TENANT_BY_SLUG = """
CREATE FUNCTION tenant_by_slug(wanted text) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
AS $$ SELECT id FROM public.tenant WHERE slug = wanted $$
"""


def upgrade() -> None:
    op.drop_table("sign_in_failure")
    op.create_table(
        "sign_in_failure",
        sa.Column("subject_hash", sa.LargeBinary(), nullable=False),
        sa.Column("address_hash", sa.LargeBinary(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("subject_hash", "address_hash", name=op.f("pk_sign_in_failure")),
    )
    op.create_index("ix_sign_in_failure_last_at", "sign_in_failure", ["last_at"])
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON sign_in_failure TO plp_app")
    op.execute("GRANT SELECT, DELETE ON sign_in_failure TO plp_system")
    op.execute(STANDING)
    op.execute("GRANT SELECT ON standing TO plp_app")
    op.execute(TENANT_BY_SLUG)
    op.execute("REVOKE ALL ON FUNCTION tenant_by_slug(text) FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION tenant_by_slug(text) TO plp_app")


def downgrade() -> None:
    op.execute("DROP FUNCTION tenant_by_slug(text)")
    op.execute("DROP VIEW standing")
    op.drop_table("sign_in_failure")
    op.create_table(
        "sign_in_failure",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("address_hash", sa.LargeBinary(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "account_id"],
            ["account.tenant_id", "account.id"],
            name=op.f("fk_sign_in_failure_tenant_id_account_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_sign_in_failure_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_sign_in_failure")),
        sa.UniqueConstraint("tenant_id", "account_id", "address_hash", name="uq_sign_in_failure_address"),
    )
    isolate("sign_in_failure")
    let_system("sign_in_failure", "SELECT, DELETE")
