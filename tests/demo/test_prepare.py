"""The demo district in a database: whole or not at all, the same each time, and its twin apart."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from anyio import to_thread

from app.core.passwords import PasswordHasher
from app.db.embedded import Server
from app.demo import prepare
from app.demo.accounts import sign_ins
from app.demo.prepare import OWN_FRAMEWORK, Addresses, Choice, DemoError
from app.demo.world import World
from tests import databases
from tests.databases import Database

pytestmark = pytest.mark.anyio

SECRET = "the secret of a demo in the tests, long enough"
CHOICE = Choice(seed=3, learners=30)
LABELS = {
    "learner", "other_learner", "teacher", "other_teacher", "counselor", "guardian", "restricted_guardian", "mentor",
    "school_admin", "district_admin", "case_manager",
}  # fmt: skip
MARKED = {
    "tenant": ["name"],
    "org": ["name"],
    "person": ["given_name", "family_name"],
    "class": ["title", "class_code"],
    "guardianship": ["relationship"],
    "guardianship_restriction": ["evidence_reference"],
    "service_client": ["name"],
    "framework": ["title"],
    "competency": ["full_statement"],
    "plan": ["title", "vision"],
    "goal": ["title", "description", "unit"],
    "action": ["title", "if_obstacle", "then_response"],
    "milestone": ["title"],
}


def addresses_of(database: Database) -> Addresses:
    return Addresses(database.app, database.owner, database.system)


def fill(database: Database, choice: Choice = CHOICE, secret: str = SECRET) -> dict[str, int]:
    """Prepare the database; returns how far each tenant's progress bar came."""
    progress: dict[str, int] = {}

    def advance(world: World, learners: int) -> None:
        progress[world.slug] = progress.get(world.slug, 0) + learners

    prepare.prepare(addresses_of(database), secret, choice, OWN_FRAMEWORK, advance)
    return progress


@pytest.fixture(scope="module")
def loaded(server: Server, worker: str) -> Iterator[Database]:
    """A database with the demo district; tests only read it."""
    with databases.database(server, f"{worker}_demo") as database:
        fill(database)
        yield database


@pytest.fixture
def described(tmp_path: Path) -> dict[str, Any]:
    path = prepare.write_demo_json(tmp_path, "http://127.0.0.1:8000", SECRET, CHOICE)
    content: dict[str, Any] = json.loads(path.read_text())
    return content


async def fetch(database: Database, tenant_id: str, query: str, *arguments: object) -> list[Any]:
    """Rows as plp_app, bound to the tenant."""
    connection = await asyncpg.connect(database.app)
    try:
        async with connection.transaction():
            await connection.execute("SELECT set_config('app.tenant', $1, true)", tenant_id)
            rows: list[Any] = await connection.fetch(query, *arguments)
            return rows
    finally:
        await connection.close()


def person(tenant: dict[str, Any], label: str) -> str:
    return str(next(account["person_id"] for account in tenant["accounts"] if account["label"] == label))


async def relations(database: Database, tenant: dict[str, Any], label: str) -> set[str]:
    """How the label's person is related to the first learner today."""
    query = """
        SELECT relation FROM access_fact f WHERE person_id = $1 AND learner_id = $2 AND NOT EXISTS (
            SELECT FROM barred b WHERE b.person_id = f.person_id AND b.learner_id = f.learner_id
        )
    """
    rows = await fetch(database, tenant["id"], query, person(tenant, label), tenant["learner_id"])
    return {row["relation"] for row in rows}


def test_demo_json_has_the_agreed_shape(described: dict[str, Any]) -> None:
    assert described.keys() == {"base_url", "tenants"}
    for tenant in described["tenants"]:
        assert tenant.keys() == {"id", "name", "slug", "accounts", "service_client", "learner_id", "plan_id"}
        assert {account["label"] for account in tenant["accounts"]} == LABELS
        for account in tenant["accounts"]:
            assert account.keys() == {"label", "identifier", "password", "person_id", "roles"}
            assert ("@" in account["identifier"]) == (account["label"] != "learner")
        assert tenant["service_client"].keys() == {"client_id", "client_secret"}
        assert person(tenant, "learner") == tenant["learner_id"]


