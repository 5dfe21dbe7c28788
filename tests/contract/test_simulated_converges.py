# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from caller import Api

CONVERGES, COMMANDS = "/v2/converge", "/commands/v0/commands/"
MISSING = "0b1e7f3c-0000-4000-8000-000000000001"
WINDOW = {"start_datetime": "2026-02-01T08:00:00Z", "end_datetime": "2026-02-01T09:00:00Z"}
Json = dict[str, Any]


def devices(api: Api, **query: object) -> list[Json]:
    return list(api.get("/v2/devices/", **{"limit": 1000, "state": 1, **query})["content"]["results"])


def converge(api: Api, device: Json, **values: Any) -> Json:
    body = {"device_id": device["id"], "converge_with_provision_option": False, **values}
    answer = api("POST", CONVERGES, body)
    assert answer.status == 201, answer.body
    return dict(answer.body["content"])


def read(api: Api, begun: Json) -> Json:
    return dict(api.get(f"{CONVERGES}/{begun['id']}")["content"])


def blueprint_info(api: Api, device: Json) -> Json:
    return dict(api.get(f"/v2/devices/{device['id']}")["content"]["blueprint_info"])


def publish(api: Api, device: Json) -> Json:
    """Another published version of the blueprint that is assigned to the device."""
    path = f"/v2/blueprints/{device['blueprint_info']['assigned_blueprint_id']}/"
    blueprint = api.get(path)["content"]
    return dict(api("PUT", path, {"name": blueprint["name"], "publish": True}).body["content"])


def test_a_device_converges_as_it_is_read(api: Api) -> None:
    api.simulator.conduct(polls=5)
    device = devices(api)[0]
    published = publish(api, device)
    begun = converge(api, device)
    assert (begun["status"], begun["reason"], begun["schedule_type"]) == ("QUEUED", "", "IMMEDIATE")
    assert begun["blueprint_info"] == {
        "blueprint_id": published["id"],
        "blueprint_version_id": published["version_id"],
    }
    seen = [read(api, begun)["status"] for _reading in range(4)]
    assert seen == ["QUEUED", "PROCESSING", "IN_PROGRESS", "IN_PROGRESS"]
    assert blueprint_info(api, device) == device["blueprint_info"]
    assert read(api, begun)["status"] == read(api, begun)["status"] == "SUCCESS"
    after = blueprint_info(api, device)
    assert after["current_blueprint_id"] == after["assigned_blueprint_id"] == published["id"]
    assert after["current_blueprint_version_id"] == published["version_id"]


def test_a_device_that_fails_stays_where_it_is(api: Api) -> None:
    device, mute = devices(api)[:2]
    publish(api, device)
    api.simulator.conduct(polls=1, failing=[device["id"]], silent=[mute["id"]], reason="No space left")
    assert read(api, converge(api, mute))["status"] == "QUEUED"
    ended = read(api, converge(api, device))
    assert (ended["status"], ended["reason"]) == ("FAILURE", "No space left")
    assert blueprint_info(api, device) == device["blueprint_info"]
    (event,) = api.get(f"{{e}}/device/{device['id']}/event-feed/")["results"]
    assert event["message"] == "CONVERGE by automation: Command Failure: No space left"


def test_it_has_one_command_which_is_internal(api: Api) -> None:
    device = devices(api)[0]
    begun = converge(api, device)
    (command,) = api.get(f"{CONVERGES}/{begun['id']}/commands")["content"]["results"]
    assert (command["command_state"], command["reason"]) == ("Command Acknowledged", "")
    (request,) = api.get(COMMANDS, devices=device["id"])["content"]["results"]
    assert (request["id"], request["command"]) == (command["command_request_id"], "CONVERGE")
    assert api.get(COMMANDS, exclude_internal_commands="true")["content"]["count"] == 0
    statuses = api.get("/commands/v0/status/", device=device["id"], exclude_internal_commands="true")
    assert statuses["content"]["count"] == 0
    # All of these read the same task.
    assert read(api, begun)["status"] == "SUCCESS"


def test_converges_are_listed_by_device(api: Api) -> None:
    first, second = devices(api)[:2]
    begun = [converge(api, device)["id"] for device in (first, second, first)]

    def found(**query: object) -> list[str]:
        return [each["id"] for each in api.get(CONVERGES, **query)["content"]["results"]]

    assert found(device_ids=first["id"]) == [begun[0], begun[2]]
    assert found(device_ids=f"{first['id']},{second['id']}") == begun
    assert found(device_ids=MISSING) == []
    assert found(limit=1, offset=1) == [begun[1]]
    # Two lists had the first one, a single one the second; pages after the first do not count.
    states = {task["id"]: task["state"] for task in api.simulator.state()["tasks"]}
    assert list(states.values()) == ["Command Success", "Command Acknowledged", "Command Success"]


def test_a_window_is_kept_in_mind(api: Api) -> None:
    begun = converge(api, devices(api)[0], schedule_type="WINDOW", schedule_args={**WINDOW, "any": 1})
    assert (begun["status"], begun["schedule_args"]) == ("QUEUED", {**WINDOW, "any": 1})
    assert api.get(COMMANDS)["content"]["results"][0]["schedule"] == "WINDOW"


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"device_id": MISSING}, "device_id: Invalid pk"),
        ({"device_id": None}, "device_id: Not a valid string. "),
        ({"converge_with_provision_option": "yes"}, "converge_with_provision_option: Not a valid boolean. "),
        ({"schedule_type": "RECURRING"}, "schedule_type: "),
        ({"schedule_type": "WINDOW"}, "schedule_args.start_datetime: This field is required. "),
        ({"schedule_type": "WINDOW", "schedule_args": {**WINDOW, "end_datetime": 5}}, "valid date/time. "),
    ],
)
def test_a_flawed_converge_is_rejected(api: Api, values: Json, error: str) -> None:
    body = {"device_id": devices(api)[0]["id"], "converge_with_provision_option": False, **values}
    answer = api("POST", CONVERGES, body)
    assert answer.status == 400
    assert error in answer.body["message"]
    assert api("POST", CONVERGES, {}).status == 400
    assert api.simulator.state()["tasks"] == []


def test_a_device_that_moves_is_assigned_the_blueprint_of_its_group(api: Api) -> None:
    groups = api.simulator.state()["groups"]
    blueprint_of = {group["id"]: group["blueprint"] for group in groups}
    group_id, blueprint_id = next((group, blueprint) for group, blueprint in blueprint_of.items() if blueprint)
    without = next(group for group, blueprint in blueprint_of.items() if not blueprint)
    device = next(each for each in devices(api) if each["blueprint_info"]["assigned_blueprint_id"] != blueprint_id)
    for group, assigned in ((without, device["blueprint_info"]["assigned_blueprint_id"]), (group_id, blueprint_id)):
        api("PATCH", f"{{e}}/devicegroup/{group}/?action=add", {"device_ids": [device["id"]]})
        assert blueprint_info(api, device) == {**device["blueprint_info"], "assigned_blueprint_id": assigned}
    assert api.get(CONVERGES)["content"]["count"] == 0
    begun = converge(api, device)
    assert [read(api, begun)["status"] for _reading in range(2)] == ["IN_PROGRESS", "SUCCESS"]
    assert blueprint_info(api, device)["current_blueprint_id"] == blueprint_id
