"""Runs the tests in a fork with a fault seeded; the first test that fails is the fault's witness."""

import itertools
import os
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

import asyncpg
import hypothesis
import pytest

from mutation import forks, seeding
from mutation.forks import Done
from mutation.mutants import VIEWS, WORKFLOW, Mutant

PROFILE = "mutation"
OPTIONS = (
    *("-q", "--tb=short", "--capture=no", "-p", "no:cacheprovider", "-p", "anyio"),
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),  # hypothesis is here before pytest
)
ALONE = "tests/core/test_rules.py"
"""Needs neither the application nor a database."""
SUITE = (
    "tests/core/test_access.py",
    "tests/core/test_workflow.py",
    "tests/learners",
    "tests/plans/test_comments.py",
    "tests/plans/test_reflecting.py",
    "tests/plans/test_reflections.py",
    "tests/sharing",
    "tests/plans",
    "tests/identity/test_reach.py",
    "tests/identity/test_accounts.py",
    "tests/identity/test_service_clients.py",
    "tests/identity/test_sessions.py",
    "tests/access",
)
"""In this order, but for tests that have found something: they come first."""
ONLY_FOR = {"tests/identity": VIEWS, "tests/core/test_workflow.py": WORKFLOW}
PATIENCE = 1800.0
"""Seconds for all the tests of one mutant."""
NOT_BUILT = "it cannot be built: "

hypothesis.settings.register_profile(
    PROFILE,
    max_examples=50,
    derandomize=True,
    deadline=None,
    database=None,
    report_multiple_bugs=False,
    phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],  # what is found need not be made small
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture, hypothesis.HealthCheck.too_slow],
)


class Trial:
    """A run over many mutants. `tell` hears of each that is done."""

    def __init__(
        self, place: Path, directory: Path, jobs: int, seconds: float, tell: Callable[[Done[Mutant]], None]
    ) -> None:
        self.place = place
        self.directory = directory
        self.jobs = jobs
        self.seconds = seconds or PATIENCE
        """After so many no further test begins."""
        self.tell = tell
        self.witnesses: Counter[str] = Counter()
        self.broken: set[str] = set()
        """Tests that fail without a fault, too."""
        os.environ["HYPOTHESIS_PROFILE"] = PROFILE
        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"

    def by_rules_alone(self, mutants: Sequence[Mutant]) -> list[Mutant]:
        """Try the tests of the rules; the mutants that they do not find, of which nobody is told."""
        if mutants and (words := forks.run(_alone(None), self.directory, PATIENCE)):
            raise SystemExit(f"Without a fault, too: {words[0]}")
        work = ((mutant, _alone(mutant)) for mutant in mutants)
        survivors = []
        for done in forks.run_all(work, self.jobs, self.directory, PATIENCE):
            if done.words:
                self.tell(done)
            else:
                survivors.append(done.job)
        return survivors

    def in_place(self, mutants: Sequence[Mutant]) -> None:
        """Try the whole suite, collected once for all mutants."""
        if mutants:
            code = pytest.main([*OPTIONS, *SUITE], plugins=[_Collected(self, mutants)])
            if code:
                raise SystemExit(f"pytest ended with {code}")

    def anew(self, mutants: Sequence[Mutant]) -> None:
        """Try the whole suite, with the application imported anew for each mutant."""
        work = ((mutant, self._imported_anew(mutant)) for mutant in mutants)
        for done in forks.run_all(work, self.jobs, self.directory, PATIENCE):
            self.done(done)

    def done(self, done: Done[Mutant]) -> None:
        self.witnesses.update(done.words)
        self.tell(done)

    def in_order(self, items: Sequence[pytest.Item], mutant: Mutant) -> list[pytest.Item]:
        """The tests that may find it, those first that found the most."""

        def may_find(item: pytest.Item) -> bool:
            others = any(mutant.kind != kind and item.nodeid.startswith(path) for path, kind in ONLY_FOR.items())
            return not others and item.nodeid not in self.broken

        return sorted(filter(may_find, items), key=lambda item: -self.witnesses[item.nodeid])

    def _imported_anew(self, mutant: Mutant) -> forks.Work:
        def work() -> list[str]:
            seeding.seed_anew(mutant)
            watch = _Watch(self, mutant)
            return watch.found(pytest.main([*OPTIONS, "-x", *SUITE], plugins=[watch]))

        return work


