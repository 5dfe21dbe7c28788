# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Operations: which there are, how they are begun, each once, and what devices make of them.

Rests on /v0/operations/ of the contract (v0.yaml), and on /v0/operations/{id}/devices/ for the part that each device
has.

What the contract does not tell, and this file therefore chooses: an operation that is a command, too, takes the
arguments of that command, and needs the same. The filters of a device query are written as in a query of
/v2/devices/, several values with commas between them; those that the contract does not list for operations are
refused, since a service that ignored one would find devices that nobody meant. Operations have no name of their own, so
that one whose answer was lost is found again by its type, devices or query, and arguments, among those that are newer
than the newest of its type was before. An operation goes on though it is completed, if its devices tell otherwise; one
that failed does not. Both spellings of the state that the contract calls SUCCEDED count.
"""

from __future__ import annotations

import typing as t
from collections import Counter
from dataclasses import dataclass, field

from ..base.errors import InvalidParameter
from ..base.row import Params, Row
from ..base.validators import uuid
from ..engine.object_cache import References
from ..engine.resource import Resource
from ..http.paging import PAGE_SIZE, list_all
from ..http.parallel import in_parts
from ..kinds.device import FILTERS, check_filters, resolve_filters
from ..model.compare import satisfied
from ..model.field import Field
from ..model.plan import Finder, Step
from .command import ARGS, TIMES, accept_each, checked_request
from .command import DESTRUCTIVE as DESTRUCTIVE_COMMANDS
from .device_search import counted
from .waiting import ENDS, Progress

_DEVICES_AN_OPERATION = 500

# These take from a device what cannot be given back, or the device from the tenant.
DESTRUCTIVE = DESTRUCTIVE_COMMANDS | {"REMOVE_AGENT", "REMOVE_DEVICE"}

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

# The states of operations, as they tell them, with the numbers that the filter of the list has for them.
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
# Operations that have yet to find their devices.
_UNRESOLVED = ("CREATED", "RESOLVING")
# Operations that have no more to tell their devices.
_GIVEN_UP = ("FAILED", "CANCELLED", "TIMEOUT")
# What an operation has come to with a device, by the state that the service tells; any other is on the way.
_ENDS = {
    "SUCCEDED": "succeeded",
    "SUCCEEDED": "succeeded",
    "SUCCESS": "succeeded",
    "FAILED": "failed",
    "FAILURE": "failed",
    "TIMEOUT": "timed_out",
    "CANCELLED": "cancelled",
}
# What an operation, or a device's part in it, says once there is nothing left to cancel.
CANCELLED = ("CANCELLED", "CANCELLATION_REQUESTED")
OVER = frozenset({*_ENDS, "COMPLETED", *CANCELLED})

_QUERIES = frozenset(FILTERS) - {
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
SCHEDULE = Field("schedule_args", type="dict", fields=(*TIMES, Field("days", type="list", elements="int")))
# The arguments that no command has.
OWN_ARGS = (
    Field("converge_with_provision", type="bool"),
    Field("geofence_ids", type="list", elements="str", check=uuid),
)
_OWN_NEEDS = {"APPLY_GEO_FENCE": ("geofence_ids",)}


def _public(args: t.Any) -> t.Any:
    """Arguments in the terms of the collection, without those that may be secret."""
    if not isinstance(args, dict):
        return args
    known = {each.api_name for each in ARGS.fields}
    return {**ARGS.read(args), **{key: value for key, value in args.items() if key not in known}}


class OperationKind(Resource):
    """An operation as the API has it."""

    kind = "operation"
    plural = "operations"
    title = "operation"
    collection = "/v0/operations/"
    item = "/v0/operations/{id}/"
    part_item = "/v0/operations/{id}/devices/{device_id}/"
    fields = (
        Field("id", writable=False),
        Field("operation_type", api="operation"),
        Field("state", writable=False),
        Field("reason", writable=False),
        Field("schedule", api="schedule_type"),
        Field("schedule_args", type="dict"),
        Field("device_query", api="operation_device_query", type="dict"),
        Field("args", api="arguments", type="dict", normalise=_public),
        Field("created_at", writable=False),
        Field("created_by", writable=False),
        Field("updated_at", writable=False),
        Field("updated_by", writable=False),
    )

    def label(self, row: Row) -> str:
        return f"{row.get('operation')} ({row.get('id')})"

    def newest(self, references: References, query: Row, page_size: int = PAGE_SIZE) -> t.Iterator[Row]:
        """The operations that the service finds for a query, the newest first."""
        query = {"ordering": "-created_at", **query}
        return list_all(references.client, self.collection, query=query, page_size=page_size, purpose=self.reading_all)

    def of_device(self, references: References, device_id: str) -> t.Iterator[Row]:
        """The operations that a device has a part in."""
        purpose = f"Reading the operations of the device {device_id}"
        return list_all(references.client, f"/v0/devices/{device_id}/operations/", purpose=purpose)

    def parts(self, references: References, identifier: str) -> t.Iterator[Row]:
        """The parts that all its devices have in an operation."""
        purpose = f"Reading the devices of the operation {identifier}"
        return list_all(references.client, f"{self.collection}{identifier}/devices/", purpose=purpose)

    def part(self, references: References, identifier: str, device_id: str) -> Row | None:
        """The part that one device has in an operation, or None."""
        return references.client.find_object(
            self.part_item,
            ids={"id": identifier, "device_id": device_id},
            purpose=f"Reading the part of the device {device_id} in the operation {identifier}",
        )


OPERATION = OperationKind()


@dataclass(frozen=True)
class Operation:
    """What devices are to do: the type, arguments and schedule in the terms of the API."""

    type: str
    args: Row = field(default_factory=dict)
    schedule: str = "IMMEDIATE"
    schedule_args: Row = field(default_factory=dict)


def checked_operation(params: Params) -> Operation:
    """The operation that a task describes. Raises InvalidParameter, which names what is missing or wrong."""
    name = params["operation_type"]
    own = {each.name: each.given(params[each.name]) for each in OWN_ARGS if params[each.name] is not None}
    wrong = [why for each in OWN_ARGS if each.name in own for why in each.complaints(own[each.name])]
    lacking = [f"{each}: is missing" for each in _OWN_NEEDS.get(name, ()) if not own.get(each)]
    args, when = checked_request(OPERATION, name, params, SCHEDULE, [*wrong, *lacking])
    return Operation(name, {**args, **own}, params["schedule"], when)


def checked_query(filters: t.Mapping[str, t.Any]) -> Row:
    """The filters of a device query, checked, names still in place of ids: see check_filters()."""
    checked = check_filters(filters)
    if others := sorted(checked.keys() - _QUERIES):
        raise InvalidParameter(
            f"Operations do not have the device filter '{others[0]}'. There are: {', '.join(sorted(_QUERIES))}."
        )
    return checked


def resolved_query(references: References, checked: Row) -> Row:
    """What checked_query() gave, in the service's form."""
    resolved = resolve_filters(references, checked)
    return {
        name: values[0] if len(values) == 1 else ",".join(str(each) for each in values)
        for name, values in resolved.items()
    }


