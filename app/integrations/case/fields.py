"""Lenient reading of one JSON object's fields: take what can be read, note what was guessed or lost."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal
from uuid import NAMESPACE_URL, UUID, uuid5

ProblemCode = Literal[
    "missing",
    "wrong_type",
    "bad_value",
    "derived_identifier",
    "duplicate_identifier",
    "unknown_type",
    "no_parent",
    "parent_outside",
    "child_cycle",
    "precedes_cycle",
]

_HEX_GROUPS = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_WHOLE_UUID = re.compile(rf"(?:urn:uuid:)?\{{?({_HEX_GROUPS})\}}?", re.IGNORECASE)
_UUID_AT_END = re.compile(rf"(?<![0-9a-z])({_HEX_GROUPS})/?$", re.IGNORECASE)
_SURROGATES = re.compile("[\ud800-\udfff]")
_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,10}")
_LARGEST_INTEGER = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Problem:
    """Something guessed or lost: where (a JSON pointer), which kind, and what."""

    path: str
    code: ProblemCode
    detail: str


@dataclass(frozen=True, slots=True)
class Row:
    """A JSON object, where it stands, and the list that its problems go to."""

    values: Mapping[str, Any]
    path: str
    problems: list[Problem]

    def note(self, code: ProblemCode, detail: str, field: str = "") -> None:
        self.problems.append(Problem(f"{self.path}/{field}" if field else self.path, code, detail))

    def assume(self, field: str, value: str) -> str:
        """The value that stands in for a required field that is absent."""
        self.note("missing", f"read as {_shown(value)}", field)
        return value

    def rows(self, field: str) -> Iterator["Row"]:
        """The objects in a list of objects."""
        rows = self.values.get(field)
        if rows is None:
            return
        if not isinstance(rows, list):
            self._wrong_type(field, rows)
            return
        for index, values in enumerate(rows):
            if isinstance(values, dict):
                yield Row(values, f"{self.path}/{field}/{index}", self.problems)
            else:
                self._wrong_type(f"{field}/{index}", values)

    def child(self, field: str) -> "Row | None":
        """An object, or the URI string that some exporters write in its place."""
        value = self.values.get(field)
        if isinstance(value, str):
            value = {"uri": value}
        if isinstance(value, dict):
            return Row(value, f"{self.path}/{field}", self.problems)
        if value is not None:
            self._wrong_type(field, value)
        return None

    def text(self, field: str) -> str | None:
        value = self.values.get(field)
        if value is None:
            return None
        text = _text(value)
        if text is None:
            self._wrong_type(field, value)
        return text or None

    def texts(self, field: str, separator: str | None = None) -> list[str]:
        """A list of strings; one string counts as a list, split where the field is known to be written so."""
        value = self.values.get(field)
        if value is None:
            return []
        if isinstance(value, str):
            value = value.split(separator) if separator else [value]
        if not isinstance(value, list):
            value = [value]
        texts = [_text(member) for member in value if member is not None]
        if None in texts:
            self._wrong_type(field, value)
        return [text for text in texts if text]

    def integer(self, field: str) -> int | None:
        value = self.values.get(field)
        if value is None or value == "":
            return None
        number = _integer(value)
        if number is None or abs(number) > _LARGEST_INTEGER:
            self.note("bad_value", f"not a whole number in range: {_shown(value)}", field)
            return None
        return number

    def day(self, field: str) -> date | None:
        text = self.text(field)
        if text is None:
            return None
        try:
            return date.fromisoformat(text[:10])
        except ValueError:
            self.note("bad_value", f"not a date: {_shown(text)}", field)
            return None

    def instant(self, field: str, otherwise: datetime) -> datetime:
        """An instant in UTC; one without a zone is taken to be in UTC."""
        text = self.text(field)
        if text is None:
            self.note("missing", f"read as {otherwise.isoformat()}", field)
            return otherwise
        try:
            instant = datetime.fromisoformat(text)
            return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
        except (ValueError, OverflowError):
            self.note("bad_value", f"not a time: {_shown(text)}; read as {otherwise.isoformat()}", field)
            return otherwise

    def identifier(self, known: Mapping[str, UUID]) -> UUID | None:
        """The row's identifier; failing that the one its URI is `known` by, or ends in, or is hashed to."""
        given, uri = self.text("identifier"), self.text("uri")
        exact = as_uuid(given)
        if exact is not None:
            return exact
        address = uri or given
        if address is None:
            self.note("missing", "neither identifier nor uri; the row is left out")
            return None
        found = known.get(address) or _uuid_at_end(address)
        identifier = found or uuid5(NAMESPACE_URL, address)
        if given is not None or found is None:
            self.note("derived_identifier", f"{identifier} stands for {_shown(address)}", "identifier")
        return identifier

    def _wrong_type(self, field: str, value: object) -> None:
        self.note("wrong_type", f"unreadable: {_shown(value)}", field)


def as_uuid(text: str | None) -> UUID | None:
    match = _WHOLE_UUID.fullmatch(text or "")
    return UUID(match[1]) if match else None


def _uuid_at_end(address: str) -> UUID | None:
    match = _UUID_AT_END.search(address)
    return UUID(match[1]) if match else None


def _text(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    # NUL and unpaired surrogates are valid JSON, yet no database text can hold them.
    storable = _SURROGATES.sub("\ufffd", str(value).replace("\x00", ""))
    return unicodedata.normalize("NFC", storable).strip()


def _integer(value: object) -> int | None:
    if isinstance(value, str) and _WHOLE_NUMBER.fullmatch(value.strip()):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _shown(value: object) -> str:
    text = (
        repr(_text(value) if isinstance(value, str) else value) if not isinstance(value, list | dict) else kind(value)
    )
    return text if len(text) <= 80 else text[:79] + "…"


def kind(value: object) -> str:
    """How JSON calls the kind of a value."""
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
