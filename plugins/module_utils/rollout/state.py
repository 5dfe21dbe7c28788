# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of a rollout, and the file that has it.

The state is a dict that JSON can represent. It is small: it has no list of devices, except for those that failed or
that could not be reached. Its format:

- ``format``: 1. ``id``: UUID of the rollout. ``tenant``: host of the Esper API. ``seed``. ``started_at``.
- ``target``: ``{"app": {package_name, version_name, version_code}}`` or ``{"version": "12"}``.
- ``blueprints``: ``id``, ``name``, ``former_version_id``, ``former_number``, ``new_version_id``, ``new_number``,
  ``restored_version_id``, ``restored_number``. The new version is null until it is published, the restored one until
  the version from before the rollout is published again. ``kept``: whether going back does not change it.
- ``status``: one of STATUSES. ``reason``: why the rollout failed, stopped or went back, or null. ``ended_at``.
- ``waves``: ``name``, ``percent``, ``hash_limit``, ``selectors`` (see Wave.selectors), ``status`` (one of
  WAVE_STATUSES), ``started_at``, ``converged_at``, ``soak_until``, ``ended_at``, ``counts`` (a dict of numbers),
  ``before`` and ``after`` (readings),
  ``gates`` (results of gates.judge()), ``failed_devices`` (``id``, ``name``, ``reason``), ``failed_count``,
  ``continued`` (whether the rollout goes on although the wave failed).
- ``unreached``: devices that did not get the restored version (``id``, ``name``, ``reason``), ``unreached_count``.
- ``lease``: ``run`` and ``until`` of the last run. It is over if ``until`` is in the past.

