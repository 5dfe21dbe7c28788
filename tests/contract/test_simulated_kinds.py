# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kinds that the simulator derives from the contract, as their modules use them."""

from __future__ import annotations

from typing import Any

import pytest
from caller import Api, request

CHANNELS = "/v1{e}/alertchannels/"
RULES = "/v1{e}/alarmrules/"
GEOFENCES = "/v0{e}/geofence/"
GEOFENCES_V1 = "/geofence/v1/geofences"
PIPELINES = "/pipelines/v0/pipelines/"
RECORDS = "/v1{e}/directory_record/"
MISSING = "0b1e7f3c-0000-4000-8000-000000000001"
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


def rule_of(api: Api, **properties: Any) -> dict[str, Any]:
    """The body of a new alarm rule."""
    return {
        "enterprise": api.simulator.enterprise_id,
        "name": "Battery",
        "metric": "battery_level",
        "conditions": {"value": 20, "unit": "Percent", "comparator": "LessThanThreshold"},
        "realert_interval": 5,
        **properties,
    }


def test_an_alarm_rule_is_shown_with_what_it_refers_to(api: Api) -> None:
    desk = channel(api, "Service desk")
    device = api.get("/v2/devices/")["content"]["results"][0]
    rule = api("POST", RULES, rule_of(api, devices=[device["id"]], alert_channels=[str(desk["id"])])).body
    assert rule["devices"] == [{"id": device["id"], "device_name": device["name"], "alias_name": device["alias"]}]
    assert rule["alert_channels"] == [{"id": str(desk["id"]), "name": "Service desk"}]
    linked = api.get(f"{CHANNELS}{desk['id']}")["linked_alerts"]
    assert linked == [{"id": rule["id"], "alarm_name": "Battery", "type": "battery_level"}]
    assert api("DELETE", f"{CHANNELS}{desk['id']}").status == 400
    assert api("DELETE", f"{RULES}{rule['id']}/").status == 204
    assert api.get(f"{CHANNELS}{desk['id']}")["linked_alerts"] == []


def test_an_alarm_rule_has_devices_or_groups_and_channels_that_exist(api: Api) -> None:
    device, group = api.get("/v2/devices/")["content"]["results"][0], api.simulator.state()["groups"][0]["id"]
    for rejected in ({"devices": [device["id"]], "groups": [group]}, {"alert_channels": ["987654"]}):
        assert api("POST", RULES, rule_of(api, **rejected)).status == 400
    path = f"{RULES}{api('POST', RULES, rule_of(api, devices=[device['id']])).body['id']}/"
    assert api("PATCH", path, {"groups": [group]}).status == 400
    assert api("PATCH", path, {"groups": [group], "devices": []}).body["groups"][0]["id"] == group


def test_the_history_of_an_alarm_rule_has_a_total_and_no_ids(api: Api) -> None:
    root = next(group for group in api.simulator.state()["groups"] if group["path"] == "All devices")
    rule = api("POST", RULES, rule_of(api, groups=[root["id"]])).body
    first = api.get(f"{RULES}{rule['id']}/alarmhistory/")
    assert "count" not in first
    assert first["total"] == rule["trigger_count"]
    assert len(first["results"]) == min(50, first["total"])
    assert "id" not in first["results"][0]
    times = [row["alert_time"] for row in first["results"]]
    assert times == sorted(times)
    assert api("GET", f"{RULES}{MISSING}/alarmhistory/").status == 404


def test_preferred_regions_are_one_object_that_a_post_replaces(api: Api) -> None:
    assert api.get(REGIONS)["content"]["countries"] == []
    answer = api("POST", REGIONS, {"countries": ["DE", "AT"]})
    assert (answer.status, answer.body["content"]["countries"]) == (200, ["DE", "AT"])
    assert api("POST", REGIONS, {"countries": ["CH"]}).status == 200
    assert api.get(REGIONS)["content"]["countries"] == ["CH"]
    assert "id" not in api.get(REGIONS)["content"]
    assert api("POST", REGIONS, {"countries": ["de"]}).status == 400


def test_a_new_role_has_no_scopes_and_accepts_them_later(api: Api) -> None:
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


