# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths of fields in an object of the API: a key, or a dotted path such as ``profile.role``.

A field is read from ``read_path`` and written to ``write_path``. Both default to ``api``, which defaults to the name.
"""

from __future__ import annotations

import typing as t

from ..base.row import Row
from .field import Field
from .values import NULL


def path_of(field: Field) -> list[str]:
    """Return the path of a field in an object of the API, as a list of keys."""
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


def is_path_valid(field: Field, row: Row) -> bool:
    """Return whether each parent of a field in an object of the API is a dict or missing."""
    parent: t.Any = row
    for key in path_of(field)[:-1]:
        parent = parent.get(key)
        if parent is None:
            return True
        if not isinstance(parent, dict):
            return False
    return True


def body_of(payloads: t.Iterable[tuple[Field, t.Any]], current: Row) -> Row:
    """Return the body of a request from fields and their payloads.

    The API replaces whole keys. For a field with a dotted path, the body also has the other current values in its key.
    """
    body: Row = {}
    for field, payload in payloads:
        key, *path = (field.write_path or field.api_name).split(".")
        sent = None if payload is NULL else payload
        body[key] = with_value(body.get(key, current.get(key)) if path else None, path, sent)
    return body


def with_value(value: t.Any, path: t.Sequence[str], payload: t.Any) -> t.Any:
    """Return a copy of a value with a payload at a path of keys. Other keys are kept."""
    if not path:
        return payload
    row = value if isinstance(value, dict) else {}
    return {**row, path[0]: with_value(row.get(path[0]), path[1:], payload)}
