# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of devices that modules only read, such as locations and heartbeats, for the devices that a task names."""

from __future__ import annotations

from ..base.row import Params, Row
from ..engine.reader import RESOLVE_NAMES, Reader
from ..model.field import Field
from ..model.module_spec import Option, Value
from ..model.names import Names
from .device_search import DEVICE, DeviceLookup, devices_option, unique_devices

DEVICES = devices_option("A device that does not exist is not an error. RV(missing) lists such devices.")
RESOLVE_NAMES_OPTION = Option(
    RESOLVE_NAMES, "If V(true), the module also returns the names of devices.", type="bool", default=True
)
MISSING = Value("missing", "Items of O(devices) for which no device exists.", type="list", elements="str", sample=[])


def device_name(api: str) -> Field:
    """Return the field with the name of a device. ``api`` is the API's key for the ID of the device."""
    doc = "Name of the device, or its ID if the device does not exist. Only returned if O(resolve_names=true)."
    return Field("device_name", doc, api=api, writable=False, names=Names(DEVICE), sample="OUW-MDJ-00001")


class DeviceReader(Reader):
    """Reads the values of devices. ``devices`` are those that the task names, None if it names none."""

    devices: list[Row] | None = None

    def get_info(self, params: Params) -> Row:
        """Return the values of the devices, and the names for which no device exists."""
        missing = []
        if params["devices"] is not None:
            found = DeviceLookup(self.view, DEVICE).find_all(params["devices"])
            missing = [name for name, row in found.items() if row is None]
            self.devices = unique_devices(found.values())
        return {**super().get_info(params), MISSING.name: missing}
