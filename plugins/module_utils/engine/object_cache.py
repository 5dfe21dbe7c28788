# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has been read of a tenant, so that no list is read twice: names and paths become ids through it. And, where one
task plans several objects, what is planned already, so that others can refer to it."""

from __future__ import annotations

import typing as t

from ..base.row import Row
from ..http.client import Client, Query
from ..http.paging import PAGE_SIZE, list_all
from ..http.parallel import CONCURRENCY
from ..model.plan import Listable
from ..model.unknowns import ResultOf

_ByName = dict[str, list[Row]]
_Place = tuple[str, str]


class References:
    """Lists of objects, each read once, for as long as nothing is written to them. Lives as long as a task."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._lists: dict[tuple[str, tuple[tuple[str, t.Any], ...]], list[Row]] = {}
        self._whole: set[str] = set()
        self._names: dict[Listable, _ByName] = {}
        self._ids: dict[Listable, dict[str, Row]] = {}
        self._objects: dict[_Place, Row | None] = {}
        self._expected: dict[Listable, list[Row]] = {}
        self._expected_names: dict[Listable, _ByName] = {}
        self._changed: dict[Listable, list[Row]] = {}
        # By kind, as two kinds may have the same numbers.
        self._superseded: set[_Place] = set()
        self._leaving: set[_Place] = set()
        self._forgotten = 0

    def rows(self, resource: Listable, query: Query) -> list[Row]:
        """The objects of a kind that the server finds for a query; an empty one stands for all.

        Raises what Client.request raises. The rows belong to the cache: do not change them.
        """
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
            forgotten = self._forgotten
            pages = list_all(
                self.client, path, query=query, page_size=page_size, concurrency=concurrency, key=key, purpose=purpose
            )
            rows = list(pages)
            # What another thread has written meanwhile may be missing in it.
            if forgotten == self._forgotten:
                self._lists[place] = rows
        return rows

    def object_at(self, path: str, ids: dict[str, str], *, purpose: str) -> Row:
        """Return the object at a path, with ``ids`` for its placeholders. It is read once, like a list."""
        place = (path, tuple(sorted(ids.items())))
        rows = self._lists.get(place)
        if rows is None:
            forgotten = self._forgotten
            rows = [self.client.get_object(path, ids=ids, purpose=purpose)]
            if forgotten == self._forgotten:
                self._lists[place] = rows
        return rows[0]

    def object(self, resource: Listable, identifier: str, read: t.Callable[[], Row | None]) -> Row | None:
        """Return the object of an ID, read once, or None. ``read`` sends the request."""
        place, forgotten = (resource.collection, identifier), self._forgotten
        if place not in self._objects:
            row = read()
            if forgotten != self._forgotten:
                return row
            self._objects[place] = row
        return self._objects[place]

    def whole_by_id(self, resource: Listable) -> dict[str, Row] | None:
        """Return all objects of a kind by ID if their list was read as a whole or will be read, otherwise None."""
        if resource.collection not in self._whole and (resource.collection, ()) not in self._lists:
            return None
        rows, forgotten = self._ids.get(resource), self._forgotten
        if rows is None:
            rows = {str(row["id"]).lower(): row for row in self.rows(resource, {})}
            if forgotten == self._forgotten:
                self._ids[resource] = rows
        return rows

    def called(self, resource: Listable, name: str) -> list[Row]:
        """The objects of a kind whose name may be this one, and those that are planned: all that have it, in whatever
        case, and maybe others."""
        planned = self._expected_names.get(resource, {}).get(_key(name), [])
        return [row for row in self._called(resource, name) if not self._is_outdated(resource, row)] + planned

    def _called(self, resource: Listable, name: str) -> list[Row]:
        if resource.name_filter and resource.collection not in self._whole:
            return self.rows(resource, {resource.name_filter: name})
        names, forgotten = self._names.get(resource), self._forgotten
        if names is None:
            names = _by_name(resource, self.rows(resource, {}))
            if forgotten == self._forgotten:
                self._names[resource] = names
        return names.get(_key(name), [])

    def _is_outdated(self, resource: Listable, row: Row) -> bool:
        place = _place(resource, row["id"])
        return place in self._superseded or place in self._leaving

    def read_whole(self, resource: Listable) -> None:
        """Look names up in the list of all objects of a kind from now on, until something is written to it."""
        self._whole.add(resource.collection)

    # --- what is planned --------------------------------------------------------------------------------------------

    def expect(self, resource: Listable, row: Row) -> None:
        """Have an object be found that a plan creates or changes, as it will be."""
        self._superseded.add(_place(resource, row["id"]))
        self._expected.setdefault(resource, []).append(row)
        if not isinstance(row["id"], ResultOf):
            self._changed.setdefault(resource, []).append(row)
        self._expected_names.setdefault(resource, {}).setdefault(_key(row.get(resource.name_key)), []).append(row)

    def expected(self, resource: Listable) -> list[Row]:
        """The objects of a kind that plans create or change."""
        return self._expected.get(resource, [])

    def changed(self, resource: Listable) -> list[Row]:
        """Those of them that are there already."""
        return self._changed.get(resource, [])

    def all_as_planned(self, resource: Listable) -> list[Row]:
        """All objects of a kind as they will be."""
        return [row for row in self.rows(resource, {}) if not self._is_outdated(resource, row)] + self.expected(
            resource
        )

    def superseded(self, resource: Listable, name: str) -> list[Row]:
        """The objects whose name may be this one, and that plans change, as they still are."""
        if not self.expected(resource):
            return []
        return [row for row in self._called(resource, name) if _place(resource, row["id"]) in self._superseded]

    def leave_out(self, resource: Listable, identifier: t.Any) -> None:
        """Have an object not be found by its name any more, since a plan deletes it."""
        self._leaving.add(_place(resource, identifier))

    def is_leaving(self, resource: Listable, identifier: t.Any) -> bool:
        """Whether a plan deletes an object."""
        return _place(resource, identifier) in self._leaving

    def forget_plans(self) -> None:
        """From now on only what is there is found: what was planned is being done."""
        self._expected, self._expected_names, self._changed = {}, {}, {}
        self._superseded, self._leaving = set(), set()

    def forget(self, resource: Listable) -> None:
        """Read the lists of a kind, and of what belongs to its objects, anew from now on, since something was written
        to them."""
        self._forgotten += 1
        self._whole.discard(resource.collection)
        self._names = {
            kind: names for kind, names in list(self._names.items()) if kind.collection != resource.collection
        }
        self._ids = {kind: rows for kind, rows in list(self._ids.items()) if kind.collection != resource.collection}
        self._objects = {place: row for place, row in list(self._objects.items()) if place[0] != resource.collection}
        self._lists = {
            key: rows for key, rows in list(self._lists.items()) if not key[0].startswith(resource.collection)
        }


def _by_name(resource: Listable, rows: list[Row]) -> _ByName:
    found: _ByName = {}
    for row in rows:
        found.setdefault(_key(row.get(resource.name_key)), []).append(row)
    return found


def _place(resource: Listable, identifier: t.Any) -> _Place:
    return resource.kind, str(identifier)


def _key(name: t.Any) -> str:
    return str(name or "").strip().casefold()
