# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""An event source of a simulated tenant."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ansible_collections.esper.cloud.plugins.module_utils.events.options import Options
from ansible_collections.esper.cloud.plugins.module_utils.events.poller import Poller
from ansible_collections.esper.cloud.tests.laws.world import KEY, World

Row = dict[str, t.Any]

NOW = "2026-03-01T09:30:00.000000Z"
LATER = "2026-03-01T10:30:00.000000Z"


@dataclass
class Source:
    """An event source of the simulated tenant, with its state in a file."""

    world: World
    state_file: str
    args: Row = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    requests: list[Row] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.poller = self._open()

    def _open(self) -> Poller:
        args = {"api_url": self.world.simulator.url, "api_key": KEY, "state_file": self.state_file, **self.args}
        return Poller(Options.from_args(args, {}), self.warnings.append)

    def restart(self, **args: t.Any) -> None:
        """Close the source and start it again, also with other options."""
        self.poller.close()
        self.args.update(args)
        self.poller = self._open()

    def kill(self) -> None:
        """Start the source again as if its process was killed, so that nothing could be written at the end."""
        self.poller.store._base.close()
        self.poller = self._open()

    def poll(self) -> list[Row]:
        """Poll, hand all events over, and return them."""
        since = max((each["seq"] for each in self.world.simulator.journal()), default=0)
        self.poller.poll()
        self.requests = self.world.simulator.journal(since)
        return self.hand_over()

    def hand_over(self) -> list[Row]:
        found = []
        while events := self.poller.events(10):
            for number, event in events:
                found.append(event["esper"])
                self.poller.confirm(number)
        return found

    def read_fully(self) -> list[Row]:
        """Poll as if the interval for reading all devices was over."""
        with self.poller.store.transaction():
            self.poller.store.set_value("devices read at", "0")
        return self.poll()


MakeSource = t.Callable[..., Source]
