"""Read side of a learner's coming of age."""

from typing import Any

from sqlalchemy import Select, false, func, select, true

from app.core.access import ID, TENANT, TODAY, Shape, may_read
from app.core.reads import View
from app.core.rules import Policy, Section
from app.db.base import Sql
from app.db.projection import Projection, Raw
from app.learners.majority_schemas import MajorityOut
from app.learners.models import Learner
from app.learners.policy import held
from app.learners.workflow import MAJORITY

FIELDS = ("birth_on", "college_entry_on", "is_dependent", "majority_on", "version")


def _majority_projection(learner: Any, relations: Sql, policy: Policy) -> Projection:
    return Projection(
        MajorityOut,
        {
            **{name: getattr(learner, name) for name in FIELDS},
            "is_of_age": func.coalesce(learner.majority_on <= TODAY, false()),
            "available_actions": Raw(MAJORITY.available(learner, relations, policy)),
            "blocked_actions": Raw(MAJORITY.blocked(learner, relations, policy)),
        },
    )


def _majority(shape: Shape, _include: frozenset[str]) -> Select[Any]:
    relations = held(shape, Learner, Section.ACCESS)
    body = _majority_projection(Learner, relations.c.relations, shape.policy).json()
    return (
        select(
            Learner.version.label("version"),
            body.label("body"),
            Learner.id.label("learner_id"),
            relations.c.relations.label("relations"),
        )
        .select_from(Learner)
        .join(relations, true())
        .where(Learner.tenant_id == TENANT, Learner.id == ID, may_read(shape, Section.ACCESS, relations.c.relations))
    )


MAJORITY_VIEW = View(_majority, section=Section.ACCESS)
