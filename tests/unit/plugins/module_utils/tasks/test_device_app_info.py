# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The apps on devices of each platform, and the devices with an app."""

from __future__ import annotations

import base64
import typing as t

import pytest
from ansible_collections.esper.cloud.tests.laws.world import Run, World

Row = dict[str, t.Any]

ANDROID, APPLE = "OUW-MDJ-00001", "RAL-BMW-00002"
CATALOGUE, KIOSK = "com.example.catalogue", "com.example.kiosk"
SECRET = "server</key>"


@pytest.fixture(autouse=True)
def _devices(world: World) -> None:
    world.simulator.reset(devices=8)


def read(world: World, **options: t.Any) -> Run:
    run = world.must("device_app_info", options)
    assert not run.changed
    assert run.writes == []
    return run


def names(run: Run) -> list[str]:
    return [device["name"] for device in run.result["devices"]]


def paths(run: Run, part: str) -> list[Row]:
    return [request for request in run.requests if part in request["path"]]


def test_the_apps_on_devices_have_the_names_of_the_tenant(world: World) -> None:
    run = read(world, devices=[ANDROID, APPLE, "none"])
    android, apple = run.result["devices"]
    assert (android["platform"], apple["platform"], run.result["missing"]) == ("ANDROID", "APPLE", ["none"])
    assert "com.android.settings" in [app["package_name"] for app in android["apps"]]
    esper, own = apple["apps"]
    assert (own["package_name"], own["version_name"], own["version_code"]) == (CATALOGUE, "1.1", "11")
    assert (esper["package_name"], esper["type"]) == (None, "ESPER_IOS")
    assert set(own) == set(android["apps"][0]) == set(esper)
    assert SECRET not in run.shown
    run = read(world, device=APPLE, resolve_names=False)
    assert [app["package_name"] for app in run.result["devices"][0]["apps"]] == [None, None]
    assert paths(run, "tenant-apps") == []


def test_the_configuration_is_returned_on_request_only(world: World) -> None:
    run = read(world, devices=[ANDROID, APPLE], config=True)
    configs = [app["config"] for device in run.result["devices"] for app in device["apps"]]
    assert SECRET in configs[-1]
    assert set(configs[:-1]) == {None}

    def with_other(_method: str, path: str, body: t.Any) -> t.Any:
        if path.endswith("/device-apps/"):
            body["content"]["results"][0]["base64_app_config"] = "no base64"
            body["content"]["results"][1]["base64_app_config"] = base64.b64encode(b"\xff").decode()
        return body

    world.simulator.rewrites.append(with_other)
    run = read(world, device=APPLE, config=True)
    assert [app["config"] for app in run.result["devices"][0]["apps"]] == ["no base64", "/w=="]


def test_one_app_is_selected_on_all_platforms(world: World) -> None:
    run = read(world, devices=[ANDROID, APPLE], package_name=CATALOGUE)
    assert [[app["package_name"] for app in device["apps"]] for device in run.result["devices"]] == [[], [CATALOGUE]]
    assert paths(run, "/app/")[0]["query"]["package_name"] == CATALOGUE
    run = read(world, device=APPLE, package_name=CATALOGUE, version_code="10")
    assert run.result["devices"][0]["apps"] == []


def test_the_devices_with_a_version_of_an_app_are_found(world: World) -> None:
    world.must("converge", {"groups": ["All devices"], "force": True, "wait": True, "wait_for": "online"})
    versions = {
        version["version_name"]: version
        for version in world.must("app_info", {"package_name": KIOSK, "versions": True, "devices": True}).result[
            "apps"
        ][0]["versions"]
    }
    name = next(name for name, version in versions.items() if version["devices"])
    run = read(world, package_name=KIOSK, version_name=name, installs=True)
    assert sorted(device["id"] for device in run.result["devices"]) == sorted(
        device["id"] for device in versions[name]["devices"]
    )
    assert set(names(run)) == {device["name"] for device in versions[name]["devices"]}
    for device in run.result["devices"]:
        assert device["apps"][0]["version_name"] == name
        assert [each["version_name"] for each in device["installs"]] == [name]
    assert {each["query"]["package_name"] for each in paths(run, "/install/")} == {KIOSK}
    assert read(world, package_name=KIOSK, app_version_id=versions[name]["id"]).result["devices"]
    assert names(read(world, package_name=KIOSK, version_name=name, platform="APPLE")) == []


def test_devices_of_other_platforms_get_their_names(world: World) -> None:
    run = read(world, package_name=CATALOGUE, version_name="1.1")
    assert APPLE in names(run)
    assert len(paths(run, "device-apps")) == 1
    assert set(names(read(world, package_name=CATALOGUE, version_name="1.1", resolve_names=False))) == {None}
    assert names(read(world, package_name="com.example.none", version_name="1.1")) == []


def test_a_platform_without_access_is_left_out_with_a_warning(world: World) -> None:
    world.simulator.fault(kind="status", status=403, method="GET", path="/v2/tenant-apps", times=None)
    run = read(world, package_name=KIOSK, version_name="1.1.0")
    assert len(run.warnings) == 2
    assert "on the platform APPLE" in run.warnings[0]
    assert world.run("device_app_info", {"package_name": KIOSK, "version_name": "1", "platform": "APPLE"}).failed
    run = read(world, device=APPLE)
    assert "Apps have IDs without names" in run.warnings[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "one of the following is required: devices, package_name"),
        ({"package_name": KIOSK}, "one of the options version_name, version_code, app_version_id is required"),
        ({"package_name": KIOSK, "version_name": "1", "config": True}, "config requires devices"),
        ({"devices": [ANDROID], "install_state": "INSTALL_FAILED"}, "install_state requires installs=true"),
        ({"devices": [ANDROID], "platform": "APPLE"}, "mutually exclusive"),
        ({"devices": [ANDROID], "package_name": ""}, "The option package_name is empty"),
        ({"package_name": KIOSK, "version_name": ""}, "The option version_name is empty"),
        ({"devices": [ANDROID], "version_code": " "}, "The option version_code is empty"),
    ],
)
def test_options_that_do_not_fit_are_an_error(world: World, options: Row, message: str) -> None:
    run = world.run("device_app_info", options)
    assert run.failed
    assert message in run.message
    assert run.requests == []


def test_an_empty_list_of_devices_reads_nothing(world: World) -> None:
    run = read(world, devices=[])
    assert (run.result["devices"], run.requests) == ([], [])
