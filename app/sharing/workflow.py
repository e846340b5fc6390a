"""Who may decide on grants and change a plan's team, when: as data. Who may share a plan, its own workflow says."""

from sqlalchemy import func, literal_column, true

from app.core.access import PERSON, TODAY
from app.core.rules import READ, Relation, Section
from app.core.workflow import Guard, Own, Rule, Workflow
from app.plans.workflow import TEAM_BUILDERS
from app.sharing.link_workflow import APPROVERS, consent_holds

LEARNER, ADVISOR, COUNSELOR = Relation.LEARNER, Relation.ADVISOR, Relation.COUNSELOR
CASE_MANAGER, SCHOOL_ADMIN, DISTRICT_ADMIN = Relation.CASE_MANAGER, Relation.SCHOOL_ADMIN, Relation.DISTRICT_ADMIN

NOT_OVER = Guard(
    "expired", "Its last day has passed already.", lambda grant: func.coalesce(grant.until_on > TODAY, true())
)
CONSENT_HOLDS = Guard("consent_ended", "The consent that the grant rests on is not in force.", consent_holds)
OWN_GRANT = Own(
    (ADVISOR, CASE_MANAGER),
    "And for whoever proposed it.",
    lambda grant: grant.proposed_by.is_not_distinct_from(PERSON),
)
OWN_PROPOSAL = Own(
    (LEARNER, ADVISOR, CASE_MANAGER),
    "And for whoever proposed it, until it is decided.",
    lambda grant: grant.proposed_by.is_not_distinct_from(PERSON) & (grant.status == literal_column("'proposed'")),
)


def _decision(action: str, target: str, *guards: Guard, needs_reason: bool = False) -> Rule:
    return Rule(
        action,
        APPROVERS,
        ("proposed",),
        target,
        guards=guards,
        needs_reason=needs_reason,
        permission="access:approve",
        level=READ,
        section=Section.ACCESS,
    )


def _on_team(action: str) -> Rule:
    """What is done to a plan's team, by people who read the plan."""
    return Rule(action, TEAM_BUILDERS, (), permission="access:team", level=READ)


GRANT = Workflow(
    (
        _decision("approve", "active", NOT_OVER, CONSENT_HOLDS),
        _decision("decline", "declined", needs_reason=True),
        Rule(
            "revoke",
            (*APPROVERS, LEARNER, DISTRICT_ADMIN),
            ("proposed", "active"),
            "revoked",
            permission="access:revoke",
            level=READ,
            section=Section.ACCESS,
            own=OWN_GRANT,
        ),
        Rule(
            "edit",
            APPROVERS,
            ("proposed", "active"),
            permission="access:approve",
            level=READ,
            section=Section.ACCESS,
            own=OWN_PROPOSAL,
        ),
    )
)

TEAM_MEMBER = Workflow((_on_team("edit"), _on_team("delete")))
