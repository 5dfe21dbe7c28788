# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The details of one device: apps, events, location and the like.

/device/v0/ (v0.yaml), /v2/devices/{deviceId}/device-apps/ (v2.yaml), apps, installations and status of legacy.yaml, and
the event feed (legacy.yaml, v1.yaml and unpublished.yaml).
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid5

import orjson
from exchange import (
    ORIGIN,
    Answer,
    Behavior,
    Call,
    Refusal,
    apps_list,
    enterprise_url,
    found,
    instant,
    legacy_list,
    refuse,
)
from tenant import DISABLED, ONLINE, Device, Tenant

from behaviors.tenant_apps import VERSIONS

App = dict[str, Any]

# What /device/v0/ shows of all devices, and of those of some platforms.
_PROPERTIES = (
    "id", "name", "os", "state", "platform", "serial", "os_version", "global_device_id", "group_id", "provisioned_on",
    "blueprint_info", "managed_by", "is_seamless", "created_at", "updated_at",
)  # fmt: skip
_MORE = {"ANDROID": ("alias", "hardware_info"), "APPLE": ("alias", "hardware_info", "udid")}

_SETTINGS = {
    "gps_state": "LOCATION_MODE_HIGH_ACCURACY",
    "wifi_state": True,
    "adb_enabled": False,
    "adb_timeout": 0,
    "remote_adb_enabled": False,
    "audio_settings": {"ring": 40, "music": 60},
    "rotation_state": "AUTO",
    "bluetooth_state": False,
    "brightness_scale": 70,
    "screen_off_timeout": 60000,
    "use_only_saved_ap": False,
}

_INSTALLED = "INSTALL_SUCCESS"

_CONFIG = b"<dict><key>server</key><string>https://till.example.com</string></dict>"
# Platform -> the kinds of apps that /v2/.../device-apps/ has for it, one each.
_KINDS = {"APPLE": ("ESPER_IOS", "TENANT_IOS"), "WINDOWS": ("ESPER_WINDOWS",)}
# Package, label and version of what is on Android devices in any case.
_SYSTEM_APPS = (("com.android.settings", "Settings", "13"), ("com.android.chrome", "Chrome", "119.0"))


def seed(tenant: Tenant) -> None:
    """All of it follows from devices, blueprints and applications."""


def get_device(tenant: Tenant, call: Call) -> Answer:
    """GET /device/v0/devices/{id}/: poorer than /v2/devices/."""
    return _answer(_shown(found(tenant.devices, call.values["id"])))


def delete_device(tenant: Tenant, call: Call) -> Answer:
    """DELETE /device/v0/devices/{id}/: not of Android. It is disabled from then on, and stays in lists."""
    device = found(tenant.devices, call.values["id"])
    if device.platform == "ANDROID":
        raise Refusal(400, ["Android devices cannot be deleted. "])
    if device.state != DISABLED:
        device = tenant.change_device(device, state=DISABLED)
    return _answer(_shown(device))


def get_settings(tenant: Tenant, call: Call) -> Answer:
    """GET /device/v0/devices/{id}/devicestate."""
    found(tenant.devices, call.values["id"])
    return Answer(_SETTINGS)


def list_device_apps(tenant: Tenant, call: Call) -> Answer:
    """GET /v2/devices/{deviceId}/device-apps/: nothing of Android, and `results` of an empty list are null."""
    device = found(tenant.devices, call.values["deviceId"])
    wanted = call.query["app_type"].split(",") if "app_type" in call.query else None
    kinds = [kind for kind in _KINDS.get(device.platform, ()) if wanted is None or kind in wanted]
    content = apps_list(call, kinds, show=lambda kind: _device_app(tenant, device, kind), back="prev")
    return Answer({"content": content | {"results": content["results"] or None}})


def list_devices_of_app(tenant: Tenant, call: Call) -> Answer:
    """GET /v2/device-apps: the devices with a version of an app, with nothing but their ids."""
    rows = [
        {"device_id": device.id}
        for device in tenant.devices.values()
        for app in [_device_app(tenant, device, kind) for kind in _KINDS.get(device.platform, ())]
        if all(app[name] == call.query[name].lower() for name in ("app_id", "app_version_id"))
    ]
    return Answer({"content": apps_list(call, rows, show=dict, back="prev")})


