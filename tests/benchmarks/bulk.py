# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many objects in one task of esper.cloud.tenant, compared with as many tasks in a loop, and with fewer objects.

The objects are device groups, one in a hundred of which is the parent of the others. One task creates them, and another
task finds them unchanged. The loop has 50 of them, as modules and in the controller's process, and its time is
extrapolated, because a thousand modules take twenty times as long.
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
# The size that is compared with the loop, or the largest smaller one.
COMPARED = 1_000
LOOPED = 50
GROUPS_PER_PARENT = 100
CREATED, UNCHANGED = "created", "unchanged"
MODULES, TASKS, ONE = "a loop, as modules", "a loop, in the controller's process", "one task"


@dataclass(frozen=True)
class _Way:
    """A measurement: the number of objects, the latency, the result, and the kind of task."""

    size: int
    latency_ms: int
    result: str
    by: str


class Bench:
    """The measurements against one simulator, which is reset for each of them."""

    def __init__(self, simulator: Simulator, place: Path) -> None:
        self._simulator = simulator
        self._place = place
        # Otherwise each task of the loop asks for it first, and the one task only once.
        self._environment = ansible(simulator, place, ESPER_ENTERPRISE_ID=simulator.enterprise_id)
        self._measured = Measured()

    def measure_start(self) -> None:
        """Run an empty playbook."""
        self._measured.add(START, run(START, self._environment, self._place))

    def measure(self, size: int, latency_ms: int = 0) -> None:
        """Create objects in one task, and find them unchanged in another."""
        self._simulator.reset()
        for result in (CREATED, UNCHANGED):
            self._add(_Way(size, latency_ms, result, ONE))

    def measure_loops(self, size: int, latency_ms: int) -> None:
        """Create objects in loops, and find them unchanged in others."""
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
        """Return the loops, extrapolated, and the task, with the ratios of the loops to the task."""
        start, looped = self._measured[START], min(size, LOOPED)
        rows = []
        for latency_ms in dict.fromkeys(way.latency_ms for way in self._measured if isinstance(way, _Way)):
            for result in (CREATED, UNCHANGED):
                one = self._measured[_Way(size, latency_ms, result, ONE)]
                for by in (MODULES, TASKS, ONE):
                    cost = self._measured[_Way(size, latency_ms, result, by)]
                    if by != ONE:
                        cost = cost.extrapolated(start, size / looped)
                    rows.append(
                        [
                            f"{latency_ms} ms",
                            result,
                            by if by == ONE or looped == size else f"{by} (of {looped})",
                            f"{cost.seconds:.1f}",
                            ratio(cost.seconds, one.seconds),
                            f"{cost.less(start).seconds:.1f}",
                            ratio(cost.less(start).seconds, one.less(start).seconds),
                        ]
                    )
        return rows

    def growth(self, sizes: list[int]) -> list[list[str]]:
        """Return the time for an object in tasks of each size, with its ratio to the lowest one in a smaller task."""
        start = self._measured[START]
        rows = []
        for result in (CREATED, UNCHANGED):
            costs = {size: self._measured[_Way(size, 0, result, ONE)] for size in sizes}
            each = {size: cost.less(start).seconds / size * 1000 for size, cost in costs.items()}
            for size, cost in costs.items():
                more = size - sizes[0]
                rows.append(
                    [
                        f"{size:,}",
                        result,
                        f"{cost.seconds:.1f}",
                        f"{each[size]:.2f}",
                        ratio(each[size], min(each[other] for other in sizes if other < size)) if more else "",
                        f"{cost.megabytes:.0f}",
                        f"{(cost.megabytes - costs[sizes[0]].megabytes) * 1024 / more:.1f}" if more else "",
                    ]
                )
        return rows


def tables(options: Options) -> Iterator[str]:
    """Return the comparison with the loop, and the growth."""
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
        f"{compared:,} objects: loops, extrapolated, and one task",
        (
            "Latency",
            "Objects",
            "By",
            "Seconds",
            "Ratio to one task",
            "Seconds without start",
            "Ratio to one task, both without start",
        ),
        bench.comparison(compared),
    )
    yield table(
        "Number of objects in one task",
        (
            "Objects",
            "Result",
            "Seconds",
            "ms for each, without start",
            "Ratio to the lowest of fewer objects",
            "MB",
            "kB for each more",
        ),
        bench.growth(sizes),
    )


def paths(size: int) -> Iterator[str]:
    """Return the paths of groups, each after its parent."""
    for number in range(size):
        parent = f"Bench {number // GROUPS_PER_PARENT:03}"
        yield f"{parent}/{number:05}" if number % GROUPS_PER_PARENT else parent
