"""Who may do what, as data: sections of a learner's record, relations to the learner, and how far each reaches.

Source of the default rules: the table "who sees what" of the domain. A tenant may lower a cell of the table, never
raise one, and never below what the law gives a guardian or a learner of age (20 U.S.C. § 1232g: to inspect the record).
"""

import functools
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Level(IntEnum):
    """How far a relation reaches into a section; each includes the ones before it."""

    NONE = 0
    READ = 1
    COMMENT = 2
    PROPOSE = 3
    WRITE = 4


class Section(StrEnum):
    """Parts of a learner's record that are shared separately. Every learner-owned row and every event names one."""

    LEARNER = "learner"
    """Name, school and grade: what everybody with any relation sees."""
    PLAN = "plan"
    """Plan, goals, actions, progress, and comments on them."""
    PROFILE = "profile"
    """Strengths, interests, aspirations."""
    EVIDENCE = "evidence"
    MASTERY = "mastery"
    """Official ratings."""
    REFLECTIONS = "reflections"
    """Those that the learner shares."""
    PRIVATE_REFLECTIONS = "private_reflections"
    CONFERENCE_NOTES = "conference_notes"
    STAFF_NOTES = "staff_notes"
    """Working notes of staff, each for its author."""
    RELATED_PLANS = "related_plans"
    """That there is an IEP, a 504 plan, …"""
    ACCOMMODATIONS = "accommodations"
    ACCESS = "access"
    """Who may see the record, and who has looked."""
    RESTRICTIONS = "restrictions"
    """What a court or the school keeps a contact from: for staff, never for the family or the contact."""
    ACCOUNT = "account"
    """Accounts and sessions."""


class Relation(StrEnum):
    LEARNER = "learner"
    GUARDIAN = "guardian"
    TEACHER = "teacher"
    NAMED_TEACHER = "named_teacher"
    ADVISOR = "advisor"
    COUNSELOR = "counselor"
    CASE_MANAGER = "case_manager"
    SCHOOL_ADMIN = "school_admin"
    DISTRICT_ADMIN = "district_admin"
    TEAM_MEMBER = "team_member"
    PARTICIPANT = "participant"
    """Took part in the conference that the notes are of."""
    IMPLEMENTER = "implementer"
    """Carries out the accommodations in class."""
    GRANTEE = "grantee"
    """Somebody with a grant. It names its sections and level; the rules are the ceiling of all grants."""
    BREAK_GLASS = "break_glass"
    """An administrator who opened a hidden section for a while, with a reason."""
    ROSTER_READER = "roster_reader"
    SERVICE_READER = "service_reader"
    SERVICE_WRITER = "service_writer"
    SUPPORTS_READER = "supports_reader"
    ACCESS_MANAGER = "access_manager"


READ, COMMENT, PROPOSE, WRITE = Level.READ, Level.COMMENT, Level.PROPOSE, Level.WRITE

BY_SECTION = frozenset({Relation.GRANTEE, Relation.BREAK_GLASS})
"""Relations whose facts name sections and level themselves: `grantee:plan:comment`."""

PLAN_BOUND = frozenset(
    {Section.PLAN, Section.REFLECTIONS, Section.PRIVATE_REFLECTIONS, Section.CONFERENCE_NOTES},
)
"""Sections whose rows belong to one plan; a fact of another plan does not reach them."""

AUTHORED = frozenset({Section.STAFF_NOTES})
"""Sections of which each author reads only what is her own."""

SUPPORTS: dict[Relation, Level] = {
    Relation.LEARNER: READ,
    Relation.GUARDIAN: READ,
    Relation.ADVISOR: READ,
    Relation.COUNSELOR: READ,
    Relation.CASE_MANAGER: WRITE,
    Relation.SCHOOL_ADMIN: READ,
    Relation.DISTRICT_ADMIN: READ,
    Relation.IMPLEMENTER: READ,
    Relation.BREAK_GLASS: READ,
    Relation.SUPPORTS_READER: READ,
}

