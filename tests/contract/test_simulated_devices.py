# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from caller import Api, Group

DEVICES = "/v2/devices/"
Device = dict[str, Any]


def found(api: Api, **query: object) -> list[Device]:
    devices: list[Device] = api.get(DEVICES, limit=1000, **query)["content"]["results"]
    return devices


def cursor_pages(api: Api, **query: object) -> list[str]:
    """The ids of a list read by cursor to its end."""
    ids: list[str] = []
    cursor = "start"
    while cursor:
        page = api.get(DEVICES, cursor=cursor, **query)["content"]
        assert page["has_more"] == (page["next_cursor"] is not None)
        ids += [device["id"] for device in page["results"]]
        cursor = page["next_cursor"]
    return ids


def test_the_fleet_has_everything_that_fleets_have(api: Api) -> None:
    api.simulator.reset(devices=600)
    devices = found(api)
    assert [platform for platform, _count in Counter(device["platform"] for device in devices).most_common()] == [
        "ANDROID", "APPLE", "LINUX", "WINDOWS",
    ]  # fmt: skip
    states = Counter(device["state"] for device in devices)
    assert [state for state, _count in states.most_common(2)] == [1, 60]
    assert set(states) == {0, 1, *range(20, 210, 10)}
    assert len({device["serial"] for device in devices}) == len({device["name"] for device in devices}) == 600
    aliases = Counter(device["alias"] for device in devices)
    assert aliases[None] > 1
    assert aliases[""] > 1
    assert max(aliases[alias] for alias in aliases if alias) > 1
    assert None in {device["group_id"] for device in devices}
    assert {len(device["tags"]) for device in devices} == {0, 1, 2, 3, 5}


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ({"platform": "LINUX,WINDOWS"}, lambda device: device["platform"] in ("LINUX", "WINDOWS")),
        ({"state": "60"}, lambda device: device["state"] == 60),
        ({"os": "iPadOS"}, lambda device: device["os"] == "iPadOS"),
        ({"managed_by": "TEMPLATE"}, lambda device: device.get("managed_by") == "TEMPLATE"),
        ({"is_gms": "false"}, lambda device: device.get("is_gms") is False),
        ({"battery_level_gte": "90"}, lambda device: device["battery_stats"]["battery_level"] >= 90),
        ({"battery_level_lte": "10"}, lambda device: device["battery_stats"]["battery_level"] <= 10),
        ({"esper_agent_version_name": "8.9.6611"}, lambda device: device.get("dpc_version") == "8.9.6611"),
        ({"android_version": "13"}, lambda device: (device["os"], device["os_version"]) == ("Android", "13")),
        ({"search": "menu BOARD"}, lambda device: "Menu board" in (device["alias"] or "")),
        ({"platform": "ANDROID", "state": "1"}, lambda device: (device["platform"], device["state"]) == ("ANDROID", 1)),
    ],
)
def test_filters_find_what_fits(api: Api, query: dict[str, str], fits: Callable[[Device], bool]) -> None:
    wanted = [device for device in found(api) if fits(device)]
    assert 0 < len(wanted) < 200
    assert found(api, **query) == wanted


def test_filters_by_what_devices_refer_to(api: Api, group: Callable[[str], Group]) -> None:
    every = found(api)
    stores, berlin = group("All devices/Stores")["id"], group("All devices/Stores/Berlin")["id"]
    first, second = [tag["id"] for tag in api.simulator.state()["tags"][:2]]
    blueprint = api.simulator.state()["blueprints"][1]["id"]
    below = set(api.get("/v2/subgroups", parent_group_ids=stores)["content"]["subgroups"]) | {stores}
    assert found(api, group_multi=stores) == [device for device in every if device["group_id"] in below]
    both = f"{stores},{berlin}"
    assert found(api, group_multi_immediate=both) == [each for each in every if each["group_id"] in (stores, berlin)]
    assert found(api, tags=f"{first},{second}") == [each for each in every if {first, second} & set(each["tags"])]
    for name in ("assigned_blueprint_id", "current_blueprint_id"):
        assert found(api, **{name: blueprint}) == [each for each in every if each["blueprint_info"][name] == blueprint]


def test_search_does_not_find_the_id(api: Api) -> None:
    device = found(api)[0]
    assert found(api, search=device["id"]) == []
    assert found(api, search=device["serial"].lower()) == found(api, serial=device["serial"]) == [device]


def test_filters_on_data_that_devices_lack_find_nothing(api: Api) -> None:
    assert found(api, foundation_major_version=1) == []


