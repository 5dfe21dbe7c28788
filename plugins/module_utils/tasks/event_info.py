# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module that reads the event feeds of devices or device groups: see events.py."""

from __future__ import annotations

import typing as t
from datetime import datetime, timezone

from ..base.errors import InvalidParameter
from ..base.row import Params, Row
from ..base.times import utc_time
from ..base.validators import in_range
from ..engine.lookup import lookup_of
from ..engine.tenant_view import TenantView
from ..http.parallel import CONCURRENCY, in_parallel
from ..kinds.device_group import DEVICE_GROUP
from ..kinds.device_search import devices_option, labels_of, require_devices
from ..model.conform import to_text
from ..model.module_spec import NO_DIFF, READS_ONLY, ModuleSpec, Option, Value
from ..task import ModuleDefinition, ModuleResult, RunContext
from .events import created_at, device_id_of, events_of_device, events_of_group, message_of

_NEVER = datetime.min.replace(tzinfo=timezone.utc)

_MODULE = ModuleSpec(
    short_description="Get events of Esper devices",
    description=(
        "Returns the latest events in the feeds of devices or device groups, for example the commands that they"
        " received and their results. The newest event is the first.",
        "The module reads at least one page of each feed.",
    ),
    options=(
        devices_option("An empty list returns no events."),
        Option(
            "groups",
            (
                "Device groups by path, name or ID.",
                "The feed of a device group can have commands instead of events. The message is then the command.",
                "An empty list returns no events.",
            ),
            type="list",
            elements="str",
            identifier=True,
        ),
        Option(
            "limit",
            "Maximum number of events for each device or device group, 1 or more.",
            type="int",
            default=100,
        ),
        Option(
            "since",
            "Date or time of the earliest event to return, in ISO 8601, for example V(2026-05-04T20:00:00Z). Without"
            " time zone, it is in UTC. Events without a valid time are always returned.",
        ),
        Option(
            "resolve_names",
            "If V(true), the module also returns the names of the devices.",
            type="bool",
            default=True,
        ),
    ),
    rules={"required_one_of": [("devices", "groups")], "mutually_exclusive": [("devices", "groups")]},
    returns=(
        Value(
            "events",
            "The events. The newest is the first.",
            type="list",
            elements="dict",
            contains=(
                Value("id", "ID of the event, or of the command in the feed of a device group.", sample="4711"),
                Value("created_on", "Time of the event.", sample="2026-03-01T09:30:00Z"),
                Value("message", "Message of the event, or the command.", sample="REBOOT succeeded"),
                Value(
                    "device_id",
                    "ID of the device. Null if the event is not about one device.",
                    sample="e2425d4b-c266-41b4-a83e-490189fc9a0f",
                ),
                Value(
                    "device_name",
                    "Name of the device. Only returned if O(resolve_names=true).",
                    sample="OUW-MDJ-00001",
                ),
                Value(
                    "group_id",
                    "ID of the device group whose feed has the event. Null for the feed of a device.",
                    sample=None,
                ),
            ),
        ),
    ),
    check_mode=READS_ONLY,
    diff_mode=NO_DIFF,
    seealso=("device_info", "operation_info"),
)


def _run(view: TenantView, params: Params, _context: RunContext) -> ModuleResult:
    if why := in_range(1)(params["limit"]):
        raise InvalidParameter(f"The option limit {why}.")
    try:
        since = None if params["since"] is None else utc_time(params["since"])
    except ValueError as error:
        raise InvalidParameter(f"The option since {error}.") from None
    devices = require_devices(view, params["devices"] or ())
    groups = lookup_of(view, DEVICE_GROUP).resolve_all(params["groups"] or ())
    feeds = [
        *((events_of_device, device) for device in devices),
        *((events_of_group, group) for group in {row["id"]: row for row in groups}.values()),
    ]
    found = in_parallel(view.client, lambda feed: feed[0](view, feed[1], params["limit"], since), feeds, CONCURRENCY)
    rows = [(row, *feed) for feed, rows in zip(feeds, found, strict=True) for row in rows]
    rows.sort(key=lambda each: created_at(each[0]) or _NEVER, reverse=True)
    events = [_event(*each) for each in rows]
    if params["resolve_names"]:
        ids = dict.fromkeys(event["device_id"] for event in events if event["device_id"])
        names = labels_of(view, ids, devices)
        for event in events:
            event["device_name"] = names.get(event["device_id"])
    return ModuleResult({"changed": False, "events": events})


def _event(row: Row, read: t.Callable[..., list[Row]], owner: Row) -> Row:
    """Return an event in the feed of ``owner``, a device or a device group."""
    is_of_device = read is events_of_device
    return {
        "id": to_text(row.get("id")),
        "created_on": to_text(row.get("created_on")),
        "message": message_of(row),
        "device_id": owner["id"] if is_of_device else device_id_of(row),
        "group_id": None if is_of_device else owner["id"],
    }


EVENT_INFO = ModuleDefinition("event_info", _MODULE, _run)
