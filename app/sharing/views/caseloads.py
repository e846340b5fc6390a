"""Read side of caseloads."""

from typing import Any

from app.core.access import in_force
from app.core.pagination import Listing, Sort
from app.core.rules import Policy, Section
from app.db.base import Sql
from app.db.projection import Projection, Raw
from app.roster.models import Caseload
from app.roster.views import named
from app.sharing.facts_workflow import CASELOAD
from app.sharing.learner_rows import LearnerRows
from app.sharing.schemas.caseloads import CaseloadOut, CaseloadSummary

_FIELDS = ("id", "learner_id", "kind", "from_on", "until_on", "version", "created_at", "updated_at")

CASELOAD_ROWS = LearnerRows(Caseload, Caseload.learner_id, Section.ACCESS, named=Caseload.person_id)


def _columns(caseload: Any) -> dict[str, Any]:
    return {
        **{name: getattr(caseload, name) for name in _FIELDS},
        "person": named(caseload.tenant_id, caseload.person_id),
        "is_in_force": in_force(caseload.from_on, caseload.until_on),
    }


def _summary(caseload: Any) -> Projection:
    return Projection(CaseloadSummary, _columns(caseload))


def _projection(caseload: Any, relations: Sql, policy: Policy) -> Projection:
    return Projection(
        CaseloadOut,
        {
            **_columns(caseload),
            "available_actions": Raw(CASELOAD.available(caseload, relations, policy)),
            "blocked_actions": Raw(CASELOAD.blocked(caseload, relations, policy)),
        },
    )


CASELOAD_VIEW = CASELOAD_ROWS.view(_projection)
CASELOADS = Listing(
    "caseloads",
    Caseload,
    visible=lambda _caseload, shape: CASELOAD_ROWS.visible(shape),
    section=Section.ACCESS,
    projection=_summary,
    sorts={"created_at": Sort(lambda caseload: (caseload.created_at, caseload.id))},
    filters={"learner_id": CASELOAD_ROWS.of_learner()},
)
