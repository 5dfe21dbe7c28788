# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure the inventory against the least that ansible-core can do: python tests/benchmarks --help."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[1] / "checks"))
from simulated import Simulator, variables
from stage import COLLECTIONS, stage

HERE = Path(__file__).resolve().parent
SIZES = (1_000, 10_000, 100_000)
# A group for about as many devices as a store has.
DEVICES_A_GROUP = 250
MEGABYTE = 2**20
# macOS counts bytes.
RSS_UNIT = 1 if sys.platform == "darwin" else 1024
COMMANDS = {
    "ansible-inventory --list": ("ansible-inventory", "--list"),
    "ansible-playbook": ("ansible-playbook", str(HERE / "start.yml")),
}
PLUGIN = "esper.cloud.devices"


@dataclass
class Source:
    """Where the hosts come from: a file, what reads it, and how far the simulated service is."""

    name: str
    file: Path
    plugin: str
    latency_ms: int = 0
    seconds: dict[str, list[float]] = field(default_factory=dict)
    cpu_seconds: dict[str, list[float]] = field(default_factory=dict)
    megabytes: dict[str, list[float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Cost:
    """What one run of a command took."""

    seconds: float
    cpu_seconds: float
    megabytes: float


class Bench:
    """The measurements with one number of devices."""

    def __init__(self, simulator: Simulator, devices: int, latency_ms: int, place: Path) -> None:
        self.devices = devices
        self._simulator = simulator
        self._place = place
        fleet = _written(place / "fleet.esper.yml", f"plugin: {PLUGIN}\n")
        cache = {"plugin": PLUGIN, "cache": True, "cache_plugin": "jsonfile", "cache_connection": f"{place}/cache"}
        dump = place / "fleet.json"
        script = _written(place / "fleet.sh", f"#!/bin/sh\ncat {dump}\n", mode=0o700)
        self.sources = [
            Source("floor", dump, "floor"),
            Source("floor, flat writes", dump, "flat"),
            Source("script", script, "script"),
            Source("plugin", fleet, PLUGIN),
            Source(f"plugin, {latency_ms} ms", fleet, PLUGIN, latency_ms),
            Source("plugin, cached", _written(place / "cached.esper.yml", json.dumps(cache)), PLUGIN),
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
                cost = self._run(source, arguments, output)
                source.seconds.setdefault(command, []).append(cost.seconds)
                source.cpu_seconds.setdefault(command, []).append(cost.cpu_seconds)
                source.megabytes.setdefault(command, []).append(cost.megabytes)
                if compare and "--list" in arguments:
                    digest = subprocess.check_output([sys.executable, HERE / "contents.py", output], text=True)
                    contents = [*contents[:1], digest]
                    if contents[0] != digest:
                        sys.exit(f"The hosts, variables or groups from '{source.name}' are others than the floor's.")

    def profile(self) -> None:
        """Show what the plugin's time goes into."""
        playbook = Path(sys.executable).with_name("ansible-playbook")
        self._run(
            self.sources[3],
            (sys.executable, "-m", "cProfile", "-s", "tottime", str(playbook), *COMMANDS["ansible-playbook"][1:]),
            self._place / "profile.txt",
        )
        lines = (self._place / "profile.txt").read_text().splitlines()
        _print("\n".join(line for line in lines if line.strip())[:6000])

    def rows(self) -> list[str]:
        """The medians, as rows of a table; ratios are to the floor."""
        floor = self.sources[0]
        return [
            f"| {self.devices:,} | `{command}` | {source.name} "
            f"| {_median(source.seconds[command]):.1f} | {_ratio(source.seconds, floor.seconds, command)} "
            f"| {_ratio(source.cpu_seconds, floor.cpu_seconds, command)} "
            f"| {_median(source.megabytes[command]):.0f} | {_ratio(source.megabytes, floor.megabytes, command)} |"
            for command in COMMANDS
            for source in self.sources
        ]

    def _run(self, source: Source, arguments: tuple[str, ...], output: Path) -> Cost:
        self._simulator.clear_faults()
        if source.latency_ms:
            self._simulator.fault(kind="latency", ms=source.latency_ms, times=None)
        environment = variables(
            self._simulator,
            ANSIBLE_COLLECTIONS_PATH=COLLECTIONS,
            ANSIBLE_HOME=self._place / "home",
            ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED="1",
            ANSIBLE_INVENTORY_ENABLED=source.plugin,
            ANSIBLE_INVENTORY_PLUGINS=HERE / "inventory",
            ANSIBLE_LOCALHOST_WARNING="0",
        )
        command = [*arguments, "-i", str(source.file)]
        with output.open("wb") as file, (self._place / "errors.txt").open("wb") as errors:
            started = time.monotonic()
            process = subprocess.Popen(command, env=environment, cwd=self._place, stdout=file, stderr=errors)
            _pid, status, usage = os.wait4(process.pid, 0)
            seconds = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"{' '.join(command)} failed:\n{(self._place / 'errors.txt').read_text()}")
        return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * RSS_UNIT / MEGABYTE)


def main() -> None:
    """Measure what the command line asks for, and print a table."""
    options = _options()
    stage()
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
            for number in range(options.rounds):
                _print(f"{devices:,} devices, round {number + 1} of {options.rounds}", sys.stderr)
                bench.measure(compare=number == 0)
            rows += bench.rows()
    if rows:
        _print("| Devices | Command | Source | Seconds | Time | CPU | MB | Memory |")
        _print("| ---: | --- | --- | ---: | ---: | ---: | ---: | ---: |")
        _print("\n".join(rows))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python tests/benchmarks", description=__doc__)
    parser.add_argument("sizes", nargs="*", type=int, help=f"numbers of devices (default: {SIZES})")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is run, for medians")
    parser.add_argument("--latency-ms", type=int, default=100, help="of each request, where there is any")
    parser.add_argument("--profile", action="store_true", help="show what the plugin's time goes into instead")
    return parser.parse_args()


def _written(file: Path, text: str, mode: int = 0o600) -> Path:
    file.write_text(text)
    file.chmod(mode)
    return file


def _median(values: list[float]) -> float:
    return statistics.median(values)


def _ratio(mine: dict[str, list[float]], floor: dict[str, list[float]], command: str) -> str:
    return f"{_median(mine[command]) / _median(floor[command]):.2f}"


def _print(text: str, file: Any = None) -> None:
    print(text, file=file or sys.stdout, flush=True)


if __name__ == "__main__":
    main()
