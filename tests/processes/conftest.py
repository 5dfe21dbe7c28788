# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "checks"))

from controller import Controller, MakeController
from simulated import Simulator

# A shell that starts the tests in the background ignores Ctrl-C, and programs inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def running() -> Iterator[Simulator]:
    # A key that is in no file of the collection, unlike the default key of the simulator.
    with Simulator(devices=20, groups=4, tags=4, api_key=token_hex()) as simulator:
        yield simulator


@pytest.fixture
def simulator(running: Simulator) -> Simulator:
    running.reset()
    return running


@pytest.fixture(params=["in_process", "as_modules"])
def in_process(request: pytest.FixtureRequest) -> bool:
    """Return whether tasks run in the controller's process. `make test` selects the tests by these two names, so each
    test needs this fixture."""
    return request.param == "in_process"


@pytest.fixture
def make_controller(tmp_path: Path, simulator: Simulator, in_process: bool) -> MakeController:
    """Return a function that creates a controller with a name."""
    return lambda name="controller", **settings: Controller(tmp_path / name, simulator, in_process, **settings)
