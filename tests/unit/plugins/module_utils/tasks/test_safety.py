# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits on the number of devices, and the confirmation of irreversible actions."""

from __future__ import annotations

import contextlib
import typing as t

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import InvalidParameter
from ansible_collections.esper.cloud.plugins.module_utils.tasks.safety import (
    DESTRUCTIVE_LIMIT,
    check_confirmed,
    check_device_count,
    check_device_percentage,
    describe_devices,
    max_devices_option,
)


@pytest.mark.parametrize(
    ("count", "names", "text"),
    [
        (0, (), "0 devices"),
        (1, ("A",), "1 device (A)"),
        (5, tuple("ABCDE"), "5 devices (A, B, C, D, E)"),
        (7, tuple("ABCDEFG"), "7 devices (A, B, C, D, E and 2 more)"),
        (900, ("A", "B"), "900 devices (A, B and 898 more)"),
        (None, (), "an unknown number of devices"),
        (None, ("A",), "an unknown number of devices (A)"),
    ],
)
def test_devices_are_described_by_number_and_first_names(count: int | None, names: t.Sequence[str], text: str) -> None:
    assert describe_devices(count, names) == text


@pytest.mark.parametrize(
    ("limit", "count", "is_destructive", "passes"),
    [
        (None, 100_000, False, True),
        (None, None, False, True),
        (None, DESTRUCTIVE_LIMIT, True, True),
        (None, DESTRUCTIVE_LIMIT + 1, True, False),
        (None, None, True, False),
        (100, 100, True, True),
        (100, 101, True, False),
        (3, 3, False, True),
        (3, 4, False, False),
        (3, None, False, False),
        (1, 0, True, True),
        (0, 0, False, False),
        (-1, 0, False, False),
    ],
)
def test_the_number_of_devices_is_limited(
    limit: int | None, count: int | None, is_destructive: bool, passes: bool
) -> None:
    expected = contextlib.nullcontext() if passes else pytest.raises(InvalidParameter)
    with expected:
        check_device_count(limit, "Wiping", count, is_destructive=is_destructive)


def test_the_error_names_number_devices_and_action() -> None:
    with pytest.raises(InvalidParameter) as caught:
        check_device_count(2, "Moving", 3, ["A", "B", "C"])
    assert str(caught.value) == (
        "Moving 3 devices (A, B, C) exceeds the limit of 2 devices. Check the selection, or increase max_devices."
    )


@pytest.mark.parametrize(
    ("limit", "count", "total", "passes"),
    [
        (None, 10, 10, True),
        (10, 1, 10, True),
        (9.9, 1, 10, False),
        (4.6, 69, 1500, True),
        (4.6, 70, 1500, False),
        (100, 10, 10, True),
        (1, 0, 0, True),
        (1, 1, 0, False),
        (0, 0, 10, False),
        (-1, 0, 10, False),
        (101, 0, 10, False),
        (float("nan"), 0, 10, False),
        (float("inf"), 0, 10, False),
    ],
)
def test_the_percentage_of_devices_is_limited(limit: float | None, count: int, total: int, passes: bool) -> None:
    expected = contextlib.nullcontext() if passes else pytest.raises(InvalidParameter)
    with expected:
        check_device_percentage(limit, "Changing", count, total)


def test_the_error_names_the_percentage() -> None:
    with pytest.raises(InvalidParameter) as caught:
        check_device_percentage(12.5, "Changing", 2, 10, ["A", "B"])
    assert str(caught.value) == (
        "Changing 2 devices (A, B) of 10 exceeds the limit of 12.5 percent."
        " Check the selection, or increase max_percent."
    )


def test_an_irreversible_action_requires_confirmation() -> None:
    check_confirmed(True, "Wiping", 7, list("ABCDEFG"))
    with pytest.raises(InvalidParameter) as caught:
        check_confirmed(False, "Wiping", 7, list("ABCDEFG"))
    assert str(caught.value) == (
        "Wiping 7 devices (A, B, C, D, E and 2 more) cannot be undone. Set confirm to true to continue."
    )


def test_the_option_documents_the_default_limit() -> None:
    option = max_devices_option("O(state=wiped)")
    assert option.argument_spec() == {"type": "int"}
    assert f"Defaults to {DESTRUCTIVE_LIMIT} if O(state=wiped). " in option.doc[2]
