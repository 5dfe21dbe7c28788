# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The published contract (OpenAPI 3.1), to be asked which operation a request is for, and whether data is valid.

The documents in `tests/contract/api` are taken as they are; `tests/contract/unpublished.yaml` is merged over them.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import yaml
from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from jsonschema.exceptions import best_match
from jsonschema.validators import extend
from referencing import Registry
from referencing.jsonschema import DRAFT202012

FOLDER = Path(__file__).resolve().parents[1] / "contract"

# The error bodies of the two large families, for operations whose own error bodies the contract leaves out.
LEGACY_ERROR = {"errors": "array", "message": "string", "status": "integer"}
V2_ERROR = {"code": "integer", "message": "string", "content": "object"}

# Query parameters that Esper's own clients send to operations which do not list them: accepted, and without meaning.
EVERYWHERE = frozenset({"legacy_format"})

Schema = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Operation:
    """One method on one path; `document` is the file it stands in, without its suffix."""

    document: str
    method: str
    path: str
    parameters: Mapping[tuple[str, str], Mapping[str, Any]]
    body: Schema | None
    form: Schema | None
    has_optional_body: bool
    answers: Mapping[int, Schema | None]
    errors: Mapping[int, Schema]

    @property
    def success(self) -> tuple[int, Schema | None]:
        """The status of success and the schema of its body; of several, the first that has a body."""
        answers = [(status, schema) for status, schema in self.answers.items() if status < 400]
        return next((answer for answer in answers if answer[1] is not None), answers[0])

    def error_shape(self, status: int) -> Mapping[str, str]:
        """Property -> JSON type of this operation's error bodies: of that status, or else of any."""
        schema = self.errors.get(status) or next(iter(self.errors.values()), None)
        if schema is not None:
            return {name: spec["type"] for name, spec in schema["properties"].items()}
        return V2_ERROR if self.document in ("v2", "pipelines", "foundry") else LEGACY_ERROR


@dataclass(frozen=True)
class Route:
    """A path of the contract: its operations by method, and the values of its path parameters."""

    operations: Mapping[str, Operation]
    values: Mapping[str, str]


@dataclass
class _Node:
    """One step of the tree of paths; the child None is a path parameter, any text."""

    children: dict[str | None, _Node] = field(default_factory=dict)
    template: str | None = None


