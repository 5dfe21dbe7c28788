# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "simulator"))

from caller import Api, Group
from contract import Contract
from process import Simulator


@pytest.fixture(scope="session")
def contract() -> Contract:
    return Contract()


@pytest.fixture(scope="session")
def running() -> Iterator[Simulator]:
    with Simulator(devices=200, groups=30, tags=12, seed=7) as simulator:
        yield simulator


@pytest.fixture
def simulator(running: Simulator) -> Simulator:
    running.reset()
    return running


@pytest.fixture
def api(simulator: Simulator, contract: Contract) -> Api:
    return Api(simulator, contract)


@pytest.fixture
def group(api: Api) -> Callable[[str], Group]:
    """Finds a group by its path."""
    return lambda path: next(each for each in api.simulator.state()["groups"] if each["path"] == path)
