# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""States of rollouts for tests of the report."""

from __future__ import annotations

import typing as t
from datetime import datetime, timezone

from ansible_collections.esper.cloud.plugins.module_utils.rollout.gates import Health, Reading, judge
from ansible_collections.esper.cloud.plugins.module_utils.rollout.state import (
    new_state,
    record_failed,
    record_unreached,
    set_status,
    wave_state,
)

Row = dict[str, t.Any]
START = datetime(2026, 5, 4, 20, tzinfo=timezone.utc)
HEALTH = Health(converged_percent=95, max_failed_percent=2, max_offline_increase_percent=3, app_version="2.1.0")
BEFORE = Reading(devices=200, online=180, offline=20, app_version_online=0)
GOOD = Reading(
    devices=200, online=182, offline=18, converged=181, converged_online=180, commanded=182, failed=1,
    app_version_online=181,
)  # fmt: skip
BAD = Reading(
    devices=200, online=120, offline=80, converged=110, converged_online=100, commanded=180, failed=60,
    app_version_online=100,
)  # fmt: skip


def planned(text: str = "Berlin") -> Row:
    blueprint = {"id": "b1", "name": f"Point of Sale {text}", "former_version_id": "v7", "former_number": 7}
    names = ("Lab", f"Pilot {text}", "A tenth", "The rest")
    waves = [{"name": name, "percent": None, "hash_limit": None} for name in names]
    app = {"package_name": "com.example.till", "version_name": "2.1.0"}
    return new_state(
        tenant="demo.example.com", blueprints=[blueprint], target={"app": app}, seed="s", waves=waves, started_at=START
    )


def run_wave(state: Row, index: int, status: str, after: Reading, failed: t.Sequence[Row] = ()) -> None:
    part = wave_state(state, state["waves"][index]["name"])
    part |= {
        "status": status,
        "started_at": "2026-05-04T20:10:00Z",
        "converged_at": "2026-05-04T20:52:30Z",
        "ended_at": "2026-05-04T21:52:30Z",
        "counts": {"done": after.converged, "failed": after.failed, "waiting": 0, "offline": after.offline},
        "before": BEFORE.to_row(),
        "after": after.to_row(),
        "gates": judge(HEALTH, BEFORE, after),
    }
    record_failed(part, failed)


def reverted(text: str = "Berlin") -> Row:
    """A rollout that failed in the second wave, and went back."""
    state = planned(text)
    run_wave(state, 0, "passed", GOOD)
    failed = [
        {"id": str(number), "name": f"{text} {number}", "reason": f"The battery is low {text}"} for number in range(9)
    ]
    run_wave(state, 1, "failed", BAD, failed)
    state["blueprints"][0] |= {"new_number": 8, "restored_number": 9}
    record_unreached(state, [{"id": "5", "name": f"{text} 5", "reason": "offline"}])
    set_status(state, "reverted", reason=f"Wave 'Pilot {text}': too many are offline.", ended_at=START.replace(hour=23))
    return state


def completed() -> Row:
    state = planned()
    for index in range(4):
        run_wave(state, index, "passed", GOOD)
    state["blueprints"][0] |= {"new_number": 8}
    set_status(state, "completed", ended_at=START.replace(day=7))
    return state
