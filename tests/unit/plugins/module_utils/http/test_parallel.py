# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import graphlib
import threading
import typing as t

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import NotFound
from ansible_collections.esper.cloud.plugins.module_utils.http.parallel import (
    CONCURRENCY,
    in_dependency_order,
    in_parallel,
    in_parts,
    together,
    until_failure,
)

PATIENCE = 20.0


class Throttle:
    """The part of a client that the functions use."""

    def __init__(self) -> None:
        self.is_throttled = False
        self.stopped = threading.Event()
        self._count = 0

    @property
    def throttle_count(self) -> int:
        """The number of rate limits. If ``is_throttled``, each look finds one more."""
        self._count += self.is_throttled
        return self._count

    def stop(self) -> None:
        """Record that the calls in progress are to give up."""
        self.stopped.set()


@pytest.fixture
def client() -> t.Any:
    return Throttle()


class Counter:
    """Counts the calls in progress."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self._lock = threading.Lock()

    def __enter__(self) -> int:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
            return self.now

    def __exit__(self, *_error: object) -> None:
        with self._lock:
            self.now -= 1


def test_results_are_in_the_order_of_the_items(client: t.Any) -> None:
    assert list(in_parallel(client, lambda number: number * 2, range(100), 7)) == [2 * number for number in range(100)]
    assert list(in_parallel(client, str, (), 7)) == []


def test_all_allowed_calls_run_from_the_start(client: t.Any) -> None:
    together = threading.Barrier(CONCURRENCY)
    list(in_parallel(client, lambda _number: together.wait(PATIENCE), range(CONCURRENCY), CONCURRENCY))


@pytest.mark.parametrize(("most", "bound"), [(3, 3), (CONCURRENCY, CONCURRENCY), (1000, CONCURRENCY)])
def test_no_more_calls_run_than_allowed(client: t.Any, most: int, bound: int) -> None:
    counter, pause = Counter(), threading.Event()

    def work(_number: int) -> None:
        with counter:
            pause.wait(0.001)

    list(in_parallel(client, work, range(200), most))
    assert counter.most <= bound


def test_a_slow_call_delays_no_other(client: t.Any) -> None:
    others = threading.Semaphore(0)

    def work(number: int) -> int:
        if number == 0:
            assert all(others.acquire(timeout=PATIENCE) for _other in range(99))
        else:
            others.release()
        return number

    assert list(in_parallel(client, work, range(100), 4)) == list(range(100))


def test_few_results_wait_for_a_slow_call_if_the_buffer_is_limited(client: t.Any) -> None:
    others, taken = threading.Semaphore(0), []

    def items() -> t.Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    def work(number: int) -> int:
        if number == 0:
            assert all(others.acquire(timeout=PATIENCE) for _other in range(8))
        else:
            others.release()
        return number

    results = in_parallel(client, work, items(), 4, buffer=8)
    assert next(results) == 0
    assert len(taken) <= 8 + 4
    assert list(results) == list(range(1, 100))


def test_no_call_starts_while_results_are_not_taken_if_the_buffer_is_limited(client: t.Any) -> None:
    taken: list[int] = []
    results = in_parallel(client, taken.append, iter(range(100)), 4, buffer=8)
    next(results)
    assert len(taken) <= 4
    results.close()  # type: ignore[attr-defined]
    assert len(taken) <= 4


def test_the_limit_is_halved_if_esper_asks_for_fewer_requests(client: t.Any) -> None:
    most = 6
    together, later, counter = threading.Barrier(most), threading.Barrier(3), Counter()
    seen: list[int] = []

    def work(number: int) -> None:
        with counter as active:
            if number < most:
                client.is_throttled = True
                together.wait(PATIENCE)
            elif number < 2 * most:
                seen.append(active)
            elif number < 3 * most:
                client.is_throttled = False
            else:
                # The limit has grown again.
                later.wait(PATIENCE)

    list(in_parallel(client, work, range(3 * most + 3), most))
    assert seen == [1] * most


def test_an_error_is_raised_at_once(client: t.Any) -> None:
    started: list[int] = []

    def work(number: int) -> None:
        started.append(number)
        if number == 0:
            # It is in progress until the client stops.
            assert client.stopped.wait(PATIENCE)
        if number == 1:
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        list(in_parallel(client, work, range(1000), 2, buffer=4))
    assert len(started) < 10


def test_an_item_starts_when_its_dependencies_are_complete(client: t.Any) -> None:
    lock, completed, seen = threading.Lock(), list[str](), dict[str, set[str]]()
    dependencies = {"a1": {"a0"}, "a2": {"a1", "b0"}, "b1": {"b0"}, "c": set[str](), "d": {"a2", "b1", "c"}}

    def work(item: str) -> str:
        with lock:
            seen[item] = set(completed)
        with lock:
            completed.append(item)
        return item

    assert set(in_dependency_order(client, work, dependencies, 8)) == {"a0", "a1", "a2", "b0", "b1", "c", "d"}
    assert all(needed <= seen[item] for item, needed in dependencies.items())


def test_a_slow_call_delays_only_what_depends_on_it(client: t.Any) -> None:
    trees = 30
    dependencies = {f"{tree} {level}": {f"{tree} {level - 1}"} for tree in range(trees) for level in range(1, 4)}
    others = threading.Semaphore(0)

    def work(item: str) -> str:
        if item == "0 0":
            assert all(others.acquire(timeout=PATIENCE) for _other in range((trees - 1) * 4))
        else:
            others.release()
        return item

    order = list(in_dependency_order(client, work, dependencies, 4))
    assert order[-4:] == ["0 0", "0 1", "0 2", "0 3"]


def test_items_that_depend_on_each_other_are_an_error(client: t.Any) -> None:
    with pytest.raises(graphlib.CycleError):
        list(in_dependency_order(client, str, {"a": {"b"}, "b": {"a"}}, 4))


def test_an_error_ends_the_calls_in_dependency_order(client: t.Any) -> None:
    started: list[int] = []

    def work(number: int) -> None:
        started.append(number)
        raise ValueError(number)

    with pytest.raises(ValueError, match="0"):
        list(in_dependency_order(client, work, {1: {0}, 2: {1}}, 4))
    assert started == [0]
    assert client.stopped.is_set()


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_does_not_wait_for_responses(client: t.Any, interrupt: type[BaseException]) -> None:
    response, started = threading.Event(), threading.Semaphore(0)

    def work(number: int) -> None:
        started.release()
        if number:
            response.wait(PATIENCE)
        else:
            assert started.acquire(timeout=PATIENCE)
            assert started.acquire(timeout=PATIENCE)
            raise interrupt

    with pytest.raises(interrupt):
        list(in_parallel(client, work, range(2), 2))
    assert not response.is_set()
    assert client.stopped.is_set()
    response.set()


def test_the_last_part_can_be_shorter() -> None:
    assert list(in_parts(2, [1, 2, 3, 4, 5])) == [[1, 2], [3, 4], [5]]
    assert list(in_parts(2, [])) == []


def test_functions_are_called_at_the_same_time(client: t.Any) -> None:
    both = threading.Barrier(2, timeout=PATIENCE)
    assert together(client, lambda: (both.wait(), "a")[1], lambda: (both.wait(), "b")[1]) == ["a", "b"]


def test_the_first_error_is_raised_after_all_functions_have_ended(client: t.Any) -> None:
    failed, ended = threading.Event(), threading.Event()

    def fails() -> None:
        failed.set()
        raise NotFound("shelf", "first")

    def fails_later() -> None:
        failed.wait(PATIENCE)
        ended.set()
        raise NotFound("shelf", "second")

    with pytest.raises(NotFound, match="first"):
        together(client, fails, fails_later)
    assert ended.is_set()
    assert not client.stopped.is_set()


def test_no_call_starts_after_an_error_and_the_client_is_not_stopped(client: t.Any) -> None:
    started: list[int] = []

    def work(item: int) -> int:
        started.append(item)
        if item == 1:
            raise NotFound("shelf", "second")
        return item

    results, failures = until_failure(client, work, range(4), 1)
    assert (results, started, [str(each) for each in failures]) == ([0], [0, 1], [str(NotFound("shelf", "second"))])
    assert not client.stopped.is_set()
