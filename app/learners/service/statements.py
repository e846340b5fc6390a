"""Stating, changing and deleting what a learner is good at, likes and hopes for."""

from collections.abc import Collection
from datetime import date
from uuid import UUID

from starlette.responses import Response

from app.core.access import require
from app.core.errors import conflict, explain_constraint, invalid
from app.core.rules import READ, WRITE, Section
from app.core.schemas import MISSING
from app.core.unit_of_work import Write
from app.core.workflow import Workflow, decide
from app.db.base import new_id
from app.learners.models import ProfileStatement
from app.learners.policy import load_owned, lock_learner
from app.learners.statement_schemas import ProfileStatementCreate, ProfileStatementPatch
from app.learners.statement_views import STATEMENT
from app.learners.workflow import ANY_STATEMENT, LEARNER_ACTIONS, OWN_STATEMENT

explain_constraint("pk_profile_statement", conflict("id_taken", "This id is taken. Make a new one."))


async def create_statement(write: Write, learner_id: UUID, body: ProfileStatementCreate) -> Response:
    """In the caller's own name; 404 if the caller may not know of the learner or of the profile."""
    learner, relations = await lock_learner(write, learner_id, Section.PROFILE)
    require(write.principal.policy, relations, Section.PROFILE, READ)
    _, acting_as = await decide(write, LEARNER_ACTIONS, "add_profile_statement", learner, relations, is_versioned=False)
    statement = ProfileStatement(
        tenant_id=learner.tenant_id,
        id=new_id() if body.id is MISSING else body.id,
        learner_id=learner.id,
        kind=body.kind,
        statement=body.statement,
        author_id=write.principal.person_id,
        author_as=acting_as.value,
        stated_on=write.principal.today() if body.stated_on is MISSING else body.stated_on,
    )
    _check_date(write, statement.stated_on)
    write.session.add(statement)
    await _record(write, statement, "create", acting_as)
    location = f"/v1/profile-statements/{statement.id}"
    return await write.show(STATEMENT, status=201, location=location, id=statement.id)


async def change_statement(write: Write, statement_id: UUID, body: ProfileStatementPatch) -> Response:
    statement, relations = await load_owned(write, ProfileStatement, statement_id, Section.PROFILE)
    _, acting_as = await decide(write, _workflow(write, relations), "edit", statement, relations)
    for name, value in body.changes().items():
        setattr(statement, name, value)
    _check_date(write, statement.stated_on)
    if write.session.is_modified(statement):
        await _record(write, statement, "edit", acting_as)
    return await write.show(STATEMENT, id=statement.id)


async def delete_statement(write: Write, statement_id: UUID) -> Response:
    statement, relations = await load_owned(write, ProfileStatement, statement_id, Section.PROFILE)
    _, acting_as = await decide(write, _workflow(write, relations), "delete", statement, relations)
    await _record(write, statement, "delete", acting_as)
    await write.session.delete(statement)
    return Response(status_code=204)


def _workflow(write: Write, relations: Collection[str]) -> Workflow:
    """As the view chooses: who keeps the profile may do more with what others stated."""
    return ANY_STATEMENT if write.principal.policy.reached(relations, Section.PROFILE) >= WRITE else OWN_STATEMENT


def _check_date(write: Write, stated_on: date) -> None:
    if stated_on > write.principal.today():
        raise invalid("/stated_on", "in_the_future", "Nothing can be stated before its day.")


async def _record(write: Write, statement: ProfileStatement, action: str, acting_as: str) -> None:
    await write.record(statement, action, section=Section.PROFILE, capacity=acting_as, learner_id=statement.learner_id)
