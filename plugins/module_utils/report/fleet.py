# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The charts of a fleet: the number of devices by group, platform, OS version, blueprint version, state and last
connection."""

from __future__ import annotations

import collections
import typing as t
from datetime import datetime, timedelta

from ..base.row import Row
from ..base.times import parse_time

_ROOT = "All devices/"
_MAX_BARS = 10
_OTHERS = "Others"
_AGES = (
    ("Last hour", timedelta(hours=1), "good"),
    ("Last 24 hours", timedelta(hours=24), "good"),
    ("Last 7 days", timedelta(days=7), "plain"),
    ("Last 30 days", timedelta(days=30), "warn"),
)
_LONGER_AGO = "More than 30 days ago"
_NEVER = "Never"
_STATES = (("online", "Online", "good"), ("offline", "Offline", "bad"))
_OTHER_STATE = "Other states"
_DISABLED = "disabled"
_PLATFORMS = {"ANDROID": "Android", "APPLE": "Apple", "LINUX": "Linux", "WINDOWS": "Windows"}
_NONE = "Not available"


def fleet_of(devices: t.Sequence[Row], now: datetime) -> Row:
    """Return the numbers of a fleet. Each device has the values of as_host(), and also ``group``, ``version`` and
    ``is_outdated``. Disabled devices, which were removed from the tenant, are only counted."""
    present = [device for device in devices if device["state"] != _DISABLED]
    return {
        "devices": len(present),
        "disabled": len(devices) - len(present),
        "online": sum(device["state"] == "online" for device in present),
        "outdated": sum(device["is_outdated"] is True for device in present),
        "charts": [
            _chart("state", "State", _states(present)),
            _chart("platform", "Platform", _top(map(_platform, present))),
            _chart("last_seen", "Last seen", _ages(present, now)),
            _chart("os_version", "OS version", _top(map(_os_version, present))),
            _chart("group", "Device group", _top(_group(device) for device in present)),
            _chart("blueprint_version", "Blueprint version", _versions(present)),
        ],
    }


def _chart(key: str, title: str, bars: list[Row]) -> Row:
    return {"key": key, "title": title, "bars": bars}


def _bar(label: str, count: int, tone: str = "plain") -> Row:
    return {"label": label, "count": count, "tone": tone}


def _top(labels: t.Iterable[str]) -> list[Row]:
    """Return a bar for each of the most frequent labels, and one for all others."""
    counts = collections.Counter(labels)
    ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    # A bar for one other would be no shorter than the label itself.
    shown = ordered if len(ordered) <= _MAX_BARS + 1 else ordered[:_MAX_BARS]
    bars = [_bar(label, count) for label, count in shown]
    if hidden := ordered[len(shown) :]:
        bars.append(_bar(f"{_OTHERS} ({len(hidden)})", sum(count for _label, count in hidden), "others"))
    return bars


def _states(devices: list[Row]) -> list[Row]:
    counts = collections.Counter(device["state"] for device in devices)
    bars = [_bar(label, counts.pop(state, 0), tone) for state, label, tone in _STATES]
    return [*bars, _bar(_OTHER_STATE, sum(counts.values()), "others")] if counts else bars


def _ages(devices: list[Row], now: datetime) -> list[Row]:
    counts = collections.Counter(_age(device, now) for device in devices)
    labels = [*((label, tone) for label, _age, tone in _AGES), (_LONGER_AGO, "bad")]
    bars = [_bar(label, counts[label], tone) for label, tone in labels]
    return [*bars, _bar(_NEVER, counts[_NEVER], "others")] if counts[_NEVER] else bars


def _age(device: Row, now: datetime) -> str:
    seen = parse_time(str(device.get("last_seen")))
    if seen is None:
        return _NEVER
    return next((label for label, age, _tone in _AGES if now - seen <= age), _LONGER_AGO)


def _platform(device: Row) -> str:
    text = str(device.get("platform") or _NONE)
    return _PLATFORMS.get(text, text)


def _os_version(device: Row) -> str:
    return " ".join(str(device[key]) for key in ("os", "os_version") if device.get(key)) or _NONE


def _group(device: Row) -> str:
    # All paths start with the root.
    return str(device["group"] or "No group").removeprefix(_ROOT)


def _versions(devices: list[Row]) -> list[Row]:
    outdated = {str(device["version"]) for device in devices if device["is_outdated"]}
    bars = _top(str(device["version"] or "No blueprint") for device in devices)
    return [{**each, "tone": "warn"} if each["label"] in outdated else each for each in bars]
