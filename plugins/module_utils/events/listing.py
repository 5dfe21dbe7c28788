# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The newest objects of a list, without reading the rest.

Choice: a list is in the order of time if the times on each page are. If they are not, Esper ignores the order, and the
whole list is read.
"""

from __future__ import annotations

import itertools
import typing as t
from dataclasses import dataclass, field
from datetime import timedelta, timezone

from ..base.row import Row
from ..base.times import parse_time
from ..http.client import Client
from ..model.conform import to_rows

Query = t.Mapping[str, t.Any]


@dataclass
class Listing:
    """The objects of a list that were read.

    ``count`` is the number of objects in the list, None if Esper does not return it. ``is_complete`` is whether all
    were read, ``is_ordered`` whether they are in the order of time.
    """

    rows: list[Row] = field(default_factory=list)
    count: int | None = None
    is_complete: bool = False
    is_ordered: bool = True

    def newest(self, key: str) -> str:
        """Return the latest time in a property, "" if there is none."""
        return max((time_key(row.get(key)) for row in self.rows), default="")


def time_key(value: t.Any) -> str:
    """Return a time as a text that is compared like the time, "" if the value is not a time."""
    time = parse_time(value) if isinstance(value, str) else None
    return "" if time is None else time.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")


def read_newest(
    client: Client,
    path: str,
    *,
    key: str,
    until: str,
    purpose: str,
    page_size: int,
    ids: t.Mapping[str, str] | None = None,
    query: Query | None = None,
    reads_all: bool = False,
    can_ascend: bool = False,
    tolerance: float = 0,
    convert: t.Callable[[Row], Row] | None = None,
) -> Listing:
    """Return the objects of a list whose time in the property ``key`` is after ``until``, and others on the same pages.

    Objects without a time do not end the reading. With ``can_ascend``, the list can also start with the oldest object.
    Two neighbors may be in the wrong order if their times differ by at most ``tolerance`` seconds. ``convert`` returns
    an object in the form that is kept. With ``reads_all``, or if the list is not in the order of time, everything is
    read. Raise the errors of Client.request().
    """

    def fetch(offset: int) -> tuple[list[Row], int | None]:
        position = {"offset": offset} if offset else {}
        body = client.get(path, ids=ids, query={**(query or {}), "limit": page_size, **position}, purpose=purpose)
        if not isinstance(body, dict):
            return [], None
        count = body.get("count", body.get("total"))
        page = to_rows(body.get("results"))
        return list(map(convert, page)) if convert else page, count if isinstance(count, int) else None

    rows, count = fetch(0)
    found = Listing(list(rows), count)
    spread = timedelta(seconds=tolerance)
    ascends = can_ascend and _starts_with_oldest(rows, key)
    if ascends and not reads_all and _is_ascending(rows, key, spread):
        if count is not None and _read_backwards(found, fetch, key, until, spread):
            return found
        # Without the number of objects, only the end of the list shows the newest ones.
        reads_all = True
    while rows:
        # With the last object of the page before.
        page = found.rows[-len(rows) - 1 :]
        found.is_ordered &= (_is_ascending if ascends else _is_descending)(page, key, spread)
        is_old = any(time <= until for time in _times(rows, key))
        if is_old and found.is_ordered and not reads_all:
            found.is_complete = count is not None and len(found.rows) >= count
            return found
        if (count is not None and len(found.rows) >= count) or (count is None and len(rows) < page_size):
            break
        rows, count = fetch(len(found.rows))
        found.count = count
        found.rows += rows
    found.is_complete = True
    return found


def _read_backwards(
    found: Listing,
    fetch: t.Callable[[int], tuple[list[Row], int | None]],
    key: str,
    until: str,
    spread: timedelta,
) -> bool:
    """Add the pages from the last one on to the first page of a list that starts with the oldest object. Return whether
    they are in the order of time."""
    size, end = len(found.rows), found.count or 0
    pages: list[Row] = []
    while end > size:
        start = max(end - size, size)
        rows = fetch(start)[0][: end - start]
        if not _is_ascending(rows, key, spread):
            return False
        pages += rows
        if not rows or any(time <= until for time in _times(rows, key)):
            found.rows += pages
            return True
        end = start
    found.rows += pages
    found.is_complete = True
    return True


def _times(rows: list[Row], key: str) -> list[str]:
    return [time for row in rows if (time := time_key(row.get(key)))]


def _is_descending(rows: list[Row], key: str, tolerance: timedelta) -> bool:
    return _is_ascending(rows[::-1], key, tolerance)


def _is_ascending(rows: list[Row], key: str, tolerance: timedelta) -> bool:
    times = [time for row in rows if (time := parse_time(str(row.get(key))))]
    return all(one - two <= tolerance for one, two in itertools.pairwise(times))


def _starts_with_oldest(rows: list[Row], key: str) -> bool:
    times = _times(rows, key)
    return len(times) > 1 and times[0] < times[-1]
