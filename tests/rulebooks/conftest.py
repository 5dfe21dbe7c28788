# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "checks"))

from rulebook import Rulebook
from simulated import Simulator

MakeRulebook = Callable[..., Rulebook]


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(devices=100, groups=4, tags=4) as running:
        yield running


@pytest.fixture
def make_rulebook(tmp_path: Path, simulator: Simulator) -> Iterator[MakeRulebook]:
    """Return a function that starts ansible-rulebook. It is stopped at the end of the test."""
    started: list[Rulebook] = []

    def make(content: object, **variables: object) -> Rulebook:
        started.append(Rulebook(tmp_path, simulator, content, variables))
        return started[-1]

    yield make
    for rulebook in started:
        rulebook.kill()
