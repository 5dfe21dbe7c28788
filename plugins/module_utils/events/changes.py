# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The changes of a device between two readings: pure functions.

Choice: a device is enrolled when it is online or offline for the first time after its creation. Before, it has one of
the states of provisioning. A device that is enrolled again is a new device for Esper.
Choice: a device that is disabled, wiped or no longer found is removed.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field
from datetime import timedelta

from ..base.row import Row
from ..base.times import parse_time
from ..kinds.device import FULL, as_host
from .options import BLUEPRINT, ENROLLED, MOVED, OFFLINE, ONLINE, REMOVED, RETURNED, TAGGED

_KEPT = (
    "id",
    "name",
    "alias",
    "serial",
    "platform",
    "state",
    "last_seen",
    "group_id",
    "tag_ids",
    "blueprint_id",
    "current_blueprint_id",
    "current_blueprint_version_id",
    "created_at",
)
_BLUEPRINT = ("blueprint_id", "current_blueprint_id", "current_blueprint_version_id")
_IN_USE = ("online", "offline")
_REMOVED = ("disabled", "wiping")
# The time of online devices changes with each reading, so a small difference is not stored.
_SMALL_GAP = timedelta(days=1)
# A device that was not seen in between has not returned.
_SHORTEST_GAP = timedelta(seconds=1)


@dataclass(frozen=True)
class Change:
    """A change of one type: its earlier values, and further properties of the event."""

    type: str
    previous: Row = field(default_factory=dict)
    more: Row = field(default_factory=dict)


def snapshot_of(row: Row) -> Row:
    """Return the values of a device of /v2/devices/ that the source compares."""
    host = as_host(row, FULL)
    return {**{name: host[name] for name in _KEPT}, "tag_ids": sorted(map(str, host["tag_ids"] or ()))}


def is_enrolling(device: Row) -> bool:
    """Return whether a new device is not in use yet."""
    return device["state"] not in (*_IN_USE, *_REMOVED)


def needs_update(before: Row, after: Row) -> bool:
    """Return whether the stored values of a device have to be replaced."""
    if {**before, "last_seen": None} != {**after, "last_seen": None}:
        return True
    gap = gap_between(before, after)
    if gap is None:
        return bool(before["last_seen"] != after["last_seen"])
    return bool(gap) and bool(after["state"] == "offline" or abs(gap) > _SMALL_GAP)


def gap_between(before: Row, after: Row) -> timedelta | None:
    """Return the time between the two times when a device was last seen, None if one of them is not known."""
    first, last = (parse_time(str(row["last_seen"])) for row in (before, after))
    return None if first is None or last is None else last - first


def changes_of(before: Row, after: Row, *, was_enrolling: bool, returned_after: float) -> list[Change]:
    """Return the changes between two readings of a device. ``was_enrolling`` is whether the event of its enrollment is
    yet to come, ``returned_after`` the number of seconds after which it counts as returned."""
    if after["state"] in _REMOVED:
        return [] if before["state"] in _REMOVED else [Change(REMOVED, _previous(before, "state"))]
    if was_enrolling:
        return [] if is_enrolling(after) else [Change(ENROLLED)]
    found = [*_of_state(before, after)]
    gap = gap_between(before, after)
    if gap is not None and after["state"] != "offline" and gap >= max(timedelta(seconds=returned_after), _SHORTEST_GAP):
        found.append(Change(RETURNED, _previous(before, "state", "last_seen"), {"seconds_absent": _seconds(gap)}))
    if before["group_id"] != after["group_id"]:
        found.append(Change(MOVED, _previous(before, "group_id")))
    if before["tag_ids"] != after["tag_ids"]:
        found.append(Change(TAGGED, _previous(before, "tag_ids")))
    if any(before[name] != after[name] for name in _BLUEPRINT):
        found.append(Change(BLUEPRINT, _previous(before, *_BLUEPRINT)))
    return found


def _of_state(before: Row, after: Row) -> t.Iterator[Change]:
    if before["state"] == after["state"]:
        return
    if after["state"] == "offline":
        yield Change(OFFLINE, _previous(before, "state"))
    elif after["state"] == "online":
        gap = gap_between(before, after)
        seconds = _seconds(gap) if before["state"] == "offline" and gap is not None else None
        yield Change(ONLINE, _previous(before, "state", "last_seen"), {"seconds_absent": seconds})


def _seconds(gap: timedelta) -> int:
    return max(int(gap.total_seconds()), 0)


def _previous(before: Row, *names: str) -> Row:
    return {name: before[name] for name in names}
