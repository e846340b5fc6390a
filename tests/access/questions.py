"""Requests about a made-up tenant, each with the oracle's answer.

In an address or body `{}` stands for the id of the target, `{.action}` for that of the target's action.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.access.oracle import COMMENT, NONE, PROPOSE, READ, SECTIONS, WRITE, Oracle
from tests.access.worlds import SCHOOLS, Tenant, tenants
from tests.factories import SCHOOL_YEAR

REQUESTS = 60
"""At most so many a case."""
CALLERS = 3

Body = dict[str, Any]
Names = frozenset[str]
Level = Callable[[Oracle, str, str], int]
"""How far a caller reaches into what a question is about: (oracle, caller, target)."""
Found = Callable[[Oracle, str, str], Iterable[str]]
"""The names of what a list holds for a caller."""


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

    operation: str
    path: str
    targets: Callable[[Tenant], Iterable[str]]
    answer: Callable[[Oracle, str, str], Answer]
    shown: tuple[str, ...] = ()
    method: str = "GET"
    body: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class Question:
    who: str
    kind: Kind
    target: str

    def __repr__(self) -> str:
        return f"{self.who}: {self.kind.method} {self.kind.path} of {self.target or 'all'}"

    def answer(self, oracle: Oracle) -> Answer:
        return self.kind.answer(oracle, self.who, self.target)


@dataclass(frozen=True)
class Case:
    """A tenant, and what is asked about it."""

    tenant: Tenant
    questions: tuple[Question, ...]


# Targets


def everything(_: Tenant) -> Iterable[str]:
    return ("",)


def learners(tenant: Tenant) -> Iterable[str]:
    return [learner.name for learner in tenant.learners]


def plans(tenant: Tenant) -> Iterable[str]:
    return tenant.plans


def goals(tenant: Tenant) -> Iterable[str]:
    return [goal.name for goal in tenant.goals]


def classes(tenant: Tenant) -> Iterable[str]:
    return tenant.classes


def schools(_: Tenant) -> Iterable[str]:
    return SCHOOLS


def grants(tenant: Tenant) -> Iterable[str]:
    return tenant.grants


def guardianships(tenant: Tenant) -> Iterable[str]:
    return tenant.guardianships


def notes(tenant: Tenant) -> Iterable[str]:
    return tenant.notes


# Levels


def of_learner(section: str) -> Level:
    return lambda oracle, who, learner: oracle.level(who, section, learner)


def of_plan(section: str) -> Level:
    return lambda oracle, who, plan: oracle.level(who, section, oracle.tenant.plans[plan], plan)


def of_goal(oracle: Oracle, who: str, goal: str) -> int:
    plan = next(each.plan for each in oracle.tenant.goals if each.name == goal)
    return oracle.level(who, "plan", oracle.tenant.plans[plan], plan, goal)


def of_class(oracle: Oracle, who: str, class_: str) -> int:
    return READ if oracle.knows_class(who, class_) else NONE


def of_note(oracle: Oracle, who: str, name: str) -> int:
    note = oracle.tenant.notes[name]
    return READ if oracle.reads_note(who, note.learner, note.author) else NONE


def access_to(oracle: Oracle, who: str, plan: str) -> int:
    return oracle.level(who, "access", oracle.tenant.plans[plan])


def of_grant(oracle: Oracle, who: str, name: str) -> int:
    """Who reads who has access sees it, and the grantee as long as it gives something."""
    grant = oracle.tenant.grants[name]
    is_own = who == grant.person and oracle.is_in_force(grant)
    return oracle.level(who, "learner" if is_own else "access", oracle.tenant.plans[grant.plan])


def of_restrictions(oracle: Oracle, who: str, guardianship: str) -> int:
    return oracle.level(who, "restrictions", oracle.tenant.guardianships[guardianship].learner)


def reads_reflections(oracle: Oracle, who: str, plan: str) -> int:
    return max(of_plan(section)(oracle, who, plan) for section in ("reflections", "private_reflections"))


def of_all(_oracle: Oracle, _who: str, _target: str) -> int:
    return READ


# What lists hold


def _learners(oracle: Oracle, who: str, _: str) -> Iterable[str]:
    return [name for name in learners(oracle.tenant) if oracle.level(who, "learner", name)]


def _my_learners(oracle: Oracle, who: str, _: str) -> Iterable[str]:
    return [name for name in learners(oracle.tenant) if oracle.is_own(who, "learner", name)]


def _learners_of_school(oracle: Oracle, who: str, school: str) -> Iterable[str]:
    at_school = {learner.name for learner in oracle.tenant.learners if learner.school == school}
    return at_school.intersection(_learners(oracle, who, ""))


def _learners_of_class(oracle: Oracle, who: str, class_: str) -> Iterable[str]:
    return oracle.students(class_).intersection(_learners(oracle, who, ""))


def _plans(oracle: Oracle, who: str, _: str) -> Iterable[str]:
    return [plan for plan in oracle.tenant.plans if of_plan("plan")(oracle, who, plan)]


def _my_plans(oracle: Oracle, who: str, _: str) -> Iterable[str]:
    return [plan for plan, learner in oracle.tenant.plans.items() if oracle.is_own(who, "plan", learner, plan)]


def _plans_of_learner(oracle: Oracle, who: str, learner: str) -> Iterable[str]:
    return [plan for plan in _plans(oracle, who, "") if oracle.tenant.plans[plan] == learner]


def _plans_of_class(oracle: Oracle, who: str, class_: str) -> Iterable[str]:
    return [plan for plan in _plans(oracle, who, "") if oracle.tenant.plans[plan] in oracle.students(class_)]


def _classes(oracle: Oracle, who: str, _: str) -> Iterable[str]:
    return [class_ for class_ in oracle.tenant.classes if oracle.knows_class(who, class_)]


def _goals(oracle: Oracle, _who: str, plan: str) -> Iterable[str]:
    return [goal.name for goal in oracle.tenant.goals if goal.plan == plan]


def _events(oracle: Oracle, who: str, plan: str) -> Iterable[str]:
    return [f"{plan}.{section}.event" for section in SECTIONS if _sees_event(oracle, who, plan, section)]


def _sees_event(oracle: Oracle, who: str, plan: str, section: str) -> bool:
    if section == "staff_notes":
        return oracle.reads_note(who, oracle.tenant.plans[plan], oracle.tenant.adults[0])
    return of_plan(section)(oracle, who, plan) >= READ


def _feed(oracle: Oracle, who: str, _: str) -> Iterable[str]:
    return [event for plan in oracle.tenant.plans for event in _events(oracle, who, plan)]


def _reflections(oracle: Oracle, who: str, plan: str) -> Iterable[str]:
    sections = {"shared": "reflections", "private": "private_reflections"}
    return [f"{plan}.{kind}" for kind, section in sections.items() if of_plan(section)(oracle, who, plan)]


def _statements(oracle: Oracle, who: str, learner: str) -> Iterable[str]:
    return [f"{learner}.statement"] if oracle.level(who, "profile", learner) else []


def _notes(oracle: Oracle, who: str, learner: str) -> Iterable[str]:
    notes = oracle.tenant.notes.items()
    return [name for name, note in notes if note.learner == learner and of_note(oracle, who, name)]


def _relations(oracle: Oracle, who: str, learner: str) -> Iterable[str]:
    return oracle.relations(who, learner)


def _relations_to_plan(oracle: Oracle, who: str, plan: str) -> Iterable[str]:
    return oracle.relations(who, oracle.tenant.plans[plan], plan)


def _among(kind: str, of: str) -> Found:
    """The tenant's facts of a kind that name the target as their plan or learner."""
    return lambda oracle, _who, target: [
        name for name, fact in getattr(oracle.tenant, kind).items() if getattr(fact, of) == target
    ]


