"""People and classes on the wire."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import MISSING, BeforeValidator, ConfigDict, Field

from app.core.schemas import Output, plain_integer

SchoolYear = Annotated[
    int,
    Field(ge=2000, le=2200, description="The calendar year in which the school year ends.", examples=[2027]),
    BeforeValidator(plain_integer),
]

CLASS_EXAMPLE: dict[str, Any] = {
    "id": "01934b5e-7f6a-7c3e-9d0a-00000000000a",
    "title": "Algebra 1, period 3",
    "class_code": "ALG1-3",
    "school_id": "01934b5e-7f6a-7c3e-9d0a-00000000000b",
    "school_name": "Harbor High School",
    "school_year": 2027,
    "teachers": [
        {"id": "01934b5e-7f6a-7c3e-9d0a-000000000002", "given_name": "Amina", "family_name": "Okafor"},
    ],
    "version": 1,
    "updated_at": "2026-09-01T06:00:00.000000Z",
}


class PersonName(Output):
    """Somebody, by name."""

    id: UUID
    given_name: str
    family_name: str


class ClassOut(Output):
    """A class. Its learners: `GET /v1/learners?class_id=…`."""

    model_config = ConfigDict(json_schema_extra={"examples": [CLASS_EXAMPLE]})

    id: UUID
    title: str
    class_code: str | None
    school_id: UUID
    school_name: str
    school_year: int = Field(description="The calendar year in which the school year ends.")
    teachers: list[PersonName]
    version: int
    updated_at: datetime


class ClassList(Output):
    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [CLASS_EXAMPLE], "next_cursor": None}]})

    items: list[ClassOut]
    next_cursor: str | None
    total: int | MISSING = Field(MISSING, description="With `count=true`.")
