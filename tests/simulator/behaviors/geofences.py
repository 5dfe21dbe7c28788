# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Geofences of /v0/enterprise/{enterprise_id}/geofence/ (v0.yaml) show how many devices they were made for."""

from __future__ import annotations

from typing import Any

from derived import Shown
from exchange import Behavior
from tenant import Tenant


def seed(tenant: Tenant) -> None:
    """No geofence."""


def _counted(tenant: Tenant, geofence: dict[str, Any]) -> dict[str, Any]:
    return geofence | {"device_count": len(geofence.get("devices", ()))}


SHOWN: dict[str, Shown] = {"/v0/enterprise/{enterprise_id}/geofence": _counted}

OPERATIONS: dict[str, Behavior] = {}
