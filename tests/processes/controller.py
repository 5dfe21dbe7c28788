# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs of ansible-core as separate processes, as users run them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulated import Simulator, variables

Task = dict[str, Any]

# Enough for a busy machine. This finds programs that hang, not programs that are slow.
PATIENCE = 180


@dataclass
class Played:
    """Exit code and output of a program."""

    code: int
    output: str

    @property
    def recap(self) -> dict[str, int]:
        """Return the counts in the last line of the output of a playbook: ok, changed, failed and others."""
        words = self.output.rpartition("PLAY RECAP")[2].partition(" : ")[2].splitlines()[0].split()
        return {name: int(count) for name, count in (word.split("=") for word in words)}


class Controller:
    """Directory with playbooks and a home, and the environment variables for a simulated tenant."""

    def __init__(self, folder: Path, simulator: Simulator, in_process: bool = True, **settings: str | Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.environment = variables(
            simulator,
            ANSIBLE_HOME=folder / "home",
            ANSIBLE_NOCOLOR="true",
            ANSIBLE_REMOTE_TEMP=folder / "home" / "remote",
            ESPER_ENTERPRISE_ID=simulator.enterprise_id,
            ESPER_IN_PROCESS=str(in_process).lower(),
            **settings,
        )

    def write(self, name: str, content: Any) -> Path:
        """Write a file to the directory: a text, or another value as JSON, which is also YAML."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content, indent=1))
        return path

    def playbook(self, *tasks: Task, **words: Any) -> Path:
        """Write a playbook with these tasks for the controller itself."""
        return self.write("site.yml", [{"hosts": "localhost", "gather_facts": False, "tasks": list(tasks), **words}])

    def start(self, program: str, *arguments: str | Path) -> Run:
        """Start a program in a process group of its own, like a shell."""
        output = (self.folder / "output").open("w+")
        process = subprocess.Popen(
            [program, *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        return Run(process, Path(output.name))

    def run(self, program: str, *arguments: str | Path) -> Played:
        """Run a program."""
        return self.start(program, *arguments).end()

    def play(self, *arguments: str | Path) -> Played:
        """Run the playbook."""
        return self.run("ansible-playbook", *arguments, "site.yml")


MakeController = Callable[..., Controller]


class Run:
    """Running program."""

    def __init__(self, process: subprocess.Popen[bytes], output: Path) -> None:
        self._process = process
        self._output = output
        self._others: dict[int, str] = {}

    @property
    def is_over(self) -> bool:
        return self._process.poll() is not None

    def end(self) -> Played:
        """Wait until the program exits."""
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            for pid in [*_below(self._process.pid), self._process.pid]:
                os.kill(pid, signal.SIGKILL)
            raise
        return Played(self._process.returncode, self.output)

    @property
    def output(self) -> str:
        """Return the output until now. Workers can write after the program has exited."""
        return self._output.read_text(errors="replace")

    def interrupt(self) -> None:
        """Send the signals of Ctrl-C in a terminal."""
        self._others = _below(self._process.pid)
        os.killpg(self._process.pid, signal.SIGINT)

    def terminate(self) -> None:
        """Send the signal of `kill` and of service managers."""
        self._others = _below(self._process.pid)
        self._process.terminate()

    def kill_worker(self) -> None:
        """Kill the process of the task, like the kernel if memory is exhausted."""
        self._others = _below(self._process.pid)
        for pid in _children(_table(), self._process.pid):
            os.kill(pid, signal.SIGKILL)

    def kill(self) -> None:
        """Kill the program and its workers, like a machine that loses power."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(PATIENCE)

    def left_over(self, seconds: float) -> list[str]:
        """Kill the processes of the program that still run after a time, and return their command lines."""
        until = time.monotonic() + seconds
        while (left := self._alive()) and time.monotonic() < until:
            time.sleep(0.1)
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        return list(left.values())

    def _alive(self) -> dict[int, str]:
        table = _table()
        return {pid: line for pid, line in self._others.items() if pid in table and table[pid][1] == line}


def _table() -> dict[int, tuple[int, str]]:
    """Return the parent and the command line of each process."""
    found = {}
    for line in subprocess.check_output(["ps", "-A", "-o", "pid=,ppid=,args="], text=True).splitlines():
        pid, parent, command = line.split(None, 2)
        found[int(pid)] = (int(parent), command)
    return found


def _children(table: dict[int, tuple[int, str]], pid: int) -> list[int]:
    return [child for child, (parent, command) in table.items() if parent == pid and "defunct" not in command]


def _below(pid: int) -> dict[int, str]:
    table = _table()
    found: dict[int, str] = {}
    waiting = [pid]
    for each in waiting:
        below = _children(table, each)
        found |= {child: table[child][1] for child in below}
        waiting += below
    return found