def _own_or(kind: str, person: str) -> tuple[Level, Found]:
    """Facts about a learner, for who reads who has access; and for each person those that name her."""

    def found(oracle: Oracle, who: str, learner: str) -> Iterable[str]:
        reads_all = oracle.level(who, "access", learner)
        own = () if oracle.is_barred(who, learner, "access") else (who,)
        facts = getattr(oracle.tenant, kind).items()
        return [name for name, fact in facts if fact.learner == learner and (reads_all or getattr(fact, person) in own)]

    def level(oracle: Oracle, who: str, learner: str) -> int:
        return oracle.level(who, "access", learner) or (READ if found(oracle, who, learner) else NONE)

    return level, found


def _restrictions(oracle: Oracle, _who: str, guardianship: str) -> Iterable[str]:
    return [
        f"{guardianship}.{number}" for number, _ in enumerate(oracle.tenant.guardianships[guardianship].restrictions)
    ]


def its(suffix: str) -> Found:
    return lambda _oracle, _who, target: [target + suffix]


# Kinds


def single(operation: str, path: str, targets: Any, level: Level, **shown: Found) -> Kind:
    """Seen by who reads; `shown` are lists in it, absent where the caller has nothing to read there."""

    def answer(oracle: Oracle, who: str, target: str) -> Answer:
        if level(oracle, who, target) < READ:
            return HIDDEN
        lists = {name: frozenset(found(oracle, who, target)) or None for name, found in shown.items()}
        return Answer(200, shows=tuple(lists.items()))

    return Kind(operation, path, targets, answer, shown=tuple(shown))


