# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The places of the fields of an object in the API: a key, or a dotted path such as ``profile.role``.

A field is read from ``read_path`` and written to ``write_path``. Both are ``api`` or the name unless they are set.
"""

from __future__ import annotations

import typing as t

from ..base.row import Row
from .field import Field


def path_of(field: Field) -> list[str]:
    """Return the keys that lead to the value of a field in an object of the API."""
    return (field.read_path or field.api_name).split(".")


def read_field(field: Field, row: Row) -> t.Any:
    """Return the value of a field in an object of the API, None if there is none."""
    key = field.read_path or field.api_name
    if "." not in key:
        return row.get(key)
    value: t.Any = row
    for key in path_of(field):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def has_place(field: Field, row: Row) -> bool:
    """Return whether an object of the API can have a value at the path of a field: each parent is a dict or missing."""
    parent: t.Any = row
    for key in path_of(field)[:-1]:
        parent = parent.get(key)
        if parent is None:
            return True
        if not isinstance(parent, dict):
            return False
    return True


def body_of(payloads: t.Iterable[tuple[Field, t.Any]], current: Row) -> Row:
    """Return the body of a request with the payloads of some fields.

    The body replaces whole keys, so a key with a dotted path in it also has the other values of the current object.
    """
    body: Row = {}
    for field, payload in payloads:
        key, *path = (field.write_path or field.api_name).split(".")
        body[key] = with_value(body.get(key, current.get(key)) if path else None, path, payload)
    return body


def with_value(value: t.Any, path: t.Sequence[str], payload: t.Any) -> t.Any:
    """Return a value with a payload at a path of keys in it. Other keys are kept."""
    if not path:
        return payload
    there = value if isinstance(value, dict) else {}
    return {**there, path[0]: with_value(there.get(path[0]), path[1:], payload)}
