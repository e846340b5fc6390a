"""Who sees which learner follows from relations that hold today; list and single read never disagree."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Uuid, literal, null, select, update

from app.core.access import blanket_relations, has_any, may_read, relations_to, require, visible
from app.core.errors import Problem
from app.core.rules import DEFAULT, PERMISSION_WORDS, PLAN_BOUND, Level, Relation, Section, word
from app.identity.models import Tenant
from app.learners.models import Learner
from tests.core.callers import principal_of
from tests.factories import EARLIER, LATER, Identified, World
from tests.sharing_factories import delegation, grant, sharing_policy, team_member

pytestmark = pytest.mark.anyio

NO_PLAN = null().cast(Uuid())
"""The plan of a row that has none: enough where the caller's relations are to whole learners."""
TODAY = datetime.now(ZoneInfo("UTC")).date()
YESTERDAY, TOMORROW = TODAY - timedelta(days=1), TODAY + timedelta(days=1)
NOW = [(None, None), (EARLIER, LATER), (TODAY, TOMORROW), (None, TOMORROW), (YESTERDAY, None), (TODAY, None)]
NOT_NOW = [(TOMORROW, None), (None, TODAY), (EARLIER, YESTERDAY), (TOMORROW, LATER), (None, YESTERDAY)]


async def listed(world: World, who: Identified, section: Section = Section.PLAN) -> set[UUID]:
    """The learners on the caller's list."""
    principal = await principal_of(world, who)
    found = visible(
        principal.shape,
        section,
        tenant_id=Learner.tenant_id,
        learner_id=Learner.id,
        school_id=Learner.school_id,
        plan_id=NO_PLAN if section in PLAN_BOUND else None,
    )
    async with world.transaction() as session:
        return set(await session.scalars(select(Learner.id).where(found), principal.binds()))


async def readable(world: World, who: Identified, section: Section = Section.PLAN) -> set[UUID]:
    """The learners that the caller may read one by one."""
    principal = await principal_of(world, who)
    relations = relations_to(principal.shape, section, learner_id=Learner.id, school_id=Learner.school_id)
    async with world.transaction() as session:
        query = select(Learner.id).where(may_read(principal.shape, section, relations))
        return set(await session.scalars(query, principal.binds()))


async def relations(world: World, who: Identified, learner: Learner, *, named: bool | None = None) -> set[str]:
    """The caller's relations to a learner, on a row that names the caller or does not."""
    principal = await principal_of(world, who)
    is_named = None if named is None else literal(named)
    held = relations_to(
        principal.shape, Section.PLAN, learner_id=Learner.id, school_id=Learner.school_id, named=is_named
    )
    async with world.transaction() as session:
        found = await session.scalar(select(held).where(Learner.id == learner.id), principal.binds())
    return set(found or ())


@pytest.mark.parametrize(("from_on", "until_on"), NOW)
@pytest.mark.parametrize("kind", ["teacher", "student", "caseload", "guardian"])
async def test_a_relation_opens_the_learner_while_it_holds(
    world: World, kind: str, from_on: date | None, until_on: date | None
) -> None:
    learner, other = await world.learner(), await world.learner()
    person = await related(world, learner, kind, from_on, until_on)
    assert await listed(world, person) == await readable(world, person) == {learner.id}
    assert other.id not in await listed(world, person)


@pytest.mark.parametrize(("from_on", "until_on"), NOT_NOW)
@pytest.mark.parametrize("kind", ["teacher", "student", "caseload", "guardian"])
async def test_a_relation_that_is_over_or_yet_to_come_opens_nothing(
    world: World, kind: str, from_on: date | None, until_on: date | None
) -> None:
    person = await related(world, await world.learner(), kind, from_on, until_on)
    assert await listed(world, person) == await readable(world, person) == set()


async def related(world: World, learner: Learner, kind: str, from_on: date | None, until_on: date | None) -> Identified:
    person = await world.person("Rel", "Ative")
    if kind == "caseload":
        await world.caseload(person, learner, from_on=from_on, until_on=until_on)
    elif kind == "guardian":
        await world.guardian(person, learner, from_on=from_on, until_on=until_on)
    else:
        class_ = await world.class_()
        dates = {"from_on": from_on, "until_on": until_on}
        await world.enroll(class_, person, "teacher", **(dates if kind == "teacher" else {}))
        await world.enroll(class_, learner, "student", **(dates if kind == "student" else {}))
    return person


