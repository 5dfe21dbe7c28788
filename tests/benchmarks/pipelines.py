# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pipeline of 5 stages with 300 device groups and thousands of devices: new, unchanged, changed, and its runs.

The bare client, bare_reads.py, sends the requests of the task for the unchanged pipeline over as many connections. The
contract forces them: pages of ten members, two lists for each stage, one for each operation list, and the lists of all
device groups and devices, whose names the task has. Requests that depend on others are in a later stage. The start that
is subtracted from the task is a playbook that only templates the names.

The tasks about runs have no bare client. The simulator runs a whole stage between two reads of the run, and 2 % of the
devices fail. Devices in all states respond, because offline ones keep the run open. Each task fails if the counts, the
failed devices or the run in its result are not the expected ones. Their start is an empty playbook.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from bare import CLIENT, CONNECTIONS, TASK
from measuring import HERE, START, Measured, Options, ansible, playbook, ratio, requests_of, run, set_latency, table
from measuring import written as write
from simulated import Simulator

sys.path.append(str(HERE.parent / "processes"))
from controller import Run

# The number of devices.
SIZES = (5_000,)
GROUPS, STAGES_OF_GROUPS = 300, 3
NEW, UNCHANGED, CHANGED = "new", "unchanged", "one stage changed"
PIPELINE = "Till release"
# The results of the tasks about runs.
RAN, FOLLOWED, RETRIED, CANCELED = "run", "run followed after a kill", "failed devices retried", "run canceled"
RUNS = "one task about a run"
# The percentage of a stage that can fail. More than 2 % of a stage with device groups fail by chance.
_TOLERANCE = 10
# One of this number of devices fails.
_FAILING_EACH = 50
# A stage starts, sends each of two operations, and gets the result of each. The last step ends the run.
_STEPS = 5
# The task reads the run at once, and then after pauses. The first is a second, and each other longer by this factor.
_PAUSE_FACTOR, _LONGEST_PAUSE = 1.5, 30.0
_RUN = re.compile(r"/pipelines/[^/]+/runs/[^/]+/$")
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
                "Seconds of pauses",
                "Seconds without start and pauses",
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
        self._pauses = dict[tuple[int, str, str], float]()
        state = simulator.state(devices=True)
        devices = [device["name"] for device in state["devices"]]
        self._failing = [device["id"] for device in state["devices"][::_FAILING_EACH]]
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
        # Each device is in a stage by its name, and in one by its group.
        below_root = {group["id"] for group in state["groups"] if group["parent"]}
        in_groups = {device["id"] for device in state["devices"] if device["group_id"] in below_root}
        self._failed = sorted([*self._failing, *in_groups.intersection(self._failing)])
        self._of_stages = size + len(in_groups)
        # After the first two stages, each device is in one.
        self._size = size
        self._tasks = {NEW: self._task("new", stages), CHANGED: self._task("changed", changed)}
        self._tasks[UNCHANGED] = self._tasks[NEW]
        # ansible-core takes seconds to load and template that many names, whatever the module does with them.
        template = {"ansible.builtin.set_fact": {"templated": "{{ stages }}"}}
        self._start_of_task = playbook(place / "start.yml", template, stages=stages)

    def _task(self, name: str, stages: list[dict[str, Any]]) -> tuple[str, str]:
        task = {"esper.cloud.pipeline": {"name": PIPELINE, "stages": "{{ stages }}"}}
        return playbook(self._place / f"{name}.yml", task, stages=stages)

    def measure(self, latency_ms: int) -> None:
        """Create the pipeline, find it unchanged, with the bare client too, change it, and run it."""
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
        self._measure_runs(latency_ms)

    def _measure_runs(self, latency_ms: int) -> None:
        """Run the pipeline to its end, follow one after a kill of its task, retry its failed devices, and cancel it."""
        self._start(latency_ms, RUNS, START)
        conduct = {"polls": 1, "steps": _STEPS, "reaches_all": True}
        self._simulator.conduct(**conduct, failing=self._failing)
        to_its_end = {"wait": True, "promote": "always", "confirm": True, "if_running": "follow"}
        self._add(latency_ms, RAN, RUNS, self._run("completed", 1, self._of_stages, self._failed, **to_its_end))
        to_its_end_again = self._run("completed", 2, self._of_stages, self._failed, **to_its_end)
        self._kill(to_its_end_again)
        self._add(latency_ms, FOLLOWED, RUNS, to_its_end_again)
        to_promotion = {"wait": True, "until": "waiting"}
        first = self._failing[: -(-(self._size // 5) // _FAILING_EACH)]
        started = self._run("waiting", 3, self._size // 5, first, **to_promotion, confirm=True)
        run(started, self._environment, self._place)
        resumed = self._run("waiting", 3, self._size, self._failing, **to_promotion, state="resumed")
        run(resumed, self._environment, self._place)
        self._simulator.conduct(**conduct)
        retried = f"result.device_count == {len(self._failing)}"
        self._add(
            latency_ms, RETRIED, RUNS, self._run("waiting", 3, self._size, [], retried, **to_promotion, state="retried")
        )
        canceled = "result.changed and result.pipeline_run.status == 'cancelled'"
        self._add(latency_ms, CANCELED, RUNS, self._run("completed", 3, 0, None, canceled, state="cancelled"))

    def _run(
        self, reached: str, number: int, devices: int, failed: list[str] | None, /, *others: str, **options: Any
    ) -> tuple[str, str]:
        """Write a task about a run, and return its command. It fails if its result is not the expected one: the state,
        the number of the run, the number of devices of the stages, and those that failed, None without report."""
        conditions = [f"result.state == '{reached}'", f"result.pipeline_run.number == {number}", *others]
        if failed is not None:
            counts = {"succeeded": devices - len(failed), "failed": len(failed)}
            counts |= dict.fromkeys(("timed_out", "cancelled", "pending"), 0)
            conditions.append(f"result.counts == {counts}")
            conditions.append("result.failed_devices | map(attribute='id') | sort == failed")
        tolerance = {"max_fail_percentage": _TOLERANCE, "wait_timeout": 120}
        task = {
            "esper.cloud.pipeline_run": {"pipeline": PIPELINE, **tolerance, **options},
            "register": "result",
            "failed_when": f"not ({' and '.join(conditions)})",
        }
        return playbook(self._place / "run.yml", task, failed=sorted(failed or []))

    def _kill(self, command: tuple[str, str]) -> None:
        """Start a task about a run, and kill it after it has promoted the run."""
        self._simulator.clear_journal()
        output = self._place / "output.txt"
        with output.open("wb") as file:
            process = subprocess.Popen(
                command,
                cwd=self._place,
                env=self._environment,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        task = Run(process, output)
        while not any(write["method"] == "PUT" for write in self._simulator.writes()):
            if task.is_over:
                sys.exit(f"The task ended before it promoted the run:\n{task.output}")
            time.sleep(0.1)
        task.kill_worker()
        if not task.end().code:
            sys.exit(f"The task was not killed:\n{task.output}")

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
        reads = sum(
            entry["method"] == "GET" and bool(_RUN.search(entry["path"])) for entry in self._simulator.journal()
        )
        pauses = (min(_PAUSE_FACTOR**number, _LONGEST_PAUSE) for number in range(reads - 1))
        self._pauses[latency_ms, result, by] = sum(pauses)

    def rows(self) -> list[list[str]]:
        """The medians, with the ratio of the task to the bare client."""
        rows = []
        for latency_ms, result, by in (way for way in self._measured if way[1] != "start"):
            cost = self._measured[latency_ms, result, by]
            work = cost.less(self._measured[latency_ms, "start", by])
            pauses = self._pauses[latency_ms, result, by]
            bare = None
            if result == UNCHANGED:
                bare = self._measured[latency_ms, result, CLIENT].less(self._measured[latency_ms, "start", CLIENT])
            rows.append(
                [
                    f"{latency_ms} ms",
                    result,
                    TASK if by == RUNS else by,
                    f"{self._requests[latency_ms, result, by]:,}",
                    f"{cost.seconds:.2f}",
                    f"{pauses:.2f}" if pauses else "",
                    f"{work.seconds - pauses:.2f}",
                    "" if bare is None else ratio(work.seconds, bare.seconds),
                    f"{work.cpu_seconds:.2f}",
                ]
            )
        return rows
