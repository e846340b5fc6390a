"""`python -m mutation`: every fault in turn, and those that no test finds."""

import itertools
import os
import random
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from mutation.mutants import CODE, KINDS, TABLE, VIEWS, WORKFLOW, Mutant, distinct
from mutation.report import Report

ROOT = Path(__file__).parent.parent
TREE = ("app", "migrations", "tests", "docs", "pyproject.toml", "alembic.ini", "README.md")
RULES = "app/core/rules.py"
MODULES = ("app/core/access.py", "app/learners/policy.py", "app/plans/policy.py")
WORKFLOWS = ("app/plans/workflow.py",)
MIGRATIONS = ("migrations/views_0006.py",)

console = Console(soft_wrap=True)


def main(
    only: Annotated[list[str] | None, typer.Option(help="Mutants whose description holds this.")] = None,
    kind: Annotated[list[str] | None, typer.Option(help=f"{TABLE}, {CODE}, {WORKFLOW} or {VIEWS}.")] = None,
    sample: Annotated[int, typer.Option(help="So many of each kind, at random; 0 for all.")] = 0,
    jobs: Annotated[int, typer.Option(help="At once.")] = os.cpu_count() or 1,
    listed: Annotated[bool, typer.Option("--list", help="List the mutants and try none.")] = False,
    seconds: Annotated[float, typer.Option(help="No further test of a mutant begins then; 0: all do.")] = 0,
    by_requests: Annotated[bool, typer.Option(help="Leave out the tests that read the table of rules itself.")] = False,
    seed: Annotated[int, typer.Option(help="Of the sample.")] = 0,
) -> None:
    """Seed faults into the rules of access and find out which no test notices."""
    with tempfile.TemporaryDirectory(prefix="plp-mutation-") as directory:
        tree = Path(directory) / "tree"
        _copy(tree)
        mutants = [
            mutant
            for mutant in all_mutants(tree)
            if all(text in str(mutant) for text in only or ()) and mutant.kind in (kind or (mutant.kind,))
        ]
        mutants = _sampled(mutants, sample, random.Random(seed))
        if listed:
            for mutant in mutants:
                console.print(str(mutant), markup=False, highlight=False)
            return
        report = _try(mutants, Path(directory), jobs, seconds, by_requests=by_requests)
    report.show()
    sys.exit(1 if report.survivors else 0)


def _copy(tree: Path) -> None:
    """What is edited meanwhile does not matter. The copy is what is imported from here on."""
    tree.mkdir()
    for name in TREE:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, tree / name)
    os.chdir(tree)
    sys.path.insert(0, str(tree))


def all_mutants(tree: Path) -> Iterator[Mutant]:
    """Every fault of the rules in this tree, once."""
    # These import the application, which must be the one in the tree.
    cells, code, rights, views = (import_module(f"mutation.{name}") for name in ("cells", "code", "rights", "views"))
    yield from distinct(
        itertools.chain(
            cells.cell_mutants(tree),
            *(code.code_mutants(CODE, tree, path) for path in (RULES, *MODULES)),
            *(code.code_mutants(WORKFLOW, tree, path) for path in WORKFLOWS),
            *(rights.right_mutants(tree, path) for path in WORKFLOWS),
            *(views.view_mutants(tree, path) for path in MIGRATIONS),
        )
    )


def _sampled(mutants: list[Mutant], count: int, chance: random.Random) -> list[Mutant]:
    if not count:
        return mutants
    by_kind = [[mutant for mutant in mutants if mutant.kind == kind] for kind in KINDS]
    return [mutant for each in by_kind for mutant in chance.sample(each, min(count, len(each)))]


def _try(mutants: list[Mutant], directory: Path, jobs: int, seconds: float, *, by_requests: bool) -> Report:
    """Seed them all, one at a time."""
    databases, seeding, trials = (
        import_module(name) for name in ("tests.databases", "mutation.seeding", "mutation.trial")
    )
    report = Report(console, mutants)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Ended from outside."))
    place = databases.make_place()
    try:
        trial = trials.Trial(place, directory, jobs, seconds, report.tell)
        alone, others = _parted(report.tried, lambda mutant: mutant.path == RULES and not by_requests)
        left = [*trial.by_rules_alone(alone), *others]
        databases.shared_server(place)
        here, anew = _parted(left, seeding.has_place)
        trial.in_place(here)
        trial.anew(anew)
        report.broken = trial.broken
    finally:
        databases.remove_place(place)
    return report


def _parted(mutants: list[Mutant], condition: Callable[[Mutant], bool]) -> tuple[list[Mutant], list[Mutant]]:
    """Those for which it holds, and the others."""
    return [each for each in mutants if condition(each)], [each for each in mutants if not condition(each)]


if __name__ == "__main__":
    typer.run(main)
