# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The types of the values of a device in collection terms, whatever the response contains.

A large fleet has only a few combinations of types, so the values of most devices are not looked at one by one.
"""

from __future__ import annotations

import math
import typing as t

from ..base.row import Row
from ..model.conform import to_scalar

# The types of the values that are not texts: the name of a type, of the items of a list, or those in a dict.
_Types = t.Mapping[str, t.Union[str, tuple[str], "_Types"]]
_TYPES: _Types = {
    "state_code": "int",
    "tag_ids": ("str",),
    "battery_level": "float",
    "hardware": {},
    "network": {"ip_addresses": ("str",)},
    "is_gms": "bool",
    "is_supervised": "bool",
    "is_locked_down": "bool",
    "software": {},
    # Esper does not document the units, so the values stay in API format.
    "memory": {"total_ram": "raw", "total_storage": "raw", "available_ram": "raw", "available_storage": "raw"},
    "location": {},
}
_MAX_SHAPES = 10_000

_Shape = tuple[t.Any, ...]
_valid_shapes: set[_Shape] = set()


def with_types(host: Row) -> tuple[Row, t.Sequence[str]]:
    """Return a device with values of the right types or null, and the names of the values that cannot be converted. If
    nothing is converted, the result is ``host``."""
    shape = _shape_of(host)
    if shape in _valid_shapes:
        level = host.get("battery_level")
        if level.__class__ is not float or math.isfinite(level):
            return host, ()
    mismatches: list[str] = []
    typed = _convert(_TYPES, host, "", mismatches)
    if typed != host or _shape_of(typed) != shape:
        return typed, mismatches
    # The type of a number does not show whether it is finite.
    if len(_valid_shapes) < _MAX_SHAPES and float not in map(type, host.get("memory", {}).values()):
        _valid_shapes.add(shape)
    return host, ()


def _shape_of(host: Row) -> _Shape:
    """Return the types of all values of a device. This is called for each device of a fleet."""
    shape: list[t.Any] = [*map(type, host.values())]
    items = host["tag_ids"]
    if items.__class__ is list:
        shape += map(type, items)
    if "network" in host:
        network = host["network"]
        shape += (None, *map(type, host["hardware"].values()), None, *map(type, network.values()), None)
        items = network["ip_addresses"]
        if items.__class__ is list:
            shape += map(type, items)
    if "memory" in host:
        for name in ("software", "memory", "location"):
            shape += (None, *map(type, host[name].values()))
    return tuple(shape)


def _convert(types: _Types, values: Row, path: str, mismatches: list[str]) -> Row:
    return {
        name: None if value is None else _converted(types.get(name, "str"), value, f"{path}{name}", mismatches)
        for name, value in values.items()
    }


def _converted(type_: str | tuple[str] | _Types, value: t.Any, path: str, mismatches: list[str]) -> t.Any:
    if isinstance(type_, str):
        return _scalar(type_, value, path, mismatches)
    if isinstance(type_, tuple):
        if not isinstance(value, list):
            mismatches.append(path)
            return []
        items = [_scalar(type_[0], item, f"{path}[{index}]", mismatches) for index, item in enumerate(value)]
        return [item for item in items if item is not None]
    return _convert(type_, value, f"{path}.", mismatches)


def _scalar(type_: str, value: t.Any, path: str, mismatches: list[str]) -> t.Any:
    if type_ == "float" and isinstance(value, int) and not isinstance(value, bool):
        return value
    if type_ == "raw":
        type_ = "str" if isinstance(value, str) else "float" if isinstance(value, float) else "int"
    try:
        return to_scalar(type_, value)
    except ValueError:
        mismatches.append(path)
        return None