@pytest.mark.parametrize("kind", ["no_contact", "no_records"])
@pytest.mark.parametrize(("from_on", "until_on"), NOW)
async def test_a_restriction_overrides_the_guardianship_while_it_holds(
    world: World, kind: str, from_on: date | None, until_on: date | None
) -> None:
    learner, guardian = await world.learner(), await world.person()
    guardianship = await world.guardian(guardian, learner)
    await world.restrict(guardianship, kind, from_on=from_on, until_on=until_on)
    assert await listed(world, guardian) == await readable(world, guardian) == set()


@pytest.mark.parametrize(("from_on", "until_on"), NOT_NOW)
async def test_a_restriction_that_does_not_hold_today_restricts_nothing(
    world: World, from_on: date | None, until_on: date | None
) -> None:
    learner, guardian = await world.learner(), await world.person()
    await world.restrict(await world.guardian(guardian, learner), from_on=from_on, until_on=until_on)
    assert await listed(world, guardian) == await readable(world, guardian) == {learner.id}


@pytest.mark.parametrize("role", ["teacher", "counselor", "school_admin", "district_admin"])
async def test_a_restriction_overrides_every_role_of_the_contact(world: World, role: str) -> None:
    learner, sibling, person = await world.learner(), await world.learner(), await world.person()
    if role == "teacher":
        await world.class_(person, [learner])
    elif role == "counselor":
        await world.caseload(person, learner)
    else:
        await world.role(person, role)
    await world.class_(person, [sibling])
    guardianship = await world.guardian(person, learner, until_on=TODAY)
    assert await listed(world, person) == await readable(world, person) == {learner.id, sibling.id}
    await world.restrict(guardianship)
    for section in (Section.PLAN, Section.LEARNER):
        assert await listed(world, person, section) == await readable(world, person, section) == {sibling.id}
    assert await relations(world, person, learner, named=True) == set()


async def test_a_restriction_hides_nothing_that_is_about_no_learner(world: World) -> None:
    admin = await world.district_admin()
    await world.restrict(await world.guardian(admin, await world.learner()))
    principal = await principal_of(world, admin)
    no_learner = null().cast(Uuid())
    found = visible(
        principal.shape,
        Section.ACCOUNT,
        tenant_id=literal(world.tenant.id),
        learner_id=no_learner,
        school_id=no_learner,
    )
    async with world.transaction() as session:
        assert await session.scalar(select(found), principal.binds()) is True


async def test_who_is_not_restricted_pays_for_no_restriction(world: World) -> None:
    learner = await world.learner()
    for who in (await world.district_admin(), await world.school_admin(), await world.service("plans.read")):
        principal = await principal_of(world, who)
        columns = {"tenant_id": Learner.tenant_id, "learner_id": Learner.id, "school_id": Learner.school_id}
        assert "barred" not in str(visible(principal.shape, Section.LEARNER, **columns))
    assert (await principal_of(world, learner)).barred == ()


async def test_a_restriction_is_about_one_contact(world: World) -> None:
    learner, sibling = await world.learner(), await world.learner()
    restricted, other = await world.person(), await world.person()
    await world.restrict(await world.guardian(restricted, learner))
    await world.guardian(restricted, sibling)
    await world.guardian(other, learner)
    assert await listed(world, restricted) == {sibling.id}
    assert await listed(world, other) == {learner.id}


