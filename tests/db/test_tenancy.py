"""Tenants are isolated by the shape of every table and, below all code, by row-level security."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest
from sqlalchemy import Index, PrimaryKeyConstraint, Table, UniqueConstraint, select

from app.core.events import Event
from app.core.idempotency import IdempotencyKey
from app.core.looks import Look, LookAtLearner
from app.db.embedded import ROLES
from app.identity.models import ClientAssertion, CredentialToken
from app.learners.models import Learner
from app.plans.models import Goal, Plan
from app.roster.models import ExternalId, Person
from app.sharing.models import Disclosure, Grant
from app.tables import metadata
from tests import sharing_factories as sharing
from tests.databases import Database
from tests.factories import World

pytestmark = pytest.mark.anyio

GLOBAL = {"tenant", "signing_key", "login", "sign_in_failure"}
"""Looked at before a tenant is bound."""
WITHOUT_POLICY = {"signing_key", "sign_in_failure", "alembic_version"}
"""Rows of nobody: keys are the service's, and a failed sign-in may name no account at all."""
TENANT_OWNED = sorted(set(metadata.tables) - GLOBAL)
ISOLATED = sorted(set(metadata.tables) - WITHOUT_POLICY)
DEFINER_FUNCTIONS = {"sign_in_candidates", "tenant_by_slug"}
READABLE_BY_OWNER = {"login", "tenant"}
"""What the owner's functions read when somebody signs in."""


def table(name: str) -> Table:
    return metadata.tables[name]


def key_of(name: str) -> str:
    return "id" if name == "tenant" else "tenant_id"


@pytest.mark.parametrize("name", TENANT_OWNED)
def test_a_table_is_keyed_by_tenant(name: str) -> None:
    assert [column.name for column in table(name).primary_key] == ["tenant_id", "id"]


@pytest.mark.parametrize("name", TENANT_OWNED)
def test_a_reference_stays_inside_the_tenant(name: str) -> None:
    for constraint in table(name).foreign_key_constraints:
        pairs = [(element.parent.name, element.target_fullname) for element in constraint.elements]
        target = constraint.referred_table.name
        assert pairs[0] == ("tenant_id", "tenant.id" if target == "tenant" else f"{target}.tenant_id"), constraint.name


@pytest.mark.parametrize("name", TENANT_OWNED)
def test_a_unique_rule_holds_per_tenant(name: str) -> None:
    rules: list[Any] = [c for c in table(name).constraints if isinstance(c, UniqueConstraint | PrimaryKeyConstraint)]
    rules += [index for index in table(name).indexes if isinstance(index, Index) and index.unique]
    for rule in rules:
        first: Any = next(iter(rule.expressions if isinstance(rule, Index) else rule.columns))
        assert first.name == "tenant_id"


@pytest.fixture
async def superuser(database: Database) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database.superuser)
    yield connection
    await connection.close()


@pytest.fixture
async def plp_app(database: Database) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database.app)
    yield connection
    await connection.close()


@pytest.fixture
async def plp_owner(database: Database) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database.owner)
    yield connection
    await connection.close()


async def bind(connection: asyncpg.Connection, world: World) -> None:
    await connection.execute("SELECT set_config('app.tenant', $1, true)", str(world.tenant.id))


async def populate(world: World) -> None:
    """A row in every table."""
    learner = await world.learner()
    teacher = await world.teacher_of(learner)
    await world.staff_of(learner)
    guardian = await world.person("Gail", "Guardian", role="guardian")
    await world.restrict(await world.guardian(guardian, learner))
    plan = await world.plan(learner)
    goal = await world.goal(plan)
    await world.milestone(goal)
    await world.action(goal)
    await world.progress(goal)
    await world.name_teacher(goal, teacher)
    framework = await world.framework()
    first, second = await world.competency(framework), await world.competency(framework)
    await world.precedes(first, second, framework)
    await world.link(goal, second)
    await share(world, learner, plan, goal, teacher)
    account = await world.account(teacher)
    await world.session(account)
    service = await world.service("plans.read")
    tenant_id, now = world.tenant.id, datetime.now(UTC)
    for row in (
        ClientAssertion(tenant_id=tenant_id, service_client_id=service.id, jti_hash=b"1", expires_at=now),
        CredentialToken(tenant_id=tenant_id, account_id=account.id, purpose="reset", token_hash=b"1", expires_at=now),
        IdempotencyKey(tenant_id=tenant_id, owner_id=account.id, key_hash=b"1", request_hash=b"1", reply_sealed=b"1"),
        ExternalId(tenant_id=tenant_id, entity_id=learner.id, system="sis", type="sourcedId", value="1"),
        event(world),
    ):
        await world.add(row)


