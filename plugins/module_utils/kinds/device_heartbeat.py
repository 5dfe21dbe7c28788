# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The times at which Esper last saw devices.

Based on /device/v0/heartbeat/{id}/ (v0.yaml) for devices, and on /v2/heartbeat/ (v2.yaml) for all devices that Esper
last saw in a period. Neither returns an ID other than that of the device.

Choice: HTTP 404 for a device that exists means that Esper has never seen it.
"""

from __future__ import annotations

from ..base.ids import normal_id
from ..base.row import Params, Row
from ..base.times import format_utc, now, to_utc
from ..http.client import Query
from ..http.parallel import CONCURRENCY, in_parallel
from ..model.field import Field
from ..model.kind import Routes
from ..model.module_spec import Option
from ..model.plain import plain_reading
from .device_reader import DEVICES, MISSING, RESOLVE_NAMES_OPTION, DeviceReader, device_name
from .device_search import label_of

_PERIOD_END = "last_seen_lt"


class HeartbeatReader(DeviceReader):
    """Reads the heartbeat of each device that a task names, or those in a period."""

    def read_rows(self, params: Params) -> list[Row]:
        if self.devices is None:
            return super().read_rows(params)
        return list(in_parallel(self.view.client, self._heartbeat, self.devices, CONCURRENCY))

    def query(self, params: Params) -> Query | None:
        query = super().query(params)
        return query and {_PERIOD_END: format_utc(now().replace(microsecond=0)), **query}

    def _heartbeat(self, device: Row) -> Row:
        row = self.view.find_at(
            self.kind.routes.object,
            {"id": device["id"]},
            kind=self.kind,
            purpose=f"Reading the heartbeat of the device '{label_of(device)}'",
        )
        return row or {self.kind.id_key: device["id"]}


DEVICE_HEARTBEAT = plain_reading(
    name="device_heartbeat",
    plural="heartbeats",
    title="heartbeat",
    short_description="Get the times at which Esper last saw devices",
    doc=(
        "Returns when Esper last saw devices, and whether they are online.",
        "With O(devices), the module sends one request for each device. With O(seen_after), it returns all devices that"
        " Esper last saw in a period.",
    ),
    routes=Routes(list="/v2/heartbeat/", object="/device/v0/heartbeat/{id}/", name_filter=""),
    id_key="device_id",
    options=(
        DEVICES,
        Option(
            "seen_after",
            "Start of the period, as a date or a time in ISO 8601. Without time zone, it is in UTC.",
            query="last_seen_gt",
            to_query=to_utc,
            identifier=True,
        ),
        Option(
            "seen_before",
            "End of the period, in the format of O(seen_after). Defaults to the current time.",
            query=_PERIOD_END,
            to_query=to_utc,
            identifier=True,
        ),
        Option(
            "platform",
            "Platform of the devices that are returned.",
            choices=("ANDROID", "APPLE", "LINUX", "WINDOWS"),
            query="platform",
        ),
        RESOLVE_NAMES_OPTION,
    ),
    rules={
        "required_one_of": [("devices", "seen_after")],
        "mutually_exclusive": [("devices", "seen_after"), ("devices", "seen_before"), ("devices", "platform")],
    },
    returns=(MISSING,),
    seealso=("device_info",),
    reader=HeartbeatReader,
    fields=(
        Field(
            "device_id",
            "ID of the device.",
            normalize=normal_id,
            writable=False,
            sample="e2425d4b-c266-41b4-a83e-490189fc9a0f",
        ),
        device_name("device_id"),
        Field(
            "last_seen",
            "Time at which Esper last saw the device. Null if Esper has never seen it.",
            api="timestamp",
            writable=False,
            sample="2026-03-01T09:30:00Z",
        ),
        Field(
            "online",
            "Whether Esper saw the device in the last 30 minutes. Null if Esper has never seen it.",
            api="status",
            type="bool",
            writable=False,
            sample=True,
        ),
    ),
)
