"""Sharing a plan with one person, deciding on what goes outside, and ending it."""

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select
from starlette.responses import Response

from app.core.errors import Problem, conflict, explain_constraint, forbidden, invalid, not_found, validation
from app.core.events import changes_of
from app.core.rules import PERMISSION_WORDS, PROPOSE, READ, Level, Policy, Relation, Section
from app.core.schemas import MISSING
from app.core.unit_of_work import Write
from app.core.workflow import apply, decide
from app.db.base import new_id
from app.plans.models import Goal, Plan
from app.plans.policy import load_plan
from app.plans.workflow import PLAN
from app.sharing.models import Consent, Grant, GrantGoal
from app.sharing.people import Standing, standing
from app.sharing.policy import load_grant
from app.sharing.schemas.grants import GrantCreate, GrantPatch, GrantTransitionIn
from app.sharing.service.dates import check_order
from app.sharing.service.disclosures import disclose
from app.sharing.service.invitations import Issued, call_off, let_in
from app.sharing.views.grants import GRANT_VIEW, WITH_TOKEN
from app.sharing.workflow import GRANT

OUTSIDE_SECTIONS = frozenset({Section.PLAN, Section.PROFILE, Section.EVIDENCE})
OUTSIDE_LEVEL = PROPOSE
LONGEST_OUTSIDE = timedelta(days=400)

explain_constraint("pk_access_grant", conflict("id_taken", "This id is taken. Make a new one."))


async def create_grant(write: Write, plan_id: UUID, body: GrantCreate) -> Response:
    """To people inside it is active at once, to outsiders if a counselor gives it; else it waits for approval."""
    _check_choice(body)
    sections, level = _opened(body), Level[body.level.upper()]
    _check_ceiling(write.principal.policy, body.sections, sections, level)
    plan, relations = await load_plan(write, plan_id)
    _, acting_as = await decide(write, PLAN, "share", plan, relations, is_versioned=False)
    _check_reach(write, plan.learner_id, relations, sections, level)
    grantee = await _named(write, plan, body.person_id, acting_as)
    grant = Grant(
        tenant_id=plan.tenant_id,
        id=new_id() if body.id is MISSING else body.id,
        plan_id=plan.id,
        learner_id=plan.learner_id,
        person_id=body.person_id,
        is_outside=grantee is None or grantee.is_outside,
        status="proposed",
        level=body.level,
        sections=[section.value for section in sections] if body.sections else [],
        purpose=body.purpose,
        agreement_reference=body.agreement_reference,
        consent_id=body.consent_id,
        from_on=write.principal.today() if body.from_on is MISSING else body.from_on,
        until_on=body.until_on,
        proposed_by=write.principal.person_id,
        proposed_as=acting_as,
    )
    if body.invite is not None:
        grant.invited_email = body.invite.email
        grant.invited_given_name, grant.invited_family_name = body.invite.given_name, body.invite.family_name
    goal_ids = await _goals(write, plan, body.goal_ids)
    consent = await _consent(write, grant)
    if grantee is not None:
        _check_grantee(write, grant, body.person_id, grantee)
    _check_dates(grant, write.principal.today())
    if grant.is_outside and (level > OUTSIDE_LEVEL or not OUTSIDE_SECTIONS.issuperset(sections)):
        raise outside_limits()
    _check_consent(write, consent, sections, grant)
    issued = None
    if not grant.is_outside or acting_as is Relation.COUNSELOR:
        issued = await _let_in(write, grant, sections, acting_as)
        grant.status = "active"
    write.session.add(grant)
    await _record(write, grant, "create", acting_as, changes=_created(grant, goal_ids))
    await _add_goals(write, grant, goal_ids)
    return await _show(write, grant, issued, status=201, location=f"/v1/grants/{grant.id}")


async def change_grant(write: Write, grant_id: UUID, body: GrantPatch) -> Response:
    """A merge patch of its end, purpose and agreement."""
    grant, relations = await load_grant(write, grant_id)
    _, acting_as = await decide(write, GRANT, "edit", grant, relations)
    changes = body.changes()
    for name, value in changes.items():
        setattr(grant, name, value)
    if "until_on" in changes:
        _check_dates(grant, write.principal.today())
    if write.session.is_modified(grant):
        await _record(write, grant, "edit", acting_as)
    return await _show(write, grant)