RULES: dict[Section, dict[Relation, Level]] = {
    Section.LEARNER: dict.fromkeys(
        (relation for relation in Relation if relation is not Relation.BREAK_GLASS),
        READ,
    ),
    Section.PLAN: {
        Relation.LEARNER: WRITE,
        Relation.GUARDIAN: PROPOSE,
        Relation.TEACHER: COMMENT,
        Relation.NAMED_TEACHER: WRITE,
        Relation.ADVISOR: WRITE,
        Relation.COUNSELOR: WRITE,
        Relation.CASE_MANAGER: WRITE,
        Relation.SCHOOL_ADMIN: READ,
        Relation.DISTRICT_ADMIN: READ,
        Relation.TEAM_MEMBER: COMMENT,
        Relation.GRANTEE: WRITE,
        Relation.BREAK_GLASS: READ,
        Relation.SERVICE_READER: READ,
        Relation.SERVICE_WRITER: WRITE,
    },
    Section.PROFILE: {
        Relation.LEARNER: WRITE,
        Relation.GUARDIAN: PROPOSE,
        Relation.TEACHER: READ,
        Relation.ADVISOR: WRITE,
        Relation.COUNSELOR: WRITE,
        Relation.CASE_MANAGER: READ,
        Relation.SCHOOL_ADMIN: READ,
        Relation.DISTRICT_ADMIN: READ,
        Relation.TEAM_MEMBER: READ,
        Relation.GRANTEE: PROPOSE,
        Relation.BREAK_GLASS: READ,
        Relation.SERVICE_READER: READ,
        Relation.SERVICE_WRITER: WRITE,
    },
    Section.EVIDENCE: {
        Relation.LEARNER: WRITE,
        Relation.GUARDIAN: READ,
        Relation.TEACHER: READ,
        Relation.ADVISOR: WRITE,
        Relation.COUNSELOR: WRITE,
        Relation.CASE_MANAGER: READ,
        Relation.SCHOOL_ADMIN: READ,
        Relation.DISTRICT_ADMIN: READ,
        Relation.GRANTEE: READ,
        Relation.BREAK_GLASS: READ,
        Relation.SERVICE_READER: READ,
        Relation.SERVICE_WRITER: WRITE,
    },
    Section.MASTERY: {
        Relation.LEARNER: READ,
        Relation.GUARDIAN: READ,
        Relation.TEACHER: WRITE,
        Relation.ADVISOR: READ,
        Relation.COUNSELOR: READ,
        Relation.CASE_MANAGER: READ,
        Relation.SCHOOL_ADMIN: READ,
        Relation.DISTRICT_ADMIN: READ,
        Relation.GRANTEE: READ,
        Relation.BREAK_GLASS: READ,
        Relation.SERVICE_READER: READ,
        Relation.SERVICE_WRITER: WRITE,
    },
    Section.REFLECTIONS: {
        Relation.LEARNER: WRITE,
        Relation.GUARDIAN: READ,
        Relation.TEACHER: READ,
        Relation.ADVISOR: READ,
        Relation.COUNSELOR: READ,
        Relation.CASE_MANAGER: READ,
        Relation.SCHOOL_ADMIN: READ,
        Relation.DISTRICT_ADMIN: READ,
        Relation.GRANTEE: READ,
        Relation.BREAK_GLASS: READ,
        Relation.SERVICE_READER: READ,
    },
    Section.PRIVATE_REFLECTIONS: {
        Relation.LEARNER: WRITE,
        Relation.BREAK_GLASS: READ,
    },
    Section.CONFERENCE_NOTES: {
        Relation.LEARNER: READ,
        Relation.GUARDIAN: READ,
        Relation.PARTICIPANT: READ,
        Relation.ADVISOR: WRITE,
        Relation.COUNSELOR: WRITE,
        Relation.CASE_MANAGER: WRITE,
        Relation.SCHOOL_ADMIN: READ,
        Relation.DISTRICT_ADMIN: READ,
        Relation.GRANTEE: READ,
        Relation.BREAK_GLASS: READ,
    },
    Section.STAFF_NOTES: {
        Relation.TEACHER: WRITE,
        Relation.ADVISOR: WRITE,
        Relation.COUNSELOR: WRITE,
        Relation.CASE_MANAGER: WRITE,
        Relation.BREAK_GLASS: READ,
    },
    Section.RELATED_PLANS: SUPPORTS,
    Section.ACCOMMODATIONS: SUPPORTS,
    Section.ACCESS: {
        Relation.LEARNER: READ,
        Relation.GUARDIAN: READ,
        Relation.ADVISOR: READ,
        Relation.COUNSELOR: READ,
        Relation.CASE_MANAGER: READ,
        Relation.SCHOOL_ADMIN: READ,
        Relation.DISTRICT_ADMIN: READ,
        Relation.ACCESS_MANAGER: READ,
    },
    Section.RESTRICTIONS: {
        Relation.ADVISOR: READ,
        Relation.COUNSELOR: READ,
        Relation.CASE_MANAGER: READ,
        Relation.SCHOOL_ADMIN: READ,
        Relation.DISTRICT_ADMIN: READ,
        Relation.ACCESS_MANAGER: READ,
    },
    Section.ACCOUNT: {
        Relation.SCHOOL_ADMIN: READ,
        Relation.DISTRICT_ADMIN: WRITE,
    },
}

