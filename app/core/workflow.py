"""Workflows as data: rules say who may do what in which state, and what must hold.

A guard is one SQL expression. The view embeds it (available and blocked actions) and `apply` evaluates the very same
expression again under the row's lock, so what is shown and what is done cannot differ. `apply` is the only writer of a
status.
"""

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Text, bindparam, case, cast, func, literal_column, not_, select
from sqlalchemy.dialects.postgresql import ARRAY, JSON, array

from app.core.access import ID, TENANT, has_any
from app.core.errors import conflict, forbidden, invalid
from app.core.rules import WRITE, Level, Policy, Relation, Section, plain
from app.core.unit_of_work import Write
from app.db.base import Sql
from app.db.read import Statement, read_inside


@dataclass(frozen=True)
class Guard:
    """Something that must hold before an action; `holds` builds its SQL for a (possibly aliased) entity."""

    code: str
    detail: str
    holds: Callable[[Any], ColumnElement[bool]]


@dataclass(frozen=True)
class Rule:
    """An action: a transition where it has a `target`, else an edit."""

    action: str
    by: Sequence[Relation]
    sources: Sequence[str]
    target: str | None = None
    guards: Sequence[Guard] = ()
    needs_reason: bool = False
    permission: str = "plans:write"
    level: Level = WRITE
    """What a relation must reach in the section, besides being one of `by`: a tenant may have tightened the rules."""
    section: Section = Section.PLAN

    def words(self, policy: Policy) -> tuple[str, ...]:
        """The relation words that give the right."""
        return policy.words(self.section, self.level, tuple(self.by))


FORBIDDEN = "forbidden"
WRONG_STATUS = "wrong_status"

_HELD = bindparam("held_relations", type_=ARRAY(Text()))


@dataclass(frozen=True)
class Workflow:
    """The rules of one kind of resource, over its column `status`. A rule without sources holds in every state."""

    rules: Sequence[Rule]

    def rule(self, action: str) -> Rule | None:
        return next((rule for rule in self.rules if rule.action == action), None)

    @staticmethod
    def verdict(rule: Rule, entity: Any, relations: Sql, policy: Policy) -> ColumnElement[Any]:
        """SQL text: null if the action is available, else its `BlockedAction` as JSON."""
        relation_names = ", ".join(sorted(_words(relation) for relation in rule.by))
        states = " or ".join(rule.sources)
        branches = [
            (
                not_(has_any(relations, rule.words(policy))),
                _blocked(rule, FORBIDDEN, f"Only for: {relation_names}."),
            ),
        ]
        if rule.sources:
            wrong = entity.status.not_in(_constants(rule.sources))
            branches.append((wrong, _blocked(rule, WRONG_STATUS, f"Only while the status is {states}.")))
        branches += [(not_(guard.holds(entity)), _blocked(rule, guard.code, guard.detail)) for guard in rule.guards]
        return case(*branches)

    def available(self, entity: Any, relations: Sql, policy: Policy) -> ColumnElement[Any]:
        """A JSON list of the actions that this caller may do now."""
        return _json_list(
            [
                case((self.verdict(rule, entity, relations, policy).is_(None), _constant(json.dumps(rule.action))))
                for rule in self.rules
            ]
        )

    def blocked(self, entity: Any, relations: Sql, policy: Policy) -> ColumnElement[Any]:
        """A JSON list of the other actions, each with what is missing."""
        return _json_list([self.verdict(rule, entity, relations, policy) for rule in self.rules])


def _words(relation: Relation) -> str:
    """The relation as people say it."""
    return "a service" if relation is Relation.SERVICE_WRITER else relation.value.replace("_", " ")


def _constants(words: Sequence[str]) -> list[ColumnElement[Any]]:
    return [_constant(word) for word in words]


def _blocked(rule: Rule, code: str, detail: str) -> ColumnElement[Any]:
    return _constant(json.dumps({"action": rule.action, "code": code, "detail": detail}, separators=(",", ":")))


def _constant(text: str) -> ColumnElement[Any]:
    """A text constant of our own words."""
    return literal_column("'" + text.replace("'", "''") + "'", Text())


def _json_list(texts: list[ColumnElement[Any]]) -> ColumnElement[Any]:
    listed: ColumnElement[Any] = array(texts, type_=ARRAY(Text()))
    joined = func.array_to_string(listed, literal_column("','"))
    return cast(func.concat(literal_column("'['"), joined, literal_column("']'")), JSON)


async def decide(
    write: Write,
    workflow: Workflow,
    action: str,
    entity: Any,
    relations: Sequence[str],
    *,
    reason: str | None = None,
    is_versioned: bool = True,
) -> tuple[Rule, Relation]:
    """Evaluate a rule for a locked row: the rule, and the relation by which the caller acts.

    Raises 403 where the caller never may, 412 if the row changed since it was read, 409 where it is not possible now,
    422 where a reason is missing. `is_versioned` is false where the request changes something below the row.
    """
    rule = workflow.rule(action)
    assert rule is not None, action
    kind = type(entity)
    reader = await read_inside(write.session)
    values = {**write.principal.binds(), "held_relations": list(relations), "id": entity.id}
    row = await reader.fetch_row(_verdict_of(rule, kind, write.principal.policy), values)  # type: ignore[arg-type]
    blocked = json.loads(row["verdict"]) if row["verdict"] else None
    if blocked and blocked["code"] == FORBIDDEN:
        raise forbidden(rule.permission, blocked["detail"])
    if is_versioned:
        write.check_version(entity.version)
    if blocked:
        raise conflict(blocked["code"], blocked["detail"])
    if rule.needs_reason and not reason:
        raise invalid("/reason", "missing", f"The action {action} needs a reason.")
    return rule, capacity_of(rule, relations, write.principal.policy)


def capacity_of(rule: Rule, relations: Collection[str], policy: Policy) -> Relation:
    """The first of the rule's relations that the caller has."""
    held = {plain(word) for word in rule.words(policy) if word in relations}
    return next(relation for relation in rule.by if relation in held)


@lru_cache(maxsize=512)
def _verdict_of(rule: Rule, kind: Any, policy: Policy) -> Statement:
    verdict = Workflow.verdict(rule, kind, _HELD, policy).label("verdict")
    return Statement.compile(select(verdict).where(kind.tenant_id == TENANT, kind.id == ID))


async def apply(
    write: Write, workflow: Workflow, action: str, entity: Any, relations: Sequence[str], reason: str | None
) -> Relation:
    """Take a transition: the only writer of a status. Returns the relation by which the caller acts."""
    rule, relation = await decide(write, workflow, action, entity, relations, reason=reason)
    assert rule.target is not None, action
    entity.status = rule.target
    return relation
