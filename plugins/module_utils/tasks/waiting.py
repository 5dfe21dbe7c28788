# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wait for devices to complete commands or operations (see Trackable).

Based on /commands/v0/commands/{id}/stats/ and /commands/v0/status/ of the contract (v0.yaml). The contract does not say
how a device counts that is pending when the wait times out. This file counts it as failed.
"""

from __future__ import annotations

import time
import typing as t
from collections import Counter
from dataclasses import dataclass, field

from ..base.errors import EsperError
from ..base.row import Params, Row
from ..base.text import counted
from ..engine.tenant_view import TenantView
from ..http.paging import list_all
from ..http.parallel import CONCURRENCY, in_parallel, in_parts
from ..model.module_spec import Option, Value
from ..task import RunContext
from .command import REQUEST, AcceptedCommand
from .device_search import labels_of

_STATUSES = "/commands/v0/status/"
# The result of a command on a device by the state that Esper reports. All other states are pending.
_RESULTS = {
    "Command Success": "succeeded",
    "Command Failure": "failed",
    "Command TimeOut": "timed_out",
    "Command Cancelled": "cancelled",
}
# The results of commands and operations on a device.
TERMINAL_STATES = tuple(_RESULTS.values())
# Pauses between requests for the status, in seconds.
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 15.0
_PAUSE_FACTOR = 1.5
# The maximum number of IDs in a query.
_IDS_PER_QUERY = 50
# The maximum number of devices in a message. The result contains all.
_NAMED_DEVICES = 5

OPTIONS = (
    Option(
        "wait",
        (
            "If V(true), the task waits until all devices have reported a result, more devices than"
            " O(max_fail_percentage) have failed, or O(wait_timeout) is exceeded.",
            "If V(false), the task ends when Esper has accepted the request, before devices receive it.",
        ),
        type="bool",
        default=False,
    ),
    Option(
        "wait_timeout",
        "Maximum time to wait for devices, in seconds, even if O(deadline) is shorter. Devices that are pending after"
        " this time count as failed.",
        type="float",
        default=600.0,
    ),
    Option(
        "max_fail_percentage",
        "Maximum percentage of devices, from 0 to 100, that can fail or remain pending without failing the task.",
        type="float",
        default=0.0,
    ),
)

_DEVICES = (
    ("succeeded", "Number of devices that succeeded.", 297),
    ("failed", "Number of devices that reported a failure.", 2),
    ("timed_out", "Number of devices that timed out in Esper.", 0),
    ("cancelled", "Number of devices for which the request was canceled.", 0),
    ("pending", "Number of devices that have not reported a result.", 1),
)
DEVICE_ID = Value("id", "ID of the device.", sample="e2425d4b-c266-41b4-a83e-490189fc9a0f")
DEVICE_NAME = Value("name", "Name of the device.", sample="OUW-MDJ-00001")
DEVICE_REASON = Value("reason", "Reason that the device or Esper reports.", sample="The battery is low")
COMMANDS_VALUE = Value(
    "commands",
    "Commands that Esper accepted, one for up to 1,000 devices or 500 device groups. Empty in check mode.",
    type="list",
    elements="dict",
    contains=(
        Value("id", "ID of the command.", sample="6f2f7c55-7c1f-4b8e-9a39-55a8c0f6a003"),
        Value("devices", "Number of devices that the command names.", type="int", sample=300),
        Value("groups", "Number of device groups that the command names.", type="int", sample=0),
    ),
)


def outcome_values(returned: str, failure: str = "") -> tuple[Value, ...]:
    """Return the documentation of the return values of outcome(). ``returned`` is the condition of ``state``,
    ``failure`` an additional reason for the state V(failed)."""
    return (
        Value(
            "state",
            (
                "Status of the request.",
                "V(accepted) if O(wait=false). V(completed) if all devices reported a result.",
                "V(pending) if some devices are pending, but not more than O(max_fail_percentage).",
                f"V(failed) if more devices than O(max_fail_percentage) failed or are pending{failure}.",
            ),
            returned=returned,
            sample="completed",
        ),
        Value(
            "counts",
            "Number of devices by result.",
            type="dict",
            returned="if O(wait=true)",
            contains=tuple(Value(name, doc, type="int", sample=sample) for name, doc, sample in _DEVICES),
        ),
        Value(
            "failed_devices",
            "Devices that failed or are pending.",
            type="list",
            elements="dict",
            returned="if O(wait=true)",
            contains=(
                DEVICE_ID,
                DEVICE_NAME,
                Value(
                    "state",
                    "Result of the device, V(failed), V(timed_out), V(cancelled) or V(pending).",
                    sample="failed",
                ),
                DEVICE_REASON,
            ),
        ),
    )


@dataclass
class Progress:
    """The number of devices by result, or ``pending``. ``total`` is the number of devices that are known so far."""

    counts: Counter[str] = field(default_factory=Counter)
    total: int = 0
    is_resolving: bool = False
    """True if Esper can still find more devices."""
    failure: str = ""
    """The reason why Esper aborted the request, "" if it did not."""

    @property
    def completed(self) -> int:
        """The number of devices with a result."""
        return sum(self.counts[state] for state in TERMINAL_STATES)

    @property
    def failed(self) -> int:
        """The number of devices with a result other than success."""
        return self.completed - self.counts["succeeded"]

    @property
    def is_complete(self) -> bool:
        """True if no device can report another result."""
        return bool(self.failure) or (not self.is_resolving and self.completed >= self.total > 0)


class Trackable(t.Protocol):
    """Commands or operations that were accepted, whose progress can be read."""

    @property
    def title(self) -> str:
        """The subject of a sentence: ``The command REBOOT``."""

    @property
    def ids(self) -> t.Sequence[str]:
        """The IDs of the commands or operations."""

    def poll(self) -> Progress:
        """Read the current progress."""

    def incomplete(self) -> list[Row]:
        """Return the devices that have not succeeded: ``device`` is the ID, ``state`` a terminal state or pending."""


def pending_devices(
    view: TenantView, command: str, ids: t.Sequence[str], matches: t.Callable[[str, Row], bool]
) -> set[str]:
    """Return the IDs of devices with a pending command. ``matches`` selects them by their ID and its arguments."""
    purpose = f"Reading the devices with a pending command {command}"

    def read_part(part: list[str]) -> set[str]:
        query = {"devices": ",".join(part), "command": command}
        rows = list_all(view.client, REQUEST.routes.list, query=query, purpose=purpose)
        args = {row["id"]: row.get("command_args") or {} for row in rows}
        query = {"device": ",".join(part)}
        return {
            row["device"]
            for requests in in_parts(_IDS_PER_QUERY, list(args))
            for row in list_all(view.client, _STATUSES, query={**query, "request": ",".join(requests)}, purpose=purpose)
            if row.get("state") not in _RESULTS and matches(row["device"], args[row["request"]])
        }

    return set().union(*in_parallel(view.client, read_part, in_parts(_IDS_PER_QUERY, ids), CONCURRENCY))


def report(
    view: TenantView,
    title: str,
    sent: t.Sequence[AcceptedCommand],
    known: t.Iterable[Row],
    params: Params,
    context: RunContext,
) -> Row:
    """Return the result of a task that sent commands: see outcome()."""
    commands = [{"id": command.id, "devices": command.devices, "groups": command.groups} for command in sent]
    return {"commands": commands, **outcome(view, _Commands(view, title, sent), known, params, context)}


def outcome(view: TenantView, request: Trackable, known: t.Iterable[Row], params: Params, context: RunContext) -> Row:
    """Return the result of an accepted request, after the wait that the options above describe.

    The result has ``failed`` if too many devices failed. The names of ``known`` devices are not looked up. Raise what
    Client.request raises; the message says that the request was accepted before.
    """
    if not params["wait"]:
        return {"state": "accepted"}
    try:
        return _wait(view, request, known, params, context)
    except EsperError as error:
        # Otherwise, a user would run the task again, and devices would execute the request twice.
        ids = ", ".join(request.ids)
        error.args = (f"{error} {request.title} was accepted before ({ids}), so devices can still execute it.",)
        error.names_changes = True
        raise


def _wait(view: TenantView, request: Trackable, known: t.Iterable[Row], params: Params, context: RunContext) -> Row:
    """Wait for devices, and return the part of the result about them."""
    progress = _poll_until_complete(view, request, params, context)
    unsuccessful = progress.total - progress.counts["succeeded"]
    result: Row = {"counts": {state: progress.counts[state] for state in (*TERMINAL_STATES, "pending")}}
    result["failed_devices"] = _failed_devices(view, request.incomplete(), known) if unsuccessful else []
    has_no_devices = not progress.total and (progress.failure or progress.is_resolving)
    if has_no_devices or _are_too_many(unsuccessful, progress, params):
        message = _message(request.title, progress, result["failed_devices"])
        return {**result, "state": "failed", "failed": True, "msg": message}
    is_completed = progress.is_complete and not progress.counts["pending"]
    return {**result, "state": "completed" if is_completed else "pending"}


def _poll_until_complete(view: TenantView, request: Trackable, params: Params, context: RunContext) -> Progress:
    """Read the progress until all devices have a result, too many have failed, or the wait times out."""
    client, timeout = view.client, params["wait_timeout"]
    client.extend(timeout + client.connection.timeout)
    end, pause = time.monotonic() + timeout, _FIRST_PAUSE
    while True:
        progress = request.poll()
        context.progress(f"{progress.completed} of {progress.total} devices completed, {progress.failed} failed")
        remaining = end - time.monotonic()
        if progress.is_complete or remaining <= 0 or _are_too_many(progress.failed, progress, params):
            return progress
        client.wait(min(pause, remaining))
        pause = min(pause * _PAUSE_FACTOR, _LONGEST_PAUSE)


@dataclass(frozen=True)
class _Commands:
    """Commands that were accepted, counted together."""

    view: TenantView
    title: str
    sent: t.Sequence[AcceptedCommand]

    @property
    def ids(self) -> list[str]:
        return [command.id for command in self.sent]

    def poll(self) -> Progress:
        counts: Counter[str] = Counter()
        for command in self.sent:
            body = self.view.client.get(
                f"{REQUEST.routes.object}stats/",
                ids={"id": command.id},
                purpose=f"Reading the status of the command {command.id}",
            )
            for row in (body.get("status") if isinstance(body, dict) else None) or ():
                counts[_result_of(row)] += int(row.get("total") or 0)
        # The first responses can omit devices.
        total = max(sum(counts.values()), sum(command.devices for command in self.sent))
        counts["pending"] = total - sum(counts[state] for state in TERMINAL_STATES)
        return Progress(counts, total)

    def incomplete(self) -> list[Row]:
        return [
            {**row, "state": _result_of(row)}
            for command in self.sent
            for row in list_all(
                self.view.client,
                _STATUSES,
                query={"request": command.id},
                purpose=f"Reading the devices that did not complete the command {command.id}",
            )
            if _result_of(row) != "succeeded"
        ]


def _result_of(row: Row) -> str:
    return _RESULTS.get(str(row.get("state")), "pending")


def _are_too_many(failed: int, progress: Progress, params: Params) -> bool:
    return failed * 100 > float(params["max_fail_percentage"]) * max(progress.total, 1)


def _failed_devices(view: TenantView, rows: list[Row], known: t.Iterable[Row]) -> list[Row]:
    """Return the devices that Trackable.incomplete() returned, in the form of the result."""
    names = labels_of(view, (str(row["device"]) for row in rows), known)
    return [
        {
            "id": row["device"],
            "name": names.get(row["device"]),
            "state": row["state"],
            "reason": row.get("reason") or None,
        }
        for row in rows
    ]


def _message(title: str, progress: Progress, devices: list[Row]) -> str:
    if not progress.total:
        return f"{title} failed: {progress.failure or 'Esper did not find its devices in time'}."
    counts = [f"{progress.failed} of {counted(progress.total)} failed"] if progress.failed else []
    if pending := progress.counts["pending"]:
        counts.append(f"{pending} of {counted(progress.total)} did not report a result in time")
    # Failed devices come first, because their reasons are more useful.
    shown = sorted(devices, key=lambda device: device["state"] == "pending")[:_NAMED_DEVICES]
    names = ", ".join(f"{device['name'] or device['id']} ({device['reason'] or device['state']})" for device in shown)
    hidden = len(devices) - len(shown)
    more = f" and {hidden} more (see failed_devices)" if hidden else ""
    return f"{title}: {' and '.join(counts)}: {names}{more}."