def test_geofences_are_the_same_at_all_their_paths(api: Api) -> None:
    devices = [device["id"] for device in api.get("/v2/devices/")["content"]["results"][:2]]
    body = {"name": "Yard", "latitude": "52.5", "longitude": "13.4", "radius": 0.5, "radius_unit": "KILOMETERS"}
    answer = api("POST", "/v0{e}/create-apply-geo-fence/", {**body, "devices": devices})
    fence = answer.body
    assert (answer.status, fence["device_count"]) == (201, 2)
    assert fence == {**fence, **body}
    other = api("POST", GEOFENCES, {**body, "name": "Gate"}).body
    for path in (GEOFENCES, "/v0{e}/create-apply-geo-fence/"):
        assert api.get(path)["results"] == [fence, other]
        assert api.get(path, search="ya")["results"] == [fence]
    for path in (GEOFENCES, "/v0{e}/create-apply-geofence/"):
        assert api.get(f"{path}{fence['id']}/") == fence
    changed = api("PATCH", f"{GEOFENCES}{fence['id']}/", {"radius": 2}).body
    assert (changed["radius"], changed["device_count"]) == (2, 2)
    assert [row["name"] for row in api.get(GEOFENCES_V1)["content"]["results"]] == ["Yard", "Gate"]
    path = f"/v0{{e}}/create-apply-geofence/{fence['id']}/"
    assert api("DELETE", path).status == 400, "it has devices"
    assert api("DELETE", path.replace(fence["id"], other["id"])).status == 204
    assert api("GET", f"{GEOFENCES}{other['id']}/").status == 404


def test_a_geofence_of_v1_is_unknown_to_v0_if_it_is_a_polygon_or_small(api: Api) -> None:
    point = {"latitude": 52.5, "longitude": 13.4}
    fences = [
        api("POST", GEOFENCES_V1, {"name": f"Fence {number}", "actions": ["beep"], "geometry": geometry}).body[
            "content"
        ]
        for number, geometry in enumerate(
            [
                {"type": "circle", "coordinates": [point], "radius": 250},
                {"type": "circle", "coordinates": [point], "radius": 99.5},
                {"type": "polygon", "coordinates": [point, point, {"latitude": 53.0, "longitude": 13.4}]},
            ]
        )
    ]
    assert api.get(GEOFENCES_V1)["content"]["results"] == fences
    assert [api("GET", f"{GEOFENCES}{fence['id']}/").status for fence in fences] == [200, 404, 404]
    assert api.get(GEOFENCES)["results"][0]["radius"] == 250
    first = api.get(GEOFENCES_V1, limit=2)["content"]
    assert (len(first["results"]), first["next"], first.get("count")) == (2, "/v1/geofences?limit=2&offset=2", None)
    assert api.get(GEOFENCES_V1, name="Fence 1", include_count="true")["content"]["count"] == 1


def test_the_usage_of_a_geofence_follows_from_its_devices(api: Api) -> None:
    devices = [row["id"] for row in api.get("/v2/devices/")["content"]["results"]]
    body = {"name": "Yard", "latitude": "52.5", "longitude": "13.4", "devices": devices}
    path = f"{GEOFENCES_V1}/{api('POST', '/v0{e}/create-apply-geo-fence/', body).body['id']}"
    total = api.get(f"{path}/device-summary")["content"]["total_devices"]
    blueprints = api.get(f"{path}/blueprints", limit=100, offset=0)["content"]["results"]
    assert sum(row["device_count"] for row in blueprints) == total > 0
    inside = api.get(f"{path}/devices", limit=100, offset=0, inside="true")["content"]["results"]
    assert {row["inside"] for row in inside} == {True}
    for query in ({"limit": 1}, {"offset": 0}, {}):
        assert api("GET", f"{path}/devices", **query).status == 400


def test_what_is_below_an_object_is_only_there_and_goes_with_it(api: Api) -> None:
    first, second = [api("POST", PIPELINES, {"name": name}).body["content"]["id"] for name in ("One", "Two")]
    stages = f"{PIPELINES}{first}/stages/"
    stage = api("POST", stages, {"name": "Pilot"}).body["content"]
    assert stage["pipeline_id"] == first
    operations = f"/pipelines/v0/stages/{stage['id']}/operationlists/"
    assert api("POST", operations, {"name": "Update"}).status == 200
    assert api.get(f"{PIPELINES}{second}/stages/")["content"]["count"] == 0
    assert api("GET", f"{PIPELINES}{second}/stages/{stage['id']}/").status == 404
    assert api("DELETE", f"{PIPELINES}{first}/").status == 200
    assert api("GET", stages).status == 404
    assert api("GET", operations).status == 404
    assert api.get(PIPELINES)["content"]["count"] == 1


