# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Operations, and their part in each device: /v0/operations/ (v0.yaml; corrected in unpublished.yaml)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from exchange import Answer, Behavior, Call, Refusal, apps_list, found, listed, refuse, require
from progress import begin, enter, read
from tasks import ACKNOWLEDGED, CANCELLED, ENDED, FAILURE, IN_PROGRESS, INITIATED, QUEUED, SCHEDULED, SUCCESS, Task
from tenant import Device, Tenant

from behaviors import geofences
from behaviors.commands import check_schedule
from behaviors.devices import matching

T = TypeVar("T")
Operation = dict[str, Any]

# The states of an operation and of its devices, spelled as in the contract, with their numbers in filters.
_STATES = {"CREATED": 10, "DISPATCHING": 40, "COMPLETED": 70, "FAILED": 90, "CANCELLED": 110}
_DEVICE_STATES = {"CREATED": 10, "INITIATED": 20, "SUCCEDED": 50, "FAILED": 60, "CANCELLED": 70}

_DEVICE_STATE = {
    QUEUED: "CREATED",
    SCHEDULED: "CREATED",
    INITIATED: "INITIATED",
    ACKNOWLEDGED: "INITIATED",
    IN_PROGRESS: "INITIATED",
    SUCCESS: "SUCCEDED",
    FAILURE: "FAILED",
    CANCELLED: "CANCELLED",
}
_NO_DEVICES = "No device fits the query"


def seed(tenant: Tenant) -> None:
    """No operation was ever started."""


def create_operation(tenant: Tenant, call: Call) -> Answer:
    """POST /v0/operations/: on the devices that fit the query now."""
    body = call.body
    require(body, ("operation_type", "operation_device_query"))
    devices = _resolved(tenant, body["operation_device_query"])
    schedule, schedule_args = body.get("schedule_type", "IMMEDIATE"), body.get("schedule_args", {})
    check_schedule(schedule, schedule_args)
    operation = {
        "id": tenant.new_id(),
        "operation": body["operation_type"],
        "schedule_type": schedule,
        "schedule_args": schedule_args,
        "operation_device_query": body["operation_device_query"],
        "arguments": body.get("arguments", {}),
        "cancelled": None,
        "created_at": tenant.now(),
    }
    tenant.objects["operations"][operation["id"]] = operation
    begin(tenant, operation["id"], operation["operation"], operation["arguments"], devices, schedule)
    if operation["operation"] == "APPLY_GEO_FENCE":
        geofences.apply(tenant, operation["arguments"].get("geofence_ids", ()), devices)
    return Answer({"content": _shown(tenant, operation)}, status=201)


def list_operations(tenant: Tenant, call: Call) -> Answer:
    """GET /v0/operations/."""
    kind, groups = call.query.get("operation_type"), call.query.get("group_multi")
    devices = None if groups is None else {device.id for device in matching(tenant, {"group_multi": groups})}
    operations = [
        operation
        for operation in tenant.objects["operations"].values()
        if kind in (None, operation["operation"])
        and (devices is None or any(task.device in devices for task in tenant.jobs[operation["id"]]))
    ]
    return Answer({"content": _listed(tenant, call, operations)})


def get_operation(tenant: Tenant, call: Call) -> Answer:
    """GET /v0/operations/{operationId}/."""
    operation = found(tenant.objects["operations"], call.values["operationId"])
    read(tenant, call, tenant.jobs[operation["id"]])
    return Answer({"content": _shown(tenant, operation)})


def cancel_operation(tenant: Tenant, call: Call) -> Answer:
    """PUT /v0/operations/{operationId}/: devices that are not done are left alone from now on."""
    operation = found(tenant.objects["operations"], call.values["operationId"])
    waiting = [task for task in tenant.jobs[operation["id"]] if task.state not in ENDED]
    if not waiting:
        raise Refusal(400, ["Operation has ended and cannot be cancelled. "])
    operation["cancelled"] = call.body["reason"]
    for task in waiting:
        enter(tenant, task, CANCELLED, call.body["reason"])
    return Answer({"operationId": operation["id"], "status": "CANCELLED"})


def list_devices(tenant: Tenant, call: Call) -> Answer:
    """GET /v0/operations/{operationsId}/devices/."""
    tasks = tenant.jobs[found(tenant.objects["operations"], call.values["operationsId"])["id"]]
    read(tenant, call, tasks)
    return Answer({"content": apps_list(call, _selected(call, tasks, _device_value), show=_shown_device)})


def list_device_operations(tenant: Tenant, call: Call) -> Answer:
    """GET /v0/devices/{deviceId}/operations/: without an envelope."""
    device = found(tenant.devices, call.values["deviceId"])
    operations = [
        operation
        for operation in tenant.objects["operations"].values()
        if any(task.device == device.id for task in tenant.jobs[operation["id"]])
    ]
    return Answer(_listed(tenant, call, operations))


def get_device(tenant: Tenant, call: Call) -> Answer:
    """GET /v0/operations/{operationsId}/devices/{deviceId}/."""
    task = _task(tenant, call)
    read(tenant, call, [task])
    return Answer({"content": _shown_device(task)})


