"""Explaining access: asks the predicate that guards the data, and says in words what is missing."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from starlette.responses import Response

from app.core.errors import invalid, not_found
from app.core.looks import shown_by_view
from app.core.principal import Principal
from app.core.reads import Read
from app.core.replies import json_reply
from app.core.rules import AUTHORED, DEFAULT, PLAN_BOUND, Policy, Section
from app.db.engine import compact_json
from app.db.read import Reader, Statement
from app.sharing.schemas.explain import ACTIONS, ExplainQuery
from app.sharing.views.explain import Question, answer, asking


@dataclass(frozen=True)
class Explanation:
    """What the database says of the person who is asked about."""

    person: Principal
    asked: Mapping[str, Any]
    answered: Mapping[str, Any]


class Explaining(Read):
    """A read of two statements in one transaction: what the caller may ask, and the answer for the other person."""

    def __init__(self, read: Read, learner_id: UUID, query: ExplainQuery) -> None:
        super().__init__(read.request, read.runtime, read.claims)
        section, level = ACTIONS[query.action]
        self.query = query
        self.question = Question(section, level, query.goal_id is not None)
        self.values = {"id": learner_id, "plan_id": query.plan_id, "goal_id": query.goal_id}

    async def _fetch(
        self, reader: Reader, statement_for: Callable[[Principal], Statement], values: Mapping[str, Any]
    ) -> tuple[Principal, Any]:
        principal, asked = await super()._fetch(reader, statement_for, values)
        return principal, await self._answer(reader, _found(asked))

    async def _answer(self, reader: Reader, asked: Mapping[str, Any]) -> Explanation:
        """As with the caller: if the facts have changed since they were read, ask again."""
        facts = asked["person_facts"]
        while True:
            person = Principal.of(facts, self.claims.tenant_id, self.claims.session_id)
            values = {**person.binds(), **self.values, "sees_restrictions": asked["sees_restrictions"]}
            row = await reader.fetch_row(answer(person.shape, self.question), values)
            if row["facts"] == facts:
                return Explanation(person, asked, row)
            if row["facts"] is None:
                raise not_found("query:person_id")
            facts = row["facts"]

    async def reply(self) -> Response:
        values = {**self.values, "asked_person": self.query.person_id}
        principal, found = await self.fetch(lambda principal: asking(principal.shape), values)
        await self.record(principal, shown_by_view(principal, found.asked, Section.ACCESS, ()))
        return json_reply(self.request, self._body(found))

    def _body(self, found: Explanation) -> str:
        query, row = self.query, found.answered
        fields = {
            "allowed": compact_json(row["allowed"]),
            "person": found.asked["person"],
            "action": compact_json(query.action),
            "plan_id": _id(query.plan_id),
            "goal_id": _id(query.goal_id),
            "because": row["because"],
        }
        if found.asked["sees_restrictions"]:
            fields["hidden_by"] = row["hidden_by"]
        fields["missing"] = "null" if row["allowed"] else compact_json(self._missing(found))
        return "{" + ",".join(f'"{name}":{text}' for name, text in fields.items()) + "}"

    def _missing(self, found: Explanation) -> dict[str, str]:
        if self.values["id"] in found.person.barred_from(self.question.section):
            code = "restricted" if found.asked["sees_restrictions"] else "no_relation"
            return {"code": code, "detail": DETAILS[code]}
        known = [Known.of(*each) for each in json.loads(found.answered["known"])]
        return missing(self.question, known, found.person.policy, found.person.today())


async def explain_access(read: Read, learner_id: UUID, query: ExplainQuery) -> Response:
    """Whether somebody may do something with a learner's record, and why."""
    _check(query)
    return await Explaining(read, learner_id, query).reply()


