"""Who signs in to the demo: one account for each way of being related to the first learner, and a service client."""

import asyncio
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any, get_args
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.passwords import PasswordHasher
from app.core.secrets import Keyring
from app.demo.ids import Kind
from app.demo.loader import RESTRICTED
from app.demo.names import PASSWORD_WORDS
from app.demo.world import Role, World, staff_number
from app.identity.identifiers import identifier_hash
from app.identity.models import Account, Login, ServiceClient
from app.identity.opaque import SECRET_PREFIX, ClientId, client_secret_hash
from app.identity.schemas.clients import Scope


@dataclass(frozen=True, slots=True)
class SignIn:
    """A demo account; the learner has a user name, as young pupils have no e-mail address, all others an e-mail."""

    label: str
    number: int
    person_id: UUID
    role: str
    identifier: str
    password: str


def sign_ins(world: World) -> Iterator[SignIn]:
    """The accounts of a tenant, first the learner."""
    people = {
        "learner": (Kind.LEARNER, 0, "student"),
        "other_learner": (Kind.LEARNER, world.other_learner, "student"),
        "teacher": (Kind.STAFF, staff_number(Role.TEACHER, 0), "teacher"),
        "other_teacher": (Kind.STAFF, world.other_teacher, "teacher"),
        "counselor": (Kind.STAFF, staff_number(Role.COUNSELOR, 0), "counselor"),
        "guardian": (Kind.GUARDIAN, 0, "guardian"),
        "restricted_guardian": (Kind.GUARDIAN, RESTRICTED, "guardian"),
        "mentor": (Kind.STAFF, staff_number(Role.MENTOR, 0), "mentor"),
        "school_admin": (Kind.STAFF, staff_number(Role.SCHOOL_ADMIN, 0), "school_admin"),
        "district_admin": (Kind.STAFF, staff_number(Role.DISTRICT_ADMIN, 0), "district_admin"),
        "case_manager": (Kind.STAFF, staff_number(Role.CASE_MANAGER, 0), "case_manager"),
    }
    for number, (label, (kind, person, role)) in enumerate(people.items()):
        name = label.replace("_", ".")
        identifier = f"{world.slug}.{name}" if label == "learner" else f"{name}@{world.slug}.example"
        yield SignIn(label, number, world.ids(kind, person), role, identifier, _password(world, label))


async def add_accounts(session: AsyncSession, world: World, keyring: Keyring, hasher: PasswordHasher) -> None:
    """Add the tenant's accounts and its service client to the session, which is bound to the tenant."""
    tenant_id, now = world.ids(Kind.TENANT, 0), datetime.now(UTC)
    people = list(sign_ins(world))
    hashes = await asyncio.gather(*(hasher.hash(person.password) for person in people))
    for person, password_hash in zip(people, hashes, strict=True):
        account_id = world.ids(Kind.ACCOUNT, person.number)
        has_email = "@" in person.identifier
        session.add(
            Account(
                tenant_id=tenant_id,
                id=account_id,
                person_id=person.person_id,
                email=person.identifier if has_email else None,
                username=None if has_email else person.identifier,
                password_hash=password_hash,
                password_changed_at=now,
            )
        )
    session.add(_service_client(world, keyring))
    await session.flush()
    for person in people:
        hashed = identifier_hash(keyring, person.identifier)
        account_id = world.ids(Kind.ACCOUNT, person.number)
        session.add(Login(identifier_hash=hashed, tenant_id=tenant_id, account_id=account_id))
    await session.flush()


def describe(world: World, keyring: Keyring) -> dict[str, Any]:
    """The tenant's part of `demo.json`."""
    tenant_id = world.ids(Kind.TENANT, 0)
    return {
        "id": str(tenant_id),
        "name": world.name,
        "slug": world.slug,
        "accounts": [
            {
                "label": person.label,
                "identifier": person.identifier,
                "password": person.password,
                "person_id": str(person.person_id),
                "roles": [person.role],
            }
            for person in sign_ins(world)
        ],
        "service_client": {
            "client_id": str(ClientId(tenant_id, world.ids(Kind.SERVICE_CLIENT, 0))),
            "client_secret": _client_secret(world, keyring),
        },
        "learner_id": str(world.ids(Kind.LEARNER, 0)),
        "plan_id": str(world.ids(Kind.PLAN, 0)),
    }


def _service_client(world: World, keyring: Keyring) -> ServiceClient:
    client_id = world.ids(Kind.SERVICE_CLIENT, 0)
    return ServiceClient(
        tenant_id=world.ids(Kind.TENANT, 0),
        id=client_id,
        name=world.text("Demo integration"),
        scopes=list(get_args(Scope)),
        secret_hashes=[client_secret_hash(keyring, client_id, _client_secret(world, keyring))],
    )


def _client_secret(world: World, keyring: Keyring) -> str:
    """Derived from the server's secret: nobody else can guess it, and `demo.json` can be written anew."""
    secret = keyring.mac("demo-client-secret", world.ids(Kind.TENANT, 0).bytes)
    return SECRET_PREFIX + urlsafe_b64encode(secret).rstrip(b"=").decode()


def _password(world: World, label: str) -> str:
    """Easy to type and the same for the same seed: these accounts are for trying out."""
    rng = Random(f"{world.seed}/{world.slug}/{label}/password")  # noqa: S311
    return "-".join((*rng.sample(PASSWORD_WORDS, 3), str(rng.randrange(10, 100))))
