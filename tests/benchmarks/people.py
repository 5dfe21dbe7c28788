# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many users with device groups and roles in one task of esper.cloud.tenant, new and unchanged.

Unchanged users have accepted their invitations, so the task reads the groups of each. The bare client, bare_reads.py,
sends the same requests over as many connections: first the lists, then all others.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from bare import CLIENT, CONNECTIONS, TASK
from measuring import HERE, START, Measured, Options, ansible, playbook, ratio, requests_of, run, set_latency, table
from measuring import written as write
from simulated import Simulator

SIZES = (500,)
GROUPS, ROLES = 40, 12
NEW, UNCHANGED = "new", "unchanged"


def tables(options: Options) -> Iterator[str]:
    """One table for each number of users."""
    for size in options.sizes or SIZES:
        with tempfile.TemporaryDirectory(prefix="esper-bench.") as place, Simulator(devices=0, groups=3) as simulator:
            bench = Bench(simulator, Path(place), size)
            for _number in options.each_round(f"{size:,} users"):
                for latency_ms in dict.fromkeys((0, options.latency_ms)):
                    bench.measure(latency_ms)
        yield table(
            f"{size:,} users in {GROUPS} device groups with {ROLES} roles: one task and a bare client",
            (
                "Latency",
                "Users",
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
        self._emails = [f"user{number}@example.com" for number in range(size)]
        groups = [{"path": f"All devices/Store {number:02}"} for number in range(GROUPS)]
        roles = [{"name": f"Role {number}", "scopes": ["read:device", "read:group"]} for number in range(ROLES)]
        users = [
            {"email": email, "role": f"Role {number % ROLES}", "groups": [f"Store {number % GROUPS:02}"]}
            for number, email in enumerate(self._emails)
        ]
        wanted = {"device_groups": groups, "roles": roles, "users": users}
        task: dict[str, Any] = {"esper.cloud.tenant": {name: f"{{{{ {name} }}}}" for name in wanted}}
        self._task = playbook(place / "task.yml", task, **wanted)

    def measure(self, latency_ms: int) -> None:
        """Create everything, let all people accept their invitations, and run the task again."""
        self._simulator.reset()
        self._start(latency_ms, TASK, START)
        set_latency(self._simulator, latency_ms)
        self._add(latency_ms, NEW, TASK, self._task)
        self._simulator.invitations(accept=self._emails)
        self._add(latency_ms, UNCHANGED, TASK, self._task)
        sent = [
            f"{entry['path']}{'?' if entry['query'] else ''}{urlencode(entry['query'])}"
            for entry in self._simulator.journal()
        ]
        single = [path for path in sent if path.endswith(("/scopes", "/groups"))]
        self._start(latency_ms, CLIENT, self._client("start.json", []))
        stages = [[path for path in sent if path not in single], single]
        self._add(latency_ms, UNCHANGED, CLIENT, self._client("client.json", stages))

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

    def _add(self, latency_ms: int, users: str, by: str, command: Any) -> None:
        cost, number = requests_of(self._simulator, lambda: run(command, self._environment, self._place))
        self._measured.add((latency_ms, users, by), cost)
        self._requests[latency_ms, users, by] = number

    def rows(self) -> list[list[str]]:
        """The medians, with the ratio of the task to the bare client."""
        rows = []
        for latency_ms, users, by in (way for way in self._measured if way[1] != "start"):
            cost = self._measured[latency_ms, users, by]
            work = cost.less(self._measured[latency_ms, "start", by])
            has_other = users == UNCHANGED
            other = self._measured[latency_ms, users, CLIENT if has_other else by]
            bare = other.less(self._measured[latency_ms, "start", CLIENT if has_other else by])
            rows.append(
                [
                    f"{latency_ms} ms",
                    users,
                    by,
                    str(self._requests[latency_ms, users, by]),
                    f"{cost.seconds:.2f}",
                    f"{work.seconds:.2f}",
                    ratio(work.seconds, bare.seconds) if has_other else "",
                    f"{work.cpu_seconds:.2f}",
                ]
            )
        return rows
