"""Faults in the SQL of views: conditions left out and turned, branches left out, ends of facts moved."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from itertools import pairwise
from pathlib import Path

from mutation.mutants import VIEWS, Mutant

TOKEN = re.compile(r"'(?:[^']|'')*'|[\w.]+|::|<>|<=|>=|\|\||\S")
FROM = re.compile(r"FROM (\w+)")
NAME = re.compile(r"VIEW (\w+)")
BRANCHES = ("UNION", "INTERSECT")
BEFORE = ("WHERE", "ON", "AND", "OR", "WHEN")
"""What a condition stands after; it ends before one of these, or of `AFTER`, or where its parenthesis closes."""
AFTER = ("THEN", "JOIN", "LEFT", "CROSS", "UNION", "INTERSECT", "ORDER", "GROUP", "WHERE", "AS", "FROM", ",", ";")
TURNED = {
    "<=": "<",
    "<": "<=",
    ">": ">=",
    ">=": ">",
    "=": "<>",
    "<>": "=",
    "greatest": "least",
    "least": "greatest",
    "true": "false",
    "false": "true",
    "LEFT": "",
    "NOT": "",
    "INTERSECT": "UNION",
    "bool_or": "bool_and",
}


@dataclass(frozen=True)
class Token:
    text: str
    start: int
    end: int
    depth: int


def view_mutants(root: Path, path: str) -> Iterator[Mutant]:
    """Every fault of the views that a migration makes."""
    source = (root / path).read_text().splitlines()
    for statement in import_module(path.removesuffix(".py").replace("/", ".")).UPGRADE:
        if name := NAME.search(statement) if "CREATE" in statement else None:
            sql = re.sub(r"CREATE (OR REPLACE )?VIEW", "CREATE OR REPLACE VIEW", statement)
            for first, last, text in _edits(sql):
                seeded = sql[:first] + text + sql[last:]
                if seeded != sql:
                    place, change = _place(sql, first, name[1]), _change(sql, first, last, text)
                    yield Mutant(VIEWS, path, _line(source, sql, first), place, change, statement=seeded)


def _edits(sql: str) -> Iterator[tuple[int, int, str]]:
    """Parts of a statement, each with the text in its place."""
    tokens = _tokens(sql)
    body = next(place for place, token in enumerate(tokens) if token.text == "AS") + 1
    for place in range(body, len(tokens)):
        token, after = tokens[place], tokens[place + 1] if place + 1 < len(tokens) else None
        if token.text in BEFORE:
            yield from _condition(tokens, place)
        if token.text in ("greatest", "least"):
            yield from _arguments(tokens, place)
        if token.text == "IS" and after:
            yield (token.start, after.end, "IS") if after.text == "NOT" else (token.start, token.end, "IS NOT")
        elif token.text in TURNED and not _stands_aside(tokens, place):
            yield token.start, token.end, TURNED[token.text]
        if token.text.startswith("'") and token.text.strip("'").isidentifier() and not _is_key(tokens, place):
            yield token.start, token.end, "'nobody'"
    yield from _branches(sql, tokens, body)


def _tokens(sql: str) -> list[Token]:
    found, depth = [], 0
    for match in TOKEN.finditer(sql):
        depth -= match[0] == ")"
        found.append(Token(match[0], match.start(), match.end(), depth))
        depth += match[0] == "("
    return found


def _condition(tokens: list[Token], place: int) -> Iterator[tuple[int, int, str]]:
    """The condition after the word at this place, left out; before an OR the one that it stands for, too."""
    word = tokens[place]
    last = place
    for token in tokens[place + 1 :]:
        if token.depth < word.depth or (token.depth == word.depth and token.text in BEFORE + AFTER):
            break
        last += 1
    next_word = tokens[last + 1].text if last + 1 < len(tokens) and tokens[last + 1].depth == word.depth else ""
    neutral = "false" if "OR" in (word.text, next_word) else "true"
    yield tokens[place + 1].start, tokens[last].end, neutral
    if word.text == "WHEN":
        yield tokens[place + 1].start, tokens[last].end, "false"
    if word.text in ("AND", "OR"):
        yield from _first_operand(tokens, place)


def _first_operand(tokens: list[Token], place: int) -> Iterator[tuple[int, int, str]]:
    """What stands before the first AND or OR of a chain that no keyword begins: after a parenthesis or comma."""
    word, first = tokens[place], place
    while tokens[first - 1].depth > word.depth or (
        tokens[first - 1].depth == word.depth and tokens[first - 1].text not in (*BEFORE, *AFTER, "SELECT")
    ):
        first -= 1
    if tokens[first - 1].text not in BEFORE or tokens[first - 1].depth < word.depth:
        yield tokens[first].start, tokens[place - 1].end, "true" if word.text == "AND" else "false"


def _arguments(tokens: list[Token], place: int) -> Iterator[tuple[int, int, str]]:
    """Each argument of the call left out."""
    depth = tokens[place].depth + 1
    inside = [token for token in tokens[place + 1 :] if token.start < _close(tokens, place + 1).start]
    commas = [token for token in inside if token.text == "," and token.depth == depth]
    edges = [tokens[place + 1], *commas, _close(tokens, place + 1)]
    for left, right in pairwise(edges):
        is_first = left is edges[0]
        yield left.end if is_first else left.start, right.end if is_first else right.start, ""


def _close(tokens: list[Token], opening: int) -> Token:
    depth = tokens[opening].depth
    return next(token for token in tokens[opening + 1 :] if token.text == ")" and token.depth == depth)


def _branches(sql: str, tokens: list[Token], body: int) -> Iterator[tuple[int, int, str]]:
    """Each branch of the outermost UNION left out; of an inner one, what follows it."""
    outer = [token for token in tokens[body:] if token.text == "UNION" and token.depth == 0]
    if outer:
        starts = [tokens[body].start, *(sql.index("SELECT", token.start) for token in outer)]
        ends = [*(token.start for token in outer), len(sql)]
        yield starts[0], starts[1], ""
        for token, end in zip(outer, ends[1:], strict=True):
            yield token.start, end, ""
    for token in tokens[body:]:
        if token.text == "UNION" and token.depth:
            following = (each for each in tokens if each.start > token.start)
            yield token.start, next(each for each in following if _ends(each, token.depth)).start, ""


def _ends(token: Token, depth: int) -> bool:
    """Whether the token ends the branches at this depth."""
    return token.depth < depth or (token.depth == depth and token.text == "ORDER")


def _is_key(tokens: list[Token], place: int) -> bool:
    """Whether the string names a value of a JSON object; columns are not inside of parentheses."""
    return tokens[place].depth > 0 and tokens[place - 1].text in "(," and tokens[place + 1].text == ","


def _stands_aside(tokens: list[Token], place: int) -> bool:
    """Part of IS NOT, or of a comparison of tenants: row-level security leaves one, and none other finds anything."""
    before = tokens[place - 1].text
    return before == "IS" or (tokens[place].text == "=" and before.endswith("tenant_id"))


def _change(sql: str, first: int, last: int, text: str) -> str:
    """The change with its surroundings, where it is a single word or sign."""
    old = " ".join(sql[first:last].split())
    if " " in old or "." in old:
        return f"{old} → {text}" if text else f"drop {old}"
    before, after = sql[:first].split(), sql[last:].split()
    return " ".join([*before[-1:], f"[{old} → {text or 'nothing'}]", *after[:1]])


def _place(sql: str, at: int, name: str) -> str:
    """Which branch of the view; of one without branches, which table was named last."""
    before = sql.count("\nUNION ALL\n", 0, at)
    if "\nUNION ALL\n" in sql:
        return f"{name}, branch {before + 1}"
    tables = FROM.findall(sql, 0, at)
    return f"{name}, after {tables[-1]}" if tables else name


def _line(source: list[str], sql: str, at: int) -> int:
    """Where the line of the statement is written, as near as can be told: parts of it are put in by name."""
    said = sql[sql.rfind("\n", 0, at) + 1 : (sql + "\n").index("\n", at)].strip()
    words = [word for word in re.split(r"[\s(){}]+", said) if len(word) > 3]
    return max(range(len(source)), key=lambda number: sum(word in source[number] for word in words)) + 1
