"""Strings that must never be seen: a twin tenant whose every text carries a marker, and secrets of hidden sections."""

from typing import Any

import asyncpg
from sqlalchemy import ARRAY, Column, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

from app.db.base import new_id
from app.tables import metadata
from tests.factories import World
from tests.plans.people import ok
from tests.scene import Scene

MARK = "CANARY-7f3a"

FIXED = {
    "tenant": "timezone",
    "access_log": "capacities sections operation",
    "event": "capacity section entity_type action",
    "idempotency_key": "section",
    "service_client": "scopes secret_hashes public_jwk",
    "sharing_policy": "rules",
    "account": "password_hash",
    "association": "type",
    "break_glass": "sections",
    "consent": "sections",
    "disclosure": "sections fields",
    "guardianship_restriction": "sections",
    "access_grant": "sections proposed_as",
    "share_link": "sections proposed_as passcode_hash",
    "profile_statement": "author_as",
    "comment": "author_as",
    "session": "scopes ended_because",
    "progress_entry": "recorded_side",
}
"""Texts with a vocabulary of our own, and digests; besides the columns whose values a check lists."""

NAMELESS = {"signing_key", "sign_in_failure"}
"""Tables of no tenant."""


def texts(table: Table) -> list[Column[Any]]:
    """The columns that hold words of people."""
    listed = [str(check.sqltext) for check in table.constraints if hasattr(check, "sqltext")]
    fixed = {*FIXED.get(table.name, "").split(), *(check.split()[0] for check in listed if " IN (" in check)}
    return [column for column in table.columns if _is_text(column) and column.name not in fixed]


def _is_text(column: Column[Any]) -> bool:
    kind = column.type.item_type if isinstance(column.type, ARRAY) else column.type
    return isinstance(kind, Text | JSONB) and not isinstance(kind, Uuid)


def of_tenant() -> list[Table]:
    return [table for table in metadata.sorted_tables if table.name not in NAMELESS]


def _key(table: Table) -> str:
    return "id" if table.name == "tenant" else "tenant_id"


async def mark_all(superuser: asyncpg.Connection, world: World) -> None:
    """Every text of the tenant's rows carries the marker, the empty ones too."""
    await superuser.execute("SET session_replication_role = replica")
    for table in of_tenant():
        for column in texts(table):
            name = f'"{column.name}"'
            if isinstance(column.type, ARRAY):
                marked = f"array_append({name}, '{MARK}')"
            elif isinstance(column.type, JSONB):
                marked = f"""jsonb_build_object('{MARK}', jsonb_build_object('before', '{MARK}', 'after', {name}))"""
            else:
                marked = f"concat({name}, '{MARK}', id)"
            await superuser.execute(
                f'UPDATE "{table.name}" SET {name} = {marked} WHERE {_key(table)} = $1',
                world.tenant.id,
            )
    await superuser.execute("SET session_replication_role = origin")


async def unmarked(superuser: asyncpg.Connection, world: World) -> list[str]:
    """The tables of which the tenant has no row, and the columns of which one does not carry the marker."""
    found = []
    for table in of_tenant():
        rows = await superuser.fetch(
            f'SELECT t.* FROM "{table.name}" t WHERE {_key(table)} = $1',
            world.tenant.id,
        )
        found += [table.name] if not rows else []
        found += [
            f"{table.name}.{column.name}"
            for column in texts(table)
            if not all(MARK in str(row[column.name]) for row in rows)
        ]
    return found


def secret(section: str) -> str:
    """What carries it belongs to this section of the pupil's record."""
    return f"{MARK}-{section}-"


SEEN_BY = {
    "plan": "get_goal",
    "profile": "get_profile_statement",
    "private_reflections": "get_reflection",
    "staff_notes": "get_staff_note",
    "access": "get_consent",
    "restrictions": "get_restriction",
}
"""Whoever gets this of the pupil may see the section's secrets."""


async def write_secrets(scene: Scene, word: Any = secret) -> None:
    """Texts of the pupil's sections, written by those who may, so that events tell of them too."""
    unnamed = {"recipient_person_id": None, "recipient": word("access"), "reference": word("access")}
    consent = dict(scene.body("create_consent") or {}) | unnamed
    link = dict(scene.body("create_share_link") or {}) | {"label": word("access"), "consent_id": None}
    grant = dict(scene.body("create_grant") or {}) | {"purpose": word("access"), "consent_id": None}
    glass = dict(scene.body("create_break_glass") or {}) | {"reason": word("access"), "id": str(new_id())}
    texts = [
        ("counselor", "create_staff_note", {"text": word("staff_notes")}),
        ("pupil", "create_reflection", {"text": word("private_reflections"), "is_private": True}),
        ("counselor", "create_profile_statement", {"kind": "interest", "statement": word("profile")}),
        ("counselor", "create_goal_comment", {"text": word("plan")}),
        ("counselor", "create_consent", consent),
        ("counselor", "create_share_link", link),
        ("counselor", "create_grant", grant),
        (
            "counselor",
            "create_restriction",
            {"kind": "sections", "sections": ["mastery"], "evidence_reference": word("restrictions")},
        ),
        ("admin", "create_break_glass", glass),
    ]
    for who, operation, body in texts:
        ok(await scene.send(operation, client=await scene.client(who), body=body), 201)
    ok(await scene.send("end_break_glass", target=glass["id"]), 204)  # or the administrator would see the notes
