# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has been read of a tenant, so that no list is read twice: names and paths become ids through it. And, where one
task plans several objects, what is planned already, so that others can refer to it."""

from __future__ import annotations

import typing as t

from .client import Client, Query
from .paging import PAGE_SIZE, Row, list_all
from .parallel import CONCURRENCY

if t.TYPE_CHECKING:
    from .resource import Resource

_ByName = dict[str, list[Row]]


class References:
    """Lists of objects, each read once, for as long as nothing is written to them. Lives as long as a task."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._lists: dict[tuple[str, tuple[tuple[str, t.Any], ...]], list[Row]] = {}
        self._whole: set[str] = set()
        self._names: dict[Resource, _ByName] = {}
        self._expected: dict[Resource, list[Row]] = {}
        self._expected_names: dict[Resource, _ByName] = {}
        self._leaving: set[str] = set()
        self._hidden: set[str] = set()

    def rows(self, resource: Resource, query: Query) -> list[Row]:
        """The objects of a kind that the server finds for a query, but none that a plan deletes; an empty query stands
        for all.

        Raises what Client.request raises. The rows belong to the cache: do not change them.
        """
        return _without(self._leaving, self._read(resource, query))

    def _read(self, resource: Resource, query: Query) -> list[Row]:
        return self.at(
            resource.collection,
            query,
            page_size=resource.page_size,
            # What is searched for by name has one page.
            concurrency=1 if query else CONCURRENCY,
            purpose=resource.reading_all,
        )

    def at(
        self,
        path: str,
        query: Query | None = None,
        *,
        page_size: int | None = PAGE_SIZE,
        concurrency: int = 1,
        key: str = "id",
        purpose: str,
    ) -> list[Row]:
        """The same for the list at a path, such as that of what belongs to one object; see list_all()."""
        place = (path, tuple(sorted((query or {}).items())))
        rows = self._lists.get(place)
        if rows is None:
            pages = list_all(
                self.client, path, query=query, page_size=page_size, concurrency=concurrency, key=key, purpose=purpose
            )
            rows = self._lists[place] = list(pages)
        return rows

    def called(self, resource: Resource, name: str) -> list[Row]:
        """The objects of a kind whose name may be this one, and those that are planned: all that have it, in whatever
        case, and maybe others."""
        if resource.name_filter and resource.collection not in self._whole:
            rows = self._read(resource, {resource.name_filter: name})
        else:
            if resource not in self._names:
                rows = self._read(resource, {})
                self._names[resource] = _by_name(resource, rows)
            rows = self._names[resource].get(_key(name), [])
        planned = self._expected_names.get(resource, {}).get(_key(name), [])
        return [*_without(self._hidden, rows), *planned]

    def read_whole(self, resource: Resource) -> None:
        """Look names up in the list of all objects of a kind from now on, until something is written to it."""
        self._whole.add(resource.collection)

    # --- what is planned --------------------------------------------------------------------------------------------

    def expect(self, resource: Resource, row: Row) -> None:
        """Have an object be found that a plan creates or renames, as it will be."""
        self.hide(str(row["id"]))
        self._expected.setdefault(resource, []).append(row)
        self._expected_names.setdefault(resource, {}).setdefault(_key(row.get(resource.name_key)), []).append(row)

    def expected(self, resource: Resource) -> list[Row]:
        """The objects of a kind that plans create or rename."""
        return self._expected.get(resource, [])

    def leave_out(self, identifier: str) -> None:
        """Have an object not be in lists any more, such as those of the users of another, since a plan deletes it."""
        self._leaving.add(identifier)

    def hide(self, identifier: str) -> None:
        """Have an object not be found by its name any more: another takes its place, or nothing is to refer to it."""
        self._hidden.add(identifier)

    def is_leaving(self, identifier: str) -> bool:
        """Whether a plan deletes an object."""
        return identifier in self._leaving

    def forget_plans(self) -> None:
        """From now on only what is there is found: what was planned is being done."""
        self._expected, self._expected_names, self._leaving, self._hidden = {}, {}, set(), set()

    def forget(self, resource: Resource) -> None:
        """Read the lists of a kind, and of what belongs to its objects, anew from now on, since something was written
        to them."""
        self._whole.discard(resource.collection)
        self._names = {
            kind: names for kind, names in list(self._names.items()) if kind.collection != resource.collection
        }
        self._lists = {
            key: rows for key, rows in list(self._lists.items()) if not key[0].startswith(resource.collection)
        }


def _without(ids: set[str], rows: list[Row]) -> list[Row]:
    return [row for row in rows if str(row["id"]) not in ids] if ids else rows


def _by_name(resource: Resource, rows: list[Row]) -> _ByName:
    found: _ByName = {}
    for row in rows:
        found.setdefault(_key(row.get(resource.name_key)), []).append(row)
    return found


def _key(name: t.Any) -> str:
    return str(name or "").strip().casefold()
