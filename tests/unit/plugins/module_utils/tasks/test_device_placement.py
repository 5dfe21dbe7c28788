# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices are placed and named by rules, in bulk and once, against the simulator."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.tasks.enrolled_devices import EXCLUDED_STATES
from ansible_collections.esper.cloud.tests.laws.world import Run, World

Row = dict[str, t.Any]

BERLIN = "All devices/Stores/Berlin"
OFFICES = "All devices/Offices"
COMMANDS = "POST /commands/v0/commands/"


@pytest.fixture
def tenant(world: World) -> World:
    world.simulator.reset(devices=30, groups=6, tags=4)
    return world


def place(world: World, *rules: Row, check_mode: bool = False, **options: t.Any) -> Run:
    return world.run("device_placement", {"rules": list(rules), **options}, check_mode=check_mode)


def devices(world: World) -> dict[str, Row]:
    """The enrolled devices by name."""
    rows = world.must("device_info", {"filters": {}}).result["devices"]
    return {row["name"]: row for row in rows if row["state_code"] not in EXCLUDED_STATES}


def everything(**sets: t.Any) -> Row:
    return {"name": "all", "fallback": True, **sets}


def names(rows: list[Row]) -> set[str]:
    return {row["name"] for row in rows}


# --- changes ----------------------------------------------------------------------------------------------------------


def test_rules_move_tag_and_name_devices_once(tenant: World) -> None:
    before = devices(tenant)
    unplaced = {name: row for name, row in before.items() if row["group"] in (None, "All devices")}
    rules = (
        {
            "name": "new",
            "match": {"group": "All devices"},
            "group": "Stores/Berlin",
            "add_tags": ["new"],
            "alias": "{group_name} {serial:-4}",
        },
        {"name": "placed", "match": {"group": {"below": "All devices"}}, "ignore": True},
    )
    predicted = place(tenant, *rules, check_mode=True)
    run = place(tenant, *rules)
    assert (predicted.changed, predicted.diff, predicted.writes) == (True, run.diff, [])
    assert predicted.result["devices"] == run.result["devices"]
    assert names(run.result["devices"]) == set(unplaced) != set()
    assert (run.result["changed_count"], run.result["device_count"]) == (len(unplaced), len(before))
    assert run.result["rules"][0] == {"name": "new", "matched": len(unplaced), "changed": len(unplaced)}
    assert run.result["ambiguous_count"] == len(unplaced)
    # One request moves them all. Devices with an alias keep it.
    assert sum("/devicegroup/" in write for write in run.writes) == 1
    unnamed = {name for name, row in unplaced.items() if not row["alias"]}
    assert run.writes.count(COMMANDS) == len(unnamed) > 0
    assert {row["name"]: row["alias"] for row in run.result["devices"] if row["alias"]} == {
        name: f"Berlin {unplaced[name]['serial'][-4:]}" for name in unnamed
    }
    after = devices(tenant)
    assert {name: row["group"] for name, row in after.items()} == {
        name: BERLIN if name in unplaced else row["group"] for name, row in before.items()
    }
    assert all("new" in after[name]["tags"] for name in unplaced)
    again = place(tenant, *rules)
    assert (again.changed, again.writes, again.diff) == (False, [], [])


def test_a_second_run_with_the_same_rules_sends_no_alias_again(tenant: World) -> None:
    rules = everything(alias="{serial} A")
    first = place(tenant, rules, overwrite_aliases=True)
    assert first.writes.count(COMMANDS) == len(devices(tenant))
    again = place(tenant, rules, overwrite_aliases=True)
    assert (again.changed, again.writes) == (False, [])


def test_a_plan_reads_the_list_of_devices_once_and_no_device(tenant: World) -> None:
    run = place(tenant, everything(group=BERLIN, add_tags=["new"]), check_mode=True, overwrite_groups=True)
    assert run.result["changed_count"] > 20
    paths = [each["path"] for each in run.requests]
    assert [path for path in paths if "/device/" in path or path.startswith("/v2/devices/")] == ["/v2/devices/"]
    # The others are about device groups, tags and blueprints.
    assert len(paths) < run.result["changed_count"]


# --- what an operator did stays ---------------------------------------------------------------------------------------


def test_devices_that_somebody_placed_stay(tenant: World) -> None:
    before = devices(tenant)
    rule = everything(group=BERLIN, add_tags=["berlin"], alias="B {serial}")
    run = place(tenant, rule, check_mode=True)
    kept = {name for name, row in before.items() if not (row["group"] or "All devices").startswith(BERLIN)}
    kept = {name for name in kept if before[name]["group"] not in (None, "All devices")}
    assert names(run.result["skipped_devices"]) == kept != set()
    assert not names(run.result["devices"]) & kept
    assert run.result["skipped_devices"][0]["option"] == "group"
    # A device in a subgroup is in its place.
    tills = {name for name, row in before.items() if row["group"] == f"{BERLIN}/Tills"}
    assert tills
    assert all(row["group"] is None for row in run.result["devices"] if row["name"] in tills)
    every = place(tenant, rule, check_mode=True, overwrite_groups=True)
    assert every.result["skipped_count"] == 0
    assert kept <= names(every.result["devices"])


