# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The event feeds of devices and device groups, and the details of Android devices."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.esper.cloud.tests.laws.world import World

Row = dict[str, t.Any]

PUBLISHED, UNPUBLISHED = "/report/eventfeed/", "/event-feed/"


@pytest.fixture
def devices(world: World) -> list[Row]:
    """Online devices, at least two of them with Android."""
    world.simulator.reset(devices=40, groups=4)
    return [each for each in world.simulator.state(devices=True)["devices"] if each["state"] == 1]


def android(devices: list[Row]) -> Row:
    return next(each for each in devices if each["platform"] == "ANDROID")


def other(devices: list[Row]) -> Row:
    return next(each for each in devices if each["platform"] != "ANDROID")


def send(world: World, command: str, *targets: Row) -> None:
    world.simulator.conduct(polls=1)
    options: Row = {"command": command, "devices": [each["id"] for each in targets], "wait": True}
    world.must("device_command", options)


def reverse(world: World) -> None:
    """Let all feeds start with the oldest event, if they started with the newest, and the other way around."""

    def reversed_feed(_method: str, path: str, body: t.Any) -> t.Any:
        if path.endswith(("eventfeed/", UNPUBLISHED)) and isinstance(body, dict):
            return {**body, "results": body["results"][::-1]}
        return body

    world.simulator.rewrites.append(reversed_feed)


# --- event_info -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("turns", [False, True])
def test_the_newest_event_of_all_devices_comes_first(world: World, devices: list[Row], turns: bool) -> None:
    one, two = devices[:2]
    send(world, "LOCK", one)
    send(world, "REBOOT", one, two)
    if turns:
        reverse(world)
    options = {"devices": [one["serial"], two["name"], one["id"]]}
    run = world.must("event_info", options)
    events = run.result["events"]
    assert [event["created_on"] for event in events] == sorted((each["created_on"] for each in events), reverse=True)
    assert [event["message"].split()[0] for event in events] == ["REBOOT", "REBOOT", "LOCK"]
    assert {(event["device_id"], event["device_name"]) for event in events} == {
        (one["id"], one["name"]),
        (two["id"], two["name"]),
    }
    assert [event["group_id"] for event in events] == [None] * 3
    feeds = [each["path"] for each in run.requests if "feed" in each["path"]]
    assert len(feeds) == 2
    assert all(path.endswith(PUBLISHED) for path in feeds)
    assert world.must("event_info", {**options, "limit": 1}).result["events"] == [
        events[0],
        next(event for event in events if event["device_id"] != events[0]["device_id"]),
    ]
    since = world.must("event_info", {**options, "since": events[1]["created_on"]}).result["events"]
    assert since == events[:2]


def test_events_without_a_valid_time_are_kept(world: World, devices: list[Row]) -> None:
    rows = [{"id": 3, "created_on": None, "message": "third"}, {"id": 2, "created_on": "2026-01-01T00:00:00Z"}]
    body = json.dumps({"count": 2, "next": None, "previous": None, "results": rows})
    world.simulator.fault(kind="status", status=200, path=PUBLISHED, body=body)
    run = world.must("event_info", {"devices": [devices[0]["id"]], "since": "2026-05-04"})
    assert [(event["id"], event["message"]) for event in run.result["events"]] == [("3", "third")]


def test_the_unpublished_feed_replaces_one_that_does_not_exist(world: World, devices: list[Row]) -> None:
    send(world, "LOCK", devices[0])
    options = {"devices": [devices[0]["id"]]}
    known = world.must("event_info", options).result["events"]
    world.simulator.fault(kind="status", status=404, path=PUBLISHED, times=None)
    run = world.must("event_info", options)
    assert run.result["events"] == known
    assert [each["path"].endswith(UNPUBLISHED) for each in run.requests if "feed" in each["path"]] == [False, True]
    world.simulator.clear_faults()
    world.simulator.fault(kind="status", status=403, path=PUBLISHED, times=None)
    run = world.run("event_info", options)
    assert "returned HTTP 403" in run.message
    assert not any(UNPUBLISHED in each["path"] for each in run.requests)


@pytest.mark.parametrize("turns", [False, True])
def test_the_feed_of_a_group_can_have_commands(world: World, devices: list[Row], turns: bool) -> None:
    for command in ("LOCK", "REBOOT"):
        world.must("device_command", {"command": command, "groups": ["All devices"]})
    if turns:
        reverse(world)
    group = world.must("device_group_info", {"path": "All devices"}).result["device_groups"][0]["id"]
    run = world.must("event_info", {"groups": ["All devices", group]})
    assert [event["message"] for event in run.result["events"]] == ["REBOOT", "LOCK"]
    for event in run.result["events"]:
        assert (event["device_id"], event["device_name"], event["group_id"]) == (None, None, group)
    row = {"id": "x", "created_on": "2026-05-04T20:00:00Z", "command": "LOCK", "devices": [devices[0]["id"]]}
    url = f"https://tenant.invalid/api/device/{devices[1]['id']}/"
    both = [row, {**row, "id": "y", "message": "LOCK succeeded", "device": url}]
    body = json.dumps({"count": 2, "results": both})
    world.simulator.fault(kind="status", status=200, path="/download/eventfeed/", body=body)
    world.simulator.rewrites.clear()
    run = world.must("event_info", {"groups": [group]})
    assert [(event["message"], event["device_name"]) for event in run.result["events"]] == [
        ("LOCK", devices[0]["name"]),
        ("LOCK succeeded", devices[1]["name"]),
    ]


