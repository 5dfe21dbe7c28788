# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removal of single settings and items of a blueprint by their paths, which are those of diffs and comparisons.

A path is the names of settings with dots between them. The name of an item of a list is in brackets, such as
``android.apps[com.example.kiosk]``. Only a list whose items have names has such paths.
"""

from __future__ import annotations

import difflib
import re
import typing as t
from dataclasses import dataclass

from ..base.errors import InvalidParameter, InvalidValues
from ..base.row import Row
from ..base.text import composed
from ..model.conform import to_row
from ..model.field import Field
from .blueprint_names import Names
from .blueprint_settings import SETTINGS

_PATH = re.compile(r"(?P<head>\w+(?:\.\w+)*)(?:\[(?P<label>.+)\](?P<tail>(?:\.\w+)*))?")


@dataclass(frozen=True)
class Removal:
    """A path to remove. ``head`` and ``tail`` are the fields before and after the name of an item, which is None if the
    path has none. ``keys`` are the names in a value without a description, such as a managed configuration."""

    path: str
    head: tuple[Field, ...]
    label: str | None = None
    tail: tuple[Field, ...] = ()
    keys: tuple[str, ...] = ()


def removals_of(paths: t.Sequence[str] | None, desired: Row | None) -> list[Removal]:
    """Return the removals that a task describes. ``desired`` are the settings in the task.

    Raise InvalidValues if a path is invalid, or if the task also sets its value.
    """
    checked = [_checked(path, desired or {}) for path in paths or ()]
    errors = [f"remove[{index}] {each}" for index, each in enumerate(checked) if isinstance(each, str)]
    if errors:
        raise InvalidValues(errors, "blueprint")
    return [each for each in checked if isinstance(each, Removal)]


def _checked(path: str, desired: Row) -> Removal | str:
    """Return the removal of a path, or the error of an invalid one."""
    try:
        removal = _parsed(path)
    except _InvalidPathError as error:
        return f"'{path.strip()}' {error}"
    return f"'{path.strip()}' is also in settings. Remove it, or set it" if _is_set(removal, desired) else removal


def without(settings: Row, removals: t.Iterable[Removal], names: Names) -> Row:
    """Return settings in API format without the values at some paths. ``names`` has the names of items.

    Raise InvalidParameter if a path means several items, and what Client.request raises.
    """
    for removal in removals:
        settings = _without(settings, removal, names)
    return settings


class _InvalidPathError(Exception):
    """The message continues the sentence about a path."""


def _parsed(path: str) -> Removal:
    match = _PATH.fullmatch(path.strip())
    if match is None:
        raise _InvalidPathError("is not a path of a setting, such as android.camera_settings or android.apps[NAME]")
    names = match["head"].split(".")
    names = names[1:] if names[0] == SETTINGS.name else names
    if len(names) < 2:
        raise _InvalidPathError("is a whole platform. Use an empty dictionary and exact instead")
    head, keys = _fields_at(SETTINGS, names)
    label, tail = match["label"], tuple[Field, ...]()
    if label is not None:
        if keys or not head[-1].map_keys:
            raise _InvalidPathError("has brackets, but its items have no names. Set the whole list instead")
        if match["tail"]:
            tail, keys = _fields_at(head[-1], match["tail"].strip(".").split("."))
    last = (*head, *tail)[-1]
    is_item = label is not None and not tail
    if not (keys or is_item):
        if not (last.in_payload and last.writable):
            raise _InvalidPathError("only names an object. Remove the item instead")
        if last.required_by_api or last.create_default is not None:
            raise _InvalidPathError("cannot be removed alone, because Esper requires it. Remove the setting around it")
    return Removal(path.strip(), head, label, tail, keys)


def _fields_at(field: Field, names: t.Sequence[str]) -> tuple[tuple[Field, ...], tuple[str, ...]]:
    """Return the fields at the end of some names below a field, and the names in a value without a description."""
    found: list[Field] = []
    for number, name in enumerate(names):
        if field.opaque:
            return tuple(found), tuple(names[number:])
        if found and field.type == "list":
            raise _InvalidPathError(f"needs the name of an item, such as {field.name}[NAME]")
        known = {child.name: child for child in field.fields}
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            advice = f". Did you mean {close[0]}?" if close else ""
            raise _InvalidPathError(f"does not exist, because '{name}' is unknown{advice}")
        field = known[name]
        found.append(field)
    return tuple(found), ()


def _is_set(removal: Removal, desired: Row) -> bool:
    """Return whether the settings of a task have a value at a path. A removed item cannot be set in part."""
    value: t.Any = desired
    for field in removal.head:
        value = to_row(value).get(field.name)
    if removal.label is not None:
        items = value if isinstance(value, list) else []
        value = next((item for item in items if _has_label(removal.head[-1], to_row(item), removal.label, ())), None)
    for field in removal.tail:
        value = to_row(value).get(field.name)
    for key in removal.keys:
        value = to_row(value).get(key)
    return value is not None


def _without(settings: Row, removal: Removal, names: Names) -> Row:
    *outer, last = removal.head
    if removal.label is None:
        return _changed(settings, [field.api_name for field in outer], lambda row: _drop(row, last, removal.keys))
    keys = [field.api_name for field in outer]
    items = _at(settings, keys).get(last.api_name)
    if not isinstance(items, list):
        return settings
    numbers = _items_with_label(last, items, removal, names)
    if not removal.tail:
        kept = [item for number, item in enumerate(items) if number not in numbers]
    else:
        *between, end = removal.tail
        inner = [field.api_name for field in between]
        kept = [
            _changed(item, inner, lambda row: _drop(row, end, removal.keys)) if number in numbers else item
            for number, item in enumerate(items)
        ]
    return _changed(settings, keys, lambda row: {**row, last.api_name: kept}) if numbers else settings


def _items_with_label(field: Field, items: list[t.Any], removal: Removal, names: Names) -> list[int]:
    """Return the index of the item that a path means, none if there is no such item."""
    label = removal.label or ""
    ids = tuple(key for reference in field.references if reference.options for key in reference.api_keys)
    found = [number for number, item in enumerate(items) if _has_label(field, to_row(item), label, ())]
    if not found and ids:
        platform, key = removal.head[0].api_name, field.api_name
        named = to_row(names.add_names({platform: {key: items}}).get(platform)).get(key) or []
        found = [number for number, item in enumerate(named) if _has_label(field, to_row(item), label, ids)]
    if len(found) > 1:
        raise InvalidParameter(
            f"Invalid parameters for the blueprint: remove '{removal.path}' means {len(found)} items. Use another name"
            " of the item, such as its ID or path."
        )
    return found


def _has_label(field: Field, item: Row, label: str, others: tuple[str, ...]) -> bool:
    """Return whether a value that identifies an item is a text."""
    keys = {name for key in field.map_keys for name in key} - {*others}
    values = (item.get(inner.api_name, item.get(inner.name)) for inner in field.fields if inner.name in keys)
    return any(value is not None and composed(str(value)).strip() == composed(label).strip() for value in values)


def _at(settings: Row, keys: t.Sequence[str]) -> Row:
    value: t.Any = settings
    for key in keys:
        value = to_row(value).get(key)
    return to_row(value)


def _changed(row: Row, keys: t.Sequence[str], change: t.Callable[[Row], Row]) -> Row:
    """Return a dict with a changed dict in it, at the end of some keys. If there is none, nothing changes."""
    if not keys:
        return change(row)
    inner = row.get(keys[0])
    return {**row, keys[0]: _changed(inner, keys[1:], change)} if isinstance(inner, dict) else row


def _drop(row: Row, field: Field, keys: t.Sequence[str]) -> Row:
    """Return a dict without a field, or without the value at some keys in the field."""
    if not keys:
        return {key: value for key, value in row.items() if key != field.api_name}
    *outer, last = keys

    def drop(inner: Row) -> Row:
        return {key: value for key, value in inner.items() if key != last}

    return _changed(row, [field.api_name, *outer], drop)
