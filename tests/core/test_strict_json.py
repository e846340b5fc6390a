"""Bodies that are not quite JSON, or hold what nothing can store, are refused with a reason."""

import json
import math
import sys
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.core.errors import Problem
from app.core.strict_json import MAX_DEPTH, check_json, is_storable

LIMIT = 2**63


def problem_of(data: bytes) -> Problem | None:
    try:
        check_json(data)
    except Problem as problem:
        return problem
    return None


def refused(data: bytes) -> Problem:
    problem = problem_of(data)
    assert problem is not None
    return problem


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"9" * 5000, id="a 5,000-digit integer"),
        pytest.param(b'{"a": -' + b"9" * 5000 + b"}", id="a 5,000-digit negative integer"),
        pytest.param(b"[" * 100_000 + b"]" * 100_000, id="100,000 lists deep"),
        pytest.param(b'{"a":' * 100_000 + b"1" + b"}" * 100_000, id="100,000 objects deep"),
        pytest.param(b"[" * (MAX_DEPTH + 1) + b"1" + b"]" * (MAX_DEPTH + 1), id="one list too deep"),
        pytest.param(b'{"a": "\xff"}', id="bytes that are not UTF-8"),
        pytest.param(b'{"a": "\xed\xa0\x80"}', id="a surrogate in UTF-8"),
        pytest.param(b'{"a": "\xc0\x80"}', id="an overlong NUL"),
        pytest.param('{"a": "b"}'.encode("utf-16"), id="UTF-16"),
        pytest.param(b"\xef\xbb\xbf{}", id="a byte order mark"),
        pytest.param(b'{"a": 1, "a": 1}', id="the same key twice"),
        pytest.param(b'{"b": [{"a": 1, "\\u0061": 2}]}', id="the same key twice, escaped and deep down"),
        pytest.param(b"{'a': 1}", id="single quotes"),
        pytest.param(b'{"a": 1,}', id="a comma too many"),
        pytest.param(b'{"a": 01}', id="a leading zero"),
        pytest.param(b'{"a": .5}', id="no digit before the point"),
        pytest.param(b'{"a": 0x1}', id="hexadecimal"),
        pytest.param(b'{"a": "\n"}', id="a bare line break in a string"),
        pytest.param(b'{"a": "\x00"}', id="a bare NUL in a string"),
        pytest.param(b'{"a": 1} {"b": 2}', id="two values"),
        pytest.param(b'{"a": 1', id="cut off"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"   ", id="blanks"),
        pytest.param(b"\xe2\x80\x83{}", id="a blank that JSON does not know"),
        pytest.param(b'{"a": nan}', id="a word"),
    ],
)
def test_what_is_not_json_is_a_400(data: bytes) -> None:
    problem = refused(data)
    assert (problem.status, problem.code) == (400, "invalid_json")


@pytest.mark.parametrize(
    ("data", "pointer", "code"),
    [
        pytest.param(b'{"a": "x\\u0000"}', "/a", "character_refused", id="NUL"),
        pytest.param(b'{"a": {"b": ["\\ud800"]}}', "/a/b/0", "character_refused", id="a lone surrogate"),
        pytest.param(b'{"a": "\\udc00\\ud800"}', "/a", "character_refused", id="surrogates in the wrong order"),
        pytest.param(b'{"\\u0000": 1}', "", "character_refused", id="NUL in a key"),
        pytest.param(b'[{"\\ud800": [NaN]}]', "/0/?/0", "number_not_finite", id="below such a key"),
        pytest.param(b'{"a": NaN}', "/a", "number_not_finite", id="NaN"),
        pytest.param(b'{"a": [1, Infinity]}', "/a/1", "number_not_finite", id="infinity"),
        pytest.param(b'{"a": -Infinity}', "/a", "number_not_finite", id="minus infinity"),
        pytest.param(b'{"a": 1e999}', "/a", "number_not_finite", id="a float beyond all floats"),
        pytest.param(b'{"a": -1e999}', "/a", "number_not_finite", id="a float below all floats"),
        pytest.param(str(LIMIT).encode(), "", "integer_too_large", id="beyond int64"),
        pytest.param(b"[%d]" % (-LIMIT - 1), "/0", "integer_too_large", id="below int64"),
        pytest.param(b'{"a/b": {"~": NaN}}', "/a~1b/~0", "number_not_finite", id="a pointer with escapes"),
    ],
)
def test_a_value_that_nothing_can_hold_is_a_422_that_points_at_it(data: bytes, pointer: str, code: str) -> None:
    problem = refused(data)
    assert (problem.status, problem.code) == (422, "validation_error")
    assert (pointer, code) in {(error["pointer"], error["code"]) for error in problem.errors}


