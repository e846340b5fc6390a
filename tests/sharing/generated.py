"""Small generated tenants: one learner, two plans, a few adults, and any mix of facts at any time."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from app.db.base import Base, new_id
from app.learners.models import Learner
from app.plans.models import Goal, GoalTeacher, Plan
from app.roster.models import (
    Caseload,
    Class,
    Delegation,
    Enrollment,
    Guardianship,
    GuardianshipRestriction,
    Person,
    RoleAssignment,
)
from app.sharing.models import BreakGlass, Consent, Grant, GrantGoal, SharingPolicy, TeamMember
from tests.factories import SCHOOL_YEAR, World
from tests.sharing_factories import age

TODAY = datetime.now(UTC).date()
BEFORE, AFTER = TODAY - timedelta(days=9), TODAY + timedelta(days=9)
ADULTS, PLANS, GOALS = 3, 2, 3

DATES = [(None, None), (BEFORE, AFTER), (TODAY, None), (None, AFTER), (None, TODAY), (AFTER, None), (BEFORE, TODAY)]
TERMS = [(BEFORE, AFTER), (TODAY, AFTER), (BEFORE, TODAY), (AFTER, AFTER + timedelta(days=1))]
BIRTHS = [None, date(TODAY.year - 10, 1, 1), date(TODAY.year - 19, 1, 1)]
GRANTABLE = ["plan", "profile", "evidence", "mastery", "reflections", "conference_notes"]
LEVELS = ["read", "comment", "propose", "write"]

adults, plans, goals = (st.integers(0, count - 1) for count in (ADULTS, PLANS, GOALS))
dates, terms, levels = st.sampled_from(DATES), st.sampled_from(TERMS), st.sampled_from(LEVELS)
some_sections = st.lists(st.sampled_from(GRANTABLE), min_size=1, max_size=3, unique=True)
restrictions: Any = st.one_of(
    st.none(),
    st.tuples(st.sampled_from(["no_contact", "no_records"]), st.just([]), dates),
    st.tuples(st.just("sections"), some_sections, dates),
)
facts = st.one_of(
    st.tuples(st.just("teacher"), adults, dates, st.sets(goals, max_size=2)),
    st.tuples(st.sampled_from(["advisor", "counselor", "case_manager"]), adults, dates),
    st.tuples(st.just("guardian"), adults, dates, restrictions, st.booleans()),
    st.tuples(st.sampled_from(["school_admin", "school_admin_elsewhere", "district_admin"]), adults, dates),
    st.tuples(st.just("team_member"), adults, terms, plans),
    st.tuples(
        st.just("grant"), adults, terms, plans, levels, some_sections, st.sampled_from([None, "live", "withdrawn"])
    ),
    st.tuples(st.just("goal_grant"), adults, terms, goals, levels),
    st.tuples(st.just("break_glass"), adults, st.sampled_from([["staff_notes"], ["private_reflections"]])),
    st.tuples(st.just("delegation"), adults, terms, adults),
)
rules = st.dictionaries(
    st.sampled_from(["plan", "profile", "reflections", "staff_notes", "access"]),
    st.dictionaries(
        st.sampled_from(["teacher", "advisor", "guardian", "grantee", "team_member", "school_admin", "break_glass"]),
        st.sampled_from(["none", "read", "comment"]),
        max_size=2,
    ),
    max_size=2,
)


@dataclass
class Tenant:
    """The generated rows, as tests name them."""

    world: World
    learner: Learner
    adults: list[Person]
    plans: list[Plan] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)


def key(fact: Any) -> Any:
    """What the database has at most once."""
    kind, adult = fact[0], fact[1]
    return (
        (kind, adult, fact[3] if kind == "team_member" else None) if kind not in ("grant", "goal_grant") else fact[:4]
    )


tenants = st.tuples(
    st.sampled_from(BIRTHS),
    st.booleans(),
    st.lists(facts, min_size=3, max_size=9, unique_by=lambda fact: str(key(fact))),
    st.one_of(st.just({}), rules),
)


async def build(world: World, drawn: Any) -> Tenant:
    """Write a drawn tenant into a world."""
    birth_on, is_dependent, chosen, policy = drawn
    learner = await age(world, await world.learner(), birth_on=birth_on, is_dependent=is_dependent)
    tenant = Tenant(world, learner, [])
    writer = _Writer(tenant, (await world.school("Elsewhere")).id)
    async with world.transaction() as session:
        for rows in (writer.base(), writer.of_all(chosen), writer.later):
            session.add_all(rows)
            await session.flush()
        if policy:
            session.add(writer.row(SharingPolicy, rules=policy))
    return tenant


class _Writer:
    def __init__(self, tenant: Tenant, elsewhere_id: Any) -> None:
        self.tenant = tenant
        self.elsewhere_id = elsewhere_id
        self.later: list[Base] = []
        """Rows that refer to the others."""

    def row(self, entity: Any, **fields: Any) -> Any:
        return entity(tenant_id=self.tenant.world.tenant.id, id=fields.pop("id", None) or new_id(), **fields)

    def base(self) -> list[Base]:
        tenant, learner = self.tenant, self.tenant.learner
        tenant.adults = [self.row(Person, given_name="Ada", family_name=f"Adult {i}") for i in range(ADULTS)]
        tenant.plans = [
            self.row(
                Plan,
                learner_id=learner.id,
                school_id=learner.school_id,
                school_year=SCHOOL_YEAR + i,
                title="Plan",
                starts_on=date(SCHOOL_YEAR - 1, 8, 1),
                ends_on=date(SCHOOL_YEAR, 7, 31),
            )
            for i in range(PLANS)
        ]
        self.later = [self._goal(i) for i in range(GOALS)]
        tenant.goals = list(self.later)  # type: ignore[arg-type]
        return [*tenant.adults, *tenant.plans]

    def _goal(self, number: int) -> Goal:
        made: Goal = self.row(
            Goal,
            plan_id=self.tenant.plans[number % PLANS].id,
            learner_id=self.tenant.learner.id,
            title="Goal",
            category="academic",
            metric_kind="percent",
            baseline=0,
            target=100,
            proposed_by=self.tenant.learner.id,
            proposed_side="learner",
        )
        return made

    def of_all(self, chosen: list[Any]) -> list[Base]:
        return [made for fact in chosen for made in getattr(self, f"_{fact[0]}", self._caseload)(*fact)]

    def _teacher(self, _kind: str, adult: int, when: Any, named: set[int]) -> list[Base]:
        world = self.tenant.world
        class_ = self.row(Class, title="Class", school_id=world.home_school.id, school_year=SCHOOL_YEAR)
        who = self._person(adult)
        members = ((who, "teacher", when), (self.tenant.learner.id, "student", (None, None)))
        self.later += [
            self.row(Enrollment, class_id=class_.id, person_id=person, role=role, **_dates(at))
            for person, role, at in members
        ]
        self.later += [self.row(GoalTeacher, goal_id=self.tenant.goals[i].id, person_id=who) for i in named]
        return [class_]

    def _caseload(self, kind: str, adult: int, when: Any) -> list[Base]:
        learner_id = self.tenant.learner.id
        return [self.row(Caseload, person_id=self._person(adult), learner_id=learner_id, kind=kind, **_dates(when))]

    def _guardian(self, _kind: str, adult: int, when: Any, limit: Any, keeps: bool) -> list[Base]:
        who, learner_id = self._person(adult), self.tenant.learner.id
        made = self.row(Guardianship, guardian_id=who, learner_id=learner_id, relationship="parent", **_dates(when))
        if limit:
            kind, sections, at = limit
            self.later.append(
                self.row(
                    GuardianshipRestriction,
                    guardianship_id=made.id,
                    kind=kind,
                    sections=sections,
                    evidence_reference="court order",
                    **_dates(at),
                )
            )
        if keeps:
            self.later.append(self._consent(purpose="guardian_access", recipient_person_id=who))
        return [made]

    def _consent(self, **fields: Any) -> Any:
        values: dict[str, Any] = {
            "recipient": "Them",
            "sections": ["plan"],
            "signed_on": BEFORE,
            "method": "in_product",
        }
        who = self.tenant.learner.id
        return self.row(Consent, learner_id=who, consenter_id=who, consenter_as="learner", **values | fields)

    def _school_admin(self, _kind: str, adult: int, when: Any) -> list[Base]:
        return self._role("school_admin", self.tenant.world.home_school.id, adult, when)

    def _school_admin_elsewhere(self, _kind: str, adult: int, when: Any) -> list[Base]:
        return self._role("school_admin", self.elsewhere_id, adult, when)

    def _district_admin(self, _kind: str, adult: int, when: Any) -> list[Base]:
        return self._role("district_admin", self.tenant.world.district.id, adult, when)

    def _role(self, role: str, org_id: Any, adult: int, when: Any) -> list[Base]:
        return [self.row(RoleAssignment, person_id=self._person(adult), org_id=org_id, role=role, **_dates(when))]

    def _team_member(self, _kind: str, adult: int, when: Any, plan: int) -> list[Base]:
        return [
            self.row(TeamMember, **self._of_plan(plan), person_id=self._person(adult), role="coach", **_dates(when))
        ]

    def _grant(
        self, _kind: str, adult: int, when: Any, plan: int, level: str, sections: list[str], consent: str | None
    ) -> list[Base]:
        withdrawn = datetime.now(UTC) if consent == "withdrawn" else None
        rests_on = self._consent(purpose="sharing", withdrawn_at=withdrawn) if consent else None
        made = self._granted(adult, when, plan, level, sections, rests_on.id if rests_on else None)
        self.later.append(made)
        return [rests_on] if rests_on else []

    def _goal_grant(self, _kind: str, adult: int, when: Any, goal: int, level: str) -> list[Base]:
        made = self._granted(adult, when, goal % PLANS, level, [], None)
        self.later.append(self.row(GrantGoal, grant_id=made.id, goal_id=self.tenant.goals[goal].id))
        return [made]

    def _granted(self, adult: int, when: Any, plan: int, level: str, sections: list[str], consent_id: Any) -> Any:
        return self.row(
            Grant,
            **self._of_plan(plan),
            person_id=self._person(adult),
            is_outside=False,
            status="active",
            level=level,
            sections=sections,
            purpose="mentoring",
            consent_id=consent_id,
            proposed_as="learner",
            **_dates(when),
        )

    def _break_glass(self, _kind: str, adult: int, sections: list[str]) -> list[Base]:
        return [
            self.row(
                BreakGlass,
                learner_id=self.tenant.learner.id,
                person_id=self._person(adult),
                sections=sections,
                reason="A child in danger.",
                expires_at=datetime.now(UTC) + timedelta(hours=1),
            )
        ]

    def _delegation(self, _kind: str, adult: int, when: Any, other: int) -> list[Base]:
        if adult == other:
            return []
        who, whose = self._person(adult), self._person(other)
        return [self.row(Delegation, delegate_id=who, delegator_id=whose, reason="leave", **_dates(when))]

    def _person(self, adult: int) -> Any:
        return self.tenant.adults[adult].id

    def _of_plan(self, plan: int) -> dict[str, Any]:
        return {"plan_id": self.tenant.plans[plan].id, "learner_id": self.tenant.learner.id}


def _dates(when: Any) -> dict[str, Any]:
    return {"from_on": when[0], "until_on": when[1]}
