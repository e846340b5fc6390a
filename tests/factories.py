"""A world for a test: a tenant of its own, peopled by explicit steps, and clients signed in as its people.

Rows are written as the application would, as plp_app with the tenant bound. Relations take `from_on` and `until_on`.
Where a person is asked for, anything with the person's id will do: a `Person`, a `Learner`.
"""

import itertools
import time
import uuid
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, date, datetime, timedelta
from typing import Any, Protocol, TypeVar

import httpx
from sqlalchemy.ext.asyncio import AsyncSession

from app.competencies.models import Association, Competency, Framework
from app.core.runtime import Runtime
from app.core.security import Kind
from app.db.base import Base, new_id
from app.identity.identifiers import identifier_hash
from app.identity.models import Account, Login, ServiceClient, Session, Tenant
from app.learners.models import Learner
from app.plans.models import (
    Action,
    Goal,
    GoalCompetency,
    GoalTeacher,
    Milestone,
    Plan,
    ProgressEntry,
)
from app.roster.models import (
    Caseload,
    Class,
    Enrollment,
    Guardianship,
    GuardianshipRestriction,
    Org,
    Person,
    RoleAssignment,
)

BASE_URL = "http://testserver"
SCHOOL_YEAR = 2027
EARLIER = date(2020, 1, 1)
LATER = date(2099, 1, 1)

_numbers = itertools.count(1)
Row = TypeVar("Row", bound=Base)


class Identified(Protocol):
    @property
    def id(self) -> Any: ...


