# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module that sends commands to devices and device groups, and cancels them. See command.py for commands, and
waiting.py for results.

Cancellations are based on PUT /commands/v0/status/{id}/ of the contract (v0.yaml), which cancels a command for one
device. It returns HTTP 304 if that changes nothing.

Choice: a command can be canceled for devices in the states Command Queued and Command Scheduled.
"""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ..base.errors import NotFound
from ..base.row import Params, Row
from ..engine.apply import apply_each, raise_first
from ..engine.lookup import lookup_of
from ..engine.tenant_view import TenantView
from ..kinds.command_risk import RISKY, risk_of, risks
from ..kinds.device_search import devices_option, label_of, labels_of
from ..model.module_spec import ModuleSpec, Option, Support, Value
from ..model.plan import Step
from ..task import ModuleDefinition, ModuleResult, RunContext, diff_entry
from .app_versions import with_app_version
from .command import (
    ALIAS_OPTION,
    ARGS,
    COMMANDS,
    REQUEST,
    checked_command,
    confirm_option,
    extra_args_option,
    reject_options,
    send,
)
from .commanded import commanded, commanded_value
from .safety import check_device_count, max_devices_option
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
from .statuses import STATUSES, read_statuses
from .waiting import (
    COMMANDS_VALUE,
    DEVICE_ID,
    DEVICE_NAME,
    DEVICE_REASON,
    Commands,
    check_wait,
    outcome,
    outcome_values,
    without_wait,
)
from .waiting import OPTIONS as WAITING

# The states in which a device has not started a command.
_CANCELABLE = ("queued", "scheduled")

_SENDING = (
    Option("command", "Name of the command.", choices=COMMANDS),
    groups_option(
        "If O(groups) is the only selector, the module sends the command to the device groups, and Esper sends it"
        " to their devices. Otherwise, the module sends the command to the devices that match.",
    ),
    filters_option(),
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
)
_CANCELING = (
    Option(
        "id",
        "ID of the command to cancel. M(esper.cloud.device_command_info) returns the commands of a device.",
        identifier=True,
    ),
    Option("reason", "Reason for the cancellation."),
)

MODULE = ModuleSpec(
    short_description="Send commands to Esper devices",
    description=(
        "Sends a command to devices or device groups, and optionally waits for the result of each device.",
        "Cancels a command for devices that have not started it.",
        SELECTION,
        "One request takes up to 1,000 devices or 500 device groups. One task for many devices is therefore much faster"
        " than a loop or a task for each host.",
        "The module validates the arguments of the command before it sends a request.",
        "If the response to a command is lost, the module looks for the command before it sends it again."
        " No device receives it twice.",
    ),
    options=(
        Option(
            "state",
            (
                "Desired state of the command.",
                "V(sent) sends a command in each run.",
                "V(cancelled) cancels the command O(id) for devices that have not started it. RV(too_late) lists the"
                " devices that have started or completed it.",
            ),
            choices=("sent", "cancelled"),
            default="sent",
        ),
        devices_option("With O(state=cancelled), the devices for which the command is canceled. Defaults to all."),
        ALLOW_EMPTY_OPTION,
        max_devices_option(f"O(command) is {risks(RISKY)}"),
        *_SENDING,
        *_CANCELING,
    ),
    rules={
        "required_if": [
            ("state", "sent", ("command",)),
            ("state", "sent", ("devices", "groups", "filters"), True),
            ("state", "cancelled", ("id",)),
        ],
    },
    returns=(
        Value(
            "device_count",
            (
                "Number of selected devices. Null if Esper does not return the number of devices in O(groups).",
                "With O(state=cancelled), number of devices for which the command is canceled.",
            ),
            type="int",
            sample=300,
        ),
        commanded_value(
            "Devices to which the command is sent. Null if O(groups) is the only selector, because Esper finds them.",
            "With O(state=cancelled), devices for which the command is canceled.",
        ),
        replace(COMMANDS_VALUE, returned="if O(state=sent)"),
        Value(
            "too_late",
            "Devices that have started or completed the command, so it is not canceled for them.",
            type="list",
            elements="dict",
            contains=(
                DEVICE_ID,
                DEVICE_NAME,
                Value("state", "State of the command on the device.", sample="in_progress"),
                DEVICE_REASON,
            ),
            returned="if O(state=cancelled)",
        ),
        *outcome_values(returned="if O(state=sent)"),
    ),
    check_mode=Support("full", "Sends no request and returns the number of devices."),
    diff_mode=Support(
        "partial",
        "Shows the states before and after a cancellation.",
        "Only with O(state=cancelled), because a new command has no previous state.",
    ),
    seealso=("device_command_info", "converge", "device"),
)


def _run(view: TenantView, params: Params, context: RunContext) -> ModuleResult:
    cancels = params["state"] == "cancelled"
    reject_options(params, _SENDING if cancels else _CANCELING)
    return _cancel(view, params, context) if cancels else _send(view, params, context)


def _send(view: TenantView, params: Params, context: RunContext) -> ModuleResult:
    params = with_app_version(view, "command", params["command"], params)
    command = checked_command(params)
    check_wait(params)
    selection = select(view, params, by_query=("groups",))
    effect = risk_of(command.name, command.args, RISKY)
    check_safe(params, f"Sending the command {command.name} to", selection, effect)
    result: Row = {
        "changed": selection.count != 0,
        "commands": [],
        "device_count": selection.count,
        **commanded(selection.rows),
    }
    if not result["changed"] or context.check_mode:
        return ModuleResult({**result, **without_wait(selection.count)})
    devices = selection.rows or []
    online = online_ids(view, selection, params)
    context.effects.values |= {
        "device_count": selection.count,
        **commanded(selection.rows),
        **without_wait(selection.count),
    }
    sent = send(view, context.effects, command, [row["id"] for row in devices], selection.groups)
    result["commands"] = [each.summary for each in sent]
    request = Commands(view, f"The command {command.name}", sent)
    ends, _states = outcome(view, request, devices, params, context, count=selection.count, online=online)
    return ModuleResult({**result, **ends})


def _cancel(view: TenantView, params: Params, context: RunContext) -> ModuleResult:
    row = lookup_of(view, REQUEST).find_by_id(params["id"])
    if row is None:
        raise NotFound(REQUEST.title, params["id"])
    devices = select(view, params).rows or [] if params["devices"] is not None else []
    ids = None if params["devices"] is None else [str(device["id"]) for device in devices]
    statuses = list(read_statuses(view, row["id"], ids))
    _check_devices(row, devices, statuses)
    open_statuses = [status for status in statuses if status["state"] in _CANCELABLE]
    names = labels_of(view, (status["device"] for status in statuses if status["state"] != "cancelled"), devices)
    labels = [names.get(status["device"], str(status["device"])) for status in open_statuses]
    check_device_count(params["max_devices"], f"Canceling the command {row['id']} of", len(labels), labels)
    late = [status for status in statuses if status["state"] not in (*_CANCELABLE, "cancelled")]
    cancelled = {status["device"]: label for status, label in zip(open_statuses, labels, strict=True)}
    if not context.check_mode:
        unchanged = _send_cancellations(view, row, open_statuses, params["reason"])
        cancelled = {id_: label for id_, label in cancelled.items() if id_ not in set(unchanged)}
        # The devices have started the command in the meantime, or another client has canceled it.
        rows = read_statuses(view, row["id"], unchanged) if unchanged else ()
        late += [status for status in rows if status["state"] != "cancelled"]
    result: Row = {
        "changed": bool(cancelled),
        "device_count": len(cancelled),
        **commanded({"id": id_, "name": label} for id_, label in cancelled.items()),
        "too_late": [
            {
                "id": status["device"],
                "name": names.get(status["device"]),
                "state": status["state"],
                "reason": status["reason"] or None,
            }
            for status in late
        ],
    }
    if context.diff and cancelled:
        before = dict(zip(labels, (status["state"] for status in open_statuses), strict=True))
        result["diff"] = [diff_entry(f"command {row['id']}", before, dict.fromkeys(before, "cancelled"))]
    return ModuleResult(result)


def _check_devices(row: Row, devices: t.Iterable[Row], statuses: list[Row]) -> None:
    """Raise NotFound if a command was not sent to one of some devices."""
    ids = {status["device"] for status in statuses}
    for device in devices:
        if device["id"] not in ids:
            raise NotFound(f"device of the command {row['id']}", label_of(device))


def _send_cancellations(view: TenantView, row: Row, statuses: list[Row], reason: str | None) -> list[str]:
    """Cancel a command for some devices. Return the IDs of the devices for which Esper returned that this changes
    nothing. Raise the first error after all."""
    body = {"state": "Command Cancelled", **({"reason": reason} if reason is not None else {})}
    steps = {
        status["device"]: Step(
            purpose=f"Canceling the command {row['id']} of the device {status['device']}",
            method="PUT",
            path=f"{STATUSES}{{id}}/",
            ids={"id": status["id"]},
            body=body,
        )
        for status in statuses
    }
    raise_first(apply_each(view, REQUEST, list(steps.values())))
    return [device_id for device_id, step in steps.items() if step.unchanged]


DEVICE_COMMAND = ModuleDefinition("device_command", MODULE, _run)
