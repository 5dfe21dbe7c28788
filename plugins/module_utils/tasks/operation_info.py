# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module that reads operations: one by ID, those that match filters, or those of a device.

Based on /v0/operations/, /v0/operations/{id}/devices/ and /v0/devices/{device_id}/operations/ of the contract
(v0.yaml). The last one has no filters, so this file filters its rows.
"""

from __future__ import annotations

import heapq
import itertools
import typing as t

from ..base.errors import InvalidParameter
from ..base.limits import PAGE_SIZE
from ..base.row import Params, Row
from ..base.validators import in_range
from ..engine.lookup import lookup_of
from ..engine.tenant_view import TenantView
from ..http.parallel import CONCURRENCY, in_parallel, in_parts
from ..kinds.device_group import DEVICE_GROUP
from ..kinds.device_search import labels_of, require_devices
from ..model.conform import to_text
from ..model.module_spec import NO_DIFF, READS_ONLY, ModuleSpec, Option, Value
from ..task import ModuleDefinition, ModuleResult, RunContext
from .operations import (
    OPERATION,
    STATES,
    counts_of,
    final_state_of,
    newest_operations,
    operations_of_device,
    part_of,
    parts_of,
)
from .waiting import DEVICE_ID, DEVICE_NAME, DEVICE_REASON

# Maximum number of device groups in a query. Many servers accept 8 kB for the whole request line.
_GROUPS_PER_REQUEST = 100
_FILTERS = ("operation_type", "state", "groups", "limit")

MODULE = ModuleSpec(
    short_description="Get information about Esper operations",
    description=(
        "Returns one operation by ID, the operations that match filters, or the operations of a device. The newest"
        " operation is the first.",
        "If the operation does not exist, the list is empty.",
    ),
    options=(
        Option("id", "ID of the operation.", identifier=True),
        Option(
            "device",
            "Device by name, alias, serial number or ID. Only its operations are returned.",
            identifier=True,
        ),
        Option("operation_type", "Type of the operations, as in O(esper.cloud.operation#module:operation_type)."),
        Option("state", "State of the operations.", choices=tuple(STATES)),
        Option(
            "groups",
            "Device groups by path, name or ID, at least one. Only operations on devices in these groups and their"
            " subgroups are returned.",
            type="list",
            elements="str",
            identifier=True,
        ),
        Option(
            "limit",
            "Maximum number of operations to return, 1 or more. Defaults to all operations, which can be many.",
            type="int",
        ),
        Option(
            "devices",
            (
                "If V(true), the module also returns the devices of each operation. With O(device), it returns only"
                " this device.",
                "This takes one request for each 250 devices of each operation, and requests for their names.",
            ),
            type="bool",
            default=False,
        ),
    ),
    rules={"mutually_exclusive": [("id", "device"), ("device", "groups"), *(("id", name) for name in _FILTERS)]},
    returns=(
        Value(
            "operations",
            "The operations that match. The newest is the first.",
            type="list",
            elements="dict",
            contains=(
                *OPERATION.fields,
                Value(
                    "counts",
                    "Number of devices of the operation, and numbers of devices that succeeded and failed.",
                    type="dict",
                    sample={"devices": 300, "succeeded": 297, "failed": 2},
                ),
                Value(
                    "devices",
                    "Devices of the operation. Only returned if O(devices=true).",
                    type="list",
                    elements="dict",
                    contains=(
                        DEVICE_ID,
                        DEVICE_NAME,
                        Value(
                            "state",
                            "Result of the device, V(succeeded), V(failed), V(timed_out), V(cancelled) or V(pending).",
                            sample="failed",
                        ),
                        DEVICE_REASON,
                        Value("updated_at", "Time of the last change.", sample="2026-03-01T09:35:00Z"),
                    ),
                ),
            ),
        ),
    ),
    check_mode=READS_ONLY,
    diff_mode=NO_DIFF,
    seealso=("operation",),
)


def _run(view: TenantView, params: Params, context: RunContext) -> ModuleResult:
    if params["limit"] is not None and (why := in_range(1)(params["limit"])):
        raise InvalidParameter(f"The option limit {why}.")
    device = require_devices(view, [params["device"]])[0] if params["device"] is not None else None
    rows = list(_rows(view, params, device))
    records = [{**view.to_result(OPERATION, row), "counts": counts_of(row)} for row in rows]
    if params["devices"]:
        _add_devices(view, records, device)
    return ModuleResult({"changed": False, "operations": records})


def _rows(view: TenantView, params: Params, device: Row | None) -> t.Iterator[Row]:
    if params["id"] is not None:
        row = lookup_of(view, OPERATION).find_by_id(params["id"])
        return iter([row] if row else [])
    if device is None:
        rows = _newest(view, _queries(view, params), min(params["limit"] or PAGE_SIZE, PAGE_SIZE))
    else:
        rows = (row for row in _rows_of_device(view, device) if _matches(row, params))
    return itertools.islice(rows, params["limit"])


def _newest(view: TenantView, queries: list[Row], page_size: int) -> t.Iterator[Row]:
    """Yield each operation that matches at least one query once, the newest first."""
    lists = (newest_operations(view, query, page_size) for query in queries)
    known: set[str] = set()
    for row in heapq.merge(*lists, key=_created_at, reverse=True):
        if row["id"] not in known:
            known.add(row["id"])
            yield row


def _created_at(row: Row) -> str:
    return str(row.get("created_at"))


def _queries(view: TenantView, params: Params) -> list[Row]:
    query: Row = {}
    if params["operation_type"] is not None:
        query["operation_type"] = params["operation_type"]
    if params["state"] is not None:
        query["state"] = STATES[params["state"]]
    if params["groups"] is not None:
        if not params["groups"]:
            raise InvalidParameter("The option groups is empty. List a device group, or omit the option.")
        groups = lookup_of(view, DEVICE_GROUP)
        ids = list(dict.fromkeys(groups.resolve(name)["id"] for name in params["groups"]))
        return [{**query, "group_multi": ",".join(part)} for part in in_parts(_GROUPS_PER_REQUEST, ids)]
    return [query]


def _rows_of_device(view: TenantView, device: Row) -> list[Row]:
    rows = operations_of_device(view, device["id"])
    return sorted(rows, key=_created_at, reverse=True)


def _matches(row: Row, params: Params) -> bool:
    return params["operation_type"] in (None, row.get("operation")) and params["state"] in (None, row.get("state"))


def _add_devices(view: TenantView, records: list[Row], device: Row | None) -> None:
    """Add to each operation its devices with their results, or only ``device`` if it is set."""

    def read_parts(record: Row) -> list[Row]:
        if device is None:
            return list(parts_of(view, record["id"]))
        part = part_of(view, record["id"], device["id"])
        return [part] if part else []

    parts_of_records = list(in_parallel(view.client, read_parts, records, CONCURRENCY))
    known = [device] if device else []
    names = labels_of(view, (str(part.get("device_id")) for parts in parts_of_records for part in parts), known)
    for record, parts in zip(records, parts_of_records, strict=True):
        record["devices"] = [_device_result(part, names) for part in parts]


def _device_result(part: Row, names: dict[str, str]) -> Row:
    device_id = to_text(part.get("device_id"))
    return {
        "id": device_id,
        "name": names.get(str(device_id)),
        "state": final_state_of(part),
        "reason": to_text(part.get("reason")) or None,
        "updated_at": to_text(part.get("updated_at")),
    }


OPERATION_INFO = ModuleDefinition("operation_info", MODULE, _run)
