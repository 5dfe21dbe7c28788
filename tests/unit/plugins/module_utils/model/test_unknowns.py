# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

from ansible_collections.esper.cloud.plugins.module_utils.model.plan import Step
from ansible_collections.esper.cloud.plugins.module_utils.model.unknowns import (
    ResultOf,
    filled,
    steps_in,
    without_pending,
)
from hypothesis import given
from hypothesis import strategies as st

FIRST = Step("Creating one", "POST", "/one/", answer={"id": 7, "name": "one"})
SECOND = Step("Creating another", "POST", "/another/")

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inside: st.lists(inside) | st.dictionaries(st.text(), inside),
)
PENDING = st.recursive(
    st.sampled_from([ResultOf(FIRST, "id"), ResultOf(SECOND, "id"), 1, "one"]),
    lambda inside: st.lists(inside) | st.dictionaries(st.text(), inside),
)


def test_a_result_is_what_the_step_has_brought() -> None:
    assert ResultOf(FIRST, "id").value() == 7
    assert ResultOf(FIRST, "colour").value() is None
    assert ResultOf(SECOND, "id").value() is None


def test_a_result_is_put_through_forms_in_their_order() -> None:
    once = ResultOf(FIRST, "id").in_form(str)
    assert once.value() == "7"
    assert once.in_form(lambda text: f"{text}!").value() == "7!"
    # What is not there has no form.
    assert ResultOf(SECOND, "id").in_form(str).value() is None
    assert ResultOf(FIRST, "id").value() == 7


def test_results_are_the_same_if_step_and_key_are() -> None:
    assert ResultOf(FIRST, "id") == ResultOf(FIRST, "id")
    assert len({ResultOf(FIRST, "id"), ResultOf(FIRST, "id"), ResultOf(FIRST, "name"), ResultOf(SECOND, "id")}) == 3
    twin = Step("Creating one", "POST", "/one/", answer={"id": 7, "name": "one"})
    assert ResultOf(FIRST, "id") != ResultOf(twin, "id")
    assert str(ResultOf(FIRST, "id")) != str(ResultOf(twin, "id"))


def test_results_are_put_in_wherever_they_stand() -> None:
    value: t.Any = {"a": [ResultOf(FIRST, "id"), {"b": ResultOf(FIRST, "name")}], "c": ResultOf(SECOND, "id"), "d": 1}
    assert filled(value) == {"a": [7, {"b": "one"}], "c": None, "d": 1}
    assert without_pending(value) == {"a": [None, {"b": None}], "c": None, "d": 1}
    assert list(steps_in(value)) == [FIRST, FIRST, SECOND]


@given(PLAIN)
def test_what_waits_for_nothing_is_as_it_was(value: t.Any) -> None:
    assert filled(value) == without_pending(value) == value
    assert list(steps_in(value)) == []


@given(PENDING)
def test_nothing_is_left_to_wait_for(value: t.Any) -> None:
    for done in (filled(value), without_pending(value)):
        assert list(steps_in(done)) == []
        json.dumps(done)
