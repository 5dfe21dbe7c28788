# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules that only read values of devices, against the simulator: what is special about them."""

from __future__ import annotations

import re
import typing as t
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from ansible_collections.esper.cloud.tests.laws.preparations import Preparation
from ansible_collections.esper.cloud.tests.laws.world import EmbeddedSimulator, Run, World
from ansible_collections.esper.cloud.tests.unit.service import Clock
from contract import Contract
from tenant import EPOCH

Row = dict[str, t.Any]

NOBODY = "deadbeef-0000-4000-8000-00000000beef"
REPORT = "/v1/enterprise/0f5b8b52-6a1f-4c11-8e37-9b1a1fbb1c3d/report"


@pytest.fixture
def world(running: EmbeddedSimulator, contract: Contract, clock: Clock, tmp_path: Path) -> World:
    """A new tenant with twelve devices. The waits of the client take no time."""
    made = World(running, contract, tmp_path)
    made.begin(Preparation())
    made.simulator.reset(devices=12, groups=4)
    return made


@pytest.fixture
def devices(world: World) -> list[Row]:
    rows: list[Row] = world.must("device_info", {"filters": {}, "resolve_names": False}).result["devices"]
    return rows


def paths(run: Run) -> list[str]:
    """Return the last parts of the paths of the requests."""
    return [str(each["path"]).rstrip("/").rpartition("/")[2] for each in run.requests]


def at(**offset: int) -> str:
    """Return a time after the zero of the simulator."""
    return (EPOCH + timedelta(**offset)).isoformat().replace("+00:00", "Z")


def query(run: Run) -> Row:
    """Return the query of the last request."""
    return t.cast("Row", run.requests[-1]["query"])


# --- heartbeats -------------------------------------------------------------------------------------------------------


def test_heartbeats_of_devices_take_a_request_each_and_none_for_their_names(world: World, devices: list[Row]) -> None:
    first, second = devices[0], devices[1]
    names = [first["serial"], second["name"], first["id"].upper(), "nobody", NOBODY]
    run = world.must("device_heartbeat_info", {"devices": names})
    assert [(row["device_id"], row["device_name"]) for row in run.result["heartbeats"]] == [
        (first["id"], first["name"]),
        (second["id"], second["name"]),
    ]
    assert [row["last_seen"] for row in run.result["heartbeats"]] == [first["last_seen"], second["last_seen"]]
    assert [row["online"] for row in run.result["heartbeats"]] == [
        each["state"] == "online" for each in (first, second)
    ]
    assert run.result["missing"] == ["nobody", NOBODY]
    assert len(run.requests) == len(names) + 2


def test_a_device_without_a_heartbeat_was_never_seen(world: World, devices: list[Row]) -> None:
    world.simulator.fault(method="GET", path="/device/v0/heartbeat/*", kind="status", status=404)
    run = world.must("device_heartbeat_info", {"devices": [devices[0]["id"]]})
    expected = {"device_id": devices[0]["id"], "device_name": devices[0]["name"], "last_seen": None, "online": None}
    assert run.result["heartbeats"] == [expected]


def test_heartbeats_in_a_period_end_now_unless_the_task_sets_an_end(world: World, devices: list[Row]) -> None:
    run = world.must("device_heartbeat_info", {"seen_after": "2026-01-01 01:00:00+01:00", "platform": "ANDROID"})
    seen = {row["device_name"]: row["device_id"] for row in run.result["heartbeats"]}
    assert seen == {each["name"]: each["id"] for each in devices if each["platform"] == "ANDROID"}
    assert run.result["missing"] == []
    sent = run.requests[0]["query"]
    assert (sent["last_seen_gt"], sent["platform"]) == ("2026-01-01T00:00:00Z", "ANDROID")
    age = datetime.now(timezone.utc) - datetime.fromisoformat(sent["last_seen_lt"].replace("Z", "+00:00"))
    assert timedelta(0) <= age < timedelta(minutes=5)
    run = world.must("device_heartbeat_info", {"seen_after": "2026-01-01", "seen_before": "2026-01-01T00:00:01"})
    assert run.result["heartbeats"] == []
    assert query(run)["last_seen_lt"] == "2026-01-01T00:00:01Z"


def test_without_resolve_names_no_name_is_read_or_returned(world: World) -> None:
    run = world.must("device_heartbeat_info", {"seen_after": "2026-01-01", "resolve_names": False})
    assert len(run.result["heartbeats"]) == 12
    assert all(row.keys() == {"device_id", "last_seen", "online"} for row in run.result["heartbeats"])
    assert paths(run) == ["heartbeat"]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"seen_after": "yesterday"}, "The option seen_after is not a date or a time: 'yesterday'; a valid value is"),
        ({"seen_after": "2026-02-30"}, "The option seen_after is not a date or a time: '2026-02-30'"),
        ({"seen_after": ""}, "seen_after"),
        ({"seen_after": "2026-01-01", "devices": ["x"]}, "mutually exclusive"),
        ({"seen_before": "2026-01-01"}, "one of the following is required: devices, seen_after"),
        (
            {"seen_after": "2026-01-02", "seen_before": "2026-01-02T00:30:00+01:00"},
            "The option seen_after must not exceed seen_before: 2026-01-02 is above 2026-01-02T00:30:00+01:00.",
        ),
    ],
)
def test_invalid_periods_are_errors_before_any_request(world: World, options: Row, error: str) -> None:
    run = world.run("device_heartbeat_info", options)
    assert error in run.message
    assert run.requests == []


