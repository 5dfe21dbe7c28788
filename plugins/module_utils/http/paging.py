# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One iterator for all paging styles of the API.

Lists have ``limit``/``offset`` and sometimes a ``count``. ``/v2/devices/`` can also be read by an opaque cursor. The
links to the next page are never followed, because they can contain another scheme or host.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, replace
from urllib.parse import parse_qs, urlsplit

from ..base.errors import TransportError
from ..base.limits import PAGE_SIZE
from ..base.row import Row
from .client import Client, Query
from .parallel import in_parallel

# Maximum number of times that a list is read if it keeps changing.
_PASSES = 3
# Number of pages without a new object that prove that the server ignores the offset.
_PAGES_WITHOUT_NEW = 2
# A page waits for those before it. Maximum number of waiting pages for each one that is read at the same time.
_BUFFER = 3
_NOT_THE_ITEMS = frozenset({"next", "prev", "previous", "next_cursor", "prev_cursor"})


@dataclass(frozen=True)
class _Page:
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
    concurrency: int = 1,
    by_cursor: bool = False,
    overlap: bool = False,
    key: str = "id",
    on_progress: t.Callable[[int, int | None], None] | None = None,
) -> t.Iterator[Row]:
    """Yield each object of a list once. Objects are identified by their property ``key``. A ``page_size`` of None sends
    no limit, for lists without pages.

    ``concurrency`` is the maximum number of pages that are read at the same time. It is halved if Esper asks for fewer
    requests. ``by_cursor`` reads by cursor, one page after the other. ``on_progress`` is called after each page with
    the number of rows so far, and the total, None if Esper does not return it.

    An object that moves to a later page while the list is read is yielded once. An object that moves to an earlier
    page, because others were deleted, would be missed. So the list is read again if the number of objects changed. This
    does not detect as many new objects as deleted ones. ``overlap`` does: each page starts with the last object of the
    page before, unless objects have moved. Reading by cursor has none of these problems.

    Raise the errors of Client.request().
    """
    seen: set[object] = set()
    for attempt in range(_PASSES):
        reading = _Pass(overlap)
        for page in _pages(client, path, dict(query or {}), page_size, concurrency, by_cursor, overlap, purpose):
            known = len(seen)
            for row in reading.rows_of(page, key):
                identity = row.get(key)
                if not isinstance(identity, (str, int, float)):
                    raise _malformed(client, purpose, path, f"an object without {key}")
                if identity not in seen:
                    seen.add(identity)
                    yield row
            reading.count_new(len(seen) - known)
            if attempt == 0 and reading.pages_without_new == _PAGES_WITHOUT_NEW:
                raise _malformed(client, purpose, path, "the same objects repeatedly")
            if on_progress:
                on_progress(len(seen), page.count)
        if by_cursor or not (reading.saw_changes or (attempt == 0 and reading.is_short)):
            return


class _Pass:
    """Checks whether one reading of a list, from its first page to its last, can be complete."""

    def __init__(self, overlap: bool) -> None:
        self.pages_without_new = 0
        self._overlap = overlap
        self._counts: list[int] = []
        self._rows = self._repeated = 0
        self._last: object = None
        self._slipped = False

    def rows_of(self, page: _Page, key: str) -> list[Row]:
        """Return the rows of the next page, without the last one of the page before."""
        rows = page.rows
        if page.overlaps:
            joins = bool(rows) and rows[0].get(key) == self._last
            self._slipped = self._slipped or not joins
            rows = rows[joins:]
        if page.count is not None:
            self._counts.append(page.count)
        if rows:
            self._last = rows[-1].get(key)
        self._rows += len(rows)
        self._repeated += len(rows)
        return rows

    def count_new(self, number: int) -> None:
        """Record the number of new rows of the page."""
        self._repeated -= number
        self.pages_without_new = 0 if number else self.pages_without_new + 1

    @property
    def saw_changes(self) -> bool:
        # If all pages overlap, changes can only be behind the last page.
        return self._slipped or (not self._overlap and len(set(self._counts)) > 1)

    @property
    def is_short(self) -> bool:
        """True if rows are missing or repeated."""
        return self._repeated > 0 or self._rows < max(self._counts[-1:] if self._overlap else self._counts, default=0)


def _pages(
    client: Client,
    path: str,
    query: Row,
    page_size: int | None,
    concurrency: int,
    by_cursor: bool,
    overlap: bool,
    purpose: str,
) -> t.Iterator[_Page]:
    def fetch(**position: t.Any) -> _Page:
        body = client.get(path, query={**query, "limit": page_size, **position}, purpose=purpose)
        page = _read_page(body)
        if page is None:
            raise _malformed(client, purpose, path, "no list of objects")
        return page

    def fetch_at(offset: int) -> _Page:
        return replace(fetch(offset=offset), overlaps=shared > 0)

    if by_cursor:
        cursor: str | None = "start"
        used: set[str] = set()
        while cursor:
            if cursor in used:
                raise _malformed(client, purpose, path, "the same objects repeatedly")
            used.add(cursor)
            page = fetch(cursor=cursor)
            yield page
            cursor = page.next_cursor if page.rows else None
        return

    page = fetch()
    yield page
    shared = 1 if overlap and len(page.rows) > 1 else 0
    step = len(page.rows) - shared
    if page.count is not None and concurrency > 1 and 0 < len(page.rows) < page.count:
        # The server can return fewer rows than the limit, so the first page determines the step.
        offsets = range(step, page.count - shared, step)
        yield from in_parallel(client, fetch_at, offsets, concurrency, buffer=_BUFFER * concurrency)
        return
    offset = 0
    while (following := _following(page, offset)) is not None:
        offset = max(following - shared, offset + 1)
        page = fetch_at(offset)
        yield page


def _following(page: _Page, offset: int) -> int | None:
    """Return the offset after the page at ``offset``, None after the last page. It always increases."""
    if not page.rows:
        return None
    if page.next_offset is not None and page.next_offset > offset:
        return page.next_offset
    end = offset + len(page.rows)
    return end if page.count is not None and end < page.count else None


def _read_page(body: t.Any) -> _Page | None:
    """Return the page in a response, None if it has no list of objects."""
    rows, count = None, None
    if isinstance(body, dict):
        count = body.get("count")
        rows = body["results"] if "results" in body else _only_list(body)
        if rows is None and "results" in body and not count:
            rows = []  # Esper can return null for an empty list.
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        return None
    return _Page(
        rows=rows,
        count=count if isinstance(count, int) else None,
        next_offset=_offset_of(body.get("next")),
        next_cursor=body.get("next_cursor"),
    )


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
    value = parse_qs(urlsplit(link).query).get("offset", [""])[0]
    return int(value) if re.fullmatch("[0-9]{1,18}", value) else None


def _malformed(client: Client, purpose: str, path: str, what: str) -> TransportError:
    target = client.target(path)
    return TransportError(f"{purpose} failed: GET {target} returned {what}.", method="GET", path=target)
