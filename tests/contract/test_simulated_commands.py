# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.error import HTTPError

import pytest
from caller import Api, Group

COMMANDS, STATUS = "/commands/v0/commands/", "/commands/v0/status/"
MISSING = "0b1e7f3c-0000-4000-8000-000000000001"
WINDOW = {"start_datetime": "2026-02-01T08:00:00Z", "end_datetime": "2026-02-01T09:00:00+00:00"}
RECURRING = {**WINDOW, "window_start_time": "08:00:00", "window_end_time": "09:00:00", "days": ["Monday"]}
Json = dict[str, Any]
Find = Callable[[str], Group]


def devices(api: Api, **query: object) -> list[Json]:
    return list(api.get("/v2/devices/", **{"limit": 1000, "state": 1, **query})["content"]["results"])


def ids(items: list[Json]) -> list[str]:
    return [item["id"] for item in items]


def send(api: Api, targets: list[Json], command: str = "REBOOT", **values: Any) -> Json:
    """Sends a command to devices, which must be accepted."""
    answer = api("POST", COMMANDS, {"command_type": "DEVICE", "devices": ids(targets), "command": command, **values})
    assert answer.status == 201, answer.body
    return dict(answer.body["content"])


def stats(api: Api, command: Json) -> dict[str, int]:
    found = api.get(f"{COMMANDS}{command['id']}/stats/")["content"]
    assert found["id"] == command["id"]
    return {each["state"]: each["total"] for each in found["status"]}


def statuses(api: Api, **query: object) -> list[Json]:
    return list(api.get(STATUS, **{"limit": 1000, **query})["content"]["results"])


def states(api: Api, command: Json, **query: object) -> list[str]:
    return [status["state"] for status in statuses(api, request=command["id"], **query)]


def test_a_command_is_accepted_and_says_nothing_of_success(api: Api) -> None:
    first, second = devices(api)[:2]
    command = send(api, [first, second, first], device_type="all", schedule="IMMEDIATE", alias="nightly")
    assert command["devices"] == ids([first, second])
    assert (command["groups"], command["reason"], command["alias"]) == (None, None, "nightly")
    assert api.get(f"{COMMANDS}{command['id']}/")["content"] == command
    assert [task["state"] for task in api.simulator.state()["tasks"]] == ["Command Queued"] * 2


def test_the_older_path_takes_commands_too(api: Api) -> None:
    device = devices(api)[0]
    body = {"command_type": "DEVICE", "devices": [device["id"]], "command": "UPDATE_DEVICE_CONFIG"}
    answer = api("POST", "/v0{e}/command/", {**body, "command_args": {"device_alias_name": "Till 1"}})
    assert (answer.status, answer.body["devices"], answer.body["status"]) == (201, [device["id"]], [])
    assert api("POST", "/v0{e}/command/", {**body, "command": "INSTALL"}).status == 400
    api.simulator.advance_commands(3)
    assert devices(api, search=device["name"])[0]["alias"] == "Till 1"


def test_devices_go_on_as_they_are_read(api: Api) -> None:
    command = send(api, devices(api)[:3])
    assert stats(api, command) == {"Command Acknowledged": 3}
    assert stats(api, command) == stats(api, command) == {"Command Success": 3}


def test_every_state_can_be_seen(api: Api) -> None:
    api.simulator.conduct(polls=5)
    command = send(api, devices(api)[:1])
    (status,) = statuses(api, request=command["id"])
    assert (status["state"], status["reason"]) == ("Command Queued", "")
    seen = [api.get(f"{STATUS}{status['id']}/")["content"]["state"] for _reading in range(4)]
    assert seen == ["Command Initiated", "Command Acknowledged", "Command In Progress", "Command Success"]


def test_the_pages_of_a_list_are_one_reading(api: Api) -> None:
    command = send(api, devices(api)[:25])
    pages = [api.get(STATUS, request=command["id"], offset=offset)["content"] for offset in (0, 10, 20)]
    assert [len(page["results"]) for page in pages] == [10, 10, 5]
    assert {status["state"] for page in pages for status in page["results"]} == {"Command Acknowledged"}
    assert len({status["id"] for page in pages for status in page["results"]}) == 25
    assert pages[1]["next"] == f"http://tenant.invalid/api{STATUS}?request={command['id']}&offset=20&limit=10"
    assert pages[1]["prev"].endswith("&offset=0&limit=10")
    assert (pages[0]["prev"], pages[2]["next"]) == ("", "")


