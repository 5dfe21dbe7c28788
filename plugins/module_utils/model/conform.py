# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Types at the door: the values of a response are brought to the types that their fields describe, in one place.

The API mixes types up ("5" for 5, "true" for true), and a service can return anything. Behind the door, a value has the
type of its field or is null.
"""

from __future__ import annotations

import math
import typing as t
from dataclasses import dataclass
from dataclasses import field as dataclass_field

from ..base.row import Row
from .api_paths import has_place, path_of, read_field, with_value
from .field import Field, as_it_is

_MISFIT = object()
_WORDS = {"true": True, "false": False}


def conform(fields: t.Iterable[Field], row: Row) -> tuple[Row, list[str]]:
    """Return an object of the API with the described types, and the paths of the values that could not be brought to
    their type, which are null. Keys without a field are kept. A row that fits is returned itself."""
    fold = _Fold()
    return fold.typed_dict(fields, row, ""), fold.misfits


def typed_result(fields: t.Iterable[Field], row: Row) -> tuple[Row, list[str]]:
    """Return an object of the API in collection terms, without secrets, with the described types, and the paths of the
    values that are null because of their type. This is conform() and Field.from_api() in one pass."""
    fold = _Fold(is_result=True)
    result = {
        each.name: None if (value := read_field(each, row)) is None else fold.value(each, value, each.name)
        for each in fields
        if not each.secret
    }
    return result, fold.misfits


@dataclass
class _Fold:
    """One pass over an object of the API. With ``is_result``, the values are returned in collection terms."""

    is_result: bool = False
    misfits: list[str] = dataclass_field(default_factory=list)

    def value(self, field: Field, value: t.Any, path: str) -> t.Any:
        """Return a value of a field with the type of the field, null if that is not possible."""
        if field.type == "list":
            typed = self._list(field, value, path)
        elif field.type == "dict" and isinstance(value, dict):
            typed = self._dict(field, value, path)
        else:
            typed = self._scalar(field, value, path)
        is_leaf = not field.fields or not isinstance(typed, (dict, list))
        return field.normalize(typed) if self.is_result and is_leaf and typed is not None else typed

    def typed_dict(self, fields: t.Iterable[Field], row: Row, path: str) -> Row:
        """Return a dict of the API with typed values. One that fits is returned itself."""
        typed = row
        for field in fields:
            if "." in (field.read_path or field.api_name) and not has_place(field, row):
                # The parent of the value is something else than a dict. A write would replace it.
                self.misfits.append(field.name)
                continue
            value = read_field(field, row)
            if value is None or field.secret:
                continue
            fitting = self.value(field, value, f"{path}.{field.name}" if path else field.name)
            if fitting is not value:
                typed = with_value(typed, path_of(field), fitting)
        return typed

    def _dict(self, field: Field, value: Row, path: str) -> Row:
        if not self.is_result or not field.fields:
            return self.typed_dict(field.fields, value, path)
        return {
            each.name: None if (item := value[each.api_name]) is None else self.value(each, item, f"{path}.{each.name}")
            for each in field.fields
            if each.api_name in value and not each.secret
        }

    def _scalar(self, field: Field, value: t.Any, path: str) -> t.Any:
        if field.type in ("raw", "path") or (field.normalize is not as_it_is and _fits(field, value)):
            return value
        typed = _SCALARS.get(field.type, _no_scalar)(value)
        return typed if typed is not _MISFIT else self._misfit(path, None)

    def _list(self, field: Field, value: t.Any, path: str) -> t.Any:
        if not isinstance(value, list):
            return self._misfit(path, None)
        if not field.fields and field.elements not in _SCALARS:
            return value
        items = [self._item(field, item, f"{path}[{place}]") for place, item in enumerate(value)]
        kept = [item for item in items if item is not _MISFIT]
        return value if len(kept) == len(value) and all(map(_is_same, kept, value)) else kept

    def _item(self, field: Field, item: t.Any, path: str) -> t.Any:
        if field.fields and isinstance(item, dict):
            return self._dict(field, item, path)
        typed = _MISFIT if field.fields else _SCALARS[field.elements](item)
        return self._misfit(path, _MISFIT) if typed is _MISFIT or typed is None else typed

    def _misfit(self, path: str, instead: t.Any) -> t.Any:
        self.misfits.append(path)
        return instead


def _is_same(one: t.Any, other: t.Any) -> bool:
    return one is other


def _fits(field: Field, value: t.Any) -> bool:
    """Return whether the field's own normal form of a value, such as a size with a unit, has the type of the field."""
    try:
        normal = field.normalize(value)
    except (TypeError, ValueError, AttributeError):
        return False
    return normal is not None and _SCALARS.get(field.type, _no_scalar)(normal) is not _MISFIT


def _no_scalar(_value: t.Any) -> t.Any:
    return _MISFIT


def _to_text(value: t.Any) -> t.Any:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, (int, float)) else _MISFIT


def _to_int(value: t.Any) -> t.Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lstrip("-").isdecimal():
        try:
            return int(value)
        except ValueError:  # too many digits, or several signs
            return _MISFIT
    number = _to_float(value)
    if number is None or number is _MISFIT:
        return number
    return int(number) if number.is_integer() else _MISFIT


def _to_float(value: t.Any) -> t.Any:
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return _MISFIT
    if isinstance(value, str) and not value.strip():
        # Esper writes an empty text for a number that is not set.
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return _MISFIT
    return number if math.isfinite(number) else _MISFIT


def _to_bool(value: t.Any) -> t.Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _WORDS.get(value.strip().lower(), _MISFIT) if value.strip() else None
    return bool(value) if isinstance(value, int) and value in (0, 1) else _MISFIT


_SCALARS: dict[str, t.Callable[[t.Any], t.Any]] = {
    "str": _to_text,
    "int": _to_int,
    "float": _to_float,
    "bool": _to_bool,
}