def listing(
    operation: str, path: str, targets: Any, level: Level, found: Found, *, of: str | None = None, is_log: bool = False
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

    return Kind(operation, path, targets, answer)


def write(
    operation: str, how: str, targets: Any, body: Body, level: Level, needs: int, *, below: Level | None = None
) -> Kind:
    """Tried only. Hidden from who does not read it (or what it is `below`), forbidden to who reaches less."""
    method, path = how.split()

    def answer(oracle: Oracle, who: str, target: str) -> Answer:
        reached = level(oracle, who, target)
        if (below or level)(oracle, who, target) < READ:
            return HIDDEN
        return Answer(201 if method == "POST" else 200) if reached >= needs else FORBIDDEN

    return Kind(operation, f"{path}?validate_only=true", targets, answer, method=method, body=tuple(body.items()))


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
    listing("list_learners", "/v1/learners?count=true", everything, of_all, _learners, of="learner"),
    listing(
        "list_learners", "/v1/learners?count=true&school_id={}", schools, of_all, _learners_of_school, of="learner"
    ),
    listing(
        "list_learners", "/v1/learners?count=true&class_id={}", classes, of_class, _learners_of_class, of="learner"
    ),
    listing("list_my_learners", "/v1/me/learners?count=true", everything, of_all, _my_learners, of="learner"),
    listing("list_classes", "/v1/classes?count=true", everything, of_all, _classes, of="learner"),
    listing("list_plans", "/v1/plans?count=true&sort=created_at", everything, of_all, _plans, of="plan"),
    listing("list_plans", "/v1/plans?count=true&mine=true", everything, of_all, _my_plans, of="plan"),
    listing("list_plans", "/v1/plans?count=true&learner_id={}", learners, LEARN, _plans_of_learner, of="plan"),
    listing("list_plans", "/v1/plans?count=true&class_id={}", classes, of_class, _plans_of_class, of="plan"),
    listing("list_goals", "/v1/plans/{}/goals?count=true", plans, PLAN, _goals),
    listing("list_actions", "/v1/goals/{}/actions?count=true", goals, of_goal, its(".action")),
    listing("list_plan_events", "/v1/plans/{}/events?count=true", plans, PLAN, _events, is_log=True),
    listing("list_changes", "/v1/changes", everything, of_all, _feed, of="any", is_log=True),
    listing("list_plan_comments", "/v1/plans/{}/comments?count=true", plans, PLAN, its(".comment")),
    listing("list_goal_comments", "/v1/goals/{}/comments?count=true", goals, of_goal, its(".comment")),
    listing("list_reflections", "/v1/plans/{}/reflections?count=true", plans, reads_reflections, _reflections),
    listing(
        "list_profile_statements", "/v1/learners/{}/profile-statements?count=true", learners, PROFILE, its(".statement")
    ),
    listing("list_staff_notes", "/v1/learners/{}/staff-notes?count=true", learners, NOTES, _notes),
    listing(
        "list_consents",
        "/v1/learners/{}/consents?count=true",
        learners,
        *_own_or("consents", "recipient"),
        of="access",
    ),
    listing(
        "list_caseloads",
        "/v1/learners/{}/caseloads?count=true",
        learners,
        *_own_or("caseloads", "person"),
        of="access",
    ),
    listing(
        "list_break_glass",
        "/v1/learners/{}/break-glass?count=true",
        learners,
        ACCESS,
        _among("opened", "learner"),
        of="access",
    ),
    listing(
        "list_plan_grants", "/v1/plans/{}/grants?count=true", plans, access_to, _among("grants", "plan"), of="access"
    ),
    listing("list_team_members", "/v1/plans/{}/team?count=true", plans, PLAN, _among("team", "plan"), of="plan"),
    listing(
        "list_restrictions",
        "/v1/guardianships/{}/restrictions?count=true",
        guardianships,
        of_restrictions,
        _restrictions,
        of="restrictions",
    ),
    single("get_learner", "/v1/learners/{}", learners, LEARN, relations=_relations),
    single("get_learner", "/v1/learners/{}?expand=profile_statements", learners, LEARN, profile_statements=_statements),
    single("get_class", "/v1/classes/{}", classes, of_class),
    single("get_plan", "/v1/plans/{}", plans, PLAN, relations=_relations_to_plan),
    single("get_plan", "/v1/plans/{}?expand=goals", plans, PLAN, goals=_goals),
    single("get_plan", "/v1/plans/{}?expand=reflections", plans, PLAN, reflections=_reflections),
    single("get_goal", "/v1/goals/{}", goals, of_goal),
    single("get_goal", "/v1/goals/{}?expand=actions", goals, of_goal, actions=its(".action")),
    single("get_action", "/v1/actions/{.action}", goals, of_goal),
    single("get_comment", "/v1/comments/{.comment}", plans, PLAN),
    single("get_comment", "/v1/comments/{.comment}", goals, of_goal),
    single("get_reflection", "/v1/reflections/{.shared}", plans, of_plan("reflections")),
    single("get_reflection", "/v1/reflections/{.private}", plans, of_plan("private_reflections")),
    single("get_profile_statement", "/v1/profile-statements/{.statement}", learners, PROFILE),
    single("get_staff_note", "/v1/staff-notes/{}", notes, of_note),
    single("get_majority", "/v1/learners/{}/majority", learners, ACCESS),
    single("get_grant", "/v1/grants/{}", grants, of_grant),
    write("create_plan", "POST /v1/plans", learners, NEW_PLAN, of_learner("plan"), WRITE, below=LEARN),
    write("change_plan", "PATCH /v1/plans/{}", plans, {"title": "Other"}, PLAN, WRITE),
    write("create_goal", "POST /v1/plans/{}/goals", plans, NEW_GOAL, PLAN, PROPOSE),
    write("change_goal", "PATCH /v1/goals/{}", goals, {"title": "Other"}, of_goal, WRITE),
    write("create_action", "POST /v1/goals/{}/actions", goals, {"title": "Ask"}, of_goal, WRITE),
    write("change_action", "PATCH /v1/actions/{.action}", goals, {"title": "Other"}, of_goal, WRITE),
    write("create_plan_comment", "POST /v1/plans/{}/comments", plans, {"text": "Good"}, PLAN, COMMENT),
    write("create_goal_comment", "POST /v1/goals/{}/comments", goals, {"text": "Good"}, of_goal, COMMENT),
    write(
        "create_reflection",
        "POST /v1/plans/{}/reflections",
        plans,
        {"text": "So", "is_private": False},
        of_plan("reflections"),
        WRITE,
        below=reads_reflections,
    ),
    write(
        "create_reflection",
        "POST /v1/plans/{}/reflections",
        plans,
        {"text": "So", "is_private": True},
        of_plan("private_reflections"),
        WRITE,
        below=reads_reflections,
    ),
    write(
        "create_profile_statement",
        "POST /v1/learners/{}/profile-statements",
        learners,
        {"kind": "strength", "statement": "Patient"},
        PROFILE,
        PROPOSE,
    ),
    Kind(
        "delete_profile_statement",
        "/v1/profile-statements/{.statement}?validate_only=true",
        learners,
        _takes_back_statement,
        method="DELETE",
    ),
    write("create_staff_note", "POST /v1/learners/{}/staff-notes", learners, {"text": "Ask"}, NOTES, WRITE),
)


@st.composite
def cases(draw: Any) -> Case:
    """A few callers, each asked for all of every list, and for some of the rest: mostly about learners they are
    something to."""
    tenant = draw(tenants())
    judge = Oracle(tenant, tenant.today())
    some = st.sampled_from([*tenant.adults, *tenant.services, *tenant.adults, *tenant.services, *learners(tenant)])
    callers = draw(st.lists(some, min_size=1, max_size=CALLERS, unique=True))
    always, rest = [], []
    for who in callers:
        known = {tie.learner for tie in judge.ties(who)}
        for kind in KINDS:
            targets = list(kind.targets(tenant))
            near = [target for target in targets if tenant.learner_of(target) in known]
            questions = [Question(who, kind, target) for target in (*near, *near, *near, *targets)]
            if kind.targets is everything:
                always += questions
            elif questions:
                rest.append(st.sampled_from(questions))
    some_of_the_rest = st.lists(
        st.sampled_from(rest).flatmap(lambda alike: alike), min_size=30, max_size=REQUESTS - len(always), unique=True
    )
    return Case(tenant, (*always, *draw(some_of_the_rest)))
