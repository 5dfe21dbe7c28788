# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Existing objects as options of their module, which create the same objects in another tenant.

The options have names in place of IDs. Values that change by themselves, nulls and defaults of Esper are left out. So
two exports of an unchanged object are equal, and a task with the options changes nothing.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace

from ..base.row import Row
from ..base.slugs import unique_slugs, variable_slug
from ..http.download import Download
from ..http.parallel import CONCURRENCY, in_parallel
from ..model.api_paths import read_field
from ..model.compare import is_set
from ..model.field import Field
from ..model.items import item_label
from ..model.kind import Kind, Shape
from ..model.names import NamedObject
from ..model.values import leaves
from .lookup import learn_names, lookup_of
from .tenant_view import TenantView

VARIABLE_PREFIX = "esper_secret_"
"""The start of the names of the variables with the secrets of a tree."""


@dataclass(frozen=True)
class SecretValue:
    """A secret in exported options. Its value is not exported. ``variable`` is the name of the variable that has it."""

    variable: str


@dataclass(frozen=True)
class ExportedFile:
    """A file in exported options, as the value of the option that names it.

    ``path`` is its path below the directory of files, with slashes. ``checksum`` is its SHA-256 checksum and ``size``
    its size in bytes, if Esper returns them. ``download`` returns the link, which Esper may sign for a short time.
    """

    path: str
    download: t.Callable[[], Download] = field(compare=False)
    checksum: str = ""
    size: int | None = None


@dataclass(frozen=True)
class ExportedObject:
    """An object as options of its module.

    ``key`` is the name of the object in a task: see Lookup.task_key(). A value in ``options`` can be a SecretValue or
    an ExportedFile. ``omitted`` are the paths of the options whose values have no name, or cannot be read. ``files``
    are the files in the options.
    """

    key: str
    options: Row
    omitted: list[str] = field(default_factory=list)
    files: list[ExportedFile] = field(default_factory=list)


@dataclass(frozen=True)
class OmittedObject:
    """An object that cannot be exported. ``reason`` is a sentence."""

    name: str
    id: t.Any
    reason: str


