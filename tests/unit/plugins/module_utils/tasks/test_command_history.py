# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands are read by ID, by filters and as the history of a device, and canceled as long as devices wait for them."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.tasks.command import shown_args
from ansible_collections.esper.cloud.tests.laws.world import Run, World

Row = dict[str, t.Any]

ANDROID, APPLE, OFFLINE = "OUW-MDJ-00001", "RAL-BMW-00002", "RZL-FZE-00003"
COMMANDS, STATUS = "/commands/v0/commands/", "/commands/v0/status/"


@pytest.fixture(autouse=True)
def _devices(world: World) -> None:
    world.simulator.reset(devices=4)


def send(world: World, command: str = "REBOOT", devices: t.Sequence[str] = (ANDROID, APPLE), **more: t.Any) -> str:
    """Send a command, and return its ID."""
    target = {"devices": list(devices)} if devices else {"groups": ["All devices"]}
    run = world.must("device_command", {**target, "command": command, **more})
    return str(run.result["commands"][0]["id"])


def read(world: World, **options: t.Any) -> Run:
    run = world.must("device_command_info", options)
    assert not run.changed
    assert all(request["method"] == "GET" for request in run.requests)
    return run


def ids(run: Run) -> list[str]:
    return [command["id"] for command in run.result["commands"]]


def asked(run: Run) -> list[str]:
    return [request["path"] for request in run.requests]


# --- reading ----------------------------------------------------------------------------------------------------------


def test_a_command_is_read_by_its_id_with_the_numbers_of_its_devices(world: World) -> None:
    command_id = send(world)
    run = read(world, id=command_id)
    (command,) = run.result["commands"]
    assert asked(run) == [f"{COMMANDS}{command_id}/", f"{COMMANDS}{command_id}/stats/"]
    assert (command["command"], command["schedule"], command["created_by"]) == ("REBOOT", "IMMEDIATE", "1")
    assert sum(command["counts"].values()) == 2
    assert "devices" not in command
    run = read(world, id=command_id, status=True)
    assert {device["name"]: device["state"] for device in run.result["commands"][0]["devices"]} == {
        ANDROID: "succeeded",
        APPLE: "succeeded",
    }
    assert read(world, id="0c5ac9e5-4f2c-4a93-9d0c-2e3b8f6d7a11").result["commands"] == []


def test_the_newest_commands_of_the_tenant_are_read_up_to_the_limit(world: World) -> None:
    sent = [send(world, name) for name in ("REBOOT", "LOCK", "UPDATE_HEARTBEAT", "LOCK")]
    run = read(world, limit=3)
    # The simulator lists the oldest first. The first page shows the number of commands, the next one the newest.
    assert ids(run) == sent[:0:-1]
    assert [request["query"]["limit"] for request in run.requests] == ["3", "3"]
    assert ids(read(world, command="LOCK")) == [sent[3], sent[1]]
    assert ids(read(world, schedule="WINDOW")) == []
    world.must("converge", {"devices": [APPLE], "force": True})
    assert ids(read(world, devices=[OFFLINE])) == []
    assert set(ids(read(world, devices=[ANDROID], limit=50))) == set(sent)


def test_the_devices_in_a_state_are_read(world: World) -> None:
    send(world, devices=[ANDROID, OFFLINE])
    read(world, status=True)
    run = read(world, status=True, state="queued")
    (command,) = run.result["commands"]
    assert [device["name"] for device in command["devices"]] == [OFFLINE]
    assert (command["counts"]["queued"], command["counts"]["succeeded"]) == (1, 1)
    assert next(each["query"]["state"] for each in run.requests if each["path"] == STATUS) == "Command Queued"


@pytest.mark.parametrize("device", [ANDROID, APPLE])
def test_a_device_has_a_history_with_the_commands_to_its_groups(world: World, device: str) -> None:
    own, shared = send(world, "LOCK"), send(world, "REBOOT", devices=())
    last = send(world, "UPDATE_HEARTBEAT", devices=[device])
    run = read(world, device=device)
    assert ids(run) == [last, shared, own]
    assert [command["command"] for command in run.result["commands"]] == ["UPDATE_HEARTBEAT", "REBOOT", "LOCK"]
    assert {each["name"] for command in run.result["commands"] for each in command["devices"]} == {device}
    assert ids(read(world, device=device, command="REBOOT")) == [shared]
    assert ids(read(world, device=device, limit=1)) == [last]
    assert ids(read(world, device=device, state="cancelled")) == []


