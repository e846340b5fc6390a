"""The principals of the matrix as plain data: what each has of the pupil's record, by ties as the oracle has them."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace

from tests.access.oracle import COMMENT, NONE, PROPOSE, READ, RULES, SCOPES, WRITE, Tie

PUPIL = "pupil"
EVERY_SCOPE = (
    "roster.read", "roster.write", "plans.read", "plans.write", "competencies.read", "competencies.write",
    "events.read", "access.manage", "supports.read",
)  # fmt: skip


@dataclass(frozen=True)
class Principal:
    """What somebody has in the scene."""

    ties: tuple[Tie, ...] = ()
    hidden: frozenset[str] = frozenset()
    """Sections that a restriction keeps from her."""
    own: frozenset[str] = frozenset()
    """What she made, or what names her."""
    scopes: frozenset[str] | None = None
    """Of a service."""
    office: str = ""
    """Her role, where it counts without a record: at the pupil's school, or elsewhere."""
    is_signed_in: bool = True
    is_known: bool = True
    """Of this tenant."""
    state: str = "of_school_age"
    """Of the pupil: which of the two scenes."""
    besides: dict[str, int] = field(default_factory=dict)
    """What follows from no rule."""

    def reach(self, section: str, place: tuple[str | None, str | None] = (None, None)) -> int:
        """How far into a section, of one plan or goal if one is named."""
        if section in self.hidden:
            return NONE
        fitting = [tie for tie in self.ties if tie.reaches(section, *place)]
        return max((min(tie.level, RULES[section, tie.relation]) for tie in fitting), default=NONE)

    def reaches_by(
        self, relations: Collection[str], section: str, place: tuple[str | None, str | None] = (None, None)
    ) -> int:
        """How far by one of these relations."""
        return replace(self, ties=tuple(tie for tie in self.ties if tie.relation in relations)).reach(section, place)


def _is(*relations: str, plan: str | None = None, goal: str | None = None) -> tuple[Tie, ...]:
    return tuple(Tie(relation, PUPIL, plan, goal) for relation in relations)


def _granted(level: int, *sections: str, goal: str | None = None) -> tuple[Tie, ...]:
    known = Tie("grantee", PUPIL, "plan", None, "learner", level)
    return known, *(Tie("grantee", PUPIL, "plan", goal, section, level) for section in sections)


def _opened(*sections: str) -> tuple[Tie, ...]:
    return tuple(Tie("break_glass", PUPIL, section=section, level=READ) for section in sections)


def _service(scope: str) -> Principal:
    relations = (SCOPES | {"roster.write": ["roster_reader"]}).get(scope, [])
    office = "access_manager" if scope == "access.manage" else ""
    return Principal(_is(*relations), scopes=frozenset({scope}), office=office)


NAMED = (*_is("teacher"), *_is("named_teacher", goal="goal"), *_is("named_teacher", goal="agreed_goal"))
NOBODY = Principal()
SCHOOL_ADMIN = Principal(_is("school_admin"), office="school_admin")
DISTRICT_ADMIN = Principal(_is("district_admin"), office="district_admin")
NO_TOKEN = Principal(is_signed_in=False)

PRINCIPALS: dict[str, Principal] = {
    # Every role
    "pupil": Principal(
        _is("learner"),
        own=frozenset({"submission", "goal"}),
        besides={"create_grant": 404, "end_session": 204},  # a pupil shares with those close to her
    ),
    "strange_pupil": NOBODY,
    "teacher": Principal(
        _is("teacher"), besides={"get_delegation": 200, "change_delegation": 403, "delete_delegation": 403}
    ),
    "named_teacher": Principal(NAMED),
    "strange_teacher": NOBODY,
    "advisor": Principal(_is("advisor")),
    "counselor": Principal(_is("counselor"), own=frozenset({"comment", "statement", "note"})),
    "second_counselor": Principal(_is("counselor")),
    "strange_counselor": NOBODY,
    "case_manager": Principal(_is("case_manager")),
    "guardian": Principal(_is("guardian")),
    "strange_guardian": NOBODY,
    "mentor": NOBODY,
    "school_admin": SCHOOL_ADMIN,
    "strange_admin": Principal(office="elsewhere"),
    "admin": DISTRICT_ADMIN,
    "twin_admin": Principal(office="district_admin", is_known=False),
    # Facts of the narrower kind
    "team_member": Principal(_is("team_member", plan="plan")),
    "grantee": Principal(_granted(READ, "plan"), own=frozenset({"grant"})),
    "proposing_grantee": Principal(_granted(PROPOSE, "plan", "profile")),
    "writing_grantee": Principal(_granted(WRITE, "plan")),
    "reflections_grantee": Principal(_granted(READ, "reflections", "evidence")),
    "goal_grantee": Principal(_granted(COMMENT, "plan", goal="goal")),
    "substitute_counselor": Principal(_is("counselor")),
    "substitute_named_teacher": Principal(NAMED),
    "break_glass": replace(
        SCHOOL_ADMIN,
        ties=(*SCHOOL_ADMIN.ties, *_opened("staff_notes", "private_reflections")),
        besides={"create_break_glass": 409},
    ),
    # Over, or not yet
    **dict.fromkeys(
        [
            f"{when}_{who}"
            for when in ("former", "future")
            for who in ("teacher", "counselor", "guardian", "school_admin", "admin", "team_member", "grantee",
                        "substitute")
        ],
        NOBODY,
    ),
    # An entry of a caseload is read by whom it names, before it begins and when it is over.
    **dict.fromkeys(["former_counselor", "future_counselor"], Principal(besides={"list_caseloads": 200})),
    **dict.fromkeys(["revoked_grantee", "proposed_grantee", "declined_grantee", "consentless_grantee"], NOBODY),
    "substitute_of_a_former_counselor": NOBODY,
    "ended_break_glass": SCHOOL_ADMIN,
    "expired_break_glass": SCHOOL_ADMIN,
    # Kept away
    "restricted_guardian": NOBODY,
    "restricted_counselor": NOBODY,
    "restricted_admin": Principal(office="district_admin"),
    "restricted_grantee": NOBODY,
    "guardian_kept_from_plan": Principal(_is("guardian"), hidden=frozenset({"plan"})),
    "counselor_kept_from_access": Principal(_is("counselor"), hidden=frozenset({"access", "restrictions"})),
    "formerly_restricted_guardian": Principal(_is("guardian")),
    # The pupil is of age
    "pupil_of_age": Principal(
        _is("learner"), own=frozenset({"submission", "goal"}), state="of_age",
        besides={"create_grant": 404, "end_session": 204},
    ),
    "guardian_of_the_grown": Principal(state="of_age"),
    "guardian_who_may_stay": Principal(_is("guardian"), state="of_age"),
    "counselor_of_the_grown": Principal(_is("counselor"), state="of_age", besides={"create_consent": 404}),
    # Services, by their one scope
    **{f"service_{scope}": _service(scope) for scope in EVERY_SCOPE},
    # Without a good token
    **dict.fromkeys(
        ["anonymous", "expired_token", "ended_session", "deleted_service", "share_link_holder"], NO_TOKEN
    ),
    "disabled_account": replace(NO_TOKEN, besides={"end_current_session": 204}),  # may still sign out
}  # fmt: skip
