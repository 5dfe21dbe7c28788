# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role `rollout` for thousands of devices in four waves, a second run, and a bare client.

The bare client, bare_reads.py, sends the read requests of the role again, over as many connections.

The lower bound of the requests is what any client needs for the same rollout: the read and the update of the blueprint,
one list of all devices before the first wave and one after each wave, one command for each 1,000 devices of a wave, and
two readings of each command, because the simulator ends a command with the second one. The role reads the devices more
often, because each of its tasks can be the first one after an interrupt.

The seconds of pauses are those between two requests that are a second or more apart.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
import urllib.request
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from bare import CLIENT, CONNECTIONS
from measuring import HERE, START, Cost, Measured, Options, ansible, ratio, requests_of, run, table
from measuring import written as write
from simulated import Simulator

SIZES = (1_000, 10_000)
FIRST, SECOND = "rollout", "second run"
ROLE = "the role"
PERCENTAGES = (1, 10, 50, 100)
BLUEPRINT = "Point of Sale"
# One of five devices of the simulator has the blueprint. The others are removed.
_FACTOR = 5.5
COMMANDS, PAGE = "/commands/v0/commands/", 1000
# The gap between two requests from which it is a pause. The shortest pause of the module is a second.
_PAUSE = 0.95


def tables(options: Options) -> Iterator[str]:
    """One table with all numbers of devices."""
    rows: list[list[str]] = []
    for size in options.sizes or SIZES:
        with (
            tempfile.TemporaryDirectory(prefix="esper-bench.") as place,
            Simulator(devices=int(size * _FACTOR)) as simulator,
        ):
            bench = Bench(simulator, Path(place), size)
            for _number in options.each_round(f"a rollout to {size:,} devices"):
                bench.measure()
        rows += bench.rows()
    yield table(
        "A rollout in four waves and a bare client",
        (
            "Devices",
            "Run",
            "By",
            "Requests",
            "Lower bound",
            "Seconds of pauses",
            "Seconds without start and pauses",
            "CPU seconds without start",
            "CPU ratio to the bare client",
            "Memory in MB",
        ),
        rows,
    )


