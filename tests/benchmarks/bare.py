# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many new objects in one task of esper.cloud.tenant, compared with a bare client.

The bare client, bare_client.py, sends the same bodies in the same order of parents, over as many connections as the
module uses. Both run in turns, so that the ratio holds on a busy machine, too.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bulk import paths
from measuring import HERE, START, Measured, Options, ansible, playbook, ratio, run, set_latency, table, written
from simulated import Simulator

SIZES = (1_000,)
CONNECTIONS = 20
CLIENT, TASK = "bare client", "one task"


def tables(options: Options) -> Iterator[str]:
    """One table for each number of objects."""
    for size in options.sizes or SIZES:
        with (
            tempfile.TemporaryDirectory(prefix="esper-bench.") as place,
            Simulator(devices=0, groups=30) as simulator,
        ):
            bench = Bench(simulator, Path(place), size)
            for _number in options.each_round(f"{size:,} objects and the bare client"):
                for latency_ms in dict.fromkeys((0, options.latency_ms)):
                    bench.measure(latency_ms)
        yield table(
            f"{size:,} new device groups: one task and a bare client",
            (
                "Latency",
                "By",
                "Seconds",
                "Seconds without start",
                "Ratio to the bare client, both without start",
                "CPU seconds without start",
                "Ratio to the bare client",
                "Most requests in flight",
            ),
            bench.rows(),
        )


class Bench:
    """The measurements against one simulator, which is reset for each of them."""

    def __init__(self, simulator: Simulator, place: Path, size: int) -> None:
        self._simulator = simulator
        self._place = place
        # The bare client does not ask for it either.
        self._environment = ansible(simulator, place, ESPER_ENTERPRISE_ID=simulator.enterprise_id)
        self._measured = Measured()
        self._in_flight: dict[tuple[int, str], int] = {}
        groups = list(paths(size))
        task: dict[str, Any] = {"esper.cloud.tenant": {"device_groups": "{{ wanted }}"}}
        wanted = [{"path": path} for path in groups]
        self._commands = {
            CLIENT: self._client("client.json", groups),
            TASK: playbook(place / "task.yml", task, wanted=wanted),
        }
        self._starts = {CLIENT: self._client("start.json", []), TASK: START}

    def _client(self, name: str, groups: list[str]) -> list[str | Path]:
        job = {
            "url": self._simulator.url,
            "key": self._simulator.key,
            "enterprise": self._simulator.enterprise_id,
            "root": next(group["id"] for group in self._simulator.state()["groups"] if not group["parent"]),
            "groups": groups,
            "connections": CONNECTIONS,
        }
        return [sys.executable, HERE / "bare_client.py", written(self._place / name, json.dumps(job))]

    def measure(self, latency_ms: int) -> None:
        """Create the groups by both, each in a tenant without them."""
        for by, command in self._commands.items():
            self._measured.add((latency_ms, by, "start"), run(self._starts[by], self._environment, self._place))
            self._simulator.reset()
            set_latency(self._simulator, latency_ms)
            self._measured.add((latency_ms, by), run(command, self._environment, self._place))
            if latency_ms:
                self._in_flight[latency_ms, by] = max(
                    _most_in_flight(self._simulator, latency_ms), self._in_flight.get((latency_ms, by), 0)
                )

    def rows(self) -> list[list[str]]:
        """The medians of both, with the ratios of the task to the bare client."""
        rows = []
        for latency_ms in sorted({way[0] for way in self._measured}):
            work = {
                by: self._measured[latency_ms, by].less(self._measured[latency_ms, by, "start"])
                for by in (CLIENT, TASK)
            }
            rows += [
                [
                    f"{latency_ms} ms",
                    by,
                    f"{self._measured[latency_ms, by].seconds:.2f}",
                    f"{work[by].seconds:.2f}",
                    ratio(work[by].seconds, work[CLIENT].seconds),
                    f"{work[by].cpu_seconds:.2f}",
                    ratio(work[by].cpu_seconds, work[CLIENT].cpu_seconds),
                    str(self._in_flight.get((latency_ms, by), "")),
                ]
                for by in (CLIENT, TASK)
            ]
        return rows


def _most_in_flight(simulator: Simulator, latency_ms: int) -> int:
    """Return how many requests the simulator was answering at the same time: those that came within the latency. The
    journal has times in tenths of a millisecond."""
    times = sorted(entry["time_ms"] for entry in simulator.journal())
    most = start = 0
    for end, time in enumerate(times):
        while time - times[start] >= latency_ms - 0.2:
            start += 1
        most = max(most, end - start + 1)
    return most
