# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lists of the API, in all its paging styles.

Lists have ``limit``/``offset`` and sometimes a ``count``. ``/v2/devices/`` can also be read by an opaque cursor. The
links to the next page are never followed, because they can contain another scheme or host.
"""

from __future__ import annotations

import itertools
import re
import typing as t
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from ..base.errors import TransportError
from ..base.limits import PAGE_SIZE
from ..base.row import Row
from .client import Client, Query
from .parallel import in_parallel, until_failure

# Maximum number of times that a list is read if it keeps changing.
_PASSES = 5
# Number of pages without a new object after which the rest of the pages cannot be relied on.
_PAGES_WITHOUT_NEW = 2
# A page waits for those before it. Maximum number of waiting pages for each one that is read at the same time.
_BUFFER = 3
# Maximum number of pages of a list that are read together with those of other lists. The number of objects that Esper
# returns can be wrong.
_MOST_PAGES = 2000
_NOT_THE_ITEMS = frozenset({"next", "prev", "previous", "next_cursor", "prev_cursor"})


@dataclass(frozen=True)
class _Page:
    offset: int
    rows: list[Row]
    count: int | None
    next_offset: int | None
    next_cursor: str | None
    # Whether it starts with the last object of the page before, unless objects have moved.
    overlaps: bool = False


def list_all(
    client: Client,
    path: str,
    *,
    purpose: str,
    query: Query | None = None,
    page_size: int | None = PAGE_SIZE,
    explicit_offset: bool = False,
    concurrency: int = 1,
    by_cursor: bool = False,
    overlap: bool = False,
    key: str | None = "id",
    rows_key: str = "results",
    counts_page: bool = False,
    convert: t.Callable[[Row], Row] | None = None,
    on_progress: t.Callable[[int, int | None], None] | None = None,
) -> list[Row]:
    """Return each object of a list once, as the list was at one moment while it was read. Objects are identified by
    their property ``key``. With None, they are identified by their position in the list, for objects without an ID, so
    equal objects are kept, but not by cursor. A ``page_size`` of None sends no limit, for lists without pages. With
    ``explicit_offset``, the request for the first page has the offset 0. ``rows_key`` is the property of the response
    that has the objects, and can be null if there are none. With
    ``counts_page``, the number of objects in a response is that of the page, so only the link to the next page shows
    whether there is one.

    ``concurrency`` is the maximum number of pages that are read at the same time. It is halved if Esper asks for fewer
    requests. ``by_cursor`` reads by cursor, one page after the other. ``convert`` returns an object in the form that is
    kept in memory. ``on_progress`` is called after each page with the number of rows so far, and the total, None if
    Esper does not return it.

    If objects moved from one page to another, the list is read again from the start, and nothing of the earlier reading
    is kept. With ``overlap``, each page starts with the last object of the page before, unless objects have moved.
    Without, and by cursor, only the number of objects shows a change. So a first reading without ``overlap`` does not
    detect as many new objects as deleted ones. Further readings overlap, and pages are no larger than the smallest one
    that Esper returned before. A reading with the same result as the one before is also accepted, because the number
    that Esper returns can be wrong.

    Raise TransportError if the list changes during each reading, and the errors of Client.request().
    """
    previous: list[t.Any] | None = None
    for attempt in range(_PASSES):
        request = _Requests(client, path, dict(query or {}), page_size, purpose, rows_key, explicit_offset, counts_page)
        reading = _Pass(request, key, convert, overlap=overlap or attempt > 0, must_complete=attempt > 0)
        pages = request.pages_by_cursor() if by_cursor else request.pages(reading, concurrency)
        for page in pages:
            reading.add(page)
            if on_progress:
                on_progress(len(reading.rows), page.count)
        if by_cursor and len(reading.counts) > 1:
            reading.counts.append(request.count())
        result: list[t.Any] = list(reading.rows.values() if key is None else reading.rows)
        if reading.is_complete or result == previous:
            return list(reading.rows.values())
        previous = None if reading.is_over else result
        if page_size is not None:
            page_size = reading.smallest_page or page_size
    target = client.target(path)
    raise TransportError(
        f"{purpose} failed: the list at GET {target} changed each of the {_PASSES} times that it was read. Run the task"
        " again when fewer objects are added or removed.",
        method="GET",
        path=target,
    )


def list_each(
    client: Client,
    paths: t.Sequence[str],
    *,
    purpose: str,
    page_size: int | None = PAGE_SIZE,
    key: str | None = "id",
    concurrency: int,
) -> list[list[Row]]:
    """Return the objects of several lists: see list_all(). ``concurrency`` is the maximum number of pages that are read
    at the same time, of whatever list. A list that changes at the same time is read again alone.

    Raise the errors of list_all(), after the requests in progress.
    """
    requests = [_Requests(client, path, {}, page_size, purpose) for path in paths]

    def fetch_all(jobs: list[tuple[_Requests, int]]) -> list[_Page]:
        pages, failures = until_failure(client, lambda job: job[0].fetch(job[1]), jobs, concurrency)
        if failures:
            raise failures[0]
        return pages

    first = fetch_all([(request, 0) for request in requests])
    offsets = [
        range(len(page.rows), page.count, len(page.rows))
        if page.count is not None and 0 < page.count <= len(page.rows) * _MOST_PAGES
        else range(0)
        for page in first
    ]
    others = iter(
        fetch_all([(request, offset) for request, each in zip(requests, offsets, strict=True) for offset in each])
    )
    lists = []
    for path, request, page, each in zip(paths, requests, first, offsets, strict=True):
        reading = _Pass(request, key, None, overlap=False, must_complete=False)
        for next_page in (page, *itertools.islice(others, len(each))):
            reading.add(next_page)
        if reading.is_complete and (each or _following(page) is None):
            lists.append(list(reading.rows.values()))
        else:
            lists.append(list_all(client, path, purpose=purpose, page_size=page_size, key=key, concurrency=concurrency))
    return lists


def iterate(
    client: Client,
    path: str,
    *,
    purpose: str,
    query: Query | None = None,
    page_size: int | None = PAGE_SIZE,
    key: str | None = "id",
) -> t.Iterator[Row]:
    """Yield each object of a list once. A page is read when the caller needs its first object. ``key`` is that of
    list_all().

    This is for callers that do not need all objects. If the list changes at the same time, objects can be missed.

    Raise the errors of Client.request().
    """
    request = _Requests(client, path, dict(query or {}), page_size, purpose)
    reading = _Pass(request, key, None, overlap=False, must_complete=False)
    for page in request.pages(reading, 1):
        yield from reading.add(page)


def iterate_newest(
    client: Client,
    path: str,
    *,
    purpose: str,
    is_older: t.Callable[[Row, Row], bool],
    query: Query | None = None,
    page_size: int = PAGE_SIZE,
) -> t.Iterator[Row]:
    """Yield each object of a list in the order of time once, the newest first, whether the list starts with the newest
    or with the oldest object. The first page shows which, by ``is_older(row, other)``. So it needs two objects at
    least. Pages are read when the caller needs them: see iterate().
    """
    request = _Requests(client, path, dict(query or {}), page_size, purpose)
    reading = _Pass(request, "id", None, overlap=False, must_complete=False)
    pages = request.pages(reading, 1)
    first = next(pages, None)
    if first is None:
        return
    rows = reading.add(first)
    if not (rows and is_older(rows[0], rows[-1])):
        yield from rows
        for page in pages:
            yield from reading.add(page)
        return
    if first.count is None:
        rows += [row for page in pages for row in reading.add(page)]
    end, size = first.count or 0, len(first.rows)
    while end > size and not reading.is_over:
        end = max(end - size, size)
        yield from reversed(reading.add(request.fetch(end)))
    yield from reversed(rows)


class _Pass:
    """One reading of a list, from its first page to its last: the objects by identity, and whether they are the list
    at one moment."""

    def __init__(
        self,
        request: _Requests,
        key: str | None,
        convert: t.Callable[[Row], Row] | None,
        *,
        overlap: bool,
        must_complete: bool,
    ) -> None:
        self.rows: dict[object, Row] = {}
        self.counts: list[int | None] = []
        # The number of objects on the smallest page, the last one excluded, None if there is only the last one.
        self.smallest_page: int | None = None
        self.overlap = overlap
        self._request = request
        self._key = key
        self._convert = convert
        self._must_complete = must_complete
        self._first_page: list[t.Any] = []
        self._page_before: list[Row] = []
        self._last: object = None
        self._pages_without_new = 0
        self._has_repeated = self._has_slipped = self._has_gaps = False

    def add(self, page: _Page) -> list[Row]:
        """Add the next page. Return its new objects."""
        identities = [self._identity(row, page.offset + index) for index, row in enumerate(page.rows)]
        rows = dict(zip(identities, page.rows, strict=True))
        self._has_repeated |= len(rows) < len(identities)
        # A page of one object cannot overlap with the next one.
        self._has_gaps |= page.offset > 0 and not page.overlaps
        if page.overlaps:
            joins = bool(identities) and identities[0] == self._last and self._is_last_before(page)
            self._has_slipped |= not joins
            if joins:
                rows.pop(self._last, None)
        if identities:
            self._last = identities[-1]
        if identities and page.count is not None and page.offset + len(identities) < page.count:
            self.smallest_page = min(self.smallest_page or len(identities), len(identities))
        new = {identity: row for identity, row in rows.items() if identity not in self.rows}
        self._has_repeated |= len(new) < len(rows)
        self.rows.update(new if self._convert is None else {each: self._convert(row) for each, row in new.items()})
        self.counts.append(page.count)
        is_joint = page.overlaps and len(rows) < len(identities)
        has_new = bool(new) and (self._key is not None or page.rows != self._page_before)
        self._pages_without_new = 0 if has_new or is_joint else self._pages_without_new + 1
        # Positions differ on each page, so objects without an ID are compared themselves.
        compared = page.rows if self._key is None else identities
        if self._pages_without_new == _PAGES_WITHOUT_NEW and compared == self._first_page and self._is_steady:
            raise self._request.malformed("the same objects repeatedly")
        self._first_page = self._first_page or compared
        self._page_before = page.rows
        return list(new.values())

    def _is_last_before(self, page: _Page) -> bool:
        """Return whether a page that overlaps starts with the object at the end of the page before."""
        return self._key is not None or page.rows[:1] == self._page_before[-1:]

    def _identity(self, row: Row, position: int) -> object:
        if self._key is None:
            return position
        identity = row.get(self._key)
        if not isinstance(identity, (str, int)) or isinstance(identity, bool):
            raise self._request.malformed(f"an object without {self._key}")
        return identity

    @property
    def is_over(self) -> bool:
        """True if the rest of the pages is not needed, because the list has to be read again."""
        return self._pages_without_new >= _PAGES_WITHOUT_NEW or (self._has_slipped and not self._must_complete)

    @property
    def is_complete(self) -> bool:
        """True if the objects are the list at one moment. If all pages overlap, others can only be behind the last."""
        count = self.counts[-1]
        if self.is_over or self._has_slipped or self._has_repeated or count not in (None, len(self.rows)):
            return False
        return (self.overlap and not self._has_gaps) or self._is_steady

    @property
    def _is_steady(self) -> bool:
        return len({count for count in self.counts if count is not None}) <= 1


class _Requests:
    """The requests for the pages of a list."""

    def __init__(
        self,
        client: Client,
        path: str,
        query: Row,
        page_size: int | None,
        purpose: str,
        rows_key: str = "results",
        explicit_offset: bool = False,
        counts_page: bool = False,
    ) -> None:
        self._client = client
        self._path = path
        self._query = query
        self._page_size = page_size
        self._purpose = purpose
        self._rows_key = rows_key
        self._explicit_offset = explicit_offset
        self._counts_page = counts_page

    def pages(self, reading: _Pass, concurrency: int) -> t.Iterator[_Page]:
        """Yield the pages by offset, until ``reading`` is over."""
        page = self.fetch()
        yield page
        shared = 1 if reading.overlap and len(page.rows) > 1 else 0

        def fetch_at(offset: int) -> _Page:
            return self.fetch(offset, overlaps=shared > 0)

        step = len(page.rows) - shared
        if page.count is not None and concurrency > 1 and 0 < len(page.rows) < page.count:
            # The server can return fewer rows than the limit, so the first page determines the step.
            offsets = range(step, page.count - shared, step)
            # The generator is never closed early, because that stops the client.
            needed = itertools.takewhile(lambda _offset: not reading.is_over, offsets)
            for fetched in in_parallel(self._client, fetch_at, needed, concurrency, buffer=_BUFFER * concurrency):
                page = fetched
                yield page
        while not reading.is_over and (following := _following(page)) is not None:
            page = fetch_at(max(following - shared, page.offset + 1))
            yield page

    def pages_by_cursor(self) -> t.Iterator[_Page]:
        """Yield the pages by cursor."""
        cursor: str | None = "start"
        used: set[str] = set()
        while cursor:
            if cursor in used:
                raise self.malformed("the same objects repeatedly")
            used.add(cursor)
            page = self._read_page(self._get(limit=self._page_size, cursor=cursor))
            yield page
            cursor = page.next_cursor if page.rows else None

    def count(self) -> int | None:
        """Return the number of objects in the list, None if Esper does not return it."""
        return self._read_page(self._get(limit=1)).count

    def malformed(self, what: str) -> TransportError:
        """Return the error for a response that is not a page of a list."""
        target = self._client.target(self._path)
        return TransportError(f"{self._purpose} failed: GET {target} returned {what}.", method="GET", path=target)

    def fetch(self, offset: int = 0, *, overlaps: bool = False) -> _Page:
        """Return the page at an offset. ``overlaps`` is an attribute of the page."""
        position = {"offset": offset} if offset or self._explicit_offset else {}
        return self._read_page(self._get(limit=self._page_size, **position), offset, overlaps)

    def _get(self, **position: t.Any) -> t.Any:
        return self._client.get(self._path, query={**self._query, **position}, purpose=self._purpose)

    def _read_page(self, body: t.Any, offset: int = 0, overlaps: bool = False) -> _Page:
        rows, count, links = None, None, {}
        if isinstance(body, dict):
            count, links = body.get("count"), body
            rows = body[self._rows_key] if self._rows_key in body else _only_list(body)
            if rows is None and self._rows_key in body and not count:
                rows = []  # Esper can return null for an empty list.
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise self.malformed("no list of objects")
        cursor = links.get("next_cursor")
        is_total = isinstance(count, int) and not isinstance(count, bool) and count >= 0 and not self._counts_page
        return _Page(
            offset=offset,
            rows=rows,
            count=count if is_total else None,
            next_offset=_offset_of(links.get("next")),
            next_cursor=cursor if isinstance(cursor, str) else None,
            overlaps=overlaps,
        )


def _following(page: _Page) -> int | None:
    """Return the offset after a page, None after the last page. It always increases."""
    if not page.rows:
        return None
    if page.next_offset is not None and page.next_offset > page.offset:
        return page.next_offset
    end = page.offset + len(page.rows)
    return end if page.count is not None and end < page.count else None


def _only_list(body: Row) -> list[Row] | None:
    """Return the items of a list that is not called ``results`` (authn2, authz2: ``users``, ``roles``)."""
    lists = [value for key, value in body.items() if key not in _NOT_THE_ITEMS and isinstance(value, list)]
    if len(lists) > 1:
        # An additional empty list can be a new property.
        lists = [each for each in lists if each]
    return lists[0] if len(lists) == 1 else None


def _offset_of(link: object) -> int | None:
    """Return the offset in a relative or absolute link to the next page. The rest of the link is ignored."""
    if not isinstance(link, str):
        return None
    try:
        value = parse_qs(urlsplit(link).query).get("offset", [""])[0]
    except ValueError:  # such as brackets without an address in them, or too many parameters
        return None
    return int(value) if re.fullmatch("[0-9]{1,18}", value) else None
