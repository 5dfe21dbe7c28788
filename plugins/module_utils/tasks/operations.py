# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Operations: their types and arguments, requests that start them, and their results on devices.

Based on /v0/operations/ of the contract (v0.yaml), and on /v0/operations/{id}/devices/ for the part of each device.

The contract does not document the following, so this file chooses:

- An operation with the name of a command has the same arguments and the same required arguments as that command.
- The filters of a device query have the form of a query of /v2/devices/, with several values separated by commas.
  Filters that the contract does not list for operations fail validation. If Esper ignored such a filter, the operation
  would start on devices that the user did not select.
- Operations have no name. If the response to a request is lost, the operation is found by its type, devices or query,
  and arguments. Only operations that are newer than the previous one of the same type are compared.
- An operation in the state COMPLETED can have pending devices. One in the state FAILED cannot.
- The contract spells a state SUCCEDED. The correct spelling is also accepted.
"""

from __future__ import annotations

import typing as t
from collections import Counter
from dataclasses import dataclass, field

from ..base.errors import InvalidParameter
from ..base.limits import PAGE_SIZE
from ..base.row import Params, Row
from ..base.text import counted
from ..base.validators import uuid
from ..engine.apply import apply_each
from ..engine.tenant_view import TenantView
from ..http.paging import iterate, list_all
from ..http.parallel import in_parts
from ..kinds.command_risk import GOES_OFFLINE, IRREVERSIBLE
from ..kinds.command_risk import RISKY as RISKY_COMMANDS
from ..kinds.device import FILTERS, check_filters
from ..model.compare import compare_object
from ..model.field import Field
from ..model.kind import Kind, Routes, Shape
from ..model.module_spec import Option
from ..model.plan import Finder, Step
from ..model.values import matches
from ..task import Effects
from .command import accepting, checked_request, raise_one, shown_args
from .schedules import TIMES
from .statuses import TERMINAL_STATES
from .waiting import Progress, number

_DEVICES_PER_OPERATION = 500

# The operations that require confirmation with any arguments. A device that was shut down must be started manually.
RISKY = RISKY_COMMANDS | {"REMOVE_AGENT": IRREVERSIBLE, "REMOVE_DEVICE": IRREVERSIBLE, "SHUT_DOWN": GOES_OFFLINE}

TYPES = (
    "ADD_EMM_ACCOUNT",
    "ADD_OVERRIDE_APN",
    "ADD_TO_WHITELIST",
    "ADD_WIFI_AP",
    "ALLOW_BLUETOOTH",
    "ALLOW_CAMERA",
    "ALLOW_FACTORY_RESET",
    "ALLOW_UNENROLLMENT_FROM_DEVICE",
    "APPLE_APP_UNINSTALL",
    "APPLY_APP_CONFIG",
    "APPLY_GEO_FENCE",
    "BEEP_DEVICE",
    "CAPTURE_SCREENSHOT",
    "CLEAR_APP_DATA",
    "CLEAR_PASSCODE",
    "COLLECT_LOGS",
    "CONVERGE",
    "DECLARATIVE_MANAGEMENT",
    "DEFER_OS_UPDATES",
    "DEPLOY_SYSTEM_OTA",
    "DIRECT_IOS_APP_INSTALL",
    "DISABLE_LOST_MODE",
    "ENABLE_LOST_MODE",
    "INITIATE_CONFERENCE_CALL",
    "INITIATE_OFFER",
    "INSTALL",
    "INSTALL_APP",
    "INSTALL_CERTIFICATE",
    "INSTALL_OTA",
    "INSTALL_PROFILE",
    "INSTALL_PROVISIONING_PROFILE",
    "INSTALL_WEBCLIP",
    "LIST_PROVISIONING_PROFILES",
    "LOCK",
    "LOST_MODE_DEVICE_LOCATION",
    "NOTIFY_DEVICE",
    "NOTIFY_OTA",
    "NUDGE_DEVICE",
    "PAUSE_OS_UPDATES",
    "PLAY_LOST_MODE_SOUND",
    "REBOOT",
    "REFRESH_APPLIST",
    "REMOTE_CONNECTION",
    "REMOVE_AGENT",
    "REMOVE_DEVICE",
    "REMOVE_FROM_WHITELIST",
    "REMOVE_PROVISIONING_PROFILE",
    "REMOVE_WIFI_AP",
    "REQUEST_BUGREPORT",
    "REQUEST_DPCLOG",
    "RESET_LOCKSCREEN_PASSWORD",
    "RUN_CSP_PAYLOAD",
    "RUN_CUSTOM_ACTION",
    "RUN_SHELL_SCRIPT",
    "SET_ADB_STATE",
    "SET_APP_NOTIFICATIONS",
    "SET_APP_PERMISSION",
    "SET_APP_STATE",
    "SET_BLUETOOTH_STATE",
    "SET_BRIGHTNESS_SCALE",
    "SET_DEVICE_LANGUAGE",
    "SET_DEVICE_LOCKDOWN_STATE",
    "SET_ETHERNET_SETTINGS",
    "SET_GEO_FENCE",
    "SET_GPS_STATE",
    "SET_KIOSK_APP",
    "SET_LOCATION_SERVICE",
    "SET_MULTI_APP_MODE",
    "SET_NEW_POLICY",
    "SET_OS_UPDATE_POLICY",
    "SET_PFN",
    "SET_ROTATION_STATE",
    "SET_SCREEN_OFF_TIMEOUT",
    "SET_STATIC_IP",
    "SET_STREAM_VOLUME",
    "SET_TIMEZONE",
    "SET_WALLPAPER",
    "SET_WIDGET",
    "SET_WIFI_STATE",
    "SHUT_DOWN",
    "SIMPLE_INSTALL",
    "SYNC_CONTENT",
    "UNINSTALL",
    "UNINSTALL_APP",
    "UNINSTALL_CERTIFICATE",
    "UNINSTALL_WEBCLIP",
    "UPDATE_BLUEPRINT",
    "UPDATE_DEVICE_CONFIG",
    "UPDATE_OEM_CONFIG",
    "USE_ONLY_SAVED_WIFI_AP",
    "VPP_APP_INSTALL",
    "WIPE",
)

# The states of operations with their numbers in the filter of the list.
STATES = {
    "CREATED": 10,
    "RESOLVING": 20,
    "RESOLVED": 30,
    "DISPATCHING": 40,
    "DISPATCHED": 50,
    "PROCESSING": 60,
    "COMPLETED": 70,
    "SUCCESS": 80,
    "FAILED": 90,
    "SCHEDULED": 100,
    "CANCELLED": 110,
    "TIMEOUT": 120,
}
# Operations whose devices Esper has not found yet.
_UNRESOLVED = ("CREATED", "RESOLVING")
# Operations that Esper no longer sends to devices.
_ABORTED = ("FAILED", "CANCELLED", "TIMEOUT")
# The result of an operation on a device by the state that Esper reports. All other states are pending.
_RESULTS = {
    "SUCCEDED": "succeeded",
    "SUCCEEDED": "succeeded",
    "SUCCESS": "succeeded",
    "FAILED": "failed",
    "FAILURE": "failed",
    "TIMEOUT": "timed_out",
    "CANCELLED": "cancelled",
}
CANCELLED = ("CANCELLED", "CANCELLATION_REQUESTED")
# The states in which an operation, or the part of a device, can no longer be canceled.
FINAL_STATES = frozenset({*_RESULTS, "COMPLETED", *CANCELLED})

# The filters of a device query.
QUERIES = frozenset(FILTERS) - {
    "airwave_build_id",
    "airwave_build_number",
    "airwave_tenant_model_id",
    "android_version_exact",
    "esper_agent_version_name",
    "foundation_build_number",
    "foundation_device_model_id",
    "foundation_major_version",
    "foundation_minor_version",
    "foundation_version",
    "global_device_id",
}

SCHEDULES = ("IMMEDIATE", "WINDOW")
SCHEDULE = Field(
    "schedule_args",
    ("Times of the schedule.", "V(WINDOW) requires C(start_datetime) and C(end_datetime)."),
    type="dict",
    fields=(*TIMES, Field("days", "Days of the schedule, in API format.", type="list", elements="int")),
)
# The arguments that commands do not have.
OWN_ARGS = (
    Field(
        "converge_with_provision",
        "If V(true), the operation V(CONVERGE) also applies settings that are otherwise applied at provisioning only.",
        type="bool",
    ),
    Field(
        "geofence_ids",
        "IDs of the geofences to apply. If O(operation_type=APPLY_GEO_FENCE), O(geofences) or O(geofence_ids) is"
        " required.",
        type="list",
        elements="str",
        identifier=True,
        validator=uuid,
    ),
)
GEOFENCES = Option(
    "geofences",
    "Geofences to apply, by name or ID. They are added to O(geofence_ids).",
    type="list",
    elements="str",
    identifier=True,
)
# One of the options is required.
_OWN_REQUIRED_ARGS = {"APPLY_GEO_FENCE": ("geofences", "geofence_ids")}


OPERATION = Kind(
    name="operation",
    title="operation",
    plural="operations",
    routes=Routes(list="/v0/operations/", object="/v0/operations/{id}/"),
    shape=Shape.READ_ONLY,
    label=lambda row: f"{row.get('operation')} ({row.get('id')})",
    fields=(
        Field("id", "ID of the operation.", writable=False, sample="6f2f7c55-7c1f-4b8e-9a39-55a8c0f6a003"),
        Field("operation_type", "Type of the operation.", api="operation", sample="REBOOT"),
        Field(
            "state",
            "State of the operation. Its devices can have other states.",
            writable=False,
            sample="COMPLETED",
        ),
        Field("reason", "Reason for the state.", writable=False, sample=""),
        Field("schedule", "Schedule of the operation.", api="schedule_type", sample="IMMEDIATE"),
        Field("schedule_args", "Times of the schedule.", type="dict", sample={}),
        Field(
            "device_query",
            "Devices of the operation, in API format. It has the key C(device_ids) or C(device_request).",
            api="operation_device_query",
            type="dict",
            sample={"device_request": {"tags": "2b0f7c5e-1c1f-4b8e-9a39-55a8c0f6a003"}},
        ),
        Field(
            "args",
            "Arguments of the operation, without those that can be secret.",
            api="arguments",
            type="dict",
            normalize=shown_args,
            sample={},
        ),
        Field("created_at", "Time of creation.", writable=False, sample="2026-03-01T09:30:00Z"),
        Field(
            "created_by",
            "ID of the user who started the operation.",
            writable=False,
            sample="0c5ac9e5-4f2c-4a93-9d0c-2e3b8f6d7a11",
        ),
        Field("updated_at", "Time of the last change.", writable=False, sample="2026-03-01T09:35:00Z"),
        Field(
            "updated_by",
            "ID of the user who made the last change.",
            writable=False,
            sample="0c5ac9e5-4f2c-4a93-9d0c-2e3b8f6d7a11",
        ),
    ),
)
PART_ROUTE = "/v0/operations/{id}/devices/{device_id}/"


def newest_operations(view: TenantView, query: Row, page_size: int = PAGE_SIZE) -> t.Iterator[Row]:
    """Yield the operations that match a query, the newest first."""
    query, kind = {"ordering": "-created_at", **query}, OPERATION
    return iterate(view.client, kind.routes.list, query=query, page_size=page_size, purpose=kind.purpose_of_list)


def operations_of_device(view: TenantView, device_id: str) -> list[Row]:
    """Return the operations of a device."""
    purpose = f"Reading the operations of the device {device_id}"
    return list_all(view.client, f"/v0/devices/{device_id}/operations/", purpose=purpose)


def parts_of(view: TenantView, identifier: str) -> list[Row]:
    """Return the parts of all devices of an operation."""
    purpose = f"Reading the devices of the operation {identifier}"
    return list_all(view.client, f"{OPERATION.routes.list}{identifier}/devices/", purpose=purpose)


def part_of(view: TenantView, identifier: str, device_id: str) -> Row | None:
    """Return the part of one device of an operation, or None if the device is not part of it."""
    return view.client.find_object(
        PART_ROUTE,
        ids={"id": identifier, "device_id": device_id},
        purpose=f"Reading the part of the device {device_id} in the operation {identifier}",
    )


@dataclass(frozen=True)
class Operation:
    """An operation to start: its type, arguments and schedule in API format."""

    type: str
    args: Row = field(default_factory=dict)
    schedule: str = "IMMEDIATE"
    schedule_args: Row = field(default_factory=dict)


def checked_operation(params: Params) -> Operation:
    """Return the operation that a task describes. Raise InvalidParameter if an argument is missing or invalid."""
    name = params["operation_type"]
    own = {arg.name: arg.normalize_input(params[arg.name]) for arg in OWN_ARGS if params[arg.name] is not None}
    errors = [error for comparison in compare_object(OWN_ARGS, {}, own).values() for error in comparison.errors]
    required = _OWN_REQUIRED_ARGS.get(name, ())
    missing = [" or ".join(required)] if required and not any(params.get(option) for option in required) else []
    args, schedule_args = checked_request(OPERATION, name, params, SCHEDULE, missing, errors)
    return Operation(name, {**args, **own}, params["schedule"], schedule_args)


def checked_query(filters: t.Mapping[str, t.Any]) -> Row:
    """Return the filters of a device query as check_filters() does. Raise InvalidParameter if one is invalid."""
    checked = check_filters(filters)
    if others := sorted(checked.keys() - QUERIES):
        raise InvalidParameter(
            f"Operations do not support the device filter '{others[0]}'."
            f" Supported filters: {', '.join(sorted(QUERIES))}."
        )
    return checked


def query_body(resolved: Row) -> Row:
    """Return filters whose values are lists in the form of a device query."""
    return {
        name: values[0] if len(values) == 1 else ",".join(str(value) for value in values)
        for name, values in resolved.items()
    }


def queries_for(ids: t.Sequence[str]) -> list[Row]:
    """Return the device queries that name some devices, as few as possible."""
    return [{"device_ids": ",".join(part)} for part in in_parts(_DEVICES_PER_OPERATION, ids)]


def start_step(operation: Operation, query: Row, purpose: str, find: Finder | None = None) -> Step:
    """Return the request that starts an operation on the devices of a query. Without ``find``, it can be repeated."""
    body: Row = {
        "operation_type": operation.type,
        "schedule_type": operation.schedule,
        "operation_device_query": query,
    }
    if operation.args:
        body["arguments"] = operation.args
    if operation.schedule_args:
        body["schedule_args"] = operation.schedule_args
    return Step(purpose=purpose, method="POST", path=OPERATION.routes.list, body=body, find_existing=find)


def start_operations(view: TenantView, effects: Effects, operation: Operation, queries: t.Sequence[Row]) -> list[Row]:
    """Start one operation for each device query, and return the operations.

    Raise what Client.request raises. The operations that Esper accepted are added to ``effects``.
    """
    previous = next(newest_operations(view, {"operation_type": operation.type}, page_size=1), None)
    steps = [
        start_step(
            operation,
            query,
            f"Starting the operation {operation.type} on {_target(query)}",
            lambda body: _find_accepted(view, body, previous),
        )
        for query in queries
    ]

    def started() -> list[Row]:
        return [step.response for step in steps if step.response is not None]

    title = f"The operation {operation.type}"
    with accepting(effects, title, steps, lambda: {"operations": [summary(row) for row in started()]}):
        raise_one(apply_each(view, OPERATION, steps))
    return started()


def summary(row: Row) -> Row:
    """Return an operation in the form of the result. Its number of devices is null until Esper has found them."""
    count = len(ids_of(row.get("operation_device_query"))) or counts_of(row)["devices"]
    return {"id": row["id"], "devices": count or None}


def ids_of(query: t.Any) -> list[str]:
    """Return the IDs of the devices that a query names."""
    ids = query.get("device_ids") if isinstance(query, dict) else None
    listed = ids.split(",") if isinstance(ids, str) else ids if isinstance(ids, list) else []
    return [str(id_).strip().lower() for id_ in listed]


def _target(query: Row) -> str:
    return counted(len(ids_of(query))) if "device_ids" in query else "the devices of a query"


def _find_accepted(view: TenantView, body: t.Any, previous: Row | None) -> Row | None:
    """Return the operation of a request that Esper accepted although the response was lost, or None. ``previous`` is
    the newest operation of the same type before the request."""
    for row in newest_operations(view, {"operation_type": body["operation_type"]}):
        if previous is not None and row["id"] == previous["id"]:
            return None
        if _is_same(row, body):
            return row
    return None


def _is_same(row: Row, body: Row) -> bool:
    """Return whether a request started an operation. Secrets are not compared, because Esper can hide them."""
    current, sent = row.get("operation_device_query") or {}, body["operation_device_query"]
    if "device_ids" in sent:
        has_same_devices = set(ids_of(current)) == set(ids_of(sent))
    else:
        has_same_devices = matches(current, sent) and matches(sent, current)
    return (
        has_same_devices
        and row.get("schedule_type") == body["schedule_type"]
        and matches(shown_args(row.get("arguments") or {}), shown_args(body.get("arguments") or {}))
    )


# --- results on devices -----------------------------------------------------------------------------------------------


def final_state_of(part: Row) -> str:
    """Return the result of an operation on a device: a terminal state or pending."""
    return _RESULTS.get(str(part.get("state")), "pending")


def counts_of(operation: Row) -> dict[str, int]:
    """Return the number of devices of an operation, and of those that succeeded and failed. 0 also means unknown."""
    stats = operation.get("operation_stats")
    stats = stats.get("device_operation_statuses_count") if isinstance(stats, dict) else None
    stats = stats if isinstance(stats, dict) else {}
    names = {"devices": "resolved", "succeeded": "success", "failed": "failed"}
    return {name: number(stats.get(f"{api_name}_device_count")) for name, api_name in names.items()}


def pending_count(operation: Row) -> int:
    """Return the number of devices of an operation that have not reported a result."""
    if operation.get("state") in FINAL_STATES:
        return 0
    counts = counts_of(operation)
    total = max(counts["devices"], len(ids_of(operation.get("operation_device_query"))))
    return max(total - counts["succeeded"] - counts["failed"], 0)


@dataclass(frozen=True)
class StartedOperations:
    """Operations that were accepted, counted together: see waiting.Trackable."""

    view: TenantView
    title: str
    operations: t.Sequence[Row]

    @property
    def ids(self) -> list[str]:
        return [str(operation["id"]) for operation in self.operations]

    @property
    def failure(self) -> str:
        """The reason why Esper aborted all operations, "" if it did not."""
        return _failure_of(self.operations)

    def poll(self) -> Progress:
        counts: Counter[str] = Counter()
        total, rows = 0, [self._read(operation) for operation in self.operations]
        for row in rows:
            row_counts = self._count(row)
            counts += row_counts
            total += max(sum(row_counts.values()), len(ids_of(row.get("operation_device_query"))))
        counts["pending"] = total - sum(counts[state] for state in TERMINAL_STATES)
        is_resolving = any(row.get("state") in _UNRESOLVED for row in rows)
        return Progress(counts, total, is_resolving, _failure_of(rows))

    def results(self) -> list[Row]:
        rows: list[Row] = []
        for operation in self.operations:
            listed = {
                str(part.get("device_id")): {
                    "device": str(part.get("device_id")),
                    "state": final_state_of(part),
                    "reason": part.get("reason"),
                }
                for part in parts_of(self.view, operation["id"])
            }
            # A response can omit devices to which Esper has not sent the operation yet.
            named = ids_of(operation.get("operation_device_query"))
            pending = {id_: {"device": id_, "state": "pending", "reason": None} for id_ in named}
            rows += {**pending, **listed}.values()
        return rows

    def _read(self, operation: Row) -> Row:
        purpose = f"Reading the status of the operation {operation['id']}"
        return self.view.client.get_object(OPERATION.routes.object, ids={"id": operation["id"]}, purpose=purpose)

    def _count(self, operation: Row) -> Counter[str]:
        counts = counts_of(operation)
        pending = max(counts.pop("devices") - sum(counts.values()), 0)
        if pending and operation.get("state") in FINAL_STATES:
            # The statistics of an operation do not include canceled devices.
            return Counter(final_state_of(part) for part in parts_of(self.view, operation["id"]))
        return Counter({**counts, "pending": pending})


def _failure_of(operations: t.Sequence[Row]) -> str:
    """Return the reason why Esper aborted all of some operations, "" if it did not."""
    if not all(row.get("state") in _ABORTED for row in operations):
        return ""
    return next((str(row["reason"]).rstrip(".") for row in operations if row.get("reason")), "Esper aborted it")
