"""What an orchestrator asks: is the process alive, can it serve, what does it measure."""

import asyncio

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy import text

from app.core.errors import unavailable
from app.core.metrics import Metrics
from app.core.runtime import runtime_of
from app.core.unit_of_work import PublicRoute

router = APIRouter(route_class=PublicRoute, include_in_schema=False)

READY_WITHIN = 1.5


@router.get("/livez")
async def get_liveness() -> Response:
    """The process answers; says nothing about the database."""
    return Response('{"status":"ok"}', media_type="application/json")


@router.get("/readyz")
async def get_readiness(request: Request) -> Response:
    """The database answers too."""
    try:
        async with asyncio.timeout(READY_WITHIN):
            async with runtime_of(request).engine.connect() as connection:
                await connection.execute(text("SELECT 1"))
    except Exception:
        raise unavailable("The database does not answer.") from None
    return Response('{"status":"ok"}', media_type="application/json")


@router.get("/metrics")
async def get_metrics(request: Request) -> Response:
    metrics: Metrics = request.app.state.metrics
    return Response(metrics.exposition(runtime_of(request).engine), media_type=CONTENT_TYPE_LATEST)
