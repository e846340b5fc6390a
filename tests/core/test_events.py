"""How the fields of an event read: as the same fields do everywhere else."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from app.core.events import plain

NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (NOON, "2026-09-01T12:00:00.000000Z"),
        (NOON.replace(microsecond=5), "2026-09-01T12:00:00.000005Z"),
        (NOON.astimezone(timezone(timedelta(hours=-5))), "2026-09-01T12:00:00.000000Z"),
        (date(2026, 9, 1), "2026-09-01"),
        (Decimal("72.50"), "72.50"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ("text", "text"),
        (None, None),
    ],
)
def test_a_changed_field_reads_as_in_a_resource(value: Any, shown: Any) -> None:
    assert plain(value) == shown
