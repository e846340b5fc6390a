"""Strong tags, conditional requests, and what caches are told."""

import contextlib
import re

import pytest
from fastapi import Request, Response
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import Problem
from app.core.replies import _TAG, check_precondition, entity_tag, json_reply


def request(method: str = "GET", **headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": method, "headers": raw, "path": "/", "query_string": b""})


def reply(method: str = "GET", version: int | None = 3, **headers: str) -> Response:
    return json_reply(request(method, **headers), '{"a":"é"}', version)


TAG = entity_tag('{"a":"é"}'.encode(), 3)


def test_a_tag_names_the_version_and_the_body() -> None:
    assert re.fullmatch(r'"3-[0-9a-f]{16}"', TAG)
    assert entity_tag(b"x", 3) != TAG != entity_tag('{"a":"é"}'.encode(), 4)


def test_the_tag_of_a_list_is_the_hash_alone() -> None:
    assert re.fullmatch(r'"[0-9a-f]{16}"', entity_tag(b"[]", None))


def test_a_reply_is_for_its_caller_only_and_to_be_asked_for_again() -> None:
    headers = reply().headers
    assert headers["cache-control"] == "private, no-cache"
    assert headers["vary"] == "Authorization, Accept"
    assert headers["etag"] == TAG


@pytest.mark.parametrize(
    "known", [TAG, f"W/{TAG}", f'"other", {TAG}', f'{TAG},"other"', "*", f'  "a" ,  {TAG}  '], ids=str
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_the_client_has_is_not_sent_again(known: str, method: str) -> None:
    answer = reply(method, if_none_match=known)
    assert (answer.status_code, answer.body, answer.headers["etag"]) == (304, b"", TAG)
    assert answer.headers["cache-control"] == "private, no-cache"


@pytest.mark.parametrize("known", ['"3"', '"3-0000000000000000"', "", "nonsense", TAG.strip('"'), '"'])
def test_what_the_client_does_not_have_is_sent(known: str) -> None:
    assert reply(if_none_match=known).status_code == 200


def test_a_write_is_never_answered_with_not_modified() -> None:
    assert reply("POST", if_none_match=TAG).status_code == 200


@pytest.mark.parametrize("given_tag", ['"3"', '"3-abc"', 'W/"3-abc"', '"1-x", "3-y"', "*", " * ", TAG])
def test_the_version_part_of_any_representation_serves(given_tag: str) -> None:
    check_precondition(given_tag, 3)


@pytest.mark.parametrize(
    "given_tag", ['"2"', '"33"', '"-3"', "3", "", '""', "nonsense", '"0123456789abcdef"', '"3', "'3'"]
)
def test_another_version_is_refused_with_the_current_one(given_tag: str) -> None:
    with pytest.raises(Problem) as caught:
        check_precondition(given_tag, 3)
    problem = caught.value
    assert (problem.status, problem.extra["current_version"]) == (412, 3)
    assert problem.headers["ETag"] == '"3"'


@pytest.mark.parametrize(("given_tag", "word"), [('"2-abc"', "changed since"), ('"0123456789abcdef"', "a list's")])
def test_a_tag_of_something_else_is_called_that(given_tag: str, word: str) -> None:
    with pytest.raises(Problem) as caught:
        check_precondition(given_tag, 3)
    assert word in caught.value.detail


@given(st.text(max_size=50))
def test_no_precondition_breaks_the_check(header: str) -> None:
    with contextlib.suppress(Problem):
        check_precondition(header, 3)


@given(st.binary(), st.binary())
def test_different_bodies_have_different_tags(first: bytes, second: bytes) -> None:
    assert (entity_tag(first, 1) == entity_tag(second, 1)) is (first == second)


def test_a_hostile_list_of_tags_is_read_in_linear_time() -> None:
    """The pattern has nothing that could be tried in two ways."""
    assert _TAG.pattern == r'"([^"]*)"'
    assert _TAG.findall('"a"' + " " * 200_000 + "x") == ["a"]
