# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Conversion of responses to the types of their fields.

The API returns some values in another type ("5" for 5, "true" for true), and the collection must not rely on valid
responses. After the conversion, each value has the type of its field or is null.
"""

from __future__ import annotations

import math
import typing as t
from dataclasses import dataclass
from dataclasses import field as dataclass_field

from ..base.row import Row
from .api_paths import is_path_valid, path_of, read_field, with_value
from .field import Field, identity
from .names import Names
from .values import is_too_deep, leaves

_INVALID = object()
_WORDS = {"true": True, "false": False}


def conform(fields: t.Iterable[Field], row: Row) -> tuple[Row, list[str]]:
    """Return an object of the API with the types of its fields, and the paths of values that cannot be converted.

    Such values are null in the result. Keys without a field are kept. If nothing is converted, the result is ``row``.
    """
    converter = _Converter()
    return converter.convert_row(fields, row, ""), converter.mismatches


def typed_result(fields: t.Iterable[Field], row: Row) -> tuple[Row, list[str]]:
    """Return an object of the API in collection terms with the types of its fields, without secrets, and the paths of
    values that cannot be converted. This is conform() and Field.from_api() in one pass."""
    converter = _Converter(is_result=True)
    result = {
        field.name: None if (value := read_field(field, row)) is None else converter.convert(field, value, field.name)
        for field in fields
        if not field.secret
    }
    return result, converter.mismatches


def secrets_of(fields: t.Iterable[Field], row: Row) -> t.Iterator[str]:
    """Yield the texts of the secret fields in an object of the API, of any type."""
    for field in fields:
        value = read_field(field, row) if field.has_secrets else None
        if field.secret and not is_too_deep(value):
            yield from (str(leaf) for leaf in leaves(value) if _is_secret_text(leaf))
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, dict):
                yield from secrets_of(field.fields, item)


def _is_secret_text(leaf: t.Any) -> bool:
    # A mask consists of one character.
    return isinstance(leaf, (str, int, float)) and not isinstance(leaf, bool) and len(set(str(leaf))) > 1


def to_scalar(type_: str, value: t.Any) -> t.Any:
    """Return a value in the type ``str``, ``int``, ``float`` or ``bool``, None for an empty text that is not a text.
    Raise ValueError if it cannot be converted."""
    typed = _SCALARS[type_](value)
    if typed is _INVALID:
        raise ValueError(f"not of the type {type_}")
    return typed


@dataclass
class _Converter:
    """Converts an object of the API, with ``is_result`` to collection terms. Collects the paths of invalid values."""

    is_result: bool = False
    mismatches: list[str] = dataclass_field(default_factory=list)

    def convert(self, field: Field, value: t.Any, path: str) -> t.Any:
        """Return a value with the type of its field, None if it cannot be converted."""
        if not field.fields and isinstance(value, (dict, list)) and is_too_deep(value):
            typed = self._report(path, None)
        elif field.names is not None:
            typed = self._objects(field, field.names, value, path)
        elif field.type == "list":
            typed = self._list(field, value, path)
        elif field.type == "dict" and isinstance(value, dict):
            typed = self._dict(field, value, path)
        else:
            typed = self._scalar(field, value, path)
        is_leaf = (not field.fields and field.names is None) or not isinstance(typed, (dict, list))
        return field.normalize(typed) if self.is_result and is_leaf and typed is not None else typed

    def convert_row(self, fields: t.Iterable[Field], row: Row, path: str) -> Row:
        """Return a dict of the API with converted values. If nothing is converted, the result is ``row``."""
        result = row
        for field in fields:
            if "." in (field.read_path or field.api_name) and not is_path_valid(field, row):
                # A parent of the value is not a dict. An update would replace it.
                self.mismatches.append(field.name)
                continue
            value = read_field(field, row)
            if value is None or field.secret:
                continue
            typed = self.convert(field, value, f"{path}.{field.name}" if path else field.name)
            if typed is not value:
                result = with_value(result, path_of(field), typed)
        return result

    def _dict(self, field: Field, value: Row, path: str) -> Row:
        if not self.is_result or not field.fields:
            return self.convert_row(field.fields, value, path)
        return {
            inner.name: None
            if (item := value[inner.api_name]) is None
            else self.convert(inner, item, f"{path}.{inner.name}")
            for inner in field.fields
            if inner.api_name in value and not inner.secret
        }

    def _scalar(self, field: Field, value: t.Any, path: str) -> t.Any:
        if field.type in ("raw", "path"):
            return value
        typed = _SCALARS.get(field.type, _reject)(value)
        if typed is not _INVALID:
            return typed
        return value if field.normalize is not identity and _normalizes(field, value) else self._report(path, None)

    def _objects(self, field: Field, names: Names, value: t.Any, path: str) -> t.Any:
        """Return the objects of another kind in a value, with ``is_result`` their names."""
        is_list = field.type == "list"
        if isinstance(value, list) != is_list:
            return self._report(path, None)
        items = [
            (f"{path}[{index}]" if is_list else path, item) for index, item in enumerate(value if is_list else [value])
        ]
        invalid = [item_path for item_path, item in items if item != "" and not names.is_valid(item)]
        self.mismatches += invalid
        if self.is_result:
            return names.shown(value)
        if not is_list:
            return None if invalid else value
        return [item for _path, item in items if names.is_valid(item)] if invalid else value

    def _list(self, field: Field, value: t.Any, path: str) -> t.Any:
        if field.separator and isinstance(value, str):
            value = [text for part in value.split(field.separator) if (text := part.strip())]
        if not isinstance(value, list):
            return self._report(path, None)
        if not field.fields and field.elements not in _SCALARS:
            return value
        items = [self._item(field, item, f"{path}[{index}]") for index, item in enumerate(value)]
        kept = [item for item in items if item is not _INVALID]
        return value if len(kept) == len(value) and all(map(_is_same, kept, value)) else kept

    def _item(self, field: Field, item: t.Any, path: str) -> t.Any:
        if field.fields and isinstance(item, dict):
            return self._dict(field, item, path)
        typed = _INVALID if field.fields else _SCALARS[field.elements](item)
        return self._report(path, _INVALID) if typed is _INVALID or typed is None else typed

    def _report(self, path: str, replacement: t.Any) -> t.Any:
        self.mismatches.append(path)
        return replacement


def _is_same(one: t.Any, other: t.Any) -> bool:
    return one is other


def _normalizes(field: Field, value: t.Any) -> bool:
    """Return whether Field.normalize converts a value, such as a size with a unit, to the type of the field."""
    try:
        normal = field.normalize(value)
    except (TypeError, ValueError, AttributeError, OverflowError):
        return False
    return normal is not None and _SCALARS.get(field.type, _reject)(normal) not in (None, _INVALID)


def _reject(_value: t.Any) -> t.Any:
    return _INVALID


def _to_text(value: t.Any) -> t.Any:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, (int, float)) else _INVALID


def _to_int(value: t.Any) -> t.Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lstrip("-").isdecimal():
        try:
            return int(value)
        except ValueError:  # too many digits or signs
            return _INVALID
    number = _to_float(value)
    if number is None or number is _INVALID:
        return number
    return int(number) if number.is_integer() else _INVALID


def _to_float(value: t.Any) -> t.Any:
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return _INVALID
    if isinstance(value, str) and not value.strip():
        # Esper returns an empty text for a number that is not set.
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return _INVALID
    return number if math.isfinite(number) else _INVALID


def _to_bool(value: t.Any) -> t.Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _WORDS.get(value.strip().lower(), _INVALID) if value.strip() else None
    return bool(value) if isinstance(value, int) and value in (0, 1) else _INVALID


_SCALARS: dict[str, t.Callable[[t.Any], t.Any]] = {
    "str": _to_text,
    "int": _to_int,
    "float": _to_float,
    "bool": _to_bool,
}


# --- values without a field -------------------------------------------------------------------------------------------


def to_text(value: t.Any) -> str | None:
    """Return a value as a text, None if it cannot be converted."""
    typed = _to_text(value)
    return None if typed is _INVALID else typed


def to_int(value: t.Any) -> int | None:
    """Return a value as an integer, None if it cannot be converted."""
    typed = _to_int(value)
    return None if typed is _INVALID else typed


def to_row(value: t.Any) -> Row:
    """Return a dict unchanged, an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def to_rows(value: t.Any) -> list[Row]:
    """Return the dicts in a list, none for anything but a list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
