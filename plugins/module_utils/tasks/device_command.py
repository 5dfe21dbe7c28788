# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The task that sends a command to devices and device groups. See command.py for commands, waiting.py for results."""

from __future__ import annotations

from ..base.row import Params
from ..engine.object_cache import References
from ..kinds.device_group import DEVICE_GROUP
from ..kinds.device_list import count_devices
from ..model.module_spec import ModuleSpec, Option, Support, Value
from ..task import Mode, Outcome, Task
from .command import (
    ALIAS_OPTION,
    ARGS,
    COMMANDS,
    DESTRUCTIVE,
    SCHEDULE,
    SCHEDULES,
    check_confirmed,
    checked_command,
    confirm_option,
    extra_args_option,
    send,
)
from .device_search import require_devices
from .selection import devices_option, groups_option
from .waiting import COMMANDS_VALUE, outcome_values, report
from .waiting import OPTIONS as WAITING

MODULE = ModuleSpec(
    short_description="Send commands to Esper devices",
    description=(
        "Sends a command to devices, to device groups, or to both, and optionally waits for the result of each device.",
        "One request takes up to 1,000 devices and 500 device groups. One task for many devices is therefore much"
        " faster than a loop, or a task for each host.",
        "The module checks the arguments of the command before it sends anything.",
        "If the response to a command is lost, the module looks for the command before it sends it again."
        " No device receives it twice.",
    ),
    options=(
        devices_option(),
        groups_option(),
        Option("command", "Name of the command.", choices=COMMANDS, required=True),
        ARGS,
        extra_args_option("those in O(args)"),
        Option(
            "schedule",
            (
                "Time at which devices execute the command.",
                "V(IMMEDIATE) is at once, or as soon as an offline device is online. V(WINDOW) is once in a period."
                " V(RECURRING) is in the same hours of several days, until the command has succeeded once.",
                "Esper schedules commands for Android devices only.",
            ),
            choices=tuple(SCHEDULES),
            default="IMMEDIATE",
        ),
        SCHEDULE,
        ALIAS_OPTION,
        confirm_option(DESTRUCTIVE),
        *WAITING,
    ),
    rules={"required_one_of": [("devices", "groups")]},
    returns=(
        Value(
            "device_count",
            "Number of devices. In check mode, it includes the devices in O(groups).",
            type="int",
            returned="in check mode, or without O(groups)",
            sample=300,
        ),
        COMMANDS_VALUE,
        *outcome_values("if a command was sent"),
    ),
    check_mode=Support("full", "Sends no command and returns the number of devices."),
    diff_mode=Support("N/A", "A command has no state before and after."),
    seealso=("converge", "device"),
)


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
    """Return the number of devices in a device group and its subgroups."""
    query = {"group_multi": group_id}
    return count_devices(references.client, query, purpose="Counting the devices of a device group") or 0


DEVICE_COMMAND = Task("device_command", MODULE, _work)
