# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of a rollout, and the file that has it.

The state is a dict that JSON can represent. It is small: it has no list of devices, except for those that failed or
that could not be reached. Its format:

- ``format``: 1. ``id``: UUID of the rollout. ``tenant``: host of the Esper API. ``seed``. ``started_at``.
- ``target``: ``{"app": {package_name, version_name, version_code}}`` or ``{"version": "12"}``.
- ``blueprints``: ``id``, ``name``, ``former_version_id``, ``former_number``, ``new_version_id``, ``new_number``,
  ``restored_version_id``, ``restored_number``. The new version is null until it is published, the restored one until
  the former version is published again.
- ``status``: one of STATUSES. ``reason``: why the rollout failed, stopped or went back, or null. ``ended_at``.
- ``waves``: ``name``, ``percent``, ``hash_limit``, ``status`` (one of WAVE_STATUSES), ``started_at``,
  ``converged_at``, ``soak_until``, ``ended_at``, ``counts`` (a dict of numbers), ``before`` and ``after`` (readings),
  ``gates`` (results of gates.judge()), ``failed_devices`` (``id``, ``name``, ``reason``), ``failed_count``.
- ``unreached``: devices that did not get the former version back (``id``, ``name``, ``reason``).
- ``lease``: ``run`` and ``until``, null if no run works on the rollout.

A run has a lease while it works on a rollout, and renews it. Another run refuses to work on the rollout. If a run was
killed, its lease ends, and the next run takes over. A run that lost its lease cannot save the state.
"""

from __future__ import annotations

import time
import typing as t
from datetime import datetime

from ..base.errors import EsperError
from ..base.row import Row
from ..base.times import now

FORMAT = 1
STATUSES = ("planned", "running", "paused", "completed", "failed", "reverting", "reverted")
WAVE_STATUSES = ("pending", "running", "soaking", "passed", "failed", "reverted")
FINAL = ("completed", "reverted")
"""Statuses after which another rollout replaces the state."""
MAX_FAILED_DEVICES = 100
"""Maximum number of devices in ``failed_devices`` and ``unreached`` each. The counts have all."""


class RolloutBusy(EsperError):
    """Another run works on the rollout."""


class LeaseLost(EsperError):
    """Another run took the rollout over, so this run must not change anything else."""


class StateStore:
    """The state of a rollout in a file, or as data that the task got and returns.

    ``path`` is the path of the file, None if the state is ``data``. ``run`` identifies the run, ``lease`` is its length
    in seconds. If the state is data, no other run can be noticed. ``clock`` and ``pause`` are for tests.

    With ``read_only`` (check mode), nothing is written: claim() does not wait, and save() only keeps the state.
    """

    def __init__(
        self,
        path: str | None,
        data: Row | None = None,
        *,
        run: str,
        lease: float = 60,
        read_only: bool = False,
        clock: t.Callable[[], datetime] = now,
        pause: t.Callable[[float], None] = time.sleep,
    ) -> None:
        self.path = path
        self.run = run
        self.lease = lease
        self.read_only = read_only
        self._state = data
        self._clock = clock
        self._pause = pause

    def read(self) -> Row | None:
        """Return the state without a claim, None if there is none. Raise InvalidParameter if it is invalid."""
        raise NotImplementedError

    def claim(self) -> Row | None:
        """Take the lease, and return the state, None if there is none.

        Wait for the end of the lease of another run. Raise RolloutBusy if that run renews it. Raise InvalidParameter if
        the file cannot be read or written.
        """
        raise NotImplementedError

    def save(self, state: Row) -> None:
        """Save the state, and renew the lease. Raise LeaseLost if another run has the lease."""
        raise NotImplementedError

    def renew(self) -> None:
        """Renew the lease if a third of it is over. Call it often. Raise LeaseLost if another run has the lease."""
        raise NotImplementedError

    def release(self) -> None:
        """End the lease, so that the next run need not wait. Does nothing if another run has it."""
        raise NotImplementedError


def new_state(
    *, tenant: str, blueprints: t.Sequence[Row], target: Row, seed: str, waves: t.Sequence[Row], started_at: datetime
) -> Row:
    """Return the state of a rollout that starts. ``blueprints`` have ``id``, ``name``, ``former_version_id`` and
    ``former_number``, ``waves`` have ``name``, ``percent`` and ``hash_limit``."""
    raise NotImplementedError


def check_state(value: t.Any, source: str) -> Row:
    """Return a value that is a valid state. ``source`` is what has it, for the error. Raise InvalidParameter."""
    raise NotImplementedError


def check_same(state: Row, *, tenant: str, blueprints: t.Sequence[Row], target: Row) -> None:
    """Raise InvalidParameter if a state belongs to another tenant, other blueprints (``id`` and ``name``) or another
    target. The message names both, and what to do."""
    raise NotImplementedError


def is_same(state: Row, *, tenant: str, blueprints: t.Sequence[Row], target: Row) -> bool:
    """Return whether a state belongs to a rollout."""
    raise NotImplementedError


def wave_state(state: Row, name: str) -> Row:
    """Return the part of a state for a wave, which can be changed. Raise KeyError if there is none."""
    raise NotImplementedError


def next_wave(state: Row) -> str | None:
    """Return the name of the first wave that has not passed, None if all passed."""
    raise NotImplementedError


def record_failed(part: Row, devices: t.Sequence[Row]) -> None:
    """Set the failed devices (``id``, ``name``, ``reason``) of a wave. The state keeps the first of them, and the
    number of all."""
    raise NotImplementedError


def set_status(state: Row, status: str, *, reason: str | None = None, ended_at: datetime | None = None) -> None:
    """Set the status of a rollout, and why. Raise ValueError if there is no such status."""
    raise NotImplementedError
