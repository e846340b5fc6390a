"""What can be asked about in a made-up tenant: how far callers reach into it, and what its lists hold for them."""

from collections.abc import Callable, Iterable

from tests.access.oracle import NONE, READ, SECTIONS, Oracle
from tests.access.worlds import SCHOOLS, Tenant

Level = Callable[[Oracle, str, str], int]
"""How far a caller reaches into what a question is about: (oracle, caller, target)."""
Found = Callable[[Oracle, str, str], Iterable[str]]
"""The names of what a list holds for a caller."""


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


def all_learners(oracle: Oracle, who: str, _: str) -> Iterable[str]:
    return [name for name in learners(oracle.tenant) if oracle.level(who, "learner", name)]


def my_learners(oracle: Oracle, who: str, _: str) -> Iterable[str]:
    return [name for name in learners(oracle.tenant) if oracle.is_own(who, "learner", name)]


def learners_of_school(oracle: Oracle, who: str, school: str) -> Iterable[str]:
    at_school = {learner.name for learner in oracle.tenant.learners if learner.school == school}
    return at_school.intersection(all_learners(oracle, who, ""))


def learners_of_class(oracle: Oracle, who: str, class_: str) -> Iterable[str]:
    return oracle.students(class_).intersection(all_learners(oracle, who, ""))


def all_plans(oracle: Oracle, who: str, _: str) -> Iterable[str]:
    return [plan for plan in oracle.tenant.plans if of_plan("plan")(oracle, who, plan)]


def my_plans(oracle: Oracle, who: str, _: str) -> Iterable[str]:
    return [plan for plan, learner in oracle.tenant.plans.items() if oracle.is_own(who, "plan", learner, plan)]


def plans_of_learner(oracle: Oracle, who: str, learner: str) -> Iterable[str]:
    return [plan for plan in all_plans(oracle, who, "") if oracle.tenant.plans[plan] == learner]


def plans_of_class(oracle: Oracle, who: str, class_: str) -> Iterable[str]:
    return [plan for plan in all_plans(oracle, who, "") if oracle.tenant.plans[plan] in oracle.students(class_)]


def all_classes(oracle: Oracle, who: str, _: str) -> Iterable[str]:
    return [class_ for class_ in oracle.tenant.classes if oracle.knows_class(who, class_)]


def goals_of_plan(oracle: Oracle, _who: str, plan: str) -> Iterable[str]:
    return [goal.name for goal in oracle.tenant.goals if goal.plan == plan]


def events_of_plan(oracle: Oracle, who: str, plan: str) -> Iterable[str]:
    return [f"{plan}.{section}.event" for section in SECTIONS if _sees_event(oracle, who, plan, section)]


def _sees_event(oracle: Oracle, who: str, plan: str, section: str) -> bool:
    if section == "staff_notes":
        return oracle.reads_note(who, oracle.tenant.plans[plan], oracle.tenant.adults[0])
    return of_plan(section)(oracle, who, plan) >= READ


def all_events(oracle: Oracle, who: str, _: str) -> Iterable[str]:
    return [event for plan in oracle.tenant.plans for event in events_of_plan(oracle, who, plan)]


def reflections_of_plan(oracle: Oracle, who: str, plan: str) -> Iterable[str]:
    sections = {"shared": "reflections", "private": "private_reflections"}
    return [f"{plan}.{kind}" for kind, section in sections.items() if of_plan(section)(oracle, who, plan)]


def statements_of_learner(oracle: Oracle, who: str, learner: str) -> Iterable[str]:
    return [f"{learner}.statement"] if oracle.level(who, "profile", learner) else []


def notes_on_learner(oracle: Oracle, who: str, learner: str) -> Iterable[str]:
    notes = oracle.tenant.notes.items()
    return [name for name, note in notes if note.learner == learner and of_note(oracle, who, name)]


def relations_to_learner(oracle: Oracle, who: str, learner: str) -> Iterable[str]:
    return oracle.relations(who, learner)


def relations_to_plan(oracle: Oracle, who: str, plan: str) -> Iterable[str]:
    return oracle.relations(who, oracle.tenant.plans[plan], plan)


def among(kind: str, of: str) -> Found:
    """The tenant's facts of a kind that name the target as their plan or learner."""
    return lambda oracle, _who, target: [
        name for name, fact in getattr(oracle.tenant, kind).items() if getattr(fact, of) == target
    ]


def own_or(kind: str, person: str) -> tuple[Level, Found]:
    """Facts about a learner, for who reads who has access; and for each person those that name her."""

    def found(oracle: Oracle, who: str, learner: str) -> Iterable[str]:
        reads_all = oracle.level(who, "access", learner)
        own = () if oracle.is_barred(who, learner, "access") else (who,)
        facts = getattr(oracle.tenant, kind).items()
        return [name for name, fact in facts if fact.learner == learner and (reads_all or getattr(fact, person) in own)]

    def level(oracle: Oracle, who: str, learner: str) -> int:
        return oracle.level(who, "access", learner) or (READ if found(oracle, who, learner) else NONE)

    return level, found


def restrictions_on(oracle: Oracle, _who: str, guardianship: str) -> Iterable[str]:
    return [
        f"{guardianship}.{number}" for number, _ in enumerate(oracle.tenant.guardianships[guardianship].restrictions)
    ]


def its(suffix: str) -> Found:
    return lambda _oracle, _who, target: [target + suffix]