def test_only_we_can_read_demo_json_and_the_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SECRET_KEY", raising=False)
    secret = prepare.secret_key(tmp_path)
    prepare.write_demo_json(tmp_path, "http://127.0.0.1:8000", secret, CHOICE)
    assert {path.name: oct(path.stat().st_mode & 0o777) for path in tmp_path.iterdir()} == {
        "secret": "0o600",
        "demo.json": "0o600",
    }
    assert prepare.secret_key(tmp_path) == secret


def test_demo_json_is_the_same_each_time(tmp_path: Path, described: dict[str, Any]) -> None:
    again = prepare.write_demo_json(tmp_path, "http://127.0.0.1:8000", SECRET, CHOICE)
    assert json.loads(again.read_text()) == described


async def test_every_account_exists_with_its_role(loaded: Database, described: dict[str, Any]) -> None:
    query = """
        SELECT a.person_id::text, coalesce(a.email, a.username) AS identifier, array_agg(DISTINCT r.role) AS roles
        FROM account a JOIN login l ON l.account_id = a.id JOIN role_assignment r ON r.person_id = a.person_id
        GROUP BY a.person_id, a.email, a.username
    """
    for tenant in described["tenants"]:
        found = {tuple(row)[:2]: row["roles"] for row in await fetch(loaded, tenant["id"], query)}
        expected = {(account["person_id"], account["identifier"]): account["roles"] for account in tenant["accounts"]}
        assert found == expected


async def test_a_password_fits_its_account(loaded: Database, described: dict[str, Any]) -> None:
    (tenant, _), hasher = described["tenants"], PasswordHasher(patience=60.0)
    account = tenant["accounts"][0]
    (row,) = await fetch(
        loaded, tenant["id"], "SELECT password_hash FROM account WHERE username = $1", account["identifier"]
    )
    assert await hasher.verify(row["password_hash"], account["password"])
    hasher.close()


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("learner", {"learner"}),
        ("other_learner", set()),
        ("teacher", {"teacher"}),
        ("other_teacher", set()),
        ("counselor", {"counselor"}),
        ("guardian", {"guardian"}),
        ("restricted_guardian", set()),
        ("mentor", set()),
        ("case_manager", {"case_manager"}),
    ],
)
async def test_each_label_is_related_to_the_learner_as_it_says(
    loaded: Database, described: dict[str, Any], label: str, expected: set[str]
) -> None:
    for tenant in described["tenants"]:
        assert await relations(loaded, tenant, label) == expected


async def test_the_plan_of_the_learner_has_five_goals_with_four_actions(
    loaded: Database, described: dict[str, Any]
) -> None:
    query = """
        SELECT g.status, count(a.id) AS actions FROM plan p
        JOIN goal g ON g.plan_id = p.id JOIN action a ON a.goal_id = g.id
        WHERE p.id = $1 AND p.learner_id = $2 GROUP BY g.id, g.status
    """
    for tenant in described["tenants"]:
        rows = await fetch(loaded, tenant["id"], query, tenant["plan_id"], tenant["learner_id"])
        assert [tuple(row) for row in rows] == [("agreed", 4)] * 5


async def test_the_first_goal_works_towards_a_competency_of_the_framework(
    loaded: Database, described: dict[str, Any]
) -> None:
    query = """
        SELECT c.human_coding_scheme FROM goal_competency gc
        JOIN goal g ON g.id = gc.goal_id JOIN competency c ON c.id = gc.competency_id
        WHERE g.plan_id = $1 AND c.framework_id IS NOT NULL
    """
    for tenant in described["tenants"]:
        assert await fetch(loaded, tenant["id"], query, tenant["plan_id"])


async def test_every_plan_has_an_event(loaded: Database, described: dict[str, Any]) -> None:
    query = "SELECT count(*) AS plans, count(e.id) AS events FROM plan p LEFT JOIN event e ON e.entity_id = p.id"
    for tenant in described["tenants"]:
        (row,) = await fetch(loaded, tenant["id"], query)
        assert tuple(row) == (CHOICE.learners, CHOICE.learners)


