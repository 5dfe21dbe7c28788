# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One view of a tenant for the length of a task: what was read of it, each list and each object once, and the effects
of what the task plans, so that the objects of one task can refer to each other.

Kinds are told apart by Kind.key.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ..base.limits import PAGE_SIZE
from ..base.row import Row
from ..http.client import Client, Query
from ..http.paging import list_all
from ..http.parallel import CONCURRENCY
from ..model.conform import conform, typed_result
from ..model.kind import Kind, Shape
from ..model.plan import Effect
from ..model.unknowns import KnownAfterApply

# Number of values that a warning names.
_NAMED = 5
_UNREAD = object()

_ByName = dict[str, list[Row]]
_Place = tuple[str, tuple[tuple[str, t.Any], ...]]


@dataclass
class _Planned:
    """The effects of plans on the objects of a kind."""

    rows: dict[str, Row] = field(default_factory=dict)
    changes: dict[str, Row] = field(default_factory=dict)
    """Those of ``rows`` that exist already."""
    names: _ByName = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)


class TenantView:
    """What was read of a tenant, and what a task plans to change in it.

    The rows belong to the view: do not change them. Methods that read raise what Client.request raises.
    """

    def __init__(self, client: Client) -> None:
        self.client = client
        self._lists: dict[_Place, list[Row]] = {}
        self._objects: dict[_Place, t.Any] = {}
        self._names: dict[Kind, _ByName] = {}
        self._ids: dict[Kind, dict[str, Row]] = {}
        self._preloaded: set[str] = set()
        self._typed: dict[tuple[Kind, _Place], tuple[t.Any, t.Any]] = {}
        self._planned: dict[str, _Planned] = {}
        self._derived: dict[str, dict[t.Any, t.Any]] = {}
        self._misfits: dict[tuple[Kind, str], list[str]] = {}
        self._left_out: dict[str, int] = {}
        self._invalidations = 0

    # --- lists ------------------------------------------------------------------------------------------------------

    def list_objects(self, kind: Kind, query: Query | None = None) -> list[Row]:
        """Return the objects of a kind that Esper finds for a query, all without one, as Esper has them now."""
        return self.list_at(
            kind.routes.list,
            query,
            kind=kind,
            page_size=kind.routes.page_size,
            # The result of a search by name has one page.
            concurrency=1 if query else CONCURRENCY,
            key=kind.id_key,
            purpose=kind.purpose_of_list,
        )

    def list_at(
        self,
        path: str,
        query: Query | None = None,
        *,
        kind: Kind | None = None,
        page_size: int | None = PAGE_SIZE,
        concurrency: int = 1,
        key: str = "id",
        purpose: str,
    ) -> list[Row]:
        """Return the list at a path, such as that of what belongs to one object: see list_all(). The objects have the
        types of the fields of ``kind``, if it is set."""
        place = _place(path, query)
        rows = self._lists.get(place)
        if rows is None:
            before = self._invalidations
            pages = list_all(
                self.client, path, query=query, page_size=page_size, concurrency=concurrency, key=key, purpose=purpose
            )
            rows = list(pages)
            # It may lack what another thread has written in between.
            if before == self._invalidations:
                self._lists[place] = rows
        return rows if kind is None else self._typed_once(kind, place, rows, self._typed_rows)

    def _typed_rows(self, kind: Kind, rows: list[Row]) -> list[Row]:
        return [typed for row in rows if (typed := self.typed(kind, row))]

    def _typed_once(self, kind: Kind, place: _Place, raw: t.Any, make: t.Callable[[Kind, t.Any], t.Any]) -> t.Any:
        """Return what was read at a place with the types of a kind. Kinds can share a route."""
        known = self._typed.get((kind, place))
        if known is None or known[0] is not raw:
            known = self._typed[kind, place] = (raw, make(kind, raw))
        return known[1]

    def preload(self, kind: Kind) -> None:
        """Look names up in the list of all objects of a kind from now on, until something is written to it."""
        self._preloaded.add(kind.routes.list)

    def is_preloaded(self, kind: Kind) -> bool:
        """Return whether the list of all objects of a kind serves look-ups."""
        return kind.routes.list in self._preloaded

    def whole_by_id(self, kind: Kind) -> dict[str, Row] | None:
        """Return all objects of a kind by ID if their list was read as a whole or will be read, otherwise None."""
        if not self.is_preloaded(kind) and _place(kind.routes.list, None) not in self._lists:
            return None
        rows, before = self._ids.get(kind), self._invalidations
        if rows is None:
            rows = {str(row[kind.id_key]).lower(): row for row in self.list_objects(kind)}
            if before == self._invalidations:
                self._ids[kind] = rows
        return rows

    def derived(self, kind: Kind) -> dict[t.Any, t.Any]:
        """Return a table for what a lookup derives from the objects of a kind, such as exact paths. It is emptied if
        something is written or planned for the kind."""
        return self._derived.setdefault(kind.key, {})

    # --- objects ----------------------------------------------------------------------------------------------------

    def find_object(self, kind: Kind, identifier: str) -> Row | None:
        """Return the object of an ID as Esper has it now, or None."""
        purpose = f"Reading the {kind.title} {identifier}"
        row = self.find_at(kind.routes.object, {"id": identifier}, kind=kind, purpose=purpose)
        if row is None:
            # A wrong tenant or URL has no objects either, but it has no list.
            self.client.get(
                kind.routes.list,
                query=None if kind.routes.page_size is None else {"limit": 1},
                purpose=kind.purpose_of_list,
            )
        return row

    def find_at(
        self, path: str, ids: t.Mapping[str, str] | None = None, *, kind: Kind | None = None, purpose: str
    ) -> Row | None:
        """Return the object at a path, with ``ids`` for its placeholders, or None if there is none. It has the types of
        the fields of ``kind``, if it is set."""
        row = self._read_once(
            path, ids, lambda: self.client.find_object(path, ids=ids, key=_id_key(kind), purpose=purpose)
        )
        return self._typed_object(kind, _place(path, ids), row)

    def get_at(
        self, path: str, ids: t.Mapping[str, str] | None = None, *, kind: Kind | None = None, purpose: str
    ) -> Row:
        """Return the object at a path like find_at(). Raise ApiError if there is none."""
        row = self._read_once(
            path, ids, lambda: self.client.get_object(path, ids=ids, key=_id_key(kind), purpose=purpose)
        )
        return self._typed_object(kind, _place(path, ids), row) or {}

    def _typed_object(self, kind: Kind | None, place: _Place, row: Row | None) -> Row | None:
        if row is None or kind is None:
            return row
        return t.cast("Row | None", self._typed_once(kind, place, row, self.typed))

    def value_at(self, path: str, ids: t.Mapping[str, str], *, purpose: str) -> t.Any:
        """Return the JSON at a path, which need not be an object."""
        return self._read_once(path, ids, lambda: self.client.get(path, ids=ids, purpose=purpose))

    def _read_once(self, path: str, ids: t.Mapping[str, str] | None, read: t.Callable[[], t.Any]) -> t.Any:
        place = _place(path, ids)
        row = self._objects.get(place, _UNREAD)
        if row is _UNREAD:
            before, row = self._invalidations, read()
            if before == self._invalidations:
                self._objects[place] = row
        return row

    # --- types ------------------------------------------------------------------------------------------------------

    def typed(self, kind: Kind, row: Row) -> Row | None:
        """Return an object of the API with the types that its fields describe. A value that cannot be brought to its
        type is null; an object without a valid ID is None. The task warns of both: see warnings()."""
        identifier = row.get(kind.id_key)
        typed, misfits = conform(kind.fields, row)
        if kind.shape is not Shape.SINGLETON and not (_is_id(identifier) and _is_id(typed.get(kind.id_key))):
            self._left_out[kind.titles] = self._left_out.get(kind.titles, 0) + 1
            return None
        self._note(kind, identifier, misfits)
        return typed

    def to_result(self, kind: Kind, row: Row) -> Row:
        """Return an object in the response to a write in collection terms, with the types that its fields describe."""
        result, misfits = typed_result(kind.fields, row)
        self._note(kind, row.get(kind.id_key), misfits)
        return result

    def _note(self, kind: Kind, identifier: t.Any, misfits: list[str]) -> None:
        if misfits:
            self._misfits[kind, str(identifier)] = misfits
        else:
            self._misfits.pop((kind, str(identifier)), None)

    def misfits(self, kind: Kind, row: Row) -> list[str]:
        """Return the paths of the values of an object that do not have the type of their field."""
        return self._misfits.get((kind, str(row.get(kind.id_key))), [])

    def has_left_out(self, kind: Kind) -> bool:
        """Return whether objects of a kind were left out, because they have no valid ID."""
        return kind.titles in self._left_out

    def warnings(self) -> list[str]:
        """Return a sentence for each kind of which values or objects could not be read."""
        by_kind: dict[str, list[str]] = {}
        for (kind, identifier), paths in self._misfits.items():
            whose = "" if kind.shape is Shape.SINGLETON else f" of {identifier}"
            by_kind.setdefault(kind.key, []).extend(f"{path}{whose}" for path in paths)
        sentences = []
        for key, places in by_kind.items():
            more = f" and {len(places) - _NAMED} more" if len(places) > _NAMED else ""
            sentences.append(
                f"Esper returned values of an unexpected type, which are null here: {key} {', '.join(places[:_NAMED])}"
                f"{more}."
            )
        return sentences + [
            f"Esper returned {count} of the {titles} without a valid ID. They are left out."
            for titles, count in self._left_out.items()
        ]

    # --- names, as planned ------------------------------------------------------------------------------------------

    def candidates_by_name(self, kind: Kind, name: str) -> list[Row]:
        """Return the objects that can have a name once the task is applied: all that have it, in any case, and maybe
        others."""
        kept = self._without_effects(kind, self._candidates(kind, name))
        return kept + self._effects_on(kind).names.get(_folded(name), [])

    def replaced_candidates(self, kind: Kind, name: str) -> list[Row]:
        """Return the objects that can have a name now, and that the task changes, as they are now."""
        planned = self._effects_on(kind)
        if not planned.rows:
            return []
        return [row for row in self._candidates(kind, name) if str(row[kind.id_key]) in planned.rows]

    def _candidates(self, kind: Kind, name: str) -> list[Row]:
        if kind.routes.name_filter and not self.is_preloaded(kind):
            return self.list_objects(kind, {kind.routes.name_filter: name})
        names, before = self._names.get(kind), self._invalidations
        if names is None:
            names = {}
            for row in self.list_objects(kind):
                names.setdefault(_folded(row.get(kind.name_key)), []).append(row)
            if before == self._invalidations:
                self._names[kind] = names
        return names.get(_folded(name), [])

    # --- planned effects --------------------------------------------------------------------------------------------

    def add_effects(self, effects: t.Iterable[Effect]) -> None:
        """Add what a plan does to the tenant to what other plans see of it. A later effect on an object replaces the
        former one."""
        for effect in effects:
            planned = self._planned.setdefault(effect.kind.key, _Planned())
            self._derived.pop(effect.kind.key, None)
            self._remove(planned, effect)
            if effect.row is None:
                planned.deleted.add(str(effect.id))
            else:
                planned.rows[str(effect.id)] = effect.row
                if not isinstance(effect.id, KnownAfterApply):
                    planned.changes[str(effect.id)] = effect.row
                planned.names.setdefault(_folded(effect.row.get(effect.kind.name_key)), []).append(effect.row)

    @staticmethod
    def _remove(planned: _Planned, effect: Effect) -> None:
        planned.deleted.discard(str(effect.id))
        planned.changes.pop(str(effect.id), None)
        former = planned.rows.pop(str(effect.id), None)
        if former is not None:
            named = planned.names[_folded(former.get(effect.kind.name_key))]
            named[:] = [row for row in named if row is not former]

    def planned(self, kind: Kind) -> list[Row]:
        """Return the objects of a kind that plans create or change, as they will be."""
        return list(self._effects_on(kind).rows.values())

    def planned_changes(self, kind: Kind) -> list[Row]:
        """Return those of planned() that exist already."""
        return list(self._effects_on(kind).changes.values())

    def planned_object(self, kind: Kind, identifier: t.Any) -> Row | None:
        """Return an object as a plan changes it, None if no plan does."""
        return self._effects_on(kind).rows.get(str(identifier))

    def is_deleted(self, kind: Kind, identifier: t.Any) -> bool:
        """Return whether a plan deletes an object."""
        return str(identifier) in self._effects_on(kind).deleted

    def all_as_planned(self, kind: Kind) -> list[Row]:
        """Return all objects of a kind as they will be."""
        return self._without_effects(kind, self.list_objects(kind)) + self.planned(kind)

    def _without_effects(self, kind: Kind, rows: list[Row]) -> list[Row]:
        """Return those of some existing objects that no plan changes or deletes."""
        planned = self._effects_on(kind)
        changed = planned.rows.keys() | planned.deleted
        return [row for row in rows if str(row[kind.id_key]) not in changed]

    def keep(self, kind: Kind, identifier: t.Any) -> None:
        """Show an object again, because its deletion is not planned any more."""
        self._effects_on(kind).deleted.discard(str(identifier))
        self._derived.pop(kind.key, None)

    def forget_plans(self) -> None:
        """Show only what exists from now on, because the plans are being applied."""
        self._planned, self._derived = {}, {}

    def _effects_on(self, kind: Kind) -> _Planned:
        return self._planned.get(kind.key) or _Planned()

    # --- writes -----------------------------------------------------------------------------------------------------

    def invalidate(self, kind: Kind) -> None:
        """Read the objects of a kind, and what belongs to them, again from now on, because something was written."""
        self._invalidations += 1
        self._derived.pop(kind.key, None)
        prefixes = kind.routes.prefixes
        # Other threads may read: a collection is replaced, not changed.
        self._typed = {key: pair for key, pair in list(self._typed.items()) if not key[1][0].startswith(prefixes)}
        self._preloaded = {path for path in list(self._preloaded) if not path.startswith(prefixes)}
        self._names = {each: names for each, names in list(self._names.items()) if not _is_below(each, prefixes)}
        self._ids = {each: rows for each, rows in list(self._ids.items()) if not _is_below(each, prefixes)}
        self._lists = {place: rows for place, rows in list(self._lists.items()) if not place[0].startswith(prefixes)}
        self._objects = {place: row for place, row in list(self._objects.items()) if not place[0].startswith(prefixes)}


def _place(path: str, values: t.Mapping[str, t.Any] | None) -> _Place:
    return path, tuple(sorted((values or {}).items()))


def _is_below(kind: Kind, prefixes: tuple[str, ...]) -> bool:
    return kind.routes.list.startswith(prefixes)


def _is_id(value: t.Any) -> bool:
    return isinstance(value, (str, int)) and bool(str(value).strip())


def _id_key(kind: Kind | None) -> str | None:
    """Return the key that each object has, None for a singleton."""
    if kind is None:
        return "id"
    return None if kind.shape is Shape.SINGLETON else kind.id_key


def _folded(name: t.Any) -> str:
    return str(name or "").strip().casefold()
