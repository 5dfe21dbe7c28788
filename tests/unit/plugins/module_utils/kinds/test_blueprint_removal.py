# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removal of single settings and items of blueprints, and rollbacks, against the simulator."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible_collections.esper.cloud.tests.laws.world import Run, World
from apk import Manifest, made

Row = dict[str, t.Any]

NAME = "Kiosks"
KIOSK, SCANNER = "com.example.remove.kiosk", "com.example.remove.scanner"
MENU, SIGN = "menu[1].html", "sign.html"
ANDROID: Row = {
    "camera_settings": {"allow_camera_access": False},
    "bluetooth_settings": {"allow_bluetooth": True, "bluetooth_state": "ENABLE"},
    "esper_settings_apps_settings": {"allow_dock": True, "admin_mode_password": "s3cret-Of-The-Test", "settings": {}},
    "apps": [
        {"package_name": KIOSK, "version_name": "1.0.0", "managed_config": {"server": {"url": "a", "port": 1}}},
        {"package_name": SCANNER, "version_name": "1.0.0"},
    ],
    "files": [
        {"content": MENU, "destination_path": "/sdcard/menu.html"},
        {"content": SIGN, "destination_path": "/sdcard/sign.html"},
    ],
    "wifi_networks": [{"wifi_network_id": "7"}, {"wifi_network_id": "8"}],
}


@pytest.fixture
def world(world: World, tmp_path: Path) -> World:
    """A tenant with a published blueprint."""
    for package in (KIOSK, SCANNER):
        src = tmp_path / f"{package}.apk"
        src.write_bytes(made(Manifest(package, "1.0.0", 100)))
        world.must("app", {"src": str(src)})
    for name in (MENU, SIGN):
        (tmp_path / name).write_text(name)
        world.must("content", {"src": str(tmp_path / name)})
    world.must("blueprint", {"name": NAME, "publish": True, "settings": {"android": ANDROID}})
    return world


def remove(world: World, *paths: str, check_mode: bool = False, **options: t.Any) -> Run:
    options = {"name": NAME, "publish": True, "remove": list(paths), **options}
    return world.run("blueprint", options, check_mode=check_mode)


def settings(world: World) -> Row:
    """The settings of the blueprint for Android as Esper has them."""
    path = world.must("blueprint_info", {"name": NAME}).result["blueprints"][0]["id"]
    found: Row = world.must("api", {"path": f"/v2/blueprints/{path}/"}).result["content"]["settings"]["android"]
    return found


REMOVALS: dict[str, tuple[t.Any, ...]] = {
    "android.camera_settings": ("camera_settings",),
    "settings.android.camera_settings": ("camera_settings",),
    "android.bluetooth_settings.bluetooth_state": ("bluetooth_settings", "bluetooth_state"),
    "android.esper_settings_apps_settings.admin_mode_password": ("esper_settings_apps_settings", "admin_mode_password"),
    f"android.apps[{KIOSK}]": ("apps", 0),
    f"android.apps[{KIOSK}].managed_config": ("apps", 0, "managed_config"),
    f"android.apps[{KIOSK}].managed_config.server.port": ("apps", 0, "managed_config", "server", "port"),
    f"android.files[{MENU}]": ("files", 0),
    "android.files[/sdcard/menu.html]": ("files", 0),
    "android.wifi_networks[7]": ("wifi_networks", 0),
    "android.files": ("files",),
}


@pytest.mark.parametrize(("path", "keys"), REMOVALS.items(), ids=REMOVALS)
def test_only_the_value_at_the_path_is_removed_and_a_second_run_sends_nothing(
    world: World, path: str, keys: tuple[t.Any, ...]
) -> None:
    expected = settings(world)
    value: t.Any = expected
    for key in keys[:-1]:
        value = value[key]
    del value[keys[-1]]
    predicted, run, again = remove(world, path, check_mode=True), remove(world, path), remove(world, path)
    assert (predicted.changed, predicted.writes, predicted.diff) == (True, [], run.diff)
    assert (run.changed, len(run.writes), again.changed, again.writes, again.diff) == (True, 1, False, [], [])
    assert settings(world) == expected


