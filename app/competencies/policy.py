"""Who reads frameworks: everybody who is signed in as a person; a service within its scopes."""

from collections.abc import Callable, Mapping
from typing import Any

from app.core.errors import forbidden
from app.core.principal import Principal
from app.core.reads import Read
from app.db.read import Statement

READING_SCOPES = frozenset({"competencies.read", "competencies.write", "plans.read", "plans.write"})


class CompetencyRead(Read):
    """A read that asks for the permission to read competencies, of the caller as of now."""

    async def fetch(
        self, statement_for: Callable[[Principal], Statement], values: Mapping[str, Any]
    ) -> tuple[Principal, Any]:
        principal, row = await super().fetch(statement_for, values)
        if principal.service_client_id is not None and principal.scopes.isdisjoint(READING_SCOPES):
            raise forbidden("competencies:read")
        return principal, row
