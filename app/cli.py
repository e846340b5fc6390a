"""The command line `plp`."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated
from uuid import UUID

import asyncpg
import typer
import uvicorn
from pydantic import SecretStr
from rich.table import Table
from sqlalchemy import pool
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from uvicorn.supervisors import Multiprocess

from app import __version__
from app.core.errors import database_problem
from app.core.logging import configure_logging, log
from app.core.secrets import Keyring, SealBroken
from app.core.sequencer import run_sequencer
from app.db import migrate
from app.db.cluster import EmbeddedServerError, exclusive
from app.db.engine import async_url
from app.db.read import bind_tenant
from app.db.roles import check_role
from app.demo import prepare
from app.demo.display import loading, show
from app.demo.prepare import Choice, DemoError
from app.demo.world import MINIMUM_LEARNERS
from app.identity.keys import SigningKeys, ensure_keys, rotate_keys
from app.identity.service.accounts import create_account_for_operator, find_tenant
from app.integrations.case.importer import ImportReport, import_file
from app.integrations.case.reader import PackageError
from app.main import create_app, json_text
from app.roster.founding import Newcomer, add_newcomer, found_tenant
from app.roster.models import ROLES
from app.settings import Settings, check_address
from app.terminal import complaints, console, database_complaints, fail, read_settings

GRACE_SECONDS = 20
KEEP_ALIVE_SECONDS = 75
CONNECTIONS = 1000
"""Open connections of one process beyond which the next are answered 503, before they cost anything more."""

plp = typer.Typer(
    help="REST backend for personalized learning plans.", no_args_is_help=True, pretty_exceptions_enable=False
)
imports = typer.Typer(help="Bring data in.", no_args_is_help=True)
keys = typer.Typer(help="The keys that sign access tokens.", no_args_is_help=True)
accounts = typer.Typer(help="Who can sign in.", no_args_is_help=True)
plp.add_typer(imports, name="import")
plp.add_typer(keys, name="keys")
plp.add_typer(accounts, name="account")

DataDir = Annotated[Path, typer.Option(help="Where the demo keeps its data; unused where DATABASE_URL is set.")]
DEMO_DIR = Path(".plp")
Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes any that is free.")]


def main() -> None:
    """Run the command line."""
    plp()


@plp.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


@plp.command()
def serve(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    workers: Annotated[int, typer.Option(min=1, help="Processes that serve.")] = 1,
) -> None:
    """Serve the API; settings come from the environment."""
    settings = read_settings()
    with _listening(host, port) as listener:
        _serve(settings, listener, workers)


@plp.command("migrate")
def migrate_database() -> None:
    """Bring the database of MIGRATION_DATABASE_URL to the newest schema."""
    dsn = os.environ.get("MIGRATION_DATABASE_URL") or fail("MIGRATION_DATABASE_URL is not set.")
    try:
        check_address(dsn)
    except ValueError as error:
        fail(f"MIGRATION_DATABASE_URL: {error}")
    with database_complaints():
        migrate.upgrade(dsn)
    console.print("The schema is up to date.")


@plp.command()
def worker() -> None:
    """Number events and clear away what has expired, until stopped."""
    settings = read_settings()
    if settings.system_database_url is None:
        fail("SYSTEM_DATABASE_URL is not set.")
    configure_logging(settings.log_level)
    asyncio.run(_work(settings))


@plp.command()
def openapi(
    output: Annotated[Path | None, typer.Option(help="File to write; standard output if there is none.")] = None,
) -> None:
    """Print the OpenAPI document."""
    nowhere = Settings(database_url=SecretStr("postgresql://localhost/none"), secret_key=SecretStr("-" * 32))
    document = json_text(create_app(nowhere).openapi())
    if output is None:
        typer.echo(document, nl=False)
    else:
        output.write_text(document, encoding="utf-8")


@imports.command("case")
def import_case(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A CFPackage as JSON.")],
    tenant: Annotated[str | None, typer.Option(help="Slug of the tenant; not needed where there is only one.")] = None,
    data_dir: DataDir = DEMO_DIR,
) -> None:
    """Import a framework of competencies from a CASE package."""
    with _operating(data_dir) as settings:
        try:
            report = asyncio.run(_import_case(settings, file, tenant))
        except PackageError as error:
            fail(str(error))
    _show_import(report)


@keys.command()
def rotate(data_dir: DataDir = DEMO_DIR) -> None:
    """Sign with the next key from now on; the old one verifies until its last token has expired."""
    with _operating(data_dir) as settings:
        kid = asyncio.run(_rotate(settings))
    typer.echo(f"Tokens are now signed with {kid}.")


@accounts.command()
def create(
    tenant: Annotated[str, typer.Option(help="Slug of the tenant.")],
    tenant_name: Annotated[str | None, typer.Option(help="Make the tenant, with this name, if it is new.")] = None,
    person: Annotated[UUID | None, typer.Option(help="Id of a person who is in the roster.")] = None,
    given_name: Annotated[str | None, typer.Option(help="Given name of a new person.")] = None,
    family_name: Annotated[str | None, typer.Option(help="Family name of a new person.")] = None,
    role: Annotated[str, typer.Option(help="Role of a new person at the district.")] = "district_admin",
    email: Annotated[str | None, typer.Option(help="E-mail address to sign in with.")] = None,
    user_name: Annotated[str | None, typer.Option(help="User name to sign in with.")] = None,
    data_dir: DataDir = DEMO_DIR,
) -> None:
    """Make an account and print its invitation: a token with which a password can be set, once."""
    if email is None and user_name is None:
        fail("Give --email or --user-name.")
    if role not in ROLES:
        fail(f"--role is one of: {', '.join(ROLES)}.")
    newcomer = Newcomer(given_name, family_name, role) if given_name and family_name else None
    who = person or newcomer
    if who is None or (person and newcomer):
        fail("Give either --person, or --given-name and --family-name.")
    with _operating(data_dir) as settings:
        try:
            invitation = asyncio.run(_create_account(settings, tenant, tenant_name, who, email, user_name))
        except IntegrityError as error:
            problem = database_problem(error)
            if problem is None:
                raise
            fail(f"There is no person {person} in {tenant}." if problem.status == 404 else problem.detail)
    typer.echo(invitation)


@plp.command()
def demo(
    port: Port = 8000,
    data_dir: Annotated[Path, typer.Option(help="Where the demo keeps its data.")] = DEMO_DIR,
    learners: Annotated[
        int | None, typer.Option(min=MINIMUM_LEARNERS, help="Learners in the district (150 if not said).")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Another seed, other people.")] = None,
    framework: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, envvar="PLP_DEMO_FRAMEWORK", help="CASE package to load."),
    ] = None,
    serve: Annotated[bool, typer.Option(help="Serve when everything is loaded.")] = True,
) -> None:
    """Start a demo district on a database of its own; a second start goes on with the same data."""
    try:
        with ExitStack() as stack:
            stack.enter_context(_ending_on_sigterm())
            listener = stack.enter_context(_listening("127.0.0.1", port)) if serve else None
            bound = listener.getsockname()[1] if listener else port
            settings = _prepare_demo(stack, data_dir, f"http://127.0.0.1:{bound}", seed, learners, framework)
            if listener:
                _serve(settings, listener, workers=1)
    except (DemoError, EmbeddedServerError, PackageError) as error:
        fail(str(error))
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


@contextmanager
def _ending_on_sigterm() -> Iterator[None]:
    """End on SIGTERM the way Ctrl-C ends us: by an exception, so that the embedded server is stopped."""
    before = signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _prepare_demo(
    stack: ExitStack, data_dir: Path, base_url: str, seed: int | None, learners: int | None, framework: Path | None
) -> Settings:
    """Make the demo ready and say how to use it; what must live while it serves goes onto the stack."""
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with exclusive(data_dir):
        choice = Choice.of(data_dir, seed, learners)
        secret = prepare.secret_key(data_dir)
        with console.status("Starting the database …"):
            addresses = stack.enter_context(prepare.database(data_dir))
        with database_complaints(), loading(console, choice) as advance:
            prepare.prepare(addresses, secret, choice, prepare.framework_file(framework), advance)
        path = prepare.write_demo_json(data_dir, base_url, secret, choice)
    show(console, base_url, path, choice)
    return prepare.demo_settings(addresses, secret, base_url)


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    """A bound socket, taken before anything else starts, so that a taken port is found at once."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        fail(
            f"Cannot listen on {host}, port {port}: {error.strerror}. Is another server running? "
            "Try another --port, as in `.venv/bin/plp demo --port 8001`."
        )
    with listener:
        listener.set_inheritable(True)
        yield listener


