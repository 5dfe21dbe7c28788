# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An operation that is to be begun, or cancelled: see operation.py for operations, following.py for what comes of them.

Rests on PUT /v0/operations/{id}/ of the contract (v0.yaml), which cancels an operation, and on PUT
/v0/operations/{id}/devices/{device_id}/, which asks to cancel the part of one device.

What the contract does not tell, and this file therefore chooses: an operation that has come to an end, or was
cancelled, is left as it is, and so is a device whose part was cancelled, or is to be.
"""

from __future__ import annotations

import typing as t

from ..base.errors import ApiError, EsperError, InvalidParameter, NotFound
from ..base.row import Params, Row
from ..engine.apply import apply_each, raise_first
from ..engine.object_cache import References
from ..http.parallel import CONCURRENCY, in_parallel
from ..kinds.device_list import count_devices
from ..model.module_spec import argument_spec_for
from ..model.plan import Step
from ..task import Mode, Outcome, Task
from .command import ARGS, check_confirmed
from .device_search import label_of, require_devices
from .operations import (
    CANCELLED,
    DESTRUCTIVE,
    OPERATION,
    OVER,
    OWN_ARGS,
    SCHEDULE,
    SCHEDULES,
    TYPES,
    Begun,
    begin,
    checked_operation,
    checked_query,
    counts_of,
    ids_of,
    queries_for,
    resolved_query,
    unfinished,
)
from .waiting import OPTIONS as FOLLOWING
from .waiting import outcome

# So few are asked for one by one, rather than all that the operation has.
_FEW = 5

_STATE: dict[str, dict[str, t.Any]] = {
    "state": {"type": "str", "choices": ["begun", "cancelled"], "default": "begun"},
    "devices": {"type": "list", "elements": "str", "aliases": ["device"]},
}
_BEGINNING: dict[str, dict[str, t.Any]] = {
    "operation_type": {"type": "str", "choices": list(TYPES)},
    "device_query": {"type": "dict"},
    "args": ARGS.argument_spec(),
    "extra_args": {"type": "dict"},
    **argument_spec_for(OWN_ARGS),
    "schedule": {"type": "str", "choices": list(SCHEDULES), "default": "IMMEDIATE"},
    "schedule_args": SCHEDULE.argument_spec(),
    "confirm": {"type": "bool", "default": False},
    **FOLLOWING,
}
_CANCELLING: dict[str, dict[str, t.Any]] = {"id": {"type": "str"}, "reason": {"type": "str"}}
OPTIONS = {**_STATE, **_BEGINNING, **_CANCELLING}
RULES: dict[str, t.Any] = {
    "mutually_exclusive": [("devices", "device_query")],
    "required_if": [
        ("state", "begun", ("operation_type",)),
        ("state", "begun", ("devices", "device_query"), True),
        ("state", "cancelled", ("id", "reason")),
    ],
}


def _work(references: References, params: Params, mode: Mode) -> Outcome:
    cancels = params["state"] == "cancelled"
    for name, option in (_BEGINNING if cancels else _CANCELLING).items():
        if params[name] not in (None, option.get("default")):
            raise InvalidParameter(f"With state {params['state']} an operation has no {name}.")
    return _cancel(references, params, mode) if cancels else _begin(references, params, mode)


# --- operations that are to begin ------------------------------------------------------------------------------------


def _begin(references: References, params: Params, mode: Mode) -> Outcome:
    operation, title = checked_operation(params), f"The operation {params['operation_type']}"
    if operation.type in DESTRUCTIVE:
        check_confirmed(params["confirm"], title)
    devices: list[Row] = []
    if params["device_query"] is not None:
        query = resolved_query(references, checked_query(params["device_query"]))
        queries = [{"device_request": query}]
        told = {"device_count": _count(references, query)} if mode.check_mode else {}
    else:
        devices = require_devices(references, params["devices"])
        queries = queries_for([row["id"] for row in devices])
        told = {"device_count": len(devices)}
    if mode.check_mode or not queries:
        return Outcome({"changed": bool(queries), "operations": [], **told})
    begun = Begun(references, title, begin(references, operation, queries))
    result: Row = {"changed": True, "operations": [_summary(row) for row in begun.operations], **told}
    if begun.failure and not params["wait"]:
        return Outcome({**result, "state": "failed", "failed": True, "msg": f"{title} failed: {begun.failure}."})
    return Outcome({**result, **outcome(references, begun, devices, params, mode)})


def _count(references: References, query: Row) -> int | None:
    return count_devices(references.client, query, purpose="Counting the devices of a query")


def _summary(row: Row) -> Row:
    """An operation in the result: how many devices it is about is not known before the service has found them."""
    number = len(ids_of(row.get("operation_device_query"))) or counts_of(row)["devices"]
    return {"id": row["id"], "devices": number or None}


# --- operations that are to be cancelled -----------------------------------------------------------------------------


def _cancel(references: References, params: Params, mode: Mode) -> Outcome:
    row = OPERATION.get(references, params["id"])
    if row is None:
        raise NotFound(OPERATION.title, params["id"])
    is_whole = params["devices"] is None
    steps: list[Step] = []
    before: Row = {}
    if not is_whole:
        waiting = [each for each in _parts(references, row, params["devices"]) if each[1].get("state") not in OVER]
        steps = [_part_step(row, device, params["reason"]) for device, _part in waiting]
        before = {label_of(device): part.get("state") for device, part in waiting}
    elif row.get("state") not in OVER:
        steps, before = [_whole_step(row, params["reason"])], {"state": row.get("state")}
    cancelled = len(steps) - (0 if mode.check_mode else _apply(references, steps))
    number = unfinished(row) if is_whole and cancelled else cancelled
    result: Row = {
        "changed": cancelled > 0,
        "operations": [{"id": row["id"], "devices": number}],
        "device_count": number,
    }
    if mode.diff and cancelled:
        title, after = f"operation {OPERATION.label(row)}", dict.fromkeys(before, CANCELLED[0])
        result["diff"] = [{"before_header": title, "after_header": title, "before": before, "after": after}]
    return Outcome(result)


def _parts(references: References, row: Row, wanted: list[str]) -> list[tuple[Row, Row]]:
    """Devices with the parts that they have in an operation. Raises NotFound."""
    devices = require_devices(references, wanted)
    if len(devices) > _FEW:
        found = {part["device_id"]: part for part in OPERATION.parts(references, row["id"])}
    else:
        read = in_parallel(
            references.client, lambda each: OPERATION.part(references, row["id"], each["id"]), devices, CONCURRENCY
        )
        found = {part["device_id"]: part for part in read if part is not None}
    for each in devices:
        if each["id"] not in found:
            raise NotFound(f"device of the operation {OPERATION.label(row)}", label_of(each))
    return [(each, found[each["id"]]) for each in devices]


def _whole_step(row: Row, reason: str) -> Step:
    return Step(
        purpose=f"Cancelling the operation {OPERATION.label(row)}",
        method="PUT",
        path=OPERATION.item,
        ids={"id": row["id"]},
        body={"state": "CANCELLED", "reason": reason},
    )


def _part_step(row: Row, device: Row, reason: str) -> Step:
    return Step(
        purpose=f"Cancelling the operation {OPERATION.label(row)} of the device '{label_of(device)}'",
        method="PUT",
        path=OPERATION.part_item,
        ids={"id": row["id"], "device_id": device["id"]},
        body={"state": "CANCELLATION_REQUESTED", "reason": reason},
    )


def _apply(references: References, steps: list[Step]) -> int:
    """Cancel what is to be cancelled; gives how much of it came to an end before that. What failed is raised once all
    has been tried."""
    late, failures = 0, []
    for step, error in apply_each(references, OPERATION, steps):
        state = _state_after(references, step, error)
        if state not in OVER:
            failures.append((step, error))
        elif state not in CANCELLED:
            late += 1
    raise_first(failures)
    return late


def _state_after(references: References, step: Step, error: EsperError) -> str | None:
    """What became of something that the service would not cancel: it may have come to an end meanwhile, or have been
    cancelled by a request whose answer was lost."""
    if not isinstance(error, ApiError) or error.status not in (400, 409):
        return None
    ids = {name: str(value) for name, value in step.ids.items()}
    row = references.client.get_object(step.path, ids=ids, purpose=f"{step.purpose} (what became of it)")
    return str(row.get("state"))


OPERATION_TASK = Task(OPTIONS, RULES, _work)
