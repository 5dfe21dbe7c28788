# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kinds that the simulator derives from the contract, as their modules use them."""

from __future__ import annotations

from typing import Any

import pytest
from caller import Api

CHANNELS = "/v1{e}/alertchannels/"
RULES = "/v1{e}/alarmrules/"
REGIONS = "/v2/preferred-regions"
ROLES = "/authz2/v1/roles/"


def channel(api: Api, name: str) -> dict[str, Any]:
    """A new alert channel."""
    body = {"enterprise": api.simulator.enterprise_id, "name": name, "type": "email", "properties": {"to_address": []}}
    answer = api("POST", CHANNELS, body)
    assert answer.status == 201, answer.body
    return dict(answer.body)


def test_alert_channels_have_integer_ids_and_paths_without_a_final_slash(api: Api) -> None:
    desk, other = channel(api, "Service desk"), channel(api, "Other")
    assert isinstance(desk["id"], int)
    assert desk["linked_alerts"] == []
    path = f"{CHANNELS}{desk['id']}"
    assert api.get(path) == desk
    assert api.get(CHANNELS)["results"] == [desk, other]
    properties = {"to_address": ["desk@example.com"]}
    changed = api("PATCH", path, {"properties": properties}).body
    assert changed == {**desk, "properties": properties, "updated_on": changed["updated_on"]}
    assert changed["updated_on"] > desk["updated_on"]
    assert api("DELETE", path).status == 204
    assert api("GET", path).status == api("DELETE", path).status == 404
    assert api.get(CHANNELS)["results"] == [other]


def test_a_name_finds_alert_channels_by_any_part(api: Api) -> None:
    names = [channel(api, name)["name"] for name in ("Service desk", "service", "Night")]
    assert [row["name"] for row in api.get(CHANNELS, name="SERVICE")["results"]] == names[:2]


def test_a_page_of_alert_channels_follows_the_other(api: Api) -> None:
    ids = [channel(api, f"Channel {number}")["id"] for number in range(5)]
    pages = [api.get(CHANNELS, limit=2, offset=offset) for offset in (0, 2, 4)]
    assert [row["id"] for page in pages for row in page["results"]] == ids
    assert [page["count"] for page in pages] == [5, 5, 5]
    assert pages[0]["next"].endswith("limit=2&offset=2")
    assert pages[2]["next"] is None


def test_an_alarm_rule_is_shown_with_what_it_refers_to(api: Api) -> None:
    desk = channel(api, "Service desk")
    device = api.get("/v2/devices/")["content"]["results"][0]
    rule = api(
        "POST",
        RULES,
        {
            "enterprise": api.simulator.enterprise_id,
            "name": "Battery",
            "metric": "battery_level",
            "conditions": {"value": 20, "unit": "Percent", "comparator": "LessThanThreshold"},
            "realert_interval": 5,
            "devices": [device["id"]],
            "alert_channels": [str(desk["id"])],
        },
    ).body
    assert rule["devices"] == [{"id": device["id"], "device_name": device["name"], "alias_name": device["alias"]}]
    assert rule["alert_channels"] == [{"id": str(desk["id"]), "name": "Service desk"}]
    linked = api.get(f"{CHANNELS}{desk['id']}")["linked_alerts"]
    assert linked == [{"id": rule["id"], "alarm_name": "Battery", "type": "battery_level"}]
    assert api("DELETE", f"{RULES}{rule['id']}/").status == 204
    assert api.get(f"{CHANNELS}{desk['id']}")["linked_alerts"] == []


def test_preferred_regions_are_one_object_that_a_post_replaces(api: Api) -> None:
    assert api.get(REGIONS)["content"]["countries"] == []
    answer = api("POST", REGIONS, {"countries": ["DE", "AT"]})
    assert (answer.status, answer.body["content"]["countries"]) == (200, ["DE", "AT"])
    assert api("POST", REGIONS, {"countries": ["CH"]}).status == 200
    assert api.get(REGIONS)["content"]["countries"] == ["CH"]
    assert "id" not in api.get(REGIONS)["content"]
    assert api("POST", REGIONS, {"countries": ["de"]}).status == 400


def test_a_role_comes_without_scopes_and_takes_those_it_is_given(api: Api) -> None:
    before = api.get(ROLES)
    role = api("POST", ROLES, {"name": "Technician", "description": ""}).body
    path = f"{ROLES}{role['id']}"
    assert api.get(ROLES)["roles"] == [*before["roles"], role]
    assert api.get(ROLES)["count"] == before["count"] + 1
    assert api.get(f"{path}/scopes") == []
    scopes = api("PUT", f"{path}/scopes", {"scope_names": ["read:device", "read:group"]}).body["scopes"]
    assert [scope["name"] for scope in scopes] == ["read:device", "read:group"]
    assert api.get(f"{path}/scopes") == scopes
    assert api("PUT", f"{path}/scopes", {"scope_ids": [scopes[1]["id"]]}).body["scopes"] == scopes[1:]
    assert api("PATCH", path, {"description": "May restart devices"}).body == api.get(path)
    assert api("DELETE", path).status == 204
    assert api("GET", f"{path}/scopes").status == 404
    assert api.get(ROLES) == before


@pytest.mark.parametrize("missing", ["name", "description"])
def test_what_the_contract_requires_is_required(api: Api, missing: str) -> None:
    body = {name: "x" for name in ("name", "description") if name != missing}
    assert api("POST", ROLES, body).status == 400
