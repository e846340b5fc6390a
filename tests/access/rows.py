"""Writes a made-up tenant into the database, in one transaction, and signs its callers in."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import insert

from app.core.events import Event
from app.core.runtime import Runtime
from app.db.base import Base, new_id
from app.identity import models as identity
from app.learners.models import Learner, ProfileStatement, StaffNote
from app.plans.models import Action, Comment, Goal, GoalTeacher, Plan, Reflection
from app.roster.models import (
    Caseload,
    Class,
    Delegation,
    Enrollment,
    Guardianship,
    GuardianshipRestriction,
    Org,
    Person,
    RoleAssignment,
)
from app.sharing.models import BreakGlass, Consent, Grant, GrantGoal, SharingPolicy, TeamMember
from tests.access import oracle, worlds
from tests.factories import EARLIER, SCHOOL_YEAR, World

Fields = dict[str, Any]


@dataclass
class Written:
    """A tenant in the database: its world, and the ids of what its names stand for."""

    world: World
    ids: dict[str, UUID]
    owners: dict[str, identity.Session]

    @cached_property
    def names(self) -> dict[str, str]:
        return {str(row_id): name for name, row_id in self.ids.items()}

    async def client(self, who: str) -> httpx.AsyncClient:
        return self.world.client_with(await self.world.token(self.owners[who]))


class Writing:
    """Collects rows by table."""

    def __init__(self, tenant: worlds.Tenant) -> None:
        self.tenant = tenant
        self.tenant_id = new_id()
        self.ids: dict[str, UUID] = {}
        self.rows: dict[type[Base], list[Fields]] = {}

    def id(self, name: str) -> UUID:
        return self.ids.setdefault(name, new_id())

    def add(self, entity: type[Base], name: str | None = None, /, **fields: Any) -> UUID:
        row_id = self.id(name) if name else new_id()
        self.rows.setdefault(entity, []).append({"tenant_id": self.tenant_id, "id": row_id, **fields})
        return row_id


async def write(
    runtime: Runtime, transport: httpx.AsyncBaseTransport, tenant: worlds.Tenant, callers: Iterable[str]
) -> Written:
    """The tenant in the database, with a live session of each caller."""
    writing = Writing(tenant)
    _people(writing)
    _plans(writing)
    _sharing(writing)
    _texts(writing)
    sessions = {who: _session(writing, who) for who in callers}
    events = len(writing.rows[Event])
    row = identity.Tenant(
        id=writing.tenant_id,
        slug=f"case-{writing.tenant_id.hex}",
        name="Case",
        timezone=tenant.zone,
        last_event_seq=events,
    )
    world = World(runtime, transport, row)
    async with world.transaction() as session:
        session.add(row)
        await session.flush()
        order = Base.metadata.sorted_tables
        for entity in sorted(
            writing.rows, key=lambda entity: order.index(entity.metadata.tables[entity.__tablename__])
        ):
            await session.execute(insert(entity), writing.rows[entity])
    return Written(world, writing.ids, sessions)


def _dated(dates: worlds.Dates) -> Fields:
    return {"from_on": dates[0], "until_on": dates[1]}


def _people(w: Writing) -> None:
    t = w.tenant
    w.add(Org, worlds.DISTRICT, name="District", type="district")
    for school in worlds.SCHOOLS:
        w.add(Org, school, name=school, type="school")
    for person in t.people:
        w.add(Person, person, given_name="Some", family_name=person)
    for learner in t.learners:
        w.add(
            Learner, learner.name, given_name="Some", family_name=learner.name, school_id=w.id(learner.school),
            grade="07", birth_on=learner.birth_on, college_entry_on=learner.college_entry_on,
            is_dependent=learner.is_dependent,
        )  # fmt: skip
    for role in t.roles:
        w.add(RoleAssignment, person_id=w.id(role.person), role=role.role, org_id=w.id(role.org), **_dated(role.dates))
    for class_, school in t.classes.items():
        w.add(Class, class_, title=class_, school_id=w.id(school), school_year=SCHOOL_YEAR)
    for e in t.enrollments:
        w.add(Enrollment, class_id=w.id(e.class_), person_id=w.id(e.person), role=e.role, **_dated(e.dates))
    for name, c in t.caseloads.items():
        w.add(Caseload, name, person_id=w.id(c.person), learner_id=w.id(c.learner), kind=c.kind, **_dated(c.dates))
    for name, g in t.guardianships.items():
        pair = {"guardian_id": w.id(g.guardian), "learner_id": w.id(g.learner)}
        guardianship = w.add(Guardianship, name, **pair, relationship="parent", **_dated(g.dates))
        for number, limit in enumerate(g.restrictions):
            w.add(
                GuardianshipRestriction, f"{name}.{number}", guardianship_id=guardianship, kind=limit.kind,
                sections=sorted(limit.sections), evidence_reference="court order", **_dated(limit.dates),
            )  # fmt: skip
    for d in t.delegations:
        people = {"delegator_id": w.id(d.delegator), "delegate_id": w.id(d.delegate)}
        w.add(Delegation, **people, reason="leave", **_dated(d.dates))
    for name, scopes in t.services.items():
        w.add(identity.ServiceClient, name, name=name, scopes=sorted(scopes))


def _plans(w: Writing) -> None:
    for number, (plan, learner) in enumerate(w.tenant.plans.items()):
        school = next(each.school for each in w.tenant.learners if each.name == learner)
        w.add(
            Plan, plan, learner_id=w.id(learner), school_id=w.id(school), school_year=SCHOOL_YEAR + number, title=plan,
            starts_on=EARLIER, ends_on=EARLIER.replace(year=2090), status=("draft", "active")[number % 2],
        )  # fmt: skip
    for goal in w.tenant.goals:
        of = _of_plan(w, goal.plan)
        w.add(
            Goal, goal.name, **of, title=goal.name, category="academic", metric_kind="percent", baseline=0, target=100,
            proposed_by=of["learner_id"], proposed_side="learner", status="agreed",
        )  # fmt: skip
        for teacher in sorted(goal.teachers):
            w.add(GoalTeacher, goal_id=w.id(goal.name), person_id=w.id(teacher))
        w.add(Action, f"{goal.name}.action", **of, goal_id=w.id(goal.name), title="Ask", owner="learner")


def _of_plan(w: Writing, plan: str) -> Fields:
    return {"plan_id": w.id(plan), "learner_id": w.id(w.tenant.plans[plan])}


def _sharing(w: Writing) -> None:
    t, now = w.tenant, datetime.now(UTC)
    for name, m in t.team.items():
        w.add(TeamMember, name, **_of_plan(w, m.plan), person_id=w.id(m.person), role="coach", **_dated(m.dates))
    for name, c in t.consents.items():
        w.add(
            Consent, name, learner_id=w.id(c.learner), consenter_id=w.id(c.consenter), purpose=c.purpose,
            consenter_as="learner" if c.consenter == c.learner else "guardian", recipient="Somebody",
            recipient_person_id=w.id(c.recipient), sections=["plan"], signed_on=c.dates[0], until_on=c.dates[1],
            method="in_product", withdrawn_at=now if c.is_withdrawn else None,
        )  # fmt: skip
    for name, g in t.grants.items():
        grant = w.add(
            Grant, name, **_of_plan(w, g.plan), person_id=w.id(g.person), is_outside=False, status=g.status,
            level=g.level, sections=sorted(g.sections), purpose="mentoring", proposed_as="learner",
            consent_id=w.id(g.consent) if g.consent else None, **_dated(g.dates),
        )  # fmt: skip
        for goal in sorted(g.goals):
            w.add(GrantGoal, grant_id=grant, goal_id=w.id(goal))
    for name, b in t.opened.items():
        w.add(
            BreakGlass, name, learner_id=w.id(b.learner), person_id=w.id(b.person), sections=sorted(b.sections),
            reason="A child in danger.", expires_at=now + timedelta(hours=-1 if b.is_expired else 1),
            ended_at=now if b.is_ended else None,
        )  # fmt: skip
    if t.rules:
        settings: dict[str, dict[str, str]] = {}
        for (section, relation), level in t.rules.items():
            settings.setdefault(section, {})[relation] = level
        w.add(SharingPolicy, rules=settings)


def _texts(w: Writing) -> None:
    """What the sections hold: one text of each kind, and one event of each section."""
    t = w.tenant
    for plan in t.plans:
        of, author = _of_plan(w, plan), w.id(t.adults[0])
        w.add(Comment, f"{plan}.comment", **of, goal_id=None, author_id=author, author_as="teacher", text="Well done.")
        for kind in ("shared", "private"):
            w.add(Reflection, f"{plan}.{kind}", **of, is_private=kind == "private", text="I learn best at night.")
        for section in sorted(oracle.SECTIONS):
            _event(w, plan, section)
    for goal in t.goals:
        w.add(
            Comment, f"{goal.name}.comment", **_of_plan(w, goal.plan), goal_id=w.id(goal.name), author_id=None,
            author_as="service_writer", text="Well done.",
        )  # fmt: skip
    for learner in t.learners:
        w.add(
            ProfileStatement, f"{learner.name}.statement", learner_id=w.id(learner.name), kind="strength",
            statement="Patient", author_id=w.id(learner.name), author_as="learner", stated_on=EARLIER,
        )  # fmt: skip
    for name, note in t.notes.items():
        w.add(StaffNote, name, learner_id=w.id(note.learner), author_id=w.id(note.author), text="Ask.")


def _event(w: Writing, plan: str, section: str) -> None:
    """By the first adult: of what only its author reads, that is the author."""
    of, name = _of_plan(w, plan), f"{plan}.{section}"
    w.add(
        Event, f"{name}.event", **of, seq=len(w.rows.get(Event, ())) + 1, actor_person_id=w.id(w.tenant.adults[0]),
        capacity="counselor", section=section, entity_type=section, entity_id=w.id(name), action="create", changes={},
        request_id="case",
    )  # fmt: skip


def _session(w: Writing, who: str) -> identity.Session:
    """A live session: the row, and the same as an object."""
    is_service = who in w.tenant.services
    fields: Fields = {
        "account_id": None if is_service else w.add(identity.Account, person_id=w.id(who), username=who),
        "service_client_id": w.id(who) if is_service else None,
        "client": "service" if is_service else "app",
        "scopes": sorted(w.tenant.services.get(who, ())),
        "expires_at": datetime.now(UTC) + timedelta(days=1),
    }
    return identity.Session(id=w.add(identity.Session, **fields), **fields)
