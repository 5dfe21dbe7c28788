# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What devices are told to do, and how far they are. Commands, converges and operations all consist of such tasks."""

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
    """What devices make of their tasks, as it is posted to /_simulator/commands; what is not said is as below.

    polls    how many times a task is read until it has ended, at least once
    failing  ids of devices whose tasks end in failure, with `reason`
    silent   ids of devices that never answer
    """

    polls: int = 2
    failing: Set[str] = frozenset()
    silent: Set[str] = frozenset()
    reason: str = "The device could not do it"

    def __post_init__(self) -> None:
        if self.polls < 1:
            raise ValueError("polls is less than 1")
