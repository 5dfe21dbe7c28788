# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Converges of one device: /v2/converge (v2.yaml). Each sends one command, which is an internal one."""

from __future__ import annotations

from typing import Any

from exchange import Answer, Behavior, Call, apps_list, found, listed, refuse
from progress import read
from tasks import ACKNOWLEDGED, CANCELLED, FAILURE, IN_PROGRESS, INITIATED, QUEUED, SCHEDULED, SUCCESS, TIMED_OUT, Task
from tenant import Device, Tenant

from behaviors.commands import check_schedule, send

Converge = dict[str, Any]

_STATUSES = {
    QUEUED: "QUEUED",
    SCHEDULED: "QUEUED",
    INITIATED: "PROCESSING",
    ACKNOWLEDGED: "IN_PROGRESS",
    IN_PROGRESS: "IN_PROGRESS",
    SUCCESS: "SUCCESS",
    FAILURE: "FAILURE",
    TIMED_OUT: "FAILURE",
    CANCELLED: "FAILURE",
}


def seed(tenant: Tenant) -> None:
    """No device ever received a converge command."""


def create_converge(tenant: Tenant, call: Call) -> Answer:
    """POST /v2/converge: accepted, whatever comes of it."""
    body = call.body
    device = tenant.devices.get(body["device_id"].lower())
    if device is None:
        raise refuse("device_id", f'Invalid pk "{body["device_id"]}" - object does not exist.')
    schedule, schedule_args = body.get("schedule_type", "IMMEDIATE"), body.get("schedule_args", {})
    check_schedule(schedule, schedule_args)
    command = send(
        tenant,
        {
            "command_type": "DEVICE",
            "devices": [device.id],
            "groups": None,
            "command": "CONVERGE",
            "command_args": {"is_converge": True},
            "schedule": schedule,
            # Those of a converge may hold anything, those of a command may not.
            "schedule_args": {},
        },
        [device],
    )
    converge = {
        "id": tenant.new_id(),
        "command": command["id"],
        "device_id": device.id,
        "converge_with_provision_option": body["converge_with_provision_option"],
        "blueprint_info": _goal(tenant, device),
        "schedule_type": schedule,
        "schedule_args": schedule_args,
        "created_by": "1",
    }
    tenant.objects["converges"][converge["id"]] = converge
    return Answer({"content": _shown(tenant, converge)}, status=201)


def list_converges(tenant: Tenant, call: Call) -> Answer:
    """GET /v2/converge."""
    devices = listed(call.query["device_ids"]) if "device_ids" in call.query else None
    converges = [
        converge
        for converge in tenant.objects["converges"].values()
        if devices is None or converge["device_id"] in devices
    ]
    read(tenant, call, [_task(tenant, converge) for converge in converges])
    return Answer({"content": apps_list(call, converges, show=lambda converge: _shown(tenant, converge))})


def get_converge(tenant: Tenant, call: Call) -> Answer:
    """GET /v2/converge/{id}."""
    converge = found(tenant.objects["converges"], call.values["id"])
    read(tenant, call, [_task(tenant, converge)])
    return Answer({"content": _shown(tenant, converge)})


def list_converge_commands(tenant: Tenant, call: Call) -> Answer:
    """GET /v2/converge/{id}/commands: always one."""
    tasks = [_task(tenant, found(tenant.objects["converges"], call.values["id"]))]
    read(tenant, call, tasks)
    return Answer({"content": apps_list(call, tasks, _shown_command)})


def _goal(tenant: Tenant, device: Device) -> dict[str, str]:
    """The blueprint that is assigned to the device, and its version that was published last."""
    blueprint = tenant.objects["blueprints"].get(device.assigned_blueprint_id or "", {})
    names = {"blueprint_id": "id", "blueprint_version_id": "latest_published_version_id"}
    return {name: blueprint[key] for name, key in names.items() if key in blueprint}


def _task(tenant: Tenant, converge: Converge) -> Task:
    (task,) = tenant.jobs[converge["command"]]
    return task


def _shown(tenant: Tenant, converge: Converge) -> Converge:
    task = _task(tenant, converge)
    return {
        **{name: value for name, value in converge.items() if name != "command"},
        "status": _STATUSES[task.state],
        "reason": task.reason,
        "created_at": task.created_at,
        "updated_at": task.updated_at,
    }


def _shown_command(task: Task) -> dict[str, Any]:
    return {
        "command_request_id": task.job,
        "command_state": task.state,
        "reason": task.reason,
        "created_at": task.created_at,
        "updated_at": task.updated_at,
    }


OPERATIONS: dict[str, Behavior] = {
    "GET /v2/converge": list_converges,
    "POST /v2/converge": create_converge,
    "GET /v2/converge/{id}": get_converge,
    "GET /v2/converge/{id}/commands": list_converge_commands,
}
