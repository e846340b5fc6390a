"""Making share links, deciding on them and ending them."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from starlette.responses import Response

from app.core.access import ID, TENANT, Shape, may_read, relations_to
from app.core.errors import conflict, explain_constraint, forbidden, invalid, not_found
from app.core.passwords import WeakPassword, check_password
from app.core.reads import STATEMENTS_KEPT
from app.core.rules import PERMISSION_WORDS, READ, Policy, Relation, Section
from app.core.schemas import MISSING
from app.core.unit_of_work import Write
from app.core.workflow import apply, capacity_of
from app.db.base import new_id
from app.identity.service.sign_in import hashed
from app.plans.models import Plan
from app.plans.workflow import SHARE
from app.sharing.link_token import LinkToken
from app.sharing.link_workflow import SHARE_LINK
from app.sharing.models import Consent, ShareLink
from app.sharing.schemas.links import ShareLinkCreate, ShareLinkTransitionIn
from app.sharing.views.links import LINK_ROWS, LINK_VIEW, WITH_TOKEN

LONGEST = timedelta(days=366)
PASSCODE_LENGTHS = {"minimum": 6, "maximum": 64}
_ASKED = (Section.PLAN, Section.PROFILE, Section.REFLECTIONS, Section.ACCESS)

explain_constraint("pk_share_link", conflict("id_taken", "This id is taken. Make a new one."))


async def create_link(write: Write, plan_id: UUID, body: ShareLinkCreate) -> Response:
    """A counselor's link is active at once; everybody else's waits for a counselor or the school's administrator."""
    _check_expiry(body.expires_at)
    _check_passcode(body.passcode)
    plan, relations = await _load_plan(write, plan_id)
    acting_as = _check_rights(write.principal.policy, relations, body.sections)
    link = ShareLink(
        tenant_id=plan.tenant_id,
        id=new_id() if body.id is MISSING else body.id,
        plan_id=plan.id,
        learner_id=plan.learner_id,
        label=body.label,
        purpose=body.purpose,
        sections=sorted(set(body.sections)),
        status="proposed",
        expires_at=body.expires_at,
        consent_id=body.consent_id,
        open_count=0,
        proposed_by=write.principal.person_id,
        proposed_as=acting_as,
    )
    await _check_consent(write, link)
    if body.passcode is not None:
        link.passcode_hash = await hashed(write.runtime, body.passcode)
    token = None
    if acting_as is Relation.COUNSELOR:
        link.status = "active"
        token = _hand_out(write, link)
    write.session.add(link)
    await _record(write, link, "create", acting_as)
    return await _show(write, link, token, status=201, location=f"/v1/share-links/{link.id}")


async def move_link(write: Write, link_id: UUID, body: ShareLinkTransitionIn) -> Response:
    """A step of the workflow."""
    link, relations = await LINK_ROWS.load(write, link_id)
    acting_as = await apply(write, SHARE_LINK, body.action, link, relations, body.reason)
    token = None
    if body.action == "approve":
        token = _hand_out(write, link)
    elif body.action == "decline":
        _decide(write, link)
    else:
        link.revoked_by, link.revoked_at = write.principal.person_id, datetime.now(UTC)
        link.token_hash = None
    await _record(write, link, body.action, acting_as, body.reason)
    return await _show(write, link, token)


def _check_expiry(expires_at: datetime) -> None:
    now = datetime.now(UTC)
    if expires_at <= now:
        raise invalid("/expires_at", "not_in_future", "Must be in the future.")
    if expires_at > now + LONGEST:
        raise invalid("/expires_at", "too_late", "Must be within a year.")


def _check_passcode(passcode: str | None) -> None:
    """Hold the passcode to the policy of passwords, but for its lengths."""
    if passcode is None:
        return
    try:
        check_password(passcode, **PASSCODE_LENGTHS)
    except WeakPassword as weak:
        raise invalid("/passcode", weak.reason, weak.detail) from None


