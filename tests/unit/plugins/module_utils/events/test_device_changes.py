# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The changes of devices that the event source finds, and the requests that it needs for them."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.base.errors import NotFound
from ansible_collections.esper.cloud.tests.laws.world import World
from ansible_collections.esper.cloud.tests.unit.plugins.module_utils.events.sources import LATER, NOW, MakeSource, Row

OFFLINE, ONLINE, DISABLED, PROVISIONING = 60, 1, 20, 50


def names(events: list[Row]) -> list[tuple[str, str]]:
    return [(event["type"], event["device"]["name"]) for event in events]


def test_the_first_poll_only_remembers_the_devices(make_source: MakeSource, devices: list[Row]) -> None:
    source = make_source()
    assert source.poll() == []
    assert source.poller.store.count_devices() == 60


def test_a_device_that_goes_offline_is_one_event(world: World, make_source: MakeSource, devices: list[Row]) -> None:
    source, device = make_source(changes="device_offline"), devices[0]
    source.poll()
    world.simulator.set_devices([device["id"]], state=OFFLINE, last_seen=NOW)
    (event,) = source.poll()
    assert (event["type"], event["origin"], event["previous"]) == ("device_offline", "poll", {"state": "online"})
    groups = {group["id"]: group["path"] for group in world.simulator.state()["groups"]}
    assert event["device"]["group"] == groups[device["group_id"]]
    assert event["device"]["last_seen"] == NOW
    assert len(event["device"]["tags"]) == len(device["tags"])
    assert not set(event["device"]["tags"]) & set(device["tags"])
    assert source.poll() == []


def test_a_poll_without_changes_takes_few_requests(world: World, make_source: MakeSource, devices: list[Row]) -> None:
    source = make_source()
    source.poll()
    source.poll()
    paths = [(each["path"], each["query"].get("ordering"), each["query"].get("state")) for each in source.requests]
    assert [each for each in paths if each[0] == "/v2/devices/"] == [
        ("/v2/devices/", "-last_seen", "60"),
        ("/v2/devices/", "-created_at", None),
    ]


def test_devices_that_never_complete_their_enrollment_cost_no_requests(
    world: World, make_source: MakeSource, devices: list[Row]
) -> None:
    world.simulator.reset(devices=900)
    source = make_source()
    source.poll()
    assert len(source.poller.store.enrolling()) > 50
    source.poll()
    assert len([each for each in source.requests if each["path"].startswith("/v2/devices/")]) == 2


def test_a_device_is_online_again(world: World, make_source: MakeSource, devices: list[Row]) -> None:
    source, device = make_source(), devices[0]
    source.poll()
    world.simulator.set_devices([device["id"]], state=OFFLINE, last_seen=NOW)
    source.poll()
    world.simulator.set_devices([device["id"]], state=ONLINE, last_seen=LATER)
    (event,) = source.poll()
    assert (event["type"], event["time"], event["seconds_absent"]) == ("device_online", LATER, 3600)
    assert event["previous"] == {"state": "offline", "last_seen": NOW}
    assert source.poll() == []


def test_one_goes_while_another_returns(world: World, make_source: MakeSource, devices: list[Row]) -> None:
    source, (one, two) = make_source(), devices[:2]
    source.poll()
    world.simulator.set_devices([one["id"]], state=OFFLINE, last_seen=NOW)
    source.poll()
    world.simulator.set_devices([one["id"]], state=ONLINE, last_seen=LATER)
    world.simulator.set_devices([two["id"]], state=OFFLINE, last_seen=LATER)
    assert sorted(names(source.poll())) == [("device_offline", two["name"]), ("device_online", one["name"])]


def test_a_device_returns_after_months(world: World, make_source: MakeSource, devices: list[Row]) -> None:
    source, device = make_source(), devices[0]
    world.simulator.set_devices([device["id"]], state=OFFLINE, last_seen="2025-11-01T09:30:00Z")
    source.poll()
    world.simulator.set_devices([device["id"]], state=ONLINE, last_seen=NOW)
    events = source.poll()
    assert names(events) == [("device_online", device["name"]), ("device_returned", device["name"])]
    assert events[1]["seconds_absent"] == 120 * 86_400
    assert source.poll() == []


