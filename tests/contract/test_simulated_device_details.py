# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from typing import Any

import pytest
from caller import Api

Device = dict[str, Any]


def one(api: Api, platform: str) -> Device:
    """A device of that platform, in use."""
    return dict(api.get("/v2/devices/", platform=platform, state=1)["content"]["results"][0])


def test_each_device_is_shown_by_the_older_path_too(api: Api) -> None:
    for device in api.get("/v2/devices/", limit=200)["content"]["results"]:
        shown = api.get(f"/device/v0/devices/{device['id']}/")["content"]
        assert shown["tenant_id"] is None
        assert all(shown[name] == device[name] for name in shown if name != "tenant_id")


@pytest.mark.parametrize("platform", ["APPLE", "LINUX", "WINDOWS"])
def test_a_device_that_is_deleted_is_disabled(api: Api, platform: str) -> None:
    device = one(api, platform)
    path = f"/device/v0/devices/{device['id']}/"
    for _again in range(2):
        answer = api("DELETE", path)
        assert (answer.status, answer.body["content"]["state"]) == (200, 20)
    after = api.get(f"/v2/devices/{device['id']}")["content"]
    assert after == {**device, "state": 20, "updated_at": after["updated_at"]}
    assert api.get(path)["content"]["updated_at"] == after["updated_at"]


def test_an_android_device_cannot_be_deleted(api: Api) -> None:
    device = one(api, "ANDROID")
    answer = api("DELETE", f"/device/v0/devices/{device['id']}/")
    assert (answer.status, answer.body["message"]) == (400, "Android devices cannot be deleted. ")
    assert api.get(f"/v2/devices/{device['id']}")["content"] == device


def test_settings_of_a_device(api: Api) -> None:
    settings = api.get(f"/device/v0/devices/{one(api, 'ANDROID')['id']}/devicestate")
    assert (settings["wifi_state"], settings["brightness_scale"]) == (True, 70)


def test_android_apps_are_at_the_legacy_path_only(api: Api) -> None:
    for platform in ("ANDROID", "LINUX"):
        content = api.get(f"/v2/devices/{one(api, platform)['id']}/device-apps/")["content"]
        assert (content["count"], content["results"]) == (0, None)
    apple = one(api, "APPLE")
    path = f"/v2/devices/{apple['id']}/device-apps/"
    assert [app["app_type"] for app in api.get(path)["content"]["results"]] == ["ESPER_IOS", "TENANT_IOS"]
    assert api.get(path, app_type="ESPER_WINDOWS,TENANT_IOS")["content"]["count"] == 1
    assert api.get(path, limit=1)["content"]["next"].endswith("limit=1&offset=1")
    assert api("GET", path, app_type="ANDROID").status == 400
    assert api.get(f"{{e}}/device/{apple['id']}/app/")["results"] == []


def test_an_android_device_has_the_apps_of_its_blueprint(api: Api) -> None:
    kiosk = "6f2f7c55-7c1f-4b8e-9a39-55a8c0f6a002"
    app = "{e}/application/6f2f7c55-7c1f-4b8e-9a39-55a8c0f6a001/"
    device = api.get(f"{app}version/{kiosk}/installdevices")["results"][0]
    path = f"{{e}}/device/{device['id']}/app/"
    apps = api.get(path)["results"]
    assert [(each["package_name"], each["version_name"], each["version_code"]) for each in apps] == [
        ("com.example.kiosk", "1.1.0", "110"),
        ("com.android.settings", "13", None),
        ("com.android.chrome", "119.0", None),
    ]
    assert api.get(path, search="KIO")["results"] == apps[:1] == api.get(path, whitelisted="true")["results"]
    assert api.get(path, package_name="com.android.chrome")["results"] == apps[2:]
    assert api.get(f"{path}{apps[1]['id']}/") == apps[1]
    assert api("GET", f"{path}{device['id']}/").status == 404


def test_the_latest_event_of_an_android_device(api: Api) -> None:
    device = one(api, "ANDROID")
    path = f"{{e}}/device/{device['id']}/status/"
    (event,) = api.get(path, latest_event=1)["results"]
    level = json.loads(event["data"])["powerManagementEvent"]["batteryLevel"]
    assert (level, event["created_on"]) == (device["battery_stats"]["battery_level"], device["last_seen"])
    assert api("GET", path).status == api("GET", path, latest_event=2).status == 400
    assert api.get(f"{{e}}/device/{one(api, 'LINUX')['id']}/status/", latest_event=1)["count"] == 0
