"""The work on a goal: actions, milestones and progress entries."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from starlette.responses import Response

from app.core.errors import conflict, explain_constraint, invalid
from app.core.rules import Section
from app.core.schemas import MISSING
from app.core.unit_of_work import Write
from app.core.workflow import apply, decide
from app.db.base import new_id
from app.plans.goal_schemas import (
    ActionCreate,
    ActionPatch,
    ActionTransitionIn,
    MilestoneCreate,
    MilestonePatch,
    ProgressCreate,
)
from app.plans.goal_views import ACTION_VIEW, MILESTONE_VIEW, PROGRESS_VIEW
from app.plans.models import Action, Goal, Milestone, ProgressEntry
from app.plans.policy import load_below_goal, load_goal
from app.plans.service.goals import side_of
from app.plans.workflow import ACTION, GOAL, MILESTONE

for table in ("action", "milestone", "progress_entry"):
    explain_constraint(f"pk_{table}", conflict("id_taken", "This id is taken. Make a new one."))


def _place(goal: Goal, given_id: Any) -> dict[str, Any]:
    """Where a row below a goal belongs."""
    return {
        "tenant_id": goal.tenant_id,
        "id": new_id() if given_id is MISSING else given_id,
        "goal_id": goal.id,
        "plan_id": goal.plan_id,
        "learner_id": goal.learner_id,
    }


async def create_action(write: Write, goal_id: UUID, body: ActionCreate) -> Response:
    goal, relations = await load_goal(write, goal_id)
    _, acting_as = await decide(write, GOAL, "add_action", goal, relations, is_versioned=False)
    action = Action(**_place(goal, body.id), status="planned", **body.model_dump(exclude={"id"}))
    write.session.add(action)
    await _record(write, action, "create", acting_as)
    return await write.show(ACTION_VIEW, status=201, location=f"/v1/actions/{action.id}", id=action.id)


async def change_action(write: Write, action_id: UUID, body: ActionPatch) -> Response:
    action, relations = await load_below_goal(write, Action, action_id)
    _, acting_as = await decide(write, ACTION, "edit", action, relations)
    for name, value in body.changes().items():
        setattr(action, name, value)
    if write.session.is_modified(action):
        await _record(write, action, "edit", acting_as)
    return await write.show(ACTION_VIEW, id=action.id)


async def move_action(write: Write, action_id: UUID, body: ActionTransitionIn) -> Response:
    action, relations = await load_below_goal(write, Action, action_id)
    acting_as = await apply(write, ACTION, body.action, action, relations, body.reason)
    action.completed_at = datetime.now(UTC) if action.status == "done" else None
    await _record(write, action, body.action, acting_as, body.reason)
    return await write.show(ACTION_VIEW, id=action.id)


async def delete_action(write: Write, action_id: UUID) -> Response:
    action, relations = await load_below_goal(write, Action, action_id)
    _, acting_as = await decide(write, ACTION, "delete", action, relations)
    await _record(write, action, "delete", acting_as)
    await write.session.delete(action)
    return Response(status_code=204)


async def create_milestone(write: Write, goal_id: UUID, body: MilestoneCreate) -> Response:
    goal, relations = await load_goal(write, goal_id)
    _, acting_as = await decide(write, GOAL, "add_milestone", goal, relations, is_versioned=False)
    milestone = Milestone(**_place(goal, body.id), **body.model_dump(exclude={"id"}))
    write.session.add(milestone)
    await _record(write, milestone, "create", acting_as)
    return await write.show(MILESTONE_VIEW, status=201, location=f"/v1/milestones/{milestone.id}", id=milestone.id)


async def change_milestone(write: Write, milestone_id: UUID, body: MilestonePatch) -> Response:
    milestone, relations = await load_below_goal(write, Milestone, milestone_id)
    _, acting_as = await decide(write, MILESTONE, "edit", milestone, relations)
    changes = body.changes()
    is_reached = changes.pop("is_reached", milestone.reached_at is not None)
    if is_reached != (milestone.reached_at is not None):
        milestone.reached_at = datetime.now(UTC) if is_reached else None
    for name, value in changes.items():
        setattr(milestone, name, value)
    if write.session.is_modified(milestone):
        await _record(write, milestone, "edit", acting_as)
    return await write.show(MILESTONE_VIEW, id=milestone.id)


async def delete_milestone(write: Write, milestone_id: UUID) -> Response:
    milestone, relations = await load_below_goal(write, Milestone, milestone_id)
    _, acting_as = await decide(write, MILESTONE, "delete", milestone, relations)
    await _record(write, milestone, "delete", acting_as)
    await write.session.delete(milestone)
    return Response(status_code=204)


async def record_progress(write: Write, goal_id: UUID, body: ProgressCreate) -> Response:
    """A new point of the goal's series; the series is never changed."""
    goal, relations = await load_goal(write, goal_id)
    _, acting_as = await decide(write, GOAL, "record_progress", goal, relations, is_versioned=False)
    if body.value is None and body.note is None:
        raise invalid("/value", "missing", "Record a value, a note, or both.")
    today = write.principal.today()
    observed_on = today if body.observed_on is MISSING else body.observed_on
    if observed_on > today:
        raise invalid("/observed_on", "in_the_future", "Nothing can be observed before its day.")
    entry = ProgressEntry(
        **_place(goal, body.id),
        value=body.value,
        note=body.note,
        observed_on=observed_on,
        recorded_by=write.principal.person_id,
        recorded_side=side_of(acting_as),
    )
    write.session.add(entry)
    await _record(write, entry, "create", acting_as)
    return await write.show(PROGRESS_VIEW, status=201, location=f"/v1/progress/{entry.id}", id=entry.id)


async def _record(
    write: Write, entity: Action | Milestone | ProgressEntry, action: str, acting_as: str, reason: str | None = None
) -> None:
    await write.record(
        entity,
        action,
        section=Section.PLAN,
        capacity=acting_as,
        learner_id=entity.learner_id,
        plan_id=entity.plan_id,
        item_id=entity.goal_id,
        reason=reason,
    )
