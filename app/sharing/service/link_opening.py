"""Opening a share link: nobody has signed in, and whoever holds the token sees what the link shows.

A token that opens nothing, for whatever reason, has one answer, and the same statement finds it out. Only who holds a
good token learns that a passcode is wanted. Each opening is counted, recorded and noted as a disclosure.
"""

from dataclasses import dataclass

from sqlalchemy import Date, cast, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import Problem, not_found
from app.core.events import Event
from app.core.rules import READ, Policy, Relation, Section
from app.core.runtime import Runtime
from app.db.read import read_inside
from app.identity.models import Tenant
from app.identity.service.attempts import Attempts
from app.identity.service.sign_in import verified
from app.sharing.link_token import LinkToken
from app.sharing.link_workflow import link_in_force
from app.sharing.models import ShareLink, SharingPolicy
from app.sharing.schemas.links import ShareLinkOpen
from app.sharing.schemas.shared_plan import fields_shown
from app.sharing.service.disclosures import disclose_to_holder
from app.sharing.views.shared_plan import shared_plan

FROM_ANYWHERE = ""


@dataclass(frozen=True, slots=True)
class Opened:
    """A link in force, and those of its sections that the tenant shares outside."""

    link: ShareLink
    sections: list[str]


async def open_link(runtime: Runtime, given: ShareLinkOpen, request_id: str) -> str:
    """What the link shows, as JSON."""
    token = LinkToken.read(given.token)
    async with runtime.transaction(token.tenant_id) as session:
        found = await _find(session, runtime, token)
    if found.link.passcode_hash is not None:
        await _check_passcode(runtime, found.link, given.passcode)
    async with runtime.transaction(token.tenant_id) as session:
        return await _show(session, await _find(session, runtime, token, lock=True), request_id)


async def _find(session: AsyncSession, runtime: Runtime, token: LinkToken, *, lock: bool = False) -> Opened:
    """The link that the token opens now; 404 if it opens none, or one whose sections are all closed."""
    today = cast(func.timezone(Tenant.timezone, func.now()), Date)
    statement = (
        select(ShareLink, SharingPolicy.rules)
        .join(Tenant, Tenant.id == ShareLink.tenant_id)
        .outerjoin(SharingPolicy, SharingPolicy.tenant_id == ShareLink.tenant_id)
        .where(
            ShareLink.tenant_id == token.tenant_id,
            ShareLink.id == token.link_id,
            ShareLink.token_hash == token.hash(runtime.keyring),
            link_in_force(ShareLink, today),
        )
    )
    row = (await session.execute(statement.with_for_update(of=ShareLink) if lock else statement)).one_or_none()
    if row is None:
        raise not_found()
    link, policy = row[0], Policy.of(row[1])
    sections = [each for each in link.sections if policy.reaches(Section(each), Relation.GRANTEE, READ)]
    if not sections:
        raise not_found()
    return Opened(link, sections)


async def _check_passcode(runtime: Runtime, link: ShareLink, passcode: str | None) -> None:
    """No connection is held while the passcode is hashed. After wrong guesses the link waits, wherever they came from:
    only who has the token can guess, and an address is easily changed."""
    if passcode is None:
        raise passcode_required()
    attempts = Attempts(runtime, runtime.keyring.mac("share-link-passcode", link.id.bytes), FROM_ANYWHERE)
    async with runtime.sessions() as session:
        await attempts.check(session)
    is_right = await verified(runtime, link.passcode_hash, passcode)
    await attempts.settle(is_right=is_right)
    if not is_right:
        raise passcode_required()


async def _show(session: AsyncSession, opened: Opened, request_id: str) -> str:
    link = opened.link
    reader = await read_inside(session)
    row = await reader.fetch_row(
        shared_plan(frozenset(opened.sections)), {"caller_tenant": link.tenant_id, "id": link.id}
    )
    await _count(session, link)
    session.add(_event(link, request_id))
    await disclose_to_holder(
        session,
        link.tenant_id,
        request_id,
        learner_id=link.learner_id,
        plan_id=link.plan_id,
        basis="share_link",
        recipient=link.label,
        recipient_person_id=None,
        purpose=link.purpose,
        sections=opened.sections,
        fields=fields_shown(opened.sections),
        consent_id=link.consent_id,
        share_link_id=link.id,
    )
    return str(row["body"])


async def _count(session: AsyncSession, link: ShareLink) -> None:
    """The link's version stays: who is about to revoke it must not be told that it changed."""
    opened = update(ShareLink).where(ShareLink.tenant_id == link.tenant_id, ShareLink.id == link.id)
    counted = opened.values(
        open_count=ShareLink.open_count + 1,
        last_opened_at=func.clock_timestamp(),
        updated_at=ShareLink.updated_at,
    )
    await session.execute(counted, execution_options={"synchronize_session": False})


def _event(link: ShareLink, request_id: str) -> Event:
    return Event(
        tenant_id=link.tenant_id,
        capacity="share_link",
        section=Section.ACCESS.value,
        learner_id=link.learner_id,
        plan_id=link.plan_id,
        entity_type=link.__tablename__,
        entity_id=link.id,
        action="open",
        entity_version=link.version,
        changes={},
        request_id=request_id,
    )


def passcode_required() -> Problem:
    return Problem(
        401,
        "passcode_required",
        "Passcode needed",
        "This link opens with its passcode only, which is missing or wrong. Ask whoever gave you the link.",
    )