def test_removals_and_changes_of_one_task_are_one_request_and_the_diff_names_them(world: World) -> None:
    change = {"settings": {"android": {"camera_settings": {"allow_camera_access": True}}}}
    run = remove(world, f"android.apps[{KIOSK}]", "android.files[sign.html]", **change)
    assert len(run.writes) == 1
    (diff,) = run.diff
    assert diff["after"]["removed"]["items"] == [f"settings.android.apps[{KIOSK}]", f"settings.android.files[{SIGN}]"]
    assert settings(world)["camera_settings"]["allow_camera_access"] is True


def test_what_does_not_exist_needs_no_change(world: World) -> None:
    paths = (
        "android.apps[com.example.none]",
        "ios.camera_settings",
        "android.files[none]",
        "android.wallpaper_settings",
    )
    run = remove(world, *paths)
    assert (run.failed, run.changed, run.writes) == (False, False, [])


def test_a_new_blueprint_has_nothing_to_remove(world: World) -> None:
    run = remove(world, "android.camera_settings", name="New", settings={"android": {}})
    assert (run.failed, run.changed) == (False, True)


INVALID = (
    ("android", "is a whole platform"),
    ("android.camera_setings", "Did you mean camera_settings?"),
    ("android.apps.managed_config", "needs the name of an item, such as apps[NAME]"),
    ("android.camera_settings[a]", "its items have no names"),
    ("android.bluetooth_settings.allow_bluetooth", "because Esper requires it"),
    ("android.bluetooth_settings.apply_policy", "because Esper requires it"),
    (f"android.apps[{KIOSK}].version_name", "only names an object"),
    ("android..apps", "is not a path of a setting"),
    ("android.apps[]", "is not a path of a setting"),
    ("android.files", "is also in settings"),
    ("", "The option remove[0] is empty"),
)


def test_invalid_paths_are_errors_before_any_write_request(world: World) -> None:
    files = {"settings": {"android": {"files": [{"content": SIGN}]}}}
    for path, message in INVALID:
        runs = [remove(world, path, check_mode=check_mode, **files) for check_mode in (True, False)]
        assert [(run.failed, run.writes, message in run.message) for run in runs] == [(True, [], True)] * 2, path


def test_a_file_with_two_paths_is_not_removed_by_its_name(world: World) -> None:
    two = [{"content": SIGN, "destination_path": path} for path in ("/sdcard/sign.html", "/sdcard/other.html")]
    world.must("blueprint", {"name": NAME, "settings": {"android": {"files": two}}})
    run = remove(world, f"android.files[{SIGN}]")
    assert "means 2 items" in run.message
    assert remove(world, "android.files[/sdcard/other.html]").changed


# --- rollback ---------------------------------------------------------------------------------------------------------


def save(world: World, allowed: bool, **more: t.Any) -> None:
    camera = {"android": {"camera_settings": {"allow_camera_access": allowed}}}
    world.must("blueprint", {"name": NAME, "publish": True, "settings": camera, **more})


def restore(world: World, *, check_mode: bool = False) -> Run:
    options = {"name": NAME, "version": "previous", "confirm": True, "publish": True}
    return world.run("blueprint", options, check_mode=check_mode)


def test_the_previous_version_is_restored_once(world: World) -> None:
    save(world, True)
    predicted, run, again = restore(world, check_mode=True), restore(world), restore(world)
    assert (predicted.changed, predicted.writes, predicted.diff) == (True, [], run.diff)
    assert (run.changed, again.changed, again.writes) == (True, False, [])
    assert settings(world)["camera_settings"]["allow_camera_access"] is False
    assert run.result["blueprint"]["publish"]


def test_a_version_after_a_rollback_is_rolled_back_too(world: World) -> None:
    save(world, True)
    restore(world)
    world.must("blueprint", {"name": NAME, "publish": True, "remove": ["android.camera_settings"]})
    assert restore(world).changed
    assert settings(world)["camera_settings"]["allow_camera_access"] is False
    assert not restore(world).changed


def test_a_version_with_the_same_settings_is_not_the_previous_one(world: World) -> None:
    save(world, True)
    save(world, True, comments="Again", description="Again")
    assert restore(world).changed
    assert settings(world)["camera_settings"]["allow_camera_access"] is False
    assert not restore(world).changed


def test_a_blueprint_with_one_version_has_no_previous_one(world: World) -> None:
    run = restore(world)
    assert "has no published version with other settings before the latest" in run.message
    assert run.writes == []
