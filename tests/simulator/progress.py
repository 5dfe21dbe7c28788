# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The progress of tasks: one step for each read. It does not depend on the clock."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from exchange import Call, window
from tasks import ACKNOWLEDGED, ENDED, FAILURE, IN_PROGRESS, INITIATED, QUEUED, SCHEDULED, SUCCESS, Task
from tenant import DISABLED, OFFLINE, ONLINE, Device, Tenant
from versions import conduct_with

Arguments = Mapping[str, Any]
# Does to a device what a command is for; says why, if it cannot.
Effect = Callable[[Tenant, Device, Arguments], str]

_ON_THE_WAY = (None, INITIATED, ACKNOWLEDGED, IN_PROGRESS)


def begin(
    tenant: Tenant, job: str, command: str, arguments: Arguments, devices: Iterable[Device], schedule: str
) -> None:
    """A task for each of the devices. None has been read yet."""
    now, state = tenant.now(), QUEUED if schedule == "IMMEDIATE" else SCHEDULED
    tasks = [
        Task(tenant.new_id(), job, device.id, command, arguments, state, created_at=now, updated_at=now)
        for device in devices
    ]
    tenant.jobs[job] = tasks
    tenant.tasks.update((task.id, task) for task in tasks)


def read(tenant: Tenant, call: Call, tasks: Iterable[Task]) -> None:
    """The call reads how far these tasks are; of a list, the pages after the first belong to the same reading."""
    _limit, offset = window(call, default=1)
    if offset == 0:
        advance(tenant, tasks)


def advance(tenant: Tenant, tasks: Iterable[Task]) -> None:
    """Each task goes a step on, unless it has ended or its device does not answer."""
    for task in tasks:
        device = tenant.devices.get(task.device)
        if device and task.state not in ENDED and _responds(tenant, device):
            _step(tenant, task, device)


def _responds(tenant: Tenant, device: Device) -> bool:
    is_reached = device.state == ONLINE or tenant.conduct.reaches_all
    return is_reached and device.id not in tenant.conduct.silent


def enter(tenant: Tenant, task: Task, state: str, reason: str = "") -> None:
    """Set another state of a task. If it is a final state, the event feed of the device reports it."""
    task.state, task.reason, task.updated_at = state, reason, tenant.now()
    if state in ENDED:
        message = f"{task.command} by automation: {state}" + (f": {reason}" if reason else "")
        tenant.events[task.device].append(
            {"id": tenant.new_number(), "created_on": task.updated_at, "message": message, "message_id": task.id}
        )


def _step(tenant: Tenant, task: Task, device: Device) -> None:
    conduct = tenant.conduct
    own = conduct_with(tenant, device) if _EFFECTS.get(task.command) is _converge else None
    polls = own.polls if own and own.polls is not None else conduct.polls
    task.readings += 1
    if task.readings < polls:
        state = _ON_THE_WAY[task.readings * len(_ON_THE_WAY) // polls]
        if state and state != task.state:
            enter(tenant, task, state)
    elif device.id in conduct.failing:
        enter(tenant, task, FAILURE, conduct.reason)
    elif own and own.fails_on(device):
        enter(tenant, task, FAILURE, own.reason)
    else:
        effect = _EFFECTS.get(task.command)
        reason = effect(tenant, device, task.arguments) if effect else ""
        enter(tenant, task, FAILURE if reason else SUCCESS, reason)


def _rename(tenant: Tenant, device: Device, arguments: Arguments) -> str:
    if arguments.get("device_alias_name") not in (None, device.alias):
        tenant.change_device(device, alias=arguments["device_alias_name"])
    return ""


def _converge(tenant: Tenant, device: Device, arguments: Arguments) -> str:
    """The device comes to what is published last of the blueprint that is assigned to it."""
    blueprint = tenant.objects["blueprints"].get(device.assigned_blueprint_id or "", {})
    if "latest_published_version_id" not in blueprint:
        return "No published blueprint is assigned to the device"
    before = device.document["blueprint_info"]
    after = before | {
        "current_blueprint_id": blueprint["id"],
        "current_blueprint_version_id": blueprint["latest_published_version_id"],
        # The contract knows no other status than the one they have for devices of other platforms.
        **({"blueprint_upgrade_status": "UPGRADED"} if device.platform == "ANDROID" else {}),
    }
    if after != before:
        own = conduct_with(tenant, device)
        state = OFFLINE if own and own.takes_offline(device) else device.state
        tenant.change_device(device, blueprint_info=after, state=state)
    return ""


def _disable(tenant: Tenant, device: Device, arguments: Arguments) -> str:
    tenant.change_device(device, state=DISABLED)
    return ""


_EFFECTS: dict[str, Effect] = {
    "UPDATE_DEVICE_CONFIG": _rename,
    "CONVERGE": _converge,
    "UPDATE_BLUEPRINT": _converge,
    "WIPE": _disable,
    "REMOVE_DEVICE": _disable,
}
