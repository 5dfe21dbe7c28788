# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices that were not seen for days are listed, marked and removed, and no others."""

from __future__ import annotations

import typing as t
from datetime import datetime, timedelta

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.times import format_utc, now
from ansible_collections.esper.cloud.plugins.module_utils.tasks.device_retire import DEVICE_RETIRE
from ansible_collections.esper.cloud.tests.laws.world import Run, World

Row = dict[str, t.Any]

ALL = ["ANDROID", "APPLE", "LINUX", "WINDOWS"]
BERLIN = "All devices/Stores/Berlin"
# State, and days since Esper saw the device: a number, None or a text that is no time.
SEEN: list[tuple[int, t.Any]] = [
    (60, 100),
    (60, 31),
    (60, 29),
    (60, None),
    (60, "soon"),
    (1, 100),
    (20, 100),
    (70, 100),
]


@pytest.fixture
def tenant(world: World) -> World:
    """A tenant with the devices of SEEN, and others that were seen today."""
    world.simulator.reset(devices=30, groups=6, tags=4)
    today = now()
    seen: dict[str, tuple[int, t.Any]] = {}

    def rewrite(_method: str, path: str, body: t.Any) -> t.Any:
        content = body.get("content", {}) if path.startswith("/v2/devices/") else {}
        for row in content.get("results", [content] if "last_seen" in content else []):
            # Devices that a task removed stay disabled.
            if row["state"] == 20:
                continue
            state, days = seen.setdefault(row["id"], SEEN[len(seen)] if len(seen) < len(SEEN) else (60, -1))
            last_seen = format_utc(today - timedelta(days=days)) if isinstance(days, int) else days
            row.update(state=state, last_seen=last_seen)
        return body

    world.simulator.rewrites.append(rewrite)
    return world


def retire(world: World, *, check_mode: bool = False, **options: t.Any) -> Run:
    return world.run("device_retire", {"days": 30, "platforms": ALL, **options}, check_mode=check_mode)


def ids(run: Run) -> list[str]:
    return [row["id"] for row in run.result["devices"]]


def test_by_default_old_devices_are_listed(tenant: World) -> None:
    run = retire(tenant)
    assert (run.failed, run.changed, run.writes, run.result["changed_count"]) == (False, False, [], 0)
    assert [row["days"] for row in run.result["devices"]] == [100, 31]
    assert (run.result["not_seen_count"], run.result["unknown_count"]) == (2, 2)
    assert datetime.fromisoformat(run.result["devices"][0]["last_seen"].replace("Z", "+00:00")) < now()
    assert retire(tenant, days=31, max_reported=0).result["devices"] == []
    assert retire(tenant, days=32).result["not_seen_count"] == 1
    assert {row["group"] for row in run.result["devices"]} <= {*_paths(tenant)}


def _paths(world: World) -> list[str]:
    return [row["path"] for row in world.must("device_group_info", {}).result["device_groups"]]


def test_devices_that_were_never_seen_count_from_their_enrollment(tenant: World) -> None:
    run = retire(tenant, never_seen=True)
    assert (run.result["not_seen_count"], run.result["unknown_count"]) == (4, 0)
    assert sorted(row["last_seen"] is None for row in run.result["devices"]) == [False, False, True, True]


@pytest.mark.parametrize("time", ["1970-01-01T00:00:00Z", "0001-01-01T00:00:00Z", 0])
@pytest.mark.parametrize("never_seen", [False, True])
def test_a_time_that_stands_for_none_is_not_old(world: World, time: t.Any, never_seen: bool) -> None:
    def rewrite(_method: str, path: str, body: t.Any) -> t.Any:
        for row in body["content"]["results"] if path == "/v2/devices/" else ():
            row.update(state=60, last_seen=time, provisioned_on=time, created_at=time)
        return body

    world.simulator.rewrites.append(rewrite)
    run = retire(world, action="remove", confirm=True, max_percent=100, never_seen=never_seen)
    assert (run.failed, run.changed, run.writes) == (False, False, [])
    assert (run.result["device_count"] > 0, run.result["not_seen_count"]) == (True, 0)


def test_platforms_and_groups_narrow_the_devices_down(tenant: World) -> None:
    listed = retire(tenant).result["devices"]
    for row in listed:
        assert row["id"] in ids(retire(tenant, platforms=[row["platform"]], groups=[row["group"]]))
        others = [platform for platform in ALL if platform != row["platform"]]
        assert row["id"] not in ids(retire(tenant, platforms=others))
    assert ids(retire(tenant, groups=["All devices"])) == [row["id"] for row in listed]


