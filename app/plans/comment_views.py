"""Read side of comments."""

from typing import Any

from sqlalchemy import Uuid

from app.core.pagination import Filter, Listing, Sort
from app.core.reads import View
from app.core.rules import Policy, Section
from app.db.base import Sql
from app.db.projection import Projection
from app.plans.comment_schemas import CommentOut, CommentSummary
from app.plans.goal_views import below_plan, can
from app.plans.models import Comment
from app.plans.policy import goal_exists, plan_exists, visible_below_plan
from app.plans.workflow import COMMENT
from app.roster.views import named


def _columns(comment: Any) -> dict[str, Any]:
    return {
        "id": comment.id,
        "plan_id": comment.plan_id,
        "goal_id": comment.goal_id,
        "author": named(comment.tenant_id, comment.author_id),
        "author_as": comment.author_as,
        "text": comment.text,
        "version": comment.version,
        "created_at": comment.created_at,
        "updated_at": comment.updated_at,
    }


def comment_summary(comment: Any) -> Projection:
    return Projection(CommentSummary, _columns(comment))


def _comment_projection(comment: Any, relations: Sql, policy: Policy) -> Projection:
    return Projection(CommentOut, {**_columns(comment), **can(COMMENT, comment, relations, policy)})


def _by_creation(comment: Any) -> tuple[Any, ...]:
    return (comment.created_at, comment.id)


COMMENT_VIEW = View(below_plan(Comment, Comment.goal_id, _comment_projection), section=Section.PLAN)

COMMENTS = Listing(
    "comments",
    Comment,
    visible=lambda comment, shape: visible_below_plan(comment, shape, comment.goal_id),
    shows=Section.PLAN,
    projection=comment_summary,
    sorts={"created_at": Sort(_by_creation), "-created_at": Sort(_by_creation, is_descending=True)},
    filters={
        "plan_id": Filter(
            lambda comment, value, _: (comment.plan_id == value) & comment.goal_id.is_(None),
            Uuid(),
            must_exist=plan_exists,
        ),
        "goal_id": Filter(lambda comment, value, _: comment.goal_id == value, Uuid(), must_exist=goal_exists),
    },
)
"""Of a plan as a whole, or of one of its goals."""
