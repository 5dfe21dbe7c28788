# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from caller import Api, Group

GROUPS = "{e}/devicegroup/"
STORES, BERLIN = "All devices/Stores", "All devices/Stores/Berlin"

Find = Callable[[str], Group]


def item(group: Group) -> str:
    return f"{GROUPS}{group['id']}/"


def members(api: Api, group: Group) -> list[str]:
    found = api.get("/v2/devices/", group_multi_immediate=group["id"], limit=1000)
    return [device["id"] for device in found["content"]["results"]]


def test_a_fresh_tenant_has_only_the_root(api: Api) -> None:
    api.simulator.reset(groups=0, devices=0, tags=0)
    (root,) = api.get(GROUPS)["results"]
    assert root["name"] == root["path"] == "All devices"
    assert "parent" not in root
    assert root["device_count"] == root["children_count"] == 0


def test_a_group_is_created_below_the_root_or_its_parent(api: Api, group: Find) -> None:
    top = api("POST", GROUPS, {"name": "  Züri "})
    assert top.status == 201
    assert top.body["path"] == "All devices/Züri"
    assert top.body["parent"].endswith(f"/devicegroup/{group('All devices')['id']}/")
    below = api("POST", GROUPS, {"name": "Züri", "parent": top.body["id"]})
    assert below.body["path"] == "All devices/Züri/Züri"
    assert api.get(item(top.body))["children_count"] == 1


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("Stores", "Device group already exists"),
        (" Stores ", "Device group already exists"),
        ("  ", "name: This field may not be blank."),
        ("x" * 256, "name: Ensure this field has no more than 255 characters."),
    ],
)
def test_a_bad_name_is_rejected(api: Api, group: Find, name: str, error: str) -> None:
    for method, path in (("POST", GROUPS), ("PATCH", item(group("All devices/Offices")))):
        answer = api(method, path, {"name": name})
        assert answer.status == 400
        assert answer.body["errors"] == [error]


def test_names_differ_by_case_and_by_branch(api: Api) -> None:
    assert api("POST", GROUPS, {"name": "STORES"}).status == 201
    assert api("POST", GROUPS, {"name": "Berlin"}).status == 201


def test_the_name_filter_finds_parts_in_any_case(api: Api) -> None:
    names = {each["name"] for each in api.get(GROUPS, name="S", limit=100)["results"]}
    assert {"Stores", "Kiosks"} <= names
    assert "Berlin" not in names


def test_rename_changes_the_paths_below(api: Api, group: Find) -> None:
    tills = group(f"{BERLIN}/Tills")
    assert api("PATCH", item(group(BERLIN)), {"name": "Potsdam"}).body["path"] == f"{STORES}/Potsdam"
    assert api.get(item(tills))["path"] == f"{STORES}/Potsdam/Tills"
    assert api("PUT", item(tills), {"name": "Tills"}).status == 200


def test_move_takes_everything_along(api: Api, group: Find) -> None:
    berlin, offices, tills = group(BERLIN), group("All devices/Offices"), group(f"{BERLIN}/Tills")
    before = api.get("/v2/devices/", group_multi=offices["id"])["content"]["count"]
    below = api.get("/v2/devices/", group_multi=berlin["id"])["content"]["count"]
    moved = api("PATCH", f"{item(berlin)}?action=move", {"name": "Berlin", "parent": offices["id"]})
    assert moved.body["path"] == "All devices/Offices/Berlin"
    assert api.get(item(tills))["path"] == "All devices/Offices/Berlin/Tills"
    assert below > 0
    assert api.get("/v2/devices/", group_multi=offices["id"])["content"]["count"] == before + below


@pytest.mark.parametrize("parent", [BERLIN, f"{BERLIN}/Tills"])
def test_a_group_cannot_come_below_itself(api: Api, group: Find, parent: str) -> None:
    body = {"name": "Berlin", "parent": group(parent)["id"]}
    assert api("PATCH", f"{item(group(BERLIN))}?action=move", body).status == 400
    assert group(BERLIN)


