# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

from ansible_collections.esper.cloud.plugins.module_utils.model.plan import Step
from ansible_collections.esper.cloud.plugins.module_utils.model.unknowns import (
    KnownAfterApply,
    hide_unknowns,
    required_steps,
    resolve_unknowns,
)
from ansible_collections.esper.cloud.plugins.module_utils.model.values import is_too_deep
from hypothesis import given
from hypothesis import strategies as st

FIRST = Step("Creating one", "POST", "/one/", response={"id": 7, "name": "one"})
SECOND = Step("Creating another", "POST", "/another/")

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inside: st.lists(inside) | st.dictionaries(st.text(), inside),
)
UNKNOWNS = st.recursive(
    st.sampled_from([KnownAfterApply(FIRST, "id"), KnownAfterApply(SECOND, "id"), 1, "one"]),
    lambda inside: st.lists(inside) | st.dictionaries(st.text(), inside),
)


def test_a_value_is_read_from_the_response() -> None:
    assert KnownAfterApply(FIRST, "id").value() == 7
    assert KnownAfterApply(FIRST, "color").value() is None
    assert KnownAfterApply(SECOND, "id").value() is None


def test_a_value_that_is_nested_too_deeply_is_left_as_it_is() -> None:
    value: t.Any = {"id": KnownAfterApply(FIRST, "id"), "deep": 1}
    for _level in range(5000):
        value["deep"] = {"deep": value["deep"]}
    resolved = resolve_unknowns(value)
    assert resolved["id"] == 7
    assert is_too_deep(resolved["deep"])


def test_transforms_are_applied_in_order() -> None:
    once = KnownAfterApply(FIRST, "id").transformed(str)
    assert once.value() == "7"
    assert once.transformed(lambda text: f"{text}!").value() == "7!"
    # A missing value is not transformed.
    assert KnownAfterApply(SECOND, "id").transformed(str).value() is None
    assert KnownAfterApply(FIRST, "id").value() == 7


def test_placeholders_are_equal_if_step_and_key_are_equal() -> None:
    assert KnownAfterApply(FIRST, "id") == KnownAfterApply(FIRST, "id")
    assert (
        len(
            {
                KnownAfterApply(FIRST, "id"),
                KnownAfterApply(FIRST, "id"),
                KnownAfterApply(FIRST, "name"),
                KnownAfterApply(SECOND, "id"),
            }
        )
        == 3
    )
    twin = Step("Creating one", "POST", "/one/", response={"id": 7, "name": "one"})
    assert KnownAfterApply(FIRST, "id") != KnownAfterApply(twin, "id")
    assert str(KnownAfterApply(FIRST, "id")) != str(KnownAfterApply(twin, "id"))


def test_placeholders_are_replaced_at_any_depth() -> None:
    value: t.Any = {
        "a": [KnownAfterApply(FIRST, "id"), {"b": KnownAfterApply(FIRST, "name")}],
        "c": KnownAfterApply(SECOND, "id"),
        "d": 1,
    }
    assert resolve_unknowns(value) == {"a": [7, {"b": "one"}], "c": None, "d": 1}
    assert hide_unknowns(value) == {"a": [None, {"b": None}], "c": None, "d": 1}
    assert list(required_steps(value)) == [FIRST, FIRST, SECOND]


@given(PLAIN)
def test_a_value_without_placeholders_is_not_changed(value: t.Any) -> None:
    assert resolve_unknowns(value) == hide_unknowns(value) == value
    assert list(required_steps(value)) == []


@given(UNKNOWNS)
def test_no_placeholder_is_left(value: t.Any) -> None:
    for result in (resolve_unknowns(value), hide_unknowns(value)):
        assert list(required_steps(result)) == []
        json.dumps(result)
