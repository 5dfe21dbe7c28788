# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Device tiles, the summaries of Android devices in the Esper console.

Based on /v1/enterprise/{enterprise_id}/report/device-tiles/ of the contract (v1.yaml), where the filters have their
names. Results have no IMEIs, and no internal values of Esper.

Choice: ``tags`` of a device are names with commas between them. The contract only says that they are a text.
"""

from __future__ import annotations

import typing as t

from ..base.ids import normal_id
from ..base.times import to_utc
from ..model.field import Field
from ..model.kind import Routes
from ..model.module_spec import Option
from ..model.plain import plain_reading
from .device import STATES, state_word
from .device_group import DEVICE_GROUP

_STATE_CODES = {word: code for code, word in STATES.items()}
_SECURITY_CODES = {"secure": 1, "low_risk": 10, "medium_risk": 20, "high_risk": 30, "unspecified": 100}


def _text(name: str, doc: str) -> Option:
    return Option(name, doc, query=name, identifier=True)


def _texts(name: str, doc: str) -> Option:
    return Option(name, doc, type="list", elements="str", query=name, identifier=True)


def _groups(name: str, doc: str) -> Option:
    return Option(name, doc, type="list", elements="str", query=name, names=DEVICE_GROUP, identifier=True)


def _switch(name: str, doc: str) -> Option:
    return Option(name, doc, type="bool", query=name)


def _word(name: str, doc: str, codes: t.Mapping[str, int]) -> Option:
    return Option(name, doc, choices=tuple(codes), query=name, to_query=lambda word: codes[word])


def _period(name: str, doc: str) -> tuple[Option, ...]:
    return tuple(
        Option(
            f"{name}_{comparison}",
            f"Date or time in ISO 8601 {word} which {doc}. Without time zone, it is in UTC.",
            query=f"{name}_{comparison}",
            to_query=to_utc,
            identifier=True,
        )
        for comparison, word in (("gt", "after"), ("lt", "before"))
    )


_FILTERS = (
    _word("state", "State of the device.", _STATE_CODES),
    _word("security_status", "Risk of the device.", _SECURITY_CODES),
    _switch("at_risk", "If V(true), returns only devices with a risk. If V(false), returns only those without."),
    _text("status", "Status of the device. Esper does not document the values."),
    _groups("group_multi", "Device groups by path, name or ID, including their subgroups."),
    _groups("group_multi_immediate", "Device groups by path, name or ID, without their subgroups."),
    _texts("group_name_multi", "Names of device groups. Several groups can have one name."),
    _switch(
        "group_null",
        "If V(true), returns only devices without a device group. If V(false), returns only those with one.",
    ),
    _text("name", "Name of the device."),
    _text("serial", "Serial number of the device."),
    _text("imei", "IMEI of the device."),
    _text("model", "Model of the device."),
    _text("device_type", "Type of the device. Esper does not document the values."),
    _text("tags", "Tag of the device."),
    _texts("template_multi", "Names of templates of devices without a blueprint."),
    _texts("policy_multi", "Names of enterprise policies."),
    _switch(
        "policy_null",
        "If V(true), returns only devices without an enterprise policy. If V(false), returns only those with one.",
    ),
    _texts("android_version_multi", "Versions of Android."),
    _text("dpc_version", "Version of the Esper agent."),
    _text("wifi_ssid", "Name of the Wi-Fi network."),
    _texts("network_type_multi", "Types of the mobile network."),
    _text("active_connection", "Connection that the device uses."),
    _text("seamless_info", "Seamless provisioning of the device. Esper does not document the values."),
    _text("is_geofence_applied", "Whether the device has a geofence. Esper does not document the values."),
    _switch(
        "is_gms",
        "If V(true), returns only devices with Google Mobile Services. If V(false), returns only those without.",
    ),
    _switch(
        "recently_added",
        "If V(true), returns only devices that were added recently. If V(false), returns only the others.",
    ),
    Option("battery_level_gte", "Minimum battery level in percent.", type="float", query="battery_level_gte"),
    Option("battery_level_lte", "Maximum battery level in percent.", type="float", query="battery_level_lte"),
    *_period("created_on", "the device was created"),
    *_period("provisioned_on", "the device was provisioned"),
    *_period("updated_on", "the device changed"),
    *_period("last_seen", "Esper last saw the device"),
)


def _value(name: str, doc: str, sample: t.Any, api: str = "", **attributes: t.Any) -> Field:
    return Field(name, doc, api=api, sample=sample, writable=False, **attributes)


DEVICE_TILE = plain_reading(
    name="device_tile",
    plural="device_tiles",
    short_description="Get tiles of Android devices in Esper",
    doc=(
        "Returns the device tiles of the Esper console, which summarize the state, security and network of Android"
        " devices.",
        "M(esper.cloud.device_info) returns devices of all platforms with more details.",
    ),
    routes=Routes(
        list="/v1/enterprise/{enterprise_id}/report/device-tiles/",
        object="/v1/enterprise/{enterprise_id}/report/device-tiles/{id}/",
    ),
    options=(
        Option("id", "ID of the device tile, a number. This is not the ID of the device.", type="int", identifier=True),
        Option(
            "filters",
            "Filters of the Esper API. A device tile is returned if it matches all of them. If omitted, all device"
            " tiles are returned.",
            type="dict",
            options=_FILTERS,
        ),
    ),
    rules={"mutually_exclusive": [("id", "filters")]},
    seealso=("device_info", "status_metric_info"),
    fields=(
        _value("id", "ID of the device tile.", 4711, type="int"),
        _value(
            "device_id", "ID of the device.", "e2425d4b-c266-41b4-a83e-490189fc9a0f", "device.id", normalize=normal_id
        ),
        _value("device_name", "Name of the device.", "OUW-MDJ-00001", "device.device_name"),
        _value("alias", "Alias of the device.", "Till 1", "device.alias_name"),
        _value("serial", "Serial number of the device.", "R9W00000001", "device.serial"),
        _value(
            "state",
            "State of the device, such as V(online), V(offline) or V(disabled).",
            "online",
            "device.state",
            normalize=state_word,
        ),
        Field(
            "groups",
            "Device groups of the device.",
            api="device.groups",
            type="list",
            elements="dict",
            writable=False,
            fields=(
                Field("id", "ID of the device group.", normalize=normal_id),
                Field("name", "Name of the device group."),
            ),
            sample=[{"id": "ee835708-9b5b-469e-8aa6-68599b0e93f7", "name": "Berlin"}],
        ),
        _value(
            "tags",
            "Tags of the device. Null if there are none.",
            ["kiosk", "berlin"],
            "device.tags",
            type="list",
            elements="str",
            separator=",",
        ),
        _value("device_type", "Type of the device.", "phone", "device.device_type"),
        _value("manufacturer", "Manufacturer of the device.", "Samsung", "device.manufacturer"),
        _value("model", "Model of the device.", "SM-T500"),
        _value("android_version", "Version of Android.", 13, type="int"),
        _value("api_level", "API level of Android.", 33, "device.api_level", type="int"),
        _value("eea_version", "Version of Esper Foundation for Android.", "", "eea_version"),
        _value("agent_version", "Version of the Esper agent.", "8.4.1021", "dpc_version"),
        _value("template", "Name of the template, for a device without a blueprint.", "", "device.template_name"),
        _value("geofence_id", "ID of the geofence of the device.", None, "device.geofence_id"),
        _value("security_state", "Risk of the device.", "SECURE"),
        _value("security_reason", "Reason for the risk.", ""),
        _value("security_advice", "Advice against the risk.", "", "security_advise"),
        _value("battery_level", "Battery level in percent.", 87.0, type="float"),
        _value("wifi_ssid", "Name of the Wi-Fi network.", "Store"),
        _value("active_connection", "Connection that the device uses.", "WIFI", "network_info.currentActiveConnection"),
        _value("network_type", "Type of the mobile network.", "LTE"),
        _value(
            "mobile_network_status", "Status of the mobile network.", "CONNECTED", "network_info.mobileNetworkStatus"
        ),
        _value("signal_strength", "Signal strength of the mobile network.", "GOOD", "network_info.signalStrength"),
        _value(
            "network_operators",
            "Operators of the mobile networks.",
            ["Example Mobile"],
            "network_info.networkOperator",
            type="list",
            elements="str",
        ),
        _value("sim_count", "Number of SIM cards.", 1, "network_info.numberOfSim", type="int"),
        _value(
            "sim_operators",
            "Operators of the SIM cards.",
            ["Example Mobile"],
            "network_info.simOperator",
            type="list",
            elements="str",
        ),
        _value("mobile_ipv4", "IPv4 address in the mobile network.", "10.20.30.40", "network_info.mobileIPv4"),
        _value("mobile_ipv6", "IPv6 address in the mobile network.", None, "network_info.mobileIPv6"),
        _value("location", "Location of the device in API format.", None, type="dict"),
        _value("location_city", "City of the device.", "Berlin"),
        _value("is_active", "Whether the device is active.", True, type="bool"),
        _value("is_gms", "Whether the device has Google Mobile Services.", True, type="bool"),
        _value("icon", "Icon of the device tile.", None),
        _value("status_id", "ID of the latest status report.", 98, type="int"),
        _value("provisioned_on", "Time of provisioning.", "2026-02-01T08:00:00Z", "device.provisioned_on"),
        _value("created_on", "Time of creation.", "2026-02-01T08:00:00Z"),
        _value("updated_on", "Time of the last change.", "2026-03-01T09:30:00Z"),
    ),
)
