# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The task that sends a command to devices and device groups. See command.py for commands, waiting.py for results."""

from __future__ import annotations

from ..base.row import Params, Row
from ..engine.tenant_view import TenantView
from ..model.module_spec import ModuleSpec, Option, Support, Value
from ..task import ModuleDefinition, ModuleResult, RunContext
from .command import (
    ALIAS_OPTION,
    ARGS,
    COMMANDS,
    RISKY,
    SCHEDULE,
    SCHEDULES,
    checked_command,
    confirm_option,
    extra_args_option,
    risk_of,
    risks,
    send,
)
from .safety import max_devices_option
from .selection import (
    ALLOW_EMPTY_OPTION,
    SELECTION,
    check_safe,
    devices_option,
    filters_option,
    groups_option,
    select,
)
from .waiting import COMMANDS_VALUE, outcome_values, report
from .waiting import OPTIONS as WAITING

MODULE = ModuleSpec(
    short_description="Send commands to Esper devices",
    description=(
        "Sends a command to devices or to device groups, and optionally waits for the result of each device.",
        SELECTION,
        "One request takes up to 1,000 devices and 500 device groups. One task for many devices is therefore much"
        " faster than a loop, or a task for each host.",
        "The module checks the arguments of the command before it sends anything.",
        "If the response to a command is lost, the module looks for the command before it sends it again."
        " No device receives it twice.",
    ),
    options=(
        devices_option(),
        groups_option(
            "If O(groups) is the only selector, the module sends the command to the device groups, and Esper to their"
            " devices. Otherwise, it sends the command to the devices that match.",
        ),
        filters_option(),
        ALLOW_EMPTY_OPTION,
        max_devices_option(f"O(command) is {risks(RISKY)}"),
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
        confirm_option(RISKY),
        *WAITING,
    ),
    rules={"required_one_of": [("devices", "groups", "filters")]},
    returns=(
        Value(
            "device_count",
            "Number of selected devices. Null if Esper does not return the number of devices in O(groups).",
            type="int",
            sample=300,
        ),
        COMMANDS_VALUE,
        *outcome_values("if a command was sent"),
    ),
    check_mode=Support("full", "Sends no command and returns the number of devices."),
    diff_mode=Support("N/A", "A command has no state before and after."),
    seealso=("converge", "device"),
)


def _run(view: TenantView, params: Params, context: RunContext) -> ModuleResult:
    command = checked_command(params)
    selection = select(view, params, by_query=("groups",))
    effect = risk_of(command.name, command.args, RISKY)
    check_safe(params, f"Sending the command {command.name} to", selection, effect)
    result: Row = {"changed": selection.count != 0, "commands": [], "device_count": selection.count}
    if not result["changed"] or context.check_mode:
        return ModuleResult(result)
    devices = selection.rows or []
    sent = send(view, command, [row["id"] for row in devices], selection.groups)
    return ModuleResult({**result, **report(view, f"The command {command.name}", sent, devices, params, context)})


DEVICE_COMMAND = ModuleDefinition("device_command", MODULE, _run)
