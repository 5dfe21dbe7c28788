# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The task that starts or cancels an operation. See operations.py for operations, waiting.py for results.

Rests on PUT /v0/operations/{id}/ of the contract (v0.yaml), which cancels an operation, and on PUT
/v0/operations/{id}/devices/{device_id}/, which requests the cancellation for one device.

Chosen here, because the contract is silent: an operation that is complete or canceled is left as it is, and so is a
device whose part is complete, canceled or about to be canceled.
"""

from __future__ import annotations

from ..base.errors import ApiError, EsperError, InvalidParameter, NotFound
from ..base.row import Params, Row
from ..engine.apply import apply_each, raise_first
from ..engine.lookup import lookup_of
from ..engine.tenant_view import TenantView
from ..http.parallel import CONCURRENCY, in_parallel
from ..model.module_spec import ModuleSpec, Option, Support, Value
from ..model.plan import Step
from ..task import ModuleDefinition, ModuleResult, RunContext
from .command import ARGS, confirm_option, extra_args_option, risk_of, risks
from .device_search import label_of
from .operations import (
    CANCELLED,
    OPERATION,
    OVER,
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
    counts_of,
    ids_of,
    part_of,
    parts_of,
    queries_for,
    query_body,
    start_operations,
    unfinished,
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
from .waiting import OPTIONS as WAITING
from .waiting import outcome, outcome_values

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
        f"Supported names are {', '.join(f'C({name})' for name in sorted(QUERIES))}.",
        "If O(device_query) or O(groups) is the only selector, Esper finds the devices when it starts the operation."
        " If disabled devices match as well, the module finds the devices and names them.",
        aliases=("filters",),
    ),
    max_devices_option(f"O(operation_type) is {risks(RISKY)}"),
    ARGS,
    extra_args_option("those in O(args) and the other options"),
    *OWN_ARGS,
    Option(
        "schedule",
        (
            "Time at which devices execute the operation.",
            "V(IMMEDIATE) is at once, or as soon as an offline device is online. V(WINDOW) is once in a period.",
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
        "Starts an operation on named devices, or on the devices that Esper finds for a query at that time, and"
        " optionally waits for the result of each device.",
        "Cancels an operation, for all devices or for some of them.",
        SELECTION,
        "Operations can do more than commands, for example apply geofences, capture screenshots or install system"
        " updates, and they can be canceled. If M(esper.cloud.device_command) has the same command, use it unless you"
        " need a query or want to cancel the operation.",
        "One request takes up to 500 named devices, or a query for any number of devices.",
        "The module checks the arguments of the operation before it sends anything.",
        "If the response to a request is lost, the module looks for the operation before it sends the request again."
        " No device receives it twice. Operations have no names, so this requires one additional read request.",
    ),
    options=(
        Option(
            "state",
            (
                "Desired state of the operation.",
                "V(started) starts another operation each time.",
                "V(cancelled) changes nothing if the operation is complete or already canceled.",
            ),
            choices=("started", "cancelled"),
            default="started",
        ),
        devices_option(
            "With O(state=cancelled), the devices for which the operation is canceled. If omitted, it is canceled for"
            " all its devices.",
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
        Value(
            "operations",
            (
                "Operations that Esper accepted, one for up to 500 named devices. Empty in check mode.",
                "With O(state=cancelled), the operation to cancel.",
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
        *outcome_values("if an operation was started", ", or if Esper found no device for O(device_query)"),
    ),
    check_mode=Support("full", "Sends no request and returns the number of devices."),
    diff_mode=Support(
        "partial",
        "Shows the states before and after a cancellation. A new operation has no state before.",
        "Only with O(state=cancelled).",
    ),
    seealso=("operation_info", "device_command"),
)


def _run(view: TenantView, params: Params, context: RunContext) -> ModuleResult:
    cancels = params["state"] == "cancelled"
    for option in _STARTING if cancels else _CANCELLING:
        if params[option.name] not in (None, getattr(option, "default", None)):
            raise InvalidParameter(f"The option {option.name} is not allowed with state={params['state']}.")
    return _cancel(view, params, context) if cancels else _start(view, params, context)


# --- starting ---------------------------------------------------------------------------------------------------------


def _start(view: TenantView, params: Params, context: RunContext) -> ModuleResult:
    operation, title = checked_operation(params), f"The operation {params['operation_type']}"
    by_query = ("groups", "device_query")
    selection = select(view, params, by_query=by_query, check=checked_query, query_finds_disabled=True)
    effect = risk_of(operation.type, operation.args, RISKY)
    check_safe(params, f"Starting the operation {operation.type} on", selection, effect)
    result: Row = {"changed": selection.count != 0, "operations": [], "device_count": selection.count}
    if not result["changed"] or context.check_mode:
        return ModuleResult(result)
    devices = selection.rows
    ids = [row["id"] for row in devices or ()]
    queries = [{"device_request": query_body(selection.query)}] if devices is None else queries_for(ids)
    begun = StartedOperations(view, title, start_operations(view, operation, queries))
    result["operations"] = [_summary(row) for row in begun.operations]
    if begun.failure and not params["wait"]:
        return ModuleResult({**result, "state": "failed", "failed": True, "msg": f"{title} failed: {begun.failure}."})
    return ModuleResult({**result, **outcome(view, begun, devices or (), params, context)})


def _summary(row: Row) -> Row:
    """Return an operation in the form of the result. Its number of devices is null until Esper has found them."""
    number = len(ids_of(row.get("operation_device_query"))) or counts_of(row)["devices"]
    return {"id": row["id"], "devices": number or None}


# --- cancelling -------------------------------------------------------------------------------------------------------


def _cancel(view: TenantView, params: Params, context: RunContext) -> ModuleResult:
    row = lookup_of(view, OPERATION).find_by_id(params["id"])
    if row is None:
        raise NotFound(OPERATION.title, params["id"])
    is_whole = params["devices"] is None
    steps: list[Step] = []
    before: Row = {}
    if not is_whole:
        devices = select(view, params).rows or []
        waiting = [each for each in _parts(view, row, devices) if each[1].get("state") not in OVER]
        steps = [_part_step(row, device, params["reason"]) for device, _part in waiting]
        before = {label_of(device): part.get("state") for device, part in waiting}
    elif row.get("state") not in OVER:
        steps, before = [_whole_step(row, params["reason"])], {"state": row.get("state")}
    cancelled = len(steps) - (0 if context.check_mode else _apply(view, steps))
    number = unfinished(row) if is_whole and cancelled else cancelled
    result: Row = {
        "changed": cancelled > 0,
        "operations": [{"id": row["id"], "devices": number}],
        "device_count": number,
    }
    if context.diff and cancelled:
        title, after = f"operation {OPERATION.name_of(row)}", dict.fromkeys(before, CANCELLED[0])
        result["diff"] = [{"before_header": title, "after_header": title, "before": before, "after": after}]
    return ModuleResult(result)


def _parts(view: TenantView, row: Row, devices: list[Row]) -> list[tuple[Row, Row]]:
    """Return devices with their parts of an operation. Raise NotFound if one has none."""
    if len(devices) > _FEW:
        found = {part["device_id"]: part for part in parts_of(view, row["id"])}
    else:
        read = in_parallel(view.client, lambda each: part_of(view, row["id"], each["id"]), devices, CONCURRENCY)
        found = {part["device_id"]: part for part in read if part is not None}
    for each in devices:
        if each["id"] not in found:
            raise NotFound(f"device of the operation {OPERATION.name_of(row)}", label_of(each))
    return [(each, found[each["id"]]) for each in devices]


def _whole_step(row: Row, reason: str) -> Step:
    return Step(
        purpose=f"Cancelling the operation {OPERATION.name_of(row)}",
        method="PUT",
        path=OPERATION.routes.object,
        ids={"id": row["id"]},
        body={"state": "CANCELLED", "reason": reason},
    )


def _part_step(row: Row, device: Row, reason: str) -> Step:
    return Step(
        purpose=f"Cancelling the operation {OPERATION.name_of(row)} of the device '{label_of(device)}'",
        method="PUT",
        path=PART_ROUTE,
        ids={"id": row["id"], "device_id": device["id"]},
        body={"state": "CANCELLATION_REQUESTED", "reason": reason},
    )


def _apply(view: TenantView, steps: list[Step]) -> int:
    """Send the cancellations, and return the number of those that came too late. Raise the first error at the end."""
    late, failures = 0, []
    for step, error in apply_each(view, OPERATION, steps):
        state = _state_after(view, step, error)
        if state not in OVER:
            failures.append((step, error))
        elif state not in CANCELLED:
            late += 1
    raise_first(failures)
    return late


def _state_after(view: TenantView, step: Step, error: EsperError) -> str | None:
    """Return the state of something whose cancellation Esper rejected: it can be complete in the meantime, or have been
    canceled by a request whose response was lost."""
    if not isinstance(error, ApiError) or error.status not in (400, 409):
        return None
    ids = {name: str(value) for name, value in step.ids.items()}
    row = view.client.get_object(step.path, ids=ids, purpose=f"{step.purpose} (reading its state)")
    return str(row.get("state"))


OPERATION_TASK = ModuleDefinition("operation", MODULE, _run)