# --- locations --------------------------------------------------------------------------------------------------------


def test_the_latest_location_of_each_device_is_returned_with_numbers(world: World, devices: list[Row]) -> None:
    located = {each["id"]: each for each in devices if each["location"]["latitude"] is not None}
    run = world.must("device_location_info", {})
    assert {row["device_id"]: row["device_name"] for row in run.result["locations"]} == {
        each["id"]: each["name"] for each in located.values()
    }
    for row in run.result["locations"]:
        assert row["latitude"] == pytest.approx(float(located[row["device_id"]]["location"]["latitude"]))
        assert {type(row[name]) for name in ("latitude", "longitude", "altitude")} == {float}
        assert row["city"] == "Berlin", "the earlier location has no city"


def test_locations_are_selected_by_device_and_all_of_them_with_history(world: World, devices: list[Row]) -> None:
    device = next(each for each in devices if each["platform"] == "ANDROID")
    options = {"devices": [device["serial"], "nobody"], "history": True}
    run = world.must("device_location_info", options)
    assert [row["city"] for row in run.result["locations"]] == ["Berlin", None]
    assert {row["device_name"] for row in run.result["locations"]} == {device["name"]}
    assert run.result["missing"] == ["nobody"]
    one = run.result["locations"][1]
    assert world.must("device_location_info", {"id": one["id"]}).result["locations"] == [one]


@pytest.mark.parametrize("names", [[], ["nobody"]])
def test_no_location_is_read_for_no_device(world: World, names: list[str]) -> None:
    run = world.must("device_location_info", {"devices": names})
    assert run.result["locations"] == []
    assert "location" not in paths(run)


# --- tiles ------------------------------------------------------------------------------------------------------------


def test_tiles_have_the_values_of_their_devices(world: World, devices: list[Row]) -> None:
    tiles = world.must("device_tile_info", {}).result["device_tiles"]
    android = {each["id"]: each for each in devices if each["platform"] == "ANDROID"}
    assert {tile["device_id"] for tile in tiles} == android.keys()
    for tile in tiles:
        device = android[tile["device_id"]]
        assert (tile["serial"], tile["state"]) == (device["serial"], device["state"])
        assert [group["id"] for group in tile["groups"]] == [device["group_id"]]
        assert len(tile["tags"] or []) == len(device["tag_ids"])
    assert any(tile["tags"] for tile in tiles), "no tile has tags, so the test proves nothing"
    assert not re.search("imei|faust", repr(tiles), re.IGNORECASE)


def test_filters_of_tiles_take_words_paths_and_times(world: World, devices: list[Row]) -> None:
    groups = {row["id"]: row["path"] for row in world.must("device_group_info", {}).result["device_groups"]}
    device = next(each for each in devices if each["platform"] == "ANDROID")
    filters = {
        "state": device["state"],
        "group_multi": [groups[device["group_id"]]],
        "group_null": False,
        "battery_level_gte": 0,
        "created_on_gt": "2026-01-01",
    }
    run = world.must("device_tile_info", {"filters": filters})
    assert query(run) == {
        "state": {"online": "1", "offline": "60"}.get(device["state"], query(run)["state"]),
        "group_multi": device["group_id"],
        "group_null": "false",
        "battery_level_gte": "0.0",
        "created_on_gt": "2026-01-01T00:00:00Z",
        "limit": query(run)["limit"],
    }
    run = world.must("device_tile_info", {"filters": {"security_status": "high_risk", "policy_multi": ["A", "B"]}})
    assert (query(run)["security_status"], query(run)["policy_multi"]) == ("30", "A,B")
    assert world.must("device_tile_info", {"filters": {"at_risk": False}}).result["device_tiles"] != []


@pytest.mark.parametrize(
    ("filters", "error"),
    [
        ({"group_multi": []}, "The option filters.group_multi is empty. List a value, or omit the option."),
        ({"policy_multi": ["A,B"]}, "The option filters.policy_multi must not contain a comma: 'A,B'."),
        ({"last_seen_lt": "soon"}, "The option filters.last_seen_lt is not a date or a time: 'soon'"),
        ({"state": "on"}, "value of state must be one of"),
        ({"serials": "R9W"}, "serials"),
        ({"serial": " "}, "filters.serial"),
        (
            {"battery_level_gte": 50, "battery_level_lte": 20},
            "The option filters.battery_level_gte must not exceed filters.battery_level_lte: 50.0 is above 20.0.",
        ),
    ],
)
def test_invalid_filters_are_errors_before_any_request(world: World, filters: Row, error: str) -> None:
    run = world.run("device_tile_info", {"filters": filters})
    assert error in run.message
    assert run.requests == []


