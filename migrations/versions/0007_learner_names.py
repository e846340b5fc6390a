"""The learner repeats the person's name, for the indexes by which a school's list is read in order."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

COPY_NAMES = """
UPDATE learner SET given_name = person.given_name, family_name = person.family_name FROM person
WHERE person.tenant_id = learner.tenant_id AND person.id = learner.id
"""
NAMES = ["given_name", "family_name"]
ORDER = ["family_name", "given_name", "id"]


def upgrade() -> None:
    for name in NAMES:
        op.add_column("learner", sa.Column(name, sa.Text()))
    _copy_names()
    for name in NAMES:
        op.alter_column("learner", name, nullable=False)
    op.create_unique_constraint("uq_person_names", "person", ["tenant_id", "id", *NAMES])
    op.drop_constraint("fk_learner_person", "learner", type_="foreignkey")
    op.create_foreign_key(
        "fk_learner_person",
        "learner",
        "person",
        ["tenant_id", "id", *NAMES],
        ["tenant_id", "id", *NAMES],
        ondelete="CASCADE",
        onupdate="CASCADE",
    )
    op.create_index("ix_learner_name", "learner", ["tenant_id", *ORDER])
    op.create_index("ix_learner_school_name", "learner", ["tenant_id", "school_id", *ORDER])


def _copy_names() -> None:
    """The owner is held to the policies too, and would see no row."""
    for table in ("learner", "person"):
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute(COPY_NAMES)
    for table in ("learner", "person"):
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def downgrade() -> None:
    op.drop_index("ix_learner_school_name", "learner")
    op.drop_index("ix_learner_name", "learner")
    op.drop_constraint("fk_learner_person", "learner", type_="foreignkey")
    op.create_foreign_key(
        "fk_learner_person", "learner", "person", ["tenant_id", "id"], ["tenant_id", "id"], ondelete="CASCADE"
    )
    op.drop_constraint("uq_person_names", "person", type_="unique")
    for name in NAMES:
        op.drop_column("learner", name)