A run has a lease while it works on a rollout, and renews it. Another run fails. If a run was
killed, its lease ends, and the next run takes over. A run that lost its lease cannot save the state, also after the end
of the other run.
"""

from __future__ import annotations

import contextlib
import copy
import fcntl
import json
import os
import time
import typing as t
import uuid
from datetime import datetime, timedelta
from pathlib import Path

from ..base.errors import EsperError, InvalidParameter
from ..base.row import Row, is_integer
from ..base.secret_file import SecretFile
from ..base.text import listed
from ..base.times import format_utc, now, parse_time

FORMAT = 1
STATUSES = ("planned", "running", "paused", "completed", "failed", "reverting", "reverted")
WAVE_STATUSES = ("pending", "running", "soaking", "passed", "failed", "reverted")
FINAL = ("completed", "reverted")
"""Statuses after which another rollout replaces the state."""
MAX_FAILED_DEVICES = 100
"""Maximum number of devices in ``failed_devices`` and ``unreached`` each. The counts have all."""

# Seconds between two looks at the lease of another run.
_PAUSE = 1.0
# Seconds to wait for the lock, which a run has for an instant only.
_LOCK_TIMEOUT = 10.0
_LOCK_PAUSE = 0.05
_LARGEST_FILE = 10_000_000
_WAVE: Row = {
    "status": "pending",
    "started_at": None,
    "converged_at": None,
    "soak_until": None,
    "ended_at": None,
    "counts": {},
    "before": None,
    "after": None,
    "gates": [],
    "failed_devices": [],
    "failed_count": 0,
    "continued": False,
}
_BLUEPRINT: Row = {
    "former_version_id": None,
    "former_number": None,
    "new_version_id": None,
    "new_number": None,
    "restored_version_id": None,
    "restored_number": None,
    "kept": False,
}


class RolloutBusy(EsperError):
    """Another run works on the rollout."""


class LeaseLost(EsperError):
    """Another run took the rollout over, so this run must not change anything else."""


class StateStore:
    """The state of a rollout in a file, or as data that the task got and returns.

    ``path`` is the path of the file, None if the state is ``data``. ``run`` identifies the run, ``lease`` is the length
    of its lease in seconds. If the state is data, no other run can be noticed. ``clock`` and ``pause`` are for tests.

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
        self.path = None if path is None else Path(path)
        self.run = run
        self.lease = lease
        self.read_only = read_only
        self._state = data
        self._renewed_at: datetime | None = None
        self._clock = clock
        self._pause = pause

    def read(self) -> Row | None:
        """Return the state without a claim, None if there is none. Raise InvalidParameter if it is invalid."""
        if self.path is None or (self.read_only and self._state is not None):
            # An artifact can be an empty dict.
            return check_state(self._state, "data") if self._state else None
        return _read(self.path)

    def claim(self) -> Row | None:
        """Take the lease, and return the state, None if there is none. Then the first save() creates the file, and
        fails if another run was faster.

        Wait for the end of the lease of another run. Raise RolloutBusy if that run renews it. Raise InvalidParameter if
        the file cannot be read or written.
        """
        if self.path is None or self.read_only:
            return self.read()
        other: Row | None = None
        waited = 0.0
        while True:
            with self._locked():
                state = self.read()
                lease = _foreign_lease(state, self.run)
                if lease is None or self._is_over(lease):
                    if state is not None:
                        self._write(state)
                    return state
            # A renewed lease has another end. The run of a lease whose end does not change was probably killed.
            if (other is not None and other != lease) or waited > self.lease:
                raise RolloutBusy(_busy(self.path, lease))
            other = lease
            self._pause(_PAUSE)
            waited += _PAUSE

    def resume(self) -> Row | None:
        """Return the state for a later task of a run that has the lease. Raise LeaseLost if another run has it."""
        state = self.read()
        if self.path is not None and not self.read_only:
            self._check_own(state)
        return state

    def save(self, state: Row) -> None:
        """Save the state, and renew the lease. Raise LeaseLost if another run has the lease."""
        if self.path is None or self.read_only:
            self._state = state
            return
        with self._locked():
            self._check_own(self.read())
            self._write(state)

    def renew(self) -> None:
        """Renew the lease if a third of it is over. Call it often. Raise LeaseLost if another run has the lease."""
        if self.path is None or self.read_only:
            return
        is_young = self._renewed_at is not None and self._clock() < self._renewed_at + timedelta(seconds=self.lease / 3)
        if is_young:
            return
        with self._locked():
            state = self.read()
            self._check_own(state)
            if state is not None:
                self._write(state)

    def release(self) -> None:
        """End the lease, so that the next run need not wait. Does nothing if another run has it."""
        if self.path is None or self.read_only:
            return
        with self._locked():
            state = self.read()
            if state is not None and state.get("lease") and _foreign_lease(state, self.run) is None:
                # The name of the run stays, so a run that lost the lease before cannot save its state.
                state["lease"] = {"run": self.run, "until": format_utc(self._clock())}
                self._replace(state)

    # --- the file -----------------------------------------------------------------------------------------------------

    def _is_over(self, lease: Row) -> bool:
        until = parse_time(str(lease.get("until")))
        return until is None or until <= self._clock()

    def _check_own(self, state: Row | None) -> None:
        lease = _foreign_lease(state, self.run)
        # Nobody has a lease before the first save.
        if lease is not None:
            raise LeaseLost(
                f"Another run took over the rollout in '{self.path}', so this run stops and changes nothing else."
                " Start only one run at a time."
            )

    def _write(self, state: Row) -> None:
        """Write the state with a new lease. The dict of the caller has it too."""
        time_ = self._clock()
        state["lease"] = {"run": self.run, "until": format_utc(time_ + timedelta(seconds=self.lease))}
        self._replace(state)
        self._renewed_at = time_

    def _replace(self, state: Row) -> None:
        file = SecretFile(str(self.path))
        try:
            file.prepare()
            file.write(f"{json.dumps(state, indent=2, ensure_ascii=False)}\n".encode("utf-8", errors="replace"))
        finally:
            file.discard()

    @contextlib.contextmanager
    def _locked(self) -> t.Iterator[None]:
        """Have the lock of the file for an instant. The operating system ends the lock of a process that was killed."""
        path = t.cast(Path, self.path)
        lock = path.with_name(f".{path.name}.lock")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Another user can have created it.
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise InvalidParameter(f"Cannot lock '{path}': {error.strerror}.") from None
        try:
            self._wait_for_lock(descriptor)
            yield
        finally:
            os.close(descriptor)

    def _wait_for_lock(self, descriptor: int) -> None:
        waited = 0.0
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if waited >= _LOCK_TIMEOUT:
                    raise RolloutBusy(f"Another process has the lock of '{self.path}'. Run the task again.") from None
            except OSError as error:
                raise InvalidParameter(f"Cannot lock '{self.path}': {error.strerror}.") from None
            self._pause(_LOCK_PAUSE)
            waited += _LOCK_PAUSE


