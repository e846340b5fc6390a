"""Tenants as plain data, and strategies that make them up: people, dated relations, grants, restrictions, settings.

Everything goes by a name (`learner0`, `plan2`), so that a counterexample can be read. All dates lie around today.
Nothing here knows of the application.
"""

import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

Dates = tuple[date | None, date | None]
"""From (inclusive) and until (exclusive)."""
T = TypeVar("T")


@dataclass(frozen=True)
class Learner:
    name: str
    school: str
    birth_on: date | None
    college_entry_on: date | None
    is_dependent: bool


@dataclass(frozen=True)
class Role:
    person: str
    role: str
    org: str
    dates: Dates


@dataclass(frozen=True)
class Enrollment:
    class_: str
    person: str
    role: str
    dates: Dates


@dataclass(frozen=True)
class Caseload:
    person: str
    learner: str
    kind: str
    dates: Dates


@dataclass(frozen=True)
class Restriction:
    kind: str
    sections: frozenset[str]
    dates: Dates


@dataclass(frozen=True)
class Guardianship:
    guardian: str
    learner: str
    dates: Dates
    restrictions: tuple[Restriction, ...]


@dataclass(frozen=True)
class Goal:
    name: str
    plan: str
    teachers: frozenset[str]


@dataclass(frozen=True)
class TeamMember:
    plan: str
    person: str
    dates: Dates


@dataclass(frozen=True)
class Consent:
    """Signed on the first of its dates, which is never missing."""

    learner: str
    consenter: str
    purpose: str
    recipient: str
    dates: Dates
    is_withdrawn: bool


@dataclass(frozen=True)
class Grant:
    plan: str
    person: str
    status: str
    level: str
    sections: frozenset[str]
    goals: frozenset[str]
    dates: Dates
    consent: str | None


@dataclass(frozen=True)
class Delegation:
    delegator: str
    delegate: str
    dates: Dates


@dataclass(frozen=True)
class BreakGlass:
    person: str
    learner: str
    sections: frozenset[str]
    is_expired: bool
    is_ended: bool


@dataclass(frozen=True)
class Note:
    """A working note of a member of staff."""

    learner: str
    author: str


@dataclass(frozen=True)
class Tenant:
    """A whole tenant. Lists of facts refer to each other by name."""

    zone: str
    learners: tuple[Learner, ...]
    adults: tuple[str, ...]
    classes: dict[str, str]
    """Each with its school."""
    plans: dict[str, str]
    """Each with its learner."""
    goals: tuple[Goal, ...]
    roles: tuple[Role, ...]
    enrollments: tuple[Enrollment, ...]
    caseloads: dict[str, Caseload]
    guardianships: dict[str, Guardianship]
    team: dict[str, TeamMember]
    consents: dict[str, Consent]
    grants: dict[str, Grant]
    delegations: tuple[Delegation, ...]
    opened: dict[str, BreakGlass]
    notes: dict[str, Note]
    services: dict[str, frozenset[str]]
    """Each with its scopes."""
    rules: dict[tuple[str, str], str]
    """Where the tenant's settings differ from the default: a level for a section and a relation."""

    @property
    def people(self) -> tuple[str, ...]:
        return (*(learner.name for learner in self.learners), *self.adults)

    def learner_of(self, name: str) -> str | None:
        """The learner whom a name is about: a learner's, plan's, goal's, grant's, guardianship's or note's."""
        of_goal = {goal.name: goal.plan for goal in self.goals}
        of_grant = {grant: fact.plan for grant, fact in self.grants.items()}
        known = {learner.name: learner.name for learner in self.learners} | self.plans
        known |= {note: fact.learner for note, fact in self.notes.items()}
        known |= {guardianship: fact.learner for guardianship, fact in self.guardianships.items()}
        return known.get(of_grant.get(name) or of_goal.get(name) or name)

    def today(self) -> date:
        return datetime.now(ZoneInfo(self.zone)).date()


SCHOOLS = ("school0", "school1")
DISTRICT = "district"
OFFICES = ("school_admin", "district_admin")
CLASSES = ("class0", "class1", "class2")
SHARED = ("plan", "profile", "reflections", "evidence", "mastery", "conference_notes")
NEVER_SHARED = ("private_reflections", "staff_notes", "related_plans", "accommodations", "access")
"""No grant names them. The rules must hold even if one did."""
RESTRICTED = ("plan", "profile", "reflections", "access", "evidence", "mastery", "private_reflections", "staff_notes")
OPENED = (
    "private_reflections", "staff_notes", "plan", "profile", "reflections", "conference_notes", "mastery", "evidence",
    "related_plans",
)  # fmt: skip
RELATIONS = (
    "learner", "guardian", "teacher", "named_teacher", "advisor", "counselor", "case_manager", "school_admin",
    "district_admin", "team_member", "grantee", "break_glass", "service_reader", "service_writer",
)  # fmt: skip
LEVELS = ("none", "read", "comment", "propose", "write")
SCOPES = ("plans.read", "plans.write", "roster.read", "supports.read", "access.manage")
ZONES = ("UTC", "UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago")