def test_old_devices_are_marked_once(tenant: World) -> None:
    options: Row = {"action": "mark", "group": "Stores/Berlin", "add_tags": ["old"]}
    predicted = retire(tenant, check_mode=True, **options)
    run = retire(tenant, **options)
    assert (predicted.changed, predicted.writes, predicted.diff) == (True, [], run.diff)
    assert predicted.result["devices"] == run.result["devices"]
    assert run.result["changed_count"] == 2
    assert ids(run) == ids(retire(tenant))
    assert sum("/device/" in write for write in run.writes) == 2
    again = retire(tenant, **options)
    assert (again.changed, again.writes, again.result["changed_count"]) == (False, [], 0)
    assert [row["group"] for row in again.result["devices"]] == [BERLIN, BERLIN]


def test_a_device_that_cannot_be_marked_is_skipped(tenant: World) -> None:
    names = [row["name"] for row in retire(tenant).result["devices"]]
    tenant.must("device", {"devices": names[:1], "tags": ["1", "2", "3", "4", "5"]})
    run = retire(tenant, action="mark", add_tags=["old"])
    assert (run.failed, run.changed, run.result["changed_count"]) == (False, True, 1)
    assert [row["name"] for row in run.result["skipped_devices"]] == names[:1]
    assert run.warnings[0].startswith(f"The task does not mark 1 device ({names[0]}). ")
    again = retire(tenant, action="mark", add_tags=["old"])
    assert (again.failed, again.changed, again.writes) == (False, False, [])


def test_old_devices_are_removed_once(tenant: World) -> None:
    options: Row = {"action": "remove", "confirm": True}
    before = retire(tenant)
    predicted = retire(tenant, check_mode=True, **options)
    run = retire(tenant, **options)
    assert (predicted.changed, predicted.writes, predicted.diff) == (True, [], run.diff)
    assert predicted.result["devices"] == run.result["devices"]
    assert (ids(run), run.result["changed_count"]) == (ids(before), 2)
    removed = {row["platform"] for row in run.result["devices"]}
    assert {write.split(" ")[0] for write in run.writes} == (
        {"POST"} if removed == {"ANDROID"} else {"DELETE"} if "ANDROID" not in removed else {"POST", "DELETE"}
    )
    again = retire(tenant, **options)
    assert (again.changed, again.writes) == (False, [])


def test_a_device_that_connects_during_the_task_is_not_removed(tenant: World) -> None:
    first, second = ids(retire(tenant))

    def rewrite(_method: str, path: str, body: t.Any) -> t.Any:
        if path.strip("/").endswith(first):
            body["content"].update(last_seen=format_utc(now()))
        return body

    tenant.simulator.rewrites.append(rewrite)
    run = retire(tenant, action="remove", confirm=True)
    assert [row["id"] for row in run.result["devices"] if row["changed"]] == [second]
    assert (run.result["changed_count"], len(run.writes)) == (1, 1)


@pytest.mark.parametrize("check_mode", [False, True])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "cannot be undone. Set confirm to true"),
        ({"confirm": True, "max_devices": 1}, "exceeds the limit of 1 device."),
        ({"confirm": True, "max_percent": 5}, "exceeds the limit of 5 percent."),
        ({"confirm": True, "never_seen": True}, "exceeds the limit of 10 percent."),
    ],
)
def test_a_removal_is_guarded(tenant: World, options: Row, message: str, check_mode: bool) -> None:
    run = retire(tenant, action="remove", check_mode=check_mode, **options)
    assert run.failed
    assert message in run.message
    assert run.writes == []


INVALID: list[Row] = [
    {"days": None},
    {"days": 0},
    {"days": -1},
    {"days": ""},
    {"days": "many"},
    {"days": 100_000},
    {"platforms": None},
    {"platforms": []},
    {"platforms": [""]},
    {"platforms": ["ANDROIT"]},
    {"groups": []},
    {"groups": None},
    {"groups": [""]},
    {"groups": ["Nowhere"]},
    {"max_devices": 0},
    {"max_percent": 101},
    {"add_tags": ["x"]},
    {"action": ""},
    {"action": "mark"},
    {"action": "mark", "add_tags": []},
    {"action": "mark", "group": ""},
    {"action": "mark", "group": None},
    {"action": "remove", "group": BERLIN},
]


def test_an_empty_or_wrong_value_is_an_error_and_changes_nothing(world: World) -> None:
    removal = {"action": "remove", "confirm": True, "max_devices": 100, "max_percent": 100}
    for options in INVALID:
        is_removal = options.keys().isdisjoint(("action", "add_tags"))
        run = retire(world, **({**removal, **options} if is_removal else options))
        assert run.failed, options
        assert run.writes == []


def test_the_module_lists_by_default() -> None:
    assert DEVICE_RETIRE.options["action"]["default"] == "list"
