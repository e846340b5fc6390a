"""What a share link shows, as one statement."""

from functools import lru_cache
from typing import Any

from sqlalchemy import Select, Text, cast, func, literal_column, select

from app.core.access import ID, TENANT
from app.db.projection import Many, One, Projection
from app.db.read import Statement
from app.learners.models import ProfileStatement
from app.plans.goal_views import goal_summary
from app.plans.models import Goal, Plan, Reflection
from app.roster.models import Person
from app.sharing.models import ShareLink
from app.sharing.schemas.shared_plan import (
    SharedGoal,
    SharedLearner,
    SharedPlan,
    SharedPlanOut,
    SharedReflection,
    SharedStatement,
)


def _fields(schema: type[Any], entity: Any) -> dict[str, Any]:
    return {name: getattr(entity, name) for name in schema.model_fields}


def _goals() -> Many:
    known = goal_summary(Goal).columns
    shown = Projection(SharedGoal, {name: known[name] for name in SharedGoal.model_fields})
    of_plan = select().select_from(Goal).where(Goal.tenant_id == Plan.tenant_id, Goal.plan_id == Plan.id)
    return Many(shown, of_plan.correlate(Plan), [Goal.created_at, Goal.id])


def _profile() -> Many:
    shown = Projection(SharedStatement, _fields(SharedStatement, ProfileStatement))
    of_learner = (
        select()
        .select_from(ProfileStatement)
        .where(ProfileStatement.tenant_id == Plan.tenant_id, ProfileStatement.learner_id == Plan.learner_id)
    )
    return Many(shown, of_learner.correlate(Plan), [ProfileStatement.stated_on, ProfileStatement.id])


def _reflections() -> Many:
    shown = Projection(SharedReflection, _fields(SharedReflection, Reflection))
    of_plan = (
        select()
        .select_from(Reflection)
        .where(Reflection.tenant_id == Plan.tenant_id, Reflection.plan_id == Plan.id, Reflection.is_private.is_(False))
    )
    return Many(shown, of_plan.correlate(Plan), [Reflection.created_at, Reflection.id])


def _shared_plan() -> Projection:
    initial = func.left(Person.family_name, literal_column("1"), type_=Text())
    plan = {name: getattr(Plan, name) for name in SharedPlan.model_fields if name != "goals"}
    return Projection(
        SharedPlanOut,
        {
            "learner": One(
                Projection(SharedLearner, {"given_name": Person.given_name, "family_initial": initial}),
            ),
            "expires_at": ShareLink.expires_at,
            "plan": One(Projection(SharedPlan, {**plan, "goals": _goals()})),
            "profile": _profile(),
            "reflections": _reflections(),
        },
    )


_SHARED_PLAN = _shared_plan()


@lru_cache
def shared_plan(sections: frozenset[str]) -> Statement:
    """The body of what the link of this id shows. Binds `caller_tenant` and `id`."""
    body: Select[Any] = (
        select(cast(_SHARED_PLAN.json(sections), Text).label("body"))
        .select_from(ShareLink)
        .join(Plan, (Plan.tenant_id == ShareLink.tenant_id) & (Plan.id == ShareLink.plan_id))
        .join(Person, (Person.tenant_id == ShareLink.tenant_id) & (Person.id == ShareLink.learner_id))
        .where(ShareLink.tenant_id == TENANT, ShareLink.id == ID)
    )
    return Statement.compile(body)