@pytest.mark.parametrize("field", ["name", "last_seen", "state"])
def test_ordering(api: Api, field: str) -> None:
    values = [device[field] for device in found(api, ordering=field)]
    assert values == sorted(values)
    assert [device[field] for device in found(api, ordering=f"-{field}")] == values[::-1]


def test_a_page_has_10_devices_and_at_most_1000(api: Api) -> None:
    page = api.get(DEVICES)["content"]
    assert (page["count"], len(page["results"]), page["prev"]) == (200, 10, None)
    assert page["next"].endswith("/api/v2/devices/?limit=10&offset=10")
    assert api("GET", DEVICES, limit=1001).status == 400


def test_links_keep_the_filters(api: Api) -> None:
    page = api.get(DEVICES, platform="ANDROID", limit=5, offset=5)["content"]
    assert "platform=ANDROID&limit=5&offset=10" in page["next"]
    assert "platform=ANDROID&limit=5&offset=0" in page["prev"]


@pytest.mark.parametrize("query", [{}, {"ordering": "-name"}, {"ordering": "alias"}, {"platform": "APPLE"}])
def test_cursors_give_the_same_list_as_offsets(api: Api, query: dict[str, str]) -> None:
    assert cursor_pages(api, limit=7, **query) == [device["id"] for device in found(api, **query)]


@pytest.mark.parametrize("ordering", ["name", "-name"])
def test_cursors_lead_back(api: Api, ordering: str) -> None:
    first = api.get(DEVICES, cursor="start", ordering=ordering)["content"]
    second = api.get(DEVICES, cursor=first["next_cursor"], ordering=ordering)["content"]
    back = api.get(DEVICES, cursor=second["prev_cursor"], ordering=ordering)["content"]
    assert back["results"] == first["results"]
    assert first["prev_cursor"] is None
    assert (first["has_prev"], second["has_prev"], back["has_prev"]) == (False, True, False)


def test_cursors_lose_no_device_when_others_go(api: Api) -> None:
    before = [device["id"] for device in found(api)]
    page = api.get(DEVICES, cursor="start", limit=50)["content"]
    # The device that the cursor stands on goes too.
    api.simulator.change_devices(remove=before[:50])
    added = api.simulator.change_devices(add=3)["added"]
    rest: list[str] = []
    while page["has_more"]:
        page = api.get(DEVICES, cursor=page["next_cursor"], limit=50)["content"]
        rest += [device["id"] for device in page["results"]]
    assert rest == before[50:] + added


def test_offsets_lose_devices_when_others_go(api: Api) -> None:
    before = [device["id"] for device in found(api)]
    api.simulator.change_devices(remove=10)
    page = api.get(DEVICES, limit=50, offset=50)["content"]
    assert [device["id"] for device in page["results"]] == before[60:110]


def test_a_cursor_is_good_for_its_own_ordering_only(api: Api) -> None:
    cursor = api.get(DEVICES, cursor="start")["content"]["next_cursor"]
    assert api("GET", DEVICES, cursor=cursor, ordering="name").status == 400
    assert api("GET", DEVICES, cursor="nonsense").status == 400


def test_tags_are_replaced_by_name(api: Api) -> None:
    device = found(api)[3]
    path = f"{{e}}/device/{device['id']}/"
    assert api("PATCH", path, {"tags": ["kiosk", "brand new", "kiosk"]}).body["tags"] == ["kiosk", "brand new"]
    tags = {tag["id"]: tag["tag"] for tag in api.get("{e}/tags/", limit=100)["results"]}
    changed = api.get(f"/v2/devices/{device['id']}")["content"]
    assert [tags[tag] for tag in changed["tags"]] == ["kiosk", "brand new"]
    assert {**changed, "tags": None, "updated_at": None} == {**device, "tags": None, "updated_at": None}
    assert found(api)[3] == changed
    assert api("PATCH", path, {"tags": []}).body["tags"] is None


@pytest.mark.parametrize("tags", [["a", "b", "c", "d", "e", "f"], [""], "kiosk", [1], None])
def test_bad_tags_are_rejected(api: Api, tags: object) -> None:
    device = found(api)[0]
    assert api("PATCH", f"{{e}}/device/{device['id']}/", {"tags": tags}).status == 400
    assert found(api)[0] == device


def test_tags_are_searched_and_ordered(api: Api) -> None:
    tags = [tag["tag"] for tag in api.get("{e}/tags/", search="S", ordering="-tag")["results"]]
    assert tags == ["spare", "signage", "scanner", "pos", "kiosk"]
