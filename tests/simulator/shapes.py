# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Create values from the schemas of the contract: new objects, examples, and stored objects as responses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import orjson
from contract import Contract, Schema
from exchange import ORIGIN, enterprise_url
from tenant import Tenant

# No value, as opposed to null.
ABSENT = object()
# Schemas may refer to themselves.
_DEPTH = 8

_TIMES = ("created_at", "created_on", "updated_at", "updated_on")
_PERSONS = ("created_by", "updated_by")
_MOMENTS = ("date-time", "timestamp")


@dataclass(frozen=True)
class Listing:
    """The property that holds the rows of a list, None for a bare array, and the schema of a row."""

    name: str | None
    items: Schema


@dataclass(frozen=True)
class Source:
    """The source of values for one new object: the tenant, the time, and the number of an example (0: no example)."""

    tenant: Tenant
    now: str
    number: int = 0


class Shapes:
    """The schemas of one contract."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._resolved: dict[str, Schema] = {}

    def plain(self, schema: Schema) -> Schema:
        """Return the schema with its reference resolved."""
        while reference := schema.get("$ref"):
            if reference not in self._resolved:
                self._resolved[reference] = self._contract.resolve(schema)
            schema = self._resolved[reference]
        return schema

    def branches(self, schema: Schema) -> Sequence[Schema]:
        """Return the alternatives of `oneOf` or `anyOf`, or the schema alone."""
        whole = self.plain(schema)
        return whole.get("oneOf") or whole.get("anyOf") or [whole]

    def allows(self, schema: Schema, value: Any) -> bool:
        """Return whether a response may contain the value."""
        return self._contract.allows(schema, value)

    def content(self, schema: Schema) -> tuple[tuple[str, ...], Schema]:
        """Return the path to the content of an envelope, and the schema of the content."""
        schema = self._first(schema)
        properties = schema.get("properties", {})
        inner = [name for name in ("content", "schema") if name in properties]
        if not inner or not properties.keys() <= {*inner, "code", "message"}:
            return (), schema
        path, schema = self.content(properties[inner[0]])
        return (inner[0], *path), schema

    def listing(self, schema: Schema) -> Listing | None:
        """Return the place of the rows if the schema describes a list."""
        schema = self._first(self.content(schema)[1])
        if "items" in schema:
            return Listing(None, schema["items"])
        properties = {name: self.plain(spec) for name, spec in schema.get("properties", {}).items()}
        arrays = [name for name, spec in properties.items() if "items" in spec]
        if "results" in arrays or (len(arrays) == 1 and (len(properties) == 1 or "count" in properties)):
            name = "results" if "results" in arrays else arrays[0]
            return Listing(name, properties[name]["items"])
        return None

    def row(self, schema: Schema | None) -> Mapping[str, Schema]:
        """Return the properties of the object, or of the rows of the list, that the schema describes."""
        whole, branches = self.plain(schema or {}), self.branches(schema or {})
        if len(branches) > 1:
            return {name: spec for branch in reversed(branches) for name, spec in self.row(branch).items()}
        listing = self.listing(whole)
        inner = self.plain(listing.items if listing else self.content(whole)[1])
        if "properties" in inner:
            return dict(inner["properties"])
        return self.row(inner) if inner is not whole and inner else {}

    def new(self, schema: Schema, source: Source, name: str = "", depth: int = 0) -> Any:
        """Return the initial value of a property that the client did not set, or an example; ABSENT if it has none."""
        whole = self._first(schema)
        types, properties = _types(whole), whole.get("properties", {})
        if name in _TIMES and (whole.get("format") in _MOMENTS or "string" in types):
            return source.now
        known = _known(source.tenant, name, whole)
        if known is not ABSENT:
            return known
        for value in _given(whole, source.number):
            return value
        if "null" in types and not source.number:
            return None
        if properties or "object" in types:
            if depth > _DEPTH:
                return {}
            values = {key: self.new(spec, source, key, depth + 1) for key, spec in properties.items()}
            return {key: value for key, value in values.items() if value is not ABSENT}
        if "array" in types or "items" in whole:
            item = self.new(whole.get("items", {}), source, name, depth + 1) if source.number else ABSENT
            return [] if item is ABSENT or depth > _DEPTH else [item]
        return _scalar(whole, source, name)

    def fit(self, schema: Schema, value: Any, source: Source, refer: Callable[[str], Mapping[str, Any]]) -> Any:
        """Convert a stored value to the schema, ABSENT if impossible; `refer` returns the object that has an ID."""
        whole, branches = self.plain(schema), self.branches(schema)
        if len(branches) > 1:
            fitted = [self.fit(branch, value, source, refer) for branch in branches]
            return next((item for item in fitted if self.allows(whole, item)), fitted[0])
        whole = self.plain(branches[0])
        types, properties = _types(whole), whole.get("properties", {})
        if value is None:
            return None if "null" in types or not types else self._missing(whole, source)
        if properties:
            return self._object(whole, value, source, refer)
        if "items" in whole or "array" in types:
            items = whole.get("items", {})
            rows = [self.fit(items, item, source, refer) for item in value] if isinstance(value, list) else []
            return [item for item in rows if item is not ABSENT]
        fitted = _converted(value, types)
        return fitted if self.allows(whole, fitted) else self._missing(whole, source)

    def _object(
        self, schema: Schema, value: Any, source: Source, refer: Callable[[str], Mapping[str, Any]]
    ) -> dict[str, Any]:
        values = value if isinstance(value, dict) else {**refer(str(value)), "id": value}
        required = schema.get("required", ())
        result = {}
        for name, spec in schema["properties"].items():
            fitted = self.fit(spec, values[name], source, refer) if name in values else ABSENT
            if fitted is ABSENT and name in required:
                fitted = self.new(spec, replace(source, number=source.number or 1), name)
            if fitted is not ABSENT:
                result[name] = fitted
        return result

    def _missing(self, schema: Schema, source: Source) -> Any:
        """Return the replacement for a value that the schema does not allow."""
        blank = self.new(schema, source)
        return blank if self.allows(schema, blank) else ABSENT

    def _first(self, schema: Schema) -> Schema:
        """Return the schema, or its first alternative."""
        whole = self.plain(schema)
        branch = self.plain(self.branches(whole)[0])
        return whole if branch is whole or "properties" in whole else self._first(branch)


def _types(schema: Schema) -> list[str]:
    types = schema.get("type", [])
    return [types] if isinstance(types, str) else list(types)


def _given(schema: Schema, number: int) -> Iterator[Any]:
    """Yield the values that the schema itself contains, the best first."""
    if "default" in schema:
        yield schema["default"]
    if number and "example" in schema:
        yield schema["example"]
    if "null" in _types(schema) and not number:
        return
    if choices := schema.get("enum"):
        yield choices[(number - 1) % len(choices) if number else 0]


def _known(tenant: Tenant, name: str, schema: Schema) -> Any:
    """Return the value of a property that describes the tenant or its user, or ABSENT."""
    if name in ("tenant_id", "enterprise_id", "enterprise"):
        is_link = schema.get("format") in ("url", "uri")
        return enterprise_url(tenant) if is_link else tenant.settings.enterprise_id
    if name == "is_active":
        return True
    if name in _PERSONS:
        return "1" if "string" in _types(schema) else 1
    return ABSENT


def _scalar(schema: Schema, source: Source, name: str) -> Any:
    """Return a string, a number or a boolean. A string with a format has no initial value."""
    types, number = _types(schema), source.number
    if "boolean" in types:
        return False
    if "integer" in types or "number" in types:
        return max(number, schema.get("minimum", 0))
    texts = {
        "email": f"{name}{number}@example.com",
        "url": f"{ORIGIN}/{name}/{number}",
        "uri": f"{ORIGIN}/{name}/{number}",
        "decimal": "0.0",
        "integer": str(number),
        **dict.fromkeys(_MOMENTS, source.now),
    }
    form = schema.get("format")
    if form is None or form not in (*texts, "uuid", "UUID"):
        return f"{name} {number}".strip()[-schema.get("maxLength", 0) :] if number else ""
    if not number:
        return ABSENT
    return str(uuid5(NAMESPACE_URL, f"{name} {number}")) if form in ("uuid", "UUID") else texts[form]


def _converted(value: Any, types: list[str]) -> Any:
    """Convert a value to one of the types: Esper also changes types between request and response."""
    if not types or "object" in types:
        return value
    if "boolean" in types and isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower(), value)
    if "string" in types and isinstance(value, dict):
        return value.get("id") or orjson.dumps(value).decode()
    if "string" in types and isinstance(value, int | float | list):
        return orjson.dumps(value).decode()
    if isinstance(value, str) and ("integer" in types or "number" in types):
        try:
            return int(value) if "integer" in types else float(value)
        except ValueError:
            return value
    return value
