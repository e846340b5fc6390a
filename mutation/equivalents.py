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
        r"drop [\w.]*tenant_id == (TENANT|[\w.]*tenant_id) of .*",
        "Row-level security hides every other tenant's rows (tests/db/test_tenancy.py); the condition leads the index.",
    ),
    Equivalent(
        r"migrations/.*",
        r".*",
        r"\w+\.tenant_id = \w+\.tenant_id → true",
        "Row-level security hides every other tenant's rows (tests/db/test_tenancy.py); the condition leads the index.",
    ),
    Equivalent(
        "app/core/rules.py",
        "Policy.reached",
        "level → True",
        "Lets NONE be tried last, which is the answer where nothing is reached.",
    ),
    Equivalent(
        "app/core/access.py",
        "visible",
        r"drop inside of and_\(inside, is_barred.*",
        "What is inside, so far, is the condition on the tenant, which row-level security says again.",
    ),
    Equivalent(
        "app/core/access.py",
        "visible",
        r"drop shape.schools of .*|shape.schools == 1 → False|shape.is_related → True",
        "Only chooses the statement that is fast for this caller; whoever has no school or fact finds nothing by it.",
    ),
)


def reason(mutant: Mutant) -> str | None:
    """Why the mutant is no fault, if it is none."""
    return next((equivalent.reason for equivalent in EQUIVALENTS if equivalent.matches(mutant)), None)
