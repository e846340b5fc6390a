"""What is wrong with a database, in one line for an operator: without addresses, passwords or data."""

import asyncpg
from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError

from app.db.roles import UnsafeRole

BY_SQLSTATE = {
    "28P01": "The database refuses the password.",
    "28000": "The database refuses the role.",
    "3D000": "The database does not exist.",
    "42P01": "The database has no schema yet; run `plp migrate`.",
}


def complaint(error: Exception) -> str | None:
    """The line for an error that an operator can mend; None for any other."""
    match error:
        case UnsafeRole():
            return f"Refusing to serve: {error}. DATABASE_URL must name the role plp_app."
        case CommandError():
            return f"The schema cannot be migrated: {error}"
        case asyncpg.PostgresError() | DBAPIError():
            return BY_SQLSTATE.get(str(getattr(getattr(error, "orig", error), "sqlstate", None)))
        case OSError() | TimeoutError():
            return f"The database cannot be reached ({type(error).__name__})."
        case _:
            return None
