# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The latest converges of devices and of the tenant, in whatever order Esper lists them, and new ones."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.esper.cloud.tests.laws.world import Run, World

Row = dict[str, t.Any]

ONE, TWO, THREE = "OUW-MDJ-00001", "RAL-BMW-00002", "RZL-FZE-00003"


@pytest.fixture
def ids(world: World) -> dict[str, str]:
    """Converge two devices, the first one twice, and return the IDs of devices by name."""
    found = {each["name"]: each["id"] for each in world.simulator.state(devices=True)["devices"]}
    for name in (ONE, TWO, ONE):
        body = {"device_id": found[name], "converge_with_provision_option": name == TWO}
        world.must("api", {"method": "POST", "path": "/v2/converge", "body": body})

    def in_no_order(method: str, path: str, body: t.Any) -> t.Any:
        if (method, path) == ("GET", "/v2/converge"):
            rows = body["content"]["results"]
            rows[:] = rows[1::2] + rows[::2]
        return body

    world.simulator.rewrites.append(in_no_order)
    return found


def read(world: World, **options: t.Any) -> Run:
    run = world.must("converge_info", options)
    assert (run.changed, run.writes) == (False, [])
    return run


def devices(run: Run) -> list[str]:
    return [converge["device"]["name"] for converge in run.result["converges"]]


def test_the_last_converge_of_each_device_is_returned(world: World, ids: dict[str, str]) -> None:
    run = read(world, devices=[ONE, TWO, THREE, "none"], commands=True)
    assert devices(run) == [ONE, TWO]
    assert run.result["missing"] == ["none"]
    last, provisioned = run.result["converges"]
    assert (last["with_provisioning"], provisioned["with_provisioning"]) == (False, True)
    assert last["blueprint"]["name"] == "Signage (Linux)"
    assert isinstance(last["version"]["number"], int)
    assert (last["schedule"], last["device"]["id"]) == ("IMMEDIATE", ids[ONE])
    assert [set(command) for command in last["commands"]] == [{"id", "state", "reason"}]
    (request,) = [each for each in run.requests if each["path"] == "/v2/converge"]
    assert set(request["query"]["device_ids"].split(",")) == {ids[ONE], ids[TWO], ids[THREE]}
    assert devices(read(world, devices=[ONE], limit=5)) == [ONE, ONE]
    assert devices(read(world, devices=[])) == []


def test_the_latest_converges_of_the_tenant_are_returned(world: World, ids: dict[str, str]) -> None:
    assert devices(read(world)) == [ONE]
    assert devices(read(world, limit=9)) == [ONE, TWO, ONE]
    times = [each["created_at"] for each in read(world, limit=9).result["converges"]]
    assert times == sorted(times, reverse=True)


def test_one_converge_is_read_by_its_id(world: World, ids: dict[str, str]) -> None:
    (row,) = read(world, devices=[TWO]).result["converges"]
    run = read(world, id=row["id"], resolve_names=False)
    assert len(run.requests) == 1
    assert run.result["converges"][0]["device"] == {"id": ids[TWO]}
    assert run.result["converges"][0]["version"] == {"id": row["version"]["id"]}
    assert read(world, id="0c5ac9e5-4f2c-4a93-9d0c-2e3b8f6d7a11").result["converges"] == []


def test_the_status_is_selected_before_the_limit(world: World, ids: dict[str, str]) -> None:
    def with_failure(method: str, path: str, body: t.Any) -> t.Any:
        if (method, path) == ("GET", "/v2/converge"):
            oldest = min(body["content"]["results"], key=lambda row: str(row["created_at"]))
            oldest["status"] = "FAILURE"
        return body

    world.simulator.rewrites.append(with_failure)
    (row,) = read(world, devices=[ONE], status="FAILURE").result["converges"]
    assert (row["status"], row["device"]["name"]) == ("FAILURE", ONE)
    assert read(world, devices=[ONE]).result["converges"][0]["id"] != row["id"]