@pytest.mark.parametrize(
    "data",
    [
        b"{}",
        b"null",
        b' \r\n\t{"a": [1, -0, 1.5, 1e10, true, false, null, "\\ud83d\\ude00", "\xf0\x9f\x98\x80", "\\n"]} ',
        b'[{"a": 1}, {"a": 2}]',
        b'{"a": {"a": {"a": 1}}}',
        b"[%d, %d]" % (LIMIT - 1, -LIMIT),
        b"[" * MAX_DEPTH + b"1" + b"]" * MAX_DEPTH,
        b'{"a": 1e-999}',
        b'{"": ""}',
    ],
)
def test_json_is_accepted(data: bytes) -> None:
    check_json(data)


def test_at_most_twenty_errors_are_listed() -> None:
    assert len(refused(b"[" + b",".join([b"NaN"] * 1000) + b"]").errors) == 20


def test_the_problem_does_not_repeat_the_body() -> None:
    for data in (b'{"password": "hunter2"', b'{"password": "hunter2\\u0000"}', b'{"a": hunter2}'):
        problem = refused(data)
        assert "hunter2" not in json.dumps(problem.body("r"))


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
numbers = st.integers(-LIMIT, LIMIT - 1) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(texts, inner, max_size=5),
    max_leaves=25,
)


@given(values, st.booleans(), st.sampled_from([None, 1, "\t"]))
def test_whatever_json_writes_is_accepted(value: Any, is_ascii: bool, indent: int | str | None) -> None:
    check_json(json.dumps(value, ensure_ascii=is_ascii, indent=indent).encode())


@given(st.binary(max_size=200) | st.text('[]{}:,"\\u0dNaInfity.eE+-1 \n', max_size=60).map(str.encode))
@example(b'"\\')
@example(b"-")
@example(b"1E400")
@example(b"\x00")
def test_the_check_agrees_with_json_and_raises_problems_only(data: bytes) -> None:
    problem = problem_of(data)
    if problem is not None:
        assert problem.status in (400, 422)
        return
    value = json.loads(data.decode())
    assert all(is_fine(item) for item in walk(value))


def walk(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [value, *value, *(item for child in value.values() for item in walk(child))]
    if isinstance(value, list):
        return [value, *(item for child in value for item in walk(child))]
    return [value]


def is_fine(value: Any) -> bool:
    if isinstance(value, str):
        return is_storable(value)
    if isinstance(value, float):
        return math.isfinite(value)
    return not isinstance(value, int) or -LIMIT <= value < LIMIT


@given(st.text(st.characters(exclude_categories=[])))
def test_storable_is_what_postgresql_can_hold(text: str) -> None:
    is_utf8 = all(not 0xD800 <= ord(character) <= 0xDFFF for character in text)
    assert is_storable(text) is (is_utf8 and "\0" not in text)


def test_the_check_does_not_depend_on_the_digit_limit_of_the_interpreter() -> None:
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        assert refused(b"9" * 5000).status in (400, 422)
    finally:
        sys.set_int_max_str_digits(before)