def queries_for(ids: t.Sequence[str]) -> list[Row]:
    """Devices as the queries of as many operations as they take."""
    return [{"device_ids": ",".join(some)} for some in in_parts(_DEVICES_AN_OPERATION, ids)]


def begin_step(operation: Operation, query: Row, purpose: str, find: Finder | None = None) -> Step:
    """The write that begins an operation on the devices of a query. Without ``find`` it is one that may be repeated."""
    body: Row = {
        "operation_type": operation.type,
        "schedule_type": operation.schedule,
        "operation_device_query": query,
    }
    if operation.args:
        body["arguments"] = operation.args
    if operation.schedule_args:
        body["schedule_args"] = operation.schedule_args
    return Step(purpose=purpose, method="POST", path=OPERATION.collection, body=body, find=find)


def begin(references: References, operation: Operation, queries: t.Sequence[Row]) -> list[Row]:
    """Begin an operation for each of some device queries, each once; gives them as the service accepted them.

    Raises what Client.request raises. Those before the one that failed have been accepted.
    """
    before = next(OPERATION.newest(references, {"operation_type": operation.type}, page_size=1), None)
    steps = [
        begin_step(
            operation,
            query,
            f"Beginning the operation {operation.type} on {_told(query)}",
            lambda sent: _find(references, sent, before),
        )
        for query in queries
    ]
    accept_each(references, OPERATION, steps)
    return [step.answer for step in steps if step.answer is not None]