async def move_grant(write: Write, grant_id: UUID, body: GrantTransitionIn) -> Response:
    """A step of the workflow."""
    grant, relations = await load_grant(write, grant_id)
    if body.action == "approve":
        return await _approve(write, grant, relations)
    acting_as = await apply(write, GRANT, body.action, grant, relations, body.reason)
    if body.action == "decline":
        _decide(write, grant)
    else:
        grant.revoked_by, grant.revoked_at = write.principal.person_id, datetime.now(UTC)
        await call_off(write, grant)
    await _record(write, grant, body.action, acting_as, body.reason)
    return await _show(write, grant)


async def _approve(write: Write, grant: Grant, relations: Sequence[str]) -> Response:
    """Let the person in, and only then say that the grant is active: an active grant is somebody's."""
    rule, acting_as = await decide(write, GRANT, "approve", grant, relations)
    assert rule.target is not None
    sections = _sections_of(grant)
    _check_consent(write, await _consent(write, grant), sections, grant)
    issued = await _let_in(write, grant, sections, acting_as)
    grant.status = rule.target
    await _record(write, grant, rule.action, acting_as)
    return await _show(write, grant, issued)


# What may be shared, by whom


def _check_choice(body: GrantCreate) -> None:
    if (body.person_id is None) == (body.invite is None):
        raise invalid("/person_id", "one_of", "Give either person_id or invite.")
    if bool(body.sections) == bool(body.goal_ids):
        raise invalid("/sections", "one_of", "Give either sections or goal_ids.")


def _opened(body: GrantCreate) -> list[Section]:
    """The sections in their order; goals are of section `plan`."""
    return [section for section in Section if section in body.sections] or [Section.PLAN]


def _check_ceiling(policy: Policy, given: Sequence[str], sections: Collection[Section], level: Level) -> None:
    """422 for what the rules of the tenant give no grantee."""
    ceilings = {section: policy.level(section, Relation.GRANTEE) for section in sections}
    closed = [place for place, name in enumerate(given) if not ceilings[Section(name)]]
    if closed:
        detail = "Your district shares this by no grant."
        raise validation([{"pointer": f"/sections/{each}", "code": "closed", "detail": detail} for each in closed])
    lowest = min(ceilings, key=lambda section: ceilings[section])
    if level > ceilings[lowest]:
        most = ceilings[lowest].name.lower() or "none"
        raise invalid("/level", "too_high", f"In section {lowest} a grant reaches {most} at most.")


def _check_reach(
    write: Write, learner_id: UUID, relations: Collection[str], sections: Collection[Section], level: Level
) -> None:
    """403 for what the caller does not reach herself, and for who may not see what becomes of the grant."""
    principal = write.principal
    for section, needed in {Section.ACCESS: READ, **dict.fromkeys(sections, level)}.items():
        is_barred = learner_id in principal.barred_from(section)
        if is_barred or principal.policy.reached(relations, section) < needed:
            permission = f"{PERMISSION_WORDS[section]}:{needed.name.lower()}"
            raise forbidden(permission, f"Nobody shares more than she has: you lack {permission} here.")


async def _named(write: Write, plan: Plan, person_id: UUID | None, acting_as: Relation) -> Standing | None:
    """Who is named by id; 404 for somebody whom the caller need not know."""
    if person_id is None:
        return None
    grantee = await standing(write, person_id, plan.learner_id)
    is_self = person_id in (write.principal.person_id, plan.learner_id)
    if grantee is None or not (is_self or grantee.is_known_to(acting_as)):
        raise not_found("/person_id")
    return grantee


def _check_grantee(write: Write, grant: Grant, person_id: UUID | None, grantee: Standing) -> None:
    """409 for people to whom no plan is shared."""
    if person_id == grant.learner_id:
        raise conflict("own_plan", "It is the learner's own plan.")
    if person_id in (write.principal.person_id, grant.proposed_by):
        raise conflict("own_grant", "Nobody gives herself access.")
    if grantee.is_pupil:
        raise conflict("pupil", "Plans are not shared with other pupils.")
    if grantee.is_kept_away:
        raise conflict("restricted", "A restriction keeps this person from the learner.")


async def _goals(write: Write, plan: Plan, wanted: Sequence[UUID]) -> list[UUID]:
    """The goals' ids; 404 for those that are not of this plan."""
    if not wanted:
        return []
    of_plan = select(Goal.id).where(Goal.plan_id == plan.id, Goal.id.in_(wanted))
    known = set(await write.session.scalars(of_plan))
    if unknown := [f"/goal_ids/{place}" for place, goal_id in enumerate(wanted) if goal_id not in known]:
        raise not_found(*unknown)
    return list(dict.fromkeys(wanted))


