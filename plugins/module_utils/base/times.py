# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Times in ISO 8601. Python 3.10 reads only some of their forms."""

from __future__ import annotations

import re
from datetime import datetime, timezone

_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d)(:\d\d)?(?:[.,](\d{1,9}))?([Zz]|[+-]\d\d:?\d\d)?", re.ASCII)


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


def to_utc(text: str) -> datetime | None:
    """Return the time in a text in UTC, None if the text is not a date and a time. Without time zone, it is in UTC."""
    time = parse_time(text)
    try:
        return time and time.astimezone(timezone.utc)
    except OverflowError:  # in the first or the last hours of all years
        return None


def now() -> datetime:
    """Return the current time with time zone."""
    return datetime.now(timezone.utc)
