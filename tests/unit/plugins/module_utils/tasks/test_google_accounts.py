# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Google accounts of devices, and their apps from Google Play, against the simulator."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.esper.cloud.tests.laws.world import Run, World

Row = dict[str, t.Any]

SCANNER = "com.example.scanner"
IDS = {"google_user_id": "4711", "google_device_id": "0815"}


@pytest.fixture
def android(world: World) -> list[str]:
    """The names of two Android devices."""
    world.simulator.reset(devices=12)
    return names(world, "ANDROID")[:2]


def names(world: World, platform: str) -> list[str]:
    devices = world.must("device_info", {"filters": {"platform": platform}}).result["devices"]
    return [each["name"] for each in devices if each["state"] != "disabled"]


def account(world: World, *devices: str, check_mode: bool = False, **options: t.Any) -> Run:
    selection = {"devices": list(devices)} if devices else {}
    return world.run("device_google_account", {**selection, **options}, check_mode=check_mode)


def policy(world: World, *devices: str, check_mode: bool = False, **options: t.Any) -> Run:
    params = {"devices": list(devices), "apps": [{"package_name": SCANNER}], **options}
    return world.run("device_google_policy", params, check_mode=check_mode)


def info(world: World, *devices: str, **options: t.Any) -> Row:
    return world.must("device_google_account_info", {"devices": list(devices), **options}).result


# --- accounts ---------------------------------------------------------------------------------------------------------


def test_only_devices_without_an_account_get_one(world: World, android: list[str]) -> None:
    first = account(world, android[0])
    assert (first.changed, len(first.writes)) == (True, 1)
    assert first.requests[-1]["body"] is None
    predicted = account(world, *android, check_mode=True)
    run = account(world, *android)
    assert (predicted.writes, predicted.diff) == ([], run.diff)
    assert [each["changed"] for each in run.result["devices"]] == [False, True]
    identifiers = [each.result["devices"][0]["google_user_id"] for each in (first, run)]
    assert identifiers[0]
    assert identifiers[0] == identifiers[1]
    assert len(run.writes) == 1
    again = account(world, *android)
    assert (again.changed, again.writes, again.diff) == (False, [], [])
    assert again.result["devices"] == [{**each, "changed": False} for each in run.result["devices"]]


def test_no_result_has_the_token_of_an_account(world: World, android: list[str]) -> None:
    run = account(world, *android)
    tokens = [
        each.body["content"]["google_authentication_token"] for each in world.simulator.answers if each.method == "POST"
    ]
    assert len(tokens) == 2
    world.simulator.rewrites.append(lambda _method, path, body: _with_token(path, body, tokens[0]))
    runs = [run, account(world, *android), world.must("device_google_account_info", {"devices": android})]
    assert [token for token in tokens for each in runs if token in each.shown] == []


def _with_token(path: str, body: Row, token: str) -> Row:
    if path.endswith("google-accounts/"):
        for row in body["content"]["results"]:
            row["google_authentication_token"] = token
            row["account_identifier"] = f"account {token}"
    return body


@pytest.mark.parametrize("fault", ["drop_after", "drop_before"])
def test_a_lost_response_creates_one_account(world: World, android: list[str], fault: str) -> None:
    world.simulator.fault(kind=fault, method="POST")
    run = account(world, android[0])
    assert run.changed
    assert run.result["devices"][0]["google_user_id"] is not None
    assert len(info(world, android[0])["devices"][0]["accounts"]) == 1


def test_an_account_that_another_client_adds_at_the_same_time_is_used(world: World, android: list[str]) -> None:
    account(world, android[0])
    # The first list does not have the account yet.
    early = [{"content": {"results": []}}]

    def hide(method: str, path: str, body: Row) -> Row:
        is_list = method == "GET" and path.endswith("google-accounts/")
        return early.pop() if is_list and early else body

    world.simulator.rewrites.append(hide)
    run = account(world, android[0])
    assert not run.failed, run.message
    assert [each["status"] for each in run.requests if each["method"] == "POST"] == [409]
    assert run.result["devices"][0]["google_user_id"] is not None


