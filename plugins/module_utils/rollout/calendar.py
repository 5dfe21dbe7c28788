# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calendar of a rollout: durations, earliest times of waves, and the windows in which devices may converge.

Windows follow the clock of the time zone. An hour that the clock skips is in no window, and an hour that the clock
repeats is in its window twice.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass
from datetime import datetime, time, timezone, tzinfo

from ..base.row import Row


def parse_duration(value: t.Any) -> float:
    """Return the seconds of a duration: a number of seconds, or texts such as ``30m``, ``1h``, ``1h 30m``, ``3 days``
    and ``PT1H``. Raise ValueError with the error, as in "is not a duration: 'x'; a valid value is 30m"."""
    raise NotImplementedError


def zone_of(name: str) -> tzinfo:
    """Return a time zone of the IANA database, such as ``Europe/Berlin``. ``UTC`` needs no database.

    Raise InvalidParameter if the zone is unknown, with the closest names, or if the system has no database.
    """
    raise NotImplementedError


def start_of(not_before: str, started_at: datetime, zone: tzinfo) -> datetime:
    """Return the earliest time of a wave: a date, a date with a time, which is in ``zone`` unless it has a time zone,
    or an offset from the start of the rollout such as ``+3 days``. Raise ValueError with the error."""
    raise NotImplementedError


@dataclass(frozen=True)
class Window:
    """A window. ``days`` are the days on which it opens, 0 for Monday. It closes on the next day if ``end`` is not
    after ``start``."""

    days: frozenset[int]
    start: time
    end: time


@dataclass(frozen=True)
class Calendar:
    """The windows of a rollout. Without windows, it is always open. All times have a time zone, results are in UTC."""

    windows: tuple[Window, ...] = ()
    zone: tzinfo = timezone.utc

    def is_open(self, now: datetime) -> bool:
        """Return whether devices may converge at a time."""
        raise NotImplementedError

    def next_open(self, now: datetime) -> datetime:
        """Return the next time at which the calendar is open, which is ``now`` if it is open."""
        raise NotImplementedError

    def next_close(self, now: datetime) -> datetime | None:
        """Return the next time at which the calendar is closed, None if it is always open."""
        raise NotImplementedError

    def next_start(self, now: datetime, not_before: datetime | None) -> datetime:
        """Return the next open time that is not before a time."""
        raise NotImplementedError


def parse_windows(rows: t.Sequence[Row] | None, zone: tzinfo) -> Calendar:
    """Return the calendar that the option ``windows`` describes: dicts with ``days``, ``from`` and ``to``.

    Raise InvalidValues with all errors.
    """
    raise NotImplementedError
