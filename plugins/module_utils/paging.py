# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The API's paging styles behind one iterator.

Lists come with ``limit``/``offset`` and a ``count`` (or none), or, from ``/v2/devices/``, by opaque cursor. The links
to the next page are never followed: they may name another scheme or host.
"""

from __future__ import annotations

import re
import typing as t
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from .client import Client, Query
from .errors import TransportError

Row = dict[str, t.Any]

# The legacy family's default is 20; 250 is what the vendor's own tool asks for.
PAGE_SIZE = 250
# A list that keeps changing is read again this often before what was seen is taken as it is.
_PASSES = 3
# After so many pages of what is known already, the server cannot be paging.
_PAGES_WITHOUT_NEWS = 2
_NOT_THE_ITEMS = frozenset({"next", "prev", "previous", "next_cursor", "prev_cursor"})


@dataclass(frozen=True)
class _Page:
    rows: list[Row]
    count: int | None
    next_offset: int | None
    next_cursor: str | None


def list_all(
    client: Client,
    path: str,
    *,
    purpose: str,
    query: Query | None = None,
    page_size: int | None = PAGE_SIZE,
    concurrency: int = 1,
    by_cursor: bool = False,
    key: str = "id",
    on_progress: t.Callable[[int, int | None], None] | None = None,
) -> t.Iterator[Row]:
    """Each object of a list, once; ``key`` is what tells the objects apart. A ``page_size`` of None asks for none,
    for lists that are not known to have pages.

    ``concurrency`` pages are asked for at a time at most; the number starts at one, grows while the service is calm
    and is halved when it asks for less. ``by_cursor`` reads by cursor, which is sequential. ``on_progress`` is told
    after each page how many rows have been read, of how many (None where the list does not tell).

    An object that moved to a later page while the list was read comes once all the same. When the number of objects
    changed meanwhile, one may have slipped from one page to the one before; the list is then read again for what was
    missed. What cannot be seen is that as many came as went; only reading by cursor is safe from that.

    Raises what Client.request raises.
    """
    seen: set[object] = set()
    for _attempt in range(_PASSES):
        first_pass = not seen
        counts: set[int] = set()
        read = repeated = pages_without_news = 0
        for page in _pages(client, path, dict(query or {}), page_size, concurrency, by_cursor, purpose):
            known = len(seen)
            if page.count is not None:
                counts.add(page.count)
            for row in page.rows:
                identity = row.get(key)
                if identity is None:
                    raise _malformed(purpose, path, f"with an object that has no {key}")
                if identity not in seen:
                    seen.add(identity)
                    yield row
            read += len(page.rows)
            repeated += len(page.rows) - (len(seen) - known)
            pages_without_news = pages_without_news + 1 if len(seen) == known else 0
            if first_pass and pages_without_news == _PAGES_WITHOUT_NEWS:
                raise _malformed(purpose, path, "with the same objects again and again")
            if on_progress:
                on_progress(len(seen), page.count)
        moved = len(counts) > 1 or (first_pass and (repeated > 0 or read < max(counts, default=0)))
        if by_cursor or not moved:
            return


def _pages(
    client: Client, path: str, query: Row, page_size: int | None, concurrency: int, by_cursor: bool, purpose: str
) -> t.Iterator[_Page]:
    def fetch(**position: t.Any) -> _Page:
        body = client.get(path, query={**query, "limit": page_size, **position}, purpose=purpose)
        return _read_page(body, path, purpose)

    if by_cursor:
        cursor: str | None = "start"
        used: set[str] = set()
        while cursor:
            if cursor in used:
                raise _malformed(purpose, path, "with the same objects again and again")
            used.add(cursor)
            page = fetch(cursor=cursor)
            yield page
            cursor = page.next_cursor if page.rows else None
        return

    page = fetch()
    yield page
    step = len(page.rows)
    if page.count is not None and concurrency > 1 and 0 < step < page.count:
        # The server may cap a page below what was asked for: what it gave is the step.
        offsets = range(step, page.count, step)
        yield from _concurrently(client, lambda offset: fetch(offset=offset), offsets, concurrency)
        return
    offset = 0
    while (following := _following(page, offset)) is not None:
        offset = following
        page = fetch(offset=offset)
        yield page


def _following(page: _Page, offset: int) -> int | None:
    """The offset after a page at ``offset``; None after the last one. It only ever grows, whatever the link says."""
    if not page.rows:
        return None
    if page.next_offset is not None and page.next_offset > offset:
        return page.next_offset
    end = offset + len(page.rows)
    return end if page.count is not None and end < page.count else None


def _concurrently(
    client: Client, fetch: t.Callable[[int], _Page], offsets: t.Iterable[int], most: int
) -> t.Iterator[_Page]:
    """The pages in order, a window of them under way: one more after each page, half as many after each rebuff."""
    window, backoffs = 1, client.backoffs
    under_way: deque[Future[_Page]] = deque()
    waiting = iter(offsets)
    with ThreadPoolExecutor(max_workers=most) as pool:
        try:
            while True:
                while len(under_way) < window and (offset := next(waiting, None)) is not None:
                    under_way.append(pool.submit(fetch, offset))
                if not under_way:
                    return
                yield under_way.popleft().result()
                window = min(window + 1, most) if client.backoffs == backoffs else max(window // 2, 1)
                backoffs = client.backoffs
        except BaseException:
            # The pool waits for its threads, which may be waiting for the service themselves.
            client.stop()
            raise


def _read_page(body: t.Any, path: str, purpose: str) -> _Page:
    rows, count = None, None
    if isinstance(body, dict):
        count = body.get("count")
        rows = body["results"] if "results" in body else _only_list(body)
        if rows is None and "results" in body and not count:
            rows = []  # An empty list may come as null.
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise _malformed(purpose, path, "without a list of objects")
    return _Page(
        rows=rows,
        count=count if isinstance(count, int) else None,
        next_offset=_offset_of(body.get("next")),
        next_cursor=body.get("next_cursor"),
    )


def _only_list(body: Row) -> list[Row] | None:
    """The items of a list that does not call them ``results`` (authn2, authz2: ``users``, ``roles``)."""
    lists = [value for key, value in body.items() if key not in _NOT_THE_ITEMS and isinstance(value, list)]
    return lists[0] if len(lists) == 1 else None


def _offset_of(link: object) -> int | None:
    """The offset in a link to the next page, relative or absolute; the rest of the link is not trusted."""
    if not isinstance(link, str):
        return None
    value = parse_qs(urlsplit(link).query).get("offset", [""])[0]
    return int(value) if re.fullmatch("[0-9]{1,18}", value) else None


def _malformed(purpose: str, path: str, what: str) -> TransportError:
    return TransportError(f"{purpose} failed: GET {path} answered {what}.", method="GET", path=path)