def test_the_removal_of_accounts_is_confirmed_and_limited(world: World, android: list[str]) -> None:
    assert not account(world, *android, state="absent").changed
    account(world, android[0])
    run = account(world, *android, state="absent")
    assert run.message == (
        f"Removing Google accounts of 1 device ({android[0]}) stops apps from Google Play. Set confirm to true to"
        " continue."
    )
    account(world, android[1])
    assert "exceeds the limit of 1 device" in account(world, *android, state="absent", max_devices=1).message
    removed = account(world, *android, state="absent", confirm=True)
    assert (removed.changed, len(removed.writes)) == (True, 2)
    again = account(world, *android, state="absent")
    assert (again.failed, again.changed, again.writes) == (False, False, [])
    assert [each["accounts"] for each in info(world, *android)["devices"]] == [[], []]


def test_the_ids_of_an_account_are_changed(world: World, android: list[str]) -> None:
    assert "no Google account whose IDs can be changed" in account(world, android[0], **IDS).message
    account(world, android[0])
    run = account(world, android[0], **IDS)
    assert run.requests[-1]["body"] == IDS
    assert run.diff[0]["after"] == IDS
    assert account(world, android[0], **IDS).writes == []
    assert "requires one device, not 2" in account(world, *android, **IDS).message
    assert "requires state=present" in account(world, android[0], state="absent", **IDS).message
    assert "required together" in account(world, android[0], google_user_id="4711").message


@pytest.mark.parametrize("options", [{"devices": []}, {"groups": []}, {"filters": {}}], ids=str)
def test_an_empty_selection_touches_no_device(world: World, android: list[str], options: Row) -> None:
    for module in ("device_google_account", "device_google_policy"):
        apps = {"apps": [{"package_name": SCANNER}]} if module == "device_google_policy" else {}
        run = world.run(module, {**options, **apps})
        assert "so no device is selected" in run.message
        assert world.run(module, {**options, **apps, "allow_empty": True}).writes == run.writes == []


@pytest.mark.parametrize("devices", [[""], [" "], [None]], ids=str)
def test_an_empty_name_is_an_error(world: World, devices: list[str | None]) -> None:
    for module in ("device_google_account", "device_google_policy", "device_google_account_info"):
        apps = {"apps": [{"package_name": SCANNER}]} if module == "device_google_policy" else {}
        run = world.run(module, {"devices": devices, **apps})
        assert run.failed
        # ansible-core 2.16 checks the type of an item before its value.
        assert "devices" in run.message
        assert run.requests == []


def test_devices_that_fail_do_not_stop_the_others(world: World, android: list[str]) -> None:
    apple = names(world, "APPLE")[0]
    run = account(world, apple, *android)
    assert run.message == (
        f"Setting Google accounts of 3 devices: 1 failed: {apple} (The device does not run Android.)"
    )
    assert (run.changed, len(run.writes)) == (True, 2)
    assert [(each["name"], each["state"]) for each in run.result["failed_devices"]] == [(apple, "failed")]
    assert [each["name"] for each in run.result["devices"]] == android
    assert not account(world, apple, *android, max_fail_percentage=34).failed
    assert not account(world, apple, state="absent").failed
    assert "does not run Android" in policy(world, apple).message
    assert "It must be from 0 to 100" in account(world, *android, max_fail_percentage=101).message


def test_a_failed_request_is_about_one_device(world: World, android: list[str]) -> None:
    world.simulator.fault(kind="status", status=404, method="POST")
    run = account(world, *android)
    assert (run.failed, run.changed, len(run.result["failed_devices"])) == (True, True, 1)
    assert "HTTP 404" in run.result["failed_devices"][0]["reason"]
    assert account(world, *android).changed


@pytest.mark.parametrize("processed", [True, False])
def test_a_response_without_the_object_is_checked(world: World, android: list[str], processed: bool) -> None:
    account(world, *android)
    world.simulator.fault(kind="status", status=200, method="PUT", body="{}", times=2, processed=processed)
    runs = [account(world, android[0], **IDS), policy(world, android[0])]
    assert [(run.changed, run.failed, len(run.writes)) for run in runs] == [(processed, not processed, 1)] * 2
    if not processed:
        assert all("HTTP 200 without the object" in run.message for run in runs)