def test_only_what_shows_a_state_reads_it(api: Api) -> None:
    command = send(api, devices(api)[:1])
    for _again in range(3):
        api.get(f"{COMMANDS}{command['id']}/")
        api.get(COMMANDS)
        api.simulator.state()
    assert api("GET", STATUS, request=command["id"], limit=0).status == 400
    assert api("GET", STATUS).status == 400
    assert stats(api, command) == {"Command Acknowledged": 1}


def test_devices_fail_and_do_not_respond_if_configured(api: Api) -> None:
    good, bad, mute = devices(api)[:3]
    api.simulator.conduct(polls=1, failing=[bad["id"]], silent=[mute["id"]], reason="Battery is low")
    command = send(api, [good, bad, mute])
    found = {each["device"]: (each["state"], each["reason"]) for each in statuses(api, request=command["id"])}
    assert found == {
        good["id"]: ("Command Success", ""),
        bad["id"]: ("Command Failure", "Battery is low"),
        mute["id"]: ("Command Queued", ""),
    }
    # What was not said again is as it was at first, and who was silent can go on; what has ended has ended.
    api.simulator.conduct()
    stats(api, command)
    assert stats(api, command) == {"Command Success": 2, "Command Failure": 1}


def test_a_failure_may_have_no_reason(api: Api) -> None:
    device = devices(api)[0]
    api.simulator.conduct(polls=1, failing=[device["id"]], reason="")
    assert states(api, send(api, [device])) == ["Command Failure"]


def test_a_reset_restores_the_default_conduct(api: Api) -> None:
    api.simulator.conduct(polls=9, silent=ids(devices(api)))
    send(api, devices(api)[:1])
    api.simulator.reset()
    assert api.simulator.state()["tasks"] == api.get(COMMANDS)["content"]["results"] == []
    command = send(api, devices(api)[:1])
    stats(api, command)
    assert stats(api, command) == {"Command Success": 1}


@pytest.mark.parametrize(
    "mistake", [{"poll": 1}, {"polls": 0}, {"polls": "many"}, {"failing": [MISSING]}, {"silent": None}, {"failing": 5}]
)
def test_mistaken_conduct_is_rejected(api: Api, mistake: Json) -> None:
    with pytest.raises(HTTPError, match="400"):
        api.simulator.conduct(**mistake)


def test_commands_can_go_on_behind_the_clients_back(api: Api) -> None:
    device = devices(api)[0]
    send(api, [device], "UPDATE_DEVICE_CONFIG", command_args={"device_alias_name": "Till 9"})
    api.simulator.advance_commands()
    assert api.get(f"/v2/devices/{device['id']}")["content"] == device
    api.simulator.advance_commands(readings=5)
    assert api.get(f"/v2/devices/{device['id']}")["content"]["alias"] == "Till 9"


@pytest.mark.parametrize("state", [20, 60, 110])
def test_devices_that_are_not_online_stay_queued(api: Api, state: int) -> None:
    api.simulator.reset(devices=600)
    command = send(api, [devices(api, state=state)[0], devices(api)[0]])
    stats(api, command)
    assert stats(api, command) == stats(api, command) == {"Command Queued": 1, "Command Success": 1}


def test_a_deleted_device_stays_queued(api: Api) -> None:
    device = devices(api)[0]
    command = send(api, [device])
    api.simulator.change_devices(remove=[device["id"]])
    assert [states(api, command) for _reading in range(3)] == [["Command Queued"]] * 3


def test_a_group_takes_in_the_groups_below(api: Api, group: Find) -> None:
    stores = group("All devices/Stores")
    body = {"command_type": "GROUP", "groups": [stores["id"]], "command": "REBOOT", "device_type": "all"}
    command = api("POST", COMMANDS, body).body["content"]
    assert (command["devices"], command["groups"]) == (None, [stores["id"]])
    below = devices(api, group_multi=stores["id"], state=",".join(map(str, [0, 1, *range(30, 210, 10)])))
    assert len(below) > stores["device_count"]
    assert [status["device"] for status in statuses(api, request=command["id"])] == ids(below)


