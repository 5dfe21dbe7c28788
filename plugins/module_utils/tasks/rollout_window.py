# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The converge of the devices of a wave, at most a number of them at the same time.

Based on /commands/v0/commands/ and /commands/v0/status/ of the contract (v0.yaml), and on /v2/devices/ (v2.yaml).

The state of the wave has the IDs of its commands that are not complete, or failed on a device. Before a command is
sent, the state gets its name and its first device. So a run that continues after an interrupt finds all commands, and
sends none of them again.

Choices where the contract is silent: Esper queues a command for an offline device, so such devices get theirs at once,
and nothing waits for them. A device that goes offline with a pending command is one of them from then on.
"""

from __future__ import annotations

import math
import time
import typing as t
from dataclasses import dataclass, field

from ..base.errors import EsperError
from ..base.row import Row
from ..base.text import counted
from ..engine.apply import apply_each
from ..engine.tenant_view import TenantView
from ..http.paging import iterate
from ..http.parallel import in_parts
from ..task import RunContext
from .command import REQUEST, Command, accepted_commands, raise_one, steps_for
from .statuses import latest_statuses

COMMAND = "CONVERGE"
DEVICES_PER_COMMAND = 1000
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 15.0
_PAUSE_FACTOR = 1.5
# The part of the window that must be free before the next command, so that there are not too many commands.
_PART = 10
# The number of polls without a new result after which the states of the devices are read for the first time.
_PATIENCE = 3
_LONGEST_NAME = 40


@dataclass
class Record:
    """The commands of a wave in the state of a rollout. ``part`` is the state of the wave, ``name`` the start of the
    names of its commands. ``save`` saves the state, and fails if another run works on the rollout."""

    part: Row
    name: str
    save: t.Callable[[], None]

    @property
    def commands(self) -> list[str]:
        """The IDs of the commands."""
        commands: list[str] = self.part.setdefault("commands", [])
        return commands

    def begin(self, device_id: str) -> str:
        """Record that a command is about to be sent. Return its name."""
        self.part["batches"] = self.part.get("batches", 0) + 1
        alias = f"{self.name[:_LONGEST_NAME]} {self.part['batches']}"
        self.part["sending"] = {"alias": alias, "device": device_id}
        self.save()
        return alias

    def end(self, ids: t.Iterable[str]) -> None:
        """Record the IDs of commands that Esper accepted."""
        self.commands.extend(id_ for id_ in ids if id_ not in self.commands)
        self.part["sending"] = None
        self.save()

    def recover(self, view: TenantView) -> None:
        """Find the command that an interrupted run was sending. Raise what Client.request raises."""
        sending = self.part.get("sending")
        if not sending:
            return
        query = {"command": COMMAND, "devices": sending["device"]}
        rows = iterate(view.client, REQUEST.routes.list, query=query, purpose="Looking for the last command")
        start = f"{sending['alias']} "
        self.end([str(row["id"]) for row in rows if str(row.get("alias")).startswith(start)][:1])


@dataclass
class Converge:
    """The converge of devices: those with a result, those that wait, and those that are offline.

    ``results`` are the state and the reason by device. ``in_flight`` are the commands of online devices without a
    result, ``offline`` those of offline devices. ``queue`` are online devices without a command.
    """

    queue: list[str] = field(default_factory=list)
    in_flight: dict[str, str] = field(default_factory=dict)
    offline: dict[str, str] = field(default_factory=dict)
    results: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)
    """IDs of the devices to which this run has sent a command."""
    earlier: int = 0
    """Number of devices that converged in earlier runs."""

    @property
    def failed(self) -> dict[str, tuple[str, str | None]]:
        """The devices with another result than success."""
        return {id_: result for id_, result in self.results.items() if result[0] != "succeeded"}

    @property
    def total(self) -> int:
        """The number of all devices."""
        return len(self.queue) + len(self.in_flight) + len(self.offline) + len(self.results) + self.earlier

    @property
    def commanded(self) -> int:
        """The number of devices that received a command."""
        return self.total - len(self.queue) - sum(not command for command in self.offline.values())

    def counts(self) -> Row:
        """Return the numbers of devices by progress."""
        failed = len(self.failed)
        return {
            "done": len(self.results) - failed + self.earlier,
            "failed": failed,
            "waiting": len(self.queue) + len(self.in_flight),
            "offline": len(self.offline),
        }


def progress_of(outdated: t.Collection[str], online: t.Collection[str], known: t.Mapping[str, Row]) -> Converge:
    """Return the progress of devices before a converge.

    ``outdated`` are their IDs, ``online`` the IDs of all online devices. ``known`` are the states of the commands that
    earlier runs sent, as latest_statuses() returns them. They must be older than the list of devices, so an outdated
    device whose command succeeded needs another one.
    """
    converge = Converge()
    for id_ in outdated:
        status = known.get(id_)
        if status is None or status["state"] == "succeeded":
            if id_ in online:
                converge.queue.append(id_)
            else:
                converge.offline[id_] = ""
        elif status["state"] == "pending":
            (converge.in_flight if id_ in online else converge.offline)[id_] = status["request"]
        else:
            converge.results[id_] = (status["state"], status["reason"])
    return converge


@dataclass
class SlidingWindow:
    """Converges devices. ``concurrency`` is the maximum number of online devices with a pending command.

    ``renew`` renews the lease. ``read_offline`` returns those of the devices that are offline. ``may_send`` returns
    whether the calendar is open. ``is_enough`` returns whether the wave ends early, because too many devices failed.
    """

    view: TenantView
    context: RunContext
    record: Record
    title: str
    concurrency: int
    timeout: float
    renew: t.Callable[[], None]
    read_offline: t.Callable[[t.Collection[str]], set[str]]
    may_send: t.Callable[[], bool] = lambda: True
    is_enough: t.Callable[[Converge], bool] = lambda _converge: False
    ends_at_close: bool = False
    _shown: str = ""

    def run(self, converge: Converge) -> bool:
        """Converge the devices until all online ones have a result, the wave ends early, or the wait timed out. Return
        False if the calendar closed before.

        Raise what Client.request raises.
        """
        without = [id_ for id_, command in converge.offline.items() if not command]
        if without and self.may_send():
            converge.offline.update(self._send(converge, without))
        pause, end = FIRST_PAUSE, time.monotonic() + self.timeout
        quiet, patience = 0, _PATIENCE
        while not self.is_enough(converge):
            self.renew()
            is_open = self.may_send()
            if not is_open and not converge.in_flight and converge.queue and self.ends_at_close:
                return False
            if is_open:
                self._top_up(converge)
            before = len(converge.in_flight)
            self._poll(converge)
            self._report(converge)
            if not converge.in_flight and not converge.queue:
                break
            quiet = quiet + 1 if len(converge.in_flight) == before else 0
            if quiet >= patience:
                self._leave_offline(converge)
                quiet, patience = 0, patience * 2
                continue
            remaining = end - time.monotonic()
            if remaining <= 0:
                break
            self.wait(min(pause, remaining))
            if not is_open and not converge.in_flight:
                # The time in which devices may not converge does not count.
                end += pause
            # Results come at a rate that depends on the devices. Polls follow it.
            pause = max(pause / _PAUSE_FACTOR, FIRST_PAUSE) if not quiet else min(pause * _PAUSE_FACTOR, LONGEST_PAUSE)
        return True

    def wait(self, seconds: float) -> None:
        """Wait, however early the deadline of the task is."""
        client = self.view.client
        client.extend(seconds + client.connection.timeout)
        client.wait(seconds)
        client.extend(client.connection.timeout)

    def _top_up(self, converge: Converge) -> None:
        free = self.concurrency - len(converge.in_flight)
        enough = max(1, math.ceil(self.concurrency / _PART))
        if converge.queue and (free >= min(enough, len(converge.queue)) or not converge.in_flight):
            ids = converge.queue[: max(free, 1)]
            sent = self._send(converge, ids)
            del converge.queue[: len(ids)]
            converge.in_flight.update(sent)

    def _send(self, converge: Converge, ids: list[str]) -> dict[str, str]:
        """Send commands to devices, and return their IDs by device."""
        sent: dict[str, str] = {}
        for part in in_parts(DEVICES_PER_COMMAND, ids):
            alias = self.record.begin(part[0])
            steps = steps_for(self.view, Command(COMMAND, alias=alias), part)
            try:
                raise_one(apply_each(self.view, REQUEST, steps))
            finally:
                commands = accepted_commands(steps)
                converge.sent += [id_ for command in commands for id_ in command.devices]
                self._note(converge)
            self.record.end(command.id for command in commands)
            sent.update((id_, command.id) for command in commands for id_ in command.devices)
        return sent

    def _note(self, converge: Converge) -> None:
        """Note the effects for the result of a task that fails or is interrupted."""
        if converge.sent:
            devices = counted(len(converge.sent))
            sentence = f"{self.title}: {devices} received a command to converge. Run the task again."
            self.context.effects.sentences[:] = [sentence]

    def _poll(self, converge: Converge) -> None:
        """Read the commands of the devices in flight."""
        commands = list(dict.fromkeys(converge.in_flight.values()))
        if not commands:
            return
        known = latest_statuses(self.view, commands)
        for id_ in list(converge.in_flight):
            status = known.get(id_)
            if status is not None and status["state"] != "pending":
                del converge.in_flight[id_]
                converge.results[id_] = (status["state"], status["reason"])
        self._forget(commands, known, converge)

    def _forget(self, commands: list[str], known: t.Mapping[str, Row], converge: Converge) -> None:
        """Remove commands from the state that succeeded on all their devices."""
        kept = {*converge.in_flight.values(), *converge.offline.values()}
        kept.update(status["request"] for status in known.values() if status["state"] != "succeeded")
        for id_ in commands:
            if id_ not in kept and id_ in self.record.commands:
                self.record.commands.remove(id_)

    def _leave_offline(self, converge: Converge) -> None:
        """Do not wait any longer for devices that went offline."""
        try:
            gone = self.read_offline(converge.in_flight)
        except EsperError as error:
            self.view.warn(f"The devices that are offline are not known. {error}")
            return
        for id_ in gone:
            converge.offline[id_] = converge.in_flight.pop(id_)

    def _report(self, converge: Converge) -> None:
        counts = converge.counts()
        text = (
            f"{self.title}: {counts['done']} of {counted(converge.total)} done, {counts['failed']} failed,"
            f" {counts['waiting']} waiting, {counts['offline']} offline"
        )
        if text != self._shown:
            self.context.progress(text)
            self._shown = text
