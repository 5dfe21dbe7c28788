# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Alarm rules, which report devices whose values are above or below a threshold.

Based on /v1/enterprise/{enterprise_id}/alarmrules/ of the contract (v1.yaml).

Choice: metrics, actions and the unit of ``realert_interval`` are passed on, because the contract has no values.
Choice: the valid values of ``unit`` and ``comparator`` in POST requests also apply to PATCH requests.
Choice: an empty list removes all devices, groups, channels, addresses or actions of a rule.
Choice: a rule has devices or device groups, as in the console, so a task with one of them removes the other.
Choice: the order of the history is not known, so the whole history of a rule is read and sorted.
Choice: names are case-sensitive, and two rules with one name are ambiguous.
"""

from __future__ import annotations

from ..base.errors import InvalidParameter
from ..base.row import Params, Row
from ..base.validators import email, in_range, length
from ..engine.planner import Planner
from ..engine.tenant_view import TenantView
from ..model.field import Field
from ..model.kind import Kind, Related, Routes, Shape
from ..model.module_spec import Option
from ..model.names import Names
from ..model.plain import plain_kind
from ..model.plan import Plan
from .alert_channel import ALERT_CHANNEL
from .device_group import DEVICE_GROUP
from .device_search import DEVICE

HISTORY = "/v1/enterprise/{enterprise_id}/alarmrules/{id}/alarmhistory/"
_ALARM = Kind(
    name="alarm",
    title="alarm",
    plural="alarms",
    shape=Shape.READ_ONLY,
    id_key="",
    routes=Routes(
        list="/v1/enterprise/{enterprise_id}/alarmrules/",
        object=HISTORY,
    ),
    fields=(
        Field("device_id", "ID of the device."),
        Field("device_name", "Name of the device."),
        Field("group_ids", "IDs of the device groups of the device.", api="group_id", type="list", elements="str"),
        Field("group_name", "Name of the device group of the device."),
        Field("alert_time", "Time of the alarm."),
        Field("latest_seen", "Time when the device was last seen."),
    ),
)


def _history(view: TenantView, rule: Row, params: Params) -> list[Row]:
    """Return the latest alarms of a rule, the newest first. Raise InvalidParameter if their number is invalid."""
    if error := in_range(0)(params["history"]):
        raise InvalidParameter(f"Invalid parameters for the alarm rules: history {error}.")
    alarms = view.list_at(
        _ALARM.routes.object.replace("{id}", str(rule["id"])),
        kind=_ALARM,
        key=None,
        purpose=f"Reading the history of the {ALARM_RULE.phrase(rule)}",
    )
    newest: list[Row] = sorted(alarms, key=lambda alarm: str(alarm.get("alert_time") or ""), reverse=True)
    return newest[: params["history"]]


class AlarmRulePlanner(Planner):
    """Plans changes of alarm rules."""

    def plan_update(self, current: Row, params: Params) -> Plan:
        """Return the plan of Planner. If the task sets devices, it also removes the groups of the rule, and vice
        versa."""
        for desired, other in (("devices", "groups"), ("groups", "devices")):
            if params.get(desired) and current.get(other):
                params = {**params, other: []}
        return super().plan_update(current, params)


ALARM_RULE = plain_kind(
    name="alarm_rule",
    doc=(
        "An alarm rule reports devices whose metric is above or below a threshold, by email and in alert channels.",
        "The rule applies to O(devices) or to O(groups). If the task sets one of them, it removes the other.",
    ),
    routes=Routes(
        list="/v1/enterprise/{enterprise_id}/alarmrules/",
        object="/v1/enterprise/{enterprise_id}/alarmrules/{id}/",
    ),
    rules={"mutually_exclusive": [("devices", "groups")]},
    planner=AlarmRulePlanner,
    fixed_payload=lambda _api_url, enterprise_id: {"enterprise": enterprise_id},
    related=(
        Related(
            Field(
                "history",
                "Latest alarms of the rule, the newest first. Returned if O(history) is set.",
                type="list",
                elements="dict",
                writable=False,
                fields=_ALARM.fields,
                sample=[
                    {
                        "device_id": "9a2f2b8f-6b0b-4d59-8a4e-f1f1b9a3c001",
                        "device_name": "ESP-MNT-AAAA1",
                        "group_ids": ["7d1c4f60-6a3e-4b8e-9f10-3c5a2e9b8d77"],
                        "group_name": "Germany",
                        "alert_time": "2026-03-02T11:00:00Z",
                        "latest_seen": "2026-03-02T10:58:00Z",
                    }
                ],
            ),
            Option(
                "history",
                "Maximum number of alarms to return for each rule. V(0) returns none. This takes additional requests.",
                type="int",
                default=0,
            ),
            _history,
        ),
    ),
    info_options=(
        Option(
            "active",
            "If V(true), returns active alarm rules only. If V(false), returns inactive ones only.",
            type="bool",
            query="is_active",
        ),
    ),
    fields=(
        Field("id", "ID of the alarm rule.", writable=False, sample="0d5d3e0c-9a7e-4f57-8d0a-3f6f7d1f2b64"),
        Field(
            "name",
            "Name of the alarm rule, case-sensitive.",
            identifier=True,
            normalize=str.strip,
            validator=length(1),
            sample="Kiosks below 20 percent",
        ),
        Field("description", "Description of the alarm rule.", sample="Kiosks that are not charged"),
        Field(
            "metric",
            "Metric that the rule compares. Esper does not document the values, but M(esper.cloud.alarm_rule_info)"
            " returns those of rules from the console.",
            validator=length(1),
            required_by_api=True,
            returns="Metric that the rule compares.",
            sample="battery_level",
        ),
        Field(
            "comparator",
            "Comparison of the metric with O(value).",
            api="conditions.comparator",
            choices=(
                "GreaterThanThreshold",
                "GreaterThanOrEqualToThreshold",
                "LessThanThreshold",
                "LessThanOrEqualToThreshold",
                "Frequency",
            ),
            required_by_api=True,
            returns="Comparison of the metric with the threshold.",
            sample="LessThanThreshold",
        ),
        Field(
            "value",
            "Threshold of the metric.",
            api="conditions.value",
            type="float",
            required_by_api=True,
            sample=20.0,
            changed=15.5,
        ),
        Field(
            "unit",
            "Unit of O(value).",
            api="conditions.unit",
            choices=("Percent", "Count"),
            required_by_api=True,
            returns="Unit of the threshold.",
            sample="Percent",
        ),
        Field(
            "toggle_state",
            "State that the rule reports, for a metric that is on or off.",
            api="conditions.toggle_state",
            type="bool",
            sample=True,
        ),
        Field(
            "devices",
            "Names, aliases, serial numbers or IDs of the devices. Compared without order. An empty list removes all"
            " devices.",
            type="list",
            elements="str",
            list_type="set",
            names=Names(DEVICE, label="device_name"),
            returns="Names of the devices.",
        ),
        Field(
            "groups",
            "Paths, names or IDs of the device groups. Compared without order. An empty list removes all groups.",
            type="list",
            elements="str",
            list_type="set",
            names=Names(DEVICE_GROUP, label="path"),
            returns="Paths of the device groups.",
            sample=["All devices/Stores/Germany"],
            changed=["All devices/Stores"],
        ),
        Field(
            "channels",
            "Names or IDs of the alert channels that get the messages. Compared without order. An empty list removes"
            " all channels.",
            api="alert_channels",
            type="list",
            elements="str",
            list_type="set",
            names=Names(ALERT_CHANNEL),
            returns="Names of the alert channels that get the messages.",
            sample=["Service desk"],
            changed=[],
        ),
        Field(
            "emails",
            "Email addresses that get the messages, in addition to those of O(channels). Compared without order. An"
            " empty list removes all addresses.",
            api="action_emails",
            type="list",
            elements="str",
            list_type="set",
            validator=email,
            returns="Email addresses that get the messages, in addition to those of the channels.",
            sample=["stores@example.com"],
            changed=["stores@example.com", "night@example.com"],
        ),
        Field(
            "actions",
            "Actions of the rule. Esper does not document the values. Compared without order. An empty list removes all"
            " actions.",
            type="list",
            elements="str",
            list_type="set",
            validator=length(1),
            returns="Actions of the rule.",
        ),
        Field(
            "active",
            "If V(true), the rule reports devices. If V(false), it is paused.",
            api="is_active",
            type="bool",
            create_default=True,
            returns="Whether the rule reports devices.",
            sample=True,
        ),
        Field(
            "realert_interval",
            "Time until the rule reports the same device again. Esper does not document the unit.",
            type="int",
            required_by_api=True,
            sample=60,
            changed=120,
        ),
        Field(
            "repeat_times",
            "Number of times that the rule reports a device again.",
            type="int",
            sample=3,
            changed=1,
        ),
        Field("trigger_count", "Number of alarms.", type="int", writable=False, sample=12),
        Field("daily_trigger_count", "Number of alarms of the day.", type="int", writable=False, sample=2),
        Field("created_on", "Time of creation.", writable=False, sample="2026-03-01T09:30:00Z"),
        Field("updated_on", "Time of the last change.", writable=False, sample="2026-03-02T11:00:00Z"),
    ),
)
