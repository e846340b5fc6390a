"""Signing consents in the product, recording those on paper, withdrawing either."""

from collections.abc import Collection
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Text, Uuid, column, exists, literal, or_, select, table
from sqlalchemy.dialects.postgresql import ARRAY
from starlette.responses import Response

from app.core.access import TENANT, access_fact, in_force, require
from app.core.errors import conflict, explain_constraint, forbidden, invalid, not_found
from app.core.rules import PERMISSION_WORDS, READ, Relation, Section
from app.core.schemas import MISSING
from app.core.unit_of_work import Write
from app.core.workflow import decide
from app.db.base import Sql, new_id
from app.learners.models import Learner
from app.learners.policy import load_learner
from app.sharing.facts_workflow import ADD_CONSENT, CONSENT
from app.sharing.models import Consent
from app.sharing.people import standing
from app.sharing.schemas.consents import ConsentCreate, ConsentTransitionIn
from app.sharing.service.dates import check_order
from app.sharing.views.consents import CONSENT_ROWS, CONSENT_VIEW

_barred = table(
    "barred",
    column("tenant_id", Uuid()),
    column("person_id", Uuid()),
    column("learner_id", Uuid()),
    column("sections", ARRAY(Text())),
)

explain_constraint("pk_consent", conflict("id_taken", "This id is taken. Make a new one."))


async def create_consent(write: Write, learner_id: UUID, body: ConsentCreate) -> Response:
    """The caller's own consent, or one on paper that she records."""
    signed_on = _checked(body, write.principal.today())
    learner, relations = await load_learner(write, learner_id, Section.ACCESS)
    require(write.principal.policy, relations, Section.ACCESS, READ)
    is_recorded = body.method == "on_paper"
    signing = "keep_guardian" if body.purpose == "guardian_access" else "sign"
    action = "record" if is_recorded else signing
    _, acting_as = await decide(write, ADD_CONSENT, action, learner, relations, is_versioned=False)
    consenter_id = await _signer(write, learner, body) if is_recorded else write.principal.person_id
    if acting_as is Relation.GUARDIAN:
        await _check_sections(write, learner, body.sections)
    if body.recipient_person_id is not None:
        await _check_recipient(write, learner, body, acting_as)
    consent = Consent(
        tenant_id=learner.tenant_id,
        id=new_id() if body.id is MISSING else body.id,
        learner_id=learner.id,
        consenter_id=consenter_id,
        consenter_as="learner" if consenter_id == learner.id else "guardian",
        recorded_by=write.principal.person_id if is_recorded else None,
        signed_on=signed_on,
        **body.model_dump(exclude={"id", "consenter_id", "signed_on"}),
    )
    write.session.add(consent)
    await _record(write, consent, "create", acting_as)
    return await write.show(CONSENT_VIEW, status=201, location=f"/v1/consents/{consent.id}", id=consent.id)


async def move_consent(write: Write, consent_id: UUID, body: ConsentTransitionIn) -> Response:
    """Withdraw it. What rests on it ends by itself, for it is looked up with every request."""
    consent, relations = await CONSENT_ROWS.load(write, consent_id)
    _, acting_as = await decide(write, CONSENT, body.action, consent, relations, reason=body.reason)
    consent.withdrawn_at, consent.withdrawn_by = datetime.now(UTC), write.principal.person_id
    await _record(write, consent, body.action, acting_as, body.reason)
    return await write.show(CONSENT_VIEW, id=consent.id)


def _checked(body: ConsentCreate, today: date) -> date:
    """The day of the signature, once what was sent fits together."""
    signed_on = today if body.signed_on is MISSING else body.signed_on
    if signed_on > today:
        raise invalid("/signed_on", "in_the_future", "Nobody has signed yet.")
    check_order(signed_on, body.until_on)
    if body.method == "on_paper":
        _needed(body, "reference", "Say where the signed paper lies.")
        _needed(body, "consenter_id", "Say who signed the paper.")
    else:
        for name in ("reference", "consenter_id"):
            if getattr(body, name) is not None:
                raise invalid(f"/{name}", "not_accepted", "Only of a paper; in the product the caller signs.")
        if signed_on != today:
            raise invalid("/signed_on", "not_today", "In the product one signs today.")
    if body.purpose == "guardian_access":
        _needed(body, "recipient_person_id", "Say which guardian keeps access.")
        if body.sections:
            raise invalid("/sections", "not_accepted", "A guardian keeps what a guardian has: name no sections.")
    elif not body.sections:
        raise invalid("/sections", "missing", "Say which sections may be shared.")
    return signed_on