def _serve(settings: Settings, listener: socket.socket, workers: int) -> None:
    """Serve until SIGINT or SIGTERM; requests that are being answered are given time to finish."""
    with database_complaints():
        asyncio.run(_make_ready(settings))
    config = uvicorn.Config(
        partial(create_app, settings),
        factory=True,
        workers=workers,
        log_config=None,
        access_log=False,
        server_header=False,
        # Whose X-Forwarded-For counts is for the operator to say; uvicorn itself would believe any local process.
        proxy_headers="FORWARDED_ALLOW_IPS" in os.environ,
        ws="none",
        limit_concurrency=CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    if workers > 1:
        Multiprocess(config, sockets=[listener]).run()
        return
    server = uvicorn.Server(config)
    try:
        server.run(sockets=[listener])
    except KeyboardInterrupt:
        return
    if not server.started:
        raise typer.Exit(3)


async def _make_ready(settings: Settings) -> None:
    await check_role(settings.database_url.get_secret_value())
    async with _engine(settings) as engine:
        await _make_keys(engine, settings)


async def _make_keys(engine: AsyncEngine, settings: Settings) -> None:
    """The signing keys, made where they are missing; they tell whether the database was begun with this SECRET_KEY."""
    keyring = _keyring(settings)
    async with AsyncSession(engine) as session, session.begin():
        await ensure_keys(session, keyring)
    try:
        await SigningKeys(engine, keyring, settings.issuer).signer()
    except SealBroken:
        fail("SECRET_KEY is not the one that this database was begun with, and without that one nobody can sign in.")


async def _work(settings: Settings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    log.info("worker_started")
    await run_sequencer(settings, stop)


async def _rotate(settings: Settings) -> str:
    async with _engine(settings) as engine:
        await _make_keys(engine, settings)
        async with AsyncSession(engine) as session, session.begin():
            return await rotate_keys(session, _keyring(settings))


async def _import_case(settings: Settings, file: Path, slug: str | None) -> ImportReport:
    async with _engine(settings) as engine:
        async with AsyncSession(engine) as session:
            tenant_id = await find_tenant(session, slug) if slug else await _only_tenant(settings)
        if tenant_id is None:
            fail(f"There is no tenant {slug}.")
        return await import_file(async_sessionmaker(engine), tenant_id, file)


async def _create_account(
    settings: Settings,
    slug: str,
    tenant_name: str | None,
    person: UUID | Newcomer,
    email: str | None,
    user_name: str | None,
) -> str:
    async with _engine(settings) as engine:
        await _make_keys(engine, settings)
        async with AsyncSession(engine) as session, session.begin():
            tenant_id = await find_tenant(session, slug)
            if tenant_id is None:
                if tenant_name is None:
                    fail(f"There is no tenant {slug}; name it with --tenant-name to make it.")
                tenant_id = await found_tenant(session, slug, tenant_name)
            await bind_tenant(session, tenant_id)
            person_id = await add_newcomer(session, tenant_id, person) if isinstance(person, Newcomer) else person
            return await create_account_for_operator(
                session, _keyring(settings), tenant_id, person_id=person_id, email=email, username=user_name
            )


async def _only_tenant(settings: Settings) -> UUID:
    """The tenant, where there is one only; plp_system alone sees which there are."""
    if settings.system_database_url is None:
        fail("Name the tenant with --tenant, or set SYSTEM_DATABASE_URL.")
    connection = await asyncpg.connect(settings.system_database_url.get_secret_value(), timeout=5)
    try:
        tenants = await connection.fetch("SELECT slug, id FROM tenant ORDER BY slug")
    finally:
        await connection.close()
    if len(tenants) != 1:
        fail(f"Name the tenant with --tenant, one of: {', '.join(row['slug'] for row in tenants) or 'none yet'}.")
    return UUID(str(tenants[0]["id"]))


@asynccontextmanager
async def _engine(settings: Settings) -> AsyncIterator[AsyncEngine]:
    """The database as plp_app, without the time limits of a server."""
    engine = create_async_engine(async_url(settings.database_url.get_secret_value()), poolclass=pool.NullPool)
    yield engine
    await engine.dispose()


def _show_import(report: ImportReport) -> None:
    table = Table("", "created", "updated", "unchanged", "missing", title=report.title, title_justify="left")
    for name, counts in report.counts().items():
        numbers = (counts.created, counts.updated, counts.unchanged, counts.missing)
        table.add_row(name, *map(str, numbers))
    console.print(table)
    for problem in report.problems:
        complaints.print(f"{problem.path}: {problem.detail}", markup=False, highlight=False)


@contextmanager
def _operating(data_dir: Path) -> Iterator[Settings]:
    """The database to work on: the environment's, else that of a demo."""
    with database_complaints():
        if "DATABASE_URL" in os.environ or not (data_dir / "world.json").exists():
            yield read_settings()
            return
        with prepare.database(data_dir) as addresses:
            yield prepare.demo_settings(
                addresses, prepare.secret_key(data_dir), Settings.model_fields["public_url"].default
            )


def _keyring(settings: Settings) -> Keyring:
    return Keyring(settings.secret_key.get_secret_value().encode())
