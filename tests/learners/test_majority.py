"""The day on which a learner comes of age, as the database reckons it."""

from datetime import date

import pytest

from tests import sharing_factories as sharing
from tests.factories import World

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("birth_on", "college_entry_on", "majority_on"),
    [
        ("2008-05-17", None, "2026-05-17"),
        ("2008-02-29", None, "2026-03-01"),
        ("2008-03-01", None, "2026-03-01"),
        ("2006-03-01", None, "2024-03-01"),
        ("2006-02-28", None, "2024-02-28"),
        ("2008-12-31", None, "2026-12-31"),
        ("2008-05-17", "2025-09-01", "2025-09-01"),
        ("2008-05-17", "2026-09-01", "2026-05-17"),
        (None, "2025-09-01", "2025-09-01"),
        (None, None, None),
    ],
)
async def test_majority_is_the_18th_birthday_or_an_earlier_entry_to_college(
    world: World, birth_on: str | None, college_entry_on: str | None, majority_on: str | None
) -> None:
    learner = await world.learner()
    dates = {"birth_on": birth_on, "college_entry_on": college_entry_on}
    aged = await sharing.age(world, learner, **{k: v and date.fromisoformat(v) for k, v in dates.items()})
    assert aged.majority_on == (majority_on and date.fromisoformat(majority_on))