def list_apps(tenant: Tenant, call: Call) -> Answer:
    """GET .../device/{device_id}/app/: of Android devices only; `search` finds any part of the label in any case."""
    search, package = call.query.get("search", "").lower(), call.query.get("package_name")
    whitelisted = call.query.get("whitelisted", "").lower()
    apps = [
        app
        for app in apps_of(tenant, found(tenant.devices, call.values["device_id"]))
        if search in app["app_name"].lower()
        and package in (None, app["package_name"])
        and whitelisted in ("", str(app["whitelisted"]).lower())
    ]
    return legacy_list(call, apps, show=dict)


def get_app(tenant: Tenant, call: Call) -> Answer:
    """GET .../device/{device_id}/app/{app_id}/."""
    apps = apps_of(tenant, found(tenant.devices, call.values["device_id"]))
    return Answer(found({app["id"]: app for app in apps}, call.values["app_id"]))


def get_status(tenant: Tenant, call: Call) -> Answer:
    """GET .../device/{device_id}/status/: the latest event of an Android device, whose `data` is JSON within a text."""
    device = found(tenant.devices, call.values["device_id"])
    if call.query["latest_event"] != "1":
        raise refuse("latest_event", "Must be 1.")
    events = [device] if device.platform == "ANDROID" else []
    return Answer(
        {"count": len(events), "next": None, "previous": None, "results": [_status(tenant, each) for each in events]}
    )


def list_installations(tenant: Tenant, call: Call) -> Answer:
    """GET .../device/{device_id}/install/: the apps that Esper installed. The simulator knows of no failed ones."""
    device = found(tenant.devices, call.values["device_id"])
    package, label = (call.query.get(name, "").lower() for name in ("package_name", "application_name"))
    apps = [
        app
        for app in apps_of(tenant, device)
        if app["is_esper_controlled"]
        and package in app["package_name"].lower()
        and label in app["app_name"].lower()
        and call.query.get("install_state", _INSTALLED) == _INSTALLED
    ]
    return legacy_list(call, apps, show=lambda app: _installation(tenant, device, app))


def get_heartbeat(tenant: Tenant, call: Call) -> Answer:
    """GET /device/v0/heartbeat/{id}/: when the device was last seen, and whether it is online."""
    device = found(tenant.devices, call.values["id"])
    return _answer(_heartbeat(device))


def list_heartbeats(tenant: Tenant, call: Call) -> Answer:
    """GET /v2/heartbeat/: of all devices; both limits of the time are exclusive."""
    first, last = [
        instant(name, call.query[name]) if name in call.query else None for name in ("last_seen_gt", "last_seen_lt")
    ]
    devices = [
        device
        for device in tenant.devices.values()
        if call.query.get("platform", device.platform) == device.platform
        and (first is None or instant("", device.last_seen) > first)
        and (last is None or instant("", device.last_seen) < last)
    ]
    return _answer(apps_list(call, devices, show=_heartbeat, back="prev"))


def list_events(tenant: Tenant, call: Call) -> Answer:
    """GET .../device/{device_id}/event-feed/, and two older paths: how tasks ended, the latest first."""
    device = found(tenant.devices, call.values["device_id"])
    links = {"device": _url(tenant, device), "enterprise": enterprise_url(tenant)}
    return legacy_list(call, tenant.events[device.id][::-1], show=lambda event: event | links)


def _shown(device: Device) -> dict[str, Any]:
    document = device.document
    names = (*_PROPERTIES, *_MORE.get(device.platform, ()))
    # Live devices lack a tenant here.
    return {name: document[name] for name in names if name in document} | {"tenant_id": None}


def _device_app(tenant: Tenant, device: Device, kind: str) -> App:
    """The app of a kind on a device: the tenant's first one of that kind in its last version, or another one."""
    versions = [each for each in tenant.objects[VERSIONS].values() if each["app_type"] == kind]
    own = [each for each in versions if each["app_id"] == versions[0]["app_id"]][-1:]
    ids = {"app_id": own[0]["app_id"], "app_version_id": own[0]["id"]} if own else {}
    return {
        "id": _id(device, kind),
        "device_id": device.id,
        "app_id": _id(None, kind),
        "app_type": kind,
        "app_version_id": _id(None, f"{kind} 1.0"),
        **ids,
        # What no client may show unless it is asked to.
        **({"base64_app_config": b64encode(_CONFIG).decode()} if own else {}),
        "created_at": device.provisioned_on,
        "updated_at": device.provisioned_on,
    }


