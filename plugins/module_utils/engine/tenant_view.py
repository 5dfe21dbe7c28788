# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The view of a tenant during a task: a cache of responses, and the effects of the planned changes.

Each list and each object is read once. With the planned effects, the objects of one task can refer to each other. Kinds
are identified by Kind.key.
"""

from __future__ import annotations

import itertools
import typing as t
from dataclasses import dataclass, field

from ..base.checksums import Sha256Sink
from ..base.errors import ApiError
from ..base.ids import is_id, normal_id
from ..base.limits import PAGE_SIZE
from ..base.row import Row
from ..base.text import composed, listed, unicode_forms
from ..http.client import Client, Query
from ..http.download import Download
from ..http.paging import iterate, list_all, list_each
from ..http.parallel import CONCURRENCY
from ..model.conform import conform, secrets_of, typed_result
from ..model.kind import Kind
from ..model.names import NamedObject
from ..model.plan import Effect, Step
from ..model.unknowns import KnownAfterApply, resolve_unknowns

# Maximum number of values in a warning.
_MAX_NAMED = 5
_NOT_READ = object()
_BAD_REQUEST = 400

_ByName = dict[str, list[Row]]
_CacheKey = tuple[str, tuple[tuple[str, t.Any], ...]]


@dataclass
class _Planned:
    """The planned effects on the objects of a kind."""

    rows: dict[str, Row] = field(default_factory=dict)
    changes: dict[str, Row] = field(default_factory=dict)
    """The objects in ``rows`` that exist already."""
    names: _ByName = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class AcceptedWrite:
    """A write request that Esper accepted, with its response. It stays true if the response cannot be used."""

    kind: Kind
    step: Step
    body: t.Any = None

    @property
    def id(self) -> str:
        """The ID of the object, "" if it is not known."""
        key = self.kind.id_key
        for row in (self.step.response, self.body, {key: resolve_unknowns(self.step.ids).get("id")}):
            if isinstance(row, dict) and isinstance(row.get(key), (str, int)):
                return str(row[key])
        return ""


class TenantView:
    """The cached objects of a tenant, and the changes that a task plans.

    Callers must not change the returned objects. Methods that read raise the errors of Client.request().
    ``accepted`` are the write requests of the task that Esper accepted, in their order. ``facts`` are what lookups
    found out about the tenant and what no write request changes, such as the families of the API that it has.
    """

    def __init__(self, client: Client) -> None:
        self.client = client
        self.accepted: list[AcceptedWrite] = []
        self.facts: dict[str, t.Any] = {}
        self._lists: dict[_CacheKey, list[Row]] = {}
        self._objects: dict[_CacheKey, t.Any] = {}
        self._names: dict[Kind, _ByName] = {}
        self._ids: dict[Kind, dict[str, Row]] = {}
        self._preloaded: set[str] = set()
        # The paths of lists for which Esper rejected Routes.list_query.
        self._plain_lists: set[str] = set()
        self._checksums: dict[str, str] = {}
        self._typed: dict[tuple[Kind, _CacheKey], tuple[t.Any, t.Any]] = {}
        self._planned: dict[str, _Planned] = {}
        self._planned_kinds: dict[str, Kind] = {}
        self._derived: dict[str, dict[t.Any, t.Any]] = {}
        self._mismatches: dict[tuple[Kind, str], list[str]] = {}
        self._invalid: dict[str, list[str]] = {}
        self._omitted: dict[str, int] = {}
        self._notes: list[str] = []
        self._labels: dict[str, str] = {}
        self._planned_labels: dict[KnownAfterApply, str] = {}
        self._invalidations = 0

    @property
    def has_written(self) -> bool:
        """True if Esper accepted a write request of the task."""
        return bool(self.accepted)

    # --- lists ------------------------------------------------------------------------------------------------------

    def list_objects(self, kind: Kind, query: Query | None = None) -> list[Row]:
        """Return the existing objects of a kind that match a query, or all objects."""
        own_query, path = kind.routes.list_query, kind.routes.list
        if own_query and path not in self._plain_lists:
            try:
                return self._list_of(kind, {**own_query, **(query or {})})
            except ApiError as error:
                if error.status != _BAD_REQUEST:
                    raise
                self._plain_lists.add(path)
        return self._list_of(kind, query)

    def _list_of(self, kind: Kind, query: Query | None) -> list[Row]:
        return self.list_at(
            kind.routes.list,
            query,
            kind=kind,
            page_size=kind.routes.page_size,
            explicit_offset=kind.routes.explicit_offset,
            concurrency=CONCURRENCY,
            key=kind.id_key or None,
            rows_key=kind.routes.rows_key,
            counts_page=kind.routes.counts_page,
            purpose=kind.purpose_of_list,
        )

    def first_objects(self, kind: Kind, limit: int, query: Query | None = None) -> list[Row]:
        """Return the first objects of a kind that match a query, at most ``limit``. They are not cached."""
        rows = iterate(
            self.client,
            kind.routes.list,
            query=query,
            page_size=None if kind.routes.page_size is None else min(limit, kind.routes.page_size),
            key=kind.id_key or None,
            purpose=kind.purpose_of_list,
        )
        return self._typed_rows(kind, list(itertools.islice(rows, limit)))

    def list_at(
        self,
        path: str,
        query: Query | None = None,
        *,
        kind: Kind | None = None,
        page_size: int | None = PAGE_SIZE,
        explicit_offset: bool = False,
        concurrency: int = 1,
        key: str | None = "id",
        rows_key: str = "results",
        counts_page: bool = False,
        purpose: str,
    ) -> list[Row]:
        """Return the list at a path: see list_all(). With ``kind``, the objects have the types of its fields."""
        cache_key = _cache_key(path, query)
        rows = self._lists.get(cache_key)
        if rows is None:
            invalidations = self._invalidations
            rows = list_all(
                self.client,
                path,
                query=query,
                page_size=page_size,
                explicit_offset=explicit_offset,
                concurrency=concurrency,
                key=key,
                rows_key=rows_key,
                counts_page=counts_page,
                purpose=purpose,
            )
            # If another thread sent a write request at the same time, the list may be out of date.
            if invalidations == self._invalidations:
                self._lists[cache_key] = rows
        return rows if kind is None else self._typed_once(kind, cache_key, rows, self._typed_rows)

    def read_lists(self, paths: t.Iterable[str], *, page_size: int | None = PAGE_SIZE, purpose: str) -> None:
        """Read several lists together, for list_at(): see list_each(). What is cached is not read again."""
        unread = [path for path in dict.fromkeys(paths) if _cache_key(path, None) not in self._lists]
        invalidations = self._invalidations
        found = list_each(self.client, unread, page_size=page_size, concurrency=CONCURRENCY, purpose=purpose)
        if invalidations == self._invalidations:
            self._lists.update({_cache_key(path, None): rows for path, rows in zip(unread, found, strict=True)})

    def _typed_rows(self, kind: Kind, rows: list[Row]) -> list[Row]:
        return [typed for row in rows if (typed := self.typed(kind, row))]

    def _typed_once(
        self, kind: Kind, cache_key: _CacheKey, raw: t.Any, convert: t.Callable[[Kind, t.Any], t.Any]
    ) -> t.Any:
        """Return a cached response with the types of a kind. Several kinds can have the same route."""
        cached = self._typed.get((kind, cache_key))
        if cached is None or cached[0] is not raw:
            cached = self._typed[kind, cache_key] = (raw, convert(kind, raw))
        return cached[1]

    def preload(self, kind: Kind) -> None:
        """Look up names in the list of all objects of a kind until the kind is invalidated, unless it does not have
        them."""
        if kind.returns_name:
            self._preloaded.add(kind.routes.list)

    def is_preloaded(self, kind: Kind) -> bool:
        """Return whether names are looked up in the list of all objects of a kind."""
        return kind.routes.list in self._preloaded

    def objects_by_id(self, kind: Kind) -> dict[str, Row] | None:
        """Return all objects of a kind by ID if their list is cached or preloaded, otherwise None."""
        is_cached = any(_cache_key(kind.routes.list, each) in self._lists for each in (None, kind.routes.list_query))
        if not (is_cached or self.is_preloaded(kind)):
            return None
        rows, invalidations = self._ids.get(kind), self._invalidations
        if rows is None:
            rows = {str(row[kind.id_key]).lower(): row for row in self.list_objects(kind)}
            if invalidations == self._invalidations:
                self._ids[kind] = rows
        return rows

    def derived(self, kind: Kind) -> dict[t.Any, t.Any]:
        """Return the cache for values that a lookup derives from the objects of a kind, such as paths. It is cleared if
        a change of the kind is planned or applied."""
        return self._derived.setdefault(kind.key, {})

    # --- objects ----------------------------------------------------------------------------------------------------

    def find_object(self, kind: Kind, identifier: str) -> Row | None:
        """Return the existing object with an ID, or None. A UUID can be in upper case. Whitespace around it is
        ignored."""
        identifier = normal_id(identifier.strip())
        if not kind.routes.has_object_get:
            rows = self.list_objects(kind)
            return next((row for row in rows if str(normal_id(row[kind.id_key])) == identifier), None)
        purpose = f"Reading the {kind.title} {identifier}"
        row = self.find_at(kind.routes.object, {"id": identifier}, kind=kind, purpose=purpose)
        if row is None:
            # If the tenant or the URL is wrong, the list does not exist either, and this request fails.
            self.client.get(
                kind.routes.list,
                query=None if kind.routes.page_size is None else {"limit": 1},
                purpose=kind.purpose_of_list,
            )
        return row

    def find_at(
        self, path: str, ids: t.Mapping[str, str] | None = None, *, kind: Kind | None = None, purpose: str
    ) -> Row | None:
        """Return the object at a path, or None. ``ids`` are the values of the placeholders in the path. With ``kind``,
        the object has the types of its fields."""
        row = self._read_once(
            path,
            ids,
            lambda: self.client.find_object(
                path, ids=ids, key=_id_key(kind), object_key=_object_key(kind), purpose=purpose
            ),
        )
        return self._typed_object(kind, _cache_key(path, ids), row)

    def get_at(
        self, path: str, ids: t.Mapping[str, str] | None = None, *, kind: Kind | None = None, purpose: str
    ) -> Row:
        """Return the object at a path: see find_at(). Raise ApiError if there is none."""
        row = self._read_once(
            path,
            ids,
            lambda: self.client.get_object(
                path, ids=ids, key=_id_key(kind), object_key=_object_key(kind), purpose=purpose
            ),
        )
        return self._typed_object(kind, _cache_key(path, ids), row) or {}

    def _typed_object(self, kind: Kind | None, cache_key: _CacheKey, row: Row | None) -> Row | None:
        if row is None or kind is None:
            return row
        return t.cast("Row | None", self._typed_once(kind, cache_key, row, self.typed))

    def value_at(self, path: str, ids: t.Mapping[str, str], *, purpose: str) -> t.Any:
        """Return the JSON at a path, which can be any value."""
        return self._read_once(path, ids, lambda: self.client.get(path, ids=ids, purpose=purpose))

    def _read_once(self, path: str, ids: t.Mapping[str, str] | None, read: t.Callable[[], t.Any]) -> t.Any:
        cache_key = _cache_key(path, ids)
        row = self._objects.get(cache_key, _NOT_READ)
        if row is _NOT_READ:
            invalidations, row = self._invalidations, read()
            if invalidations == self._invalidations:
                self._objects[cache_key] = row
        return row

    # --- files ------------------------------------------------------------------------------------------------------

    def checksum_at(self, link: str, *, purpose: str) -> str:
        """Return the SHA-256 checksum of the file behind a download link. It is downloaded once, without the API key.

        ``purpose`` is the start of an error message.
        """
        # Each response signs the link again.
        file = link.partition("?")[0]
        checksum = self._checksums.get(file)
        if checksum is None:
            invalidations, sink = self._invalidations, Sha256Sink()
            self.client.download(Download(link, purpose), sink)
            checksum = sink.checksum
            if invalidations == self._invalidations:
                self._checksums[file] = checksum
        return checksum

    # --- types ------------------------------------------------------------------------------------------------------

    def typed(self, kind: Kind, row: Row) -> Row | None:
        """Return an object of the API with the types of its fields, or None if it has no valid ID but needs one.

        A value that cannot be converted is null. The task warns in both cases: see warnings().
        """
        row = kind.adapted(row)
        self.hide_secrets(kind, row)
        identifier = row.get(kind.id_key)
        typed, mismatches = conform(kind.fields, row)
        if kind.has_ids and not (is_id(identifier) and is_id(typed.get(kind.id_key))):
            self._omitted[kind.titles] = self._omitted.get(kind.titles, 0) + 1
            return None
        self._record_mismatches(kind, identifier, mismatches)
        return typed

    def hide_secrets(self, kind: Kind, body: t.Any) -> None:
        """Mask the secret properties of an object in a response in everything that the task shows."""
        if kind.has_secrets and isinstance(body, dict):
            self.client.hide(*secrets_of(kind.fields, body))

    def to_result(self, kind: Kind, row: Row) -> Row:
        """Return an object in the response to a write request in collection terms, with the types of its fields."""
        row = kind.adapted(row)
        result, mismatches = typed_result(kind.fields, row)
        self._record_mismatches(kind, row.get(kind.id_key), mismatches)
        return self.with_names(kind, result)

    def to_parts(self, kind: Kind, identifier: t.Any, parts: Row) -> Row:
        """Return some values of the result with the types of their fields. Values in them can come from responses."""
        result, mismatches = typed_result((field for field in kind.fields if field.name in parts), parts)
        self._record_mismatches(kind, identifier, mismatches)
        return result

    def with_names(self, kind: Kind, result: Row) -> Row:
        """Return an object in collection terms with names in place of the IDs of objects that learn_names() knows."""
        for unknown, label in list(self._planned_labels.items()):
            if (identifier := unknown.value()) is not None:
                self._labels[str(identifier)] = label
                self._planned_labels.pop(unknown, None)
        labels = self._labels
        for name in (each.name for each in kind.fields if each.names is not None and labels):
            value: t.Any = result.get(name)
            named = [labels.get(each, each) for each in value] if isinstance(value, list) else labels.get(value, value)
            result = {**result, name: named}
        return result

    def learn_names(self, objects: t.Iterable[NamedObject]) -> None:
        """Remember the names of objects of other kinds, for the results of the task. Responses can have IDs only."""
        for each in objects:
            if each.label and isinstance(each.id, KnownAfterApply):
                self._planned_labels[each.id] = each.label
            elif each.label:
                self._labels[str(each.id)] = each.label

    def _record_mismatches(self, kind: Kind, identifier: t.Any, mismatches: list[str]) -> None:
        if not kind.id_key:
            # All objects of the kind share one entry.
            mismatches = list(dict.fromkeys([*self._mismatches.get((kind, str(identifier)), ()), *mismatches]))
        if mismatches:
            self._mismatches[kind, str(identifier)] = mismatches
        else:
            self._mismatches.pop((kind, str(identifier)), None)

    def record_invalid(self, title: str, identifier: str, paths: t.Iterable[str]) -> None:
        """Record values of an unexpected type in an object that has no kind, for the warnings."""
        if found := [f"{path} of {identifier}" for path in paths]:
            self._invalid.setdefault(title, []).extend(found)

    def mismatches(self, kind: Kind, row: Row) -> list[str]:
        """Return the paths of the values of an object whose type is not the type of their field."""
        return self._mismatches.get((kind, str(row.get(kind.id_key))), [])

    def has_omitted(self, kind: Kind) -> bool:
        """Return whether objects of a kind were omitted because they have no valid ID."""
        return kind.titles in self._omitted

    def warn(self, sentence: str) -> None:
        """Add a warning for the user."""
        self._notes.append(sentence)

    def warnings(self) -> list[str]:
        """Return the warnings of warn(), and one for each kind with invalid values or omitted objects."""
        by_kind = {title: list(dict.fromkeys(values)) for title, values in self._invalid.items()}
        for (kind, identifier), paths in self._mismatches.items():
            owner = f" of {identifier}" if kind.has_ids else ""
            by_kind.setdefault(kind.key, []).extend(f"{path}{owner}" for path in paths)
        warnings = list(dict.fromkeys(self._notes))
        for key, values in by_kind.items():
            named = listed(values, _MAX_NAMED)
            warnings.append(f"Esper returned values of an unexpected type, which are null here: {key} {named}.")
        return warnings + [
            f"Esper returned {count} of the {titles} without a valid ID. They are omitted."
            for titles, count in self._omitted.items()
        ]

    # --- names, as planned ------------------------------------------------------------------------------------------

    def candidates_by_name(self, kind: Kind, name: str) -> list[Row]:
        """Return candidates for the objects that have a name after the task: all that have it, in upper or lower case,
        and possibly others."""
        kept = self._without_effects(kind, self._candidates(kind, name))
        return kept + self._effects_on(kind).names.get(_folded(name), [])

    def replaced_candidates(self, kind: Kind, name: str) -> list[Row]:
        """Return candidates for the existing objects that have a name now and that the task changes."""
        planned = self._effects_on(kind)
        if not planned.rows:
            return []
        return [row for row in self._candidates(kind, name) if str(row[kind.id_key]) in planned.rows]

    def _candidates(self, kind: Kind, name: str) -> list[Row]:
        if kind.routes.name_filter and not self.is_preloaded(kind):
            rows: list[Row] = []
            for form in unicode_forms(name):
                rows = self.list_objects(kind, {kind.routes.name_filter: form})
                if not kind.returns_name:
                    rows = [{**row, kind.name_key: name} for row in rows]
                if any(_folded(key) == _folded(name) for row in rows for key in kind.keys_of(row)):
                    break
            return rows
        names, invalidations = self._names.get(kind), self._invalidations
        if names is None:
            names = {}
            for row in self.list_objects(kind):
                for key in kind.keys_of(row):
                    names.setdefault(_folded(key), []).append(row)
            if invalidations == self._invalidations:
                self._names[kind] = names
        return names.get(_folded(name), [])

    # --- planned effects --------------------------------------------------------------------------------------------

    def add_effects(self, effects: t.Iterable[Effect]) -> None:
        """Add the effects of a plan, so that other plans of the task see them. A later effect on an object replaces an
        earlier one."""
        for effect in effects:
            planned = self._planned.setdefault(effect.kind.key, _Planned())
            self._planned_kinds[effect.kind.name] = effect.kind
            self._derived.pop(effect.kind.key, None)
            self._remove(planned, effect)
            if effect.row is None:
                planned.deleted.add(str(effect.id))
            else:
                planned.rows[str(effect.id)] = effect.row
                if not isinstance(effect.id, KnownAfterApply):
                    planned.changes[str(effect.id)] = effect.row
                for key in effect.kind.keys_of(effect.row):
                    planned.names.setdefault(_folded(key), []).append(effect.row)

    @staticmethod
    def _remove(planned: _Planned, effect: Effect) -> None:
        planned.deleted.discard(str(effect.id))
        planned.changes.pop(str(effect.id), None)
        earlier = planned.rows.pop(str(effect.id), None)
        for key in effect.kind.keys_of(earlier) if earlier is not None else ():
            same_name = planned.names[_folded(key)]
            same_name[:] = [row for row in same_name if row is not earlier]

    def planned_kind(self, name: str) -> Kind | None:
        """Return the kind with a name if the task plans changes of its objects."""
        return self._planned_kinds.get(name)

    def planned(self, kind: Kind) -> list[Row]:
        """Return the objects of a kind that plans create or change, after the change."""
        return list(self._effects_on(kind).rows.values())

    def planned_changes(self, kind: Kind) -> list[Row]:
        """Return the existing objects of a kind that plans change, after the change."""
        return list(self._effects_on(kind).changes.values())

    def planned_object(self, kind: Kind, identifier: t.Any) -> Row | None:
        """Return an object after its planned change, None if no plan creates or changes it."""
        return self._effects_on(kind).rows.get(str(identifier))

    def is_deleted(self, kind: Kind, identifier: t.Any) -> bool:
        """Return whether a plan deletes an object."""
        return str(identifier) in self._effects_on(kind).deleted

    def all_as_planned(self, kind: Kind) -> list[Row]:
        """Return all objects of a kind after the planned changes."""
        return self._without_effects(kind, self.list_objects(kind)) + self.planned(kind)

    def _without_effects(self, kind: Kind, rows: list[Row]) -> list[Row]:
        """Return the objects in a list that no plan changes or deletes."""
        planned = self._effects_on(kind)
        # No union of both, because a task can look up thousands of objects.
        pairs = ((row, str(row[kind.id_key])) for row in rows)
        return [row for row, key in pairs if key not in planned.rows and key not in planned.deleted]

    def keep(self, kind: Kind, identifier: t.Any) -> None:
        """Discard the planned deletion of an object."""
        self._effects_on(kind).deleted.discard(str(identifier))
        self._derived.pop(kind.key, None)

    def forget_plans(self) -> None:
        """Discard all planned effects before the plans are applied."""
        self._planned, self._planned_kinds, self._derived = {}, {}, {}

    def _effects_on(self, kind: Kind) -> _Planned:
        return self._planned.get(kind.key) or _Planned()

    # --- write requests ---------------------------------------------------------------------------------------------

    def invalidate(self, kind: Kind) -> None:
        """Remove the objects of a kind, and everything below their paths, from the cache after a write request."""
        self._invalidations += 1
        self._derived.pop(kind.key, None)
        # A new file can have the link of a deleted one.
        self._checksums = {}
        prefixes = kind.routes.prefixes
        # Collections are replaced, not changed, because other threads can read them at the same time.
        self._typed = {key: pair for key, pair in list(self._typed.items()) if not key[1][0].startswith(prefixes)}
        self._preloaded = {path for path in list(self._preloaded) if not path.startswith(prefixes)}
        self._names = {
            other: names for other, names in list(self._names.items()) if not other.routes.list.startswith(prefixes)
        }
        self._ids = {
            other: rows for other, rows in list(self._ids.items()) if not other.routes.list.startswith(prefixes)
        }
        self._lists = {
            cache_key: rows for cache_key, rows in list(self._lists.items()) if not cache_key[0].startswith(prefixes)
        }
        self._objects = {
            cache_key: row for cache_key, row in list(self._objects.items()) if not cache_key[0].startswith(prefixes)
        }


def _cache_key(path: str, values: t.Mapping[str, t.Any] | None) -> _CacheKey:
    return path, tuple(sorted((values or {}).items()))


def _id_key(kind: Kind | None) -> str | None:
    """Return the key of the ID, None for a singleton."""
    if kind is None:
        return "id"
    return kind.id_key if kind.has_ids else None


def _object_key(kind: Kind | None) -> str:
    return "" if kind is None else kind.routes.object_key


def _folded(name: t.Any) -> str:
    return composed(composed(str(name or "")).strip().casefold())
