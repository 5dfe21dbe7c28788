# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import typing as t

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import InvalidValues
from ansible_collections.esper.cloud.plugins.module_utils.rollout.gates import (
    Health,
    Reading,
    failure_text,
    has_passed,
    judge,
    parse_health,
)

BEFORE = Reading(devices=200, online=180, offline=20, converged=0, converged_online=0)
AFTER = Reading(
    devices=200, online=160, offline=40, converged=150, converged_online=152, commanded=200, failed=10,
    app_version_online=144,
)  # fmt: skip


@pytest.mark.parametrize(
    ("health", "passed", "text"),
    [
        (
            {"converged_percent": 95},
            True,
            "converged_percent: 152 of 160 online devices run the version of the rollout, 95 % (at least 95 %)",
        ),
        (
            {"converged_percent": 95.1},
            False,
            "converged_percent: 152 of 160 online devices run the version of the rollout, 95 % (at least 95.1 %)",
        ),
        ({"max_failed_percent": 5}, True, "max_failed_percent: 10 of 200 commands failed, 5 % (at most 5 %)"),
        ({"max_failed_percent": 4.9}, False, "max_failed_percent: 10 of 200 commands failed, 5 % (at most 4.9 %)"),
        (
            {"max_offline_increase_percent": 10},
            True,
            "max_offline_increase_percent: 40 of 200 devices are offline, 20.0 %, before the wave 10.0 % (an increase"
            " of at most 10 %)",
        ),
        (
            {"max_offline_increase_percent": 9.9},
            False,
            "max_offline_increase_percent: 40 of 200 devices are offline, 20.0 %, before the wave 10.0 % (an increase"
            " of at most 9.9 %)",
        ),
        (
            {"app_version": "2.1.0", "app_version_percent": 90},
            True,
            "app_version: 144 of 160 online devices report version 2.1.0 of the app, 90 % (at least 90 %)",
        ),
        (
            {"app_version": "2.1.0"},
            False,
            "app_version: 144 of 160 online devices report version 2.1.0 of the app, 90 % (at least 95 %)",
        ),
    ],
)
def test_each_gate_has_its_limit(health: dict[str, t.Any], passed: bool, text: str) -> None:
    (result,) = results = judge(parse_health(health), BEFORE, AFTER)
    assert result["passed"] is has_passed(results) is passed
    assert result["text"] == text
    assert failure_text(results) == ("" if passed else text)


def test_results_have_the_readings_before_and_after() -> None:
    health = Health(converged_percent=95, max_offline_increase_percent=3)
    shown = [(row["gate"], row["before"], row["after"], row["limit"]) for row in judge(health, BEFORE, AFTER)]
    assert shown == [("converged_percent", 0.0, 95.0, 95), ("max_offline_increase_percent", 10.0, 20.0, 3)]
    assert judge(Health(), BEFORE, AFTER) == []


def test_gates_about_online_devices_pass_if_none_was_online_before() -> None:
    health = Health(converged_percent=95, app_version="2.1.0", max_offline_increase_percent=3)
    off = Reading(devices=5, offline=5, app_version_online=0)
    results = judge(health, off, off)
    assert has_passed(results)
    assert [row["text"] for row in results if row["after"] is None] == [
        "converged_percent: no device of the wave is online, so the gate passes",
        "app_version: no device of the wave is online, so the gate passes",
    ]
    assert has_passed(judge(health, None, off))


def test_version_that_takes_all_devices_offline_does_not_pass() -> None:
    after = Reading(devices=200, offline=200, converged=200)
    assert failure_text(judge(Health(converged_percent=95), BEFORE, after)) == (
        "converged_percent: no device of the wave is online, before the wave 180 were"
    )


def test_gates_without_commands_or_readings_pass_and_say_so() -> None:
    health = Health(max_failed_percent=0, max_offline_increase_percent=0)
    assert [row["text"] for row in judge(health, None, dataclasses.replace(AFTER, commanded=0, failed=0))] == [
        "max_failed_percent: no device of the wave got a command, so the gate passes",
        "max_offline_increase_percent: there is no reading to compare with, so the gate passes",
    ]


def test_app_version_that_was_not_read_does_not_pass() -> None:
    after = dataclasses.replace(AFTER, app_version_online=None)
    assert failure_text(judge(Health(app_version="2.1.0"), BEFORE, after)) == (
        "app_version: Esper did not return the devices with version 2.1.0"
    )


def test_shares_count_if_devices_join_the_wave() -> None:
    joined = Reading(devices=400, online=360, offline=40)
    assert has_passed(judge(Health(max_offline_increase_percent=0), BEFORE, joined))


def test_reading_in_a_state() -> None:
    assert Reading.from_row(AFTER.to_row()) == AFTER
    assert Reading.from_row({**BEFORE.to_row(), "later": 1, "online": "many"}) == dataclasses.replace(BEFORE, online=0)


def test_all_errors_of_gates_are_shown_at_once() -> None:
    with pytest.raises(InvalidValues) as caught:
        parse_health({"converged_percnt": 95, "max_failed_percent": "few", "app_version": " ", "custom": "health.yml"})
    assert caught.value.errors == [
        "health: unknown gate 'converged_percnt' (did you mean 'converged_percent'?)",
        "health.max_failed_percent is not a percentage: 'few'; it must be from 0 to 100",
        "health.app_version is not the name of a version",
    ]
    assert parse_health(None) == Health()
    assert parse_health({"app_version": 2, "max_failed_percent": None}) == Health(app_version="2")
