"""Tokens for service clients: client credentials (RFC 6749), private_key_jwt (RFC 7523), revocation (RFC 7009)."""

import binascii
import time
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote_plus
from uuid import UUID

from sqlalchemy import delete, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.runtime import Runtime
from app.core.secrets import constant_time_equal
from app.core.security import (
    LIFETIME_SECONDS,
    InvalidToken,
    UnknownKey,
    assertion_issuer,
    verify_client_assertion,
)
from app.db.base import new_id
from app.identity.models import ClientAssertion, ServiceClient, Session
from app.identity.opaque import ClientId, client_secret_hash
from app.identity.service.trail import record_own

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
TOKEN_PATH = "/v1/oauth/token"  # noqa: S105
_NO_SECRET = "0" * 64


class OAuthError(Exception):
    """A refusal in the words of RFC 6749, section 5.2."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.description = description


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """How a client says who it is: by a secret (HTTP Basic) or by an assertion."""

    client_id: ClientId
    secret: str | None
    assertion: str | None


@dataclass(frozen=True, slots=True, repr=False)
class Granted:
    access_token: str
    scopes: frozenset[str]


async def grant(runtime: Runtime, authorization: str | None, form: Mapping[str, str], request_id: str) -> Granted:
    """Answer a token request: a ten-minute token with all of the client's scopes, or those it asks for."""
    if "grant_type" not in form:
        raise invalid_request("grant_type is missing.")
    if form["grant_type"] != "client_credentials":
        raise OAuthError(400, "unsupported_grant_type", "Only client_credentials.")
    credentials = _credentials(authorization, form)
    signer = await runtime.keys.signer()
    async with runtime.transaction(credentials.client_id.tenant_id) as session:
        client = await _authenticated(runtime, session, credentials)
        scopes = _scopes(client, form.get("scope", ""))
        opened = _new_session(client, scopes)
        session.add(opened)
        await record_own(session, client, opened, "sign_in", request_id)
    token = signer.issue(
        tenant_id=client.tenant_id,
        subject=client.id,
        session_id=opened.id,
        now=time.time(),
        kind="service",
        scopes=scopes,
    )
    return Granted(token, scopes)


async def revoke(runtime: Runtime, authorization: str | None, form: Mapping[str, str], request_id: str) -> None:
    """End the session behind one of the client's own tokens. A token that is not valid any more is no error."""
    if "token" not in form:
        raise invalid_request("token is missing.")
    credentials = _credentials(authorization, form)
    async with runtime.transaction(credentials.client_id.tenant_id) as session:
        client = await _authenticated(runtime, session, credentials)
    owner = await _owner_of(runtime, form["token"])
    if owner is None:
        return
    tenant_id, subject, session_id = owner
    if (tenant_id, subject) != (client.tenant_id, client.id):
        raise OAuthError(400, "invalid_grant", "The token was issued to another client.")
    async with runtime.transaction(tenant_id) as session:
        revoked = await session.scalar(
            update(Session)
            .where(Session.id == session_id, Session.service_client_id == client.id, Session.ended_at.is_(None))
            .values(ended_at=datetime.now(UTC), ended_because="revoked")
            .returning(Session)
        )
        if revoked is not None:
            await record_own(session, client, revoked, "revoke", request_id)


def _credentials(authorization: str | None, form: Mapping[str, str]) -> Credentials:
    if "client_secret" in form:
        raise invalid_client("Send the secret by HTTP Basic, not in the body.")
    if authorization is not None and "client_assertion" in form:
        raise invalid_request("Authenticate in one way only.")
    if authorization is not None:
        name, secret = _basic(authorization)
        found = Credentials(_client_id(name), secret, None)
    elif "client_assertion" in form:
        if form.get("client_assertion_type") != ASSERTION_TYPE:
            raise invalid_request(f"client_assertion_type must be {ASSERTION_TYPE}.")
        assertion = form["client_assertion"]
        found = Credentials(_client_id(assertion_issuer(assertion)), None, assertion)
    else:
        raise invalid_client("Authenticate by HTTP Basic or by a client_assertion.")
    if form.get("client_id", str(found.client_id)) != str(found.client_id):
        raise invalid_request("client_id is not the client that authenticates.")
    return found