async def test_list_and_single_read_agree_for_every_kind_of_caller(world: World, another_world: World) -> None:
    north, south = await world.school("North"), await world.school("South")
    a, b, c = [await world.learner(school=school) for school in (north, north, south)]
    await another_world.learner()
    everybody = {a.id, b.id, c.id}
    mixed = await world.school_admin(at=south)
    await world.class_(mixed, [a])
    two_schools = await world.school_admin(at=north)
    await world.role(two_schools, "school_admin", at=south)
    former = await world.person()
    await world.role(former, "school_admin", at=north, until_on=TODAY)
    student_teacher = await world.person()
    class_ = await world.class_(student_teacher, [a])
    await world.enroll(class_, b, "student")
    proctor = await world.person()
    await world.enroll(class_, proctor, "proctor")
    callers: Sequence[tuple[Identified, set[UUID]]] = [
        (a, {a.id}),
        (await world.teacher_of(a, c), {a.id, c.id}),
        (await world.staff_of(b, "advisor"), {b.id}),
        (await world.staff_of(b, "counselor"), {b.id}),
        (await world.staff_of(b, "case_manager"), {b.id}),
        (await world.guardian_of(c), {c.id}),
        (await world.school_admin(at=north), {a.id, b.id}),
        (mixed, {a.id, c.id}),
        (two_schools, everybody),
        (former, set()),
        (student_teacher, {a.id, b.id}),
        (proctor, set()),
        (await world.district_admin(), everybody),
        (await world.person(role="teacher"), set()),
        (await world.person(role="mentor"), set()),
        (await world.person(), set()),
        (await world.service("plans.read"), everybody),
        (await world.service("plans.write"), everybody),
        (await world.service("events.read", "competencies.read"), set()),
    ]
    for who, expected in callers:
        for section in (Section.PLAN, Section.LEARNER):
            assert await listed(world, who, section) == expected, who
            assert await readable(world, who, section) == expected, who


async def test_who_administers_several_schools_sees_no_other(world: World) -> None:
    schools = [await world.school(name) for name in ("North", "South", "West")]
    a, b, _ = [await world.learner(school=school) for school in schools]
    admin = await world.school_admin(at=schools[0])
    await world.role(admin, "school_admin", at=schools[1])
    assert await listed(world, admin) == await readable(world, admin) == {a.id, b.id}


@pytest.mark.parametrize("kind", ["teacher", "caseload", "guardian", "team_member", "grantee", "substitute"])
async def test_an_administrator_has_her_own_relations_elsewhere(world: World, kind: str) -> None:
    """The only one in the tenant that has a fact of the kind."""
    learner, stranger = await world.learner(), await world.learner()
    admin = await world.school_admin(at=await world.school("Elsewhere"))
    plan = await world.plan(learner)
    if kind == "teacher":
        await world.class_(admin, [learner])
    elif kind == "caseload":
        await world.caseload(admin, learner)
    elif kind == "guardian":
        await world.guardian(admin, learner)
    elif kind == "team_member":
        await team_member(world, plan, admin)
    elif kind == "grantee":
        await grant(world, plan, admin)
    else:
        await delegation(world, await world.staff_of(learner), admin)
    assert await listed(world, admin, Section.LEARNER) == await readable(world, admin, Section.LEARNER) == {learner.id}
    assert stranger.id not in await listed(world, admin)


@pytest.mark.parametrize("relation", ["school_admin", "district_admin", "teacher", "counselor", "service_reader"])
@pytest.mark.parametrize("section", [Section.PLAN, Section.PROFILE])
async def test_what_a_tenant_takes_from_a_relation_is_gone_from_lists_and_single_reads(
    world: World, relation: str, section: Section
) -> None:
    learner = await world.learner()
    callers: dict[str, Identified] = {
        "school_admin": await world.school_admin(),
        "district_admin": await world.district_admin(),
        "teacher": await world.teacher_of(learner),
        "counselor": await world.staff_of(learner, "counselor"),
        "service_reader": await world.service("plans.read"),
    }
    await sharing_policy(world, {section: {relation: "none"}})
    for name, who in callers.items():
        assert await listed(world, who, Section.LEARNER) == await readable(world, who, Section.LEARNER) == {learner.id}
        left = set() if name == relation else {learner.id}
        assert await listed(world, who, section) == await readable(world, who, section) == left, name


async def test_a_relation_in_another_tenant_opens_nothing(world: World, another_world: World) -> None:
    learner = await another_world.learner()
    await another_world.teacher_of(learner)
    for who in (await world.district_admin(), await world.school_admin(), await world.service("plans.write")):
        assert await listed(world, who) == await readable(world, who) == set()


