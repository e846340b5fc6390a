"""Sharing: team, grants, links, consents, restrictions of sections, majority; profile, notes, comments, reflections."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations import views_0006
from migrations.building import INSTANT, create, flag, id_column, refers, stamps, text_column, texts

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

APPEND_ONLY = "SELECT, INSERT"

MAJORITY_ON = """LEAST(make_date(EXTRACT(year FROM birth_on)::integer + 18, EXTRACT(month FROM birth_on)::integer, 1)
 + EXTRACT(day FROM birth_on)::integer - 1, college_entry_on)"""

CHECKS = {
    "goal": (
        "proposed_side",
        "proposed_side IN ('learner', 'guardian', 'staff', 'guest')",
        "proposed_side IN ('learner', 'guardian', 'staff')",
    ),
    "guardianship_restriction": (
        "kind",
        "kind IN ('no_contact', 'no_records', 'sections')",
        "kind IN ('no_contact', 'no_records')",
    ),
}
"""By table: a check's name, what it says from now on, what it said."""

FORGET = {
    "goal": "UPDATE goal SET proposed_side = 'staff' WHERE proposed_side = 'guest'",
    "guardianship_restriction": "UPDATE guardianship_restriction SET kind = 'no_records' WHERE kind = 'sections'",
}
"""Values that the old checks do not know become the nearest they do; a restriction never becomes a weaker one."""


def upgrade() -> None:
    _change_tables()
    _add_team()
    _add_consents()
    _add_grants()
    _add_share_links()
    _add_break_glass()
    _add_policy()
    _add_learner_texts()
    _add_plan_texts()
    _add_records()
    _replace_views()


def _replace_views() -> None:
    _run(views_0006.UPGRADE)


def _run(statements: tuple[str, ...]) -> None:
    """Just as they are: op.execute would take the colon in ':read' for a parameter."""
    for statement in statements:
        op.get_bind().exec_driver_sql(statement)


def _change_tables() -> None:
    for name in ("birth_on", "college_entry_on"):
        op.add_column("learner", sa.Column(name, sa.Date()))
    op.add_column("learner", flag("is_dependent", server_default=sa.text("false")))
    op.add_column("learner", sa.Column("majority_on", sa.Date(), sa.Computed(MAJORITY_ON, persisted=True)))
    for column in stamps():
        op.add_column("caseload", column)
    op.add_column("guardianship_restriction", texts("sections", server_default=sa.text("'{}'")))
    for table, (name, new, _) in CHECKS.items():
        op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
        op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, new)
    op.create_check_constraint(
        op.f("ck_guardianship_restriction_names_sections"),
        "guardianship_restriction",
        "(kind = 'sections') = (cardinality(sections) > 0)",
    )
    for name in ("plan_id", "item_id"):
        op.add_column("idempotency_key", id_column(name, nullable=True))
    op.create_index(
        "ix_role_assignment_office",
        "role_assignment",
        ["tenant_id", "org_id"],
        postgresql_where=sa.text("role IN ('school_admin', 'district_admin')"),
    )


def _add_team() -> None:
    create(
        "delegation",
        id_column("delegator_id"),
        id_column("delegate_id"),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=False),
        text_column("reason"),
        id_column("created_by", nullable=True),
        *stamps(),
        refers("delegator_id", "person", ondelete="CASCADE"),
        refers("delegate_id", "person", ondelete="CASCADE"),
        sa.CheckConstraint("delegate_id <> delegator_id", name="two_people"),
        sa.CheckConstraint("from_on < until_on", name="dates"),
        indexes={
            "ix_delegation_delegate": ("delegate_id",),
            "ix_delegation_delegator": ("delegator_id",),
        },
    )
    create(
        "team_member",
        id_column("plan_id"),
        id_column("learner_id"),
        id_column("person_id"),
        text_column("role"),
        sa.Column("from_on", sa.Date()),
        sa.Column("until_on", sa.Date()),
        *stamps(),
        *_of_plan(),
        refers("person_id", "person", ondelete="CASCADE"),
        sa.UniqueConstraint("tenant_id", "plan_id", "person_id", name="uq_team_member"),
        sa.CheckConstraint("from_on < until_on", name="dates"),
        indexes={"ix_team_member_person": ("person_id",), "ix_team_member_learner": ("learner_id",)},
    )