def _alone(mutant: Mutant | None) -> forks.Work:
    def work() -> list[str]:
        seeding.seed_anew(mutant)
        hypothesis.settings.load_profile(PROFILE)
        watch = _Watch(None, mutant)
        return watch.found(pytest.main([*OPTIONS, "-x", "--noconftest", ALONE], plugins=[watch]))

    return work


class _Watch:
    """A plugin of pytest: uses the run's server as a worker does, seeds views, keeps the failures."""

    def __init__(self, trial: Trial | None, mutant: Mutant | None) -> None:
        self.trial = trial
        self.mutant = mutant
        self.failures: list[str] = []

    def found(self, code: int) -> list[str]:
        if code == pytest.ExitCode.USAGE_ERROR:
            return ["the application cannot be imported"]
        assert self.failures or code == pytest.ExitCode.OK, code
        return self.failures[:1]

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: Any) -> None:
        if self.trial:
            config.workerinput = {"place": str(self.trial.place), "workerid": f"m{os.getpid()}"}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        if self.trial and self.mutant:
            items[:] = self.trial.in_order(items, self.mutant)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Generator[None, Any, Any]:
        made = yield
        if fixturedef.argname == "database" and self.mutant and self.mutant.kind == VIEWS:
            try:
                seeding.seed_view(made.owner, self.mutant.statement)
            except asyncpg.PostgresError as fault:
                self.failures.append(f"{NOT_BUILT}{fault}")
                raise
        return made

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.failures.append(report.nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failures.append(report.nodeid)


class _Collected(_Watch):
    """Stops where the tests would begin, and lets them run in forks."""

    def __init__(self, trial: Trial, mutants: Sequence[Mutant]) -> None:
        super().__init__(trial, None)
        self.trial: Trial = trial
        self.mutants = mutants

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        left = list(self.mutants)
        while left:
            left = [done.job for done in self._tried(session, left) if not self._counts(session, done)]
        return True

    def _tried(self, session: pytest.Session, mutants: Sequence[Mutant]) -> Iterator[Done[Mutant]]:
        work = ((mutant, self._seeded(session, mutant)) for mutant in mutants)
        return forks.run_all(work, self.trial.jobs, self.trial.directory, PATIENCE)

    def _counts(self, session: pytest.Session, done: Done[Mutant]) -> bool:
        """Whether the outcome holds: the witness does not fail without a fault. Each is asked once."""
        witness = next((item for item in session.items if done.words == [item.nodeid]), None)
        if witness and witness.nodeid not in (*self.trial.witnesses, *self.trial.broken):
            alone = [witness]
            if forks.run(lambda: self._run(session, alone), self.trial.directory, PATIENCE):
                self.trial.broken.add(witness.nodeid)
        if witness and witness.nodeid in self.trial.broken:
            return False
        self.trial.done(done)
        return True

    def _seeded(self, session: pytest.Session, mutant: Mutant) -> forks.Work:
        def work() -> list[str]:
            self.mutant = mutant
            if mutant.kind != VIEWS:
                seeding.seed_in_place(mutant)
            return self._run(session, self.trial.in_order(session.items, mutant))

        return work

    def _run(self, session: pytest.Session, items: list[pytest.Item]) -> list[str]:
        """In a fork: the tests, up to the first failure."""
        self.failures.clear()
        began = time.monotonic()
        session.config.workerinput["workerid"] = f"m{os.getpid()}"  # type: ignore[attr-defined]
        for item, following in itertools.zip_longest(items, items[1:]):
            session.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if self.failures and not self.failures[0].startswith(NOT_BUILT):  # once more: the machine may be busy
                self.failures.clear()
                session.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if self.failures or time.monotonic() - began > self.trial.seconds:
                break
        session._setupstate.teardown_exact(None)  # drops the fork's database
        return self.failures[:1]
