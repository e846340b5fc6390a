"""Proposing goals, agreeing on them, changing them, and saying how they ended."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, insert, select
from starlette.responses import Response

from app.competencies.models import Competency
from app.core.access import in_force
from app.core.errors import conflict, explain_constraint, invalid, not_found
from app.core.events import all_fields_of, changes_of
from app.core.rules import Relation, Section
from app.core.schemas import MISSING
from app.core.unit_of_work import Write
from app.core.workflow import apply, decide
from app.db.base import new_id
from app.plans.goal_schemas import GoalCreate, GoalPatch, GoalTransitionIn
from app.plans.goal_views import GOAL_VIEW
from app.plans.models import Goal, GoalCompetency, GoalTeacher
from app.plans.policy import load_goal, load_plan
from app.plans.workflow import GOAL, OUTCOMES, PLAN
from app.roster.models import Enrollment

explain_constraint("pk_goal", conflict("id_taken", "This id is taken. Make a new one."))

LINKS = ("competency_ids", "teacher_ids")
TARGET_FIELDS = frozenset({"target", "due_on", "baseline", "metric_kind", "unit"})
"""Once both sides agreed on them, changing one needs a reason."""


def side_of(capacity: str) -> str:
    """The side on which somebody with this relation acts."""
    if capacity in (Relation.LEARNER, Relation.GUARDIAN):
        return capacity
    return "guest" if capacity == Relation.GRANTEE else "staff"


async def create_goal(write: Write, plan_id: UUID, body: GoalCreate) -> Response:
    """A goal, agreed to already by the side that proposes it (a guardian, a guest or a service speaks for neither)."""
    plan, relations = await load_plan(write, plan_id)
    _, acting_as = await decide(write, PLAN, "add_goal", plan, relations, is_versioned=False)
    given = body.model_dump(exclude={"id", *LINKS})
    goal = Goal(
        tenant_id=plan.tenant_id,
        id=new_id() if body.id is MISSING else body.id,
        plan_id=plan.id,
        learner_id=plan.learner_id,
        status="proposed",
        proposed_by=write.principal.person_id,
        proposed_side=side_of(acting_as),
        **given,
    )
    _check_metric(goal)
    if acting_as != Relation.SERVICE_WRITER:
        _agree(goal, goal.proposed_side, write.principal.person_id)
    write.session.add(goal)
    await write.session.flush()
    links = await _link(write, goal, body.competency_ids, body.teacher_ids)
    await _record(write, goal, "create", acting_as, changes=_created(goal) | links)
    return await write.show(GOAL_VIEW, status=201, location=f"/v1/goals/{goal.id}", id=goal.id)


def _created(goal: Goal) -> dict[str, dict[str, Any]]:
    return {name: {"before": None, "after": change["before"]} for name, change in all_fields_of(goal).items()}


async def change_goal(write: Write, goal_id: UUID, body: GoalPatch) -> Response:
    """A merge patch. Once agreed, a new target or date needs `change_reason`."""
    goal, relations = await load_goal(write, goal_id)
    _, acting_as = await decide(write, GOAL, "edit", goal, relations)
    changes = body.changes()
    reason = changes.pop("change_reason", None)
    links = [changes.pop(name, None) for name in LINKS]
    changed = {name for name, value in changes.items() if getattr(goal, name) != value}
    if goal.status == "agreed" and changed & TARGET_FIELDS and not reason:
        raise invalid("/change_reason", "missing", "An agreed goal's target or date changes only with a reason.")
    for name in changed:
        setattr(goal, name, changes[name])
    _check_metric(goal)
    if goal.status == "proposed" and changed:
        _ask_again(goal, acting_as)
    linked = await _link(write, goal, *links)
    if changed or linked:
        goal.updated_at = datetime.now(UTC)
        recorded = changes_of(goal) | linked
        await _record(write, goal, "edit", acting_as, reason=reason, changes=recorded)
    return await write.show(GOAL_VIEW, id=goal.id)


async def move_goal(write: Write, goal_id: UUID, body: GoalTransitionIn) -> Response:
    """A step of the handshake, or the outcome."""
    goal, relations = await load_goal(write, goal_id)
    acting_as = await apply(write, GOAL, body.action, goal, relations, body.reason)
    if body.action == "agree":
        _agree(goal, side_of(acting_as), write.principal.person_id)
    elif goal.status in OUTCOMES:
        goal.outcome_note, goal.outcome_at, goal.outcome_by = body.reason, datetime.now(UTC), write.principal.person_id
    else:
        goal.outcome_note = goal.outcome_at = goal.outcome_by = None
    await _record(write, goal, body.action, acting_as, reason=body.reason)
    return await write.show(GOAL_VIEW, id=goal.id)


async def delete_goal(write: Write, goal_id: UUID) -> Response:
    """Take back a proposal of one's own."""
    goal, relations = await load_goal(write, goal_id)
    _, acting_as = await decide(write, GOAL, "delete", goal, relations)
    await _record(write, goal, "delete", acting_as)
    await write.session.delete(goal)
    return Response(status_code=204)


