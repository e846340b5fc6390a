"""Faults in Python: conditions turned, forced and left out, levels and sections changed, members left out."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from mutation.mutants import Mutant, Text

COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<=",
    ast.LtE: "<",
    ast.Gt: ">=",
    ast.GtE: ">",
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.Is: "is not",
    ast.IsNot: "is",
    ast.In: "not in",
    ast.NotIn: "in",
}
OPPOSITES = {
    "and_": "or_",
    "is_": "is_not",
    "is_distinct_from": "is_not_distinct_from",
    "in_": "not_in",
    "min": "max",
    "any": "all",
    "true": "false",
}
OPPOSITES |= {opposite: name for name, opposite in OPPOSITES.items()}
LEVELS = ("NONE", "READ", "COMMENT", "PROPOSE", "WRITE")
CONJUNCTIONS = {"and_", "or_", "where"}
KEYWORDS_MATTER = {"relations_to", "Rule", "Own", "_by_the_learner"}
WORD = re.compile(r"'\w+'")
"""A constant of SQL that is a word of ours."""
NOT_FAULTS = (ast.Assert, ast.Import, ast.ImportFrom)
SHORT = 90
"""So much of the old and of the new text is shown."""

Edit = tuple[ast.expr, str, str]
"""A node, the text in its place, and the change as people read it ("" for: old → new)."""


def code_mutants(kind: str, root: Path, path: str) -> Iterator[Mutant]:
    """Every fault of one module, but those in the table of rules."""
    text = Text.read(kind, root, path)
    for within, node in _expressions(ast.parse(text.source), ""):
        for edited, new, said in edits(node, is_constant=not within or within.isupper()):
            first, last = offsets(text.source, edited)
            change = said or f"{_shown(text.source[first:last])} → {_shown(new)}"
            yield text.mutant(
                first, last, f"({new})" if _needs_parentheses(edited) else new, within or "module", change
            )


def offsets(source: str, node: ast.expr) -> tuple[int, int]:
    """Where the node begins and ends, in characters; the parser counts lines and bytes."""
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    lines = source.encode().splitlines(keepends=True)
    first = b"".join(lines[: node.lineno - 1]) + lines[node.lineno - 1][: node.col_offset]
    last = b"".join(lines[: node.end_lineno - 1]) + lines[node.end_lineno - 1][: node.end_col_offset]
    return len(first.decode()), len(last.decode())


def edits(node: ast.AST, *, is_constant: bool) -> Iterator[Edit]:
    """The faults that can be seeded in this node."""
    yield from _forced(node)
    match node:
        case ast.Compare(ops=[operator], left=left, comparators=[right]):
            yield node, f"{_of(left)} {COMPARISONS[type(operator)]} {_of(right)}", ""
        case ast.BoolOp(op=operator, values=values):
            opposite = ast.Or() if isinstance(operator, ast.And) else ast.And()
            yield node, _of(ast.BoolOp(opposite, values)), ""
            for out in values:
                yield node, _of(ast.BoolOp(operator, [value for value in values if value is not out])), _drop(out, node)
        case ast.UnaryOp(op=ast.Not() | ast.Invert(), operand=operand):
            yield node, _of(operand), ""
        case ast.BinOp(op=ast.BitAnd() | ast.BitOr() as operator, left=left, right=right):
            yield node, f"({_of(left)}) {'|' if isinstance(operator, ast.BitAnd) else '&'} ({_of(right)})", ""
            yield node, _of(left), _drop(right, node)
            yield node, _of(right), _drop(left, node)
        case ast.Call():
            yield from _calls(node)
        case ast.Constant(value=bool(value)):
            yield node, str(not value), ""
        case ast.Attribute(value=ast.Name(id="Section"), attr=name) if not is_constant:
            yield node, "Section.PLAN" if name == "LEARNER" else "Section.LEARNER", ""
        case ast.Attribute(value=ast.Name(id="Relation")) if not is_constant:
            yield node, "Relation.PARTICIPANT", ""
        case ast.Attribute(value=ast.Name(id="Level"), attr=name) | ast.Name(id=name, ctx=ast.Load()) if name in LEVELS:
            yield from ((node, f"Level.{other}", "") for other in _neighbours(name))
        case ast.Tuple(elts=members) | ast.Set(elts=members) | ast.List(elts=members) if is_constant:
            for member in members:
                if not isinstance(member, ast.Call | ast.Tuple | ast.Constant):
                    yield node, _without(node, member), _drop(member, node)
        case ast.Dict(keys=keys, values=values) if is_constant:
            for place, key in enumerate(keys):
                kept = ast.Dict(keys[:place] + keys[place + 1 :], values[:place] + values[place + 1 :])
                yield node, _of(kept), _drop(key, node)


def _forced(node: ast.AST) -> Iterator[Edit]:
    """Conditions that always hold, and that never do."""
    tests = [node.test] if isinstance(node, ast.If | ast.IfExp | ast.While) else []
    if isinstance(node, ast.comprehension):
        tests += node.ifs
    for test in tests:
        yield test, "True", ""
        yield test, "False", ""


def _calls(node: ast.Call) -> Iterator[Edit]:
    function, arguments = node.func, node.args
    name = _name(function)
    if name in OPPOSITES:
        yield node, _of(ast.Call(_renamed(function, OPPOSITES[name]), arguments, node.keywords)), ""
    if name in CONJUNCTIONS:
        for out in arguments:
            kept = [argument for argument in arguments if argument is not out]
            if kept:
                yield node, _of(ast.Call(function, kept, node.keywords)), _drop(out, node)
            elif isinstance(function, ast.Attribute):
                yield node, _of(function.value), _drop(out, node)
    match name, arguments, node.keywords:
        case "case", [ast.Tuple(elts=[condition, then])], [ast.keyword(value=otherwise)]:
            yield node, _of(then), f"always: {_shown(_of(condition))}"
            yield node, _of(otherwise), f"never: {_shown(_of(condition))}"
        case "literal_column", [ast.Constant(value=str(text)) as word, *_], _ if WORD.fullmatch(text):
            yield word, "\"'nobody'\"", ""
    if name in KEYWORDS_MATTER:
        for keyword in node.keywords:
            others = [other for other in node.keywords if other is not keyword]
            yield node, _of(ast.Call(function, arguments, others)), f"drop {_shown(_of(keyword))}"


def _name(function: ast.expr) -> str:
    match function:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""


def _renamed(function: ast.expr, name: str) -> ast.expr:
    return ast.Attribute(function.value, name) if isinstance(function, ast.Attribute) else ast.Name(name)


def _drop(out: ast.AST | None, node: ast.AST) -> str:
    return f"drop {_shown(_of(out)) if out else '**'} of {_shown(_of(node))}"


def _neighbours(level: str) -> list[str]:
    place = LEVELS.index(level)
    return [LEVELS[other] for other in (place - 1, place + 1) if 0 <= other < len(LEVELS)]


def _without(node: ast.expr, member: ast.expr) -> str:
    kept = [each for each in getattr(node, "elts", ()) if each is not member]
    if isinstance(node, ast.Set):
        return _of(ast.Set(kept)) if kept else "()"
    return _of(ast.List(kept) if isinstance(node, ast.List) else ast.Tuple(kept))


def _expressions(node: ast.AST, within: str) -> Iterator[tuple[str, ast.AST]]:
    """Every node that says what happens, with what it is in: no annotations, decorators, assertions, tables."""
    if isinstance(node, NOT_FAULTS) or within in ("SUPPORTS", "RULES"):
        return
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        yield from _expressions(node.value, within or node.target.id) if node.value else ()
        return
    if isinstance(node, ast.Assign) and not within:
        yield from _expressions(node.value, ast.unparse(node.targets[0]))
        return
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        inside = f"{within}.{node.name}" if within else node.name
        if not isinstance(node, ast.ClassDef):
            for default in (*node.args.defaults, *node.args.kw_defaults):
                yield from _expressions(default, inside) if default else ()
        for statement in node.body:
            yield from _expressions(statement, inside)
        return
    yield within, node
    for child in ast.iter_child_nodes(node):
        yield from _expressions(child, within)


def _of(node: ast.AST) -> str:
    return ast.unparse(node)


def _needs_parentheses(node: ast.expr) -> bool:
    """A changed node may bind less than the old one; conditions of statements stand alone."""
    return not isinstance(node, ast.Constant | ast.Name | ast.Attribute | ast.Call)


def _shown(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= SHORT else f"{text[: SHORT // 2]} … {text[-SHORT // 2 :]}"
