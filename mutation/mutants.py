"""What a seeded fault is, and every one that is tried."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TABLE = "table"
CODE = "code"
WORKFLOW = "workflow"
VIEWS = "views"
KINDS = (TABLE, CODE, WORKFLOW, VIEWS)


@dataclass(frozen=True)
class Mutant:
    """One seeded fault: a module with other source, or a view made by another statement."""

    kind: str
    path: str
    line: int
    within: str
    """The function, constant or view that it is in."""
    change: str
    source: str = ""
    statement: str = ""
    """Of a view, the one that makes it; of the table of rules, the one that changes a cell."""

    def __str__(self) -> str:
        return f"{self.path}:{self.line} {self.within}: {self.change}"

    @property
    def module(self) -> str:
        return self.path.removesuffix(".py").replace("/", ".")


@dataclass(frozen=True)
class Text:
    """A module's source, and how a mutant of it is made: by putting other text in the place of some."""

    kind: str
    path: str
    source: str

    @classmethod
    def read(cls, kind: str, root: Path, path: str) -> "Text":
        return cls(kind, path, (root / path).read_text())

    def mutant(self, first: int, last: int, text: str, within: str, change: str) -> Mutant:
        """With `text` in the place of the characters from `first` to before `last`."""
        line = self.source.count("\n", 0, first) + 1
        source = self.source[:first] + text + self.source[last:]
        return Mutant(self.kind, self.path, line, within, " ".join(change.split()), source)


def distinct(mutants: Iterator[Mutant]) -> Iterator[Mutant]:
    """Different ways to the same fault are one."""
    seen = set()
    for mutant in mutants:
        key = (mutant.path, mutant.source, mutant.statement)
        if key not in seen:
            seen.add(key)
            yield mutant
