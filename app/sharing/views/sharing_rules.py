"""Read side of the tenant's sharing rules.

They are part of the caller's facts already, and statements are compiled for them: the body is a constant of the
statement, and only the version is looked up.
"""

from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, func, literal_column, select
from sqlalchemy.dialects.postgresql import JSON

from app.core.access import TENANT, Shape
from app.core.reads import View
from app.core.rules import RULES, Level, Policy, Relation, floor
from app.db.engine import compact_json
from app.db.projection import Projection, Raw
from app.sharing.models import SharingPolicy
from app.sharing.schemas.sharing_rules import SharingRulesOut

CHANGERS = (Relation.DISTRICT_ADMIN, Relation.ACCESS_MANAGER)
"""By office, not by a level in some section: who lowers her own level can raise it again."""
_BLOCKED = {"action": "edit", "code": "forbidden", "detail": "Only for: a service, district admin."}


def capacity(blanket: tuple[str, ...]) -> Relation | None:
    """As what somebody with these relations to every learner changes the rules, if at all."""
    return next((relation for relation in CHANGERS if relation in blanket), None)


def _cells(policy: Policy) -> list[dict[str, Any]]:
    return [
        {
            "section": section,
            "relation": relation,
            "default": _name(default),
            "level": _name(policy.level(section, relation)),
            "floor": _name(floor(section, relation)),
            "may_change": floor(section, relation) < default,
        }
        for section, relations in RULES.items()
        for relation, default in relations.items()
    ]


def _name(level: Level) -> str:
    return level.name.lower()


def _rules(shape: Shape, _include: frozenset[str]) -> Select[Any]:
    stored = select(SharingPolicy.version).where(SharingPolicy.tenant_id == TENANT).scalar_subquery()
    version = func.coalesce(stored, literal_column("0"), type_=Integer())
    may_change = capacity(shape.blanket) is not None
    body = Projection(
        SharingRulesOut,
        {
            "rules": _constant(_cells(shape.policy)),
            "version": version,
            "available_actions": _constant(["edit"] if may_change else []),
            "blocked_actions": _constant([] if may_change else [_BLOCKED]),
        },
    ).json()
    return select(version.label("version"), body.label("body"))


def _constant(value: Any) -> Raw:
    """JSON of our own words, none of which has a quote."""
    text: ColumnElement[Any] = literal_column(f"'{compact_json(value)}'::json", JSON())
    return Raw(text)


SHARING_RULES = View(_rules)
