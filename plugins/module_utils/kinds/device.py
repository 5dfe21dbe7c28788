# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices of all platforms: their filters, and their properties as host variables (/v2/devices/, v2.yaml)."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..base.errors import InvalidParameter
from ..base.ids import is_uuid, normal_id
from ..base.row import Row
from ..base.text import did_you_mean
from ..engine.lookup import lookup_of
from ..engine.tenant_view import TenantView
from ..model.kind import Kind
from ..model.module_spec import Value
from ..model.walk import QUOTE_VALUE
from .blueprint_list import BLUEPRINTS
from .device_group import DEVICE_GROUP
from .device_types import with_types
from .tag import TAG

ONLINE = 1
DISABLED = 20
# From the enumerations DeviceStateEnum* of the contract, which do not contradict each other.
STATES: dict[int, str] = {
    0: "unspecified",
    ONLINE: "online",
    DISABLED: "disabled",
    30: "provisioning_begun",
    40: "provisioning_google_play",
    50: "provisioning_policies_and_apps",
    60: "offline",
    70: "wiping",
    80: "onboarding",
    90: "onboarding_failed",
    100: "onboarded",
    110: "android_for_work_added",
    120: "apps_installed",
    130: "branding_done",
    140: "permission_policy_done",
    150: "device_policy_done",
    160: "device_settings_done",
    170: "security_policy_done",
    180: "phone_policy_done",
    190: "custom_settings_done",
    200: "registered",
}


def state_word(code: t.Any) -> str:
    """Return the word for the code of a state of devices, or the code as text if it is not known."""
    text = str(code)
    return STATES.get(int(text), text) if _is_number(text) else text


@dataclass(frozen=True)
class Filter:
    """A query parameter of /v2/devices/: the type of its values, whether it accepts several, and the valid values.
    If Esper expects IDs, ``names`` is the kind of object whose names are also accepted."""

    type: type = str
    many: bool = False
    choices: tuple[str, ...] = ()
    names: Kind | None = None


FILTERS: dict[str, Filter] = {
    "serial": Filter(),
    "udid": Filter(),
    "android_version": Filter(),
    "android_version_exact": Filter(),
    "ios_version": Filter(),
    "ipados_version": Filter(),
    "tvos_version": Filter(),
    "windows_version": Filter(),
    "state": Filter(choices=tuple(STATES.values())),
    "battery_level_gte": Filter(int),
    "battery_level_lte": Filter(int),
    "is_gms": Filter(bool),
    "is_locked_down": Filter(bool),
    "active_connection": Filter(),
    "group_multi": Filter(many=True, names=DEVICE_GROUP),
    "group_multi_immediate": Filter(many=True, names=DEVICE_GROUP),
    "assigned_blueprint_id": Filter(names=BLUEPRINTS),
    "current_blueprint_id": Filter(names=BLUEPRINTS),
    "current_blueprint_version_id": Filter(),
    "current_blueprint_version_id_net": Filter(),
    "platform": Filter(many=True, choices=("ANDROID", "APPLE", "LINUX", "WINDOWS")),
    "os": Filter(choices=("iOS", "iPadOS", "tvOS", "Android", "Linux", "Windows")),
    "device_source": Filter(many=True, choices=("ABM", "NON_ABM")),
    "managed_by": Filter(choices=("BLUEPRINT", "TEMPLATE")),
    "template_multi": Filter(many=True),
    "policy_multi": Filter(many=True),
    "search": Filter(),
    "foundation_device_model_id": Filter(),
    "foundation_major_version": Filter(int),
    "foundation_minor_version": Filter(int),
    "foundation_build_number": Filter(int),
    "foundation_version": Filter(),
    "airwave_tenant_model_id": Filter(),
    "airwave_build_id": Filter(),
    "airwave_build_number": Filter(int),
    "esper_agent_version_name": Filter(),
    "tags": Filter(many=True, names=TAG),
    "global_device_id": Filter(),
}