# Days from today. What is named twice is drawn twice as often; the first is what a counterexample shrinks to.
LASTING = ((None, None), (0, None), (None, 1), (-9, 9), (-9, 1), (None, None), (0, 1))
OVER_OR_TO_COME = ((1, None), (None, 0), (-9, 0), (1, 9))
SPANS = (*LASTING, *OVER_OR_TO_COME)
BIRTHDAYS = (400, 1, 0, -1, -400)
"""When they turn 18."""


class Calendar:
    """Strategies for dates around one day."""

    def __init__(self, today: date) -> None:
        self._today = today
        self.dates = self._spans(SPANS)
        self.signed = self._spans([span for span in SPANS if span[0] is not None])
        self.bounded = self._spans([span for span in SPANS if None not in span])
        self.births = st.sampled_from([None, None, *map(self._born, BIRTHDAYS), date(2008, 2, 29), date(2012, 2, 29)])
        self.college = st.sampled_from([None, None, None, None, *map(self._day, (1, 0, -1))])

    def _day(self, offset: int | None) -> date | None:
        return None if offset is None else self._today + timedelta(days=offset)

    def _spans(self, spans: Iterable[tuple[int | None, int | None]]) -> st.SearchStrategy[Dates]:
        return st.sampled_from([(self._day(first), self._day(last)) for first, last in spans])

    def _born(self, offset: int) -> date:
        day = self._today + timedelta(days=offset)
        return date(day.year - 18, day.month, 28 if (day.month, day.day) == (2, 29) else day.day)


def _subset(names: Sequence[str], least: int = 0, most: int = 3) -> st.SearchStrategy[frozenset[str]]:
    return st.frozensets(st.sampled_from(names), min_size=least, max_size=most)


@st.composite
def tenants(draw: Any) -> Tenant:
    """Two schools, three to five learners, four to six adults, and any mix of relations between them at any time.

    Much of it is about the first learner and plan: few things about many would hardly ever meet.
    """

    def some(item: st.SearchStrategy[T], least: int, most: int, *keys: str) -> tuple[T, ...]:
        """A few different facts, of which no two agree in what the keys name."""
        key = operator.attrgetter(*keys) if keys else None
        return tuple(draw(st.lists(item, min_size=least, max_size=most, unique_by=key or (lambda fact: fact))))

    def numbered(name: str, facts: Iterable[T]) -> dict[str, T]:
        return {f"{name}{number}": fact for number, fact in enumerate(facts)}

    zone = draw(st.sampled_from(ZONES))
    calendar = Calendar(datetime.now(ZoneInfo(zone)).date())
    dates, signed = calendar.dates, calendar.signed
    school, seldom = st.sampled_from(SCHOOLS), st.sampled_from((False, False, False, True))
    names = [f"learner{number}" for number in range(draw(st.integers(3, 5)))]
    adults = tuple(f"adult{number}" for number in range(draw(st.integers(4, 6))))
    adult, learner = st.sampled_from(adults), st.sampled_from([names[0], names[0], *names])
    person = st.sampled_from([*adults, *adults, *names])

    learners = tuple(
        Learner(name, draw(school), draw(calendar.births), draw(calendar.college), draw(seldom)) for name in names
    )
    plans = numbered("plan", [*names, names[0]])
    plan = st.sampled_from(["plan0", "plan0", *plans])
    enrollments = some(
        st.one_of(
            st.builds(Enrollment, st.sampled_from(CLASSES), learner, st.just("student"), dates),
            st.builds(Enrollment, st.sampled_from(CLASSES), person, st.just("teacher"), dates),
        ),
        5, 12, "class_", "person", "role",
    )  # fmt: skip
    named = [each.person for each in enrollments if each.role == "teacher"] + [adults[0]]
    goals = tuple(
        Goal(f"goal{number}", of, draw(_subset(named, most=2))) for number, of in enumerate([*plans, *plans][:8])
    )
    roles = some(
        st.builds(Role, adult, st.sampled_from((*OFFICES, "mentor")), school, dates),
        1, 4, "person", "role", "org",
    )  # fmt: skip
    no_contact = st.builds(Restriction, st.sampled_from(("no_contact", "no_records")), st.just(frozenset()), dates)
    no_sections = st.builds(Restriction, st.just("sections"), _subset(RESTRICTED, 1), dates)
    limits = st.lists(st.one_of(no_sections, no_contact), max_size=2).map(tuple)
    guardianships = numbered(
        "guardianship", some(st.builds(Guardianship, person, learner, dates, limits), 1, 5, "guardian", "learner")
    )
    consents = numbered("consent", draw(_consents(names, adults, guardianships.values(), signed)))
    caseloads = numbered(
        "caseload",
        some(
            st.builds(Caseload, adult, learner, st.sampled_from(("advisor", "counselor", "case_manager")), dates),
            1, 5, "person", "learner", "kind",
        ),
    )  # fmt: skip
    notes = st.sampled_from([Note(each.learner, each.person) for each in caseloads.values()])
    offices = [
        (role.person, each.name)
        for role in roles
        for each in learners
        if role.role == "district_admin" or (role.role, role.org) == ("school_admin", each.school)
    ]
    pair = st.sampled_from(offices) if offices else st.tuples(adult, learner)
    glass = st.builds(lambda of, *rest: BreakGlass(*of, *rest), pair, _subset(OPENED, 1), seldom, seldom)
    opened = numbered("glass", some(glass, 1, 3, "person", "learner"))

    return Tenant(
        zone=zone,
        learners=learners,
        adults=adults,
        classes={name: draw(school) for name in CLASSES},
        plans=plans,
        goals=goals,
        roles=roles,
        enrollments=enrollments,
        caseloads=caseloads,
        guardianships=guardianships,
        team=numbered("member", some(st.builds(TeamMember, plan, person, dates), 1, 4, "plan", "person")),
        consents=consents,
        grants=numbered("grant", some(_grants(plans, plan, goals, person, consents, signed), 2, 6)),
        delegations=some(
            st.builds(Delegation, adult, adult, calendar.bounded).filter(lambda d: d.delegator != d.delegate),
            0, 3, "delegator", "delegate",
        ),
        opened=opened,
        notes=numbered("note", some(st.one_of(notes, notes, st.builds(Note, learner, adult)), 1, 4)),
        services={
            f"service{number}": draw(_subset(SCOPES, most=2)) | draw(_subset(("events.read",), most=1))
            for number in range(2)
        },
        rules=draw(_rules(opened.values())),
    )  # fmt: skip


