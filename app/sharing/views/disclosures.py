"""Read side of disclosures."""

from typing import Any

from sqlalchemy import Text
from sqlalchemy.types import DateTime

from app.core.pagination import Filter, Listing, Sort
from app.core.rules import Section
from app.db.projection import Projection
from app.roster.views import named
from app.sharing.learner_rows import LearnerRows
from app.sharing.models import Disclosure
from app.sharing.schemas.disclosures import DisclosureOut

_ROWS = LearnerRows(Disclosure, Disclosure.learner_id, Section.ACCESS)
_FIELDS = (
    "id", "at", "basis", "recipient", "purpose", "sections", "fields", "plan_id", "consent_id", "access_grant_id",
    "share_link_id",
)  # fmt: skip


def disclosure_projection(disclosure: Any) -> Projection:
    columns = {name: getattr(disclosure, name) for name in _FIELDS}
    recipient = named(disclosure.tenant_id, disclosure.recipient_person_id)
    return Projection(DisclosureOut, {**columns, "recipient_person": recipient})


def _by_time(disclosure: Any) -> tuple[Any, ...]:
    return (disclosure.at, disclosure.id)


DISCLOSURES = Listing(
    "disclosures",
    Disclosure,
    visible=lambda _disclosure, shape: _ROWS.visible(shape),
    section=Section.ACCESS,
    projection=disclosure_projection,
    sorts={"at": Sort(_by_time), "-at": Sort(_by_time, is_descending=True)},
    filters={
        "learner_id": _ROWS.of_learner(),
        "basis": Filter(lambda row, value, _: row.basis == value, Text()),
        "since": Filter(lambda row, value, _: row.at >= value, DateTime(timezone=True)),
    },
)