def test_a_move_that_clashes_changes_nothing(api: Api, group: Find) -> None:
    munich = group("All devices/Warehouses/München")
    body = {"name": "München", "parent": group(STORES)["id"]}
    answer = api("PATCH", f"{item(munich)}?action=move", body)
    assert answer.body["errors"] == ["Device group already exists"]
    assert group("All devices/Warehouses/München") == munich


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("", {"name": "x", "parent": "0b1e7f3c-0000-4000-8000-000000000001"}),
        ("", {"device_ids": []}),
        ("", {}),
        ("?action=move", {"parent": "0b1e7f3c-0000-4000-8000-000000000001"}),
        ("?action=move", {"name": "x"}),
        ("?action=move", {"name": "x", "parent": "0b1e7f3c-0000-4000-8000-000000000001"}),
        ("?action=add", {}),
        ("?action=add", {"device_ids": ["0b1e7f3c-0000-4000-8000-000000000001"]}),
        ("?action=dance", {"name": "x"}),
    ],
)
def test_an_invalid_update_is_rejected(api: Api, group: Find, action: str, body: dict[str, Any]) -> None:
    assert api("PATCH", item(group(BERLIN)) + action, body).status == 400


def test_devices_come_and_go(api: Api, group: Find) -> None:
    berlin, tills = group(BERLIN), group(f"{BERLIN}/Tills")
    moved, before = members(api, tills), len(members(api, berlin))
    assert moved
    added = api("PATCH", f"{item(berlin)}?action=add", {"device_ids": moved})
    assert added.body["device_count"] == before + len(moved) == len(members(api, berlin))
    assert members(api, tills) == []
    removed = api("PATCH", f"{item(berlin)}?action=remove", {"device_ids": moved[:1]})
    assert removed.body["device_count"] == before + len(moved) - 1
    assert moved[0] in members(api, group(STORES))
    assert api("PATCH", f"{item(berlin)}?action=remove", {"device_ids": moved[:1]}).status == 400


def test_at_most_1000_devices_move_at_once(api: Api, group: Find) -> None:
    api.simulator.reset(devices=1001)
    every = [device["id"] for device in api.simulator.state(devices=True)["devices"]]
    path = f"{item(group(STORES))}?action=add"
    assert api("PATCH", path, {"device_ids": every}).status == 400
    assert api("PATCH", path, {"device_ids": every[:1000]}).body["device_count"] >= 1000


def test_a_group_that_holds_something_stays(api: Api, group: Find) -> None:
    new = api("POST", GROUPS, {"name": "new"}).body
    device = api.simulator.change_devices(add=1)["added"]
    assert api("DELETE", item(group(STORES))).status == 400
    api("PATCH", f"{item(new)}?action=add", {"device_ids": device})
    assert api("DELETE", item(new)).status == 400
    api("PATCH", f"{item(new)}?action=remove", {"device_ids": device})
    assert api("DELETE", item(new)).status == 204
    assert api("GET", item(new)).status == 404
    assert api("DELETE", item(new)).status == 404


def test_the_root_stays_as_it_is(api: Api, group: Find) -> None:
    root = group("All devices")
    for action, body in (("", {"name": "x"}), ("?action=move", {"name": "x", "parent": group(STORES)["id"]})):
        assert api("PATCH", item(root) + action, body).status == 400
    api.simulator.reset(groups=0, devices=0)
    assert api("DELETE", item(group("All devices"))).status == 400


def test_subgroups_are_listed_by_id(api: Api, group: Find) -> None:
    def below(**query: object) -> set[str]:
        return set(api.get("/v2/subgroups", **query)["content"]["subgroups"])

    stores = group(STORES)["id"]
    near = {group(BERLIN)["id"], group(f"{STORES}/München")["id"]}
    assert below(parent_group_ids=stores, immediate="true") == near
    assert below(parent_group_ids=stores) > near | {group(f"{BERLIN}/Tills")["id"]}
    both = f"{stores},{group('All devices/Offices')['id']}"
    assert below(parent_group_ids=both) > below(parent_group_ids=stores)
    assert api("GET", "/v2/subgroups").status == 400
