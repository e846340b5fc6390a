import json
from copy import deepcopy
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import app.integrations.case
from app.integrations.case.reader import UNDATED, Item, Package, PackageError, read_package
from tests.integrations.case.packages import (
    DOCUMENT,
    A,
    B,
    C,
    D,
    assert_is_pre_order,
    codes,
    edge,
    item,
    node,
    package,
    read,
    shared,
)

DEMO = Path(app.integrations.case.__file__).with_name("demo_framework.json")


def read_item(**fields: object) -> Item:
    return read(package([item(A, **fields)])).items[0]


@pytest.fixture(scope="module")
def math() -> Package:
    return read_package(shared("smarter-balanced-math.cfpackage.json"))


def test_the_math_package_is_read_whole(math: Package) -> None:
    assert len(math.items) == 585
    # 3,368 rows, of which one is written twice under the same identifier.
    assert len(math.associations) + codes(math).count("duplicate_identifier") == 3368
    assert len(math.associations) == 3367
    assert sum(a.type == "isChildOf" for a in math.associations) == 570
    assert sum(a.type == "isChildOf" and a.sequence_number is None for a in math.associations) == 366
    assert set(codes(math)) == {"duplicate_identifier", "no_parent"}
    assert codes(math).count("no_parent") == 15
    assert math.document.source_case_version == "1.0"


def test_the_math_package_keeps_every_precedes_association(math: Package) -> None:
    precedes = [a for a in math.associations if a.type == "precedes"]
    inside = {i.identifier for i in math.items}
    assert len(precedes) == len({a.identifier for a in precedes}) == 423
    assert len({(a.origin_id, a.destination_id) for a in precedes}) == 422
    assert not math.cyclic

    outside = [a for a in precedes if a.origin_id not in inside]
    assert [a.origin_title for a in outside] == ["8.EE.C.7"] * 3
    assert {a.origin_id for a in outside} <= {s.identifier for s in math.stubs}


def test_the_math_package_has_a_stub_for_each_outside_node(math: Package) -> None:
    inside = {i.identifier for i in math.items} | {math.document.identifier}
    assert sum(a.destination_id not in inside for a in math.associations) == 2000  # one of 2,001 is the duplicate
    named = {end for a in math.associations for end in (a.origin_id, a.destination_id)}
    assert {s.identifier for s in math.stubs} == named - inside
    assert len(math.stubs) == len(named - inside)


def test_the_math_tree_is_in_order(math: Package) -> None:
    roots = [i.human_coding_scheme or i.abbreviated_statement for i in math.items if i.depth == 0]
    assert roots[:8] == ["M.G3", "M.G4", "M.G5", "M.G6", "M.G7", "M.G8", "M.GHS", "Unassigned"]
    assert roots[-1] == "M.GHS.C4.HSS.IC.A.1"

    by_code = {i.human_coding_scheme: i for i in math.items}

    def below(code: str) -> list[str | None]:
        return [i.human_coding_scheme for i in math.items if by_code[code].identifier in i.parent_ids]

    # Unnumbered siblings by code, numbered ones by number although the code would say otherwise.
    assert below("M.G3") == ["M.G3.C1", "M.G3.C2", "M.G3.C3", "M.G3.C4"]
    assert below("M.G3.C1") == ["M.G3.C1OA", "M.G3.C1NBT", "M.G3.C1NF", "M.G3.C1MD", "M.G3.C1G"]
    assert [i.human_coding_scheme for i in math.items[3:6]] == [
        "M.G3.C1OA.TA",
        "M.G3.C1OA.TA.3.OA.A.1",
        "M.G3.C1OA.TA.3.OA.A.2",
    ]
    assert_is_pre_order(math)


def test_the_opensalt_package_is_read_without_a_problem() -> None:
    result = read_package(shared("opensalt-sample.cfpackage.json"))
    assert (len(result.items), len(result.associations), result.problems) == (16, 39, [])
    assert result.document.last_changed_at == datetime(2017, 5, 25, 18, 5, 33, tzinfo=UTC)
    assert [i.list_enumeration for i in result.items[:8]] == [None, "1.", "2.", "3.", "a.", "b.", "c.", "d."]
    assert {tuple(i.education_levels) for i in result.items} == {("06",), ("07",)}
    assert sorted(a.sequence_number for a in result.associations if a.sequence_number is not None) == [1, 2]


def test_the_demo_framework_satisfies_the_official_schema() -> None:
    schema = json.loads(shared("case-v1p1-cfpackage.schema.json"))
    validator = jsonschema.Draft201909Validator(schema, format_checker=jsonschema.Draft201909Validator.FORMAT_CHECKER)
    validator.validate(json.loads(DEMO.read_bytes()))


