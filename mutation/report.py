"""What came of the run: as it goes, and at the end."""

from collections import Counter

from rich.console import Console
from rich.table import Table

from mutation.equivalents import reason
from mutation.forks import Done
from mutation.mutants import KINDS, Mutant
from mutation.trial import NOT_BUILT

COLUMNS = ("found", "SURVIVED", "cannot be built", "equivalent")


class Report:
    """Counts mutants by kind and outcome, and keeps the survivors."""

    def __init__(self, console: Console, mutants: list[Mutant]) -> None:
        self.console = console
        self.tried = [mutant for mutant in mutants if not reason(mutant)]
        self.count = Counter((mutant.kind, "equivalent") for mutant in mutants if reason(mutant))
        self.survivors: list[Mutant] = []
        self.broken: set[str] = set()
        self._done = 0

    def tell(self, done: Done[Mutant]) -> None:
        word = done.words[0] if done.words else "SURVIVED"
        outcome = "SURVIVED" if not done.words else "cannot be built" if word.startswith(NOT_BUILT) else "found"
        self.count[done.job.kind, outcome] += 1
        self._done += 1
        if not done.words:
            self.survivors.append(done.job)
        self._print(f"{self._done}/{len(self.tried)} {done.seconds:5.1f} s  {done.job} — {word}")

    def show(self) -> None:
        table = Table("mutants of", *COLUMNS)
        for kind in KINDS:
            table.add_row(kind, *(str(self.count[kind, column]) for column in COLUMNS))
        self.console.print(table)
        for test in sorted(self.broken):
            self._print(f"Left out, for it fails without a fault: {test}")
        for mutant in sorted(self.survivors, key=lambda mutant: (mutant.path, mutant.line)):
            self._print(f"Survived: {mutant}")

    def _print(self, text: str) -> None:
        self.console.print(text, markup=False, highlight=False)
