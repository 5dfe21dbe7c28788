# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gates of a wave: limits for readings of its devices."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ..base.row import Row


@dataclass(frozen=True)
class Health:
    """The limits of a rollout. A gate that is None does not apply."""

    converged_percent: float | None = None
    max_failed_percent: float | None = None
    max_offline_increase_percent: float | None = None
    app_version: str | None = None
    app_version_percent: float = 95


@dataclass(frozen=True)
class Reading:
    """A reading of the devices of a wave, all as numbers of devices.

    ``online`` and ``offline`` are all devices of the wave by state. ``converged`` run the version of the rollout,
    ``converged_online`` of them are online. ``commanded`` got a command in this wave, for ``failed`` it failed.
    ``app_version_online`` are online devices on which Esper lists the app version, None if it was not read.
    """

    devices: int = 0
    online: int = 0
    offline: int = 0
    converged: int = 0
    converged_online: int = 0
    commanded: int = 0
    failed: int = 0
    app_version_online: int | None = None

    def to_row(self) -> Row:
        """Return the reading for the state."""
        raise NotImplementedError

    @classmethod
    def from_row(cls, row: Row) -> Reading:
        """Return the reading in a state. Unknown keys are ignored."""
        raise NotImplementedError


def parse_health(row: Row | None) -> Health:
    """Return the limits that the option ``health`` describes. The key ``custom`` belongs to the role and is ignored.

    Raise InvalidValues with all errors: unknown gates with the closest known one, percentages from 0 to 100.
    """
    raise NotImplementedError


def judge(health: Health, before: Reading | None, after: Reading) -> list[Row]:
    """Return the result of each gate that applies: ``gate``, ``before``, ``after``, ``limit``, ``passed``, ``text``.

    ``before`` and ``after`` are percentages with one decimal, None if there is no reading. ``text`` is a sentence.
    """
    raise NotImplementedError


def has_passed(results: t.Iterable[Row]) -> bool:
    """Return whether all gates passed."""
    raise NotImplementedError


def failure_text(results: t.Iterable[Row]) -> str:
    """Return the sentences of the gates that did not pass, "" if all passed."""
    raise NotImplementedError
