# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Commands: /commands/v0/commands/ and /commands/v0/status/ (v0.yaml; corrected in unpublished.yaml).

A request is accepted, and each device has a task, which is its status. How tasks go on is in progress.py. The older
/v0/enterprise/{enterprise_id}/command/ has the same commands in other words, for the Python SDK of Esper.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from exchange import (
    ORIGIN,
    Answer,
    Behavior,
    Call,
    apps_list,
    enterprise_url,
    found,
    instant,
    legacy_list,
    listed,
    not_found,
    refuse,
    require,
)
from progress import begin, enter, read
from tasks import ENDED, QUEUED, STATES, Task
from tenant import DISABLED, Device, Tenant

from behaviors.devices import matching

Command = dict[str, Any]

# Which lists each type of command must have.
_TARGETS: dict[str, tuple[str, ...]] = {
    "DEVICE": ("devices",),
    "GROUP": ("groups",),
    "DYNAMIC": ("devices", "groups"),
}

_CERTIFICATE = ("cert_alias_name", "cert_storage_type")
_APPLE_APP = ("app_id", "bundle_identifier")

# The arguments that the contract's notes say a command needs.
_NEEDS: dict[str, tuple[str, ...]] = {
    "ADD_TO_WHITELIST": ("package_name",),
    "ADD_WIFI_AP": ("wifi_access_points",),
    "APPLE_APP_UNINSTALL": _APPLE_APP,
    "CLEAR_APP_DATA": ("package_name",),
    "INSTALL": ("app_version",),
    "INSTALL_CERTIFICATE": ("cert_file_type", "cert_data_base64", *_CERTIFICATE),
    "REMOVE_FROM_WHITELIST": ("package_name",),
    "REMOVE_WIFI_AP": ("wifi_access_points",),
    "RESET_LOCKSCREEN_PASSWORD": ("new_lockscreen_password",),
    "RUN_SHELL_SCRIPT": ("script", "interpreter"),
    "SET_APP_NOTIFICATIONS": ("package_name", "app_notifications_state"),
    "SET_APP_PERMISSION": ("package_name", "permission", "grant_state"),
    "SET_APP_STATE": ("package_name", "app_state"),
    "SET_BLUETOOTH_STATE": ("bluetooth_state",),
    "SET_BRIGHTNESS_SCALE": ("brightness_value",),
    "SET_DEVICE_LANGUAGE": ("locale",),
    "SET_DEVICE_LOCKDOWN_STATE": ("state", "message"),
    "SET_GPS_STATE": ("gps_state",),
    "SET_KIOSK_APP": ("package_name",),
    "SET_NEW_POLICY": ("policy_url",),
    "SET_ROTATION_STATE": ("rotate_state",),
    "SET_SCREEN_OFF_TIMEOUT": ("screen_off_timeout",),
    "SET_STATIC_IP": ("interface", "dhcp_enabled", "static_ip", "primary_dns", "subnet_mask", "gateway"),
    "SET_STREAM_VOLUME": ("stream", "volume_level"),
    "SET_TIMEZONE": ("timezone_string",),
    "SET_WIFI_STATE": ("wifi_state",),
    "UNINSTALL": ("package_name",),
    "UNINSTALL_CERTIFICATE": _CERTIFICATE,
    "USE_ONLY_SAVED_WIFI_AP": ("use_only_saved_ap",),
    "VPP_APP_INSTALL": _APPLE_APP,
}


def seed(tenant: Tenant) -> None:
    """No command was ever sent."""


def create_command(tenant: Tenant, call: Call) -> Answer:
    """POST /commands/v0/commands/: 201 says that it was accepted, and nothing of what devices make of it."""
    return _answer(_accepted(tenant, call.body), status=201)


def create_older_command(tenant: Tenant, call: Call) -> Answer:
    """POST /v0/enterprise/{enterprise_id}/command/: the same, and the answer has no envelope."""
    return Answer(_older(tenant, _accepted(tenant, call.body)), 201)


