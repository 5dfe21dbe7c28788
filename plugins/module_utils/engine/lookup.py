# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the objects of a kind are found: by ID, and by what a person calls them."""

from __future__ import annotations

import typing as t

from ..base.errors import Ambiguous, EsperError, NotFound
from ..base.ids import is_uuid
from ..base.row import Params, Row
from ..model.field import Field, Separate
from ..model.kind import Kind, Shape
from .tenant_view import TenantView


class Lookup:
    """Finds objects of one kind in the view of a tenant. Raises what Client.request raises."""

    def __init__(self, view: TenantView, kind: Kind) -> None:
        self.view = view
        self.kind = kind

    # --- what a task calls an object --------------------------------------------------------------------------------

    def expand(self, params: Params) -> list[Params] | None:
        """Return the parameters of each object if those of the task stand for several, such as the files of a
        directory. None if they stand for one."""
        return None

    def task_key(self, params: Params) -> str:
        """Return what the task calls the object. No two objects of a task have the same. Raise InvalidParameter."""
        if self.kind.shape is Shape.SINGLETON:
            return self.kind.title
        return str(params["id"] if params.get("name") is None else params["name"].strip())

    def planned_depth(self, params: Params) -> int:
        """Return how deep the object of a task is in a tree of objects. Those above it are planned first."""
        return 0

    def tree_path(self, row: Row) -> tuple[str, ...]:
        """Return the path of an existing object if the kind is a tree, otherwise (). Objects below it are deleted
        first."""
        return ()

    def dependency_ids(self, row: Row) -> set[str]:
        """Return the IDs of the objects without which an object cannot exist, its own included."""
        return {str(row.get(self.kind.id_key))}

    # --- finding ----------------------------------------------------------------------------------------------------

    def find(self, params: Params) -> Row | None:
        """Return the object that the options of a task address, or None. Raise Ambiguous."""
        if self.kind.shape is Shape.SINGLETON:
            return self.view.get_at(self.kind.routes.object, kind=self.kind, purpose=self.kind.purpose_of_list)
        if params.get("id") is not None:
            return self.find_by_id(str(params["id"]))
        return self.one_or_none(self.find_by_name(params["name"]), params["name"])

    def find_by_id(self, identifier: str) -> Row | None:
        """Return the object of an ID, or None."""
        return self.view.find_object(self.kind, identifier)

    def find_by_name(self, name: str) -> list[Row]:
        """Return all objects with exactly a name, without regard to whitespace around it."""
        name, key = name.strip(), self.kind.name_key
        if not name:
            # An object without a name is not the one that an empty text names.
            return []
        return [row for row in self.view.candidates_by_name(self.kind, name) if str(row.get(key) or "").strip() == name]

    def with_separate(self, row: Row, fields: t.Iterable[Field]) -> Row:
        """Return an object with the properties that have routes of their own, one GET for each."""
        found = {}
        for field in fields:
            if field.separate is not None:
                purpose = f"Reading the {field.name} of the {self.kind.phrase(row)}"
                body = self.view.value_at(field.separate.path, {"id": str(row[self.kind.id_key])}, purpose=purpose)
                found[field.api_name] = separate_texts(field.separate, body, purpose)
        return {**row, **found}

    def resolve(self, wanted: str) -> Row:
        """Return the object that an option of another object names, by name or ID. Raise NotFound or Ambiguous."""
        row = self.find({"id": wanted} if is_uuid(wanted) else {"name": wanted})
        if row is None:
            raise NotFound(self.kind.title, wanted, map(self.kind.name_of, self.view.list_objects(self.kind)))
        return row

    def one_or_none(self, rows: list[Row], wanted: str, advice: str = "Address it by id.") -> Row | None:
        """Return the only one of some objects, or None if there is none. Raise Ambiguous if there are several."""
        if len(rows) > 1:
            names = [self.kind.name_of(row) for row in rows]
            if len(set(names)) < len(names):
                names = [f"{self.kind.name_of(row)} (id {row.get(self.kind.id_key)})" for row in rows]
            raise Ambiguous(self.kind.title, wanted, names, advice)
        return rows[0] if rows else None


def separate_texts(separate: Separate, items: t.Any, purpose: str) -> list[str]:
    """Return the texts in the items of a response. Raise EsperError if they have another form; ``purpose`` is the
    beginning of the message."""
    try:
        return separate.texts(items)
    except (TypeError, KeyError):
        raise EsperError(f"{purpose} failed: Esper returned an unexpected value.") from None


def lookup_of(view: TenantView, kind: Kind) -> Lookup:
    """Return the lookup of a kind in a view."""
    return t.cast("Lookup", (kind.lookup or Lookup)(view, kind))
