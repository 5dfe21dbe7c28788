# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two clients change different values of one object at the same time: none of both changes is lost without a word."""

from __future__ import annotations

import typing as t
from functools import partial

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.http.client import Client
from ansible_collections.esper.cloud.plugins.module_utils.http.responses import Response
from ansible_collections.esper.cloud.tests.laws.preparations import Preparation, Row
from ansible_collections.esper.cloud.tests.laws.world import World

Interrupt = t.Callable[[t.Callable[[], object], int], None]

ALWAYS = {"apply_policy": "ALWAYS APPLY"}
BLUEPRINT = "Retail Kiosk"


@pytest.fixture
def interrupt(monkeypatch: pytest.MonkeyPatch) -> Interrupt:
    """Call a function before the first write requests of a task, or after them if its number is negative."""
    original = Client.request

    def arrange(action: t.Callable[[], object], times: int) -> None:
        left = [times]

        def request(client: Client, method: str, path: str, **options: t.Any) -> Response:
            if method == "GET" or not left[0]:
                return original(client, method, path, **options)
            before, rest = left[0] > 0, left[0] - (1 if left[0] > 0 else -1)
            left[0] = 0
            if before:
                action()
            response = original(client, method, path, **options)
            if not before:
                action()
            left[0] = rest
            return response

        monkeypatch.setattr(Client, "request", request)

    return arrange


def settings(**values: t.Any) -> Row:
    return {"name": BLUEPRINT, "settings": {"android": values}}


ORIENTATION = settings(screen_orientation_settings={**ALWAYS, "orientation_type": "LANDSCAPE"})
CAMERA = settings(camera_settings={**ALWAYS, "allow_camera_access": False})


def shown(world: World, name: str = BLUEPRINT) -> Row:
    (row,) = world.must("blueprint_info", {"name": name, "resolve_names": False}).result["blueprints"]
    return t.cast("Row", row)


@pytest.mark.parametrize("publishes", [(False, False), (True, False), (False, True), (True, True)], ids=str)
def test_changes_of_a_blueprint_are_merged(world: World, interrupt: Interrupt, publishes: tuple[bool, bool]) -> None:
    world.begin(Preparation())
    mine, theirs = publishes
    interrupt(lambda: world.must("blueprint", {**CAMERA, "publish": theirs}), 1)
    run = world.must("blueprint", {**ORIENTATION, "publish": mine})
    assert run.warnings == [
        "Another client changed the blueprint 'Retail Kiosk' at the same time. The module merged both changes."
    ]
    android = shown(world)["settings"]["android"]
    assert android["camera_settings"]["allow_camera_access"] is False
    assert android["screen_orientation_settings"]["orientation_type"] == "LANDSCAPE"
    assert run.result["blueprint"]["settings"]["android"]["camera_settings"]["allow_camera_access"] is False
    assert not world.must("blueprint", {**ORIENTATION, "publish": mine}).changed
    assert not world.must("blueprint", {**CAMERA, "publish": False}).changed


def test_an_object_that_another_client_renamed_keeps_its_new_name(world: World, interrupt: Interrupt) -> None:
    world.begin(Preparation())
    identifier = shown(world)["id"]
    interrupt(lambda: world.must("blueprint", {"id": identifier, "name": "Lobby"}), 1)
    run = world.must("blueprint", ORIENTATION)
    assert "The module merged both changes." in run.warnings[0]
    assert run.result["blueprint"]["name"] == "Lobby"
    assert (
        shown(world, "Lobby")["settings"]["android"]["screen_orientation_settings"]["orientation_type"] == "LANDSCAPE"
    )
    world.must("enterprise_policy", {"name": "Kiosks", "settings": {"adb_disabled": False}})
    interrupt(partial(replace_policy, world, {"name": "Lobby", "policy": {"adbDisabled": False}}), -1)
    policy = world.must("enterprise_policy", {"name": "Kiosks", "settings": {"adb_disabled": True}})
    assert "The module merged both changes." in policy.warnings[0]
    assert (policy.result["enterprise_policy"]["name"], policy.result["enterprise_policy"]["settings"]) == (
        "Lobby",
        {"adb_disabled": True},
    )


def test_a_blueprint_that_another_client_brought_to_the_same_state_is_not_saved_again(
    world: World, interrupt: Interrupt
) -> None:
    world.begin(Preparation())
    interrupt(lambda: world.must("blueprint", {**ORIENTATION, "publish": True}), 1)
    run = world.must("blueprint", {**ORIENTATION, "publish": True})
    assert (run.warnings, shown(world)["version_number"]) == ([], 4)