def list_older_commands(tenant: Tenant, call: Call) -> Answer:
    """GET /v0/enterprise/{enterprise_id}/command/."""
    devices = listed(call.query["devices"]) if "devices" in call.query else None
    same = ("command", "command_type", "device_type")
    commands = [
        command
        for command in tenant.objects["commands"].values()
        if all(call.query.get(name, command[name]) == command[name] for name in same)
        and call.query.get("issued_by", command["created_by"]) == command["created_by"]
        and (devices is None or any(task.device in devices for task in tenant.jobs[command["id"]]))
    ]
    return legacy_list(call, commands, show=lambda command: _older(tenant, command))


def list_group_commands(tenant: Tenant, call: Call) -> Answer:
    """GET /enterprise/{enterprise_id}/group/{group_id}/download/eventfeed/: the commands sent to a group."""
    group = found(tenant.groups, call.values["group_id"])
    commands = [command for command in tenant.objects["commands"].values() if group.id in (command["groups"] or ())]
    return legacy_list(call, commands, show=lambda command: _older(tenant, command))


def list_older_statuses(tenant: Tenant, call: Call) -> Answer:
    """GET /v0/enterprise/{enterprise_id}/command/{request_id}/status/."""
    command = found(tenant.objects["commands"], call.values["request_id"])
    return _older_statuses(tenant, call, tenant.jobs[command["id"]], lambda task: {})


def list_history(tenant: Tenant, call: Call) -> Answer:
    """GET /v0/enterprise/{enterprise_id}/device/{device_id}/command-history/: what commands became on a device."""
    device = found(tenant.devices, call.values["device_id"])
    commands = tenant.objects["commands"]
    tasks = [task for task in tenant.tasks.values() if task.device == device.id and task.job in commands]
    user = {"id": 1, "username": "automation"}
    return _older_statuses(
        tenant,
        call,
        tasks,
        lambda task: {"command": task.command, "command_args": task.arguments, "issued_by": user, "requeue_value": 0},
    )


def list_commands(tenant: Tenant, call: Call) -> Answer:
    """GET /commands/v0/commands/: `devices` finds those that any of the devices got, `groups` those sent to any."""
    devices, groups = [listed(call.query[name]) if name in call.query else None for name in ("devices", "groups")]
    commands = [
        command
        for command in _commands(tenant, call)
        if call.query.get("command", command["command"]) == command["command"]
        and call.query.get("schedule", command["schedule"]) == command["schedule"]
        and (groups is None or not groups.isdisjoint(command["groups"] or ()))
        and (devices is None or any(task.device in devices for task in tenant.jobs[command["id"]]))
    ]
    return _answer(apps_list(call, commands, show=dict, back="prev"))


def get_command(tenant: Tenant, call: Call) -> Answer:
    """GET /commands/v0/commands/{id}/: the request of the command, without its progress."""
    return _answer(found(tenant.objects["commands"], call.values["id"]))


def get_stats(tenant: Tenant, call: Call) -> Answer:
    """GET /commands/v0/commands/{id}/stats/: the states that devices are in, and how many are in each."""
    command = found(tenant.objects["commands"], call.values["id"])
    tasks = tenant.jobs[command["id"]]
    read(tenant, call, tasks)
    totals = Counter(task.state for task in tasks)
    status = [{"state": state, "total": totals[state]} for state in STATES if totals[state]]
    return _answer({"id": command["id"], "status": status})


def list_statuses(tenant: Tenant, call: Call) -> Answer:
    """GET /commands/v0/status/: of some requests, of some devices, or both."""
    requests, devices = [listed(call.query[name]) if name in call.query else None for name in ("request", "device")]
    if requests is None and devices is None:
        raise refuse("request", "Either this or device is required.")
    tasks = [
        task
        for command in _commands(tenant, call)
        if requests is None or command["id"] in requests
        for task in tenant.jobs[command["id"]]
        if devices is None or task.device in devices
    ]
    read(tenant, call, tasks)
    state = call.query.get("state")
    return _answer(apps_list(call, [task for task in tasks if state in (None, task.state)], _shown, back="prev"))


