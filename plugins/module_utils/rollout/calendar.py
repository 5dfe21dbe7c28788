# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calendar of a rollout: durations, earliest times of waves, and the windows in which devices may converge.

Windows follow the clock of the time zone. An hour that the clock skips is in no window, and an hour that the clock
repeats is in its window twice.
"""

from __future__ import annotations

import re
import typing as t
import zoneinfo
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone, tzinfo

from ..base.errors import InvalidParameter, InvalidValues
from ..base.row import Row
from ..base.text import did_you_mean, hint
from ..base.times import has_time_zone, parse_time, seconds_of

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""Days of a window. Longer names that start with these, such as ``monday``, are also accepted."""
LONGEST_DURATION = 366 * 86_400
"""Maximum number of seconds of a duration, a year."""

_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_UNITS = {
    "s": 1, "sec": 1, "secs": 1, "second": 1, "seconds": 1,
    "m": 60, "min": 60, "mins": 60, "minute": 60, "minutes": 60,
    "h": 3600, "hour": 3600, "hours": 3600,
    "d": 86_400, "day": 86_400, "days": 86_400,
    "w": 604_800, "week": 604_800, "weeks": 604_800,
}  # fmt: skip
_PART = re.compile(r"\s*(\d{1,9}(?:\.\d{1,9})?)\s*([a-z]*)\s*", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_CLOCK = re.compile(r"(\d{1,2}):(\d\d)", re.ASCII)
_MINUTES = re.compile(r"\d{1,4}", re.ASCII)
_MINUTES_OF_DAY = 24 * 60
_KEYS = ("days", "from", "to")
# A window opens once in a week. If the clock skips it, it opens a week later.
_HORIZON = 16
_ONE_DAY = timedelta(days=1)
_FIRST_YEAR = 1970


def parse_duration(value: t.Any) -> float:
    """Return the seconds of a duration: a number of seconds, or texts such as ``30m``, ``1h``, ``1h 30m``, ``3 days``
    and ``PT1H``. Raise ValueError with the error, as in "is not a duration: 'x'; a valid value is 30m"."""
    seconds = _seconds_in(value)
    if seconds is None:
        raise ValueError(f"is not a duration: '{value}'; a valid value is 30m, 1h or 3 days")
    if not 0 <= seconds <= LONGEST_DURATION:
        raise ValueError(f"is out of range: '{value}'; the minimum is 0, the maximum a year")
    return seconds


def _seconds_in(value: t.Any) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, (int, float)):
        # The comparison is false for a value that is not a number.
        return float(value) if abs(value) < float("inf") else None
    text = str(value).strip().lower()
    if text.startswith("p"):
        return seconds_of(text)
    total, end = 0.0, 0
    for found in _PART.finditer(text):
        number, unit = found.groups()
        # Only a single number is in seconds without a unit.
        is_single = found.start() == 0 and found.end() == len(text)
        if found.start() != end or (unit not in _UNITS and not (is_single and not unit)):
            return None
        total += float(number) * _UNITS.get(unit, 1)
        end = found.end()
    return total if end and end == len(text) else None


def zone_of(name: str) -> tzinfo:
    """Return a time zone of the IANA database, such as ``Europe/Berlin``. ``UTC`` needs no database.

    Raise InvalidParameter if the zone is unknown, with the closest names, or if the system has no database.
    """
    text = name.strip()
    if text.upper() in ("UTC", "Z"):
        return timezone.utc
    try:
        return zoneinfo.ZoneInfo(text)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        # A name can also be invalid as a path, or that of a directory.
        pass
    known = zoneinfo.available_timezones()
    if not known:
        raise InvalidParameter(
            f"Cannot use the time zone '{name}': this system has no database of time zones. Install the package tzdata"
            " of the system or of Python, or use UTC."
        )
    question = did_you_mean(text, known) or "Use a name of the IANA database, such as Europe/Berlin."
    raise InvalidParameter(f"Unknown time zone '{name}'. {question}")


def start_of(not_before: str, started_at: datetime, zone: tzinfo) -> datetime:
    """Return the earliest time of a wave in UTC: a date, a date with a time, which is in ``zone`` unless it has a time
    zone, or an offset from the start of the rollout such as ``+3 days``. Raise ValueError with the error."""
    text = str(not_before).strip()
    if text.startswith("+"):
        return (started_at + timedelta(seconds=parse_duration(text[1:]))).astimezone(timezone.utc)
    found = parse_time(f"{text}T00:00" if _DATE.fullmatch(text) else text)
    try:
        if found is not None and found.year >= _FIRST_YEAR:
            local = found if has_time_zone(text) else found.replace(tzinfo=zone)
            return local.astimezone(timezone.utc)
    except OverflowError:  # in the last hours of all years
        pass
    raise ValueError(
        f"is not a date, a time or an offset: '{not_before}'; a valid value is 2026-05-04, 2026-05-04 22:00 or +3 days"
    )