def test_devices_move_from_the_named_groups_only(tenant: World) -> None:
    before = devices(tenant)
    run = place(tenant, everything(group=BERLIN), check_mode=True, from_groups=["Stores", OFFICES])
    moved = {name for name, row in before.items() if row["group"] in ("All devices/Stores", OFFICES)}
    assert names(run.result["devices"]) == moved != set()
    assert place(tenant, everything(group=BERLIN), check_mode=True, from_groups=[]).changed is False


# --- aliases are unique -----------------------------------------------------------------------------------------------


def test_no_device_gets_the_alias_of_another_one(tenant: World) -> None:
    run = place(tenant, everything(alias="{platform}", add_tags=["x"]), overwrite_aliases=True, check_mode=True)
    by_platform: dict[str, set[str]] = {}
    for name, row in devices(tenant).items():
        by_platform.setdefault(row["platform"], set()).add(name)
    shared = {name for same in by_platform.values() if len(same) > 1 for name in same}
    assert names(row for row in run.result["skipped_devices"] if row["option"] == "alias") >= shared
    assert all(row["alias"] is None for row in run.result["devices"] if row["name"] in shared)
    assert "is not unique" in run.warnings[0]
    # The rest of the rule applies.
    assert run.result["changed_count"] > len(shared) - 1


@pytest.mark.parametrize("key", ["name", "alias", "serial"])
def test_no_device_gets_an_alias_that_is_a_name_of_another_one(tenant: World, key: str) -> None:
    first, second, *_others = devices(tenant).values()

    def rewrite(_method: str, path: str, body: t.Any) -> t.Any:
        if path == "/v2/devices/":
            (row,) = [row for row in body["content"]["results"] if row["id"] == second["id"]]
            row[key] = f"X {first['serial']} "
        return body

    tenant.simulator.rewrites.append(rewrite)
    rule = {"match": {"serial": first["serial"]}, "alias": "X {serial}"}
    run = place(tenant, rule, overwrite_aliases=True)
    assert (run.changed, run.writes) == (False, [])
    (skipped,) = run.result["skipped_devices"]
    assert (skipped["name"], skipped["option"]) == (first["name"], "alias")
    assert "is not unique: 1 device (" in skipped["reason"]


def test_a_device_without_the_fields_of_the_template_is_reported(tenant: World) -> None:
    run = place(tenant, everything(alias="W {wifi_ssid} {serial}"), overwrite_aliases=True, check_mode=True)
    without = {name for name, row in devices(tenant).items() if not row["network"]["wifi_ssid"]}
    assert names(run.result["skipped_devices"]) == without != set()


def test_hostile_values_of_devices_are_inserted_as_they_are(tenant: World) -> None:
    def rewrite(method: str, path: str, body: t.Any) -> t.Any:
        if path == "/v2/devices/":
            for row in body["content"]["results"]:
                row["hardware_info"] = {"model": "{{ lookup('pipe', 'id') }} {serial}"}
                row["network_stats"] = ["no", "dict"]
        return body

    tenant.simulator.rewrites.append(rewrite)
    run = place(tenant, everything(alias="{model} {name}"), overwrite_aliases=True, check_mode=True)
    aliases = {row["alias"] for row in run.result["devices"]}
    assert aliases == {f"{{{{ lookup('pipe', 'id') }}}} {{serial}} {name}" for name in names(run.result["devices"])}


# --- report and limits ------------------------------------------------------------------------------------------------


def test_devices_without_a_rule_and_with_several_are_reported_or_an_error(tenant: World) -> None:
    rules = ({"match": {"platform": "ANDROID"}, "add_tags": ["a"]}, {"match": {"os": "Android"}, "add_tags": ["b"]})
    run = place(tenant, *rules, check_mode=True)
    android = {name for name, row in devices(tenant).items() if row["platform"] == "ANDROID"}
    assert names(run.result["ambiguous_devices"]) == android
    assert names(run.result["unmatched_devices"]) == set(devices(tenant)) - android
    assert run.result["ambiguous_devices"][0]["rules"] == ["rule 1", "rule 2"]
    assert all("b" not in row["tags"] for row in run.result["devices"])
    short = place(tenant, *rules, check_mode=True, max_reported=1).result
    assert (len(short["devices"]), len(short["unmatched_devices"]), short["changed_count"]) == (1, 1, len(android))
    unmatched = place(tenant, *rules, on_unmatched="fail")
    assert unmatched.message.startswith(f"No rule matches {len(devices(tenant)) - len(android)} devices (")
    several = place(tenant, *rules, on_multiple="fail")
    assert f"Several rules match {len(android)} devices (" in several.message
    assert "matches rule 1 and rule 2" in several.message
    assert unmatched.writes == several.writes == []


