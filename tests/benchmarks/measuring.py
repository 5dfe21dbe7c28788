# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Common parts of all subjects: run a process, measure it, and print medians and ratios.

The measuring process stays small, because on Linux a child starts with the peak memory of its parent. So each subject
has a process, and other processes read large outputs, such as contents.py.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[1] / "checks"))
from simulated import Simulator, variables
from stage import COLLECTIONS

HERE = Path(__file__).resolve().parent
MEGABYTE = 2**20
# macOS returns bytes.
RSS_UNIT = 1 if sys.platform == "darwin" else 1024

Environment = dict[str, str]


@dataclass(frozen=True)
class Options:
    """The options of the command line. Without sizes, a subject uses its own."""

    sizes: tuple[int, ...]
    rounds: int
    latency_ms: int
    profile: bool

    def arguments(self) -> list[str]:
        """Return the options for another command line."""
        sizes = ["--sizes", *map(str, self.sizes)] if self.sizes else []
        return ["--rounds", str(self.rounds), "--latency-ms", str(self.latency_ms), *sizes]

    def each_round(self, what: str) -> Iterator[int]:
        """Yield the numbers of the rounds from 0, and print each."""
        for number in range(self.rounds):
            show(f"{what}, round {number + 1} of {self.rounds}", sys.stderr)
            yield number


@dataclass(frozen=True)
class Cost:
    """The cost of one run of a command."""

    seconds: float
    cpu_seconds: float
    megabytes: float

    def less(self, start: Cost) -> Cost:
        """Return the cost without the time of an empty start. Memory is not subtracted."""
        return Cost(self.seconds - start.seconds, self.cpu_seconds - start.cpu_seconds, self.megabytes)

    def extrapolated(self, start: Cost, factor: float) -> Cost:
        """Return the cost of ``factor`` times the work, with one start."""
        work = self.less(start)
        return Cost(
            start.seconds + work.seconds * factor, start.cpu_seconds + work.cpu_seconds * factor, self.megabytes
        )


class Measured:
    """The measurements, by any name."""

    def __init__(self) -> None:
        self._costs: dict[Any, list[Cost]] = defaultdict(list)

    def add(self, name: Any, cost: Cost) -> None:
        """Add one run."""
        self._costs[name].append(cost)

    def __iter__(self) -> Iterator[Any]:
        """Return the names, in the order of their first run."""
        return iter(self._costs)

    def __getitem__(self, name: Any) -> Cost:
        """Return the median of each part of the cost."""
        if name not in self._costs:
            raise KeyError(name)
        return Cost(
            *(statistics.median(getattr(cost, field.name) for cost in self._costs[name]) for field in fields(Cost))
        )


def run(command: Sequence[str | Path], environment: Environment, place: Path, output: Path | None = None) -> Cost:
    """Run a command in a directory, and return its cost. Exit if it fails."""
    # With this setting, the benchmark would measure the compilation by Python.
    environment = {name: value for name, value in environment.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with (output or place / "output.txt").open("wb") as file, (place / "errors.txt").open("wb") as errors:
        started = time.monotonic()
        process = subprocess.Popen(command, env=environment, cwd=place, stdout=file, stderr=errors)
        # The cost of this child and of its children, which are the workers of ansible-core.
        _pid, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        # ansible-playbook prints errors to its standard output.
        with Path(file.name).open("rb") as text:
            text.seek(max(0, Path(file.name).stat().st_size - 4000))
            end = text.read().decode(errors="replace")
        sys.exit(f"{' '.join(map(str, command))} failed:\n{end}\n{(place / 'errors.txt').read_text()}")
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * RSS_UNIT / MEGABYTE)


def ansible(simulator: Simulator, place: Path, **others: str | Path) -> Environment:
    """Return an environment for programs of ansible-core, with the staged collection and the simulator."""
    return variables(
        simulator,
        ANSIBLE_COLLECTIONS_PATH=COLLECTIONS,
        ANSIBLE_HOME=place / "home",
        ANSIBLE_LOCALHOST_WARNING="0",
        **others,
    )


def playbook(file: Path, task: dict[str, Any], **values: Any) -> tuple[str, str]:
    """Write a playbook of one task, and return the command that runs it. It is JSON, because ansible-core reads JSON
    faster than other YAML."""
    play = {"hosts": "localhost", "gather_facts": False, "vars": values, "tasks": [{"name": "The task", **task}]}
    return "ansible-playbook", str(written(file, json.dumps([play])))


# An empty playbook, to measure the start.
START = ("ansible-playbook", str(HERE / "start.yml"))


def set_latency(simulator: Simulator, latency_ms: int) -> None:
    """Set the latency of the simulator, and remove its faults."""
    simulator.clear_faults()
    if latency_ms:
        simulator.fault(kind="latency", ms=latency_ms, times=None)


def requests_of(simulator: Simulator, work: Callable[[], Cost]) -> tuple[Cost, int]:
    """Return the cost of some work, and the number of its requests."""
    simulator.clear_journal()
    cost = work()
    return cost, len(simulator.journal())


def written(file: Path, text: str, mode: int = 0o600) -> Path:
    """Write a text to a file, and return the file."""
    file.write_text(text)
    file.chmod(mode)
    return file


def ratio(mine: float, other: float) -> str:
    """Return one number divided by another, "" if the other is not positive."""
    if other <= 0:
        return ""
    times = mine / other
    return f"{times:.3f}" if 0 < times < 0.1 else f"{times:.2f}"


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown. Columns of numbers are aligned to the right."""
    edges = ["---:" if all(_is_number(row[at]) for row in rows) else "---" for at in range(len(columns))]
    lines = [columns, edges, *rows]
    return "\n".join([f"### {title}\n", *(f"| {' | '.join(line)} |" for line in lines)]) + "\n"


def show(text: str, file: Any = None) -> None:
    """Print without buffering."""
    print(text, file=file or sys.stdout, flush=True)


def _is_number(text: str) -> bool:
    return not text or text.lstrip("-").replace(",", "").replace(".", "").isdigit()
