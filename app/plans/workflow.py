"""Who may do what with plans and what belongs to them, and when: the tables of the domain, as data."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, case, exists, literal_column, select

from app.core.access import PERSON
from app.core.rules import PERMISSION_WORDS, PROPOSE, READ, Level, Relation, Section
from app.core.workflow import Guard, Rule, Workflow, has_room
from app.plans.models import Action, Goal, Milestone, Plan, Reflection

LEARNER, GUARDIAN = Relation.LEARNER, Relation.GUARDIAN
ADVISOR, COUNSELOR, CASE_MANAGER = Relation.ADVISOR, Relation.COUNSELOR, Relation.CASE_MANAGER
NAMED_TEACHER, SERVICE = Relation.NAMED_TEACHER, Relation.SERVICE_WRITER
GRANTEE = Relation.GRANTEE
SCHOOL_ADMIN, DISTRICT_ADMIN = Relation.SCHOOL_ADMIN, Relation.DISTRICT_ADMIN

REVIEWERS = (COUNSELOR, SCHOOL_ADMIN)
"""Who the built-in template lets approve."""
WRITERS = (LEARNER, ADVISOR, COUNSELOR, CASE_MANAGER, SERVICE, GRANTEE)
GOAL_STAFF = (ADVISOR, COUNSELOR, CASE_MANAGER, NAMED_TEACHER)
GOAL_WRITERS = (LEARNER, *GOAL_STAFF, SERVICE, GRANTEE)
COMMENTERS = (LEARNER, GUARDIAN, *GOAL_STAFF, Relation.TEACHER, Relation.TEAM_MEMBER, SERVICE, GRANTEE)

OUTCOMES = ("achieved", "partly_achieved", "not_achieved", "dropped")
OPEN_PLAN = ("draft", "active")
KEPT_PLAN = ("draft", "in_review", "active", "closed")
"""Until it is archived people may speak about it."""
LIVE_GOAL = ("proposed", "agreed")
SHARERS = (COUNSELOR, LEARNER, ADVISOR, CASE_MANAGER)
"""The counselor first: what she opens to outsiders needs nobody's approval, whatever else she is to the learner."""
SHARE = Rule("share", SHARERS, ())
"""With a person, or by a link; whatever the plan's status: what is closed may be shown to others, too."""
TEAM_BUILDERS = (COUNSELOR, ADVISOR, CASE_MANAGER, SCHOOL_ADMIN)
GOALS_PER_PLAN = 200
PARTS_PER_GOAL = 500
"""Milestones, and as many actions: a plan is shown whole."""
REFLECTIONS_PER_PLAN = 500