@pytest.mark.parametrize(("device", "lists"), [(ANDROID, 1), (APPLE, 2)])
def test_a_name_of_commands_takes_no_request_for_each_other_command(world: World, device: str, lists: int) -> None:
    wanted = send(world, "LOCK")
    for _number in range(4):
        send(world)
    run = read(world, device=device, command="LOCK", limit=1)
    assert ids(run) == [wanted]
    assert len(run.requests) == 1 + lists


def test_commands_that_the_list_lacks_are_read_by_their_ids(world: World) -> None:
    shared = send(world, devices=())

    def without_commands_to_groups(method: str, path: str, body: t.Any) -> t.Any:
        return {"content": {"count": 0, "results": []}} if (method, path) == ("GET", COMMANDS) else body

    world.simulator.rewrites.append(without_commands_to_groups)
    run = read(world, device=APPLE)
    assert (ids(run), run.result["commands"][0]["command"]) == ([shared], "REBOOT")
    assert asked(run)[-1] == f"{COMMANDS}{shared}/"


def test_the_inbox_is_one_command_or_a_list(world: World) -> None:
    assert read(world, device=APPLE, inbox=True).result["inbox"] == []
    command_id = send(world)
    (waiting,) = read(world, device=APPLE, inbox=True).result["inbox"]
    assert (waiting["id"], waiting["command"], waiting["args"]) == (command_id, "REBOOT", {})

    def as_list(_method: str, path: str, body: t.Any) -> t.Any:
        return {"content": [{"id": "a", "command": "LOCK"}]} if path == "/v2/command-inbox/" else body

    world.simulator.rewrites.append(as_list)
    assert [each["id"] for each in read(world, device=APPLE, inbox=True).result["inbox"]] == ["a"]


def test_commands_that_only_the_older_list_has_are_read_on_request(world: World) -> None:
    old, new = send(world, "LOCK"), send(world)

    def without_old(method: str, path: str, body: t.Any) -> t.Any:
        if (method, path) != ("GET", COMMANDS):
            return body
        rows = [row for row in body["content"]["results"] if row["id"] == new]
        return {"content": {"count": len(rows), "results": rows}}

    world.simulator.rewrites.append(without_old)
    assert ids(read(world)) == [new]
    run = read(world, legacy=True, status=True, devices=[ANDROID])
    assert ids(run) == [new, old]
    assert run.result["commands"][1]["created_by"] == "1"
    assert {each["name"] for each in run.result["commands"][1]["devices"]} == {ANDROID, APPLE}
    assert ids(read(world, legacy=True, schedule="WINDOW")) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"limit": 0}, "The option limit is 0"),
        ({"state": "failed"}, "requires device or status=true"),
        ({"inbox": True}, "requires device"),
        ({"devices": []}, "The option devices is empty"),
        ({"groups": []}, "The option groups is empty"),
        ({"id": "a", "device": ANDROID}, "mutually exclusive"),
        ({"device": ANDROID, "schedule": "WINDOW"}, "mutually exclusive"),
        ({"device": ""}, "The option device is empty"),
        ({"command": ""}, "The option command is empty"),
    ],
)
def test_options_that_do_not_fit_are_an_error(world: World, options: Row, message: str) -> None:
    run = world.run("device_command_info", options)
    assert run.failed
    assert message in run.message
    assert run.requests == []


def test_secret_arguments_are_not_shown(world: World) -> None:
    secret, certificate = "correct-horse-battery", "TUlJRXBBSUJBQUtDQVFFQQ=="
    send(world, "ADD_WIFI_AP", args={"wifi_access_points": [{"wifi_ssid": "Store", "wifi_password": secret}]})
    args = {"cert_alias_name": "vpn", "cert_storage_type": "system", "cert_file_type": "pkcs12"}
    send(world, "INSTALL_CERTIFICATE", args={**args, "cert_data_base64": certificate, "cert_password": secret})
    for options in ({}, {"device": ANDROID}, {"device": APPLE, "inbox": True}, {"legacy": True, "status": True}):
        run = read(world, **options)
        assert len(run.result["commands"]) == 2
        assert secret not in run.shown
        assert certificate not in run.shown
        assert run.result["commands"][0]["args"] == args