class Contract:
    """All documents of the contract."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._documents, self._registry = _read(folder)
        self._paths: dict[str, dict[str, Operation]] = {}
        self._root = _Node()
        for name, document in self._documents.items():
            for path, item in document["paths"].items():
                operations = {
                    method.upper(): self._operation(name, method.upper(), path, item[method]) for method in item
                }
                self._paths.setdefault(path, {}).update(operations)
                _plant(self._root, path)

    def route(self, path: str) -> Route | None:
        """The operations on `path` (below /api, slashes exact), or None if the contract does not know it."""
        segments = path.split("/")
        template = _walk(self._root, segments)
        if template is None:
            return None
        pairs = zip(template.split("/"), segments, strict=True)
        return Route(self._paths[template], {name[1:-1]: value for name, value in pairs if name.startswith("{")})

    def operations(self) -> Iterator[Operation]:
        """All operations, path by path."""
        for operations in self._paths.values():
            yield from operations.values()

    def operation(self, method: str, template: str) -> Operation:
        """The operation written as `method` and `template` in the contract; KeyError if there is none."""
        return self._paths[template][method]

    def check_parameters(self, operation: Operation, values: Mapping[str, str], query: Mapping[str, str]) -> list[str]:
        """The flaws in path and query parameters, worded "name: text " as the legacy family does."""
        flaws = []
        for place, given in (("path", values), ("query", query)):
            specs = {name: spec for (name, where), spec in operation.parameters.items() if where == place}
            flaws += [
                f"{name}: Unknown {place} parameter. " for name in given if name not in specs and name not in EVERYWHERE
            ]
            for name, spec in specs.items():
                if name in given:
                    value = _typed(given[name], self._type(spec["schema"]))
                    flaws += self._flaws(_RequestValidator, spec["schema"], value, [name])
                elif spec.get("required"):
                    flaws.append(f"{name}: This field is required. ")
        return flaws

    def check_body(self, operation: Operation, body: object) -> list[str]:
        """The flaws in a JSON body, worded as above. Read-only properties are passed over, unknown ones ignored."""
        return [] if operation.body is None else self._flaws(_RequestValidator, operation.body, body)

    def known(self, operation: Operation, body: object) -> Any:
        """A JSON body without what is ignored: read-only and unknown properties, at any depth."""
        return body if operation.body is None else self._known(operation.body, body)

    def allows(self, schema: Schema, value: object) -> bool:
        """Return whether a response, or a part of one, can have this value."""
        return not self._flaws(_AnswerValidator, schema, value)

    def validate_request(self, method: str, path: str, query: Mapping[str, str], body: object) -> list[str]:
        """Return the flaws in a request. `body` is None or JSON; a form is not checked."""
        name, route = f"{method} {path}", self.route(path)
        if route is None or method not in route.operations:
            return [f"{name} is not in the contract"]
        operation = route.operations[method]
        flaws = self.check_parameters(operation, route.values, query)
        if body is not None:
            flaws += self.check_body(operation, body)
        return [f"{name}: {flaw}" for flaw in flaws]

    def validate_answer(self, method: str, path: str, status: int, body: object) -> list[str]:
        """The flaws in the answer to `method` on `path` (below /api). Properties that the contract lacks are flaws."""
        route = self.route(path)
        operation = None if route is None else route.operations.get(method)
        if operation is None:
            return [f"{method} {path} is not in the contract"]
        if status in operation.answers:
            schema = operation.answers[status]
            if schema is None:
                return [] if body is None else [f"{status} has no body"]
        elif status in operation.errors:
            schema = operation.errors[status]
        elif status >= 400:
            shape = operation.error_shape(status)
            schema = {"required": list(shape), "properties": _described(shape)}
        else:
            return [f"{method} {path} never returns HTTP {status}"]
        return self._flaws(_AnswerValidator, schema, body)

    def _known(self, schema: Schema, value: object) -> Any:
        schema = self.resolve(schema)
        if isinstance(value, list) and "items" in schema:
            return [self._known(schema["items"], item) for item in value]
        properties = schema.get("properties")
        if not isinstance(value, dict) or not properties or "oneOf" in schema or "anyOf" in schema:
            return value
        writable = {name: spec for name, spec in properties.items() if not spec.get("readOnly")}
        return {name: self._known(writable[name], item) for name, item in value.items() if name in writable}

    def _flaws(self, kind: type[Any], schema: Schema, value: object, prefix: Iterable[str] = ()) -> list[str]:
        validator = kind(schema, registry=self._registry, format_checker=_FORMATS)
        return [_line(error, prefix) for error in validator.iter_errors(value)]

    def _type(self, schema: Schema) -> str:
        """The JSON type of a parameter, which may be described elsewhere in its document."""
        return str(self.resolve(schema).get("type"))

    def resolve(self, node: Mapping[str, Any]) -> Mapping[str, Any]:
        """The node, or what it refers to."""
        reference = node.get("$ref")
        return node if reference is None else self._registry.resolver().lookup(reference).contents

    def _operation(self, document: str, method: str, path: str, raw: Mapping[str, Any]) -> Operation:
        parameters = [self.resolve(parameter) for parameter in raw.get("parameters", [])]
        form = _schema(raw.get("requestBody", {}), "multipart/form-data")
        errors = {status: self._error(document, spec) for status, spec in raw.get("x-errors", {}).items() if spec}
        return Operation(
            document=document,
            method=method,
            path=path,
            # A later parameter of the same name replaces an earlier one: that is how additions correct the contract.
            parameters={(spec["name"], spec["in"]): spec for spec in parameters},
            body=_schema(raw.get("requestBody", {})),
            form=None if form is None else self.resolve(form),
            has_optional_body=raw.get("requestBody", {}).get("required") is False,
            answers={
                int(status): _schema(spec) or _schema(spec, "text/plain; charset=utf-8")
                for status, spec in raw["responses"].items()
                if status.isdigit()
            },
            errors={status: schema for status, schema in errors.items() if "properties" in schema},
        )

    def _error(self, document: str, spec: str) -> Schema:
        """An entry of `x-errors`: the name of a schema, or a terse shape such as "{message: string, code: integer}"."""
        if spec.startswith("{"):
            return {"type": "object", "properties": _described(_parse(spec))}
        schema: Schema = self._documents[document]["components"]["schemas"][spec]
        return schema


@functools.cache
def _read(folder: Path) -> tuple[dict[str, Any], Registry[Any]]:
    """Return the documents with the additions, and a registry of them. A process of tests has several contracts."""
    documents = {file.stem: _load(file) for file in sorted((folder / "api").glob("*.yaml"))}
    for name, additions in _load(folder / "unpublished.yaml").items():
        documents[name] = _merge(documents[name], additions)
    documents = {name: _absolute(name, _joined(document, document)) for name, document in documents.items()}
    resources = ((f"urn:{name}", DRAFT202012.create_resource(document)) for name, document in documents.items())
    return documents, Registry().with_resources(resources)


def _load(file: Path) -> dict[str, Any]:
    return dict(_parse(file.read_text(encoding="utf-8")))


def _parse(text: str) -> Any:
    return yaml.load(text, Loader=yaml.CSafeLoader)


def _merge(old: Any, new: Any) -> Any:
    """JSON merge patch (RFC 7396: null removes), but lists grow."""
    if isinstance(old, dict) and isinstance(new, dict):
        merged = old | {name: _merge(old.get(name), value) for name, value in new.items()}
        return {name: value for name, value in merged.items() if value is not None}
    return old + new if isinstance(old, list) and isinstance(new, list) else new


def _joined(node: Any, document: Mapping[str, Any]) -> Any:
    """The node with all that it is made of (`allOf`) in one schema: each part alone would not know the others."""
    if isinstance(node, list):
        return [_joined(item, document) for item in node]
    if not isinstance(node, dict):
        return node
    whole = {key: _joined(value, document) for key, value in node.items() if key != "allOf"}
    for part in node.get("allOf", ()):
        known = _joined(_local(part, document), document)
        lists = {"required": [*whole.get("required", ()), *known.get("required", ())]}
        maps = {"properties": {**whole.get("properties", {}), **known.get("properties", {})}}
        whole = {**known, **whole, **{key: value for key, value in (lists | maps).items() if value}}
    return whole


def _local(node: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the target of the reference in a node, or the node itself."""
    while "$ref" in node:
        target: Any = document
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        node = target
    return node


