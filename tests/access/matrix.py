"""Who gets which status from which operation, as plain data: what each operation needs, and what each principal has.

Written from the rules of the domain. An expectation follows from the section and level that an operation needs
(`RECORD`), from what the principal is to the pupil (`PRINCIPALS`) and from the oracle's table of levels; what follows
from no rule of the table is said one by one. The objects are those of the samples' `Scene`.
"""

from dataclasses import dataclass, replace

from tests.access.oracle import OFFICES, READ, RULES, SECTIONS, WRITE
from tests.access.standing import Principal

# What operations on the pupil's record need

_GROUPS = {
    "*": "*",
    "planners": "learner advisor counselor case_manager service_writer",
    "submitters": "learner advisor counselor",
    "answerers": "learner advisor counselor named_teacher",
    "sharers": "learner advisor counselor case_manager",
    "team_builders": "advisor counselor case_manager school_admin",
    "approvers": "counselor school_admin",
    "revokers": "learner counselor school_admin district_admin",
    "keepers": "counselor school_admin district_admin access_manager",
    "recorders": "counselor case_manager school_admin district_admin access_manager",
    "withdrawers": "learner counselor case_manager school_admin district_admin access_manager",
    "administrators": "school_admin district_admin access_manager",
    "openers": "school_admin district_admin",
    "district": "district_admin",
}
"""Relations to which an operation is left, whatever others reach."""

_RECORD = """
operation                ok  section              level by             conditions
get_learner              200 learner              R     *
list_profile_statements  200 profile              R     *
create_profile_statement 201 profile              P     *
get_profile_statement    200 profile              R     *
change_profile_statement 200 profile              P     *              own=statement
delete_profile_statement 204 profile              P     *              own=statement,or=W
list_staff_notes         200 staff_notes          R     *
create_staff_note        201 staff_notes          W     *
get_staff_note           200 staff_notes          R     *              author=note
change_staff_note        200 staff_notes          W     *              author=note
delete_staff_note        204 staff_notes          W     *              author=note
get_majority             200 access               R     *
change_majority          200 access               R     keepers
create_plan              201 plan                 W     planners       below=learner
get_plan                 200 plan                 R     *
change_plan              200 plan                 W     *
move_plan                200 plan                 W     submitters     own=submission
list_plan_events         200 plan                 R     *              scope=events.read
list_goals               200 plan                 R     *
create_goal              201 plan                 P     *
get_goal                 200 plan                 R     *
change_goal              200 plan                 W     *
delete_goal              204 plan                 P     *              own=goal
move_goal                200 plan                 W     answerers
list_actions             200 plan                 R     *
create_action            201 plan                 W     *
get_action               200 plan                 R     *
change_action            200 plan                 W     *
delete_action            204 plan                 W     *
move_action              200 plan                 W     *
list_milestones          200 plan                 R     *
create_milestone         201 plan                 W     *
get_milestone            200 plan                 R     *
change_milestone         200 plan                 W     *
delete_milestone         204 plan                 W     *
list_progress            200 plan                 R     *
create_progress          201 plan                 W     *
get_progress             200 plan                 R     *
list_plan_comments       200 plan                 R     *
create_plan_comment      201 plan                 C     *
list_goal_comments       200 plan                 R     *
create_goal_comment      201 plan                 C     *
get_comment              200 plan                 R     *
change_comment           200 plan                 C     *              own=comment
delete_comment           204 plan                 C     *              own=comment
list_reflections         200 private_reflections  R     *              below=reflections,enough
create_reflection        201 private_reflections  W     *              below=reflections
get_reflection           200 private_reflections  R     *
change_reflection        200 private_reflections  W     *
delete_reflection        204 private_reflections  W     *
list_access              200 access               R     *
explain_access           200 access               R     *
list_access_log          200 access               R     *              says
list_disclosures         200 access               R     *              says
list_break_glass         200 access               R     *              says
create_break_glass       201 access               R     openers
get_break_glass          200 access               R     *
end_break_glass          204 access               R     district
list_plan_share_links    200 access               R     *              says
create_share_link        201 plan                 W     sharers        also=access
get_share_link           200 access               R     *
move_share_link          200 access               R     revokers
list_plan_grants         200 access               R     *              says
create_grant             201 plan                 W     sharers        also=access
get_grant                200 access               R     *              named=grant
change_grant             200 access               R     approvers      named=grant
move_grant               200 access               R     revokers       named=grant
list_person_grants       200 access               R     *              named=grant,says
list_share_candidates    200 plan                 W     sharers
list_team_members        200 plan                 R     *              says
create_team_member       201 plan                 R     team_builders
get_team_member          200 plan                 R     *
change_team_member       200 plan                 R     team_builders
delete_team_member       204 plan                 R     team_builders
list_caseloads           200 access               R     *              says
create_caseload          201 access               R     administrators
get_caseload             200 access               R     *
change_caseload          200 access               R     administrators
delete_caseload          204 access               R     administrators
list_guardianships       200 access               R     *              says
get_guardianship         200 access               R     *
list_restrictions        200 restrictions         R     *              says
create_restriction       201 restrictions         R     keepers
get_restriction          200 restrictions         R     *
change_restriction       200 restrictions         R     keepers
delete_restriction       204 restrictions         R     keepers
list_consents            200 access               R     *              says
create_consent           201 access               R     recorders
get_consent              200 access               R     *
move_consent             200 access               R     withdrawers
"""


