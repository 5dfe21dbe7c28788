# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gates of a wave: limits for readings of its devices."""

from __future__ import annotations

import dataclasses
import typing as t
from dataclasses import dataclass

from ..base.errors import InvalidValues
from ..base.row import Row, is_integer
from ..base.text import counted, hint

_IGNORED = ("custom",)
_PERCENT = ("converged_percent", "max_failed_percent", "max_offline_increase_percent", "app_version_percent")
_MAX_PERCENT = 100


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
        return dataclasses.asdict(self)

    @classmethod
    def from_row(cls, row: Row) -> Reading:
        """Return the reading in a state. Unknown keys, and values that are not numbers, are ignored."""
        names = {field.name for field in dataclasses.fields(cls)}
        return cls(**{key: value for key, value in row.items() if key in names and is_integer(value)})


def parse_health(row: Row | None) -> Health:
    """Return the limits that the option ``health`` describes. The key ``custom`` belongs to the role and is ignored.

    Raise InvalidValues with all errors: unknown gates with the closest known one, percentages from 0 to 100.
    """
    names = [field.name for field in dataclasses.fields(Health)]
    errors: list[str] = []
    values: Row = {}
    for key, value in (row or {}).items():
        if key in _IGNORED or value is None:
            continue
        if key not in names:
            errors.append(f"health: unknown gate '{key}'{hint(str(key), [*names, *_IGNORED])}")
        elif key in _PERCENT:
            try:
                values[key] = percent_of(value)
            except ValueError as error:
                errors.append(f"health.{key} {error}")
        elif isinstance(value, (dict, list, bool)) or not str(value).strip():
            errors.append(f"health.{key} is not the name of a version")
        else:
            values[key] = str(value).strip()
    if errors:
        raise InvalidValues(errors)
    return Health(**values)


def percent_of(value: t.Any) -> float:
    """Return a percentage from 0 to 100. Raise ValueError with the error."""
    try:
        number = float("nan" if isinstance(value, bool) else value)
    except (TypeError, ValueError):
        number = float("nan")
    # The comparison is false for a value that is not a number.
    if not 0 <= number <= _MAX_PERCENT:
        raise ValueError(f"is not a percentage: '{value}'; it must be from 0 to {_MAX_PERCENT}")
    return number


def judge(health: Health, before: Reading | None, after: Reading) -> list[Row]:
    """Return the result of each gate that applies: ``gate``, ``before``, ``after``, ``limit``, ``passed``, ``text``.

    ``before`` and ``after`` are percentages with one decimal, None if there is no reading. ``text`` is a sentence
    without a period. Gates about online devices pass if none is online, and say so.

    Choice: they fail if devices were online before the wave and none is afterwards. Otherwise, a version that takes all
    devices offline would pass.
    """
    gates = (_converged, _failed, _offline, _app_version)
    return [result for gate in gates if (result := gate(health, before, after)) is not None]


def _converged(health: Health, before: Reading | None, after: Reading) -> Row | None:
    if health.converged_percent is None:
        return None
    return _at_least(
        "converged_percent",
        health.converged_percent,
        None if before is None else before.converged_online,
        after.converged_online,
        (before, after),
        "run the version of the rollout",
    )


def _app_version(health: Health, before: Reading | None, after: Reading) -> Row | None:
    if health.app_version is None:
        return None
    limit, former = health.app_version_percent, None if before is None else before.app_version_online
    if after.app_version_online is None:
        text = f"app_version: Esper did not return the devices with version {health.app_version}"
        return _result("app_version", None, None, limit, passed=False, text=text)
    what = f"report version {health.app_version} of the app"
    return _at_least("app_version", limit, former, after.app_version_online, (before, after), what)


def _at_least(
    gate: str, limit: float, former: int | None, number: int, readings: tuple[Reading | None, Reading], what: str
) -> Row:
    before, after = readings
    earlier = None if before is None or former is None else _share(former, before.online)
    if not after.online:
        were_online = 0 if before is None else before.online
        text = f"{gate}: no device of the wave is online, so the gate passes"
        if were_online:
            text = f"{gate}: no device of the wave is online, before the wave {were_online} were"
        return _result(gate, earlier, None, limit, passed=not were_online, text=text)
    passed = number * _MAX_PERCENT >= limit * after.online
    share = _share(number, after.online)
    text = f"{gate}: {number} of {counted(after.online, 'online device')} {what}, {share:g} % (at least {limit:g} %)"
    return _result(gate, earlier, share, limit, passed=passed, text=text)


def _failed(health: Health, _before: Reading | None, after: Reading) -> Row | None:
    limit, gate = health.max_failed_percent, "max_failed_percent"
    if limit is None:
        return None
    if not after.commanded:
        text = f"{gate}: no device of the wave got a command, so the gate passes"
        return _result(gate, None, None, limit, passed=True, text=text)
    share = _share(after.failed, after.commanded)
    text = f"{gate}: {after.failed} of {counted(after.commanded, 'command')} failed, {share:g} % (at most {limit:g} %)"
    passed = after.failed * _MAX_PERCENT <= limit * after.commanded
    return _result(gate, None, share, limit, passed=passed, text=text)


def _offline(health: Health, before: Reading | None, after: Reading) -> Row | None:
    limit, gate = health.max_offline_increase_percent, "max_offline_increase_percent"
    if limit is None:
        return None
    if before is None or not after.devices:
        text = f"{gate}: there is no reading to compare with, so the gate passes"
        return _result(gate, None, None, limit, passed=True, text=text)
    # Shares, because devices can join the wave between the readings.
    earlier, later = _exact(before.offline, before.devices), _exact(after.offline, after.devices)
    increase = later - earlier
    text = (
        f"{gate}: {after.offline} of {counted(after.devices)} are offline, {later:.1f} %, before the wave"
        f" {earlier:.1f} % (an increase of at most {limit:g} %)"
    )
    # The tolerance is for the rounding of floats.
    passed = increase <= limit + 1e-9
    return _result(gate, round(earlier, 1), round(later, 1), limit, passed=passed, text=text)


def _exact(number: int, total: int) -> float:
    return _MAX_PERCENT * number / total if total else 0.0


def _share(number: int, total: int) -> float:
    return round(_exact(number, total), 1)


def _result(gate: str, before: float | None, after: float | None, limit: float, *, passed: bool, text: str) -> Row:
    return {"gate": gate, "before": before, "after": after, "limit": limit, "passed": passed, "text": text}


def has_passed(results: t.Iterable[Row]) -> bool:
    """Return whether all gates passed."""
    return all(row["passed"] for row in results)


def failure_text(results: t.Iterable[Row]) -> str:
    """Return the sentences of the gates that did not pass, "" if all passed."""
    return ". ".join(str(row["text"]) for row in results if not row["passed"])
