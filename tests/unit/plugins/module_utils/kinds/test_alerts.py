# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Report subscriptions, company settings and alert channels against the simulator: what is special about them."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.esper.cloud.tests.laws.world import Run, World

Row = dict[str, t.Any]


# --- report subscriptions ---------------------------------------------------------------------------------------------


def subscribe(world: World, *emails: str, **options: t.Any) -> Run:
    return world.run("report_subscription", {"emails": list(emails), **options})


def subscriptions(world: World) -> list[list[str]]:
    rows = world.must("report_subscription_info", {}).result["report_subscriptions"]
    return [row["emails"] for row in rows]


def test_a_subscription_is_the_one_that_has_one_of_the_addresses(world: World) -> None:
    subscribe(world, "a@example.com", "b@example.com")
    subscribe(world, "c@example.com")
    assert subscribe(world, "d@example.com", "b@example.com").writes[0].startswith("PATCH")
    assert subscriptions(world) == [["d@example.com", "b@example.com"], ["c@example.com"]]
    both = subscribe(world, "b@example.com", "c@example.com")
    assert "several report subscriptions" in both.message or "candidates" in both.result
    assert both.writes == []


def test_a_subscription_is_found_by_an_address_in_another_case(world: World) -> None:
    subscribe(world, "Desk@example.com")
    assert subscribe(world, "desk@example.com", "a@example.com").writes[0].startswith("PATCH")
    assert subscriptions(world) == [["desk@example.com", "a@example.com"]]
    assert subscribe(world, "DESK@example.com", "a@example.com", state="absent").changed
    assert subscriptions(world) == []


def test_an_id_replaces_the_addresses(world: World) -> None:
    identifier = subscribe(world, "a@example.com").result["report_subscription"]["id"]
    assert subscribe(world, "b@example.com", id=identifier).changed
    assert subscriptions(world) == [["b@example.com"]]


def test_only_a_subscription_with_the_same_addresses_is_deleted(world: World) -> None:
    subscribe(world, "a@example.com", "b@example.com")
    refused = subscribe(world, "a@example.com", state="absent")
    assert refused.message == (
        "The report subscription 'a@example.com, b@example.com' has other email addresses than the task, so it is not"
        " deleted. List all of its addresses, or set id."
    )
    assert not subscribe(world, "c@example.com", state="absent").changed
    assert subscribe(world, "b@example.com", "a@example.com", state="absent").changed
    assert subscriptions(world) == []


@pytest.mark.parametrize(
    ("emails", "error"),
    [
        ([], "emails must not be empty"),
        (["a"], "emails[0] is not a valid email address: 'a'"),
        ([f"{number}@example.com" for number in range(11)], "emails has 11 items; the maximum is 10"),
    ],
)
def test_invalid_addresses(world: World, emails: list[str], error: str) -> None:
    run = subscribe(world, *emails)
    assert error in run.message
    assert run.writes == []


def test_two_subscriptions_of_a_task_with_one_address_are_an_error(world: World) -> None:
    run = world.run(
        "tenant",
        {"report_subscriptions": [{"emails": ["a@example.com"]}, {"emails": ["b@example.com", "a@example.com"]}]},
    )
    assert "both refer to the report subscription" in run.message
    assert run.writes == []


# --- company settings -------------------------------------------------------------------------------------------------


def test_a_setting_that_the_tenant_does_not_have_is_an_error(world: World) -> None:
    def without(_method: str, _path: str, body: t.Any) -> t.Any:
        return {name: value for name, value in body.items() if name != "wifi_lte_toggle_flag"}

    assert world.must("enterprise", {"data_saver": True}).changed
    world.simulator.rewrites.append(without)
    for value in (True, False):
        run = world.run("enterprise", {"data_saver": value, "name": "Stores"}, check_mode=True)
        assert "data_saver is not available, because this tenant does not have" in run.message
    assert world.must("enterprise", {"name": "Stores"}).writes[0].startswith("PATCH")


@pytest.mark.parametrize("contact", ["contact_person", "contact_number"])
def test_an_empty_text_removes_a_contact(world: World, contact: str) -> None:
    assert not world.must("enterprise", {contact: ""}).changed
    world.must("enterprise", {contact: "Service desk"})
    cleared = world.must("enterprise", {contact: ""})
    assert cleared.requests[-1]["body"] == {contact: None}
    assert cleared.result["enterprise"][contact] is None
    assert not world.must("enterprise", {contact: ""}).changed


def test_tenant_takes_the_company_settings_as_a_dict(world: World) -> None:
    run = world.must("tenant", {"enterprise": {"name": "Stores"}, "preferred_region": {"countries": ["de", "AT"]}})
    assert run.result["counts"]["updated"] == 2
    assert not world.must("preferred_region", {"countries": ["AT", "DE"]}).changed


# --- alarm rules ------------------------------------------------------------------------------------------------------

RULE = {
    "name": "Low",
    "metric": "battery_level",
    "comparator": "LessThanThreshold",
    "value": 20,
    "unit": "Percent",
    "realert_interval": 60,
}