def cancel_device(tenant: Tenant, call: Call) -> Answer:
    """PUT /v0/operations/{operationsId}/devices/{deviceId}/: the request is granted at once."""
    task = _task(tenant, call)
    if task.state in ENDED:
        raise Refusal(400, ["Operation of the device has ended and cannot be cancelled. "])
    enter(tenant, task, CANCELLED, call.body.get("reason", ""))
    return Answer({"content": _shown_device(task)})


def _resolved(tenant: Tenant, query: Mapping[str, Any]) -> list[Device]:
    """The devices that a query is about: named by id, or found by the filters that lists of devices have."""
    ids, request = query.get("device_ids"), query.get("device_request")
    if isinstance(ids, str) and request is None:
        unknown = listed(ids) - tenant.devices.keys()
        if unknown:
            raise refuse("operation_device_query.device_ids", f'Invalid pk "{min(unknown)}" - object does not exist.')
        return [tenant.devices[id_] for id_ in dict.fromkeys(part.strip().lower() for part in ids.split(","))]
    if isinstance(request, dict) and ids is None:
        return matching(tenant, {name: _text(value) for name, value in request.items()})
    raise refuse("operation_device_query", "Either device_ids, a text, or device_request, an object, is required.")


def _text(value: Any) -> str:
    """A value as it would stand in the query of a list."""
    if isinstance(value, list):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _task(tenant: Tenant, call: Call) -> Task:
    operation = found(tenant.objects["operations"], call.values["operationsId"])
    return found({task.device: task for task in tenant.jobs[operation["id"]]}, call.values["deviceId"])


def _listed(tenant: Tenant, call: Call, operations: list[Operation]) -> dict[str, Any]:
    read(tenant, call, [task for operation in operations for task in tenant.jobs[operation["id"]]])
    shown = [_shown(tenant, operation) for operation in operations]
    return apps_list(call, _selected(call, shown, _value), show=dict)


def _value(operation: Operation, name: str) -> Any:
    """Return the sort key of an operation; a state is its number."""
    return _STATES[operation["state"]] if name == "state" else operation[name]


def _device_value(task: Task, name: str) -> Any:
    return _DEVICE_STATES[_DEVICE_STATE[task.state]] if name == "state" else getattr(task, name)


def _selected(call: Call, items: Sequence[T], value: Callable[[T, str], Any]) -> list[T]:
    """Return the objects whose state has the requested number, in the requested order."""
    state, ordering = call.query.get("state"), call.query.get("ordering")
    selected = [item for item in items if state in (None, str(value(item, "state")))]
    if ordering:
        selected.sort(key=lambda item: value(item, ordering.lstrip("-")), reverse=ordering.startswith("-"))
    return selected


def _state(operation: Operation, tasks: list[Task]) -> str:
    if operation["cancelled"] is not None:
        return "CANCELLED"
    if not tasks:
        return "FAILED"
    if all(task.state in ENDED for task in tasks):
        return "COMPLETED"
    return "DISPATCHING" if any(task.readings for task in tasks) else "CREATED"


def _shown(tenant: Tenant, operation: Operation) -> Operation:
    tasks = tenant.jobs[operation["id"]]
    state, totals = _state(operation, tasks), Counter(_DEVICE_STATE[task.state] for task in tasks)
    return {
        **{name: value for name, value in operation.items() if name != "cancelled"},
        "state": state,
        "reason": operation["cancelled"] or ("" if tasks else _NO_DEVICES),
        "updated_at": max([operation["created_at"], *(task.updated_at for task in tasks)]),
        "operation_activity": [{"operation_state": "CREATED", "created_at": operation["created_at"]}],
        "operation_stats": {
            "device_operation_statuses_count": {
                "resolved_device_count": len(tasks),
                "dispatched_device_count": len(tasks) - totals["CREATED"],
                "dispatch_failed_count": 0,
                "failed_device_count": totals["FAILED"],
                "success_device_count": totals["SUCCEDED"],
            }
        },
    }


def _shown_device(task: Task) -> dict[str, Any]:
    state = _DEVICE_STATE[task.state]
    activity = {"CREATED": task.created_at, state: task.updated_at}
    return {
        "id": task.id,
        "operation_id": task.job,
        "device_id": task.device,
        "state": state,
        "reason": task.reason,
        "created_at": task.created_at,
        "updated_at": task.updated_at,
        "device_operation_activity": [
            {"device_operation_state": name, "created_at": when} for name, when in activity.items()
        ],
    }


OPERATIONS: dict[str, Behavior] = {
    "GET /v0/operations/": list_operations,
    "POST /v0/operations/": create_operation,
    "GET /v0/operations/{operationId}/": get_operation,
    "PUT /v0/operations/{operationId}/": cancel_operation,
    "GET /v0/operations/{operationsId}/devices/": list_devices,
    "GET /v0/devices/{deviceId}/operations/": list_device_operations,
    "GET /v0/operations/{operationsId}/devices/{deviceId}/": get_device,
    "PUT /v0/operations/{operationsId}/devices/{deviceId}/": cancel_device,
}
