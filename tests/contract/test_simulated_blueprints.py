# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from caller import Api

BLUEPRINTS = "/v2/blueprints/"
SETTINGS = {
    "android": {"camera_settings": {"apply_policy": "ALWAYS APPLY", "allow_camera_access": False}},
    "linux": {"files": [{"file_id": 7, "destination_path": "/opt"}]},
}
Blueprint = dict[str, Any]


def item(blueprint: Blueprint) -> str:
    return f"{BLUEPRINTS}{blueprint['id']}/"


def named(api: Api, name: str) -> Blueprint:
    (found,) = api.get(BLUEPRINTS, name_exact=name)["content"]["results"]
    return dict(found)


def create(api: Api, **values: Any) -> Blueprint:
    answer = api("POST", BLUEPRINTS, {"name": "new", "settings": SETTINGS, **values})
    assert (answer.status, answer.body["code"]) == (201, 201)
    return dict(answer.body["content"])


def put(api: Api, blueprint: Blueprint, **values: Any) -> Blueprint:
    answer = api("PUT", item(blueprint), {**blueprint, "publish": False, **values})
    assert (answer.status, answer.body["code"]) == (200, "201")
    return dict(answer.body["content"])


def versions(api: Api, blueprint: Blueprint, **query: object) -> list[tuple[int, int, bool]]:
    found = api.get(f"{item(blueprint)}versions/", **query)["content"]["results"]
    return [(each["version_number"], each["minor_version_number"], each["publish"]) for each in found]


def test_a_blueprint_is_drafted_published_and_deleted(api: Api) -> None:
    draft = create(api, name=" new ")
    assert (draft["name"], draft["settings"], draft["publish"]) == ("new", SETTINGS, False)
    assert "latest_published_version_id" not in draft
    assert api.get(item(draft))["content"] == draft
    published = put(api, draft, publish=True)
    assert published["latest_published_version_id"] == published["version_id"] != draft["version_id"]
    again = put(api, published, comments="x")
    assert (again["latest_published_version_id"], again["publish"]) == (published["version_id"], False)
    assert named(api, "new") == again
    assert versions(api, again) == [(0, 1, False), (1, 0, True), (1, 1, False)]
    assert api("DELETE", item(again)).status == 204
    assert {api(method, item(again), {"name": "x"}).status for method in ("GET", "PUT", "DELETE")} == {404}
    assert api("GET", f"{item(again)}versions/{again['version_id']}/").status == 404
    assert not [each for each in api.simulator.state()["blueprint_versions"] if each["id"] == again["id"]]


def test_a_new_blueprint_cannot_be_published_at_once(api: Api) -> None:
    assert create(api, publish=True)["publish"] is False


def test_what_is_not_put_is_lost(api: Api) -> None:
    blueprint = create(api, description="x", comments="y")
    changed = api("PUT", item(blueprint), {"name": "new", "settings": {"android": {}}}).body["content"]
    assert (changed["description"], changed["comments"], changed["settings"]) == ("", "", {"android": {}})
    (first, _second) = api.get(f"{item(blueprint)}versions/")["content"]["results"]
    assert first["settings"] == SETTINGS
    assert api.get(f"{item(blueprint)}versions/{first['version_id']}/")["content"] == first


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"name": "Retail Kiosk"}, "Blueprint with this name already exists. "),
        ({"name": " Retail Kiosk "}, "Blueprint with this name already exists. "),
        ({"name": ""}, "name: This field may not be blank. "),
        ({"settings": {"android": {"sms_settings": {}}}}, "settings.android.sms_settings.apply_policy: "),
        ({"settings": {"ios": {"camera_settings": {"allow_camera_access": 1}}}}, "Not a valid boolean. "),
        ({"settings": None}, "settings: Not a valid object. "),
    ],
)
def test_a_flawed_blueprint_is_rejected(api: Api, values: Blueprint, error: str) -> None:
    blueprint = create(api)
    before = api.simulator.state()
    for method, path in (("POST", BLUEPRINTS), ("PUT", item(blueprint))):
        answer = api(method, path, {"name": "other", **values})
        assert answer.status == 400
        assert error in answer.body["message"]
    assert api("PUT", item(blueprint), {}).status == api("POST", BLUEPRINTS, {}).status == 400
    assert api.simulator.state() == before


def test_names_differ_by_case(api: Api) -> None:
    assert create(api, name="RETAIL KIOSK")
    assert api.get(BLUEPRINTS, name="retail kiosk")["content"]["count"] == 3


def test_settings_that_are_not_in_the_contract_are_ignored(api: Api) -> None:
    config = {"any": {"thing": [1]}}
    app = {
        "app_id": "a",
        "app_version_id": "b",
        "package_name": "c",
        "installation_rule": "POST PROVISIONING",
        "state": "SHOW",
        "type": "ENTERPRISE",
        "auto_update_mode": "autoUpdateDefault",
        "managed_config": config,
    }
    sent = {"android": {"apps": [{**app, "colour": "red"}], "volume": 11}, "toaster": {}}
    assert create(api, settings=sent)["settings"] == {"android": {"apps": [app]}}


def test_one_that_devices_or_groups_have_stays(api: Api) -> None:
    for name in ("Retail Kiosk", "Signage (Linux)"):
        answer = api("DELETE", item(named(api, name)))
        assert answer.status == 400
        assert "cannot be deleted" in answer.body["message"]
    assert named(api, "Retail Kiosk")


def test_publishing_changes_no_device(api: Api) -> None:
    before = api.simulator.state(devices=True)["devices"]
    put(api, named(api, "Retail Kiosk"), publish=True, settings={})
    assert api.simulator.state(devices=True)["devices"] == before


def test_versions_are_filtered_and_ordered(api: Api) -> None:
    signage = named(api, "Signage (Linux)")
    assert versions(api, signage)[-2:] == [(5, 0, True), (5, 1, False)]
    assert versions(api, signage, version_number=5, publish="true") == [(5, 0, True)]
    assert versions(api, signage, ordering="-version_number,minor_version_number")[:2] == [(5, 0, True), (5, 1, False)]
    assert signage["latest_published_version_id"] != signage["version_id"]
    kiosk = "6f2f7c55-7c1f-4b8e-9a39-55a8c0f6a000"
    assert versions(api, named(api, "Retail Kiosk"), settings__android__app_version_id=kiosk) == [(1, 0, True)]


def test_settings_are_found_in_any_version(api: Api) -> None:
    def found(**query: object) -> list[str]:
        return [each["name"] for each in api.get(BLUEPRINTS, **query)["content"]["results"]]

    assert found(settings__android__app_version_id="6f2f7c55-7c1f-4b8e-9a39-55a8c0f6a000") == ["Retail Kiosk"]
    content = api.simulator.state()["content"][0]["id"]
    file = {"file_id": str(content), "destination_path": "/sdcard"}
    create(api, settings={"android": {"files": [file]}})
    assert found(settings__android__file_id=content) == ["new"]


def test_a_new_device_gets_what_is_published(api: Api) -> None:
    create(api)
    api.simulator.change_devices(add=50)
    published = {each.get("latest_published_version_id") for each in api.simulator.state()["blueprints"]}
    for device in api.simulator.state(devices=True)["devices"]:
        assert device["blueprint_info"]["current_blueprint_version_id"] in published
