# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of devices. It has its own file because device groups need it, and devices need device groups."""

from __future__ import annotations

import typing as t
from urllib.parse import quote

from ..base.row import Row
from ..http.client import Client
from ..http.paging import list_all
from ..model.conform import to_rows

_PATH = "/v2/devices/"
# Maximum number of devices in one page.
PAGE_SIZE = 1000
DEVICE_CONCURRENCY = 8
"""Maximum number of requests for devices at the same time, if a task finds many of them."""
# The only order that does not change while the list is read. New devices come last.
_ORDER = "created_at"
# Maximum length of the values of a filter, and of all filters. Many servers accept 8 kB for the whole request line.
_MAX_LENGTH = 4000
_MAX_TOTAL_LENGTH = 7500


def list_devices(
    client: Client,
    query: Row,
    *,
    concurrency: int = 1,
    by_cursor: bool = False,
    purpose: str = "Reading the devices",
    convert: t.Callable[[Row], Row] | None = None,
    on_progress: t.Callable[[int, int | None], None] | None = None,
) -> list[Row]:
    """Return the devices that match a query, each once, as the list was at one moment: see list_all().

    A filter with many values takes several requests. In this case, each part is the list at a moment of its own.

    Raises what list_all() raises.
    """
    devices: dict[t.Any, Row] = {}
    parts = _parts_of(query)

    def report(read: int, count: int | None) -> None:
        if on_progress:
            on_progress(len(devices) + read, count if len(parts) == 1 else None)

    for part in parts:
        rows = list_all(
            client,
            _PATH,
            query={"ordering": _ORDER, **part},
            page_size=PAGE_SIZE,
            concurrency=concurrency,
            by_cursor=by_cursor,
            overlap=True,
            purpose=purpose,
            convert=convert,
            on_progress=report,
        )
        devices.update((row["id"], row) for row in rows)
    return list(devices.values())


def fits_one_request(query: Row) -> bool:
    """Return whether the values of all filters of a query fit into one request."""
    return len(_parts_of(query)) == 1


def _parts_of(query: Row) -> list[Row]:
    """Return queries that together match the devices of a query. Servers limit the length of a URL."""
    lists = {name: [str(value) for value in values] for name, values in query.items() if isinstance(values, list)}
    whole = sum(_length_of(value) for values in lists.values() for value in values)
    most = _MAX_LENGTH if whole <= _MAX_TOTAL_LENGTH else min(_MAX_LENGTH, _MAX_TOTAL_LENGTH // len(lists))
    queries = [query]
    for name, values in lists.items():
        if len(values) > 1:
            parts = list(_parts_that_fit(values, most))
            queries = [{**one, name: part} for one in queries for part in parts] if len(parts) > 1 else queries
    return queries


def _parts_that_fit(values: list[str], most: int) -> t.Iterator[list[str]]:
    part: list[str] = []
    length = 0
    for value in values:
        size = _length_of(value)
        if part and length + size > most:
            yield part
            part, length = [], 0
        part.append(value)
        length += size
    yield part


def _length_of(value: str) -> int:
    """Return the length of a value in a query, with the comma before the next one."""
    return len(quote(value, safe=",*")) + 1


def count_devices(client: Client, query: Row, *, purpose: str) -> int | None:
    """Return the number of devices that match a query, None if Esper does not return it.

    Raises what Client.request raises.
    """
    return sample_devices(client, query, number=1, purpose=purpose)[0]


def sample_devices(client: Client, query: Row, *, number: int, purpose: str) -> tuple[int | None, list[Row]]:
    """Return the number of devices that match a query, and at most ``number`` of them.

    Raises what Client.request raises.
    """
    body = client.get(_PATH, query={**query, "limit": number}, purpose=purpose)
    if not isinstance(body, dict):
        return None, []
    count, rows = body.get("count"), body.get("results")
    return count if isinstance(count, int) else None, to_rows(rows)
