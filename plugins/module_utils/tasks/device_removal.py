# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The removal of devices from the tenant.

Based on these requests:

- the operation REMOVE_DEVICE (/v0/operations/), which removes Android devices
- DELETE /device/v0/devices/{id}/ (v0.yaml), which removes Apple, Linux and Windows devices
"""

from __future__ import annotations

import itertools

from ..base.row import Row
from ..base.text import counted
from ..engine.apply import apply_each, raise_first
from ..engine.tenant_view import TenantView
from ..http.parallel import CONCURRENCY, in_parallel
from ..kinds.device_search import label_of
from ..model.plan import Step
from ..task import RunContext
from .command import REQUEST, accepting
from .operations import Operation, ids_of, operations_of_device, part_of, queries_for, start_step

_REMOVAL = "REMOVE_DEVICE"


def pending_removals(view: TenantView, rows: list[Row]) -> set[str]:
    """Return the IDs of Android devices that a pending operation removes."""
    unsuccessful = ("FAILED", "CANCELLED")

    def is_pending(device_id: str) -> bool:
        operations = (
            row["id"]
            for row in operations_of_device(view, device_id)
            if row.get("operation") == _REMOVAL and row.get("state") not in unsuccessful
        )
        # A complete operation can have failed devices.
        parts = (part_of(view, operation_id, device_id) for operation_id in operations)
        return any(part is not None and part.get("state") not in unsuccessful for part in parts)

    android = [row["id"] for row in rows if row.get("platform") == "ANDROID"]
    pending = list(in_parallel(view.client, is_pending, android, CONCURRENCY))
    return set(itertools.compress(android, pending))


def remove_devices(view: TenantView, context: RunContext, rows: list[Row]) -> None:
    """Remove Android devices with operations, each for many devices, and other devices one by one."""
    android = [row["id"] for row in rows if row.get("platform") == "ANDROID"]
    steps = [
        Step(
            purpose=f"Removing the device '{label_of(row)}'",
            method="DELETE",
            path="/device/v0/devices/{id}/",
            ids={"id": row["id"]},
        )
        for row in rows
        if row.get("platform") != "ANDROID"
    ]
    starts = [
        start_step(Operation(_REMOVAL), query, f"Removing {counted(len(ids_of(query)), 'Android device')}")
        for query in queries_for(android)
    ]
    with accepting(context.effects, f"The operation {_REMOVAL}", starts):
        raise_first(apply_each(view, REQUEST, [*steps, *starts]))