async def test_the_twin_has_the_same_external_ids_for_other_rows(loaded: Database, described: dict[str, Any]) -> None:
    query = "SELECT system, type, value, entity_id FROM external_id ORDER BY system, type, value"
    ours, theirs = [await fetch(loaded, tenant["id"], query) for tenant in described["tenants"]]
    assert [tuple(row)[:3] for row in ours] == [tuple(row)[:3] for row in theirs]
    assert not {row["entity_id"] for row in ours} & {row["entity_id"] for row in theirs}


@pytest.mark.parametrize("table", MARKED)
async def test_every_text_of_the_twin_is_marked_and_none_of_ours(
    loaded: Database, described: dict[str, Any], table: str
) -> None:
    columns = ", ".join(MARKED[table])
    ours, theirs = [
        await fetch(loaded, tenant["id"], f'SELECT {columns} FROM "{table}"') for tenant in described["tenants"]
    ]
    assert theirs
    assert all(value.startswith("Twin ") for row in theirs for value in row if value is not None)
    assert not any(value.startswith("Twin ") for row in ours for value in row if value is not None)


def test_a_second_start_loads_nothing(loaded: Database) -> None:
    assert fill(loaded) == {"oak": 30, "twin-oak": 30}


def test_another_secret_is_refused(loaded: Database) -> None:
    with pytest.raises(DemoError, match="SECRET_KEY"):
        fill(loaded, secret="another secret, by which no sign-in would be found")


def test_another_size_is_refused(loaded: Database) -> None:
    with pytest.raises(DemoError, match="number of learners"):
        fill(loaded, Choice(CHOICE.seed, 31))


def test_another_seed_is_refused(loaded: Database) -> None:
    with pytest.raises(DemoError, match="--seed"):
        fill(loaded, Choice(CHOICE.seed + 1, CHOICE.learners))


async def test_a_load_that_was_cut_off_leaves_nothing_and_is_done_again(
    new_database: Callable[[], Database], described: dict[str, Any]
) -> None:
    database, (ours, theirs) = new_database(), described["tenants"]

    def cut(world: World, learners: int) -> None:
        if world.marker and learners:
            raise ConnectionAbortedError

    def start(advance: prepare.Advance) -> None:
        prepare.prepare(addresses_of(database), SECRET, CHOICE, OWN_FRAMEWORK, advance)

    async def people() -> list[int]:
        counts = [await fetch(database, tenant["id"], "SELECT count(*) FROM person") for tenant in (ours, theirs)]
        return [row[0] for (row,) in counts]

    with pytest.raises(ConnectionAbortedError):
        await to_thread.run_sync(start, cut)
    whole, nothing = await people()
    assert (whole > CHOICE.learners, nothing) == (True, 0)
    await to_thread.run_sync(start, lambda world, learners: None)
    assert await people() == [whole, whole]


def test_what_was_chosen_first_holds(tmp_path: Path) -> None:
    assert Choice.of(tmp_path, 5, None) == Choice(5, prepare.DEFAULT_LEARNERS)
    assert Choice.of(tmp_path, None, None) == Choice(5, prepare.DEFAULT_LEARNERS)
    with pytest.raises(DemoError, match="--seed 5 --learners 150"):
        Choice.of(tmp_path, 6, None)
    with pytest.raises(DemoError, match="another --data-dir"):
        Choice.of(tmp_path, None, 151)


def test_a_database_of_the_environment_needs_all_three_roles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://plp_app@localhost/plp")
    monkeypatch.delenv("MIGRATION_DATABASE_URL", raising=False)
    monkeypatch.setenv("SYSTEM_DATABASE_URL", "postgresql://plp_system@localhost/plp")
    with (
        pytest.raises(DemoError, match="so MIGRATION_DATABASE_URL must be set too"),
        prepare.database(tmp_path),
    ):
        pass


def test_passwords_and_names_differ_between_all_accounts() -> None:
    people = [person for world in CHOICE.worlds for person in sign_ins(world)]
    assert len({person.identifier for person in people}) == len({person.password for person in people}) == 22