def _check_rights(policy: Policy, relations: Mapping[Section, Collection[str]], sections: Collection[str]) -> Relation:
    """The relation by which the caller acts. Nobody shares what she does not read, nor what nobody outside may."""
    if not set(SHARE.words(policy)).intersection(relations[Section.PLAN]):
        raise forbidden(SHARE.permission, SHARE.whose())
    wanted = [Section(section) for section in sections]
    for section in (Section.ACCESS, *wanted):
        if policy.reached(relations[section], section) < READ:
            raise forbidden(f"{PERMISSION_WORDS[section]}:read")
    closed = [section.value for section in wanted if not policy.reaches(section, Relation.GRANTEE, READ)]
    if closed:
        raise conflict("section_closed", f"Your district shares no {', '.join(closed)} with people outside.")
    return capacity_of(SHARE, relations[Section.PLAN], policy)


async def _check_consent(write: Write, link: ShareLink) -> None:
    """404 for what is no consent of this learner's, 409 for one that does not cover the link."""
    if link.consent_id is None:
        return
    wanted = Consent.id == link.consent_id, Consent.learner_id == link.learner_id
    consent = await write.session.scalar(select(Consent).where(*wanted))
    if consent is None:
        raise not_found("/consent_id")
    if not _covers(consent, link):
        raise conflict("consent_not_covering", "The consent is not one to sharing these sections with anybody.")
    today = write.principal.today()
    has_ended = consent.until_on is not None and consent.until_on <= today
    if consent.withdrawn_at is not None or consent.signed_on > today or has_ended:
        raise conflict("consent_ended", "The consent is not in force.")


def _covers(consent: Consent, link: ShareLink) -> bool:
    """A consent to share with one person is none to a link, which anybody may hold."""
    is_open = consent.purpose == "sharing" and consent.recipient_person_id is None
    return is_open and set(link.sections) <= set(consent.sections)


def _hand_out(write: Write, link: ShareLink) -> str:
    """The token of a link that becomes active."""
    _decide(write, link)
    token = LinkToken.new(link.tenant_id, link.id)
    link.token_hash = token.hash(write.runtime.keyring)
    return token.write()


def _decide(write: Write, link: ShareLink) -> None:
    link.decided_by, link.decided_at = write.principal.person_id, datetime.now(UTC)


async def _record(write: Write, link: ShareLink, action: str, acting_as: Relation, reason: str | None = None) -> None:
    await write.record(
        link,
        action,
        section=Section.ACCESS,
        capacity=acting_as,
        learner_id=link.learner_id,
        plan_id=link.plan_id,
        reason=reason,
    )


async def _show(
    write: Write, link: ShareLink, token: str | None, *, status: int = 200, location: str | None = None
) -> Response:
    expand = WITH_TOKEN if token else frozenset[str]()
    return await write.show(LINK_VIEW, status=status, location=location, expand=expand, id=link.id, link_token=token)


async def _load_plan(write: Write, plan_id: UUID) -> tuple[Plan, dict[Section, list[str]]]:
    """The plan, and the caller's relations in each section that matters here; 404 if she may not know of the plan.

    The row is not locked: the passcode takes its time to be hashed.
    """
    statement = _plan(write.principal.shape)
    row = (await write.session.execute(statement, {**write.principal.binds(), "id": plan_id})).one_or_none()
    if row is None:
        raise not_found()
    return row[0], {section: list(words) for section, words in zip(_ASKED, row[1:], strict=True)}


@lru_cache(maxsize=STATEMENTS_KEPT)
def _plan(shape: Shape) -> Select[Any]:
    def relations(section: Section) -> Any:
        return relations_to(shape, section, learner_id=Plan.learner_id, school_id=Plan.school_id, plan_id=Plan.id)

    return select(Plan, *(relations(section).label(section.value) for section in _ASKED)).where(
        Plan.tenant_id == TENANT, Plan.id == ID, may_read(shape, Section.PLAN, relations(Section.PLAN))
    )