def _agree(goal: Goal, side: str, person_id: UUID | None) -> None:
    """One side says yes. The goal is agreed once both have; until then `status` stays or goes back to proposed."""
    now = datetime.now(UTC)
    if side == "learner":
        goal.learner_agreed_at, goal.learner_agreed_by = now, person_id
    elif side == "staff":
        goal.staff_agreed_at, goal.staff_agreed_by = now, person_id
    both = goal.learner_agreed_at is not None and goal.staff_agreed_at is not None
    goal.status = "agreed" if both else "proposed"


def _ask_again(goal: Goal, acting_as: str) -> None:
    """What one side changes in a proposal, the other has not agreed to; what a service or guest changes, neither."""
    if acting_as in (Relation.LEARNER, Relation.SERVICE_WRITER, Relation.GRANTEE):
        goal.staff_agreed_at = goal.staff_agreed_by = None
    if acting_as != Relation.LEARNER:
        goal.learner_agreed_at = goal.learner_agreed_by = None


def _check_metric(goal: Goal) -> None:
    if goal.baseline is not None and goal.baseline == goal.target:
        raise invalid("/target", "equals_baseline", "target and baseline must differ, or there is no way between them.")
    if goal.starts_on is not None and goal.due_on is not None and goal.starts_on > goal.due_on:
        raise invalid("/due_on", "dates_in_order", "due_on must not be before starts_on.")


async def _link(
    write: Write, goal: Goal, competency_ids: Sequence[UUID] | None, teacher_ids: Sequence[UUID] | None
) -> dict[str, dict[str, Any]]:
    """Set the goal's competencies and named teachers where given; the changes, for the event."""
    changes: dict[str, Any] = {}
    if competency_ids is not None:
        changes |= await _replace(write, goal, GoalCompetency, "competency_id", competency_ids)
    if teacher_ids is not None:
        changes |= await _replace(write, goal, GoalTeacher, "person_id", teacher_ids)
    return changes


async def _replace(write: Write, goal: Goal, link: Any, column: str, wanted: Sequence[UUID]) -> dict[str, Any]:
    session, target = write.session, getattr(link, column)
    found = await session.scalars(select(target).where(link.goal_id == goal.id))
    before, after = set(found), set(wanted)
    if before == after:
        return {}
    known = await (_known_competencies if link is GoalCompetency else _known_teachers)(write, goal, after - before)
    name = "competency_ids" if link is GoalCompetency else "teacher_ids"
    unknown = after - before - known
    if unknown:
        raise not_found(*(f"/{name}/{place}" for place, value in enumerate(wanted) if value in unknown))
    if before - after:
        await session.execute(delete(link).where(link.goal_id == goal.id, target.in_(before - after)))
    if after - before:
        rows = [
            {"tenant_id": goal.tenant_id, "id": new_id(), "goal_id": goal.id, column: value} for value in after - before
        ]
        await session.execute(insert(link), rows)
    return {name: {"before": sorted(map(str, before)), "after": sorted(map(str, after))}}


async def _known_competencies(write: Write, _goal: Goal, wanted: set[UUID]) -> set[UUID]:
    return set(await write.session.scalars(select(Competency.id).where(Competency.id.in_(wanted))))


async def _known_teachers(write: Write, goal: Goal, wanted: set[UUID]) -> set[UUID]:
    """Only teachers of the learner can be named; anybody else is as good as unknown."""
    current = in_force(Enrollment.from_on, Enrollment.until_on)
    classes = select(Enrollment.class_id).where(
        Enrollment.person_id == goal.learner_id, Enrollment.role == "student", current
    )
    teaching = select(Enrollment.person_id).where(
        Enrollment.person_id.in_(wanted), Enrollment.role == "teacher", Enrollment.class_id.in_(classes), current
    )
    return set(await write.session.scalars(teaching, write.principal.binds()))


async def _record(
    write: Write,
    goal: Goal,
    action: str,
    acting_as: str,
    *,
    reason: str | None = None,
    changes: dict[str, dict[str, Any]] | None = None,
) -> None:
    await write.record(
        goal,
        action,
        section=Section.PLAN,
        capacity=acting_as,
        learner_id=goal.learner_id,
        plan_id=goal.plan_id,
        item_id=goal.id,
        reason=reason,
        changes=changes,
    )
