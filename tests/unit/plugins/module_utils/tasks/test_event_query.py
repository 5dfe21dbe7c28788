# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Automation Platform counts the devices of a job: the queries of extensions/audit/event_query.yml, on real results.

The platform runs the query of a module on the result of each of its tasks. One name that is null or not unique in the
job discards all devices of the job, and a null in canonical_facts discards the device.
"""

from __future__ import annotations

import typing as t
from pathlib import Path

import jq
import pytest
import yaml
from ansible_collections.esper.cloud.plugins.module_utils.catalog import definition_of
from ansible_collections.esper.cloud.plugins.module_utils.index import MODULES
from ansible_collections.esper.cloud.tests.laws.world import World

Row = dict[str, t.Any]

FILE = Path(__file__).resolve().parents[5] / "extensions" / "audit" / "event_query.yml"
QUERIES: dict[str, dict[str, str]] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
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
        "device": {"devices": names, "add_tags": ["counted"]},
        "device_google_account": {"devices": names},
        "device_google_policy": {"devices": names, "apps": SCANNER},
        "device_placement": {
            "devices": names,
            "rules": [{"name": "all", "fallback": True, "add_tags": ["placed"]}],
        },
        "device_retire": {"days": 1, "platforms": ["ANDROID"]},
    }


def test_each_module_that_returns_devices_has_a_query() -> None:
    def returns_devices(module: str) -> bool:
        spec = definition_of(module).module
        values = {value.name: value for value in spec.returns} if spec else {}
        return "devices" in values and "id" in {inner.name for inner in values["devices"].contains}

    acting = {f"esper.cloud.{module}" for module in MODULES if not module.endswith("_info") and returns_devices(module)}
    assert set(QUERIES) == acting


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
