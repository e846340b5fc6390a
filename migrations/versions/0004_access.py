"""Restrictions bind the person in every role; a plan goes to the new school with its learner; replays ask for rights."""

import sqlalchemy as sa
from alembic import op

from migrations import views_0001
from migrations.views_0004 import BARRED, CALLER

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

MOVE_PLANS = """
UPDATE plan SET school_id = learner.school_id FROM learner
WHERE learner.tenant_id = plan.tenant_id AND learner.id = plan.learner_id AND learner.school_id <> plan.school_id
"""


def upgrade() -> None:
    op.execute(BARRED)
    op.execute("GRANT SELECT ON barred TO plp_app")
    op.execute(CALLER)
    op.create_unique_constraint("uq_learner_school", "learner", ["tenant_id", "id", "school_id"])
    _heal_plans()
    op.create_foreign_key(
        op.f("fk_plan_learner"),
        "plan",
        "learner",
        ["tenant_id", "learner_id", "school_id"],
        ["tenant_id", "id", "school_id"],
        onupdate="CASCADE",
    )
    op.drop_constraint(op.f("fk_plan_tenant_id_learner_id"), "plan", type_="foreignkey")
    op.drop_constraint(op.f("fk_plan_tenant_id_school_id"), "plan", type_="foreignkey")
    op.add_column("idempotency_key", sa.Column("learner_id", sa.Uuid(), nullable=True))
    op.add_column("idempotency_key", sa.Column("section", sa.Text(), nullable=True))
    op.add_column(
        "idempotency_key", sa.Column("rights_hash", sa.LargeBinary(), server_default=sa.text("''"), nullable=False)
    )


def _heal_plans() -> None:
    """The owner is held to the policies too, and would see no row."""
    for table in ("plan", "learner"):
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute(MOVE_PLANS)
    for table in ("plan", "learner"):
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def downgrade() -> None:
    for column in ("rights_hash", "section", "learner_id"):
        op.drop_column("idempotency_key", column)
    op.create_foreign_key(
        op.f("fk_plan_tenant_id_school_id"), "plan", "org", ["tenant_id", "school_id"], ["tenant_id", "id"]
    )
    op.create_foreign_key(
        op.f("fk_plan_tenant_id_learner_id"), "plan", "learner", ["tenant_id", "learner_id"], ["tenant_id", "id"]
    )
    op.drop_constraint(op.f("fk_plan_learner"), "plan", type_="foreignkey")
    op.drop_constraint("uq_learner_school", "learner", type_="unique")
    op.execute(views_0001.CALLER.replace("CREATE VIEW", "CREATE OR REPLACE VIEW"))
    op.execute("DROP VIEW barred")
