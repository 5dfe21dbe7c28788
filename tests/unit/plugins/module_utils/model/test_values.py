# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.model.values import deep_merge, matches
from hypothesis import example, given
from hypothesis import strategies as st

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)
SETS = st.lists(VALUES, max_size=5)


@given(VALUES)
def test_a_value_matches_itself(value: t.Any) -> None:
    assert matches(value, value)


@given(SETS)
def test_a_set_matches_itself(value: list[t.Any]) -> None:
    assert matches(value, value, ordered=False)


@given(VALUES, VALUES)
@example({}, None)
@example(None, {})
@example([], "")
@example({"a": {"b": 1}}, {"a": {"c": None}})
def test_a_merged_value_matches(current: t.Any, desired: t.Any) -> None:
    assert matches(deep_merge(current, desired), desired)


@given(VALUES, VALUES)
def test_merging_again_changes_nothing(current: t.Any, desired: t.Any) -> None:
    once = deep_merge(current, desired)
    assert deep_merge(once, desired) == once


@given(
    st.dictionaries(st.text(max_size=3), VALUES, max_size=4), st.dictionaries(st.text(max_size=3), VALUES, max_size=4)
)
def test_merging_keeps_other_keys(current: dict[str, t.Any], desired: dict[str, t.Any]) -> None:
    merged = deep_merge(current, desired)
    assert {name: merged[name] for name in current.keys() - desired.keys()} == {
        name: current[name] for name in current.keys() - desired.keys()
    }


@given(VALUES, VALUES)
def test_merging_does_not_change_its_arguments(current: t.Any, desired: t.Any) -> None:
    before = repr((current, desired))
    deep_merge(current, desired)
    assert repr((current, desired)) == before


@given(SETS, st.randoms())
def test_order_does_not_count_in_a_set(items: list[t.Any], random: t.Any) -> None:
    shuffled = list(items)
    random.shuffle(shuffled)
    assert matches(shuffled, items, ordered=False)


@pytest.mark.parametrize(
    ("current", "desired"),
    [
        (5, "5"),
        ("5", 5),
        (5.0, 5),
        ("5", 5.0),
        (True, "true"),
        ("false", False),
        (None, ""),
        ("", None),
        (None, []),
        (None, {}),
        (None, {"a": None}),
        (0, "0"),
        ({"a": 1, "b": 2}, {"a": "1"}),
        ({"a": {"b": [1, 2], "c": 3}}, {"a": {"b": ["1", 2]}}),
        ({}, {"a": None}),
        ((1, 2), [1, 2]),
    ],
    ids=str,
)
def test_values_of_different_types_with_the_same_meaning_match(current: t.Any, desired: t.Any) -> None:
    assert matches(current, desired)


@pytest.mark.parametrize(
    ("current", "desired"),
    [
        (5, 6),
        ("a", "A"),
        ("a", " a"),
        (0, None),
        (False, None),
        (0, False),
        ("none", None),
        ([1, 2], [2, 1]),
        ([1, 2], [1]),
        ([1], [1, 1]),
        ([], [None]),
        ([1], 1),
        (1, [1]),
        ({}, ""),
        ([], ""),
        ({}, []),
        ("", {}),
        (None, {"a": 1}),
        ({"a": 1}, {"b": 1}),
        ({"a": {"b": 1}}, {"a": {"b": 2}}),
        ("[1]", [1]),
        ("1.0", 1),
    ],
    ids=str,
)
def test_different_values_do_not_match(current: t.Any, desired: t.Any) -> None:
    assert not matches(current, desired)


@pytest.mark.parametrize(
    ("current", "desired", "same"),
    [
        ([1, 2], ["2", "1"], True),
        ([1, 1, 2], [1, 2], True),
        ([1, 2, 3], [1, 2], False),
        ([1], [1, 2], False),
        (None, [], True),
        ([{"a": 1, "b": 2}], [{"b": "2", "a": "1"}], True),
        ([{"a": 1, "b": 2}], [{"a": 1}], False),
        ("ab", ["a", "b"], False),
    ],
    ids=str,
)
def test_a_set_is_compared_as_a_whole_without_order(current: t.Any, desired: t.Any, same: bool) -> None:
    assert matches(current, desired, ordered=False) is same


# --- JSON that Esper passes on ----------------------------------------------------------------------------------------


@given(VALUES)
def test_json_matches_itself(value: t.Any) -> None:
    assert matches(value, value, typed=True)


@given(VALUES, VALUES)
def test_merged_json_matches(current: t.Any, desired: t.Any) -> None:
    assert matches(deep_merge(current, desired), desired, typed=True)


@given(VALUES, VALUES)
def test_matching_json_also_matches_without_types(current: t.Any, desired: t.Any) -> None:
    assert matches(current, desired) or not matches(current, desired, typed=True)


@pytest.mark.parametrize(
    ("current", "desired", "same"),
    [
        ({"port": "8080"}, {"port": 8080}, False),
        ({"port": 8080}, {"port": 8080.0}, True),
        ({"text": ""}, {"text": None}, False),
        ({"text": None}, {"text": None}, True),
        ({}, {"text": None}, False),
        ({"on": 1}, {"on": True}, False),
        ({"on": "true"}, {"on": True}, False),
        ({"on": 0}, {"on": False}, False),
        ({"list": [1]}, {"list": ["1"]}, False),
        ({"list": [1, 2]}, {"list": [2, 1]}, False),
        ({"list": None}, {"list": []}, False),
        ({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 1}}, True),
        ([{"a": 1, "added": 2}], [{"a": 1}], True),
        (None, {}, True),
        (None, [], True),
        (None, {"a": None}, False),
    ],
    ids=str,
)
def test_types_and_null_count_in_json(current: t.Any, desired: t.Any, same: bool) -> None:
    assert matches(current, desired, typed=True) is same