def _add_consents() -> None:
    create(
        "consent",
        id_column("learner_id"),
        id_column("consenter_id"),
        text_column("consenter_as"),
        text_column("purpose"),
        text_column("recipient"),
        id_column("recipient_person_id", nullable=True),
        texts("sections"),
        sa.Column("signed_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date()),
        text_column("method"),
        text_column("reference", nullable=True),
        id_column("recorded_by", nullable=True),
        sa.Column("withdrawn_at", INSTANT),
        id_column("withdrawn_by", nullable=True),
        *stamps(),
        refers("learner_id", "learner", ondelete="CASCADE"),
        refers("consenter_id", "person"),
        refers("recipient_person_id", "person"),
        sa.CheckConstraint("consenter_as IN ('learner', 'guardian')", name="consenter_as"),
        sa.CheckConstraint("purpose IN ('sharing', 'guardian_access')", name="purpose"),
        sa.CheckConstraint("method IN ('in_product', 'on_paper')", name="method"),
        sa.CheckConstraint("signed_on < until_on", name="dates"),
        sa.CheckConstraint("purpose <> 'guardian_access' OR recipient_person_id IS NOT NULL", name="names_guardian"),
        indexes={"ix_consent_learner": ("learner_id", "created_at", "id")},
    )


def _add_grants() -> None:
    create(
        "access_grant",
        id_column("plan_id"),
        id_column("learner_id"),
        id_column("person_id", nullable=True),
        text_column("invited_email", nullable=True),
        text_column("invited_given_name", nullable=True),
        text_column("invited_family_name", nullable=True),
        flag("is_outside"),
        text_column("status", server_default="proposed"),
        text_column("level"),
        texts("sections"),
        text_column("purpose"),
        text_column("agreement_reference", nullable=True),
        id_column("consent_id", nullable=True),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date()),
        *_handshake(),
        *stamps(),
        *_of_plan(),
        refers("person_id", "person", ondelete="CASCADE"),
        refers("consent_id", "consent"),
        _share_states(),
        sa.CheckConstraint("level IN ('read', 'comment', 'propose', 'write')", name="level"),
        sa.CheckConstraint("person_id IS NOT NULL OR invited_email IS NOT NULL", name="somebody"),
        sa.CheckConstraint("status <> 'active' OR person_id IS NOT NULL", name="active_person"),
        sa.CheckConstraint("NOT is_outside OR until_on IS NOT NULL", name="outside_ends"),
        sa.CheckConstraint("from_on < until_on", name="dates"),
        indexes={
            "ix_access_grant_plan": ("plan_id", "created_at", "id"),
            "ix_access_grant_person": ("person_id",),
            "ix_access_grant_learner": ("learner_id",),
        },
    )
    create(
        "access_grant_goal",
        id_column("grant_id"),
        id_column("goal_id"),
        refers("grant_id", "access_grant", ondelete="CASCADE"),
        refers("goal_id", "goal", ondelete="CASCADE"),
        sa.UniqueConstraint("tenant_id", "grant_id", "goal_id", name="uq_access_grant_goal"),
        indexes={"ix_access_grant_goal_goal": ("goal_id",)},
    )


def _add_share_links() -> None:
    create(
        "share_link",
        id_column("plan_id"),
        id_column("learner_id"),
        text_column("label"),
        text_column("purpose"),
        texts("sections"),
        text_column("status", server_default="proposed"),
        sa.Column("token_hash", sa.LargeBinary()),
        text_column("passcode_hash", nullable=True),
        sa.Column("expires_at", INSTANT, nullable=False),
        id_column("consent_id", nullable=True),
        sa.Column("open_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_opened_at", INSTANT),
        *_handshake(),
        *stamps(),
        *_of_plan(),
        refers("consent_id", "consent"),
        sa.UniqueConstraint("tenant_id", "token_hash", name="uq_share_link_token"),
        _share_states(),
        sa.CheckConstraint("status <> 'active' OR token_hash IS NOT NULL", name="active_token"),
        _some_section(),
        indexes={
            "ix_share_link_plan": ("plan_id", "created_at", "id"),
            "ix_share_link_learner": ("learner_id",),
        },
    )


def _add_break_glass() -> None:
    create(
        "break_glass",
        id_column("learner_id"),
        id_column("person_id"),
        texts("sections"),
        text_column("reason"),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT),
        *stamps(),
        refers("learner_id", "learner", ondelete="CASCADE"),
        refers("person_id", "person", ondelete="CASCADE"),
        _some_section(),
        indexes={
            "ix_break_glass_learner": ("learner_id", "created_at", "id"),
            "ix_break_glass_person": ("person_id",),
        },
    )


