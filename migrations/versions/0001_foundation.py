"""Foundation: identity, roster, learners, competencies, plans, events; their isolation; the views of access."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from migrations.isolation import isolate, let_system
from migrations.views_0001 import ACCESS_FACT, CALLER, SIGN_IN_CANDIDATES

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "signing_key",
        sa.Column("kid", sa.Text(), nullable=False),
        sa.Column("public_jwk", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("private_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("activated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("kid", name=op.f("pk_signing_key")),
    )
    op.create_table(
        "tenant",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("timezone", sa.Text(), server_default="UTC", nullable=False),
        sa.Column("last_event_seq", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tenant")),
        sa.UniqueConstraint("slug", name=op.f("uq_tenant_slug")),
    )
    op.create_table(
        "event",
        sa.Column("seq", sa.BigInteger(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("actor_person_id", sa.Uuid(), nullable=True),
        sa.Column("actor_client_id", sa.Uuid(), nullable=True),
        sa.Column("capacity", sa.Text(), nullable=False),
        sa.Column("section", sa.Text(), nullable=False),
        sa.Column("learner_id", sa.Uuid(), nullable=True),
        sa.Column("plan_id", sa.Uuid(), nullable=True),
        sa.Column("entity_type", sa.Text(), nullable=False),
        sa.Column("entity_id", sa.Uuid(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("entity_version", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("changes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_event_tenant_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_event")),
    )
    op.create_index("ix_event_learner", "event", ["tenant_id", "learner_id", "at", "id"], unique=False)
    op.create_index("ix_event_plan", "event", ["tenant_id", "plan_id", "at", "id"], unique=False)
    op.create_index("ix_event_seq", "event", ["tenant_id", "seq"], unique=True)
    op.create_index(
        "ix_event_unnumbered", "event", ["tenant_id", "at", "id"], unique=False, postgresql_where=sa.text("seq IS NULL")
    )
    op.create_table(
        "external_id",
        sa.Column("entity_id", sa.Uuid(), nullable=False),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_external_id_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_external_id")),
        sa.UniqueConstraint("tenant_id", "system", "type", "value", name="uq_external_id_value"),
    )
    op.create_index("ix_external_id_entity", "external_id", ["tenant_id", "entity_id"], unique=False)
    op.create_table(
        "framework",
        sa.Column("uri", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("creator", sa.Text(), nullable=False),
        sa.Column("publisher", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("adoption_status", sa.Text(), nullable=True),
        sa.Column("source_changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("extra", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_framework_tenant_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_framework")),
    )
    op.create_index("ix_framework_title", "framework", ["tenant_id", "title", "id"], unique=False)
    op.create_table(
        "idempotency_key",
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("key_hash", sa.LargeBinary(), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("reply_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_idempotency_key_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_idempotency_key")),
        sa.UniqueConstraint("tenant_id", "owner_id", "key_hash", name="uq_idempotency_key"),
    )
    op.create_table(
        "org",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "type IN ('department', 'school', 'district', 'local', 'state', 'national')", name=op.f("ck_org_type")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "parent_id"], ["org.tenant_id", "org.id"], name=op.f("fk_org_tenant_id_parent_id")
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_org_tenant_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_org")),
    )
    op.create_table(
        "person",
        sa.Column("given_name", sa.Text(), nullable=False),
        sa.Column("family_name", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_person_tenant_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_person")),
    )
    op.create_index("ix_person_name", "person", ["tenant_id", "family_name", "given_name", "id"], unique=False)
    op.create_table(
        "service_client",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("secret_hashes", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("public_jwk", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("is_disabled", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("cardinality(secret_hashes) <= 2", name=op.f("ck_service_client_two_secrets")),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_service_client_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_service_client")),
        sa.UniqueConstraint("tenant_id", "name", name=op.f("uq_service_client_tenant_id_name")),
    )
    op.create_table(
        "account",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("username", sa.Text(), nullable=True),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("password_changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_disabled", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("email IS NOT NULL OR username IS NOT NULL", name=op.f("ck_account_has_identifier")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "person_id"],
            ["person.tenant_id", "person.id"],
            name=op.f("fk_account_tenant_id_person_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_account_tenant_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_account")),
        sa.UniqueConstraint("tenant_id", "person_id", name="uq_account_person"),
    )
    op.create_index("uq_account_email", "account", ["tenant_id", sa.literal_column("lower(email)")], unique=True)
    op.create_index("uq_account_username", "account", ["tenant_id", sa.literal_column("lower(username)")], unique=True)
    op.create_table(
        "association",
        sa.Column("framework_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("uri", sa.Text(), nullable=False),
        sa.Column("origin_id", sa.Uuid(), nullable=False),
        sa.Column("destination_id", sa.Uuid(), nullable=False),
        sa.Column("sequence_number", sa.Integer(), nullable=True),
        sa.Column("is_cyclic", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("source_changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("extra", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "framework_id"],
            ["framework.tenant_id", "framework.id"],
            name=op.f("fk_association_tenant_id_framework_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_association_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_association")),
    )
    op.create_index("ix_association_destination", "association", ["tenant_id", "destination_id", "type"], unique=False)
    op.create_index("ix_association_framework", "association", ["tenant_id", "framework_id"], unique=False)
    op.create_index("ix_association_origin", "association", ["tenant_id", "origin_id", "type"], unique=False)
    op.create_table(
        "caseload",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("learner_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=True),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.CheckConstraint("kind IN ('advisor', 'counselor', 'case_manager')", name=op.f("ck_caseload_kind")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "learner_id"],
            ["person.tenant_id", "person.id"],
            name=op.f("fk_caseload_tenant_id_learner_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "person_id"],
            ["person.tenant_id", "person.id"],
            name=op.f("fk_caseload_tenant_id_person_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_caseload_tenant_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_caseload")),
        sa.UniqueConstraint("tenant_id", "person_id", "learner_id", "kind", name="uq_caseload"),
    )
    op.create_index("ix_caseload_learner", "caseload", ["tenant_id", "learner_id"], unique=False)
    op.create_table(
        "class",
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("class_code", sa.Text(), nullable=True),
        sa.Column("school_id", sa.Uuid(), nullable=False),
        sa.Column("school_year", sa.Integer(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "school_id"], ["org.tenant_id", "org.id"], name=op.f("fk_class_tenant_id_school_id")
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_class_tenant_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_class")),
    )
    op.create_index("ix_class_school", "class", ["tenant_id", "school_id"], unique=False)
    op.create_index("ix_class_title", "class", ["tenant_id", "title", "id"], unique=False)
    op.create_table(
        "client_assertion",
        sa.Column("service_client_id", sa.Uuid(), nullable=False),
        sa.Column("jti_hash", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "service_client_id"],
            ["service_client.tenant_id", "service_client.id"],
            name=op.f("fk_client_assertion_tenant_id_service_client_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_client_assertion_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_client_assertion")),
        sa.UniqueConstraint("tenant_id", "service_client_id", "jti_hash", name="uq_client_assertion_jti"),
    )
    op.create_table(
        "competency",
        sa.Column("framework_id", sa.Uuid(), nullable=True),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("position", sa.Integer(), server_default="0", nullable=False),
        sa.Column("depth", sa.Integer(), server_default="0", nullable=False),
        sa.Column("uri", sa.Text(), nullable=False),
        sa.Column("full_statement", sa.Text(), nullable=False),
        sa.Column("abbreviated_statement", sa.Text(), nullable=True),
        sa.Column("human_coding_scheme", sa.Text(), nullable=True),
        sa.Column("list_enumeration", sa.Text(), nullable=True),
        sa.Column("item_type", sa.Text(), nullable=True),
        sa.Column("education_levels", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("notes", sa.Text(), nullable=True),
        sa.Column("status_start_on", sa.Date(), nullable=True),
        sa.Column("status_end_on", sa.Date(), nullable=True),
        sa.Column("source_changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("extra", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "framework_id"],
            ["framework.tenant_id", "framework.id"],
            name=op.f("fk_competency_tenant_id_framework_id"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_competency_tenant_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_competency")),
    )
    op.create_index("ix_competency_code", "competency", ["tenant_id", "human_coding_scheme"], unique=False)
    op.create_index("ix_competency_parent", "competency", ["tenant_id", "parent_id", "position"], unique=False)
    op.create_index("ix_competency_tree", "competency", ["tenant_id", "framework_id", "position", "id"], unique=False)
    op.create_table(
        "guardianship",
        sa.Column("guardian_id", sa.Uuid(), nullable=False),
        sa.Column("learner_id", sa.Uuid(), nullable=False),
        sa.Column("relationship", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=True),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "guardian_id"],
            ["person.tenant_id", "person.id"],
            name=op.f("fk_guardianship_tenant_id_guardian_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "learner_id"],
            ["person.tenant_id", "person.id"],
            name=op.f("fk_guardianship_tenant_id_learner_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_guardianship_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_guardianship")),
        sa.UniqueConstraint("tenant_id", "guardian_id", "learner_id", name="uq_guardianship"),
    )
    op.create_index("ix_guardianship_learner", "guardianship", ["tenant_id", "learner_id"], unique=False)
    op.create_table(
        "learner",
        sa.Column("school_id", sa.Uuid(), nullable=False),
        sa.Column("grade", sa.Text(), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "id"], ["person.tenant_id", "person.id"], name="fk_learner_person", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "school_id"], ["org.tenant_id", "org.id"], name=op.f("fk_learner_tenant_id_school_id")
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_learner_tenant_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_learner")),
    )
    op.create_index("ix_learner_school", "learner", ["tenant_id", "school_id", "id"], unique=False)
    op.create_table(
        "role_assignment",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("org_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=True),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "role IN ('student', 'teacher', 'counselor', 'case_manager', 'guardian', 'mentor', 'school_admin', 'district_admin')",
            name=op.f("ck_role_assignment_role"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "org_id"],
            ["org.tenant_id", "org.id"],
            name=op.f("fk_role_assignment_tenant_id_org_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "person_id"],
            ["person.tenant_id", "person.id"],
            name=op.f("fk_role_assignment_tenant_id_person_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_role_assignment_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_role_assignment")),
        sa.UniqueConstraint("tenant_id", "person_id", "org_id", "role", name="uq_role_assignment"),
    )
    op.create_table(
        "credential_token",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("purpose IN ('invitation', 'reset')", name=op.f("ck_credential_token_purpose")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "account_id"],
            ["account.tenant_id", "account.id"],
            name=op.f("fk_credential_token_tenant_id_account_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_credential_token_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_credential_token")),
    )
    op.create_index("ix_credential_token_account", "credential_token", ["tenant_id", "account_id"], unique=False)
    op.create_table(
        "enrollment",
        sa.Column("class_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=True),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "role IN ('student', 'teacher', 'administrator', 'proctor')", name=op.f("ck_enrollment_role")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "class_id"],
            ["class.tenant_id", "class.id"],
            name=op.f("fk_enrollment_tenant_id_class_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "person_id"],
            ["person.tenant_id", "person.id"],
            name=op.f("fk_enrollment_tenant_id_person_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_enrollment_tenant_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_enrollment")),
        sa.UniqueConstraint("tenant_id", "person_id", "class_id", "role", name="uq_enrollment"),
    )
    op.create_index("ix_enrollment_class", "enrollment", ["tenant_id", "class_id", "role", "person_id"], unique=False)
    op.create_table(
        "guardianship_restriction",
        sa.Column("guardianship_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("evidence_reference", sa.Text(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=True),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("kind IN ('no_contact', 'no_records')", name=op.f("ck_guardianship_restriction_kind")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "guardianship_id"],
            ["guardianship.tenant_id", "guardianship.id"],
            name=op.f("fk_guardianship_restriction_tenant_id_guardianship_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_guardianship_restriction_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_guardianship_restriction")),
    )
    op.create_index(
        "ix_guardianship_restriction", "guardianship_restriction", ["tenant_id", "guardianship_id"], unique=False
    )
    op.create_table(
        "login",
        sa.Column("identifier_hash", sa.LargeBinary(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "account_id"],
            ["account.tenant_id", "account.id"],
            name=op.f("fk_login_tenant_id_account_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("identifier_hash", "tenant_id", name=op.f("pk_login")),
    )
    op.create_index("ix_login_account", "login", ["tenant_id", "account_id"], unique=False)
    op.create_table(
        "plan",
        sa.Column("learner_id", sa.Uuid(), nullable=False),
        sa.Column("school_id", sa.Uuid(), nullable=False),
        sa.Column("school_year", sa.Integer(), nullable=False),
        sa.Column("template", sa.Text(), server_default="general", nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("vision", sa.Text(), nullable=True),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("status", sa.Text(), server_default="draft", nullable=False),
        sa.Column("submitted_by", sa.Uuid(), nullable=True),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("approved_by", sa.Uuid(), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "status IN ('draft', 'in_review', 'active', 'closed', 'archived')", name=op.f("ck_plan_status")
        ),
        sa.CheckConstraint("starts_on < ends_on", name=op.f("ck_plan_dates")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "learner_id"], ["learner.tenant_id", "learner.id"], name=op.f("fk_plan_tenant_id_learner_id")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "school_id"], ["org.tenant_id", "org.id"], name=op.f("fk_plan_tenant_id_school_id")
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_plan_tenant_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_plan")),
        sa.UniqueConstraint("tenant_id", "learner_id", "school_year", "template", name="uq_plan_learner_year"),
    )
    op.create_index("ix_plan_created", "plan", ["tenant_id", "created_at", "id"], unique=False)
    op.create_index("ix_plan_school_created", "plan", ["tenant_id", "school_id", "created_at", "id"], unique=False)
    op.create_index("ix_plan_school_updated", "plan", ["tenant_id", "school_id", "updated_at", "id"], unique=False)
    op.create_index("ix_plan_updated", "plan", ["tenant_id", "updated_at", "id"], unique=False)
    op.create_table(
        "session",
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("service_client_id", sa.Uuid(), nullable=True),
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("device", sa.Text(), nullable=True),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("generation", sa.Integer(), server_default="0", nullable=False),
        sa.Column("rotated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_because", sa.Text(), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("client IN ('app', 'browser', 'service')", name=op.f("ck_session_client")),
        sa.CheckConstraint("num_nonnulls(account_id, service_client_id) = 1", name=op.f("ck_session_one_owner")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "account_id"],
            ["account.tenant_id", "account.id"],
            name=op.f("fk_session_tenant_id_account_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "service_client_id"],
            ["service_client.tenant_id", "service_client.id"],
            name=op.f("fk_session_tenant_id_service_client_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_session_tenant_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_session")),
    )
    op.create_index("ix_session_account", "session", ["tenant_id", "account_id"], unique=False)
    op.create_index("ix_session_service_client", "session", ["tenant_id", "service_client_id"], unique=False)
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
    op.create_table(
        "goal",
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("learner_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), server_default="goal", nullable=False),
        sa.Column("status", sa.Text(), server_default="proposed", nullable=False),
        sa.Column("metric_kind", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=True),
        sa.Column("baseline", sa.Numeric(precision=14, scale=4), nullable=True),
        sa.Column("target", sa.Numeric(precision=14, scale=4), nullable=True),
        sa.Column("starts_on", sa.Date(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("proposed_by", sa.Uuid(), nullable=True),
        sa.Column("proposed_side", sa.Text(), nullable=False),
        sa.Column("learner_agreed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("learner_agreed_by", sa.Uuid(), nullable=True),
        sa.Column("staff_agreed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("staff_agreed_by", sa.Uuid(), nullable=True),
        sa.Column("outcome_note", sa.Text(), nullable=True),
        sa.Column("outcome_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome_by", sa.Uuid(), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("category IN ('personal', 'academic', 'career')", name=op.f("ck_goal_category")),
        sa.CheckConstraint("kind IN ('aspiration', 'goal')", name=op.f("ck_goal_kind")),
        sa.CheckConstraint(
            "metric_kind IN ('boolean', 'percent', 'numeric', 'count', 'rubric', 'milestones')",
            name=op.f("ck_goal_metric_kind"),
        ),
        sa.CheckConstraint("proposed_side IN ('learner', 'guardian', 'staff')", name=op.f("ck_goal_proposed_side")),
        sa.CheckConstraint(
            "status IN ('proposed', 'agreed', 'achieved', 'partly_achieved', 'not_achieved', 'dropped')",
            name=op.f("ck_goal_status"),
        ),
        sa.CheckConstraint("baseline <> target", name=op.f("ck_goal_metric_moves")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "learner_id"], ["learner.tenant_id", "learner.id"], name=op.f("fk_goal_tenant_id_learner_id")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "plan_id"],
            ["plan.tenant_id", "plan.id"],
            name=op.f("fk_goal_tenant_id_plan_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_goal_tenant_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_goal")),
    )
    op.create_index("ix_goal_learner", "goal", ["tenant_id", "learner_id"], unique=False)
    op.create_index("ix_goal_plan", "goal", ["tenant_id", "plan_id", "created_at", "id"], unique=False)
    op.create_table(
        "action",
        sa.Column("goal_id", sa.Uuid(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("learner_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="planned", nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("if_obstacle", sa.Text(), nullable=True),
        sa.Column("then_response", sa.Text(), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("owner IN ('learner', 'guardian', 'staff')", name=op.f("ck_action_owner")),
        sa.CheckConstraint("status IN ('planned', 'done', 'dropped')", name=op.f("ck_action_status")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "goal_id"],
            ["goal.tenant_id", "goal.id"],
            name=op.f("fk_action_tenant_id_goal_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_action_tenant_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_action")),
    )
    op.create_index("ix_action_goal", "action", ["tenant_id", "goal_id", "created_at", "id"], unique=False)
    op.create_table(
        "goal_competency",
        sa.Column("goal_id", sa.Uuid(), nullable=False),
        sa.Column("competency_id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "competency_id"],
            ["competency.tenant_id", "competency.id"],
            name=op.f("fk_goal_competency_tenant_id_competency_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "goal_id"],
            ["goal.tenant_id", "goal.id"],
            name=op.f("fk_goal_competency_tenant_id_goal_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_goal_competency_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_goal_competency")),
        sa.UniqueConstraint("tenant_id", "goal_id", "competency_id", name="uq_goal_competency"),
    )
    op.create_index("ix_goal_competency_competency", "goal_competency", ["tenant_id", "competency_id"], unique=False)
    op.create_table(
        "goal_teacher",
        sa.Column("goal_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "goal_id"],
            ["goal.tenant_id", "goal.id"],
            name=op.f("fk_goal_teacher_tenant_id_goal_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "person_id"],
            ["person.tenant_id", "person.id"],
            name=op.f("fk_goal_teacher_tenant_id_person_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_goal_teacher_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_goal_teacher")),
        sa.UniqueConstraint("tenant_id", "goal_id", "person_id", name="uq_goal_teacher"),
    )
    op.create_table(
        "milestone",
        sa.Column("goal_id", sa.Uuid(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("learner_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), server_default="0", nullable=False),
        sa.Column("weight", sa.Integer(), server_default="1", nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("reached_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("weight > 0", name=op.f("ck_milestone_weight")),
        sa.ForeignKeyConstraint(
            ["tenant_id", "goal_id"],
            ["goal.tenant_id", "goal.id"],
            name=op.f("fk_milestone_tenant_id_goal_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=op.f("fk_milestone_tenant_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_milestone")),
    )
    op.create_index("ix_milestone_goal", "milestone", ["tenant_id", "goal_id", "position", "id"], unique=False)
    op.create_table(
        "progress_entry",
        sa.Column("goal_id", sa.Uuid(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("learner_id", sa.Uuid(), nullable=False),
        sa.Column("value", sa.Numeric(precision=14, scale=4), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("observed_on", sa.Date(), nullable=False),
        sa.Column("recorded_by", sa.Uuid(), nullable=True),
        sa.Column("recorded_side", sa.Text(), nullable=False),
        sa.Column(
            "recorded_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "goal_id"],
            ["goal.tenant_id", "goal.id"],
            name=op.f("fk_progress_entry_tenant_id_goal_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_progress_entry_tenant_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_progress_entry")),
    )
    op.create_index(
        "ix_progress_entry_goal", "progress_entry", ["tenant_id", "goal_id", "recorded_at", "id"], unique=False
    )
    _isolate()
    _add_views()


TENANT_OWNED = (
    "external_id",
    "framework",
    "idempotency_key",
    "org",
    "person",
    "service_client",
    "account",
    "association",
    "caseload",
    "class",
    "client_assertion",
    "competency",
    "guardianship",
    "learner",
    "role_assignment",
    "credential_token",
    "enrollment",
    "guardianship_restriction",
    "plan",
    "session",
    "sign_in_failure",
    "goal",
    "action",
    "goal_competency",
    "goal_teacher",
    "milestone",
    "progress_entry",
)


def _isolate() -> None:
    op.execute("GRANT USAGE ON SCHEMA public TO plp_app, plp_system")
    for table in TENANT_OWNED:
        isolate(table)
    isolate("tenant", key="id", grants="SELECT, INSERT, UPDATE")
    isolate("login")
    isolate("event", grants="SELECT, INSERT")  # nobody changes what was recorded; the sequencer numbers it
    op.execute("GRANT SELECT, INSERT, UPDATE ON signing_key TO plp_app")
    let_system("event", "SELECT, UPDATE (seq)")
    let_system("tenant", "SELECT, UPDATE (last_event_seq)")
    for table in ("idempotency_key", "session", "client_assertion", "sign_in_failure", "credential_token"):
        let_system(table, "SELECT, DELETE")


def _add_views() -> None:
    op.execute(CALLER)
    op.execute(ACCESS_FACT)
    op.execute("GRANT SELECT ON caller, access_fact TO plp_app")
    # Sign-in looks across tenants before one is bound: this function and its two policies are the only way to.
    op.execute("CREATE POLICY sign_in ON login FOR SELECT TO plp_owner USING (true)")
    op.execute("CREATE POLICY sign_in ON tenant FOR SELECT TO plp_owner USING (true)")
    op.execute(SIGN_IN_CANDIDATES)
    op.execute("REVOKE ALL ON FUNCTION sign_in_candidates(bytea) FROM PUBLIC")
    op.execute("GRANT EXECUTE ON FUNCTION sign_in_candidates(bytea) TO plp_app")


def downgrade() -> None:
    op.execute("DROP FUNCTION sign_in_candidates(bytea)")
    op.execute("DROP VIEW access_fact, caller")
    op.drop_index("ix_progress_entry_goal", table_name="progress_entry")
    op.drop_table("progress_entry")
    op.drop_index("ix_milestone_goal", table_name="milestone")
    op.drop_table("milestone")
    op.drop_table("goal_teacher")
    op.drop_index("ix_goal_competency_competency", table_name="goal_competency")
    op.drop_table("goal_competency")
    op.drop_index("ix_action_goal", table_name="action")
    op.drop_table("action")
    op.drop_index("ix_goal_plan", table_name="goal")
    op.drop_index("ix_goal_learner", table_name="goal")
    op.drop_table("goal")
    op.drop_table("sign_in_failure")
    op.drop_index("ix_session_service_client", table_name="session")
    op.drop_index("ix_session_account", table_name="session")
    op.drop_table("session")
    op.drop_index("ix_plan_updated", table_name="plan")
    op.drop_index("ix_plan_school_updated", table_name="plan")
    op.drop_index("ix_plan_school_created", table_name="plan")
    op.drop_index("ix_plan_created", table_name="plan")
    op.drop_table("plan")
    op.drop_index("ix_login_account", table_name="login")
    op.drop_table("login")
    op.drop_index("ix_guardianship_restriction", table_name="guardianship_restriction")
    op.drop_table("guardianship_restriction")
    op.drop_index("ix_enrollment_class", table_name="enrollment")
    op.drop_table("enrollment")
    op.drop_index("ix_credential_token_account", table_name="credential_token")
    op.drop_table("credential_token")
    op.drop_table("role_assignment")
    op.drop_index("ix_learner_school", table_name="learner")
    op.drop_table("learner")
    op.drop_index("ix_guardianship_learner", table_name="guardianship")
    op.drop_table("guardianship")
    op.drop_index("ix_competency_tree", table_name="competency")
    op.drop_index("ix_competency_parent", table_name="competency")
    op.drop_index("ix_competency_code", table_name="competency")
    op.drop_table("competency")
    op.drop_table("client_assertion")
    op.drop_index("ix_class_title", table_name="class")
    op.drop_index("ix_class_school", table_name="class")
    op.drop_table("class")
    op.drop_index("ix_caseload_learner", table_name="caseload")
    op.drop_table("caseload")
    op.drop_index("ix_association_origin", table_name="association")
    op.drop_index("ix_association_framework", table_name="association")
    op.drop_index("ix_association_destination", table_name="association")
    op.drop_table("association")
    op.drop_index("uq_account_username", table_name="account")
    op.drop_index("uq_account_email", table_name="account")
    op.drop_table("account")
    op.drop_table("service_client")
    op.drop_index("ix_person_name", table_name="person")
    op.drop_table("person")
    op.drop_table("org")
    op.drop_table("idempotency_key")
    op.drop_index("ix_framework_title", table_name="framework")
    op.drop_table("framework")
    op.drop_index("ix_external_id_entity", table_name="external_id")
    op.drop_table("external_id")
    op.drop_index("ix_event_unnumbered", table_name="event", postgresql_where=sa.text("seq IS NULL"))
    op.drop_index("ix_event_seq", table_name="event")
    op.drop_index("ix_event_plan", table_name="event")
    op.drop_index("ix_event_learner", table_name="event")
    op.drop_table("event")
    op.drop_table("tenant")
    op.drop_table("signing_key")
