"""Who may do what, said a second time: the rules as a plain table, and plain Python over a tenant as plain data.

It is written from the domain's rules alone and knows nothing of SQL or of the application, which must give the same
answers.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from tests.access.worlds import Consent, Dates, Grant, Guardianship, Learner, Tenant

NONE, READ, COMMENT, PROPOSE, WRITE = range(5)
LEVELS = {"none": NONE, "read": READ, "comment": COMMENT, "propose": PROPOSE, "write": WRITE}

_TABLE = """
relation        plan profile evidence mastery reflections private_reflections conference_notes staff_notes supports access restrictions
learner         W    W       W        R       W           W                   R                -           R        R      -
guardian        P    P       R        R       R           -                   R                -           R        R      -
teacher         C    R       R        W       R           -                   -                W           -        -      -
named_teacher   W    -       -        -       -           -                   -                -           -        -      -
advisor         W    W       W        R       R           -                   W                W           R        R      R
counselor       W    W       W        R       R           -                   W                W           R        R      R
case_manager    W    R       R        R       R           -                   W                W           W        R      R
school_admin    R    R       R        R       R           -                   R                -           R        R      R
district_admin  R    R       R        R       R           -                   R                -           R        R      R
team_member     C    R       -        -       -           -                   -                -           -        -      -
grantee         W    P       R        R       R           -                   R                -           -        -      -
break_glass     R    R       R        R       R           R                   R                R           R        -      -
roster_reader   -    -       -        -       -           -                   -                -           -        -      -
service_reader  R    R       R        R       R           -                   -                -           -        -      -
service_writer  W    W       W        W       -           -                   -                -           -        -      -
supports_reader -    -       -        -       -           -                   -                -           R        -      -
access_manager  -    -       -        -       -           -                   -                -           -        R      R
"""  # noqa: E501


def _rules() -> dict[tuple[str, str], int]:
    (_, *columns), *rows = [line.split() for line in _TABLE.strip().splitlines()]
    found: dict[tuple[str, str], int] = {}
    for relation, *cells in rows:
        levels = dict(zip(columns, map("-RCPW".index, cells), strict=True))
        supports = levels.pop("supports")
        levels |= {"related_plans": supports, "accommodations": supports}
        levels["learner"] = NONE if relation == "break_glass" else READ
        found |= {(section, relation): level for section, level in levels.items()}
    return found


RULES = _rules()
SECTIONS = {section for section, _ in RULES}
OF_ONE_PLAN = {"plan", "reflections", "private_reflections", "conference_notes"}
"""What is known of another plan does not reach them."""
SCOPES = {
    "roster.read": ["roster_reader"],
    "plans.read": ["service_reader"],
    "plans.write": ["service_reader", "service_writer"],
    "supports.read": ["supports_reader"],
    "access.manage": ["access_manager"],
}
OFFICES = {"school_admin", "district_admin"}
BY_ROSTER = {"learner", "guardian", "teacher", "advisor", "counselor", "case_manager"}


@dataclass(frozen=True)
class Tie:
    """What somebody is to a learner; perhaps only in one plan or goal, one section, up to a level."""

    relation: str
    learner: str
    plan: str | None = None
    goal: str | None = None
    section: str | None = None
    level: int = WRITE

    def reaches(self, section: str, plan: str | None, goal: str | None) -> bool:
        return (
            self.section in (None, section)
            and (self.goal is None or (section == "plan" and self.goal == goal))
            and (self.plan is None or section not in OF_ONE_PLAN or self.plan == plan)
        )


class Oracle:
    """Answers for one tenant on one day."""

    def __init__(self, tenant: Tenant, today: date) -> None:
        self.tenant = tenant
        self.today = today
        self.learners = {learner.name: learner for learner in tenant.learners}
        self.ties = lru_cache(maxsize=None)(lambda who: tuple(self._ties(who)))

    def level(self, who: str, section: str, learner: str, plan: str | None = None, goal: str | None = None) -> int:
        """How far somebody reaches into a section of a learner's record, of one plan or goal if one is named."""
        return self._reach(self.ties(who), who, section, learner, plan, goal)

    def is_own(self, who: str, section: str, learner: str, plan: str | None = None) -> bool:
        """Whether somebody reads it by more than an office or a service's scopes."""
        own = [tie for tie in self.ties(who) if tie.relation not in OFFICES and who not in self.tenant.services]
        return self._reach(own, who, section, learner, plan) >= READ

    def relations(self, who: str, learner: str, plan: str | None = None) -> set[str]:
        """What somebody is to a learner, or to one plan of the learner's."""
        if self.is_barred(who, learner, "plan" if plan else "learner"):
            return set()
        ties = (tie for tie in self.ties(who) if tie.learner == learner and tie.goal is None)
        return {tie.relation for tie in ties if plan is None or tie.plan in (None, plan)}

    def students(self, class_: str) -> set[str]:
        now = (e for e in self.tenant.enrollments if e.class_ == class_ and self.holds(e.dates))
        return {e.person for e in now if e.role == "student"}

    def reads_note(self, who: str, learner: str, author: str) -> bool:
        """A working note is its author's; who broke the glass reads it too."""
        opened = [tie for tie in self.ties(who) if tie.relation == "break_glass"]
        working = [tie for tie in self.ties(who) if tie.relation != "break_glass"] if who == author else []
        return self._reach([*opened, *working], who, "staff_notes", learner) >= READ

    def knows_class(self, who: str, class_: str) -> bool:
        """Members, administrators, services, and who is related by the roster to one of its students."""
        if who in self.tenant.services:
            return bool(self.ties(who))
        members = {e.person for e in self.tenant.enrollments if e.class_ == class_ and self.holds(e.dates)}
        related = {tie.learner for tie in self.ties(who) if tie.relation in BY_ROSTER}
        return (
            who in members
            or bool(self._offices(who, self.tenant.classes[class_]))
            or any(not self.is_barred(who, student, "learner") for student in related & self.students(class_))
        )

    def _reach(
        self,
        ties: Iterable[Tie],
        who: str,
        section: str,
        learner: str,
        plan: str | None = None,
        goal: str | None = None,
    ) -> int:
        if self.is_barred(who, learner, section):
            return NONE
        fitting = [tie for tie in ties if tie.learner == learner and tie.reaches(section, plan, goal)]
        return max((min(tie.level, self.cell(section, tie.relation)) for tie in fitting), default=NONE)

    def cell(self, section: str, relation: str) -> int:
        """The rule, as the tenant tightens it: never raised, and the law keeps family reading."""
        default = RULES[section, relation]
        if section == "learner":
            return default
        least = min(default, READ) if relation in ("learner", "guardian") else NONE
        return max(least, min(default, LEVELS[self.tenant.rules.get((section, relation), "write")]))

    def holds(self, dates: Dates) -> bool:
        return (dates[0] is None or dates[0] <= self.today) and (dates[1] is None or self.today < dates[1])

    def is_barred(self, who: str, learner: str, section: str) -> bool:
        """A restriction of contact overrides whatever else somebody is; nobody is kept from oneself.

        The contact never reads what is written of it, not before and not after it holds.
        """
        return who != learner and any(
            section == "restrictions"
            or (self.holds(limit.dates) and (limit.kind != "sections" or section in limit.sections))
            for guardianship in self.tenant.guardianships.values()
            if (guardianship.guardian, guardianship.learner) == (who, learner)
            for limit in guardianship.restrictions
        )

    def is_in_force(self, grant: Grant) -> bool:
        """An approved grant ends with its dates, and with the consent that it rests on."""
        consented = grant.consent is None or self._is_given(self.tenant.consents[grant.consent])
        return grant.status == "active" and consented and self.holds(grant.dates)

    def is_of_age(self, learner: Learner) -> bool:
        """From the 18th birthday (born on 29 February: 1 March) or on entering college."""
        days = [learner.college_entry_on] if learner.college_entry_on else []
        if learner.birth_on:
            year, month, day = learner.birth_on.year + 18, learner.birth_on.month, learner.birth_on.day
            days.append(date(year, 3, 1) if (month, day) == (2, 29) else date(year, month, day))
        return any(day <= self.today for day in days)

    def _ties(self, who: str) -> Iterator[Tie]:
        if who in self.tenant.services:
            relations = {relation for scope in self.tenant.services[who] for relation in SCOPES.get(scope, [])}
            yield from (Tie(relation, learner.name) for relation in relations for learner in self.tenant.learners)
            return
        for learner in self.tenant.learners:
            yield from (Tie(office, learner.name) for office in self._offices(who, learner.school))
            if learner.name == who:
                yield Tie("learner", who)
        for guardianship in self.tenant.guardianships.values():
            if guardianship.guardian == who and self._guards(guardianship):
                yield Tie("guardian", guardianship.learner)
        yield from self._granted(who)
        yield from self._at_work(who)
        for delegation in self.tenant.delegations:
            if delegation.delegate == who and self.holds(delegation.dates):
                yield from self._at_work(delegation.delegator)

    def _at_work(self, who: str) -> Iterator[Tie]:
        """What staff are to learners, and what a substitute is in their place."""
        now = [(e.class_, e.person, e.role) for e in self.tenant.enrollments if self.holds(e.dates)]
        taught = {
            learner for class_, who_, role in now if (who_, role) == (who, "teacher")
            for of, learner, role_ in now if (of, role_) == (class_, "student")
        }  # fmt: skip
        yield from (Tie("teacher", learner) for learner in taught)
        for goal in self.tenant.goals:
            if who in goal.teachers and self.tenant.plans[goal.plan] in taught:
                yield Tie("named_teacher", self.tenant.plans[goal.plan], goal=goal.name)
        for each in self.tenant.caseloads.values():
            if each.person == who and self.holds(each.dates):
                yield Tie(each.kind, each.learner)
        for member in self.tenant.team.values():
            if member.person == who and self.holds(member.dates):
                yield Tie("team_member", self.tenant.plans[member.plan], plan=member.plan)

    def _granted(self, who: str) -> Iterator[Tie]:
        """By grants, and by break-glass as long as the office lasts."""
        for grant in self.tenant.grants.values():
            if grant.person == who and self.is_in_force(grant):
                learner, level = self.tenant.plans[grant.plan], LEVELS[grant.level]
                for section in ("learner", *grant.sections):
                    yield Tie("grantee", learner, grant.plan, None, section, level)
                for goal in grant.goals:
                    yield Tie("grantee", learner, grant.plan, goal, "plan", level)
        for glass in self.tenant.opened.values():
            is_live = not (glass.is_expired or glass.is_ended)
            if glass.person == who and is_live and self._offices(who, self.learners[glass.learner].school):
                yield from (Tie("break_glass", glass.learner, section=name, level=READ) for name in glass.sections)

    def _guards(self, guardianship: Guardianship) -> bool:
        """Until the learner is of age, unless a dependent, or the learner lets the guardian stay."""
        learner = self.learners[guardianship.learner]
        wanted = (learner.name, learner.name, guardianship.guardian, "guardian_access")
        given = [consent for consent in self.tenant.consents.values() if self._is_given(consent)]
        stays = wanted in [(c.learner, c.consenter, c.recipient, c.purpose) for c in given]
        return self.holds(guardianship.dates) and (stays or learner.is_dependent or not self.is_of_age(learner))

    def _is_given(self, consent: Consent) -> bool:
        return self.holds(consent.dates) and not consent.is_withdrawn

    def _offices(self, who: str, school: str) -> set[str]:
        """In which somebody administers a school."""
        held = [(role.role, role.org) for role in self.tenant.roles if role.person == who and self.holds(role.dates)]
        return {role for role, org in held if role == "district_admin" or (role, org) == ("school_admin", school)}
