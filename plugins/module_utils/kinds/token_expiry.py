# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The times at which personal access tokens expire: numbers in the API, texts in tasks and results."""

from __future__ import annotations

import re
import typing as t
from datetime import datetime, timezone

from ..base.times import now, parse_time

NEVER = "never"

_API_NEVER = -1
# In seconds, this is more than 1,000 years from now.
_LONGEST_SECONDS = 10**11
_MILLISECONDS = 1000
_SECONDS_OF_DAY = 86_400


def is_in_milliseconds(number: t.Any) -> bool:
    """Return whether a time of the API is in milliseconds."""
    return isinstance(number, (int, float)) and number > _LONGEST_SECONDS


def to_expiry(value: t.Any) -> t.Any:
    """Return a time of the API or of a task in ISO 8601 and UTC, or "never". An invalid value is returned as it is."""
    text = str(value).strip()
    if text.lower() == NEVER or text == str(_API_NEVER):
        return NEVER
    time = _time_of(text)
    return value if time is None else f"{time.astimezone(timezone.utc):%Y-%m-%dT%H:%M:%SZ}"


def _time_of(text: str) -> datetime | None:
    # Python and Jinja have times with fractions.
    number_text = re.fullmatch(r"([0-9]{1,15})(?:\.[0-9]+)?", text)
    if number_text is None:
        return parse_time(text)
    number = int(number_text[1])
    try:
        return datetime.fromtimestamp(number / _MILLISECONDS if is_in_milliseconds(number) else number, timezone.utc)
    except (ValueError, OverflowError, OSError):
        return None


def expiry_error(value: str) -> str:
    """Return the error of a desired time, "" if it is valid."""
    if value == NEVER or parse_time(value) is not None:
        return ""
    return f"is '{value}'; set a time in ISO 8601 such as 2027-03-31T00:00:00Z, or never"


def to_number(expiry: str, *, in_milliseconds: bool) -> int:
    """Return a valid time, as to_expiry() returns it, in API format."""
    time = parse_time(expiry)
    if time is None:
        return _API_NEVER
    return int(time.timestamp()) * (_MILLISECONDS if in_milliseconds else 1)


def expires_within(expiry: t.Any, days: int) -> bool:
    """Return whether a token is expired or expires within some days."""
    time = parse_time(expiry) if isinstance(expiry, str) else None
    return time is not None and (time - now()).total_seconds() <= days * _SECONDS_OF_DAY
