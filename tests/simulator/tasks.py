# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tasks of devices, and their progress. Commands, converges and operations all consist of such tasks."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any

# The states of tasks, in the words of commands; converges and operations have their own.
QUEUED = "Command Queued"
SCHEDULED = "Command Scheduled"
INITIATED = "Command Initiated"
ACKNOWLEDGED = "Command Acknowledged"
IN_PROGRESS = "Command In Progress"
SUCCESS = "Command Success"
FAILURE = "Command Failure"
TIMED_OUT = "Command TimeOut"
CANCELLED = "Command Cancelled"

STATES = (QUEUED, SCHEDULED, INITIATED, ACKNOWLEDGED, IN_PROGRESS, SUCCESS, FAILURE, TIMED_OUT, CANCELLED)
ENDED = frozenset((SUCCESS, FAILURE, TIMED_OUT, CANCELLED))


@dataclass(slots=True)
class Task:
    """One device's part in a command or an operation, whose id is `job`."""

    id: str
    job: str
    device: str
    command: str
    arguments: Mapping[str, Any]
    state: str
    created_at: str
    updated_at: str
    reason: str = ""
    readings: int = 0


@dataclass(frozen=True)
class Conduct:
    """The conduct of devices with their tasks, in the format of /_simulator/commands.

    polls    the number of reads until a task is complete, at least 1
    failing  the IDs of devices whose tasks fail, with `reason`
    silent   the IDs of devices that never respond
    waits    whether a pipeline run waits for a promotion before each stage but the first
    steps    the number of steps that a pipeline run goes on with each read, at least 1
    reaches_all  whether devices respond in any state, such as offline ones
    """

    polls: int = 2
    failing: Set[str] = frozenset()
    silent: Set[str] = frozenset()
    reason: str = "The device could not do it"
    waits: bool = True
    steps: int = 1
    reaches_all: bool = False

    def __post_init__(self) -> None:
        for name in ("polls", "steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is less than 1")
