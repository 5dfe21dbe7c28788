# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Records of devices before they enroll: /v1/enterprise/{enterprise_id}/directory_record/ (v1.yaml)."""

from __future__ import annotations

from typing import Any

from derived import Shown
from exchange import Behavior
from tenant import ONLINE, Tenant

RECORDS = "/v1/enterprise/{enterprise_id}/directory_record"

# Identifiers are written with a number as their type, and read with its name.
_TYPES = ("IMEI1", "IMEI2", "SERIAL", "MEI", "WIFI_MAC_ID", "ETHERNET_MAC_ID")


def seed(tenant: Tenant) -> None:
    """No directory record."""


def _shown(tenant: Tenant, record: dict[str, Any]) -> dict[str, Any]:
    """The record with the names of its types, and with its device, which is the one of its serial number."""
    identifiers = [{**each, "type": _TYPES[each["type"]]} for each in record["unique_identifiers"]]
    if "by serial" not in tenant.views:
        tenant.views["by serial"] = {device.serial: device for device in tenant.devices.values()}
    serials = [each["unique_id"] for each in identifiers if each["type"] == "SERIAL"]
    device = next((tenant.views["by serial"][each] for each in serials if each in tenant.views["by serial"]), None)
    about: dict[str, Any] = {"name": "", "online_status": "NONE", "approval_status": "WAITING_FOR_APPROVAL"}
    if device:
        about = {
            "name": device.name,
            "device_id": device.id,
            "online_status": "ONLINE" if device.state == ONLINE else "OFFLINE",
            "approval_status": "APPROVED",
            "provisioned_on": device.provisioned_on,
        }
    return {**record, **about, "unique_identifiers": identifiers}


SHOWN: dict[str, Shown] = {RECORDS: _shown}

OPERATIONS: dict[str, Behavior] = {}
