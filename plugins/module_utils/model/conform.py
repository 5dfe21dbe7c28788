# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Types at the door: the values of a response are brought to the types that their fields describe, in one place.

The API mixes types up ("5" for 5, "true" for true), and a service can return anything. Behind the door, a value has the
type of its field or is null.
"""

from __future__ import annotations

import math
import typing as t

from ..base.row import Row
from .api_paths import path_of, read_field, with_value
from .field import Field, as_it_is

_MISFIT = object()
_WORDS = {"true": True, "false": False}


def conform(fields: t.Iterable[Field], row: Row) -> tuple[Row, list[str]]:
    """Return an object of the API with the described types, and the paths of the values that could not be brought to
    their type, which are null. Keys without a field are kept. A row that fits is returned itself."""
    misfits: list[str] = []
    return _dict(fields, row, "", misfits), misfits


def _dict(fields: t.Iterable[Field], row: Row, path: str, misfits: list[str]) -> Row:
    typed = row
    for field in fields:
        value = read_field(field, row)
        if value is None:
            continue
        fitting = _value(field, value, f"{path}.{field.name}" if path else field.name, misfits)
        if fitting is not value:
            typed = with_value(typed, path_of(field), fitting)
    return typed


def _value(field: Field, value: t.Any, path: str, misfits: list[str]) -> t.Any:
    if field.secret or field.type in ("raw", "path"):
        return value
    if field.type == "list":
        return _list(field, value, path, misfits)
    if field.type == "dict" and isinstance(value, dict):
        return _dict(field.fields, value, path, misfits)
    if field.normalize is not as_it_is and _fits(field, value):
        return value
    typed = _SCALARS.get(field.type, _misfit)(value)
    if typed is _MISFIT:
        misfits.append(path)
        return None
    return typed


def _list(field: Field, value: t.Any, path: str, misfits: list[str]) -> t.Any:
    if not isinstance(value, list):
        misfits.append(path)
        return None
    if field.fields:
        items = [_item(field, item, f"{path}[{place}]", misfits) for place, item in enumerate(value)]
    elif field.elements in _SCALARS:
        items = [_scalar(field.elements, item, f"{path}[{place}]", misfits) for place, item in enumerate(value)]
    else:
        return value
    kept = [item for item in items if item is not _MISFIT]
    return value if len(kept) == len(value) and all(map(_is_same, kept, value)) else kept


def _item(field: Field, item: t.Any, path: str, misfits: list[str]) -> t.Any:
    if isinstance(item, dict):
        return _dict(field.fields, item, path, misfits)
    misfits.append(path)
    return _MISFIT


def _scalar(type_: str, value: t.Any, path: str, misfits: list[str]) -> t.Any:
    typed = _SCALARS[type_](value)
    if typed is _MISFIT or typed is None:
        misfits.append(path)
        return _MISFIT
    return typed


def _is_same(one: t.Any, other: t.Any) -> bool:
    return one is other


def _fits(field: Field, value: t.Any) -> bool:
    """Return whether the field's own normal form of a value has the type of the field."""
    try:
        normal = field.normalize(value)
    except (TypeError, ValueError, AttributeError):
        return False
    return normal is not None and _SCALARS.get(field.type, _misfit)(normal) is not _MISFIT


def _misfit(_value: t.Any) -> t.Any:
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
