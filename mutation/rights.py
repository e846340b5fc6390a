"""Faults in workflows: a relation more that may act, though it reaches as far as the rule asks."""

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from app.core.rules import DEFAULT, WRITE, Relation, Section
from mutation.code import offsets
from mutation.mutants import WORKFLOW, Mutant, Text


def right_mutants(root: Path, path: str) -> Iterator[Mutant]:
    """Each rule with each relation that it does not name."""
    text = Text.read(WORKFLOW, root, path)
    names = vars(import_module(path.removesuffix(".py").replace("/", ".")))
    assigned = [statement for statement in ast.parse(text.source).body if isinstance(statement, ast.Assign)]
    for statement in assigned:
        for node in ast.walk(statement):
            match node:
                case ast.Call(func=ast.Name(id="Rule"), args=[ast.Constant(value=action), by, *_], keywords=keywords):
                    said = {word.arg: eval(ast.unparse(word.value), names) for word in keywords if word.arg in ASKED}
                    acting = eval(ast.unparse(by), names)
                    first, last = offsets(text.source, by)
                    for relation in Relation:
                        if relation not in acting and DEFAULT.reaches(
                            said.get("section", Section.PLAN), relation, said.get("level", WRITE)
                        ):
                            within = f"{ast.unparse(statement.targets[0])}.{action!s}"
                            more = f"(*{ast.unparse(by)}, Relation.{relation.name})"
                            yield text.mutant(first, last, more, within, f"{relation} may, too")


ASKED = ("section", "level")
