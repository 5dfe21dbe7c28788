# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory of a fleet, compared with the least that a plugin needs to create the same hosts."""

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

# The last one is the size of the largest known tenant.
SIZES = (1_000, 10_000, 142_632)
DEVICES_PER_GROUP = 250
COMMANDS = {"ansible-inventory --list": ("ansible-inventory", "--list"), "ansible-playbook": START}
PLUGIN = "esper.cloud.devices"
FLOOR = "floor"


@dataclass(frozen=True)
class Source:
    """An inventory source: the file, the plugin that reads it, and the latency of the simulator."""

    name: str
    file: Path
    plugin: str
    latency_ms: int = 0


class Bench:
    """The measurements with one number of devices."""

    def __init__(self, simulator: Simulator, devices: int, latency_ms: int, directory: Path) -> None:
        self.devices = devices
        self._simulator = simulator
        self._directory = directory
        self._measured = Measured()
        floor = json.dumps({"url": simulator.url, "key": simulator.key})
        fleet = written(directory / "fleet.esper.yml", f"plugin: {PLUGIN}\n")
        cache = {"plugin": PLUGIN, "cache": True, "cache_plugin": "jsonfile", "cache_connection": f"{directory}/cache"}
        cached = Source("plugin, cached", written(directory / "cached.esper.yml", json.dumps(cache)), PLUGIN)
        self.sources = [
            Source(FLOOR, written(directory / "floor.json", floor), FLOOR),
            Source("plugin", fleet, PLUGIN),
            Source(f"plugin, {latency_ms} ms", fleet, PLUGIN, latency_ms),
            cached,
        ]
        # Fills the cache.
        self._run(cached, COMMANDS["ansible-inventory --list"], Path(os.devnull))

    def measure(self, compare: bool) -> None:
        """Run each command once with each source. If ``compare`` is true, stop if the sources differ."""
        for command, arguments in COMMANDS.items():
            contents: list[str] = []
            for source in self.sources:
                output = self._directory / "output"
                self._measured.add((command, source), self._run(source, arguments, output))
                if compare and "--list" in arguments:
                    digest = subprocess.check_output([sys.executable, HERE / "contents.py", output], text=True)
                    contents = [*contents[:1], digest]
                    if contents[0] != digest:
                        sys.exit(f"The hosts, variables or groups of '{source.name}' differ from those of the floor.")

    def profile(self) -> None:
        """Show the functions in which the plugin spends its time."""
        program = Path(sys.executable).with_name("ansible-playbook")
        self._run(
            self.sources[1],
            (sys.executable, "-m", "cProfile", "-s", "tottime", str(program), *COMMANDS["ansible-playbook"][1:]),
            self._directory / "profile.txt",
        )
        lines = (self._directory / "profile.txt").read_text().splitlines()
        show("\n".join(line for line in lines if line.strip())[:6000])

    def rows(self) -> list[list[str]]:
        """Return the medians as rows of a table."""
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
            self._directory,
            ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED="1",
            ANSIBLE_INVENTORY_ENABLED=source.plugin,
            ANSIBLE_INVENTORY_PLUGINS=HERE / "inventory_plugins",
        )
        return run([*arguments, "-i", str(source.file)], environment, self._directory, output)


def tables(options: Options) -> Iterator[str]:
    """Measure or profile the inventory."""
    rows = []
    for devices in options.sizes or SIZES:
        groups = max(30, devices // DEVICES_PER_GROUP)
        with (
            tempfile.TemporaryDirectory(prefix="esper-bench.") as directory,
            Simulator(devices=devices, groups=groups) as simulator,
        ):
            bench = Bench(simulator, devices, options.latency_ms, Path(directory))
            if options.profile:
                bench.profile()
                continue
            for number in options.each_round(f"inventory of {devices:,} devices"):
                bench.measure(compare=number == 0)
            rows += bench.rows()
    if rows:
        columns = ("Devices", "Command", "Source", "Seconds", "Time / floor", "CPU / floor", "MB", "Memory / floor")
        yield table("Devices as hosts", columns, rows)
