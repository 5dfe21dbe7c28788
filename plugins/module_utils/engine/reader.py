# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading objects for _info modules."""

from __future__ import annotations

import typing as t

from ..base.row import Params, Row
from ..http.client import Query
from ..http.parallel import CONCURRENCY, in_parallel
from ..model.api_paths import read_field
from ..model.kind import Kind, Shape
from ..model.module_spec import Option
from ..model.names import NamedObject
from .lookup import lookup_of
from .tenant_view import TenantView


class Reader:
    """Reads objects of one kind for its _info module. Raises what Client.request raises."""

    def __init__(self, view: TenantView, kind: Kind) -> None:
        self.view = view
        self.kind = kind

    def get_info(self, params: Params) -> Row:
        """Return the values of the module: the object that the options select, or all objects."""
        lookup = lookup_of(self.view, self.kind)
        if self.kind.shape is Shape.SINGLETON:
            query = self.query(params)
            found = self._find_selected(query) if query else lookup.find(params)
            return {self.kind.name: None if found is None else self.kind.to_result(found)}
        if params.get("id") is not None or params.get("name") is not None:
            row = lookup.find(params)
            rows = [row] if row else []
        else:
            rows = self.view.list_objects(self.kind, self.query(params))
        rows = self.complete(rows, params)
        self._learn_names(rows)
        return {self.kind.plural: self._with_related(rows, params)}

    def complete(self, rows: list[Row], params: Params) -> list[Row]:
        """Return objects with the properties that a task asks for, and that take a request for each object."""
        lookup = lookup_of(self.view, self.kind)
        options = ((field, field.request_option) for field in self.kind.fields)
        fields = [field for field, option in options if option and params.get(option)]
        if not fields:
            return rows
        return list(
            in_parallel(self.view.client, lambda row: lookup.read_separate_fields(row, fields), rows, CONCURRENCY)
        )

    def _with_related(self, rows: list[Row], params: Params) -> list[Row]:
        """Return objects in collection terms, with the related values that a task asks for."""
        related = [each for each in self.kind.related if params.get(each.option.name)]

        def to_result(row: Row) -> Row:
            values = {each.field.name: each.field.from_api(each.read(self.view, row)) for each in related}
            return {**self.view.with_names(self.kind, self.kind.to_result(row)), **values}

        if not related:
            return list(map(to_result, rows))
        # The first object fills the cache with what all objects need, such as the list of all blueprints.
        first = [to_result(row) for row in rows[:1]]
        return first + list(in_parallel(self.view.client, to_result, rows[1:], CONCURRENCY))

    def _learn_names(self, rows: list[Row]) -> None:
        """Read the names of the objects of which rows have the IDs only."""
        for field in self.kind.fields:
            if (names := field.names) is None:
                continue
            found = [each for row in rows for each in names.objects(read_field(field, row))]
            if unnamed := sorted({str(each.id) for each in found if each.label is None}):
                lookup = lookup_of(self.view, t.cast("Kind", names.kind))
                self.view.learn_names(NamedObject(each, name) for each, name in lookup.names_of(unnamed).items())

    def _find_selected(self, query: Query) -> Row | None:
        """Return the object that a query selects, or None."""
        kind = self.kind
        row = self.view.client.find_object(
            kind.routes.object, query=query, key=None, purpose=f"Reading the {kind.title}"
        )
        return None if row is None else self.view.typed(kind, row)

    def query(self, params: Params) -> Query | None:
        """Return the query of the list for the filters that a task sets, None if it sets none."""
        options = self.kind.info_module.options if self.kind.info_module else ()
        filters = [option for option in options if isinstance(option, Option) and option.query]
        values = {each.query: params[each.name] for each in filters if params.get(each.name) is not None}
        return values or None

    def download(self, params: Params, *, check_mode: bool) -> Row:
        """Download files to this machine, if the module has options for that. Return values of the module, such as
        ``changed``."""
        return {}


def reader_of(view: TenantView, kind: Kind) -> Reader:
    """Return the reader of a kind in a view."""
    return t.cast("Reader", (kind.reader or Reader)(view, kind))
