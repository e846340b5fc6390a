"""The series of a goal's progress is read by the day of observation."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

NAME = "ix_progress_entry_goal"


def upgrade() -> None:
    op.drop_index(NAME, table_name="progress_entry")
    op.create_index(NAME, "progress_entry", ["tenant_id", "goal_id", "observed_on", "recorded_at", "id"])


def downgrade() -> None:
    op.drop_index(NAME, table_name="progress_entry")
    op.create_index(NAME, "progress_entry", ["tenant_id", "goal_id", "recorded_at", "id"])
