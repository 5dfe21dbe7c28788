# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The conduct of devices with certain versions, and the share of the devices that are offline."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from caller import Api

Json = dict[str, Any]
COMMANDS, STATUS, DEVICES = "/commands/v0/commands/", "/commands/v0/status/", "/v2/devices/"


@pytest.fixture
def blueprint(api: Api) -> Json:
    """A blueprint with many online devices, in a version that no device runs yet, with an app."""
    api.simulator.change_devices(offline_percent=0)
    for row in api.get("/v2/blueprints/", limit=20)["content"]["results"]:
        body = {"name": row["name"], "settings": row["settings"], "publish": True}
        published: Json = api("PUT", f"/v2/blueprints/{row['id']}/", body).body["content"]
        if app_version(api, published):
            return published
    raise AssertionError("no blueprint has an app")


def app_version(api: Api, blueprint: Json) -> str:
    """The name of the first app version in a blueprint, "" if it has none."""
    names = {
        version["id"]: version["version_code"]
        for app in api.simulator.state()["applications"]
        for version in app["versions"]
    }
    apps = blueprint["settings"].get("android", {}).get("apps", [])
    return next((names[app["app_version_id"]] for app in apps if app["app_version_id"] in names), "")


def converge(api: Api, blueprint: Json, readings: int = 2) -> Counter[str]:
    """Converge the devices of a blueprint, and count the states and reasons of their commands."""
    devices = api.get(DEVICES, limit=1000, assigned_blueprint_id=blueprint["id"])["content"]["results"]
    assert len(devices) > 10
    body = {"command_type": "DEVICE", "devices": [each["id"] for each in devices], "command": "CONVERGE"}
    command = api("POST", COMMANDS, body).body["content"]
    for _reading in range(readings):
        rows = api.get(STATUS, request=command["id"], limit=1000)["content"]["results"]
    return Counter(row["reason"] or row["state"] for row in rows)


def states(api: Api, blueprint: Json) -> Counter[int]:
    devices = api.get(DEVICES, limit=1000, assigned_blueprint_id=blueprint["id"])["content"]["results"]
    return Counter(each["state"] for each in devices)


def test_a_version_fails_on_a_share_of_the_devices_and_takes_others_offline(api: Api, blueprint: Json) -> None:
    conduct = {"app_version": app_version(api, blueprint), "failure_percent": 50, "offline_percent": 50, "reason": "No"}
    api.simulator.version_conducts(conduct)
    found = converge(api, blueprint)
    assert found.keys() == {"No", "Command Success"}
    current = {"assigned_blueprint_id": blueprint["id"], "current_blueprint_version_id": blueprint["version_id"]}
    converged = api.get(DEVICES, limit=1000, **current)["content"]["results"]
    assert len(converged) == found["Command Success"]
    assert {each["state"] for each in converged} == {1, 60}
    # Those that failed are as they were.
    assert states(api, blueprint)[60] == sum(each["state"] == 60 for each in converged)


def test_the_share_of_the_devices_is_the_same_in_each_run(api: Api, blueprint: Json) -> None:
    api.simulator.version_conducts({"blueprint_version": blueprint["version_id"], "failure_percent": 30})
    first, second = converge(api, blueprint), converge(api, blueprint)
    assert first == second
    assert first["The app does not start"] > 0


def test_other_versions_have_the_conduct_of_all_commands(api: Api, blueprint: Json) -> None:
    api.simulator.version_conducts({"app_version": "0.0.0.0", "failure_percent": 100, "polls": 9})
    assert converge(api, blueprint).keys() == {"Command Success"}
    api.simulator.version_conducts({"blueprint_version": blueprint["version_id"], "polls": 9})
    assert converge(api, blueprint, readings=8).keys() == {"Command In Progress"}
    # The first that matches counts, and a body replaces the one before.
    fails = {"blueprint_version": blueprint["version_id"], "failure_percent": 100}
    api.simulator.version_conducts(fails, {"app_version": app_version(api, blueprint)})
    assert converge(api, blueprint).keys() == {"The app does not start"}
    api.simulator.version_conducts()
    assert converge(api, blueprint).keys() == {"Command Success"}


def test_other_commands_do_not_fail_with_a_version(api: Api, blueprint: Json) -> None:
    api.simulator.version_conducts({"blueprint_version": blueprint["version_id"], "failure_percent": 100})
    devices = api.get(DEVICES, limit=5, assigned_blueprint_id=blueprint["id"])["content"]["results"]
    body = {"command_type": "DEVICE", "devices": [each["id"] for each in devices], "command": "REBOOT"}
    command = api("POST", COMMANDS, body).body["content"]
    for _reading in range(2):
        rows = api.get(STATUS, request=command["id"])["content"]["results"]
    assert {row["state"] for row in rows} == {"Command Success"}


def test_a_share_of_the_fleet_is_offline(api: Api) -> None:
    before = api.simulator.state(devices=True)["devices"]
    disabled = sum(each["state"] == 20 for each in before)
    android = sum(each["state"] != 20 and each["platform"] == "ANDROID" for each in before)
    api.simulator.change_devices(offline_percent=10)
    devices = api.simulator.state(devices=True)["devices"]
    offline = {each["id"] for each in devices if each["state"] == 60}
    assert len(offline) == round(android / 10)
    assert Counter(each["state"] for each in devices) == {
        1: len(devices) - disabled - len(offline),
        20: disabled,
        60: len(offline),
    }
    api.simulator.change_devices(offline_percent=0)
    assert {each["state"] for each in api.simulator.state(devices=True)["devices"]} == {1, 20}
    # Always the same devices, and more of them with a greater share.
    api.simulator.change_devices(offline_percent=20)
    assert offline < {each["id"] for each in api.simulator.state(devices=True)["devices"] if each["state"] == 60}