def ids_of(query: t.Any) -> list[str]:
    """The devices that a query names."""
    ids = query.get("device_ids") if isinstance(query, dict) else None
    listed = ids.split(",") if isinstance(ids, str) else ids or ()
    return [str(each).strip().lower() for each in listed]


def _told(query: Row) -> str:
    return counted(len(ids_of(query))) if "device_ids" in query else "the devices of a query"


def _find(references: References, sent: t.Any, before: Row | None) -> Row | None:
    """The operation that was accepted, though the answer was lost; ``before`` was the newest of its type until then."""
    for row in OPERATION.newest(references, {"operation_type": sent["operation_type"]}):
        if before is not None and row["id"] == before["id"]:
            return None
        if _is_same(row, sent):
            return row
    return None


def _is_same(row: Row, sent: Row) -> bool:
    """Whether an operation is what was sent, as far as the service tells it; it may hide secrets."""
    theirs, ours = row.get("operation_device_query") or {}, sent["operation_device_query"]
    if "device_ids" in ours:
        is_about = set(ids_of(theirs)) == set(ids_of(ours))
    else:
        is_about = satisfied(theirs, ours) and satisfied(ours, theirs)
    return (
        is_about
        and row.get("schedule_type") == sent["schedule_type"]
        and satisfied(_public(row.get("arguments") or {}), _public(sent.get("arguments") or {}))
    )


# --- what devices make of it -----------------------------------------------------------------------------------------


def end_of(part: Row) -> str:
    """What an operation has come to with a device: one of the ends of commands, or pending."""
    return _ENDS.get(str(part.get("state")), "pending")


def counts_of(operation: Row) -> dict[str, int]:
    """How many devices an operation has found, and how many of them have succeeded or failed, as far as it says so."""
    stats = (operation.get("operation_stats") or {}).get("device_operation_statuses_count") or {}
    names = {"devices": "resolved", "succeeded": "success", "failed": "failed"}
    return {name: int(stats.get(f"{theirs}_device_count") or 0) for name, theirs in names.items()}


def unfinished(operation: Row) -> int:
    """How many devices of an operation have not come to an end."""
    if operation.get("state") in OVER:
        return 0
    counts = counts_of(operation)
    found = max(counts["devices"], len(ids_of(operation.get("operation_device_query"))))
    return max(found - counts["succeeded"] - counts["failed"], 0)


@dataclass(frozen=True)
class Begun:
    """Operations that were accepted, as one whole: see following.Followed."""

    references: References
    title: str
    operations: t.Sequence[Row]

    @property
    def ids(self) -> list[str]:
        return [str(each["id"]) for each in self.operations]

    @property
    def failure(self) -> str:
        return _failure_of(self.operations)

    def look(self) -> Progress:
        counts: Counter[str] = Counter()
        total, rows = 0, [self._read(each) for each in self.operations]
        for row in rows:
            there = self._counts(row)
            counts += there
            total += max(sum(there.values()), len(ids_of(row.get("operation_device_query"))))
        counts["pending"] = total - sum(counts[end] for end in ENDS)
        is_open = any(row.get("state") in _UNRESOLVED for row in rows)
        return Progress(counts, total, is_open, _failure_of(rows))

    def undone(self) -> list[Row]:
        return [
            {"device": part["device_id"], "state": end_of(part), "reason": part.get("reason")}
            for each in self.operations
            for part in OPERATION.parts(self.references, each["id"])
            if end_of(part) != "succeeded"
        ]

    def _read(self, operation: Row) -> Row:
        purpose = f"Reading what devices make of the operation {operation['id']}"
        return self.references.client.get_object(OPERATION.item, ids={"id": operation["id"]}, purpose=purpose)

    def _counts(self, operation: Row) -> Counter[str]:
        told = counts_of(operation)
        left = max(told.pop("devices") - sum(told.values()), 0)
        if left and operation.get("state") in OVER:
            # The operation has no count of those that were cancelled.
            return Counter(end_of(part) for part in OPERATION.parts(self.references, operation["id"]))
        return Counter({**told, "pending": left})


def _failure_of(operations: t.Iterable[Row]) -> str:
    """Why the service has given up all of some operations, "" if there are others."""
    rows = list(operations)
    if not all(row.get("state") in _GIVEN_UP for row in rows):
        return ""
    return next((str(row["reason"]).rstrip(".") for row in rows if row.get("reason")), "the service gave it up")
