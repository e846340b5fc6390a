"""Putting people on a plan's support team, and taking them off."""

from uuid import UUID

from starlette.responses import Response

from app.core.errors import conflict, explain_constraint, not_found
from app.core.rules import Relation, Section
from app.core.schemas import MISSING
from app.core.unit_of_work import Write
from app.core.workflow import decide
from app.db.base import new_id
from app.plans.models import Plan
from app.plans.policy import load_plan
from app.plans.workflow import PLAN
from app.sharing.models import TeamMember
from app.sharing.people import standing
from app.sharing.policy import load_team_member
from app.sharing.schemas.team import TeamMemberCreate, TeamMemberPatch
from app.sharing.service.dates import check_order
from app.sharing.views.team import MEMBER_VIEW
from app.sharing.workflow import TEAM_MEMBER

explain_constraint("pk_team_member", conflict("id_taken", "This id is taken. Make a new one."))
explain_constraint("uq_team_member", conflict("already_on_team", "This person has a place on the team already."))


async def create_member(write: Write, plan_id: UUID, body: TeamMemberCreate) -> Response:
    """A place on the team, for somebody of the staff."""
    check_order(body.from_on, body.until_on)
    plan, relations = await load_plan(write, plan_id)
    _, acting_as = await decide(write, PLAN, "add_team_member", plan, relations, is_versioned=False)
    await _check_person(write, plan, relations, body.person_id, acting_as)
    member = TeamMember(
        tenant_id=plan.tenant_id,
        id=new_id() if body.id is MISSING else body.id,
        plan_id=plan.id,
        learner_id=plan.learner_id,
        person_id=body.person_id,
        role=body.role,
        from_on=body.from_on,
        until_on=body.until_on,
    )
    write.session.add(member)
    await _record(write, member, "create", acting_as)
    return await write.show(MEMBER_VIEW, status=201, location=f"/v1/team-members/{member.id}", id=member.id)


async def change_member(write: Write, member_id: UUID, body: TeamMemberPatch) -> Response:
    """A merge patch of the person's part and dates."""
    member, relations = await load_team_member(write, member_id)
    _, acting_as = await decide(write, TEAM_MEMBER, "edit", member, relations)
    for name, value in body.changes().items():
        setattr(member, name, value)
    check_order(member.from_on, member.until_on)
    if write.session.is_modified(member):
        await _record(write, member, "edit", acting_as)
    return await write.show(MEMBER_VIEW, id=member.id)


async def delete_member(write: Write, member_id: UUID) -> Response:
    """Take somebody off the team."""
    member, relations = await load_team_member(write, member_id)
    _, acting_as = await decide(write, TEAM_MEMBER, "delete", member, relations)
    await _record(write, member, "delete", acting_as)
    await write.session.delete(member)
    return Response(status_code=204)


async def _check_person(write: Write, plan: Plan, relations: list[str], person_id: UUID, acting_as: Relation) -> None:
    """404 for somebody whom the caller need not know, 409 for who does not belong on the team."""
    person = await standing(write, person_id, plan.learner_id)
    if person is None or not person.is_known_to(acting_as):
        raise not_found("/person_id")
    if not person.is_staff:
        raise conflict("outside", "The team is of the district's staff. Give others a grant.")
    if person.is_pupil:
        raise conflict("pupil", "Plans are not shared with other pupils.")
    if person.is_kept_away:
        raise conflict("restricted", "A restriction keeps this person from the learner.")
    policy = write.principal.policy
    on_team = policy.level(Section.PLAN, Relation.TEAM_MEMBER)
    if person_id == write.principal.person_id and policy.reached(relations, Section.PLAN) < on_team:
        raise conflict("own_rights", "Somebody else must put you on the team: it would widen your own rights.")


async def _record(write: Write, member: TeamMember, action: str, acting_as: Relation) -> None:
    await write.record(
        member,
        action,
        section=Section.ACCESS,
        capacity=acting_as,
        learner_id=member.learner_id,
        plan_id=member.plan_id,
    )
