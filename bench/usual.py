"""The plan read as such services are usually written: ORM objects, eager loading, dependencies, a response model.

It does somewhat less than ours: what the caller may do is judged by relation and status only, without the guards, and
progress by milestones is not computed.
"""

from collections.abc import AsyncIterator
from datetime import datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, joinedload, relationship, selectinload

from app.core.access import access_fact, in_force, require
from app.core.errors import not_found, unauthorized
from app.core.principal import Principal, caller_facts
from app.core.rules import DEFAULT, READ, Section
from app.core.runtime import runtime_of
from app.core.schemas import BlockedAction
from app.core.security import AccessClaims
from app.db.read import bind_tenant
from app.plans import models
from app.plans.schemas import PlanOut
from app.plans.workflow import PLAN
from app.roster.models import Person

router = APIRouter(prefix="/bench/usual")


class _Base(DeclarativeBase):
    pass


class _Person(_Base):
    __table__ = Person.__table__


class _Action(_Base):
    __table__ = models.Action.__table__
    created_at: Mapped[datetime]


class _Progress(_Base):
    __table__ = models.ProgressEntry.__table__
    value: Mapped[Decimal | None]
    recorded_at: Mapped[datetime]


class _Goal(_Base):
    __table__ = models.Goal.__table__
    actions: Mapped[list[_Action]] = relationship(order_by=_Action.created_at, viewonly=True)
    entries: Mapped[list[_Progress]] = relationship(order_by=_Progress.recorded_at, viewonly=True)
    created_at: Mapped[datetime]
    baseline: Mapped[Decimal | None]
    target: Mapped[Decimal | None]

    @property
    def current_value(self) -> Decimal | None:
        return next((entry.value for entry in reversed(self.entries) if entry.value is not None), None)

    @property
    def progress(self) -> Decimal | None:
        if self.current_value is None or self.baseline is None or self.target is None:
            return None
        share = (self.current_value - self.baseline) / (self.target - self.baseline)
        return round(min(max(share, Decimal(0)), Decimal(1)), 4)


class _Plan(_Base):
    __allow_unmapped__ = True
    __table__ = models.Plan.__table__
    learner_id: Mapped[UUID]
    status: Mapped[str]
    learner: Mapped[_Person] = relationship(
        primaryjoin=(models.Plan.__table__.c.tenant_id == Person.__table__.c.tenant_id)
        & (models.Plan.__table__.c.learner_id == Person.__table__.c.id),
        foreign_keys=[models.Plan.__table__.c.learner_id],
        viewonly=True,
    )
    goals: Mapped[list[_Goal]] = relationship(order_by=_Goal.created_at, viewonly=True)
    relations: list[str]
    available_actions: list[str]
    blocked_actions: list[BlockedAction]


async def _claims(request: Request) -> AccessClaims:
    return await runtime_of(request).authenticate(request)


async def _session(request: Request, claims: Annotated[AccessClaims, Depends(_claims)]) -> AsyncIterator[AsyncSession]:
    async with runtime_of(request).sessions() as session, session.begin():
        await bind_tenant(session, claims.tenant_id)
        yield session


Session = Annotated[AsyncSession, Depends(_session)]


async def _caller(claims: Annotated[AccessClaims, Depends(_claims)], session: Session) -> Principal:
    facts = await session.scalar(
        select(caller_facts()), {"caller_tenant": claims.tenant_id, "caller_session": claims.session_id}
    )
    if facts is None:
        raise unauthorized()
    return Principal.parse(facts, claims)


@router.get("/plans/{id}", response_model=PlanOut)
async def get_plan(id: UUID, caller: Annotated[Principal, Depends(_caller)], session: Session) -> _Plan:
    plan = await session.scalar(
        select(_Plan)
        .where(models.Plan.__table__.c.id == id)
        .options(
            joinedload(_Plan.learner),
            selectinload(_Plan.goals).options(selectinload(_Goal.actions), selectinload(_Goal.entries)),
        )
    )
    if plan is None:
        raise not_found()
    plan.relations = sorted(await _relations(session, caller, plan.learner_id))
    require(DEFAULT, plan.relations, Section.PLAN, READ)
    _judge(plan)
    return plan


async def _relations(session: AsyncSession, caller: Principal, learner_id: UUID) -> set[str]:
    found = select(access_fact.c.relation).where(
        access_fact.c.person_id == caller.person_id,
        access_fact.c.learner_id == learner_id,
        in_force(access_fact.c.from_on, access_fact.c.until_on),
    )
    return set(await session.scalars(found, caller.binds()))


def _judge(plan: _Plan) -> None:
    plan.available_actions, plan.blocked_actions = [], []
    for rule in PLAN.rules:
        if not any(relation.value in plan.relations for relation in rule.by):
            names = ", ".join(sorted(relation.value for relation in rule.by))
            blocked = BlockedAction(action=rule.action, code="forbidden", detail=f"Only for: {names}.")
            plan.blocked_actions.append(blocked)
        elif rule.sources and plan.status not in rule.sources:
            blocked = BlockedAction(action=rule.action, code="wrong_status", detail="Not in this status.")
            plan.blocked_actions.append(blocked)
        else:
            plan.available_actions.append(rule.action)
