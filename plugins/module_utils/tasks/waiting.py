# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wait for devices to complete commands or operations (see Trackable).

Based on /commands/v0/commands/{id}/stats/ and /commands/v0/status/ of the contract (v0.yaml).

The contract does not say how a device counts that has no result when the wait times out. This file counts it as
unanswered, not as failed. All percentages refer to the devices that the task waits for.
"""

from __future__ import annotations

import typing as t
from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction

from ..base.errors import InvalidParameter
from ..base.limits import LONGEST_TIME
from ..base.row import Params, Row
from ..base.text import counted
from ..engine.tenant_view import TenantView
from ..kinds.device_search import labels_of
from ..model.module_spec import Option, Value
from ..task import RunContext
from .command import REQUEST, AcceptedCommand
from .polling import attempts, check_timeout
from .statuses import TERMINAL_STATES, result_of, statuses_of_command, statuses_of_devices

# The maximum number of devices in a message. The result contains all.
_NAMED_DEVICES = 5
_PERCENTAGES = ("max_fail_percentage", "max_unanswered_percentage")

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
        "wait_for",
        (
            "Devices for which the task waits.",
            "V(online) leaves out devices that are offline when the task starts, unless they report a result anyway.",
        ),
        choices=("all", "online"),
        default="all",
    ),
    Option(
        "wait_timeout",
        "Maximum time to wait for devices, in seconds, even if O(deadline) is shorter. With V(0), the task reads the"
        f" results once. At most V({LONGEST_TIME}), a week.",
        type="float",
        default=600.0,
    ),
    Option(
        "max_fail_percentage",
        "Maximum percentage of the devices that the task waits for, from 0 to 100, that can fail without failing the"
        " task.",
        type="float",
        default=0.0,
    ),
    Option(
        "max_unanswered_percentage",
        "Maximum percentage of the devices that the task waits for, from 0 to 100, that can remain without a result"
        " after O(wait_timeout) without failing the task.",
        type="float",
        default=0.0,
    ),
)

_COUNTS = (
    ("succeeded", "Number of devices that succeeded.", 297),
    ("failed", "Number of devices that reported a failure.", 2),
    ("timed_out", "Number of devices that timed out in Esper.", 0),
    ("cancelled", "Number of devices for which the request was canceled.", 0),
    (
        "pending",
        "Number of devices that have not reported a result. Null if O(wait=false) and Esper does not return the number"
        " of devices.",
        1,
    ),
    ("offline", "Number of offline devices without a result that are left out with O(wait_for=online).", 0),
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


def outcome_values(failure: str = "", returned: str = "success") -> tuple[Value, ...]:
    """Return the documentation of the return values of outcome(). ``failure`` is an additional reason for the state
    V(failed), ``returned`` the condition of the values if the module does not always return them."""
    return (
        Value(
            "state",
            (
                "Status of the request.",
                "V(accepted) if O(wait=false), or in check mode, and devices have yet to report a result.",
                "V(completed) if all devices reported a result, or no device has to.",
                "V(pending) if some devices are pending, but not more than O(max_unanswered_percentage).",
                "V(failed) if more devices than O(max_fail_percentage) failed, or more than"
                f" O(max_unanswered_percentage) are pending{failure}.",
            ),
            sample="completed",
            returned=returned,
        ),
        Value(
            "counts",
            "Number of devices by result.",
            type="dict",
            contains=tuple(Value(name, doc, type="int", sample=sample) for name, doc, sample in _COUNTS),
            returned=returned,
        ),
        Value(
            "failed_devices",
            "Devices that failed or are pending. Empty if O(wait=false).",
            type="list",
            elements="dict",
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
            returned=returned,
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
        return _completed(self.counts)

    @property
    def failed(self) -> int:
        """The number of devices with a result other than success."""
        return self.completed - self.counts["succeeded"]

    @property
    def is_complete(self) -> bool:
        """True if no device can report another result."""
        return bool(self.failure) or (not self.is_resolving and self.completed >= self.total > 0)

    @property
    def unanswered(self) -> int:
        """The number of devices without a result."""
        return self.total - self.completed


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

    def results(self) -> list[Row]:
        """Return all devices: ``device`` is the ID, ``state`` a terminal state or pending, ``reason`` its reason."""


@dataclass
class _Results:
    """The results of all devices: their numbers by result, the devices that failed or are pending, and the offline
    devices without a result that are left out."""

    counts: Counter[str]
    unsuccessful: list[Row]
    left_out: list[Row] = field(default_factory=list)

    @property
    def total(self) -> int:
        """The number of devices for which the task waits."""
        return self.counts.total() - self.counts["offline"]

    @property
    def failed(self) -> int:
        """The number of devices with a result other than success."""
        return _completed(self.counts) - self.counts["succeeded"]


def check_wait(params: Params) -> None:
    """Raise InvalidParameter if an option of the wait is out of range."""
    for name in _PERCENTAGES:
        check_percentage(params, name)
    check_timeout(params["wait_timeout"])


def check_percentage(params: Params, name: str) -> None:
    """Raise InvalidParameter if an option with a percentage is out of range."""
    # Not a number is out of range too.
    if not 0 <= params[name] <= 100:
        raise InvalidParameter(f"Invalid {name}: {params[name]:.15g}. It must be from 0 to 100.")


def exceeds(part: int, total: int, percentage: float) -> bool:
    """Return whether a part of a total is more than a percentage of it."""
    # The product of floats is not exact: 4.6 % of 1500 would be less than 69.
    return part * 100 > Fraction(str(percentage)) * max(total, 1)


def without_wait(count: int | None) -> Row:
    """Return the part of the result about the devices if the task does not wait for them. ``count`` is their number,
    None if it is unknown."""
    counts = {name: 0 for name, _doc, _sample in _COUNTS}
    return {
        "state": "completed" if count == 0 else "accepted",
        "counts": {**counts, "pending": count},
        "failed_devices": [],
    }


def outcome(
    view: TenantView,
    request: Trackable,
    known: t.Iterable[Row],
    params: Params,
    context: RunContext,
    *,
    count: int | None,
    online: set[str] | None = None,
) -> tuple[Row, dict[str, str]]:
    """Return the result of an accepted request, after the wait that the options above describe, and the states of the
    devices that did not succeed by their IDs. Without the wait, there are no such states.

    The result has ``failed`` if too many devices failed or did not answer. The names of ``known`` devices are not
    looked up. ``count`` is the number of devices, None if it is unknown. ``online`` are the IDs of the devices to wait
    for, None for all. Raise what Client.request raises.
    """
    if not params["wait"] or count == 0:
        return without_wait(count), {}
    progress = _poll_until_complete(view, request, params, context, online)
    if progress.total == progress.counts["succeeded"] > 0:
        results = _Results(progress.counts, [])
    else:
        results = _results_of(request, online)
    devices = _failed_devices(view, results.unsuccessful, known)
    result: Row = {
        "counts": {name: results.counts[name] for name, _doc, _sample in _COUNTS},
        "failed_devices": devices,
    }
    states = {row["device"]: row["state"] for row in (*results.unsuccessful, *results.left_out)}
    if _have_failed(progress, results, params):
        message = _message(request.title, progress, results, devices)
        return {**result, "state": "failed", "failed": True, "msg": message}, states
    is_complete = not results.counts["pending"] and not progress.is_resolving
    return {**result, "state": "completed" if is_complete else "pending"}, states


def _results_of(request: Trackable, online: set[str] | None) -> _Results:
    rows = [
        {**row, "state": "offline"}
        if row["state"] == "pending" and online is not None and row["device"] not in online
        else row
        for row in request.results()
    ]
    unsuccessful = [row for row in rows if row["state"] not in ("succeeded", "offline")]
    left_out = [row for row in rows if row["state"] == "offline"]
    return _Results(Counter(row["state"] for row in rows), unsuccessful, left_out)


def _have_failed(progress: Progress, results: _Results, params: Params) -> bool:
    """Return whether too many devices failed or did not answer. All of them did if Esper did not find them."""
    unanswered = params["max_unanswered_percentage"]
    return (
        not results.counts.total()
        or (progress.is_resolving and not unanswered)
        or exceeds(results.failed, results.total, params["max_fail_percentage"])
        or exceeds(results.counts["pending"], results.total, unanswered)
    )


def _poll_until_complete(
    view: TenantView, request: Trackable, params: Params, context: RunContext, online: set[str] | None
) -> Progress:
    """Read the progress until all devices to wait for have a result, too many failed, or the wait times out."""
    progress = Progress()
    for _attempt in attempts(view.client, params["wait_timeout"]):
        progress = request.poll()
        context.progress(
            f"{request.title}: {progress.completed} of {progress.total} devices done, {progress.failed} of them failed,"
            f" {progress.unanswered} waiting"
        )
        if (
            progress.is_complete
            or exceeds(progress.failed, progress.total, params["max_fail_percentage"])
            or (online is not None and _waits_for_offline_devices_only(request, progress, online))
        ):
            break
    return progress


def _waits_for_offline_devices_only(request: Trackable, progress: Progress, online: set[str]) -> bool:
    if progress.is_resolving or progress.unanswered > progress.total - len(online):
        # At least one online device has no result. This takes no request.
        return False
    return not _results_of(request, online).counts["pending"]


@dataclass(frozen=True)
class Commands:
    """Commands that were accepted, counted together.

    ``sent`` are those of this task. ``earlier`` are the IDs of other commands by the IDs of the devices that have not
    completed them yet.
    """

    view: TenantView
    title: str
    sent: t.Sequence[AcceptedCommand]
    earlier: t.Mapping[str, str] = field(default_factory=dict)

    @property
    def ids(self) -> list[str]:
        return list(dict.fromkeys([*(command.id for command in self.sent), *self.earlier.values()]))

    def poll(self) -> Progress:
        counts: Counter[str] = Counter(row["state"] for row in statuses_of_devices(self.view, self.earlier))
        for command in self.sent:
            body = self.view.client.get(
                f"{REQUEST.routes.object}stats/",
                ids={"id": command.id},
                purpose=f"Reading the status of the command {command.id}",
            )
            rows = body.get("status") if isinstance(body, dict) else None
            for row in rows if isinstance(rows, list) else ():
                if isinstance(row, dict):
                    counts[result_of(row)] += number(row.get("total"))
        # The first responses can omit devices.
        named = sum(len(command.devices) for command in self.sent)
        total = max(counts.total(), named + len(self.earlier))
        counts["pending"] = total - _completed(counts)
        return Progress(counts, total)

    def results(self) -> list[Row]:
        rows = statuses_of_devices(self.view, self.earlier)
        for command in self.sent:
            listed = {row["device"]: row for row in statuses_of_command(self.view, command.id)}
            # A response can omit devices that have just received the command.
            pending = {id_: {"device": id_, "state": "pending", "reason": None} for id_ in command.devices}
            rows += {**pending, **listed}.values()
        return rows


@dataclass(frozen=True)
class Together:
    """Several requests that were accepted, counted together."""

    title: str
    requests: t.Sequence[Trackable]

    @property
    def ids(self) -> list[str]:
        return [id_ for request in self.requests for id_ in request.ids]

    def poll(self) -> Progress:
        progress = [request.poll() for request in self.requests]
        counts = sum((each.counts for each in progress), Counter[str]())
        # If Esper aborts one request, the task still waits for the others.
        return Progress(counts, sum(each.total for each in progress), any(each.is_resolving for each in progress))

    def results(self) -> list[Row]:
        return [row for request in self.requests for row in request.results()]


def number(value: t.Any) -> int:
    """Return a number of devices that Esper returned, 0 if it is none."""
    try:
        return max(int(value), 0)
    except (TypeError, ValueError, OverflowError):
        return 0


def _completed(counts: Counter[str]) -> int:
    """Return the number of devices with a result."""
    return sum(counts[state] for state in TERMINAL_STATES)


def _failed_devices(view: TenantView, rows: list[Row], known: t.Iterable[Row]) -> list[Row]:
    """Return the devices that Trackable.results() returned, in the form of the result."""
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


def _message(title: str, progress: Progress, results: _Results, devices: list[Row]) -> str:
    total = results.total
    if not devices:
        return f"{title} failed: {progress.failure or 'Esper did not find its devices in time'}."
    counts = [f"{results.failed} of {counted(total)} failed"] if results.failed else []
    if pending := results.counts["pending"]:
        counts.append(f"{pending} of {counted(total)} did not report a result in time")
    # Failed devices come first, because their reasons are more useful.
    shown = sorted(devices, key=lambda device: device["state"] == "pending")[:_NAMED_DEVICES]
    names = ", ".join(f"{device['name'] or device['id']} ({device['reason'] or device['state']})" for device in shown)
    hidden = len(devices) - len(shown)
    more = f" and {hidden} more (see failed_devices)" if hidden else ""
    return f"{title}: {' and '.join(counts)}: {names}{more}."
