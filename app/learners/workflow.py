"""Who may do what to a learner's record, as data."""

from app.core.access import PERSON
from app.core.rules import PROPOSE, READ, Relation, Section
from app.core.workflow import Guard, Rule, Workflow, has_room
from app.learners.models import ProfileStatement

LEARNER, GUARDIAN, TEACHER = Relation.LEARNER, Relation.GUARDIAN, Relation.TEACHER
ADVISOR, COUNSELOR, CASE_MANAGER = Relation.ADVISOR, Relation.COUNSELOR, Relation.CASE_MANAGER
SERVICE, GRANTEE = Relation.SERVICE_WRITER, Relation.GRANTEE

PROFILE_AUTHORS = (LEARNER, GUARDIAN, ADVISOR, COUNSELOR, SERVICE, GRANTEE)
PROFILE_WRITERS = (LEARNER, ADVISOR, COUNSELOR, SERVICE)
NOTE_AUTHORS = (TEACHER, ADVISOR, COUNSELOR, CASE_MANAGER)
ACCESS_KEEPERS = (COUNSELOR, Relation.SCHOOL_ADMIN, Relation.DISTRICT_ADMIN, Relation.ACCESS_MANAGER)

STATEMENTS_PER_LEARNER = 200
"""A profile is shown whole."""

HAS_ROOM = Guard(
    "too_many",
    f"A learner has at most {STATEMENTS_PER_LEARNER} profile statements.",
    lambda learner: has_room(
        STATEMENTS_PER_LEARNER,
        ProfileStatement.tenant_id == learner.tenant_id,
        ProfileStatement.learner_id == learner.id,
        of=learner,
    ),
)
IS_AUTHOR = Guard("not_author", "Only for its author.", lambda row: row.author_id.is_not_distinct_from(PERSON))


def _of_profile(action: str, *guards: Guard) -> Rule:
    return Rule(
        action,
        PROFILE_AUTHORS,
        (),
        guards=guards,
        permission="profile:propose",
        level=PROPOSE,
        section=Section.PROFILE,
    )


def _of_note(action: str, *guards: Guard) -> Rule:
    return Rule(action, NOTE_AUTHORS, (), guards=guards, permission="staff-notes:write", section=Section.STAFF_NOTES)


CREATE_PLAN = Rule("create_plan", by=(LEARNER, ADVISOR, COUNSELOR, CASE_MANAGER, SERVICE), sources=())
LEARNER_ACTIONS = Workflow((CREATE_PLAN, _of_profile("add_profile_statement", HAS_ROOM), _of_note("add_staff_note")))

EDIT_STATEMENT = _of_profile("edit", IS_AUTHOR)
OWN_STATEMENT = Workflow((EDIT_STATEMENT, _of_profile("delete", IS_AUTHOR)))
"""For those who add to a profile."""
ANY_STATEMENT = Workflow(
    (EDIT_STATEMENT, Rule("delete", PROFILE_WRITERS, (), permission="profile:write", section=Section.PROFILE))
)
"""For those who keep it: they may delete what others stated."""

NOTE = Workflow((_of_note("edit", IS_AUTHOR), _of_note("delete", IS_AUTHOR)))

MAJORITY = Workflow((Rule("edit", ACCESS_KEEPERS, (), permission="access:manage", level=READ, section=Section.ACCESS),))
