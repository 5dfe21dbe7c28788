# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Devices.

/v2/devices/ (v2.yaml), and /enterprise/{enterprise_id}/device/: legacy.yaml to read them, unpublished.yaml to set the
tags of one.
"""

from __future__ import annotations

import operator
from base64 import urlsafe_b64decode, urlsafe_b64encode
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from exchange import ORIGIN, Answer, Behavior, Call, found, legacy_list, paged, refuse, window
from fleet import grow
from tenant import Device, Tenant

from behaviors.tags import tag_id

_TAGS_A_DEVICE = 5
_DEFAULT_PAGE = 10
_VIEWS_KEPT = 50

Test = Callable[[Device], bool]
Filter = Callable[[Tenant, str], Test]
Key = tuple[bool, Any, int]


def seed(tenant: Tenant) -> None:
    """As many devices as the settings say."""
    grow(tenant, tenant.settings.devices)


def list_devices(tenant: Tenant, call: Call) -> Answer:
    """GET /v2/devices/: by limit and offset, or by cursor, which outlives devices that come and go."""
    query = {name: value for name, value in call.query.items() if name not in ("limit", "offset", "cursor")}
    view = _view(tenant, query)
    if "cursor" in call.query:
        return Answer({"content": _cursor_page(view, call)})
    page = paged(call, view.devices, default=_DEFAULT_PAGE)
    return Answer(
        {"content": {"count": page.count, "next": page.next, "prev": page.previous, "results": _shown(page.items)}}
    )


def get_device(tenant: Tenant, call: Call) -> Answer:
    """GET /v2/devices/{id}."""
    return Answer({"content": orjson.Fragment(found(tenant.devices, call.values["id"]).body)})


def list_legacy_devices(tenant: Tenant, call: Call) -> Answer:
    """GET /enterprise/{enterprise_id}/device/: the same devices, whose filters differ; `tags` has names."""
    filters = {name: value for name, value in call.query.items() if name not in ("limit", "offset")}
    view = _view(tenant, {_LEGACY_FILTERS.get(name, name): value for name, value in filters.items()})
    return legacy_list(call, view.devices, show=lambda device: _legacy(tenant, device))


def get_legacy_device(tenant: Tenant, call: Call) -> Answer:
    """GET /enterprise/{enterprise_id}/device/{device_id}/."""
    return Answer(_legacy(tenant, found(tenant.devices, call.values["device_id"])))


def tag_device(tenant: Tenant, call: Call) -> Answer:
    """PATCH /enterprise/{enterprise_id}/device/{device_id}/: other tags, by name; new names become tags."""
    device = found(tenant.devices, call.values["device_id"])
    names = list(dict.fromkeys(call.body["tags"]))
    if len(names) > _TAGS_A_DEVICE:
        raise refuse("tags", f"Ensure this field has no more than {_TAGS_A_DEVICE} elements.")
    if "" in names:
        raise refuse("tags", "This field may not be blank.")
    return Answer(_legacy(tenant, tenant.change_device(device, tags=[tag_id(tenant, name) for name in names])))


def matching(tenant: Tenant, query: Mapping[str, str]) -> list[Device]:
    """The devices that the list would show for the filters of `query`."""
    return _view(tenant, query).devices


@dataclass(frozen=True)
class _View:
    """The devices that a query is about, in the order it asks for, and their keys in ascending order."""

    devices: list[Device]
    keys: list[Key]
    ordering: str

    def place(self, key: Key, after: bool) -> int:
        """Return the start of the devices after this key, or the end of those before it, as an index of `devices`."""
        if self.ordering.startswith("-"):
            return len(self.keys) - (bisect_left if after else bisect_right)(self.keys, key)
        return (bisect_right if after else bisect_left)(self.keys, key)


def _view(tenant: Tenant, query: Mapping[str, str]) -> _View:
    """The view of a query, from memory if no device has changed since: clients read page after page of one."""
    memory = tuple(sorted(query.items()))
    if memory not in tenant.views:
        if len(tenant.views) >= _VIEWS_KEPT:
            tenant.views.clear()
        tenant.views[memory] = _new_view(tenant, query)
    view: _View = tenant.views[memory]
    return view


def _new_view(tenant: Tenant, query: Mapping[str, str]) -> _View:
    ordering = query.get("ordering", "")
    tests = [_FILTERS.get(name, _nothing)(tenant, value) for name, value in query.items() if name != "ordering"]
    devices = [device for device in tenant.devices.values() if all(test(device) for test in tests)]
    keyed = {_key(device, ordering): device for device in devices}
    keys, descending = sorted(keyed), ordering.startswith("-")
    return _View([keyed[key] for key in (reversed(keys) if descending else keys)], keys, ordering)


def _key(device: Device, ordering: str) -> Key:
    """Return the sort key of a device: its value if it has one, then its age. A field without data does not sort."""
    value = getattr(device, ordering.lstrip("-"), None) if ordering else None
    return (False, 0, device.number) if value is None else (True, value, device.number)


def _cursor_page(view: _View, call: Call) -> dict[str, Any]:
    limit, _offset = window(call, _DEFAULT_PAGE)
    if call.query["cursor"] == "start":
        begin, end = 0, limit
    else:
        after, key = _read_cursor(call.query["cursor"], view.ordering)
        place = view.place(key, after)
        begin, end = (place, place + limit) if after else (max(0, place - limit), place)
    devices = view.devices[begin:end]
    next_cursor = _cursor(view, True, devices[-1]) if devices and end < len(view.devices) else None
    prev_cursor = _cursor(view, False, devices[0]) if devices and begin > 0 else None
    return {
        "results": _shown(devices),
        "next_cursor": next_cursor,
        "prev_cursor": prev_cursor,
        "has_more": next_cursor is not None,
        "has_prev": prev_cursor is not None,
    }


def _cursor(view: _View, after: bool, device: Device) -> str:
    """A cursor for the devices after or before this one."""
    return urlsafe_b64encode(orjson.dumps([view.ordering, after, _key(device, view.ordering)])).decode()


def _read_cursor(cursor: str, ordering: str) -> tuple[bool, Key]:
    try:
        made_for, after, (filled, value, number) = orjson.loads(urlsafe_b64decode(cursor))
    except (ValueError, TypeError):
        raise refuse("cursor", "Invalid cursor.") from None
    if made_for != ordering:
        raise refuse("cursor", "Made for another ordering.")
    return after, (filled, value, number)


def _shown(devices: Sequence[Device]) -> list[orjson.Fragment]:
    return [orjson.Fragment(device.body) for device in devices]


def _legacy(tenant: Tenant, device: Device) -> dict[str, Any]:
    """The device as the legacy family shows it: tags are names, and null when there are none."""
    enterprise = f"{ORIGIN}/enterprise/{tenant.settings.enterprise_id}/"
    document = device.document
    return {
        "id": device.id,
        "url": f"{enterprise}device/{device.id}/",
        "device_name": device.name,
        "alias_name": device.alias,
        "state": device.state,
        "status": device.state,
        "enterprise": enterprise,
        "groups": [f"{enterprise}devicegroup/{device.group_id}/"] if device.group_id else [],
        "tags": [tenant.objects["tags"][tag]["tag"] for tag in device.tags] or None,
        "hardwareInfo": {
            "brand": document["hardware_info"]["brand"],
            "model": device.model,
            "serialNumber": device.serial,
        },
        "softwareInfo": {"androidVersion": device.os_version},
        "provisioned_on": device.provisioned_on,
        "created_on": device.created_at,
        "updated_on": document["updated_at"],
        "is_gms": bool(device.is_gms),
        "is_active": device.state != 20,
        "assigned_blueprint_id": device.assigned_blueprint_id,
        "current_blueprint_id": device.current_blueprint_id,
        "current_blueprint_version_id": device.current_blueprint_version_id,
        "managed_by": device.managed_by or "BLUEPRINT",
        **(_android(device) if device.platform == "ANDROID" else {}),
    }


def _android(device: Device) -> dict[str, Any]:
    """The properties that only Android devices have."""
    return {
        "policy_name": "",
        "template_name": "",
        "lockdown_state": 0,
        "current_app_mode": 0,
        "kiosk_app_name": "com.example.kiosk",
        "timezone_string": "Europe/Berlin",
        # Live devices do not have the misspelled key of the contract.
        "esper_client": device.dpc_version,
        "wifi_access_points": [
            {"id": 17, "wifi_ssid": "store", "wifi_security_type": "WPA", "wifi_password": "password-of-the-wifi"}
        ],
    }


def _equal(field: str) -> Filter:
    return lambda tenant, value: lambda device: getattr(device, field) == value


def _one_of(field: str) -> Filter:
    """The parameter lists values, with commas between them."""

    def filter_(tenant: Tenant, value: str) -> Test:
        values = {part.strip() for part in value.split(",")}
        return lambda device: str(getattr(device, field)) in values

    return filter_


def _version_of(*systems: str) -> Filter:
    return lambda tenant, value: lambda device: device.os in systems and device.os_version == value


def _level(compare: Callable[[float, float], bool]) -> Filter:
    def filter_(tenant: Tenant, value: str) -> Test:
        try:
            level = float(value)
        except ValueError:
            raise refuse("battery_level", "A valid number is required.") from None
        return lambda device: compare(device.battery_level, level)

    return filter_


def _in_groups(tenant: Tenant, value: str) -> Test:
    groups = set(value.lower().split(","))
    groups |= {group.id for parent in groups for group in tenant.descendants(parent)}
    return lambda device: device.group_id in groups


def _has_tag(tenant: Tenant, value: str) -> Test:
    tags = set(value.lower().split(","))
    return lambda device: not tags.isdisjoint(device.tags)


def _has_tag_of_name(tenant: Tenant, value: str) -> Test:
    names = {part.strip() for part in value.split(",")}
    tags = {tag["id"] for tag in tenant.objects["tags"].values() if tag["tag"] in names}
    return lambda device: not tags.isdisjoint(device.tags)


def _has_name(tenant: Tenant, value: str) -> Test:
    return lambda device: value.lower() in device.name.lower()


def _has_brand(tenant: Tenant, value: str) -> Test:
    return lambda device: str(device.document["hardware_info"]["brand"]).lower() == value.lower()


def _search(tenant: Tenant, value: str) -> Test:
    text = value.lower()
    return lambda device: any(text in (field or "").lower() for field in (device.name, device.serial, device.alias))


def _nothing(tenant: Tenant, value: str) -> Test:
    return lambda device: False


# The other filters of the contract are about data that simulated devices do not have: they find nothing.
_FILTERS: dict[str, Filter] = {
    "serial": _equal("serial"),
    "state": _one_of("state"),
    "platform": _one_of("platform"),
    "os": _equal("os"),
    "android_version": _version_of("Android"),
    "android_version_exact": _version_of("Android"),
    "ios_version": _version_of("iOS"),
    "ipados_version": _version_of("iPadOS"),
    "tvos_version": _version_of("tvOS"),
    "windows_version": _version_of("Windows"),
    "battery_level_gte": _level(operator.ge),
    "battery_level_lte": _level(operator.le),
    "is_gms": lambda tenant, value: lambda device: device.is_gms is (value.lower() == "true"),
    "group_multi": _in_groups,
    "group_multi_immediate": _one_of("group_id"),
    "tags": _has_tag,
    "assigned_blueprint_id": _equal("assigned_blueprint_id"),
    "current_blueprint_id": _equal("current_blueprint_id"),
    "current_blueprint_version_id": _equal("current_blueprint_version_id"),
    "managed_by": _equal("managed_by"),
    "esper_agent_version_name": _equal("dpc_version"),
    "search": _search,
    "legacy brand": _has_brand,
    "legacy name": _has_name,
    "legacy tags": _has_tag_of_name,
}
# Filters of the legacy list that mean something else than those of the same name at /v2/devices/, or have another name.
_LEGACY_FILTERS = {
    "brand": "legacy brand",
    "group": "group_multi_immediate",
    "name": "legacy name",
    "tags": "legacy tags",
}

OPERATIONS: dict[str, Behavior] = {
    "GET /v2/devices/": list_devices,
    "GET /v2/devices/{id}": get_device,
    "GET /enterprise/{enterprise_id}/device/": list_legacy_devices,
    "GET /enterprise/{enterprise_id}/device/{device_id}/": get_legacy_device,
    "PATCH /enterprise/{enterprise_id}/device/{device_id}/": tag_device,
}