def _foreign_lease(state: Row | None, run: str) -> Row | None:
    """Return the lease in a state if another run has it."""
    lease = None if state is None else state.get("lease")
    return lease if isinstance(lease, dict) and lease.get("run") != run else None


def _busy(path: Path, lease: Row) -> str:
    return (
        f"Another run works on the rollout in '{path}' until {lease.get('until')} at least. Wait for its end, or stop"
        " it. For another rollout at the same time, use another file."
    )


def _read(path: Path) -> Row | None:
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise InvalidParameter(f"Cannot read '{path}': it is too large for the state of a rollout.")
        text = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InvalidParameter(f"Cannot read '{path}': {error.strerror}.") from None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    return check_state(value, f"file '{path}'")


# --- the state --------------------------------------------------------------------------------------------------------


def new_state(
    *, tenant: str, blueprints: t.Sequence[Row], target: Row, seed: str, waves: t.Sequence[Row], started_at: datetime
) -> Row:
    """Return the state of a rollout that starts. ``blueprints`` have ``id``, ``name``, ``former_version_id`` and
    ``former_number``, ``waves`` have ``name``, ``percent`` and ``hash_limit``."""
    return {
        "format": FORMAT,
        "id": str(uuid.uuid4()),
        "tenant": tenant,
        "target": target,
        "blueprints": [{**_BLUEPRINT, **row} for row in blueprints],
        "seed": seed,
        "status": "planned",
        "reason": None,
        "started_at": format_utc(started_at.replace(microsecond=0)),
        "ended_at": None,
        "waves": [new_wave(row) for row in waves],
        "unreached": [],
        "unreached_count": 0,
        "lease": None,
    }


def new_wave(row: Row) -> Row:
    """Return the part of a state for a wave that has not started. ``row`` has ``name``, ``percent`` and
    ``hash_limit``."""
    return {**copy.deepcopy(_WAVE), **row}


def check_state(value: t.Any, source: str) -> Row:
    """Return a value that is a valid state. ``source`` is what has it, for the error. Raise InvalidParameter."""
    format_ = value.get("format") if isinstance(value, dict) else None
    if is_integer(format_) and format_ > FORMAT:
        raise InvalidParameter(
            f"The {source} has the state of a rollout in format {format_}, but this version of esper.cloud knows"
            f" format {FORMAT}. Update the collection."
        )
    if format_ != FORMAT or not _is_valid(value):
        raise InvalidParameter(
            f"The {source} is not a valid state of a rollout. Restore it from a backup. If there is none, delete it,"
            " which starts a new rollout that does not know the version before."
        )
    return t.cast(Row, value)


def _is_valid(state: Row) -> bool:
    blueprints, waves = state.get("blueprints"), state.get("waves")
    return (
        state.get("status") in STATUSES
        and all(isinstance(state.get(key), str) for key in ("id", "tenant", "seed"))
        and parse_time(str(state.get("started_at"))) is not None
        and isinstance(state.get("target"), dict)
        and _are_rows(blueprints, {*_BLUEPRINT, "id", "name"})
        and _are_rows(waves, {*_WAVE, "name", "percent", "hash_limit"})
        and all(row["status"] in WAVE_STATUSES for row in waves or ())
    )


