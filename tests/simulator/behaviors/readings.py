# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reports about devices: locations, device tiles, status metrics, numbers of a period, and remote viewer sessions.

/v1/enterprise/{enterprise_id}/report/ (v1.yaml), /v2/enterprise/{enterprise_id}/report/status-metrics and
/v2/rv-activity-feed/ (v2.yaml), and /enterprise/report/ (legacy.yaml). All but the sessions follow from devices.
"""

from __future__ import annotations

import operator
import re
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from exchange import (
    ORIGIN,
    Answer,
    Behavior,
    Call,
    apps_list,
    enterprise_url,
    found,
    instant,
    legacy_list,
    listed,
    refuse,
)
from tenant import DISABLED, EPOCH, ONLINE, Device, Tenant, moment

from behaviors.devices import matching
from behaviors.pictures import ASSIGNED

Row = dict[str, Any]

_SESSIONS = "/v2/rv-activity-feed"
_HOUR, _DAY = 3600, 86400
# The states of security by code. Devices have them in turn.
_SECURITY = {1: "SECURE", 10: "LOW_RISK", 20: "MEDIUM_RISK", 30: "HIGH_RISK"}
_LOW_BATTERY = 20
_LOCATED = ("ANDROID", "LINUX")
_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}
# Filters of tiles that mean the same as those of devices, by their names there.
_FILTERS = {"name": "legacy name", "tags": "legacy tags"}
_UNITS = {"D": _DAY, "H": _HOUR, "M": 60, "S": 1}


def seed(tenant: Tenant) -> None:
    """One session that ended, one that failed, and one that is active, on the first Android devices."""
    devices = [device for device in tenant.devices.values() if device.platform == "ANDROID"][:2]
    kinds = (
        ("TERMINATED", "STANDARD", "PT10M30S", "The printer is offline"),
        ("FAILED", "DATA_SAVER", "", ""),
        ("ACTIVE", "STANDARD", "", "Show the new menu"),
    )
    for number, (state, quality, duration, reason) in enumerate(kinds if devices else ()):
        device, identifier = devices[number % len(devices)], tenant.new_id()
        tenant.objects[_SESSIONS][identifier] = {
            "session_id": identifier,
            "device_id": device.id,
            "state": state,
            "reason": reason,
            "video_quality": quality,
            "duration": duration,
            "created_by": "ops@example.com" if number else "admin@example.com",
            "updated_by": "ops@example.com",
            "created_at": moment((number - 2) * _DAY),
            "updated_at": moment((number - 2) * _DAY + 630),
        }


def list_locations(tenant: Tenant, call: Call) -> Answer:
    """GET .../report/location/: two of each device that has a location, the later one first."""
    return legacy_list(call, list(_locations(tenant).values()), show=lambda each: _location(tenant, *each))


def get_location(tenant: Tenant, call: Call) -> Answer:
    """GET .../report/location/{location_id}/."""
    return Answer(_location(tenant, *found(_locations(tenant), call.values["location_id"])))


def list_tiles(tenant: Tenant, call: Call) -> Answer:
    """GET .../report/device-tiles/: one of each Android device."""
    own, tests = {"platform": "ANDROID"}, []
    for name, value in call.query.items():
        if test := _tile_test(name, value):
            tests.append(test)
        elif name not in ("limit", "offset"):
            own[_FILTERS.get(name, name)] = value
    devices = matching(tenant, own)
    if tests:
        devices = [device for device in devices if all(test(_tile(tenant, device)) for test in tests)]
    return legacy_list(call, devices, show=lambda device: _shown_tile(_tile(tenant, device)))


def get_tile(tenant: Tenant, call: Call) -> Answer:
    """GET .../report/device-tiles/{device_tiles_id}/."""
    tiles = {str(device.number): device for device in tenant.devices.values() if device.platform == "ANDROID"}
    return Answer(_shown_tile(_tile(tenant, found(tiles, call.values["device_tiles_id"]))))


def count_by_status(tenant: Tenant, call: Call) -> Answer:
    """GET /v1/enterprise/{enterprise_id}/report/status-metrics/."""
    states = Counter(device.state for device in tenant.devices.values())
    return Answer({"active": states[ONLINE], "in_active": states.total() - states[ONLINE]} | _risks(tenant))


def count_by_last_seen(tenant: Tenant, call: Call) -> Answer:
    """GET /v2/enterprise/{enterprise_id}/report/status-metrics: each period has a third of the devices or more."""
    third, rest = divmod(len(tenant.devices), 3)
    seen = {"first_period": third + rest, "second_period": third, "third_period": third}
    return Answer({"last_seen": seen, "unprovisioned_devices": 0} | _risks(tenant))


def get_numbers(tenant: Tenant, call: Call) -> Answer:
    """GET /enterprise/report/enterprise-report/: the same numbers for each period."""
    start, end = (instant(name, call.query[name]) for name in ("start_date", "end_date"))
    if start > end:
        raise refuse("end_date", "end_date must not be before start_date.")
    devices = tenant.devices.values()
    return Answer(
        {
            "peak_active_devices": sum(device.state == ONLINE for device in devices),
            "provisioned_devices": sum(device.state != DISABLED for device in devices),
            "registered_devices": len(devices),
        }
    )


def get_availability(tenant: Tenant, call: Call) -> Answer:
    """GET /enterprise/report/info/: reports are available from a month before the oldest data."""
    start = (EPOCH - timedelta(days=30)).isoformat().replace("+00:00", "Z")
    return Answer({"reportAvailabilityFrom": start, "enableReportsWorkflow": True})


def list_sessions(tenant: Tenant, call: Call) -> Answer:
    """GET /v2/rv-activity-feed/."""
    rows = [_session(tenant, row) for row in tenant.objects[_SESSIONS].values() if row["device_id"] in tenant.devices]
    for name, value in call.query.items():
        rows = [row for row in rows if _session_matches(row, name, value)]
    ordering = call.query.get("ordering", "-created_at")
    rows.sort(key=lambda row: str(row[ordering.lstrip("-")] or ""), reverse=ordering.startswith("-"))
    return Answer({"content": apps_list(call, rows, show=dict)})


def _locations(tenant: Tenant) -> dict[str, tuple[Device, int]]:
    """Return the device of each location and its age, by the ID of the location."""
    devices = [device for device in tenant.devices.values() if device.platform in _LOCATED]
    return {str(2 * device.number + age): (device, age) for device in devices for age in (0, 1)}


def _location(tenant: Tenant, device: Device, age: int) -> Row:
    place = device.document["location_stats"]
    return {
        "id": 2 * device.number + age,
        # Locations in this list are texts, also of platforms whose devices have numbers.
        **{name: str(place[name]) for name in ("latitude", "longitude", "altitude")},
        "city": "Berlin" if age == 0 else None,
        "state": None,
        "country": "Germany",
        "zipcode": None,
        "last_updated_on": moment(device.number - age * _HOUR),
        "device": f"{ORIGIN}/v0/enterprise/{tenant.settings.enterprise_id}/device/{device.id}/",
        "enterprise": enterprise_url(tenant),
        "status_id": device.number,
    }


def _tile_test(name: str, value: str) -> Callable[[Row], bool] | None:
    """Return the test of a filter that devices do not have."""
    base, _separator, comparison = name.rpartition("_")
    if name == "security_status":
        return lambda tile: bool(tile["security_state"] == _SECURITY.get(int(value)))
    if name == "model":
        return lambda tile: bool(tile["model"] == value)
    if name == "at_risk":
        return lambda tile: (tile["security_state"] != "SECURE") is (value.lower() == "true")
    if comparison in ("gt", "lt"):
        compare, limit = _COMPARISONS[comparison], instant(name, value)
        return lambda tile: bool(compare(_time(tile, base), limit))
    return None


def _tile(tenant: Tenant, device: Device) -> Row:
    """Return a tile, and the time that only a filter uses."""
    document, group = device.document, tenant.groups.get(device.group_id or "")
    url = f"{enterprise_url(tenant)}devicegroup/{device.group_id}/"
    groups = [{"id": group.id, "name": group.name, "url": url}] if group else []
    stats = document["network_stats"]
    return {
        "id": device.number,
        "device": {
            "id": device.id,
            "groups": groups,
            "device_name": device.name,
            "state": device.state,
            "tags": ", ".join(tenant.objects["tags"][tag]["tag"] for tag in device.tags) or None,
            "device_type": "phone",
            "serial": device.serial,
            "imeis": {"imei1": document["network_info"]["imei1"]},
            "android_version": int(device.os_version.split(".")[0]),
            "manufacturer": document["hardware_info"]["manufacturer"],
            "api_level": 20 + int(device.os_version.split(".")[0]),
            "template_name": document["template_name"] or "",
            "dpc_version": device.dpc_version,
            "alias_name": device.alias or "",
            "provisioned_on": device.provisioned_on,
        },
        "network_info": {
            "__faust": {"ns": "network_event"},
            "mobileIPv4": None,
            "mobileIPv6": None,
            "networkType": None,
            "numberOfSim": 0,
            "simOperator": [],
            "signalStrength": None,
            "networkOperator": [],
            "mobileNetworkStatus": "DISCONNECTED",
            "currentActiveConnection": stats["current_active_connection"],
        },
        "model": device.model,
        "location": None,
        "battery_level": device.battery_level,
        "security_state": _security(device),
        "security_reason": "",
        "security_advise": "",
        "wifi_ssid": stats["wifi_network_info"]["wifi_ssid"],
        "updated_on": document["updated_at"],
        "created_on": device.created_at,
        "is_active": device.state != DISABLED,
        "is_gms": bool(device.is_gms),
        "status_id": device.number,
        "serial_no": device.serial,
        "android_version": int(device.os_version.split(".")[0]),
        "dpc_version": device.dpc_version,
        "location_city": "Berlin",
        "network_type": document["network_info"]["network_type"],
        "enterprise": enterprise_url(tenant),
        "icon": tenant.objects[ASSIGNED].get(device.id, {}).get("icon"),
        "last_seen": device.last_seen,
    }


def _shown_tile(tile: Row) -> Row:
    return {name: value for name, value in tile.items() if name != "last_seen"}


def _time(tile: Row, name: str) -> Any:
    return instant(name, tile["device"][name] if name == "provisioned_on" else tile[name])


def _security(device: Device) -> str:
    return list(_SECURITY.values())[device.number % len(_SECURITY)]


def _risks(tenant: Tenant) -> Row:
    devices = tenant.devices.values()
    words = Counter(_security(device) for device in devices)
    return {
        **{word.lower(): words[word] for word in _SECURITY.values()},
        "low_battery": sum(device.battery_level < _LOW_BATTERY for device in devices),
        "under_provisioning": sum(30 <= device.state <= 50 for device in devices),
        "recently_added": 0,
        "unspecified": 0,
        "total_devices_under_risk": words.total() - words["SECURE"],
    }


def _session(tenant: Tenant, row: Row) -> Row:
    device = tenant.devices[row["device_id"]]
    return row | {"device_name": device.name, "device_alias": device.alias or "", "device_state": device.state}


def _session_matches(row: Row, name: str, value: str) -> bool:
    base, _separator, comparison = name.rpartition("_")
    if name in ("states", "video_qualities"):
        return row["state" if name == "states" else "video_quality"].lower() in listed(value)
    if name in ("reason", "created_by", "device_name"):
        return value.lower() in row[name].lower()
    if base == "duration":
        return bool(row[base]) and _COMPARISONS[comparison](_seconds(name, row[base]), _seconds(name, value))
    return comparison not in _COMPARISONS or _COMPARISONS[comparison](instant(name, row[base]), instant(name, value))


def _seconds(name: str, text: str) -> float:
    """The seconds of a duration such as PT10M30S."""
    if not re.fullmatch(r"P(\d+D)?(T(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?", text) or text in ("P", "PT"):
        raise refuse(name, "Enter a valid duration.")
    return sum(float(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+(?:\.\d+)?)([DHMS])", text))


_REPORT = "/v1/enterprise/{enterprise_id}/report"

OPERATIONS: dict[str, Behavior] = {
    f"GET {_REPORT}/location/": list_locations,
    f"GET {_REPORT}/location/{{location_id}}/": get_location,
    f"GET {_REPORT}/device-tiles/": list_tiles,
    f"GET {_REPORT}/device-tiles/{{device_tiles_id}}/": get_tile,
    f"GET {_REPORT}/status-metrics/": count_by_status,
    "GET /v2/enterprise/{enterprise_id}/report/status-metrics": count_by_last_seen,
    "GET /enterprise/report/enterprise-report/": get_numbers,
    "GET /enterprise/report/info/": get_availability,
    "GET /v2/rv-activity-feed/": list_sessions,
}
