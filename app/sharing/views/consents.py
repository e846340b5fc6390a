"""Read side of consents."""

from typing import Any

from sqlalchemy import ColumnElement, and_

from app.core.access import in_force
from app.core.pagination import Listing, Sort
from app.core.rules import Policy, Section
from app.db.base import Sql
from app.db.projection import Projection, Raw
from app.roster.views import named
from app.sharing.facts_workflow import CONSENT
from app.sharing.learner_rows import LearnerRows
from app.sharing.models import Consent
from app.sharing.schemas.consents import ConsentOut, ConsentSummary

_FIELDS = (
    "id", "learner_id", "purpose", "recipient", "sections", "signed_on", "until_on", "method", "reference",
    "consenter_as", "recorded_by", "withdrawn_at", "withdrawn_by", "version", "created_at", "updated_at",
)  # fmt: skip

CONSENT_ROWS = LearnerRows(Consent, Consent.learner_id, Section.ACCESS, named=Consent.recipient_person_id)


def consent_in_force(consent: Any) -> ColumnElement[bool]:
    """Whether the consent holds today."""
    return and_(consent.withdrawn_at.is_(None), in_force(consent.signed_on, consent.until_on))


def _columns(consent: Any) -> dict[str, Any]:
    return {
        **{name: getattr(consent, name) for name in _FIELDS},
        "recipient_person": named(consent.tenant_id, consent.recipient_person_id),
        "consenter": named(consent.tenant_id, consent.consenter_id),
        "is_in_force": consent_in_force(consent),
    }


def _summary(consent: Any) -> Projection:
    return Projection(ConsentSummary, _columns(consent))


def _projection(consent: Any, relations: Sql, policy: Policy) -> Projection:
    return Projection(
        ConsentOut,
        {
            **_columns(consent),
            "available_actions": Raw(CONSENT.available(consent, relations, policy)),
            "blocked_actions": Raw(CONSENT.blocked(consent, relations, policy)),
        },
    )


def _by_creation(consent: Any) -> tuple[Any, ...]:
    return (consent.created_at, consent.id)


CONSENT_VIEW = CONSENT_ROWS.view(_projection)
CONSENTS = Listing(
    "consents",
    Consent,
    visible=lambda _consent, shape: CONSENT_ROWS.visible(shape),
    section=Section.ACCESS,
    projection=_summary,
    sorts={"created_at": Sort(_by_creation), "-created_at": Sort(_by_creation, is_descending=True)},
    filters={"learner_id": CONSENT_ROWS.of_learner()},
)
