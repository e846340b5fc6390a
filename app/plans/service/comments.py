"""Saying something about a plan or a goal."""

from typing import Any
from uuid import UUID

from starlette.responses import Response

from app.core.errors import conflict, explain_constraint
from app.core.rules import Relation, Section
from app.core.schemas import MISSING
from app.core.unit_of_work import Write
from app.core.workflow import decide
from app.db.base import new_id
from app.plans.comment_schemas import CommentCreate, CommentPatch
from app.plans.comment_views import COMMENT_VIEW
from app.plans.models import Comment
from app.plans.policy import load_below_goal, load_goal, load_plan
from app.plans.workflow import COMMENT, GOAL, PLAN

explain_constraint("pk_comment", conflict("id_taken", "This id is taken. Make a new one."))


async def comment_on_plan(write: Write, plan_id: UUID, body: CommentCreate) -> Response:
    plan, relations = await load_plan(write, plan_id)
    _, acting_as = await decide(write, PLAN, "comment", plan, relations, is_versioned=False)
    return await _create(write, body, acting_as, plan_id=plan.id, learner_id=plan.learner_id)


async def comment_on_goal(write: Write, goal_id: UUID, body: CommentCreate) -> Response:
    goal, relations = await load_goal(write, goal_id)
    _, acting_as = await decide(write, GOAL, "comment", goal, relations, is_versioned=False)
    return await _create(write, body, acting_as, plan_id=goal.plan_id, learner_id=goal.learner_id, goal_id=goal.id)


async def _create(write: Write, body: CommentCreate, acting_as: Relation, **place: Any) -> Response:
    comment = Comment(
        tenant_id=write.principal.tenant_id,
        id=new_id() if body.id is MISSING else body.id,
        author_id=write.principal.person_id,
        author_as=acting_as.value,
        text=body.text,
        **place,
    )
    write.session.add(comment)
    await _record(write, comment, "create", acting_as)
    return await write.show(COMMENT_VIEW, status=201, location=f"/v1/comments/{comment.id}", id=comment.id)


async def change_comment(write: Write, comment_id: UUID, body: CommentPatch) -> Response:
    comment, relations = await load_below_goal(write, Comment, comment_id)
    _, acting_as = await decide(write, COMMENT, "edit", comment, relations)
    for name, value in body.changes().items():
        setattr(comment, name, value)
    if write.session.is_modified(comment):
        await _record(write, comment, "edit", acting_as)
    return await write.show(COMMENT_VIEW, id=comment.id)


async def delete_comment(write: Write, comment_id: UUID) -> Response:
    comment, relations = await load_below_goal(write, Comment, comment_id)
    _, acting_as = await decide(write, COMMENT, "delete", comment, relations)
    await _record(write, comment, "delete", acting_as)
    await write.session.delete(comment)
    return Response(status_code=204)


async def _record(write: Write, comment: Comment, action: str, acting_as: Relation) -> None:
    await write.record(
        comment,
        action,
        section=Section.PLAN,
        capacity=acting_as,
        learner_id=comment.learner_id,
        plan_id=comment.plan_id,
        item_id=comment.goal_id,
    )