@st.composite
def _consents(
    draw: Any, names: list[str], adults: tuple[str, ...], guardianships: Iterable[Guardianship], signed: Any
) -> list[Consent]:
    """Some to sharing, and some by which a guardian may stay: by the learner as a rule, or by somebody else."""
    withdrawn = st.sampled_from((False, False, True))
    staying = [
        Consent(
            g.learner,
            draw(st.sampled_from((g.learner, g.learner, g.learner, g.guardian, *names))),
            draw(st.sampled_from(("guardian_access", "guardian_access", "guardian_access", "sharing"))),
            g.guardian,
            draw(signed),
            draw(withdrawn),
        )
        for g in guardianships
        if draw(st.booleans())
    ]
    learner, adult = st.sampled_from(names[:2]), st.sampled_from(adults)
    sharing = st.builds(Consent, learner, learner, st.just("sharing"), adult, signed, withdrawn)
    return [*staying, *draw(st.lists(sharing, max_size=3))]


@st.composite
def _grants(
    draw: Any, plans: dict[str, str], plan: Any, goals: Iterable[Goal], person: Any, consents: dict[str, Consent],
    signed: Any,
) -> Grant:  # fmt: skip
    of = draw(plan)
    below = [goal.name for goal in goals if goal.plan == of]
    fitting = [None, None, *(name for name, consent in consents.items() if consent.learner == plans[of])]
    return Grant(
        plan=of,
        person=draw(person),
        status=draw(st.sampled_from(("active", "active", "active", "active", "proposed", "declined", "revoked"))),
        level=draw(st.sampled_from(LEVELS[1:])),
        sections=draw(_subset((*SHARED[:3], *SHARED[:3], *SHARED, *NEVER_SHARED), most=4)),
        goals=draw(_subset(below, most=1)),
        dates=draw(signed),
        consent=draw(st.sampled_from(fitting)),
    )


def _rules(opened: Iterable[BreakGlass]) -> st.SearchStrategy[dict[tuple[str, str], str]]:
    """Settings, absurd ones too: what would raise a level or fall short of the law has no effect. Some of them hide
    from administrators what they have opened."""
    sections = st.sampled_from(("plan", "plan", *SHARED, *NEVER_SHARED, "learner", "restrictions"))
    any_cell, by_name_only = st.tuples(sections, st.sampled_from(RELATIONS)), st.just(("plan", "teacher"))
    cell, level = st.one_of(any_cell, any_cell, any_cell, by_name_only), st.sampled_from((*LEVELS[:2], *LEVELS))
    cells = st.dictionaries(cell, level, max_size=6)
    hidden = [{(section, office): "none" for section in glass.sections for office in OFFICES} for glass in opened]
    tight = st.one_of(cells, st.builds(operator.or_, cells, st.sampled_from(hidden)))
    return st.sampled_from((False, False, True)).flatmap(lambda is_tight: tight if is_tight else st.just({}))
