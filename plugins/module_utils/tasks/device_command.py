# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module that sends commands to devices and device groups. See command.py for commands, waiting.py for results."""

from __future__ import annotations

from ..base.row import Params, Row
from ..engine.tenant_view import TenantView
from ..kinds.command_risk import RISKY, risk_of, risks
from ..kinds.device_search import devices_option
from ..model.module_spec import ModuleSpec, Option, Support, Value
from ..task import ModuleDefinition, ModuleResult, RunContext
from .command import (
    ALIAS_OPTION,
    ARGS,
    COMMANDS,
    checked_command,
    confirm_option,
    extra_args_option,
    send,
)
from .safety import max_devices_option
from .schedules import SCHEDULE, SCHEDULES
from .selection import (
    ALLOW_EMPTY_OPTION,
    SELECTION,
    check_safe,
    filters_option,
    groups_option,
    online_ids,
    select,
)
from .waiting import COMMANDS_VALUE, Commands, check_wait, outcome, outcome_values, without_wait
from .waiting import OPTIONS as WAITING

MODULE = ModuleSpec(
    short_description="Send commands to Esper devices",
    description=(
        "Sends a command to devices or device groups, and optionally waits for the result of each device.",
        SELECTION,
        "One request takes up to 1,000 devices or 500 device groups. One task for many devices is therefore much faster"
        " than a loop or a task for each host.",
        "The module validates the arguments of the command before it sends a request.",
        "If the response to a command is lost, the module looks for the command before it sends it again."
        " No device receives it twice.",
    ),
    options=(
        devices_option(),
        groups_option(
            "If O(groups) is the only selector, the module sends the command to the device groups, and Esper sends it"
            " to their devices. Otherwise, the module sends the command to the devices that match.",
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
                "V(IMMEDIATE) executes it at once, on an offline device when it is online again. V(WINDOW) executes it"
                " once between the start and the end of O(schedule_args). V(RECURRING) executes it in a time window on"
                " several days, until it has succeeded once.",
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
        *outcome_values(),
    ),
    check_mode=Support("full", "Sends no command and returns the number of devices."),
    diff_mode=Support("N/A", "A command has no state before and after."),
    seealso=("converge", "device"),
)


def _run(view: TenantView, params: Params, context: RunContext) -> ModuleResult:
    command = checked_command(params)
    check_wait(params)
    selection = select(view, params, by_query=("groups",))
    effect = risk_of(command.name, command.args, RISKY)
    check_safe(params, f"Sending the command {command.name} to", selection, effect)
    result: Row = {"changed": selection.count != 0, "commands": [], "device_count": selection.count}
    if not result["changed"] or context.check_mode:
        return ModuleResult({**result, **without_wait(selection.count)})
    devices = selection.rows or []
    online = online_ids(view, selection, params)
    context.effects.values |= {"device_count": selection.count, **without_wait(selection.count)}
    sent = send(view, context.effects, command, [row["id"] for row in devices], selection.groups)
    result["commands"] = [each.summary for each in sent]
    request = Commands(view, f"The command {command.name}", sent)
    ends, _states = outcome(view, request, devices, params, context, count=selection.count, online=online)
    return ModuleResult({**result, **ends})


DEVICE_COMMAND = ModuleDefinition("device_command", MODULE, _run)
