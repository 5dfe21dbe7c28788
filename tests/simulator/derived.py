# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Behaviours derived from the contract, for operations that have no behaviour of their own.

A path that ends in a parameter leads to a row of the collection before it. A path that ends in a word leads to a
collection if it is listed or has rows below, else to a single object if it can be read, else to an action. What is
stored is what clients sent and what the schemas of the answers say beyond it; what is answered is cut to the schema.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from contract import Contract, Operation, Schema
from exchange import Answer, Behaviour, Call, Page, instant, listed, not_found, paged
from shapes import Listing, Shapes, Source
from storage import File
from tenant import Tenant, moment

Row = dict[str, Any]
# Adds to a stored row what is worked out whenever it is shown.
Shown = Callable[[Tenant, Row], Row]

# Examples in a collection that no client can add to.
_EXAMPLES = 2
_LEGACY_PAGE, _LEGACY_MAXIMUM = 20, 500
_PAGE, _MAXIMUM = 10, 1000

# Collections that show the rows of another one: the contract does not say so.
SAME_ROWS = {
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
# Collections whose rows have behaviours of their own, and where the tenant keeps them.
_KEPT: dict[str, Callable[[Tenant], Mapping[str, Any]]] = {
    "/enterprise/{enterprise_id}/device": lambda tenant: tenant.devices,
    "/v0/enterprise/{enterprise_id}/device": lambda tenant: tenant.devices,
    "/v1/enterprise/{enterprise_id}/device": lambda tenant: tenant.devices,
    "/device/v0/devices": lambda tenant: tenant.devices,
    "/v2/devices": lambda tenant: tenant.devices,
    "/enterprise/{enterprise_id}/devicegroup": lambda tenant: tenant.groups,
    "/enterprise/{enterprise_id}/group": lambda tenant: tenant.groups,
}
# Query parameters that compare a property, by their last word.
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "gt": lambda value, limit: bool(value > limit),
    "gte": lambda value, limit: bool(value >= limit),
    "lt": lambda value, limit: bool(value < limit),
    "lte": lambda value, limit: bool(value <= limit),
}
# Properties of which a query parameter finds any part, in any case.
_BY_PART = ("name", "label", "package_name", "app_name")
# Properties that have a row's id though nothing says so.
_ID_NAMES = {"/pipelines/v0/stageruns/{stage_run_id}/targetruns/{target_run_id}/command": "request_id"}
# Query parameters about a property of another name.
_PARAMETERS = {"legacy_user_id": "id", "exact_esper_name": "esper_name"}
# Properties that hold a file's link, name, size in bytes, size in kilobytes, and SHA-256.
_FILE_PROPERTIES: tuple[tuple[tuple[str, ...], Callable[[File], Any]], ...] = (
    (("name", "file_name", "app_name"), lambda file: file.name),
    (("size", "file_size"), lambda file: file.size),
    (("file_size_in_kb",), lambda file: -(-file.size // 1024)),
    (("hash", "sha256_hash", "app_sha256_hash"), lambda file: file.sha256),
)


@dataclass(frozen=True)
class Place:
    """Where a path leads: to a collection, below rows of others, and perhaps to one row of it.

    `above` has the other collections with the parameters that name their rows; `item` names the row itself.
    """

    collection: str
    above: tuple[tuple[str, str], ...]
    item: str | None

    @classmethod
    def of(cls, path: str) -> Place:
        """The place of a path of the contract. The enterprise is no collection: there is only one."""
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
    """All that the contract says of the rows of one collection."""

    collection: str
    operations: Sequence[tuple[Operation, Place]]
    shapes: Shapes

    @cached_property
    def has_items(self) -> bool:
        """Whether there are paths to single rows."""
        return any(place.item for _operation, place in self.operations)

    @cached_property
    def is_listed(self) -> bool:
        """Whether some GET lists the rows."""
        return any(self.listing(operation) for operation, place in self.operations if place.item is None)

    @cached_property
    def is_collection(self) -> bool:
        """Whether there may be several rows."""
        return self.has_items or self.is_listed

    @cached_property
    def is_writable(self) -> bool:
        """Whether clients can add a row, or set the only one."""
        methods = ("POST",) if self.is_collection else ("POST", "PUT", "PATCH")
        return any(operation.method in methods for operation, place in self.operations if place.item is None)

    @cached_property
    def schema(self) -> Schema:
        """What a row has, as far as any answer shows it; an answer about a single row knows best."""
        properties: dict[str, Schema] = {}
        for operation, _place in sorted(self.operations, key=lambda pair: (pair[0].method != "GET", not pair[1].item)):
            for name, spec in self.shapes.row(operation.success[1]).items():
                properties.setdefault(name, spec)
        return {"type": "object", "properties": properties}

    @cached_property
    def id_names(self) -> Sequence[str]:
        """The properties that have a row's id, the first of which may be one that no answer shows."""
        items = dict.fromkeys(_snake(place.item) for _operation, place in self.operations if place.item)
        known = ("id", *items, _ID_NAMES.get(self.collection, ""))
        names = [name for name in known if name in self.schema["properties"]]
        return names or ["id"]

    @property
    def id_name(self) -> str:
        """The property by which rows are known."""
        return self.id_names[0]

    def new_key(self, tenant: Tenant) -> str | int:
        """An id for another row, of the type that the contract gives it."""
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
        """How the operation lists rows, if it does."""
        schema = operation.success[1]
        return self.shapes.listing(schema) if operation.method == "GET" and schema is not None else None


class Derivation:
    """The behaviours that follow from a contract; `shown` has the exceptions to how rows are shown, by collection."""

    def __init__(self, contract: Contract, shown: Mapping[str, Shown]) -> None:
        self._shapes = Shapes(contract)
        self._shown = shown
        self._behaviours: dict[Operation, Behaviour] = {}
        operations: defaultdict[str, list[tuple[Operation, Place]]] = defaultdict(list)
        for operation in contract.operations():
            place = Place.of(operation.path)
            operations[_home(place.collection)].append((operation, place))
        self._resources = {name: Resource(name, pairs, self._shapes) for name, pairs in operations.items()}

    def behaviour(self, operation: Operation) -> Behaviour:
        """What the operation does."""
        if operation not in self._behaviours:
            self._behaviours[operation] = self._derive(operation)
        return self._behaviours[operation]

    def _derive(self, operation: Operation) -> Behaviour:
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
        if "limit" not in request.call.query and ("limit", "query") not in request.operation.parameters:
            page = Page(rows, len(rows), None, None)
        else:
            page = paged(request.call, rows, *_limits(request.operation))
        return self._answer(request, page.items, page)

    def _read(self, request: _Request) -> Answer:
        row = self._computed(request, self._row(request))
        if not request.resource.is_collection:
            # Of a single object it is the query that says which one is asked for.
            row = row | {name: value for name, value in request.call.query.items() if name in row}
        return self._answer(request, [row])

    def _create(self, request: _Request) -> Answer:
        source = Source(request.tenant, request.tenant.now())
        row = self._add(request.tenant, request.resource, request.sent, source, self._owner(request), request)
        return self._answer(request, [self._computed(request, row)])

    def _replace(self, request: _Request) -> Answer:
        """What the body may say and does not is as it is in a new row."""
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
        self._remove(request.tenant, request.resource.collection, _key(row, request.resource))
        return self._answer(request, [shown])

    def _act(self, request: _Request) -> Answer:
        """An action answers with an example that has what was sent."""
        self._owner(request)
        example = self._shapes.new(request.resource.schema, Source(request.tenant, request.tenant.now(), 1))
        return self._answer(request, [{**example, **request.sent}])

    def _changed(self, request: _Request, row: Row, source: Source) -> Answer:
        fixed = {*request.resource.id_names, *_TIMES}
        row.update((name, value) for name, value in request.sent.items() if name not in fixed)
        row.update((name, source.now) for name in _UPDATED if name in row)
        return self._answer(request, [self._computed(request, row)])

    def _owner(self, request: _Request) -> str:
        """The id of the row above, if all rows above exist; "" if there is none."""
        owner = ""
        for collection, name in request.place.above:
            owner, _row = self._find(request, collection, name, owner)
        return owner

    def _find(self, request: _Request, collection: str, name: str, owner: str) -> tuple[str, Any]:
        """The row that a parameter of the path names, and its key; by its id, or by the property of that name."""
        tenant, key = request.tenant, request.call.values[name].lower()
        resource = self._resources.get(_home(collection))
        table: Mapping[str, Any]
        if collection in _KEPT:
            table = _KEPT[collection](tenant)
        elif resource is None:
            # No operation tells which rows there are.
            return key, None
        elif not (resource.is_listed or resource.is_writable):
            return key, self._example(tenant, resource, key)
        else:
            self._fill(tenant, resource, owner)
            table = tenant.objects[resource.collection]
            if key not in table:
                key = next((other for other, row in table.items() if row.get(_snake(name)) == key), key)
        if key not in table or (owner and tenant.owners.get(key, owner) != owner):
            raise not_found()
        return key, table[key]

    def _row(self, request: _Request) -> Row:
        """The row that the path names; without a name, the last one that the query is about, or the only one."""
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
        table = tenant.objects[resource.collection]
        return [row for key, row in table.items() if not owner or tenant.owners.get(key) == owner]

    def _fill(self, tenant: Tenant, resource: Resource, owner: str) -> None:
        """Give a collection that no client can add to its examples, and a single object its first state."""
        table = tenant.objects[resource.collection]
        if resource.is_collection:
            lacks = not resource.is_writable and (resource.has_items or not owner)
            numbers = range(1, _EXAMPLES + 1) if lacks else range(0)
        else:
            numbers = range(1) if resource.is_writable else range(1, 2)
        if numbers and not any(not owner or tenant.owners.get(key) == owner for key in table):
            for number in numbers:
                self._add(tenant, resource, {}, Source(tenant, tenant.now(), number), owner)

    def _example(self, tenant: Tenant, resource: Resource, key: str) -> Row:
        table = tenant.objects[resource.collection]
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
        tenant.objects[resource.collection][key] = row
        if owner:
            tenant.owners[key] = owner
        return row

    def _remove(self, tenant: Tenant, collection: str, key: str) -> None:
        """The row is gone, and so is all that lies below it."""
        del tenant.objects[collection][key]
        tenant.owners.pop(key, None)
        for below in [below for below, owner in tenant.owners.items() if owner == key]:
            for name in [name for name, table in tenant.objects.items() if below in table]:
                self._remove(tenant, name, below)

    def _computed(self, request: _Request, row: Row) -> Row:
        show = self._shown.get(request.resource.collection)
        return show(request.tenant, row) if show else row

    def _answer(self, request: _Request, rows: Sequence[Row], page: Page | None = None) -> Answer:
        """The rows as the contract describes the answer."""
        status, schema = request.operation.success
        if schema is None:
            return Answer(status=status)
        bodies = [self._body(request, branch, rows, page) for branch in self._shapes.branches(schema)]
        return Answer(next((body for body in bodies if self._shapes.allows(schema, body)), bodies[0]), status)

    def _body(self, request: _Request, schema: Schema, rows: Sequence[Row], page: Page | None) -> Any:
        """The rows in the envelope that the schema describes. What a row lacks is the same each time it is shown."""
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
    """A call of an operation, and where it leads."""

    operation: Operation
    place: Place
    resource: Resource
    tenant: Tenant
    call: Call

    @cached_property
    def sent(self) -> Row:
        """The properties that the client sent; of files, what a row has of them."""
        body = self.call.body
        if not isinstance(body, dict):
            return {}
        return _with_files(self, body) if self.operation.form else body


_UPDATED = ("updated_at", "updated_on")
_TIMES = ("created_at", "created_on", *_UPDATED)


def _home(collection: str) -> str:
    return SAME_ROWS.get(collection, collection)


def _parameter(segment: str) -> str | None:
    return segment[1:-1] if segment.startswith("{") else None


def _snake(name: str | None) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name or "").lower()


def _key(row: Row, resource: Resource) -> str:
    return str(row[resource.id_name]).lower()


def _limits(operation: Operation) -> tuple[int, int]:
    """The size of a page, and the largest one that is given."""
    spec = operation.parameters["limit", "query"]["schema"]
    is_legacy = operation.document in ("legacy", "v1") or operation.path.startswith("/v0/enterprise/")
    page, maximum = (_LEGACY_PAGE, _LEGACY_MAXIMUM) if is_legacy else (_PAGE, _MAXIMUM)
    return spec.get("default", page), spec.get("maximum", maximum)


def _envelope(properties: Mapping[str, Schema], page: Page, call: Call) -> dict[str, Any]:
    """What a list says beside its rows."""
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
        base, _, comparison = name.rpartition("_")
        if name == "ids":
            if str(row.get(request.resource.id_name)).lower() not in listed(text):
                return False
        elif name == "search":
            if not any(text.lower() in value.lower() for value in row.values() if isinstance(value, str)):
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
        return compare(instant(name, value), instant(name, text))
    return value is not None and compare(value, float(text))


def _sort(rows: list[Row], query: Mapping[str, str]) -> None:
    """By one property; rows without a value come first, as in the order of devices."""
    ordering = query.get("ordering", query.get("sort", ""))
    name = ordering.lstrip("-")
    if name:
        rows.sort(key=lambda row: (row.get(name) is not None, str(row.get(name))), reverse=ordering.startswith("-"))


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
    """What is known of the object that an id stands for, in the words of those who refer to it."""
    if device := tenant.devices.get(key):
        return {"device_name": device.name, "alias_name": device.alias}
    if group := tenant.groups.get(key):
        return {"name": group.name, "path": tenant.path(group)}
    return next((table[key] for table in tenant.objects.values() if key in table), {})