def get_status(tenant: Tenant, call: Call) -> Answer:
    """GET /commands/v0/status/{id}/."""
    task = _task(tenant, call)
    read(tenant, call, [task])
    return _answer(_shown(task))


def get_inbox(tenant: Tenant, call: Call) -> Answer:
    """GET /v2/command-inbox/: the first command that waits for a device; nothing if none does."""
    device = found(tenant.devices, call.query["device_id"].lower())
    commands = tenant.objects["commands"]
    waiting = (each for each in tenant.tasks.values() if each.device == device.id and each.state == QUEUED)
    task = next((each for each in waiting if each.job in commands), None)
    if task is None:
        return _answer({})
    return _answer(
        {
            "id": task.job,
            "command": task.command,
            "command_args": task.arguments,
            "device_meta": {"platform": device.platform},
            "state": task.state,
            "created_on": task.created_at,
            "updated_on": task.updated_at,
        }
    )


def update_status(tenant: Tenant, call: Call) -> Answer:
    """PUT /commands/v0/status/{id}/: 304 if it has ended or is so already. The device itself stays as it is."""
    task = _task(tenant, call)
    require(call.body, ("state",))
    if task.state in ENDED or task.state == call.body["state"]:
        return Answer(status=304)
    enter(tenant, task, call.body["state"], call.body.get("reason", ""))
    return _answer(_shown(task))


def send(tenant: Tenant, values: Mapping[str, Any], devices: Sequence[Device]) -> Command:
    """A command that was checked, to these devices."""
    command = {
        "id": tenant.new_id(),
        "command_type": values["command_type"],
        "alias": values.get("alias"),
        "devices": values["devices"],
        "groups": values["groups"],
        "device_type": values.get("device_type", "active"),
        "command": values["command"],
        "command_args": values.get("command_args", {}),
        "schedule": values.get("schedule", "IMMEDIATE"),
        "schedule_args": values.get("schedule_args", {}),
        "reason": None,
        "created_by": "1",
        "created_at": tenant.now(),
    }
    tenant.objects["commands"][command["id"]] = command
    begin(tenant, command["id"], command["command"], command["command_args"], devices, command["schedule"])
    return command


def check_schedule(schedule: str, arguments: Mapping[str, Any]) -> None:
    """Reject a schedule that lacks a required value, or that ends before it starts."""
    if schedule == "IMMEDIATE":
        return
    needed = ["start_datetime", "end_datetime"]
    if schedule == "RECURRING":
        needed += ["window_start_time", "window_end_time", "days"]
    require(arguments, needed, within="schedule_args.")
    start, end = [instant(f"schedule_args.{name}", str(arguments[name])) for name in needed[:2]]
    if end <= start:
        raise refuse("schedule_args.end_datetime", "Must be after start_datetime.")


def _accepted(tenant: Tenant, body: Mapping[str, Any]) -> Command:
    """Return the command of a request, unless it is rejected."""
    require(body, ("command_type", "command"))
    targets = _targets(tenant, body)
    require(body.get("command_args", {}), _NEEDS.get(body["command"], ()), within="command_args.")
    check_schedule(body.get("schedule", "IMMEDIATE"), body.get("schedule_args", {}))
    return send(tenant, {**body, **targets}, _addressed(tenant, targets))


def _targets(tenant: Tenant, body: Mapping[str, Any]) -> dict[str, list[str] | None]:
    """The ids of devices and of groups that the command is for; None for what its type does not look at."""
    wanted = _TARGETS[body["command_type"]]
    require(body, wanted)
    targets: dict[str, list[str] | None] = {"devices": None, "groups": None}
    for name in wanted:
        ids = list(dict.fromkeys(id_.lower() for id_ in body[name]))
        table: Mapping[str, object] = tenant.devices if name == "devices" else tenant.groups
        for id_ in ids:
            if id_ not in table:
                raise refuse(name, f'Invalid pk "{id_}" - object does not exist.')
        targets[name] = ids
    if not any(targets.values()):
        raise refuse(wanted[0], "This list may not be empty.")
    return targets


