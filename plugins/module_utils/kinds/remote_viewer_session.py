# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions of the remote viewer with devices.

Based on /v2/rv-activity-feed/ of the contract (v2.yaml), which covers Android devices with Esper agent 8.4 and later.

Choice: times are sent as 2026-05-01T00:00:00Z. The text of the contract has a year of two digits and nine decimals, its
sample has neither.
Choice: ``ordering`` accepts a minus before each property. In the contract, the default has one, and no other value.
"""

from __future__ import annotations

from ..base.ids import normal_id
from ..base.times import seconds_of, to_duration, to_utc
from ..model.field import Field
from ..model.kind import Routes
from ..model.module_spec import Option
from ..model.plain import plain_reading
from .device import state_word

_STATES = ("INITIATED", "ACKNOWLEDGED", "ACTIVE", "TERMINATED", "FAILED")
_QUALITIES = ("STANDARD", "DATA_SAVER")
_ORDERS = ("created_at", "updated_at", "device_name", "duration", "state", "reason", "video_quality", "created_by")


def _time(name: str, query: str, doc: str) -> Option:
    doc = f"Date or time in ISO 8601 {doc}. Without time zone, it is in UTC."
    return Option(name, doc, query=query, to_query=to_utc, identifier=True)


def _seconds(name: str, query: str, doc: str) -> Option:
    doc = f"{doc} Sessions that were never active, or have not ended, do not match."
    return Option(name, doc, type="int", query=query, to_query=to_duration)


REMOTE_VIEWER_SESSION = plain_reading(
    name="remote_viewer_session",
    plural="sessions",
    title="remote viewer session",
    short_description="Get Esper remote viewer sessions",
    doc=(
        "Returns who viewed or controlled which devices with the remote viewer, and why.",
        "Esper records the sessions of Android devices with Esper agent 8.4 and later.",
        "A session is returned if it matches all filters.",
    ),
    routes=Routes(list="/v2/rv-activity-feed/", name_filter=""),
    id_key="session_id",
    options=(
        Option("device", "Text in the names of the devices.", query="device_name", identifier=True),
        Option("states", "States of the sessions.", type="list", elements="str", choices=_STATES, query="states"),
        Option(
            "video_qualities",
            "Video qualities of the sessions.",
            type="list",
            elements="str",
            choices=_QUALITIES,
            query="video_qualities",
        ),
        Option("reason", "Text in the reasons of the sessions.", query="reason", identifier=True),
        Option("created_by", "User who started the sessions.", query="created_by", identifier=True),
        _time("created_after", "created_at_gt", "after which the sessions were created"),
        _time("created_before", "created_at_lt", "before which the sessions were created"),
        _time("updated_after", "updated_at_gt", "after which the sessions changed last"),
        _time("updated_before", "updated_at_lt", "before which the sessions changed last"),
        _seconds("longer_than", "duration_gt", "Duration in seconds that the sessions exceed."),
        _seconds("shorter_than", "duration_lt", "Duration in seconds that the sessions do not reach."),
        Option(
            "ordering",
            "Property by which the sessions are sorted. A minus reverses the order.",
            choices=(*_ORDERS, *(f"-{name}" for name in _ORDERS)),
            default="-created_at",
            query="ordering",
        ),
        Option("limit", "Maximum number of sessions to return, 1 or more.", type="int", default=100),
    ),
    seealso=("device_info",),
    fields=(
        Field(
            "id",
            "ID of the session.",
            api="session_id",
            writable=False,
            sample="b8a1d1de-0d3e-4b3c-9d0b-6f1f7a3c2e55",
        ),
        Field(
            "device_id",
            "ID of the device.",
            normalize=normal_id,
            writable=False,
            sample="e2425d4b-c266-41b4-a83e-490189fc9a0f",
        ),
        Field("device_name", "Name of the device.", writable=False, sample="OUW-MDJ-00001"),
        Field("device_alias", "Alias of the device.", writable=False, sample="Till 1"),
        Field(
            "device_state",
            "State of the device, such as V(online), V(offline) or V(disabled).",
            normalize=state_word,
            writable=False,
            sample="online",
        ),
        Field("state", "State of the session.", writable=False, sample="TERMINATED"),
        Field("reason", "Reason that the user entered.", writable=False, sample="The printer is offline"),
        Field("video_quality", "Video quality of the session.", writable=False, sample="STANDARD"),
        Field(
            "seconds",
            "Duration of the session in seconds. Null if it was never active, or has not ended.",
            api="duration",
            type="float",
            normalize=seconds_of,
            writable=False,
            sample=630.0,
        ),
        Field("created_at", "Time of creation.", writable=False, sample="2026-03-01T09:30:00Z"),
        Field("created_by", "User who started the session.", writable=False, sample="ops@example.com"),
        Field("updated_at", "Time of the last change.", writable=False, sample="2026-03-01T09:40:30Z"),
        Field("updated_by", "User who changed the session last.", writable=False, sample="ops@example.com"),
    ),
)