def _needed(body: ConsentCreate, name: str, detail: str) -> None:
    if getattr(body, name) is None:
        raise invalid(f"/{name}", "missing", detail)


async def _signer(write: Write, learner: Learner, body: ConsentCreate) -> UUID:
    """Who signed the paper: the learner once of age, until then a guardian in force; anybody else is unknown."""
    assert body.consenter_id is not None
    is_of_age = learner.majority_on is not None and learner.majority_on <= write.principal.today()
    if body.consenter_id == learner.id:
        if not is_of_age:
            raise conflict("not_of_age", "Until the learner is of age a guardian signs.")
        return learner.id
    person_id = literal(body.consenter_id, Uuid())
    hidden = [Section.ACCESS, *map(Section, body.sections)]
    may_sign = _is_guardian_in_force(person_id, learner) & ~_is_barred(person_id, learner, hidden)
    if not await write.session.scalar(select(may_sign), write.principal.binds()):
        raise not_found("/consenter_id")
    if is_of_age or body.purpose == "guardian_access":
        raise conflict("of_age" if is_of_age else "not_of_age", "Only the learner signs this, once of age.")
    return body.consenter_id


async def _check_sections(write: Write, learner: Learner, sections: Collection[str]) -> None:
    """A guardian opens to others nothing that she does not read herself."""
    policy = write.principal.policy
    for section in map(Section, sections):
        is_hidden = learner.id in write.principal.barred_from(section)
        if is_hidden or not policy.reaches(section, Relation.GUARDIAN, READ):
            raise forbidden(f"{PERMISSION_WORDS[section]}:read")


async def _check_recipient(write: Write, learner: Learner, body: ConsentCreate, acting_as: Relation) -> None:
    """404 for whom the caller may not know of: a family knows who has to do with the learner, staff also know staff
    and mentors. Access is kept by a guardian only."""
    assert body.recipient_person_id is not None
    found = await standing(write, body.recipient_person_id, learner.id)
    if found is None or found.is_pupil:
        raise not_found("/recipient_person_id")
    knowing = Relation.LEARNER if acting_as in (Relation.LEARNER, Relation.GUARDIAN) else acting_as
    is_known = found.is_guardian if body.purpose == "guardian_access" else found.is_known_to(knowing)
    if not is_known:
        raise not_found("/recipient_person_id")


def _is_guardian_in_force(person_id: Sql, learner: Learner) -> ColumnElement[bool]:
    """Whether the person has a guardian's rights over the record today, restrictions aside."""
    return exists().where(
        access_fact.c.tenant_id == TENANT,
        access_fact.c.person_id == person_id,
        access_fact.c.learner_id == learner.id,
        access_fact.c.relation == Relation.GUARDIAN.value,
        in_force(access_fact.c.from_on, access_fact.c.until_on),
    )


def _is_barred(person_id: Sql, learner: Learner, sections: Collection[Section]) -> ColumnElement[bool]:
    """Whether a restriction keeps the person from the learner, or from one of these sections."""
    named: Any = literal([section.value for section in sections], ARRAY(Text()))
    return exists().where(
        _barred.c.tenant_id == TENANT,
        _barred.c.person_id == person_id,
        _barred.c.learner_id == learner.id,
        or_(_barred.c.sections.is_(None), _barred.c.sections.op("&&", is_comparison=True)(named)),
    )


async def _record(write: Write, consent: Consent, action: str, acting_as: str, reason: str | None = None) -> None:
    await write.record(
        consent, action, section=Section.ACCESS, capacity=acting_as, learner_id=consent.learner_id, reason=reason
    )
