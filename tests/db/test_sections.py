"""Every learner-owned table says to which sections of the record its rows belong."""

from sqlalchemy import Table

from app import tables
from app.core.rules import Section

NAME_THEIR_OWN = {"event", "idempotency_key"}
"""Tables whose rows each name their section."""


def learner_owned() -> list[Table]:
    """What refers to a learner, by column, by name, or by being below something that does."""
    owned = {
        table.name
        for table in tables.metadata.sorted_tables
        if table.name == "learner" or any(column.name.startswith("learner_id") for column in table.columns)
    }
    while True:
        below = {
            table.name
            for table in tables.metadata.sorted_tables
            if any(key.column.table.name in owned for key in table.foreign_keys)
        }
        if below <= owned:
            return [table for table in tables.metadata.sorted_tables if table.name in owned]
        owned |= below


def test_every_learner_owned_table_names_its_sections() -> None:
    for table in learner_owned():
        named = table.info.get("sections")
        assert named is not None, f"{table.name} says nothing of sections"
        assert set(named) <= {section.value for section in Section}, table.name
        assert bool(named) != (table.name in NAME_THEIR_OWN), table.name


def test_the_walk_finds_what_is_below() -> None:
    names = {table.name for table in learner_owned()}
    assert {"learner", "plan", "goal", "goal_teacher", "access_grant_goal", "reflection", "access_log"} <= names


def test_every_section_with_rows_of_its_own_has_a_table() -> None:
    named = {section for table in learner_owned() for section in table.info["sections"]}
    assert {"plan", "profile", "reflections", "private_reflections", "staff_notes", "access"} <= named
