# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible_collections.esper.cloud.tests.laws.preparations import Preparation
from ansible_collections.esper.cloud.tests.laws.world import EmbeddedSimulator, World
from ansible_collections.esper.cloud.tests.unit.service import Clock
from contract import Contract


@pytest.fixture(scope="session")
def running() -> t.Iterator[EmbeddedSimulator]:
    with EmbeddedSimulator() as simulator:
        yield simulator


@pytest.fixture(scope="session")
def contract() -> Contract:
    return Contract()


@pytest.fixture
def world(running: EmbeddedSimulator, contract: Contract, clock: Clock, tmp_path: Path) -> World:
    """A new tenant. The waits of the client take no time."""
    made = World(running, contract, tmp_path)
    made.begin(Preparation())
    return made
