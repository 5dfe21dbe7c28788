# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from caller import Api

POLICIES = "{e}/policy/"
Policy = dict[str, Any]


def stored(api: Api, name: str) -> Policy:
    """The policy as the simulator keeps it, with its password."""
    found: Policy = next(each for each in api.simulator.state()["policies"] if each["name"] == name)
    return found


def item(policy: Policy) -> str:
    return f"{POLICIES}{policy['id']}/"


def body(api: Api, **values: Any) -> Policy:
    """A body with all that is required."""
    url = f"{api.simulator.url}/enterprise/{api.simulator.enterprise_id}/"
    return {"enterprise": url, "name": "new", "policy": {}, **values}


def names(api: Api, **query: object) -> list[str]:
    return [policy["name"] for policy in api.get(POLICIES, **query)["results"]]


def test_a_policy_comes_and_goes(api: Api) -> None:
    created = api("POST", POLICIES, body(api, name=" Tablets ", policy={"kioskMode": True}))
    assert created.status == 201
    assert created.body["name"] == "Tablets"
    assert (created.body["device_count"], created.body["is_active"]) == (0, True)
    assert created.body["url"] == f"{created.body['enterprise']}policy/{created.body['id']}/"
    assert api.get(item(created.body)) == created.body
    assert api("DELETE", item(created.body)).status == 204
    assert api("GET", item(created.body)).status == 404
    assert api("DELETE", item(created.body)).status == 404
    again = api("POST", POLICIES, body(api))
    assert again.body["id"] > created.body["id"]


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_the_settings_are_replaced_as_a_whole(api: Api, method: str) -> None:
    before = api.get(item(stored(api, "Kiosk base")))
    changed = api(method, item(before), body(api, name="Kiosk base", policy={"adbDisabled": True})).body
    assert changed["policy"] == {"adbDisabled": True}
    assert changed["updated_on"] > before["updated_on"]
    ours = {"policy": None, "updated_on": None}
    assert {**changed, **ours} == {**before, **ours}


def test_a_patch_leaves_what_it_does_not_say(api: Api) -> None:
    before = api.get(item(stored(api, "kiosk base")))
    changed = api("PATCH", item(before), {"description": None, "is_active": False}).body
    assert changed == {**before, "description": None, "is_active": False, "updated_on": changed["updated_on"]}


def test_a_put_says_everything_that_is_required(api: Api) -> None:
    answer = api("PUT", item(stored(api, "kiosk base")), {"description": "x"})
    assert answer.status == 400
    assert answer.body["errors"] == [f"{name}: This field is required." for name in ("enterprise", "name", "policy")]


def test_the_password_is_masked_and_the_mask_is_a_password(api: Api) -> None:
    kept = stored(api, "Kiosk base")
    assert kept["policy"]["settingsAppPassword"] == "open sesame"
    shown = api.get(item(kept))["policy"]
    assert shown["settingsAppPassword"] == "********"
    assert api("PATCH", item(kept), {"description": "x"}).body["policy"] == shown
    assert stored(api, "Kiosk base")["policy"] == kept["policy"]
    assert api("PATCH", item(kept), {"policy": shown}).body["policy"] == shown
    assert stored(api, "Kiosk base")["policy"]["settingsAppPassword"] == "********"
    assert "open sesame" not in api("GET", POLICIES).raw.decode()


def test_a_policy_without_a_password_shows_no_mask(api: Api) -> None:
    assert "settingsAppPassword" not in api.get(item(stored(api, "Tills")))["policy"]
    cleared = api("PATCH", item(stored(api, "Kiosk base")), {"policy": {"settingsAppPassword": ""}}).body
    assert cleared["policy"] == {"settingsAppPassword": ""}


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"name": "Kiosk base"}, "The fields name, enterprise must make a unique set."),
        ({"name": " Kiosk base "}, "The fields name, enterprise must make a unique set."),
        ({"name": " "}, "name: This field may not be blank."),
        ({"enterprise": "http://x.invalid/api/enterprise/1/"}, "enterprise: Invalid hyperlink - No URL match."),
        ({"policy": {"kioskMode": "yes"}}, "policy.kioskMode: Not a valid boolean."),
        ({"policy": {"minimumPasswordLength": 3}}, "policy.minimumPasswordLength: 3 is less than the minimum of 4"),
    ],
)
def test_a_flawed_policy_is_rejected(api: Api, values: Policy, error: str) -> None:
    before = api.simulator.state()["policies"]
    for method, path in (("POST", POLICIES), ("PUT", item(stored(api, "Büro"))), ("PATCH", item(stored(api, "Büro")))):
        answer = api(method, path, body(api, **values))
        assert (answer.status, answer.body["errors"]) == (400, [error])
    assert api.simulator.state()["policies"] == before


def test_names_differ_by_case(api: Api) -> None:
    assert api("POST", POLICIES, body(api, name="KIOSK BASE")).status == 201
    assert names(api, name="IOSK b") == ["Kiosk base", "kiosk base", "KIOSK BASE"]


def test_properties_that_are_not_in_the_contract_are_ignored(api: Api) -> None:
    created = api("POST", POLICIES, body(api, id=5, device_count=9, colour="red", policy={"volume": 11})).body
    assert (created["device_count"], created["policy"]) == (0, {})
    assert created["id"] != 5


@pytest.mark.parametrize("name", ["Locked down", "Tills"])
def test_a_policy_that_devices_have_stays_as_it_is(api: Api, name: str) -> None:
    policy = stored(api, name)
    for method, content in (("PUT", body(api)), ("PATCH", {"description": "x"}), ("DELETE", None)):
        answer = api(method, item(policy), content)
        assert answer.status == 400
        assert "cannot be" in answer.body["message"]
    assert stored(api, name) == policy


def test_devices_name_a_policy_that_exists(api: Api) -> None:
    named = [each["policy"] for each in api.simulator.state(devices=True)["devices"] if each.get("policy")]
    assert {(policy["policy_id"], policy["policy_name"]) for policy in named} == {(42, "Locked down")}
    assert api.get(f"{POLICIES}42/")["name"] == "Locked down"


def test_policies_are_filtered(api: Api) -> None:
    assert names(api, is_active="false") == ["Büro"]
    created = [policy["created_on"] for policy in api.get(POLICIES)["results"]]
    assert names(api, created_on_gt=created[1], created_on_lt=created[2]) == ["Locked down", "kiosk base"]
    assert api("GET", POLICIES, created_on_gt="yesterday").status == 400
