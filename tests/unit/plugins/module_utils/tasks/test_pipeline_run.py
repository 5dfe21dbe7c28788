# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of pipelines, against the simulator: they are started once, followed, promoted, canceled, retried and read."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.esper.cloud.plugins.module_utils.tasks import polling
from ansible_collections.esper.cloud.tests.laws.world import KEY, Run, World, read_diff
from ansible_collections.esper.cloud.tests.unit.service import Clock

Row = dict[str, t.Any]

PIPELINES = "/pipelines/v0/pipelines/"
NAME = "Till release"
NOT_FOUND = "0b1e7f3c-0000-4000-8000-000000000001"


@pytest.fixture(autouse=True)
def _clock(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of the wait is by the clock of the client."""
    monkeypatch.setattr(polling, "time", clock)


def post(world: World, path: str, body: t.Any, method: str = "POST") -> t.Any:
    """Send a request without a client and without HTTP, which would take most of the time of these tests."""
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    service = world.simulator._server._service
    return json.loads(service.reply(method, path, {}, headers, json.dumps(body).encode()).body)["content"]


def devices_of(world: World, number: int) -> list[Row]:
    """Return online devices of a tenant that has some more."""
    world.simulator.reset(devices=2 * number)
    devices = [each for each in world.simulator.state(devices=True)["devices"] if each["state"] == 1]
    assert len(devices) >= number
    return devices[:number]


def build(world: World, *stages: list[Row], operations: t.Sequence[str] = ("REBOOT",), name: str = NAME) -> Row:
    """Create a pipeline with a stage for each list of devices."""
    pipeline: Row = post(world, PIPELINES, {"name": name})
    for number, devices in enumerate(stages, 1):
        targets = post(
            world,
            f"{PIPELINES}{pipeline['id']}/targetlists/",
            {"name": f"List {number}", "target_list_type": "DEVICES"},
        )
        bulk = [{"device_id": each["id"], "device_name": each["name"]} for each in devices]
        if bulk:
            post(world, f"{PIPELINES}{pipeline['id']}/targetlists/{targets['id']}/targets-bulk/", bulk)
        stage = post(world, f"{PIPELINES}{pipeline['id']}/stages/", {"name": f"Stage {number}"})
        post(world, f"/pipelines/v0/stages/{stage['id']}/targetlists/", {"target_list_id": targets["id"]})
        rows = post(world, f"/pipelines/v0/stages/{stage['id']}/operationlists/", {"name": f"Operations {number}"})
        for name in operations:
            post(world, f"/pipelines/v0/operationlists/{rows['id']}/operations/", {"operation_type": name, "args": {}})
    return pipeline


def run(world: World, *, check_mode: bool = False, **options: t.Any) -> Run:
    return world.run("pipeline_run", {"pipeline": NAME, **options}, check_mode=check_mode)


def must(world: World, *, check_mode: bool = False, **options: t.Any) -> Row:
    task = run(world, check_mode=check_mode, **options)
    assert not task.failed, task.message
    return task.result


def runs_of(world: World) -> list[Row]:
    """Return the runs in the tenant."""
    return t.cast("list[Row]", world.simulator.state().get("/pipelines/v0/pipelines/{pipeline_id}/runs", []))


def counts(result: Row) -> Row:
    """Return the counts that are not 0."""
    return {name: value for name, value in result["counts"].items() if value != 0}


# --- to the end -------------------------------------------------------------------------------------------------------


def test_a_run_goes_to_its_end_with_failures_within_the_tolerance(world: World) -> None:
    devices = devices_of(world, 100)
    build(world, devices[:50], devices[50:], operations=("REBOOT", "LOCK"))
    failing = [devices[0], devices[99]]
    world.simulator.conduct(failing=[each["id"] for each in failing], reason="The battery is low")
    task = run(world, wait=True, promote="always", max_fail_percentage=2, reasons=True)
    assert not task.failed, task.message
    result = task.result
    assert (result["changed"], result["state"]) == (True, "completed")
    assert result["pipeline_run"]["number"] == 1
    assert result["pipeline_run"]["pipeline"] == NAME
    assert result["pipeline_run"]["status"] == "failure"
    assert result["pipeline_run"]["ended_at"]
    assert counts(result) == {"succeeded": 98, "failed": 2}
    assert [(stage["name"], stage["status"], stage["failed_percentage"]) for stage in result["stages"]] == [
        ("Stage 1", "failure", 2.0),
        ("Stage 2", "failure", 2.0),
    ]
    assert result["stages"][0]["counts"] == {"succeeded": 49, "failed": 1, "timed_out": 0, "cancelled": 0, "pending": 0}
    assert result["failed_devices"] == [
        {
            "id": device["id"],
            "name": device["name"],
            "stage": stage,
            "operation_type": "REBOOT",
            "state": "failed",
            "reason": "The battery is low",
        }
        for device, stage in zip(failing, ("Stage 1", "Stage 2"), strict=True)
    ]
    assert f"Run 1 of the pipeline '{NAME}': stage 2 of 2, Stage 2: running" in task.progress
    assert f"Run 1 of the pipeline '{NAME}': stage 1 of 2, Stage 1: failure, waiting for a promotion" in task.progress
    assert len([write for write in task.writes if write.startswith("POST")]) == 1


def test_a_run_without_failures_is_promoted_by_the_task(world: World) -> None:
    devices = devices_of(world, 4)
    build(world, devices[:1], devices[1:], devices)
    result = must(world, wait=True, promote="always")
    assert (result["state"], result["pipeline_run"]["status"]) == ("completed", "success")
    assert counts(result) == {"succeeded": 8}
    assert result["failed_devices"] == []


def test_a_task_that_does_not_wait_ends_when_the_run_is_accepted(world: World) -> None:
    build(world, devices_of(world, 1))
    task = run(world)
    pipeline_id = task.result["pipeline_run"]["pipeline_id"]
    assert (task.changed, task.result["state"], task.result["pipeline_run"]["status"]) == (True, "accepted", "pending")
    assert task.result["counts"] == {"succeeded": 0, "failed": 0, "timed_out": 0, "cancelled": 0, "pending": None}
    assert (task.result["stages"], task.result["failed_devices"]) == ([], [])
    assert task.writes == [f"POST {PIPELINES}{pipeline_id}/runs/"]
    # The pipeline, its last run, its stages, and for each stage its target lists, operation lists and operations.
    assert len(task.requests) == 7


def test_a_report_is_not_read_if_the_task_does_not_want_it(world: World) -> None:
    build(world, devices_of(world, 1))
    task = run(world, wait=True, report=False)
    assert task.result["state"] == "completed"
    assert (task.result["stages"], task.result["counts"]["pending"]) == ([], None)
    assert not any("targetruns" in each["path"] for each in task.requests)


def test_statuses_are_read_in_any_case(world: World) -> None:
    devices = devices_of(world, 2)
    build(world, devices[:1], devices[1:])

    def shout(_method: str, _path: str, body: t.Any) -> t.Any:
        if isinstance(body, dict):
            return {name: value.upper() if name == "status" else shout("", "", value) for name, value in body.items()}
        return [shout("", "", each) for each in body] if isinstance(body, list) else body

    world.simulator.rewrites.append(shout)
    result = must(world, wait=True, promote="always")
    assert (result["state"], result["pipeline_run"]["status"]) == ("completed", "success")
    assert {stage["status"] for stage in result["stages"]} == {"success"}


def test_a_failure_is_not_hidden_if_operations_are_unknown(world: World) -> None:
    build(world, devices_of(world, 1), operations=("REBOOT", "LOCK"))

    def forget(method: str, path: str, body: t.Any) -> t.Any:
        if method == "GET" and path.endswith("/targetruns/"):
            for row, status in zip(body["content"]["results"], ("failure", "success"), strict=False):
                del row["stage_run_operation_id"]
                row["status"] = status
        return body

    world.simulator.rewrites.append(forget)
    assert counts(must(world, wait=True)) == {"failed": 1}


# --- promotion --------------------------------------------------------------------------------------------------------


def test_a_person_promotes_a_run_stage_by_stage(world: World) -> None:
    devices = devices_of(world, 2)
    build(world, devices[:1], devices[1:])
    first = must(world, wait=True, until="waiting")
    assert (first["state"], first["pipeline_run"]["status"]) == ("waiting", "waiting")
    assert [stage["status"] for stage in first["stages"]] == ["success", "pending"]
    predicted = must(world, state="resumed", check_mode=True)
    task = run(world, state="resumed")
    assert task.writes[0].startswith("PUT /pipelines/v0/runs/")
    assert task.requests[-2]["body"] == {"status": "queued"}
    assert (predicted["changed"], read_diff(predicted)) == (task.changed, task.diff)
    assert task.diff[0]["before"] == {"Stage 2": "pending"}
    # Nothing waits any more.
    again = run(world, state="resumed", wait=True)
    assert (again.changed, again.result["state"], again.writes) == (False, "completed", [])
    assert [each["run_number"] for each in runs_of(world)] == [1]


def test_a_task_waits_on_while_a_person_has_to_promote(world: World, clock: Clock) -> None:
    devices = devices_of(world, 2)
    build(world, devices[:1], devices[1:])
    task = run(world, wait=True, wait_timeout=60)
    assert task.failed
    assert task.message == (
        f"Run 1 of the pipeline '{NAME}' has not ended after 60 s: stage 1 of 2, Stage 1: success, waiting for a"
        " promotion. It continues in Esper. Increase wait_timeout, or follow the run with if_running=follow."
    )
    assert (task.result["state"], task.changed) == ("failed", True)
    assert len(task.writes) == 1


def test_too_many_failures_of_a_stage_stop_the_promotion(world: World) -> None:
    devices = devices_of(world, 4)
    build(world, devices[:3], devices[3:])
    world.simulator.conduct(failing=[devices[0]["id"]])
    task = run(world, wait=True, promote="always", max_fail_percentage=33)
    assert task.failed
    assert task.message == (
        f"Run 1 of the pipeline '{NAME}' has the status waiting, because too many devices failed: 1 of 3 devices of the"
        f" stage 'Stage 1' did not succeed: {devices[0]['name']} (failed)."
    )
    assert (task.result["state"], task.result["pipeline_run"]["status"]) == ("failed", "waiting")
    assert len(task.writes) == 1
    # A person decides that this is enough.
    result = must(world, state="resumed", wait=True, max_fail_percentage=34)
    assert (result["state"], counts(result)) == ("completed", {"succeeded": 3, "failed": 1})


def test_too_many_failures_of_a_stage_cancel_the_run(world: World) -> None:
    devices = devices_of(world, 4)
    build(world, devices[:3], devices[3:])
    world.simulator.conduct(failing=[devices[0]["id"]])
    task = run(world, wait=True, promote="always", cancel_on_failure=True)
    assert task.failed
    assert task.message.startswith(f"Run 1 of the pipeline '{NAME}' has the status cancelled, because too many devices")
    assert task.result["pipeline_run"]["status"] == "cancelled"
    assert [each["status"] for each in runs_of(world)] == ["cancelled"]


def test_too_many_failures_of_the_last_stage_fail_the_task(world: World) -> None:
    devices = devices_of(world, 2)
    build(world, devices)
    world.simulator.conduct(failing=[devices[0]["id"]])
    task = run(world, wait=True, max_fail_percentage=49.9, report=False)
    assert task.message == (
        f"Run 1 of the pipeline '{NAME}' failed: 1 of 2 devices of the stage 'Stage 1' did not succeed:"
        f" {devices[0]['name']} (failed)."
    )
    assert task.result["failed_devices"][0]["reason"] is None


def test_a_stage_without_devices_is_a_warning(world: World) -> None:
    devices = devices_of(world, 1)
    build(world, [], devices)
    task = run(world, wait=True, promote="always")
    assert task.result["state"] == "completed"
    assert [stage["failed_percentage"] for stage in task.result["stages"]] == [0.0, 0.0]
    (warning,) = task.warnings
    assert warning.startswith(
        "Run 1 of the pipeline 'Till release' has a stage that Esper calls invalid, because it has"
    )


def test_the_next_stage_is_that_of_the_pipeline_not_of_the_list(world: World) -> None:
    devices = devices_of(world, 1)
    build(world, devices, devices, devices)
    must(world, wait=True, until="waiting")
    result = must(world, state="resumed", wait=True, until="waiting")
    assert [stage["status"] for stage in result["stages"]] == ["success", "success", "pending"]
    result = must(world, state="resumed", stage="Stage 3", wait=True)
    assert result["state"] == "completed"
    assert "'Stage 4' was not found" in run(world, state="cancelled", stage="Stage 4").message


# --- one run at a time ------------------------------------------------------------------------------------------------


def test_a_pipeline_that_runs_is_not_started_again(world: World) -> None:
    build(world, devices_of(world, 1))
    must(world)
    for check_mode in (True, False):
        task = run(world, check_mode=check_mode)
        assert task.message == (
            f"Run 1 of the pipeline '{NAME}' has the status pending, and a pipeline has one run at a time. Set"
            " if_running=follow to wait for it, or cancel it."
        )
        assert task.writes == []
    followed = run(world, if_running="follow")
    assert (followed.changed, followed.result["pipeline_run"]["number"], followed.writes) == (False, 1, [])
    assert must(world, if_running="follow", wait=True)["pipeline_run"]["status"] == "success"
    assert must(world, if_running="follow", wait=True)["pipeline_run"]["number"] == 2


def test_a_task_that_was_killed_follows_the_same_run(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    devices = devices_of(world, 2)
    build(world, devices[:1], devices[1:])
    with monkeypatch.context() as patched:

        def kill(_client: object, _seconds: float) -> None:
            raise KeyboardInterrupt

        patched.setattr("ansible_collections.esper.cloud.plugins.module_utils.http.client.Client.wait", kill)
        with pytest.raises(KeyboardInterrupt):
            run(world, wait=True, promote="always")
    assert [each["run_number"] for each in runs_of(world)] == [1]
    result = must(world, if_running="follow", wait=True, promote="always")
    assert (result["state"], result["pipeline_run"]["number"]) == ("completed", 1)
    # The second task promoted the run.
    assert result["changed"]
    assert len(runs_of(world)) == 1


def test_a_run_whose_response_is_lost_is_followed(world: World) -> None:
    build(world, devices_of(world, 1))
    world.simulator.fault(kind="drop_after", method="POST", path="/runs/")
    task = run(world, wait=True)
    assert (task.result["state"], task.changed) == ("completed", True)
    assert len(task.writes) == len(runs_of(world)) == 1


def test_a_run_that_esper_did_not_start_is_started_once(world: World) -> None:
    build(world, devices_of(world, 1))
    world.simulator.fault(kind="drop_before", method="POST", path="/runs/")
    task = run(world, wait=True)
    assert task.result["state"] == "completed"
    assert (len(task.writes), len(runs_of(world))) == (2, 1)


@pytest.mark.parametrize("if_running", ["fail", "follow"])
def test_a_run_that_another_client_starts_at_the_same_time_is_not_taken_for_that_of_the_task(
    world: World, if_running: str
) -> None:
    pipeline = build(world, devices_of(world, 1))
    path = f"{PIPELINES}{pipeline['id']}/runs/"
    hidden = []

    def hide_first_list(method: str, requested: str, body: t.Any) -> t.Any:
        if method == "GET" and requested == path and not hidden:
            hidden.append(body)
            return {**body, "content": {**body["content"], "count": 0, "results": []}}
        return body

    post(world, path, {})
    world.simulator.rewrites.append(hide_first_list)
    task = run(world, if_running=if_running)
    assert not task.changed
    assert task.failed is (if_running == "fail")
    assert (task.result["pipeline_run"]["number"] if if_running == "follow" else 1) == 1
    assert len(runs_of(world)) == 1


def test_an_interrupted_wait_says_that_the_run_continues(world: World) -> None:
    build(world, devices_of(world, 1))
    for _attempt in range(4):
        world.simulator.fault(kind="status", status=500, method="GET", path="/stageruns/")
    task = run(world, wait=True)
    assert task.failed
    assert (task.changed, task.result["pipeline_run"]["number"]) == (True, 1)
    assert "continues in Esper. To follow it, set if_running=follow." in task.message


# --- what is rejected -------------------------------------------------------------------------------------------------


def test_a_pipeline_that_cannot_run_is_rejected_before_a_request(world: World) -> None:
    devices = devices_of(world, 1)
    pipeline = build(world)
    path = f"{PIPELINES}{pipeline['id']}/"
    post(world, path, {"name": NAME, "is_active": False}, "PUT")
    errors = [run(world).message]
    post(world, path, {"name": NAME, "is_active": True}, "PUT")
    errors.append(run(world).message)
    stage = post(world, f"{path}stages/", {"name": "Empty"})
    errors.append(run(world).message)
    targets = post(world, f"{path}targetlists/", {"name": "x", "target_list_type": "DEVICES"})
    post(world, f"/pipelines/v0/stages/{stage['id']}/targetlists/", {"target_list_id": targets["id"]})
    errors.append(run(world).message)
    assert errors == [
        f"The pipeline '{NAME}' is not active, so Esper does not run it. Set active=true for it.",
        f"The pipeline '{NAME}' has no stages. Add a stage to it.",
        f"The stage 'Empty' of the pipeline '{NAME}' has no devices or device groups. Add them.",
        f"The stage 'Empty' of the pipeline '{NAME}' has no operations. Add them.",
    ]
    assert devices
    assert runs_of(world) == []


def test_dangerous_operations_need_a_confirmation(world: World) -> None:
    devices = devices_of(world, 1)
    for name in ("WIPE", "CLEAR_APP_DATA", "SET_WIFI_STATE"):
        build(world, devices, name=name, operations=("REBOOT", name))
        for check_mode in (True, False):
            task = run(world, pipeline=name, check_mode=check_mode)
            assert f"has the operation {name}, which" in task.message
            assert "Set confirm to true to continue." in task.message
            assert task.writes == []
    assert must(world, pipeline="WIPE", confirm=True)["changed"]


INVALID: list[tuple[Row, str]] = [
    ({"run": "1"}, "The option run is not allowed with state=started."),
    ({"stage": "x"}, "The option stage is not allowed with state=started."),
    ({"devices": ["x"]}, "The option devices is not allowed with state=started."),
    ({"state": "resumed", "devices": ["x"]}, "The option devices is not allowed with state=resumed."),
    ({"state": "resumed", "if_running": "follow"}, "The option if_running is not allowed with state=resumed."),
    ({"promote": "always"}, "The option promote=always requires wait=true."),
    ({"until": "waiting"}, "The option until=waiting requires wait=true."),
    (
        {"promote": "always", "until": "waiting", "wait": True},
        "until=waiting and promote=always exclude each other.",
    ),
    ({"cancel_on_failure": True}, "The option cancel_on_failure=true requires wait=true."),
    ({"state": "cancelled", "devices": []}, "The option devices is empty. List a device, or omit the option."),
    ({"max_fail_percentage": 101}, "Invalid max_fail_percentage: 101. It must be from 0 to 100."),
    ({"wait_timeout": -1}, "Invalid wait_timeout: -1."),
    ({"state": "absent"}, "state is absent but all of the following are missing: run"),
    ({"state": "retried", "run": "first"}, "Invalid run: 'first'. It must be a number or an ID."),
    ({"pipeline": None, "run": NOT_FOUND}, "null"),
]


def test_invalid_options_are_errors(world: World) -> None:
    post(world, PIPELINES, {"name": NAME})
    for options, error in INVALID:
        assert error in run(world, **options).message


def test_what_does_not_exist_is_named(world: World) -> None:
    post(world, PIPELINES, {"name": NAME})
    assert "The pipeline 'Till' was not found." in run(world, pipeline="Till").message
    for state in ("resumed", "retried"):
        assert run(world, state=state).message == f"The pipeline '{NAME}' has not run."
        assert "The pipeline run '7' was not found." in run(world, state=state, run="7").message
    nothing = must(world, state="cancelled")
    assert (nothing["changed"], nothing["pipeline_run"], nothing["state"]) == (False, None, "completed")
    assert not must(world, state="absent", run="7")["changed"]
    options = {"state": "resumed", "run": "7"}
    assert "The run 7 is a number, so the option pipeline is required." in world.run("pipeline_run", options).message


# --- cancellation -----------------------------------------------------------------------------------------------------


def test_a_run_is_canceled_once(world: World) -> None:
    devices = devices_of(world, 2)
    build(world, devices[:1], devices[1:], operations=("REBOOT", "LOCK"))
    must(world, wait=True, until="waiting")
    predicted = must(world, state="cancelled", check_mode=True)
    task = run(world, state="cancelled", wait=True)
    assert (predicted["changed"], read_diff(predicted)) == (task.changed, task.diff) == (True, task.diff)
    assert task.diff[0]["after"] == {"status": "cancelled"}
    assert (task.result["state"], task.result["pipeline_run"]["status"]) == ("completed", "cancelled")
    assert counts(task.result) == {"succeeded": 1}
    again = run(world, state="cancelled", run="1")
    assert (again.changed, again.result["state"], again.writes) == (False, "completed", [])


def show_once(world: World, path: str, status: str) -> None:
    """Show the objects in the next response of a list with a status that they had before."""
    seen = []

    def show(_method: str, requested: str, body: t.Any) -> t.Any:
        if requested.endswith(path) and not seen:
            seen.append(body)
            rows = [{**row, "status": status} for row in body["content"]["results"]]
            return {**body, "content": {**body["content"], "results": rows}}
        return body

    world.simulator.rewrites.append(show)


def test_a_cancellation_that_is_too_late_is_no_change(world: World) -> None:
    build(world, devices_of(world, 1))
    must(world, wait=True)
    show_once(world, "/runs/", "running")
    task = run(world, state="cancelled")
    assert not task.failed
    assert len(task.writes) == 1
    assert (task.changed, task.diff, task.result["pipeline_run"]["status"]) == (False, None, "success")


def test_a_promotion_by_somebody_else_at_the_same_time_is_no_error(world: World) -> None:
    devices = devices_of(world, 2)
    build(world, devices[:1], devices[1:])
    must(world, wait=True, until="waiting")
    must(world, state="resumed")
    show_once(world, "/runs/", "waiting")
    show_once(world, "/stageruns/", "pending")
    world.simulator.fault(kind="status", status=400, method="PUT", path="/stageruns/")
    task = run(world, state="resumed", stage="Stage 2", wait=True)
    assert not task.failed, task.message
    assert len(task.writes) == 1
    assert (task.changed, task.diff, task.result["state"]) == (False, None, "completed")


def test_a_promotion_that_is_rejected_because_it_has_happened_is_no_change(world: World) -> None:
    devices = devices_of(world, 2)
    build(world, devices[:1], devices[1:])
    must(world, wait=True, until="waiting")
    rejection: Row = {"kind": "status", "status": 409, "method": "PUT", "path": "/stageruns/", "processed": True}
    world.simulator.fault(times=1, **rejection)
    resumed = run(world, state="resumed")
    assert (resumed.changed, resumed.diff, resumed.result["state"]) == (False, None, "accepted")
    must(world, state="resumed", wait=True)
    must(world, wait=True, until="waiting")
    world.simulator.fault(times=1, **rejection)
    followed = must(world, if_running="follow", wait=True, promote="always")
    assert (followed["changed"], followed["state"]) == (False, "completed")


@pytest.mark.parametrize("state", ["resumed", "cancelled"])
def test_a_rejected_change_fails_the_task(world: World, state: str) -> None:
    devices = devices_of(world, 2)
    build(world, devices[:1], devices[1:])
    must(world, wait=True, until="waiting")
    world.simulator.fault(kind="status", status=400, method="PUT")
    task = run(world, state=state)
    assert task.failed
    assert "HTTP 400" in task.message
    assert not task.changed


def test_a_device_that_starts_at_the_same_time_is_late(world: World) -> None:
    devices = devices_of(world, 1)
    build(world, devices)
    world.simulator.conduct(silent=[devices[0]["id"]])
    must(world)
    world.simulator.fault(kind="status", status=400, method="PUT", path="/command/")
    task = run(world, state="cancelled", devices=[devices[0]["name"]])
    assert (task.changed, task.result["device_count"]) == (False, 0)
    assert task.result["late_devices"] == [devices[0]["name"]]


def test_a_stage_is_canceled(world: World) -> None:
    devices = devices_of(world, 2)
    build(world, devices[:1], devices[1:])
    must(world, wait=True, until="waiting")
    task = run(world, state="cancelled", stage="Stage 2")
    assert task.changed
    assert task.diff[0]["before"] == {"Stage 2": "pending"}
    assert not must(world, state="cancelled", stage="Stage 2")["changed"]
    result = run(world, state="resumed", wait=True).result
    assert [stage["status"] for stage in result["stages"]] == ["success", "cancelled"]


def test_devices_are_canceled_as_far_as_possible(world: World) -> None:
    devices = devices_of(world, 4)
    build(world, devices[:3], devices[3:], operations=("REBOOT", "LOCK"))
    world.simulator.conduct(polls=20, silent=[devices[0]["id"]])
    run(world, wait=True, wait_timeout=4)
    names = [each["name"] for each in devices[:2]]
    task = run(world, state="cancelled", devices=names)
    # The first one has not received its command, the second executes it. Neither has the second operation.
    assert sum("/command/" in write for write in task.writes) == 1
    assert task.result["device_count"] == 2
    assert task.result["late_devices"] == [names[1]]
    assert task.warnings == [f"Too late to cancel: {names[1]}. The devices execute an operation already."]
    assert task.diff[0]["after"] == dict.fromkeys(sorted(names), "cancelled")
    info = world.must("pipeline_run_info", {"pipeline": NAME, "devices": True}).result["pipeline_runs"][0]
    states = {each["name"]: each["state"] for each in info["failed_devices"]}
    assert states[names[0]] == "cancelled"
    assert states[names[1]] == "cancelled"
    again = run(world, state="cancelled", devices=names)
    assert (again.changed, again.result["device_count"], again.result["late_devices"]) == (False, 0, [names[1]])
    other = run(world, state="cancelled", devices=[devices[3]["name"]])
    assert f"'{devices[3]['name']}' was not found. Its stage has not started." in other.message


# --- retries ----------------------------------------------------------------------------------------------------------


def test_failed_devices_are_retried(world: World) -> None:
    devices = devices_of(world, 4)
    build(world, devices[:3], devices[3:], operations=("REBOOT", "LOCK"))
    world.simulator.conduct(failing=[each["id"] for each in devices[:2]])
    assert run(world, wait=True, until="waiting").failed
    world.simulator.conduct()
    predicted = must(world, state="retried", check_mode=True)
    assert (predicted["changed"], predicted["device_count"]) == (True, 2)
    one = run(world, state="retried", devices=[devices[0]["name"]], wait=True, until="waiting")
    assert one.message.endswith(
        f"1 of 3 devices of the stage 'Stage 1' did not succeed: {devices[1]['name']} (failed)."
    )
    assert one.result["device_count"] == 1
    sent = [each["body"] for each in one.requests if each["method"] == "POST"]
    assert [each["device_name"] for each in sent] == [devices[0]["name"]]
    task = run(world, state="retried", stage="Stage 1", wait=True, until="waiting")
    assert (task.result["state"], counts(task.result)) == ("waiting", {"succeeded": 3})
    assert task.diff[0]["before"] == {devices[1]["name"]: "failed"}
    again = run(world, state="retried")
    assert (again.changed, again.writes, again.result["device_count"]) == (False, [], 0)
    assert must(world, state="resumed", wait=True)["state"] == "completed"


def test_a_retry_whose_response_is_lost_is_not_repeated(world: World) -> None:
    devices = devices_of(world, 3)
    build(world, devices[:2], devices[2:])
    world.simulator.conduct(failing=[each["id"] for each in devices[:2]])
    run(world, wait=True, until="waiting")
    world.simulator.conduct(polls=99)
    # A response has a list of target runs, so nothing is read after it but the run.
    task = run(world, state="retried", devices=[devices[0]["name"]])
    assert (task.changed, task.result["pipeline_run"]["status"]) == (True, "running")
    assert [each["method"] for each in task.requests[-2:]] == ["POST", "GET"]
    world.simulator.fault(kind="drop_after", method="POST", path="/targetruns/")
    task = run(world, state="retried")
    assert not task.failed, task.message
    assert len(task.writes) == 1
    assert not must(world, state="retried")["changed"]


def test_devices_of_a_run_that_has_ended_are_not_retried(world: World) -> None:
    devices = devices_of(world, 2)
    build(world, devices)
    world.simulator.conduct(failing=[devices[0]["id"]])
    run(world, wait=True)
    task = run(world, state="retried")
    assert task.message == (
        f"Run 1 of the pipeline '{NAME}' has ended, so devices cannot be retried: {devices[0]['name']}. Start another"
        " run."
    )
    assert task.writes == []


# --- deletion ---------------------------------------------------------------------------------------------------------


def test_a_run_is_deleted_after_its_end(world: World) -> None:
    build(world, devices_of(world, 1))
    identifier = must(world)["pipeline_run"]["id"]
    absent = {"state": "absent", "run": "1"}
    assert run(world, **absent).message.endswith("has the status pending. Cancel it before you delete it.")
    must(world, state="cancelled")
    assert run(world, **absent).message.endswith("cannot be undone. Set confirm to true.")
    assert must(world, **absent, confirm=True, check_mode=True)["changed"]
    task = run(world, **absent, confirm=True)
    assert (task.changed, task.result["pipeline_run"], len(task.writes)) == (True, None, 1)
    assert not must(world, **absent)["changed"]
    assert not world.must("pipeline_run", {"state": "absent", "run": identifier}).changed


# --- devices that do not respond --------------------------------------------------------------------------------------


def test_silent_devices_are_pending_when_the_wait_is_over(world: World) -> None:
    devices = devices_of(world, 3)
    build(world, devices)
    world.simulator.conduct(silent=[devices[0]["id"]])
    # The wait can be longer than the deadline.
    task = run(world, wait=True, wait_timeout=120, deadline=5)
    assert task.failed
    assert "has not ended after 120 s: stage 1 of 1, Stage 1: running. It continues in Esper." in task.message
    assert task.message.endswith(f" These devices did not succeed: {devices[0]['name']} (pending).")
    assert counts(task.result) == {"succeeded": 2, "pending": 1}
    # A task that leaves it out waits for the rest.
    left_out = run(world, state="cancelled", devices=[devices[0]["name"]], wait=True, max_fail_percentage=34)
    assert not left_out.failed, left_out.message
    assert counts(left_out.result) == {"succeeded": 2, "cancelled": 1}
    # Another one responds later.
    assert run(world, wait=True, wait_timeout=10).failed
    world.simulator.conduct()
    assert must(world, if_running="follow", wait=True)["state"] == "completed"


def test_other_ends_fail_the_task(world: World) -> None:
    pipeline = build(world, devices_of(world, 1))
    for number, status in enumerate(("timeout", "cancelled", "invalid"), 1):
        started = must(world)["pipeline_run"]
        path = f"{PIPELINES}{pipeline['id']}/runs/{started['id']}/"
        post(world, path, {"status": status}, "PUT")
        task = run(world, state="resumed", wait=True)
        assert task.failed
        assert f"Run {number} of the pipeline '{NAME}' has the status {status}" in task.message
        assert not task.changed


def test_a_run_that_fails_before_its_last_stage_fails_the_task(world: World) -> None:
    devices = devices_of(world, 2)
    pipeline = build(world, devices[:1], devices[1:])
    started = must(world, wait=True, until="waiting")["pipeline_run"]
    post(world, f"{PIPELINES}{pipeline['id']}/runs/{started['id']}/", {"status": "failure"}, "PUT")
    task = run(world, state="resumed", wait=True, max_fail_percentage=100)
    assert task.message == f"Run 1 of the pipeline '{NAME}' failed before these stages started: Stage 2."
    assert task.failed


# --- information ------------------------------------------------------------------------------------------------------


def test_runs_are_listed_with_their_stages_and_devices(world: World) -> None:
    devices = devices_of(world, 4)
    build(world, devices[:2], devices[2:])
    world.simulator.conduct(failing=[devices[0]["id"]], reason="The battery is low")
    for _number in range(4):
        must(world, state="cancelled")
        must(world)
    run(world, state="resumed", wait=True, until="waiting")

    def info(**options: t.Any) -> list[Row]:
        return t.cast("list[Row]", world.must("pipeline_run_info", options).result["pipeline_runs"])

    assert len(info()) == 4
    assert [row["number"] for row in info(pipeline=NAME, limit=3)] == [4, 3, 2]
    assert [row["number"] for row in info(status="waiting")] == [4]
    assert "stages" not in info()[0]
    last = info(pipeline=NAME, limit=1, stages=True)[0]
    assert [(stage["name"], stage["status"]) for stage in last["stages"]] == [
        ("Stage 1", "failure"),
        ("Stage 2", "pending"),
    ]
    read = info(pipeline=NAME, run="4", devices=True, reasons=True)[0]
    assert read["failed_devices"][0]["reason"] == "The battery is low"
    assert (read["stages"][0]["failed_percentage"], counts(read)) == (50.0, {"succeeded": 1, "failed": 1})
    assert info(run=last["id"], devices=True, stage="Stage 2")[0]["failed_devices"] == []
    assert info(run=NOT_FOUND) == info(pipeline=NAME, run="99") == info(pipeline="Other") == []


def test_invalid_options_of_the_information_are_errors(world: World) -> None:
    invalid: list[tuple[Row, str]] = [
        ({"limit": 0}, "The option limit is 0; the minimum is 1."),
        ({"reasons": True}, "The option reasons=true requires devices=true."),
        ({"stage": "x"}, "The option stage requires stages=true or devices=true."),
        ({"run": "1"}, "The run 1 is a number, so the option pipeline is required."),
    ]
    for options, error in invalid:
        assert error in world.run("pipeline_run_info", options).message


def test_check_mode_starts_nothing(world: World) -> None:
    build(world, devices_of(world, 1))
    task = run(world, check_mode=True, wait=True)
    assert (task.changed, task.result["pipeline_run"], task.result["state"]) == (True, None, "accepted")
    assert (task.writes, runs_of(world)) == ([], [])
    assert json.dumps(task.result["counts"])
