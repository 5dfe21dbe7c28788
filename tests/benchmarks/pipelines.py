# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pipeline of 5 stages with 300 device groups and thousands of devices in one task: new, unchanged, and changed.

The bare client, bare_reads.py, sends the requests of the task for the unchanged pipeline over as many connections. The
contract forces them: pages of ten members, two lists for each stage, one for each operation list, and the lists of all
device groups and devices, whose names the task has. Requests that depend on others are in a later stage. The start that
is subtracted from the task is a playbook that only templates the names.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from bare import CLIENT, CONNECTIONS, TASK
from measuring import HERE, Measured, Options, ansible, playbook, ratio, requests_of, run, set_latency, table
from measuring import written as write
from simulated import Simulator

# The number of devices.
SIZES = (5_000,)
GROUPS, STAGES_OF_GROUPS = 300, 3
NEW, UNCHANGED, CHANGED = "new", "unchanged", "one stage changed"
# The requests that depend on the responses to others, by the place of the others.
_STAGES = (r"/stages/$", r"/(targetlists|operationlists)/$", r"/(operations|targets|devicegroups)/$", r"[?&]offset=")


def tables(options: Options) -> Iterator[str]:
    """One table for each number of devices."""
    for size in options.sizes or SIZES:
        with (
            tempfile.TemporaryDirectory(prefix="esper-bench.") as place,
            Simulator(devices=size, groups=GROUPS) as simulator,
        ):
            bench = Bench(simulator, Path(place), size)
            for _number in options.each_round(f"a pipeline with {size:,} devices"):
                for latency_ms in dict.fromkeys((0, options.latency_ms)):
                    bench.measure(latency_ms)
        yield table(
            f"A pipeline of 5 stages with {GROUPS} device groups and {size:,} devices: one task and a bare client",
            (
                "Latency",
                "Pipeline",
                "By",
                "Requests",
                "Seconds",
                "Seconds without start",
                "Ratio to the bare client, both without start",
                "CPU seconds without start",
            ),
            bench.rows(),
        )


class Bench:
    """The measurements against one simulator, which is reset for each of them."""

    def __init__(self, simulator: Simulator, place: Path, size: int) -> None:
        self._simulator = simulator
        self._place = place
        self._environment = ansible(simulator, place, ESPER_ENTERPRISE_ID=simulator.enterprise_id)
        self._measured, self._requests = Measured(), dict[tuple[int, str, str], int]()
        state = simulator.state(devices=True)
        devices = [device["name"] for device in state["devices"]]
        by_id = {group["id"]: group for group in state["groups"]}

        def path_of(group: dict[str, Any]) -> str:
            parent = by_id.get(group["parent"])
            return f"{path_of(parent)}/{group['name']}" if parent else str(group["name"])

        groups = [path_of(group) for group in state["groups"] if group["parent"]]
        operations = [{"type": "REBOOT"}, {"type": "UPDATE_HEARTBEAT"}]
        stages: list[dict[str, Any]] = [
            {"name": "Pilot", "devices": devices[: size // 5], "operations": operations},
            {"name": "Offices", "devices": devices[size // 5 :], "operations": operations},
            *(
                {"name": f"Region {number}", "groups": groups[number::STAGES_OF_GROUPS], "operations": operations}
                for number in range(STAGES_OF_GROUPS)
            ),
        ]
        changed = [*stages[:-1], {**stages[-1], "operations": operations[:1]}]
        self._tasks = {NEW: self._task("new", stages), CHANGED: self._task("changed", changed)}
        self._tasks[UNCHANGED] = self._tasks[NEW]
        # ansible-core takes seconds to load and template that many names, whatever the module does with them.
        template = {"ansible.builtin.set_fact": {"templated": "{{ stages }}"}}
        self._start_of_task = playbook(place / "start.yml", template, stages=stages)

    def _task(self, name: str, stages: list[dict[str, Any]]) -> tuple[str, str]:
        task = {"esper.cloud.pipeline": {"name": "Till release", "stages": "{{ stages }}"}}
        return playbook(self._place / f"{name}.yml", task, stages=stages)

    def measure(self, latency_ms: int) -> None:
        """Create the pipeline, find it unchanged, with the bare client too, and change it."""
        self._simulator.reset()
        self._start(latency_ms, TASK, self._start_of_task)
        set_latency(self._simulator, latency_ms)
        self._add(latency_ms, NEW, TASK, self._tasks[NEW])
        self._add(latency_ms, UNCHANGED, TASK, self._tasks[UNCHANGED])
        stages: list[list[str]] = [[] for _number in range(len(_STAGES) + 1)]
        for entry in self._simulator.journal():
            path = f"{entry['path']}{'?' if entry['query'] else ''}{urlencode(entry['query'])}"
            places = [number for number, each in enumerate(_STAGES, start=1) if re.search(each, path)]
            stages[max(places, default=0)].append(path)
        self._start(latency_ms, CLIENT, self._client("start.json", []))
        self._add(latency_ms, UNCHANGED, CLIENT, self._client("client.json", stages))
        self._add(latency_ms, CHANGED, TASK, self._tasks[CHANGED])

    def _client(self, name: str, stages: list[list[str]]) -> list[str | Path]:
        job = {
            "url": self._simulator.url,
            "key": self._simulator.key,
            "connections": CONNECTIONS,
            "stages": stages,
        }
        return [sys.executable, HERE / "bare_reads.py", write(self._place / name, json.dumps(job))]

    def _start(self, latency_ms: int, by: str, command: Any) -> None:
        self._measured.add((latency_ms, "start", by), run(command, self._environment, self._place))

    def _add(self, latency_ms: int, result: str, by: str, command: Any) -> None:
        cost, number = requests_of(self._simulator, lambda: run(command, self._environment, self._place))
        self._measured.add((latency_ms, result, by), cost)
        self._requests[latency_ms, result, by] = number

    def rows(self) -> list[list[str]]:
        """The medians, with the ratio of the task to the bare client."""
        rows = []
        for latency_ms, result, by in (way for way in self._measured if way[1] != "start"):
            cost = self._measured[latency_ms, result, by]
            work = cost.less(self._measured[latency_ms, "start", by])
            bare = None
            if result == UNCHANGED:
                bare = self._measured[latency_ms, result, CLIENT].less(self._measured[latency_ms, "start", CLIENT])
            rows.append(
                [
                    f"{latency_ms} ms",
                    result,
                    by,
                    str(self._requests[latency_ms, result, by]),
                    f"{cost.seconds:.2f}",
                    f"{work.seconds:.2f}",
                    "" if bare is None else ratio(work.seconds, bare.seconds),
                    f"{work.cpu_seconds:.2f}",
                ]
            )
        return rows
