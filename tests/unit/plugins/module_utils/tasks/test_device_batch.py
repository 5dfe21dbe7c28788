# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes of many devices at once, against the simulator: from a list and from a CSV file."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible_collections.esper.cloud.tests.laws.preparations import Preparation
from ansible_collections.esper.cloud.tests.laws.world import EmbeddedSimulator, Run, World
from ansible_collections.esper.cloud.tests.unit.service import Clock
from contract import Contract

Row = dict[str, t.Any]


@pytest.fixture(scope="module")
def running() -> t.Iterator[EmbeddedSimulator]:
    with EmbeddedSimulator() as simulator:
        yield simulator


@pytest.fixture(scope="module")
def contract() -> Contract:
    return Contract()


@pytest.fixture
def world(running: EmbeddedSimulator, contract: Contract, clock: Clock, tmp_path: Path) -> World:
    """A tenant with twelve devices. The waits of the client take no time."""
    made = World(running, contract, tmp_path)
    made.begin(Preparation())
    running.reset(devices=12, groups=4, tags=2)
    for name in ("Berlin", "Hamburg"):
        made.must("device_group", {"path": f"Stores/{name}", "create_parents": True})
    made.must("device_info", {"devices": []})
    return made


def devices(world: World) -> list[Row]:
    rows: list[Row] = world.must("device_info", {"filters": {}, "detail_level": "minimal"}).result["devices"]
    return rows


def test_each_device_gets_its_own_values(world: World) -> None:
    rows = devices(world)
    options = {
        "assignments": [
            {
                "device": row["serial"],
                "alias": f"Till {number}",
                "group": f"Stores/{'Berlin' if number % 2 else 'Hamburg'}",
                "tags": ["kiosk", f"till-{number % 3}"],
            }
            for number, row in enumerate(rows)
        ]
    }
    predicted = world.must("device", options, check_mode=True)
    assert (predicted.changed, predicted.writes) == (True, [])
    run = world.must("device", options)
    assert run.diff == predicted.diff
    kinds = [write.split("/")[3 if "/enterprise/" in write else 1] for write in run.writes]
    # One request moves all devices of a group.
    assert {kind: kinds.count(kind) for kind in kinds} == {"devicegroup": 2, "device": 12, "commands": 12}
    # The device list is read once.
    assert sum(each["path"].startswith("/v2/devices/") for each in predicted.requests) == 2
    after = devices(world)
    assert [row["tags"] for row in after] == [["kiosk", f"till-{number % 3}"] for number in range(12)]
    assert {row["group"] for row in after} == {"All devices/Stores/Berlin", "All devices/Stores/Hamburg"}
    assert [each["alias"] for each in run.result["pending_aliases"]] == [f"Till {number}" for number in range(12)]
    again = world.must("device", options)
    assert (again.changed, again.writes) == (False, [])
