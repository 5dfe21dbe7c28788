# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Alert channels, which alarms send messages to.

Based on /v1/enterprise/{enterprise_id}/alertchannels/ of the contract (v1.yaml).

Choice: names are case-sensitive, two channels with one name are ambiguous, and the filter finds parts of names.
Choice: the contract documents the type ``email`` only, so the module passes on other types.
Choice: Esper can reject the deletion of a channel that alarm rules use, even if the task sets ``force``.
"""

from __future__ import annotations

from ..base.validators import email, length, not_empty
from ..model.field import Field
from ..model.kind import Guard, Routes, used_in
from ..model.plain import plain_kind

ALERT_CHANNEL = plain_kind(
    name="alert_channel",
    doc="Alarm rules send their messages to the email addresses of alert channels.",
    routes=Routes(
        list="/v1/enterprise/{enterprise_id}/alertchannels/",
        object="/v1/enterprise/{enterprise_id}/alertchannels/{id}",
    ),
    fields=(
        Field("id", "ID of the alert channel.", type="int", writable=False, sample=7),
        Field(
            "name",
            "Name of the alert channel, case-sensitive.",
            identifier=True,
            normalize=str.strip,
            validator=length(1),
            sample="Alarms",
        ),
        Field(
            "type",
            "Type of the alert channel. Esper documents V(email) only.",
            validator=length(1),
            create_default="email",
            returns="Type of the alert channel.",
            sample="email",
        ),
        Field(
            "emails",
            "Email addresses that get the messages. Compared without order.",
            api="properties.to_address",
            type="list",
            elements="str",
            list_type="set",
            validator=email,
            list_validator=not_empty,
            required_by_api=True,
            returns="Email addresses that get the messages.",
            sample=["servicedesk@example.com"],
            changed=["servicedesk@example.com", "night@example.com"],
        ),
        Field(
            "linked_alerts",
            "Alarm rules that use the alert channel.",
            type="list",
            elements="dict",
            writable=False,
            fields=(
                Field("id", "ID of the alarm rule."),
                Field("name", "Name of the alarm rule.", api="alarm_name"),
                Field("type", "Type of the alarm rule."),
            ),
            sample=[{"id": "0d5d3e0c-9a7e-4f57-8d0a-3f6f7d1f2b64", "name": "Low battery", "type": "device"}],
        ),
        Field("created_on", "Time of creation.", writable=False, sample="2026-03-01T09:30:00Z"),
        Field("updated_on", "Time of the last change.", writable=False, sample="2026-03-02T11:00:00Z"),
    ),
    fixed_payload=lambda _api_url, enterprise_id: {"enterprise": enterprise_id},
    guards=(
        Guard(
            users=used_in("linked_alerts", "alarm rule", "alarm_name", kind="alarm_rule", names_in="channels"),
            reads=("linked_alerts",),
        ),
    ),
)
