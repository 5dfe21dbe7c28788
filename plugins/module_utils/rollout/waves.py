# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The waves of a rollout, and which device belongs to which wave.

A device belongs to the first wave that selects it. Tags, device groups and names of one wave narrow each other down. A
percentage is cumulative: of all devices of the rollout, with those of earlier waves. The devices of a percentage are
those with the lowest hashes of the seed and the device ID, so a repeated run selects the same devices.

The state keeps the highest hash of each percentage as its limit. So devices that enroll later do not move the border
between two waves.

Choice: a new device can have a hash below the limit of a wave that has passed. It then belongs to that wave, and
converges with the current one.
"""

from __future__ import annotations

import hashlib
import json
import math
import typing as t
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timezone
from fractions import Fraction

from ..base.errors import InvalidValues
from ..base.ids import is_uuid
from ..base.row import Row
from ..base.text import composed, counted, hint, listed
from .calendar import parse_duration, start_of
from .gates import percent_of

NO_LIMIT = "g"
"""A limit above all hashes, which are hexadecimal numbers: the wave takes all devices that are left."""
DEFAULT_CONCURRENCY = 100
"""Number of online devices of a wave that converge at the same time."""
MAX_CONCURRENCY = 100_000

_SELECTORS = ("tags", "groups", "devices")
_KEYS = ("name", *_SELECTORS, "percent", "soak", "concurrency", "not_before", "allow_empty")
_ALL = 100
_MAX_SHOWN = 10
# For the validation of times, which depend on the start and the time zone of a rollout.
_SOME_TIME = datetime(2026, 1, 1, tzinfo=timezone.utc)


class Device(t.NamedTuple):
    """A device of a rollout. ``names`` are its name, alias, serial number and ID as far as it has them, the name for
    people first. ``groups`` are the IDs of its device group and of the groups above, ``tags`` the IDs of its tags."""

    id: str
    names: tuple[str, ...]
    groups: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    is_online: bool = False
    is_outdated: bool = True

    @property
    def label(self) -> str:
        """The name for people."""
        return self.names[0] if self.names else self.id


@dataclass(frozen=True)
class Wave:
    """The definition of a wave. Selectors that are None do not apply. ``soak`` is in seconds. ``not_before`` is a
    time or an offset as the user wrote it: see calendar.start_of()."""

    name: str
    tags: tuple[str, ...] | None = None
    groups: tuple[str, ...] | None = None
    devices: tuple[str, ...] | None = None
    percent: float | None = None
    soak: float = 0
    concurrency: int = DEFAULT_CONCURRENCY
    not_before: str | None = None
    allow_empty: bool = False

    @property
    def selectors(self) -> str:
        """A short text that changes with the selectors, except for their order."""
        values = [sorted(getattr(self, key) or ()) for key in _SELECTORS]
        return hashlib.sha256(json.dumps([*values, self.percent]).encode(errors="surrogatepass")).hexdigest()[:16]


@dataclass(frozen=True)
class WaveDevices:
    """The devices of a wave, in the order of their hashes. ``hash_limit`` is None if the wave has no percentage, and ""
    if its percentage selects no device."""

    wave: Wave
    devices: list[Device]
    hash_limit: str | None


@dataclass(frozen=True)
class Division:
    """The division of devices into waves. ``left_over`` are the devices in no wave. ``notes`` are sentences about
    waves without devices."""

    waves: list[WaveDevices]
    left_over: list[Device]
    notes: list[str]

    def wave_of(self, name: str) -> WaveDevices:
        """Return a wave with its devices. Raise KeyError if there is none with the name."""
        return self.waves[self._index(name)]

    def before(self, name: str) -> list[Device]:
        """Return the devices of all waves before a wave."""
        return [device for each in self.waves[: self._index(name)] for device in each.devices]

    def _index(self, name: str) -> int:
        for index, each in enumerate(self.waves):
            if each.wave.name == name:
                return index
        raise KeyError(name)


# --- definitions ------------------------------------------------------------------------------------------------------


def parse_waves(rows: t.Sequence[Row]) -> list[Wave]:
    """Return the waves that the option ``waves`` describes: see WAVE_OPTIONS in tasks/rollouts.py for its keys.

    Raise InvalidValues with all errors: no waves, missing or duplicate names, a wave without a selector, percentages
    that are out of range or do not ascend, invalid durations, unknown keys with the closest known one.
    """
    errors: list[str] = []
    if not rows:
        errors.append("waves is empty")
    waves = [_parse_wave(f"waves[{index}]", row, errors) for index, row in enumerate(rows)]
    uses = Counter(wave.name for wave in waves if wave.name)
    errors += [f"waves: {number} waves have the name '{name}'" for name, number in uses.items() if number > 1]
    errors += _percent_errors(waves)
    if errors:
        raise InvalidValues(errors)
    return waves


def _parse_wave(path: str, row: Row, errors: list[str]) -> Wave:
    errors += [f"{path}: unknown key '{key}'{hint(str(key), _KEYS)}" for key in row if key not in _KEYS]
    name = str(row.get("name") or "").strip()
    if not name:
        errors.append(f"{path}.name is required")
    selectors = {key: _texts(f"{path}.{key}", row.get(key), errors) for key in _SELECTORS}
    percent = row.get("percent")
    if percent is None and all(value is None for value in selectors.values()):
        errors.append(f"{path} selects no device. Set tags, groups, devices or percent")
    soak, not_before = row.get("soak"), row.get("not_before")
    concurrency = row.get("concurrency")
    return Wave(
        name=name,
        **selectors,
        percent=_checked(f"{path}.percent", percent, percent_of, errors, None),
        soak=_checked(f"{path}.soak", soak, parse_duration, errors, 0),
        concurrency=_checked(f"{path}.concurrency", concurrency, _concurrency_of, errors, DEFAULT_CONCURRENCY),
        not_before=_checked(f"{path}.not_before", not_before, _start_text, errors, None),
        allow_empty=bool(row.get("allow_empty")),
    )


def _texts(path: str, value: t.Any, errors: list[str]) -> tuple[str, ...] | None:
    if value is None:
        return None
    texts = [str(each).strip() for each in ([value] if isinstance(value, str) else value)]
    if not texts:
        errors.append(f"{path} is empty. Omit it, or set a value")
    elif not all(texts):
        errors.append(f"{path} has an empty value")
    return tuple(dict.fromkeys(texts))


def _checked(path: str, value: t.Any, parse: t.Callable[[t.Any], t.Any], errors: list[str], default: t.Any) -> t.Any:
    if value is None:
        return default
    try:
        return parse(value)
    except ValueError as error:
        errors.append(f"{path} {error}")
        return default


def _concurrency_of(value: t.Any) -> int:
    try:
        number = 0 if isinstance(value, bool) else int(str(value))
    except ValueError:
        number = 0
    if not 1 <= number <= MAX_CONCURRENCY:
        raise ValueError(f"is '{value}'; it must be from 1 to {MAX_CONCURRENCY:,}")
    return number


def _start_text(value: t.Any) -> str:
    start_of(str(value), _SOME_TIME, timezone.utc)
    return str(value).strip()


def _percent_errors(waves: list[Wave]) -> list[str]:
    errors = []
    highest: Wave | None = None
    for wave in waves:
        if wave.percent is None:
            continue
        if highest is not None and highest.percent is not None and wave.percent <= highest.percent:
            errors.append(
                f"waves: the percent {wave.percent:g} of the wave '{wave.name}' must be higher than the"
                f" {highest.percent:g} of '{highest.name}', because it includes the devices of earlier waves"
            )
        highest = wave
    return errors


# --- devices ----------------------------------------------------------------------------------------------------------


def divide(
    waves: t.Sequence[Wave],
    devices: t.Sequence[Device],
    seed: str,
    *,
    tag_ids: t.Mapping[str, str],
    group_ids: t.Mapping[str, str],
    limits: t.Mapping[str, str] | None = None,
    is_strict: bool = True,
    lenient: t.Collection[str] = (),
) -> Division:
    """Return the division of devices into waves.

    ``tag_ids`` and ``group_ids`` have the IDs of the tags and groups that the waves name. ``limits`` are the hash
    limits of an earlier division by the name of the wave, which replace the percentages. A device with a lower hash is
    in the wave.

    If ``is_strict``, raise InvalidValues with all errors: a wave that names a device which is not among ``devices``, a
    wave that must not be empty but is, and devices in no wave. Otherwise, they are notes. Those about the waves with
    the names in ``lenient`` are always notes.
    """
    ranked = sorted((hash_of(seed, device.id), device) for device in devices)
    names = _NameIndex(devices)
    strict_errors: list[str] = []
    lenient_errors: list[str] = []
    divided: list[WaveDevices] = []
    notes: list[str] = []
    total, assigned = len(ranked), 0
    remaining = ranked
    for wave in waves:
        errors = lenient_errors if wave.name in lenient else strict_errors
        ids = None if wave.devices is None else names.resolve(wave, errors)
        matching = _matching(wave, ids, tag_ids, group_ids)
        fitting = [each for each in remaining if matching(each[1])]
        limit: str | None = None
        if wave.percent is not None:
            given = (limits or {}).get(wave.name)
            limit = _limit_of(wave.percent, total, assigned, fitting) if given is None else given
            fitting = [each for each in fitting if each[0] < limit]
        taken = {device.id for _hash, device in fitting}
        remaining = [each for each in remaining if each[1].id not in taken] if taken else remaining
        assigned += len(taken)
        if not taken:
            _note_empty(wave, notes, errors)
        divided.append(WaveDevices(wave, [device for _hash, device in fitting], limit))
    left_over = [device for _hash, device in remaining]
    if left_over:
        strict_errors.append(_left_over_error(waves, left_over))
    if is_strict and strict_errors:
        raise InvalidValues(strict_errors)
    return Division(divided, left_over, notes + [f"{error}." for error in (*lenient_errors, *strict_errors)])


def _limit_of(percent: float, total: int, assigned: int, fitting: list[tuple[str, Device]]) -> str:
    """Return the hash limit of a wave: the hashes of its devices are lower."""
    if percent == _ALL:
        return NO_LIMIT
    # As a decimal fraction, because 100 * 0.07 is more than 7 in floats.
    number = math.ceil(Fraction(str(percent)) * total / _ALL) - assigned
    if number <= 0 or not fitting:
        return ""
    # A text that is higher than the last hash, and lower than any other.
    return f"{fitting[min(number, len(fitting)) - 1][0]}!"


def _matching(
    wave: Wave, ids: frozenset[str] | None, tag_ids: t.Mapping[str, str], group_ids: t.Mapping[str, str]
) -> t.Callable[[Device], bool]:
    """Return the condition for devices of a wave, without its percentage."""
    tags = None if wave.tags is None else {tag_ids[tag] for tag in wave.tags}
    groups = None if wave.groups is None else {group_ids[group] for group in wave.groups}
    return lambda device: (
        (tags is None or not tags.isdisjoint(device.tags))
        and (groups is None or not groups.isdisjoint(device.groups))
        and (ids is None or device.id in ids)
    )


class _NameIndex:
    """The devices of a rollout by name, alias, serial number and ID."""

    def __init__(self, devices: t.Sequence[Device]) -> None:
        self._devices = devices
        self._ids: dict[str, set[str]] | None = None

    def resolve(self, wave: Wave, errors: list[str]) -> frozenset[str]:
        """Return the IDs of the devices that a wave names."""
        index = self._ids = self._index() if self._ids is None else self._ids
        found: set[str] = set()
        missing = []
        for name in wave.devices or ():
            ids = index.get(_key(name), set())
            found |= ids
            if not ids:
                missing.append(name)
            elif len(ids) > 1:
                errors.append(
                    f"waves: {counted(len(ids))} of the rollout have the name '{name}', which the wave '{wave.name}'"
                    " names. Use their IDs or serial numbers"
                )
        if missing:
            question = hint(missing[0], (name for device in self._devices for name in device.names))
            shown = listed([f"'{name}'" for name in missing], _MAX_SHOWN)
            errors.append(
                f"waves: the wave '{wave.name}' names {shown}, but no blueprint of the rollout is assigned to"
                f" {'it' if len(missing) == 1 else 'them'}{question}"
            )
        return frozenset(found)

    def _index(self) -> dict[str, set[str]]:
        index: dict[str, set[str]] = {}
        for device in self._devices:
            for name in device.names:
                index.setdefault(_key(name), set()).add(device.id)
        return index


def _key(name: str) -> str:
    text = composed(name).strip()
    return text.lower() if is_uuid(text) else text


def _note_empty(wave: Wave, notes: list[str], errors: list[str]) -> None:
    if wave.percent is not None and all(getattr(wave, key) is None for key in _SELECTORS):
        notes.append(f"The wave '{wave.name}' has no devices: those of earlier waves are {wave.percent:g} % already.")
    elif wave.allow_empty:
        notes.append(f"The wave '{wave.name}' has no devices.")
    else:
        errors.append(
            f"waves: the wave '{wave.name}' has no devices, or earlier waves have all of them. Correct it, or set"
            " allow_empty to true in it"
        )


def _left_over_error(waves: t.Sequence[Wave], devices: list[Device]) -> str:
    has = "device is" if len(devices) == 1 else "devices are"
    last = waves[-1].name
    return (
        f"waves: {len(devices)} {has} in no wave ({listed([device.label for device in devices])}). Add a wave such as"
        f" {{name: The rest, percent: 100}} after '{last}'"
    )


def hash_of(seed: str, device_id: str) -> str:
    """Return the hash of a device, which decides its rank in a rollout."""
    return hashlib.sha256(f"{seed}\0{device_id}".encode(errors="surrogatepass")).hexdigest()


def default_seed(blueprints: t.Iterable[str], target: Row) -> str:
    """Return a seed from the names of the blueprints and what is rolled out, so that different releases start with
    different devices."""
    return json.dumps([sorted(blueprints), target], sort_keys=True, ensure_ascii=False)
