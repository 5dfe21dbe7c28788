# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for devices to complete commands, or operations (see Followed).

Rests on /commands/v0/commands/{id}/stats/ and /commands/v0/status/ of the contract (v0.yaml). Chosen here, because the
contract is silent: a device that is still pending when the wait times out counts as failed.
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
_ENDS = {
    "Command Success": "succeeded",
    "Command Failure": "failed",
    "Command TimeOut": "timed_out",
    "Command Cancelled": "cancelled",
}
# All results, whatever Esper calls them.
ENDS = tuple(_ENDS.values())
# Pauses between requests for the status, in seconds: the first, and the longest.
_FIRST_LOOK = 1.0
_LONGEST_PAUSE = 15.0
# The maximum number of IDs in a query.
_IDS_A_QUERY = 50
# The maximum number of devices in a message. The result has all.
_NAMED = 5

OPTIONS = (
    Option(
        "wait",
        (
            "If V(true), wait until all devices are done, more devices than O(max_fail_percentage) have failed, or"
            " O(wait_timeout) is exceeded.",
            "If V(false), the task ends when Esper has accepted the request, before devices receive it.",
        ),
        type="bool",
        default=False,
    ),
    Option(
        "wait_timeout",
        "Maximum time to wait for devices, in seconds. Devices that are still pending then count as failed.",
        type="float",
        default=600.0,
    ),
    Option(
        "max_fail_percentage",
        "Percentage of devices that can fail or remain pending without failing the task.",
        type="float",
        default=0.0,
    ),
)

_DEVICES = (
    ("succeeded", "Number of devices that completed it.", 297),
    ("failed", "Number of devices that reported a failure.", 2),
    ("timed_out", "Number of devices for which Esper gave up.", 0),
    ("cancelled", "Number of devices for which it was canceled.", 0),
    ("pending", "Number of devices that have not reported a result.", 1),
)
DEVICE_ID = Value("id", "ID of the device.", sample="e2425d4b-c266-41b4-a83e-490189fc9a0f")
DEVICE_NAME = Value("name", "Name of the device.", sample="OUW-MDJ-00001")
DEVICE_REASON = Value("reason", "Reason that the device or Esper reports.", sample="The battery is low")
COMMANDS_VALUE = Value(
    "commands",
    "Commands that Esper accepted, one for up to 1,000 devices and 500 device groups. Empty in check mode.",
    type="list",
    elements="dict",
    contains=(
        Value("id", "ID of the command.", sample="6f2f7c55-7c1f-4b8e-9a39-55a8c0f6a003"),
        Value("devices", "Number of devices that the command names.", type="int", sample=300),
        Value("groups", "Number of device groups that the command names.", type="int", sample=0),
    ),
)