def test_what_does_not_exist_any_more_has_no_name(world: World, ids: dict[str, str]) -> None:
    gone = "0c5ac9e5-4f2c-4a93-9d0c-2e3b8f6d7a11"

    def with_others(method: str, path: str, body: t.Any) -> t.Any:
        if (method, path) == ("GET", "/v2/converge"):
            for row in body["content"]["results"]:
                row.update(device_id=gone, blueprint_info={"blueprint_id": gone, "blueprint_version_id": gone})
        return body

    world.simulator.rewrites.append(with_others)
    (row,) = read(world).result["converges"]
    assert row["device"] == row["blueprint"] == {"id": gone, "name": None}
    assert row["version"] == {"id": gone, "number": None}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"limit": 0}, "The option limit is 0"),
        ({"id": "a", "status": "SUCCESS"}, "mutually exclusive"),
        ({"id": ""}, "The option id is empty"),
    ],
)
def test_options_that_do_not_fit_are_an_error(world: World, options: Row, message: str) -> None:
    run = world.run("converge_info", options)
    assert run.failed
    assert message in run.message
    assert run.requests == []


# --- converges with provisioning --------------------------------------------------------------------------------------


def converge(world: World, *devices: str, check_mode: bool = False, **options: t.Any) -> Run:
    options = {"devices": list(devices), "with_provisioning": True, **options}
    return world.run("converge", options, check_mode=check_mode)


def test_one_device_converges_with_provisioning_by_a_request_of_its_own(world: World) -> None:
    predicted = converge(world, ONE, check_mode=True, force=True)
    run = converge(world, ONE, force=True, wait=True)
    assert (predicted.changed, predicted.writes, predicted.diff) == (True, [], run.diff)
    assert (run.changed, run.writes, run.result["state"]) == (True, ["POST /v2/converge"], "completed")
    assert (run.result["commands"], run.result["operations"]) == ([], [])
    (row,) = read(world, id=run.result["converge_id"]).result["converges"]
    assert (row["device"]["name"], row["with_provisioning"]) == (ONE, True)
    assert not converge(world, ONE).changed


def test_a_converge_with_provisioning_has_no_alias(world: World) -> None:
    run = converge(world, ONE, alias="Spring", force=True)
    assert run.message == "The option alias is not allowed with with_provisioning=true."
    assert run.requests == []


def test_a_lost_response_does_not_converge_a_device_twice(world: World) -> None:
    converge(world, ONE, force=True, wait=True)
    world.simulator.fault(kind="drop_after", method="POST", path="/v2/converge")
    run = converge(world, ONE, force=True)
    assert not run.failed
    assert run.writes == ["POST /v2/converge"]
    assert len(read(world, devices=[ONE], limit=9).result["converges"]) == 2


def test_several_devices_converge_with_provisioning_by_one_operation(world: World) -> None:
    run = converge(world, ONE, TWO, force=True, wait=True)
    assert (run.writes, run.result["state"]) == (["POST /v0/operations/"], "completed")
    (body,) = [each["body"] for each in run.requests if each["method"] == "POST"]
    assert (body["operation_type"], body["arguments"]) == ("CONVERGE", {"converge_with_provision": True})
    assert [each["devices"] for each in run.result["operations"]] == [2]
    assert (run.result["converge_id"], run.result["counts"]["succeeded"]) == (None, 2)


def test_the_task_also_waits_for_pending_commands(world: World) -> None:
    for name in {each["blueprint"] for each in world.must("device_info", {"filters": {}}).result["devices"]} - {None}:
        world.must("blueprint", {"name": name, "description": "Another version", "publish": True})
    world.simulator.conduct(polls=9)
    assert world.must("converge", {"devices": [ONE]}).changed
    run = converge(world, ONE, TWO, THREE, wait=True, wait_for="online")
    assert run.result["pending_devices"] == [ONE]
    assert run.result["counts"]["succeeded"] >= 1
    assert not run.failed


def test_a_failure_of_a_converge_is_reported_with_its_reason(world: World, ids: dict[str, str]) -> None:
    world.simulator.conduct(failing=[ids[ONE]], reason="The storage is full")
    run = converge(world, ONE, force=True, wait=True)
    assert run.failed
    assert f"{ONE} (The storage is full)" in run.message
    assert run.result["failed_devices"][0]["state"] == "failed"
