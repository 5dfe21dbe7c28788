# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible_collections.esper.cloud.tests.laws.world import World
from ansible_collections.esper.cloud.tests.unit.plugins.module_utils.events.sources import MakeSource, Row, Source


@pytest.fixture
def make_source(world: World, tmp_path: Path) -> t.Iterator[MakeSource]:
    made: list[Source] = []

    def make(**args: t.Any) -> Source:
        made.append(Source(world, str(tmp_path / "state" / "events.db"), args))
        return made[-1]

    yield make
    for source in made:
        source.poller.close()


@pytest.fixture
def devices(world: World) -> list[Row]:
    """The online devices of a tenant."""
    world.simulator.reset(devices=60, groups=6, tags=3)
    return [each for each in world.simulator.state(devices=True)["devices"] if each["state"] == 1]
