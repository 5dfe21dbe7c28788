# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module that reads commands: one by ID, those that match filters, or the history of a device.

Based on /commands/v0/commands/, /commands/v0/commands/{id}/stats/, /commands/v0/status/ and, in the older form,
/v0/enterprise/{enterprise_id}/command/, its status/ and /v0/enterprise/{enterprise_id}/device/{device_id}/
command-history/ of the contract (v0.yaml), and on /v2/command-inbox/ (v2.yaml).

Choice: the history of an Android device is read from command-history, which has the commands with their states. For
other devices, the states are read from the list of statuses, and the commands by their IDs.
Choice: the lists are in the order of creation, and the first page shows whether the first command is the newest or the
oldest.
Choice: the inbox is one command or a list of commands.
"""

from __future__ import annotations

import itertools
import typing as t
from collections import Counter
from datetime import datetime, timezone

from ..base.errors import InvalidParameter
from ..base.ids import last_uuid
from ..base.limits import PAGE_SIZE
from ..base.row import Params, Row
from ..base.times import parse_time
from ..base.validators import in_range
from ..engine.lookup import lookup_of
from ..engine.tenant_view import TenantView
from ..http.paging import iterate_newest, list_all
from ..http.parallel import CONCURRENCY, in_parallel, in_parts
from ..kinds.device_group import DEVICE_GROUP
from ..kinds.device_search import labels_of, require_devices
from ..model.conform import to_row, to_rows, to_text
from ..model.module_spec import NO_DIFF, READS_ONLY, ModuleSpec, Option, Value
from ..task import ModuleDefinition, ModuleResult, RunContext
from .command import REQUEST, hide_args
from .device_details import is_android
from .schedules import SCHEDULES
from .statuses import IDS_PER_QUERY, STATES, STATUSES, api_state_of, state_of
from .waiting import DEVICE_ID, DEVICE_NAME, DEVICE_REASON, number

_OLD = "/v0/enterprise/{enterprise_id}/command/"
_HISTORY = "/v0/enterprise/{enterprise_id}/device/%s/command-history/"
_INBOX = "/v2/command-inbox/"
# Two commands show the order of a list.
_SMALLEST_PAGE = 2
_UNKNOWN_TIME = datetime.min.replace(tzinfo=timezone.utc)
_STATES = ", ".join(f"V({state})" for state in STATES.values())
# The options that do not apply to the history of a device.
_OF_LIST = ("devices", "groups", "schedule", "legacy")

_MODULE = ModuleSpec(
    short_description="Get information about Esper commands",
    description=(
        "Returns one command by ID, the commands of the tenant that match filters, or the commands of a device with"
        " their states on it. The newest command is the first.",
        "If the command does not exist, the list is empty.",
    ),
    options=(
        Option("id", "ID of the command.", identifier=True),
        Option(
            "device",
            (
                "Device by name, alias, serial number or ID. Only its commands are returned, including those that it"
                " received as part of a device group.",
                "This takes one request for an Android device, and two or more for other devices.",
            ),
            identifier=True,
        ),
        Option(
            "devices",
            "Devices by name, alias, serial number or ID, at least one. Only commands to these devices are returned.",
            type="list",
            elements="str",
            identifier=True,
        ),
        Option(
            "groups",
            "Device groups by path, name or ID, at least one. Only commands to these groups are returned.",
            type="list",
            elements="str",
            identifier=True,
        ),
        Option("command", "Name of the commands, as in O(esper.cloud.device_command#module:command).", identifier=True),
        Option("schedule", "Schedule of the commands.", choices=tuple(SCHEDULES)),
        Option(
            "state",
            "State of the commands on a device. With O(device), only commands in this state are returned. With"
            " O(status=true), only devices in this state are returned. Requires one of them.",
            choices=tuple(STATES.values()),
        ),
        Option(
            "internal",
            "If V(true), the module also returns the commands that Esper sends as part of a converge. The history of an"
            " Android device always has them.",
            type="bool",
            default=False,
        ),
        Option(
            "limit",
            "Maximum number of commands to return, 1 or more.",
            type="int",
            default=20,
        ),
        Option(
            "status",
            "If V(true), the module also returns the devices of each command with their states. This takes two requests"
            " for each command, and requests for the names of the devices.",
            type="bool",
            default=False,
        ),
        Option(
            "inbox",
            "If V(true), the module also returns the commands that wait for the device. Requires O(device).",
            type="bool",
            default=False,
        ),
        Option(
            "legacy",
            "If V(true), the module also returns commands that only the older list of commands has. These are commands"
            " that clients sent to Android devices in an earlier version of the Esper API.",
            type="bool",
            default=False,
        ),
    ),
    rules={
        "mutually_exclusive": [
            *(("id", name) for name in ("device", *_OF_LIST, "command", "internal", "limit")),
            *(("device", name) for name in (*_OF_LIST, "status")),
        ]
    },
    returns=(
        Value(
            "commands",
            "The commands that match. The newest is the first.",
            type="list",
            elements="dict",
            contains=(
                *REQUEST.fields,
                Value(
                    "counts",
                    "Number of devices by state. Only returned with O(id) or O(status=true).",
                    type="dict",
                    sample={**dict.fromkeys(STATES.values(), 0), "queued": 3, "succeeded": 297},
                ),
                Value(
                    "devices",
                    "The device O(device), or the devices of the command. Only returned with O(device) or"
                    " O(status=true).",
                    type="list",
                    elements="dict",
                    contains=(
                        DEVICE_ID,
                        DEVICE_NAME,
                        Value(
                            "state",
                            f"State of the command on the device, one of {_STATES}.",
                            sample="failed",
                        ),
                        DEVICE_REASON,
                        Value("updated_at", "Time of the last change.", sample="2026-03-01T09:35:00Z"),
                    ),
                ),
            ),
        ),
        Value(
            "inbox",
            "Commands that wait for the device.",
            type="list",
            elements="dict",
            returned="with O(inbox=true)",
            contains=tuple(field for field in REQUEST.fields if field.name in ("id", "command", "args", "created_at")),
        ),
    ),
    check_mode=READS_ONLY,
    diff_mode=NO_DIFF,
    seealso=("device_command", "operation_info"),
)


def _run(view: TenantView, params: Params, _context: RunContext) -> ModuleResult:
    if why := in_range(1)(params["limit"]):
        raise InvalidParameter(f"The option limit {why}.")
    if params["state"] is not None and params["device"] is None and not params["status"]:
        raise InvalidParameter("The option state requires device or status=true.")
    if params["inbox"] and params["device"] is None:
        raise InvalidParameter("The option inbox requires device.")
    if params["device"] is not None:
        device = require_devices(view, [params["device"]])[0]
        inbox = {"inbox": _inbox(view, device)} if params["inbox"] else {}
        return ModuleResult({"changed": False, "commands": _of_device(view, device, params), **inbox})
    if params["id"] is not None:
        row = lookup_of(view, REQUEST).find_by_id(params["id"])
        rows = [row] if row else []
    else:
        rows = _matching(view, params)
    records = [_record(view, row) for row in rows]
    if params["id"] is not None or params["status"]:
        _add_states(view, rows, records, params)
    return ModuleResult({"changed": False, "commands": records})


def _record(view: TenantView, row: Row) -> Row:
    hide_args(view, row.get("command_args"))
    return view.to_result(REQUEST, row)


# --- commands of the tenant -------------------------------------------------------------------------------------------


def _matching(view: TenantView, params: Params) -> list[Row]:
    """Return the newest commands that match the filters of a task."""
    ids: dict[str, list[str] | None] = {"devices": None, "groups": None}
    if params["devices"] is not None:
        ids["devices"] = [str(row["id"]) for row in require_devices(view, params["devices"])]
    if params["groups"] is not None:
        ids["groups"] = [str(row["id"]) for row in lookup_of(view, DEVICE_GROUP).resolve_all(params["groups"])]
    if empty := next((name for name, values in ids.items() if values == []), ""):
        raise InvalidParameter(f"The option {empty} is empty. List a value, or omit the option.")
    parts = itertools.product(*(map(",".join, _parts(values)) if values else [None] for values in ids.values()))
    selectors: list[Row] = [dict(zip(ids, values, strict=True)) for values in parts]
    filters = {"command": params["command"], "schedule": params["schedule"]}
    queries = [
        (REQUEST.routes.list, {**each, **filters, "exclude_internal_commands": not params["internal"]})
        for each in selectors
    ]
    if params["legacy"]:
        devices = dict.fromkeys(each["devices"] for each in selectors)
        queries += [(_OLD, {"devices": each, "command": params["command"]}) for each in devices]

    def matches(row: Row) -> bool:
        groups = row.get("groups")
        sent_to = {last_uuid(group) for group in groups} if isinstance(groups, list) else set()
        return params["schedule"] in (None, row.get("schedule")) and (
            ids["groups"] is None or not sent_to.isdisjoint(ids["groups"])
        )

    def read(request: tuple[str, Row]) -> list[Row]:
        path, query = request
        rows = _newest(view, path, query, params["limit"], "Reading the commands")
        if path == _OLD:
            rows = (_from_old(row) for row in rows if matches(row))
        return list(itertools.islice(rows, params["limit"]))

    found = in_parallel(view.client, read, queries, CONCURRENCY)
    # The newer list has more about a command, so its row wins.
    rows = {str(row["id"]): row for rows in reversed(list(found)) for row in rows}
    return sorted(rows.values(), key=_created_at, reverse=True)[: params["limit"]]


def _parts(values: t.Iterable[str]) -> t.Iterator[list[str]]:
    return in_parts(IDS_PER_QUERY, list(dict.fromkeys(values)))


def _from_old(row: Row) -> Row:
    """Return a command of an older list in the form of the newer one, with ``is_old``."""
    return {**row, "is_old": True, "created_at": row.get("created_on"), "created_by": row.get("issued_by")}


def _add_states(view: TenantView, rows: list[Row], records: list[Row], params: Params) -> None:
    """Add to commands the number of their devices by state and, if the task asks for them, the devices."""

    def read(row: Row) -> tuple[Counter[str | None], list[Row]]:
        purpose = f"Reading the status of the command {row['id']}"
        if row.get("is_old"):
            parts = list_all(view.client, f"{_OLD}{row['id']}/status/", purpose=purpose)
            counts = Counter(state_of(part.get("state")) for part in parts)
            return counts, [part for part in parts if params["state"] in (None, state_of(part.get("state")))]
        path = f"{REQUEST.routes.object}stats/"
        body = to_row(view.client.get(path, ids={"id": str(row["id"])}, purpose=purpose))
        counts = Counter()
        for part in to_rows(body.get("status")):
            counts[state_of(part.get("state"))] += number(part.get("total"))
        if not params["status"]:
            return counts, []
        query = {"request": row["id"], "state": api_state_of(params["state"])}
        return counts, list_all(view.client, STATUSES, query=query, purpose=purpose)

    found = list(in_parallel(view.client, read, rows, CONCURRENCY))
    ids = (_device_id(part) for _counts, parts in found for part in parts)
    names = labels_of(view, filter(None, ids)) if params["status"] else {}
    for record, (counts, parts) in zip(records, found, strict=True):
        record["counts"] = {state: counts[state] for state in STATES.values()}
        if params["status"]:
            record["devices"] = [_device(part, names) for part in parts]


# --- commands of a device ---------------------------------------------------------------------------------------------


def _of_device(view: TenantView, device: Row, params: Params) -> list[Row]:
    """Return the newest commands of a device, with their states on it."""
    names = labels_of(view, [], [device])
    read = _history_of_android if is_android(device) else _history
    return [
        {**_record(view, row), "devices": [_device({**part, "device": device["id"]}, names)]}
        for row, part in read(view, device, params)
    ]


def _history_of_android(view: TenantView, device: Row, params: Params) -> list[tuple[Row, Row]]:
    """Return the commands of an Android device in API format, each with its status."""
    purpose = f"Reading the commands of the device {device['id']}"
    query = {"state": api_state_of(params["state"])}
    rows = _newest(view, _HISTORY % device["id"], query, _rows_to_read(params), purpose)
    matching = (_from_old(row) for row in rows if params["command"] in (None, row.get("command")))
    return [({**row, "id": row.get("request")}, row) for row in itertools.islice(matching, params["limit"])]


def _history(view: TenantView, device: Row, params: Params) -> list[tuple[Row, Row]]:
    """Return the same for a device with another platform."""
    purpose = f"Reading the commands of the device {device['id']}"
    kinds = {"exclude_internal_commands": not params["internal"]}
    query = {"device": device["id"], "state": api_state_of(params["state"]), **kinds}
    size = _rows_to_read(params)
    statuses = _newest(view, STATUSES, query, size, purpose)
    found: list[tuple[Row, Row]] = []
    known: dict[str, Row] = {}
    requests: t.Iterator[Row] | None = None
    while len(found) < params["limit"] and (part := list(itertools.islice(statuses, size))):
        if requests is None:
            requests = _newest(view, REQUEST.routes.list, {"devices": device["id"], **kinds}, size, purpose)
        # As many commands as statuses. Those to a device group are not in the list of those to the device.
        known.update((str(row["id"]), row) for row in itertools.islice(requests, len(part)))
        missing = list(dict.fromkeys(id_ for status in part if (id_ := str(status.get("request"))) not in known))
        read = in_parallel(view.client, lookup_of(view, REQUEST).find_by_id, missing, CONCURRENCY)
        known.update((id_, row or {"id": id_}) for id_, row in zip(missing, read, strict=True))
        pairs = ((known[str(status.get("request"))], status) for status in part)
        found += [(row, status) for row, status in pairs if params["command"] in (None, row.get("command"))]
    return found[: params["limit"]]


def _rows_to_read(params: Params) -> int:
    """Return the number of commands to read at a time. A name selects from more commands than the task returns."""
    limit: int = params["limit"]
    return limit if params["command"] is None else max(limit, PAGE_SIZE)


def _inbox(view: TenantView, device: Row) -> list[Row]:
    """Return the commands that wait for a device."""
    purpose = f"Reading the inbox of the device {device['id']}"
    body = view.client.get(_INBOX, query={"device_id": device["id"]}, purpose=purpose, can_be_empty=True)
    rows = body.get("results", [body]) if isinstance(body, dict) else body
    names = ("id", "command", "args", "created_at")
    records = [_record(view, _from_old(row)) for row in to_rows(rows) if row.get("id")]
    return [{name: record[name] for name in names} for record in records]


# --- both -------------------------------------------------------------------------------------------------------------


def _newest(view: TenantView, path: str, query: Row, limit: int, purpose: str) -> t.Iterator[Row]:
    """Yield the commands or statuses of a list, the newest first."""
    size = max(_SMALLEST_PAGE, min(limit, PAGE_SIZE))
    return iterate_newest(view.client, path, query=query, page_size=size, is_older=_is_older, purpose=purpose)


def _created_at(row: Row) -> datetime:
    return parse_time(str(row.get("created_at") or row.get("created_on"))) or _UNKNOWN_TIME


def _is_older(row: Row, other: Row) -> bool:
    return _UNKNOWN_TIME < _created_at(row) < _created_at(other)


def _device_id(part: Row) -> str | None:
    """Return the ID of the device of a status, which can be a URL that ends in it."""
    return last_uuid(part.get("device")) or to_text(part.get("device"))


def _device(part: Row, names: t.Mapping[str, str]) -> Row:
    """Return the state of a command on a device in the form of the result."""
    device_id = _device_id(part)
    return {
        "id": device_id,
        "name": names.get(str(device_id)),
        "state": state_of(part.get("state")),
        "reason": to_text(part.get("reason")) or None,
        "updated_at": to_text(part.get("updated_at") or part.get("updated_on")),
    }


DEVICE_COMMAND_INFO = ModuleDefinition("device_command_info", _MODULE, _run)