def _check(query: ExplainQuery) -> None:
    section, _ = ACTIONS[query.action]
    if section in PLAN_BOUND and query.plan_id is None:
        raise invalid("query:plan_id", "missing", f"The section {section} belongs to plans: name one.")
    if section not in PLAN_BOUND and query.plan_id is not None:
        raise invalid("query:plan_id", "not_of_a_plan", f"The section {section} belongs to no plan.")
    if section is not Section.PLAN and query.goal_id is not None:
        raise invalid("query:goal_id", "not_of_a_goal", "Only the section plan has goals.")


def _found(asked: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the caller may ask about; 404 for what is not there, and for a learner whose access is not hers to read."""
    if not asked["may_ask"]:
        raise not_found()
    named = {"person_id": asked["person"], "plan_id": asked["has_plan"], "goal_id": asked["has_goal"]}
    unknown = [f"query:{name}" for name, there in named.items() if not there]
    if unknown:
        raise not_found(*unknown)
    return asked


def _id(value: UUID | None) -> str:
    return "null" if value is None else f'"{value}"'


# What is missing


@dataclass(frozen=True)
class Known:
    """A fact of the person's about the learner, of any time."""

    word: str
    is_here: bool
    """Whether it reaches the plan and goal that are asked about."""
    from_on: date | None
    until_on: date | None
    ended_by_age: bool

    @classmethod
    def of(cls, word: str, is_here: bool, from_on: str | None, until_on: str | None, ended_by_age: bool) -> "Known":
        first, last = (None if day is None else date.fromisoformat(day) for day in (from_on, until_on))
        return cls(word, is_here, first, last, ended_by_age)

    def is_over(self, today: date) -> bool:
        return self.until_on is not None and self.until_on <= max(today, self.from_on or today)

    def is_to_come(self, today: date) -> bool:
        return self.from_on is not None and self.from_on > today and not self.is_over(today)


DETAILS = {
    "restricted": "A restriction of contact hides this section, whatever else the person is to the learner.",
    "not_yet": "What gives it begins on {day}.",
    "of_age": "The learner came of age on {day}, which ended the guardian's rights.",
    "tightened": "The default rules give it; the rules of this tenant do not.",
    "author_only": "Staff notes are their author's; an administrator can open them with a reason, for a time.",
    "level_too_low": "By the facts of today the person reaches {reached} in this section; this needs {level}.",
    "elsewhere": "What gives it is about another plan, or only some goals of one.",
    "over": "What gave it ended on {day}.",
    "no_relation": "Nothing that holds today gives it.",
}


def missing(question: Question, known: Sequence[Known], policy: Policy, today: date) -> dict[str, str]:
    """What would have to be for the answer to be yes: of all that could be said, the nearest."""
    section, level = question.section, question.level

    def giving(rules: Policy, facts: Sequence[Known]) -> list[Known]:
        return [fact for fact in facts if rules.reached((fact.word,), section) >= level]

    here = [fact for fact in known if fact.is_here]
    now = [fact for fact in here if not fact.is_over(today) and not fact.is_to_come(today)]
    coming = [fact.from_on for fact in giving(policy, here) if fact.is_to_come(today)]
    ended = [fact for fact in giving(policy, known) if fact.is_over(today)]
    elsewhere = [fact for fact in giving(policy, known) if not fact.is_here and not fact.is_over(today)]
    details: dict[str, object] = {"level": level.name.lower()}
    if coming:
        code, details["day"] = "not_yet", min(day for day in coming if day)
    elif any(fact.ended_by_age for fact in ended):
        code, details["day"] = "of_age", next(fact.until_on for fact in ended if fact.ended_by_age)
    elif giving(DEFAULT, now):
        code = "tightened"
    elif now and section in AUTHORED:
        code = "author_only"
    elif elsewhere:
        code = "elsewhere"
    elif now:
        reached = policy.reached([fact.word for fact in now], section)
        code, details["reached"] = "level_too_low", reached.name.lower() if reached else "nothing"
    elif ended:
        code, details["day"] = "over", max(fact.until_on for fact in ended if fact.until_on)
    else:
        code = "no_relation"
    return {"code": code, "detail": DETAILS[code].format(**details)}
