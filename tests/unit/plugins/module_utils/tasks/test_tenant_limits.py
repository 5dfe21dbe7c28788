# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rate limits of Esper slow a task of the module tenant down, and fail none of its objects."""

from __future__ import annotations

from ansible_collections.esper.cloud.tests.laws.world import World
from ansible_collections.esper.cloud.tests.unit.service import Clock


def test_a_storm_of_rate_limits_slows_an_apply_and_fails_nothing(world: World, clock: Clock) -> None:
    lists = {
        "device_groups": [{"path": f"Storm {number % 4}/{number}", "create_parents": True} for number in range(30)],
        "roles": [{"name": f"Storm {number}", "scopes": ["read:device"]} for number in range(20)],
        "alert_channels": [{"name": f"Storm {number}", "emails": ["a@example.com"]} for number in range(10)],
    }
    limited = {"kind": "status", "status": 429, "times": None}
    # Half of all requests, as if other clients used up the limit.
    world.simulator.fault(**limited, probability=0.5, retry_after="2")
    world.connection["retries"] = 20
    run = world.must("tenant", lists)
    statuses = [each["status"] for each in run.requests]
    assert statuses.count(429) > 30, "the storm reached the task"
    assert run.result["counts"]["created"] == 60
    assert run.result["counts"]["failed"] == 0
    assert sum(clock.waits) > 2, "the client waits as long as Esper says"
    world.simulator.clear_faults()
    again = world.must("tenant", lists)
    assert (again.changed, again.writes) == (False, [])
    groups = world.must("device_group_info", {}).result["device_groups"]
    paths = [each["path"] for each in groups if "Storm" in each["path"]]
    assert len(paths) == len(set(paths)) == 34, "nothing is created twice"