@pytest.mark.parametrize("limit", [{"max_devices": 3}, {"max_percent": 5}])
@pytest.mark.parametrize("check_mode", [False, True])
def test_limits_stop_the_task_before_changes(tenant: World, limit: Row, check_mode: bool) -> None:
    run = place(tenant, everything(add_tags=["x"]), check_mode=check_mode, **limit)
    assert run.failed
    assert f"Changing {len(devices(tenant))} devices (" in run.message
    assert "exceeds the limit of" in run.message
    assert run.writes == []


def test_only_devices_enrolled_since_then_or_named_are_compared(
    tenant: World,
) -> None:
    times = sorted(row["provisioned_on"] for row in devices(tenant).values())
    run = place(tenant, everything(add_tags=["x"]), check_mode=True, enrolled_since=times[-3])
    assert run.result["device_count"] == run.result["changed_count"] == 3
    name = next(iter(devices(tenant)))
    run = place(tenant, everything(add_tags=["x"]), check_mode=True, devices=[name])
    assert names(run.result["devices"]) == {name}


INVALID: list[Row] = [
    {"rules": []},
    {"rules": [everything()]},
    {"rules": [everything(tags=[])]},
    {"rules": [everything(add_tags=[])]},
    {"rules": [everything(add_tags=[""])]},
    {"rules": [everything(group="")]},
    {"rules": [everything(group=None)]},
    {"rules": [everything(group="Nowhere", add_tags=["x"])]},
    {"rules": [everything(alias="")]},
    {"rules": [everything(ignore=True, add_tags=["x"])]},
    {"rules": [everything(add_tags=["x"]), everything(add_tags=["y"])]},
    {"rules": [{"match": {}, "add_tags": ["x"]}]},
    {"rules": [{"match": None, "add_tags": ["x"]}]},
    {"rules": [{"add_tags": ["x"]}]},
    {"rules": [{"match": {"serial": ""}, "add_tags": ["x"]}]},
    {"rules": [everything(add_tags=["x"])], "enrolled_since": ""},
    {"rules": [everything(add_tags=["x"])], "enrolled_since": None},
    {"rules": [everything(add_tags=["x"])], "enrolled_since": "0d"},
    {"rules": [everything(add_tags=["x"])], "devices": None},
    {"rules": [everything(add_tags=["x"])], "devices": [""]},
    {"rules": [everything(group=BERLIN)], "from_groups": None},
    {"rules": [everything(group=BERLIN)], "from_groups": ["Stores"], "overwrite_groups": True},
    {"rules": [everything(add_tags=["x"])], "max_devices": 0},
    {"rules": [everything(add_tags=["x"])], "max_percent": 0},
    {"rules": [everything(add_tags=["x"])], "max_reported": -1},
    {"rules": None},
]


def test_an_empty_or_wrong_value_is_an_error_and_changes_nothing(world: World) -> None:
    for options in INVALID:
        run = world.run("device_placement", options)
        assert run.failed, options
        assert run.writes == []


def test_an_empty_list_of_devices_changes_nothing(world: World) -> None:
    run = place(world, everything(add_tags=["x"]), devices=[])
    assert (run.failed, run.changed, run.requests) == (False, False, [])


def test_too_many_tags_are_reported_and_the_other_devices_are_changed(tenant: World) -> None:
    run = place(tenant, everything(add_tags=["a", "b", "c", "d"]))
    full = {name for name, row in devices(tenant).items() if len({*row["tags"], "a", "b", "c", "d"}) > 5}
    assert names(run.result["skipped_devices"]) == full != set()
    assert {row["option"] for row in run.result["skipped_devices"]} == {"add_tags"}
    assert run.result["changed_count"] == len(devices(tenant)) - len(full)


def test_a_device_that_fails_does_not_stop_the_others(tenant: World) -> None:
    first, *others = devices(tenant).values()
    tenant.simulator.fault(kind="status", status=400, method="PATCH", path=f"/device/{first['id']}/", times=None)
    run = place(tenant, everything(tags=["x"]))
    assert (run.failed, run.changed) == (True, True)
    assert [row["name"] for row in run.result["failed_devices"]] == [first["name"]]
    assert f"1 of {len(others) + 1} devices failed" in run.message
    assert "HTTP 400" in run.result["failed_devices"][0]["reason"]
    assert (run.result["changed_count"], names(run.result["devices"])) == (len(others), {row["name"] for row in others})
    tenant.simulator.clear_faults()
    assert names(place(tenant, everything(tags=["x"])).result["devices"]) == {first["name"]}