def rule(world: World, **options: t.Any) -> Row:
    result: Row = world.must("alarm_rule", {**RULE, **options}).result["alarm_rule"]
    return result


def sent(run: Run) -> Row:
    """Return the body of the last write request."""
    body: Row = [each["body"] for each in run.requests if each["method"] != "GET"][-1]
    return body


def a_device(world: World) -> Row:
    device: Row = world.must("device_info", {"groups": ["All devices"]}).result["devices"][0]
    return device


def test_devices_replace_groups_and_groups_replace_devices(world: World) -> None:
    device = a_device(world)["name"]
    rule(world, groups=["All devices"])
    run = world.must("alarm_rule", {"name": "Low", "devices": [device]})
    assert sent(run).keys() == {"devices", "groups"}
    assert sent(run)["groups"] == []
    assert run.diff[0]["before"] == {"devices": [], "groups": ["All devices"]}
    assert (run.result["alarm_rule"]["devices"], run.result["alarm_rule"]["groups"]) == ([device], [])
    assert not world.must("alarm_rule", {"name": "Low", "devices": [device]}).changed
    assert rule(world, groups=["All devices"])["devices"] == []
    emptied = world.must("alarm_rule", {"name": "Low", "devices": []})
    assert not emptied.changed, "an empty list does not remove the groups"


def test_a_rule_cannot_have_devices_and_groups(world: World) -> None:
    run = world.run("alarm_rule", {**RULE, "devices": ["a"], "groups": ["All devices"]})
    assert "mutually exclusive" in run.message


def test_conditions_are_compared_by_part_and_sent_as_a_whole(world: World) -> None:
    rule(world, toggle_state=True)
    assert not world.must("alarm_rule", {"name": "Low", "value": 20.0}).changed
    run = world.must("alarm_rule", {"name": "Low", "value": 15.5})
    assert sent(run) == {
        "conditions": {"value": 15.5, "unit": "Percent", "comparator": "LessThanThreshold", "toggle_state": True}
    }


def test_the_history_has_the_newest_alarms_first(world: World) -> None:
    created = rule(world, groups=["All devices"])
    rule(world, name="Other")
    [read] = world.must("alarm_rule_info", {"name": "Low", "history": 4}).result["alarm_rules"]
    history = read.pop("history")
    assert read == created
    assert len(history) == 4 < read["trigger_count"]
    times = [each["alert_time"] for each in history]
    assert times == sorted(times, reverse=True)
    assert len(set(times)) == 2
    assert history[0].keys() == {"device_id", "device_name", "group_ids", "group_name", "alert_time", "latest_seen"}
    every = world.must("alarm_rule_info", {"history": 1}).result["alarm_rules"]
    assert [len(each["history"]) for each in every] == [1, 0]
    assert "history" not in world.must("alarm_rule_info", {}).result["alarm_rules"][0]
    refused = world.run("alarm_rule_info", {"history": -1})
    assert refused.message == "Invalid parameters for the alarm rules: history is -1; the minimum is 0."


def test_active_rules_are_filtered_by_esper(world: World) -> None:
    rule(world)
    rule(world, name="Paused", active=False)
    for active, name in ((True, "Low"), (False, "Paused")):
        run = world.must("alarm_rule_info", {"active": active})
        assert [each["name"] for each in run.result["alarm_rules"]] == [name]
        assert run.requests[-1]["query"]["is_active"] == str(active).lower()


def test_a_channel_of_the_same_task_is_linked_and_deleted_after_the_rule(world: World) -> None:
    channel = {"name": "Desk", "emails": ["desk@example.com"]}
    created = world.must("tenant", {"alarm_rules": [{**RULE, "channels": ["Desk"]}], "alert_channels": [channel]})
    assert [write.rsplit("/", 2)[1] for write in created.writes] == ["alertchannels", "alarmrules"]
    assert isinstance(created.requests[-1]["body"]["alert_channels"][0], str)
    refused = world.run("alert_channel", {"name": "Desk", "state": "absent"})
    assert "is in use by the alarm rule 'Low'" in refused.message
    forced = world.run("alert_channel", {"name": "Desk", "state": "absent", "force": True})
    assert "The alert channel is linked to alarm rules." in forced.message
    absent = {
        "alert_channels": [{"name": "Desk", "state": "absent"}],
        "alarm_rules": [{"name": "Low", "state": "absent"}],
    }
    assert not world.must("tenant", absent, check_mode=True).writes
    assert world.must("tenant", absent).result["counts"]["deleted"] == 2


def test_a_channel_is_deleted_after_the_rule_stops_to_use_it(world: World) -> None:
    world.must("alert_channel", {"name": "Desk", "emails": ["desk@example.com"]})
    rule(world, channels=["Desk"])
    absent = {"name": "Desk", "state": "absent"}
    kept = world.run("tenant", {"alert_channels": [absent], "alarm_rules": [{"name": "Low", "active": False}]})
    assert "is in use by the alarm rule 'Low'" in kept.message
    run = world.must("tenant", {"alert_channels": [absent], "alarm_rules": [{"name": "Low", "channels": []}]})
    assert [write.split(" ")[0] for write in run.writes] == ["PATCH", "DELETE"]
