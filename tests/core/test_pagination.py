"""Pages neither skip nor repeat, and a cursor serves the list, filter, sort and caller it was made for."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete

from app.core.errors import Problem
from app.core.pagination import _CursorSeal
from app.core.secrets import Keyring
from app.db.base import new_id
from app.roster.models import Person
from tests.core.tiny_app import PEOPLE
from tests.factories import World

pytestmark = pytest.mark.anyio

SEAL = _CursorSeal(Keyring(b"x" * 32), "list")
NAMES = ["Ada", "Ben", "Ben", "Ben", "Cleo", "Dan", "Eve"]


@pytest.fixture
async def reader(tiny: World) -> httpx.AsyncClient:
    """A service, which is no person and therefore on no list."""
    for name in NAMES:
        await tiny.person(name, "Listed")
    return await tiny.client_for(await tiny.service("plans.read"))


async def pages(reader: httpx.AsyncClient, query: str = "") -> list[list[dict[str, str]]]:
    found, cursor = [], ""
    while True:
        body = (await reader.get(f"{PEOPLE}?limit=2{query}{cursor}")).json()
        found.append(body["items"])
        if body["next_cursor"] is None:
            return found
        cursor = f"&cursor={body['next_cursor']}"


async def test_pages_hold_every_row_once_and_in_order(reader: httpx.AsyncClient) -> None:
    found = await pages(reader)
    assert [len(page) for page in found] == [2, 2, 2, 1]
    items = [item for page in found for item in page]
    assert [item["given_name"] for item in items] == NAMES
    assert len({item["id"] for item in items}) == len(NAMES)


async def test_a_descending_list_is_the_ascending_one_backwards(reader: httpx.AsyncClient) -> None:
    ascending = [item["id"] for page in await pages(reader) for item in page]
    descending = [item["id"] for page in await pages(reader, "&sort=-name") for item in page]
    assert descending == ascending[::-1]


async def test_a_list_by_instant_is_complete(reader: httpx.AsyncClient) -> None:
    found = [item["given_name"] for page in await pages(reader, "&sort=created_at") for item in page]
    assert found == NAMES


async def test_the_last_page_says_so(reader: httpx.AsyncClient) -> None:
    body = (await reader.get(f"{PEOPLE}?limit=7")).json()
    assert (len(body["items"]), body["next_cursor"]) == (7, None)
    assert set(body) == {"items", "next_cursor"}


async def test_an_empty_list_is_a_page(reader: httpx.AsyncClient) -> None:
    reply = await reader.get(f"{PEOPLE}?family_name=Nobody&count=true")
    assert reply.json() == {"items": [], "next_cursor": None, "total": 0}


async def test_the_total_counts_all_pages_of_the_filter(reader: httpx.AsyncClient, tiny: World) -> None:
    await tiny.person("Not", "Counted")
    body = (await reader.get(f"{PEOPLE}?limit=2&count=true&family_name=Listed")).json()
    assert (len(body["items"]), body["total"]) == (2, len(NAMES))


@pytest.mark.parametrize("limit", [201, 2**31 - 1])
async def test_a_limit_above_the_most_is_the_most(reader: httpx.AsyncClient, limit: int) -> None:
    assert len((await reader.get(f"{PEOPLE}?limit={limit}")).json()["items"]) == len(NAMES)


async def test_the_link_leads_to_the_next_page_with_the_same_filter(reader: httpx.AsyncClient) -> None:
    reply = await reader.get(f"{PEOPLE}?limit=2&family_name=Listed&fields=given_name")
    url, _, relation = reply.headers["link"].partition("; ")
    assert relation == 'rel="next"'
    following = parse_qs(urlsplit(url.strip("<>")).query)
    assert following["cursor"] == [reply.json()["next_cursor"]]
    assert (following["limit"], following["family_name"], following["fields"]) == (["2"], ["Listed"], ["given_name"])
    assert (await reader.get(url.strip("<>"))).json()["items"] == [{"given_name": "Ben"}, {"given_name": "Ben"}]


async def test_rows_that_come_and_go_move_no_others(reader: httpx.AsyncClient, tiny: World) -> None:
    first = (await reader.get(f"{PEOPLE}?limit=3")).json()
    await tiny.person("Aaron", "Before")
    async with tiny.transaction() as session:
        await session.execute(delete(Person).where(Person.id == first["items"][-1]["id"]))
    second = (await reader.get(f"{PEOPLE}?limit=200&cursor={first['next_cursor']}")).json()
    assert [item["given_name"] for item in second["items"]] == NAMES[3:]


async def test_a_filter_by_what_does_not_exist_is_not_found(
    reader: httpx.AsyncClient, tiny: World, twin: World
) -> None:
    friend, stranger = await tiny.person(), await twin.person()
    assert (await reader.get(f"{PEOPLE}?friend_of={friend.id}")).status_code == 200
    for unknown in (stranger.id, new_id()):
        assert (await reader.get(f"{PEOPLE}?friend_of={unknown}")).status_code == 404


async def test_a_cursor_serves_its_list_filter_sort_and_caller_only(
    reader: httpx.AsyncClient, tiny: World, twin: World
) -> None:
    cursor = (await reader.get(f"{PEOPLE}?limit=2&family_name=Listed")).json()["next_cursor"]
    ours = f"{PEOPLE}?family_name=Listed&cursor={cursor}"
    assert (await reader.get(ours)).status_code == 200
    assert (await reader.get(ours + "&limit=7&fields=id")).status_code == 200
    other = await tiny.client_for(await tiny.service("plans.read"))
    foreign = await twin.client_for(await twin.service("plans.read"))
    for reply in (
        await reader.get(f"{PEOPLE}?cursor={cursor}"),
        await reader.get(f"{PEOPLE}?family_name=Other&cursor={cursor}"),
        await reader.get(ours + "&sort=-name"),
        await other.get(ours),
        await foreign.get(ours),
    ):
        assert (reply.status_code, reply.json()["code"]) == (400, "invalid_cursor")


@pytest.mark.parametrize("cursor", ["", "x", "AAAA", "é", "%00", "A" * 1999, "eyJhIjoxfQ==", "....", "A B"])
async def test_what_is_no_cursor_is_refused(reader: httpx.AsyncClient, cursor: str) -> None:
    reply = await reader.get(f"{PEOPLE}?cursor={cursor}")
    assert reply.status_code in (400, 422)
    assert (await reader.get(f"{PEOPLE}?cursor={'A' * 2001}")).status_code == 422


def refused(cursor: str, seal: _CursorSeal = SEAL) -> None:
    with pytest.raises(Problem) as caught:
        seal.open(cursor)
    assert (caught.value.status, caught.value.code) == (400, "invalid_cursor")


def test_a_sealed_key_opens_again() -> None:
    assert SEAL.open(SEAL.close('["Zoë", 1, null]')) == ["Zoë", 1, None]


@given(st.integers(0, 200), st.integers(1, 255))
def test_a_cursor_with_any_byte_changed_is_refused(place: int, change: int) -> None:
    cursor = SEAL.close('["Ada", "01934b5e-7f6a-7c3e-9d0a-000000000001"]')
    raw = bytearray(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    raw[place % len(raw)] ^= change
    refused(urlsafe_b64encode(raw).decode().rstrip("="))


@given(st.text(max_size=60) | st.text("ABCabc012-_=+/ ", max_size=60))
def test_a_cursor_that_we_did_not_make_is_refused(cursor: str) -> None:
    refused(cursor)


def test_a_cursor_has_one_spelling() -> None:
    cursor = SEAL.close('["Ada"]')
    for other in (cursor + "=", cursor + "==", " " + cursor, cursor + "\n", cursor.replace("-", "+")):
        if other != cursor:
            refused(other)


def test_a_cursor_of_another_secret_or_list_is_refused() -> None:
    cursor = SEAL.close('["Ada"]')
    refused(cursor, _CursorSeal(Keyring(b"y" * 32), "list"))
    refused(cursor, _CursorSeal(Keyring(b"x" * 32), "another list"))
