# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A command to devices and groups, as a task: see command.py for commands, and following.py for what comes of them."""

from __future__ import annotations

import typing as t

from ..base.row import Params
from ..engine.object_cache import References
from ..kinds.device_group import DEVICE_GROUP
from ..kinds.device_list import count_devices
from ..task import Mode, Outcome, Task
from .command import ARGS, COMMANDS, DESTRUCTIVE, SCHEDULE, SCHEDULES, check_confirmed, checked_command, send
from .device_search import require_devices
from .waiting import OPTIONS as FOLLOWING
from .waiting import report

OPTIONS: dict[str, dict[str, t.Any]] = {
    "devices": {"type": "list", "elements": "str", "aliases": ["device"]},
    "groups": {"type": "list", "elements": "str", "aliases": ["group"]},
    "command": {"type": "str", "choices": list(COMMANDS), "required": True},
    "args": ARGS.argument_spec(),
    "extra_args": {"type": "dict"},
    "schedule": {"type": "str", "choices": list(SCHEDULES), "default": "IMMEDIATE"},
    "schedule_args": SCHEDULE.argument_spec(),
    "alias": {"type": "str", "default": "Ansible"},
    "confirm": {"type": "bool", "default": False},
    **FOLLOWING,
}
RULES: dict[str, t.Any] = {"required_one_of": [("devices", "groups")]}


def _work(references: References, params: Params, mode: Mode) -> Outcome:
    command = checked_command(params)
    if command.name in DESTRUCTIVE:
        check_confirmed(params["confirm"], f"The command {command.name}")
    devices = require_devices(references, params["devices"] or ())
    groups = [DEVICE_GROUP.resolve(references, each) for each in params["groups"] or ()]
    count = len(devices) + sum(_members(references, group["id"]) for group in groups if mode.check_mode)
    told = {"device_count": count} if mode.check_mode or not groups else {}
    if not devices and not groups:
        return Outcome({"changed": False, "commands": [], **told})
    if mode.check_mode:
        return Outcome({"changed": True, "commands": [], **told})
    sent = send(references, command, [row["id"] for row in devices], [row["id"] for row in groups])
    result = report(references, f"The command {command.name}", sent, devices, params, mode)
    return Outcome({"changed": True, **told, **result})


def _members(references: References, group_id: str) -> int:
    """How many devices are in a group and those below it."""
    query = {"group_multi": group_id}
    return count_devices(references.client, query, purpose="Counting the devices of a group") or 0


DEVICE_COMMAND = Task(OPTIONS, RULES, _work)
