# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The information about a device that takes a request for each device.

Based on /v2/devices/{deviceId}/device-apps/ of the contract (v2.yaml), and on app/, install/ and status/ below
/enterprise/{enterprise_id}/device/{device_id}/ and that path itself (legacy.yaml). On live tenants, device-apps does
not return the apps of Android devices, so these are read from app/.

Choice: Esper has installations, a status and Android properties only of Android devices, so they are not read for
others. Choice: installations are not in the order of time, so all of a device are read.
"""

from __future__ import annotations

import re
import typing as t

from ..base.row import Row
from ..base.secret_keys import is_secret_key
from ..engine.tenant_view import TenantView
from ..http.paging import list_all
from ..http.responses import decode_json
from ..model.conform import to_int, to_row, to_rows, to_text
from ..model.module_spec import Value
from ..model.values import is_too_deep
from .events import events_of_device, message_of

_DEVICE = "/enterprise/{enterprise_id}/device/%s/"
# Keys of push tokens, and of the numbers of a device, its SIM card and its owner. Without separators.
_PRIVATE = re.compile(r"imei|meid|imsi|iccid|msisdn|simserial|phonenumber|line1number|fcm|gcm|mqtt|push", re.IGNORECASE)

APPS = Value(
    "apps",
    (
        "Apps on the device. Only returned if O(apps=true).",
        "Apps on Android devices have names. Apps on other platforms have only the IDs that blueprints use.",
    ),
    type="list",
    elements="dict",
    sample=[
        {
            "name": "Till",
            "package_name": "com.example.till",
            "version_name": "2.0.0",
            "version_code": "200",
            "state": "SHOW",
            "type": "ENTERPRISE",
            "app_id": None,
            "app_version_id": None,
        }
    ],
)
EVENTS = Value(
    "events",
    "Events of the device, the latest first. Only returned if O(max_events) is greater than V(0).",
    type="list",
    elements="dict",
    sample=[{"id": 4711, "created_on": "2026-03-01T09:30:00Z", "message": "REBOOT succeeded"}],
)
INSTALLS = Value(
    "installs",
    (
        "Installations of apps on an Android device by Esper, the latest first. Empty for other platforms. Only"
        " returned if O(max_installs) is greater than V(0).",
        "C(state) is V(NOT_INSTALLED), V(INSTALL_IN_PROGRESS), V(UNINSTALL_IN_PROGRESS), V(INSTALL_SUCCESS),"
        " V(INSTALL_FAILED), V(UNINSTALL_SUCCESS) or V(UNINSTALL_FAILED).",
    ),
    type="list",
    elements="dict",
    sample=[
        {
            "name": "Till",
            "package_name": "com.example.till",
            "version_name": "2.0.0",
            "version_code": "200",
            "state": "INSTALL_FAILED",
            "reason": "The storage of the device is full",
            "updated_on": "2026-03-01T09:30:00Z",
        }
    ],
)
STATUS = Value(
    "status",
    (
        "Latest status that an Android device reported. Null for other platforms, and if Esper has none. Only returned"
        " if O(status=true).",
        "C(data) is in the format of the device, without push tokens, passwords, phone numbers and the numbers of SIM"
        " cards.",
    ),
    type="dict",
    sample={
        "created_on": "2026-03-01T09:30:00Z",
        "data": {"powerManagementEvent": {"batteryLevel": 80}, "networkEvent": {"currentActiveConnection": "WIFI"}},
    },
)
ANDROID = Value(
    "android",
    (
        "Properties that only Android devices have. Null for other platforms. Only returned if O(android=true).",
        "Esper does not document the numbers of C(lockdown_state) and C(current_app_mode).",
    ),
    type="dict",
    contains=(
        Value("policy_name", "Name of the enterprise policy.", sample="Kiosk"),
        Value("template_name", "Name of the template.", sample=None),
        Value("directory_record_id", "ID of the directory record.", sample=None),
        Value("lockdown_state", "Lockdown state in API format.", type="int", sample=0),
        Value("current_app_mode", "App mode in API format.", type="int", sample=0),
        Value("kiosk_app_name", "Package name of the kiosk app.", sample="com.example.till"),
        Value("timezone_string", "Time zone.", sample="Europe/Berlin"),
        Value("esper_client", "Version of the Esper agent.", sample="7.10.3"),
        Value(
            "wifi",
            "Saved Wi-Fi networks, without their passwords.",
            type="list",
            elements="dict",
            sample=[{"ssid": "Store", "security_type": "WPA"}],
        ),
    ),
)


def apps_of(view: TenantView, device: Row) -> list[Row]:
    """Return the apps on a device."""
    return [app_of(row) for row in app_rows_of(view, device)]


def app_rows_of(view: TenantView, device: Row, package_name: str | None = None) -> list[Row]:
    """Return the apps on a device in API format. Only apps on Android have a package name, so others are not selected
    by it."""
    purpose = f"Reading the apps of the device {device['id']}"
    if not is_android(device):
        return list_all(view.client, f"/v2/devices/{device['id']}/device-apps/", purpose=purpose)
    rows = list_all(view.client, f"{_DEVICE}app/" % device["id"], query={"package_name": package_name}, purpose=purpose)
    return [row for row in rows if package_name in (None, row.get("package_name"))]


def app_of(row: Row) -> Row:
    """Return an installed app in the form of the result. Esper returns only the IDs of apps on other platforms."""
    names = ("package_name", "version_name", "version_code", "state", "app_id", "app_version_id")
    return {"name": to_text(row.get("app_name")), "type": to_text(row.get("app_type")), **_texts(row, names)}


def last_events_of(view: TenantView, device: Row, limit: int) -> list[Row]:
    """Return the latest events of a device, the newest first."""
    return [
        {
            "id": to_int(row.get("id")),
            "created_on": to_text(row.get("created_on")),
            "message": message_of(row),
        }
        for row in events_of_device(view, device, limit)
    ]


def installs_of(view: TenantView, device: Row, limit: int | None, query: Row | None = None) -> list[Row]:
    """Return the latest installations on a device that match a query, or all, the newest first."""
    if not is_android(device):
        return []
    purpose = f"Reading the installations on the device {device['id']}"
    rows = list_all(view.client, f"{_DEVICE}install/" % device["id"], query=query, purpose=purpose)
    rows.sort(key=lambda row: str(row.get("updated_on")), reverse=True)
    return [_install(row) for row in rows[:limit]]


def _install(row: Row) -> Row:
    app = to_row(row.get("application"))
    version = to_row(app.get("version"))
    return {
        "name": to_text(app.get("application_name")),
        "package_name": to_text(app.get("package_name")),
        # The names of the API differ from those of Android.
        "version_name": to_text(version.get("version_code")),
        "version_code": to_text(version.get("build_number")),
        "state": to_text(row.get("install_state")),
        "reason": to_text(row.get("reason_details")) or None,
        "updated_on": to_text(row.get("updated_on")),
    }


def status_of(view: TenantView, device: Row) -> Row | None:
    """Return the latest status of a device, None if there is none."""
    if not is_android(device):
        return None
    body = view.client.get(
        f"{_DEVICE}status/" % device["id"],
        query={"latest_event": 1},
        purpose=f"Reading the status of the device {device['id']}",
    )
    rows = to_rows(to_row(body).get("results"))
    if not rows:
        return None
    return {"created_on": to_text(rows[0].get("created_on")), "data": _status_data(rows[0].get("data"))}


def _status_data(text: t.Any) -> Row | None:
    """Return the values in a status, which is JSON in a text, None if it is invalid."""
    try:
        data = decode_json(text.encode()) if isinstance(text, str) else text
    except (ValueError, RecursionError):
        return None
    return t.cast("Row", _without_private(data)) if isinstance(data, dict) and not is_too_deep(data) else None


def _without_private(value: t.Any) -> t.Any:
    if isinstance(value, dict):
        return {key: _without_private(item) for key, item in value.items() if not _is_private(key)}
    return [_without_private(item) for item in value] if isinstance(value, list) else value


def _is_private(key: str) -> bool:
    return is_secret_key(key) or _PRIVATE.search(re.sub(r"[^a-zA-Z0-9]", "", key)) is not None


def android_of(view: TenantView, device: Row) -> Row | None:
    """Return the properties that only Android devices have."""
    if not is_android(device):
        return None
    row = view.client.get_object(_DEVICE % device["id"], purpose=f"Reading the Android device {device['id']}")
    texts = ("policy_name", "template_name", "directory_record_id", "kiosk_app_name", "timezone_string")
    return {
        **{name: text or None for name, text in _texts(row, texts).items()},
        **{name: to_int(row.get(name)) for name in ("lockdown_state", "current_app_mode")},
        # The contract misspells the key.
        "esper_client": to_text(row.get("esper_client") or row.get("esper_cient")),
        "wifi": [
            {"ssid": to_text(each.get("wifi_ssid")), "security_type": to_text(each.get("wifi_security_type"))}
            for each in to_rows(row.get("wifi_access_points"))
        ],
    }


def is_android(device: Row) -> bool:
    """Return whether a device runs Android."""
    return device.get("platform") == "ANDROID"


def _texts(row: Row, names: t.Iterable[str]) -> Row:
    return {name: to_text(row.get(name)) for name in names}
