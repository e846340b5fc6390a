"""Frameworks and competencies as they go over the wire."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from app.core.pagination import PageQuery
from app.core.schemas import MISSING, Name, Output

FRAMEWORK_ID = "255adad7-2854-47d7-9aa4-c5e1750eb8ca"
COMPETENCY_ID = "f56fdeaf-bff0-583b-b3d8-733e00a3f9cb"
PARENT_ID = "db2ea678-9d17-543b-9784-a7543c592bfb"
PREREQUISITE_ID = "31667393-f9e8-5114-9796-3f86ebd73ac5"
STATEMENT = "Represent and solve problems involving multiplication and division."

FRAMEWORK_EXAMPLE: JsonDict = {
    "id": FRAMEWORK_ID,
    "title": "Smarter Balanced Math Content Specification",
    "creator": "Content Specifications",
    "publisher": "Smarter Balanced Assessment Consortium",
    "description": None,
    "language": "en",
    "adoption_status": "Draft",
    "uri": f"https://case.smarterbalanced.org/ims/case/v1p0/CFDocuments/{FRAMEWORK_ID}",
    "source_changed_at": "2018-03-01T21:01:43.000000Z",
    "version": 1,
    "created_at": "2026-01-31T12:00:00.000000Z",
    "updated_at": "2026-01-31T12:00:00.000000Z",
}
SUMMARY_EXAMPLE: JsonDict = {
    "id": PREREQUISITE_ID,
    "code": "M.G2.C1OA.TA",
    "full_statement": "Represent and solve problems involving addition and subtraction.",
    "framework_id": FRAMEWORK_ID,
}
ASSOCIATION_EXAMPLE: JsonDict = {
    "id": "4509a12a-7a8f-4ca8-877b-ea747be04a05",
    "type": "precedes",
    "uri": "https://case.smarterbalanced.org/ims/case/v1p0/CFAssociations/4509a12a-7a8f-4ca8-877b-ea747be04a05",
    "origin_id": PREREQUISITE_ID,
    "destination_id": COMPETENCY_ID,
    "sequence_number": None,
    "is_cyclic": False,
}
COMPETENCY_EXAMPLE: JsonDict = {
    "id": COMPETENCY_ID,
    "framework_id": FRAMEWORK_ID,
    "parent_id": PARENT_ID,
    "code": "M.G3.C1OA.TA",
    "full_statement": STATEMENT,
    "abbreviated_statement": "Target A",
    "list_enumeration": None,
    "item_type": "Target",
    "education_levels": ["03"],
    "notes": None,
    "status_start_on": None,
    "status_end_on": None,
    "position": 3,
    "depth": 3,
    "is_stub": False,
    "uri": f"https://case.smarterbalanced.org/ims/case/v1p0/CFItems/{COMPETENCY_ID}",
    "version": 1,
    "created_at": "2026-01-31T12:00:00.000000Z",
    "updated_at": "2026-01-31T12:00:00.000000Z",
}

Expand = Annotated[
    str | None,
    Field(
        max_length=200,
        description="Also give `children`, `prerequisites` or `associations`, comma-separated.",
        examples=["children,prerequisites"],
    ),
]


class FrameworkQuery(PageQuery):
    """What the list of frameworks takes."""

    sort: Annotated[Literal["title", "-title"], Field(description="Order of the list.")] = "title"


class CompetencyQuery(PageQuery):
    """What the list of competencies takes."""

    framework_id: Annotated[UUID | None, Field(description="Of this framework.", examples=[FRAMEWORK_ID])] = None
    parent_id: Annotated[UUID | None, Field(description="Directly below this one.", examples=[PARENT_ID])] = None
    is_root: Annotated[bool | None, Field(description="Whether at the top of the tree.")] = None
    code: Annotated[Name | None, Field(description="With exactly this code.", examples=["M.G3.C1OA.TA"])] = None
    education_level: Annotated[Name | None, Field(description="For this level.", examples=["03"])] = None
    sort: Annotated[Literal["position"], Field(description="By framework, each in the order of its tree.")] = "position"


class FrameworkOut(Output):
    """A published set of standards or competencies (a CASE document)."""

    model_config = ConfigDict(json_schema_extra={"examples": [FRAMEWORK_EXAMPLE]})

    id: Annotated[UUID, Field(description="The CASE identifier.")]
    title: Annotated[str, Field(description="Its title.")]
    creator: Annotated[str, Field(description="Who wrote it.")]
    publisher: Annotated[str | None, Field(description="Who publishes it.")]
    description: Annotated[str | None, Field(description="What it is for.")]
    language: Annotated[str | None, Field(description="The language of its statements, e.g. `en`.")]
    adoption_status: Annotated[str | None, Field(description="As published: Draft, Adopted, Deprecated, …")]
    uri: Annotated[str, Field(description="Where its publisher keeps it.")]
    source_changed_at: Annotated[datetime, Field(description="When its publisher last changed it.")]
    version: Annotated[int, Field(description="Counts the changes made here.")]
    created_at: Annotated[datetime, Field(description="When it was first imported.")]
    updated_at: Annotated[datetime, Field(description="When an import last changed it.")]


class CompetencySummary(Output):
    """A competency in one line."""

    model_config = ConfigDict(json_schema_extra={"examples": [SUMMARY_EXAMPLE]})

    id: Annotated[UUID, Field(description="The CASE identifier.")]
    code: Annotated[str | None, Field(description="The code that people know it by.")]
    full_statement: Annotated[str, Field(description="What a learner knows or can do.")]
    framework_id: Annotated[UUID | None, Field(description="Its framework; null for a stub.")]


class AssociationOut(Output):
    """A directed edge between two competencies, in CASE's words: origin precedes destination, origin isChildOf it."""

    model_config = ConfigDict(json_schema_extra={"examples": [ASSOCIATION_EXAMPLE]})

    id: Annotated[UUID, Field(description="The CASE identifier.")]
    type: Annotated[str, Field(description="isChildOf, precedes, exactMatchOf, isRelatedTo, …")]
    uri: Annotated[str, Field(description="Where its publisher keeps it.")]
    origin_id: Annotated[UUID, Field(description="Where it starts.")]
    destination_id: Annotated[UUID, Field(description="Where it leads.")]
    sequence_number: Annotated[int | None, Field(description="Order among siblings, where the publisher gave one.")]
    is_cyclic: Annotated[bool, Field(description="Whether it lies on a circle and must not be walked.")]


