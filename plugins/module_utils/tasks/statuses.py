# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The states of commands on devices.

Based on /commands/v0/commands/ and /commands/v0/status/ of the contract (v0.yaml).

The contract does not document the following, so this file chooses: a device executes its pending commands in the order
of their creation, so the newest one has the last word.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field
from datetime import datetime, timezone

from ..base.ids import last_uuid
from ..base.row import Row
from ..base.text import counted
from ..base.times import parse_time
from ..engine.tenant_view import TenantView
from ..http.paging import list_all
from ..http.parallel import CONCURRENCY, in_parallel, in_parts
from ..model.conform import to_text
from .command import REQUEST

STATUSES = "/commands/v0/status/"
# The states of a command on a device, by the state that Esper reports.
STATES = {
    "Command Queued": "queued",
    "Command Scheduled": "scheduled",
    "Command Initiated": "initiated",
    "Command Acknowledged": "acknowledged",
    "Command In Progress": "in_progress",
    "Command Success": "succeeded",
    "Command Failure": "failed",
    "Command TimeOut": "timed_out",
    "Command Cancelled": "cancelled",
}
# The results of commands and operations on a device. All other states are pending.
TERMINAL_STATES = ("succeeded", "failed", "timed_out", "cancelled")
# The maximum number of IDs in a query.
IDS_PER_QUERY = 50
# The number of statuses in a page, if there can be many of them. A command has up to 1,000 devices.
_LARGE_PAGE = 1000
_UNKNOWN_TIME = datetime.min.replace(tzinfo=timezone.utc)


@dataclass(frozen=True)
class LatestCommand:
    """The command that decides about the state of a device: its ID, its arguments, and whether it is pending."""

    id: str
    args: Row = field(default_factory=dict)
    is_pending: bool = True
    created_at: datetime = _UNKNOWN_TIME


def result_of(row: Row) -> str:
    """Return the result in a status, or in a part of the statistics: a terminal state or pending."""
    state = state_of(row.get("state"))
    return state if state in TERMINAL_STATES else "pending"


def state_of(state: t.Any) -> str | None:
    """Return the state of a command on a device, as Esper reports it, in collection terms."""
    return STATES.get(str(state)) or to_text(state)


def api_state_of(state: str | None) -> str | None:
    """Return a state of a command on a device in API format, None for None."""
    return next((api for api, own in STATES.items() if own == state), None)


def statuses_of_command(view: TenantView, command_id: str) -> t.Iterator[Row]:
    """Return the states of a command on all its devices, in the form of Trackable.results()."""
    purpose = f"Reading the devices of the command {command_id}"
    rows = list_all(view.client, STATUSES, query={"request": command_id}, purpose=purpose)
    return (_to_result(_with_texts(row)) for row in rows)


def read_statuses(view: TenantView, command_id: str, devices: t.Sequence[str] | None) -> t.Iterator[Row]:
    """Return the statuses of a command on some of its devices, or on all, with their states in collection terms."""
    purpose = f"Reading the devices of the command {command_id}"

    def read_part(part: list[str]) -> list[Row]:
        query = {"request": command_id, "device": ",".join(part) or None}
        return list_all(view.client, STATUSES, query=query, purpose=purpose)

    parts: t.Iterable[list[str]] = [[]] if devices is None else in_parts(IDS_PER_QUERY, devices)
    for rows in in_parallel(view.client, read_part, parts, CONCURRENCY):
        for row in map(_with_texts, rows):
            yield {**row, "state": state_of(row.get("state")), "reason": to_text(row.get("reason"))}


def latest_statuses(view: TenantView, commands: t.Sequence[str]) -> dict[str, Row]:
    """Return the state of the last of several commands on each device, by the ID of the device. ``commands`` are their
    IDs in the order in which they were sent. The states have ``request``, ``state`` (a terminal state or pending) and
    ``reason``."""
    purpose = f"Reading the status of {counted(len(commands), 'command')}"

    def read_part(part: list[str]) -> list[Row]:
        query = {"request": ",".join(part)}
        return list_all(view.client, STATUSES, query=query, page_size=_LARGE_PAGE, purpose=purpose)

    rank = {id_.lower(): number for number, id_ in enumerate(commands)}
    latest: dict[str, Row] = {}
    for rows in in_parallel(view.client, read_part, in_parts(IDS_PER_QUERY, commands), CONCURRENCY):
        for row in map(_with_texts, rows):
            known = latest.get(row["device"])
            if known is None or rank.get(row["request"], -1) >= rank.get(known["request"], -1):
                latest[row["device"]] = {**_to_result(row), "request": row["request"]}
    return latest


