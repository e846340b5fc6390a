"""Frameworks and competencies over HTTP; they come in with `plp import case` and are read here."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Response

from app.competencies.policy import CompetencyRead
from app.competencies.schemas import (
    CompetencyList,
    CompetencyOut,
    CompetencyQuery,
    Expand,
    FrameworkList,
    FrameworkOut,
    FrameworkQuery,
)
from app.competencies.views import COMPETENCIES, COMPETENCY, FRAMEWORK, FRAMEWORKS
from app.core.pagination import Fields
from app.core.unit_of_work import Reading, UnitOfWorkRoute

router = APIRouter(route_class=UnitOfWorkRoute, prefix="/v1", tags=["competencies"])


async def _competency_read(read: Reading) -> CompetencyRead:
    return CompetencyRead(read.request, read.runtime, read.claims)


CompetencyReading = Annotated[CompetencyRead, Depends(_competency_read)]
# What the kind of route does not tell the document: a service may lack the scope, a filter may name what is not there.
REFUSED: dict[int | str, dict[str, Any]] = {403: {}}
REFUSED_OR_UNKNOWN: dict[int | str, dict[str, Any]] = {403: {}, 404: {}}


@router.get("/frameworks", response_model=FrameworkList, summary="List frameworks", responses=REFUSED)
async def list_frameworks(read: CompetencyReading, query: Annotated[FrameworkQuery, Query()]) -> Response:
    """The frameworks that the tenant has imported."""
    return await FRAMEWORKS.reply(read, query, sort=query.sort, filters={})


@router.get("/frameworks/{id}", response_model=FrameworkOut, summary="Read a framework", responses=REFUSED)
async def get_framework(
    read: CompetencyReading, id: Annotated[UUID, Path()], fields: Annotated[Fields, Query()] = None
) -> Response:
    """One framework. Its competencies are at `/v1/competencies?framework_id=…`."""
    return await read.one(FRAMEWORK, fields=fields, id=id)


@router.get("/competencies", response_model=CompetencyList, summary="List competencies", responses=REFUSED_OR_UNKNOWN)
async def list_competencies(read: CompetencyReading, query: Annotated[CompetencyQuery, Query()]) -> Response:
    """Competencies of the imported frameworks, in the order of their trees; stubs are not among them."""
    filters = query.model_dump(include=set(COMPETENCIES.filters))
    return await COMPETENCIES.reply(read, query, sort=query.sort, filters=filters)


@router.get("/competencies/{id}", response_model=CompetencyOut, summary="Read a competency", responses=REFUSED)
async def get_competency(
    read: CompetencyReading,
    id: Annotated[UUID, Path()],
    expand: Annotated[Expand, Query()] = None,
    fields: Annotated[Fields, Query()] = None,
) -> Response:
    """One competency, or the stub of one that others name and no imported framework holds."""
    return await read.one(COMPETENCY, expand=expand, fields=fields, id=id)
