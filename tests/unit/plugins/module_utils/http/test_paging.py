# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import threading
import types
import typing as t
from dataclasses import dataclass, field

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import ApiError, TransportError
from ansible_collections.esper.cloud.plugins.module_utils.http.paging import (
    iterate,
    iterate_newest,
    list_all,
    list_each,
)
from ansible_collections.esper.cloud.tests.unit.service import Reply, Request, Server, answers
from hypothesis import given
from hypothesis import strategies as st

if t.TYPE_CHECKING:
    from ansible_collections.esper.cloud.plugins.module_utils.http.client import Client

Row = dict[str, t.Any]
# More requests than any test needs: what goes on longer would go on for ever.
MANY = 100


def rows(*numbers: int) -> list[Row]:
    return [{"id": number} for number in numbers]


@dataclass
class Listing:
    """A list that is served in pages; each attribute is a way in which services differ."""

    items: list[Row]
    cap: int = 1000
    counts: bool = True
    links: bool = True
    link_to: str = ""
    items_key: str = "results"
    before: t.Callable[[int, Listing], None] = lambda _number, _listing: None
    asked: list[dict[str, str]] = field(default_factory=list)
    states: list[list[t.Any]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, request: Request) -> Reply:
        with self.lock:
            self.asked.append(request.query)
            if len(self.asked) > MANY:
                return answers({"message": "it does not end"}, 400)
            self.before(len(self.asked), self)
            self.states.append([item["id"] for item in self.items])
            if "cursor" in request.query:
                return answers(self._page_by_cursor(request.query))
            offset, limit = int(request.query.get("offset", 0)), int(request.query.get("limit", self.cap))
            limit = min(limit, self.cap)
            page = self.items[offset : offset + limit]
            body: Row = {self.items_key: page}
            if self.counts:
                body["count"] = len(self.items)
            if self.links:
                more = offset + limit < len(self.items)
                body["next"] = f"{self.link_to}/api/things/?limit={limit}&offset={offset + limit}" if more else None
            return answers(body)

    def _page_by_cursor(self, query: dict[str, str]) -> Row:
        """The cursor is the last ID of the page before. IDs of new objects are higher."""
        after = -1 if query["cursor"] == "start" else int(query["cursor"])
        items = [item for item in self.items if item["id"] > after]
        page = items[: int(query["limit"])]
        return {"results": page, "next_cursor": str(page[-1]["id"]) if len(items) > len(page) else None}


@dataclass
class Direct:
    """A client that asks a listing without a network in between."""

    listing: Listing
    throttle_count: int = 0

    def get(self, path: str, *, query: Row, purpose: str) -> t.Any:
        texts = {name: str(value) for name, value in query.items()}
        told: list[bytes] = []
        exchange = types.SimpleNamespace(send=lambda _status, _headers, body: told.append(body))
        self.listing(types.SimpleNamespace(query=texts))(exchange)  # type: ignore[arg-type]
        return json.loads(told[0])

    def stop(self) -> None:
        """Nobody waits here."""


def read(client: Client, **options: t.Any) -> list[t.Any]:
    return [row["id"] for row in list_all(client, "/things/", purpose="Reading the things", **options)]