def _are_rows(value: t.Any, keys: set[str]) -> bool:
    return isinstance(value, list) and all(isinstance(row, dict) and keys <= row.keys() for row in value)


def is_same(state: Row, *, tenant: str, blueprints: t.Sequence[Row], target: Row) -> bool:
    """Return whether a state belongs to a rollout."""
    return not _differences(state, tenant, blueprints, target)


def check_same(state: Row, *, tenant: str, blueprints: t.Sequence[Row], target: Row) -> None:
    """Raise InvalidParameter if a state belongs to another tenant, other blueprints (``id`` and ``name``) or another
    target. The message names both, and what to do."""
    differences = _differences(state, tenant, blueprints, target)
    if differences:
        raise InvalidParameter(
            f"Another rollout is {state['status']}: {'; '.join(differences)}. Complete it or go back with its own"
            " values, use another state file, or set restart to true to forget it."
        )


def _differences(state: Row, tenant: str, blueprints: t.Sequence[Row], target: Row) -> list[str]:
    pairs = [
        ("tenant", state["tenant"], tenant),
        ("version", target_text(state["target"]), target_text(target)),
    ]
    differences = [f"its {what} is {one}, that of the task {other}" for what, one, other in pairs if one != other]
    if {row["id"] for row in state["blueprints"]} != {row["id"] for row in blueprints}:
        one, other = _names(state["blueprints"]), _names(blueprints)
        if one == other:
            one, other = _names(state["blueprints"], "id"), _names(blueprints, "id")
        differences.append(f"its blueprints are {one}, those of the task {other}")
    return differences


def _names(blueprints: t.Sequence[Row], key: str = "name") -> str:
    return listed(sorted(f"'{row[key]}'" for row in blueprints))


def target_text(target: Row) -> str:
    """Return what is rolled out, for people."""
    app = target.get("app")
    if not app:
        return f"version {target.get('version')}"
    code = app.get("version_code")
    return f"{app.get('package_name')} {app.get('version_name')}{f' ({code})' if code else ''}"


def wave_state(state: Row, name: str) -> Row:
    """Return the part of a state for a wave, which can be changed. Raise KeyError if there is none."""
    for row in state["waves"]:
        if row["name"] == name:
            return t.cast(Row, row)
    raise KeyError(name)


def next_wave(state: Row) -> str | None:
    """Return the name of the first wave that is not over: it did not pass, and the rollout did not go on anyway. Return
    None if all are."""
    return next((str(row["name"]) for row in state["waves"] if not is_over(row)), None)


def is_over(wave: Row) -> bool:
    """Return whether a rollout goes on with the wave after this one."""
    return wave["status"] == "passed" or (wave["status"] == "failed" and bool(wave["continued"]))


def record_failed(part: Row, devices: t.Sequence[Row]) -> None:
    """Set the failed devices (``id``, ``name``, ``reason``) of a wave. The state keeps the first of them, and the
    number of all."""
    part["failed_devices"], part["failed_count"] = list(devices[:MAX_FAILED_DEVICES]), len(devices)


def record_unreached(state: Row, devices: t.Sequence[Row]) -> None:
    """Set the devices (``id``, ``name``, ``reason``) that did not get the restored version, like record_failed()."""
    state["unreached"], state["unreached_count"] = list(devices[:MAX_FAILED_DEVICES]), len(devices)


def set_status(state: Row, status: str, *, reason: str | None = None, ended_at: datetime | None = None) -> None:
    """Set the status of a rollout, and why. Raise ValueError if there is no such status."""
    if status not in STATUSES:
        raise ValueError(f"unknown status: {status}")
    state["status"], state["reason"] = status, reason
    state["ended_at"] = None if ended_at is None else format_utc(ended_at.replace(microsecond=0))
