# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What there is to know of operations: one of them, those that filters find, or those of a device.

Rests on /v0/operations/, /v0/operations/{id}/devices/ and /v0/devices/{device_id}/operations/ of the contract
(v0.yaml). The last has no filters: they are applied here.
"""

from __future__ import annotations

import itertools
import typing as t

from ..base.errors import InvalidParameter
from ..base.row import Params, Row
from ..base.validators import between
from ..engine.object_cache import References
from ..http.paging import PAGE_SIZE
from ..http.parallel import CONCURRENCY, in_parallel
from ..kinds.device_group import DEVICE_GROUP
from ..task import Mode, Outcome, Task
from .device_search import labels_of, require_devices
from .operations import OPERATION, STATES, counts_of, end_of

_FILTERS = ("operation_type", "state", "groups", "latest")

OPTIONS: dict[str, dict[str, t.Any]] = {
    "id": {"type": "str"},
    "device": {"type": "str"},
    "operation_type": {"type": "str"},
    "state": {"type": "str", "choices": list(STATES)},
    "groups": {"type": "list", "elements": "str", "aliases": ["group"]},
    "latest": {"type": "int"},
    "devices": {"type": "bool", "default": False},
}
RULES: dict[str, t.Any] = {
    "mutually_exclusive": [("id", "device"), ("device", "groups"), *(("id", each) for each in _FILTERS)],
}


def _work(references: References, params: Params, mode: Mode) -> Outcome:
    if params["latest"] is not None and (why := between(1)(params["latest"])):
        raise InvalidParameter(f"latest: {why}.")
    device = require_devices(references, [params["device"]])[0] if params["device"] is not None else None
    rows = list(_rows(references, params, device))
    records = [{**OPERATION.record(row), "counts": counts_of(row)} for row in rows]
    if params["devices"]:
        _add_devices(references, records, device)
    return Outcome({"changed": False, "operations": records})


def _rows(references: References, params: Params, device: Row | None) -> t.Iterator[Row]:
    if params["id"] is not None:
        row = OPERATION.get(references, params["id"])
        return iter([row] if row else [])
    if device is None:
        found = OPERATION.newest(references, _query(references, params), min(params["latest"] or PAGE_SIZE, PAGE_SIZE))
    else:
        found = (row for row in _of_device(references, device) if _fits(row, params))
    return itertools.islice(found, params["latest"])


def _query(references: References, params: Params) -> Row:
    query: Row = {}
    if params["operation_type"] is not None:
        query["operation_type"] = params["operation_type"]
    if params["state"] is not None:
        query["state"] = STATES[params["state"]]
    if params["groups"] is not None:
        if not params["groups"]:
            raise InvalidParameter("The option groups has an empty list, which would find nothing.")
        query["group_multi"] = ",".join(DEVICE_GROUP.resolve(references, each)["id"] for each in params["groups"])
    return query


def _of_device(references: References, device: Row) -> list[Row]:
    rows = OPERATION.of_device(references, device["id"])
    return sorted(rows, key=lambda row: str(row.get("created_at")), reverse=True)


def _fits(row: Row, params: Params) -> bool:
    return params["operation_type"] in (None, row.get("operation")) and params["state"] in (None, row.get("state"))


def _add_devices(references: References, records: list[Row], device: Row | None) -> None:
    """Put the devices of operations beside them, or the one that is asked for, with what became of it."""

    def read(record: Row) -> list[Row]:
        if device is None:
            return list(OPERATION.parts(references, record["id"]))
        part = OPERATION.part(references, record["id"], device["id"])
        return [part] if part else []

    parts = list(in_parallel(references.client, read, records, CONCURRENCY))
    known = [device] if device else []
    names = labels_of(references, (part["device_id"] for some in parts for part in some), known)
    for record, some in zip(records, parts, strict=True):
        record["devices"] = [_shown(part, names) for part in some]


def _shown(part: Row, names: dict[str, str]) -> Row:
    return {
        "id": part["device_id"],
        "name": names.get(part["device_id"]),
        "state": end_of(part),
        "reason": part.get("reason") or None,
        "updated_at": part.get("updated_at"),
    }


OPERATION_INFO = Task(OPTIONS, RULES, _work)
