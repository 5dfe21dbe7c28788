# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of blueprints in diffs: without the IDs of objects that have names.

An ID stays if its object has no name, or if two IDs with the same name differ, because the diff would not show this
change otherwise.
"""

from __future__ import annotations

import typing as t

from ..base.row import Row
from ..model.field import Field, Reference
from ..model.items import match_items


def without_ids(field: Field, before: Row, after: Row) -> tuple[Row, Row]:
    """Return the two sides of a diff of a dict in collection terms without the IDs of named objects."""
    before, after = dict(before), dict(after)
    for child in field.fields:
        one, other = before.get(child.name), after.get(child.name)
        if not child.fields:
            continue
        if isinstance(one, list) or isinstance(other, list):
            one, other = _lists_without_ids(child, one, other)
        elif isinstance(one, dict) or isinstance(other, dict):
            one, other = _items_without_ids(child, one, other)
        before |= {child.name: one} if child.name in before else {}
        after |= {child.name: other} if child.name in after else {}
    return before, after


def _lists_without_ids(field: Field, before: t.Any, after: t.Any) -> tuple[t.Any, t.Any]:
    ones = list(before) if isinstance(before, list) else []
    others = list(after) if isinstance(after, list) else []
    indexes = match_items(field, ones, others)
    for number, index in enumerate(indexes):
        if index is None:
            _none, others[number] = _items_without_ids(field, None, others[number])
        else:
            ones[index], others[number] = _items_without_ids(field, ones[index], others[number])
    for index, item in enumerate(ones):
        if index not in indexes:
            ones[index], _none = _items_without_ids(field, item, None)
    return ones if isinstance(before, list) else before, others if isinstance(after, list) else after


def _items_without_ids(field: Field, before: t.Any, after: t.Any) -> tuple[t.Any, t.Any]:
    """Return a dict before and after the change. Other values are not changed."""
    items = [item for item in (before, after) if isinstance(item, dict)]
    dropped = {
        key
        for reference in field.references
        for number, key in enumerate(reference.api_keys)
        if reference.options and _is_replaced(items, key, _names_of(reference, number))
    }
    if len(items) == 2 and items[0] == items[1]:
        dropped |= _needless_keys(field, items[0])
    one, other = without_ids(field, *(item if isinstance(item, dict) else {} for item in (before, after)))
    sides = [{key: value for key, value in side.items() if key not in dropped} for side in (one, other)]
    return sides[0] if isinstance(before, dict) else before, sides[1] if isinstance(after, dict) else after


def _names_of(reference: Reference, number: int) -> tuple[str, ...]:
    """Return the options that stand for an ID. All remaining ones stand for the last ID."""
    first = min(number, len(reference.options) - 1)
    return reference.options[first:] if number == len(reference.api_keys) - 1 else reference.options[first : first + 1]


def _is_replaced(items: list[Row], key: str, options: tuple[str, ...]) -> bool:
    """Return whether the names of an object say all that its ID says. The first option is its name, the others are
    further properties."""
    with_id = [item for item in items if item.get(key) is not None]
    if any(item.get(options[0]) is None for item in with_id):
        return False
    names = [tuple(item.get(option) for option in options) for item in with_id]
    return len({str(item[key]) for item in with_id}) == len(set(map(str, names)))


def _needless_keys(field: Field, item: Row) -> set[str]:
    """Return the keys of IDs in an item that does not change, if it has another key."""
    ids = {key for reference in field.references if reference.options for key in reference.api_keys}
    keys = {name for key in field.map_keys for name in key} - ids
    return ids if any(item.get(name) is not None for name in keys) else set()
