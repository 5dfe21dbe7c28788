# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Existing objects as options of their module, which create the same objects in another tenant.

The options have names in place of IDs. Values that change by themselves, nulls and defaults of Esper are left out. So
two exports of an unchanged object are equal, and a task with the options changes nothing.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..base.checksums import matches_file
from ..base.row import Row
from ..base.secret_keys import is_secret_key, secret_values
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
from .lookup import learn_names, lookup_of, same_name
from .tenant_view import TenantView

VARIABLE_PREFIX = "esper_secret_"
"""The start of the names of the variables with the secrets of a tree."""

_NAMELESS = "None"
"""The key of an object with neither a name nor an ID: see Lookup.task_key()."""


@dataclass(frozen=True)
class SecretValue:
    """A secret in exported options, whose value is not exported. ``path`` is the path of the option, ``variable`` the
    name of the variable that has the value in a tree. ``in_json`` is true if only its key says that it is a secret."""

    path: str
    variable: str = ""
    in_json: bool = False


@dataclass(frozen=True)
class ExportedFile:
    """A file in exported options, as the value of the option that names it.

    ``path`` is its path below the directory of files, with slashes. ``checksum`` is its checksum, whose length
    determines the algorithm, and ``size`` its size in bytes, if Esper returns them. ``download`` returns the link,
    which Esper may sign for a short time.
    """

    path: str
    download: t.Callable[[], Download] = field(compare=False)
    checksum: str = ""
    size: int | None = None

    def is_at(self, path: Path) -> bool:
        """Return whether a local file is this file. Without a checksum, each file at the path counts as it."""
        return path.is_file() and matches_file(path, self.size, self.checksum or None)


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

    A subclass can replace preload(), rows(), options_of() and value_of(). ``omitted`` are the objects that objects()
    left out.
    """

    def __init__(self, view: TenantView, kind: Kind) -> None:
        self.view = view
        self.kind = kind
        self.lookup = lookup_of(view, kind)
        self.omitted: list[OmittedObject] = []

    def preload(self) -> None:
        """Read the lists that rows() needs. The lists of several kinds are read at the same time."""
        self.existing()

    def existing(self) -> list[Row]:
        """Return the existing objects, in API format."""
        if self.kind.shape is Shape.SINGLETON:
            found = self.lookup.find({})
            return [found] if found else []
        return self.lookup.list_existing()

    def objects(self) -> list[ExportedObject]:
        """Return all objects of the kind that are not built in, sorted by key."""
        return self.export(self.rows())

    def rows(self) -> list[Row]:
        """Return the objects to export, in API format, with all properties."""
        return self.complete([row for row in self.existing() if not self.kind.tenant.is_built_in(row)])

    def complete(self, rows: list[Row]) -> list[Row]:
        """Return objects with the properties that take a request for each object."""
        fields = [each for each in self.fields if each.request_option]
        if not fields:
            return rows

        def read(row: Row) -> Row:
            return self.lookup.read_separate_fields(row, fields)

        return list(in_parallel(self.view.client, read, rows, CONCURRENCY))

    def export(self, rows: t.Sequence[Row]) -> list[ExportedObject]:
        """Return objects in API format as options, sorted by key. Objects that a task cannot select, because they
        have the same name or none, are left out."""
        by_key: dict[str, list[tuple[Row, ExportedObject]]] = {}
        for row, exported in self.export_each(rows):
            if exported.key == _NAMELESS and exported.options.get("name") is None:
                reason = "It has no name, so a task cannot select it."
                self.omitted.append(OmittedObject(self.lookup.key_of(row), row.get(self.kind.id_key), reason))
            else:
                by_key.setdefault(exported.key, []).append((row, exported))
        for key, found in by_key.items():
            if len(found) > 1:
                reason = same_name(self.kind, len(found))
                self.omitted += [OmittedObject(key, row.get(self.kind.id_key), reason) for row, _exported in found]
        objects = [found[0][1] for found in by_key.values() if len(found) == 1]
        return list(secret_variables(self.kind, sorted(objects, key=self.sort_key)))

    def export_each(self, rows: t.Sequence[Row]) -> list[tuple[Row, ExportedObject]]:
        """Return objects in API format, each with its options, in their order, also those with the same name."""
        learn_names(self.view, [each for each in self.fields if not _names_devices(each)], rows)
        return [(row, exported) for row in rows if (exported := self.export_row(row)) is not None]

    def sort_key(self, exported: ExportedObject) -> t.Any:
        """Return the key by which the objects of an export are sorted."""
        return exported.key

    def export_row(self, row: Row) -> ExportedObject | None:
        """Return an object in API format as options, None if it has none."""
        omitted: list[str] = []
        options = self._without_conflicts(self.options_of(row, omitted))
        if not options:
            return None
        named = {name: value for name, value in options.items() if not isinstance(value, ExportedFile)}
        key = self.lookup.task_key({**dict.fromkeys(self.kind.options), **named})
        return ExportedObject(key, options, omitted, _leaves(options, ExportedFile))

    def _without_conflicts(self, options: Row) -> Row:
        """Return options without the empty ones that exclude others."""
        exclusive = self.kind.rules.get("mutually_exclusive", ())
        conflicts = {
            name
            for names in exclusive
            if sum(name in options for name in names) > 1
            for name in names
            if options.get(name) in ("", [], {})
        }
        return {name: value for name, value in options.items() if name not in conflicts}

    def options_of(self, row: Row, omitted: list[str]) -> Row:
        """Return the options for an object in API format. Append the paths of lost values to ``omitted``."""
        values = {each.name: self.value_of(each, read_field(each, row), each.name, omitted) for each in self.fields}
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
            options = self.dict_of(field, value, path, omitted)
            # Values that are lost do not count, so an export of a copy is the same.
            has_values = is_set(field, options) or bool(_leaves(options, SecretValue))
            return options if options and has_values else None
        if field.fields and isinstance(value, list):
            return self._list_of(field, value, path, omitted)
        shown = field.from_api(value)
        if field.type == "list" and field.list_type == "set" and isinstance(shown, list):
            shown = sorted(shown, key=str)
        if shown != [] and not is_set(field, shown):
            return None
        if _is_invalid(field, shown):
            omitted.append(path)
            return None
        return without_plain_secrets("json", shown, path) if field.opaque or isinstance(shown, dict) else shown

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
            elif child.required_by_api and not child.fields and not _is_invalid(child, child_value):
                result[child.name] = child.from_api(child_value)
        return result

    def _list_of(self, field: Field, items: list[t.Any], path: str, omitted: list[str]) -> list[Row] | None:
        """Return the dicts of a list as options, without those that have only an ID. A list that tasks replace as a
        whole is lost if one of its dicts is."""
        names = names_of_ids(field)
        result, known = [], len(omitted)
        for number, item in enumerate(items):
            row: Row = item if isinstance(item, dict) else {}
            lost = any(row.get(key) is not None and not any(map(row.get, others)) for key, others in names.items())
            if lost:
                omitted.append(f"{path}[{number}]")
            else:
                label = item_label(field, field.from_api(row), number)
                result.append(self.dict_of(field, row, f"{path}[{label}]", omitted))
        is_lost = len(omitted) > known and not (field.map_keys and result)
        return None if is_lost else result

    def _names_in(self, field: Field, found: list[NamedObject], path: str, omitted: list[str]) -> t.Any:
        """Return the names of other objects. Devices differ from tenant to tenant."""
        if _names_devices(field):
            omitted += [path] if found else []
            return None
        shown = self.view.with_names(self.kind, {field.name: [each.shown for each in found]})[field.name]
        named = [name for each, name in zip(found, shown, strict=True) if each.label or name != each.id]
        if len(named) < len(found):
            omitted.append(path)
            return None
        if field.type != "list":
            return next(iter(named), None)
        return sorted(named) if field.list_type == "set" else named

    @property
    def fields(self) -> list[Field]:
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
    """Yield the objects with the name of the variable in each SecretValue."""
    paths = {exported.key: [each.path for each in _leaves(exported.options, SecretValue)] for exported in objects}
    keys = unique_slugs([key for key, found in paths.items() if found], variable_slug, "_")
    for exported in objects:
        own = unique_slugs(paths[exported.key], _slug_of_path, "_")
        owner = "" if kind.shape is Shape.SINGLETON else f"_{keys.get(exported.key)}"
        names = {path: f"{VARIABLE_PREFIX}{kind.name}{owner}_{slug}" for path, slug in own.items()}
        yield replace(exported, options=_with_names(exported.options, names)) if names else exported


def _slug_of_path(path: str) -> str:
    return variable_slug(path.removeprefix("settings."))


def _with_names(value: t.Any, names: t.Mapping[str, str]) -> t.Any:
    if isinstance(value, dict):
        return {key: _with_names(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_names(item, names) for item in value]
    return replace(value, variable=names[value.path]) if isinstance(value, SecretValue) else value


def _names_devices(field: Field) -> bool:
    return field.names is not None and not t.cast("Kind", field.names.kind).tenant.plan


def _is_invalid(field: Field, value: t.Any) -> bool:
    """Return whether a task cannot set a value of Esper."""
    values = value if isinstance(value, list) else [value]
    if field.choices and not all(each in field.choices for each in values):
        return True
    if isinstance(value, list):
        return bool(field.list_validator(value)) or (bool(field.elements) and any(map(field.validator, values)))
    return bool(field.validator(value))


def without_plain_secrets(key: str, value: t.Any, path: str) -> t.Any:
    """Return JSON of Esper with a SecretValue in place of each value whose key is that of a secret. A list that has
    secrets is one secret, because a task replaces it as a whole."""
    if not any(secret_values({key: value})):
        return value
    if isinstance(value, dict) and not is_secret_key(key):
        masked = {name: without_plain_secrets(name, item, f"{path}.{name}") for name, item in value.items()}
        if not any(secret_values({key: without_secrets(masked)})):
            return masked
    return SecretValue(path, in_json=True)


def without_secrets(value: t.Any) -> t.Any:
    """Return exported options without secrets, and without dicts that have nothing else."""
    if isinstance(value, dict):
        kept = {key: (item, without_secrets(item)) for key, item in value.items() if not isinstance(item, SecretValue)}
        return {key: rest for key, (item, rest) in kept.items() if rest != {} or item == {}}
    return [without_secrets(item) for item in value] if isinstance(value, list) else value


def omitted_paths(exported: ExportedObject) -> list[str]:
    """Return the paths of the values that without_secrets() does not return."""
    return [*exported.omitted, *(each.path for each in _leaves(exported.options, SecretValue))]


_Leaf = t.TypeVar("_Leaf")


def _leaves(options: Row, kind: type[_Leaf]) -> list[_Leaf]:
    return [each for each in leaves(options) if isinstance(each, kind)]


def exporter_of(view: TenantView, kind: Kind) -> Exporter:
    """Return the exporter of a kind in a view."""
    return t.cast("Exporter", (kind.exporter or Exporter)(view, kind))
