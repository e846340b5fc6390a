"""Workflows as data: rules say who may do what in which state, and what must hold.

A guard is one SQL expression. The view embeds it (available and blocked actions) and `apply` evaluates the very same
expression again under the row's lock, so what is shown and what is done cannot differ. `apply` is the only writer of a
status.
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, bindparam, case, cast, func, literal_column, not_, select
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


def has_room(most: int, *below: ColumnElement[bool], of: Any) -> ColumnElement[bool]:
    """Whether there are fewer than `most` rows below; looks at no more of them."""
    last: Select[Any] = select(literal_column("1")).where(*below).offset(literal_column(str(most - 1)))
    return ~last.correlate(of).exists()


@dataclass(frozen=True)
class Own:
    """Who has a right besides, on what is her own: `holds` builds the SQL for that it is, never null."""

    by: Sequence[Relation]
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
    own: Own | None = None

    def words(self, policy: Policy) -> tuple[str, ...]:
        """The relation words that give the right."""
        return policy.words(self.section, self.level, tuple(self.by))

    def holds(self, entity: Any, relations: Sql, policy: Policy) -> ColumnElement[bool]:
        """Whether these relations give the right on this row."""
        by_relation = has_any(relations, self.words(policy))
        if self.own is None:
            return by_relation
        of_own = policy.words(self.section, self.level, tuple(self.own.by))
        return by_relation | (self.own.holds(entity) & has_any(relations, of_own))

    def whose(self) -> str:
        """Who has the right, as people say it."""
        names = ", ".join(sorted(_words(relation) for relation in self.by))
        return f"Only for: {names}." if self.own is None else f"Only for: {names}. {self.own.detail}"


FORBIDDEN = "forbidden"
WRONG_STATUS = "wrong_status"

_HELD = bindparam("held_relations", type_=ARRAY(Text()))
Held = Sql | Mapping[Section, Sql]
"""The caller's relations; by section, where the rules are about several and a restriction may hide some of them."""


@dataclass(frozen=True)
class Workflow:
    """The rules of one kind of resource, over its column `status`. A rule without sources holds in every state."""

    rules: Sequence[Rule]

    def rule(self, action: str) -> Rule | None:
        return next((rule for rule in self.rules if rule.action == action), None)

    @staticmethod
    def verdict(rule: Rule, entity: Any, relations: Sql, policy: Policy) -> ColumnElement[Any]:
        """SQL text: null if the action is available, else its `BlockedAction` as JSON."""
        states = " or ".join(rule.sources)
        branches = [
            (
                not_(rule.holds(entity, relations, policy)),
                _blocked(rule, FORBIDDEN, rule.whose()),
            ),
        ]
        if rule.sources:
            wrong = entity.status.not_in(_constants(rule.sources))
            branches.append((wrong, _blocked(rule, WRONG_STATUS, f"Only while the status is {states}.")))
        branches += [(not_(guard.holds(entity)), _blocked(rule, guard.code, guard.detail)) for guard in rule.guards]
        return case(*branches)

    def available(self, entity: Any, relations: Held, policy: Policy) -> ColumnElement[Any]:
        """A JSON list of the actions that this caller may do now."""
        verdicts = zip(self.rules, self._verdicts(entity, relations, policy), strict=True)
        return _json_list([case((verdict.is_(None), _constant(json.dumps(rule.action)))) for rule, verdict in verdicts])

    def blocked(self, entity: Any, relations: Held, policy: Policy) -> ColumnElement[Any]:
        """A JSON list of the other actions, each with what is missing."""
        return _json_list(self._verdicts(entity, relations, policy))

    def _verdicts(self, entity: Any, relations: Held, policy: Policy) -> list[ColumnElement[Any]]:
        return [
            self.verdict(rule, entity, relations[rule.section] if isinstance(relations, Mapping) else relations, policy)
            for rule in self.rules
        ]


def _words(relation: Relation) -> str:
    """The relation as people say it."""
    is_service = relation in (Relation.SERVICE_WRITER, Relation.ACCESS_MANAGER)
    return "a service" if is_service else relation.value.replace("_", " ")


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
    relations_named = (*rule.by, *(rule.own.by if rule.own else ()))
    held = {plain(word) for word in policy.words(rule.section, rule.level, relations_named) if word in relations}
    return next(relation for relation in relations_named if relation in held)


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
