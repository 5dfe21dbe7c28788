# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wait for an object that Esper completes by itself, such as a report. See waiting.py for the wait for devices."""

from __future__ import annotations

import itertools
import time
import typing as t
from dataclasses import dataclass

from ..base.errors import InvalidParameter
from ..base.limits import LONGEST_TIME
from ..base.row import Row
from ..http.client import Client
from ..model.module_spec import Option
from ..task import ModuleResult, RunContext

# Pauses between requests for the status, in seconds.
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 15.0
_PAUSE_FACTOR = 1.5


def timeout_option(awaited: str, default: float) -> Option:
    """Return the option ``wait_timeout``. ``awaited`` is the object for which the task waits."""
    return Option(
        "wait_timeout",
        f"Maximum time to wait for {awaited}, in seconds, even if O(deadline) is shorter. With V(0), the task reads the"
        f" status once. The task fails if it is exceeded. At most V({LONGEST_TIME}), a week.",
        type="float",
        default=default,
    )


def check_timeout(timeout: float) -> None:
    """Raise InvalidParameter if the option wait_timeout is out of range."""
    if not 0 <= timeout <= LONGEST_TIME:
        raise InvalidParameter(f"Invalid wait_timeout: {timeout:g}. It must be from 0 to {LONGEST_TIME}.")


def attempts(client: Client, timeout: float, *, longest_pause: float = _LONGEST_PAUSE) -> t.Iterator[int]:
    """Yield the number of each attempt, the first at once and the others after growing pauses, until the wait times
    out. Extend the deadline of the task for that."""
    client.extend(timeout + client.connection.timeout)
    end, pause = time.monotonic() + timeout, _FIRST_PAUSE
    for number in itertools.count(1):
        yield number
        remaining = end - time.monotonic()
        if remaining <= 0:
            return
        client.wait(min(pause, remaining))
        pause = min(pause * _PAUSE_FACTOR, longest_pause)


@dataclass(frozen=True, kw_only=True)
class Polling:
    """The wait for one object.

    ``title`` is the object at the start of a sentence: ``The report 5``. ``read`` reads it, and ``status`` returns its
    status for messages. ``is_complete`` returns whether the status is final. ``to_result`` returns the return values of
    the module, which must have the ID of the object. ``longest_pause`` is the maximum number of seconds between two
    requests.
    """

    title: str
    read: t.Callable[[], Row]
    status: t.Callable[[Row], str]
    is_complete: t.Callable[[Row], bool]
    to_result: t.Callable[[Row], Row]
    longest_pause: float = _LONGEST_PAUSE

    def wait(self, client: Client, context: RunContext, timeout: float, current: Row | None = None) -> Row:
        """Return the object when it is complete, or its last state if the wait times out.

        ``current`` is its state before, if that is known. If the wait fails or is interrupted, the result of the task
        has the return values of the last known state.
        """
        row: Row = current or {}
        if current is not None:
            context.effects.latest = self.to_result(current)
        for _attempt in attempts(client, timeout, longest_pause=self.longest_pause):
            row = self.read()
            context.effects.latest = self.to_result(row)
            if self.is_complete(row):
                break
            context.progress(f"{self.title}: {self.status(row)}")
        return row

    def timed_out(self, row: Row, timeout: float, advice: str) -> ModuleResult:
        """Return the failure of a task whose wait timed out, with the ID of the object. ``advice`` follows "Increase
        wait_timeout, or"."""
        message = (
            f"{self.title} has the status {self.status(row)} after {timeout:g} s, and Esper continues with it. Increase"
            f" wait_timeout, or {advice}."
        )
        return ModuleResult({"failed": True, "changed": False, "msg": message, **self.to_result(row)})