def outcome_values(returned: str, failure: str = "") -> tuple[Value, ...]:
    """Return the return values of outcome(). ``returned`` says when there are any; ``failure`` is a further reason for
    the state V(failed)."""
    return (
        Value(
            "state",
            (
                "Status of the request.",
                "V(accepted) if O(wait=false). V(completed) if all devices are done.",
                "V(pending) if some devices are not done, but not more than O(max_fail_percentage).",
                f"V(failed) if more devices than O(max_fail_percentage) failed or are not done{failure}.",
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
            "Devices that failed or are not done.",
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
    is_open: bool = False
    """Whether Esper may find more devices."""
    failure: str = ""
    """Why Esper gave up all of it, "" if it did not."""

    @property
    def ended(self) -> int:
        return sum(self.counts[end] for end in ENDS)

    @property
    def failed(self) -> int:
        return self.ended - self.counts["succeeded"]

    @property
    def is_done(self) -> bool:
        return bool(self.failure) or (not self.is_open and self.ended >= self.total > 0)


class Trackable(t.Protocol):
    """Commands or operations that were accepted, whose progress can be read."""

    @property
    def title(self) -> str:
        """The subject of a sentence: ``The command REBOOT``."""

    @property
    def ids(self) -> t.Sequence[str]:
        """The IDs of what was accepted."""

    def poll(self) -> Progress:
        """Read the current progress."""

    def incomplete(self) -> list[Row]:
        """Return the devices that have not completed it: ``device`` is the ID, ``state`` one of ENDS or pending."""


def pending_devices(
    view: TenantView, command: str, ids: t.Sequence[str], is_wanted: t.Callable[[str, Row], bool]
) -> set[str]:
    """Return the IDs of devices with a pending command whose arguments are as wanted."""
    purpose = f"Reading the devices with a pending command {command}"

    def among(some: list[str]) -> set[str]:
        query = {"devices": ",".join(some), "command": command}
        rows = list_all(view.client, REQUEST.routes.list, query=query, purpose=purpose)
        args = {row["id"]: row.get("command_args") or {} for row in rows}
        query = {"device": ",".join(some)}
        return {
            row["device"]
            for requests in in_parts(_IDS_A_QUERY, list(args))
            for row in list_all(view.client, _STATUSES, query={**query, "request": ",".join(requests)}, purpose=purpose)
            if row.get("state") not in _ENDS and is_wanted(row["device"], args[row["request"]])
        }

    parts = in_parallel(view.client, among, in_parts(_IDS_A_QUERY, ids), CONCURRENCY)
    return {each for part in parts for each in part}


def report(
    view: TenantView,
    title: str,
    sent: t.Sequence[AcceptedCommand],
    known: t.Iterable[Row],
    params: Params,
    context: RunContext,
) -> Row:
    """Return the result of a task that sent commands. See outcome()."""
    commands = [{"id": each.id, "devices": each.devices, "groups": each.groups} for each in sent]
    return {"commands": commands, **outcome(view, _Commands(view, title, sent), known, params, context)}


def outcome(view: TenantView, followed: Trackable, known: t.Iterable[Row], params: Params, context: RunContext) -> Row:
    """Return the result of something that was accepted, as far as a task with the options above waits for it.

    It has ``failed`` if more devices than allowed did not complete it. ``known`` are devices whose names need not be
    looked up. Raise what Client.request raises; the message says that the request was accepted before.
    """
    if not params["wait"]:
        return {"state": "accepted"}
    try:
        return _wait(view, followed, known, params, context)
    except EsperError as error:
        # A user who does not know that would send it again.
        ids = ", ".join(followed.ids)
        error.args = (f"{error} {followed.title} was accepted before ({ids}), so devices can still execute it.",)
        raise


def _wait(view: TenantView, followed: Trackable, known: t.Iterable[Row], params: Params, context: RunContext) -> Row:
    """Wait, and return the part of the result about devices."""
    seen = _poll_until_complete(view, followed, params, context)
    lost = seen.total - seen.counts["succeeded"]
    result: Row = {"counts": {name: seen.counts[name] for name in (*ENDS, "pending")}}
    result["failed_devices"] = _named(view, followed.incomplete(), known) if lost else []
    if _exceeds(lost, seen, params) or (not seen.total and (seen.failure or seen.is_open)):
        message = _message(followed.title, seen, result["failed_devices"])
        return {**result, "state": "failed", "failed": True, "msg": message}
    return {**result, "state": "completed" if seen.is_done and not seen.counts["pending"] else "pending"}


def _poll_until_complete(view: TenantView, followed: Trackable, params: Params, context: RunContext) -> Progress:
    """Read the progress until all devices are done, too many have failed, or the wait times out."""
    client, seconds = view.client, params["wait_timeout"]
    client.extend(seconds + client.connection.timeout)
    end, pause = time.monotonic() + seconds, _FIRST_LOOK
    while True:
        seen = followed.poll()
        context.progress(f"{seen.ended} of {seen.total} devices are done, {seen.failed} of them failed")
        left = end - time.monotonic()
        if seen.is_done or left <= 0 or _exceeds(seen.failed, seen, params):
            return seen
        client.wait(min(pause, left))
        pause = min(pause * 1.5, _LONGEST_PAUSE)


@dataclass(frozen=True)
class _Commands:
    """Commands that were accepted, counted together."""

    view: TenantView
    title: str
    sent: t.Sequence[AcceptedCommand]

    @property
    def ids(self) -> list[str]:
        return [each.id for each in self.sent]

    def poll(self) -> Progress:
        counts: Counter[str] = Counter()
        for each in self.sent:
            body = self.view.client.get(
                f"{REQUEST.routes.object}stats/",
                ids={"id": each.id},
                purpose=f"Reading the status of the command {each.id}",
            )
            for row in (body.get("status") if isinstance(body, dict) else None) or ():
                counts[_ENDS.get(str(row.get("state")), "pending")] += int(row.get("total") or 0)
        # Devices can be missing in the first responses.
        total = max(sum(counts.values()), sum(each.devices for each in self.sent))
        counts["pending"] = total - sum(counts[end] for end in ENDS)
        return Progress(counts, total)

    def incomplete(self) -> list[Row]:
        return [
            {**row, "state": _ENDS.get(str(row.get("state")), "pending")}
            for each in self.sent
            for row in list_all(
                self.view.client,
                _STATUSES,
                query={"request": each.id},
                purpose=f"Reading the devices that did not complete the command {each.id}",
            )
            if row.get("state") != "Command Success"
        ]


def _exceeds(failed: int, seen: Progress, params: Params) -> bool:
    return failed * 100 > float(params["max_fail_percentage"]) * max(seen.total, 1)


def _named(view: TenantView, rows: list[Row], known: t.Iterable[Row]) -> list[Row]:
    """Return devices that did not complete it, in the form of the result."""
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


def _message(title: str, seen: Progress, devices: list[Row]) -> str:
    if not seen.total:
        return f"{title} failed: {seen.failure or 'Esper did not find its devices in time'}."
    counts = [f"{seen.failed} of {counted(seen.total)} failed"] if seen.failed else []
    if seen.counts["pending"]:
        counts.append(f"{seen.counts['pending']} of {counted(seen.total)} did not report a result in time")
    # Failures are more useful than pending devices.
    shown = sorted(devices, key=lambda device: device["state"] == "pending")[:_NAMED]
    told = ", ".join(f"{each['name'] or each['id']} ({each['reason'] or each['state']})" for each in shown)
    more = f", and {len(devices) - _NAMED} more (see failed_devices)" if len(devices) > _NAMED else ""
    return f"{title}: {' and '.join(counts)}: {told}{more}."
