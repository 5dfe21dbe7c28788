# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of device groups for other kinds, the devices in device groups, and the steps that move them."""

from __future__ import annotations

import typing as t

from ..http.client import Client
from ..http.parallel import in_parts
from ..model.field import Field
from ..model.kind import Kind, Routes, Shape
from ..model.plan import Step
from .device_list import list_devices

GROUP_ROUTES = Routes(
    list="/enterprise/{enterprise_id}/devicegroup/",
    object="/enterprise/{enterprise_id}/devicegroup/{id}/",
)

DEVICE_GROUPS = Kind(
    name="device_group",
    title="device group",
    plural="device_groups",
    routes=GROUP_ROUTES,
    shape=Shape.READ_ONLY,
    fields=(Field("id", writable=False), Field("name"), Field("path"), Field("thumbnail")),
)
"""Device groups by ID, for other kinds. The kind with all fields is DEVICE_GROUP."""

# Maximum number of devices in a request that moves devices.
_DEVICES_PER_REQUEST = 1000


def steps_into(group_id: str, device_ids: t.Sequence[str], purpose: str) -> list[Step]:
    """Return the requests that move devices into a device group."""
    return [
        Step(
            purpose=purpose,
            method="PATCH",
            path=GROUP_ROUTES.object,
            ids={"id": group_id},
            query={"action": "add"},
            body={"device_ids": part},
        )
        for part in in_parts(_DEVICES_PER_REQUEST, device_ids)
    ]


def devices_in(client: Client, group_id: str, *, purpose: str) -> list[str]:
    """Return the IDs of the devices that are directly in a device group (GET /v2/devices/?group_multi_immediate=).

    Raises what Client.request raises.
    """
    return [row["id"] for row in list_devices(client, {"group_multi_immediate": group_id}, purpose=purpose)]