def test_a_new_device_is_enrolled_when_it_is_in_use(world: World, make_source: MakeSource, devices: list[Row]) -> None:
    source = make_source(overlap=0)
    source.poll()
    one, two = world.simulator.change_devices(add=2)["added"]
    world.simulator.set_devices([one], state=ONLINE)
    world.simulator.set_devices([two], state=PROVISIONING)
    (event,) = source.poll()
    assert (event["type"], event["device"]["id"]) == ("device_enrolled", one)
    world.simulator.set_devices([two], state=ONLINE)
    (event,) = source.poll()
    assert (event["type"], event["device"]["id"]) == ("device_enrolled", two)
    assert source.poll() == []


def test_moves_and_removals_are_found_when_all_devices_are_read(
    world: World, make_source: MakeSource, devices: list[Row]
) -> None:
    source, (one, two, three) = make_source(), devices[:3]
    source.poll()
    groups = {group["id"]: group["path"] for group in world.simulator.state()["groups"]}
    target = next(group for group in groups if group != one["group_id"])
    world.simulator.set_devices([one["id"]], group_id=target)
    world.simulator.set_devices([two["id"]], state=DISABLED)
    world.simulator.change_devices(remove=[three["id"]])
    events = {event["device"]["id"]: event for event in source.read_fully()}
    assert {id_: event["type"] for id_, event in events.items()} == {
        one["id"]: "device_moved",
        two["id"]: "device_removed",
        three["id"]: "device_removed",
    }
    assert events[one["id"]]["device"]["group"] == groups[target]
    assert events[one["id"]]["previous"]["group"] == groups[one["group_id"]]
    assert source.read_fully() == []


def test_only_devices_of_the_groups_are_reported(world: World, make_source: MakeSource, devices: list[Row]) -> None:
    groups = {group["id"]: group["path"] for group in world.simulator.state()["groups"]}
    inside = next(each for each in devices if groups[each["group_id"]].count("/") >= 1)
    path = groups[inside["group_id"]]
    outside = next(each for each in devices if not groups[each["group_id"]].startswith(path))
    source = make_source(groups=[path.removeprefix("All devices/")])
    source.poll()
    world.simulator.set_devices([inside["id"], outside["id"]], state=OFFLINE, last_seen=NOW)
    assert names(source.poll()) == [("device_offline", inside["name"])]
    world.simulator.set_devices([outside["id"]], group_id=inside["group_id"])
    assert names(source.read_fully()) == [("device_moved", outside["name"])]
    world.simulator.set_devices([inside["id"]], group_id=outside["group_id"])
    (event,) = source.read_fully()
    assert (event["type"], event["device"]["id"]) == ("device_moved", inside["id"])
    world.simulator.set_devices([inside["id"]], state=ONLINE, last_seen=LATER)
    assert source.read_fully() == []


@pytest.mark.parametrize("key", ["last_seen", "created_at"])
def test_an_order_that_esper_ignores_is_found_by_reading_all_devices(
    world: World, make_source: MakeSource, devices: list[Row], key: str
) -> None:
    def shuffled(_method: str, path: str, body: t.Any) -> t.Any:
        if path == "/v2/devices/":
            rows = body["content"]["results"]
            rows.sort(key=lambda row: str(hash(row["id"])) + row["id"])
            rows.sort(key=lambda row: row["serial"][-1])
        return body

    source = make_source(changes=["device_offline", "device_enrolled"])
    source.poll()
    world.simulator.rewrites.append(shuffled)
    assert source.poll() == []
    assert any(f"in the order of {key}" in warning for warning in source.warnings)
    world.simulator.set_devices([devices[0]["id"]], state=OFFLINE, last_seen=NOW)
    assert source.poll() == []
    assert names(source.read_fully()) == [("device_offline", devices[0]["name"])]
    assert len(source.warnings) == 2