async def share(world: World, learner: Learner, plan: Plan, goal: Goal, teacher: Person) -> None:
    """A row in every table of sharing and of the texts that sections hold."""
    admin = await world.school_admin()
    await sharing.team_member(world, plan, teacher)
    await sharing.delegation(world, teacher, admin)
    await sharing.consent(world, learner)
    grant = await sharing.grant(world, plan, teacher, goals=[goal])
    await sharing.share_link(world, plan)
    await sharing.break_glass(world, learner, admin)
    await sharing.sharing_policy(world, {"plan": {"teacher": "read"}})
    await sharing.comment(world, plan, teacher)
    await sharing.reflection(world, plan)
    await sharing.staff_note(world, learner, teacher)
    await sharing.profile_statement(world, learner)
    await world.add(disclosure(grant))
    look = await world.make(
        Look, capacities=["teacher"], learner_ids=[learner.id], sections=["plan"], is_list=False,
        operation="get_plan", request_id="r",
    )  # fmt: skip
    await world.make(LookAtLearner, look_id=look.id, learner_id=learner.id, at=look.at)


def disclosure(grant: Grant) -> Disclosure:
    return Disclosure(
        tenant_id=grant.tenant_id,
        learner_id=grant.learner_id,
        basis="grant",
        access_grant_id=grant.id,
        recipient="A mentor",
        purpose=grant.purpose,
        sections=grant.sections,
        fields=["title"],
        request_id="r",
    )


def event(world: World) -> Event:
    return Event(
        tenant_id=world.tenant.id,
        capacity="system",
        section="plan",
        entity_type="plan",
        entity_id=world.tenant.id,
        action="create",
        changes={},
        request_id="r",
    )


async def test_every_table_has_forced_policies(superuser: asyncpg.Connection) -> None:
    rows = await superuser.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
        " AND NOT (relrowsecurity AND relforcerowsecurity)"
    )
    assert {row["relname"] for row in rows} == WITHOUT_POLICY


@pytest.mark.parametrize("name", ISOLATED)
async def test_the_application_is_held_to_the_bound_tenant(name: str, superuser: asyncpg.Connection) -> None:
    policies = await superuser.fetch(
        "SELECT cmd, qual, with_check FROM pg_policies WHERE tablename = $1 AND roles && '{plp_app,public}'", name
    )
    bound = f"({key_of(name)} = (NULLIF(current_setting('app.tenant'::text, true), ''::text))::uuid)"
    assert [tuple(policy) for policy in policies] == [("ALL", bound, bound)]


async def test_the_application_cannot_touch_the_schema_or_its_history(superuser: asyncpg.Connection) -> None:
    for role in ("plp_app", "plp_system"):
        assert not await superuser.fetchval("SELECT has_schema_privilege($1, 'public', 'CREATE')", role)
        for privilege in ("SELECT", "INSERT", "UPDATE", "DELETE"):
            assert not await superuser.fetchval(
                "SELECT has_table_privilege($1, 'alembic_version', $2)", role, privilege
            )


@pytest.mark.parametrize("name", ["event", "disclosure", "access_log", "access_log_learner"])
async def test_what_was_recorded_cannot_be_changed(name: str, superuser: asyncpg.Connection) -> None:
    for privilege in ("UPDATE", "DELETE", "TRUNCATE"):
        assert not await superuser.fetchval("SELECT has_table_privilege('plp_app', $1, $2)", name, privilege)


async def test_no_role_stands_above_the_policies(superuser: asyncpg.Connection) -> None:
    rows = await superuser.fetch(
        "SELECT rolname FROM pg_roles WHERE rolname = ANY($1) AND NOT (rolsuper OR rolbypassrls OR rolcreaterole)"
        " AND NOT EXISTS (SELECT FROM pg_auth_members WHERE member = pg_roles.oid)",
        list(ROLES),
    )
    assert {row["rolname"] for row in rows} == set(ROLES)


