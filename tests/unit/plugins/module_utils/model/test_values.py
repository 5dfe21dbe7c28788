# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.model.values import merged, satisfied
from hypothesis import example, given
from hypothesis import strategies as st

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)
# Few keys, so that the dicts of two lists meet.
KEYS = st.sampled_from(["a", "b", "c", 1, "1"])
KEYED = st.fixed_dictionaries({"key": KEYS}, optional={"x": VALUES, "y": VALUES})
SETS = st.lists(VALUES, max_size=5)


def unique(items: list[dict[str, t.Any]]) -> list[dict[str, t.Any]]:
    """Each key once, as what a user asks for must have it to make sense."""
    return list({str(item["key"]): item for item in items}.values())


WANTED_KEYED = st.lists(KEYED, max_size=5).map(unique)


@given(VALUES)
def test_a_value_satisfies_itself(value: t.Any) -> None:
    assert satisfied(value, value)


@given(SETS)
def test_a_set_satisfies_itself(value: list[t.Any]) -> None:
    assert satisfied(value, value, "set")


@given(WANTED_KEYED)
def test_a_keyed_list_satisfies_itself(value: list[t.Any]) -> None:
    assert satisfied(value, value, "key")


@given(VALUES, VALUES)
@example({}, None)
@example(None, {})
@example([], "")
@example({"a": {"b": 1}}, {"a": {"c": None}})
def test_what_is_merged_is_satisfied(current: t.Any, desired: t.Any) -> None:
    assert satisfied(merged(current, desired), desired)


@given(VALUES, VALUES)
def test_merging_again_changes_nothing(current: t.Any, desired: t.Any) -> None:
    once = merged(current, desired)
    assert merged(once, desired) == once


@given(VALUES | SETS, SETS)
def test_what_is_merged_into_a_set_is_satisfied(current: t.Any, desired: list[t.Any]) -> None:
    once = merged(current, desired, "set")
    assert satisfied(once, desired, "set")
    assert merged(once, desired, "set") == once


@given(st.lists(KEYED, max_size=5).map(unique) | VALUES, WANTED_KEYED)
def test_what_is_merged_into_a_keyed_list_is_satisfied(current: t.Any, desired: list[t.Any]) -> None:
    once = merged(current, desired, "key")
    assert satisfied(once, desired, "key")
    assert merged(once, desired, "key") == once


@given(st.lists(KEYED, max_size=5), WANTED_KEYED)
@example([{"key": "a", "x": 1}, {"key": "a", "x": 2}], [{"key": "a", "x": 3}])
def test_a_key_that_the_server_has_twice_does_not_make_a_change_without_end(
    current: list[t.Any], desired: list[t.Any]
) -> None:
    assert satisfied(merged(current, desired, "key"), desired, "key")


@given(
    st.dictionaries(st.text(max_size=3), VALUES, max_size=4), st.dictionaries(st.text(max_size=3), VALUES, max_size=4)
)
def test_what_was_not_said_is_kept(current: dict[str, t.Any], desired: dict[str, t.Any]) -> None:
    together = merged(current, desired)
    assert {name: together[name] for name in current.keys() - desired.keys()} == {
        name: current[name] for name in current.keys() - desired.keys()
    }


@given(VALUES, VALUES)
def test_merging_leaves_its_arguments_alone(current: t.Any, desired: t.Any) -> None:
    before = repr((current, desired))
    merged(current, desired)
    assert repr((current, desired)) == before


@given(SETS, st.randoms())
def test_order_does_not_count_in_a_set(items: list[t.Any], random: t.Any) -> None:
    shuffled = list(items)
    random.shuffle(shuffled)
    assert satisfied(shuffled, items, "set")


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
def test_what_the_service_writes_differently_is_the_same(current: t.Any, desired: t.Any) -> None:
    assert satisfied(current, desired)


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
def test_what_differs_is_not_the_same(current: t.Any, desired: t.Any) -> None:
    assert not satisfied(current, desired)


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
def test_a_set_is_all_there_is_in_any_order(current: t.Any, desired: t.Any, same: bool) -> None:
    assert satisfied(current, desired, "set") is same


@pytest.mark.parametrize(
    ("current", "desired", "same"),
    [
        ([{"key": "a", "x": 1}, {"key": "b"}], [{"key": "a", "x": "1"}], True),
        ([{"key": "b"}, {"key": "a"}], [{"key": "a"}, {"key": "b"}], True),
        ([{"key": 1, "x": 1}], [{"key": "1", "x": 1}], True),
        ([{"key": "a", "x": 1}], [{"key": "a", "x": 2}], False),
        ([{"key": "a"}], [{"key": "b"}], False),
        ([{"key": "a"}], [], True),
        (None, [{"key": "a"}], False),
        ("a", [{"key": "a"}], False),
    ],
    ids=str,
)
def test_a_keyed_list_compares_namesakes_and_leaves_others_alone(current: t.Any, desired: t.Any, same: bool) -> None:
    assert satisfied(current, desired, "key") is same


def test_merging_a_keyed_list_keeps_its_order_and_adds_at_the_end() -> None:
    current = [{"key": "b", "x": 1, "y": 1}, {"key": "a"}]
    desired = [{"key": "c"}, {"key": "b", "x": 2}]
    assert merged(current, desired, "key") == [{"key": "b", "x": 2, "y": 1}, {"key": "a"}, {"key": "c"}]
