"""A tenant's rules: the defaults, lowered within limits; and the words by which facts reach sections."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.rules import (
    AUTHORED,
    BY_LAW,
    BY_SECTION,
    DEFAULT,
    FIXED,
    PERMISSION_WORDS,
    PLAN_BOUND,
    RULES,
    WORDS,
    Level,
    Policy,
    Relation,
    Section,
    floor,
    plain,
    word,
)
from tests.access import oracle

LEVELS = [level.name.lower() for level in Level]
settings = st.dictionaries(
    st.sampled_from([section.value for section in Section]),
    st.dictionaries(st.sampled_from([relation.value for relation in Relation]), st.sampled_from(LEVELS)),
)
cells = [(section, relation) for section in Section for relation in Relation]


def test_the_default_rules_are_those_of_the_domain() -> None:
    """The oracle says the domain's table a second time, but for what it has no question about."""
    staff = ("advisor", "counselor", "case_manager", "school_admin", "district_admin")
    said = {cell: Level(level) for cell, level in oracle.RULES.items()}
    said |= {(section, "implementer"): Level.READ for section in ("learner", "related_plans", "accommodations")}
    said |= {(section, "participant"): Level.READ for section in ("learner", "conference_notes")}
    said |= {("restrictions", relation): Level.READ for relation in (*staff, "access_manager")}
    said |= {("account", "school_admin"): Level.READ, ("account", "district_admin"): Level.WRITE}
    for section, relation in cells:
        assert DEFAULT.level(section, relation) == said.get((section, relation), Level.NONE), (section, relation)


def test_kinds_of_sections_and_relations_are_those_of_the_domain() -> None:
    assert oracle.OF_ONE_PLAN == PLAN_BOUND
    assert {"staff_notes"} == AUTHORED
    assert {"grantee", "break_glass"} == BY_SECTION
    assert {"learner", "account"} == FIXED
    assert {"learner", "guardian"} == BY_LAW


def test_permissions_call_sections_by_a_word_of_their_own() -> None:
    own = {"learner": "roster", "plan": "plans", "account": "accounts"}
    assert {section: own.get(section, section.replace("_", "-")) for section in Section} == PERMISSION_WORDS


def test_there_are_no_words_that_no_fact_can_have() -> None:
    """A relation that names its sections has no word without one, and none for the level `none`."""
    assert not {"grantee", "break_glass"} & set(WORDS)
    assert not [each for each in WORDS if each.endswith(":none")]


def test_without_settings_the_defaults_hold() -> None:
    assert Policy.of(None) is Policy.of({}) is DEFAULT
    for section, relation in cells:
        assert DEFAULT.level(section, relation) == RULES[section].get(relation, Level.NONE)


@given(settings)
def test_a_tenant_lowers_and_never_raises(rules: dict[str, dict[str, str]]) -> None:
    policy = Policy.of(rules)
    for section, relation in cells:
        default, least = DEFAULT.level(section, relation), floor(section, relation)
        wanted = rules.get(section, {}).get(relation)
        level = policy.level(section, relation)
        assert least <= level <= default
        if wanted is None or section in FIXED:
            assert level == default
        elif least <= Level[wanted.upper()] <= default:
            assert level == Level[wanted.upper()]


@given(settings)
def test_who_may_inspect_the_record_by_law_keeps_what_the_defaults_let_her_read(
    rules: dict[str, dict[str, str]],
) -> None:
    policy = Policy.of(rules)
    for section in Section:
        for relation in BY_LAW:
            assert policy.reaches(section, relation, Level.READ) == DEFAULT.reaches(section, relation, Level.READ)


@pytest.mark.parametrize("section", sorted(FIXED))
def test_what_is_fixed_has_its_default_for_a_floor(section: Section) -> None:
    assert all(floor(section, relation) == level for relation, level in RULES[section].items())


def test_others_may_be_left_nothing() -> None:
    assert floor(Section.PLAN, Relation.COUNSELOR) == floor(Section.PLAN, Relation.GRANTEE) == Level.NONE
    assert floor(Section.PLAN, Relation.LEARNER) == Level.READ
    assert floor(Section.PRIVATE_REFLECTIONS, Relation.GUARDIAN) == Level.NONE


@pytest.mark.parametrize(
    "rules",
    [
        {"shoe_size": {"teacher": "none"}},
        {"plan": {"uncle": "none"}},
        {"plan": {"teacher": "some"}},
        {"plan": {"teacher": ""}},
    ],
)
def test_what_is_not_known_any_more_is_ignored(rules: dict[str, dict[str, str]]) -> None:
    policy = Policy.of(rules | {"profile": {"teacher": "none"}})
    assert policy == Policy.of({"profile": {"teacher": "none"}})
    assert policy.level(Section.PLAN, Relation.TEACHER) == Level.COMMENT


def test_the_same_settings_are_the_same_policy() -> None:
    one = {"plan": {"teacher": "none", "advisor": "read"}, "profile": {"teacher": "none"}}
    other = {"profile": {"teacher": "none"}, "plan": {"advisor": "read", "teacher": "none"}}
    assert Policy.of(one) == Policy.of(other)
    assert hash(Policy.of(one)) == hash(Policy.of(other))


@given(settings, st.sampled_from(list(Section)), st.sampled_from([level for level in Level if level]))
def test_a_relations_word_is_among_those_that_reach_as_far_as_the_relation(
    rules: dict[str, dict[str, str]], section: Section, level: Level
) -> None:
    policy = Policy.of(rules)
    found = policy.words(section, level)
    for relation in Relation:
        if relation not in BY_SECTION:
            assert (relation.value in found) == policy.reaches(section, relation, level)


@given(settings, st.sampled_from(list(Section)), st.sampled_from([level for level in Level if level]))
def test_what_names_its_own_section_and_level_reaches_both_and_no_further_than_the_rules(
    rules: dict[str, dict[str, str]], section: Section, level: Level
) -> None:
    policy = Policy.of(rules)
    for relation in BY_SECTION:
        for elsewhere in Section:
            for given_level in Level:
                mine = word(relation, elsewhere, given_level)
                reaches = elsewhere is section and min(given_level, policy.level(section, relation)) >= level
                assert (mine in policy.words(section, level)) == reaches


@given(settings, st.lists(st.sampled_from(WORDS)), st.sampled_from(list(Section)))
def test_the_furthest_word_counts(rules: dict[str, dict[str, str]], held: list[str], section: Section) -> None:
    policy = Policy.of(rules)
    each = [policy.reach(one).get(section, Level.NONE) for one in held]
    assert policy.reached(held, section) == max(each, default=Level.NONE)


def test_a_words_reach_names_the_sections_it_opens_and_no_other() -> None:
    assert DEFAULT.reach("named_teacher") == {Section.LEARNER: Level.READ, Section.PLAN: Level.WRITE}
    assert DEFAULT.reach("grantee:profile:write") == {Section.PROFILE: Level.PROPOSE}
    assert DEFAULT.reach("grantee:staff_notes:write") == DEFAULT.reach("uncle") == {}
    assert Policy.of({"plan": {"named_teacher": "none"}}).reach("named_teacher") == {Section.LEARNER: Level.READ}


def test_every_word_is_of_its_relation() -> None:
    assert {plain(each) for each in WORDS} == set(Relation)
    assert plain("grantee:plan:comment") is Relation.GRANTEE
    assert len(set(WORDS)) == len(WORDS)
