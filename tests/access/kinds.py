"""The kinds of requests, each with the oracle's answer.

In an address or body `{}` stands for the id of the target, `{.action}` for that of the target's action.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from tests.access.oracle import COMMENT, PROPOSE, READ, SECTIONS, WRITE, Oracle
from tests.access.targets import (
    Found,
    Level,
    access_to,
    all_classes,
    all_events,
    all_learners,
    all_plans,
    among,
    classes,
    events_of_plan,
    everything,
    goals,
    goals_of_plan,
    grants,
    guardianships,
    its,
    learners,
    learners_of_class,
    learners_of_school,
    my_learners,
    my_plans,
    notes,
    notes_on_learner,
    of_all,
    of_class,
    of_goal,
    of_grant,
    of_learner,
    of_note,
    of_plan,
    of_restrictions,
    own_or,
    plans,
    plans_of_class,
    plans_of_learner,
    reads_reflections,
    reflections_of_plan,
    relations_to_learner,
    relations_to_plan,
    restrictions_on,
    schools,
    statements_of_learner,
)
from tests.access.worlds import Tenant
from tests.factories import SCHOOL_YEAR

Body = dict[str, Any]
Names = frozenset[str]


@dataclass(frozen=True)
class Answer:
    status: int
    items: Names | None = None
    """Of a list."""
    shows: tuple[tuple[str, Names | None], ...] = ()
    """Of a single read: what is in some of its lists; None where the field is absent."""


HIDDEN, FORBIDDEN = Answer(404), Answer(403)


@dataclass(frozen=True)
class Kind:
    """What can be asked about targets of one sort."""

    path: str
    targets: Callable[[Tenant], Iterable[str]]
    answer: Callable[[Oracle, str, str], Answer]
    shown: tuple[str, ...] = ()
    method: str = "GET"
    body: tuple[tuple[str, Any], ...] = ()


def single(path: str, targets: Any, level: Level, **shown: Found) -> Kind:
    """Seen by who reads; `shown` are lists in it, absent where the caller has nothing to read there."""

    def answer(oracle: Oracle, who: str, target: str) -> Answer:
        if level(oracle, who, target) < READ:
            return HIDDEN
        lists = {name: frozenset(found(oracle, who, target)) or None for name, found in shown.items()}
        return Answer(200, shows=tuple(lists.items()))

    return Kind(path, targets, answer, shown=tuple(shown))


def listing(
    path: str, targets: Any, level: Level, found: Found, *, of: str | None = None, is_log: bool = False
) -> Kind:
    """Below what the caller reads, all that is the caller's to see. `of` is the section that a service must read, or
    is told so; `is_log` marks events, for which it needs one more scope."""

    def answer(oracle: Oracle, who: str, target: str) -> Answer:
        scopes = oracle.tenant.services.get(who)
        if scopes is not None:
            anybody = oracle.tenant.learners[0].name
            reads = {section for section in SECTIONS if oracle.level(who, section, anybody)}
            if (of == "any" and not reads) or (of in SECTIONS and of not in reads):
                return FORBIDDEN
            if is_log and "events.read" not in scopes:
                return FORBIDDEN
        if level(oracle, who, target) < READ:
            return HIDDEN
        return Answer(200, frozenset(found(oracle, who, target)))

    return Kind(path, targets, answer)


def write(how: str, targets: Any, body: Body, level: Level, needs: int, *, below: Level | None = None) -> Kind:
    """Tried only. Hidden from who does not read it (or what it is `below`), forbidden to who reaches less."""
    method, path = how.split()

    def answer(oracle: Oracle, who: str, target: str) -> Answer:
        reached = level(oracle, who, target)
        if (below or level)(oracle, who, target) < READ:
            return HIDDEN
        return Answer(201 if method == "POST" else 200) if reached >= needs else FORBIDDEN

    return Kind(f"{path}?validate_only=true", targets, answer, method=method, body=tuple(body.items()))


PLAN, LEARN = of_plan("plan"), of_learner("learner")
PROFILE, NOTES, ACCESS = of_learner("profile"), of_learner("staff_notes"), of_learner("access")


def _takes_back_statement(oracle: Oracle, who: str, learner: str) -> Answer:
    """Who keeps the profile; of those who may propose, the author, who is the learner."""
    reached = PROFILE(oracle, who, learner)
    if reached == PROPOSE:
        return Answer(204 if who == learner else 409)
    return Answer(204) if reached == WRITE else FORBIDDEN if reached else HIDDEN


NEW_PLAN = {"learner_id": "{}", "school_year": SCHOOL_YEAR - 1, "title": "Mine"}
NEW_GOAL = {"title": "Read", "category": "academic"}
KINDS = (
    listing("/v1/learners?count=true", everything, of_all, all_learners, of="learner"),
    listing("/v1/learners?count=true&school_id={}", schools, of_all, learners_of_school, of="learner"),
    listing("/v1/learners?count=true&class_id={}", classes, of_class, learners_of_class, of="learner"),
    listing("/v1/me/learners?count=true", everything, of_all, my_learners, of="learner"),
    listing("/v1/classes?count=true", everything, of_all, all_classes, of="learner"),
    listing("/v1/plans?count=true&sort=created_at", everything, of_all, all_plans, of="plan"),
    listing("/v1/plans?count=true&mine=true", everything, of_all, my_plans, of="plan"),
    listing("/v1/plans?count=true&learner_id={}", learners, LEARN, plans_of_learner, of="plan"),
    listing("/v1/plans?count=true&class_id={}", classes, of_class, plans_of_class, of="plan"),
    listing("/v1/plans/{}/goals?count=true", plans, PLAN, goals_of_plan),
    listing("/v1/goals/{}/actions?count=true", goals, of_goal, its(".action")),
    listing("/v1/plans/{}/events?count=true", plans, PLAN, events_of_plan, is_log=True),
    listing("/v1/changes", everything, of_all, all_events, of="any", is_log=True),
    listing("/v1/plans/{}/comments?count=true", plans, PLAN, its(".comment")),
    listing("/v1/goals/{}/comments?count=true", goals, of_goal, its(".comment")),
    listing("/v1/plans/{}/reflections?count=true", plans, reads_reflections, reflections_of_plan),
    listing("/v1/learners/{}/profile-statements?count=true", learners, PROFILE, its(".statement")),
    listing("/v1/learners/{}/staff-notes?count=true", learners, NOTES, notes_on_learner),
    listing("/v1/learners/{}/consents?count=true", learners, *own_or("consents", "recipient"), of="access"),
    listing("/v1/learners/{}/caseloads?count=true", learners, *own_or("caseloads", "person"), of="access"),
    listing("/v1/learners/{}/break-glass?count=true", learners, ACCESS, among("opened", "learner"), of="access"),
    listing("/v1/plans/{}/grants?count=true", plans, access_to, among("grants", "plan"), of="access"),
    listing("/v1/plans/{}/team?count=true", plans, PLAN, among("team", "plan"), of="plan"),
    listing(
        "/v1/guardianships/{}/restrictions?count=true",
        guardianships,
        of_restrictions,
        restrictions_on,
        of="restrictions",
    ),
    single("/v1/learners/{}", learners, LEARN, relations=relations_to_learner),
    single("/v1/learners/{}?expand=profile_statements", learners, LEARN, profile_statements=statements_of_learner),
    single("/v1/classes/{}", classes, of_class),
    single("/v1/plans/{}", plans, PLAN, relations=relations_to_plan),
    single("/v1/plans/{}?expand=goals", plans, PLAN, goals=goals_of_plan),
    single("/v1/plans/{}?expand=reflections", plans, PLAN, reflections=reflections_of_plan),
    single("/v1/goals/{}", goals, of_goal),
    single("/v1/goals/{}?expand=actions", goals, of_goal, actions=its(".action")),
    single("/v1/actions/{.action}", goals, of_goal),
    single("/v1/comments/{.comment}", plans, PLAN),
    single("/v1/comments/{.comment}", goals, of_goal),
    single("/v1/reflections/{.shared}", plans, of_plan("reflections")),
    single("/v1/reflections/{.private}", plans, of_plan("private_reflections")),
    single("/v1/profile-statements/{.statement}", learners, PROFILE),
    single("/v1/staff-notes/{}", notes, of_note),
    single("/v1/learners/{}/majority", learners, ACCESS),
    single("/v1/grants/{}", grants, of_grant),
    write("POST /v1/plans", learners, NEW_PLAN, of_learner("plan"), WRITE, below=LEARN),
    write("PATCH /v1/plans/{}", plans, {"title": "Other"}, PLAN, WRITE),
    write("POST /v1/plans/{}/goals", plans, NEW_GOAL, PLAN, PROPOSE),
    write("PATCH /v1/goals/{}", goals, {"title": "Other"}, of_goal, WRITE),
    write("POST /v1/goals/{}/actions", goals, {"title": "Ask"}, of_goal, WRITE),
    write("PATCH /v1/actions/{.action}", goals, {"title": "Other"}, of_goal, WRITE),
    write("POST /v1/plans/{}/comments", plans, {"text": "Good"}, PLAN, COMMENT),
    write("POST /v1/goals/{}/comments", goals, {"text": "Good"}, of_goal, COMMENT),
    write(
        "POST /v1/plans/{}/reflections",
        plans,
        {"text": "So", "is_private": False},
        of_plan("reflections"),
        WRITE,
        below=reads_reflections,
    ),
    write(
        "POST /v1/plans/{}/reflections",
        plans,
        {"text": "So", "is_private": True},
        of_plan("private_reflections"),
        WRITE,
        below=reads_reflections,
    ),
    write(
        "POST /v1/learners/{}/profile-statements",
        learners,
        {"kind": "strength", "statement": "Patient"},
        PROFILE,
        PROPOSE,
    ),
    Kind("/v1/profile-statements/{.statement}?validate_only=true", learners, _takes_back_statement, method="DELETE"),
    write("POST /v1/learners/{}/staff-notes", learners, {"text": "Ask"}, NOTES, WRITE),
)
