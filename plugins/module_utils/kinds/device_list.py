# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of devices. It has its own file because device groups need it, and devices need device groups."""

from __future__ import annotations

import typing as t

from ..base.row import Row
from ..http.client import Client
from ..http.paging import list_all
from ..model.conform import to_rows

_PATH = "/v2/devices/"
# Maximum number of devices in one page.
PAGE_SIZE = 1000
# The only order that does not change while the list is read. New devices come last.
_ORDER = "created_at"


def list_devices(
    client: Client,
    query: Row,
    *,
    concurrency: int = 1,
    by_cursor: bool = False,
    purpose: str = "Reading the devices",
    on_progress: t.Callable[[int, int | None], None] | None = None,
) -> t.Iterator[Row]:
    """Return the devices that match a query, each once, even if the list changes at the same time.

    Raises what Client.request raises.
    """
    return list_all(
        client,
        _PATH,
        query={"ordering": _ORDER, **query},
        page_size=PAGE_SIZE,
        concurrency=concurrency,
        by_cursor=by_cursor,
        overlap=True,
        purpose=purpose,
        on_progress=on_progress,
    )


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