def _addressed(tenant: Tenant, targets: Mapping[str, list[str] | None]) -> list[Device]:
    """The devices that are named, and those of the groups and all groups below, without disabled ones."""
    devices = {id_: tenant.devices[id_] for id_ in targets["devices"] or ()}
    if targets["groups"]:
        members = matching(tenant, {"group_multi": ",".join(targets["groups"])})
        devices |= {device.id: device for device in members if device.state != DISABLED}
    return list(devices.values())


def _commands(tenant: Tenant, call: Call) -> list[Command]:
    """All commands; or, if the call says so, those that are no part of a converge."""
    external = call.query.get("exclude_internal_commands", "").lower() == "true"
    commands = tenant.objects["commands"].values()
    return [command for command in commands if not (external and command["command_args"].get("is_converge"))]


def _task(tenant: Tenant, call: Call) -> Task:
    task = found(tenant.tasks, call.values["id"])
    if task.job not in tenant.objects["commands"]:
        raise not_found()
    return task


def _shown(task: Task) -> dict[str, Any]:
    return {
        "id": task.id,
        "request": task.job,
        "device": task.device,
        "state": task.state,
        "reason": task.reason,
        "created_at": task.created_at,
        "updated_at": task.updated_at,
    }


def _older(tenant: Tenant, command: Command) -> dict[str, Any]:
    """A command as the older path shows it."""
    return {
        "id": command["id"],
        "enterprise": tenant.settings.enterprise_id,
        "command_type": command["command_type"],
        "devices": command["devices"] or [],
        "groups": command["groups"] or [],
        "command": command["command"],
        "command_args": command["command_args"],
        "schedule": command["schedule"],
        "schedule_args": command["schedule_args"],
        "issued_by": f"{ORIGIN}/user/{command['created_by']}/",
        "created_on": command["created_at"],
        "status": [],
    }


def _older_statuses(
    tenant: Tenant, call: Call, tasks: Sequence[Task], more: Callable[[Task], Mapping[str, Any]]
) -> Answer:
    """Statuses as the older paths show them, of some devices or in some state if the call says so."""
    devices = listed(call.query["device"]) if "device" in call.query else None
    tasks = [task for task in tasks if devices is None or task.device in devices]
    read(tenant, call, tasks)
    tasks = [task for task in tasks if call.query.get("state", task.state) == task.state]

    def show(task: Task) -> dict[str, Any]:
        return {
            "id": task.id,
            "request": task.job,
            "device": f"{enterprise_url(tenant)}device/{task.device}/",
            "state": task.state,
            "reason": task.reason,
            "created_on": task.created_at,
            "updated_on": task.updated_at,
            **more(task),
        }

    return legacy_list(call, tasks, show=show)


def _answer(content: Any, status: int = 200) -> Answer:
    return Answer({"code": status, "message": "Success", "content": content}, status)


OPERATIONS: dict[str, Behavior] = {
    "GET /commands/v0/commands/": list_commands,
    "POST /commands/v0/commands/": create_command,
    "GET /commands/v0/commands/{id}/": get_command,
    "GET /commands/v0/commands/{id}/stats/": get_stats,
    "GET /commands/v0/status/": list_statuses,
    "GET /commands/v0/status/{id}/": get_status,
    "PUT /commands/v0/status/{id}/": update_status,
    "GET /v2/command-inbox/": get_inbox,
    "GET /v0/enterprise/{enterprise_id}/command/": list_older_commands,
    "POST /v0/enterprise/{enterprise_id}/command/": create_older_command,
    "GET /v0/enterprise/{enterprise_id}/command/{request_id}/status/": list_older_statuses,
    "GET /v0/enterprise/{enterprise_id}/device/{device_id}/command-history/": list_history,
    "GET /enterprise/{enterprise_id}/group/{group_id}/download/eventfeed/": list_group_commands,
}