def check_filters(filters: t.Mapping[str, t.Any]) -> Row:
    """Return the filters with lists of values in API format, except for names of objects. Sends no request.

    Raises InvalidParameter for a filter that does not exist, or a value of the wrong type.
    """
    checked: Row = {}
    for name, value in filters.items():
        filter_ = FILTERS.get(name)
        if filter_ is None:
            hint = did_you_mean(str(name), FILTERS) or f"Valid filters: {', '.join(sorted(FILTERS))}."
            raise InvalidParameter(f"Unknown device filter '{name}'. {hint}")
        values = value if isinstance(value, (list, tuple)) else [value]
        if len(values) != 1 and not filter_.many:
            raise InvalidParameter(f"Invalid device filter '{name}': it takes one value, not a list of {len(values)}.")
        if not values:
            raise InvalidParameter(f"Invalid device filter '{name}': the list is empty.")
        checked[name] = [_checked_value(name, filter_, item) for item in values]
    return checked


def _checked_value(name: str, filter_: Filter, value: t.Any) -> t.Any:
    if value is None or not str(value).strip():
        raise InvalidParameter(f"Invalid device filter '{name}': the value is empty.")
    if isinstance(value, (dict, list)):
        raise InvalidParameter(f"Invalid device filter '{name}': {value!r} is not a text or number.")
    if (isinstance(value, bool) and filter_.type is str) or (name in ("serial", "udid") and not isinstance(value, str)):
        raise InvalidParameter(f"Invalid device filter '{name}': {value} is not a text. {QUOTE_VALUE}")
    text = str(value).strip()
    if filter_.type is bool:
        if text.lower() not in ("true", "false"):
            raise InvalidParameter(f"Invalid device filter '{name}': '{text}' is not true or false.")
        return text.lower() == "true"
    if filter_.type is int:
        if not _is_number(text):
            raise InvalidParameter(f"Invalid device filter '{name}': '{text}' is not a whole number.")
        return int(text)
    if filter_.choices:
        chosen = next((choice for choice in filter_.choices if choice.lower() == text.lower()), None)
        if name == "state":
            codes = {word: code for code, word in STATES.items()}
            code = codes.get(chosen or "", int(text) if _is_number(text) else -1)
            chosen = str(code) if code in STATES else None
        if chosen is None:
            hint = did_you_mean(text, filter_.choices)
            raise InvalidParameter(
                f"Invalid device filter '{name}': '{text}' is not one of {', '.join(filter_.choices)}."
                f"{' ' * bool(hint)}{hint}"
            )
        return chosen
    return text


def _is_number(text: str) -> bool:
    # isdigit() alone also accepts superscripts and the digits of other scripts.
    return text.isascii() and text.isdigit()


def resolve_filters(view: TenantView, checked: Row) -> Row:
    """Return the result of check_filters() with IDs in place of names. Raises NotFound or Ambiguous."""
    return {name: [_id_of(view, FILTERS[name].names, value) for value in values] for name, values in checked.items()}


def _id_of(view: TenantView, kind: Kind | None, value: t.Any) -> t.Any:
    if kind is None or is_uuid(value):
        return normal_id(value)
    return lookup_of(view, kind).resolve(value)["id"]


# Levels of detail about a device, from the least to the most.
MINIMAL, STANDARD, FULL = LEVELS = ("minimal", "standard", "full")


def as_host(row: Row, level: str = STANDARD, view: TenantView | None = None) -> Row:
    """Return a device in collection terms: with the same keys and types on all platforms, and without push tokens,
    phone numbers and other private data. With ``view``, it warns about values of an unexpected type, which are null.

    Each level of LEVELS includes the one before. The first has the values that hosts and inventory groups need, and
    none that requires another request.
    """
    host = _minimal(row)
    if level != MINIMAL:
        host |= _standard(row)
    if level == FULL:
        host |= _full(row)
    host, mismatches = with_types(host)
    host["state"] = STATES.get(host["state_code"], "unknown")
    if view is not None and mismatches:
        view.record_invalid("device", host["id"], mismatches)
    return host


def _part(row: Row, key: str) -> Row:
    value = row.get(key)
    return value if isinstance(value, dict) else {}


