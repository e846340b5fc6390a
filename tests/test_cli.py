"""The command line: what it prints, what it refuses, and a demo from the first start to the last signal."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from typer.testing import CliRunner

from app import __version__
from app.cli import plp
from app.db import embedded
from app.db.roles import UnsafeRole, check_role
from app.demo.prepare import OWN_FRAMEWORK
from tests.conftest import SECRET_KEY
from tests.databases import Database

ROOT = Path(__file__).parents[1]
NAMES = ("DATABASE_URL", "MIGRATION_DATABASE_URL", "SYSTEM_DATABASE_URL", "SECRET_KEY", "PLP_DEMO_FRAMEWORK")


@pytest.fixture(autouse=True)
def no_settings_of_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither the environment nor the working directory has a say."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def at_database(monkeypatch: pytest.MonkeyPatch) -> Callable[[Database], None]:
    """Let the environment name a database."""

    def name(database: Database) -> None:
        monkeypatch.setenv("DATABASE_URL", database.app)
        monkeypatch.setenv("MIGRATION_DATABASE_URL", database.owner)
        monkeypatch.setenv("SYSTEM_DATABASE_URL", database.system)
        monkeypatch.setenv("SECRET_KEY", SECRET_KEY)

    return name


def run(*arguments: str, status: int = 0) -> str:
    """Run a command to its end; returns what it printed."""
    result = CliRunner().invoke(plp, arguments)
    assert result.exit_code == status, result.output
    return result.output


def start(*arguments: str) -> subprocess.Popen[str]:
    """Start a command as a process of its own: what sets up logging would spoil ours."""
    command = [sys.executable, "-c", "from app.cli import main; main()", *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def count(database: Database, query: str) -> Any:
    async def ask() -> Any:
        connection = await asyncpg.connect(database.superuser)
        try:
            return await connection.fetchval(query)
        finally:
            await connection.close()

    return asyncio.run(ask())


def test_version_is_the_packages() -> None:
    assert run("version") == f"{__version__}\n"


def test_openapi_is_the_document_that_is_served(app: FastAPI, tmp_path: Path) -> None:
    path = tmp_path / "openapi.json"
    printed, _ = start("openapi").communicate()
    start("openapi", "--output", str(path)).communicate()
    assert json.loads(printed) == app.openapi()
    assert path.read_text() == printed


def test_missing_settings_are_named() -> None:
    assert run("serve", "--port", "0", status=1) == "DATABASE_URL: Field required\nSECRET_KEY: Field required\n"


def test_a_weak_secret_is_refused_without_showing_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://localhost/none")
    monkeypatch.setenv("SECRET_KEY", "hunter2")
    printed = run("serve", "--port", "0", status=1)
    assert "at least 32 characters" in printed
    assert "hunter2" not in printed


@pytest.mark.parametrize("address", ["sqlite:///secret", "postgresql://[secret", "secret"])
def test_an_address_that_is_no_postgresql_is_refused(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("DATABASE_URL", address)
    monkeypatch.setenv("SECRET_KEY", SECRET_KEY)
    monkeypatch.setenv("MIGRATION_DATABASE_URL", address)
    for printed in (run("serve", "--port", "0", status=1), run("migrate", status=1)):
        assert "DATABASE_URL: must be the address of a PostgreSQL database" in printed
        assert "secret" not in printed


def test_another_secret_than_the_databases_is_refused(
    new_database: Callable[[], Database], at_database: Callable[[Database], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    at_database(new_database())
    run("keys", "rotate")
    monkeypatch.setenv("SECRET_KEY", SECRET_KEY[::-1])
    create = ("account", "create", "--tenant", "elm", "--tenant-name", "Elm", "--email", "a@elm.example")
    for command in (("serve", "--port", "0"), ("keys", "rotate"), (*create, "--given-name", "A", "--family-name", "B")):
        assert "SECRET_KEY is not the one" in run(*command, status=1)


def test_serve_refuses_the_role_of_the_owner(
    new_database: Callable[[], Database], at_database: Callable[[Database], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    database = new_database()
    at_database(database)
    monkeypatch.setenv("DATABASE_URL", database.owner)
    assert "owns the tables" in run("serve", "--port", "0", status=1)


def test_a_database_that_is_away_is_reported_in_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql://plp_app:s3cret@/plp?host={tmp_path}")
    monkeypatch.setenv("SECRET_KEY", SECRET_KEY)
    assert run("serve", "--port", "0", status=1) == "The database cannot be reached (FileNotFoundError).\n"


def test_a_wrong_password_is_reported_without_it(
    new_database: Callable[[], Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = new_database().owner
    monkeypatch.setenv("MIGRATION_DATABASE_URL", owner.replace("plp_owner:", "plp_owner:wrong"))
    printed = run("migrate", status=1)
    assert "The database refuses the password" in printed
    assert "wrong" not in printed


def test_a_schema_that_is_missing_is_named(
    new_database: Callable[..., Database], at_database: Callable[[Database], None]
) -> None:
    at_database(new_database(template=None))
    assert "run `plp migrate`" in run("keys", "rotate", status=1)


def test_migrate_brings_an_empty_database_to_the_newest_schema(
    new_database: Callable[..., Database], at_database: Callable[[Database], None]
) -> None:
    database = new_database(template=None)
    at_database(database)
    run("migrate")
    run("migrate")
    assert count(database, "SELECT count(*) FROM tenant") == 0


def test_rotating_keys_takes_the_next_into_use(
    new_database: Callable[[], Database], at_database: Callable[[Database], None]
) -> None:
    database = new_database()
    at_database(database)
    kids = [run("keys", "rotate").split()[-1].rstrip(".") for _ in range(2)]
    signing = "SELECT kid FROM signing_key WHERE activated_at IS NOT NULL AND retired_at IS NULL"
    assert count(database, signing) == kids[1] != kids[0]


def test_an_account_can_begin_a_tenant(
    new_database: Callable[[], Database], at_database: Callable[[Database], None]
) -> None:
    database = new_database()
    at_database(database)
    who = ("--given-name", "Ada", "--family-name", "Ng")
    create = ("account", "create", "--tenant", "elm")
    assert "--tenant-name" in run(*create, *who, "--email", "ada@elm.example", status=1)
    first = run(*create, "--tenant-name", "Elm Schools", *who, "--email", "ada@elm.example")
    second = run(*create, *who, "--user-name", "ada.ng", "--role", "teacher")
    assert first != second
    assert "signs in by that e-mail" in run(*create, *who, "--email", "Ada@elm.example", status=1)
    nobody = run(*create, "--person", "01934b5e-7f6a-7c3e-9d0a-000000000001", "--email", "b@elm.example", status=1)
    assert "There is no person 01934b5e" in nobody
    known = count(database, "SELECT person_id FROM account LIMIT 1")
    assert "has an account already" in run(*create, "--person", str(known), "--email", "b@elm.example", status=1)
    assert count(database, "SELECT count(*) FROM account WHERE password_hash IS NULL") == 2
    roles = "SELECT string_agg(r.role, ' ' ORDER BY r.role) FROM role_assignment r JOIN org o ON o.id = r.org_id"
    assert count(database, roles) == "district_admin teacher"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "--email or --user-name"),
        (("--email", "a@b.example"), "either --person, or"),
        (("--email", "a@b.example", "--given-name", "A"), "either --person, or"),
        (("--email", "a@b.example", "--given-name", "A", "--family-name", "B", "--role", "king"), "--role is one of"),
    ],
)
def test_an_account_needs_a_person_a_name_and_a_role(arguments: tuple[str, ...], complaint: str) -> None:
    assert complaint in run("account", "create", "--tenant", "elm", *arguments, status=1)


def test_a_framework_is_imported_for_the_only_tenant(
    new_database: Callable[[], Database], at_database: Callable[[Database], None], tmp_path: Path
) -> None:
    database = new_database()
    at_database(database)
    assert "one of: none yet" in run("import", "case", str(OWN_FRAMEWORK), status=1)
    admin = ("--given-name", "Ada", "--family-name", "Ng", "--email", "ada@elm.example")
    run("account", "create", "--tenant", "elm", "--tenant-name", "Elm Schools", *admin)
    assert "Everyday Skills" in run("import", "case", str(OWN_FRAMEWORK))
    assert "There is no tenant oak" in run("import", "case", str(OWN_FRAMEWORK), "--tenant", "oak", status=1)
    assert count(database, "SELECT count(*) FROM competency") == 14
    (tmp_path / "none.json").write_text("[]")
    run("import", "case", str(tmp_path / "none.json"), "--tenant", "elm", status=1)


@pytest.mark.anyio
async def test_only_a_role_that_policies_bind_may_serve(new_database: Callable[[], Database]) -> None:
    database = new_database()
    await check_role(database.app)
    with pytest.raises(UnsafeRole, match="owns the tables"):
        await check_role(database.owner)
    with pytest.raises(UnsafeRole, match="superuser"):
        await check_role(database.superuser)


def test_the_worker_stops_when_told(
    new_database: Callable[[], Database], at_database: Callable[[Database], None]
) -> None:
    at_database(new_database())
    worker = start("worker")
    read_until(worker, "worker_started")
    worker.send_signal(signal.SIGTERM)
    worker.communicate()
    assert worker.returncode == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_serve_answers_until_it_is_told_to_stop(
    new_database: Callable[[], Database], at_database: Callable[[Database], None], workers: int
) -> None:
    at_database(new_database())
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    server = start("serve", "--port", port, "--workers", str(workers))
    for _ in range(workers):
        read_until(server, "Application startup complete")
    assert httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
    server.send_signal(signal.SIGTERM)
    printed, _ = server.communicate()
    assert printed.count("Application shutdown complete") == workers


@pytest.mark.parametrize(("believed", "last"), [(None, 429), ("127.0.0.1", 401)])
def test_a_forwarded_address_counts_only_where_the_operator_says_so(
    new_database: Callable[[], Database],
    at_database: Callable[[Database], None],
    monkeypatch: pytest.MonkeyPatch,
    believed: str | None,
    last: int,
) -> None:
    monkeypatch.delenv("FORWARDED_ALLOW_IPS", raising=False)
    if believed:
        monkeypatch.setenv("FORWARDED_ALLOW_IPS", believed)
    at_database(new_database())
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    server = start("serve", "--port", port)
    read_until(server, "Application startup complete")
    guess = {"identifier": "maya", "password": "a guess of many", "client": "app"}
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        statuses = [
            client.post("/v1/auth/sessions", json=guess, headers={"X-Forwarded-For": f"203.0.113.{n}"}).status_code
            for n in range(6)
        ]
        upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
        assert client.get("/v1/secret-path", headers=upgrade | {"Sec-WebSocket-Key": "bm9uY2U="}).status_code == 404
    server.send_signal(signal.SIGTERM)
    printed, _ = server.communicate()
    assert statuses == [401] * 5 + [last]
    assert "secret-path" not in printed
    assert "127.0.0.1:" not in printed


# A demo as a process


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    """A directory for a demo, whose server is gone afterwards whatever happened."""
    path = tmp_path / "demo"
    yield path
    if (path / "postgres").exists():
        embedded.start(path / "postgres").destroy()


def start_demo(data_dir: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-c",
        "from app.cli import main; main()",
        "demo",
        "--data-dir",
        str(data_dir),
        *arguments,
    ]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def read_until(process: subprocess.Popen[str], text: str) -> str:
    """Everything that the process prints up to a line with the text."""
    assert process.stdout is not None
    printed = ""
    for line in process.stdout:
        printed += line
        if text in line:
            return printed
    raise AssertionError(f"the process ended without {text!r}:\n{printed}")


def server_runs(data_dir: Path) -> bool:
    return any(path.name == "postmaster.pid" for home in homes(data_dir) for path in (home / "pgdata").iterdir())


def homes(data_dir: Path) -> Iterator[Path]:
    """Where the embedded server's data is: below the directory, or for root where its pointer says."""
    pointer = data_dir / "postgres" / "cluster"
    yield Path(pointer.read_text()) if pointer.exists() else data_dir / "postgres"


def test_a_demo_is_made_once_served_again_and_ended_by_a_signal(data_dir: Path) -> None:
    first = start_demo(data_dir, "--learners", "30", "--no-serve")
    printed, _ = first.communicate()
    assert first.returncode == 0, printed
    assert "teacher@oak.example" in printed
    assert not server_runs(data_dir)
    made = json.loads((data_dir / "demo.json").read_text())

    second = start_demo(data_dir, "--port", "0")
    read_until(second, "Application startup complete")
    served = json.loads((data_dir / "demo.json").read_text())
    assert served["tenants"] == made["tenants"]
    assert httpx.get(f"{served['base_url']}/readyz").status_code == 200

    taken = start_demo(data_dir, "--port", served["base_url"].rpartition(":")[2])
    complaint, _ = taken.communicate()
    assert taken.returncode == 1
    assert "Try another --port" in complaint

    second.send_signal(signal.SIGTERM)
    second.communicate()
    assert second.returncode == 128 + signal.SIGTERM
    assert not server_runs(data_dir)
