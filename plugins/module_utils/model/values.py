# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Comparison and merge of plain values, and the values in them. A comparison ignores keys that are not desired."""

from __future__ import annotations

import json
import re
import typing as t

from ..base.text import composed

NULL = object()
"""The null of a request that removes a value. None is a value that is not sent."""

_OMIT = re.compile(r"__omit_place_holder__[0-9a-f]{40}")
# Maximum number of levels of a value without a description. Ansible fails with several hundred.
LEVELS = 100


def matches(current: t.Any, desired: t.Any, *, ordered: bool = True, typed: bool = False) -> bool:
    """Return whether ``current`` contains ``desired``.

    Dicts are compared by the keys of ``desired``. The order of lists counts, unless ``ordered`` is false. Values that
    the API returns in another type are equal: 5 and "5", true and "true", null and "". With ``typed``, they are JSON
    that Esper passes on, so types count, and null differs from a missing key. Numbers of the same value are equal.
    """
    if typed:
        # The API can omit an empty value.
        return (current is None and desired in ({}, [])) or _matches_json(current, desired)
    if isinstance(desired, dict):
        current = {} if current is None else current
        return isinstance(current, dict) and all(matches(current.get(key), value) for key, value in desired.items())
    if isinstance(desired, (list, tuple)):
        return _matches_list([] if current is None else current, desired, ordered)
    return not isinstance(current, (dict, list)) and _text(current) == _text(desired)


def deep_merge(current: t.Any, desired: t.Any) -> t.Any:
    """Return ``current`` with the values of ``desired``, so that matches(deep_merge(c, d), d) is true."""
    if isinstance(desired, dict) and isinstance(current, dict):
        return {**current, **{key: deep_merge(current.get(key), value) for key, value in desired.items()}}
    return desired


def is_too_deep(value: t.Any) -> bool:
    """Return whether dicts and lists are nested so deeply that Ansible cannot process the value."""
    level = [value] if isinstance(value, (dict, list)) else []
    for _depth in range(LEVELS):
        items = (item for each in level for item in (each.values() if isinstance(each, dict) else each))
        level = [item for item in items if isinstance(item, (dict, list))]
        if not level:
            break
    return bool(level)


def leaves(value: t.Any) -> t.Iterator[t.Any]:
    """Yield each value in dicts and lists at any depth that is neither a dict nor a list. Keys are no values."""
    if isinstance(value, t.Mapping):
        for item in value.values():
            yield from leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item)
    else:
        yield value


def without_omit(value: t.Any) -> t.Any:
    """Return a value without the placeholders of the variable ``omit``.

    Before ansible-core 2.19, ``omit`` inside a list is a text that Ansible does not remove.
    """
    if isinstance(value, t.Mapping):
        return {key: without_omit(item) for key, item in value.items() if not _is_omit(item)}
    if isinstance(value, list):
        return [without_omit(item) for item in value if not _is_omit(item)]
    return value


def _is_omit(value: t.Any) -> bool:
    return isinstance(value, str) and _OMIT.fullmatch(value) is not None


def _matches_list(current: t.Any, desired: t.Sequence[t.Any], ordered: bool) -> bool:
    if not isinstance(current, (list, tuple)):
        return False
    if not ordered:
        return {_canonical(item) for item in current} == {_canonical(item) for item in desired}
    return len(current) == len(desired) and all(map(matches, current, desired))


def _matches_json(current: t.Any, desired: t.Any) -> bool:
    if isinstance(desired, dict):
        return isinstance(current, dict) and all(
            key in current and _matches_json(current[key], value) for key, value in desired.items()
        )
    if isinstance(desired, list):
        return isinstance(current, list) and len(current) == len(desired) and all(map(_matches_json, current, desired))
    return isinstance(current, bool) == isinstance(desired, bool) and bool(current == desired)


def _canonical(value: t.Any) -> str:
    """Return the same text for all values that are equal."""
    if isinstance(value, dict):
        return json.dumps({key: _canonical(item) for key, item in value.items()}, sort_keys=True)
    if isinstance(value, (list, tuple)):
        return json.dumps([_canonical(item) for item in value])
    return _text(value)


def _text(value: t.Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return composed(str(value))
