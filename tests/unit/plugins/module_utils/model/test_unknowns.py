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
from hypothesis import given
from hypothesis import strategies as st

FIRST = Step("Creating one", "POST", "/one/", response={"id": 7, "name": "one"})
SECOND = Step("Creating another", "POST", "/another/")

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inside: st.lists(inside) | st.dictionaries(st.text(), inside),
)
PENDING = st.recursive(
    st.sampled_from([KnownAfterApply(FIRST, "id"), KnownAfterApply(SECOND, "id"), 1, "one"]),
    lambda inside: st.lists(inside) | st.dictionaries(st.text(), inside),
)


def test_a_result_is_what_the_step_has_brought() -> None:
    assert KnownAfterApply(FIRST, "id").value() == 7
    assert KnownAfterApply(FIRST, "colour").value() is None
    assert KnownAfterApply(SECOND, "id").value() is None


def test_a_result_is_put_through_forms_in_their_order() -> None:
    once = KnownAfterApply(FIRST, "id").transformed(str)
    assert once.value() == "7"
    assert once.transformed(lambda text: f"{text}!").value() == "7!"
    # What is not there has no form.
    assert KnownAfterApply(SECOND, "id").transformed(str).value() is None
    assert KnownAfterApply(FIRST, "id").value() == 7


def test_results_are_the_same_if_step_and_key_are() -> None:
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


def test_results_are_put_in_wherever_they_stand() -> None:
    value: t.Any = {
        "a": [KnownAfterApply(FIRST, "id"), {"b": KnownAfterApply(FIRST, "name")}],
        "c": KnownAfterApply(SECOND, "id"),
        "d": 1,
    }
    assert resolve_unknowns(value) == {"a": [7, {"b": "one"}], "c": None, "d": 1}
    assert hide_unknowns(value) == {"a": [None, {"b": None}], "c": None, "d": 1}
    assert list(required_steps(value)) == [FIRST, FIRST, SECOND]


@given(PLAIN)
def test_what_waits_for_nothing_is_as_it_was(value: t.Any) -> None:
    assert resolve_unknowns(value) == hide_unknowns(value) == value
    assert list(required_steps(value)) == []


@given(PENDING)
def test_nothing_is_left_to_wait_for(value: t.Any) -> None:
    for done in (resolve_unknowns(value), hide_unknowns(value)):
        assert list(required_steps(done)) == []
        json.dumps(done)