def test_a_group_without_devices_has_no_status(api: Api, group: Find) -> None:
    empty = api("POST", "{e}/devicegroup/", {"name": "empty"}).body
    command = api("POST", COMMANDS, {"command_type": "GROUP", "groups": [empty["id"]], "command": "LOCK"}).body
    assert stats(api, command["content"]) == {}


def test_a_dynamic_command_is_for_devices_and_groups(api: Api, group: Find) -> None:
    tills = group("All devices/Stores/Berlin/Tills")
    members = devices(api, group_multi=tills["id"])
    other = next(device for device in devices(api) if device not in members)
    body = {"command_type": "DYNAMIC", "command": "LOCK", "devices": [other["id"], members[0]["id"]], "groups": []}
    assert stats(api, api("POST", COMMANDS, body).body["content"]) == {"Command Acknowledged": 2}
    command = api("POST", COMMANDS, {**body, "groups": [tills["id"]]}).body["content"]
    assert stats(api, command)["Command Acknowledged"] == len(members) + 1


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, "command_type: This field is required. command: This field is required. "),
        ({"command_type": "DEVICE", "command": "REBOOT"}, "devices: This field is required. "),
        ({"command_type": "DEVICE", "command": "REBOOT", "devices": []}, "devices: This list may not be empty. "),
        ({"command_type": "DEVICE", "command": "REBOOT", "groups": [MISSING]}, "devices: This field is required. "),
        ({"command_type": "DEVICE", "command": "REBOOT", "devices": [MISSING]}, "object does not exist. "),
        ({"command_type": "GROUP", "command": "REBOOT", "groups": [MISSING]}, "object does not exist. "),
        ({"command_type": "GROUP", "command": "REBOOT", "devices": [MISSING]}, "groups: This field is required. "),
        ({"command_type": "DYNAMIC", "command": "REBOOT", "devices": []}, "groups: This field is required. "),
        ({"command_type": "DYNAMIC", "command": "REBOOT", "devices": [], "groups": []}, "may not be empty. "),
        ({"command_type": "ALL", "command": "REBOOT"}, "command_type: "),
        ({"command_type": "DEVICE", "command": "DANCE", "devices": []}, "command: "),
    ],
)
def test_a_flawed_command_is_rejected(api: Api, body: Json, error: str) -> None:
    answer = api("POST", COMMANDS, body)
    assert answer.status == 400
    assert error in answer.body["message"]
    assert api.get(COMMANDS)["content"]["count"] == 0


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"device_type": "active"}, "device_type: "),
        ({"command": "INSTALL"}, "command_args.app_version: This field is required. "),
        ({"command": "SET_STREAM_VOLUME", "command_args": {"stream": 1}}, "command_args.volume_level: "),
        ({"command": "SET_TIMEZONE", "command_args": {"timezone_string": 5}}, "command_args.timezone_string: "),
        ({"schedule": "NIGHTLY"}, "schedule: "),
        ({"schedule": "WINDOW"}, "schedule_args.start_datetime: This field is required. "),
        ({"schedule": "WINDOW", "schedule_args": {**WINDOW, "end_datetime": "soon"}}, "valid date-time. "),
        ({"schedule": "WINDOW", "schedule_args": {**WINDOW, "end_datetime": WINDOW["start_datetime"]}}, "after start"),
        ({"schedule": "RECURRING", "schedule_args": WINDOW}, "schedule_args.days: This field is required. "),
    ],
)
def test_flawed_arguments_are_rejected(api: Api, values: Json, error: str) -> None:
    body = {"command_type": "DEVICE", "devices": ids(devices(api)[:1]), "command": "REBOOT", **values}
    answer = api("POST", COMMANDS, body)
    assert answer.status == 400
    assert error in answer.body["message"]


def test_arguments_that_only_the_notes_name_are_kept(api: Api) -> None:
    device = devices(api)[:1]
    for command, arguments in (
        ("USE_ONLY_SAVED_WIFI_AP", {"use_only_saved_ap": True}),
        ("SET_TIMEZONE", {"timezone_string": "Europe/Berlin"}),
        ("REMOVE_WIFI_AP", {"wifi_access_points": ["store-guest"]}),
        ("ADD_WIFI_AP", {"wifi_access_points": {"wifi_ssid": "store-guest"}}),
    ):
        assert send(api, device, command, command_args=arguments)["command_args"] == arguments