def test_a_rejected_key_is_one_error(world: World, android: list[str]) -> None:
    world.simulator.fault(kind="status", status=403, method="GET", path="/google-accounts/", times=None)
    run = account(world, *android)
    assert run.result["status"] == 403
    assert "failed_devices" not in run.result


# --- policies ---------------------------------------------------------------------------------------------------------


def test_only_apps_that_differ_are_sent(world: World, android: list[str]) -> None:
    assert "Google does not manage the device." in policy(world, *android).message
    account(world, *android)
    predicted = policy(world, *android, check_mode=True)
    run = policy(world, *android)
    assert (predicted.writes, predicted.diff) == ([], run.diff)
    assert run.diff[0]["after"] == {SCANNER: {"mcm_id": None}}
    assert policy(world, *android).writes == []
    apps = [{"package_name": SCANNER, "mcm_id": "7"}, {"package_name": "com.example.till", "action": "uninstall"}]
    second = policy(world, *android, apps=apps, provisioning=True)
    assert second.requests[-1]["body"] == {
        "applications": [{"product_id": f"app:{SCANNER}", "app_action": "install", "mcm_id": "7"}]
    }
    assert second.requests[-1]["query"] == {"is_provisioning": "true"}
    assert [each["changed_apps"] for each in second.result["devices"]] == [[SCANNER], [SCANNER]]
    assert policy(world, *android).writes == policy(world, *android, apps=apps).writes == []
    removal = [{"package_name": SCANNER, "action": "uninstall"}]
    assert policy(world, *android, apps=removal).diff[0]["after"] == {SCANNER: None}
    assert policy(world, *android, apps=removal).writes == policy(world, *android, apps=[]).writes == []


def test_an_empty_list_of_apps_changes_nothing(world: World, android: list[str]) -> None:
    run = policy(world, *android, apps=[])
    assert (run.failed, run.changed) == (False, False)
    assert [each for each in run.requests if "google-accounts" in each["path"]] == []


def test_invalid_apps(world: World, android: list[str]) -> None:
    run = policy(
        world,
        *android,
        apps=[
            {"package_name": SCANNER},
            {"package_name": f" {SCANNER}", "action": "uninstall", "mcm_id": "7"},
        ],
    )
    assert run.message == (
        "Invalid parameters for the apps: apps[1].package_name 'com.example.scanner' is listed twice. apps[1].mcm_id is"
        " not allowed with action=uninstall."
    )
    assert run.requests == []
    assert "apps[0].package_name" in policy(world, *android, apps=[{"package_name": ""}]).message


# --- information ------------------------------------------------------------------------------------------------------


def test_information_about_accounts_policies_and_google_devices(world: World, android: list[str]) -> None:
    account(world, android[0])
    policy(world, android[0], apps=[{"package_name": SCANNER, "mcm_id": "7"}])
    apple = names(world, "APPLE")[0]
    result = info(world, *android, apple, "nobody", policy=True, emm=True)
    first, second, third = result["devices"]
    assert first["accounts"][0]["google_device_id"] == first["emm_devices"][0]["android_id"]
    assert first["policy"]["auto_update_policy"] == "wifiOnly"
    (app,) = first["policy"]["apps"]
    assert (app["package_name"], app["mcm_id"], app["auto_install_mode"]) == (SCANNER, "7", None)
    assert [(each["accounts"], each["policy"], each["emm_devices"]) for each in (second, third)] == [([], None, [])] * 2
    assert result["missing"] == ["nobody"]
    assert info(world, android[0])["devices"][0].keys() == {"id", "name", "accounts"}


@pytest.mark.parametrize("module", ["device_google_account", "device_google_account_info"])
def test_a_name_of_another_type_is_null(world: World, android: list[str], module: str) -> None:
    identifier = world.must("device_info", {"devices": android[:1]}).result["devices"][0]["id"]

    def garble(_method: str, path: str, body: t.Any) -> t.Any:
        if path.startswith("/v2/devices/"):
            for each in body["content"].get("results", [body["content"]]):
                each["name"] = [{"id": 1}]
        return body

    world.simulator.rewrites.append(garble)
    run = world.must(module, {"devices": [identifier]})
    assert [(each["id"], each["name"]) for each in run.result["devices"]] == [(identifier, None)]
