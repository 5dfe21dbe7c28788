# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reported locations of devices.

Based on /v1/enterprise/{enterprise_id}/report/location/ of the contract (v1.yaml), a list without filters.

Choice: the list can have several locations of a device. Without ``history``, the module returns the one with the latest
``last_updated_on`` of each device.
"""

from __future__ import annotations

import typing as t

from ..base.ids import last_uuid
from ..base.row import Params, Row
from ..base.times import parse_time
from ..model.field import Field
from ..model.kind import Routes
from ..model.module_spec import Option
from ..model.plain import plain_reading
from .device_reader import DEVICES, MISSING, RESOLVE_NAMES_OPTION, DeviceReader, device_name


class LocationReader(DeviceReader):
    """Reads the list of all locations, because it has no filters, and selects those of devices."""

    def read_rows(self, params: Params) -> list[Row]:
        if self.devices is not None and not self.devices:
            return []
        rows = super().read_rows(params)
        if self.devices is not None:
            wanted = {str(device["id"]).lower() for device in self.devices}
            rows = [row for row in rows if last_uuid(row.get("device")) in wanted]
        return rows if params["history"] else _latest(rows)


def _latest(rows: list[Row]) -> list[Row]:
    """Return the latest location of each device."""
    latest: dict[t.Any, Row] = {}
    for row in rows:
        device = last_uuid(row.get("device"))
        if device not in latest or _age(row) > _age(latest[device]):
            latest[device] = row
    return list(latest.values())


def _age(row: Row) -> tuple[float, int]:
    """Return the sort key of a location. Of two with the same time, the later ID counts."""
    time = parse_time(str(row.get("last_updated_on")))
    return (time.timestamp() if time else 0.0, row["id"])


DEVICE_LOCATION = plain_reading(
    name="device_location",
    plural="locations",
    title="location",
    short_description="Get locations of Esper devices",
    doc=(
        "Returns the locations that devices reported last, or all that Esper keeps.",
        "The Esper API cannot filter locations, so the module reads the locations of all devices."
        " M(esper.cloud.device_info) returns the latest location of a few devices with fewer requests.",
    ),
    routes=Routes(
        list="/v1/enterprise/{enterprise_id}/report/location/",
        object="/v1/enterprise/{enterprise_id}/report/location/{id}/",
        name_filter="",
    ),
    options=(
        DEVICES,
        Option("id", "ID of a location.", type="int", identifier=True),
        Option(
            "history",
            "If V(true), the module returns all locations of each device that Esper keeps. If V(false), it returns the"
            " latest one.",
            type="bool",
            default=False,
        ),
        RESOLVE_NAMES_OPTION,
    ),
    rules={"mutually_exclusive": [("id", "devices")]},
    returns=(MISSING,),
    seealso=("device_info",),
    reader=LocationReader,
    fields=(
        Field("id", "ID of the location.", type="int", writable=False, sample=4711),
        Field(
            "device_id",
            "ID of the device.",
            api="device",
            normalize=last_uuid,
            writable=False,
            sample="e2425d4b-c266-41b4-a83e-490189fc9a0f",
        ),
        device_name("device"),
        Field("latitude", "Latitude in degrees.", type="float", writable=False, sample=52.52),
        Field("longitude", "Longitude in degrees.", type="float", writable=False, sample=13.405),
        Field(
            "altitude",
            "Altitude. Esper does not document the unit.",
            type="float",
            writable=False,
            sample=34.0,
        ),
        Field("city", "City.", writable=False, sample="Berlin"),
        Field("state", "State or region.", writable=False, sample="Berlin"),
        Field("country", "Country.", writable=False, sample="Germany"),
        Field("zipcode", "Postal code.", writable=False, sample="10178"),
        Field(
            "last_updated_on",
            "Time at which the device reported the location.",
            writable=False,
            sample="2026-03-01T09:30:00Z",
        ),
        Field(
            "status_id",
            "ID of the status report with the location.",
            type="int",
            writable=False,
            sample=98,
        ),
    ),
)
