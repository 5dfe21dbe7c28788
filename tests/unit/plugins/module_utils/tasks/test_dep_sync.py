# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""DEP syncs are started once, followed until they are complete, and read."""

from __future__ import annotations

import json
import typing as t
from datetime import timedelta

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.times import parse_time
from ansible_collections.esper.cloud.plugins.module_utils.tasks import dep_sync
from ansible_collections.esper.cloud.tests.laws.world import World

Row = dict[str, t.Any]

SYNCS = "/onboarding/v0/depsyncs/"


def start(world: World, **options: t.Any) -> Row:
    return dict(world.must("dep_sync", options).result["dep_sync"])


def test_a_task_waits_until_the_sync_is_complete(world: World) -> None:
    predicted = world.must("dep_sync", {"wait": True}, check_mode=True)
    assert (predicted.changed, predicted.writes, predicted.result["dep_sync"]["id"]) == (True, [], None)
    run = world.must("dep_sync", {"wait": True})
    sync = run.result["dep_sync"]
    assert (run.changed, run.result["reused"], sync["status"]) == (True, False, "SUCCESS")
    assert [f"{each['method']} {each['path']}" for each in run.requests] == [
        f"GET {SYNCS}", f"POST {SYNCS}", *[f"GET {SYNCS}{sync['id']}/"] * 2,
    ]  # fmt: skip
    assert run.progress == [f"The DEP sync {sync['id']}: INPROGRESS"]


def test_a_sync_in_progress_is_followed(world: World) -> None:
    first = start(world)
    again = world.must("dep_sync", {})
    assert (again.changed, again.result["reused"], again.result["dep_sync"]["id"]) == (False, True, first["id"])
    followed = world.must("dep_sync", {"wait": True})
    assert (followed.changed, followed.writes, followed.result["dep_sync"]["status"]) == (False, [], "SUCCESS")
    open_sync = start(world)
    other = world.must("dep_sync", {"reuse": False})
    assert other.changed
    assert other.result["dep_sync"]["id"] != open_sync["id"]


@pytest.mark.parametrize(("max_age", "changed"), [(0, True), (5, True), (300, False)])
def test_only_a_recent_sync_makes_another_one_unnecessary(
    world: World, max_age: int, changed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = start(world, wait=True)
    ended = parse_time(first["updated_at"])
    assert ended is not None
    monkeypatch.setattr(dep_sync, "now", lambda: ended + timedelta(minutes=1))
    for check_mode in (True, False):
        run = world.must("dep_sync", {"max_age": max_age, "wait": True}, check_mode=check_mode)
        assert run.changed is changed
        assert bool(run.writes) is (changed and not check_mode)
    assert (run.result["dep_sync"]["id"] == first["id"]) is not changed


def test_devices_that_failed_fail_the_task_unless_it_ignores_them(world: World) -> None:
    world.simulator.dep_syncs(status="COMPLETE", failing=["DMPX0001", "DMPX0002"])
    run = world.run("dep_sync", {"wait": True})
    sync = run.result["dep_sync"]
    assert (run.failed, run.changed) == (True, True)
    reason = "The device is assigned to another server"
    assert run.message == (
        f"The DEP sync {sync['id']} is complete, but Esper could not synchronize DMPX0001 ({reason}), DMPX0002"
        f" ({reason})."
    )
    assert [each["serial"] for each in sync["failed_devices"]] == ["DMPX0001", "DMPX0002"]
    # It did not succeed, so the next task starts another one.
    assert world.must("dep_sync", {"max_age": 300}).changed
    assert not world.must("dep_sync", {"max_age": 300, "ignore_devices": True, "wait": True}).changed


def test_a_sync_that_fails_fails_the_task(world: World) -> None:
    world.simulator.dep_syncs(status="FAILURE", reason="The token expired.")
    run = world.run("dep_sync", {"wait": True})
    assert run.message == f"The DEP sync {run.result['dep_sync']['id']} failed: The token expired."
    assert run.changed
    assert run.result["dep_sync"]["failure_reason"] == "The token expired."


def test_a_sync_that_takes_too_long_fails_the_task_with_its_id(world: World) -> None:
    world.simulator.conduct(polls=5)
    run = world.run("dep_sync", {"wait": True, "wait_timeout": 0})
    sync = run.result["dep_sync"]
    assert (run.failed, run.changed, sync["status"]) == (True, True, "INPROGRESS")
    assert run.message == (
        f"The DEP sync {sync['id']} has the status INPROGRESS after 0 s, and Esper continues with it. Increase"
        f" wait_timeout, or read it later with dep_sync_info and id={sync['id']}."
    )


def test_an_error_during_the_wait_returns_the_id(world: World) -> None:
    known = start(world)
    world.simulator.fault(kind="status", status=403, method="GET", path=f"{SYNCS}{known['id']}")
    run = world.run("dep_sync", {"wait": True})
    assert (run.failed, run.changed, run.result["dep_sync"]) == (True, False, known)
    world.simulator.fault(kind="status", status=403, method="GET", path=f"^{SYNCS}.")
    run = world.run("dep_sync", {"wait": True, "reuse": False})
    assert (run.failed, run.changed, run.result["dep_sync"]["status"]) == (True, True, "QUEUED")
    assert f"Starting a DEP sync was accepted (ID {run.result['dep_sync']['id']})." in run.message


def test_a_lost_response_starts_no_second_sync(world: World) -> None:
    start(world, wait=True)
    world.simulator.fault(kind="drop_after", method="POST")
    run = world.must("dep_sync", {"wait": True})
    assert run.writes == [f"POST {SYNCS}"]
    assert len(world.must("dep_sync_info", {}).result["dep_syncs"]) == 2


def test_the_latest_syncs_are_read_from_all_pages(world: World) -> None:
    for _number in range(12):
        start(world, reuse=False)
    assert world.must("dep_sync", {"wait": True}).result["dep_sync"]["status"] == "SUCCESS"
    run = world.must("dep_sync_info", {"limit": 11})
    rows = run.result["dep_syncs"]
    assert [each["query"] for each in run.requests] == [{}, {"offset": "10"}]
    assert (len(rows), rows[0]["status"]) == (11, "SUCCESS")
    assert [row["created_at"] for row in rows] == sorted((row["created_at"] for row in rows), reverse=True)
    assert world.must("dep_sync_info", {"status": "SUCCESS"}).result["dep_syncs"] == rows[:1]
    assert world.must("dep_sync_info", {"id": rows[0]["id"]}).result["dep_syncs"] == rows[:1]
    assert "limit is 0; the minimum is 1" in world.run("dep_sync_info", {"limit": 0}).message


def test_a_sync_without_a_valid_time_is_not_recent(world: World) -> None:
    sync = {"id": "s1", "status": "SUCCESS", "updated_at": "yesterday", "created_at": None}
    body = json.dumps({"content": {"count": 1, "results": [sync]}})
    world.simulator.fault(kind="status", status=200, method="GET", path=SYNCS, body=body)
    assert world.must("dep_sync", {"max_age": 604_800}).changed


@pytest.mark.parametrize(
    ("options", "error"),
    [({"max_age": -1}, "Invalid max_age: -1."), ({"wait_timeout": -1}, "Invalid wait_timeout: -1.")],
)
def test_numbers_out_of_range_are_errors_before_any_request(world: World, options: Row, error: str) -> None:
    run = world.run("dep_sync", options)
    assert error in run.message
    assert run.requests == []
