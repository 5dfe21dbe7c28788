# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Alias, tags and group of many devices in one task, compared with loops over Esper's Python SDK (esperclient, in
the version of requirements.txt), which only sends its calls: see sdk.py.

- To move devices, the SDK has a call for one device or many. Both are measured.
- To set aliases, it has commands, with an older path than that of the collection, but the same effect.
- To set tags, it has no call.

The script does not check whether a call is necessary, so a second run takes as long as the first. At 0 ms, all devices
are measured. With latency, the SDK gets a part of them, and its time is extrapolated.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tempfile
import urllib.request
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measuring import (
    HERE,
    START,
    Cost,
    Measured,
    Options,
    ansible,
    playbook,
    ratio,
    requests_of,
    run,
    set_latency,
    table,
    written,
)
from simulated import Simulator, variables
from stage import CHECKOUT

SIZES = (1_000,)
LOOPED = 100
TAGS = ["kiosk", "berlin"]
SDK = CHECKOUT / ".ansible" / "venv-sdk"
SDK_START, LOOP, ALL, THREADS, TASK = "start", "SDK, in a loop", "SDK, one call", "SDK, its own threads", "one task"
# The changes, the ways to make them, and the calls of the SDK.
WORK: dict[str, tuple[str, ...]] = {
    "move": (LOOP, ALL, THREADS, TASK),
    "alias": (LOOP, THREADS, TASK),
    "tags": (LOOP, TASK),
    "alias, tags and move": (TASK,),
    "the same again": (TASK,),
}
NOT_IN_SDK = ("tags", LOOP)
CALLS = {
    ("move", LOOP): ["move each"],
    ("move", THREADS): ["move each"],
    ("move", ALL): ["move all"],
    ("alias", LOOP): ["alias each"],
    ("alias", THREADS): ["alias each"],
    ("", SDK_START): [],
}


def tables(options: Options) -> Iterator[str]:
    """Return a table for each number of devices."""
    _install_sdk()
    for devices in options.sizes or SIZES:
        with (
            tempfile.TemporaryDirectory(prefix="esper-bench.") as place,
            Simulator(devices=devices, groups=30) as simulator,
        ):
            bench = Bench(simulator, devices, Path(place))
            for _number in options.each_round(f"changes to {devices:,} devices"):
                for latency_ms in dict.fromkeys((0, options.latency_ms)):
                    bench.measure(latency_ms)
        columns = (
            "Latency",
            "Change",
            "By",
            "Requests",
            "Seconds",
            "Ratio to the loop of the SDK",
            "Seconds without start",
            "Ratio to the loop of the SDK, both without start",
        )
        yield table(f"Changes to {devices:,} devices", columns, bench.rows())


@dataclass(frozen=True)
class _Way:
    """A measurement: the latency, the change, and the way to make it."""

    latency_ms: int
    change: str
    by: str


