# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module that reads converges: one by ID, the latest ones of devices, or the latest ones of the tenant.

Based on /v2/converge, /v2/converge/{id} and /v2/converge/{id}/commands of the contract (v2.yaml).

Choice: the list of converges is in any order, so the module reads all converges of the devices, or of the tenant, and
sorts them by their time of creation.
Choice: converges that a command or an operation started can be missing in the list.
"""

from __future__ import annotations

import itertools
import typing as t
from datetime import datetime, timezone

from ..base.errors import InvalidParameter
from ..base.limits import PAGE_SIZE
from ..base.row import Params, Row
from ..base.times import parse_time
from ..base.validators import in_range
from ..engine.lookup import lookup_of
from ..engine.tenant_view import TenantView
from ..http.paging import list_all
from ..http.parallel import CONCURRENCY, in_parallel, in_parts
from ..kinds.blueprint_list import BLUEPRINTS, list_versions
from ..kinds.device_reader import MISSING
from ..kinds.device_search import devices_option, find_devices, label_of, labels_of, unique_devices
from ..model.conform import to_row, to_text
from ..model.module_spec import NO_DIFF, READS_ONLY, ModuleSpec, Option, Value
from ..task import ModuleDefinition, ModuleResult, RunContext
from .converges import CONVERGE_KIND, STATUSES
from .statuses import IDS_PER_QUERY, state_of
from .waiting import DEVICE_REASON

_UNKNOWN_TIME = datetime.min.replace(tzinfo=timezone.utc)
_MODULE = ModuleSpec(
    short_description="Get information about converges of Esper devices",
    description=(
        "Returns one converge by ID, the latest converges of devices, or the latest converges of the tenant. The newest"
        " converge is the first.",
        "Esper does not document whether it lists converges that M(esper.cloud.converge) started with a command. If a"
        " device has none, M(esper.cloud.device_command_info) returns its commands C(CONVERGE).",
    ),
    options=(
        Option("id", "ID of the converge.", identifier=True),
        devices_option(
            "A device that does not exist is not an error. RV(missing) lists such devices.",
            "If omitted, the module reads all converges of the tenant, which can be many.",
        ),
        Option(
            "status",
            "Status of the converges. The latest converges with this status are returned, even if later ones have"
            " another status.",
            choices=STATUSES,
        ),
        Option(
            "limit",
            "Maximum number of converges of each device, or of the tenant if O(devices) is omitted, 1 or more.",
            type="int",
            default=1,
        ),
        Option(
            "commands",
            "If V(true), the module also returns the commands of each converge. This takes one request for each"
            " converge.",
            type="bool",
            default=False,
        ),
        Option(
            "resolve_names",
            "If V(true), the module also returns the names of devices and blueprints, and the numbers of versions. This"
            " takes two requests for each blueprint.",
            type="bool",
            default=True,
        ),
    ),
    rules={"mutually_exclusive": [("id", "devices"), ("id", "status"), ("id", "limit")]},
    returns=(
        Value(
            "converges",
            "The converges that match. The newest is the first.",
            type="list",
            elements="dict",
            contains=(
                *CONVERGE_KIND.fields,
                Value(
                    "commands",
                    "Commands of the converge. Only returned if O(commands=true).",
                    type="list",
                    elements="dict",
                    contains=(
                        Value("id", "ID of the command.", sample="6f2f7c55-7c1f-4b8e-9a39-55a8c0f6a003"),
                        Value(
                            "state",
                            "State of the command, as in O(esper.cloud.device_command_info#module:state).",
                            sample="succeeded",
                        ),
                        DEVICE_REASON,
                    ),
                ),
            ),
        ),
        MISSING,
    ),
    check_mode=READS_ONLY,
    diff_mode=NO_DIFF,
    seealso=("converge", "device_command_info"),
)


def _run(view: TenantView, params: Params, _context: RunContext) -> ModuleResult:
    if why := in_range(1)(params["limit"]):
        raise InvalidParameter(f"The option limit {why}.")
    devices, missing = list[Row](), list[str]()
    if params["id"] is not None:
        row = lookup_of(view, CONVERGE_KIND).find_by_id(params["id"])
        rows = [row] if row else []
    elif params["devices"] is not None:
        found = find_devices(view, params["devices"])
        devices, missing = unique_devices(found.values()), [name for name, row in found.items() if row is None]
        rows = _latest_of_devices(view, devices, params)
    else:
        rows = _newest(_with_status(view.list_objects(CONVERGE_KIND), params))[: params["limit"]]
    records = [_record(view, row) for row in rows]
    if params["resolve_names"]:
        _add_names(view, records, devices)
    if params["commands"]:
        for record, commands in zip(records, _commands_of(view, records), strict=True):
            record["commands"] = commands
    return ModuleResult({"changed": False, "converges": records, "missing": missing})


def _latest_of_devices(view: TenantView, devices: list[Row], params: Params) -> list[Row]:
    """Return the latest converges of each device."""

    def read(part: list[str]) -> list[Row]:
        purpose = "Reading the converges of the devices"
        query = {"device_ids": ",".join(part)}
        return list_all(view.client, CONVERGE_KIND.routes.list, query=query, page_size=PAGE_SIZE, purpose=purpose)

    ids = [str(device["id"]) for device in devices]
    parts = in_parallel(view.client, read, in_parts(IDS_PER_QUERY, ids), CONCURRENCY)
    latest: dict[str, list[Row]] = {id_: [] for id_ in ids}
    for row in _newest(_with_status(itertools.chain.from_iterable(parts), params)):
        latest.get(str(row.get("device_id")).lower(), []).append(row)
    return _newest(row for rows in latest.values() for row in rows[: params["limit"]])


def _with_status(rows: t.Iterable[Row], params: Params) -> list[Row]:
    return [row for row in rows if params["status"] in (None, row.get("status"))]


def _newest(rows: t.Iterable[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: parse_time(str(row.get("created_at"))) or _UNKNOWN_TIME, reverse=True)


def _record(view: TenantView, row: Row) -> Row:
    """Return a converge in the form of the result, without names."""
    info = to_row(row.get("blueprint_info"))
    ids = {
        "device": row.get("device_id"),
        "blueprint": info.get("blueprint_id"),
        "version": info.get("blueprint_version_id"),
    }
    return view.to_result(CONVERGE_KIND, {**row, **{name: {"id": to_text(id_)} for name, id_ in ids.items()}})


def _add_names(view: TenantView, records: list[Row], devices: list[Row]) -> None:
    """Add the names of devices and blueprints, and the numbers of versions."""
    ids = dict.fromkeys(record["device"]["id"] for record in records if record["device"]["id"])
    names = labels_of(view, ids, devices)
    blueprints = dict.fromkeys(record["blueprint"]["id"] for record in records if record["blueprint"]["id"])

    def read(blueprint_id: str) -> tuple[str | None, dict[str, t.Any]]:
        row = lookup_of(view, BLUEPRINTS).find_by_id(blueprint_id)
        if row is None:
            return None, {}
        versions = list_versions(view, row, purpose=f"Reading the versions of the blueprint '{label_of(row)}'")
        return row.get("name"), {str(version["version_id"]): version.get("version_number") for version in versions}

    read_blueprints = in_parallel(view.client, read, blueprints, CONCURRENCY)
    known = dict(zip(blueprints, read_blueprints, strict=True))
    for record in records:
        name, numbers = known.get(record["blueprint"]["id"], (None, {}))
        record["device"]["name"] = names.get(record["device"]["id"])
        record["blueprint"]["name"] = name
        record["version"]["number"] = numbers.get(str(record["version"]["id"]))


def _commands_of(view: TenantView, records: list[Row]) -> t.Iterator[list[Row]]:
    """Return the commands of each converge."""

    def read(record: Row) -> list[Row]:
        path = f"{CONVERGE_KIND.routes.object.format(id=record['id'])}/commands"
        purpose = f"Reading the commands of the converge {record['id']}"
        return [
            {
                "id": to_text(row.get("command_request_id")),
                "state": state_of(row.get("command_state")),
                "reason": to_text(row.get("reason")) or None,
            }
            for row in list_all(view.client, path, key="command_request_id", purpose=purpose)
        ]

    return in_parallel(view.client, read, records, CONCURRENCY)


CONVERGE_INFO = ModuleDefinition("converge_info", _MODULE, _run)