def test_a_put_resets_what_it_does_not_say(api: Api) -> None:
    created = api("POST", PIPELINES, {"name": "One", "description": "Pilot first", "timeout_seconds": 60}).body[
        "content"
    ]
    path = f"{PIPELINES}{created['id']}/"
    changed = api("PUT", path, {"name": "Two"}).body["content"]
    assert (changed["name"], changed["description"], changed["timeout_seconds"]) == ("Two", "", 0)
    assert (changed["id"], changed["created_at"]) == (created["id"], created["created_at"])


def test_an_uploaded_wallpaper_can_be_downloaded(api: Api) -> None:
    wallpaper = api.upload(
        "/v1{e}/wallpaper/", image_file=("shelf.png", b"\x89PNG shelf"), orientation="landscape"
    ).body
    assert request("GET", wallpaper["image_file"]).raw == b"\x89PNG shelf"
    assert api.get("/v1{e}/wallpaper/")["results"] == [wallpaper]
    assert api.upload("/v1{e}/wallpaper/", image_file=("shelf.png", b"x")).status == 400


def test_a_webclip_is_a_form_whose_texts_have_types(api: Api) -> None:
    texts = {"label": "Menu", "esper_name": "menu-1", "url": "https://example.com/"}
    target = {"target_bundle_id": "com.example", "target_bundle_name": "Browser"}
    answer = api.upload("/v2/webclips", **texts, **target, is_full_screen="true", is_removable="false")
    webclip = answer.body["content"]
    assert (webclip["label"], webclip["is_full_screen"], webclip["is_removable"]) == ("Menu", True, False)
    assert api.get("/v2/webclips", exact_esper_name="menu-1")["content"]["results"][0]["id"] == webclip["id"]
    assert api.get("/v2/webclips", exact_esper_name="menu")["content"]["count"] == 0


def test_a_user_is_the_same_at_all_paths(api: Api) -> None:
    body = {"username": "anna", "first_name": "Anna", "last_name": "Bo", "profile": {"role": "Group Admin"}}
    user = api("POST", "/user/", body).body
    path, user_id = f"/user/{user['id']}/", user["profile"]["authn_user_id"]
    assert (user["full_name"], user["profile"]["role"]) == ("Anna Bo", "Group Admin")
    users = api.get("/authn2/v1/users/", legacy_user_id=user["id"])["content"]["results"]
    assert [each["user_id"] for each in users] == [user_id]
    assert api("PUT", f"/authn2/v0/user/{user_id}", {"first_name": "Ann"}).body["full_name"] == "Ann Bo"
    group = api.get("{e}/devicegroup/")["results"][1]
    body = {"role": "Group Viewer", "groups": [group["id"]]}
    assert api("PUT", f"/authz2/v1/users/{user_id}", body).status == 200
    profile = api.get(path)["profile"]
    assert (profile["role"], profile["groups"][0]["id"]) == ("Group Viewer", group["id"])
    assert api.get(f"/authz2/v1/users/{user_id}/groups")["group_ids"] == [group["id"]]
    assert api("DELETE", f"/authn2/v0/tenant/{api.simulator.enterprise_id}/user/{user_id}/").status == 204
    assert api("GET", path).status == 404


def test_the_list_of_users_has_accounts_of_devices_unless_they_are_excluded(api: Api) -> None:
    assert api.get("/user/")["count"] == 1002
    assert api.get("/user/", exclude_google_roles="true")["count"] == 1001
    people = api.get("/user/", exclude_google_roles="true", exclude_enterprise_device_role="true")["results"]
    assert [(user["email"], user["token"]) for user in people] == [("automation@example.com", api.simulator.key)]
    device = api.get("/user/", limit=500, offset=500)["results"][0]
    assert api.get(f"/user/{device['id']}/")["token"] == device["token"] != ""