def test_the_demo_framework_is_read_without_a_problem() -> None:
    result = read_package(DEMO.read_bytes())
    assert (result.problems, result.stubs, result.cyclic) == ([], [], set())
    assert [i.human_coding_scheme for i in result.items] == sorted(i.human_coding_scheme or "" for i in result.items)
    assert {i.depth for i in result.items} == {0, 1}
    assert sum(a.type == "precedes" for a in result.associations) == 9
    assert result.document.source_case_version == "1.1"
    assert_is_pre_order(result)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff\xfe\xff", "not JSON"),
        pytest.param(b"1" * 5000, "not JSON", id="endless number"),
        pytest.param(b"[" * 200_000, "nested too deeply", id="deep nesting"),
        (b"[]", "holds a list"),
        (b"null", "holds null"),
        (b"{}", "no CFDocument"),
        (b'{"CFDocument": 7}', "no CFDocument"),
        (b'{"CFDocument": {"title": "T"}}', r"CFDocument\.identifier"),
        (b'{"CFDocument": {"identifier": "abc"}}', r"CFDocument\.identifier"),
    ],
)
def test_what_is_no_package_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(PackageError, match=rf"^math\.json: .*{reason}"):
        read_package(data, "math.json")


def test_a_document_alone_is_a_package_and_what_it_lacks_is_noted() -> None:
    result = read({"CFDocument": {"identifier": str(DOCUMENT), "creator": None, "description": None}})
    assert result.document.title == str(DOCUMENT)
    assert result.document.uri == DOCUMENT.urn
    assert result.document.last_changed_at == UNDATED
    assert (result.items, result.associations) == ([], [])
    assert [p.path for p in result.problems] == [
        "/CFDocument/uri",
        "/CFDocument/title",
        "/CFDocument/lastChangeDateTime",
    ]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_accepted(encoding: str) -> None:
    assert read_package(json.dumps(package()).encode(encoding)).document.title == "Skills"


def test_text_is_normalised_and_can_be_stored() -> None:
    read_statement = read_item(fullStatement=" Cafe\u0301\x00 \ud800! ").full_statement
    assert read_statement == "Caf\u00e9 \ufffd!"


def test_an_extension_field_is_ignored() -> None:
    content = package([item(A, CFDocumentURI="https://case.example/x", extensions={"a": 1}, **{"ext:own": []})])
    assert codes(read(content | {"more": 1})) == ["no_parent"]


@pytest.mark.parametrize(
    ("written", "read_as"),
    [
        ("2024-05-06T07:08:09", datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)),
        ("2024-05-06T07:08:09+02:00", datetime(2024, 5, 6, 5, 8, 9, tzinfo=UTC)),
        ("2024-05-06", datetime(2024, 5, 6, tzinfo=UTC)),
    ],
)
def test_an_instant_is_read_in_utc(written: str, read_as: datetime) -> None:
    assert read_item(lastChangeDateTime=written).last_changed_at == read_as


@pytest.mark.parametrize("written", ["yesterday", "0001-01-01T00:00:00+10:00", 7])
def test_an_unreadable_instant_is_that_of_the_document(written: object) -> None:
    result = read(package([item(A, lastChangeDateTime=written)]))
    assert result.items[0].last_changed_at == result.document.last_changed_at
    assert result.problems[0].path == "/CFItems/0/lastChangeDateTime"
    assert codes(result)[0] == "bad_value"


def test_a_status_date_is_read_from_a_date_or_an_instant() -> None:
    read_in = read_item(statusStartDate="2024-01-31", statusEndDate="2025-01-31T00:00:00")
    assert (read_in.status_start_on, read_in.status_end_on) == (date(2024, 1, 31), date(2025, 1, 31))
    assert read_item(statusStartDate="soon").status_start_on is None


@pytest.mark.parametrize(
    "fields",
    [
        {"educationLevel": ["06", "07"]},
        {"educationLevel": "06, 07"},
        {"educationalLevel": "06,07"},
        {"educationalLevel": ["06", None, "07"]},
    ],
)
def test_education_levels_are_read_however_they_are_written(fields: dict[str, object]) -> None:
    assert read_item(**fields).education_levels == ["06", "07"]


def test_a_missing_statement_is_replaced_by_a_label() -> None:
    result = read(package([item(A, fullStatement=None, humanCodingScheme="M.1")]))
    assert result.items[0].full_statement == "M.1"
    assert result.problems[0].path == "/CFItems/0/fullStatement"


@pytest.mark.parametrize(("written", "number"), [(3, 3), ("3", 3), (3.0, 3), ("", None), (None, None)])
def test_a_sequence_number_is_read_from_a_string_too(written: object, number: int | None) -> None:
    result = read(package([item(A)], [edge(100, "isChildOf", A, DOCUMENT, sequenceNumber=written)]))
    assert result.associations[0].sequence_number == number
    assert not result.problems


@pytest.mark.parametrize("written", ["first", 1.5, True, 2**31, [1]])
def test_an_unreadable_sequence_number_is_noted(written: object) -> None:
    result = read(package([item(A)], [edge(100, "isChildOf", A, DOCUMENT, sequenceNumber=written)]))
    assert result.associations[0].sequence_number is None
    assert codes(result) == ["bad_value"]


