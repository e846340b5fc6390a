"""The only list of routers."""

from fastapi import APIRouter

from app.competencies.router import router as competencies
from app.core import changes, operations
from app.identity.router import ROUTERS as IDENTITY
from app.learners.router import router as learners
from app.plans.goal_router import router as goals
from app.plans.router import router as plans
from app.roster.router import router as classes
from app.sharing.router import ROUTERS as SHARING

ROUTERS: tuple[APIRouter, ...] = (
    plans,
    goals,
    learners,
    classes,
    *SHARING,
    operations.router,
    *IDENTITY,
    competencies,
    changes.router,
)
