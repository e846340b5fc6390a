"""Dates of facts: inclusive first day, exclusive last."""

from datetime import date

from app.core.errors import invalid


def check_order(from_on: date | None, until_on: date | None) -> None:
    """Raise 422 unless what begins begins before it ends."""
    if from_on is not None and until_on is not None and from_on >= until_on:
        raise invalid("/until_on", "dates_in_order", "until_on must be after from_on; it is the first day without.")