FIXED = frozenset({Section.LEARNER, Section.ACCOUNT})
"""Sections that a tenant's settings leave alone."""
BY_LAW = frozenset({Relation.LEARNER, Relation.GUARDIAN})
"""Relations that keep reading whatever the default rules let them read."""

PERMISSION_WORDS = {section: section.value.replace("_", "-") for section in Section} | {
    Section.LEARNER: "roster",
    Section.PLAN: "plans",
    Section.ACCOUNT: "accounts",
}
"""How permissions call the sections, as in `plans:write`."""


def floor(section: Section, relation: Relation) -> Level:
    """The least that a tenant must leave to the relation."""
    default = RULES[section].get(relation, Level.NONE)
    if section in FIXED:
        return default
    return min(default, READ) if relation in BY_LAW else Level.NONE


@dataclass(frozen=True)
class Policy:
    """The default rules, as one tenant has tightened them."""

    tightened: frozenset[tuple[Section, Relation, Level]] = frozenset()

    @classmethod
    def of(cls, rules: Mapping[str, Mapping[str, str]] | None) -> "Policy":
        """From the tenant's settings, `{"plan": {"teacher": "read"}}`. What is not known any more is left out."""
        if not rules:
            return DEFAULT
        return cls(
            frozenset(
                (Section(section), Relation(relation), Level[level.upper()])
                for section, cells in rules.items()
                if section in _SECTIONS
                for relation, level in cells.items()
                if relation in _RELATIONS and level.upper() in Level.__members__
            )
        )

    def level(self, section: Section, relation: Relation) -> Level:
        """How far the relation reaches: never beyond the default, never short of the law."""
        default = RULES[section].get(relation, Level.NONE)
        lowered = next((level for s, r, level in self.tightened if (s, r) == (section, relation)), default)
        return max(floor(section, relation), min(default, lowered))

    def reaches(self, section: Section, relation: Relation, level: Level) -> bool:
        return self.level(section, relation) >= level

    def words(self, section: Section, level: Level, among: Iterable[Relation] = tuple(Relation)) -> tuple[str, ...]:
        """The relation words, as facts have them, that reach at least `level` in `section`."""
        return _words(self, section, level, tuple(among))

    def reached(self, words: Collection[str], section: Section) -> Level:
        """How far somebody with these relation words reaches."""
        levels = (level for level in sorted(Level, reverse=True) if level)
        return next((level for level in levels if not _none(self.words(section, level), words)), Level.NONE)

    def reach(self, word: str) -> dict[Section, Level]:
        """The sections that a fact with this word opens, and how far."""
        found = {section: self.reached((word,), section) for section in Section}
        return {section: level for section, level in found.items() if level}


DEFAULT = Policy()
_SECTIONS = frozenset(Section)
_RELATIONS = frozenset(Relation)


def _none(wanted: Collection[str], words: Collection[str]) -> bool:
    return not any(word in wanted for word in words)


@functools.lru_cache(maxsize=4096)
def _words(policy: Policy, section: Section, level: Level, among: tuple[Relation, ...]) -> tuple[str, ...]:
    found: list[str] = []
    for relation in among:
        if policy.level(section, relation) < level:
            continue
        if relation not in BY_SECTION:
            found.append(relation.value)
        else:
            found += [word(relation, section, given) for given in Level if given >= level]
    return tuple(found)


def word(relation: Relation, section: Section, level: Level) -> str:
    """The word of a fact that names its section and level itself."""
    return f"{relation.value}:{section.value}:{level.name.lower()}"


WORDS = (
    *(relation.value for relation in Relation if relation not in BY_SECTION),
    *(
        word(relation, section, level)
        for relation in sorted(BY_SECTION)
        for section in Section
        for level in Level
        if level
    ),
)
"""Every word that a fact may have."""


def plain(word: str) -> Relation:
    """The relation that a word is of."""
    return Relation(word.partition(":")[0])
