"""Cases: a made-up tenant, and what is asked about it by whom."""

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.access.kinds import KINDS, Answer, Kind
from tests.access.oracle import Oracle
from tests.access.targets import everything
from tests.access.worlds import Tenant, tenants

REQUESTS = 60
"""At most so many a case."""
CALLERS = 3


@dataclass(frozen=True)
class Question:
    who: str
    kind: Kind
    target: str

    def __repr__(self) -> str:
        return f"{self.who}: {self.kind.method} {self.kind.path} of {self.target or 'all'}"

    def answer(self, oracle: Oracle) -> Answer:
        return self.kind.answer(oracle, self.who, self.target)


@dataclass(frozen=True)
class Case:
    """A tenant, and what is asked about it."""

    tenant: Tenant
    questions: tuple[Question, ...]


@st.composite
def cases(draw: Any) -> Case:
    """A few callers, each asked for all of every list, and for some of the rest: mostly about learners they are
    something to."""
    tenant = draw(tenants())
    judge = Oracle(tenant, tenant.today())
    rarer = [fact.person for fact in (*tenant.grants.values(), *tenant.team.values(), *tenant.opened.values())]
    rarer += [glass.person for glass in tenant.opened.values()]
    some = st.sampled_from([*tenant.people, *tenant.services, *tenant.services, *rarer, *rarer])
    callers = draw(st.lists(some, min_size=1, max_size=CALLERS, unique=True))
    always, rest = [], []
    for who in callers:
        known = {tie.learner for tie in judge.ties(who)}
        for kind in KINDS:
            targets = list(kind.targets(tenant))
            near = [target for target in targets if tenant.learner_of(target) in known]
            questions = [Question(who, kind, target) for target in (*near, *near, *near, *targets)]
            if kind.targets is everything:
                always += questions
            elif questions:
                rest.append(st.sampled_from(questions))
    some_of_the_rest = st.lists(
        st.sampled_from(rest).flatmap(lambda alike: alike), min_size=30, max_size=REQUESTS - len(always), unique=True
    )
    return Case(tenant, (*always, *draw(some_of_the_rest)))