def test_an_unknown_group_in_a_filter_is_an_error(world: World) -> None:
    run = world.run("device_tile_info", {"filters": {"group_multi": ["Nowhere"]}})
    assert run.message.startswith("The device group 'Nowhere' was not found.")


# --- numbers ----------------------------------------------------------------------------------------------------------


def test_both_generations_of_status_metrics_have_the_same_values(world: World) -> None:
    first, second = (world.must("status_metric_info", options) for options in ({}, {"generation": "v2"}))
    one, other = first.result["status_metrics"], second.result["status_metrics"]
    assert one.keys() == other.keys()
    assert one["active"] + one["inactive"] == 12
    assert (one["last_seen"], other["active"], other["inactive"]) == (None, None, None)
    assert sum(other["last_seen"].values()) == 12
    assert one["total_devices_under_risk"] == other["total_devices_under_risk"] == 9
    assert len(first.requests) == len(second.requests) == 1


def test_a_report_is_about_the_last_day_unless_the_task_sets_a_period(world: World) -> None:
    run = world.must("enterprise_report_info", {})
    assert run.result["availability"] == {"available_from": at(days=-30), "enabled": True}
    assert run.result["report"]["registered_devices"] == 12
    start, end = (
        datetime.fromisoformat(query(run)[name].replace("Z", "+00:00")) for name in ("start_date", "end_date")
    )
    assert end - start == timedelta(days=1)
    run = world.must("enterprise_report_info", {"start": "2030-04-01", "end": "2030-05-01T02:00:00+02:00"})
    assert query(run) == {"start_date": "2030-04-01T00:00:00Z", "end_date": "2030-05-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("options", "error", "requests"),
    [
        (
            {"start": at(days=-31)},
            f"No report is available before {at(days=-30)}. Set start to this time or a later one.",
            1,
        ),
        (
            {"start": "2030-05-01", "end": "2030-05-01"},
            "The option start must be before end: 2030-05-01T00:00:00Z is not before 2030-05-01T00:00:00Z.",
            0,
        ),
    ],
)
def test_a_period_without_a_report_is_an_error(world: World, options: Row, error: str, requests: int) -> None:
    run = world.run("enterprise_report_info", options)
    assert (run.message, len(run.requests)) == (error, requests)


# --- remote viewer sessions -------------------------------------------------------------------------------------------


def sessions(world: World, **options: t.Any) -> list[Row]:
    rows: list[Row] = world.must("remote_viewer_session_info", options).result["sessions"]
    return rows


def test_sessions_are_sorted_and_have_words_and_seconds(world: World) -> None:
    rows = sessions(world)
    assert [row["state"] for row in rows] == ["ACTIVE", "FAILED", "TERMINATED"]
    assert [row["seconds"] for row in rows] == [None, None, 630]
    assert all(row["device_state"] in ("online", "offline") for row in rows)
    assert rows == sessions(world, ordering="created_at")[::-1]


@pytest.mark.parametrize(
    ("options", "states"),
    [
        ({"states": ["TERMINATED", "FAILED"]}, ["FAILED", "TERMINATED"]),
        ({"video_qualities": ["DATA_SAVER"]}, ["FAILED"]),
        ({"longer_than": 629}, ["TERMINATED"]),
        ({"longer_than": 630}, []),
        ({"shorter_than": 631}, ["TERMINATED"]),
        ({"created_after": at(hours=-25), "created_before": at(hours=-23)}, ["FAILED"]),
        ({"updated_after": at(minutes=10)}, ["ACTIVE"]),
        ({"updated_before": at(days=-1)}, ["TERMINATED"]),
        ({"created_by": "admin"}, ["TERMINATED"]),
        ({"reason": "menu"}, ["ACTIVE"]),
        ({"device": "nobody"}, []),
        ({"limit": 2}, ["ACTIVE", "FAILED"]),
        ({"limit": 1, "ordering": "-duration"}, ["TERMINATED"]),
    ],
    ids=str,
)
def test_filters_of_sessions(world: World, options: Row, states: list[str]) -> None:
    run = world.must("remote_viewer_session_info", options)
    assert [row["state"] for row in run.result["sessions"]] == states
    assert len(run.requests) == 1
    assert query(run)["limit"] == str(options.get("limit", 100))


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"limit": 0}, "The option limit is 0; the minimum is 1."),
        ({"longer_than": -1}, "The option longer_than is -1; the minimum is 0."),
        ({"states": []}, "The option states is empty. List a value, or omit the option."),
        (
            {"longer_than": 100, "shorter_than": 20},
            "The option longer_than must not exceed shorter_than: 100 is above 20.",
        ),
    ],
)
def test_invalid_filters_of_sessions(world: World, options: Row, error: str) -> None:
    run = world.run("remote_viewer_session_info", options)
    assert (run.message, run.requests) == (error, [])