def _add_policy() -> None:
    create(
        "sharing_policy",
        sa.Column("rules", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        *stamps(),
        sa.UniqueConstraint("tenant_id", name="uq_sharing_policy"),
    )


def _add_learner_texts() -> None:
    create(
        "profile_statement",
        id_column("learner_id"),
        text_column("kind"),
        text_column("statement"),
        id_column("author_id", nullable=True),
        text_column("author_as"),
        sa.Column("stated_on", sa.Date(), nullable=False),
        *stamps(),
        refers("learner_id", "learner", ondelete="CASCADE"),
        sa.CheckConstraint("kind IN ('strength', 'interest', 'aspiration')", name="kind"),
        indexes={"ix_profile_statement_learner": ("learner_id", "stated_on", "id")},
    )
    create(
        "staff_note",
        id_column("learner_id"),
        id_column("author_id"),
        text_column("text"),
        *stamps(),
        refers("learner_id", "learner", ondelete="CASCADE"),
        refers("author_id", "person", ondelete="CASCADE"),
        indexes={"ix_staff_note_learner": ("learner_id", "created_at", "id")},
    )


def _add_plan_texts() -> None:
    create(
        "comment",
        id_column("plan_id"),
        id_column("learner_id"),
        id_column("goal_id", nullable=True),
        id_column("author_id", nullable=True),
        text_column("author_as"),
        text_column("text"),
        *stamps(),
        *_of_plan(),
        refers("goal_id", "goal", ondelete="CASCADE"),
        indexes={
            "ix_comment_plan": ("plan_id", "created_at", "id"),
            "ix_comment_goal": ("goal_id", "created_at", "id"),
        },
    )
    create(
        "reflection",
        id_column("plan_id"),
        id_column("learner_id"),
        id_column("goal_id", nullable=True),
        flag("is_private"),
        text_column("prompt", nullable=True),
        text_column("text"),
        *stamps(),
        *_of_plan(),
        refers("goal_id", "goal", ondelete="SET NULL (goal_id)"),
        indexes={
            "ix_reflection_plan": ("plan_id", "created_at", "id"),
            "ix_reflection_goal": ("goal_id", "created_at", "id"),
        },
    )


def _add_records() -> None:
    """What was shown to whom: nobody changes it."""
    create(
        "disclosure",
        _recorded_at(),
        id_column("learner_id"),
        id_column("plan_id", nullable=True),
        text_column("basis"),
        id_column("access_grant_id", nullable=True),
        id_column("share_link_id", nullable=True),
        id_column("consent_id", nullable=True),
        text_column("recipient"),
        id_column("recipient_person_id", nullable=True),
        text_column("purpose"),
        texts("sections"),
        texts("fields"),
        id_column("actor_person_id", nullable=True),
        id_column("actor_client_id", nullable=True),
        text_column("request_id"),
        refers("learner_id", "learner", ondelete="CASCADE"),
        sa.CheckConstraint("basis IN ('grant', 'share_link')", name="basis"),
        sa.CheckConstraint("(basis = 'grant') = (access_grant_id IS NOT NULL)", name="names_grant"),
        sa.CheckConstraint("(basis = 'share_link') = (share_link_id IS NOT NULL)", name="names_share_link"),
        indexes={"ix_disclosure_learner": ("learner_id", "at", "id")},
        grants=APPEND_ONLY,
    )
    create(
        "access_log",
        _recorded_at(),
        id_column("viewer_person_id", nullable=True),
        id_column("viewer_client_id", nullable=True),
        texts("capacities"),
        sa.Column("learner_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        texts("sections"),
        flag("is_list"),
        text_column("operation"),
        text_column("request_id"),
        indexes={"ix_access_log_at": ("at", "id")},
        grants=APPEND_ONLY,
    )
    create(
        "access_log_learner",
        id_column("look_id"),
        id_column("learner_id"),
        sa.Column("at", INSTANT, nullable=False),
        refers("learner_id", "learner", ondelete="CASCADE"),
        indexes={"ix_access_log_learner_learner": ("learner_id", "at", "id")},
        grants=APPEND_ONLY,
    )


def _recorded_at() -> sa.Column[Any]:
    return sa.Column("at", INSTANT, server_default=sa.text("clock_timestamp()"), nullable=False)


def _handshake() -> tuple[sa.Column[Any], ...]:
    """Who proposed a share, who decided on it, who took it back."""
    return (
        id_column("proposed_by", nullable=True),
        text_column("proposed_as"),
        id_column("decided_by", nullable=True),
        sa.Column("decided_at", INSTANT),
        id_column("revoked_by", nullable=True),
        sa.Column("revoked_at", INSTANT),
    )


def _of_plan() -> tuple[sa.ForeignKeyConstraint, ...]:
    return refers("plan_id", "plan", ondelete="CASCADE"), refers("learner_id", "learner")


def _share_states() -> sa.CheckConstraint:
    return sa.CheckConstraint("status IN ('proposed', 'active', 'declined', 'revoked')", name="status")


def _some_section() -> sa.CheckConstraint:
    return sa.CheckConstraint("cardinality(sections) > 0", name="some_section")


def downgrade() -> None:
    _run(views_0006.DOWNGRADE)
    _restore_tables()
    for table in (
        "access_log_learner",
        "access_log",
        "disclosure",
        "reflection",
        "comment",
        "staff_note",
        "profile_statement",
        "sharing_policy",
        "break_glass",
        "share_link",
        "access_grant_goal",
        "access_grant",
        "consent",
        "team_member",
        "delegation",
    ):
        op.drop_table(table)


def _restore_tables() -> None:
    op.drop_index("ix_role_assignment_office", "role_assignment")
    for name in ("item_id", "plan_id"):
        op.drop_column("idempotency_key", name)
    op.drop_constraint(op.f("ck_guardianship_restriction_names_sections"), "guardianship_restriction", type_="check")
    for table, (name, _, old) in CHECKS.items():
        op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
        _as_owner(table, FORGET[table])
        op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, old)
    op.drop_column("guardianship_restriction", "sections")
    for column in ("updated_at", "created_at", "version"):
        op.drop_column("caseload", column)
    for column in ("majority_on", "is_dependent", "college_entry_on", "birth_on"):
        op.drop_column("learner", column)


def _as_owner(table: str, statement: str) -> None:
    """The owner is held to the policies too, and would see no row."""
    op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute(statement)
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
