"""What the learner writes about the way so far, to share or in private."""

from typing import Any
from uuid import UUID

from sqlalchemy import select
from starlette.responses import Response

from app.core.access import require
from app.core.errors import conflict, explain_constraint, not_found
from app.core.events import all_fields_of
from app.core.rules import WRITE, Relation, Section
from app.core.schemas import MISSING
from app.core.unit_of_work import Write
from app.core.workflow import Workflow, decide
from app.db.base import new_id
from app.plans.models import Goal, Plan, Reflection
from app.plans.policy import load_plan_to_reflect, load_reflection
from app.plans.reflection_schemas import ReflectionCreate, ReflectionPatch
from app.plans.reflection_views import REFLECTION_VIEW
from app.plans.workflow import PLAN, PRIVATE_REFLECTION, SHARED_REFLECTION

explain_constraint("pk_reflection", conflict("id_taken", "This id is taken. Make a new one."))


async def create_reflection(write: Write, plan_id: UUID, body: ReflectionCreate) -> Response:
    plan, relations = await load_plan_to_reflect(write, plan_id, is_private=body.is_private)
    action = "reflect_privately" if body.is_private else "reflect"
    _, acting_as = await decide(write, PLAN, action, plan, relations, is_versioned=False)
    await _check_goal(write, plan, body.goal_id)
    reflection = Reflection(
        tenant_id=plan.tenant_id,
        id=new_id() if body.id is MISSING else body.id,
        plan_id=plan.id,
        learner_id=plan.learner_id,
        **body.model_dump(exclude={"id"}),
    )
    write.session.add(reflection)
    await _record(write, reflection, "create", acting_as, is_private=reflection.is_private)
    location = f"/v1/reflections/{reflection.id}"
    return await write.show(REFLECTION_VIEW, status=201, location=location, id=reflection.id)


async def change_reflection(write: Write, reflection_id: UUID, body: ReflectionPatch) -> Response:
    """A merge patch. To share it, or to make it private, takes the right to write in either section."""
    reflection, relations = await load_reflection(write, reflection_id)
    changes = body.changes()
    was_private = reflection.is_private
    will_be_private = changes.get("is_private", was_private)
    if will_be_private != was_private:
        require(write.principal.policy, relations, _section(will_be_private), WRITE)
    _, acting_as = await decide(write, _workflow(was_private), "edit", reflection, relations)
    for name, value in changes.items():
        setattr(reflection, name, value)
    if write.session.is_modified(reflection):
        await _record(write, reflection, "edit", acting_as, is_private=was_private or will_be_private)
    if will_be_private != was_private:
        await _tell_readers(write, reflection, acting_as)
    return await write.show(REFLECTION_VIEW, id=reflection.id)


async def _tell_readers(write: Write, reflection: Reflection, acting_as: Relation) -> None:
    """To those who read what is shared, a reflection that is shared now is new, and one that is private now is gone."""
    if reflection.is_private:
        await _record(write, reflection, "delete", acting_as, is_private=False, changes={})
        return
    fields = {name: {"before": None, "after": change["before"]} for name, change in all_fields_of(reflection).items()}
    await _record(write, reflection, "create", acting_as, is_private=False, changes=fields)


async def delete_reflection(write: Write, reflection_id: UUID) -> Response:
    reflection, relations = await load_reflection(write, reflection_id)
    _, acting_as = await decide(write, _workflow(reflection.is_private), "delete", reflection, relations)
    await _record(write, reflection, "delete", acting_as, is_private=reflection.is_private)
    await write.session.delete(reflection)
    return Response(status_code=204)


def _workflow(is_private: bool) -> Workflow:
    return PRIVATE_REFLECTION if is_private else SHARED_REFLECTION


def _section(is_private: bool) -> Section:
    return Section.PRIVATE_REFLECTIONS if is_private else Section.REFLECTIONS


async def _check_goal(write: Write, plan: Plan, goal_id: UUID | None) -> None:
    if goal_id is None:
        return
    of_plan = select(Goal.id).where(Goal.tenant_id == plan.tenant_id, Goal.plan_id == plan.id, Goal.id == goal_id)
    if await write.session.scalar(of_plan) is None:
        raise not_found("/goal_id")


async def _record(
    write: Write,
    reflection: Reflection,
    action: str,
    acting_as: Relation,
    *,
    is_private: bool,
    changes: dict[str, dict[str, Any]] | None = None,
) -> None:
    """An event tells the text from before and after: it is private where either is."""
    await write.record(
        reflection,
        action,
        section=_section(is_private),
        capacity=acting_as,
        learner_id=reflection.learner_id,
        plan_id=reflection.plan_id,
        item_id=reflection.goal_id,
        changes=changes,
    )
