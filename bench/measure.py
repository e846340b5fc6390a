"""Rounds of all cases, one after the other, so that a noisy moment hits none alone; medians over the rounds."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from bench.cases import CONNECTIONS, Case, Server
from bench.load import Timing, drive
from bench.processes import Backends, ServerProcess, spent

WARM_UP_SECONDS = 1.5


@dataclass
class Samples:
    """What the rounds gave for one case; times in seconds a request."""

    server_cpu: list[float] = field(default_factory=list)
    database_cpu: list[float] = field(default_factory=list)
    rate: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Figures:
    """The medians of one case; times in milliseconds."""

    server_cpu: float
    database_cpu: float
    rate: float
    p50: float
    p99: float

    @classmethod
    def of(cls, samples: Samples) -> "Figures":
        def milliseconds(values: Iterable[float]) -> float:
            return median(values) * 1000

        return cls(
            milliseconds(samples.server_cpu),
            milliseconds(samples.database_cpu),
            median(samples.rate),
            milliseconds(samples.p50),
            milliseconds(samples.p99),
        )


@dataclass(frozen=True)
class Subject:
    """A case with the processes that serve it."""

    case: Case
    server: ServerProcess
    database: Backends

    def run(self, connections: int, seconds: float) -> tuple[Timing, float, float]:
        """The timing, and what the server and the database used, in seconds of CPU."""
        database, server = self.database.cpu_seconds(), self.server.cpu_seconds()
        drives = drive(
            self.server.port, self.case.traffic, status=self.case.status, connections=connections, seconds=seconds
        )
        timing = asyncio.run(drives)
        return timing, self.server.cpu_seconds() - server, spent(database, self.database.cpu_seconds())


def subjects(cases: Sequence[Case], servers: Mapping[Server, ServerProcess], database: Backends) -> list[Subject]:
    return [Subject(case, servers[case.server], database) for case in cases]


def rounds(found: Sequence[Subject], count: int, seconds: float, advance: Callable[[], None]) -> dict[str, Samples]:
    """Samples by case. CPU and rate are measured with all connections busy, the times to answer with one."""
    samples: dict[str, Samples] = defaultdict(Samples)
    for subject in found:
        subject.run(CONNECTIONS, WARM_UP_SECONDS)
    for _ in range(count):
        for subject in found:
            _busy(subject, samples[subject.case.key], seconds)
            _alone(subject, samples[subject.case.key], seconds)
            advance()
    return samples


def ratio(numerators: Sequence[float], denominators: Sequence[float]) -> float:
    """The median of the ratios within each round: what slows a round slows both."""
    return median(a / b for a, b in zip(numerators, denominators, strict=True))


def compare(pairs: Sequence[tuple[Subject, Subject]], count: int, seconds: float) -> list[tuple[Samples, Samples]]:
    """Times to answer of the two subjects of each pair, in turn."""
    samples = [(Samples(), Samples()) for _ in pairs]
    for subject in (subject for pair in pairs for subject in pair):
        subject.run(CONNECTIONS, WARM_UP_SECONDS)
    for _ in range(count):
        for pair, kept in zip(pairs, samples, strict=True):
            for subject, sample in zip(pair, kept, strict=True):
                _alone(subject, sample, seconds)
    return samples


def _busy(subject: Subject, samples: Samples, seconds: float) -> None:
    timing, server, database = subject.run(CONNECTIONS, seconds)
    samples.server_cpu.append(server / timing.count)
    samples.database_cpu.append(database / timing.count)
    samples.rate.append(timing.rate)


def _alone(subject: Subject, samples: Samples, seconds: float) -> None:
    timing, _, _ = subject.run(1, seconds)
    samples.p50.append(timing.percentile(50))
    samples.p99.append(timing.percentile(99))
