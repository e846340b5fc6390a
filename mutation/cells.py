"""Faults in the table of rules: each cell a level higher, a level lower, gone; and each empty one filled."""

import ast
from collections.abc import Iterator
from pathlib import Path

from app.core.rules import RULES, Level, Relation, Section
from mutation.mutants import TABLE, Mutant, Text

PATH = "app/core/rules.py"


def cell_mutants(root: Path) -> Iterator[Mutant]:
    text = Text.read(TABLE, root, PATH)
    lines = _lines(text.source)
    end = text.source.index("\n}\n", text.source.index("\nRULES: ")) + 3
    for section in Section:
        for relation in Relation:
            default = RULES[section].get(relation, Level.NONE)
            for level in _others(default):
                line = lines.get((section.name, relation.name), lines[section.name, ""])
                change = f"{default.name} → {level.name}"
                cell = _assignment(section, relation, level)
                source = text.source[:end] + cell + text.source[end:]
                yield Mutant(TABLE, PATH, line, f"{section} × {relation}", change, source, cell)


def _others(default: Level) -> list[Level]:
    if default == Level.NONE:
        return [Level.READ]
    nearest = {Level(default - 1), Level(min(default + 1, Level.WRITE)), Level.NONE}
    return sorted(nearest - {default})


def _assignment(section: Section, relation: Relation, level: Level) -> str:
    """To this section alone, though two share one column of supports."""
    cell = f"Relation.{relation.name}: Level.{level.name}"
    if level == Level.NONE:
        kept = (
            f"{{r: level for r, level in RULES[Section.{section.name}].items() if r is not Relation.{relation.name}}}"
        )
        return f"RULES[Section.{section.name}] = {kept}\n"
    return f"RULES[Section.{section.name}] = RULES[Section.{section.name}] | {{{cell}}}\n"


def _lines(source: str) -> dict[tuple[str, str], int]:
    """Where each cell is written, and each section."""
    found: dict[tuple[str, str], int] = {}
    rules = next(
        node.value
        for node in ast.parse(source).body
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "RULES"
    )
    assert isinstance(rules, ast.Dict)
    for section, cells in zip(rules.keys, rules.values, strict=True):
        assert isinstance(section, ast.Attribute)
        found[section.attr, ""] = section.lineno
        for relation in cells.keys if isinstance(cells, ast.Dict) else ():
            assert isinstance(relation, ast.Attribute)
            found[section.attr, relation.attr] = relation.lineno
    return found
