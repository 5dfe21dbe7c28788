# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The comparison yields the same as the recursive methods of Field that it replaces."""

from __future__ import annotations

import typing as t

from ansible_collections.esper.cloud.plugins.module_utils.model.compare import compare
from ansible_collections.esper.cloud.plugins.module_utils.model.differences import differences
from ansible_collections.esper.cloud.plugins.module_utils.model.field import Field, hidden_at
from ansible_collections.esper.cloud.tests.unit.plugins.module_utils.model.trees import Case, cases
from hypothesis import HealthCheck, assume, given, settings

PROOF = settings(max_examples=2000, deadline=None, report_multiple_bugs=False, suppress_health_check=list(HealthCheck))


def without_null(value: t.Any) -> t.Any:
    """Return a value without null, which the methods add for a value that stays away."""
    if isinstance(value, list):
        return [without_null(each) for each in value]
    if isinstance(value, dict):
        return {key: without_null(each) for key, each in value.items() if each is not None}
    return value


def has_keys(field: Field, desired: t.Any) -> bool:
    """Return whether each dict of a list has its key. The methods show no secret of a new dict without one."""
    if isinstance(desired, list) and field.fields:
        return all((not field.items or "k" in each) and has_keys(field, each) for each in desired)
    if isinstance(desired, dict):
        return all(has_keys(each, desired.get(each.name)) for each in field.fields)
    return True


def may_stay(field: Field) -> bool:
    """Return whether there is a list without keys in a field."""
    return (field.type == "list" and bool(field.fields) and not field.items) or any(map(may_stay, field.fields))


@given(cases())
@PROOF
def test_the_comparison_equals_the_methods(case: Case) -> None:
    field, current, desired, exact, always = case
    found = compare(field, current, desired, exact=exact, always=always)
    complaints = list(field.complaints(desired)) if desired is not None else []
    assert list(found.errors) == complaints
    assume(not any("about the same" in each for each in complaints))
    value = field.rewritten(current, desired, exact)
    assert found.payload == field.sendable(value)
    if not field.secret:
        assert found.before == field.read(current)
        assert found.after == field.read(value)
        if isinstance(value, dict) and isinstance(current, dict):
            assert [key for key in found.payload if key in current] == [key for key in current if key in found.payload]
    if desired is not None:
        assert found.matches is field.is_satisfied(field.read(current), desired, exact)
        assert found.sets_secret is field.changes_secret(current, desired, always)
        # The comparison does not complain about a list that is replaced as a whole and stays as it is.
        missing = [each for each in field.lacking(value, desired) if each in found.missing or not may_stay(field)]
        assert list(found.missing) == missing
        if has_keys(field, desired):
            assert without_null(found.shown) == without_null(field.marked(found.after, desired))
    assert found.masked == tuple(field.masked_in(current, desired, exact=exact))
    hidden: t.Any = {field.name: found.before}
    for path in found.masked:
        hidden = hidden_at(hidden, path)
    assert found.shown_before == hidden[field.name]
    if not field.secret:
        changes = list(differences(field, found.before, found.after, "x"))
        assert changes == list(field.differences(found.before, found.after, "x"))
