# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Alarms and results of commands that the event source finds, each once."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.esper.cloud.tests.laws.world import World
from ansible_collections.esper.cloud.tests.unit.plugins.module_utils.events.sources import LATER, NOW, MakeSource, Row


@pytest.fixture
def rule(world: World, devices: list[Row]) -> str:
    """The ID of an alarm rule with alarms in the past."""
    options: Row = {"name": "Battery", "metric": "BATTERY_LEVEL", "devices": [each["id"] for each in devices[:10]]}
    values: Row = {"value": 20, "unit": "Percent", "comparator": "LessThanThreshold", "realert_interval": 60}
    world.must("alarm_rule", {**options, **values})
    (rules,) = (rows for kind, rows in world.simulator.state().items() if kind.endswith("/alarmrules"))
    return str(rules[0]["id"])


def send(world: World, *targets: Row, failing: t.Sequence[Row] = ()) -> None:
    world.simulator.conduct(polls=1, failing=[each["id"] for each in failing], reason="No memory")
    options: Row = {"command": "REBOOT", "devices": [each["id"] for each in targets], "wait": True}
    world.run("device_command", options)


def turn_history(world: World) -> None:
    """Let the history of alarms start with the newest one."""

    def turned(_method: str, path: str, body: t.Any) -> t.Any:
        return {**body, "results": body["results"][::-1]} if path.endswith("/alarmhistory/") else body

    world.simulator.rewrites.append(turned)


@pytest.mark.parametrize("turns", [False, True])
def test_a_new_alarm_is_one_event(
    world: World, make_source: MakeSource, devices: list[Row], rule: str, turns: bool
) -> None:
    if turns:
        turn_history(world)
    source = make_source(changes=["alarm"], overlap=3600)
    assert source.poll() == []
    world.simulator.alarm(rule, devices[0]["id"], "2099-03-01T09:30:00Z")
    (event,) = source.poll()
    assert event["alarm"] == {"id": rule, "name": "Battery", "metric": "BATTERY_LEVEL"}
    assert (event["type"], event["time"]) == ("alarm", "2099-03-01T09:30:00Z")
    assert event["device"]["name"] == devices[0]["name"]
    assert source.poll() == []
    # One that is late but within the overlap, and another one of the same device.
    world.simulator.alarm(rule, devices[1]["id"], "2099-03-01T09:29:30Z")
    world.simulator.alarm(rule, devices[0]["id"], "2099-03-01T09:31:30Z")
    assert [event["device"]["name"] for event in source.poll()] == [devices[1]["name"], devices[0]["name"]]
    source.kill()
    assert source.poll() == []
    assert source.warnings == []


def test_a_long_history_is_not_read_as_a_whole(
    world: World, make_source: MakeSource, devices: list[Row], rule: str
) -> None:
    source = make_source(changes=["alarm"], overlap=0)
    for minute in range(300):
        time = f"2099-03-01T{minute // 60:02}:{minute % 60:02}:00Z"
        world.simulator.alarm(rule, devices[0]["id"], time)
    source.poll()
    world.simulator.alarm(rule, devices[0]["id"], "2099-03-02T00:00:00Z")
    assert len(source.poll()) == 1
    pages = [each for each in source.requests if each["path"].endswith("/alarmhistory/")]
    # The first and the last one.
    assert len(pages) == 2
    assert source.poller.store.count_seen() == 0


def test_the_number_of_alarms_in_memory_is_limited(
    world: World, make_source: MakeSource, devices: list[Row], rule: str
) -> None:
    source = make_source(changes=["alarm"], overlap=30 * 86_400, max_seen=100)
    source.poll()
    for minute in range(300):
        world.simulator.alarm(rule, devices[0]["id"], f"2099-03-01T{minute // 60:02}:{minute % 60:02}:00Z")
    assert len(source.poll()) == 300
    assert source.poller.store.count_seen() == 100
    assert source.poll() == []
    assert source.poller.store.count_seen() == 100


def test_a_failed_command_is_one_event_for_each_device(
    world: World, make_source: MakeSource, devices: list[Row]
) -> None:
    send(world, devices[0], failing=[devices[0]])
    source = make_source(changes=["command_failed"])
    assert source.poll() == []
    send(world, *devices[1:4], failing=devices[2:4])
    events = source.poll()
    assert {event["device"]["name"] for event in events} == {each["name"] for each in devices[2:4]}
    assert {event["type"] for event in events} == {"command_failed"}
    assert events[0]["command"] == {**events[0]["command"], "name": "REBOOT", "state": "failed", "reason": "No memory"}
    assert source.poll() == []
    source.restart(changes=["command_failed", "command_succeeded"])
    assert source.poll() == []
    send(world, devices[4])
    assert [(event["type"], event["device"]["name"]) for event in source.poll()] == [
        ("command_succeeded", devices[4]["name"])
    ]
    source.kill()
    assert source.poll() == []


def test_filters_apply_to_alarms_and_commands(
    world: World, make_source: MakeSource, devices: list[Row], rule: str
) -> None:
    inside = next(each for each in devices if each["platform"] == "ANDROID")
    outside = next(each for each in devices if each["platform"] != "ANDROID")
    source = make_source(changes=["alarm", "command_succeeded"], filters={"platform": "ANDROID"})
    source.poll()
    for device in (outside, inside):
        world.simulator.alarm(rule, device["id"], NOW.replace("2026", "2099"))
        world.simulator.alarm(rule, device["id"], LATER.replace("2026", "2099"))
        send(world, device)
    events = source.poll()
    assert len(events) == 3
    assert {event["device"]["name"] for event in events} == {inside["name"]}
