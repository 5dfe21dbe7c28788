# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists whose dicts have keys: which dicts of two lists belong together, and which of one list are duplicates."""

from __future__ import annotations

import typing as t

from ..base.row import Row
from .field import Field
from .values import matches

Key = tuple[str, ...]
"""The names of the fields that identify a dict together."""


def match_items(field: Field, items: t.Sequence[t.Any], desired: t.Sequence[Row]) -> list[int | None]:
    """Return the index in ``items``, a list in collection terms, of each desired dict, None for those without one.

    The best key decides first, then the next one for the dicts that are left. No two dicts have the same index. Without
    keys, the order decides.
    """
    if not field.map_keys:
        return [number if number < len(items) else None for number in range(len(desired))]
    found: list[int | None] = [None] * len(desired)
    free = dict(enumerate(items))
    for key in field.map_keys:
        for number, wanted in enumerate(desired):
            if found[number] is not None:
                continue
            index = next((index for index, item in free.items() if _has_same_key(key, wanted, item)), None)
            if index is not None:
                found[number] = index
                del free[index]
    return found


def match_api_items(field: Field, items: t.Sequence[t.Any], desired: t.Sequence[Row]) -> list[int | None]:
    """Return the same as match_items() for ``items`` in API format."""
    names = {name for key in field.map_keys for name in key}
    known = [each for each in field.fields if each.name in names]
    converted = [
        {each.name: each.from_api(item.get(each.api_name)) for each in known} if isinstance(item, dict) else None
        for item in items
    ]
    return match_items(field, converted, desired)


def duplicates(field: Field, desired: t.Sequence[Row]) -> t.Iterator[tuple[int, int]]:
    """Return the indexes of each two dicts that have the same key, the later one first.

    The first key that both dicts have decides.
    """
    for number, item in enumerate(desired if field.map_keys else ()):
        for former, other in enumerate(desired[:number]):
            if _is_duplicate(field.map_keys, other, item):
                yield number, former


def item_label(field: Field, item: Row, index: int) -> t.Any:
    """Return the value by which people know a dict of a list, or its index."""
    names = [key[0] for key in reversed(field.map_keys) if len(key) == 1]
    return next((item[name] for name in names if item.get(name) is not None), index)


def _is_duplicate(keys: t.Iterable[Key], one: Row, other: Row) -> bool:
    for key in keys:
        if all(item.get(name) is not None for item in (one, other) for name in key):
            return _has_same_key(key, one, other)
    return False


def _has_same_key(key: Key, desired: Row, item: t.Any) -> bool:
    """Return whether two dicts have the same values in all fields of a key, none of them null."""
    return isinstance(item, dict) and all(
        desired.get(name) is not None and item.get(name) is not None and matches(item[name], desired[name])
        for name in key
    )