def test_a_new_role_of_a_user_empties_what_the_request_omits(api: Api) -> None:
    role, group = api.get(ROLES)["roles"][0]["id"], api.get("{e}/devicegroup/")["results"][1]["id"]
    path = f"/authz2/v1/users/{api.get('/user_info/')['profile']['authn_user_id']}"
    custom = {"role": "AuthZ Role User", "groups": [], "authz_role_id": role, "can_factory_reset": True}
    assert api("PUT", path, custom).status == 400
    profile = api("PUT", path, {**custom, "has_all_group_access": True}).body["profile"]
    assert (profile["authz_role_id"], profile["can_factory_reset"]) == (role, True)
    assert api.get(f"{path}/groups") == {"group_ids": [], "has_all_group_access": True}
    assert api("PUT", path, {"role": "Group Viewer", "groups": [MISSING]}).status == 400
    profile = api("PUT", path, {"role": "Group Viewer", "groups": [group]}).body["profile"]
    assert ("authz_role_id" in profile, profile["can_factory_reset"]) == (False, False)
    assert api.get(f"{path}/groups") == {"group_ids": [group], "has_all_group_access": False}


def test_an_invitation_becomes_a_user(api: Api) -> None:
    path = f"/authn2/v0/tenant/{api.simulator.enterprise_id}/invite"
    profile = {"role": "Viewer", "enterprise": api.simulator.enterprise_id}
    body = {"email": "anna@example.com", "meta": {"email": "anna@example.com", "profile": profile}}
    made = api("POST", path, body).body
    assert made.pop("invitation_url").startswith("https://")
    assert api("POST", path, body).status == 400
    assert api("GET", path).body == {"count": 1, "userinvites": [made]}
    api.simulator.invitations(shows_meta=False)
    assert api("GET", path).body["userinvites"][0]["meta"] == {}
    assert api("DELETE", f"{path}/{made['id']}").status == 204
    assert api("POST", path, body).status == 201
    api.simulator.invitations(accept=["Anna@example.com"])
    assert api("GET", path).body["count"] == 0
    user = api.get("/user/", limit=500, offset=1000)["results"][-1]
    assert (user["email"], user["profile"]["role"]) == ("anna@example.com", "Viewer")
    assert api.get(f"/authz2/v1/users/{user['profile']['authn_user_id']}/groups")["has_all_group_access"]


def test_a_token_is_a_key_until_it_is_renewed(api: Api) -> None:
    path = "/authn2/v0/personal-access-token/"
    body = {"name": "report", "description": "", "expiry_at": -1}
    made, twin = (api("POST", path, body).body for _number in range(2))
    assert made["token"].startswith(made["prefix"])
    assert made["id"] != twin["id"]
    listed = api.get(path)
    assert listed["count"] == 3
    assert [row["token"] for row in listed["personal_access_tokens"]] == [
        api.simulator.key,
        made["token"],
        twin["token"],
    ]
    assert api.simulator.state()["issued"] == [made["token"], twin["token"]]
    assert api("GET", path, key=made["token"]).status == 200
    renewed = api("PUT", f"{path}{made['id']}", {"expiry_at": 4070908800}).body
    assert (renewed["name"], renewed["expiry_at"]) == ("report", 4070908800)
    assert api("GET", path, key=made["token"]).status == 401
    assert api("DELETE", f"{path}{made['id']}").status == 204
    assert api("GET", path, key=renewed["token"]).status == 401


def test_sso_connections_can_be_listed_and_changed(api: Api) -> None:
    path = f"/authn2/v0/tenant/{api.simulator.enterprise_id}/connection"
    rows = api.get(path)["connections"]
    (default,) = api.get(path, is_default="true")["connections"]
    assert default in rows
    body = {"display_name": "Acme", "strategy": "oidc", "config": {"client_id": "a"}}
    changed = api("PUT", f"{path}/{default['connection_id']}", body).body
    assert {name: changed[name] for name in body} == body
    assert api.get(path)["connections"][0]["connection"] == {**default["connection"], "strategy": "oidc"}


def test_the_company_can_be_read_and_changed(api: Api) -> None:
    company = api.get("/v1{e}/")
    assert company["id"] == api.simulator.enterprise_id
    changed = api("PATCH", "/v1{e}/", {"contact_person": "Anna"}).body
    assert changed == {**company, "contact_person": "Anna", "updated_on": changed["updated_on"]}
    assert api.get("/v1{e}/") == changed


