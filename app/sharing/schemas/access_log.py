"""Who has looked, on the wire."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import MISSING, ConfigDict, Field

from app.core.pagination import PageQuery
from app.core.schemas import Output, UtcInstant
from app.roster.schemas import PersonName
from app.sharing.schemas.access import ServiceName

EXAMPLE: dict[str, Any] = {
    "id": "01934b5e-7f6a-7c3e-9d0a-000000000032",
    "at": "2026-11-22T09:30:00.000000Z",
    "viewer_person": {
        "id": "01934b5e-7f6a-7c3e-9d0a-000000000002",
        "given_name": "Amina",
        "family_name": "Okafor",
    },
    "viewer_service": None,
    "capacities": ["teacher"],
    "sections": ["plan"],
    "is_list": False,
    "operation": "get_plan",
    "request_id": "b7c1",
}


class LookOut(Output):
    """A request that showed somebody else something of the learner's record."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    id: UUID
    at: datetime
    viewer_person: PersonName | None = Field(description="Who looked; null where a service did.")
    viewer_service: ServiceName | None = Field(description="The service client; null where a person looked.")
    capacities: list[str] = Field(
        description="By which relations to the learner, e.g. teacher, grantee, break_glass. Of a list: in which roles; "
        "break_glass besides where it opened what was shown."
    )
    sections: list[str] = Field(description="Which parts of the record were shown.")
    is_list: bool = Field(description="Whether the learner was one of those on a list.")
    operation: str = Field(description="The operation's id in this document.")
    request_id: str


class LookList(Output):
    """A page of the access log."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [EXAMPLE], "next_cursor": None}]})

    items: list[LookOut]
    next_cursor: str | None
    total: int | MISSING = Field(MISSING, description="With `count=true`.")


class LookQuery(PageQuery):
    viewer_person_id: UUID | None = Field(None, description="Only what this person looked at.")
    since: UtcInstant | None = Field(None, description="Only looks at or after this instant.")
    until: UtcInstant | None = Field(None, description="Only looks before this instant.")
    is_list: Literal["true", "false"] | None = Field(None, description="Only lists, or only single reads.")
    sort: Literal["at", "-at"] = Field("-at")
