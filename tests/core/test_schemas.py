"""What text and numbers are accepted, and that nothing is coerced."""

import unicodedata
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from app.core.errors import Problem
from app.core.schemas import MISSING, Input, Integer, Name, Patch, Quantity, Text, Wire
from app.core.strict_json import is_storable

name = TypeAdapter[str](Name)
paragraph = TypeAdapter[str](Text)

BIDI = [*"\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c"]
INVISIBLE = ["\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u180e", "\u2028", "\u00a0", "\u3000"]


def code_of(adapter: TypeAdapter[str], value: str) -> str:
    with pytest.raises(ValidationError) as caught:
        adapter.validate_python(value)
    return caught.value.errors()[0]["type"]


@pytest.mark.parametrize("character", BIDI)
def test_an_override_of_the_direction_of_writing_is_refused(character: str) -> None:
    assert code_of(name, f"Ada{character}Lovelace") == "character_refused"
    assert code_of(paragraph, f"Ada{character}Lovelace") == "character_refused"


@pytest.mark.parametrize("character", ["\0", "\x01", "\x1b", "\x7f", "\x85", "\r"])
def test_a_control_character_is_refused(character: str) -> None:
    assert code_of(name, f"Ada{character}") == "character_refused"
    assert code_of(paragraph, f"Ada{character}") == "character_refused"


@pytest.mark.parametrize("value", [" ", "\u3000", *INVISIBLE, "".join(INVISIBLE), " \u200b "])
def test_a_text_without_anything_to_see_is_refused(value: str) -> None:
    assert code_of(name, value) == "blank"
    assert code_of(paragraph, value + "\n\t") == "blank"


def test_an_empty_text_is_refused() -> None:
    assert code_of(name, "") == "string_too_short"


@pytest.mark.parametrize("value", ["Ada\nLovelace", "Ada\tLovelace"])
def test_a_name_is_one_line(value: str) -> None:
    assert code_of(name, value) == "line_break_refused"
    assert paragraph.validate_python(value) == value


@pytest.mark.parametrize("adapter", [name, paragraph])
def test_text_is_stored_in_its_composed_form(adapter: TypeAdapter[str]) -> None:
    assert adapter.validate_python(" Zoe\u0308 ") == "Zoë"


@pytest.mark.parametrize(
    "value", ["O'Brien", "Nguyễn", "李小龙", "שרה", "محمد", "👩‍🔬 club", "Žižek–Müller", "x" * 200]
)
def test_names_of_people_everywhere_are_accepted(value: str) -> None:
    assert name.validate_python(value) == unicodedata.normalize("NFC", value)


def test_a_text_over_its_maximum_is_refused() -> None:
    assert code_of(name, "x" * 201) == "string_too_long"
    assert code_of(paragraph, "x" * 5001) == "string_too_long"


@given(st.text(st.characters(exclude_categories=[]), max_size=30))
def test_accepted_text_is_visible_storable_and_stays_as_it_is(value: str) -> None:
    try:
        accepted = name.validate_python(value)
    except ValidationError:
        return
    assert accepted
    assert is_storable(accepted)
    assert unicodedata.is_normalized("NFC", accepted)
    assert name.validate_python(accepted) == accepted


class Everything(Input):
    number: Integer | MISSING = MISSING
    amount: Quantity | MISSING = MISSING
    flag: bool | MISSING = MISSING
    title: Name | MISSING = MISSING
    id: UUID | MISSING = MISSING
    on: date | MISSING = MISSING
    at: datetime | MISSING = MISSING
    kind: Literal["a", "b"] | MISSING = MISSING
    words: list[Name] | MISSING = MISSING


def from_wire(text: str) -> Everything:
    return Everything.model_validate(Wire(text.encode()))


def refused(text: str) -> Problem:
    with pytest.raises(Problem) as caught:
        from_wire(text)
    return caught.value


@pytest.mark.parametrize(
    ("text", "pointer"),
    [
        ('{"number": "3"}', "/number"),
        ('{"number": true}', "/number"),
        ('{"number": 3.0}', "/number"),
        ('{"number": 3.5}', "/number"),
        ('{"number": null}', "/number"),
        ('{"number": 9223372036854775808}', "/number"),
        ('{"flag": 1}', "/flag"),
        ('{"flag": "true"}', "/flag"),
        ('{"title": 5}', "/title"),
        ('{"title": ["x"]}', "/title"),
        ('{"id": "not an id"}', "/id"),
        ('{"id": 5}', "/id"),
        ('{"on": "2026-02-30"}', "/on"),
        ('{"on": 1767225600}', "/on"),
        ('{"at": 1767225600}', "/at"),
        ('{"kind": "c"}', "/kind"),
        ('{"words": "x"}', "/words"),
        ('{"words": ["x", " "]}', "/words/1"),
        ('{"amount": "NaN"}', "/amount"),
        ('{"amount": "Infinity"}', "/amount"),
        ('{"amount": "1.00001"}', "/amount"),
        ('{"amount": "12345678901.0"}', "/amount"),
        ('{"is_admin": true}', "/is_admin"),
        ('{"tenant_id": "x"}', "/tenant_id"),
    ],
)
def test_another_type_or_an_unknown_field_is_refused(text: str, pointer: str) -> None:
    problem = refused(text)
    assert problem.status == 422
    assert pointer in [error["pointer"] for error in problem.errors]


@pytest.mark.parametrize("text", ["[]", '"x"', "1", "null", "true"])
def test_a_body_that_is_no_object_is_refused(text: str) -> None:
    assert refused(text).status == 422


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"number": -9223372036854775808}', {"number": -(2**63)}),
        (
            '{"id": "01934b5e-7f6a-7c3e-9d0a-000000000001"}',
            {"id": UUID("01934b5e-7f6a-7c3e-9d0a-000000000001")},
        ),
        ('{"on": "2028-02-29"}', {"on": date(2028, 2, 29)}),
        ('{"amount": "72.5"}', {"amount": Decimal("72.5")}),
        ('{"amount": 72}', {"amount": Decimal(72)}),
        ('{"title": " Zoe\u0308 "}', {"title": "Zoë"}),
        ('{"kind": "b"}', {"kind": "b"}),
        ("{}", {}),
    ],
)
def test_json_has_its_own_forms_of_things(text: str, expected: dict[str, Any]) -> None:
    accepted = from_wire(text)
    assert {field: getattr(accepted, field) for field in accepted.model_fields_set} == expected


def test_a_refusal_does_not_repeat_the_value() -> None:
    problem = refused('{"number": "hunter2", "title": ["hunter2"]}')
    assert "hunter2" not in repr(problem.body("r"))


class Change(Patch):
    title: Name | MISSING = MISSING
    note: Text | MISSING | None = MISSING


@pytest.mark.parametrize(
    ("text", "expected"),
    [("{}", {}), ('{"note": null}', {"note": None}), ('{"title": "T"}', {"title": "T"})],
)
def test_a_patch_knows_absent_from_null(text: str, expected: dict[str, Any]) -> None:
    assert Change.model_validate(Wire(text.encode())).changes() == expected


def test_null_is_refused_where_a_patch_cannot_clear() -> None:
    with pytest.raises(Problem) as caught:
        Change.model_validate(Wire(b'{"title": null}'))
    assert caught.value.status == 422
