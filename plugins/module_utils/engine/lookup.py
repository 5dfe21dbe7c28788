# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lookup of objects of a kind by ID and by name."""

from __future__ import annotations

import typing as t

from ..base.errors import Ambiguous, EsperError, NotFound
from ..base.ids import is_uuid, normal_id
from ..base.limits import FEW_LOOKUPS
from ..base.row import Params, Row
from ..base.text import composed, look_alike
from ..model.api_paths import read_field
from ..model.field import Field, SeparateRoute
from ..model.kind import Kind, Shape
from ..model.names import NamedObject
from .tenant_view import TenantView


class Lookup:
    """Finds objects of one kind in the view of a tenant. Methods that read raise the errors of Client.request()."""

    def __init__(self, view: TenantView, kind: Kind) -> None:
        self.view = view
        self.kind = kind

    # --- objects in a task ------------------------------------------------------------------------------------------

    def expand(self, params: Params) -> list[Params] | None:
        """Return the parameters of each object if the task has several, such as the files of a directory. Return None
        if it has one."""
        return None

    def task_key(self, params: Params) -> str:
        """Return the name of the object in the task, which identifies it. Raise InvalidParameter if it is invalid."""
        if self.kind.shape is Shape.SINGLETON:
            return self.kind.title
        return str(normal_id(params["id"]) if params.get("name") is None else composed(params["name"]).strip())

    def phrase(self, params: Params) -> str:
        """Return the object of a task in a sentence, such as "device group 'Berlin'"."""
        if self.kind.shape is Shape.SINGLETON:
            return self.kind.title
        return f"{self.kind.title} '{self.task_key(params)}'"

    def planned_depth(self, params: Params) -> int:
        """Return the depth of the object of a task in a tree of objects. Parents are planned first."""
        return 0

    def tree_path(self, row: Row) -> tuple[str, ...]:
        """Return the path of an existing object if the kind is a tree, otherwise (). Objects below it are deleted
        first."""
        return ()

    def dependency_ids(self, row: Row) -> set[str]:
        """Return the IDs of the objects that an object depends on, with its own ID."""
        return {str(row.get(self.kind.id_key))}

    def not_found_error(self, params: Params) -> NotFound:
        """Return the error about the object of a task that does not exist, if the module cannot create it."""
        names = [] if params.get("id") is not None else map(self.kind.name_of, self.view.list_objects(self.kind))
        return NotFound(self.kind.title, self.task_key(params), names)

    # --- lookup -----------------------------------------------------------------------------------------------------

    def find(self, params: Params) -> Row | None:
        """Return the object that the options of a task select, or None. Raise Ambiguous if several objects match.

        If no object has the name, the name can also be an ID.
        """
        if self.kind.shape is Shape.SINGLETON:
            return self.view.get_at(self.kind.routes.object, kind=self.kind, purpose=self.kind.purpose_of_list)
        if params.get("id") is not None:
            return self._find_named(str(params["id"]), params.get("name"))
        row = self.one_or_none(self.find_by_name(params["name"]), params["name"])
        is_id = is_uuid(params["name"].strip()) and not self._has_numeric_ids
        return self.find_by_id(params["name"].strip()) if row is None and is_id else row

    def _find_named(self, identifier: str, name: str | None) -> Row | None:
        """Return the object with an ID, or None. If responses do not have names, and it has this name, it is added."""
        row = self.find_by_id(identifier)
        if row is None or name is None or self.kind.returns_name:
            return row
        named = (each for each in self.find_by_name(name) if each[self.kind.id_key] == row[self.kind.id_key])
        return next(named, row)

    @property
    def _has_numeric_ids(self) -> bool:
        return any(field.type == "int" for field in self.kind.fields if field.name == "id")

    def find_by_id(self, identifier: str) -> Row | None:
        """Return the object with an ID, or None."""
        return self.view.find_object(self.kind, identifier)

    def find_by_name(self, name: str) -> list[Row]:
        """Return all objects with a name. The name is case-sensitive. Whitespace around it and its Unicode form are
        ignored."""
        name, key = name.strip(), self.kind.name_key
        if not name:
            # An empty name does not select an object without a name.
            return []
        rows = self.view.candidates_by_name(self.kind, name)
        return [row for row in rows if composed(str(row.get(key) or "")).strip() == composed(name)]

    def similar_names(self, name: str) -> list[str]:
        """Return the names of the objects that a new one with a name is easily confused with, as far as the lookup of
        the name has read them. Sends no other request."""
        if self.kind.shape is not Shape.COLLECTION or not self.kind.returns_name or not self._is_found_by_name:
            return []
        rows = self.view.candidates_by_name(self.kind, name.strip())
        names = (str(row.get(self.kind.name_key) or "") for row in rows)
        return [each for each in names if look_alike(composed(each).strip(), composed(name).strip())]

    @property
    def _is_found_by_name(self) -> bool:
        """True if find() reads the candidates for the name of a task."""
        return type(self).find is Lookup.find

    def find_by_keys(self, keys: t.Collection[str]) -> list[Row]:
        """Return all objects that have at least one of some keys: see Kind.find_keys."""
        rows = {id(row): row for key in keys for row in self.view.candidates_by_name(self.kind, key)}
        return [row for row in rows.values() if not set(keys).isdisjoint(self.kind.keys_of(row))]

    def read_separate_fields(self, row: Row, fields: t.Iterable[Field]) -> Row:
        """Return an object with the properties that have separate routes, and those that only the route of the object
        returns. Each of the routes takes a GET request."""
        values = {}
        for field in fields:
            if field.on_request and field.api_name not in row:
                row = {**row, **(self.find_by_id(str(row[self.kind.id_key])) or {})}
            if field.separate_route is not None:
                purpose = f"Reading the {field.name} of the {self.kind.phrase(row)}"
                body = self.view.value_at(
                    field.separate_route.path, {"id": str(row[self.kind.id_key])}, purpose=purpose
                )
                values[field.api_name] = separate_texts(field.separate_route, body, purpose)
        return {**row, **values}

    def resolve(self, name: str) -> Row:
        """Return the object with a name or ID. Raise NotFound if there is none, Ambiguous if several objects match."""
        row = self.find({"id": name} if is_uuid(name) else {"name": name})
        if row is None and self._has_numeric_ids and name.strip().isdecimal():
            row = self.find({"id": name.strip()})
        if row is None:
            raise NotFound(self.kind.title, name, map(self.kind.name_of, self.view.list_objects(self.kind)))
        return row

    def resolve_all(self, texts: t.Collection[str]) -> list[Row]:
        """Return the objects with names or IDs. Raise NotFound or Ambiguous."""
        return [self.resolve(text) for text in texts]

    def key_of(self, row: Row) -> str:
        """Return the name of an existing object in a task: see task_key()."""
        return self.kind.name_of(row)

    def list_existing(self) -> list[Row]:
        """Return all existing objects of a tenant, with what a plan for them needs."""
        return self.view.list_objects(self.kind)

    def lists(self) -> tuple[Kind, ...]:
        """Return the kinds in whose lists find() looks up many objects."""
        is_listed = self.kind.shape is Shape.COLLECTION and self.kind.lookup is None and self.kind.returns_name
        return (self.kind,) if is_listed else ()

    def prefetch(self, texts: t.Collection[str]) -> None:
        """Read what resolve() needs for many names or IDs with fewer requests."""
        if len(set(texts)) > FEW_LOOKUPS:
            self.view.preload(self.kind)

    def names_of(self, ids: t.Collection[str]) -> dict[str, str]:
        """Return the names of existing objects by ID, from the list of all objects."""
        self.view.preload(self.kind)
        known = self.view.objects_by_id(self.kind) or {}
        return {each: self.kind.name_of(known[each.lower()]) for each in ids if each.lower() in known}

    def one_or_none(self, rows: list[Row], name: str, advice: str = "Use the ID instead.") -> Row | None:
        """Return the object in a list, or None if the list is empty. Raise Ambiguous if it has several objects."""
        if len(rows) > 1:
            names = [self.kind.name_of(row) for row in rows]
            if len(set(names)) < len(names):
                names = [f"{self.kind.name_of(row)} (ID {row.get(self.kind.id_key)})" for row in rows]
            raise Ambiguous(self.kind.title, name, names, advice)
        return rows[0] if rows else None


