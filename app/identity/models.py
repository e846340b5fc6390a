"""Tenants, accounts, sessions, service clients and the keys that sign tokens."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKeyConstraint, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base, Instant, Stamped, Strings, TenantOwned, new_id, tenant_key


class Tenant(Base):
    """A district or independent school that owns its data."""

    __tablename__ = "tenant"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    timezone: Mapped[str] = mapped_column(server_default="UTC")
    last_event_seq: Mapped[int] = mapped_column(BigInteger, server_default="0")
    created_at: Mapped[Instant] = mapped_column(server_default=text("now()"))


class SigningKey(Base):
    """A key pair for access tokens. Published as soon as it exists; signs once `activated_at` is set, no more once
    `retired_at` is set, and verifies until `retired_at`.
    """

    __tablename__ = "signing_key"

    kid: Mapped[str] = mapped_column(primary_key=True)
    public_jwk: Mapped[dict[str, Any]] = mapped_column(JSONB)
    private_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[Instant] = mapped_column(server_default=text("now()"))
    activated_at: Mapped[datetime | None]
    retired_at: Mapped[datetime | None]


class Login(Base):
    """Which accounts answer to an identifier, across tenants: looked at before any tenant is bound."""

    __tablename__ = "login"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "account_id"], ["account.tenant_id", "account.id"], ondelete="CASCADE"),
        Index("ix_login_account", "tenant_id", "account_id"),
    )

    identifier_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    tenant_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    account_id: Mapped[uuid.UUID]


class Account(TenantOwned, Stamped, Base):
    """A person who can sign in, by e-mail or user name."""

    __tablename__ = "account"
    __table_args__ = (
        tenant_key("person_id", to="person", ondelete="CASCADE"),
        UniqueConstraint("tenant_id", "person_id", name="uq_account_person"),
        Index("uq_account_email", "tenant_id", text("lower(email)"), unique=True),
        Index("uq_account_username", "tenant_id", text("lower(username)"), unique=True),
        CheckConstraint("email IS NOT NULL OR username IS NOT NULL", name="has_identifier"),
    )

    person_id: Mapped[uuid.UUID]
    email: Mapped[str | None]
    username: Mapped[str | None]
    password_hash: Mapped[str | None]
    password_changed_at: Mapped[datetime | None]
    is_disabled: Mapped[bool] = mapped_column(server_default=text("false"))


class Session(TenantOwned, Base):
    """A signed-in device (or a service's token). Refresh tokens are derived from id and generation, never stored."""

    __tablename__ = "session"
    __table_args__ = (
        tenant_key("account_id", to="account", ondelete="CASCADE"),
        tenant_key("service_client_id", to="service_client", ondelete="CASCADE"),
        Index("ix_session_account", "tenant_id", "account_id"),
        Index("ix_session_service_client", "tenant_id", "service_client_id"),
        CheckConstraint("client IN ('app', 'browser', 'service')", name="client"),
        CheckConstraint("num_nonnulls(account_id, service_client_id) = 1", name="one_owner"),
    )

    account_id: Mapped[uuid.UUID | None]
    service_client_id: Mapped[uuid.UUID | None]
    client: Mapped[str]
    device: Mapped[str | None]
    scopes: Mapped[Strings] = mapped_column(server_default=text("'{}'"))
    generation: Mapped[int] = mapped_column(server_default="0")
    rotated_at: Mapped[Instant] = mapped_column(server_default=text("now()"))
    created_at: Mapped[Instant] = mapped_column(server_default=text("now()"))
    last_used_at: Mapped[Instant] = mapped_column(server_default=text("now()"))
    expires_at: Mapped[Instant]
    ended_at: Mapped[datetime | None]
    ended_because: Mapped[str | None]


class ServiceClient(TenantOwned, Stamped, Base):
    """A program that acts for the tenant, by client credentials."""

    __tablename__ = "service_client"
    __table_args__ = (
        UniqueConstraint("tenant_id", "name"),
        CheckConstraint("cardinality(secret_hashes) <= 2", name="two_secrets"),
    )

    name: Mapped[str]
    scopes: Mapped[Strings]
    secret_hashes: Mapped[Strings] = mapped_column(server_default=text("'{}'"))
    public_jwk: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    is_disabled: Mapped[bool] = mapped_column(server_default=text("false"))


class ClientAssertion(TenantOwned, Base):
    """A `private_key_jwt` assertion that was used; it may not be used again."""

    __tablename__ = "client_assertion"
    __table_args__ = (
        tenant_key("service_client_id", to="service_client", ondelete="CASCADE"),
        UniqueConstraint("tenant_id", "service_client_id", "jti_hash", name="uq_client_assertion_jti"),
    )

    service_client_id: Mapped[uuid.UUID]
    jti_hash: Mapped[bytes] = mapped_column(LargeBinary)
    expires_at: Mapped[Instant]


class SignInFailure(Base):
    """Failed attempts on one identifier from one address: they delay that address, never the child elsewhere.

    Of no tenant, and counted whether or not the identifier is known, so that the delay does not tell which ones are.
    """

    __tablename__ = "sign_in_failure"
    __table_args__ = (Index("ix_sign_in_failure_last_at", "last_at"),)

    subject_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    address_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    failures: Mapped[int]
    last_at: Mapped[Instant] = mapped_column(server_default=text("now()"))


class CredentialToken(TenantOwned, Base):
    """A one-time link by which an invited or forgetful person sets a password. Only its hash is kept."""

    __tablename__ = "credential_token"
    __table_args__ = (
        tenant_key("account_id", to="account", ondelete="CASCADE"),
        tenant_key("issued_by", to="account", ondelete="CASCADE"),
        Index("ix_credential_token_account", "tenant_id", "account_id"),
        Index("ix_credential_token_issued_by", "tenant_id", "issued_by"),
        CheckConstraint("purpose IN ('invitation', 'reset')", name="purpose"),
    )

    account_id: Mapped[uuid.UUID]
    issued_by: Mapped[uuid.UUID | None]
    """The account that handed it out, which must be allowed to until it is redeemed; null: an operator."""
    purpose: Mapped[str]
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    expires_at: Mapped[Instant]
    used_at: Mapped[datetime | None]
