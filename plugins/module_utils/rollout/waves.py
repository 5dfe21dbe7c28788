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

import typing as t
from dataclasses import dataclass

from ..base.row import Row

NO_LIMIT = "g"
"""A limit above all hashes, which are hexadecimal numbers: the wave takes all devices that are left."""


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
    concurrency: int = 100
    not_before: str | None = None
    allow_empty: bool = False


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
        raise NotImplementedError

    def before(self, name: str) -> list[Device]:
        """Return the devices of all waves before a wave."""
        raise NotImplementedError


def parse_waves(rows: t.Sequence[Row]) -> list[Wave]:
    """Return the waves that the option ``waves`` describes: see WAVE_OPTIONS in tasks/rollouts.py for its keys.

    Raise InvalidValues with all errors: no waves, missing or duplicate names, a wave without a selector, percentages
    that are out of range or do not ascend, invalid durations, unknown keys with the closest known one.
    """
    raise NotImplementedError


def divide(
    waves: t.Sequence[Wave],
    devices: t.Sequence[Device],
    seed: str,
    *,
    tag_ids: t.Mapping[str, str],
    group_ids: t.Mapping[str, str],
    limits: t.Mapping[str, str] | None = None,
    is_strict: bool = True,
) -> Division:
    """Return the division of devices into waves.

    ``tag_ids`` and ``group_ids`` have the IDs of the tags and groups that the waves name. ``limits`` are the hash
    limits of an earlier division by the name of the wave, which replace the percentages.

    If ``is_strict``, raise InvalidValues with all errors: a wave that names a device which is not among ``devices``, a
    wave that must not be empty but is, and devices in no wave. Otherwise, they are notes.
    """
    raise NotImplementedError


def hash_of(seed: str, device_id: str) -> str:
    """Return the hash of a device, which decides its rank in a rollout."""
    raise NotImplementedError


def default_seed(blueprints: t.Iterable[str], target: Row) -> str:
    """Return a seed from the names of the blueprints and what is rolled out, so that different releases start with
    different devices."""
    raise NotImplementedError
