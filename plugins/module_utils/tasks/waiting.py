# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What devices make of commands that were accepted, and of all else that is followed like them (see Followed).

Rests on /commands/v0/commands/{id}/stats/ and /commands/v0/status/ of the contract (v0.yaml). What the contract does
not tell, and this file therefore chooses: a device that has not come to an end when the wait is over counts as failed.
"""

from __future__ import annotations

import time
import typing as t
from collections import Counter
from dataclasses import dataclass, field

from ..base.errors import EsperError
from ..base.row import Params, Row
from ..engine.object_cache import References
from ..http.paging import list_all
from ..http.parallel import CONCURRENCY, in_parallel, in_parts
from ..task import Mode
from .command import REQUEST, Sent
from .device_search import counted, labels_of

_STATUSES = "/commands/v0/status/"
# What a command has come to with a device, by the state that the service tells; any other is on the way.
_ENDS = {
    "Command Success": "succeeded",
    "Command Failure": "failed",
    "Command TimeOut": "timed_out",
    "Command Cancelled": "cancelled",
}
# The ends that there are, whatever the service calls them.
ENDS = tuple(_ENDS.values())
# Waits between looks, in seconds: the first, and the longest.
_FIRST_LOOK = 1.0
_LONGEST_PAUSE = 15.0
# So many ids fit into a query.
_IDS_A_QUERY = 50
# A message names so many devices; the result has all.
_NAMED = 5

OPTIONS: dict[str, dict[str, t.Any]] = {
    "wait": {"type": "bool", "default": False},
    "wait_timeout": {"type": "float", "default": 600.0},
    "max_fail_percentage": {"type": "float", "default": 0.0},
}


@dataclass
class Progress:
    """How many devices have come to which end, or are on the way (``pending``); ``total`` are all that are known."""

    counts: Counter[str] = field(default_factory=Counter)
    total: int = 0
    is_open: bool = False
    """Whether more devices may be told yet."""
    failure: str = ""
    """Why the service gave up as a whole, so that nothing more is to be seen."""

    @property
    def ended(self) -> int:
        return sum(self.counts[end] for end in ENDS)

    @property
    def failed(self) -> int:
        return self.ended - self.counts["succeeded"]

    @property
    def is_done(self) -> bool:
        return bool(self.failure) or (not self.is_open and self.ended >= self.total > 0)


class Followed(t.Protocol):
    """What devices were told to do, and how to see what they make of it."""

    @property
    def title(self) -> str:
        """What it is called in a sentence: ``The command REBOOT``."""

    @property
    def ids(self) -> t.Sequence[str]:
        """Those of what was accepted."""

    def look(self) -> Progress:
        """How far it is now."""

    def undone(self) -> list[Row]:
        """The devices that did not do it, or have not yet: ``device`` is the id, ``state`` one of ENDS or pending,
        ``reason`` what is said of it."""


def pending_devices(
    references: References, command: str, ids: t.Sequence[str], is_wanted: t.Callable[[str, Row], bool]
) -> set[str]:
    """The ids of devices that have yet to come to an end with a command whose arguments are as wanted."""
    purpose = f"Reading which devices have yet to do the command {command}"

    def among(some: list[str]) -> set[str]:
        query = {"devices": ",".join(some), "command": command}
        rows = list_all(references.client, REQUEST.collection, query=query, purpose=purpose)
        args = {row["id"]: row.get("command_args") or {} for row in rows}
        query = {"device": ",".join(some)}
        return {
            row["device"]
            for requests in in_parts(_IDS_A_QUERY, list(args))
            for row in list_all(
                references.client, _STATUSES, query={**query, "request": ",".join(requests)}, purpose=purpose
            )
            if row.get("state") not in _ENDS and is_wanted(row["device"], args[row["request"]])
        }

    parts = in_parallel(references.client, among, in_parts(_IDS_A_QUERY, ids), CONCURRENCY)
    return {each for part in parts for each in part}


def report(
    references: References, title: str, sent: t.Sequence[Sent], known: t.Iterable[Row], params: Params, mode: Mode
) -> Row:
    """The result of a task that sent commands: which, and with ``wait`` what devices made of them: see outcome()."""
    commands = [{"id": each.id, "devices": each.devices, "groups": each.groups} for each in sent]
    return {"commands": commands, **outcome(references, _Commands(references, title, sent), known, params, mode)}


def outcome(references: References, followed: Followed, known: t.Iterable[Row], params: Params, mode: Mode) -> Row:
    """What came of something that was accepted, as far as a task with the options above waits for it. It has ``failed``
    where more devices than allowed did not do it. ``known`` are devices whose names need not be looked up.

    Raises what Client.request raises; its sentence tells that it was accepted all the same.
    """
    if not params["wait"]:
        return {"state": "accepted"}
    try:
        return _ends(references, followed, known, params, mode)
    except EsperError as error:
        # Who does not know that would send it again.
        ids = ", ".join(followed.ids)
        error.args = (f"{error} {followed.title} was accepted before ({ids}): devices may do it all the same.",)
        raise


def _ends(references: References, followed: Followed, known: t.Iterable[Row], params: Params, mode: Mode) -> Row:
    """The part of the result that tells what devices made of it."""
    seen = _follow(references, followed, params, mode)
    lost = seen.total - seen.counts["succeeded"]
    result: Row = {"counts": {name: seen.counts[name] for name in (*ENDS, "pending")}}
    result["failed_devices"] = _named(references, followed.undone(), known) if lost else []
    if _exceeds(lost, seen, params) or (not seen.total and (seen.failure or seen.is_open)):
        message = _message(followed.title, seen, result["failed_devices"])
        return {**result, "state": "failed", "failed": True, "msg": message}
    return {**result, "state": "ended" if seen.is_done and not seen.counts["pending"] else "pending"}


def _follow(references: References, followed: Followed, params: Params, mode: Mode) -> Progress:
    """Look at what devices make of it until all have come to an end, too many have failed, or time is over."""
    client, seconds = references.client, params["wait_timeout"]
    client.extend(seconds + client.connection.timeout)
    end, pause = time.monotonic() + seconds, _FIRST_LOOK
    while True:
        seen = followed.look()
        mode.progress(f"{seen.ended} of {seen.total} devices are done, {seen.failed} of them failed")
        left = end - time.monotonic()
        if seen.is_done or left <= 0 or _exceeds(seen.failed, seen, params):
            return seen
        client.wait(min(pause, left))
        pause = min(pause * 1.5, _LONGEST_PAUSE)


@dataclass(frozen=True)
class _Commands:
    """Commands that were accepted, as one whole."""

    references: References
    title: str
    sent: t.Sequence[Sent]

    @property
    def ids(self) -> list[str]:
        return [each.id for each in self.sent]

    def look(self) -> Progress:
        counts: Counter[str] = Counter()
        for each in self.sent:
            body = self.references.client.get(
                f"{REQUEST.item}stats/",
                ids={"id": each.id},
                purpose=f"Reading what devices make of the command {each.id}",
            )
            for row in (body.get("status") if isinstance(body, dict) else None) or ():
                counts[_ENDS.get(str(row.get("state")), "pending")] += int(row.get("total") or 0)
        # Devices may appear by and by.
        total = max(sum(counts.values()), sum(each.devices for each in self.sent))
        counts["pending"] = total - sum(counts[end] for end in ENDS)
        return Progress(counts, total)

    def undone(self) -> list[Row]:
        return [
            {**row, "state": _ENDS.get(str(row.get("state")), "pending")}
            for each in self.sent
            for row in list_all(
                self.references.client,
                _STATUSES,
                query={"request": each.id},
                purpose=f"Reading which devices did not do the command {each.id}",
            )
            if row.get("state") != "Command Success"
        ]


def _exceeds(failed: int, seen: Progress, params: Params) -> bool:
    return failed * 100 > float(params["max_fail_percentage"]) * max(seen.total, 1)


def _named(references: References, rows: list[Row], known: t.Iterable[Row]) -> list[Row]:
    """Devices that did not do it, as a result has them: id, name, state and reason."""
    names = labels_of(references, (str(row["device"]) for row in rows), known)
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
        return f"{title} failed: {seen.failure or 'its devices were not found in time'}."
    counts = [f"{seen.failed} of {counted(seen.total)} failed"] if seen.failed else []
    if seen.counts["pending"]:
        counts.append(f"{seen.counts['pending']} of {counted(seen.total)} have not answered")
    # Those that failed tell more than those that have not answered.
    shown = sorted(devices, key=lambda device: device["state"] == "pending")[:_NAMED]
    told = ", ".join(f"{each['name'] or each['id']} ({each['reason'] or each['state']})" for each in shown)
    more = f", and {len(devices) - _NAMED} more, which failed_devices lists" if len(devices) > _NAMED else ""
    return f"{title}: {' and '.join(counts)}: {told}{more}."