def test_at_most_1000_devices_and_500_groups(api: Api, group: Find) -> None:
    api.simulator.reset(devices=1001, groups=0)
    every = ids(api.simulator.state(devices=True)["devices"])
    body = {"command_type": "DEVICE", "command": "REBOOT", "devices": every}
    answer = api("POST", COMMANDS, body)
    assert answer.status == 400
    assert answer.body["message"] == "devices: Ensure this field has no more than 1000 elements. "
    command = api("POST", COMMANDS, {**body, "devices": every[:1000]}).body["content"]
    stats(api, command)
    assert sum(stats(api, command).values()) == 1000
    body = {"command_type": "GROUP", "command": "REBOOT"}
    for number, status in ((500, 201), (501, 400)):
        assert api("POST", COMMANDS, {**body, "groups": [group("All devices")["id"]] * number}).status == status


@pytest.mark.parametrize(("schedule", "arguments"), [("WINDOW", WINDOW), ("RECURRING", RECURRING)])
def test_what_is_scheduled_waits_in_another_state(api: Api, schedule: str, arguments: Json) -> None:
    online, offline = devices(api)[0], devices(api, state=60)[0]
    command = send(api, [online, offline], schedule=schedule, schedule_args=arguments)
    assert command["schedule_args"] == arguments
    assert {task["state"] for task in api.simulator.state()["tasks"]} == {"Command Scheduled"}
    assert stats(api, command) == {"Command Scheduled": 1, "Command Acknowledged": 1}
    assert stats(api, command) == {"Command Scheduled": 1, "Command Success": 1}


def test_commands_are_filtered(api: Api, group: Find) -> None:
    first, second = devices(api)[:2]
    group_id = second["group_id"]
    one = send(api, [first])
    two = send(api, [first, second], "LOCK", schedule="WINDOW", schedule_args=WINDOW)
    three = api("POST", COMMANDS, {"command_type": "GROUP", "groups": [group_id], "command": "LOCK"}).body["content"]

    def found(**query: object) -> list[str]:
        return ids(api.get(COMMANDS, **query)["content"]["results"])

    assert found() == ids([one, two, three])
    assert found(limit=1, offset=1) == [two["id"]]
    assert found(command="LOCK") == ids([two, three])
    assert found(schedule="WINDOW") == [two["id"]]
    assert found(devices=f"{MISSING},{second['id'].upper()}") == ids([two, three])
    assert found(groups=f"{group_id},{MISSING}") == [three["id"]]
    assert found(devices=MISSING) == []


def test_statuses_are_filtered(api: Api) -> None:
    first, second = devices(api)[:2]
    one, two = send(api, [first]), send(api, [first, second])
    assert [each["request"] for each in statuses(api, device=first["id"])] == ids([one, two])
    assert [each["device"] for each in statuses(api, request=f"{one['id']},{two['id']}")] == ids([first, first, second])
    assert states(api, two, device=second["id"], state="Command Success") == ["Command Success"]
    assert states(api, two, device=second["id"], state="Command Queued") == []
    assert statuses(api, request=MISSING) == []


def test_a_filter_on_states_does_not_keep_the_others_from_going_on(api: Api) -> None:
    command = send(api, devices(api)[:2])
    seen = [states(api, command, state="Command Success") for _reading in range(2)]
    assert seen == [[], ["Command Success"] * 2]


def test_a_status_can_be_set_until_it_has_ended(api: Api) -> None:
    api.simulator.conduct(silent=ids(devices(api)))
    command = send(api, devices(api)[:1])
    (status,) = statuses(api, request=command["id"])
    path = f"{STATUS}{status['id']}/"
    changed = api("PUT", path, {"state": "Command Cancelled", "reason": "not today"}).body["content"]
    assert (changed["state"], changed["reason"]) == ("Command Cancelled", "not today")
    assert changed["updated_at"] > status["updated_at"]
    api.simulator.conduct()
    assert stats(api, command) == {"Command Cancelled": 1}
    answer = api("PUT", path, {"state": "Command Success"})
    assert (answer.status, answer.raw) == (304, b"")
    assert api("PUT", path, {}).status == api("PUT", path, {"state": "Command Queued"}).status == 400


