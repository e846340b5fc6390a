"""Idempotency keys: key row, effect and stored reply commit together, so a retry cannot do a thing twice.

Keys are stored hashed and replies sealed under the server's secret and the key itself, for a reply may hold a share
link. A key belongs to its account or service client; another caller's equal key is independent.

A replay shows a record again, so it asks for rights again: what was done to a learner's record is told to who may still
read that part of it, and everything else to who has the same roles and scopes as then. Others get the 404 of a read.
"""

import json
import re
import uuid
from base64 import b64decode, b64encode
from dataclasses import dataclass

from sqlalchemy import LargeBinary, UniqueConstraint, column, func, literal, or_, select, table, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Uuid
from starlette.responses import Response

from app.core.access import PERSON, granted_items, visible
from app.core.errors import Problem, not_found, validation
from app.core.principal import Principal
from app.core.rules import AUTHORED, PLAN_BOUND, Section
from app.core.secrets import Keyring, constant_time_equal
from app.db.base import Base, Instant, TenantOwned

KEY_FORMAT = re.compile(r"[\x21-\x7e]{1,200}")
REPLAYED = "Idempotency-Replayed"
KEPT_DAYS = 90

_learner = table("learner", column("tenant_id", Uuid()), column("id", Uuid()), column("school_id", Uuid()))


@dataclass(frozen=True)
class Subject:
    """The part of a learner's record that a request changed."""

    learner_id: uuid.UUID
    section: Section
    plan_id: uuid.UUID | None = None
    item_id: uuid.UUID | None = None
    """The goal, where it is about one: a grant may reach that alone."""


class IdempotencyKey(TenantOwned, Base):
    """A key that was used, what it was used for, and the reply it got."""

    __tablename__ = "idempotency_key"
    __table_args__ = (
        UniqueConstraint("tenant_id", "owner_id", "key_hash", name="uq_idempotency_key"),
        {"info": {"sections": ()}},  # each row names its own
    )

    owner_id: Mapped[uuid.UUID]
    key_hash: Mapped[bytes] = mapped_column(LargeBinary)
    request_hash: Mapped[bytes] = mapped_column(LargeBinary)
    reply_sealed: Mapped[bytes] = mapped_column(LargeBinary)
    learner_id: Mapped[uuid.UUID | None]
    plan_id: Mapped[uuid.UUID | None]
    item_id: Mapped[uuid.UUID | None]
    section: Mapped[str | None]
    rights_hash: Mapped[bytes] = mapped_column(LargeBinary, server_default=text("''"))
    """Of the caller's roles and scopes; empty, as none is, where they are not known."""
    created_at: Mapped[Instant] = mapped_column(server_default=text("now()"))


def check_key(key: str) -> str:
    """Raise 422 unless the key is 1 to 200 printable ASCII characters."""
    if not KEY_FORMAT.fullmatch(key):
        raise validation(
            [
                {
                    "pointer": "header:Idempotency-Key",
                    "code": "key_format",
                    "detail": "Must be 1 to 200 printable characters.",
                }
            ]
        )
    return key


@dataclass(frozen=True)
class KeyedRequest:
    """One use of a key: `method`, `target` (path and query) and body identify the request it is used for."""

    keyring: Keyring
    principal: Principal
    key: str
    method: str
    target: str
    body: bytes

    @property
    def _key_hash(self) -> bytes:
        return self.keyring.mac("idempotency-key", self.principal.owner_id.bytes, self.key)

    @property
    def _request_hash(self) -> bytes:
        return self.keyring.mac("idempotency-request", self.method, self.target, self.body)

    @property
    def _rights_hash(self) -> bytes:
        rights = sorted(f"{role} {org_id}" for role, org_id in self.principal.roles), sorted(self.principal.scopes)
        return self.keyring.mac("idempotency-rights", json.dumps(rights))

    @property
    def _sealing(self) -> str:
        return f"idempotency-reply:{self.key}"

    async def claim(self, session: AsyncSession) -> Response | None:
        """The stored reply if the key was used for this request; None if the caller now holds the key.

        Raises 409 while another request holds it, 422 if it was used for something else, and 404 if the caller may not
        see any more what the reply shows.
        """
        lock = int.from_bytes(self._key_hash[:8], "big", signed=True)
        if not await session.scalar(select(func.pg_try_advisory_xact_lock(lock))):
            raise Problem(
                409,
                "idempotency_key_in_flight",
                "Not possible now",
                "A request with this Idempotency-Key is still being worked on.",
                headers={"Retry-After": "1"},
            )
        found = await session.scalar(
            select(IdempotencyKey).where(
                IdempotencyKey.owner_id == self.principal.owner_id, IdempotencyKey.key_hash == self._key_hash
            )
        )
        if found is None:
            return None
        if found.request_hash != self._request_hash:
            raise Problem(
                422,
                "idempotency_key_reused",
                "Not valid",
                "This Idempotency-Key was used for another request. Use a new one.",
            )
        if not await self._may_see(session, found):
            raise not_found()
        return self._unseal(found.reply_sealed)

    async def _may_see(self, session: AsyncSession, found: IdempotencyKey) -> bool:
        if found.learner_id is None or found.section is None:
            return constant_time_equal(found.rights_hash, self._rights_hash)
        section = Section(found.section)
        still_visible = visible(
            self.principal.shape,
            section,
            tenant_id=_learner.c.tenant_id,
            learner_id=_learner.c.id,
            school_id=_learner.c.school_id,
            plan_id=literal(found.plan_id, Uuid()) if section in PLAN_BOUND else None,
            author_id=PERSON if section in AUTHORED else None,  # who wrote it holds the key
        )
        if found.item_id is not None and self.principal.shape.is_scoped:
            items = granted_items(self.principal.shape, section)
            still_visible = or_(still_visible, literal(found.item_id, Uuid()).in_(items))
        is_visible = select(_learner.c.id).where(_learner.c.id == found.learner_id, still_visible)
        return await session.scalar(is_visible, self.principal.binds()) is not None

    def store(self, session: AsyncSession, reply: Response, subject: Subject | None = None) -> None:
        """Keep the reply under the key, in the transaction of its effect; `subject` is what the reply is about."""
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in reply.raw_headers]
        stored = json.dumps([reply.status_code, headers, b64encode(bytes(reply.body)).decode()]).encode()
        session.add(
            IdempotencyKey(
                tenant_id=self.principal.tenant_id,
                owner_id=self.principal.owner_id,
                key_hash=self._key_hash,
                request_hash=self._request_hash,
                reply_sealed=self.keyring.seal(self._sealing, stored),
                learner_id=subject and subject.learner_id,
                plan_id=subject and subject.plan_id,
                item_id=subject and subject.item_id,
                section=subject and subject.section.value,
                rights_hash=self._rights_hash,
            )
        )

    def _unseal(self, sealed: bytes) -> Response:
        status, headers, body = json.loads(self.keyring.open(self._sealing, sealed))
        reply = Response(b64decode(body), status_code=status)
        reply.raw_headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        reply.headers[REPLAYED] = "true"
        return reply


def is_stored(problem: Problem) -> bool:
    """Refusals by a rule of the domain are part of the outcome; those of rights, preconditions or load are not."""
    return problem.status in (409, 422)
