# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A loop of tasks for unchanged objects, in the controller's process and as modules, compared with ansible.builtin.uri,
which sends the same requests and compares nothing, and with ansible.builtin.ping, which sends none.

Whole playbooks are measured. An empty one has a row of its own, for ratios with and without the start. The simulator
has no latency, which would be added to both sides.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

from measuring import START, Measured, Options, ansible, playbook, ratio, run, table
from simulated import Simulator

SIZES = (50,)
START_ROW, PING, URI = "an empty playbook", "ansible.builtin.ping", "ansible.builtin.uri"
IN_PROCESS, AS_MODULE = "esper.cloud.device_group", "esper.cloud.device_group, as a module"


def tables(options: Options) -> Iterator[str]:
    """Return a table for each number of items."""
    for items in options.sizes or SIZES:
        with (
            tempfile.TemporaryDirectory(prefix="esper-bench.") as place,
            Simulator(devices=0, groups=items) as simulator,
        ):
            measured = _measured(options, simulator, items, Path(place))
        yield table(
            f"{items} tasks in a loop, each for one unchanged object",
            (
                "Task",
                "Seconds",
                "Ratio to uri",
                "Ratio to ping",
                "Seconds without start",
                "Ratio to uri, both without start",
                "Ratio to ping, both without start",
                "Ratio of CPU seconds to uri, both without start",
                "MB",
            ),
            [_row(measured, name) for name in (START_ROW, PING, URI, IN_PROCESS, AS_MODULE)],
        )


def _measured(options: Options, simulator: Simulator, items: int, place: Path) -> Measured:
    # Otherwise each task asks for it first, and uri does not.
    environment = ansible(simulator, place, ESPER_ENTERPRISE_ID=simulator.enterprise_id)
    paths = [group["path"] for group in simulator.state()["groups"] if group["parent"]][:items]
    ours = {"esper.cloud.device_group": {"path": "{{ item }}"}, "loop": "{{ paths }}"}
    in_process = playbook(place / "in-process.yml", ours, paths=paths)
    run(in_process, environment, place)
    uri = {"url": "{{ item }}", "headers": {"Authorization": "Bearer {{ key }}"}}
    commands = {
        START_ROW: START,
        PING: playbook(place / "ping.yml", {PING: {}, "loop": "{{ paths }}"}, paths=paths),
        URI: playbook(
            place / "uri.yml",
            {URI: uri, "loop": "{{ urls }}"},
            urls=_read(simulator, items),
            key=simulator.key,
        ),
        IN_PROCESS: in_process,
        AS_MODULE: playbook(place / "as-module.yml", {**ours, "vars": {"esper_in_process": False}}, paths=paths),
    }
    measured = Measured()
    for _number in options.each_round(f"{items} tasks in a loop"):
        for name, command in commands.items():
            measured.add(name, run(command, environment, place))
    return measured


def _read(simulator: Simulator, items: int) -> list[str]:
    """Return the URLs that the tasks read. Exit unless there is one for each."""
    journal = simulator.journal()
    if len(journal) != items or any(entry["method"] != "GET" for entry in journal):
        sys.exit(f"{items} tasks without changes sent {len(journal)} requests, not one GET for each.")
    return [f"{simulator.url}{entry['path']}?{urlencode(entry['query'])}" for entry in journal]


def _row(measured: Measured, name: str) -> list[str]:
    start, cost = measured[START_ROW], measured[name]
    work, uri, ping = [measured[each].less(start) for each in (name, URI, PING)]
    cells = [f"`{name}`" if name.startswith("ansible") else name, f"{cost.seconds:.2f}"]
    cells += [ratio(cost.seconds, measured[other].seconds) for other in (URI, PING)]
    if name == START_ROW:
        return [*cells, "", "", "", "", f"{cost.megabytes:.0f}"]
    return [
        *cells,
        f"{work.seconds:.2f}",
        ratio(work.seconds, uri.seconds),
        ratio(work.seconds, ping.seconds),
        ratio(work.cpu_seconds, uri.cpu_seconds),
        f"{cost.megabytes:.0f}",
    ]
