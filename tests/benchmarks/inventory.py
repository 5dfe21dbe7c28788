# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory of a fleet, against the least that ansible-core takes to be told the same hosts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from measuring import HERE, START, Cost, Measured, Options, ansible, ratio, run, set_latency, show, table, written
from simulated import Simulator

SIZES = (1_000, 10_000, 100_000)
# A group for about as many devices as a store has.
DEVICES_A_GROUP = 250
COMMANDS = {"ansible-inventory --list": ("ansible-inventory", "--list"), "ansible-playbook": START}
PLUGIN = "esper.cloud.devices"


@dataclass(frozen=True)
class Source:
    """Where the hosts come from: a file, what reads it, and how far the simulated service is."""

    name: str
    file: Path
    plugin: str
    latency_ms: int = 0


class Bench:
    """The measurements with one number of devices."""

    def __init__(self, simulator: Simulator, devices: int, latency_ms: int, place: Path) -> None:
        self.devices = devices
        self._simulator = simulator
        self._place = place
        self._measured = Measured()
        fleet = written(place / "fleet.esper.yml", f"plugin: {PLUGIN}\n")
        cache = {"plugin": PLUGIN, "cache": True, "cache_plugin": "jsonfile", "cache_connection": f"{place}/cache"}
        dump = place / "fleet.json"
        script = written(place / "fleet.sh", f"#!/bin/sh\ncat {dump}\n", mode=0o700)
        self.sources = [
            Source("floor", dump, "floor"),
            Source("floor, flat writes", dump, "flat"),
            Source("script", script, "script"),
            Source("plugin", fleet, PLUGIN),
            Source(f"plugin, {latency_ms} ms", fleet, PLUGIN, latency_ms),
            Source("plugin, cached", written(place / "cached.esper.yml", json.dumps(cache)), PLUGIN),
        ]
        self._run(self.sources[3], (*COMMANDS["ansible-inventory --list"], "--export"), dump)
        # Fills the cache.
        self._run(self.sources[5], COMMANDS["ansible-inventory --list"], Path(os.devnull))

    def measure(self, compare: bool) -> None:
        """Run each command once with each source; ``compare`` sees that they all give the same."""
        for command, arguments in COMMANDS.items():
            contents: list[str] = []
            for source in self.sources:
                output = self._place / "output"
                self._measured.add((command, source), self._run(source, arguments, output))
                if compare and "--list" in arguments:
                    digest = subprocess.check_output([sys.executable, HERE / "contents.py", output], text=True)
                    contents = [*contents[:1], digest]
                    if contents[0] != digest:
                        sys.exit(f"The hosts, variables or groups from '{source.name}' are others than the floor's.")

    def profile(self) -> None:
        """Show what the plugin's time goes into."""
        program = Path(sys.executable).with_name("ansible-playbook")
        self._run(
            self.sources[3],
            (sys.executable, "-m", "cProfile", "-s", "tottime", str(program), *COMMANDS["ansible-playbook"][1:]),
            self._place / "profile.txt",
        )
        lines = (self._place / "profile.txt").read_text().splitlines()
        show("\n".join(line for line in lines if line.strip())[:6000])

    def rows(self) -> list[list[str]]:
        """The medians, as rows of a table; ratios are to the floor."""
        rows = []
        for command in COMMANDS:
            floor = self._measured[command, self.sources[0]]
            for source in self.sources:
                cost = self._measured[command, source]
                rows.append(
                    [
                        f"{self.devices:,}",
                        f"`{command}`",
                        source.name,
                        f"{cost.seconds:.1f}",
                        ratio(cost.seconds, floor.seconds),
                        ratio(cost.cpu_seconds, floor.cpu_seconds),
                        f"{cost.megabytes:.0f}",
                        ratio(cost.megabytes, floor.megabytes),
                    ]
                )
        return rows

    def _run(self, source: Source, arguments: tuple[str, ...], output: Path) -> Cost:
        set_latency(self._simulator, source.latency_ms)
        environment = ansible(
            self._simulator,
            self._place,
            ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED="1",
            ANSIBLE_INVENTORY_ENABLED=source.plugin,
            ANSIBLE_INVENTORY_PLUGINS=HERE / "inventory_plugins",
        )
        return run([*arguments, "-i", str(source.file)], environment, self._place, output)


def tables(options: Options) -> Iterator[str]:
    """Measure, or profile."""
    rows = []
    for devices in options.sizes or SIZES:
        groups = max(30, devices // DEVICES_A_GROUP)
        with (
            tempfile.TemporaryDirectory(prefix="esper-bench.") as place,
            Simulator(devices=devices, groups=groups) as simulator,
        ):
            bench = Bench(simulator, devices, options.latency_ms, Path(place))
            if options.profile:
                bench.profile()
                continue
            for number in options.each_round(f"inventory of {devices:,} devices"):
                bench.measure(compare=number == 0)
            rows += bench.rows()
    if rows:
        columns = ("Devices", "Command", "Source", "Seconds", "Time", "CPU", "MB", "Memory")
        yield table("Devices as hosts; ratios to the floor", columns, rows)