class Bench:
    """The measurements against one simulator, which is reset for each round."""

    def __init__(self, simulator: Simulator, place: Path, size: int) -> None:
        self._simulator = simulator
        self._place = place
        self._size = self._devices = size
        self._environment = ansible(simulator, place, ESPER_ENTERPRISE_ID=simulator.enterprise_id, PWD=place)
        self._measured, self._requests = Measured(), dict[tuple[str, str], int]()
        self._pauses, self._bound = dict[tuple[str, str], float](), dict[str, int]()
        waves = [{"name": f"{each} %", "percent": each, "concurrency": PAGE} for each in PERCENTAGES]
        role = {
            "role": "esper.cloud.rollout",
            "rollout_blueprints": [BLUEPRINT],
            "rollout_app": {"package_name": "com.example.till", "version_name": "1.9.1"},
            "rollout_waves": waves,
            "rollout_health": {"converged_percent": 100, "max_offline_increase_percent": 1},
        }
        play = {"hosts": "localhost", "gather_facts": False, "roles": [role]}
        self._play = ("ansible-playbook", str(write(place / "rollout.yml", json.dumps([play]))))

    def measure(self) -> None:
        """Roll out, run again, and send the read requests of the rollout with the bare client."""
        self._simulator.reset()
        self._devices = self._prepare()
        (self._place / "rollout-state.json").unlink(missing_ok=True)
        self._measured.add(("start", ROLE), run(START, self._environment, self._place))
        self._measured.add(("start", CLIENT), run(self._client([]), self._environment, self._place))
        self._add(FIRST, ROLE, self._play)
        journal = self._simulator.journal()
        self._check(journal)
        paths = [
            f"{entry['path']}{'?' if entry['query'] else ''}{urlencode(entry['query'])}"
            for entry in journal
            if entry["method"] == "GET"
        ]
        self._bound[FIRST] = self._lower_bound()
        self._add(SECOND, ROLE, self._play)
        if any(entry["method"] != "GET" for entry in self._simulator.journal()):
            sys.exit("The second run sent write requests.")
        self._bound[SECOND] = 1 + self._lists()
        self._add(FIRST, CLIENT, self._client(paths))

    def _check(self, journal: list[dict[str, Any]]) -> None:
        """Exit if not every enabled device received one command."""
        sent = Counter(
            id_ for each in journal if each["path"] == COMMANDS and each["body"] for id_ in each["body"]["devices"]
        )
        if len(sent) != self._devices or set(sent.values()) != {1}:
            sys.exit("The role did not send one command to each device.")

    def _prepare(self) -> int:
        """Remove the devices of other blueprints. Return the number of devices that are not disabled."""
        command = [sys.executable, __file__, self._simulator.url.removesuffix("/api"), str(self._size)]
        return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    def _lists(self) -> int:
        """The number of pages of the list of all devices."""
        return math.ceil(self._size / PAGE)

    def _lower_bound(self) -> int:
        ends = [0, *(math.ceil(self._devices * each / 100) for each in PERCENTAGES)]
        commands = sum(math.ceil((end - start) / PAGE) for start, end in pairwise(ends))
        return 2 + (1 + len(PERCENTAGES)) * self._lists() + 3 * commands

    def _client(self, paths: list[str]) -> list[str | Path]:
        job = {
            "url": self._simulator.url,
            "key": self._simulator.key,
            "connections": CONNECTIONS,
            "stages": [paths],
        }
        return [sys.executable, HERE / "bare_reads.py", write(self._place / "client.json", json.dumps(job))]

    def _add(self, result: str, by: str, command: Any) -> None:
        cost, number = requests_of(self._simulator, lambda: run(command, self._environment, self._place))
        self._measured.add((result, by), cost)
        self._requests[result, by] = number
        times = sorted(entry["time_ms"] / 1000 for entry in self._simulator.journal())
        gaps = [after - before for before, after in pairwise(times)]
        self._pauses[result, by] = sum(gap for gap in gaps if gap >= _PAUSE) if by == ROLE else 0

    def rows(self) -> list[list[str]]:
        """The medians, with the ratio of the role to the bare client."""
        rows = []
        for result, by in (way for way in self._measured if way[0] != "start"):
            work = self._work(result, by)
            pauses = self._pauses[result, by]
            has_client = result == FIRST and by == ROLE
            rows.append(
                [
                    f"{self._size:,}",
                    result,
                    by,
                    f"{self._requests[result, by]:,}",
                    f"{self._bound[result]:,}" if by == ROLE else "",
                    f"{pauses:.2f}" if pauses else "",
                    f"{work.seconds - pauses:.2f}",
                    f"{work.cpu_seconds:.2f}",
                    ratio(work.cpu_seconds, self._work(FIRST, CLIENT).cpu_seconds) if has_client else "",
                    f"{work.megabytes:.0f}",
                ]
            )
        return rows

    def _work(self, result: str, by: str) -> Cost:
        return self._measured[result, by].less(self._measured["start", by])


def prepare(url: str, size: int) -> int:
    """Remove all devices from a simulator but some that have the blueprint. Return the number of those that are not
    disabled. This needs a process of its own, because the list of all devices takes much memory."""

    def control(path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(f"{url}/_simulator/{path}", data)) as response:
            return json.loads(response.read())

    state = control("state?devices=true")
    (blueprint,) = (each["id"] for each in state["blueprints"] if each["name"] == BLUEPRINT)
    kept = [each for each in state["devices"] if each["blueprint_info"]["assigned_blueprint_id"] == blueprint][:size]
    if len(kept) < size:
        sys.exit(f"Only {len(kept)} devices have the blueprint.")
    others = {each["id"] for each in state["devices"]}.difference(each["id"] for each in kept)
    control("state/devices", {"remove": list(others)})
    return sum(each["state"] != 20 for each in kept)


if __name__ == "__main__":
    print(prepare(sys.argv[1], int(sys.argv[2])))