class World:
    """One tenant with a district and a school; methods add people, relations and plans, and sign people in."""

    def __init__(self, runtime: Runtime, transport: httpx.AsyncBaseTransport, tenant: Tenant) -> None:
        self.runtime = runtime
        self.tenant = tenant
        self.district: Org
        self.home_school: Org
        self._transport = transport
        self._accounts: dict[uuid.UUID, Account] = {}

    @classmethod
    async def create(cls, runtime: Runtime, transport: httpx.AsyncBaseTransport, name: str = "World") -> "World":
        tenant = Tenant(id=new_id(), slug=f"world-{new_id().hex}", name=name)
        world = cls(runtime, transport, tenant)
        await world.add(tenant)
        world.district = await world.org("District", type="district")
        world.home_school = await world.school("Home School")
        return world

    def transaction(self) -> AbstractAsyncContextManager[AsyncSession]:
        """A transaction of plp_app bound to this tenant; commits at the end."""
        return self.runtime.transaction(self.tenant.id)

    async def add(self, row: Row) -> Row:
        """Insert a row and read back what the database gave it."""
        async with self.transaction() as session:
            session.add(row)
            await session.flush()
            await session.refresh(row)
        return row

    async def make(self, entity: type[Row], /, **fields: Any) -> Row:
        """Insert a row of this tenant."""
        return await self.add(entity(tenant_id=self.tenant.id, **fields))

    async def reload(self, row: Row) -> Row:
        """The row as it is now."""
        async with self.transaction() as session:
            found = await session.get_one(type(row), (self.tenant.id, row.id))  # type: ignore[attr-defined]
        return found

    # Orgs and people

    async def org(self, name: str, *, type: str, parent: Org | None = None) -> Org:
        return await self.make(Org, name=name, type=type, parent_id=parent.id if parent else None)

    async def school(self, name: str = "School") -> Org:
        return await self.org(name, type="school", parent=self.district)

    async def person(
        self, given_name: str = "Some", family_name: str = "Body", *, role: str | None = None, at: Org | None = None
    ) -> Person:
        """A person, with a role at an org if one is named (by default the home school)."""
        person = await self.make(Person, given_name=given_name, family_name=family_name)
        if role is not None:
            await self.role(person, role, at=at)
        return person

    async def role(
        self,
        person: Identified,
        role: str,
        *,
        at: Org | None = None,
        from_on: date | None = None,
        until_on: date | None = None,
    ) -> RoleAssignment:
        org = at or (self.district if role == "district_admin" else self.home_school)
        return await self.make(
            RoleAssignment, person_id=person.id, org_id=org.id, role=role, from_on=from_on, until_on=until_on
        )

    async def learner(
        self,
        given_name: str = "Lea",
        family_name: str = "Learner",
        *,
        school: Org | None = None,
        grade: str | None = "07",
    ) -> Learner:
        person = await self.person(given_name, family_name, role="student", at=school)
        school_id = (school or self.home_school).id
        names = {"given_name": given_name, "family_name": family_name}
        return await self.make(Learner, id=person.id, **names, school_id=school_id, grade=grade)

    async def school_admin(self, at: Org | None = None) -> Person:
        return await self.person("Sam", "Schooladmin", role="school_admin", at=at)

    async def district_admin(self) -> Person:
        return await self.person("Dana", "Districtadmin", role="district_admin")

    # Relations

    async def class_(
        self,
        teacher: Identified | None = None,
        learners: Sequence[Identified] = (),
        *,
        title: str = "Mathematics",
        school: Org | None = None,
        school_year: int = SCHOOL_YEAR,
    ) -> Class:
        made = await self.make(Class, title=title, school_id=(school or self.home_school).id, school_year=school_year)
        if teacher is not None:
            await self.enroll(made, teacher, "teacher")
        for learner in learners:
            await self.enroll(made, learner, "student")
        return made

    async def enroll(
        self,
        class_: Class,
        person: Identified,
        role: str,
        *,
        from_on: date | None = None,
        until_on: date | None = None,
    ) -> Enrollment:
        return await self.make(
            Enrollment, class_id=class_.id, person_id=person.id, role=role, from_on=from_on, until_on=until_on
        )

    async def caseload(
        self,
        person: Identified,
        learner: Identified,
        kind: str = "counselor",
        *,
        from_on: date | None = None,
        until_on: date | None = None,
    ) -> Caseload:
        return await self.make(
            Caseload, person_id=person.id, learner_id=learner.id, kind=kind, from_on=from_on, until_on=until_on
        )

    async def guardian(
        self,
        guardian: Identified,
        learner: Identified,
        relationship: str = "parent",
        *,
        from_on: date | None = None,
        until_on: date | None = None,
    ) -> Guardianship:
        return await self.make(
            Guardianship,
            guardian_id=guardian.id,
            learner_id=learner.id,
            relationship=relationship,
            from_on=from_on,
            until_on=until_on,
        )

    async def restrict(
        self,
        guardianship: Guardianship,
        kind: str = "no_contact",
        *,
        from_on: date | None = None,
        until_on: date | None = None,
    ) -> GuardianshipRestriction:
        return await self.make(
            GuardianshipRestriction,
            guardianship_id=guardianship.id,
            kind=kind,
            evidence_reference="court order 1",
            from_on=from_on,
            until_on=until_on,
        )

    async def teacher_of(self, *learners: Identified) -> Person:
        """A teacher who has the learners in a class."""
        person = await self.person("Tess", "Teacher", role="teacher")
        await self.class_(person, learners)
        return person

    async def staff_of(self, learner: Identified, kind: str = "counselor") -> Person:
        """An advisor, counselor or case manager with the learner on the caseload."""
        role = "teacher" if kind == "advisor" else kind
        person = await self.person("Case", kind.title(), role=role)
        await self.caseload(person, learner, kind)
        return person

    async def guardian_of(self, learner: Identified) -> Person:
        person = await self.person("Gail", "Guardian", role="guardian")
        await self.guardian(person, learner)
        return person

    # Plans

    async def plan(self, learner: Learner, **fields: Any) -> Plan:
        values: dict[str, Any] = {
            "school_year": SCHOOL_YEAR,
            "title": "My plan",
            "starts_on": date(SCHOOL_YEAR - 1, 8, 1),
            "ends_on": date(SCHOOL_YEAR, 7, 31),
        }
        return await self.make(Plan, learner_id=learner.id, school_id=learner.school_id, **values | fields)

    async def goal(self, plan: Plan, **fields: Any) -> Goal:
        """By default a goal that the learner proposed, measured in percent."""
        values: dict[str, Any] = {
            "title": "Read more",
            "category": "academic",
            "metric_kind": "percent",
            "baseline": 0,
            "target": 100,
            "proposed_by": plan.learner_id,
            "proposed_side": "learner",
        }
        return await self.make(Goal, plan_id=plan.id, learner_id=plan.learner_id, **values | fields)

    async def milestone(self, goal: Goal, **fields: Any) -> Milestone:
        return await self.add(Milestone(**self._of_goal(goal), **{"title": "Halfway"} | fields))

    async def action(self, goal: Goal, **fields: Any) -> Action:
        return await self.add(Action(**self._of_goal(goal), **{"title": "Ask a friend", "owner": "learner"} | fields))

    async def progress(self, goal: Goal, **fields: Any) -> ProgressEntry:
        values: dict[str, Any] = {
            "value": 10,
            "observed_on": date(SCHOOL_YEAR - 1, 10, 1),
            "recorded_by": goal.learner_id,
            "recorded_side": "learner",
        }
        return await self.add(ProgressEntry(**self._of_goal(goal), **values | fields))

    async def name_teacher(self, goal: Goal, teacher: Identified) -> GoalTeacher:
        return await self.make(GoalTeacher, goal_id=goal.id, person_id=teacher.id)

    def _of_goal(self, goal: Goal) -> dict[str, Any]:
        return {
            "tenant_id": self.tenant.id,
            "goal_id": goal.id,
            "plan_id": goal.plan_id,
            "learner_id": goal.learner_id,
        }

    # Competencies

    async def framework(self, title: str = "Framework", **fields: Any) -> Framework:
        values: dict[str, Any] = {
            "uri": f"https://case.example/{next(_numbers)}",
            "creator": "The state",
            "source_changed_at": datetime(2024, 1, 1, tzinfo=UTC),
        }
        return await self.make(Framework, title=title, **values | fields)

    async def competency(self, framework: Framework | None, statement: str = "Can count", **fields: Any) -> Competency:
        """A competency; without a framework a stub of one."""
        values: dict[str, Any] = {"uri": f"https://case.example/{next(_numbers)}"}
        framework_id = framework.id if framework else None
        return await self.make(Competency, framework_id=framework_id, full_statement=statement, **values | fields)

    async def precedes(self, first: Competency, then: Competency, framework: Framework) -> Association:
        return await self.make(
            Association,
            framework_id=framework.id,
            type="precedes",
            uri=f"https://case.example/{next(_numbers)}",
            origin_id=first.id,
            destination_id=then.id,
        )

    async def link(self, goal: Goal, competency: Competency) -> GoalCompetency:
        return await self.make(GoalCompetency, goal_id=goal.id, competency_id=competency.id)

    # Signing in

    async def account(
        self,
        person: Identified,
        *,
        email: str | None = None,
        username: str | None = None,
        password: str | None = None,
        **fields: Any,
    ) -> Account:
        """The person's account, made when first asked for, with a user name if no identifier is given.

        It can sign in where a password is given; hashing one takes a moment, and most tests need none.
        """
        known = self._accounts.get(person.id)
        if known is not None:
            return known
        if email is None and username is None:
            username = f"user{next(_numbers)}"
        hashed = await self.runtime.hasher.hash(password) if password else None
        made = await self.make(
            Account, person_id=person.id, email=email, username=username, password_hash=hashed, **fields
        )
        for identifier in filter(None, (email, username)):
            key = identifier_hash(self.runtime.keyring, identifier)
            await self.add(Login(identifier_hash=key, tenant_id=self.tenant.id, account_id=made.id))
        self._accounts[person.id] = made
        return made

    async def session(self, owner: Account | ServiceClient, **fields: Any) -> Session:
        """A live session of an account or of a service client."""
        values: dict[str, Any] = {"expires_at": datetime.now(UTC) + timedelta(days=1)}
        if isinstance(owner, ServiceClient):
            values |= {"service_client_id": owner.id, "client": "service", "scopes": owner.scopes}
        else:
            values |= {"account_id": owner.id, "client": "app"}
        return await self.make(Session, **values | fields)

    async def service(self, *scopes: str) -> ServiceClient:
        """A service client with these scopes."""
        name = f"service {next(_numbers)}"
        return await self.make(ServiceClient, name=name, scopes=sorted(scopes))

    async def token(self, session: Session) -> str:
        """An access token of the session."""
        signer = await self.runtime.keys.signer()
        kind: Kind = "service" if session.service_client_id else "person"
        subject = session.service_client_id or session.account_id
        assert subject is not None
        return signer.issue(
            tenant_id=self.tenant.id,
            subject=subject,
            session_id=session.id,
            now=time.time(),
            kind=kind,
            scopes=frozenset(session.scopes),
        )

    async def token_for(self, who: Identified) -> str:
        """An access token of a new session of the person (whose account is made if need be) or service client."""
        owner = who if isinstance(who, ServiceClient) else await self.account(who)
        return await self.token(await self.session(owner))

    async def client_for(self, who: Identified) -> httpx.AsyncClient:
        """A client signed in as the person or service client."""
        return self.client_with(await self.token_for(who))

    def client_with(self, token: str) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            transport=self._transport,
            base_url=BASE_URL,
            headers={"Authorization": f"Bearer {token}"},
        )
