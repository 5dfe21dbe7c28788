# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-rulebook as a separate process, as users run it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from environments import events
from simulated import Simulator, variables
from stage import CHECKOUT

# Enough for a busy machine. This finds programs that hang, not programs that are slow.
PATIENCE = 180

# An inventory group of some devices.
SEVERAL = "several_devices"

_SEVERAL = "esper_name is search('1$')"
_LOCALHOST = {"all": {"hosts": {"localhost": {"ansible_connection": "local"}}}}
_PYTHON = {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}


class Rulebook:
    """A running rulebook with an inventory of devices and localhost. ``content`` is a rulebook, or the name of one in
    the collection."""

    def __init__(self, folder: Path, simulator: Simulator, content: object, values: dict[str, Any]) -> None:
        self.simulator = simulator
        number = len(list(folder.glob("output-*")))
        self._output = folder / f"output-{number}.txt"
        inventory = folder / "inventory"
        inventory.mkdir(exist_ok=True)
        (inventory / "fleet.esper.yml").write_text(f"plugin: esper.cloud.devices\ngroups:\n  {SEVERAL}: {_SEVERAL}\n")
        _LOCALHOST["all"]["hosts"]["localhost"].update(_PYTHON)
        (inventory / "localhost.yml").write_text(json.dumps(_LOCALHOST))
        (folder / "vars.yml").write_text(json.dumps(values))
        name = str(content)
        if not isinstance(content, str):
            (folder / "rulebook.yml").write_text(json.dumps(content))
            name = str(folder / "rulebook.yml")
        environment = events()
        own = environment.variables(CHECKOUT.parents[2])
        # The source has to find the collection by itself.
        own.pop("PYTHONPATH")
        own |= {"HOME": str(folder), "ANSIBLE_HOME": str(folder / "ansible"), "ANSIBLE_NOCOLOR": "true"}
        own = {**variables(simulator), **own}
        command = [str(environment.path / "bin" / "ansible-rulebook"), "--rulebook", name]
        command += ["--inventory", str(inventory), "--vars", str(folder / "vars.yml")]
        with self._output.open("w") as file:
            self._process = subprocess.Popen(
                command, cwd=folder, env=own, stdout=file, stderr=subprocess.STDOUT, start_new_session=True
            )

    @property
    def output(self) -> str:
        """All that the process has printed."""
        return self._output.read_text()

    def count(self, text: str) -> int:
        """Return how often a text was printed."""
        return self.output.count(text)

    def wait(self, condition: Callable[[], object], what: str) -> None:
        """Wait until a condition is true. Fail if it is not in time, or if the process ends."""
        end = time.monotonic() + PATIENCE
        while not condition():
            if self._process.poll() is not None:
                raise AssertionError(f"ansible-rulebook ended before {what}:\n{self.output}")
            if time.monotonic() > end:
                raise AssertionError(f"{what} did not happen:\n{self.output}")
            time.sleep(0.1)

    def wait_for(self, text: str, times: int = 1) -> None:
        """Wait until a text was printed a number of times."""
        self.wait(lambda: self.count(text) >= times, f"'{text}'")

    def wait_for_polls(self, number: int, ordering: str = "-created_at") -> None:
        """Wait until further polls have read the devices without an error. ``ordering`` is that of their last request
        for a list of devices."""
        since = max((each["seq"] for each in self.simulator.journal()), default=0)

        def has_polled() -> bool:
            polls = [
                each
                for each in self.simulator.journal(since)
                if each["status"] == 200 and each["query"].get("ordering") == ordering
            ]
            return len(polls) >= number

        self.wait(has_polled, f"{number} polls")

    def kill(self) -> None:
        """Kill the process and those that it has started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