@dataclass(frozen=True)
class Need:
    """What an operation on the pupil's record takes: a level in a section, perhaps by certain relations only.

    `own`: it is done to one's own, others with the right get a 409; `alone`: or by who reaches this level.
    `author`: for others than the author the row is not there; `named`: it is there for whom it names.
    `below`: a section that is enough to know of the place; `enough`: and to list what is in it.
    `also`: a section that one must read too, to share it;
    `scope`: which a service needs besides; `says`: a service is told that a scope is missing.
    """

    ok: int
    section: str
    level: int
    by: frozenset[str]
    own: str | None = None
    alone: int = WRITE + 1
    author: str | None = None
    named: str | None = None
    below: str | None = None
    enough: bool = False
    also: str | None = None
    scope: str | None = None
    says: bool = False


def _level(letter: str) -> int:
    return "-RCPW".index(letter)


def _need(ok: str, section: str, level: str, by: str, conditions: str = "") -> Need:
    given = dict(part.partition("=")[::2] for part in conditions.split(",") if part)
    need = Need(int(ok), section, _level(level), frozenset(_GROUPS[by].split()))
    alone = _level(given.pop("or")) if "or" in given else need.alone
    flags = {name: True for name in ("says", "enough") if given.pop(name, None) is not None}
    return replace(need, alone=alone, **flags, **given)  # type: ignore[arg-type]


RECORD = {line.split()[0]: _need(*line.split()[1:]) for line in _RECORD.strip().splitlines()[1:]}

PLACES: dict[str, tuple[str, str | None]] = {
    "plan": ("plan", None),
    "submitted_plan": ("submitted_plan", None),
    "reflection": ("plan", None),
    "team_member": ("plan", None),
    "goal": ("plan", "goal"),
    "action": ("plan", "goal"),
    "milestone": ("plan", "goal"),
    "comment": ("plan", "goal"),
    "agreed_goal": ("plan", "agreed_goal"),
    "progress": ("plan", "agreed_goal"),
}
"""The plan and goal that an object of the scene belongs to; what is not here belongs to the pupil as a whole."""

# Operations about nobody's record

PUBLIC = {
    "create_session": 401,
    "refresh_session": 400,
    "complete_password_reset": 400,
    "create_access_token": 415,
    "revoke_access_token": 415,
    "get_jwks": 200,
    "open_share_link": 404,
}
"""Without a bearer token; what the samples send opens nothing."""

ANYBODY = {"get_me": 200, "list_sessions": 200, "end_current_session": 204, "get_sharing_rules": 200}
"""For everybody who is signed in."""

LISTS = {
    "list_learners": "learner",
    "list_my_learners": "learner",
    "list_classes": "learner",
    "list_plans": "plan",
    "list_changes": "event",
    "list_delegations": "access",
    "list_grants": "access",
    "list_share_links": "access",
    "list_accounts": "account",
    "list_frameworks": "competency",
    "list_competencies": "competency",
    "get_framework": "competency",
    "get_competency": "competency",
}
"""For everybody of the tenant, who sees in it what is hers; for a service that reads such a section, else 403."""

