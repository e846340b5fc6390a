"""Lists and single reads against the rules of the domain, said again in plain Python, over generated worlds."""

import random
import uuid
from dataclasses import dataclass, field
from datetime import date, timedelta

import pytest

from app.learners.models import Learner
from tests.factories import World
from tests.plans.people import read

pytestmark = pytest.mark.anyio

TODAY = date.today()  # noqa: DTZ011  the tenants of the tests live in UTC, as the tests do
DAYS = (None, None, None, TODAY - timedelta(days=2), TODAY, TODAY + timedelta(days=2))
Dates = tuple[date | None, date | None]


def in_force(dates: Dates) -> bool:
    return (dates[0] is None or dates[0] <= TODAY) and (dates[1] is None or dates[1] > TODAY)


@dataclass
class Facts:
    """What was put into the database, as the oracle remembers it."""

    school_of: dict[uuid.UUID, uuid.UUID] = field(default_factory=dict)
    roles: list[tuple[uuid.UUID, str, uuid.UUID, Dates]] = field(default_factory=list)
    classes: dict[uuid.UUID, uuid.UUID] = field(default_factory=dict)
    enrollments: list[tuple[uuid.UUID, uuid.UUID, str, Dates]] = field(default_factory=list)
    caseloads: list[tuple[uuid.UUID, uuid.UUID, str, Dates]] = field(default_factory=list)
    guardians: list[tuple[uuid.UUID, uuid.UUID, Dates, list[Dates]]] = field(default_factory=list)

    def is_barred(self, person: uuid.UUID, learner: uuid.UUID) -> bool:
        return any(
            (guardian, child) == (person, learner) and any(map(in_force, restrictions))
            for guardian, child, _, restrictions in self.guardians
        )

    def own_relations(self, person: uuid.UUID, learner: uuid.UUID) -> set[str]:
        """The relations of a person to one learner, but for those that come with a role at an org."""
        if self.is_barred(person, learner):
            return set()
        found = {"learner"} if person == learner else set()
        now = [(who, class_, role) for class_, who, role, dates in self.enrollments if in_force(dates)]
        learning = {class_ for who, class_, role in now if (who, role) == (learner, "student")}
        if any((who, role) == (person, "teacher") and class_ in learning for who, class_, role in now):
            found.add("teacher")
        found |= {k for p, le, k, dates in self.caseloads if (p, le) == (person, learner) and in_force(dates)}
        if any(
            (guardian, child) == (person, learner) and in_force(dates) for guardian, child, dates, _ in self.guardians
        ):
            found.add("guardian")
        return found

    def relations(self, person: uuid.UUID, learner: uuid.UUID) -> set[str]:
        if self.is_barred(person, learner):
            return set()
        found = self.own_relations(person, learner)
        at_school = ("school_admin", self.school_of[learner])
        for who, role, org, dates in self.roles:
            if who == person and in_force(dates) and (role == "district_admin" or (role, org) == at_school):
                found.add(role)
        return found

    def sees_class(self, person: uuid.UUID, class_: uuid.UUID) -> bool:
        """Members, administrators, and who has a relation of their own to a present student."""
        members = [(who, role) for of, who, role, dates in self.enrollments if of == class_ and in_force(dates)]
        holds = [(role, org) for who, role, org, dates in self.roles if who == person and in_force(dates)]
        return (
            person in {who for who, _ in members}
            or any(
                role == "district_admin" or (role, org) == ("school_admin", self.classes[class_]) for role, org in holds
            )
            or any(role == "student" and self.own_relations(person, who) for who, role in members)
        )


async def generate(world: World, chance: random.Random) -> tuple[Facts, list[uuid.UUID]]:
    """Two schools, a few learners, adults with any mix of relations at any time; the facts and the adults."""
    facts = Facts()
    schools = [world.home_school, await world.school("Second School")]

    def dates() -> Dates:
        first, last = chance.choice(DAYS), chance.choice(DAYS)
        return (first, last)

    learners = [await world.learner(school=chance.choice(schools)) for _ in range(5)]
    facts.school_of = {learner.id: learner.school_id for learner in learners}
    adults = [await world.person() for _ in range(5)]
    classes = [await world.class_(school=chance.choice(schools)) for _ in range(3)]
    facts.classes = {class_.id: class_.school_id for class_ in classes}
    for person in adults:
        if chance.random() < 0.5:
            role = chance.choice(("school_admin", "school_admin", "district_admin", "mentor", "counselor"))
            org, when = chance.choice(schools), dates()
            await world.role(person, role, at=org, from_on=when[0], until_on=when[1])
            facts.roles.append((person.id, role, org.id, when))
        for learner in chance.sample(learners, 3):
            when, kind = dates(), chance.choice(("advisor", "counselor", "case_manager", "guardian", "guardian"))
            if kind == "guardian":
                guardianship = await world.guardian(person, learner, from_on=when[0], until_on=when[1])
                restrictions = [dates() for _ in range(chance.randrange(3))]
                for limit in restrictions:
                    await world.restrict(guardianship, from_on=limit[0], until_on=limit[1])
                facts.guardians.append((person.id, learner.id, when, restrictions))
            else:
                await world.caseload(person, learner, kind, from_on=when[0], until_on=when[1])
                facts.caseloads.append((person.id, learner.id, kind, when))
    for class_ in classes:
        members = [(p, "teacher") for p in chance.sample(adults, 2)] + [
            (le, "student") for le in chance.sample(learners, 2)
        ]
        for member, role in members:
            when = dates()
            await world.enroll(class_, member, role, from_on=when[0], until_on=when[1])
            facts.enrollments.append((class_.id, member.id, role, when))
    return facts, [*(person.id for person in adults), *facts.school_of]


@dataclass(frozen=True)
class Caller:
    id: uuid.UUID


@pytest.mark.parametrize("seed", range(4))
async def test_lists_and_single_reads_give_each_caller_just_what_the_rules_say(world: World, seed: int) -> None:
    facts, people = await generate(world, random.Random(seed))
    plans = {}
    async with world.transaction() as session:
        learners = [await session.get_one(Learner, (world.tenant.id, learner_id)) for learner_id in facts.school_of]
    for row in learners:
        plans[row.id] = (await world.plan(row)).id
    for person in people:
        client = await world.client_for(Caller(person))
        relations = {learner: facts.relations(person, learner) for learner in facts.school_of}
        visible = {learner for learner, held in relations.items() if held}
        own = {learner for learner in relations if facts.own_relations(person, learner)}
        for path, expected in (
            ("/v1/learners", visible),
            ("/v1/me/learners", own),
            ("/v1/plans", {plans[learner] for learner in visible}),
            ("/v1/plans?mine=true", {plans[learner] for learner in own}),
            ("/v1/classes", {class_ for class_ in facts.classes if facts.sees_class(person, class_)}),
        ):
            items = (await client.get(path)).json()["items"]
            assert {item["id"] for item in items} == {str(found) for found in expected}, (person, path)
        for learner, held in relations.items():
            for url in (f"/v1/learners/{learner}", f"/v1/plans/{plans[learner]}"):
                if held:
                    assert set((await read(client, url))["relations"]) == held
                else:
                    assert (await client.get(url)).status_code == 404
        for class_ in facts.classes:
            status = (await client.get(f"/v1/classes/{class_}")).status_code
            assert status == (200 if facts.sees_class(person, class_) else 404)
