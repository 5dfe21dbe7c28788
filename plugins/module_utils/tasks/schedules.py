# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The schedules of commands and operations.

Based on CommandScheduleArgs and ScheduleArgs of the contract (v0.yaml), which require times in ISO 8601 with time zone.

The contract does not document the following, so this file chooses: a window that has ended by the clock of this machine
is an error, a window that has started is not. With C(time_type=device), a window ends on each device by its own clock,
so it is an error only if it has ended in all time zones.
"""

from __future__ import annotations

import re
import typing as t
from datetime import datetime, timedelta

from ..base import times
from ..base.row import Row
from ..base.validators import Validator
from ..model.field import Field

_TIME_OF_DAY = re.compile(r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?", re.ASCII)
# The difference between the first and the last time zone on earth.
_ALL_ZONES = timedelta(hours=26)


def _time_error(value: t.Any) -> str:
    text = str(value)
    if times.parse_time(text) is None:
        return f"is not a date and time: '{text}'; a valid value is 2030-05-01T22:00:00Z"
    if not times.has_time_zone(text):
        return f"has no time zone: '{text}'; add Z for UTC or an offset such as +02:00"
    return ""


def _time_of_day_error(value: t.Any) -> str:
    return "" if _TIME_OF_DAY.fullmatch(str(value)) else f"is not a time of day: '{value}'; a valid value is '22:00:00'"


# Without sentences, because the texts of the options have the format.
_time = Validator(_time_error, "")
_time_of_day = Validator(_time_of_day_error, "")


def _with_t(value: t.Any) -> t.Any:
    """Return a time as the Esper API requires it. YAML also writes times with a space."""
    return re.sub(r"(?<=\d) (?=\d)", "T", value.strip()) if isinstance(value, str) else value


TIMES = (
    Field(
        "start_datetime",
        "Start of the schedule in ISO 8601 with time zone, for example V(2030-05-01T22:00:00Z).",
        validator=_time,
        normalize=_with_t,
    ),
    Field(
        "end_datetime",
        "End of the schedule in ISO 8601 with time zone. Must be in the future, and after C(start_datetime).",
        validator=_time,
        normalize=_with_t,
    ),
    Field(
        "time_type",
        "Time zone of the schedule. V(console) is the time zone of the user, V(device) the time zone of each device.",
        choices=("console", "device"),
    ),
)
"""The times in schedules of commands and operations."""
SCHEDULE = Field(
    "schedule_args",
    (
        "Times of the schedule. Not allowed if O(schedule=IMMEDIATE).",
        "O(schedule=WINDOW) requires C(start_datetime) and C(end_datetime). O(schedule=RECURRING) also requires"
        " C(window_start_time), C(window_end_time) and C(days).",
    ),
    type="dict",
    fields=(
        Field("name", "Name of the schedule."),
        *TIMES,
        Field(
            "window_start_time",
            "Start of the time window on each day, for example V(22:00:00).",
            validator=_time_of_day,
        ),
        Field(
            "window_end_time",
            "End of the time window on each day, for example V(23:30:00).",
            validator=_time_of_day,
        ),
        Field("days", "Days of the week, in API format.", type="list", elements="str"),
    ),
)
_WINDOW = ("start_datetime", "end_datetime")
SCHEDULES: dict[str, tuple[str, ...]] = {
    "IMMEDIATE": (),
    "WINDOW": _WINDOW,
    "RECURRING": (*_WINDOW, "window_start_time", "window_end_time", "days"),
}


def schedule_errors(schedule: str, args: Row) -> list[str]:
    """Return phrases about missing values and invalid windows of a schedule. The format of the values is checked by
    their fields."""
    if schedule == "IMMEDIATE":
        return ["schedule_args is not allowed with schedule=IMMEDIATE"] if args else []
    missing = [f"schedule_args.{name} is required" for name in SCHEDULES[schedule] if args.get(name) in (None, "", [])]
    start, end = (times.parse_time(str(args.get(name))) for name in _WINDOW)
    return [*missing, *_window_errors(start, end, is_of_device=args.get("time_type") == "device")]


def _window_errors(start: datetime | None, end: datetime | None, *, is_of_device: bool) -> list[str]:
    if end is None:
        return []
    if start is not None and end <= start:
        return ["schedule_args.end_datetime is not after schedule_args.start_datetime"]
    # Not added to the end, because the year 9999 has no later time.
    if end <= times.now() - (_ALL_ZONES if is_of_device else timedelta()):
        return [f"schedule_args.end_datetime is in the past; the current time is {times.now():%Y-%m-%dT%H:%M:%SZ}"]
    return []
