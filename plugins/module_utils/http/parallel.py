# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several requests at the same time, as many as Esper accepts. A slow request delays only those that depend on it."""

from __future__ import annotations

import threading
import typing as t
from collections import deque
from graphlib import TopologicalSorter
from queue import SimpleQueue

from ..base.errors import EsperError
from ..base.threads import block_signals
from .client import Client
from .transport import CONNECTIONS

# Maximum number of independent requests at the same time.
CONCURRENCY = CONNECTIONS

_In = t.TypeVar("_In")
_Out = t.TypeVar("_Out")
_Call = tuple[t.Any, t.Callable[[t.Any], t.Any], t.Any]
_Result = tuple[t.Any, t.Any, "BaseException | None"]


def in_parallel(
    client: Client,
    work: t.Callable[[_In], _Out],
    items: t.Iterable[_In],
    most: int,
    *,
    buffer: int | None = None,
) -> t.Iterator[_Out]:
    """Yield the result of ``work`` for each item, in the order of the items, with at most ``most`` calls at a time.

    ``buffer`` is the maximum number of results that wait for an earlier one, None for no limit. With a limit, an item
    is taken when its call can start, and no call starts while the caller does not take results.

    Raise what ``work`` raises, at once. The calls in progress then give up.
    """
    waiting = enumerate(items)
    results: dict[int, _Out] = {}
    following, item = 0, next(waiting, None)
    with _Workers(client, most) as workers:
        while True:
            while item is not None and (buffer is None or (workers.has_capacity and len(results) < buffer)):
                workers.start(item[0], work, item[1])
                item = next(waiting, None)
            if following in results:
                yield results.pop(following)
                following += 1
            elif workers.pending:
                # No variable keeps a result after it was yielded: it can be a page of thousands of objects.
                results.update([workers.next_result()])
            else:
                return


def in_dependency_order(
    client: Client,
    work: t.Callable[[_In], _Out],
    dependencies: t.Mapping[_In, t.Iterable[_In]],
    most: int,
) -> t.Iterator[_Out]:
    """Yield the result of ``work`` for each item as it completes, with at most ``most`` calls at a time. A call starts
    as soon as the calls for all items that its item depends on are complete.

    Raise what ``work`` raises, and graphlib.CycleError. The calls in progress then give up.
    """
    sorter = TopologicalSorter(dependencies)
    sorter.prepare()
    with _Workers(client, most) as workers:
        while sorter.is_active():
            for item in sorter.get_ready():
                workers.start(item, work, item)
            item, result = workers.next_result()
            sorter.done(item)
            yield result


def until_failure(
    client: Client, work: t.Callable[[_In], _Out], items: t.Iterable[_In], most: int
) -> tuple[list[_Out], list[EsperError]]:
    """Return the results of ``work`` for the items, in their order, and the errors in the order of their time.

    After an error, no further call starts. The calls in progress end, unlike those of in_parallel(), which stops the
    client, so the outcome of their requests would be unknown.
    """
    failures: list[EsperError] = []

    def attempt(item: _In) -> tuple[_Out, ...]:
        try:
            return () if failures else (work(item),)
        except EsperError as error:
            failures.append(error)
            return ()

    return [result for results in in_parallel(client, attempt, items, most) for result in results], failures


def together(client: Client, *calls: t.Callable[[], t.Any]) -> list[t.Any]:
    """Return the results of functions that are called at the same time, in their order.

    Raise the first of their errors, in their order. Each function ends first, because a client that is stopped is of no
    use for the rest of the task.
    """

    def attempt(call: t.Callable[[], t.Any]) -> tuple[t.Any, EsperError | None]:
        try:
            return call(), None
        except EsperError as error:
            return None, error

    results = list(in_parallel(client, attempt, calls, len(calls)))
    for _result, error in results:
        if error is not None:
            raise error
    return [result for result, _error in results]


def in_parts(size: int, items: t.Sequence[_In]) -> t.Iterator[list[_In]]:
    """Yield the items in lists of ``size``, the last of which can be shorter."""
    return (list(items[start : start + size]) for start in range(0, len(items), size))


class _Workers:
    """Threads that call functions, at most ``most`` at a time. If Esper asks for fewer requests, the limit is halved,
    and then grows by one with each result.

    ``pending`` is the number of calls whose result was not taken.
    """

    def __init__(self, client: Client, most: int) -> None:
        self.pending = 0
        self._client = client
        self._most = self._limit = min(most, CONCURRENCY)
        self._throttled = client.throttle_count
        self._threads: list[threading.Thread] = []
        self._active = 0
        self._is_closed = False
        self._calls: deque[_Call] = deque()
        # Guards what the threads share.
        self._changed = threading.Condition(threading.Lock())
        self._results: SimpleQueue[_Result] = SimpleQueue()

    def __enter__(self) -> _Workers:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_rest: object) -> None:
        if kind is not None:
            # The threads may be waiting for their next request.
            self._client.stop()
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        if kind is None or issubclass(kind, Exception):
            for thread in self._threads:
                thread.join()
        # After an interrupt, nobody waits for the responses. The threads end with the process.

    @property
    def has_capacity(self) -> bool:
        """True if another call starts at once."""
        return self.pending < self._limit

    def start(self, key: t.Any, work: t.Callable[[_In], t.Any], item: _In) -> None:
        """Call a function in a thread, as soon as the limit allows."""
        self.pending += 1
        with self._changed:
            self._calls.append((key, work, item))
            self._changed.notify()
        if self.pending > len(self._threads) < self._most:
            thread = threading.Thread(target=self._run, daemon=True)
            with block_signals():
                thread.start()
            self._threads.append(thread)

    def next_result(self) -> tuple[t.Any, t.Any]:
        """Return the key and the result of the next call to complete. Raise what it raised."""
        key, result, error = self._results.get()
        self.pending -= 1
        if error is not None:
            raise error
        return key, result

    def _run(self) -> None:
        while (call := self._next_call()) is not None:
            key, work, item = call
            result: _Result
            try:
                result = key, work(item), None
            except BaseException as error:  # noqa: BLE001 - next_result() raises it in the caller's thread
                result = key, None, error
            self._adapt_limit()
            self._results.put(result)
            # A thread that waits keeps nothing in memory.
            del call, key, work, item, result

    def _next_call(self) -> _Call | None:
        with self._changed:
            while not self._is_closed and (not self._calls or self._active >= self._limit):
                self._changed.wait()
            if self._is_closed:
                return None
            self._active += 1
            return self._calls.popleft()

    def _adapt_limit(self) -> None:
        with self._changed:
            self._active -= 1
            throttled = self._client.throttle_count
            if throttled != self._throttled:
                self._limit, self._throttled = max(self._limit // 2, 1), throttled
            elif self._limit < self._most:
                self._limit += 1
                # This thread takes one call, and the higher limit allows another.
                self._changed.notify()
