# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has been read of a tenant, so that no list is read twice: names and paths become ids through it."""

from __future__ import annotations

import typing as t

from .client import Client, Query
from .paging import PAGE_SIZE, Row, list_all

if t.TYPE_CHECKING:
    from .resource import Resource


class References:
    """Lists of objects, each read once, for as long as nothing is written to them. Lives as long as a task."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._lists: dict[tuple[str, tuple[tuple[str, t.Any], ...]], list[Row]] = {}

    def rows(self, resource: Resource, query: Query) -> list[Row]:
        """The objects of a kind that the server finds for a query; an empty one stands for all.

        Raises what Client.request raises. The rows belong to the cache: do not change them.
        """
        return self.at(resource.collection, query, page_size=resource.page_size, purpose=resource.reading_all)

    def at(
        self,
        path: str,
        query: Query | None = None,
        *,
        page_size: int | None = PAGE_SIZE,
        key: str = "id",
        purpose: str,
    ) -> list[Row]:
        """The same for the list at a path, such as that of what belongs to one object; see list_all()."""
        place = (path, tuple(sorted((query or {}).items())))
        if place not in self._lists:
            self._lists[place] = list(
                list_all(self.client, path, query=query, page_size=page_size, key=key, purpose=purpose)
            )
        return self._lists[place]

    def forget(self, resource: Resource) -> None:
        """Read the lists of a kind, and of what belongs to its objects, anew from now on, since something was written
        to them."""
        self._lists = {key: rows for key, rows in self._lists.items() if not key[0].startswith(resource.collection)}