def test_the_alias_changes_when_the_command_succeeds(api: Api) -> None:
    good, bad = devices(api)[:2]
    api.simulator.conduct(failing=[bad["id"]])
    command = send(api, [good, bad], "UPDATE_DEVICE_CONFIG", command_args={"device_alias_name": "Front"})
    stats(api, command)
    assert devices(api)[:2] == [good, bad]
    assert stats(api, command) == {"Command Success": 1, "Command Failure": 1}
    changed, unchanged = devices(api)[:2]
    assert changed == {**good, "alias": "Front", "updated_at": changed["updated_at"]}
    assert unchanged == bad
    assert api.get(f"{{e}}/device/{good['id']}/")["alias_name"] == "Front"


@pytest.mark.parametrize("name", ["CONVERGE", "UPDATE_BLUEPRINT"])
@pytest.mark.parametrize(("platform", "upgrade"), [("ANDROID", "UPGRADED"), ("WINDOWS", "NOT_APPLICABLE")])
def test_devices_come_to_what_is_published(api: Api, name: str, platform: str, upgrade: str) -> None:
    device = devices(api, platform=platform)[0]
    blueprint = api.get(f"/v2/blueprints/{device['blueprint_info']['assigned_blueprint_id']}/")["content"]
    body = {"name": blueprint["name"], "settings": {}, "publish": True}
    published = api("PUT", f"/v2/blueprints/{blueprint['id']}/", body).body["content"]
    command = send(api, [device], name)
    stats(api, command)
    assert stats(api, command) == {"Command Success": 1}
    assert api.get(f"/v2/devices/{device['id']}")["content"]["blueprint_info"] == {
        "assigned_blueprint_id": blueprint["id"],
        "current_blueprint_id": blueprint["id"],
        "current_blueprint_version_id": published["version_id"],
        "blueprint_upgrade_status": upgrade,
    }


def test_a_device_that_is_wiped_is_disabled(api: Api) -> None:
    device = devices(api)[0]
    command = send(api, [device], "WIPE")
    stats(api, command)
    assert stats(api, command) == {"Command Success": 1}
    assert api.get(f"/v2/devices/{device['id']}")["content"]["state"] == 20
    stats(api, command := send(api, [device]))
    assert stats(api, command) == {"Command Queued": 1}


def test_other_commands_change_no_device(api: Api) -> None:
    before = api.simulator.state(devices=True)["devices"]
    command = send(api, devices(api), "SET_BLUETOOTH_STATE", command_args={"bluetooth_state": True})
    stats(api, command)
    assert set(stats(api, command)) == {"Command Success"}
    assert api.simulator.state(devices=True)["devices"] == before


def test_the_event_feed_has_the_results_of_commands(api: Api) -> None:
    device = devices(api)[0]
    path = f"{{e}}/device/{device['id']}/event-feed/"
    assert api.get(path)["results"] == []
    api.simulator.conduct(polls=1, failing=[device["id"]], reason="Battery is low")
    for command in ("LOCK", "REBOOT"):
        stats(api, send(api, [device], command))
    latest, first = api.get(path)["results"]
    assert latest["message"] == "REBOOT by automation: Command Failure: Battery is low"
    assert first["message"].startswith("LOCK ")
    assert latest["device"].endswith(f"/device/{device['id']}/")
    assert [event["id"] for event in api.get(path, limit=1)["results"]] == [latest["id"]]


@pytest.mark.parametrize(("fault", "sent"), [({"kind": "drop_before"}, 0), ({"kind": "drop_after"}, 1)])
def test_a_command_may_be_sent_though_no_answer_came(api: Api, fault: Json, sent: int) -> None:
    device = devices(api)[0]
    api.simulator.fault(method="POST", path="^/commands/", **fault)
    with pytest.raises(ConnectionError):
        send(api, [device])
    assert api.get(COMMANDS)["content"]["count"] == sent


def test_a_reading_that_fails_is_none(api: Api) -> None:
    command = send(api, devices(api)[:1])
    api.simulator.fault(kind="status", status=503, path="/stats/$", times=3)
    path = f"{COMMANDS}{command['id']}/stats/"
    assert [api("GET", path).status for _reading in range(3)] == [503] * 3
    assert stats(api, command) == {"Command Acknowledged": 1}


def test_the_list_of_statuses_can_be_null(api: Api) -> None:
    command = send(api, devices(api)[:1])
    api.simulator.fault(kind="null_results", path="/status/$")
    assert api.plain("GET", f"{STATUS}?request={command['id']}").body["content"]["results"] is None