def test_a_uri_string_stands_for_the_node_that_it_names() -> None:
    rows = [item(A, uri="https://case.example/a"), item(B)]
    ends = {"originNodeURI": "https://case.example/a", "destinationNodeURI": f"https://elsewhere.example/items/{B}"}
    result = read(package(rows, [edge(100, "precedes", A, B, **ends)], licenseURI="https://case.example/licence"))
    assert (result.associations[0].origin_id, result.associations[0].destination_id) == (A, B)
    assert result.document.license_uri == "https://case.example/licence"
    assert set(codes(result)) == {"no_parent"}


def test_a_foreign_identifier_becomes_a_uuid_of_its_uri() -> None:
    foreign = {"title": "DOK 1", "identifier": "dok-1", "uri": "urn:example:dok:1"}
    result = read(package([item(A)], [edge(100, "isRelatedTo", A, B, destinationNodeURI=foreign)]))
    derived = uuid5(NAMESPACE_URL, "urn:example:dok:1")
    assert result.associations[0].destination_id == derived
    assert result.associations[0].destination_uri == "urn:example:dok:1"
    assert [(s.identifier, s.uri, s.title) for s in result.stubs] == [(derived, "urn:example:dok:1", "DOK 1")]
    assert result.problems[0].code == "derived_identifier"
    assert result.problems[0].path == "/CFAssociations/0/destinationNodeURI/identifier"


def test_a_row_that_cannot_be_identified_is_left_out() -> None:
    unnamed = item(A) | {"identifier": None, "uri": None}
    endless = edge(100, "precedes", A, B, destinationNodeURI=None)
    result = read(package([unnamed, item(B)], [endless, endless | {"identifier": [], "uri": None}]))
    assert [i.identifier for i in result.items] == [B]
    assert result.associations == []
    assert {p.path for p in result.problems} >= {"/CFItems/0", "/CFAssociations/0", "/CFAssociations/1"}


def test_a_section_or_row_of_another_kind_is_noted_and_passed_over() -> None:
    result = read(package() | {"CFItems": [7, item(A), None], "CFAssociations": "none"})
    assert [i.identifier for i in result.items] == [A]
    noted = [p.path for p in result.problems if p.code == "wrong_type"]
    assert noted == ["/CFItems/0", "/CFItems/2", "/CFAssociations"]


def test_an_item_that_bears_the_identifier_of_the_document_is_left_out() -> None:
    result = read(package([item(DOCUMENT)]))
    assert (result.items, codes(result)) == ([], ["duplicate_identifier"])


def test_of_two_rows_with_one_identifier_the_later_is_kept() -> None:
    result = read(package([item(A, fullStatement="old"), item(A, fullStatement="new")]))
    assert [i.full_statement for i in result.items] == ["new"]
    assert result.problems[0].code == "duplicate_identifier"


def test_the_same_pair_under_two_identifiers_is_kept_twice() -> None:
    result = read(package([item(A), item(B)], [edge(100, "precedes", A, B), edge(101, "precedes", A, B)]))
    assert [a.identifier.int for a in result.associations] == [100, 101]


def test_an_association_type_is_spelled_as_case_spells_it() -> None:
    rows = [edge(100, "ischildof", A, DOCUMENT), edge(101, "ext:near", A, B), edge(102, "follows", A, B)]
    result = read(package([item(A)], rows))
    assert [a.type for a in result.associations] == ["isChildOf", "ext:near", "follows"]
    assert codes(result) == ["unknown_type"]


SMALL = package(
    [item(A, educationLevel=["06"], statusEndDate="2024-01-01", CFItemTypeURI=node(D)), item(B), item(C)],
    [
        edge(100, "isChildOf", A, DOCUMENT, sequenceNumber=1),
        edge(101, "isChildOf", B, A),
        edge(102, "isChildOf", C, B),
        edge(103, "precedes", B, C),
    ],
    subject=["Skills"],
    licenseURI=node(D),
)
JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=[]))
    | st.sampled_from([str(i) for i in (DOCUMENT, A, B, C)]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["uri", "identifier"]), inner),
    max_leaves=4,
)


def places(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The path of every value inside a JSON value."""
    inside: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        inside = list(value.items())
    elif isinstance(value, list):
        inside = list(enumerate(value))
    return [place for key, member in inside for place in [(*path, key), *places(member, (*path, key))]]


@st.composite
def damaged(draw: st.DrawFn) -> dict[str, Any]:
    content = deepcopy(SMALL)
    for _ in range(draw(st.integers(1, len(SMALL) - 1))):  # one section at least is left
        *way, last = draw(st.sampled_from(places(content)))
        holder: Any = content
        for key in way:
            holder = holder[key]
        if isinstance(holder, list) or draw(st.booleans()):
            holder[last] = draw(JUNK)
        else:
            del holder[last]
    return content


@settings(deadline=None)
@given(damaged())
def test_a_damaged_package_is_read_or_refused(content: dict[str, Any]) -> None:
    try:
        result = read(content)
    except PackageError:
        return
    assert_is_pre_order(result)
    inside = {i.identifier for i in result.items} | {result.document.identifier}
    known = inside | {s.identifier for s in result.stubs}
    assert all({a.origin_id, a.destination_id} <= known for a in result.associations)


@settings(deadline=None)
@given(st.binary())
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with pytest.raises(PackageError):
        read_package(data)
