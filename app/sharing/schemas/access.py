"""Who can see a learner's record, on the wire."""

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import MISSING, ConfigDict, Field

from app.core.rules import Section
from app.core.schemas import Output
from app.roster.schemas import PersonName

RECORD = tuple(section for section in Section if section not in (Section.ACCOUNT, Section.RESTRICTIONS))
"""The sections that are told of: those of the record, not accounts, nor who is kept from it."""

PERSON_EXAMPLE = {
    "id": "01934b5e-7f6a-7c3e-9d0a-000000000002",
    "given_name": "Amina",
    "family_name": "Okafor",
}
FACT_EXAMPLE: dict[str, Any] = {
    "person": PERSON_EXAMPLE,
    "service": None,
    "share_link": None,
    "relation": "teacher",
    "plan_id": None,
    "goal_id": None,
    "sections": [
        {"section": "learner", "level": "read"},
        {"section": "plan", "level": "comment"},
        {"section": "staff_notes", "level": "own"},
    ],
    "from_on": "2026-08-20",
    "until_on": "2027-06-12",
    "until_at": None,
    "is_in_force": True,
    "source": {"type": "enrollment", "id": "01934b5e-7f6a-7c3e-9d0a-00000000000d"},
    "delegated_from": None,
}


class ServiceName(Output):
    """A program that acts for the tenant, by name."""

    id: UUID
    name: str


class ShareLinkName(Output):
    """A share link, by its label."""

    id: UUID
    label: str


class FactSource(Output):
    """The row that the fact comes from."""

    type: str = Field(
        description="`learner`, `enrollment` (of the teacher), `caseload`, `guardianship`, `consent` (that keeps a "
        "guardian's access), `team_member`, `goal_teacher` (named on a goal), `access_grant`, `break_glass`, "
        "`role_assignment`, `service_client` or `share_link`."
    )
    id: UUID


class SectionLevel(Output):
    """How far a fact reaches into one section."""

    section: Section
    level: Literal["own", "read", "comment", "propose", "write"] = Field(
        description="Each includes the ones before it. `own`: only what the same person wrote."
    )


class AccessFact(Output):
    """One fact by which somebody sees something: who, what, as what, and until when."""

    model_config = ConfigDict(json_schema_extra={"examples": [FACT_EXAMPLE]})

    person: PersonName | None = Field(description="Who; or a service, or whoever has a share link.")
    service: ServiceName | None
    share_link: ShareLinkName | None
    relation: str = Field(description="As what, e.g. `teacher`, `grantee`; `share_link` for a link.")
    plan_id: UUID | None = Field(
        description="Where the sections that belong to plans are opened for this plan only. Others are the learner's."
    )
    goal_id: UUID | None = Field(description="Where of the plan only this goal is opened.")
    sections: list[SectionLevel]
    from_on: date | None
    until_on: date | None = Field(description="The first day on which it no longer holds; null: no end.")
    until_at: datetime | None = Field(description="The instant at which it ends, where it ends within a day.")
    is_in_force: bool = Field(description="False for what is yet to come (`include=upcoming`).")
    source: FactSource
    delegated_from: PersonName | None = Field(description="For whom the person stands in.")
    hidden_sections: list[str] | MISSING = Field(
        MISSING, description="Sections that a restriction keeps from this contact. Only for who reads restrictions."
    )


class AccessList(Output):
    """Everybody who can see something of the learner's: complete, by relation and name."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [FACT_EXAMPLE]}]})

    items: list[AccessFact]