def test_the_versions_of_a_blueprint_are_read_only_if_their_numbers_do_not_follow_each_other(world: World) -> None:
    world.begin(Preparation())
    draft = world.must("blueprint", ORIENTATION)
    assert [each["method"] for each in draft.requests] == ["GET", "PUT"]
    published = world.must("blueprint", {**CAMERA, "publish": True})
    assert [each["method"] for each in published.requests] == ["GET", "PUT", "GET"]
    assert published.requests[-1]["query"]["version_number"] == "2"
    assert published.warnings == []


def test_changes_of_a_blueprint_in_a_batch_are_merged(world: World, interrupt: Interrupt) -> None:
    world.begin(Preparation())
    interrupt(lambda: world.must("blueprint", CAMERA), 1)
    run = world.must("tenant", {"blueprints": [ORIENTATION]})
    assert "The module merged both changes." in run.warnings[0]
    assert {"camera_settings", "screen_orientation_settings"} <= shown(world)["settings"]["android"].keys()


def test_a_client_that_never_stops_is_an_error(world: World, interrupt: Interrupt) -> None:
    world.begin(Preparation())
    texts = iter("abcdefgh")
    interrupt(lambda: world.must("blueprint", {"name": BLUEPRINT, "description": next(texts)}), 8)
    run = world.run("blueprint", ORIENTATION)
    assert run.message.startswith(
        "Other clients changed the blueprint 'Retail Kiosk' 4 times at the same time, so a change can be lost. "
    )
    assert run.changed


def replace_policy(world: World, body: Row) -> None:
    """Replace the settings of the policy, as a client that has read it before."""
    (row,) = world.must("enterprise_policy_info", {"name": "Kiosks"}).result["enterprise_policies"]
    path = f"/enterprise/{{enterprise_id}}/policy/{row['id']}/"
    world.must("api", {"method": "PATCH", "path": path, "body": body})


def test_changes_of_a_policy_are_merged(world: World, interrupt: Interrupt) -> None:
    world.begin(Preparation())
    world.must("enterprise_policy", {"name": "Kiosks", "settings": {"adb_disabled": False}})
    stale = {"policy": {"adbDisabled": False, "kioskMode": True}}
    interrupt(partial(replace_policy, world, stale), -1)
    run = world.must("enterprise_policy", {"name": "Kiosks", "settings": {"adb_disabled": True}})
    assert run.warnings == [
        "Another client changed the enterprise policy 'Kiosks' at the same time. The module merged both changes."
    ]
    assert run.result["enterprise_policy"]["settings"] == {"adb_disabled": True, "kiosk_mode": True}
    assert not world.must("enterprise_policy", {"name": "Kiosks", "settings": {"adb_disabled": True}}).changed


def test_a_later_change_of_a_policy_that_replaces_nothing_is_left_alone(world: World, interrupt: Interrupt) -> None:
    world.begin(Preparation())
    world.must("enterprise_policy", {"name": "Kiosks", "settings": {"adb_disabled": False}})
    interrupt(partial(replace_policy, world, {"policy": {"adbDisabled": True, "kioskMode": True}}), -1)
    run = world.must("enterprise_policy", {"name": "Kiosks", "settings": {"adb_disabled": True}})
    assert (run.warnings, run.changed) == ([], True)


def test_a_policy_is_read_again_only_if_values_of_others_were_sent(world: World) -> None:
    world.begin(Preparation())
    world.must("enterprise_policy", {"name": "Kiosks", "settings": {"adb_disabled": False}})
    renamed = world.must("enterprise_policy", {"name": "Kiosks", "description": "In the stores"})
    assert [each["method"] for each in renamed.requests] == ["GET", "PATCH"]
    changed = world.must("enterprise_policy", {"name": "Kiosks", "settings": {"adb_disabled": True}})
    assert [each["method"] for each in changed.requests] == ["GET", "PATCH", "GET"]


def test_a_failed_check_is_a_warning(world: World) -> None:
    world.begin(Preparation())
    world.must("enterprise_policy", {"name": "Kiosks", "settings": {"adb_disabled": False}})
    world.simulator.fault(kind="status", status=403, method="GET", path=r"/policy/\d+/")
    run = world.must("enterprise_policy", {"name": "Kiosks", "settings": {"adb_disabled": True}})
    assert run.changed
    assert run.warnings[0].startswith(
        "The enterprise policy 'Kiosks' is changed, but the module cannot determine whether another client changed it"
        " at the same time. Reading the enterprise policy 'Kiosks' again failed:"
    )


