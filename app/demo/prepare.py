"""Makes a directory into a running demo: database, schema, secret, the district and its twin, `demo.json`."""

import asyncio
import json
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import asyncpg
from pydantic import SecretStr
from sqlalchemy import pool, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from app.core.passwords import PasswordHasher
from app.core.secrets import Keyring
from app.db import embedded, migrate
from app.db.cluster import write_private
from app.db.engine import async_url
from app.db.read import bind_tenant
from app.demo.accounts import add_accounts, describe, sign_ins
from app.demo.ids import Kind
from app.demo.loader import load
from app.demo.world import World, worlds
from app.identity.identifiers import identifier_hash
from app.identity.models import Login, Tenant
from app.integrations import case
from app.integrations.case.reader import Package, read_package
from app.learners.models import Learner
from app.settings import Settings

DEFAULT_LEARNERS = 150
DEFAULT_SEED = 1
DATABASE = "plp"
ADDRESS_NAMES = ("DATABASE_URL", "MIGRATION_DATABASE_URL", "SYSTEM_DATABASE_URL")
OWN_FRAMEWORK = Path(case.__file__).with_name("demo_framework.json")
SHARED_FRAMEWORK = Path("../shared/data/case/smarter-balanced-math.cfpackage.json")
"""A real framework, where one lies beside the project."""

Advance = Callable[[World, int], None]


class DemoError(RuntimeError):
    """The demo cannot be made ready; the text says why and what to do."""


@dataclass(frozen=True)
class Addresses:
    """The database, by role: plp_app, plp_owner, plp_system."""

    app: str
    owner: str
    system: str


@dataclass(frozen=True)
class Choice:
    """What decides how the district looks."""

    seed: int
    learners: int

    @classmethod
    def of(cls, data_dir: Path, seed: int | None, learners: int | None) -> "Choice":
        """What was chosen when the data was made, else what is chosen now; both must agree."""
        path = data_dir / "world.json"
        if path.exists():
            made = cls(**json.loads(path.read_text()))
            if seed not in (None, made.seed) or learners not in (None, made.learners):
                raise DemoError(
                    f"The data in {data_dir} was made with --seed {made.seed} --learners {made.learners}; "
                    "choose another --data-dir, or remove this one."
                )
            return made
        choice = cls(DEFAULT_SEED if seed is None else seed, DEFAULT_LEARNERS if learners is None else learners)
        write_private(path, json.dumps(asdict(choice)))
        return choice

    @property
    def worlds(self) -> tuple[World, World]:
        return worlds(self.seed, self.learners, DEFAULT_LEARNERS)


@contextmanager
def database(data_dir: Path) -> Iterator[Addresses]:
    """The database that the environment names, else an embedded server below the directory."""
    if "DATABASE_URL" in os.environ:
        missing = [name for name in ADDRESS_NAMES if not os.environ.get(name)]
        if missing:
            raise DemoError(f"DATABASE_URL is set, so {' and '.join(missing)} must be set too; or unset it.")
        yield Addresses(*(os.environ[name] for name in ADDRESS_NAMES))
        return
    with embedded.running(data_dir / "postgres") as server:
        if not server.has_database(DATABASE):
            server.create_database(DATABASE)
        yield Addresses(*(server.url(role, DATABASE) for role in ("plp_app", "plp_owner", "plp_system")))


def secret_key(data_dir: Path) -> str:
    """The server's secret: from the environment, else made once and kept in the directory."""
    if given := os.environ.get("SECRET_KEY"):
        return given
    path = data_dir / "secret"
    if not path.exists():
        write_private(path, secrets.token_urlsafe(48))
    return path.read_text()


def framework_file(chosen: Path | None) -> Path:
    """The CASE package of the demo: the chosen one, one that lies beside the project, else our own small one."""
    if chosen is not None:
        return chosen
    project = Path(__file__).resolve().parents[2]
    return next((path for path in (SHARED_FRAMEWORK, project / SHARED_FRAMEWORK) if path.exists()), OWN_FRAMEWORK)


def prepare(addresses: Addresses, secret: str, choice: Choice, framework: Path, advance: Advance) -> None:
    """Migrate, and load what is not loaded. Killed at any point, the next call completes it."""
    migrate.upgrade(addresses.owner)
    keyring = Keyring(secret.encode())
    missing = asyncio.run(_missing(addresses, choice, keyring))
    for world in choice.worlds:
        advance(world, 0 if world in missing else world.count)
    if missing:
        package = read_package(framework.read_bytes(), framework.name)
        asyncio.run(_load(addresses, missing, package, keyring, advance))


def demo_settings(addresses: Addresses, secret: str, base_url: str) -> Settings:
    """The settings that the demo serves with."""
    return Settings(
        database_url=SecretStr(addresses.app),
        migration_database_url=SecretStr(addresses.owner),
        system_database_url=SecretStr(addresses.system),
        secret_key=SecretStr(secret),
        public_url=base_url,
    )


def write_demo_json(data_dir: Path, base_url: str, secret: str, choice: Choice) -> Path:
    """Write what a client needs to try the demo; only we can read it, for it holds passwords."""
    keyring = Keyring(secret.encode())
    content = {"base_url": base_url, "tenants": [describe(world, keyring) for world in choice.worlds]}
    path = data_dir / "demo.json"
    write_private(path, json.dumps(content, ensure_ascii=False, indent=2) + "\n")
    return path


async def _missing(addresses: Addresses, choice: Choice, keyring: Keyring) -> list[World]:
    engine = _engine(addresses)
    return [world for world in choice.worlds if not await _is_loaded(engine, world, keyring)]


async def _is_loaded(engine: AsyncEngine, world: World, keyring: Keyring) -> bool:
    """Whether the tenant is there; it was loaded in one transaction, so then it is whole."""
    tenant_id = world.ids(Kind.TENANT, 0)
    async with AsyncSession(engine) as session, session.begin():
        await bind_tenant(session, tenant_id)
        if await session.get(Tenant, tenant_id) is None:
            return False
        hashed = identifier_hash(keyring, next(sign_ins(world)).identifier)
        if await session.get(Login, (hashed, tenant_id)) is None:
            raise DemoError("The database holds a demo district that was made with another SECRET_KEY.")
        last, beyond = (world.ids(Kind.LEARNER, number) for number in (world.count - 1, world.count))
        found = set(await session.scalars(select(Learner.id).where(Learner.id.in_([last, beyond]))))
        if found != {last}:
            raise DemoError("The database holds a demo district with another number of learners.")
    return True


async def _load(
    addresses: Addresses, missing: list[World], package: Package, keyring: Keyring, advance: Advance
) -> None:
    engine, hasher, today = _engine(addresses), PasswordHasher(patience=60.0), datetime.now(UTC).date()
    try:
        for world in missing:
            async with AsyncSession(engine) as session, session.begin():
                await load(session, world, package, today, partial(advance, world))
                await add_accounts(session, world, keyring, hasher)
    except IntegrityError as error:
        if "uq_tenant_slug" not in str(error.orig):
            raise
        raise DemoError("The database holds a demo district that was made with another --seed.") from None
    finally:
        hasher.close()
    await _vacuum(addresses.owner)


def _engine(addresses: Addresses) -> AsyncEngine:
    return create_async_engine(async_url(addresses.app), poolclass=pool.NullPool)


async def _vacuum(dsn: str) -> None:
    """Let the planner know what was loaded, and reads find it clean; only the owner may."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("VACUUM (ANALYZE)")
    finally:
        await connection.close()
