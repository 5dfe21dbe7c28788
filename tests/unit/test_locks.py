# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unit tests of the lock files in tests/requirements/locks: see tests/checks/lock.py."""

from __future__ import annotations

from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCKS = sorted((ROOT / "tests/requirements/locks").glob("*.txt"))
LAYERS = ("requirements.txt", "tests/simulator/requirements.txt", "tests/requirements/units.txt")
# The lock files of environments with other requirements.
OWN_LAYERS = {
    "runtime": ("requirements.txt",),
    "docs": ("tests/requirements/docs.txt",),
    "events": ("tests/requirements/events.txt",),
}


def lines_of(file: Path) -> list[str]:
    """Return the lines of a requirements file without comments."""
    return [line for line in file.read_text().splitlines() if line and not line.startswith("#")]


def pins_of(file: Path) -> dict[str, str]:
    """Return the version of each package in a lock file. Raise ValueError if a line is no pin."""
    pins = (line.split("==") for line in lines_of(file))
    return {str(canonicalize_name(name)): version for name, version in pins}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_a_lock_file_meets_the_requirements(lock: Path) -> None:
    layers = OWN_LAYERS.get(lock.stem, LAYERS)
    pins = pins_of(lock)
    required = [Requirement(line) for layer in layers for line in lines_of(ROOT / layer)]
    assert len(required) >= len(layers)
    assert [
        str(each) for each in required if not each.specifier.contains(pins.get(canonicalize_name(each.name), "0"))
    ] == []


def test_each_supported_core_has_a_lock_file() -> None:
    cores = {lock.stem.partition("-core-")[2] for lock in LOCKS} - {""}
    assert cores >= {"2.16", "2.17", "2.18", "2.19", "2.20", "2.21"}
