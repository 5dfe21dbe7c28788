# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fields bring values from playbooks to the API and back, and lose nothing and show no secret on the way."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.checks import between, email, length
from ansible_collections.esper.cloud.plugins.module_utils.fields import Field, options_of
from hypothesis import given
from hypothesis import strategies as st

MASK = "********"

POLICY = Field(
    "settings",
    api="policy",
    type="dict",
    fields=(
        Field("kiosk_mode", api="kioskMode", type="bool"),
        Field("least", type="int", check=between(4, 10)),
        Field("numbers", type="list", elements="str", items="set", check=length(1, 3)),
        Field(
            "accounts",
            type="list",
            elements="dict",
            fields=(Field("mail", api="eMail", check=email), Field("kind", choices=("USER", "ADMIN"))),
        ),
        Field("lock", type="dict", fields=(Field("pin", secret=True), Field("tries", type="int"))),
    ),
)


def test_the_options_of_a_module_follow_from_its_fields() -> None:
    (spec,) = options_of([POLICY, Field("id", writable=False)]).values()
    assert spec["type"] == "dict"
    assert spec["options"]["numbers"] == {"type": "list", "elements": "str"}
    assert spec["options"]["accounts"]["options"]["kind"] == {"type": "str", "choices": ["USER", "ADMIN"]}
    assert spec["options"]["lock"]["options"]["pin"] == {"type": "str", "no_log": True}


def test_what_was_not_said_is_left_out() -> None:
    said = {"kiosk_mode": None, "accounts": [{"mail": "a@b", "kind": None}], "lock": {"pin": None, "tries": 0}}
    assert POLICY.given(said) == {"accounts": [{"mail": "a@b"}], "lock": {"tries": 0}}


def test_a_value_is_written_in_the_words_of_the_api_and_read_back() -> None:
    value = {"kiosk_mode": True, "accounts": [{"mail": "a@b", "kind": "USER"}]}
    written = POLICY.write(value)
    assert written == {"kioskMode": True, "accounts": [{"eMail": "a@b", "kind": "USER"}]}
    assert POLICY.read({**written, "unknown": 1}) == value


def test_each_value_that_cannot_be_is_named_with_its_place() -> None:
    value = {"least": 3, "numbers": ["ok", "", "long"], "accounts": [{"mail": "a@b"}, {"mail": "nobody"}]}
    assert list(POLICY.complaints(value)) == [
        "settings.least: 3 is less than 4",
        "settings.numbers[1]: is empty",
        "settings.numbers[2]: has more than 3 characters",
        "settings.accounts[1].mail: 'nobody' is no email address",
    ]


@pytest.mark.parametrize(
    ("current", "wanted", "satisfied"),
    [
        ({"numbers": ["b", "a"], "kiosk_mode": True}, {"numbers": ["a", "b"]}, True),
        ({"numbers": ["a"]}, {"numbers": ["a", "b"]}, False),
        ({"accounts": [{"mail": "a", "kind": "USER"}]}, {"accounts": [{"mail": "a"}]}, True),
        ({"lock": {"tries": "3"}}, {"lock": {"tries": 3, "pin": "1234"}}, True),
        (None, {"kiosk_mode": True}, False),
        (None, {}, True),
    ],
)
def test_only_what_was_said_is_compared(current: t.Any, wanted: t.Any, satisfied: bool) -> None:
    assert POLICY.is_satisfied(current, wanted) is satisfied


def test_what_the_collection_does_not_know_survives_a_change() -> None:
    current = {"kioskMode": True, "new": {"of": "tomorrow"}, "lock": {"pin": "real", "colour": "red", "tries": 1}}
    sent = POLICY.rewritten(current, {"lock": {"tries": 2}})
    assert sent == {**current, "lock": {"pin": "real", "colour": "red", "tries": 2}}


def test_a_mask_is_never_sent_back_and_its_loss_is_told() -> None:
    current = {"kioskMode": True, "lock": {"pin": MASK, "tries": 1}}
    assert POLICY.rewritten(current, {"kiosk_mode": False}) == {"kioskMode": False, "lock": {"tries": 1}}
    assert list(POLICY.masked_in(current, {"kiosk_mode": False})) == ["settings.lock.pin"]
    assert list(POLICY.masked_in(current, {"lock": {"pin": "1234"}})) == []
    assert list(POLICY.masked_in({"lock": {"pin": "real"}}, None)) == []
    assert list(POLICY.masked_in({"lock": {"pin": None}}, None)) == []


@pytest.mark.parametrize(
    ("current", "always", "sent"),
    [("real", False, True), ("1234", False, False), (MASK, False, False), (MASK, True, True), (None, False, False)],
)
def test_a_secret_is_compared_unless_it_is_masked(current: str | None, always: bool, sent: bool) -> None:
    assert POLICY.changes_secret({"lock": {"pin": current}}, {"lock": {"pin": "1234"}}, always) is sent


def test_a_secret_is_shown_nowhere() -> None:
    value = {"lock": {"pin": "1234", "tries": 3}}
    read = POLICY.read(POLICY.write(value))
    marked = POLICY.marked(read, value)
    assert "1234" not in str([read, marked])
    assert marked["lock"]["pin"] == "(not shown)"


VALUES = st.fixed_dictionaries(
    {},
    optional={
        "kiosk_mode": st.booleans(),
        "least": st.integers(4, 10),
        "numbers": st.lists(st.text("abc", min_size=1, max_size=3), max_size=3),
        "lock": st.fixed_dictionaries({}, optional={"tries": st.integers(0, 9)}),
    },
)


@given(VALUES, VALUES)
def test_after_a_change_nothing_differs(before: dict[str, t.Any], wanted: dict[str, t.Any]) -> None:
    sent = POLICY.rewritten(POLICY.write(before), wanted)
    assert POLICY.is_satisfied(POLICY.read(sent), wanted)
    assert POLICY.rewritten(sent, wanted) == sent
