# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading objects for _info modules."""

from __future__ import annotations

import typing as t

from ..base.errors import InvalidParameter
from ..base.row import Params, Row
from ..base.times import to_utc, utc_time
from ..base.validators import in_range
from ..http.client import Query
from ..http.parallel import CONCURRENCY, in_parallel
from ..model.kind import Kind, Shape
from ..model.module_spec import Option
from ..model.walk import walk
from .lookup import learn_names, lookup_of
from .tenant_view import TenantView

RESOLVE_NAMES = "resolve_names"
"""The option of an _info module without which the names of other objects are not read."""

# The ends of the filters for the lower limit and the upper limit of a property.
_UPPER_LIMITS = {"gt": "lt", "gte": "lte"}
_number_of_objects = in_range(1)


class Reader:
    """Reads objects of one kind for its _info module. Raises what Client.request raises.

    These options of the module have a meaning for all kinds: ``id`` and ``name`` select an object, ``limit`` is the
    maximum number of objects, and without ``resolve_names``, names of other objects are not returned. Filters of the
    list have Option.query.
    """

    def __init__(self, view: TenantView, kind: Kind) -> None:
        self.view = view
        self.kind = kind

    def get_info(self, params: Params) -> Row:
        """Return the values of the module: the object that the options select, or all objects."""
        if self.kind.shape is Shape.SINGLETON:
            found = self.read_object(params)
            return {self.kind.info_value: None if found is None else self.kind.to_result(found)}
        rows = self.complete(self.read_rows(params), params)
        if params.get(RESOLVE_NAMES) is not False:
            learn_names(self.view, self.kind.fields, rows)
        return {self.kind.info_value: self._with_related(rows, params)}

    def read_object(self, params: Params) -> Row | None:
        """Return the object of a singleton, or None if Esper does not have the object that the options select."""
        if query := self.query(params):
            return self._find_selected(query)
        return lookup_of(self.view, self.kind).find(params)

    def read_rows(self, params: Params) -> list[Row]:
        """Return the objects that the options select, in API format."""
        if params.get("id") is not None or params.get("name") is not None:
            row = lookup_of(self.view, self.kind).find(params)
            return [row] if row else []
        query, limit = self.query(params), params.get("limit")
        if limit is None:
            return self.view.list_objects(self.kind, query)
        if error := _number_of_objects(limit):
            raise InvalidParameter(f"The option limit {error}.")
        return self.view.first_objects(self.kind, limit, query)

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
        is_named = params.get(RESOLVE_NAMES) is not False
        hidden = {field.name for field in self.kind.fields if field.names is not None and not is_named}

        def to_result(row: Row) -> Row:
            values = {each.field.name: each.field.from_api(each.read(self.view, row, params)) for each in related}
            record = {**self.view.with_names(self.kind, self.kind.to_result(row)), **values}
            return {name: record[name] for name in record if name not in hidden} if hidden else record

        if not related:
            return list(map(to_result, rows))
        # The first object fills the cache with what all objects need, such as the list of all blueprints.
        first = [to_result(row) for row in rows[:1]]
        return first + list(in_parallel(self.view.client, to_result, rows[1:], CONCURRENCY))

    def _find_selected(self, query: Query) -> Row | None:
        """Return the object that a query selects, or None."""
        kind = self.kind
        row = self.view.client.find_object(
            kind.routes.object, query=query, key=None, purpose=f"Reading the {kind.title}"
        )
        return None if row is None else self.view.typed(kind, row)

    def query(self, params: Params) -> Query | None:
        """Return the query of the list for the filters that a task sets, None if it sets none. Raise InvalidParameter
        if the value of a filter is invalid, or no object can match two of them, and NotFound or Ambiguous for a
        name."""
        options = self.kind.info_module.options if self.kind.info_module else ()
        visits = walk(options, params, only=lambda option: isinstance(option, Option) and bool(option.query))
        given = [
            (path, option, value)
            for path, option, value in t.cast("t.Iterator[tuple[str, Option, t.Any]]", visits)
            if value is not None
        ]
        values = {option.query: self._query_value(path, option, value) for path, option, value in given}
        _check_ranges({option.query: (path, option, value) for path, option, value in given})
        return values or None

    def _query_value(self, path: str, option: Option, value: t.Any) -> t.Any:
        values = value if isinstance(value, list) else [value]
        if not values:
            raise InvalidParameter(f"The option {path} is empty. List a value, or omit the option.")
        if option.names is not None:
            lookup = lookup_of(self.view, option.names)
            lookup.prefetch(values)
            texts = list(dict.fromkeys(str(row[option.names.id_key]) for row in lookup.resolve_all(values)))
        else:
            try:
                texts = [option.to_query(each) for each in values]
            except ValueError as error:
                raise InvalidParameter(f"The option {path} {error}.") from None
        if not isinstance(value, list):
            return texts[0]
        if found := next((text for text in map(str, texts) if "," in text), ""):
            # Esper would split it.
            raise InvalidParameter(f"The option {path} must not contain a comma: '{found}'.")
        return ",".join(map(str, texts))

    def download(self, params: Params, *, check_mode: bool) -> Row:
        """Download files to this machine, if the module has options for that. Return values of the module, such as
        ``changed``."""
        return {}


def _check_ranges(filters: t.Mapping[str, tuple[str, Option, t.Any]]) -> None:
    """Raise InvalidParameter if a lower limit is above the upper limit of the same property."""
    for query, (low_path, option, low) in filters.items():
        name, _separator, suffix = query.rpartition("_")
        if suffix not in _UPPER_LIMITS or (upper := filters.get(f"{name}_{_UPPER_LIMITS[suffix]}")) is None:
            continue
        high_path, _option, high = upper
        limits = (utc_time(low), utc_time(high)) if option.to_query is to_utc else (low, high)
        if limits[0] > limits[1]:
            raise InvalidParameter(f"The option {low_path} must not exceed {high_path}: {low} is above {high}.")


def reader_of(view: TenantView, kind: Kind) -> Reader:
    """Return the reader of a kind in a view."""
    return t.cast("Reader", (kind.reader or Reader)(view, kind))