def _minimal(row: Row) -> Row:
    return {
        "id": row["id"],
        "name": row.get("name"),
        "alias": row.get("alias") or None,
        "serial": row.get("serial"),
        "platform": row.get("platform"),
        "state": "",
        "state_code": row.get("state"),
        "enterprise_id": row.get("tenant_id"),
        "group_id": row.get("group_id"),
        "tag_ids": row.get("tags") or [],
        "blueprint_id": _part(row, "blueprint_info").get("assigned_blueprint_id") or None,
    }


def _standard(row: Row) -> Row:
    software = _part(row, "software_info")
    hardware = _part(row, "hardware_info")
    network = _part(row, "network_stats")
    interfaces = _part(row, "network_info")
    blueprint = _part(row, "blueprint_info")
    agent = _part(software, "esper_agent_info")
    return {
        "os": row.get("os"),
        "os_version": row.get("os_version"),
        "agent_version": row.get("dpc_version") or agent.get("version_name"),
        "current_blueprint_id": blueprint.get("current_blueprint_id") or None,
        "current_blueprint_version_id": blueprint.get("current_blueprint_version_id") or None,
        "blueprint_status": blueprint.get("blueprint_upgrade_status"),
        "last_seen": row.get("last_seen"),
        "battery_level": _part(row, "battery_stats").get("battery_level"),
        "hardware": {
            "manufacturer": hardware.get("manufacturer"),
            "brand": hardware.get("brand"),
            "model": hardware.get("model"),
            "model_number": hardware.get("model_number"),
        },
        "network": {
            "active_connection": network.get("current_active_connection"),
            "ip_addresses": network.get("ip_address") or [],
            "wifi_ssid": _part(network, "wifi_network_info").get("wifi_ssid"),
            "wifi_mac_address": interfaces.get("wifi_mac_address"),
            "ethernet_mac_address": interfaces.get("ethernet_mac_address"),
        },
    }


def _full(row: Row) -> Row:
    software = _part(row, "software_info")
    memory = _part(row, "memory_info")
    free = _part(row, "memory_stats")
    location = _part(row, "location_stats")
    return {
        "global_device_id": row.get("global_device_id"),
        "udid": row.get("udid"),
        "managed_by": row.get("managed_by"),
        "template": row.get("template_name"),
        "device_source": row.get("device_source"),
        "is_gms": row.get("is_gms"),
        "is_supervised": row.get("is_supervised"),
        "is_locked_down": row.get("is_locked_down"),
        "provisioned_on": row.get("provisioned_on"),
        "created_at": row.get("created_at"),
        "updated_at": row.get("updated_at"),
        "software": {
            "build_number": software.get("os_build_number"),
            "kernel_version": software.get("device_kernel_version"),
            "bootloader_version": software.get("bootloader_version"),
            "security_patch_level": software.get("security_path_level"),
            "eea_version": row.get("eea_version") or software.get("eea_version"),
        },
        "memory": {
            "total_ram": memory.get("total_ram"),
            "total_storage": memory.get("total_internal_storage"),
            "units": memory.get("units"),
            "available_ram": free.get("available_ram"),
            "available_storage": free.get("available_internal_storage"),
        },
        "location": {
            "latitude": location.get("latitude"),
            "longitude": location.get("longitude"),
            "altitude": location.get("altitude"),
        },
    }


# The part of as_host() that the documentation of modules lists.
DEVICE_VALUES = (
    Value("id", "ID of the device.", sample="e2425d4b-c266-41b4-a83e-490189fc9a0f"),
    Value("name", "Name of the device.", sample="OUW-MDJ-00001"),
    Value("alias", "Alias of the device.", sample="Till 1"),
    Value("serial", "Serial number of the device.", sample="R9W00000001"),
    Value("platform", "Platform of the device.", sample="ANDROID"),
    Value("state", "State of the device, such as V(online), V(offline) or V(disabled).", sample="online"),
    Value("group_id", "ID of the device group of the device.", sample="ee835708-9b5b-469e-8aa6-68599b0e93f7"),
)