def _goals_of(plan: Any, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    found = exists().where(Goal.tenant_id == plan.tenant_id, Goal.plan_id == plan.id, *conditions)
    return found.correlate(plan)


def _status_is(column: Any, *states: str) -> ColumnElement[bool]:
    return column.in_([literal_column(f"'{state}'") for state in states])  # type: ignore[no-any-return]


def _plan_status(entity: Any) -> ColumnElement[Any]:
    plan_status = select(Plan.status).where(Plan.tenant_id == entity.tenant_id, Plan.id == entity.plan_id)
    return plan_status.correlate(entity).scalar_subquery()


def _goal_status(entity: Any) -> ColumnElement[Any]:
    goal_status = select(Goal.status).where(Goal.tenant_id == entity.tenant_id, Goal.id == entity.goal_id)
    return goal_status.correlate(entity).scalar_subquery()


def _has_room_for(part: Any) -> Guard:
    """That the goal can take one more action or milestone."""
    return Guard(
        "too_many",
        f"A goal has at most {PARTS_PER_GOAL} {part.__tablename__}s.",
        lambda goal: has_room(PARTS_PER_GOAL, part.tenant_id == goal.tenant_id, part.goal_id == goal.id, of=goal),
    )


HAS_GOAL = Guard("no_goal", "The plan needs at least one goal.", _goals_of)
NOTHING_PROPOSED = Guard(
    "goal_not_agreed",
    "Every goal must be agreed or declined first.",
    lambda plan: ~_goals_of(plan, _status_is(Goal.status, "proposed")),
)
ALL_GOALS_ENDED = Guard(
    "goal_without_outcome",
    "Every goal needs an outcome first.",
    lambda plan: ~_goals_of(plan, _status_is(Goal.status, *LIVE_GOAL)),
)
HAS_ROOM = Guard(
    "too_many",
    f"A plan has at most {GOALS_PER_PLAN} goals.",
    lambda plan: has_room(GOALS_PER_PLAN, Goal.tenant_id == plan.tenant_id, Goal.plan_id == plan.id, of=plan),
)
HAS_ROOM_TO_REFLECT = Guard(
    "too_many",
    f"A plan has at most {REFLECTIONS_PER_PLAN} reflections.",
    lambda plan: has_room(
        REFLECTIONS_PER_PLAN, Reflection.tenant_id == plan.tenant_id, Reflection.plan_id == plan.id, of=plan
    ),
)
IS_SUBMITTER = Guard(
    "not_submitter",
    "Only whoever submitted the plan can withdraw it.",
    lambda plan: plan.submitted_by.is_not_distinct_from(PERSON),
)
IS_NOT_SUBMITTER = Guard(
    "own_submission",
    "Somebody other than the submitter must review.",
    lambda plan: plan.submitted_by.is_distinct_from(PERSON),
)


def _by_the_learner(action: str, section: Section, sources: Sequence[str] = (), guards: Sequence[Guard] = ()) -> Rule:
    """What a learner does with reflections, of the shared or of the private section."""
    return Rule(
        action, (LEARNER,), sources, guards=guards, permission=f"{PERMISSION_WORDS[section]}:write", section=section
    )


PLAN = Workflow(
    (
        Rule("submit", (LEARNER, ADVISOR, COUNSELOR), ("draft",), "in_review", guards=(HAS_GOAL, NOTHING_PROPOSED)),
        Rule("withdraw", (LEARNER, ADVISOR, COUNSELOR), ("in_review",), "draft", guards=(IS_SUBMITTER,)),
        Rule(
            "return",
            REVIEWERS,
            ("in_review",),
            "draft",
            guards=(IS_NOT_SUBMITTER,),
            needs_reason=True,
            permission="plans:review",
            level=READ,
        ),
        Rule(
            "approve",
            REVIEWERS,
            ("in_review",),
            "active",
            guards=(IS_NOT_SUBMITTER,),
            permission="plans:review",
            level=READ,
        ),
        Rule("close", (ADVISOR, COUNSELOR), ("active",), "closed", guards=(ALL_GOALS_ENDED,)),
        Rule(
            "reopen",
            (COUNSELOR, SCHOOL_ADMIN, DISTRICT_ADMIN),
            ("closed",),
            "active",
            needs_reason=True,
            permission="plans:administer",
            level=READ,
        ),
        Rule(
            "archive",
            (SCHOOL_ADMIN, DISTRICT_ADMIN),
            ("closed",),
            "archived",
            permission="plans:administer",
            level=READ,
        ),
        Rule("edit", WRITERS, OPEN_PLAN),
        Rule(
            "add_goal", (*WRITERS, GUARDIAN), OPEN_PLAN, guards=(HAS_ROOM,), permission="plans:propose", level=PROPOSE
        ),
        Rule("comment", COMMENTERS, KEPT_PLAN, permission="plans:comment", level=Level.COMMENT),
        _by_the_learner("reflect", Section.REFLECTIONS, KEPT_PLAN, (HAS_ROOM_TO_REFLECT,)),
        _by_the_learner("reflect_privately", Section.PRIVATE_REFLECTIONS, KEPT_PLAN, (HAS_ROOM_TO_REFLECT,)),
        SHARE,
        Rule("add_team_member", TEAM_BUILDERS, (), permission="access:team", level=READ),
    )
)

PLAN_IS_OPEN = Guard(
    "plan_not_open",
    "Only while the plan is a draft or active.",
    lambda entity: _status_is(_plan_status(entity), *OPEN_PLAN),
)
PLAN_IS_RUNNING = Guard(
    "plan_closed",
    "Only until the plan is closed.",
    lambda entity: _status_is(_plan_status(entity), "draft", "in_review", "active"),
)
PLAN_IS_KEPT = Guard(
    "plan_archived",
    "Only until the plan is archived.",
    lambda entity: _status_is(_plan_status(entity), *KEPT_PLAN),
)
GOAL_IS_LIVE = Guard(
    "goal_ended",
    "Only while the goal is proposed or agreed.",
    lambda entity: _status_is(_goal_status(entity), *LIVE_GOAL),
)
NOT_ANSWERED = Guard(
    "already_agreed",
    "Your side has agreed already.",
    lambda goal: case(
        (goal.learner_id == PERSON, goal.learner_agreed_at.is_(None)), else_=goal.staff_agreed_at.is_(None)
    ),
)
IS_PROPOSER = Guard(
    "not_proposer",
    "Only whoever proposed it can delete it; others decline.",
    lambda goal: goal.proposed_by.is_not_distinct_from(PERSON),
)
IS_AUTHOR = Guard(
    "not_author",
    "Only whoever wrote it can change or delete it.",
    lambda comment: comment.author_id.is_not_distinct_from(PERSON),
)
WAS_AGREED = Guard(
    "never_agreed",
    "Both sides had not agreed to it. Propose it anew.",
    lambda goal: goal.learner_agreed_at.is_not(None) & goal.staff_agreed_at.is_not(None),
)
ANSWERERS = (LEARNER, ADVISOR, COUNSELOR, NAMED_TEACHER)

GOAL = Workflow(
    (
        # `agree` leads to `agreed` once the learner's side and the staff's have both said so.
        Rule("agree", ANSWERERS, ("proposed",), "agreed", guards=(PLAN_IS_OPEN, NOT_ANSWERED)),
        Rule("decline", ANSWERERS, ("proposed",), "dropped", guards=(PLAN_IS_OPEN, NOT_ANSWERED), needs_reason=True),
        Rule("achieve", GOAL_STAFF, ("agreed",), "achieved", guards=(PLAN_IS_OPEN,)),
        Rule("partly_achieve", GOAL_STAFF, ("agreed",), "partly_achieved", guards=(PLAN_IS_OPEN,)),
        Rule("not_achieve", GOAL_STAFF, ("agreed",), "not_achieved", guards=(PLAN_IS_OPEN,)),
        Rule("drop", GOAL_STAFF, ("agreed",), "dropped", guards=(PLAN_IS_OPEN,), needs_reason=True),
        Rule("reopen", (ADVISOR, COUNSELOR), OUTCOMES, "agreed", guards=(PLAN_IS_OPEN, WAS_AGREED), needs_reason=True),
        Rule("edit", GOAL_WRITERS, LIVE_GOAL, guards=(PLAN_IS_OPEN,)),
        Rule("delete", (*GOAL_WRITERS, GUARDIAN), ("proposed",), guards=(PLAN_IS_OPEN, IS_PROPOSER), level=PROPOSE),
        Rule("add_action", GOAL_WRITERS, LIVE_GOAL, guards=(PLAN_IS_OPEN, _has_room_for(Action))),
        Rule("add_milestone", GOAL_WRITERS, LIVE_GOAL, guards=(PLAN_IS_OPEN, _has_room_for(Milestone))),
        Rule("record_progress", GOAL_WRITERS, ("agreed",), guards=(PLAN_IS_RUNNING,)),
        Rule("comment", COMMENTERS, (), guards=(PLAN_IS_KEPT,), permission="plans:comment", level=Level.COMMENT),
    )
)

ACTION = Workflow(
    (
        Rule("complete", GOAL_WRITERS, ("planned",), "done", guards=(PLAN_IS_RUNNING,)),
        Rule("drop", GOAL_WRITERS, ("planned",), "dropped", guards=(PLAN_IS_RUNNING,)),
        Rule("reopen", GOAL_WRITERS, ("done", "dropped"), "planned", guards=(PLAN_IS_RUNNING,)),
        Rule("edit", GOAL_WRITERS, ("planned",), guards=(PLAN_IS_RUNNING,)),
        Rule("delete", GOAL_WRITERS, ("planned",), guards=(PLAN_IS_RUNNING,)),
    )
)

MILESTONE = Workflow(
    (
        Rule("edit", GOAL_WRITERS, (), guards=(PLAN_IS_RUNNING, GOAL_IS_LIVE)),
        Rule("delete", GOAL_WRITERS, (), guards=(PLAN_IS_OPEN, GOAL_IS_LIVE)),
    )
)

COMMENT = Workflow(
    tuple(
        Rule(
            action,
            COMMENTERS,
            (),
            guards=(PLAN_IS_KEPT, IS_AUTHOR),
            permission="plans:comment",
            level=Level.COMMENT,
        )
        for action in ("edit", "delete")
    )
)

SHARED_REFLECTION, PRIVATE_REFLECTION = (
    Workflow(tuple(_by_the_learner(action, section, guards=(PLAN_IS_KEPT,)) for action in ("edit", "delete")))
    for section in (Section.REFLECTIONS, Section.PRIVATE_REFLECTIONS)
)
