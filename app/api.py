"""The only list of routers."""

from fastapi import APIRouter

from app.competencies.router import router as competencies
from app.core import changes, operations
from app.identity.router import ROUTERS as IDENTITY
from app.learners.majority_router import router as majority
from app.learners.note_router import router as staff_notes
from app.learners.router import router as learners
from app.learners.statement_router import router as profile_statements
from app.plans.comment_router import router as comments
from app.plans.goal_router import router as goals
from app.plans.reflection_router import router as reflections
from app.plans.router import router as plans
from app.roster.router import router as classes
from app.sharing.router import ROUTERS as SHARING

ROUTERS: tuple[APIRouter, ...] = (
    plans,
    goals,
    comments,
    reflections,
    learners,
    profile_statements,
    staff_notes,
    majority,
    classes,
    *SHARING,
    operations.router,
    *IDENTITY,
    competencies,
    changes.router,
)