class Exporter:
    """Exports the objects of one kind. Raises what Client.request() raises.

    A subclass can replace rows(), options_of() and value_of(). ``omitted`` are the objects that objects() left out.
    """

    def __init__(self, view: TenantView, kind: Kind) -> None:
        self.view = view
        self.kind = kind
        self.lookup = lookup_of(view, kind)
        self.omitted: list[OmittedObject] = []

    def objects(self) -> list[ExportedObject]:
        """Return all objects of the kind that are not built in, sorted by key."""
        return self.export(self.rows())

    def rows(self) -> list[Row]:
        """Return the objects to export, in API format, with all properties."""
        if self.kind.shape is Shape.SINGLETON:
            found = self.lookup.find({})
            return [] if found is None else [found]
        rows = self.view.list_objects(self.kind)
        return self.complete([row for row in rows if not self.kind.tenant.is_built_in(row)])

    def complete(self, rows: list[Row]) -> list[Row]:
        """Return objects with the properties that take a request for each object."""
        fields = [each for each in self._fields if each.request_option]
        if not fields:
            return rows

        def read(row: Row) -> Row:
            return self.lookup.read_separate_fields(row, fields)

        return list(in_parallel(self.view.client, read, rows, CONCURRENCY))

    def export(self, rows: t.Sequence[Row]) -> list[ExportedObject]:
        """Return objects in API format as options, sorted by key. Objects of which a task cannot select one, because
        they have the same name, are left out."""
        self.learn_names(rows)
        by_key: dict[str, list[tuple[Row, ExportedObject]]] = {}
        for row in rows:
            exported = self.export_row(row)
            by_key.setdefault(exported.key, []).append((row, exported))
        for key, found in by_key.items():
            if len(found) > 1:
                reason = f"{len(found)} {self.kind.titles} have the name '{key}', so a task cannot select one by name."
                self.omitted += [OmittedObject(key, row.get(self.kind.id_key), reason) for row, _exported in found]
        objects = [found[0][1] for _key, found in sorted(by_key.items()) if len(found) == 1]
        return list(secret_variables(self.kind, objects))

    def export_row(self, row: Row) -> ExportedObject:
        """Return an object in API format as options."""
        omitted: list[str] = []
        options = self.options_of(row, omitted)
        return ExportedObject(self.key_of(options, row), options, omitted, _leaves(options, ExportedFile))

    def key_of(self, options: Row, row: Row) -> str:
        """Return the name of an object in a task."""
        return self.lookup.task_key(options)

    def options_of(self, row: Row, omitted: list[str]) -> Row:
        """Return the options for an object in API format. Append the paths of lost values to ``omitted``."""
        values = {each.name: self.value_of(each, read_field(each, row), each.name, omitted) for each in self._fields}
        return {name: value for name, value in values.items() if value is not None}

    def value_of(self, field: Field, value: t.Any, path: str, omitted: list[str]) -> t.Any:
        """Return the option for a value in API format, None if it is not exported."""
        if value is None:
            return None
        if field.secret:
            return SecretValue(path) if value else None
        if field.names is not None:
            return self._names_in(field, field.names.objects(value), path, omitted)
        if field.fields and isinstance(value, dict):
            return self.dict_of(field, value, path, omitted) or None
        if field.fields and isinstance(value, list):
            return self._list_of(field, value, path, omitted)
        shown = field.from_api(value)
        if field.type == "list" and field.list_type == "set" and isinstance(shown, list):
            shown = sorted(shown, key=str)
        return shown if shown == [] or is_set(field, shown) else None

    def dict_of(self, field: Field, value: Row, path: str, omitted: list[str]) -> Row:
        """Return a dict as options, without the IDs for which it has names. An ID without a name is lost."""
        result: Row = {}
        names = names_of_ids(field)
        for child in field.fields:
            child_value, child_path = value.get(child.api_name), f"{path}.{child.name}"
            if child_value is None or not (child.writable or child.name in names):
                continue
            if child.name in names:
                if not any(value.get(name) for name in names[child.name]):
                    omitted.append(child_path)
            elif (exported := self.value_of(child, child_value, child_path, omitted)) is not None:
                result[child.name] = exported
            elif child.required_by_api:
                result[child.name] = child.from_api(child_value)
        return result

    def _list_of(self, field: Field, items: list[t.Any], path: str, omitted: list[str]) -> list[Row]:
        """Return the dicts of a list as options, without those that have only an ID."""
        names = names_of_ids(field)
        result = []
        for number, item in enumerate(items):
            row: Row = item if isinstance(item, dict) else {}
            lost = any(row.get(key) is not None and not any(map(row.get, others)) for key, others in names.items())
            if lost:
                omitted.append(f"{path}[{number}]")
            else:
                label = item_label(field, field.from_api(row), number)
                result.append(self.dict_of(field, row, f"{path}[{label}]", omitted))
        return result

    def _names_in(self, field: Field, found: list[NamedObject], path: str, omitted: list[str]) -> t.Any:
        """Return the names of other objects."""
        shown = self.view.with_names(self.kind, {field.name: [each.shown for each in found]})[field.name]
        named = [name for each, name in zip(found, shown, strict=True) if name != each.id]
        if len(named) < len(found):
            omitted.append(path)
        if field.type != "list":
            return next(iter(named), None)
        return sorted(named) if field.list_type == "set" else named

    def learn_names(self, rows: t.Sequence[Row]) -> None:
        """Read the names of the objects of which the objects have the IDs only."""
        learn_names(self.view, self._fields, rows)

    @property
    def _fields(self) -> list[Field]:
        """The fields that are options of the module."""
        options = self.kind.options
        return [each for each in self.kind.fields if each.writable and each.name in options]


def names_of_ids(field: Field) -> dict[str, list[str]]:
    """Return the IDs in a dict, or in each dict of a list, with the options that stand for each, none for some IDs."""
    names: dict[str, list[str]] = {}
    for reference in field.references:
        for number, key in enumerate(reference.api_keys):
            # The last option also stands for the IDs that follow from it.
            names.setdefault(key, []).extend(reference.options[min(number, len(reference.options) - 1) :][:1])
    return names


def secret_variables(kind: Kind, objects: t.Sequence[ExportedObject]) -> t.Iterator[ExportedObject]:
    """Yield the objects with the name of a variable in each SecretValue, in place of its path."""
    paths = {exported.key: [each.variable for each in _leaves(exported.options, SecretValue)] for exported in objects}
    keys = unique_slugs([key for key, found in paths.items() if found], variable_slug, "_")
    for exported in objects:
        own = unique_slugs(paths[exported.key], variable_slug, "_")
        owner = "" if kind.shape is Shape.SINGLETON else f"_{keys.get(exported.key)}"
        names = {path: f"{VARIABLE_PREFIX}{kind.name}{owner}_{slug}" for path, slug in own.items()}
        yield replace(exported, options=_with_names(exported.options, names)) if names else exported


def _with_names(value: t.Any, names: t.Mapping[str, str]) -> t.Any:
    if isinstance(value, dict):
        return {key: _with_names(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_names(item, names) for item in value]
    return SecretValue(names[value.variable]) if isinstance(value, SecretValue) else value


_Leaf = t.TypeVar("_Leaf")


def _leaves(options: Row, kind: type[_Leaf]) -> list[_Leaf]:
    return [each for each in leaves(options) if isinstance(each, kind)]


def exporter_of(view: TenantView, kind: Kind) -> Exporter:
    """Return the exporter of a kind in a view."""
    return t.cast("Exporter", (kind.exporter or Exporter)(view, kind))