def show_earlier(world: World, path: str) -> None:
    """Make Esper return the first object of a path again and again, as a copy that gets changes with a delay."""
    first: list[object] = []

    def rewrite(method: str, asked: str, body: object) -> object:
        if method != "GET" or not asked.endswith(path):
            return body
        first.append(body)
        return first[0]

    world.simulator.rewrites.append(rewrite)


def test_a_change_that_esper_shows_with_a_delay_is_not_sent_again(world: World) -> None:
    world.begin(Preparation())
    policy = world.must("enterprise_policy", {"name": "Kiosks", "settings": {"adb_disabled": False}}).result
    path = f"/policy/{policy['enterprise_policy']['id']}/"
    show_earlier(world, path)
    world.must("api", {"path": f"/enterprise/{{enterprise_id}}{path}"})
    run = world.must("enterprise_policy", {"name": "Kiosks", "settings": {"adb_disabled": True}})
    assert run.warnings == [
        "The enterprise policy 'Kiosks' is changed, but Esper then returned it as before: it shows changes with a"
        " delay, or another client restored the values."
    ]
    assert len(run.writes) == 1


def test_tags_that_esper_shows_with_a_delay_are_not_sent_again(world: World) -> None:
    world.begin(Preparation())
    row = any_device(world)
    path = f"/device/{row['id']}/"
    show_earlier(world, path)
    world.must("api", {"path": f"/enterprise/{{enterprise_id}}{path}"})
    run = world.must("device", {"devices": [row["id"]], "add_tags": ["new"]})
    assert run.warnings == [
        f"The tags of the device '{row['name']}' are set, but another client can have changed them at the same time."
        " Esper returned the tags from before the task."
    ]
    assert len(run.writes) == 1


def any_device(world: World) -> Row:
    devices: list[Row] = world.must("device_info", {"groups": ["All devices"]}).result["devices"]
    return devices[0]


def tag(world: World, device: str, tags: list[str]) -> None:
    """Replace the tags of a device, as a client that has read it before."""
    world.must(
        "api", {"method": "PATCH", "path": f"/enterprise/{{enterprise_id}}/device/{device}/", "body": {"tags": tags}}
    )


def test_tags_of_a_device_are_merged(world: World, interrupt: Interrupt) -> None:
    world.begin(Preparation())
    row = any_device(world)
    world.must("device", {"devices": [row["id"]], "tags": ["old"]})
    interrupt(partial(tag, world, row["id"], ["old", "theirs"]), -1)
    options = {"devices": [row["id"]], "add_tags": ["mine"], "remove_tags": ["old"]}
    run = world.must("device", options)
    assert run.warnings == [
        f"Another client changed the tags of the device '{row['name']}' at the same time. The module merged both"
        " changes."
    ]
    assert set(run.result["devices"][0]["tags"]) == {"theirs", "mine"}
    assert not world.must("device", options).changed
    assert not world.must("device", {"devices": [row["id"]], "tags": ["mine", "theirs"]}).changed


def test_tags_are_read_again_only_if_others_are_kept(world: World) -> None:
    world.begin(Preparation())
    row = any_device(world)
    exact = world.must("device", {"devices": [row["id"]], "tags": ["old"]})
    added = world.must("device", {"devices": [row["id"]], "add_tags": ["new"]})
    assert exact.requests[-1]["method"] == "PATCH"
    assert [each["method"] for each in added.requests[-2:]] == ["PATCH", "GET"]
    assert [exact.warnings, added.warnings] == [[], []]


def test_a_failed_check_of_tags_is_a_warning(world: World) -> None:
    world.begin(Preparation())
    row = any_device(world)
    world.simulator.fault(kind="status", status=403, method="GET", path=r"^/enterprise/[^/]+/device/")
    run = world.must("device", {"devices": [row["id"]], "add_tags": ["new"]})
    assert run.changed
    assert "another client can have changed them at the same time. Reading the tags of the device" in run.warnings[0]


def test_tags_that_others_change_again_and_again_are_an_error(world: World, interrupt: Interrupt) -> None:
    world.begin(Preparation())
    row = any_device(world)
    interrupt(partial(tag, world, row["id"], ["theirs"]), -9)
    run = world.run("device", {"devices": [row["id"]], "add_tags": ["mine"]})
    assert run.message == (
        f"Other clients change the tags of the device '{row['name']}' again and again. All other changes were applied."
        " Run the task again to apply the rest."
    )