async def test_views_see_with_the_eyes_of_the_caller(superuser: asyncpg.Connection) -> None:
    rows = await superuser.fetch(
        "SELECT relname, reloptions FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'v'"
    )
    assert rows
    assert all(row["reloptions"] == ["security_invoker=true"] for row in rows)


async def test_functions_with_the_owners_rights_are_few_and_fixed(superuser: asyncpg.Connection) -> None:
    rows = await superuser.fetch(
        "SELECT proname, proconfig, proacl::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef"
    )
    assert {row["proname"] for row in rows} == DEFINER_FUNCTIONS
    for row in rows:
        assert row["proconfig"] == ["search_path=public, pg_temp"]
        assert "{=X" not in row["proacl"]
        assert ",=X" not in row["proacl"]


async def test_a_bound_transaction_sees_its_tenant_and_no_other(
    world: World, another_world: World, superuser: asyncpg.Connection, plp_app: asyncpg.Connection
) -> None:
    await populate(world)
    await populate(another_world)
    ids = [world.tenant.id, another_world.tenant.id]
    async with plp_app.transaction():
        await bind(plp_app, world)
        for name in ISOLATED:
            there = f'SELECT DISTINCT {key_of(name)} FROM "{name}" WHERE {key_of(name)} = ANY($1)'
            everything = {row[0] for row in await superuser.fetch(there, ids)}
            assert everything == set(ids), f"populate() leaves {name} empty"
            assert {row[0] for row in await plp_app.fetch(f'SELECT {key_of(name)} FROM "{name}"')} == {ids[0]}, name


async def test_with_no_tenant_bound_every_table_is_empty(world: World, plp_app: asyncpg.Connection) -> None:
    await populate(world)
    for name in ISOLATED:
        assert await plp_app.fetchval(f'SELECT count(*) FROM "{name}"') == 0, name
    async with plp_app.transaction():
        await bind(plp_app, world)
    assert await plp_app.fetchval("SELECT current_setting('app.tenant')") == ""
    for name in ISOLATED:
        assert await plp_app.fetchval(f'SELECT count(*) FROM "{name}"') == 0, name


async def test_the_owner_reads_nothing(world: World, plp_owner: asyncpg.Connection) -> None:
    await populate(world)
    for name in set(ISOLATED) - READABLE_BY_OWNER:
        assert await plp_owner.fetchval(f'SELECT count(*) FROM "{name}"') == 0, name


async def test_a_row_of_another_tenant_can_be_neither_made_nor_moved_nor_touched(
    world: World, another_world: World, plp_app: asyncpg.Connection
) -> None:
    mine = await world.person("Mine", "Own")
    theirs = await another_world.person("Not", "Mine")
    insert = "INSERT INTO person (tenant_id, id, given_name, family_name) VALUES ($1, gen_random_uuid(), 'A', 'B')"
    for statement, *arguments in (
        (insert, another_world.tenant.id),
        ("UPDATE person SET tenant_id = $1 WHERE id = $2", another_world.tenant.id, mine.id),
    ):
        async with plp_app.transaction():
            await bind(plp_app, world)
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with plp_app.transaction():
                    await plp_app.execute(statement, *arguments)
    async with plp_app.transaction():
        await bind(plp_app, world)
        assert await plp_app.execute("UPDATE person SET given_name = 'X' WHERE id = $1", theirs.id) == "UPDATE 0"
        assert await plp_app.execute("DELETE FROM person WHERE id = $1", theirs.id) == "DELETE 0"
    assert (await another_world.reload(theirs)).given_name == "Not"


async def test_a_reference_to_another_tenants_row_cannot_be_made(world: World, another_world: World) -> None:
    learner = await another_world.learner()
    with pytest.raises(Exception, match="fk_caseload"):
        await world.caseload(await world.person(), learner)


async def test_a_tenant_cannot_see_another_tenant(world: World, another_world: World) -> None:
    async with world.transaction() as session:
        found = (await session.scalars(select(type(world.tenant)))).all()
    assert [tenant.id for tenant in found] == [world.tenant.id]
    assert another_world.tenant.id != world.tenant.id
