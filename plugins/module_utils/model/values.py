# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether what is wanted is already so. Pure functions on plain values; only what was said is compared."""

from __future__ import annotations

import json
import typing as t


def satisfied(current: t.Any, desired: t.Any, items: str = "") -> bool:
    """Whether ``current`` already holds all that ``desired`` says.

    Dicts are compared key by key on what ``desired`` has. Lists are values whose order counts, unless ``items`` is
    "set" (order does not count) or names the key that tells their dicts apart (each is then compared with its
    namesake, and others in ``current`` are left alone). Scalars are equal across the types that the API mixes up:
    5 and "5", true and "true", null and "".
    """
    if isinstance(desired, dict):
        current = {} if current is None else current
        return isinstance(current, dict) and all(satisfied(current.get(key), value) for key, value in desired.items())
    if isinstance(desired, (list, tuple)):
        return _list_satisfied([] if current is None else current, desired, items)
    return not isinstance(current, (dict, list)) and _text(current) == _text(desired)


def merged(current: t.Any, desired: t.Any, items: str = "") -> t.Any:
    """``current`` with all that ``desired`` says, so that satisfied(merged(c, d), d) holds."""
    if isinstance(desired, dict) and isinstance(current, dict):
        return {**current, **{key: merged(current.get(key), value) for key, value in desired.items()}}
    if isinstance(desired, list) and isinstance(current, list) and items not in ("", "set"):
        wanted = {_identity(item, items): item for item in desired}
        there = {_identity(item, items) for item in current}
        kept = [merged(item, wanted.get(_identity(item, items), item)) for item in current]
        return kept + [item for identity, item in wanted.items() if identity not in there]
    return desired


def _list_satisfied(current: t.Any, desired: t.Sequence[t.Any], items: str) -> bool:
    if not isinstance(current, (list, tuple)):
        return False
    if items == "set":
        return {_canonical(item) for item in current} == {_canonical(item) for item in desired}
    if items:
        there = {_identity(item, items): item for item in current}
        return all(
            _identity(item, items) in there and satisfied(there[_identity(item, items)], item) for item in desired
        )
    return len(current) == len(desired) and all(
        satisfied(have, want) for have, want in zip(current, desired, strict=True)
    )


def _identity(item: t.Any, key: str) -> str:
    return _text(item.get(key)) if isinstance(item, dict) else _text(item)


def _canonical(value: t.Any) -> str:
    """One text for all values that count as equal."""
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
    return str(value)


def matches(current: t.Any, desired: t.Any, *, ordered: bool = True, typed: bool = False) -> bool:
    """Return whether ``current`` has everything that ``desired`` has.

    Dicts are compared by the keys of ``desired``. The order of lists counts, unless ``ordered`` is false. Values are
    equal across the types that the API mixes up: 5 and "5", true and "true", null and "". With ``typed`` they are
    JSON that Esper passes on: only numbers of the same value are equal, and null differs from a missing key.
    """
    if typed:
        return _matches_json(current, desired)
    return satisfied(current, desired, "" if ordered else "set")


def deep_merge(current: t.Any, desired: t.Any) -> t.Any:
    """Return ``current`` with everything that ``desired`` has, so that matches(deep_merge(c, d), d) is true."""
    return merged(current, desired)


def _matches_json(current: t.Any, desired: t.Any) -> bool:
    # The API can omit empty values.
    return (current is None and desired in ({}, [])) or _has_json(current, desired)


def _has_json(current: t.Any, desired: t.Any) -> bool:
    if isinstance(desired, dict):
        return isinstance(current, dict) and all(
            key in current and _has_json(current[key], value) for key, value in desired.items()
        )
    if isinstance(desired, list):
        return isinstance(current, list) and len(current) == len(desired) and all(map(_has_json, current, desired))
    return isinstance(current, bool) == isinstance(desired, bool) and bool(current == desired)
