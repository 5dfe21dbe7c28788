# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The states of simulated runs of pipelines. The unit tests of pipeline_run test the rest."""

from __future__ import annotations

from typing import Any

from caller import Api

Row = dict[str, Any]

PIPELINES = "/pipelines/v0/pipelines/"


def post(api: Api, path: str, body: Any) -> Any:
    reply = api("POST", path, body)
    assert reply.status == 200, reply.body
    return reply.body["content"]


def rows(api: Api, path: str, **query: str) -> list[Row]:
    found: list[Row] = api.get(path, **query)["content"]["results"]
    return found


def pipeline(api: Api, devices: list[Row], stages: int, operations: int) -> str:
    """The path of a new pipeline, whose stages all have the same devices."""
    path = f"{PIPELINES}{post(api, PIPELINES, {'name': 'One'})['id']}/"
    targets = post(api, f"{path}targetlists/", {"name": "All", "target_list_type": "DEVICES"})
    bulk = [{"device_id": device["id"], "device_name": device["name"]} for device in devices]
    if bulk:
        post(api, f"{path}targetlists/{targets['id']}/targets-bulk/", bulk)
    for number in range(stages):
        stage = post(api, f"{path}stages/", {"name": f"Stage {number}"})
        post(api, f"/pipelines/v0/stages/{stage['id']}/targetlists/", {"target_list_id": targets["id"]})
        listed = post(api, f"/pipelines/v0/stages/{stage['id']}/operationlists/", {"name": "All"})
        for name in ("REBOOT", "LOCK")[:operations]:
            body = {"operation_type": name, "args": {}}
            post(api, f"/pipelines/v0/operationlists/{listed['id']}/operations/", body)
    return path


def online(api: Api, number: int) -> list[Row]:
    return [each for each in api.simulator.state(devices=True)["devices"] if each["state"] == 1][:number]


def test_a_run_waits_between_stages_and_goes_on_by_being_read(api: Api) -> None:
    path = pipeline(api, online(api, 1), stages=2, operations=2)
    api.simulator.conduct(polls=1)
    run = post(api, f"{path}runs/", {})
    assert (run["run_number"], run["status"], run["started_at"]) == (1, "pending", None)
    item = f"{path}runs/{run['id']}/"
    # Each device gets one operation after the other.
    assert [api.get(item)["content"]["status"] for _reading in range(5)] == ["running"] * 3 + ["waiting"] * 2
    last, first = rows(api, f"/pipelines/v0/runs/{run['id']}/stageruns/")
    assert (first["status"], last["status"], last["stage_meta"]["name"]) == ("success", "pending", "Stage 1")
    body = {"status": "queued"}
    assert api("PUT", f"/pipelines/v0/runs/{run['id']}/stageruns/{last['id']}/", body).status == 200
    statuses = [api.get(item)["content"]["status"] for _reading in range(6)]
    assert statuses == ["running"] * 3 + ["complete", "success", "success"]
    assert [each["id"] for each in rows(api, "/pipelines/v0/runs/", pipeline_name="one", status="success")] == [
        run["id"]
    ]


def test_a_run_does_not_wait_if_the_conduct_says_so(api: Api) -> None:
    path = pipeline(api, online(api, 1), stages=2, operations=1)
    api.simulator.conduct(polls=1, waits=False)
    item = f"{path}runs/{post(api, f'{path}runs/', {})['id']}/"
    assert [api.get(item)["content"]["status"] for _reading in range(4)] == ["running"] * 2 + ["complete", "success"]