class CompetencyOut(Output):
    """Something a learner can come to know or do (a CASE item)."""

    model_config = ConfigDict(json_schema_extra={"examples": [COMPETENCY_EXAMPLE]})

    id: Annotated[UUID, Field(description="The CASE identifier.")]
    framework_id: Annotated[UUID | None, Field(description="Its framework; null for a stub.")]
    parent_id: Annotated[UUID | None, Field(description="The competency above it; null at the top of the tree.")]
    code: Annotated[str | None, Field(description="The code that people know it by.")]
    full_statement: Annotated[str, Field(description="What a learner knows or can do.")]
    abbreviated_statement: Annotated[str | None, Field(description="The statement in short.")]
    list_enumeration: Annotated[str | None, Field(description="Its number or letter among its siblings.")]
    item_type: Annotated[str | None, Field(description="What the publisher calls its kind: Standard, Target, …")]
    education_levels: Annotated[list[str], Field(description="The levels it is meant for, as published.")]
    notes: Annotated[str | None, Field(description="The publisher's notes.")]
    status_start_on: Annotated[date | None, Field(description="The first day it is in force.")]
    status_end_on: Annotated[date | None, Field(description="The last day it is in force.")]
    position: Annotated[int, Field(description="Rank in its framework's tree, from 0, parents before children.")]
    depth: Annotated[int, Field(description="How many competencies are above it.")]
    is_stub: Annotated[bool, Field(description="Whether it is only named by others; its own framework is not here.")]
    uri: Annotated[str, Field(description="Where its publisher keeps it.")]
    version: Annotated[int, Field(description="Counts the changes made here.")]
    created_at: Annotated[datetime, Field(description="When it was first imported.")]
    updated_at: Annotated[datetime, Field(description="When an import last changed it.")]
    children: Annotated[
        list[CompetencySummary] | MISSING, Field(description="Those directly below, in order. With `expand`.")
    ] = MISSING
    prerequisites: Annotated[
        list[CompetencySummary] | MISSING, Field(description="Those that come directly before. With `expand`.")
    ] = MISSING
    associations: Annotated[
        list[AssociationOut] | MISSING, Field(description="Every edge that starts or ends here. With `expand`.")
    ] = MISSING


class FrameworkList(Output):
    """A page of frameworks."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [FRAMEWORK_EXAMPLE], "next_cursor": None, "total": 1}]}
    )

    items: list[FrameworkOut]
    next_cursor: Annotated[str | None, Field(description="Send it as `cursor` for the next page; null on the last.")]
    total: Annotated[int | MISSING, Field(description="All items; only with `count=true`.")] = MISSING


class CompetencyList(Output):
    """A page of competencies."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [COMPETENCY_EXAMPLE], "next_cursor": None, "total": 1}]}
    )

    items: list[CompetencyOut]
    next_cursor: Annotated[str | None, Field(description="Send it as `cursor` for the next page; null on the last.")]
    total: Annotated[int | MISSING, Field(description="All items; only with `count=true`.")] = MISSING
