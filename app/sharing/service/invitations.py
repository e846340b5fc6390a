"""Letting in somebody who was invited by e-mail: whose account it is, or a new one with a token to set its password."""

from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select, true
from sqlalchemy.orm import aliased

from app.core.access import TODAY
from app.core.rules import Relation, Section
from app.core.unit_of_work import Write
from app.identity.identifiers import identifier_hash
from app.identity.models import Account, Login
from app.identity.service.accounts import create_account
from app.identity.service.passwords import Issued, issue_token, void_tokens
from app.learners.models import Learner
from app.roster.models import Person, RoleAssignment
from app.sharing.models import Grant
from app.sharing.people import MENTOR

__all__ = ["Issued", "call_off", "let_in"]


async def let_in(write: Write, grant: Grant, acting_as: Relation) -> tuple[UUID, Issued | None]:
    """The invited person; and a token, if she is new here."""
    assert grant.invited_email is not None
    known = await write.session.scalar(_holder(write, grant.invited_email))
    if known is not None:
        return known, None
    session, keyring = write.session, write.runtime.keyring
    person = await _new_mentor(write, grant, acting_as)
    account = await create_account(session, keyring, grant.tenant_id, person_id=person.id, email=grant.invited_email)
    email = {"email": {"before": None, "after": account.email}}
    await write.record(account, "invite", section=Section.ACCOUNT, capacity=acting_as, changes=email)
    # It is no administrator's token, to serve while she is one: `call_off` ends it with the grant.
    return person.id, await issue_token(session, keyring, account, "invitation", issued_by=None)


def _holder(write: Write, email: str) -> Select[Any]:
    """The person whose account answers to the e-mail, compared as at sign-in."""
    return (
        select(Account.person_id)
        .join(Login, (Login.tenant_id == Account.tenant_id) & (Login.account_id == Account.id))
        .where(
            Login.tenant_id == write.principal.tenant_id,
            Login.identifier_hash == identifier_hash(write.runtime.keyring, email),
        )
    )


async def _new_mentor(write: Write, grant: Grant, acting_as: Relation) -> Person:
    """A mentor at the learner's school, whose administrator looks after the account."""
    school_id = await write.session.scalar(select(Learner.school_id).where(Learner.id == grant.learner_id))
    person = Person(
        tenant_id=grant.tenant_id, given_name=grant.invited_given_name, family_name=grant.invited_family_name
    )
    write.session.add(person)
    await write.session.flush()
    await write.record(person, "create", section=Section.ACCOUNT, capacity=acting_as)
    role = RoleAssignment(
        tenant_id=grant.tenant_id,
        person_id=person.id,
        org_id=school_id,
        role=MENTOR,
        from_on=write.principal.today(),
    )
    write.session.add(role)
    await write.session.flush()
    await write.record(role, "create", section=Section.ACCOUNT, capacity=acting_as)
    return person


async def call_off(write: Write, grant: Grant) -> None:
    """Void the token that letting somebody in by this grant made, unless another grant wants her here by now."""
    if grant.invited_email is None or grant.person_id is None:
        return
    other = aliased(Grant)
    wanted = select(other.id).where(
        other.person_id == grant.person_id,
        other.id != grant.id,
        other.status == "active",
        func.coalesce(other.until_on > TODAY, true()),
    )
    account = await write.session.scalar(
        select(Account)
        .join(Grant, Grant.tenant_id == Account.tenant_id)
        .where(
            Grant.id == grant.id,
            Account.person_id == grant.person_id,
            Account.password_hash.is_(None),
            Account.created_at >= Grant.created_at,
            ~wanted.exists(),
        ),
        write.principal.binds(),
    )
    if account is not None:
        await void_tokens(write.session, account)
