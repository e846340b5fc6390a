"""Read side of share links, for the school's people; what a link shows: `app.sharing.views.shared_plan`."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, Uuid, and_, bindparam, cast, literal_column, select

from app.core.access import NOBODY, TENANT, Shape, relations_to
from app.core.pagination import Filter, Listing, Sort
from app.core.reads import View
from app.core.rules import Section
from app.db.base import Sql
from app.db.projection import Projection, Raw
from app.learners.models import Learner
from app.learners.policy import section_visible
from app.plans.goal_views import can
from app.plans.models import Plan
from app.roster.views import named
from app.sharing.learner_rows import LearnerRows
from app.sharing.link_workflow import SHARE_LINK, link_in_force
from app.sharing.models import ShareLink
from app.sharing.schemas.links import ShareLinkOut

LINK_ROWS = LearnerRows(ShareLink, ShareLink.learner_id, Section.ACCESS)
TOKEN: ColumnElement[str] = cast(bindparam("link_token", type_=Text()), Text)
WITH_TOKEN = frozenset({"token"})
_ACTIONS = frozenset({"available_actions", "blocked_actions"})
_FIELDS = (
    "id", "plan_id", "label", "purpose", "sections", "status", "expires_at", "consent_id", "open_count",
    "last_opened_at", "proposed_by", "proposed_as", "decided_by", "decided_at", "revoked_by", "revoked_at", "version",
    "created_at", "updated_at",
)  # fmt: skip


def _projection(link: Any, offered: Mapping[str, Raw]) -> Projection:
    return Projection(
        ShareLinkOut,
        {
            **{name: getattr(link, name) for name in _FIELDS},
            "learner": named(link.tenant_id, link.learner_id),
            "is_in_force": link_in_force(link),
            "has_passcode": link.passcode_hash.is_not(None),
            "token": TOKEN,
            **offered,
        },
    )


def _link(shape: Shape, include: frozenset[str]) -> Select[Any]:
    def columns(relations: Sql) -> Sequence[Any]:
        body = _projection(ShareLink, can(SHARE_LINK, ShareLink, relations, shape.policy)).json(include | _ACTIONS)
        return (
            ShareLink.version.label("version"),
            body.label("body"),
            ShareLink.learner_id,
            relations.label("relations"),
        )

    return LINK_ROWS.one(shape, columns)


def _each(link: Any, shape: Shape = NOBODY) -> Projection:
    """A link in a list, with the caller's relations looked up for it alone."""
    relations = relations_to(shape, Section.ACCESS, learner_id=Learner.id, school_id=Learner.school_id)
    is_its = and_(Learner.tenant_id == link.tenant_id, Learner.id == link.learner_id)
    held = (
        select(relations.label("relations")).where(is_its).correlate(link).offset(literal_column("0")).lateral("held")
    )
    offered = can(SHARE_LINK, link, held.c.relations, shape.policy)
    return _projection(
        link,
        {name: Raw(select(given.expression).select_from(held).scalar_subquery()) for name, given in offered.items()},
    )


def _body(link: Any, shape: Shape, include: frozenset[str]) -> ColumnElement[Any]:
    return _each(link, shape).json(_ACTIONS if include else frozenset())


def _plan_exists(plan_id: Sql, shape: Shape) -> ColumnElement[bool]:
    """Whether there is such a plan, of a learner of whom the caller reads who has access."""
    readable = section_visible(Plan.learner_id, shape, Section.ACCESS)
    return select(Plan.id).where(Plan.tenant_id == TENANT, Plan.id == plan_id, readable).exists()


def _by_creation(link: Any) -> tuple[Any, ...]:
    return (link.created_at, link.id)


LINK_VIEW = View(_link, section=Section.ACCESS, fields=frozenset(ShareLinkOut.model_fields) - WITH_TOKEN)

LINKS = Listing(
    "share-links",
    ShareLink,
    visible=lambda _link, shape: LINK_ROWS.visible(shape),
    section=Section.ACCESS,
    projection=_each,
    body=_body,
    expansions={"available_actions"},
    sorts={"created_at": Sort(_by_creation), "-created_at": Sort(_by_creation, is_descending=True)},
    filters={
        "plan_id": Filter(lambda link, value, _: link.plan_id == value, Uuid(), must_exist=_plan_exists),
        "status": Filter(lambda link, value, _: link.status == value, Text()),
    },
)
