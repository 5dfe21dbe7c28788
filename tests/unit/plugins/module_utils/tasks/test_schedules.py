# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Schedules of commands and operations that cannot be meant are rejected before a request."""

from __future__ import annotations

import datetime
import typing as t

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base import times
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import InvalidParameter
from ansible_collections.esper.cloud.plugins.module_utils.base.times import parse_time
from ansible_collections.esper.cloud.plugins.module_utils.engine.tenant_view import TenantView
from ansible_collections.esper.cloud.plugins.module_utils.task import RunContext
from ansible_collections.esper.cloud.plugins.module_utils.tasks.device_command import DEVICE_COMMAND
from ansible_collections.esper.cloud.plugins.module_utils.tasks.operation import OPERATION_TASK
from ansible_collections.esper.cloud.tests.unit.service import Server

if t.TYPE_CHECKING:
    from ansible_collections.esper.cloud.plugins.module_utils.http.client import Client

Row = dict[str, t.Any]
UTC = datetime.timezone.utc
NOW = datetime.datetime(2026, 3, 1, 12, tzinfo=UTC)
START, END = "2026-03-01T22:00:00Z", "2026-03-02T02:00:00Z"
DAILY = {"window_start_time": "22:00:00", "window_end_time": "23:30", "days": ["Monday"]}


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(times, "now", lambda: NOW)


def error_of(client: Client, module: str, schedule: str, args: Row, *, check_mode: bool = False) -> str:
    """Run a task without devices, and return the error about its schedule."""
    definition, action = {
        "device_command": (DEVICE_COMMAND, {"command": "LOCK"}),
        "operation": (OPERATION_TASK, {"operation_type": "LOCK"}),
    }[module]
    defaults = {name: option.get("default") for name, option in definition.options.items()}
    params = {**defaults, **action, "devices": [], "allow_empty": True, "schedule": schedule, "schedule_args": args}
    try:
        definition.run(TenantView(client), params, RunContext(check_mode=check_mode))
    except InvalidParameter as error:
        return str(error).partition("LOCK: ")[2]
    return ""


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize("module", ["device_command", "operation"])
@pytest.mark.parametrize(
    ("args", "error"),
    [
        ({"start_datetime": START, "end_datetime": END}, ""),
        # A window that has started can be executed.
        ({"start_datetime": "2026-03-01T00:00:00Z", "end_datetime": END}, ""),
        ({"start_datetime": "2026-03-01T23:30:00+01:00", "end_datetime": "2026-03-01T22:31:00.5Z"}, ""),
        ({"start_datetime": "2026-03-01 22:00:00+00:00", "end_datetime": END}, ""),
        (
            {"start_datetime": "2020-01-01T22:00:00Z", "end_datetime": "2020-01-02T02:00:00Z"},
            "end_datetime is in the past",
        ),
        ({"start_datetime": "2026-03-01T10:00:00Z", "end_datetime": "2026-03-01T13:00:00+01:00"}, "is in the past"),
        ({"start_datetime": END, "end_datetime": START}, "end_datetime is not after schedule_args.start_datetime"),
        ({"start_datetime": START, "end_datetime": START}, "end_datetime is not after schedule_args.start_datetime"),
        ({"start_datetime": "2026-03-01T22:00:00", "end_datetime": END}, "start_datetime has no time zone"),
        ({"start_datetime": START, "end_datetime": "2026-03-02T02:00"}, "end_datetime has no time zone"),
        ({"start_datetime": "tomorrow", "end_datetime": END}, "start_datetime is not a date and time: 'tomorrow'"),
        ({"start_datetime": START, "end_datetime": "2026-02-30T02:00:00Z"}, "end_datetime is not a date and time"),
        ({"start_datetime": START, "end_datetime": ""}, "end_datetime is not a date and time"),
        ({"start_datetime": START, "end_datetime": "1772416800"}, "end_datetime is not a date and time"),
        ({"start_datetime": START}, "schedule_args.end_datetime is required"),
        ({}, "schedule_args.start_datetime is required"),
        # The window has ended here, but not in all time zones.
        ({"start_datetime": "2026-03-01T00:00:00Z", "end_datetime": "2026-03-01T11:00:00Z", "time_type": "device"}, ""),
        ({"start_datetime": "2026-02-27T00:00Z", "end_datetime": "2026-02-28T09:00Z", "time_type": "device"}, "past"),
        ({"start_datetime": START, "end_datetime": "9999-12-31T23:59:59Z", "time_type": "device"}, ""),
        ({"start_datetime": "0001-01-01T00:00+12:00", "end_datetime": "0001-01-02T00:00+12:00"}, "past"),
    ],
)
def test_a_window_must_be_in_the_future(
    server: Server, client: Client, module: str, args: Row, error: str, check_mode: bool
) -> None:
    found = error_of(client, module, "WINDOW", args, check_mode=check_mode)
    assert error in found
    assert bool(error) is bool(found)
    assert server.requests == []


@pytest.mark.parametrize(
    ("args", "error"),
    [
        ({}, ""),
        # An unquoted 22:00:00 in YAML.
        ({"window_start_time": "79200"}, "window_start_time is not a time of day: '79200'"),
        ({"window_end_time": "24:00"}, "window_end_time is not a time of day"),
        ({"days": []}, "schedule_args.days is required"),
        ({"end_datetime": "2020-01-02T02:00:00Z"}, "end_datetime is not after"),
    ],
)
def test_a_daily_window_has_times_of_day(client: Client, args: Row, error: str) -> None:
    found = error_of(
        client, "device_command", "RECURRING", {"start_datetime": START, "end_datetime": END, **DAILY, **args}
    )
    assert error in found
    assert bool(error) is bool(found)


def test_an_immediate_command_has_no_schedule(client: Client) -> None:
    assert error_of(client, "device_command", "IMMEDIATE", {"start_datetime": START}).startswith("schedule_args is not")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-01T12:00:00Z", NOW),
        ("2026-03-01t12:00z", NOW),
        ("2026-03-01T13:00:00+0100", NOW),
        ("2026-03-01T12:00:00.250000001+00:00", NOW.replace(microsecond=250000)),
        ("2026-03-01T12:00:00", NOW),
        ("2026-03-01", None),
        ("2026-13-01T12:00:00Z", None),
        ("٢٠٢٦-03-01T12:00:00Z", None),
        ("2026-03-01T12:00:00+99:00", None),
        ("", None),
    ],
)
def test_times_are_parsed_on_all_versions_of_python(text: str, expected: t.Any) -> None:
    assert parse_time(text) == expected


def test_the_current_time_has_a_time_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert abs(times.now() - datetime.datetime.now(UTC)) < datetime.timedelta(minutes=1)