def test_arguments_without_a_field_are_masked_by_their_keys() -> None:
    args = {"message": "Hello", "vpn": {"password": "hunter2", "host": "vpn.example.com"}, "profile": "c2VjcmV0"}
    assert shown_args(args) == {"text": "Hello", "vpn": {"password": "********", "host": "vpn.example.com"}}
    assert shown_args("REBOOT") == "REBOOT"
    deep: Row = {}
    for _level in range(200):
        deep = {"a": deep}
    assert shown_args(deep) is None


# --- cancellation -----------------------------------------------------------------------------------------------------


def cancel(world: World, command_id: str, *, check_mode: bool = False, **options: t.Any) -> Run:
    return world.run("device_command", {"state": "cancelled", "id": command_id, **options}, check_mode=check_mode)


def test_a_command_is_canceled_for_devices_that_have_not_started_it(world: World) -> None:
    world.simulator.conduct(polls=12)
    command_id = send(world, devices=[ANDROID, APPLE, OFFLINE])
    world.simulator.advance_commands(3)
    predicted, run = cancel(world, command_id, check_mode=True), cancel(world, command_id, reason="Postponed")
    assert predicted.writes == []
    assert (predicted.changed, predicted.diff) == (run.changed, run.diff)
    assert (run.changed, run.result["device_count"]) == (True, 1)
    assert [(each["name"], each["state"]) for each in run.result["too_late"]] == [
        (ANDROID, "initiated"),
        (APPLE, "initiated"),
    ]
    assert run.diff[0]["before"] == {OFFLINE: "queued"}
    assert run.diff[0]["after"] == {OFFLINE: "cancelled"}
    (write,) = [each for each in run.requests if each["method"] == "PUT"]
    assert write["body"] == {"state": "Command Cancelled", "reason": "Postponed"}
    (command,) = read(world, device=OFFLINE, state="cancelled").result["commands"]
    assert command["devices"][0]["reason"] == "Postponed"
    again = cancel(world, command_id)
    assert (again.changed, again.writes, again.result["device_count"]) == (False, [], 0)


def test_a_command_is_canceled_for_some_devices(world: World) -> None:
    command_id = send(world)
    world.simulator.conduct(polls=9)
    run = cancel(world, command_id, devices=[APPLE])
    assert (run.changed, run.result["device_count"], len(run.writes)) == (True, 1, 1)
    assert run.result["too_late"] == []
    run = cancel(world, command_id, devices=[OFFLINE])
    assert OFFLINE in run.message
    assert "not found" in run.message


def test_a_device_that_starts_a_command_at_the_same_time_is_too_late(world: World) -> None:
    world.simulator.conduct(polls=9)
    command_id = send(world)
    world.simulator.fault(kind="status", status=304, method="PUT", path=STATUS, times=1)
    run = cancel(world, command_id, devices=[APPLE])
    assert (run.failed, run.changed, run.result["device_count"], run.diff) == (False, False, 0, None)
    assert [each["name"] for each in run.result["too_late"]] == [APPLE]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"state": "cancelled"}, "id"),
        ({"state": "cancelled", "id": "a", "command": "REBOOT"}, "command is not allowed with state=cancelled"),
        ({"state": "cancelled", "id": "a", "groups": ["x"]}, "groups is not allowed with state=cancelled"),
        ({"command": "REBOOT", "devices": ["x"], "reason": "y"}, "reason is not allowed with state=sent"),
        ({"command": "REBOOT"}, "state is sent but any of the following are missing: devices, groups, filters"),
        ({"devices": ["x"]}, "state is sent but all of the following are missing: command"),
    ],
)
def test_options_of_the_other_state_are_an_error(world: World, options: Row, message: str) -> None:
    run = world.run("device_command", options)
    assert run.failed
    assert message in run.message
    assert run.requests == []


def test_a_cancellation_obeys_the_limit_of_devices(world: World) -> None:
    world.simulator.conduct(polls=9)
    run = cancel(world, send(world), max_devices=1)
    assert "exceeds the limit of 1 device" in run.message
    assert run.writes == []


def test_a_command_that_does_not_exist_is_an_error(world: World) -> None:
    assert "not found" in cancel(world, "0c5ac9e5-4f2c-4a93-9d0c-2e3b8f6d7a11").message