async def test_today_is_today_where_the_tenant_is(world: World) -> None:
    learner, counselor = await world.learner(), await world.person()
    zone = ZoneInfo("Pacific/Kiritimati")  # 14 hours ahead of UTC
    there = datetime.now(zone).date()
    await world.caseload(counselor, learner, from_on=there, until_on=there + timedelta(days=1))
    async with world.transaction() as session:
        await session.execute(update(Tenant).values(timezone=zone.key))
    assert await listed(world, counselor) == {learner.id}
    async with world.transaction() as session:
        await session.execute(update(Tenant).values(timezone="Etc/GMT+12"))
    assert await listed(world, counselor) == set()


async def test_relations_are_named(world: World) -> None:
    learner = await world.learner()
    person = await world.school_admin()
    await world.class_(person, [learner])
    await world.caseload(person, learner, "advisor")
    assert await relations(world, person, learner) == {"school_admin", "teacher", "advisor"}
    assert await relations(world, person, learner, named=False) == {"school_admin", "teacher", "advisor"}
    assert await relations(world, person, learner, named=True) > {"named_teacher"}
    assert await relations(world, learner, learner) == {"learner"}
    assert await relations(world, await world.district_admin(), learner) == {"district_admin"}
    assert await relations(world, await world.service("plans.write"), learner) == {"service_reader", "service_writer"}


# The rules


ALL = [(section, relation) for section in Section for relation in Relation]


@pytest.mark.parametrize(("section", "relation"), ALL)
def test_hidden_is_not_found_and_visible_but_not_allowed_is_forbidden(section: Section, relation: Relation) -> None:
    reached = DEFAULT.level(section, relation)
    words = [relation.value, word(relation, section, Level.WRITE)]
    for level in (Level.READ, Level.COMMENT, Level.PROPOSE, Level.WRITE):
        if reached >= level:
            require(DEFAULT, words, section, level)
            continue
        with pytest.raises(Problem) as caught:
            require(DEFAULT, words, section, level)
        assert caught.value.status == (403 if reached else 404)
        if reached:
            assert caught.value.extra == {"permission": f"{PERMISSION_WORDS[section]}:{level.name.lower()}"}


@pytest.mark.parametrize("nothing", [None, [], ()])
def test_without_a_relation_nothing_is_found(nothing: Sequence[str] | None) -> None:
    with pytest.raises(Problem) as caught:
        require(DEFAULT, nothing, Section.PLAN, Level.READ)
    assert caught.value.status == 404


def test_the_widest_relation_counts() -> None:
    require(DEFAULT, ["teacher", "counselor", "guardian"], Section.PLAN, Level.WRITE)


def test_the_defaults_are_those_of_the_domain() -> None:
    """The row "plan, goals, actions, progress" of "who sees what"."""
    named = tuple(relation for relation in Relation if relation is not Relation.GRANTEE)
    writers = set(DEFAULT.words(Section.PLAN, Level.WRITE, named))
    assert writers == {
        "learner", "named_teacher", "advisor", "counselor", "case_manager", "service_writer",
    }  # fmt: skip
    assert set(DEFAULT.words(Section.PLAN, Level.PROPOSE, named)) - writers == {"guardian"}
    assert {"teacher", "school_admin", "district_admin"} <= set(DEFAULT.words(Section.PLAN, Level.READ))


@pytest.mark.parametrize("role", ["student", "teacher", "counselor", "case_manager", "guardian", "mentor"])
def test_only_a_district_administrator_has_every_learner_by_role(role: str) -> None:
    assert blanket_relations([role, "school_admin"], []) == ()
    assert blanket_relations([role, "district_admin"], []) == ("district_admin",)


def test_an_unknown_scope_gives_nothing() -> None:
    assert blanket_relations([], ["plans", "plans.readwrite", "supports.write", ""]) == ()


def test_the_words_in_a_predicate_are_ours() -> None:
    compiled = str(has_any(Learner.id, [Relation.TEACHER.value]))
    assert "'{teacher}'::text[]" in compiled
