# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many objects in one task of esper.cloud.tenant: against as many tasks in a loop, and what each costs as they become
more.

The objects are device groups, one in a hundred of which holds the others. They are created, and then there is a task
that has nothing to change. The loop runs over 50 of them, as modules and in the controller's process, and is
extrapolated, since a thousand modules are nothing but twenty times as many.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measuring import START, Cost, Measured, Options, ansible, playbook, ratio, run, set_latency, table
from simulated import Simulator

SIZES = (10, 100, 1_000, 5_000)
# The size that is compared with the loop, or the largest below.
COMPARED = 1_000
LOOPED = 50
GROUPS_PER_PARENT = 100
CREATED, UNCHANGED = "created", "unchanged"
MODULES, TASKS, ONE = "a loop, as modules", "a loop, in the controller's process", "one task"


@dataclass(frozen=True)
class _Way:
    """What is done with how many objects, how, and how far the service is."""

    size: int
    latency_ms: int
    done: str
    by: str


class Bench:
    """The measurements against one simulated tenant, which is emptied over and over."""

    def __init__(self, simulator: Simulator, place: Path) -> None:
        self._simulator = simulator
        self._place = place
        # Else each task of the loop would have to ask for it first, and the one task only once.
        self._environment = ansible(simulator, place, ESPER_ENTERPRISE_ID=simulator.enterprise_id)
        self._measured = Measured()

    def measure_start(self) -> None:
        """Run a playbook that does nothing."""
        self._measured.add(START, run(START, self._environment, self._place))

    def measure(self, size: int, latency_ms: int = 0) -> None:
        """Create so many objects in one task, and have nothing to do in another."""
        self._simulator.reset()
        for done in (CREATED, UNCHANGED):
            self._add(_Way(size, latency_ms, done, ONE))

    def measure_loops(self, size: int, latency_ms: int) -> None:
        """The same in loops: first there are none of the objects, then all of them."""
        for by in (MODULES, TASKS):
            self._simulator.reset()
            self._add(_Way(size, latency_ms, CREATED, by))
            self._run(_Way(size, 0, CREATED, ONE))
            self._add(_Way(size, latency_ms, UNCHANGED, by))

    def _add(self, way: _Way) -> None:
        self._measured.add(way, self._run(way))

    def _run(self, way: _Way) -> Cost:
        set_latency(self._simulator, way.latency_ms)
        groups = [{"path": path} for path in paths(way.size)]
        task: dict[str, Any] = {"esper.cloud.tenant": {"device_groups": "{{ wanted }}"}}
        if way.by != ONE:
            groups = groups[:LOOPED]
            task = {
                "esper.cloud.device_group": {"path": "{{ item.path }}"},
                "loop": "{{ wanted }}",
                "vars": {"esper_in_process": way.by == TASKS},
            }
        return run(playbook(self._place / "bulk.yml", task, wanted=groups), self._environment, self._place)

    def comparison(self, size: int) -> list[list[str]]:
        """The loops, extrapolated, and the task; ratios say how many times faster the task is."""
        start, looped = self._measured[START], min(size, LOOPED)
        rows = []
        for latency_ms in dict.fromkeys(way.latency_ms for way in self._measured if isinstance(way, _Way)):
            for done in (CREATED, UNCHANGED):
                one = self._measured[_Way(size, latency_ms, done, ONE)]
                for by in (MODULES, TASKS, ONE):
                    cost = self._measured[_Way(size, latency_ms, done, by)]
                    if by != ONE:
                        cost = cost.extrapolated(start, size / looped)
                    rows.append(
                        [
                            f"{latency_ms} ms",
                            done,
                            by if by == ONE or looped == size else f"{by} (of {looped})",
                            f"{cost.seconds:.1f}",
                            ratio(cost.seconds, one.seconds),
                            f"{cost.less(start).seconds:.1f}",
                            ratio(cost.less(start).seconds, one.less(start).seconds),
                        ]
                    )
        return rows

    def growth(self, sizes: list[int]) -> list[list[str]]:
        """What an object costs in tasks of each size, and how much dearer that is than in any smaller task."""
        start = self._measured[START]
        rows = []
        for done in (CREATED, UNCHANGED):
            costs = {size: self._measured[_Way(size, 0, done, ONE)] for size in sizes}
            each = {size: cost.less(start).seconds / size * 1000 for size, cost in costs.items()}
            for size, cost in costs.items():
                more = size - sizes[0]
                rows.append(
                    [
                        f"{size:,}",
                        done,
                        f"{cost.seconds:.1f}",
                        f"{each[size]:.2f}",
                        ratio(each[size], min(each[other] for other in sizes if other < size)) if more else "",
                        f"{cost.megabytes:.0f}",
                        f"{(cost.megabytes - costs[sizes[0]].megabytes) * 1024 / more:.1f}" if more else "",
                    ]
                )
        return rows


def tables(options: Options) -> Iterator[str]:
    """One table against the loop, one of growth."""
    sizes = sorted(options.sizes or SIZES)
    compared = max((size for size in sizes if size <= COMPARED), default=sizes[0])
    with (
        tempfile.TemporaryDirectory(prefix="esper-bench.") as place,
        Simulator(devices=0, groups=30) as simulator,
    ):
        bench = Bench(simulator, Path(place))
        for _number in options.each_round(f"{', '.join(f'{size:,}' for size in sizes)} objects"):
            bench.measure_start()
            for size in sizes:
                bench.measure(size)
            for latency_ms in dict.fromkeys((0, options.latency_ms)):
                if latency_ms:
                    bench.measure(compared, latency_ms)
                bench.measure_loops(compared, latency_ms)
    yield table(
        f"{compared:,} objects",
        ("Latency", "Objects", "By", "Seconds", "to one task", "Without start", "to one task"),
        bench.comparison(compared),
    )
    yield table(
        "Objects in one task, by their number",
        (
            "Objects",
            "They are",
            "Seconds",
            "ms each, without start",
            "to the least of fewer",
            "MB",
            "kB for one more",
        ),
        bench.growth(sizes),
    )


def paths(size: int) -> Iterator[str]:
    """So many groups, each after the one that holds it."""
    for number in range(size):
        parent = f"Bench {number // GROUPS_PER_PARENT:03}"
        yield f"{parent}/{number:05}" if number % GROUPS_PER_PARENT else parent
