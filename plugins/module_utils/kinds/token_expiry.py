# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The times at which personal access tokens expire: numbers in the API, texts in tasks and results."""

from __future__ import annotations

import typing as t
from datetime import timezone

from ..base.times import MILLISECONDS, now, parse_time, time_of_number

NEVER = "never"

_API_NEVER = -1
_SECONDS_OF_DAY = 86_400


def to_expiry(value: t.Any) -> t.Any:
    """Return a time of the API or of a task in ISO 8601 and UTC, or "never". An invalid value is returned as it is."""
    text = str(value).strip()
    if text.lower() == NEVER or text == str(_API_NEVER):
        return NEVER
    time = time_of_number(text) or parse_time(text)
    return value if time is None else f"{time.astimezone(timezone.utc):%Y-%m-%dT%H:%M:%SZ}"


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
    return int(time.timestamp()) * (MILLISECONDS if in_milliseconds else 1)


def expires_within(expiry: t.Any, days: int) -> bool:
    """Return whether a token is expired or expires within some days."""
    time = parse_time(expiry) if isinstance(expiry, str) else None
    return time is not None and (time - now()).total_seconds() <= days * _SECONDS_OF_DAY