# --- by offset --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize(("counts", "links"), [(True, True), (True, False), (False, True)])
@pytest.mark.parametrize("total", [0, 1, 9, 10, 11, 57])
def test_each_object_comes_once_in_order(
    server: Server, client: Client, total: int, counts: bool, links: bool, concurrency: int
) -> None:
    server.app = Listing(rows(*range(total)), counts=counts, links=links)
    assert read(client, page_size=10, concurrency=concurrency) == list(range(total))
    assert len(server.requests) == max(1, -(-total // 10)), "each page is read once"


@pytest.mark.parametrize(("total", "requests"), [(0, 1), (10, 1), (11, 2), (45, 5)])
def test_a_list_without_pages_is_asked_for_none_and_read_whole_if_it_has_some(
    server: Server, client: Client, total: int, requests: int
) -> None:
    server.app = listing = Listing(rows(*range(total)), cap=10)
    assert read(client, page_size=None) == list(range(total))
    assert listing.asked == [{"offset": str(10 * page)} if page else {} for page in range(requests)]


def test_the_offset_of_the_first_page_can_be_explicit(server: Server, client: Client) -> None:
    server.app = listing = Listing(rows(*range(25)))
    assert read(client, page_size=10, explicit_offset=True) == list(range(25))
    assert [asked["offset"] for asked in listing.asked] == ["0", "10", "20"]


@pytest.mark.parametrize("concurrency", [1, 4])
def test_a_server_may_give_smaller_pages_than_asked_for(server: Server, client: Client, concurrency: int) -> None:
    server.app = Listing(rows(*range(45)), cap=10)
    assert read(client, page_size=250, concurrency=concurrency) == list(range(45))
    assert len(server.requests) == 5


def test_the_query_goes_with_each_page(server: Server, client: Client) -> None:
    server.app = listing = Listing(rows(*range(25)))
    read(client, page_size=10, query={"name": "x", "none": None})
    assert [asked["name"] for asked in listing.asked] == ["x"] * 3
    assert not any("none" in asked for asked in listing.asked)


@pytest.mark.parametrize("link_to", ["", "https://elsewhere.example", "http://{other}", "//{other}"])
def test_a_link_to_the_next_page_is_not_followed_but_read(server: Server, client: Client, link_to: str) -> None:
    other = Server()
    server.app = Listing(rows(*range(25)), counts=False, link_to=link_to.format(other=f"127.0.0.1:{other.port}"))
    assert read(client, page_size=10) == list(range(25))
    other.close()
    assert other.requests == []


@pytest.mark.parametrize(
    "link",
    ["", "nonsense", "http://[", "?offset=", "?offset=-10", "?offset=x", "?offset=²", "?offset=0", 7, ["x"], {"a": 1}],
    ids=str,
)
def test_a_link_that_leads_nowhere_does_no_harm(server: Server, client: Client, link: t.Any) -> None:
    server.app = lambda request: answers(
        {"count": 4, "next": link, "results": rows(3, 4) if request.query.get("offset") else rows(1, 2)}
    )
    assert read(client, page_size=2) == [1, 2, 3, 4]


@pytest.mark.parametrize("key", ["roles", "users", "content_items"])
def test_a_list_may_have_another_key(server: Server, client: Client, key: str) -> None:
    server.app = Listing(rows(*range(25)), items_key=key, links=False)
    assert read(client, page_size=10) == list(range(25))


@pytest.mark.parametrize(
    "body", [{"count": 0, "results": None}, {"results": None}, {"count": 0, "results": []}], ids=str
)
def test_an_empty_list_may_be_null(server: Server, client: Client, body: Row) -> None:
    server.replies(answers({"content": body, "message": "ok"}))
    assert read(client) == []


@pytest.mark.parametrize(
    "body",
    [
        {"count": 3, "results": None},
        {"count": 1, "results": "text"},
        {"results": [1, 2]},
        {"results": {"a": 1}},
        {"a": [], "b": []},
        {"message": "ok"},
        {"id": 1},
        {},
        "text",
        5,
    ],
    ids=str,
)
def test_an_answer_that_is_no_list_is_an_error_rather_than_an_empty_list(
    server: Server, client: Client, body: t.Any
) -> None:
    # If it counted as an empty list, the task would create all objects again.
    server.replies(answers(json.dumps(body)))
    with pytest.raises(TransportError, match="Reading the things failed: GET /things/ returned no list"):
        read(client)


def test_an_empty_list_with_another_key_may_be_null_if_the_key_is_known(server: Server, client: Client) -> None:
    server.replies(answers({"content": {"types": None}}), answers({"content": {"types": None}}))
    assert read(client, rows_key="types") == []
    with pytest.raises(TransportError, match="returned no list of objects"):
        read(client)


def test_an_empty_list_next_to_the_items_is_ignored(server: Server, client: Client) -> None:
    server.replies(answers({"users": [{"id": 1}], "brand_new": []}))
    assert read(client) == [1]


def test_an_object_without_an_id_is_no_crash(server: Server, client: Client) -> None:
    server.replies(answers({"count": 1, "results": [{"name": "x"}]}))
    with pytest.raises(TransportError):
        read(client)


@pytest.mark.parametrize("counts", [True, False])
@pytest.mark.parametrize("concurrency", [1, 4])
def test_a_server_that_ignores_the_offset_is_an_error_rather_than_a_loop_or_half_a_list(
    server: Server, client: Client, counts: bool, concurrency: int
) -> None:
    def same_page(request: Request) -> Reply:
        following = int(request.query.get("offset", 0)) + 2
        if len(server.requests) > MANY:
            return answers({"message": "it does not end"}, 400)
        body: Row = {"next": f"/api/things/?offset={following}", "results": rows(1, 2)}
        return answers({**body, "count": 6} if counts else body)

    server.app = same_page
    with pytest.raises(TransportError, match="the same objects repeatedly"):
        read(client, page_size=2, concurrency=concurrency)


# --- objects without an ID --------------------------------------------------------------------------------------------


def without_ids(*names: str) -> list[Row]:
    return [{"name": name} for name in names]


def read_without_ids(client: Client, **options: t.Any) -> list[t.Any]:
    return [row["name"] for row in list_all(client, "/things/", purpose="Reading the things", key=None, **options)]


@dataclass
class WithoutIds:
    """Pages of objects without an ID. ``change`` is called before the page with its number is read."""

    names: list[str]
    change: t.Callable[[int, list[str]], None] = lambda _number, _names: None
    number: int = 0

    def __call__(self, request: Request) -> Reply:
        self.number += 1
        self.change(self.number, self.names)
        offset = int(request.query.get("offset", 0))
        page = self.names[offset : offset + int(request.query["limit"])]
        return answers({"count": len(self.names), "results": without_ids(*page)})


@pytest.mark.parametrize("overlap", [True, False])
@pytest.mark.parametrize("concurrency", [1, 4])
def test_equal_objects_without_ids_are_all_kept_in_their_order(
    server: Server, client: Client, concurrency: int, overlap: bool
) -> None:
    server.app = WithoutIds(list("aabacaaadabaa"))
    found = read_without_ids(client, page_size=3, concurrency=concurrency, overlap=overlap)
    assert found == list("aabacaaadabaa")


@pytest.mark.parametrize("concurrency", [1, 4])
def test_objects_without_ids_are_read_again_if_their_number_changes(
    server: Server, client: Client, concurrency: int
) -> None:
    def change(number: int, names: list[str]) -> None:
        if number == 2:
            del names[:2]

    server.app = WithoutIds(list("abcdefghijk"), change)
    assert read_without_ids(client, page_size=3, concurrency=concurrency) == list("cdefghijk")


def test_objects_without_ids_that_move_during_a_second_reading_are_read_a_third_time(
    server: Server, client: Client
) -> None:
    def change(number: int, names: list[str]) -> None:
        if number == 2:
            del names[:2]
        if number == 6:  # The second reading starts with the fifth request. The number of objects stays the same.
            names[:] = [*names[1:], "l"]

    server.app = WithoutIds(list("abcdefghijk"), change)
    assert read_without_ids(client, page_size=3) == list("defghijkl")


@pytest.mark.parametrize("concurrency", [1, 4])
def test_objects_without_ids_on_the_same_page_for_each_offset_are_an_error(
    server: Server, client: Client, concurrency: int
) -> None:
    server.app = lambda _request: answers({"count": 9, "results": without_ids("a", "b")})
    with pytest.raises(TransportError, match="the same objects repeatedly"):
        read_without_ids(client, page_size=2, concurrency=concurrency)


def test_objects_without_ids_are_iterated(server: Server, client: Client) -> None:
    server.app = WithoutIds(list("aaaaa"))
    things = iterate(client, "/things/", purpose="x", page_size=3, key=None)
    assert [row["name"] for row in things] == list("aaaaa")


# --- lists that change ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("concurrency", [1, 4])
def test_what_is_inserted_while_reading_makes_nothing_come_twice(
    server: Server, client: Client, concurrency: int
) -> None:
    def insert(number: int, listing: Listing) -> None:
        if number in (2, 3):
            listing.items.insert(0, {"id": -number})

    server.app = Listing(rows(*range(40)), before=insert)
    found = read(client, page_size=10, concurrency=concurrency)
    assert len(found) == len(set(found))
    assert set(found) >= set(range(40))


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("appended", [0, 5])
def test_what_is_removed_while_reading_makes_nothing_be_missed(
    server: Server, client: Client, concurrency: int, appended: int
) -> None:
    # With some appended, as many rows are read as the list is long, although some slipped to an earlier page.
    def remove(number: int, listing: Listing) -> None:
        if number == 2:
            del listing.items[:3]
            listing.items += rows(*range(40, 40 + appended))

    server.app = Listing(rows(*range(40)), before=remove)
    found = read(client, page_size=10, concurrency=concurrency)
    assert len(found) == len(set(found))
    assert set(found) >= set(range(3, 40))


def test_a_list_that_grows_at_its_end_with_each_request_is_read_to_its_end(server: Server, client: Client) -> None:
    server.app = listing = Listing(
        rows(*range(30)), before=lambda number, listing: listing.items.append({"id": 1000 + number})
    )
    assert read(client, page_size=20) == listing.states[-1]


@pytest.mark.parametrize("options", [{}, {"overlap": True}, {"concurrency": 4}, {"by_cursor": True}], ids=str)
def test_a_list_that_never_rests_is_an_error_that_says_so(server: Server, client: Client, options: Row) -> None:
    server.app = Listing(rows(*range(95)), before=lambda _number, listing: listing.items.pop(0))
    with pytest.raises(TransportError) as caught:
        read(client, page_size=9, **options)
    assert str(caught.value) == (
        "Reading the things failed: the list at GET /things/ changed each of the 5 times that it was read. Run the task"
        " again when fewer objects are added or removed."
    )


@pytest.mark.parametrize("options", [{}, {"overlap": True}, {"by_cursor": True}], ids=str)
@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("when", [2, 3, 4])
def test_a_third_of_a_list_that_is_removed_while_reading_is_not_in_it(
    server: Server, client: Client, options: Row, concurrency: int, when: int
) -> None:
    def remove(number: int, listing: Listing) -> None:
        if number == when:
            del listing.items[5:20]

    server.app = listing = Listing(rows(*range(52)), before=remove)
    assert read(client, page_size=10, concurrency=concurrency, **options) == listing.states[-1]


@pytest.mark.parametrize("overlap", [True, False])
@pytest.mark.parametrize("concurrency", [1, 4])
def test_pages_can_become_smaller_while_the_list_is_read(
    server: Server, client: Client, overlap: bool, concurrency: int
) -> None:
    def shrink(number: int, listing: Listing) -> None:
        listing.cap = 10 if number == 1 else 4

    server.app = Listing(rows(*range(45)), before=shrink)
    assert read(client, page_size=10, concurrency=concurrency, overlap=overlap) == list(range(45))


@pytest.mark.parametrize("overlap", [True, False])
def test_a_count_that_is_always_wrong_is_not_believed(server: Server, client: Client, overlap: bool) -> None:
    listing = Listing(rows(*range(25)))

    def app(request: Request) -> Reply:
        page = listing.items[int(request.query.get("offset", 0)) :][: int(request.query["limit"])]
        return answers({"count": 27, "results": page})

    server.app = app
    assert read(client, page_size=10, overlap=overlap) == list(range(25))


@pytest.mark.parametrize("count", [True, -1, "2", 1.5, [], {}], ids=str)
def test_a_count_that_is_no_number_of_objects_does_no_harm(server: Server, client: Client, count: t.Any) -> None:
    server.app = lambda request: answers(
        {"count": count, "results": rows(1, 2) if not request.query.get("offset") else []}
    )
    assert read(client, page_size=2, concurrency=4) == [1, 2]


def test_a_huge_count_does_not_make_the_reading_go_on_for_ever(server: Server, client: Client) -> None:
    server.app = lambda request: answers(
        {"count": 10**30, "results": rows(1, 2) if not request.query.get("offset") else []}
    )
    with pytest.raises(TransportError, match="changed each of the 5 times"):
        read(client, page_size=2, concurrency=4)
    assert len(server.requests) < MANY


def test_only_the_pages_that_are_needed_are_iterated(server: Server, client: Client) -> None:
    server.app = Listing(rows(*range(100)))
    things = iterate(client, "/things/", purpose="x", page_size=10)
    assert [next(things)["id"] for _number in range(15)] == list(range(15))
    assert len(server.requests) == 2
    assert [row["id"] for row in iterate(client, "/things/", purpose="x", page_size=10)] == list(range(100))


# --- the newest first -------------------------------------------------------------------------------------------------


def several(*lists: Listing) -> t.Callable[[Request], Reply]:
    """Lists at the paths /0/, /1/ and so on."""

    def reply(request: Request) -> Reply:
        return lists[int(request.path.strip("/").split("/")[-1])](request)

    return reply


def read_each(client: Client, number: int) -> list[list[int]]:
    found = list_each(
        client, [f"/{index}/" for index in range(number)], page_size=None, concurrency=4, purpose="Reading"
    )
    return [[row["id"] for row in rows] for rows in found]


def test_several_lists_are_read_together(server: Server, client: Client) -> None:
    lists = [Listing(rows(*range(number)), cap=3) for number in (0, 1, 3, 10)]
    lists += [Listing(rows(*range(7)), cap=3, counts=False), Listing(rows(*range(7)), cap=3, links=False)]
    server.app = several(*lists)
    assert read_each(client, len(lists)) == [list(range(number)) for number in (0, 1, 3, 10, 7, 7)]
    # A list without a number of objects is read again alone, page by page.
    assert [len(each.asked) for each in lists] == [1, 1, 1, 4, 1 + 3, 3]


def test_a_list_that_changes_while_several_are_read_is_read_again(server: Server, client: Client) -> None:
    def remove(number: int, listing: Listing) -> None:
        if number == 2:
            del listing.items[0]

    lists = [Listing(rows(*range(9)), cap=3, before=remove), Listing(rows(*range(9)), cap=3)]
    server.app = several(*lists)
    assert read_each(client, 2) == [list(range(1, 9)), list(range(9))]
    assert len(lists[1].asked) == 3


def test_a_huge_count_of_one_of_several_lists_costs_no_memory(server: Server, client: Client) -> None:
    def reply(request: Request) -> Reply:
        page = rows(1) if "offset" not in request.query else []
        return answers({"results": page, "count": 10**15})

    server.app = reply
    with pytest.raises(TransportError, match="changed each of the 5 times"):
        read_each(client, 1)


def test_an_error_of_one_of_several_lists_is_raised(server: Server, client: Client) -> None:
    server.app = several(Listing(rows(1)), t.cast("Listing", lambda _request: answers({"message": "No."}, 403)))
    with pytest.raises(ApiError, match=r"Reading failed.*No\."):
        read_each(client, 2)
    # The client is not stopped.
    server.app = several(Listing(rows(1)))
    assert read_each(client, 1) == [[1]]


def newest(client: t.Any, page_size: int = 10) -> t.Iterator[Row]:
    return iterate_newest(
        client, "/things/", purpose="x", page_size=page_size, is_older=lambda row, other: row["id"] < other["id"]
    )


@pytest.mark.parametrize("page_size", [2, 3, 10, 100])
@pytest.mark.parametrize("total", [0, 1, 2, 25])
@pytest.mark.parametrize("ascends", [True, False])
@pytest.mark.parametrize(("counts", "links"), [(True, True), (True, False), (False, True)])
def test_the_newest_objects_come_first_in_whichever_order_the_list_is(
    ascends: bool, total: int, page_size: int, counts: bool, links: bool
) -> None:
    ids = list(range(1, total + 1))
    listing = Listing(rows(*(ids if ascends else ids[::-1])), cap=7, counts=counts, links=links)
    assert [row["id"] for row in newest(Direct(listing), page_size)] == ids[::-1]
    assert len(listing.asked) <= -(-total // min(page_size, 7)) + 1


@pytest.mark.parametrize("ascends", [True, False])
def test_only_the_pages_with_the_newest_objects_are_read(ascends: bool) -> None:
    ids = list(range(1, 1001))
    listing = Listing(rows(*(ids if ascends else ids[::-1])))
    things = newest(Direct(listing))
    assert [next(things)["id"] for _number in range(15)] == ids[:-16:-1]
    assert len(listing.asked) == (3 if ascends else 2)


def test_what_is_added_at_the_end_while_reading_backwards_makes_nothing_come_twice() -> None:
    def grow(number: int, listing: Listing) -> None:
        listing.items.append({"id": 100 + number})

    listing = Listing(rows(*range(1, 31)), before=grow)
    found = [row["id"] for row in newest(Direct(listing))]
    assert len(found) == len(set(found))
    assert set(range(1, 31)) <= set(found)
    assert found[-10:] == list(range(10, 0, -1))


@pytest.mark.parametrize("first", [rows(1, 2), rows(2, 1)], ids=["oldest", "newest"])
def test_a_server_that_ignores_the_offset_is_an_error_for_the_newest_too(
    server: Server, client: Client, first: list[Row]
) -> None:
    server.app = lambda _request: answers({"count": 100, "results": first})
    with pytest.raises(TransportError, match="the same objects repeatedly"):
        list(newest(client))
    assert len(server.requests) < 5


def test_a_huge_count_does_not_make_the_reading_of_the_newest_go_on_for_ever(server: Server, client: Client) -> None:
    server.app = lambda request: answers(
        {"count": 10**15, "results": rows(1, 2, 3) if request.query.get("offset", "0") == "0" else []}
    )
    assert [row["id"] for row in newest(client)] == [3, 2, 1]
    assert len(server.requests) < 5


def test_another_key_can_identify_the_objects(server: Server, client: Client) -> None:
    server.replies(answers({"count": 3, "results": [{"uid": 1}, {"uid": 2}, {"uid": 1}]}))
    server.app = lambda _request: answers({"count": 3, "results": [{"uid": 1}, {"uid": 2}, {"uid": 1}]})
    assert [row["uid"] for row in list_all(client, "/things/", purpose="x", key="uid")] == [1, 2]


def test_progress_is_reported_after_each_page(server: Server, client: Client) -> None:
    told: list[tuple[int, int | None]] = []
    server.app = Listing(rows(*range(25)))
    read(client, page_size=10, on_progress=lambda done, count: told.append((done, count)))
    assert told == [(10, 25), (20, 25), (25, 25)]


def test_progress_without_a_count_is_reported_too(server: Server, client: Client) -> None:
    told: list[tuple[int, int | None]] = []
    server.app = Listing(rows(*range(15)), counts=False)
    read(client, page_size=10, on_progress=lambda done, count: told.append((done, count)))
    assert told == [(10, None), (15, None)]


# --- by offset, with overlap ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("total", [0, 1, 9, 10, 11, 18, 19, 20, 57])
def test_pages_that_overlap_give_each_object_once_in_order(
    server: Server, client: Client, total: int, concurrency: int
) -> None:
    server.app = listing = Listing(rows(*range(total)))
    assert read(client, page_size=10, concurrency=concurrency, overlap=True) == list(range(total))
    assert sorted(int(asked.get("offset", 0)) for asked in listing.asked) == list(range(0, max(total - 1, 1), 9))


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("cap", [1, 2, 3])
def test_pages_that_overlap_may_be_as_small_as_can_be(
    server: Server, client: Client, cap: int, concurrency: int
) -> None:
    server.app = Listing(rows(*range(20)), cap=cap)
    assert read(client, page_size=10, concurrency=concurrency, overlap=True) == list(range(20))


@pytest.mark.parametrize("concurrency", [1, 4])
def test_pages_of_one_object_cannot_overlap_so_a_removed_one_is_not_in_the_list(
    server: Server, client: Client, concurrency: int
) -> None:
    def remove(number: int, listing: Listing) -> None:
        if number == 2:
            del listing.items[0]

    server.app = Listing(rows(*range(4)), cap=1, before=remove)
    assert read(client, page_size=10, concurrency=concurrency, overlap=True) == [1, 2, 3]


@pytest.mark.parametrize("concurrency", [1, 4])
def test_that_as_many_came_as_went_is_seen_where_pages_overlap(
    server: Server, client: Client, concurrency: int
) -> None:
    def swap(number: int, listing: Listing) -> None:
        if number == 2:
            del listing.items[:3]
            listing.items += rows(40, 41, 42)

    server.app = Listing(rows(*range(40)), before=swap)
    found = read(client, page_size=10, concurrency=concurrency, overlap=True)
    assert len(found) == len(set(found))
    assert set(found) >= set(range(3, 43))


def test_what_only_joins_the_end_needs_no_second_reading(server: Server, client: Client) -> None:
    server.app = Listing(rows(*range(35)), before=lambda number, listing: listing.items.append({"id": 100 + number}))
    found = read(client, page_size=10, overlap=True)
    assert found[:35] == list(range(35))
    assert len(server.requests) == 5


@given(
    changes=st.lists(
        st.tuples(st.integers(1, 6), st.integers(0, 49), st.sampled_from(["first", "last", None])), max_size=8
    ),
    concurrency=st.sampled_from([1, 3]),
)
def test_whatever_comes_and_goes_nothing_that_stays_is_missed(
    changes: list[tuple[int, int, str | None]], concurrency: int
) -> None:
    def change(number: int, listing: Listing) -> None:
        for new, (when, gone, joins) in enumerate(changes):
            if when == number:
                del listing.items[gone : gone + 1]
                place = {"first": 0, "last": len(listing.items)}.get(joins or "")
                if place is not None:
                    listing.items.insert(place, {"id": 1000 + new})

    listing = Listing(rows(*range(50)), before=change)
    found = [
        row["id"]
        for row in list_all(
            t.cast("Client", Direct(listing)),
            "/things/",
            purpose="x",
            page_size=10,
            concurrency=concurrency,
            overlap=True,
        )
    ]
    assert len(found) == len(set(found))
    assert set(found) >= {item["id"] for item in listing.items if item["id"] < 1000}
    if not any(joins == "first" for _when, _gone, joins in changes):
        # As in the list of devices, where new ones come last.
        assert found in listing.states


# --- by cursor --------------------------------------------------------------------------------------------------------


def test_a_list_is_read_by_cursor(server: Server, client: Client) -> None:
    pages: dict[str, Row] = {
        "start": {"results": rows(1, 2), "next_cursor": "b==", "prev_cursor": None},
        "b==": {"results": rows(3), "next_cursor": "", "prev_cursor": "start"},
        "": {"count": 3, "results": rows(1)},
    }
    server.app = lambda request: answers({"content": pages[request.query.get("cursor", "")]})
    assert read(client, by_cursor=True, page_size=2) == [1, 2, 3]
    assert [request.query for request in server.requests] == [
        {"limit": "2", "cursor": "start"},
        {"limit": "2", "cursor": "b=="},
        # The number of objects shows whether some came or went.
        {"limit": "1"},
    ]


@given(changes=st.lists(st.tuples(st.integers(1, 6), st.integers(0, 49)), max_size=8))
def test_whatever_goes_while_reading_by_cursor_the_list_is_that_of_a_moment(changes: list[tuple[int, int]]) -> None:
    def change(number: int, listing: Listing) -> None:
        for when, gone in changes:
            if when == number:
                del listing.items[gone : gone + 1]

    listing = Listing(rows(*range(50)), before=change)
    assert read(t.cast("Client", Direct(listing)), page_size=10, by_cursor=True) in listing.states


@pytest.mark.parametrize("cursor", [5, ["x"], {"a": 1}, True], ids=str)
def test_a_cursor_that_is_no_text_is_the_last(server: Server, client: Client, cursor: t.Any) -> None:
    server.replies(answers({"results": rows(1, 2), "next_cursor": cursor}))
    assert read(client, by_cursor=True) == [1, 2]


@pytest.mark.parametrize(
    "following", [lambda _cursor: "same", lambda cursor: "a" if cursor == "b" else "b"], ids=["same", "in turn"]
)
def test_a_cursor_that_leads_back_is_an_error_rather_than_a_loop(
    server: Server, client: Client, following: t.Callable[[str], str]
) -> None:
    def page(request: Request) -> Reply:
        if len(server.requests) > MANY:
            return answers({"message": "it does not end"}, 400)
        return answers({"results": rows(1, 2), "next_cursor": following(request.query["cursor"])})

    server.app = page
    with pytest.raises(TransportError, match="the same objects repeatedly"):
        read(client, by_cursor=True)


# --- concurrently -----------------------------------------------------------------------------------------------------


def test_never_more_pages_are_under_way_than_allowed(server: Server, client: Client) -> None:
    lock, inside, most = threading.Lock(), [0], [0]
    listing = Listing(rows(*range(400)))

    def counting(request: Request) -> Reply:
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        reply = listing(request)
        server.closing.wait(0.005)
        with lock:
            inside[0] -= 1
        return reply

    server.app = counting
    assert read(client, page_size=10, concurrency=3) == list(range(400))
    assert 2 <= most[0] <= 3


def test_a_rebuff_on_the_way_loses_nothing(server: Server, client: Client) -> None:
    listing, refused = Listing(rows(*range(100))), set[str]()

    def app(request: Request) -> Reply:
        offset = request.query.get("offset", "")
        if offset in ("30", "60") and offset not in refused:
            refused.add(offset)
            return answers({}, 429)
        return listing(request)

    server.app = app
    assert read(client, page_size=10, concurrency=4) == list(range(100))
    assert client.throttle_count == 2


def test_a_page_that_fails_ends_the_reading(server: Server, client: Client) -> None:
    listing = Listing(rows(*range(1000)))
    server.app = lambda request: (
        answers({"message": "No."}, 403) if request.query.get("offset") == "50" else listing(request)
    )
    found: list[t.Any] = []
    with pytest.raises(ApiError, match="Reading the things failed"):
        found.extend(
            row["id"] for row in list_all(client, "/things/", purpose="Reading the things", page_size=10, concurrency=4)
        )
    assert len(server.requests) < 20, "pages that nobody waits for any more are not asked for"
