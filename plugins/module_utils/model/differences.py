# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Differences between two values by path, for people."""

from __future__ import annotations

import typing as t

from ..base.row import Row
from .compare import is_set
from .field import Field
from .items import item_label, match_items
from .kind import Kind
from .plan import Plan
from .unknowns import hide_unknowns
from .values import matches


def differences(field: Field, before: t.Any, after: t.Any, path: str = "") -> t.Iterator[Row]:
    """Yield ``path``, ``before`` and ``after`` of each difference between two values in collection terms."""
    if field.fields and isinstance(before, dict) and isinstance(after, dict):
        for inner in field.fields:
            inner_path = f"{path}.{inner.name}" if path else inner.name
            yield from differences(inner, before.get(inner.name), after.get(inner.name), inner_path)
    elif field.map_keys and (isinstance(before, list) or isinstance(after, list)):
        yield from _item_differences(field, before or [], after or [], path)
    elif (is_set(field, before) or is_set(field, after)) and not _is_same(field, before, after):
        yield {"path": path, "before": before, "after": after}


def object_differences(fields: t.Sequence[Field], before: Row, after: Row) -> t.Iterator[Row]:
    """Yield the differences between two objects in collection terms: see differences(). Values that are no fields, such
    as the checksum of a file, are compared as a whole."""
    known = {field.name: field for field in fields}
    for name in {**before, **after}:
        one, other = before.get(name), after.get(name)
        if name in known:
            yield from differences(known[name], one, other, name)
        elif one != other:
            yield {"path": name, "before": one, "after": other}


def plan_changes(kind: Kind, plan: Plan) -> list[Row]:
    """Return the differences that a plan makes, field by field: see differences().

    Those of another object that changes with the object, such as a parent that is created, also have its title as
    ``object``. Values that are known only after a request are None.
    """
    current = plan.current
    own = kind.header(current) if current is not None else plan.changes[-1].title if plan.changes else ""
    rows: list[Row] = []
    for change in plan.changes:
        other = {} if change.title == own else {"object": change.title}
        before, after = hide_unknowns(change.before), hide_unknowns(change.after)
        rows += [{**row, **other} for row in object_differences(kind.fields, before, after)]
    return rows


def _is_same(field: Field, one: t.Any, other: t.Any) -> bool:
    rules = {"ordered": field.list_type != "set", "typed": field.opaque}
    return matches(one, other, **rules) and matches(other, one, **rules)


def _item_differences(field: Field, before: list[t.Any], after: list[t.Any], path: str) -> t.Iterator[Row]:
    indexes = match_items(field, before, after)
    matched = {index: item for index, item in zip(indexes, after, strict=True) if index is not None}
    added = {number: item for number, item in enumerate(after) if indexes[number] is None}
    for index, item in enumerate(before):
        # A dict without a value in its keys matches only an equal one.
        equal = next((number for number, other in added.items() if index not in matched and other == item), None)
        if equal is None:
            label = item_label(field, item, index)
            yield from differences(field, item, matched.get(index), f"{path}[{label}]")
        else:
            del added[equal]
    for number, item in added.items():
        yield from differences(field, None, item, f"{path}[{item_label(field, item, number)}]")