def _basic(authorization: str) -> tuple[str, str]:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise invalid_client("Authenticate by HTTP Basic or by a client_assertion.")
    try:
        name, colon, secret = b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        raise invalid_client() from None
    if not colon:
        raise invalid_client()
    return unquote_plus(name), unquote_plus(secret)


def _client_id(text: str) -> ClientId:
    found = ClientId.read(text)
    if found is None:
        raise invalid_client()
    return found


async def _authenticated(runtime: Runtime, session: AsyncSession, given: Credentials) -> ServiceClient:
    client = await session.get(ServiceClient, (given.client_id.tenant_id, given.client_id.id))
    if given.secret is not None:
        is_right = _secret_fits(runtime, client, given.client_id.id, given.secret)
    else:
        is_right = client is not None and await _assertion_holds(runtime, session, client, given)
    if client is None or client.is_disabled or not is_right:
        raise invalid_client()
    return client


def _secret_fits(runtime: Runtime, client: ServiceClient | None, client_id: UUID, secret: str) -> bool:
    hashed = client_secret_hash(runtime.keyring, client_id, secret)
    known = client.secret_hashes if client else [_NO_SECRET]
    fits = [constant_time_equal(hashed, each) for each in known]
    return any(fits)


async def _assertion_holds(runtime: Runtime, session: AsyncSession, client: ServiceClient, given: Credentials) -> bool:
    """Whether the assertion is the client's and was not used before; from now on it was."""
    if client.public_jwk is None or given.assertion is None:
        return False
    issuer = runtime.settings.issuer
    try:
        found = verify_client_assertion(
            given.assertion,
            client.public_jwk,
            client_id=str(given.client_id),
            audiences=(issuer, issuer + TOKEN_PATH),
            now=time.time(),
        )
    except InvalidToken:
        return False
    await session.execute(
        delete(ClientAssertion).where(
            ClientAssertion.service_client_id == client.id, ClientAssertion.expires_at < datetime.now(UTC)
        )
    )
    used = await session.scalar(
        insert(ClientAssertion)
        .values(
            tenant_id=client.tenant_id,
            id=new_id(),
            service_client_id=client.id,
            jti_hash=runtime.keyring.mac("client-assertion", found.jti),
            expires_at=datetime.fromtimestamp(found.expires_at, UTC),
        )
        .on_conflict_do_nothing()
        .returning(ClientAssertion.id)
    )
    return used is not None


def _scopes(client: ServiceClient, asked: str) -> frozenset[str]:
    granted = frozenset(client.scopes)
    wanted = frozenset(asked.split(" ")) if asked else granted
    if not wanted <= granted:
        raise OAuthError(400, "invalid_scope", f"This client has: {' '.join(sorted(granted))}.")
    return wanted


def _new_session(client: ServiceClient, scopes: frozenset[str]) -> Session:
    return Session(
        tenant_id=client.tenant_id,
        id=new_id(),
        service_client_id=client.id,
        client="service",
        scopes=sorted(scopes),
        expires_at=datetime.now(UTC) + timedelta(seconds=LIFETIME_SECONDS),
    )


async def _owner_of(runtime: Runtime, token: str) -> tuple[UUID, UUID, UUID] | None:
    """Tenant, subject and session of an access token that is valid still."""
    now = time.time()
    for refresh in (False, True):
        try:
            claims = runtime.verifier.verify(token, await runtime.keys.public_keys(refresh=refresh), now)
        except UnknownKey:
            continue
        except InvalidToken:
            return None
        return claims.tenant_id, claims.subject, claims.session_id
    return None


def invalid_request(description: str) -> OAuthError:
    return OAuthError(400, "invalid_request", description)


def invalid_client(description: str = "The client is unknown or its credentials are wrong.") -> OAuthError:
    return OAuthError(401, "invalid_client", description)
