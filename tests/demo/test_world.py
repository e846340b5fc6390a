"""The people of the demo district, before any database."""

import re
from collections import Counter
from datetime import date

import pytest

from app.demo.goals import GOALS
from app.demo.ids import Ids, Kind
from app.demo.names import FAMILY, GIVEN, PASSWORD_WORDS, SCHOOL_PLACES
from app.demo.world import (
    CASELOAD,
    MINIMUM_LEARNERS,
    SECTION,
    Role,
    World,
    school_year,
    staff_number,
    worlds,
)

SIZES = [MINIMUM_LEARNERS, 7, 31, 150, 151, 1234, 20_000]
TEACHER = staff_number(Role.TEACHER, 0)


def taught_by(world: World, teacher: int) -> list[int]:
    return [learner.number for learner in world.learners() if learner.teacher == teacher]


def test_the_same_seed_draws_the_same_district() -> None:
    first, second = World(7, 150), World(7, 150)
    assert list(first.learners()) == list(second.learners())
    assert list(first.staff()) == list(second.staff())
    assert list(first.schools()) == list(second.schools())
    assert first.ids == second.ids


def test_another_seed_draws_other_people_with_other_ids() -> None:
    first, second = World(7, 150), World(8, 150)
    assert [learner.given_name for learner in first.learners()] != [learner.given_name for learner in second.learners()]
    assert first.ids(Kind.LEARNER, 0) != second.ids(Kind.LEARNER, 0)


def test_a_small_district_begins_as_a_large_one() -> None:
    small = [(learner.given_name, learner.family_name, learner.status) for learner in World(1, 150).learners()]
    large = [(learner.given_name, learner.family_name, learner.status) for learner in World(1, 5000).learners()]
    assert small == large[:150]


def test_ids_are_version_7_and_differ_between_kinds_numbers_and_tenants() -> None:
    tenants = [Ids.of(1, "oak"), Ids.of(1, "twin-oak"), Ids.of(2, "oak")]
    made = [ids(kind, number) for ids in tenants for kind in Kind for number in range(20)]
    assert {(made_id.version, made_id.variant) for made_id in made} == {(7, "specified in RFC 4122")}
    assert len(set(made)) == len(made)


def test_ids_of_one_kind_ascend() -> None:
    made = [Ids.of(1, "oak")(Kind.GOAL, number) for number in range(1000)]
    assert made == sorted(made)


@pytest.mark.parametrize("count", SIZES)
def test_everybody_who_is_named_has_a_post(count: int) -> None:
    world = World(1, count)
    staff = {member.number: member for member in world.staff()}
    schools = {school.number for school in world.schools()}
    learners = list(world.learners())
    assert len(learners) == count
    for learner in learners:
        assert learner.school in schools
        colleagues = {learner.teacher, learner.advisor, learner.counselor}
        assert all(staff[number].school == learner.school for number in colleagues)


@pytest.mark.parametrize("count", SIZES)
def test_the_other_teacher_is_of_the_same_school_and_has_other_learners(count: int) -> None:
    world = World(1, count)
    learners = list(world.learners())
    school_of = {learner.teacher: learner.school for learner in learners}
    assert learners[0].teacher == TEACHER
    assert world.other_teacher != TEACHER
    assert school_of[world.other_teacher] == learners[0].school


@pytest.mark.parametrize("count", SIZES)
def test_the_other_learner_is_of_another_school(count: int) -> None:
    world = World(1, count)
    learners = list(world.learners())
    assert learners[world.other_learner].school != learners[0].school


@pytest.mark.parametrize("count", [1000, 20_000])
def test_a_teacher_has_150_learners_in_a_large_district(count: int) -> None:
    assert len(taught_by(World(1, count), TEACHER)) == 150


def test_classes_and_caseloads_keep_to_real_sizes() -> None:
    learners = list(World(1, 20_000).learners())
    assert max(Counter(learner.section for learner in learners).values()) == SECTION
    assert max(Counter(learner.counselor for learner in learners).values()) <= CASELOAD


def test_the_learners_of_the_demo_teacher_have_five_goals() -> None:
    for learner in World(1, 1000).learners():
        assert learner.goals == (5 if learner.teacher == TEACHER else 3)


def test_the_first_learner_has_a_draft_and_all_states_of_work_occur() -> None:
    statuses = [learner.status for learner in World(1, 150).learners()]
    assert statuses[0] == "draft"
    assert set(statuses) == {"draft", "in_review", "active"}


def test_every_text_of_the_twin_carries_its_marker() -> None:
    _, twin = worlds(1, 150, 150)
    texts = [school.name for school in twin.schools()]
    texts += [text for learner in twin.learners() for text in (learner.given_name, learner.family_name)]
    texts += [learner.guardian_name for learner in twin.learners() if learner.guardian_name]
    texts += [text for member in twin.staff() for text in (member.given_name, member.family_name)]
    assert all(text.startswith("Twin ") for text in (twin.name, *texts))


def test_the_twin_is_never_larger_than_need_be() -> None:
    assert [world.count for world in worlds(1, 20_000, 150)] == [20_000, 150]
    assert [world.count for world in worlds(1, 60, 150)] == [60, 60]


@pytest.mark.parametrize(
    ("today", "year"), [(date(2026, 7, 31), 2026), (date(2026, 8, 1), 2027), (date(2027, 1, 1), 2027)]
)
def test_a_school_year_is_named_by_the_year_it_ends_in(today: date, year: int) -> None:
    assert school_year(today) == year


def test_every_goal_has_four_actions_and_two_milestones() -> None:
    for goal in GOALS:
        assert (len(goal.actions), len(goal.milestones)) == (4, 2)
        assert goal.baseline is None or goal.baseline != goal.target


def test_names_are_varied() -> None:
    for names in (GIVEN, FAMILY, SCHOOL_PLACES, PASSWORD_WORDS):
        assert len(set(names)) == len(names)
    assert any("'" in name for name in FAMILY)
    assert any(not name.isascii() for name in GIVEN)
    assert all(re.fullmatch("[a-z]+", word) for word in PASSWORD_WORDS)
