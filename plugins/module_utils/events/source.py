# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The loop of the event source: poll in a thread, hand the events over, wait.

The loop never blocks: each poll and each access to the store runs in a thread. The next poll starts when the queue has
taken all events of the one before, so no more than the changes of one poll wait, in the store and not in memory.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import typing as t

from ..base.errors import RequestFailed
from ..base.row import Row
from .options import Options
from .poller import Poller, is_temporary

_LOG = logging.getLogger(__name__)
_LONGEST_BACKOFF = 900.0
# Number of events that are in memory at the same time.
_BATCH = 50


class Queue(t.Protocol):
    """The queue of ansible-rulebook."""

    async def put(self, event: Row) -> None:
        """Wait until the queue takes an event."""


class Feedback(t.Protocol):
    """The queue with the events that the rule engine has stored."""

    async def get(self) -> Row:
        """Wait for the next event."""


async def run(
    queue: Queue,
    args: t.Mapping[str, t.Any],
    *,
    sleep: t.Callable[[float], t.Awaitable[None]] = asyncio.sleep,
    chance: t.Callable[[], float] = random.random,
) -> None:
    """Put the changes of a tenant into a queue, until the task is cancelled.

    With the option ``feedback`` of ansible-rulebook, an event counts as handed over when the rule engine has stored it.

    Raise ConfigurationError, InvalidParameter, NotFound or Ambiguous for an option, and ApiError if Esper rejects the
    API key. Other errors of requests delay the next poll.
    """
    options = await asyncio.to_thread(Options.from_args, dict(args), dict(os.environ))
    poller = await asyncio.to_thread(Poller, options, _LOG.warning)
    feedback: Feedback | None = args.get("eda_feedback_queue")
    failures = 0
    try:
        # Those of a process that was killed.
        await _hand_over(poller, queue, feedback)
        while True:
            try:
                await _finish(asyncio.to_thread(poller.poll), poller)
                failures = 0
            except RequestFailed as error:
                if not is_temporary(error):
                    raise
                failures += 1
                _LOG.warning("%s The next poll is delayed.", error)
            await _hand_over(poller, queue, feedback)
            await sleep(pause(options.interval, failures, chance()))
    finally:
        await asyncio.shield(asyncio.to_thread(poller.close))


def pause(interval: float, failures: int, chance: float) -> float:
    """Return the number of seconds until the next poll. It doubles with each failure, and differs by chance, so that
    several sources do not poll at the same time."""
    longest = max(interval, _LONGEST_BACKOFF)
    if failures == 0:
        return interval * (0.9 + 0.2 * chance)
    return float(min(interval * 2.0 ** min(failures, 16), longest)) * (0.5 + 0.5 * chance)


async def _finish(work: t.Coroutine[t.Any, t.Any, None], poller: Poller) -> None:
    """Wait for a poll in a thread. If this task is cancelled, stop the poll and wait for its end, because the store can
    only be closed then."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        poller.stop()
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()
        raise


async def _hand_over(poller: Poller, queue: Queue, feedback: Feedback | None) -> None:
    while events := await asyncio.to_thread(poller.events, _BATCH):
        for number, event in events:
            identifier = event["meta"]["uuid"]
            await queue.put(event)
            if feedback is not None:
                while (await feedback.get()).get("meta", {}).get("uuid") != identifier:
                    pass
            await asyncio.to_thread(poller.confirm, number)
