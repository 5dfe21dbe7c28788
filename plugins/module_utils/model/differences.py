# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The differences between two records, by path, for people to read."""

from __future__ import annotations

import typing as t

from ..base.row import Row
from .compare import is_set
from .field import Field
from .items import item_label, match_items
from .values import matches


def differences(field: Field, before: t.Any, after: t.Any, path: str = "") -> t.Iterator[Row]:
    """Return ``path``, ``before`` and ``after`` of each place where two values in collection terms differ."""
    if field.fields and isinstance(before, dict) and isinstance(after, dict):
        for each in field.fields:
            inside = f"{path}.{each.name}" if path else each.name
            yield from differences(each, before.get(each.name), after.get(each.name), inside)
    elif field.map_keys and (isinstance(before, list) or isinstance(after, list)):
        yield from _of_items(field, before or [], after or [], path)
    elif (is_set(field, before) or is_set(field, after)) and not _is_same(field, before, after):
        yield {"path": path, "before": before, "after": after}


def _is_same(field: Field, one: t.Any, other: t.Any) -> bool:
    rules = {"ordered": field.list_type != "set", "typed": field.opaque}
    return matches(one, other, **rules) and matches(other, one, **rules)


def _of_items(field: Field, before: list[t.Any], after: list[t.Any], path: str) -> t.Iterator[Row]:
    places = match_items(field, before, after)
    partners = {place: item for place, item in zip(places, after, strict=True) if place is not None}
    new = {number: item for number, item in enumerate(after) if places[number] is None}
    for place, item in enumerate(before):
        same = next((number for number, other in new.items() if place not in partners and other == item), None)
        if same is None:
            label = item_label(field, item, place)
            yield from differences(field, item, partners.get(place), f"{path}[{label}]")
        else:
            # Without a key, two dicts are the same only if everything in them is.
            del new[same]
    for number, item in new.items():
        yield from differences(field, None, item, f"{path}[{item_label(field, item, number)}]")
