# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Derive behaviors from the contract, for operations that have no behavior of their own.

A path that ends in a parameter addresses a row of a collection. A path that ends in a word addresses a collection if it
has a list or rows, otherwise a single object if it has a GET, otherwise an action. A stored row has the properties that
the client sent, and initial values for all others in the schemas of the responses. A response has only the properties
in its schema. CHOICES.md lists the rules.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from contract import Contract, Operation, Schema
from exchange import Answer, Behavior, Call, Page, instant, listed, not_found, paged, refuse
from shapes import Listing, Shapes, Source
from storage import File
from tenant import Tenant, moment

Row = dict[str, Any]
# Adds calculated properties to a stored row.
Shown = Callable[[Tenant, Row], Row]

# Number of examples in a collection without a create operation.
_EXAMPLES = 2
_LEGACY_PAGE, _LEGACY_MAXIMUM = 20, 500
_PAGE, _MAXIMUM = 10, 1000

# Collections that share the rows of another collection. The contract does not say so.
_SAME_ROWS = {
    "/v0/enterprise/{enterprise_id}/create-apply-geo-fence": "/v0/enterprise/{enterprise_id}/geofence",
    "/v0/enterprise/{enterprise_id}/create-apply-geofence": "/v0/enterprise/{enterprise_id}/geofence",
    "/enterprise/{enterprise_id}/devicegroup/{group_id}/blueprint/upload": (
        "/enterprise/{enterprise_id}/devicegroup/{group_id}/blueprint"
    ),
    "/enterprise/{enterprise_id}/devicegroup/{group_id}/blueprint/restore": (
        "/enterprise/{enterprise_id}/devicegroup/{group_id}/blueprint"
    ),
    "/authn2/v0/tenant/{enterprise_id}/user": "/user",
    "/authn2/v0/user": "/user",
    "/authn2/v1/users": "/user",
    "/authz2/v1/users": "/user",
    "/pipelines/v0/runs": "/pipelines/v0/pipelines/{pipeline_id}/runs",
    "/pipelines/v0/stages": "/pipelines/v0/pipelines/{pipeline_id}/stages",
    "/pipelines/v0/operationlists": "/pipelines/v0/stages/{stage_id}/operationlists",
    "/pipelines/v0/stageruns": "/pipelines/v0/runs/{pipeline_run_id}/stageruns",
}
# Collections whose rows have behaviors of their own, and their tables.
_KEPT: dict[str, Callable[[Tenant], Mapping[str, Any]]] = {
    "/enterprise/{enterprise_id}/device": lambda tenant: tenant.devices,
    "/v0/enterprise/{enterprise_id}/device": lambda tenant: tenant.devices,
    "/v1/enterprise/{enterprise_id}/device": lambda tenant: tenant.devices,
    "/device/v0/devices": lambda tenant: tenant.devices,
    "/v2/devices": lambda tenant: tenant.devices,
    "/enterprise/{enterprise_id}/devicegroup": lambda tenant: tenant.groups,
    "/enterprise/{enterprise_id}/group": lambda tenant: tenant.groups,
}
# Tables of collections that other behaviors use under a shorter name.
_TABLES = {"/enterprise/{enterprise_id}/tags": "tags"}
# Suffixes of query parameters that compare a property.
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "gt": lambda value, limit: bool(value > limit),
    "gte": lambda value, limit: bool(value >= limit),
    "lt": lambda value, limit: bool(value < limit),
    "lte": lambda value, limit: bool(value <= limit),
}
# Query parameters that find any part of the property, in any case.
_BY_PART = ("name", "label", "package_name", "app_name")
# Properties that hold the ID of a row though their name does not show it.
_ID_NAMES = {"/pipelines/v0/stageruns/{stage_run_id}/targetruns/{target_run_id}/command": "request_id"}
# Query parameters that filter by a property of another name.
_PARAMETERS = {"legacy_user_id": "id", "exact_esper_name": "esper_name"}
# Properties that describe an uploaded file.
_FILE_PROPERTIES: tuple[tuple[tuple[str, ...], Callable[[File], Any]], ...] = (
    (("name", "file_name", "app_name"), lambda file: file.name),
    (("size", "file_size"), lambda file: file.size),
    (("file_size_in_kb",), lambda file: -(-file.size // 1024)),
    (("hash", "sha256_hash", "app_sha256_hash"), lambda file: file.sha256),
)


@dataclass(frozen=True)
class Place:
    """The target of a path: a collection, and a row of it if `item` is the parameter with its ID.

    `above` has the parent collections, each with the parameter that has the ID of the parent.
    """

    collection: str
    above: tuple[tuple[str, str], ...]
    item: str | None

    @classmethod
    def of(cls, path: str) -> Place:
        """Return the place of a path. The enterprise is no parent: there is only one."""
        segments = path.rstrip("/").split("/")
        item = None if segments[-1] == "{enterprise_id}" else _parameter(segments[-1])
        above = [
            ("/".join(segments[:number]), name)
            for number, segment in enumerate(segments[: -1 if item else None])
            if (name := _parameter(segment)) and name != "enterprise_id"
        ]
        return cls("/".join(segments[:-1] if item else segments), tuple(above), item)


@dataclass(frozen=True, eq=False)
class Resource:
    """The operations of one collection or single object, and the schema of its rows."""

    collection: str
    operations: Sequence[tuple[Operation, Place]]
    shapes: Shapes

    @property
    def table(self) -> str:
        """Name of the table in the tenant."""
        return _TABLES.get(self.collection, self.collection)

    @cached_property
    def has_parent(self) -> bool:
        """Return whether the rows belong to rows of another collection."""
        return bool(Place.of(f"{self.collection}/").above)

    @cached_property
    def has_items(self) -> bool:
        """Return whether the rows have paths of their own."""
        return any(place.item for _operation, place in self.operations)

    @cached_property
    def is_listed(self) -> bool:
        """Return whether a GET request lists the rows."""
        return any(self.listing(operation) for operation, place in self.operations if place.item is None)

    @cached_property
    def is_collection(self) -> bool:
        """Return whether the path addresses a collection, not a single object."""
        return self.has_items or self.is_listed

    @cached_property
    def is_writable(self) -> bool:
        """Return whether clients can create rows, or change the single object."""
        methods = ("POST",) if self.is_collection else ("POST", "PUT", "PATCH")
        return any(operation.method in methods for operation, place in self.operations if place.item is None)

    @cached_property
    def schema(self) -> Schema:
        """The properties in all responses; those in the response that reads a single row come first."""
        properties: dict[str, Schema] = {}
        for operation, _place in sorted(self.operations, key=lambda pair: (pair[0].method != "GET", not pair[1].item)):
            for name, spec in self.shapes.row(operation.success[1]).items():
                properties.setdefault(name, spec)
        return {"type": "object", "properties": properties}

    @cached_property
    def id_names(self) -> Sequence[str]:
        """The properties that hold the ID of a row. If no response has one, rows are stored with `id`."""
        items = dict.fromkeys(_snake(place.item) for _operation, place in self.operations if place.item)
        known = ("id", *items, _ID_NAMES.get(self.collection, ""))
        names = [name for name in known if name in self.schema["properties"]]
        return names or ["id"]

    @property
    def id_name(self) -> str:
        """The property that is the key of the table."""
        return self.id_names[0]

    def new_key(self, tenant: Tenant) -> str | int:
        """Return the ID for a new row, in the type of the contract."""
        spec = self.shapes.plain(self.schema["properties"].get(self.id_name, {}))
        types = [
            operation.parameters[place.item, "path"]["schema"].get("type")
            for operation, place in self.operations
            if place.item
        ]
        if spec.get("type", "integer" if "integer" in types else "string") in ("integer", "number"):
            return tenant.new_number()
        return str(tenant.new_number()) if types and set(types) == {"integer"} else tenant.new_id()

    def listing(self, operation: Operation) -> Listing | None:
        """Return the place of the rows if the operation is a list."""
        schema = operation.success[1]
        return self.shapes.listing(schema) if operation.method == "GET" and schema is not None else None


class Derivation:
    """The derived behaviors of a contract; `shown` adds calculated properties to the rows of some collections."""

    def __init__(self, contract: Contract, shown: Mapping[str, Shown]) -> None:
        self._shapes = Shapes(contract)
        self._shown = shown
        self._behaviors: dict[Operation, Behavior] = {}
        operations: defaultdict[str, list[tuple[Operation, Place]]] = defaultdict(list)
        for operation in contract.operations():
            place = Place.of(operation.path)
            operations[_home(place.collection)].append((operation, place))
        self._resources = {name: Resource(name, pairs, self._shapes) for name, pairs in operations.items()}

    def behavior(self, operation: Operation) -> Behavior:
        """Return the behavior of the operation."""
        if operation not in self._behaviors:
            self._behaviors[operation] = self._derive(operation)
        return self._behaviors[operation]

    def _derive(self, operation: Operation) -> Behavior:
        place = Place.of(operation.path)
        resource = self._resources[_home(place.collection)]
        if place.item:
            work = {"GET": self._read, "PUT": self._replace, "PATCH": self._merge, "DELETE": self._delete}
        elif resource.is_collection:
            listing = resource.listing(operation)
            read = self._list if listing else self._read
            work = {"GET": read, "POST": self._create, "PUT": self._replace, "DELETE": self._delete}
        elif any(other.method == "GET" for other, _place in resource.operations):
            work = {"GET": self._read, "PUT": self._replace, "POST": self._replace, "PATCH": self._merge}
        else:
            work = dict.fromkeys(("POST", "PUT"), self._act)
        act = work[operation.method]
        return lambda tenant, call: act(_Request(operation, place, resource, tenant, call))

    def _list(self, request: _Request) -> Answer:
        rows = [self._computed(request, row) for row in self._rows(request, self._owner(request))]
        rows = [row for row in rows if _matches(row, request)]
        _sort(rows, request.call.query)
        if ("offset", "query") in request.operation.parameters:
            page = paged(request.call, rows, *_limits(request.operation))
        else:
            page = Page(rows, len(rows), None, None)
        return self._answer(request, page.items, page)

    def _read(self, request: _Request) -> Answer:
        row = self._computed(request, self._row(request))
        if not request.resource.is_collection:
            # The query selects the object, as in /v2/oem-config-schema.
            row = row | {name: value for name, value in request.call.query.items() if name in row}
        return self._answer(request, [row])

    def _create(self, request: _Request) -> Answer:
        source = Source(request.tenant, request.tenant.now())
        row = self._add(request.tenant, request.resource, request.sent, source, self._owner(request), request)
        return self._answer(request, [self._computed(request, row)])

    def _replace(self, request: _Request) -> Answer:
        """Change the properties in the body, and reset those that the body omits."""
        source = Source(request.tenant, request.tenant.now())
        blank = self._shapes.new(request.resource.schema, source)
        sendable = self._shapes.plain(request.operation.body or request.operation.form or {}).get("properties", {})
        row = self._row(request)
        fixed = {*request.resource.id_names, *_TIMES}
        row.update((name, blank[name]) for name in sendable if name in blank and name not in fixed)
        return self._changed(request, row, source)

    def _merge(self, request: _Request) -> Answer:
        return self._changed(request, self._row(request), Source(request.tenant, request.tenant.now()))

    def _delete(self, request: _Request) -> Answer:
        row = self._row(request)
        shown = self._computed(request, row)
        self._remove(request.tenant, request.resource.table, _key(row, request.resource))
        return self._answer(request, [shown])

    def _act(self, request: _Request) -> Answer:
        """Return an example that contains the values of the body; an action changes nothing."""
        self._owner(request)
        example = self._shapes.new(request.resource.schema, Source(request.tenant, request.tenant.now(), 1))
        return self._answer(request, [{**example, **request.sent}])

    def _changed(self, request: _Request, row: Row, source: Source) -> Answer:
        fixed = {*request.resource.id_names, *_TIMES}
        row.update((name, value) for name, value in request.sent.items() if name not in fixed)
        row.update((name, source.now) for name in _UPDATED if name in row)
        return self._answer(request, [self._computed(request, row)])

    def _owner(self, request: _Request) -> str:
        """Return the ID of the parent, "" without one. Reject the request if a parent does not exist."""
        owner = ""
        for collection, name in request.place.above:
            owner, _row = self._find(request, collection, name, owner)
        return owner

    def _find(self, request: _Request, collection: str, name: str, owner: str) -> tuple[str, Any]:
        """Return the key and the row for a parameter of the path, which is the ID or a property of the same name."""
        tenant, key = request.tenant, request.call.values[name].lower()
        resource = self._resources.get(_home(collection))
        table: Mapping[str, Any]
        if collection in _KEPT:
            table = _KEPT[collection](tenant)
        elif resource is None:
            # The contract has no operation on the rows.
            return key, None
        elif not (resource.is_listed or resource.is_writable):
            return key, self._example(tenant, resource, key)
        else:
            self._fill(tenant, resource, owner)
            table = tenant.objects[resource.table]
            if key not in table:
                key = next((other for other, row in table.items() if row.get(_snake(name)) == key), key)
        if key not in table or (owner and tenant.owners.get(key, owner) != owner):
            raise not_found()
        return key, table[key]

    def _row(self, request: _Request) -> Row:
        """Return the row in the path; without one, the last row that matches the query, or the single object."""
        owner = self._owner(request)
        if request.place.item:
            row: Row = self._find(request, request.place.collection, request.place.item, owner)[1]
            return row
        rows = self._rows(request, owner)
        if request.resource.is_collection:
            rows = [row for row in rows if _matches(row, request)]
        if not rows:
            raise not_found()
        return rows[-1]

    def _rows(self, request: _Request, owner: str) -> list[Row]:
        tenant, resource = request.tenant, request.resource
        self._fill(tenant, resource, owner)
        table = tenant.objects[resource.table]
        return [row for key, row in table.items() if not owner or tenant.owners.get(key) == owner]

    def _fill(self, tenant: Tenant, resource: Resource, owner: str) -> None:
        """Create the examples of a collection without a create operation, and the first state of a single object."""
        if (resource.table, owner) in tenant.filled or resource.has_parent != bool(owner):
            return
        tenant.filled.add((resource.table, owner))
        if resource.is_collection:
            has_examples = not resource.is_writable and (resource.has_items or not owner)
            numbers = range(1, _EXAMPLES + 1) if has_examples else range(0)
        else:
            numbers = range(1) if resource.is_writable else range(1, 2)
        if numbers and not any(not owner or tenant.owners.get(key) == owner for key in tenant.objects[resource.table]):
            for number in numbers:
                self._add(tenant, resource, {}, Source(tenant, tenant.now(), number), owner)

    def _example(self, tenant: Tenant, resource: Resource, key: str) -> Row:
        table = tenant.objects[resource.table]
        if key not in table:
            table[key] = {**self._shapes.new(resource.schema, Source(tenant, tenant.now(), 1)), resource.id_name: key}
        example: Row = table[key]
        return example

    def _add(
        self,
        tenant: Tenant,
        resource: Resource,
        values: Mapping[str, Any],
        source: Source,
        owner: str,
        request: _Request | None = None,
    ) -> Row:
        row: Row = {**self._shapes.new(resource.schema, source), **values}
        for _collection, name in request.place.above if request else ():
            for property_name in (_snake(name), _snake(name).removesuffix("_id")):
                if request and property_name in resource.schema["properties"] and property_name not in values:
                    row[property_name] = request.call.values[name]
        if resource.is_collection:
            row.update(dict.fromkeys(resource.id_names, resource.new_key(tenant)))
        key = _key(row, resource) if resource.is_collection else f"{owner}{resource.collection}"
        tenant.objects[resource.table][key] = row
        if owner:
            tenant.owners[key] = owner
        return row

    def _remove(self, tenant: Tenant, table: str, key: str) -> None:
        """Delete the row and all rows that belong to it."""
        del tenant.objects[table][key]
        tenant.owners.pop(key, None)
        for below in [below for below, owner in tenant.owners.items() if owner == key]:
            for name in [name for name, rows in tenant.objects.items() if below in rows]:
                self._remove(tenant, name, below)

    def _computed(self, request: _Request, row: Row) -> Row:
        show = self._shown.get(request.resource.collection)
        return show(request.tenant, row) if show else row

    def _answer(self, request: _Request, rows: Sequence[Row], page: Page | None = None) -> Answer:
        """Return the rows in the response of the operation."""
        status, schema = request.operation.success
        if schema is None:
            return Answer(status=status)
        bodies = [self._body(request, branch, rows, page) for branch in self._shapes.branches(schema)]
        return Answer(next((body for body in bodies if self._shapes.allows(schema, body)), bodies[0]), status)

    def _body(self, request: _Request, schema: Schema, rows: Sequence[Row], page: Page | None) -> Any:
        """Return the rows in the envelope of the schema. Values that a row lacks are the same in each response."""
        source = Source(request.tenant, moment(0))

        def fit(spec: Schema, value: Any) -> Any:
            return self._shapes.fit(spec, value, source, lambda key: _referred(request.tenant, key))

        path, inner = self._shapes.content(schema)
        listing = self._shapes.listing(schema)
        if listing is None:
            body = fit(inner, rows[0])
        else:
            body = items = [fit(listing.items, row) for row in rows]
            if listing.name:
                page = page or Page(items, len(items), None, None)
                body = _envelope(self._shapes.plain(inner)["properties"], page, request.call) | {listing.name: items}
        for name in reversed(path):
            body = {name: body}
        names = self._shapes.plain(schema).get("properties", {})
        about = {"code": request.operation.success[0], "message": "success"}
        if isinstance(body, dict):
            body |= {name: fit(names[name], about[name]) for name in about if name in names and name not in body}
        return body


@dataclass(frozen=True)
class _Request:
    """A call of an operation, and the place that it addresses."""

    operation: Operation
    place: Place
    resource: Resource
    tenant: Tenant
    call: Call

    @cached_property
    def sent(self) -> Row:
        """The properties in the body; for files, the properties that describe them."""
        body = self.call.body
        if not isinstance(body, dict):
            return {}
        return _with_files(self, body) if self.operation.form else body


_UPDATED = ("updated_at", "updated_on")
_TIMES = ("created_at", "created_on", *_UPDATED)


def _home(collection: str) -> str:
    return _SAME_ROWS.get(collection, collection)


def _parameter(segment: str) -> str | None:
    return segment[1:-1] if segment.startswith("{") else None


def _snake(name: str | None) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name or "").lower()


def _key(row: Row, resource: Resource) -> str:
    return str(row[resource.id_name]).lower()


def _limits(operation: Operation) -> tuple[int, int]:
    """Return the default and the maximum size of a page."""
    spec = operation.parameters.get(("limit", "query"), {}).get("schema", {})
    is_legacy = operation.document in ("legacy", "v1") or operation.path.startswith("/v0/enterprise/")
    page, maximum = (_LEGACY_PAGE, _LEGACY_MAXIMUM) if is_legacy else (_PAGE, _MAXIMUM)
    return spec.get("default", page), spec.get("maximum", maximum)


def _envelope(properties: Mapping[str, Schema], page: Page, call: Call) -> dict[str, Any]:
    """Return the properties of a list except its rows."""
    envelope: dict[str, Any] = {name: page.count for name in ("count", "total") if name in properties}
    if "include_count" not in call.query and "null" in properties.get("count", {}).get("type", ()):
        envelope["count"] = None
    for name, link in (("next", page.next), ("previous", page.previous), ("prev", page.previous)):
        if name in properties:
            envelope[name] = link or (None if "null" in properties[name].get("type", ()) else "")
    return envelope


def _matches(row: Row, request: _Request) -> bool:
    for parameter, text in request.call.query.items():
        name = _PARAMETERS.get(parameter, parameter)
        base, _separator, comparison = name.rpartition("_")
        if name == "ids":
            if str(row.get(request.resource.id_name)).lower() not in listed(text):
                return False
        elif name == "search":
            texts = (value for key, value in row.items() if key not in request.resource.id_names)
            if not any(text.lower() in value.lower() for value in texts if isinstance(value, str)):
                return False
        elif comparison in _COMPARISONS and base in row:
            if not _compares(name, row[base], text, _COMPARISONS[comparison]):
                return False
        elif name in row and not _equals(name, row[name], text):
            return False
    return True


def _equals(name: str, value: Any, text: str) -> bool:
    if name in _BY_PART:
        return text.lower() in str(value).lower()
    if isinstance(value, list):
        return not listed(text).isdisjoint(str(item).lower() for item in value)
    return str(value).lower() == text.lower()


def _compares(name: str, value: Any, text: str, compare: Callable[[Any, Any], bool]) -> bool:
    if isinstance(value, str):
        limit = instant(name, text)
        return value != "" and compare(instant(name, value), limit)
    try:
        return isinstance(value, int | float) and compare(value, float(text))
    except ValueError:
        raise refuse(name, "A valid number is required.") from None


def _sort(rows: list[Row], query: Mapping[str, str]) -> None:
    """Sort by the property in the query. Rows without a value come first, as in the list of devices."""
    ordering = query.get("ordering", query.get("sort", ""))
    name = ordering.lstrip("-")
    if name:
        rows.sort(key=lambda row: _order(row.get(name)), reverse=ordering.startswith("-"))


def _order(value: Any) -> tuple[int, float, str]:
    """Return the sort key of a value: none, numbers, then text."""
    if value is None:
        return 0, 0, ""
    return (1, value, "") if isinstance(value, int | float) else (2, 0, str(value))


def _with_files(request: _Request, form: Mapping[str, str | File]) -> Row:
    tenant, properties = request.tenant, request.resource.schema["properties"]
    row: Row = {}
    for name, part in form.items():
        if not isinstance(part, File):
            row[name] = part
            continue
        key = f"derived/{tenant.new_id()}"
        tenant.storage.put(key, part)
        links = (name, f"{name}_url", "download_url", "app_download_url")
        about: Iterable[tuple[str, Any]] = [
            *((link, tenant.storage.link(request.call.host, key)) for link in links if link in properties),
            *((known, value(part)) for names, value in _FILE_PROPERTIES for known in names if known in properties),
        ]
        row.update((known, value) for known, value in about if known not in form or known == name)
    return row


def _referred(tenant: Tenant, key: str) -> Row:
    """Return the object that has the ID, with the property names that references use."""
    if device := tenant.devices.get(key):
        return {"device_name": device.name, "alias_name": device.alias}
    if group := tenant.groups.get(key):
        return {"name": group.name, "path": tenant.path(group)}
    return next((table[key] for table in tenant.objects.values() if key in table), {})
