"""Changing the facts by which a learner comes of age."""

from uuid import UUID

from starlette.responses import Response

from app.core.access import require
from app.core.errors import invalid
from app.core.rules import READ, Section
from app.core.unit_of_work import Write
from app.core.workflow import decide
from app.learners.majority_schemas import MajorityPatch
from app.learners.majority_views import MAJORITY_VIEW
from app.learners.models import Learner
from app.learners.policy import lock_learner
from app.learners.workflow import MAJORITY


async def change_majority(write: Write, learner_id: UUID, body: MajorityPatch) -> Response:
    """A merge patch. The database reckons the day; guardians' facts end by it."""
    learner, relations = await lock_learner(write, learner_id, Section.ACCESS)
    require(write.principal.policy, relations, Section.ACCESS, READ)
    _, acting_as = await decide(write, MAJORITY, "edit", learner, relations)
    for name, value in body.changes().items():
        setattr(learner, name, value)
    _check_dates(write, learner)
    if write.session.is_modified(learner):
        await write.record(learner, "edit", section=Section.ACCESS, capacity=acting_as, learner_id=learner.id)
    return await write.show(MAJORITY_VIEW, id=learner.id)


def _check_dates(write: Write, learner: Learner) -> None:
    if learner.birth_on is None:
        return
    if learner.birth_on >= write.principal.today():
        raise invalid("/birth_on", "in_the_future", "A birth lies in the past.")
    if learner.college_entry_on is not None and learner.college_entry_on <= learner.birth_on:
        raise invalid("/college_entry_on", "dates_in_order", "college_entry_on must be after birth_on.")