def _absolute(name: str, node: Any) -> Any:
    """The node with each reference naming its document, so that any part of it can be used by itself."""
    if isinstance(node, list):
        return [_absolute(name, item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: f"urn:{name}{value}" if key == "$ref" and isinstance(value, str) else _absolute(name, value)
        for key, value in node.items()
    }


def _schema(holder: Mapping[str, Any], kind: str = "application/json") -> Schema | None:
    """The schema of a request body or an answer of that content type, if it has one."""
    schema: Schema | None = holder.get("content", {}).get(kind, {}).get("schema")
    return schema


def _described(shape: Mapping[str, Any]) -> dict[str, Schema]:
    return {name: {"type": kind if isinstance(kind, str) else "array"} for name, kind in shape.items()}


def _plant(node: _Node, path: str) -> None:
    for segment in path.split("/"):
        node = node.children.setdefault(None if segment.startswith("{") else segment, _Node())
    node.template = path


def _walk(node: _Node, segments: list[str]) -> str | None:
    """The template that fits; a literal segment goes before a parameter, and a parameter is never empty."""
    if not segments:
        return node.template
    head, *tail = segments
    for name in (head, None) if head else (head,):
        template = _walk(node.children[name], tail) if name in node.children else None
        if template is not None:
            return template
    return None


def _typed(text: str, kind: str) -> object:
    """Return a parameter's text in its type, or the text itself if validation must reject it."""
    if kind == "boolean":
        return {"true": True, "false": False}.get(text.lower(), text)
    if kind == "integer" and re.fullmatch(r"-?\d+", text):
        return int(text)
    if kind == "number" and re.fullmatch(r"-?\d+(\.\d+)?", text):
        return float(text)
    return text


def _line(error: ValidationError, prefix: Iterable[str]) -> str:
    cause = best_match([error]) or error
    where = ".".join(map(str, [*prefix, *cause.absolute_path])) or "non_field_errors"
    if cause.validator == "format":
        return f"{where}: Must be a valid {cause.validator_value}. "
    if cause.validator == "type":
        return f"{where}: Not a valid {cause.validator_value}. "
    if cause.validator == "maxItems":
        # jsonschema's own message shows all of them.
        return f"{where}: Ensure this field has no more than {cause.validator_value} elements. "
    return f"{where}: {cause.message} "


# Formats that jsonschema does not know, or checks only with further packages.
_FORMATS = FormatChecker(formats=())


@_FORMATS.checks("UUID", raises=ValueError)
@_FORMATS.checks("uuid", raises=ValueError)
def _is_uuid(value: object) -> bool:
    return not isinstance(value, str) or str(UUID(value)) == value.lower()


@_FORMATS.checks("date-time", raises=ValueError)
def _is_date_time(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value.replace("Z", "+00:00")).tzinfo is not None


@_FORMATS.checks("url", raises=ValueError)
def _is_url(value: object) -> bool:
    return not isinstance(value, str) or bool(urlsplit(value).scheme and urlsplit(value).netloc)


Errors = Iterator[ValidationError]


def _required(validator: Any, names: list[str], instance: Any, schema: Schema) -> Errors:
    """Passes over names that are read-only, or no property at all: the contract lists some of both."""
    properties = schema.get("properties", {name: {} for name in names})
    for name in names if isinstance(instance, dict) else ():
        wanted = name in properties and not (validator.passes_read_only and properties[name].get("readOnly"))
        if wanted and name not in instance:
            yield ValidationError("This field is required.", path=[name])


def _writable(validator: Any, properties: Mapping[str, Schema], instance: Any, schema: Schema) -> Errors:
    for name, subschema in properties.items() if isinstance(instance, dict) else ():
        if name in instance and not subschema.get("readOnly"):
            yield from validator.descend(instance[name], subschema, path=name, schema_path=name)


def _known(validator: Any, properties: Mapping[str, Schema], instance: Any, schema: Schema) -> Errors:
    """An object described without any property is free-form."""
    for name, value in instance.items() if isinstance(instance, dict) and properties else ():
        if name in properties:
            yield from validator.descend(value, properties[name], path=name, schema_path=name)
        else:
            yield ValidationError("Not in the contract.", path=[name])


# Items without flaws by their schema. The schemas are kept, because another one could get the same ID.
_ACCEPTED: dict[tuple[int, bytes], Schema] = {}


def _items(validator: Any, items: Schema, instance: Any, schema: Schema) -> Errors:
    """Validates equal items once, because tests read the same objects many times."""
    for index, item in enumerate(instance if isinstance(instance, list) else ()):
        text = json.dumps(item, sort_keys=True).encode()
        key = (id(items), hashlib.sha256(text).digest())
        if key in _ACCEPTED:
            continue
        errors = list(validator.descend(item, items, path=index))
        if not errors:
            _ACCEPTED[key] = items
        yield from errors


_extend: Any = extend
_RequestValidator = _extend(Draft202012Validator, {"properties": _writable, "required": _required})
_RequestValidator.passes_read_only = True
_AnswerValidator = _extend(Draft202012Validator, {"items": _items, "properties": _known, "required": _required})
_AnswerValidator.passes_read_only = False
