"""Faults that change nothing that anybody could see, each with the reason. They are not tried."""

import re
from dataclasses import dataclass

from mutation.mutants import Mutant


@dataclass(frozen=True)
class Equivalent:
    """Matches a mutant's path, place and change."""

    path: str
    within: str
    change: str
    reason: str

    def matches(self, mutant: Mutant) -> bool:
        return all(
            re.fullmatch(pattern, text)
            for pattern, text in ((self.path, mutant.path), (self.within, mutant.within), (self.change, mutant.change))
        )


EQUIVALENTS = (
    Equivalent(
        r".*",
        r".*",
        r"drop [\w.]*tenant_id == (TENANT|[\w.]*tenant_id)",
        "Row-level security hides every other tenant's rows (tests/db/test_tenancy.py); the condition leads the index.",
    ),
    Equivalent(
        r"migrations/.*",
        r".*",
        r"\w+\.tenant_id = \w+\.tenant_id → true",
        "Row-level security hides every other tenant's rows (tests/db/test_tenancy.py); the condition leads the index.",
    ),
)


def reason(mutant: Mutant) -> str | None:
    """Why the mutant is no fault, if it is none."""
    return next((equivalent.reason for equivalent in EQUIVALENTS if equivalent.matches(mutant)), None)
