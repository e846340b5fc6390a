"""The tables: what was measured, and what was to be reached."""

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Column, Table

from bench.measure import Figures

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "performance.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
HEADINGS = ("case", "CPU ms", "db CPU ms", "req/s", "p50 ms", "p99 ms")
TARGET_HEADINGS = ("target", "measured", "at most", "")

Row = Sequence[str]


@dataclass(frozen=True)
class Target:
    """Something that must not exceed a limit."""

    title: str
    measured: float
    limit: float
    unit: str = "×"

    @property
    def is_met(self) -> bool:
        return self.measured <= self.limit

    def row(self) -> Row:
        return (
            self.title,
            f"{self.measured:.2f} {self.unit}",
            f"{self.limit:g} {self.unit}",
            "✓" if self.is_met else "✗",
        )


@dataclass(frozen=True)
class Report:
    """All that one run found."""

    titles: Mapping[str, str]
    figures: Mapping[str, Figures]
    targets: Sequence[Target]
    notes: Sequence[str]

    def rows(self) -> list[Row]:
        return [(self.titles[key], *_formatted(figures)) for key, figures in self.figures.items()]

    def show(self, console: Console) -> None:
        for headings, rows in self._tables():
            table = Table(headings[0], *(_right(heading) for heading in headings[1:]), box=box.SIMPLE)
            for row in rows:
                table.add_row(*row)
            console.print(table)
        for note in self.notes:
            console.print(note, highlight=False)

    def write(self, path: Path = DOCUMENT) -> None:
        """Put the tables between the document's two marks."""
        before, _, rest = path.read_text(encoding="utf-8").partition(BEGIN)
        after = rest.partition(END)[2]
        path.write_text(f"{before}{BEGIN}\n\n{self.markdown()}\n\n{END}{after}", encoding="utf-8")

    def markdown(self) -> str:
        missed = [target.title for target in self.targets if not target.is_met]
        tables = [_markdown(headings, rows) for headings, rows in self._tables()]
        summary = f"Missed: {'; '.join(missed)}." if missed else "Every target was met."
        return "\n\n".join([*tables, summary, "\n".join(f"- {note}" for note in self.notes)])

    def _tables(self) -> list[tuple[Row, list[Row]]]:
        return [(HEADINGS, self.rows()), (TARGET_HEADINGS, [target.row() for target in self.targets])]


def machine() -> str:
    """Where this ran, in one line."""
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"


def _formatted(found: Figures) -> Row:
    times = (found.server_cpu, found.database_cpu)
    return (
        *(f"{value:.3f}" for value in times),
        f"{found.rate:.0f}",
        f"{found.p50:.2f}",
        f"{found.p99:.2f}",
    )


def _right(heading: str) -> Column:
    return Column(heading, justify="right")


def _markdown(headings: Row, rows: Sequence[Row]) -> str:
    rule = ["---", *("---:" for _ in headings[1:])]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [headings, rule, *rows])
