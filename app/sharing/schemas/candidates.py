"""Whom a plan may be shared with, on the wire."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import MISSING, AfterValidator, ConfigDict, Field

from app.core.pagination import PageQuery
from app.core.schemas import Output, clean_text

EXAMPLE: dict[str, Any] = {
    "id": "01934b5e-7f6a-7c3e-9d0a-000000000002",
    "given_name": "Amina",
    "family_name": "Okafor",
    "relations": ["teacher"],
    "roles": ["teacher"],
    "is_outside": False,
}
Search = Annotated[str, Field(min_length=2, max_length=100), AfterValidator(clean_text)]


class CandidateOut(Output):
    """Somebody to share a plan with."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    id: UUID
    given_name: str
    family_name: str
    relations: list[str] = Field(description="What the person is to the learner today.")
    roles: list[str] = Field(description="What the person is in the district today.")
    is_outside: bool = Field(description="Whether sharing needs an end, and a counselor's approval.")


class CandidateList(Output):
    """A page of people to share with."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [EXAMPLE], "next_cursor": None}]})

    items: list[CandidateOut]
    next_cursor: str | None
    total: int | MISSING = Field(MISSING, description="With `count=true`.")


class CandidateQuery(PageQuery):
    q: Search | None = Field(None, description="Part of the name.", examples=["oka"])
    sort: Literal["name"] = Field("name", description="By family name, then given name.")