def test_a_restart_misses_nothing(world: World, make_source: MakeSource, devices: list[Row]) -> None:
    source, (one, two) = make_source(), devices[:2]
    source.poll()
    world.simulator.set_devices([one["id"]], state=OFFLINE, last_seen=NOW)
    # The process is killed after a poll that found the change, and before the event is handed over.
    source.poller.poll()
    source.kill()
    world.simulator.set_devices([one["id"]], state=ONLINE, last_seen=LATER)
    world.simulator.set_devices([two["id"]], state=OFFLINE, last_seen=LATER)
    assert names(source.hand_over()) == [("device_offline", one["name"])]
    assert sorted(names(source.poll())) == [("device_offline", two["name"]), ("device_online", one["name"])]
    source.kill()
    assert source.hand_over() == []
    assert source.poll() == []


def test_an_event_is_repeated_with_its_id_if_it_was_not_confirmed(
    world: World, make_source: MakeSource, devices: list[Row]
) -> None:
    source = make_source()
    source.poll()
    world.simulator.set_devices([devices[0]["id"]], state=OFFLINE, last_seen=NOW)
    source.poller.poll()
    ((_number, first),) = source.poller.events(10)
    source.kill()
    ((_number, second),) = source.poller.events(10)
    assert first == second
    assert first["meta"] == {"uuid": first["esper"]["id"], "hosts": devices[0]["name"]}


def test_other_filters_start_again(world: World, make_source: MakeSource, devices: list[Row]) -> None:
    source = make_source()
    source.poll()
    source.restart(filters={"platform": "ANDROID"})
    assert source.poll() == []
    assert "other filters" in source.warnings[0]
    assert 0 < source.poller.store.count_devices() < 60


def test_a_typo_in_a_filter_forgets_nothing(world: World, make_source: MakeSource, devices: list[Row]) -> None:
    source = make_source(groups=["All devices"])
    source.poll()
    world.simulator.set_devices([devices[0]["id"]], state=OFFLINE, last_seen=NOW)
    source.poller.poll()
    source.restart(groups=["All devicse"])
    # The event of the other filter waits.
    assert source.hand_over() == []
    with pytest.raises(NotFound, match="All devicse"):
        source.poll()
    source.restart(groups=["All devices"])
    assert names(source.hand_over()) == [("device_offline", devices[0]["name"])]
    assert source.warnings == []


def test_a_failed_poll_loses_nothing(world: World, make_source: MakeSource, devices: list[Row]) -> None:
    source = make_source(retries=0)
    source.poll()
    world.simulator.set_devices([devices[0]["id"]], state=OFFLINE, last_seen=NOW)
    world.simulator.fault(kind="status", status=429, path="/v2/devices/", times=3)
    for _attempt in range(3):
        with pytest.raises(Exception, match="429"):
            source.poll()
        assert source.hand_over() == []
    assert names(source.poll()) == [("device_offline", devices[0]["name"])]


def test_texts_of_an_event_are_no_templates(world: World, make_source: MakeSource, devices: list[Row]) -> None:
    def renamed(_method: str, path: str, body: t.Any) -> t.Any:
        if path == "/v2/devices/":
            for row in body["content"]["results"]:
                row.update(alias="{{ lookup('pipe', 'id') }}{% x %}", name="{{x}}")
        return body

    source = make_source()
    source.poll()
    world.simulator.set_devices([devices[0]["id"]], state=OFFLINE, last_seen=NOW)
    world.simulator.rewrites.append(renamed)
    source.poller.poll()
    ((_number, event),) = source.poller.events(10)
    assert event["esper"]["device"]["alias"] == "{ { lookup('pipe', 'id') }}{ % x %}"
    assert "{{" not in str(event)
    # Without a host, ansible-rulebook would run playbooks on all hosts of the rulebook.
    assert event["meta"]["hosts"] == devices[0]["serial"]
