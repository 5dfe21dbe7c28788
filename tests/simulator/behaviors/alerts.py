# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Alert channels show the alarm rules that use them: /v1/enterprise/{enterprise_id}/alertchannels/ (v1.yaml)."""

from __future__ import annotations

from typing import Any

from derived import Shown
from exchange import Behavior
from tenant import Tenant

CHANNELS = "/v1/enterprise/{enterprise_id}/alertchannels"
RULES = "/v1/enterprise/{enterprise_id}/alarmrules"


def seed(tenant: Tenant) -> None:
    """No alert channel and no alarm rule."""


def _linked(tenant: Tenant, channel: dict[str, Any]) -> dict[str, Any]:
    """The channel with the rules that name it, whose ids of channels are texts."""
    alerts = [
        {"id": rule["id"], "alarm_name": rule["name"], "type": rule["metric"]}
        for rule in tenant.objects[RULES].values()
        if str(channel["id"]) in rule["alert_channels"]
    ]
    return channel | {"linked_alerts": alerts}


SHOWN: dict[str, Shown] = {CHANNELS: _linked}

OPERATIONS: dict[str, Behavior] = {}