@dataclass(frozen=True)
class Window:
    """A window. ``days`` are the days on which it opens, 0 for Monday. It closes on the next day if ``end`` is not
    after ``start``."""

    days: frozenset[int]
    start: time
    end: time

    def has(self, local: datetime) -> bool:
        """Return whether the window is open at a time of the clock."""
        clock = local.time().replace(fold=0)
        is_over_midnight = self.end <= self.start
        today, yesterday = local.weekday(), (local.weekday() - 1) % 7
        if is_over_midnight:
            return (today in self.days and clock >= self.start) or (yesterday in self.days and clock < self.end)
        return today in self.days and self.start <= clock < self.end


@dataclass(frozen=True)
class Calendar:
    """The windows of a rollout. Without windows, it is always open. All times have a time zone, results are in UTC."""

    windows: tuple[Window, ...] = ()
    zone: tzinfo = timezone.utc

    def is_open(self, now: datetime) -> bool:
        """Return whether devices may converge at a time."""
        local = now.astimezone(self.zone)
        return not self.windows or any(window.has(local) for window in self.windows)

    def next_open(self, now: datetime) -> datetime:
        """Return the next time at which the calendar is open, which is ``now`` if it is open."""
        # Each window has a day, so there is a next time.
        return t.cast(datetime, self._next(now, is_open=True))

    def next_close(self, now: datetime) -> datetime | None:
        """Return the next time at which the calendar is closed, None if it is always open."""
        return self._next(now, is_open=False)

    def next_start(self, now: datetime, not_before: datetime | None) -> datetime:
        """Return the next open time that is not before a time."""
        return self.next_open(now if not_before is None else max(now, not_before))

    def _next(self, now: datetime, *, is_open: bool) -> datetime | None:
        now = now.astimezone(timezone.utc)
        if self.is_open(now) is is_open:
            return now
        return next((each for each in self._changes(now) if self.is_open(each) is is_open), None)

    def _changes(self, now: datetime) -> list[datetime]:
        """Return the times after ``now`` at which the calendar can open or close, the first one first."""
        first = now.astimezone(self.zone).date() - _ONE_DAY
        clocks = {clock for window in self.windows for clock in (window.start, window.end)} | {time()}
        times = set()
        for number in range(_HORIZON + 1):
            day = first + number * _ONE_DAY
            for clock in clocks:
                # A time that the clock repeats is at two times.
                times |= {self._utc(day, clock.replace(fold=fold)) for fold in (0, 1)}
            times |= set(self._transitions(day))
        return sorted(each for each in times if each > now)

    def _utc(self, day: date, clock: time) -> datetime:
        return datetime.combine(day, clock, self.zone).astimezone(timezone.utc)

    def _transitions(self, day: date) -> t.Iterator[datetime]:
        """Yield the time of a day at which the clock changes."""
        low, high = self._utc(day, time()), self._utc(day + _ONE_DAY, time())
        before, after = self._offset(low), self._offset(high)
        if before != after:
            while high - low > timedelta(seconds=1):
                middle = low + timedelta(seconds=(high - low) // timedelta(seconds=1) // 2)
                low, high = (middle, high) if self._offset(middle) == before else (low, middle)
            yield high

    def _offset(self, moment: datetime) -> timedelta | None:
        return moment.astimezone(self.zone).utcoffset()


def parse_windows(rows: t.Sequence[Row] | None, zone: tzinfo) -> Calendar:
    """Return the calendar that the option ``windows`` describes: dicts with ``days``, ``from`` and ``to``.

    Without days, a window opens each day. Without times, it is open for whole days. Raise InvalidValues with all
    errors.
    """
    errors: list[str] = []
    windows = [_window_of(f"windows[{index}]", row, errors) for index, row in enumerate(rows or ())]
    if errors:
        raise InvalidValues(errors)
    return Calendar(tuple(windows), zone)


def _window_of(path: str, row: Row, errors: list[str]) -> Window:
    errors += [f"{path}: unknown key '{key}'{hint(str(key), _KEYS)}" for key in row if key not in _KEYS]
    days = row.get("days")
    names = DAYS if days is None else [days] if isinstance(days, str) else list(days)
    if not names:
        errors.append(f"{path}.days is empty")
    numbers = {_day_of(f"{path}.days", name, errors) for name in names}
    start, end = (_clock_of(f"{path}.{key}", row.get(key), errors) for key in ("from", "to"))
    return Window(frozenset(numbers), start, end)


def _day_of(path: str, name: t.Any, errors: list[str]) -> int:
    text = str(name).strip().lower()
    for number, full in enumerate(_NAMES):
        if len(text) >= len(DAYS[number]) and full.startswith(text):
            return number
    errors.append(f"{path}: '{name}' is not one of {', '.join(DAYS)}")
    return 0


def _clock_of(path: str, value: t.Any, errors: list[str]) -> time:
    """Return a time of the clock. ``24:00`` is midnight.

    YAML reads ``22:00`` without quotes as a number with the base 60, which is the number of minutes since midnight.
    """
    text = "0" if value is None else str(value).strip()
    found = _CLOCK.fullmatch(text)
    if found:
        minutes = int(found[1]) * 60 + int(found[2]) if int(found[2]) < 60 else -1
    else:
        minutes = int(text) if _MINUTES.fullmatch(text) else -1
    if not 0 <= minutes <= _MINUTES_OF_DAY:
        errors.append(f"{path} is not a time: '{value}'; a valid value is '22:00', in quotes")
        return time()
    return time(minutes // 60 % 24, minutes % 60)
