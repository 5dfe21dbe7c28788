# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Alert channels, alarm rules and what they have reported (v1.yaml); both kinds are derived, with these exceptions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from derived import Shown
from exchange import Answer, Behavior, Call, Check, found, paged, refuse
from tenant import Device, Tenant, moment

CHANNELS = "/v1/enterprise/{enterprise_id}/alertchannels"
RULES = "/v1/enterprise/{enterprise_id}/alarmrules"

_HISTORY_PAGE, _HISTORY_MAXIMUM = 50, 500
# The number of alarms of each device of a rule, one in each hour.
_ALARMS = 2
_HOUR = 3600


def seed(tenant: Tenant) -> None:
    """No alert channel and no alarm rule."""


def history(tenant: Tenant, call: Call) -> Answer:
    """GET .../alarmhistory/: `total` instead of `count`, no ids, the oldest alarm first."""
    rule = found(tenant.objects[RULES], call.values["alarm_id"])
    page = paged(call, list(_alarms(tenant, rule)), _HISTORY_PAGE, _HISTORY_MAXIMUM)
    links = {"next": page.next, "previous": page.previous}
    return Answer({"total": page.count, **links, "results": page.items})


def _alarms(tenant: Tenant, rule: dict[str, Any]) -> Iterator[dict[str, Any]]:
    devices = _devices(tenant, rule)
    for hour in range(_ALARMS):
        for device in devices:
            start = (hour - _ALARMS) * _HOUR
            yield _alarm(tenant, device, moment(start), moment(start + 60))
    for rule_id, device_id, time in tenant.alarms:
        if rule_id == rule["id"] and device_id in tenant.devices:
            yield _alarm(tenant, tenant.devices[device_id], time, time)


def _alarm(tenant: Tenant, device: Device, time: str, seen: str) -> dict[str, Any]:
    group = tenant.groups.get(device.group_id or "")
    return {
        "device_id": device.id,
        "device_name": device.name,
        "group_id": [group.id] if group else [],
        "group_name": group.name if group else "",
        "alert_time": time,
        "latest_seen": seen,
    }


def _devices(tenant: Tenant, rule: dict[str, Any]) -> list[Device]:
    """The devices of a rule, or those of its groups and of all groups below."""
    groups = {str(each).lower() for each in rule["groups"]}
    groups |= {below.id for group in groups for below in tenant.descendants(group)}
    ids = {str(each).lower() for each in rule["devices"]}
    return [device for device in tenant.devices.values() if device.id in ids or device.group_id in groups]


def _counted(tenant: Tenant, rule: dict[str, Any]) -> dict[str, Any]:
    return rule | {"trigger_count": _ALARMS * len(_devices(tenant, rule))}


def _linked(tenant: Tenant, channel: dict[str, Any]) -> dict[str, Any]:
    """The channel with the rules that name it, whose ids of channels are texts."""
    alerts = [
        {"id": rule["id"], "alarm_name": rule["name"], "type": rule["metric"]}
        for rule in tenant.objects[RULES].values()
        if str(channel["id"]) in rule["alert_channels"]
    ]
    return channel | {"linked_alerts": alerts}


def _check_rule(tenant: Tenant, call: Call) -> None:
    """A rule has devices or groups, not both, and channels that exist."""
    rule = tenant.objects[RULES].get(call.values.get("alarm_id", "").lower(), {}) | call.body
    if rule.get("devices") and rule.get("groups"):
        raise refuse("groups", "An alarm rule has either devices or groups.")
    for channel in call.body.get("alert_channels", ()):
        if channel not in tenant.objects[CHANNELS]:
            raise refuse("alert_channels", f'Invalid pk "{channel}" - object does not exist.')


def _check_unlinked(tenant: Tenant, call: Call) -> None:
    channel = found(tenant.objects[CHANNELS], call.values["alert_id"])
    if _linked(tenant, channel)["linked_alerts"]:
        raise refuse("detail", "The alert channel is linked to alarm rules.")


SHOWN: dict[str, Shown] = {CHANNELS: _linked, RULES: _counted}

CHECKS: dict[str, Check] = {
    f"POST {RULES}/": _check_rule,
    f"PUT {RULES}/{{alarm_id}}/": _check_rule,
    f"PATCH {RULES}/{{alarm_id}}/": _check_rule,
    f"DELETE {CHANNELS}/{{alert_id}}": _check_unlinked,
}

OPERATIONS: dict[str, Behavior] = {f"GET {RULES}/{{alarm_id}}/alarmhistory/": history}