class Bench:
    """The measurements with one number of devices."""

    def __init__(self, simulator: Simulator, devices: int, place: Path) -> None:
        self._simulator = simulator
        self._place = place
        self._devices = devices
        self._measured = Measured()
        self._requests: dict[_Way, int] = {}
        self._ids = list(_ids(simulator, devices))
        self._group = next(group["id"] for group in simulator.state()["groups"] if group["name"] == "Field Service")
        self._aliases = {id_: f"Till {number}" for number, id_ in enumerate(self._ids)}

    def measure(self, latency_ms: int) -> None:
        """Make each change once, in a tenant without changes."""
        self._add(_Way(latency_ms, "", SDK_START), self._sdk([]))
        self._add(_Way(latency_ms, "", TASK), run(START, ansible(self._simulator, self._place), self._place))
        for change, ways in WORK.items():
            for by in ways:
                if (change, by) != NOT_IN_SDK:
                    self._measure(_Way(latency_ms, change, by))

    def _measure(self, way: _Way) -> None:
        if way.change == "the same again":
            # Devices take their aliases, so nothing differs.
            self._simulator.advance_commands(5)
        else:
            self._simulator.reset()
        set_latency(self._simulator, way.latency_ms)
        if way.by == TASK:
            cost, requests = requests_of(self._simulator, lambda: self._task(way.change))
            self._add(way, cost, requests)
            return
        looped = self._looped(way)
        cost, requests = requests_of(self._simulator, lambda: self._sdk(self._ids[:looped], way))
        factor = self._devices / looped
        start = self._measured[_Way(way.latency_ms, "", SDK_START)]
        self._add(way, cost.extrapolated(start, factor), round(requests * factor))

    def _looped(self, way: _Way) -> int:
        """Return the number of devices that are sent, of all of them."""
        return min(self._devices, LOOPED) if way.latency_ms and way.by in (LOOP, THREADS) else self._devices

    def _add(self, way: _Way, cost: Cost, requests: int = 0) -> None:
        self._measured.add(way, cost)
        self._requests[way] = requests

    def _task(self, change: str) -> Cost:
        wanted: dict[str, Any] = {
            "alias": {"aliases": "{{ aliases }}"},
            "tags": {"tags": TAGS},
            "move": {"group": self._group},
        }
        parts = [change] if change in wanted else wanted
        options = {name: value for part in parts for name, value in wanted[part].items()}
        task = {"esper.cloud.device": {"devices": "{{ ids }}", **options}}
        command = playbook(self._place / "task.yml", task, ids=self._ids, aliases=self._aliases)
        environment = ansible(self._simulator, self._place, ESPER_ENTERPRISE_ID=self._simulator.enterprise_id)
        return run(command, environment, self._place)

    def _sdk(self, ids: list[str], way: _Way | None = None) -> Cost:
        job = {
            "url": self._simulator.url,
            "key": self._simulator.key,
            "enterprise": self._simulator.enterprise_id,
            "devices": ids,
            "aliases": self._aliases,
            "group": self._group,
            "calls": CALLS[way.change, way.by] if way else [],
            "threads": way is not None and way.by == THREADS,
        }
        file = written(self._place / "job.json", json.dumps(job))
        return run([SDK / "bin" / "python", HERE / "sdk.py", file], variables(self._simulator), self._place)

    def rows(self) -> list[list[str]]:
        """Return the medians, with ratios to the loop of the SDK, if it has one."""
        rows = []
        for latency_ms in dict.fromkeys(way.latency_ms for way in self._requests):
            starts = {by: self._measured[_Way(latency_ms, "", by)] for by in (SDK_START, TASK)}
            for by, what in ((SDK_START, "SDK, without calls"), (TASK, "an empty playbook")):
                rows.append([f"{latency_ms} ms", "none", what, "0", f"{starts[by].seconds:.2f}", "", "", ""])
            for change, ways in WORK.items():
                rows += [self._row(_Way(latency_ms, change, by), starts) for by in ways]
        return rows

    def _row(self, way: _Way, starts: dict[str, Cost]) -> list[str]:
        if (way.change, way.by) == NOT_IN_SDK:
            return [f"{way.latency_ms} ms", way.change, "SDK: no call", "", "", "", "", ""]
        extrapolated = self._looped(way) < self._devices
        cells = [f"{way.latency_ms} ms", way.change, f"{way.by} (of {LOOPED})" if extrapolated else way.by]
        cost, loop = self._measured[way], _Way(way.latency_ms, way.change, LOOP)
        work = cost.less(starts[TASK if way.by == TASK else SDK_START])
        cells += [f"{self._requests[way]:,}", f"{cost.seconds:.2f}"]
        if loop not in self._requests:
            return [*cells, "", f"{work.seconds:.2f}", ""]
        theirs = self._measured[loop]
        return [
            *cells,
            ratio(cost.seconds, theirs.seconds),
            f"{work.seconds:.2f}",
            ratio(work.seconds, theirs.less(starts[SDK_START]).seconds),
        ]


def _ids(simulator: Simulator, devices: int) -> Iterator[str]:
    """Yield the IDs of all devices, read a hundred at a time, to need little memory."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for at in range(0, devices, 100):
        url = f"{simulator.url}/v2/devices/?limit=100&offset={at}"
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {simulator.key}"})
        with opener.open(request) as answer:
            yield from (row["id"] for row in json.load(answer)["content"]["results"])


def _install_sdk() -> None:
    """Create the environment of the SDK, unless it exists. Its requirements are older than those of the collection."""
    requirements = HERE / "requirements.txt"
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()
    stamp = SDK / ".requirements"
    if stamp.exists() and stamp.read_text() == digest:
        return
    venv.create(SDK, clear=True, with_pip=True)
    command = [str(SDK / "bin" / "python"), "-m", "pip", "install", "--quiet", "-r", str(requirements)]
    if subprocess.run(command, stdout=sys.stderr, check=False).returncode:
        sys.exit("The subject devices needs the Python SDK of Esper. The installation failed.")
    stamp.write_text(digest)
