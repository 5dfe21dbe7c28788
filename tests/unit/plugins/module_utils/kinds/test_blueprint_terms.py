# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of plain kinds in the settings of blueprints, against the simulator."""

from __future__ import annotations

import typing as t
from datetime import datetime
from pathlib import Path

import pytest
from ansible_collections.esper.cloud.tests.laws.world import Run, World
from mobileprovision import Profile, made

Row = dict[str, t.Any]

OTHER_ID = "0d5d3e0c-9a7e-4f57-8d0a-3f6f7d1f2b64"


@pytest.fixture
def world(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A new tenant, with pictures in the current directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wide").mkdir()
    for name, content in (("summer.png", "portrait"), ("winter.png", "other"), ("wide/summer.png", "landscape")):
        (tmp_path / name).write_text(content)
    return world


def blueprint(world: World, settings: Row, **options: t.Any) -> Run:
    return world.run("blueprint", {"name": "Signage", "settings": settings, **options})


def upload(world: World, src: str, orientation: str) -> str:
    found = world.must("wallpaper", {"src": src, "orientation": orientation}).result["wallpaper"]
    return str(found["id"])


def screen(**wallpapers: t.Any) -> Row:
    """The settings with wallpapers on the home screen, by orientation."""
    return {"android": {"wallpaper_settings": {"homescreen": wallpapers}}}


@pytest.fixture
def wallpapers(world: World) -> dict[str, str]:
    """The IDs of two wallpapers with one name, by orientation."""
    upload(world, "winter.png", "portrait")
    return {
        "portrait": upload(world, "summer.png", "portrait"),
        "landscape": upload(world, "wide/summer.png", "landscape"),
    }


# --- wallpapers -------------------------------------------------------------------------------------------------------


def test_a_wallpaper_is_set_by_its_name_and_the_orientation_of_the_setting(
    world: World, wallpapers: dict[str, str]
) -> None:
    settings = screen(portrait={"wallpaper": "summer.png"}, landscape={"wallpaper": "summer.png"})
    created = blueprint(world, settings)
    assert created.requests[-1]["body"]["settings"]["android"]["wallpaper_settings"]["homescreen"] == {
        "apply_policy": "ALWAYS APPLY",
        **{orientation: {"wallpaper_id": identifier} for orientation, identifier in wallpapers.items()},
    }
    both = {
        orientation: {"wallpaper": "summer.png", "wallpaper_id": identifier}
        for orientation, identifier in wallpapers.items()
    }
    shown = {"apply_policy": "ALWAYS APPLY", **both}
    assert created.result["blueprint"]["settings"]["android"]["wallpaper_settings"]["homescreen"] == shown
    for same in (settings, screen(**both), screen(portrait={"wallpaper_id": wallpapers["portrait"].upper()})):
        assert not blueprint(world, same).changed
    (read,) = world.must("blueprint_info", {"name": "Signage"}).result["blueprints"]
    assert read["settings"]["android"]["wallpaper_settings"]["homescreen"] == shown
    by_id = world.must("blueprint_info", {"name": "Signage", "resolve_names": False})
    assert "summer.png" not in by_id.shown
    changed = blueprint(world, screen(portrait={"wallpaper": "winter.png"}))
    (before, after) = (str(changed.diff[0][side]) for side in ("before", "after"))
    assert ("summer.png" in before, "winter.png" in after) == (True, True)


def test_an_export_has_names_of_wallpapers_that_another_tenant_can_have(
    world: World, wallpapers: dict[str, str]
) -> None:
    gone = {"wallpaper_id": OTHER_ID}
    settings = screen(portrait={"wallpaper": "summer.png"}, landscape=gone)
    blueprint(world, settings)
    exported = world.must("blueprint_info", {"name": "Signage", "export": True}).result
    assert [each["path"] for each in exported["omitted"]] == [
        "settings.android.wallpaper_settings.homescreen.landscape.wallpaper_id"
    ]
    (options,) = exported["blueprints"]
    homescreen = options["settings"]["android"]["wallpaper_settings"]["homescreen"]
    assert homescreen["portrait"] == {"wallpaper": "summer.png"}
    assert world.must("blueprint", {**options, "name": "Copy"}).changed


@pytest.mark.parametrize(
    ("wallpaper", "error"),
    [
        (
            {"wallpaper": "sumer.png"},
            "The portrait wallpaper 'sumer.png' was not found. Did you mean 'summer.png' or 'winter.png'?",
        ),
        (
            {"wallpaper": "summer.png", "wallpaper_id": OTHER_ID},
            "settings.android.wallpaper_settings.homescreen.portrait has the wallpaper 'summer.png', but the"
            f" wallpaper_id '{OTHER_ID}' is not that of this wallpaper. Set only one of them.",
        ),
        ({"wallpaper": ""}, "settings.android.wallpaper_settings.homescreen.portrait.wallpaper is empty"),
    ],
)
def test_a_wallpaper_that_cannot_be_selected(
    world: World, wallpapers: dict[str, str], wallpaper: Row, error: str
) -> None:
    run = blueprint(world, screen(portrait=wallpaper))
    assert error in run.message
    assert run.writes == []


def test_two_wallpapers_with_one_name_and_orientation_are_ambiguous(world: World, wallpapers: dict[str, str]) -> None:
    world.simulator.rewrites.append(
        lambda _method, path, body: (
            {**body, "results": [*body["results"], {**body["results"][1], "id": OTHER_ID}]}
            if path.endswith("/wallpaper/")
            else body
        )
    )
    message = blueprint(world, screen(portrait={"wallpaper": "summer.png"})).message
    assert message.startswith("The portrait wallpaper 'summer.png' is ambiguous")
    assert message.endswith(" Set wallpaper_id instead.")
    blueprint(world, screen(portrait={"wallpaper_id": OTHER_ID}))
    (read,) = world.must("blueprint_info", {"name": "Signage"}).result["blueprints"]
    assert read["settings"]["android"]["wallpaper_settings"]["homescreen"]["portrait"] == {
        "wallpaper": None,
        "wallpaper_id": OTHER_ID,
    }


def test_a_task_uploads_a_wallpaper_and_sets_it(world: World) -> None:
    task = {
        "blueprints": [{"name": "Signage", "settings": screen(portrait={"wallpaper": "summer.png"})}],
        "wallpapers": [{"src": "summer.png", "orientation": "portrait"}],
    }
    assert world.must("tenant", task, check_mode=True).changed
    created = world.must("tenant", task)
    assert [write.split("/")[-2] for write in created.writes] == ["wallpaper", "blueprints"]
    assert not world.must("tenant", task).changed
    refused = world.run("wallpaper", {"name": "summer.png", "orientation": "portrait", "state": "absent"})
    assert "is in use by the blueprint 'Signage' (draft)" in refused.message
    removal = {
        "blueprints": [{"name": "Signage", "settings": {"android": {"wallpaper_settings": {}}}, "exact": True}],
        "wallpapers": [{"name": "summer.png", "orientation": "portrait", "state": "absent"}],
    }
    removed = world.must("tenant", removal)
    assert [write.split(" ")[0] for write in removed.writes] == ["PUT", "DELETE"]


# --- custom actions ---------------------------------------------------------------------------------------------------

BLUETOOTH = {
    "name": "Bluetooth",
    "type": "toggle",
    "options": [{"label": "On", "script": "rfkill unblock bluetooth"}, {"label": "Off", "script": "rfkill block all"}],
}


def actions(*items: Row) -> Row:
    """The settings with custom actions."""
    return {"linux": {"custom_actions_multiple": {"custom_actions": list(items)}}}


def test_a_custom_action_is_set_by_its_name_and_the_label_of_an_option(world: World) -> None:
    action = world.must("custom_action", BLUETOOTH).result["custom_action"]
    keys = {option["label"]: option["key"] for option in action["options"]}
    created = blueprint(world, actions({"custom_action": "Bluetooth", "option": "Off"}))
    (sent,) = created.requests[-1]["body"]["settings"]["linux"]["custom_actions_multiple"]["custom_actions"]
    assert sent == {"id": action["id"], "options_key": keys["Off"], "apply_policy": "ALWAYS APPLY"}
    for same in ({"custom_action": "Bluetooth", "option": "Off"}, {"custom_action": "Bluetooth"}):
        assert not blueprint(world, actions(same)).changed
        assert not blueprint(world, actions(same), exact=True).changed
    assert not blueprint(world, actions({"id": action["id"], "option": "Off"})).changed
    changed = blueprint(world, actions({"custom_action": "Bluetooth", "option": "On"}))
    assert changed.changed
    (read,) = world.must("blueprint_info", {"name": "Signage"}).result["blueprints"]
    assert read["settings"]["linux"]["custom_actions_multiple"]["custom_actions"] == [
        {**sent, "options_key": keys["On"], "custom_action": "Bluetooth", "option": "On"}
    ]
    exported = world.must("blueprint_info", {"name": "Signage", "export": True}).result
    assert exported["omitted"] == []
    assert exported["blueprints"][0]["settings"] == actions(
        {"custom_action": "Bluetooth", "option": "On", "apply_policy": "ALWAYS APPLY"}
    )


@pytest.mark.parametrize(
    ("action", "error"),
    [
        ({"custom_action": "Blutooth"}, "The custom action 'Blutooth' was not found. Did you mean 'Bluetooth'?"),
        (
            {"custom_action": "Bluetooth"},
            "custom_actions[0].option is required, because the custom action 'Bluetooth' has several: On, Off.",
        ),
        (
            {"custom_action": "Bluetooth", "option": "Of"},
            "The option 'Of' was not found. Did you mean 'Off'? Set one of the custom action 'Bluetooth'.",
        ),
        ({"option": "On"}, "custom_actions[0].id is required"),
    ],
)
def test_a_custom_action_that_cannot_be_selected(world: World, action: Row, error: str) -> None:
    world.must("custom_action", BLUETOOTH)
    run = blueprint(world, actions(action))
    assert error in run.message
    assert run.writes == []


def test_an_option_without_a_key_cannot_be_set(world: World) -> None:
    world.must("custom_action", BLUETOOTH)

    def without_keys(_method: str, path: str, body: t.Any) -> t.Any:
        for row in body["content"]["results"] if path == "/v2/custom-actions/" else ():
            row["options"] = [{**option, "key": None} for option in row["options"]]
        return body

    world.simulator.rewrites.append(without_keys)
    run = blueprint(world, actions({"custom_action": "Bluetooth", "option": "On"}))
    assert run.message.startswith("The option 'On' was not found.")
    assert run.writes == []


def test_a_task_creates_a_custom_action_and_sets_it(world: World) -> None:
    task = {
        "custom_actions": [{**BLUETOOTH, "options": BLUETOOTH["options"][:1]}],
        "blueprints": [{"name": "Signage", "settings": actions({"custom_action": "Bluetooth"})}],
    }
    created = world.must("tenant", task)
    assert [write.split("/")[-2] for write in created.writes] == ["custom-actions", "blueprints"]
    assert not world.must("tenant", task).changed


# --- webclips ---------------------------------------------------------------------------------------------------------

MENU = {
    "name": "Menu",
    "label": "Today",
    "url": "https://menu.example.com",
    "target_bundle_id": "com.apple.mobilesafari",
    "target_bundle_name": "Safari",
}


def ios_apps(*items: Row) -> Row:
    """The settings with Apple apps."""
    return {"ios": {"apps": list(items)}}


def test_a_webclip_is_set_by_its_name(world: World) -> None:
    webclip = world.must("webclip", MENU).result["webclip"]
    created = blueprint(world, ios_apps({"webclip": "Menu"}))
    (sent,) = created.requests[-1]["body"]["settings"]["ios"]["apps"]
    assert sent == {**sent, "app_id": webclip["id"], "app_type": "WEBCLIP", "state": "SHOW"}
    assert sent["app_version_id"] != webclip["id"]
    for same in ({"webclip": "Menu"}, {"app_id": webclip["id"], "app_type": "WEBCLIP"}, sent):
        assert not blueprint(world, ios_apps(same)).changed
        assert not blueprint(world, ios_apps(same), exact=True).changed
    (read,) = world.must("blueprint_info", {"name": "Signage"}).result["blueprints"]
    (app,) = read["settings"]["ios"]["apps"]
    assert app == {**app, **sent, "webclip": "Menu", "package_name": None}
    exported = world.must("blueprint_info", {"name": "Signage", "export": True}).result
    assert exported["omitted"] == []
    assert exported["blueprints"][0]["settings"] == ios_apps(
        {"webclip": "Menu", "state": "SHOW", "app_type": "WEBCLIP"}
    )
    copy = world.must("blueprint", {**exported["blueprints"][0], "name": "Copy"})
    assert copy.requests[-1]["body"]["settings"]["ios"]["apps"] == [sent]


@pytest.mark.parametrize(
    ("app", "error"),
    [
        ({"webclip": "Menue"}, "The webclip 'Menue' was not found. Did you mean 'Menu'?"),
        ({"webclip": "Menu", "app_type": "VPP"}, "the app_type 'VPP' is not that of this webclip"),
        ({"webclip": "Menu", "app_id": OTHER_ID}, f"the app_id '{OTHER_ID}' is not that of this webclip"),
        (
            {"webclip": "Menu", "package_name": "com.example.menu"},
            "settings.ios.apps[0] is a webclip, so package_name is not allowed. Omit it.",
        ),
    ],
)
def test_a_webclip_that_cannot_be_selected(world: World, app: Row, error: str) -> None:
    world.must("webclip", MENU)
    run = blueprint(world, ios_apps(app))
    assert error in run.message
    assert run.writes == []


def test_a_webclip_without_an_app_cannot_be_set(world: World) -> None:
    world.must("webclip", MENU)
    world.simulator.rewrites.append(
        lambda _method, path, body: {"content": {"count": 0, "results": []}} if path == "/v2/apps" else body
    )
    run = blueprint(world, ios_apps({"webclip": "Menu"}))
    assert run.message == (
        "Invalid parameters for the blueprint: settings.ios.apps[0] cannot refer to the webclip 'Menu', because Esper"
        " returned no version of it."
    )
    assert run.writes == []


def test_a_task_creates_a_webclip_and_sets_it(world: World) -> None:
    task = {
        "webclips": [MENU],
        "blueprints": [{"name": "Signage", "settings": ios_apps({"webclip": "Menu"})}],
    }
    assert world.must("tenant", task, check_mode=True).changed
    created = world.must("tenant", task)
    assert [write.split("/")[2] for write in created.writes] == ["webclips", "blueprints"]
    assert not world.must("tenant", task).changed


def test_names_that_cannot_be_read_are_null(world: World) -> None:
    world.must("webclip", MENU)
    blueprint(world, ios_apps({"webclip": "Menu"}))
    world.simulator.fault(kind="status", path="^/v2/apps", status=403, times=None)
    run = world.must("blueprint_info", {"name": "Signage"})
    assert run.result["blueprints"][0]["settings"]["ios"]["apps"][0]["webclip"] is None
    assert run.warnings[0].startswith("The names of the webclips in blueprints are null. Reading the names of webclips")


# --- provisioning profiles --------------------------------------------------------------------------------------------


def profile(year: int, app: str = "com.example.till") -> str:
    """A provisioning profile in the current directory that expires in a year."""
    path = Path(f"till-{app}-{year}.mobileprovision")
    path.write_bytes(made(Profile("Till", app, expires=datetime(year, 6, 1))))
    return str(path)


def profiles(*items: Row) -> Row:
    """The settings with provisioning profiles."""
    return {"ios": {"provisioning_profiles": list(items)}}


def test_a_provisioning_profile_is_set_by_its_name_and_version(world: World) -> None:
    for year in (2097, 2099, 2098):
        world.must("provisioning_profile", {"src": profile(year)})
    (read,) = world.must("provisioning_profile_info", {"versions": True}).result["provisioning_profiles"]
    newest, middle, _oldest = read["versions"]
    created = blueprint(world, profiles({"provisioning_profile": "Till"}))
    (sent,) = created.requests[-1]["body"]["settings"]["ios"]["provisioning_profiles"]
    assert sent == {"profile_id": read["id"], "profile_version_id": newest["id"]}
    shown = {"provisioning_profile": "Till", "version": newest["uuid"]}
    assert created.result["blueprint"]["settings"]["ios"]["provisioning_profiles"] == [{**sent, **shown}]
    changed = blueprint(world, profiles({"provisioning_profile": "Till", "version": middle["uuid"].upper()}))
    assert changed.changed
    for same in ({"provisioning_profile": "Till"}, {"profile_id": read["id"], "version": middle["id"]}):
        assert not blueprint(world, profiles(same), exact=True).changed
    exported = world.must("blueprint_info", {"name": "Signage", "export": True}).result
    assert exported["omitted"] == []
    assert exported["blueprints"][0]["settings"] == profiles(
        {"provisioning_profile": "Till", "version": middle["uuid"]}
    )
    assert blueprint(world, profiles({"provisioning_profile": "Till", "version": "latest"})).changed
    assert not blueprint(world, profiles({"provisioning_profile": "Till", "version": "latest"})).changed


@pytest.mark.parametrize(
    ("item", "error"),
    [
        ({"provisioning_profile": "Tills"}, "The provisioning profile 'Tills' was not found. Did you mean 'Till'?"),
        (
            {"provisioning_profile": "Till", "version": OTHER_ID},
            f"The version '{OTHER_ID}' was not found. Set one of the provisioning profile 'Till'.",
        ),
        ({"version": "latest"}, "provisioning_profiles[0].profile_id is required"),
    ],
)
def test_a_provisioning_profile_that_cannot_be_selected(world: World, item: Row, error: str) -> None:
    world.must("provisioning_profile", {"src": profile(2099)})
    run = blueprint(world, profiles(item))
    assert error in run.message
    assert run.writes == []


def test_two_provisioning_profiles_with_one_name_are_ambiguous(world: World) -> None:
    for app in ("com.example.till", "com.example.shop"):
        world.must("provisioning_profile", {"src": profile(2099, app)})
    message = blueprint(world, profiles({"provisioning_profile": "Till"})).message
    assert message.startswith("The provisioning profile 'Till' is ambiguous: 2 objects match (Till (ID ")
    assert message.endswith(" Set profile_id instead.")


def test_a_task_uploads_a_version_and_sets_it(world: World) -> None:
    for year in (2098, 2099):
        task = {
            "provisioning_profiles": [{"src": profile(year)}],
            "blueprints": [
                {"name": "Signage", "settings": profiles({"provisioning_profile": "Till", "version": "latest"})}
            ],
        }
        assert world.must("tenant", task, check_mode=True).changed
        run = world.must("tenant", task)
        assert [write.split("/")[2] for write in run.writes] == ["provisioning-profiles", "blueprints"]
        assert not world.must("tenant", task).changed
