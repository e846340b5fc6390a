"""Every table of the application in one metadata, for migrations and for the tests that walk them."""

from app.competencies import models as competencies
from app.core import events, idempotency, looks
from app.db.base import Base
from app.identity import models as identity
from app.learners import models as learners
from app.plans import models as plans
from app.roster import models as roster
from app.sharing import models as sharing

metadata = Base.metadata

__all__ = [
    "competencies",
    "events",
    "idempotency",
    "identity",
    "learners",
    "looks",
    "metadata",
    "plans",
    "roster",
    "sharing",
]
