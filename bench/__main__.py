"""`python -m bench`: every case in one run, as a table."""

import asyncio
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from app.demo.world import World
from bench import cases, measure
from bench.district import District, application, district, floor
from bench.measure import Figures, Samples, Subject, ratio
from bench.processes import ServerProcess, seconds_to_run, serving
from bench.report import Report, Target, machine

CLI = "from app.cli import main; main()"
STACK = (
    "import alembic.command, argon2, asyncpg, fastapi, jose.jwt, prometheus_client, pydantic, "
    "pydantic_settings, rich.console, sqlalchemy.dialects.postgresql.asyncpg, sqlalchemy.ext.asyncio, structlog, "
    "typer, uuid_utils, uvicorn"
)
"""The libraries that the application is made of, and nothing of its own."""

console = Console()


def main(
    learners: Annotated[int, typer.Option(help="Learners of the district.")] = 20_000,
    big: Annotated[int, typer.Option(help="Learners of the district to repeat the reads with; 0 for none.")] = 200_000,
    seconds: Annotated[float, typer.Option(help="How long each case is measured in a round.")] = 0.5,
    count: Annotated[int, typer.Option("--rounds", help="Rounds; medians are reported.")] = 12,
    quick: Annotated[bool, typer.Option(help="A few short rounds, and no second district.")] = False,
    data_dir: Annotated[Path | None, typer.Option(help="Keep the districts here for the next run.")] = None,
    write: Annotated[bool, typer.Option(help="Put the tables into docs/performance.md.")] = False,
) -> None:
    """Measure the served application."""
    if quick:
        big, seconds, count = 0, 0.4, 5
    with ExitStack() as stack, Progress(console=console, transient=True) as progress:
        small = _load(stack, progress, data_dir, learners)
        start_up = _start_up(small, progress, count)
        app = stack.enter_context(application(small))
        titles, samples = _measure(stack, small, app, progress, count, seconds)
        targets = [*_ratios(samples), Target("resident memory after the run", app.resident_mib(), 150, "MiB"), start_up]
        targets.append(_explain(small, app, count, seconds))
        if big:
            large = _load(stack, progress, data_dir, big)
            targets += _compare(small, app, large, progress, count, seconds)
            targets += _offices(large, progress, count, seconds)
    notes = [
        f"{learners} learners; {count} rounds of {seconds:g} s for each case; {machine()}.",
        f"CPU and requests/s with {cases.CONNECTIONS} connections, p50 and p99 with one; ratios are of server CPU.",
    ]
    report = Report(titles, {key: Figures.of(found) for key, found in samples.items()}, targets, notes)
    report.show(console)
    if write:
        report.write()


def _load(stack: ExitStack, progress: Progress, data_dir: Path | None, learners: int) -> District:
    task = progress.add_task(f"Loading {learners} learners", total=learners)

    def loaded(world: World, some: int) -> None:
        if world.marker == "":
            progress.advance(task, some)

    return stack.enter_context(district(data_dir, learners, loaded))


def _start_up(found: District, progress: Progress, count: int) -> Target:
    """From starting `plp serve` to its first answer, beside importing the libraries alone."""
    ours, stack = [], []
    for _ in progress.track(range(count), description="Start-up"):
        with serving(["-c", CLI, "serve"], found.environment) as server:
            ours.append(server.seconds_to_start)
        stack.append(seconds_to_run(STACK))
    title = f"start-up ({median(ours):.2f} s) ÷ importing the stack ({median(stack):.2f} s)"
    return Target(title, median(ours) / median(stack), 1.6)


def _measure(
    stack: ExitStack, found: District, app: ServerProcess, progress: Progress, count: int, seconds: float
) -> tuple[dict[str, str], dict[str, Samples]]:
    """Titles and samples, by case."""
    caller = found.sign_in(app)
    beside = stack.enter_context(floor(found, caller))
    asyncio.run(cases.check_shape(caller))
    listed = asyncio.run(cases.all_cases(caller))
    task = progress.add_task("Measuring", total=count * len(listed))
    subjects = measure.subjects(listed, {"app": app, "floor": beside}, found.backends)
    samples = measure.rounds(subjects, count, seconds, lambda: progress.advance(task))
    return {case.key: case.title for case in listed}, samples


def _ratios(found: Mapping[str, Samples]) -> list[Target]:
    def cpu(title: str, of: str, to: str, limit: float) -> Target:
        return Target(title, ratio(found[of].server_cpu, found[to].server_cpu), limit)

    database = ratio(found["plan"].database_cpu, found["plan_floor"].database_cpu)
    return [
        cpu("plan read ÷ its floor", "plan", "plan_floor", 2.3),
        cpu("plan read ÷ empty route", "plan", "empty", 4.0),
        cpu("list of 50 ÷ its floor", "list", "list_floor", 1.8),
        cpu("goal PATCH ÷ empty route", "patch", "empty", 12),
        Target("database CPU, plan read ÷ its floor", database, 1.5),
    ]


def _compare(
    small: District, app: ServerProcess, large: District, progress: Progress, count: int, seconds: float
) -> list[Target]:
    """The two reads, here and in a larger district, in turn."""
    with application(large) as other:
        here, there = cases.read_cases(small.sign_in(app)), cases.read_cases(large.sign_in(other))
        pairs = [
            (Subject(a, app, small.backends), Subject(b, other, large.backends))
            for a, b in zip(here, there, strict=True)
        ]
        progress.add_task("Comparing", total=None)
        samples = measure.compare(pairs, count, seconds)
    return [
        Target(f"p50 with {large.world.count} learners ÷ {small.world.count}, {case.key}", ratio(b.p50, a.p50), 1.25)
        for case, (a, b) in zip(here, samples, strict=True)
    ]


def _offices(found: District, progress: Progress, count: int, seconds: float) -> list[Target]:
    """The lists of administrators beside the teacher's."""
    with application(found) as server:
        by_label = {
            label: cases.list_cases(label, found.sign_in(server, label))
            for label in ("teacher", "school_admin", "district_admin")
        }
        pairs = [
            (Subject(theirs, server, found.backends), Subject(hers, server, found.backends))
            for label in ("school_admin", "district_admin")
            for theirs, hers in zip(by_label[label], by_label["teacher"], strict=True)
        ]
        progress.add_task("Administrators' lists", total=None)
        samples = measure.compare(pairs, count, seconds)
    return [
        Target(f"p50, {pair[0].case.title} ÷ the teacher's", ratio(a.p50, b.p50), 1.5)
        for pair, (a, b) in zip(pairs, samples, strict=True)
    ]


def _explain(found: District, server: ServerProcess, count: int, seconds: float) -> Target:
    person_id = str(found.person("guardian").person_id)
    case = cases.explain_case(found.sign_in(server, "counselor"), found.learner_id, person_id)
    samples = measure.rounds([Subject(case, server, found.backends)], count, seconds, lambda: None)
    return Target("explain, p50", Figures.of(samples["explain"]).p50, 10, "ms")


if __name__ == "__main__":
    typer.run(main)
