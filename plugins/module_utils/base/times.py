# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times in ISO 8601. Python 3.10 reads only some of their forms."""

from __future__ import annotations

import math
import re
import typing as t
from datetime import datetime, timezone

from .row import Row

_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d)(:\d\d)?(?:[.,](\d{1,9}))?([Zz]|[+-]\d\d:?\d\d)?", re.ASCII)
# Esper has no earlier data, and earlier times cannot be compared on all systems.
_FIRST_YEAR = 1970
_NO_TIME = datetime(1, 1, 1, tzinfo=timezone.utc)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
# Days, hours, minutes and seconds.
_NUMBER = r"(\d{1,9}(?:\.\d{1,9})?)"
_DURATION = re.compile(f"P(?:{_NUMBER}D)?(?:T(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?", re.ASCII)
_SECONDS_OF_DAY = 86_400
_UNITS = (_SECONDS_OF_DAY, 3600, 60, 1)
MILLISECONDS = 1000
"""Number of milliseconds in a second."""
# In seconds, this is more than 1,000 years from now.
_LONGEST_SECONDS = 10**11


def parse_time(text: str) -> datetime | None:
    """Return the time in a text, None if the text is not a date and a time. Without time zone, it is in UTC."""
    found = _TIME.fullmatch(text.strip())
    if found is None:
        return None
    date, minutes, seconds, fraction, zone = found.groups()
    offset = "+00:00" if zone in (None, "Z", "z") else f"{zone[:3]}:{zone[-2:]}"
    try:
        return datetime.fromisoformat(f"{date}T{minutes}{seconds or ':00'}.{(fraction or '')[:6]:0<6}{offset}")
    except ValueError:
        return None


def has_time_zone(text: str) -> bool:
    """Return whether the text of a time, which parse_time() accepts, has a time zone."""
    found = _TIME.fullmatch(text.strip())
    return found is not None and found.group(5) is not None


def utc_time(text: str) -> datetime:
    """Return a date, or a date and a time, in UTC. A date is its first moment. Without time zone, it is in UTC. Raise
    ValueError with the error if the text is something else."""
    time = parse_time(f"{text.strip()}T00:00" if _DATE.fullmatch(text.strip()) else text)
    try:
        if time is not None and time.year >= _FIRST_YEAR:
            return time.astimezone(timezone.utc)
    except OverflowError:  # in the last hours of all years
        pass
    raise ValueError(f"is not a date or a time: '{text}'; a valid value is 2026-05-04T22:00:00Z")


def to_utc(text: str) -> str:
    """Return the time of utc_time() as the Esper API requires it: in UTC with Z."""
    return format_utc(utc_time(text))


def format_utc(time: datetime) -> str:
    """Return the text of a time in UTC with Z."""
    return time.astimezone(timezone.utc).replace(tzinfo=None).isoformat() + "Z"


def to_duration(seconds: int) -> str:
    """Return a number of seconds as a duration in ISO 8601. Raise ValueError with the error if it is negative."""
    if seconds < 0:
        raise ValueError(f"is {seconds}; the minimum is 0")
    return f"PT{seconds}S"


def seconds_of(duration: t.Any) -> float | None:
    """Return the seconds of a duration in ISO 8601, such as PT10M30S, None if it is no duration. A number is returned
    unchanged."""
    if isinstance(duration, (int, float)) and not isinstance(duration, bool):
        return duration
    found = _DURATION.fullmatch(duration.strip().upper()) if isinstance(duration, str) else None
    if found is None or not any(found.groups()):
        return None
    return sum(float(number or 0) * unit for number, unit in zip(found.groups(), _UNITS, strict=True))


def is_in_milliseconds(number: t.Any) -> bool:
    """Return whether a number of the API that is a time is in milliseconds. Otherwise, it is in seconds."""
    return isinstance(number, (int, float)) and number > _LONGEST_SECONDS


def time_of_number(text: str) -> datetime | None:
    """Return the time of a number of seconds or milliseconds since 1970, None if the text is no such number. It can
    have a fraction, because Python and Jinja have such times."""
    found = re.fullmatch(r"([0-9]{1,15})(?:\.[0-9]+)?", text)
    if found is None:
        return None
    number = int(found[1])
    try:
        seconds = number / MILLISECONDS if is_in_milliseconds(number) else number
        return datetime.fromtimestamp(seconds, timezone.utc)
    except (ValueError, OverflowError, OSError):
        return None


def now() -> datetime:
    """Return the current time with time zone."""
    return datetime.now(timezone.utc)


def newest_first(rows: t.Iterable[Row], *keys: str) -> list[Row]:
    """Return objects in the order of the times in their properties, the latest first. The second property counts if the
    times in the first are equal. Objects without a valid time are the last, and keep their order."""

    def times(row: Row) -> tuple[datetime, ...]:
        return tuple(parse_time(str(row.get(key))) or _NO_TIME for key in keys)

    return sorted(rows, key=times, reverse=True)


def days_until(text: t.Any) -> int | None:
    """Return the number of whole days until a time, negative after it, None if the value is not a time."""
    time = parse_time(text) if isinstance(text, str) else None
    return None if time is None else math.floor((time - now()).total_seconds() / _SECONDS_OF_DAY)