def test_names_of_devices_are_read_on_request(world: World, devices: list[Row]) -> None:
    send(world, "LOCK", devices[0])
    run = world.must("event_info", {"devices": [devices[0]["id"]], "resolve_names": False})
    assert len(run.result["events"]) == 1
    assert "device_name" not in run.result["events"][0]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"limit": 0}, "The option limit is 0; the minimum is 1."),
        ({"since": "last night"}, "The option since is not a date or a time: 'last night'; a valid value is"),
        ({"groups": ["All devices"]}, "mutually exclusive"),
        ({"devices": [""]}, "devices[0] is empty"),
        ({"devices": ["Nobody"]}, "The device 'Nobody' was not found."),
    ],
    ids=str,
)
def test_invalid_options_are_errors_before_a_feed_is_read(world: World, options: Row, error: str) -> None:
    run = world.run("event_info", {"devices": [], **options})
    assert error in run.message
    assert not any("feed" in each["path"] for each in run.requests)


@pytest.mark.parametrize("option", ["devices", "groups"])
def test_an_empty_list_has_no_events(world: World, option: str) -> None:
    run = world.must("event_info", {option: []})
    assert (run.result["events"], run.requests) == ([], [])


# --- device_info ------------------------------------------------------------------------------------------------------


def details(world: World, *targets: Row, **options: t.Any) -> list[Row]:
    named = [each["id"] for each in targets]
    found = world.must("device_info", {"devices": named, "detail_level": "minimal", "resolve_names": False, **options})
    return t.cast("list[Row]", found.result["devices"])


def test_events_of_a_device_are_those_of_its_published_feed(world: World, devices: list[Row]) -> None:
    for command in ("LOCK", "REBOOT"):
        send(world, command, devices[0])
    reverse(world)
    (device,) = details(world, devices[0], max_events=1)
    assert [event["message"].split()[0] for event in device["events"]] == ["REBOOT"]
    world.simulator.fault(kind="status", status=404, path=PUBLISHED)
    assert details(world, devices[0], max_events=1) == [device]


def test_the_latest_installations_of_android_devices(world: World, devices: list[Row]) -> None:
    def installation(day: int, state: str, reason: str | None) -> Row:
        version = {"version_code": f"1.{day}", "build_number": f"{day}"}
        app = {"application_name": "Till", "package_name": "com.example.till", "version": version}
        return {
            "id": f"0b1e7f3c-0000-4000-8000-00000000000{day}",
            "application": app,
            "install_state": state,
            "reason_details": reason,
            "updated_on": f"2026-05-0{day}T10:00:00Z",
        }

    rows = [
        installation(2, "INSTALL_SUCCESS", None),
        installation(3, "INSTALL_FAILED", "Full"),
        installation(1, "", ""),
    ]
    world.simulator.fault(
        kind="status", status=200, path="/install/", body=json.dumps({"count": 3, "next": None, "results": rows})
    )
    first, second = details(world, android(devices), other(devices), max_installs=2)
    assert first["installs"] == [
        {
            "name": "Till",
            "package_name": "com.example.till",
            "version_name": "1.3",
            "version_code": "3",
            "state": "INSTALL_FAILED",
            "reason": "Full",
            "updated_on": "2026-05-03T10:00:00Z",
        },
        {**first["installs"][1], "version_name": "1.2", "state": "INSTALL_SUCCESS", "reason": None},
    ]
    assert second["installs"] == []


def test_a_status_has_no_private_data(world: World, devices: list[Row]) -> None:
    target = android(devices)
    first, second = details(world, target, other(devices), status=True)
    assert second["status"] is None
    assert first["status"]["created_on"] == target["last_seen"]
    data = first["status"]["data"]
    assert data["powerManagementEvent"]["batteryLevel"] == target["battery_stats"]["battery_level"]
    assert data["deviceIdentifiers"] == {"model": target["hardware_info"]["model"]}
    assert data["hotspot"] == {"ssid": "store"}
    assert not {"phoneNumbers", "fcmToken"} & data.keys()


@pytest.mark.parametrize(
    "text", ["", "no JSON", "[1]", "1e999999", "[" * 100_000, None, 5, r'{"a": "\ud800"}'], ids=repr
)
def test_a_status_that_is_no_json_is_null(world: World, devices: list[Row], text: t.Any) -> None:
    body = json.dumps({"count": 1, "results": [{"id": 1, "data": text, "created_on": "x"}]})
    world.simulator.fault(kind="status", status=200, path="/status/", body=body)
    (device,) = details(world, android(devices), status=True)
    assert device["status"]["data"] in (None, {"a": "?"})
    json.dumps(device, ensure_ascii=False).encode()


def test_android_properties_have_no_passwords(world: World, devices: list[Row]) -> None:
    first, second = details(world, android(devices), other(devices), android=True)
    assert second["android"] is None
    assert first["android"] == {
        "policy_name": None,
        "template_name": None,
        "directory_record_id": None,
        "kiosk_app_name": "com.example.kiosk",
        "timezone_string": "Europe/Berlin",
        "lockdown_state": 0,
        "current_app_mode": 0,
        "esper_client": android(devices)["dpc_version"],
        "wifi": [{"ssid": "store", "security_type": "WPA"}],
    }


def test_other_devices_take_no_requests(world: World, devices: list[Row]) -> None:
    options: Row = {"max_installs": 5, "status": True, "android": True}
    run = world.must("device_info", {"devices": [other(devices)["id"]], "resolve_names": False, **options})
    assert len(run.requests) == 1


@pytest.mark.parametrize("name", ["max_events", "max_installs"])
def test_a_negative_number_of_events_or_installations_is_invalid(world: World, name: str) -> None:
    run = world.run("device_info", {"filters": {}, name: -1})
    assert (run.message, run.requests) == (f"The option {name} is -1; the minimum is 0.", [])
