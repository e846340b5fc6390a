"""The people of the demo district and who has to do with whom: drawn from a seed, the same in every run.

Numbers carry the structure, so nothing needs looking up: learners fill sections of 25, sections go round the schools,
and every section has an advisor who teaches it English and shares a mathematics teacher with up to five others. What
learner n is called does not depend on how many learners there are, so a small twin equals the start of a large one.
"""

import datetime
import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from random import Random
from typing import NamedTuple

from app.demo.goals import GOALS
from app.demo.ids import Ids
from app.demo.names import FAMILY, GIVEN, SCHOOL_PLACES

SECTION = 25
SECTIONS_PER_SCHOOL = 20
SECTIONS_PER_TEACHER = 6
CASELOAD = 372
"""Learners per counselor, the national average."""
WITH_GUARDIAN = 1000
"""So many learners have a guardian in the data; more would only cost loading time."""
MINIMUM_LEARNERS = 6
GRADES = ("07", "08", "06", "09", "10", "11", "12")
_STAFF_BLOCK = 1_000_000


class Role(IntEnum):
    """Roles of staff; a staff member's number is `role * 1,000,000 + index`."""

    DISTRICT_ADMIN = 0
    MENTOR = 1
    SCHOOL_ADMIN = 2
    CASE_MANAGER = 3
    COUNSELOR = 4
    TEACHER = 5
    ADVISOR = 6

    @property
    def at_org(self) -> str:
        """The role as the roster has it; an advisor is a teacher with a caseload."""
        return "teacher" if self is Role.ADVISOR else self.name.lower()


def staff_number(role: Role, index: int) -> int:
    return role * _STAFF_BLOCK + index


class School(NamedTuple):
    number: int
    name: str


class Staff(NamedTuple):
    number: int
    role: str
    school: int | None
    given_name: str
    family_name: str
    source_id: str


class Section(NamedTuple):
    number: int
    school: int
    grade: str
    teacher: int
    advisor: int


class Learner(NamedTuple):
    number: int
    given_name: str
    family_name: str
    guardian_name: str | None
    school: int
    section: int
    grade: str
    teacher: int
    advisor: int
    counselor: int
    case_manager: int | None
    status: str
    goals: int
    first_goal: int
    age: int
    """How many minutes ago the plan was begun."""


@dataclass(frozen=True)
class World:
    """One demo tenant. `marker` goes before every text of the twin, so that a leak shows."""

    seed: int
    count: int
    slug: str = "oak"
    name: str = "Oak County Schools"
    marker: str = ""

    @cached_property
    def ids(self) -> Ids:
        return Ids.of(self.seed, self.slug)

    @cached_property
    def section_size(self) -> int:
        return min(SECTION, self.count // MINIMUM_LEARNERS)

    @cached_property
    def section_count(self) -> int:
        return math.ceil(self.count / self.section_size)

    @cached_property
    def school_count(self) -> int:
        return max(2, round(self.section_count / SECTIONS_PER_SCHOOL))

    @property
    def other_learner(self) -> int:
        """The first learner of the second school."""
        return self.section_size

    @property
    def other_teacher(self) -> int:
        """A teacher of the first school who does not teach the first learner."""
        return self.section((self._sections_of(0) - 1) * self.school_count).teacher

    def text(self, text: str) -> str:
        return self.marker + text

    def schools(self) -> Iterator[School]:
        rng = Random(f"{self.seed}/schools")  # noqa: S311
        places = rng.sample(SCHOOL_PLACES, len(SCHOOL_PLACES))
        for number in range(self.school_count):
            turn, place = divmod(number, len(places))
            ordinal = f" {turn + 1}" if turn else ""
            yield School(number, self.text(f"{places[place].replace('-', ' ')} School{ordinal}"))

    def section(self, number: int) -> Section:
        index, school = divmod(number, self.school_count)
        per_teacher = min(SECTIONS_PER_TEACHER, math.ceil(self._sections_of(school) / 2))
        teacher = staff_number(Role.TEACHER, school * 10 + index // per_teacher)
        grade = GRADES[index % len(GRADES)]
        return Section(number, school, grade, teacher, staff_number(Role.ADVISOR, number))

    def sections(self) -> Iterator[Section]:
        return map(self.section, range(self.section_count))

    def staff(self) -> Iterator[Staff]:
        for role, index, school in self._posts():
            rng = Random(f"{self.seed}/{role.name}/{index}")  # noqa: S311
            given, family = self._full_name(rng)
            number = staff_number(role, index)
            yield Staff(number, role.at_org, school, given, family, f"T{number:07d}")

    def learners(self) -> Iterator[Learner]:
        rng = Random(f"{self.seed}/learners")  # noqa: S311
        sections = list(self.sections())
        for number in range(self.count):
            given, family = self._full_name(rng)
            guardian, status = rng.choice(GIVEN), rng.random()
            first_goal, age = rng.randrange(len(GOALS)), rng.randrange(28_800)
            section = sections[number // self.section_size]
            rank = section.number // self.school_count * self.section_size + number % self.section_size
            yield Learner(
                number=number,
                given_name=given,
                family_name=family,
                guardian_name=self.text(guardian) if number < WITH_GUARDIAN else None,
                school=section.school,
                section=section.number,
                grade=section.grade,
                teacher=section.teacher,
                advisor=section.advisor,
                counselor=staff_number(Role.COUNSELOR, section.school * 10 + rank // CASELOAD),
                case_manager=staff_number(Role.CASE_MANAGER, section.school) if number % 8 == 0 else None,
                status=_status(status) if number else "draft",
                goals=5 if section.teacher == staff_number(Role.TEACHER, 0) else 3,
                first_goal=first_goal if number else 0,
                age=age + 1,
            )

    def _sections_of(self, school: int) -> int:
        return math.ceil((self.section_count - school) / self.school_count)

    def _posts(self) -> Iterator[tuple[Role, int, int | None]]:
        """Every post of the district: role, index, school."""
        yield Role.DISTRICT_ADMIN, 0, None
        yield Role.MENTOR, 0, 0
        for school in range(self.school_count):
            yield Role.SCHOOL_ADMIN, school, school
            yield Role.CASE_MANAGER, school, school
            for counselor in range(math.ceil(self._sections_of(school) * self.section_size / CASELOAD)):
                yield Role.COUNSELOR, school * 10 + counselor, school
        teachers = {section.teacher: section.school for section in self.sections()}
        for teacher, school in teachers.items():
            yield Role.TEACHER, teacher % _STAFF_BLOCK, school
        for section in self.sections():
            yield Role.ADVISOR, section.number, section.school

    def _full_name(self, rng: Random) -> tuple[str, str]:
        return self.text(rng.choice(GIVEN)), self.text(rng.choice(FAMILY))


def worlds(seed: int, count: int, twin_count: int) -> tuple[World, World]:
    """The district and its twin, which is never larger than need be."""
    twin = World(seed, min(count, twin_count), "twin-oak", "Twin Oak County Schools", "Twin ")
    return World(seed, count), twin


def school_year(today: datetime.date) -> int:
    """The year in which the current school year ends; a new one begins in August."""
    return today.year + (today.month >= 8)


def _status(draw: float) -> str:
    if draw < 0.55:
        return "active"
    return "in_review" if draw < 0.65 else "draft"