def statuses_of_devices(view: TenantView, commands: t.Mapping[str, str]) -> list[Row]:
    """Return the states of commands on some of their devices, in the form of Trackable.results(). ``commands`` are the
    IDs of the commands by the IDs of the devices."""
    purpose = "Reading the status of the commands of earlier tasks"

    def read_part(devices: list[str]) -> list[Row]:
        requests = list(dict.fromkeys(commands[device] for device in devices))
        query = {"request": ",".join(requests), "device": ",".join(devices)}
        rows = list_all(view.client, STATUSES, query=query, purpose=purpose)
        # Both IDs, because a device can have several of the commands.
        found = {(row["request"], row["device"]): _to_result(row) for row in map(_with_texts, rows)}
        pending = {"state": "pending", "reason": None}
        return [found.get((commands[device], device)) or {"device": device, **pending} for device in devices]

    parts = in_parallel(view.client, read_part, in_parts(IDS_PER_QUERY, list(commands)), CONCURRENCY)
    return [row for rows in parts for row in rows]


def latest_commands(
    view: TenantView, name: str, ids: t.Sequence[str], is_relevant: t.Callable[[Row], bool] = lambda _args: True
) -> dict[str, LatestCommand]:
    """Return the newest pending command of each device, or else the newest one that succeeded, by the ID of the device.
    ``is_relevant`` selects commands by their arguments.

    A device that was read before can have changed if its command succeeded. Read it again then.
    """
    purpose = f"Reading the commands {name} of the devices"

    def read_part(part: list[str]) -> dict[str, LatestCommand]:
        query = {"devices": ",".join(part), "command": name}
        rows = list_all(view.client, REQUEST.routes.list, query=query, purpose=purpose)
        requests = {str(row["id"]): row for row in rows if is_relevant(_args_of(row))}
        latest: dict[str, LatestCommand] = {}
        for requests_part in in_parts(IDS_PER_QUERY, list(requests)):
            query = {"device": ",".join(part), "request": ",".join(requests_part)}
            for status in map(_with_texts, list_all(view.client, STATUSES, query=query, purpose=purpose)):
                command = _command(requests.get(status["request"]), status)
                if command is not None and _rank(command) >= _rank(latest.get(status["device"])):
                    latest[status["device"]] = command
        return latest

    latest: dict[str, LatestCommand] = {}
    for part in in_parallel(view.client, read_part, in_parts(IDS_PER_QUERY, ids), CONCURRENCY):
        latest |= part
    return latest


def _command(request: Row | None, status: Row) -> LatestCommand | None:
    """Return a command with its state on a device, None if it can have no effect on the device."""
    result = result_of(status)
    if request is None or result not in ("pending", "succeeded"):
        return None
    created_at = parse_time(str(request.get("created_at"))) or _UNKNOWN_TIME
    return LatestCommand(str(request["id"]), _args_of(request), result == "pending", created_at)


def _rank(command: LatestCommand | None) -> tuple[bool, datetime]:
    return (False, _UNKNOWN_TIME) if command is None else (command.is_pending, command.created_at)


def _args_of(request: Row) -> Row:
    args = request.get("command_args")
    return args if isinstance(args, dict) else {}


def _with_texts(status: Row) -> Row:
    """Return a status whose IDs are texts, because they are keys. They can be URLs that end in the ID."""
    ids = {name: last_uuid(status.get(name)) or str(status.get(name)) for name in ("device", "request")}
    return {**status, **ids}


def _to_result(status: Row) -> Row:
    return {"device": status["device"], "state": result_of(status), "reason": status.get("reason")}
