# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of pipelines, against the simulator: they are started once, followed, promoted, canceled, retried and read."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.tasks import waiting
from ansible_collections.esper.cloud.tests.laws.world import Run, World
from ansible_collections.esper.cloud.tests.unit.service import Clock

Row = dict[str, t.Any]

PIPELINES = "/pipelines/v0/pipelines/"
NAME = "Till release"
NOT_FOUND = "0b1e7f3c-0000-4000-8000-000000000001"


@pytest.fixture(autouse=True)
def _clock(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of the wait is by the clock of the client."""
    monkeypatch.setattr(waiting, "time", clock)


def post(world: World, path: str, body: t.Any) -> t.Any:
    return world.must("api", {"method": "POST", "path": path, "body": body}).result["content"]


def devices_of(world: World, number: int) -> list[Row]:
    """Return online devices of a tenant that has some more."""
    world.simulator.reset(devices=2 * number)
    devices = [each for each in world.simulator.state(devices=True)["devices"] if each["state"] == 1]
    assert len(devices) >= number
    return devices[:number]


def build(world: World, *stages: list[Row], operations: t.Sequence[str] = ("REBOOT",), **values: t.Any) -> Row:
    """Create a pipeline with a stage for each list of devices."""
    pipeline: Row = post(world, PIPELINES, {"name": NAME, **values})
    for number, devices in enumerate(stages, 1):
        targets = post(
            world,
            f"{PIPELINES}{pipeline['id']}/targetlists/",
            {"name": f"List {number}", "target_list_type": "DEVICES"},
        )
        bulk = [{"device_id": each["id"], "device_name": each["name"]} for each in devices]
        if bulk:
            post(world, f"{PIPELINES}{pipeline['id']}/targetlists/{targets['id']}/targets-bulk/", bulk)
        stage = post(world, f"{PIPELINES}{pipeline['id']}/stages/", {"name": f"Stage {number}"})
        post(world, f"/pipelines/v0/stages/{stage['id']}/targetlists/", {"target_list_id": targets["id"]})
        rows = post(world, f"/pipelines/v0/stages/{stage['id']}/operationlists/", {"name": f"Operations {number}"})
        for name in operations:
            post(world, f"/pipelines/v0/operationlists/{rows['id']}/operations/", {"operation_type": name, "args": {}})
    return pipeline


def run(world: World, *, check_mode: bool = False, **options: t.Any) -> Run:
    return world.run("pipeline_run", {"pipeline": NAME, **options}, check_mode=check_mode)


def must(world: World, *, check_mode: bool = False, **options: t.Any) -> Row:
    task = run(world, check_mode=check_mode, **options)
    assert not task.failed, task.message
    return task.result


def runs_of(world: World) -> list[Row]:
    """Return the runs in the tenant."""
    return t.cast("list[Row]", world.simulator.state().get("/pipelines/v0/pipelines/{pipeline_id}/runs", []))


def counts(result: Row) -> Row:
    """Return the counts that are not 0."""
    return {name: value for name, value in result["counts"].items() if value != 0}


# --- to the end -------------------------------------------------------------------------------------------------------


def test_a_run_goes_to_its_end_with_failures_within_the_tolerance(world: World) -> None:
    devices = devices_of(world, 100)
    build(world, devices[:50], devices[50:], operations=("REBOOT", "LOCK"))
    failing = [devices[0], devices[99]]
    world.simulator.conduct(failing=[each["id"] for each in failing], reason="The battery is low")
    task = run(world, wait=True, promote="always", max_fail_percentage=2, reasons=True)
    assert not task.failed, task.message
    result = task.result
    assert (result["changed"], result["state"]) == (True, "completed")
    assert result["pipeline_run"]["number"] == 1
    assert result["pipeline_run"]["pipeline"] == NAME
    assert result["pipeline_run"]["status"] == "failure"
    assert result["pipeline_run"]["ended_at"]
    assert counts(result) == {"succeeded": 98, "failed": 2}
    assert [(stage["name"], stage["status"], stage["failed_percentage"]) for stage in result["stages"]] == [
        ("Stage 1", "failure", 2.0),
        ("Stage 2", "failure", 2.0),
    ]
    assert result["stages"][0]["counts"] == {"succeeded": 49, "failed": 1, "timed_out": 0, "cancelled": 0, "pending": 0}
    assert result["failed_devices"] == [
        {
            "id": device["id"],
            "name": device["name"],
            "stage": stage,
            "operation_type": "REBOOT",
            "state": "failed",
            "reason": "The battery is low",
        }
        for device, stage in zip(failing, ("Stage 1", "Stage 2"), strict=True)
    ]
    assert f"Run 1 of the pipeline '{NAME}': stage 2 of 2, Stage 2: running" in task.progress
    assert f"Run 1 of the pipeline '{NAME}': stage 1 of 2, Stage 1: failure, waiting for a promotion" in task.progress
    assert len([write for write in task.writes if write.startswith("POST")]) == 1
