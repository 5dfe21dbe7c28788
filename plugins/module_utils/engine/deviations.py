# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Accepted deviations: differences between a task and the tenant that plans leave alone."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..base.errors import InvalidParameter
from ..base.row import Params, Row
from ..model.compare import HIDDEN
from ..model.differences import plan_changes
from ..model.field import Field
from ..model.items import item_label, match_items
from ..model.kind import Kind
from ..model.plan import Plan
from .planner import planner_of
from .tenant_view import TenantView


@dataclass(frozen=True)
class Deviation:
    """An accepted deviation of the object of a kind with a name. ``field`` is the path of a value with everything in
    it, "" for the whole object. ``until`` is its last day, "" if it has none."""

    kind: str
    name: str
    field: str
    reason: str
    until: str

    @property
    def label(self) -> str:
        """The object and the field, for messages."""
        return f"{self.field} of the {self.kind} '{self.name}'" if self.field else f"the {self.kind} '{self.name}'"

    @property
    def explanation(self) -> str:
        """The reason with the last day."""
        return f"{self.reason} (until {self.until})" if self.until else self.reason

    def covers(self, path: str) -> bool:
        """Return whether the deviation accepts a difference at a path: see model/differences.py."""
        return not self.field or path == self.field or path.startswith((f"{self.field}.", f"{self.field}["))

    def accept(self, path: str | None, before: t.Any = None, after: t.Any = None) -> Row:
        """Return the record of an accepted difference."""
        values: Row = {"field": path, "before": before, "after": after}
        return {**values, "reason": self.reason, "until": self.until or None}


def plan_without_accepted(
    view: TenantView, kind: Kind, params: Params, plan: Plan, deviations: t.Sequence[Deviation]
) -> tuple[Plan, list[Row]]:
    """Return the plan of an object that leaves accepted deviations alone, and the records of those that exist.

    ``deviations`` are those of the object. Raise InvalidParameter if a change of other values would also change an
    accepted one.
    """
    if not plan.steps or not deviations:
        return plan, []
    changes = plan_changes(kind, plan)
    if whole := next((each for each in deviations if not each.field), None):
        accepted = [whole.accept(each["path"], each["before"], each["after"]) for each in changes]
        is_compared = plan.current is not None and plan.record is not None
        return _unchanged(view, kind, plan), accepted if is_compared else [whole.accept(None)]
    if plan.current is None or plan.record is None:
        return plan, []
    covering = {each["path"]: found for each in changes if (found := _covering(deviations, each["path"]))}
    accepted = [
        covering[each["path"]].accept(each["path"], each["before"], each["after"])
        for each in changes
        if each["path"] in covering
    ]
    if not accepted:
        return plan, []
    if len(accepted) == len(changes):
        return _unchanged(view, kind, plan), accepted
    again = planner_of(view, kind).plan(_with_current(kind, params, plan, deviations), plan.current)
    if lost := [each["path"] for each in plan_changes(kind, again) if _covering(deviations, each["path"])]:
        raise InvalidParameter(
            f"Cannot leave {' and '.join(lost)} alone as an accepted deviation while other values change. Accept the"
            " whole object without a field, or remove the deviation."
        )
    return again, accepted


def _covering(deviations: t.Iterable[Deviation], path: str) -> Deviation | None:
    return next((each for each in deviations if each.covers(path)), None)


def _unchanged(view: TenantView, kind: Kind, plan: Plan) -> Plan:
    """Return the plan that leaves an object alone."""
    if plan.current is None:
        return Plan(None)
    return Plan(view.with_names(kind, kind.to_result(plan.current)), current=plan.current)


def _with_current(kind: Kind, params: Params, plan: Plan, deviations: t.Sequence[Deviation]) -> Params:
    """Return parameters that have the current values in place of those with an accepted deviation."""
    current = kind.to_result(plan.current or {})
    for change in plan.changes:
        current = {**current, **change.before}
    current = _without_hidden(current)
    result = dict(params)
    for field in kind.fields:
        is_covered = _covering(deviations, field.name) is not None
        if field.name in params:
            result[field.name] = _retained(field, current.get(field.name), params[field.name], field.name, deviations)
        if is_covered and field.file_option in params:
            result[field.file_option] = None
    return result


def _retained(field: Field, current: t.Any, desired: t.Any, path: str, deviations: t.Sequence[Deviation]) -> t.Any:
    """Return a desired value with the current values at accepted paths, None for a value that is not managed then."""
    if _covering(deviations, path):
        return current
    if field.fields and isinstance(desired, dict):
        return _retained_dict(field, current if isinstance(current, dict) else {}, desired, path, deviations)
    if field.map_keys and isinstance(desired, list):
        return _retained_list(field, current if isinstance(current, list) else [], desired, path, deviations)
    return desired


def _retained_dict(field: Field, current: Row, desired: Row, path: str, deviations: t.Sequence[Deviation]) -> Row:
    result = dict(desired)
    for inner in field.fields:
        inner_path = f"{path}.{inner.name}"
        if inner.name in desired or (_covering(deviations, inner_path) and current.get(inner.name) is not None):
            value = _retained(inner, current.get(inner.name), desired.get(inner.name), inner_path, deviations)
            if value is None:
                result.pop(inner.name, None)
            else:
                result[inner.name] = value
    return result


def _retained_list(
    field: Field, current: list[t.Any], desired: list[t.Any], path: str, deviations: t.Sequence[Deviation]
) -> list[t.Any]:
    result, matched = list[t.Any](), set[int]()
    for number, (index, item) in enumerate(zip(match_items(field, current, desired), desired, strict=True)):
        existing = None if index is None else current[index]
        matched |= set() if index is None else {index}
        item_path = f"{path}[{item_label(field, existing or item, number if index is None else index)}]"
        if not _covering(deviations, item_path):
            result.append(_retained_dict(field, existing or {}, item, item_path, deviations))
        elif existing is not None:
            result.append(existing)
    for index, item in enumerate(current):
        if index not in matched and _covering(deviations, f"{path}[{item_label(field, item, index)}]"):
            result.append(item)
    return result


def _without_hidden(value: t.Any) -> t.Any:
    """Return a value without the secrets in it, which a plan must not send."""
    if isinstance(value, dict):
        return {key: _without_hidden(item) for key, item in value.items() if item != HIDDEN}
    if isinstance(value, list):
        return [_without_hidden(item) for item in value if item != HIDDEN]
    return None if value == HIDDEN else value
