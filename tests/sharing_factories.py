"""Rows of sharing for a test's world: facts that give or take access, and texts that sections hold.

Where a person is asked for, anything with the person's id will do. By default everything holds today.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from app.learners.models import Learner, ProfileStatement, StaffNote
from app.plans.models import Comment, Goal, Plan, Reflection
from app.roster.models import Delegation, Guardianship, GuardianshipRestriction
from app.sharing.models import (
    BreakGlass,
    Consent,
    Grant,
    GrantGoal,
    ShareLink,
    SharingPolicy,
    TeamMember,
)
from tests.factories import EARLIER, LATER, Identified, World

# Facts


async def age(world: World, learner: Learner, **fields: Any) -> Learner:
    """The learner with another `birth_on`, `college_entry_on` or `is_dependent`."""
    async with world.transaction() as session:
        found = await session.get_one(Learner, (world.tenant.id, learner.id))
        for name, value in fields.items():
            setattr(found, name, value)
        await session.flush()
        await session.refresh(found)
    return found


async def team_member(
    world: World,
    plan: Plan,
    person: Identified,
    *,
    role: str = "coach",
    from_on: date | None = None,
    until_on: date | None = None,
) -> TeamMember:
    return await world.make(
        TeamMember, **_of_plan(plan), person_id=person.id, role=role, from_on=from_on, until_on=until_on
    )


async def delegation(
    world: World,
    delegator: Identified,
    delegate: Identified,
    *,
    from_on: date = EARLIER,
    until_on: date = LATER,
    reason: str = "parental leave",
    created_by: Identified | None = None,
) -> Delegation:
    return await world.make(
        Delegation,
        delegator_id=delegator.id,
        delegate_id=delegate.id,
        from_on=from_on,
        until_on=until_on,
        reason=reason,
        created_by=created_by.id if created_by else None,
    )


async def restrict_sections(
    world: World,
    guardianship: Guardianship,
    sections: Sequence[str],
    *,
    from_on: date | None = None,
    until_on: date | None = None,
) -> GuardianshipRestriction:
    """Keep the contact from some sections; `World.restrict` keeps it from everything."""
    return await world.make(
        GuardianshipRestriction,
        guardianship_id=guardianship.id,
        kind="sections",
        sections=list(sections),
        evidence_reference="court order 2",
        from_on=from_on,
        until_on=until_on,
    )


async def consent(
    world: World,
    learner: Identified,
    consenter: Identified | None = None,
    *,
    recipient_person: Identified | None = None,
    **fields: Any,
) -> Consent:
    """A consent to sharing, signed in the product by the learner or the guardian who is named."""
    signer = consenter or learner
    values: dict[str, Any] = {
        "consenter_as": "learner" if signer.id == learner.id else "guardian",
        "purpose": "sharing",
        "recipient": "The mentors of the youth club",
        "recipient_person_id": recipient_person.id if recipient_person else None,
        "sections": ["plan"],
        "signed_on": EARLIER,
        "method": "in_product",
    }
    return await world.make(Consent, learner_id=learner.id, consenter_id=signer.id, **values | fields)


async def grant(
    world: World,
    plan: Plan,
    person: Identified | None,
    *,
    level: str = "read",
    sections: Sequence[str] = ("plan",),
    goals: Sequence[Goal] = (),
    **fields: Any,
) -> Grant:
    """An active grant to somebody inside. `goals` opens those; pass `sections=()` to open nothing else."""
    values: dict[str, Any] = {
        "person_id": person.id if person else None,
        "is_outside": False,
        "status": "active",
        "purpose": "mentoring",
        "from_on": EARLIER,
        "proposed_by": plan.learner_id,
        "proposed_as": "learner",
    }
    made = await world.make(Grant, **_of_plan(plan), level=level, sections=list(sections), **values | fields)
    for goal in goals:
        await world.make(GrantGoal, grant_id=made.id, goal_id=goal.id)
    return made


async def revoke(world: World, given: Grant) -> None:
    """End a grant, as if it had been revoked."""
    async with world.transaction() as session:
        (await session.get_one(Grant, (world.tenant.id, given.id))).status = "revoked"


async def share_link(world: World, plan: Plan, *, sections: Sequence[str] = ("plan",), **fields: Any) -> ShareLink:
    """An active link. To open it pass the `token_hash` of a token that the application knows how to read."""
    values: dict[str, Any] = {
        "label": "For the youth club",
        "purpose": "mentoring",
        "status": "active",
        "token_hash": plan.id.bytes,
        "expires_at": datetime.now(UTC) + timedelta(days=30),
        "proposed_by": plan.learner_id,
        "proposed_as": "learner",
    }
    return await world.make(ShareLink, **_of_plan(plan), sections=list(sections), **values | fields)


async def break_glass(
    world: World, learner: Identified, person: Identified, *, sections: Sequence[str] = ("staff_notes",), **fields: Any
) -> BreakGlass:
    """Sections that the administrator opened for an hour."""
    values: dict[str, Any] = {
        "reason": "A child in danger.",
        "expires_at": datetime.now(UTC) + timedelta(hours=1),
    }
    return await world.make(
        BreakGlass, learner_id=learner.id, person_id=person.id, sections=list(sections), **values | fields
    )


async def sharing_policy(world: World, rules: dict[str, dict[str, str]]) -> SharingPolicy:
    """The tenant's stricter rules, `{section: {relation: level}}`."""
    return await world.make(SharingPolicy, rules=rules)


# Texts


async def comment(
    world: World, plan: Plan, author: Identified, text: str = "Well done.", *, goal: Goal | None = None, **fields: Any
) -> Comment:
    values: dict[str, Any] = {"author_as": "learner" if author.id == plan.learner_id else "teacher"}
    return await world.make(
        Comment, **_of_plan(plan), goal_id=_id(goal), author_id=author.id, text=text, **values | fields
    )


async def reflection(
    world: World,
    plan: Plan,
    text: str = "I learn best in the morning.",
    *,
    is_private: bool = False,
    goal: Goal | None = None,
    prompt: str | None = None,
) -> Reflection:
    return await world.make(
        Reflection, **_of_plan(plan), goal_id=_id(goal), is_private=is_private, prompt=prompt, text=text
    )


async def staff_note(
    world: World, learner: Identified, author: Identified, text: str = "Ask about the move."
) -> StaffNote:
    return await world.make(StaffNote, learner_id=learner.id, author_id=author.id, text=text)


async def profile_statement(
    world: World,
    learner: Identified,
    author: Identified | None = None,
    statement: str = "I can explain.",
    **fields: Any,
) -> ProfileStatement:
    """By default a strength, stated by the learner."""
    author_id = (author or learner).id
    values: dict[str, Any] = {
        "kind": "strength",
        "author_as": "learner" if author_id == learner.id else "counselor",
        "stated_on": EARLIER,
    }
    return await world.make(
        ProfileStatement, learner_id=learner.id, author_id=author_id, statement=statement, **values | fields
    )


def _of_plan(plan: Plan) -> dict[str, Any]:
    return {"plan_id": plan.id, "learner_id": plan.learner_id}


def _id(row: Identified | None) -> Any:
    return row.id if row else None