def _sections_of(grant: Grant) -> list[Section]:
    """What it opens; goals are of section `plan`."""
    return [Section(section) for section in grant.sections] or [Section.PLAN]


def _check_dates(grant: Grant, today: date) -> None:
    if grant.is_outside and grant.until_on is None:
        raise invalid("/until_on", "missing", "Access for somebody outside has an end.")
    check_order(grant.from_on, grant.until_on)
    if grant.until_on is not None and grant.until_on <= today:
        raise invalid("/until_on", "in_the_past", "until_on must be after today; to end it now, revoke it.")
    if grant.is_outside and grant.until_on is not None and grant.until_on > today + LONGEST_OUTSIDE:
        raise invalid("/until_on", "too_late", "Access for somebody outside ends within 400 days.")


# Consents


async def _consent(write: Write, grant: Grant) -> Consent | None:
    """The consent that the grant rests on; 404 if it is none of this learner's."""
    if grant.consent_id is None:
        return None
    wanted = Consent.id == grant.consent_id, Consent.learner_id == grant.learner_id
    consent = await write.session.scalar(select(Consent).where(*wanted))
    if consent is None:
        raise not_found("/consent_id")
    return consent


def _check_consent(write: Write, consent: Consent | None, sections: Collection[Section], grant: Grant) -> None:
    if consent is None:
        return
    names_other = consent.recipient_person_id not in (None, grant.person_id)
    if consent.purpose != "sharing" or names_other or not set(consent.sections).issuperset(sections):
        raise conflict("consent_not_covering", "The consent is not one to sharing these sections with this person.")
    today = write.principal.today()
    has_ended = consent.until_on is not None and consent.until_on <= today
    if consent.withdrawn_at is not None or consent.signed_on > today or has_ended:
        raise conflict("consent_ended", "The consent is not in force.")


# What happens to a grant


async def _let_in(write: Write, grant: Grant, sections: Collection[Section], acting_as: Relation) -> Issued | None:
    """Whom an invitation names becomes known only now. Opening a record to somebody outside is a disclosure, whatever
    is looked at."""
    person_id, issued = grant.person_id, None
    if person_id is None:
        person_id, issued = await let_in(write, grant, acting_as)
    grantee = await standing(write, person_id, grant.learner_id)
    assert grantee is not None, "people are not deleted while somebody shares with them"
    _check_grantee(write, grant, person_id, grantee)
    if grant.is_outside:
        await disclose(
            write,
            learner_id=grant.learner_id,
            plan_id=grant.plan_id,
            basis="grant",
            recipient=grantee.name,
            recipient_person_id=person_id,
            purpose=grant.purpose,
            sections=[section.value for section in sections],
            fields=[],
            consent_id=grant.consent_id,
            access_grant_id=grant.id,
        )
    grant.person_id = person_id
    _decide(write, grant)
    return issued


def _decide(write: Write, grant: Grant) -> None:
    grant.decided_by, grant.decided_at = write.principal.person_id, datetime.now(UTC)


async def _add_goals(write: Write, grant: Grant, goal_ids: Sequence[UUID]) -> None:
    rows = [
        {"tenant_id": grant.tenant_id, "id": new_id(), "grant_id": grant.id, "goal_id": goal_id} for goal_id in goal_ids
    ]
    if rows:
        await write.session.execute(insert(GrantGoal), rows)


def _created(grant: Grant, goal_ids: Sequence[UUID]) -> dict[str, dict[str, Any]]:
    from_nothing = {"before": None, "after": sorted(map(str, goal_ids))}
    return changes_of(grant) | ({"goal_ids": from_nothing} if goal_ids else {})


async def _record(
    write: Write,
    grant: Grant,
    action: str,
    acting_as: Relation,
    reason: str | None = None,
    changes: dict[str, dict[str, Any]] | None = None,
) -> None:
    await write.record(
        grant,
        action,
        section=Section.ACCESS,
        capacity=acting_as,
        learner_id=grant.learner_id,
        plan_id=grant.plan_id,
        reason=reason,
        changes=changes,
    )


async def _show(
    write: Write, grant: Grant, issued: Issued | None = None, *, status: int = 200, location: str | None = None
) -> Response:
    if issued is None:
        return await write.show(GRANT_VIEW, status=status, location=location, id=grant.id)
    return await write.show(
        GRANT_VIEW,
        status=status,
        location=location,
        expand=WITH_TOKEN,
        id=grant.id,
        invitation_token=issued.text,
        invitation_expires_at=issued.expires_at,
    )


def outside_limits() -> Problem:
    return conflict("outside_limits", "People outside get plan, profile and evidence, and propose at most.")