def separate_texts(route: SeparateRoute, items: t.Any, purpose: str) -> list[str]:
    """Return the texts in the items of a response. Raise EsperError if the response is invalid.

    ``purpose`` is the start of the message.
    """
    try:
        return route.texts(items)
    except (TypeError, KeyError):
        raise EsperError(f"{purpose} failed: Esper returned an unexpected value.") from None


def learn_names(view: TenantView, fields: t.Iterable[Field], rows: t.Sequence[Row]) -> None:
    """Read the names of the objects of other kinds of which rows have the IDs only."""
    for each in fields:
        if (names := each.names) is None:
            continue
        found = [found for row in rows for found in names.objects(read_field(each, row))]
        if unnamed := sorted({str(found.id) for found in found if found.label is None}):
            lookup = lookup_of(view, t.cast("Kind", names.kind))
            view.learn_names(NamedObject(identifier, name) for identifier, name in lookup.names_of(unnamed).items())


def same_name(kind: Kind, count: int) -> str:
    """Return the reason why a task cannot select one of some objects with the same name, as a sentence."""
    return f"{count} {kind.titles} have this name, so a task cannot select one of them."


def lookup_of(view: TenantView, kind: Kind) -> Lookup:
    """Return the lookup of a kind in a view."""
    return t.cast("Lookup", (kind.lookup or Lookup)(view, kind))