def test_the_legacy_list_shows_the_same_devices(api: Api) -> None:
    devices = api.get("/v2/devices/", limit=1000)["content"]["results"]
    listed = api.get("{e}/device/", limit=500)
    assert [row["id"] for row in listed["results"]] == [device["id"] for device in devices]
    device = next(device for device in devices if device["tags"] and device["group_id"])
    one = api.get(f"{{e}}/device/{device['id']}/")
    assert one in listed["results"]
    for query in ({"name": device["name"].lower()}, {"serial": device["serial"]}, {"search": device["serial"]}):
        assert [row["id"] for row in api.get("{e}/device/", **query)["results"]] == [device["id"]]
    tagged = api.get("{e}/device/", limit=500, tags=one["tags"][0])["results"]
    assert {row["id"] for row in tagged} == {
        row["id"] for row in listed["results"] if one["tags"][0] in (row["tags"] or ())
    }
    grouped = api.get("{e}/device/", limit=500, group=device["group_id"])["results"]
    assert {row["id"] for row in grouped} == {each["id"] for each in devices if each["group_id"] == device["group_id"]}
    assert api.get("{e}/device/", brand="Nobody")["count"] == 0
    assert len(api.get("{e}/device/", legacy_format="true")["results"]) == 20


def test_commands_are_the_same_at_the_older_path(api: Api) -> None:
    device = next(row["id"] for row in api.get("{e}/device/", state=1)["results"])
    body = {"command_type": "DEVICE", "devices": [device], "command": "REBOOT"}
    command = api("POST", "/v0{e}/command/", body).body
    assert api.get("/v0{e}/command/")["results"] == [command]
    assert api.get("/v0{e}/command/", command="LOCK")["count"] == 0
    path = f"/v0{{e}}/command/{command['id']}/status/"
    states = [api.get(path)["results"][0]["state"] for _reading in range(2)]
    assert states == ["Command Acknowledged", "Command Success"]
    history = api.get(f"/v0{{e}}/device/{device}/command-history/")["results"]
    assert [(row["request"], row["command"]) for row in history] == [(command["id"], "REBOOT")]
    events = api.get(f"{{e}}/device/{device}/download/eventfeed/")["results"]
    assert events == api.get(f"/v1{{e}}/device/{device}/report/eventfeed/")["results"]
    assert len(events) == 1


def test_rows_are_ordered_as_the_query_says(api: Api) -> None:
    for seconds in (9, 10, 100):
        api("POST", PIPELINES, {"name": f"After {seconds}", "timeout_seconds": seconds})
    names = [row["name"] for row in api.get(PIPELINES, ordering="-name")["content"]["results"]]
    assert names == ["After 9", "After 100", "After 10"]


def record(api: Api, serial: str, **properties: Any) -> dict[str, Any]:
    """A new directory record."""
    body = {"unique_identifiers": [{"type": 2, "unique_id": serial}], **properties}
    answer = api("POST", RECORDS, body)
    assert answer.status == 201, answer.body
    return dict(answer.body)


def test_a_directory_record_has_names_of_types_and_loses_what_a_put_omits(api: Api) -> None:
    created = record(api, "R9W1", alias="Till 1", tags=["till"])
    assert created["unique_identifiers"] == [{"unique_id": "R9W1", "type": "SERIAL"}]
    assert (created["online_status"], created["approval_status"]) == ("NONE", "WAITING_FOR_APPROVAL")
    path = f"{RECORDS}{created['id']}/"
    identifiers = [{"type": 4, "unique_id": "00:11:22:33:44:55"}]
    assert api("PUT", path, {"alias": "Till 1"}).status == 400
    replaced = api("PUT", path, {"unique_identifiers": identifiers}).body
    assert replaced["unique_identifiers"] == [{"unique_id": "00:11:22:33:44:55", "type": "WIFI_MAC_ID"}]
    assert (replaced["alias"], replaced["tags"]) == ("", [])
    assert api("DELETE", path).status == 204
    assert api("GET", path).status == 404


def test_a_directory_record_of_a_device_shows_it(api: Api) -> None:
    device = api.get("/v2/devices/")["content"]["results"][0]
    created = record(api, device["serial"])
    assert (created["device_id"], created["name"], created["approval_status"]) == (
        device["id"],
        device["name"],
        "APPROVED",
    )
    assert "device_id" not in record(api, "R9W1")


def test_the_list_of_directory_records_has_pages_but_no_limit(api: Api) -> None:
    ids = [record(api, f"R9W{number}")["id"] for number in range(25)]
    first = api.get(RECORDS)
    assert (first["count"], len(first["results"])) == (25, 20)
    assert "offset=20" in first["next"]
    rest = api.get(RECORDS, offset=20)
    assert [row["id"] for row in [*first["results"], *rest["results"]]] == ids
    assert rest["next"] == ""
    assert api("GET", f"{RECORDS}?limit=100").status == 400