def test_a_run_goes_on_by_the_steps_of_the_conduct_even_with_offline_devices(api: Api) -> None:
    offline = [each for each in api.simulator.state(devices=True)["devices"] if each["state"] == 60][:1]
    path = pipeline(api, offline, stages=2, operations=2)
    item = f"{path}runs/{post(api, f'{path}runs/', {})['id']}/"
    api.simulator.conduct(polls=1, steps=4)
    assert [api.get(item)["content"]["status"] for _reading in range(3)] == ["running"] * 3
    api.simulator.conduct(polls=1, steps=4, reaches_all=True)
    run = api.get(item)["content"]
    assert run["status"] == "waiting"
    (following,) = rows(api, f"/pipelines/v0/runs/{run['id']}/stageruns/", status="pending")
    item_of_stage = f"/pipelines/v0/runs/{run['id']}/stageruns/{following['id']}/"
    assert api("PUT", item_of_stage, {"status": "queued"}).status == 200
    assert [api.get(item)["content"]["status"] for _reading in range(2)] == ["complete", "success"]


def test_failures_and_silent_devices_show_in_target_runs(api: Api) -> None:
    failing, silent, other = devices = online(api, 3)
    path = pipeline(api, devices, stages=1, operations=2)
    api.simulator.conduct(polls=1, failing=[failing["id"]], silent=[silent["id"]], reason="The battery is low")
    run = post(api, f"{path}runs/", {})
    for _reading in range(4):
        api.get(f"{path}runs/{run['id']}/")
    (stage,) = rows(api, f"/pipelines/v0/runs/{run['id']}/stageruns/")
    assert stage["status"] == "running"
    list_path = f"/pipelines/v0/stageruns/{stage['id']}/targetruns/"
    statuses: dict[str, list[str]] = {}
    for row in rows(api, list_path):
        statuses.setdefault(row["device_id"], []).append(row["status"])
    assert statuses == {
        failing["id"]: ["failure", "failure"],
        silent["id"]: ["dispatched", "pending"],
        other["id"]: ["success", "success"],
    }
    failed = rows(api, list_path, status="failure")[0]
    command = api.get(f"{list_path}{failed['id']}/command/")["content"]
    assert (command["request_status"], command["request_status_reason"]) == ("FAILURE", "The battery is low")
    # What a device has received can only be canceled as a command, and then fails.
    waiting = rows(api, list_path, status="dispatched")[0]
    assert api("PUT", f"{list_path}{waiting['id']}/", {"status": "cancelled"}).status == 400
    command_path = f"{list_path}{waiting['id']}/command/{waiting['command_id']}/"
    assert api("PUT", command_path, {"request_status": "cancelled"}).status == 200
    assert api.get(f"{list_path}{waiting['id']}/")["content"]["status"] == "failure"


def test_a_pipeline_runs_once_at_a_time_and_only_if_it_is_active(api: Api) -> None:
    path = pipeline(api, online(api, 1), stages=1, operations=1)
    run = post(api, f"{path}runs/", {})
    assert api("POST", f"{path}runs/", {}).status == 409
    assert api("DELETE", f"{path}runs/{run['id']}/").status == 400
    assert api("PUT", f"{path}runs/{run['id']}/", {"status": "cancelled"}).status == 200
    assert api("PUT", f"{path}runs/{run['id']}/", {"status": "cancelled"}).status == 400
    assert api("DELETE", f"{path}runs/{run['id']}/").status == 200
    assert rows(api, "/pipelines/v0/runs/") == []
    api("PUT", path, {"name": "One", "is_active": False})
    assert api("POST", f"{path}runs/", {}).status == 400


def test_a_run_without_stages_or_devices_is_invalid(api: Api) -> None:
    path = pipeline(api, [], stages=0, operations=0)
    run = post(api, f"{path}runs/", {})
    assert api.get(f"{path}runs/{run['id']}/")["content"]["status"] == "invalid"
    path = pipeline(api, [], stages=1, operations=1)
    run = post(api, f"{path}runs/", {})
    api.get(f"{path}runs/{run['id']}/")
    assert [each["status"] for each in rows(api, f"/pipelines/v0/runs/{run['id']}/stageruns/")] == ["invalid"]
    assert api.get(f"{path}runs/{run['id']}/")["content"]["status"] == "failure"
