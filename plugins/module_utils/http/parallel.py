# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several requests under way at a time, as many as the service bears."""

from __future__ import annotations

import typing as t
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor

from ..base.threads import block_signals
from .client import Client

# So many requests that do not depend on each other are under way at a time, if the service bears it.
CONCURRENCY = 8

_In = t.TypeVar("_In")
_Out = t.TypeVar("_Out")


def in_parallel(client: Client, work: t.Callable[[_In], _Out], items: t.Iterable[_In], most: int) -> t.Iterator[_Out]:
    """What ``work`` makes of each item, in order, a window of them under way: one more after each result, half as many
    after each rebuff of the service.

    Raises what ``work`` raises; what is under way then gives up.
    """
    window, throttled = 1, client.throttle_count
    under_way: deque[Future[_Out]] = deque()
    waiting = iter(items)
    with ThreadPoolExecutor(max_workers=most) as pool:
        try:
            while True:
                while len(under_way) < window:
                    try:
                        item = next(waiting)
                    except StopIteration:
                        break
                    with block_signals():
                        under_way.append(pool.submit(work, item))
                if not under_way:
                    return
                yield under_way.popleft().result()
                window = min(window + 1, most) if client.throttle_count == throttled else max(window // 2, 1)
                throttled = client.throttle_count
        except BaseException:
            # The pool waits for its threads, which may be waiting for the service themselves.
            client.stop()
            raise


def in_parts(size: int, items: t.Sequence[_In]) -> t.Iterator[list[_In]]:
    """Items in parts of a size, the last of which may be smaller, as requests take so many at most."""
    return (list(items[start : start + size]) for start in range(0, len(items), size))
