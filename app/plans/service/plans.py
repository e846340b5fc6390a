"""Making, changing and moving plans."""

from datetime import UTC, date, datetime
from uuid import UUID

from starlette.responses import Response

from app.core.errors import conflict, explain_constraint, forbidden, invalid
from app.core.rules import Section
from app.core.schemas import MISSING
from app.core.unit_of_work import Write
from app.core.workflow import apply, capacity_of, decide
from app.db.base import new_id
from app.learners.policy import load_learner
from app.learners.workflow import CREATE_PLAN
from app.plans.models import Plan
from app.plans.policy import load_plan
from app.plans.schemas import PlanCreate, PlanPatch, PlanTransitionIn
from app.plans.views import PLAN_VIEW
from app.plans.workflow import PLAN

explain_constraint(
    "uq_plan_learner_year", conflict("plan_exists", "This learner has a plan for this school year already.")
)
explain_constraint("pk_plan", conflict("id_taken", "This id is taken. Make a new one."))


async def create_plan(write: Write, body: PlanCreate) -> Response:
    """A draft for a learner; 404 if the caller may not know of the learner."""
    learner, relations = await load_learner(write, body.learner_id, Section.PLAN, "/learner_id")
    if not set(CREATE_PLAN.words(write.principal.policy)).intersection(relations):
        raise forbidden("plans:write")
    acting_as = capacity_of(CREATE_PLAN, relations, write.principal.policy)
    plan = Plan(
        tenant_id=write.principal.tenant_id,
        id=new_id() if body.id is MISSING else body.id,
        learner_id=learner.id,
        school_id=learner.school_id,
        school_year=body.school_year,
        title=body.title,
        vision=body.vision,
        starts_on=date(body.school_year - 1, 8, 1) if body.starts_on is MISSING else body.starts_on,
        ends_on=date(body.school_year, 7, 31) if body.ends_on is MISSING else body.ends_on,
    )
    _check_dates(plan)
    write.session.add(plan)
    await _record(write, plan, "create", acting_as)
    return await write.show(PLAN_VIEW, status=201, location=f"/v1/plans/{plan.id}", id=plan.id)


async def change_plan(write: Write, plan_id: UUID, body: PlanPatch) -> Response:
    """A merge patch of the plan's own fields."""
    plan, relations = await load_plan(write, plan_id)
    _, acting_as = await decide(write, PLAN, "edit", plan, relations)
    for name, value in body.changes().items():
        setattr(plan, name, value)
    _check_dates(plan)
    if write.session.is_modified(plan):
        await _record(write, plan, "edit", acting_as)
    return await write.show(PLAN_VIEW, id=plan.id)


async def move_plan(write: Write, plan_id: UUID, body: PlanTransitionIn) -> Response:
    """A step of the workflow."""
    plan, relations = await load_plan(write, plan_id)
    acting_as = await apply(write, PLAN, body.action, plan, relations, body.reason)
    _stamp(plan, body.action, write.principal.person_id)
    await _record(write, plan, body.action, acting_as, body.reason)
    return await write.show(PLAN_VIEW, id=plan.id)


def _stamp(plan: Plan, action: str, person_id: UUID | None) -> None:
    """Who moved the plan, and when. Nothing recorded is lost by going back: the event log keeps it."""
    now = datetime.now(UTC)
    if action == "submit":
        plan.submitted_by, plan.submitted_at = person_id, now
    elif action in ("withdraw", "return"):
        plan.submitted_by = plan.submitted_at = None
    elif action == "approve":
        plan.approved_by, plan.approved_at = person_id, now
    elif action == "close":
        plan.closed_at = now
    elif action == "reopen":
        plan.closed_at = None


def _check_dates(plan: Plan) -> None:
    if plan.starts_on >= plan.ends_on:
        raise invalid("/starts_on", "dates_in_order", "starts_on must be before ends_on.")


async def _record(write: Write, plan: Plan, action: str, acting_as: str, reason: str | None = None) -> None:
    await write.record(
        plan,
        action,
        section=Section.PLAN,
        capacity=acting_as,
        learner_id=plan.learner_id,
        plan_id=plan.id,
        reason=reason,
    )
