# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of dicts with keys: matching the dicts of two lists, and finding duplicates in a list."""

from __future__ import annotations

import typing as t

from ..base.row import Row
from .field import Field
from .values import matches

Key = tuple[str, ...]
"""The names of the fields that together identify a dict."""


def match_items(field: Field, items: t.Sequence[t.Any], desired: t.Sequence[Row]) -> list[int | None]:
    """Return the index in ``items`` of the match of each desired dict, None if there is no match.

    ``items`` are in collection terms. The first key is tried for all dicts, then the next one for the remaining dicts.
    An item matches one dict at most. Without keys, items match by order.
    """
    if not field.map_keys:
        return [index if index < len(items) else None for index in range(len(desired))]
    indexes: list[int | None] = [None] * len(desired)
    unmatched = dict(enumerate(items))
    for key in field.map_keys:
        for number, row in enumerate(desired):
            if indexes[number] is not None:
                continue
            index = next((index for index, item in unmatched.items() if _has_same_key(key, row, item)), None)
            if index is not None:
                indexes[number] = index
                del unmatched[index]
    return indexes


def match_api_items(field: Field, items: t.Sequence[t.Any], desired: t.Sequence[Row]) -> list[int | None]:
    """Return the result of match_items() for ``items`` in API format."""
    names = {name for key in field.map_keys for name in key}
    keys = [inner for inner in field.fields if inner.name in names]
    converted = [
        {inner.name: inner.from_api(item.get(inner.api_name)) for inner in keys} if isinstance(item, dict) else None
        for item in items
    ]
    return match_items(field, converted, desired)


def duplicates(field: Field, desired: t.Sequence[Row]) -> t.Iterator[tuple[int, int]]:
    """Yield the indexes of each pair of dicts with the same key, the later one first.

    Each pair is compared by the first key that both dicts have.
    """
    for index, item in enumerate(desired if field.map_keys else ()):
        for earlier, other in enumerate(desired[:index]):
            if _is_duplicate(field.map_keys, other, item):
                yield index, earlier


def item_label(field: Field, item: Row, index: int) -> t.Any:
    """Return the value that identifies a dict of a list in messages, its index if there is none."""
    names = [key[0] for key in reversed(field.map_keys) if len(key) == 1]
    return next((item[name] for name in names if item.get(name) is not None), index)


def _is_duplicate(keys: t.Iterable[Key], one: Row, other: Row) -> bool:
    for key in keys:
        if all(item.get(name) is not None for item in (one, other) for name in key):
            return _has_same_key(key, one, other)
    return False


def _has_same_key(key: Key, desired: Row, item: t.Any) -> bool:
    """Return whether two dicts have the same values in all fields of a key. Null matches nothing."""
    return isinstance(item, dict) and all(
        desired.get(name) is not None and item.get(name) is not None and matches(item[name], desired[name])
        for name in key
    )