def apps_of(tenant: Tenant, device: Device) -> list[App]:
    """Return the apps that the blueprint version of the device installs, and those of before."""
    if device.platform != "ANDROID":
        return []
    blueprint = tenant.objects["blueprint_versions"].get(device.current_blueprint_version_id or "", {})
    wanted = [app["app_version_id"] for app in blueprint.get("settings", {}).get("android", {}).get("apps", ())]
    installed = [
        _app(device, app["package_name"], app["application_name"], version["version_code"], version["build_number"])
        for app in tenant.objects["applications"].values()
        for version in app["versions"]
        if version["id"] in wanted
    ]
    system = [_app(device, package, label, version, None) for package, label, version in _SYSTEM_APPS]
    return installed + system


def _app(device: Device, package: str, label: str, version: str, code: str | None) -> App:
    """An app on a device; `code` is that of a version which Esper installed."""
    return {
        "id": _id(device, package),
        "app_name": label,
        "package_name": package,
        "version_name": version,
        "version_code": code,
        "state": "SHOW",
        "app_type": "ENTERPRISE" if code else "SYSTEM",
        "whitelisted": code is not None,
        "is_data_clearable": True,
        "is_uninstallable": code is not None,
        "is_esper_controlled": code is not None,
        "is_kiosk_app": False,
        "is_active": True,
        "product_id": None,
        "device": device.id,
        "created_on": device.provisioned_on,
        "updated_on": device.provisioned_on,
    }


def _heartbeat(device: Device) -> dict[str, Any]:
    return {"device_id": device.id, "timestamp": device.last_seen, "status": int(device.state == ONLINE)}


def _installation(tenant: Tenant, device: Device, app: App) -> dict[str, Any]:
    version = {"version_code": app["version_name"], "build_number": app["version_code"]}
    return {
        "id": app["id"],
        "application": {"application_name": app["app_name"], "package_name": app["package_name"], "version": version},
        "install_state": _INSTALLED,
        "reason_details": None,
        "created_on": app["created_on"],
        "updated_on": app["updated_on"],
        "is_active": True,
        "enterprise": enterprise_url(tenant),
        "device": _url(tenant, device),
    }


def _status(tenant: Tenant, device: Device) -> dict[str, Any]:
    data: Mapping[str, Any] = {
        "deviceId": device.name,
        "powerManagementEvent": {"batteryLevel": device.battery_level},
        "networkEvent": {"currentActiveConnection": device.document["network_stats"]["current_active_connection"]},
        # What no client may show.
        "deviceIdentifiers": {
            "imei1": "490154203237518",
            "simSerialNumber": "8949000000000000000",
            "model": device.model,
        },
        "phoneNumbers": ["+491700000000"],
        "fcmToken": "push-token-of-the-device",
        "hotspot": {"ssid": "store", "password": "password-of-the-hotspot"},
    }
    return {
        "id": device.number,
        "data": orjson.dumps(data).decode(),
        "created_on": device.last_seen,
        "device": _url(tenant, device),
        "enterprise": enterprise_url(tenant),
    }


def _url(tenant: Tenant, device: Device) -> str:
    return f"{ORIGIN}/enterprise/{tenant.settings.enterprise_id}/device/{device.id}/"


def _id(device: Device | None, name: str) -> str:
    """An id that is the same each time: of what a device has, or of what all devices share."""
    return str(uuid5(UUID(device.id) if device else UUID(int=0), name))


def _answer(content: Any) -> Answer:
    return Answer({"code": 200, "message": "Success", "content": content})


OPERATIONS: dict[str, Behavior] = {
    "GET /device/v0/devices/{id}/": get_device,
    "DELETE /device/v0/devices/{id}/": delete_device,
    "GET /device/v0/devices/{id}/devicestate": get_settings,
    "GET /v2/devices/{deviceId}/device-apps/": list_device_apps,
    "GET /v2/device-apps": list_devices_of_app,
    "GET /enterprise/{enterprise_id}/device/{device_id}/app/": list_apps,
    "GET /enterprise/{enterprise_id}/device/{device_id}/app/{app_id}/": get_app,
    "GET /enterprise/{enterprise_id}/device/{device_id}/status/": get_status,
    "GET /enterprise/{enterprise_id}/device/{device_id}/event-feed/": list_events,
    "GET /enterprise/{enterprise_id}/device/{device_id}/download/eventfeed/": list_events,
    "GET /v1/enterprise/{enterprise_id}/device/{device_id}/report/eventfeed/": list_events,
    "GET /enterprise/{enterprise_id}/device/{device_id}/install/": list_installations,
    "GET /device/v0/heartbeat/{id}/": get_heartbeat,
    "GET /v2/heartbeat/": list_heartbeats,
}
