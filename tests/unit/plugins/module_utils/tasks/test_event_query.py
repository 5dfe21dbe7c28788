# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Automation Platform counts the devices of a job: the queries of extensions/audit/event_query.yml, on real results.

The platform runs the query of a module on the result of each of its tasks. One name that is null or not unique in the
job discards all devices of the job, and a null in canonical_facts discards the device.
"""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import jq
import pytest
import yaml
from ansible_collections.esper.cloud.plugins.module_utils.catalog import definition_of
from ansible_collections.esper.cloud.plugins.module_utils.index import MODULES
from ansible_collections.esper.cloud.plugins.module_utils.tasks import polling
from ansible_collections.esper.cloud.tests.laws.world import World
from ansible_collections.esper.cloud.tests.unit.service import Clock

Row = dict[str, t.Any]

FILE = Path(__file__).resolve().parents[5] / "extensions" / "audit" / "event_query.yml"
QUERIES: dict[str, dict[str, str]] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
AT_NIGHT = {
    "schedule": "WINDOW",
    "schedule_args": {"start_datetime": "2090-05-01T22:00:00Z", "end_datetime": "2090-05-02T02:00:00Z"},
}
SCANNER = [{"package_name": "com.example.scanner"}]


@pytest.fixture
def android(world: World) -> list[str]:
    """The names of three Android devices in the root group, whose devices device_placement places."""
    world.simulator.reset(devices=30, groups=6, tags=4)
    devices = world.must("device_info", {"filters": {"platform": "ANDROID"}}).result["devices"]
    names = [each["name"] for each in devices if each["state"] != "disabled"][:3]
    world.must("device", {"devices": names, "group": "All devices"})
    return names


def counted(module: str, result: t.Any) -> list[Row]:
    """Return the devices that the platform counts for the result of a task."""
    rows: list[Row] = jq.compile(QUERIES[f"esper.cloud.{module}"]["query"]).input_value(result).all()
    return rows


def tasks(names: list[str]) -> dict[str, Row]:
    """Return the options of a task for each module, which acts on all of these devices."""
    return {
        "converge": {"devices": names, "force": True},
        "device": {"devices": names, "add_tags": ["counted"]},
        "device_command": {"devices": names, "command": "UPDATE_HEARTBEAT"},
        "device_google_account": {"devices": names},
        "device_google_policy": {"devices": names, "apps": SCANNER},
        "device_placement": {
            "devices": names,
            "rules": [{"name": "all", "fallback": True, "add_tags": ["placed"]}],
        },
        "device_retire": {"days": 1, "platforms": ["ANDROID"]},
        "operation": {"devices": names, "operation_type": "REFRESH_APPLIST"},
    }


def test_each_module_that_returns_devices_has_a_query() -> None:
    def returns_devices(module: str) -> bool:
        spec = definition_of(module).module
        values = {value.name: value for value in spec.returns} if spec else {}
        return "devices" in values and "id" in {inner.name for inner in values["devices"].contains}

    acting = {f"esper.cloud.{module}" for module in MODULES if not module.endswith("_info") and returns_devices(module)}
    assert set(QUERIES) == acting


# The results of this module are in test_rollout_wave.py.
_ROLLOUT = "rollout_wave"


def test_the_result_of_each_module_with_a_query_is_tested() -> None:
    assert {f"esper.cloud.{module}" for module in [*tasks([]), "pipeline_run", _ROLLOUT]} == set(QUERIES)


@pytest.mark.parametrize("module", sorted(tasks([])))
def test_results_have_the_devices_of_the_task(world: World, android: list[str], module: str) -> None:
    if module == "device_retire":
        world.simulator.rewrites.append(not_seen_since_2020)
    elif module == "device_google_policy":
        world.must("device_google_account", {"devices": android})
    run = world.must(module, tasks(android)[module])
    rows = counted(module, run.result)
    assert [row["canonical_facts"]["esper_device_id"] for row in rows] == [each["id"] for each in run.result["devices"]]
    assert set(android) <= {row["name"].partition(" ")[0] for row in rows}
    assert len({row["name"] for row in rows}) == len(rows)
    assert no_null(rows)


def test_a_device_is_counted_once_for_all_tasks_of_a_job(world: World, android: list[str]) -> None:
    """Its facts stay the same if its alias, tags and group change, and for each module."""
    jobs = [(module, options) for module, options in tasks(android).items() if module != "device_retire"]
    jobs.append(("device", {"devices": android, "group": "Stores", "create_groups": True}))
    found = [row for module, options in jobs for row in counted(module, world.must(module, options).result)]
    assert len(found) == len(jobs) * len(android)
    assert len({str(row["canonical_facts"]) for row in found}) == len({row["name"] for row in found}) == len(android)


@pytest.mark.parametrize("module", sorted(tasks([])))
@pytest.mark.parametrize(
    "result",
    [
        {"censored": "the output has been hidden due to the fact that 'no_log: true' was specified for this result"},
        {"failed": True, "msg": "No tenant is set."},
        {"results": [{"devices": [{"id": "1"}]}], "changed": True},
        {"devices": None},
        {"devices": ["OUW-MDJ-00001", {"name": "OUW-MDJ-00001", "id": None}]},
    ],
)
def test_results_without_devices_count_nothing(module: str, result: Row) -> None:
    """The items of a loop have events of their own."""
    assert counted(module, result) == []


def test_devices_without_a_name_or_with_the_same_name_are_counted() -> None:
    devices = [{"id": "1", "name": None, "serial": None}, {"id": "2", "name": "Till"}, {"id": "3", "name": "Till"}]
    rows = counted("device", {"devices": devices})
    assert [row["name"] for row in rows] == ["device (1)", "Till (2)", "Till (3)"]
    assert no_null(rows)


@pytest.mark.parametrize(
    ("module", "options"),
    [
        ("device_command", {"groups": ["All devices"], "command": "UPDATE_HEARTBEAT"}),
        ("operation", {"device_query": {"platform": "ANDROID"}, "operation_type": "REFRESH_APPLIST"}),
    ],
)
def test_devices_that_only_esper_knows_are_null(world: World, module: str, options: Row) -> None:
    for check_mode in (True, False):
        run = world.run(module, options, check_mode=check_mode)
        assert not run.failed, run.message
        assert (run.result["devices"], counted(module, run.result)) == (None, [])


@pytest.mark.parametrize("module", ["converge", "device_command", "operation"])
def test_check_mode_returns_the_devices_that_the_task_would_command(
    world: World, android: list[str], module: str
) -> None:
    run = world.run(module, tasks(android)[module], check_mode=True)
    assert (run.writes, [each["name"] for each in run.result["devices"]]) == ([], android)


def test_devices_for_which_nothing_is_canceled_are_not_returned(world: World) -> None:
    """A second task has nothing to cancel."""
    names = devices_that_are(world, "offline")

    def cancelled(module: str, id_: str) -> list[list[str]]:
        options = {"state": "cancelled", "id": id_, "reason": "Postponed", "devices": names[:2]}
        results = [world.must(module, options).result for _number in range(2)]
        return [[each["name"] for each in result["devices"]] for result in results]

    (command,) = world.must("device_command", {**tasks(names)["device_command"], **AT_NIGHT}).result["commands"]
    assert cancelled("device_command", command["id"]) == [names[:2], []]
    (operation,) = world.must("operation", {**tasks(names)["operation"], **AT_NIGHT}).result["operations"]
    assert cancelled("operation", operation["id"]) == [names[:2], []]
    whole = world.must("operation", {"state": "cancelled", "id": operation["id"], "reason": "Postponed"})
    assert (whole.changed, whole.result["devices"]) == (True, None)


def test_devices_of_a_pipeline_are_counted_when_their_results_are_read(
    world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "time", clock)
    names = devices_that_are(world, "online")
    stages = [
        {"name": f"Stage {number}", "devices": devices, "operations": [{"type": "REBOOT"}]}
        for number, devices in enumerate((names[:2], names[1:]), 1)
    ]
    world.must("pipeline", {"name": "Restart", "stages": stages})
    run = world.must("pipeline_run", {"pipeline": "Restart", "wait": True, "promote": "always"})
    devices = world.must("device_info", {"devices": names}).result["devices"]
    rows = counted("pipeline_run", run.result)
    assert {row["canonical_facts"]["esper_device_id"] for row in rows} == {each["id"] for each in devices}
    assert (len(rows), no_null(rows)) == (len(names), True)
    started = world.must("pipeline_run", {"pipeline": "Restart"})
    assert (started.result["devices"], counted("pipeline_run", started.result)) == (None, [])


def test_the_devices_of_a_large_task_fit_into_an_event(world: World) -> None:
    """Automation Platform removes results of more than 700,000 bytes."""
    world.simulator.reset(devices=1000)
    run = world.must("device_command", {"filters": {"state": "online"}, "command": "UPDATE_HEARTBEAT"})
    size = len(json.dumps(run.result["devices"])) / len(run.result["devices"])
    assert size * 9000 < 700_000


def devices_that_are(world: World, state: str) -> list[str]:
    """Return the names of three Android devices with a state."""
    world.simulator.reset(devices=30, groups=6, tags=4)
    filters = {"platform": "ANDROID", "state": state}
    return [each["name"] for each in world.must("device_info", {"filters": filters}).result["devices"]][:3]


def not_seen_since_2020(_method: str, path: str, body: t.Any) -> t.Any:
    """Return the response of Esper for devices that are offline for years."""
    content = body.get("content", {}) if path.startswith("/v2/devices/") else {}
    for row in content.get("results", [content] if "last_seen" in content else []):
        row.update(state=60, last_seen="2020-01-08T10:47:18Z")
    return body


def no_null(value: t.Any) -> bool:
    """Return whether data contains no null."""
    if isinstance(value, dict):
        return all(map(no_null, value.values()))
    return all(map(no_null, value)) if isinstance(value, list) else value is not None
