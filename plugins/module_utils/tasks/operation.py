# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module that starts and cancels operations. See operations.py for operations, waiting.py for results.

Based on PUT /v0/operations/{id}/ of the contract (v0.yaml), which cancels an operation, and on PUT
/v0/operations/{id}/devices/{device_id}/, which requests the cancellation for one device.

The contract does not say whether a complete operation can be canceled. This file sends no request for an operation that
is complete or canceled, or for a device whose part is complete or canceled, or whose cancellation is requested.
"""

from __future__ import annotations

from dataclasses import replace

from ..base.errors import ApiError, EsperError, NotFound
from ..base.row import Params, Row
from ..engine.apply import apply_each, raise_first
from ..engine.lookup import lookup_of
from ..engine.tenant_view import TenantView
from ..http.parallel import CONCURRENCY, in_parallel
from ..kinds.command_risk import risk_of, risks
from ..kinds.device_search import devices_option, label_of
from ..kinds.geofence import GEOFENCE
from ..model.module_spec import ModuleSpec, Option, Support, Value
from ..model.plan import Step
from ..task import ModuleDefinition, ModuleResult, RunContext, diff_entry
from .app_versions import with_app_version
from .command import ARGS, confirm_option, extra_args_option, reject_options
from .commanded import commanded, commanded_value
from .operations import (
    CANCELLED,
    FINAL_STATES,
    GEOFENCES,
    OPERATION,
    OWN_ARGS,
    PART_ROUTE,
    QUERIES,
    RISKY,
    SCHEDULE,
    SCHEDULES,
    TYPES,
    StartedOperations,
    checked_operation,
    checked_query,
    part_of,
    parts_of,
    pending_count,
    queries_for,
    query_body,
    start_operations,
    summary,
)
from .safety import max_devices_option
from .selection import (
    ALLOW_EMPTY_OPTION,
    SELECTION,
    check_safe,
    filters_option,
    groups_option,
    online_ids,
    select,
)
from .waiting import OPTIONS as WAITING
from .waiting import check_wait, outcome, outcome_values, without_wait

# The maximum number of devices whose parts are read one by one, instead of all parts of the operation.
_FEW = 5

_STARTING = (
    Option(
        "operation_type",
        "Type of the operation.",
        choices=TYPES,
    ),
    groups_option(),
    filters_option(
        "device_query",
        f"Supported filters are {', '.join(f'C({name})' for name in sorted(QUERIES))}.",
        "If O(device_query) or O(groups) is the only selector, Esper finds the devices when it starts the operation."
        " If disabled devices also match, the module finds the devices and names them in the request.",
        aliases=("filters",),
    ),
    max_devices_option(f"O(operation_type) is {risks(RISKY)}"),
    ARGS,
    extra_args_option("those in O(args) and the other options"),
    GEOFENCES,
    *OWN_ARGS,
    Option(
        "schedule",
        (
            "Time at which devices execute the operation.",
            "V(IMMEDIATE) executes it at once, on an offline device when it is online again. V(WINDOW) executes it once"
            " between the start and the end of O(schedule_args).",
        ),
        choices=SCHEDULES,
        default="IMMEDIATE",
    ),
    SCHEDULE,
    confirm_option(RISKY),
    *WAITING,
)
_CANCELLING = (
    Option("id", "ID of the operation to cancel.", identifier=True),
    Option("reason", "Reason for the cancellation."),
)
MODULE = ModuleSpec(
    short_description="Start and cancel Esper operations",
    description=(
        "Starts an operation on devices, and optionally waits for the result of each device. Esper can find the devices"
        " with a query when it starts the operation.",
        "Cancels an operation for all its devices or for some of them.",
        SELECTION,
        "There are operations without an equivalent command, for example to apply geofences, capture screenshots or"
        " install system updates. If M(esper.cloud.device_command) has the same command, use it unless you need a"
        " query.",
        "One request takes up to 500 named devices, or a query for any number of devices.",
        "The module validates the arguments of the operation before it sends a request.",
        "If the response to a request is lost, the module looks for the operation before it sends the request again."
        " No device receives it twice. Operations have no names, so this requires one additional read request.",
    ),
    options=(
        Option(
            "state",
            (
                "Desired state of the operation.",
                "V(started) starts an operation in each run.",
                "V(cancelled) cancels the operation O(id), and changes nothing if it is complete or already canceled.",
            ),
            choices=("started", "cancelled"),
            default="started",
        ),
        devices_option(
            "With O(state=cancelled), the devices for which the operation is canceled. Defaults to all its devices.",
        ),
        ALLOW_EMPTY_OPTION,
        *_STARTING,
        *_CANCELLING,
    ),
    rules={
        "required_if": [
            ("state", "started", ("operation_type",)),
            ("state", "started", ("devices", "groups", "device_query"), True),
            ("state", "cancelled", ("id", "reason")),
        ],
    },
    returns=(
        Value(
            "device_count",
            (
                "Number of selected devices. Null if Esper does not return the number of devices of a query.",
                "With O(state=cancelled), number of devices for which the operation is canceled.",
            ),
            type="int",
            sample=300,
        ),
        commanded_value(
            "Devices of the operation. Null if O(device_query) or O(groups) is the only selector and Esper finds them.",
            "With O(state=cancelled), devices for which the operation is canceled. Null without O(devices).",
        ),
        Value(
            "operations",
            (
                "Operations that Esper accepted, one for up to 500 named devices. Empty in check mode.",
                "With O(state=cancelled), the operation O(id), also in check mode.",
            ),
            type="list",
            elements="dict",
            contains=(
                Value("id", "ID of the operation.", sample="6f2f7c55-7c1f-4b8e-9a39-55a8c0f6a003"),
                Value(
                    "devices",
                    "Number of devices of the operation. Null until Esper has found them.",
                    type="int",
                    sample=300,
                ),
            ),
        ),
        *outcome_values(", or if Esper found no device for O(device_query)", returned="if O(state=started)"),
    ),
    check_mode=Support("full", "Sends no request and returns the number of devices."),
    diff_mode=Support(
        "partial",
        "Shows the states before and after a cancellation.",
        "Only with O(state=cancelled), because a new operation has no previous state.",
    ),
    seealso=("operation_info", "device_command"),
)


def _run(view: TenantView, params: Params, context: RunContext) -> ModuleResult:
    cancels = params["state"] == "cancelled"
    reject_options(params, _STARTING if cancels else _CANCELLING)
    return _cancel(view, params, context) if cancels else _start(view, params, context)


# --- start ------------------------------------------------------------------------------------------------------------


def _start(view: TenantView, params: Params, context: RunContext) -> ModuleResult:
    params = with_app_version(view, "operation", params["operation_type"], params)
    operation, title = checked_operation(params), f"The operation {params['operation_type']}"
    check_wait(params)
    if names := params["geofences"]:
        found = [str(row["id"]) for row in lookup_of(view, GEOFENCE).resolve_all(names)]
        ids = list(dict.fromkeys([*operation.args.get("geofence_ids", ()), *found]))
        operation = replace(operation, args={**operation.args, "geofence_ids": ids})
    by_query = ("groups", "device_query")
    selection = select(view, params, by_query=by_query, check=checked_query, query_finds_disabled=True)
    effect = risk_of(operation.type, operation.args, RISKY)
    check_safe(params, f"Starting the operation {operation.type} on", selection, effect)
    result: Row = {
        "changed": selection.count != 0,
        "operations": [],
        "device_count": selection.count,
        **commanded(selection.rows),
    }
    predicted = {**result, **without_wait(selection.count)}
    if not result["changed"] or context.check_mode:
        return ModuleResult(predicted)
    devices = selection.rows
    ids = [row["id"] for row in devices or ()]
    queries = [{"device_request": query_body(selection.query)}] if devices is None else queries_for(ids)
    online = online_ids(view, selection, params)
    context.effects.values |= predicted
    started = StartedOperations(view, title, start_operations(view, context.effects, operation, queries))
    result["operations"] = [summary(row) for row in started.operations]
    if started.failure and not params["wait"]:
        failed = {**predicted, **result, "state": "failed", "failed": True}
        return ModuleResult({**failed, "msg": f"{title} failed: {started.failure}."})
    ends, _states = outcome(view, started, devices or (), params, context, count=selection.count, online=online)
    return ModuleResult({**result, **ends})


# --- cancellation -----------------------------------------------------------------------------------------------------


def _cancel(view: TenantView, params: Params, context: RunContext) -> ModuleResult:
    row = lookup_of(view, OPERATION).find_by_id(params["id"])
    if row is None:
        raise NotFound(OPERATION.title, params["id"])
    is_whole = params["devices"] is None
    steps: list[Step] = []
    before: Row = {}
    devices: list[Row] | None = None
    if not is_whole:
        parts = _device_parts(view, row, select(view, params).rows or [])
        pending = [(device, part) for device, part in parts if part.get("state") not in FINAL_STATES]
        devices = [device for device, _part in pending]
        steps = [_part_step(row, device, params["reason"]) for device in devices]
        before = {label_of(device): part.get("state") for device, part in pending}
    elif row.get("state") not in FINAL_STATES:
        steps, before = [_whole_step(row, params["reason"])], {"state": row.get("state")}
    late = [] if context.check_mode else _apply(view, steps)
    cancelled = len(steps) - len(late)
    if devices is not None:
        late_ids = {step.ids["device_id"] for step in late}
        devices = [device for device in devices if device["id"] not in late_ids]
    device_count = pending_count(row) if is_whole and cancelled else cancelled
    result: Row = {
        "changed": cancelled > 0,
        "operations": [{"id": row["id"], "devices": device_count}],
        "device_count": device_count,
        **commanded(devices),
    }
    if context.diff and cancelled:
        after = dict.fromkeys(before, CANCELLED[0])
        result["diff"] = [diff_entry(f"operation {OPERATION.name_of(row)}", before, after)]
    return ModuleResult(result)


def _device_parts(view: TenantView, row: Row, devices: list[Row]) -> list[tuple[Row, Row]]:
    """Return devices with their parts of an operation. Raise NotFound if a device is not part of it."""
    if len(devices) > _FEW:
        parts = {part["device_id"]: part for part in parts_of(view, row["id"])}
    else:
        read = in_parallel(view.client, lambda device: part_of(view, row["id"], device["id"]), devices, CONCURRENCY)
        parts = {part["device_id"]: part for part in read if part is not None}
    for device in devices:
        if device["id"] not in parts:
            raise NotFound(f"device of the operation {OPERATION.name_of(row)}", label_of(device))
    return [(device, parts[device["id"]]) for device in devices]


def _whole_step(row: Row, reason: str) -> Step:
    return Step(
        purpose=f"Canceling the operation {OPERATION.name_of(row)}",
        method="PUT",
        path=OPERATION.routes.object,
        ids={"id": row["id"]},
        body={"state": "CANCELLED", "reason": reason},
    )


def _part_step(row: Row, device: Row, reason: str) -> Step:
    return Step(
        purpose=f"Canceling the operation {OPERATION.name_of(row)} of the device '{label_of(device)}'",
        method="PUT",
        path=PART_ROUTE,
        ids={"id": row["id"], "device_id": device["id"]},
        body={"state": "CANCELLATION_REQUESTED", "reason": reason},
    )


def _apply(view: TenantView, steps: list[Step]) -> list[Step]:
    """Send the cancellations, and return those that came too late. Raise the first error after all."""
    late, failures = [], []
    for step, error in apply_each(view, OPERATION, steps):
        state = _state_after(view, step, error)
        if state not in FINAL_STATES:
            failures.append((step, error))
        elif state not in CANCELLED:
            late.append(step)
    raise_first(failures)
    return late


def _state_after(view: TenantView, step: Step, error: EsperError) -> str | None:
    """Return the state of an operation or a part whose cancellation Esper rejected, None for another error.

    It may have completed in the meantime, or a request whose response was lost may have canceled it.
    """
    if not isinstance(error, ApiError) or error.status not in (400, 409):
        return None
    ids = {name: str(value) for name, value in step.ids.items()}
    row = view.client.get_object(step.path, ids=ids, purpose=f"{step.purpose} (reading its state)")
    return str(row.get("state"))


OPERATION_TASK = ModuleDefinition("operation", MODULE, _run)