OFFICE = {
    "get_account": (200, "district_admin school_admin", 404),
    "update_account": (200, "district_admin school_admin", 404),
    "create_account": (201, "district_admin school_admin", 403),
    "create_password_reset": (201, "district_admin school_admin", 404),
    "list_service_clients": (200, "district_admin", 403),
    "get_service_client": (200, "district_admin", 404),
    "create_service_client": (201, "district_admin", 403),
    "update_service_client": (200, "district_admin", 404),
    "delete_service_client": (204, "district_admin", 404),
    "create_client_secret": (201, "district_admin", 404),
    "change_sharing_rules": (200, "district_admin access_manager", 403),
    "create_delegation": (201, "district_admin school_admin access_manager", 403),
    "get_delegation": (200, "district_admin school_admin access_manager", 404),
    "change_delegation": (200, "district_admin school_admin access_manager", 404),
    "delete_delegation": (204, "district_admin school_admin access_manager", 404),
}
"""By what one is at the school: the status for these offices, and for everybody else."""

SPECIAL = ("get_class", "end_session", "change_password")
"""Each with a rule of its own, in `expected`."""

LEAVE_NO_TRIAL = {"end_current_session", "change_password", *PUBLIC}
"""They know no `validate_only`: what they do is done."""

KNOW_CLASSES = {"learner", "guardian", "teacher", "advisor", "counselor", "case_manager", *OFFICES}

# What follows


def operations() -> set[str]:
    """Those with an expectation."""
    return {*RECORD, *PUBLIC, *ANYBODY, *LISTS, *OFFICE, *SPECIAL}


def expected(operation: str, target: str | None, who: Principal) -> int:
    """The status that the operation's sample must get."""
    if operation in PUBLIC:
        return PUBLIC[operation]
    if operation in who.besides:
        return who.besides[operation]
    if not who.is_signed_in:
        return 401
    if operation in ANYBODY:
        return ANYBODY[operation]
    if operation in LISTS:
        if target is not None and not who.is_known:
            return 404
        return 200 if who.scopes is None or _may_list(who, who.scopes, LISTS[operation]) else 403
    if operation in OFFICE:
        return _by_office(operation, target, who)
    if operation in SPECIAL:
        return _special(operation, who)
    return _of_record(RECORD[operation], PLACES.get(target or "", (None, None)), who)


def _may_list(who: Principal, scopes: frozenset[str], what: str) -> bool:
    if what == "competency":
        return not scopes.isdisjoint({"competencies.read", "competencies.write", "plans.read", "plans.write"})
    if what == "event":
        return "events.read" in scopes and any(who.reach(section) for section in SECTIONS)
    return what != "account" and who.reach(what) >= READ


def _by_office(operation: str, target: str | None, who: Principal) -> int:
    ok, offices, otherwise = OFFICE[operation]
    names_something = target is not None or operation in ("create_account", "create_delegation")
    if who.office in offices.split():
        return 404 if names_something and not who.is_known else ok
    # An administrator of another school has the office, and nobody of this school.
    return 404 if who.office == "elsewhere" and names_something and "school_admin" in offices else otherwise


def _special(operation: str, who: Principal) -> int:
    if operation == "get_class":
        is_admin = who.office in OFFICES and who.is_known
        return 200 if is_admin or any(tie.relation in KNOW_CLASSES or who.scopes for tie in who.ties) else 404
    if operation == "change_password":
        return 422 if who.scopes is None else 403  # people do not know the password that the sample sends
    assert operation == "end_session"
    return 404


def _of_record(need: Need, place: tuple[str | None, str | None], who: Principal) -> int:
    reached = who.reach(need.section, place)
    is_there = reached >= READ or (need.below is not None and who.reach(need.below, place) >= READ)
    if need.author and need.author not in who.own:
        is_there = any(tie.relation == "break_glass" and tie.reaches(need.section, *place) for tie in who.ties)
    if need.named and need.named in who.own:
        is_there = True
        reached = max(reached, READ)
    if who.scopes is not None:
        if need.says and reached < READ:
            return 403
        if need.scope and need.scope not in who.scopes:
            return 403
    if not is_there:
        return 404
    if need.enough or (need.named in who.own and need.by == {"*"}):
        return need.ok
    by = {relation for _, relation in RULES} if need.by == {"*"} else need.by
    if who.reaches_by(by, need.section, place) < need.level or (need.also and who.reach(need.also) < READ):
        return 403
    if need.own and need.own not in who.own and reached < need.alone:
        return 409
    return need.ok
