# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tenant of 2,000 objects as a tree of files: apply it to an empty tenant, export it, and plan it again.

Nothing changes in the last plan. The bare client, bare_reads.py, sends the requests of this plan over as many
connections: the first page of each list, then all others.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from bare import CLIENT, CONNECTIONS
from bulk import paths
from measuring import HERE, START, Measured, Options, ansible, playbook, ratio, requests_of, run, set_latency, table
from measuring import written as write
from simulated import Simulator

sys.path.append(str(HERE.parent / "simulator"))
from apk import Manifest, made

# The default is a tenant of 2,000 objects: the number of device groups, and the others in proportion.
SIZES = (1_500,)
APPLY, EXPORT, PLAN = "apply to an empty tenant", "export", "plan, unchanged"
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?<=/)\d+(?=/)")


def tables(options: Options) -> Iterator[str]:
    """Two tables for each number of device groups: the time, and the requests of the unchanged plan."""
    for size in options.sizes or SIZES:
        with tempfile.TemporaryDirectory(prefix="esper-bench.") as place, Simulator(devices=0, groups=0) as simulator:
            bench = Bench(simulator, Path(place), size)
            for _number in options.each_round(f"{bench.count:,} objects as files"):
                for latency_ms in dict.fromkeys((0, options.latency_ms)):
                    bench.measure(latency_ms)
        yield table(
            f"A tenant of {bench.count:,} objects as files",
            (
                "Latency",
                "Task",
                "By",
                "Requests",
                "Seconds",
                "Seconds without start",
                "Ratio to the bare client, both without start",
                "CPU seconds without start",
            ),
            bench.rows(),
        )
        yield table(
            f"Requests of the unchanged plan of {bench.count:,} objects", ("Requests", "Path"), bench.request_rows()
        )


class Bench:
    """The measurements against one simulator, which is reset for each of them."""

    def __init__(self, simulator: Simulator, place: Path, size: int) -> None:
        self._simulator = simulator
        self._place = place
        self._environment = ansible(simulator, place, ESPER_ENTERPRISE_ID=simulator.enterprise_id)
        self._measured, self._requests = Measured(), dict[tuple[int, str, str], int]()
        self._sent: list[str] = []
        self.count = write_tree(place / "tree", size)
        tasks: dict[str, dict[str, Any]] = {
            APPLY: {"esper.cloud.tenant": {"src": str(place / "tree")}},
            EXPORT: {"esper.cloud.tenant_export": {"dest": str(place / "export")}},
            PLAN: {"esper.cloud.tenant": {"src": str(place / "tree")}, "check_mode": True},
        }
        self._tasks = {
            name: playbook(place / f"{number}.yml", task) for number, (name, task) in enumerate(tasks.items())
        }

    def measure(self, latency_ms: int) -> None:
        """Apply the tree to an empty tenant, export this, and plan the tree again."""
        self._simulator.reset(devices=0, groups=0)
        set_latency(self._simulator, 0)
        self._start(latency_ms, "", START)
        set_latency(self._simulator, latency_ms)
        for name, task in self._tasks.items():
            self._add(latency_ms, name, "task", task)
        self._sent = [
            f"{entry['path']}{'?' if entry['query'] else ''}{urlencode(entry['query'])}"
            for entry in self._simulator.journal()
        ]
        first = [path for path in self._sent if not _is_later(path)]
        self._start(latency_ms, CLIENT, self._client("start.json", []))
        later = [path for path in self._sent if _is_later(path)]
        self._add(latency_ms, PLAN, CLIENT, self._client("client.json", [first, later]))

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

    def _add(self, latency_ms: int, name: str, by: str, command: Any) -> None:
        cost, number = requests_of(self._simulator, lambda: run(command, self._environment, self._place))
        self._measured.add((latency_ms, name, by), cost)
        self._requests[latency_ms, name, by] = number

    def rows(self) -> list[list[str]]:
        """Return the medians, with the ratio of the unchanged plan to the bare client."""
        rows = []
        for latency_ms, name, by in (way for way in self._measured if way[1] != "start"):
            start = self._measured[latency_ms, "start", CLIENT if by == CLIENT else ""]
            cost, work = self._measured[latency_ms, name, by], self._measured[latency_ms, name, by].less(start)
            bare = self._measured[latency_ms, PLAN, CLIENT].less(self._measured[latency_ms, "start", CLIENT])
            rows.append(
                [
                    f"{latency_ms} ms",
                    name,
                    by,
                    str(self._requests[latency_ms, name, by]),
                    f"{cost.seconds:.2f}",
                    f"{work.seconds:.2f}",
                    ratio(work.seconds, bare.seconds) if name == PLAN else "",
                    f"{work.cpu_seconds:.2f}",
                ]
            )
        return rows

    def request_rows(self) -> list[list[str]]:
        """Return the number of requests of the unchanged plan by path."""
        counts = Counter(_ID.sub("{id}", path.partition("?")[0]) for path in self._sent)
        return [[str(count), f"`{path}`"] for path, count in sorted(counts.items())]


def _is_later(path: str) -> bool:
    """Return whether a request follows from the response to another one: a later page, or one object."""
    return _ID.search(path.partition("?")[0].replace("/enterprise/", "", 1)) is not None or "offset=" in path


def write_tree(tree: Path, groups: int) -> int:
    """Write a tree with a number of device groups, and others in proportion. Return the number of its objects."""
    contents, apps, policies, blueprints = (max(1, groups * each // 1500) for each in (300, 100, 50, 50))
    write_files(tree / "device_groups.yml", [{"path": path} for path in paths(groups)])
    for number in range(contents):
        name = f"menu-{number:03}.txt"
        write_bytes(tree / "files" / name, f"menu {number}\n".encode() * 20)
        write_files(tree / "contents" / f"{name}.yml", {"src": f"files/{name}", "tags": ["bench"]})
    for number in range(apps):
        package, name = f"com.example.bench{number:03}", f"bench-{number:03}.apk"
        write_bytes(tree / "files" / name, made(Manifest(package, "1.0.0", 1, f"Bench {number:03}")))
        app = {"src": f"files/{name}", "package_name": package, "version_name": "1.0.0", "version_code": 1}
        write_files(tree / "apps" / f"{package}.yml", app)
    for number in range(policies):
        policy = {"name": f"Bench {number:03}", "description": "Bench", "settings": {"kiosk_mode": number % 2 == 0}}
        write_files(tree / "enterprise_policies" / f"bench-{number:03}.yml", policy)
    for number in range(blueprints):
        android = {
            "device_mode_settings": {"device_mode": "KIOSK"},
            "apps": [
                {"package_name": f"com.example.bench{(number * 2 + each) % apps:03}", "version_name": "1.0.0"}
                for each in range(min(2, apps))
            ],
            "files": [
                {
                    "content": f"menu-{(number * 6 + each) % contents:03}.txt",
                    "destination_path": f"/sdcard/menu-{each}.txt",
                }
                for each in range(min(6, contents))
            ],
        }
        blueprint = {"name": f"Bench {number:03}", "publish": True, "exact": True, "settings": {"android": android}}
        write_files(tree / "blueprints" / f"bench-{number:03}.yml", blueprint)
    return groups + contents + apps + policies + blueprints


def write_files(file: Path, value: Any) -> None:
    """Write a value to a file of a tree. It is JSON, which is YAML."""
    write_bytes(file, json.dumps(value, indent=1).encode())


def write_bytes(file: Path, data: bytes) -> None:
    """Write a file, and create its directory."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
