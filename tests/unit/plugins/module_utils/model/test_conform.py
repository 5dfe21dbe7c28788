# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the conversion of responses to the types of their fields."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.model.conform import conform, typed_result
from ansible_collections.esper.cloud.plugins.module_utils.model.field import Field
from hypothesis import given
from hypothesis import strategies as st

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
FIELDS = (
    Field("a", type="int"),
    Field("b", type="list", elements="dict", fields=(Field("a", type="bool"), Field("c", type="list", elements="str"))),
    Field("c", type="dict", fields=(Field("b", type="float"), Field("a"))),
)
TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "dict": (dict,),
    "list": (list,),
}


@pytest.mark.parametrize(
    ("type_", "value", "typed"),
    [
        ("int", "5", 5),
        ("int", 5.0, 5),
        ("int", "", None),
        ("float", "1.5", 1.5),
        ("float", 2, 2.0),
        ("bool", "true", True),
        ("bool", "False", False),
        ("bool", 1, True),
        ("str", 5, "5"),
        ("str", True, "true"),
        ("list", [], []),
        ("dict", {"x": 1}, {"x": 1}),
        ("raw", [1], [1]),
    ],
)
def test_a_value_of_another_type_with_the_same_meaning_is_converted(type_: str, value: t.Any, typed: t.Any) -> None:
    row, mismatches = conform((Field("value", type=type_),), {"value": value})
    assert (row["value"], mismatches) == (typed, [])
    assert type(row["value"]) is type(typed)


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        ("int", "five"),
        ("int", 5.5),
        ("int", True),
        ("int", [5]),
        ("int", "1e999"),
        ("float", "nan"),
        ("bool", "maybe"),
        ("bool", 2),
        ("str", {"x": 1}),
        ("str", ["x"]),
        ("list", "a,b"),
        ("list", {"a": 1}),
        ("dict", []),
        ("dict", "x"),
    ],
)
def test_an_invalid_value_is_null_and_reported(type_: str, value: t.Any) -> None:
    row, mismatches = conform((Field("count", api="cnt", type=type_),), {"cnt": value, "other": value})
    assert (row, mismatches) == ({"cnt": None, "other": value}, ["count"])


def test_invalid_items_are_removed_and_reported() -> None:
    row, mismatches = conform(FIELDS, {"b": [{"a": "true"}, "x", {"c": ["t", {}]}]})
    assert row == {"b": [{"a": True}, {"c": ["t"]}]}
    assert mismatches == ["b[1]", "b[2].c[1]"]


@pytest.mark.parametrize(
    ("value", "items", "mismatches"),
    [("a, b,c ", ["a", "b", "c"], []), (" ,", [], []), ("", [], []), (["a, b"], ["a, b"], []), (5, None, ["tags"])],
    ids=str,
)
def test_a_list_in_one_text_is_split_at_its_separator(value: t.Any, items: t.Any, mismatches: list[str]) -> None:
    field = Field("tags", type="list", elements="str", separator=",", writable=False)
    assert conform([field], {"tags": value}) == ({"tags": items}, mismatches)


def test_a_value_that_the_field_normalizes_to_its_type_is_valid() -> None:
    size = Field("size", type="int", normalize=lambda value: int(str(value).removesuffix(" B")))
    assert conform((size,), {"size": "12 B"}) == ({"size": "12 B"}, [])
    assert conform((size,), {"size": "large"}) == ({"size": None}, ["size"])


def test_a_valid_row_is_not_copied() -> None:
    row = {"a": 1, "b": [{"a": True, "c": ["x"]}], "c": {"b": 1.5, "a": "x"}, "unknown": object()}
    assert conform(FIELDS, row)[0] is row


@given(st.dictionaries(st.sampled_from("abcd"), JSON, max_size=4))
def test_any_response_is_converted_to_the_types_of_its_fields(row: dict[str, t.Any]) -> None:
    typed, _mismatches = conform(FIELDS, row)
    check_types(FIELDS, typed)
    assert conform(FIELDS, typed) == (typed, [])
    assert {key: value for key, value in row.items() if key == "d"}.keys() == typed.keys() & {"d"}


def check_types(fields: tuple[Field, ...], row: dict[str, t.Any]) -> None:
    for field in fields:
        value = row.get(field.name)
        assert value is None or isinstance(value, TYPES[field.type])
        for item in value if isinstance(value, list) else [value] if isinstance(value, dict) else []:
            if field.fields:
                check_types(field.fields, item)
            else:
                assert isinstance(item, TYPES[field.elements])


@given(st.dictionaries(st.sampled_from("abcd"), JSON, max_size=4))
def test_typed_result_equals_conversion_of_the_typed_row(row: dict[str, t.Any]) -> None:
    typed, mismatches = conform(FIELDS, row)
    expected = {field.name: field.from_api(typed.get(field.api_name)) for field in FIELDS}
    assert typed_result(FIELDS, row) == (expected, mismatches)
