# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs of pipelines, with their stage runs, target runs and commands: pipelines.yaml.

A run goes on by being read, by the steps of the conduct for each reading of it or of its stage runs. Its commands go on
like all others: see progress.py. Properties of rows that start with "_" are not shown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import orjson
from exchange import Answer, Behavior, Call, Refusal, apps_list, found, refuse, window
from progress import advance, begin, enter
from tasks import (
    ACKNOWLEDGED,
    CANCELLED,
    ENDED,
    FAILURE,
    IN_PROGRESS,
    INITIATED,
    QUEUED,
    SCHEDULED,
    SUCCESS,
    TIMED_OUT,
    Task,
)
from tenant import Device, Tenant

from behaviors.pipelines import PIPELINES, operations_of, stages_of, targets_of

Row = dict[str, Any]

RUNS = "/pipelines/v0/pipelines/{pipeline_id}/runs"
_STAGE_RUNS = "/pipelines/v0/runs/{pipeline_run_id}/stageruns"
_OPERATIONS = "/pipelines/v0/stageruns/{stage_run_id}/operations"
TARGET_RUNS = "/pipelines/v0/stageruns/{stage_run_id}/targetruns"
_RUN = f"{RUNS}/{{pipeline_run_id}}/"
_STAGE_RUN = f"{_STAGE_RUNS}/{{stage_run_id}}/"
_TARGET_RUN = f"{TARGET_RUNS}/{{target_run_id}}/"
_COMMAND = f"{_TARGET_RUN}command/"

_FINAL = frozenset({"success", "failure", "cancelled", "timeout", "invalid"})
_UNSENT = ("pending", "queued", "processing")
_PENDING = {"status": "pending", "started_at": None, "ended_at": None}
# The status of a target run, and that of its command, by the state of the task.
_STATUSES = {
    QUEUED: ("dispatched", "QUEUED"),
    SCHEDULED: ("dispatched", "QUEUED"),
    INITIATED: ("running", "INITIATED"),
    ACKNOWLEDGED: ("running", "ACKNOWLEDGED"),
    IN_PROGRESS: ("running", "INPROGRESS"),
    SUCCESS: ("success", "SUCCESS"),
    FAILURE: ("failure", "FAILURE"),
    TIMED_OUT: ("failure", "TIMEOUT"),
    CANCELLED: ("failure", "CANCELLED"),
}


def seed(tenant: Tenant) -> None:
    """No pipeline has run."""


def is_running(tenant: Tenant, pipeline_id: str) -> bool:
    """Return whether a run of a pipeline has not ended."""
    return any(run["status"] not in _FINAL for run in _runs_of(tenant, pipeline_id))


# --- runs -------------------------------------------------------------------------------------------------------------


def list_all_runs(tenant: Tenant, call: Call) -> Answer:
    """GET /pipelines/v0/runs/."""
    return _list(call, list(tenant.objects[RUNS].values()))


def list_runs(tenant: Tenant, call: Call) -> Answer:
    """GET .../runs/: also of a pipeline that was deleted."""
    return _list(call, _runs_of(tenant, call.values["pipeline_id"].lower()))


def create_run(tenant: Tenant, call: Call) -> Answer:
    """POST .../runs/: with a copy of the stages and of their operations. The devices are found when a stage starts."""
    pipeline = found(tenant.objects[PIPELINES], call.values["pipeline_id"])
    if not pipeline["is_active"]:
        raise refuse("pipeline", "The pipeline is not active.")
    earlier = _runs_of(tenant, pipeline["id"])
    if is_running(tenant, pipeline["id"]):
        raise Refusal(409, ["detail: The pipeline is running. "])
    run: Row = {
        **_new(tenant),
        **_PENDING,
        "enterprise_id": tenant.settings.enterprise_id,
        "run_number": max((each["run_number"] for each in earlier), default=0) + 1,
        "pipeline_id": pipeline["id"],
        "pipeline_name": pipeline["name"],
        "status_meta": {},
    }
    tenant.objects[RUNS][run["id"]] = run
    for stage in stages_of(tenant, pipeline["id"]):
        stage_run: Row = {
            **_new(tenant),
            **_PENDING,
            "enterprise_id": tenant.settings.enterprise_id,
            "pipeline_id": pipeline["id"],
            "pipeline_run_id": run["id"],
            "stage_id": stage["id"],
            "stage_meta": {"name": stage["name"], "description": stage.get("description") or ""},
            "_operations": [],
            "_target_runs": [],
        }
        tenant.objects[_STAGE_RUNS][stage_run["id"]] = stage_run
        for operation in operations_of(tenant, stage["id"]):
            copy: Row = {**_new(tenant), **{name: operation.get(name) for name in ("operation_type", "args")}}
            tenant.objects[_OPERATIONS][copy["id"]] = copy
            stage_run["_operations"].append(copy["id"])
    return _answer(run)


def get_run(tenant: Tenant, call: Call) -> Answer:
    """GET .../runs/{pipeline_run_id}/."""
    run = _run(tenant, call)
    _go_on(tenant, run)
    return _answer(run)


def update_run(tenant: Tenant, call: Call) -> Answer:
    """PUT .../runs/{pipeline_run_id}/: what devices have received already goes on after a cancellation."""
    run = _run(tenant, call)
    _check_open(run, "Pipeline run")
    if call.body["status"] == "cancelled":
        for stage_run in _stage_runs_of(tenant, run):
            _cancel_stage(tenant, stage_run)
    _enter(tenant, run, call.body["status"])
    return _answer(run)


def delete_run(tenant: Tenant, call: Call) -> Answer:
    """DELETE .../runs/{pipeline_run_id}/: only after its end."""
    run = _run(tenant, call)
    if run["status"] not in _FINAL:
        raise refuse("status", "The pipeline run has not ended.")
    for stage_run in _stage_runs_of(tenant, run):
        for table, names in ((_OPERATIONS, stage_run["_operations"]), (TARGET_RUNS, stage_run["_target_runs"])):
            for name in names:
                del tenant.objects[table][name]
        del tenant.objects[_STAGE_RUNS][stage_run["id"]]
    del tenant.objects[RUNS][run["id"]]
    return _answer(run)


# --- stage runs -------------------------------------------------------------------------------------------------------


def list_stage_runs(tenant: Tenant, call: Call) -> Answer:
    """GET /pipelines/v0/runs/{pipeline_run_id}/stageruns/: the last stage first."""
    run = _run(tenant, call)
    _limit, offset = window(call, default=1)
    if offset == 0:
        _go_on(tenant, run)
    return _list(call, _stage_runs_of(tenant, run)[::-1])


def get_stage_run(tenant: Tenant, call: Call) -> Answer:
    """GET .../stageruns/{stage_run_id}/."""
    return _answer(_stage_run(tenant, call))


def update_stage_run(tenant: Tenant, call: Call) -> Answer:
    """PUT .../stageruns/{stage_run_id}/: "queued" lets a run go on that waits, with whichever stage is named."""
    run, stage_run, status = _run(tenant, call), _stage_run(tenant, call), call.body["status"]
    _check_open(run, "Pipeline run")
    _check_open(stage_run, "Stage run")
    if status == "cancelled":
        _cancel_stage(tenant, stage_run)
        _settle(tenant, run)
    elif status == "queued" and stage_run["status"] == "pending":
        if run["status"] != "waiting":
            raise refuse("status", "The pipeline run does not wait.")
        _enter(tenant, stage_run, "queued")
        _enter(tenant, run, "running")
    elif status != "queued":
        _enter(tenant, stage_run, status)
        _settle(tenant, run)
    return _answer(stage_run)


def list_operations(tenant: Tenant, call: Call) -> Answer:
    """GET .../operations/."""
    rows = [tenant.objects[_OPERATIONS][name] for name in _stage_run(tenant, call)["_operations"]]
    return _list(call, rows, _shown_operation)


def get_operation(tenant: Tenant, call: Call) -> Answer:
    """GET .../operations/{stage_run_operation_id}/."""
    _stage_run(tenant, call)
    row = found(tenant.objects[_OPERATIONS], call.values["stage_run_operation_id"])
    return _answer(_shown_operation(row))


# --- target runs ------------------------------------------------------------------------------------------------------


def list_target_runs(tenant: Tenant, call: Call) -> Answer:
    """GET .../targetruns/."""
    return _list(call, _target_runs_of(tenant, _stage_run(tenant, call)))


def create_target_runs(tenant: Tenant, call: Call) -> Answer:
    """POST .../targetruns/: all operations of the stage again, on one device. The stage and the run go on."""
    stage_run = _stage_run(tenant, call)
    run = tenant.objects[RUNS][stage_run["pipeline_run_id"]]
    _check_open(run, "Pipeline run")
    target_id = call.body["target_id"].lower()
    devices = (each["device_id"] for each in _target_runs_of(tenant, stage_run) if each["target_id"] == target_id)
    device = tenant.devices.get(next(devices, ""))
    if device is None:
        raise refuse("target_id", "The target is not part of the stage run.")
    created = _add_target_runs(tenant, stage_run, target_id, device)
    stage_run["ended_at"] = None
    _enter(tenant, stage_run, "running")
    _enter(tenant, run, "running")
    return Answer({"code": 200, "message": "success", "content": [_shown(each) for each in created]})


def get_target_run(tenant: Tenant, call: Call) -> Answer:
    """GET .../targetruns/{target_run_id}/."""
    return _answer(_target_run(tenant, call))


def update_target_run(tenant: Tenant, call: Call) -> Answer:
    """PUT .../targetruns/{target_run_id}/: only what has no command yet can be cancelled."""
    target_run, status = _target_run(tenant, call), call.body["status"]
    _check_open(target_run, "Target run")
    if status == "cancelled" and target_run["status"] not in _UNSENT:
        raise refuse("status", "The command of the target run was sent.")
    _enter(tenant, target_run, status)
    _settle_above(tenant, target_run)
    return _answer(target_run)


def get_command(tenant: Tenant, call: Call) -> Answer:
    """GET .../command/: one command, not a list."""
    return _answer(_command(tenant, _target_run(tenant, call)))


def create_command(tenant: Tenant, call: Call) -> Answer:
    """POST .../command/: the command that the target run makes by itself."""
    target_run = _target_run(tenant, call)
    _send(tenant, target_run)
    return _answer(_command(tenant, target_run))


def update_command(tenant: Tenant, call: Call) -> Answer:
    """PUT .../command/{command_id}/: a cancelled command makes a failure of the target run."""
    target_run = _target_run(tenant, call)
    task: Task = found(tenant.tasks, call.values["command_id"])
    if task.id != target_run["command_id"] or task.state in ENDED:
        raise refuse("request_status", "The command has ended.")
    if call.body.get("request_status") == "cancelled":
        enter(tenant, task, CANCELLED, "Cancelled by a user")
        _follow_task(tenant, target_run)
        _settle_above(tenant, target_run)
    return _answer(_command(tenant, target_run))


# --- progress ---------------------------------------------------------------------------------------------------------


def _go_on(tenant: Tenant, run: Row) -> None:
    """A run goes on by the steps of the conduct."""
    for _number in range(tenant.conduct.steps):
        _go_a_step_on(tenant, run)


def _go_a_step_on(tenant: Tenant, run: Row) -> None:
    """A run goes a step on: its first stage starts, its devices go a step on, or it ends."""
    for stage_run in _stage_runs_of(tenant, run):
        _follow_devices(tenant, stage_run)
    if run["status"] in _UNSENT:
        run["started_at"] = tenant.now()
        first = _first(tenant, run, "pending")
        if first is None:
            _enter(tenant, run, "invalid")
            return
        _enter(tenant, run, "running")
        _start(tenant, first)
    elif run["status"] == "running" and (queued := _first(tenant, run, "queued")):
        _start(tenant, queued)
    elif run["status"] == "complete":
        statuses = {stage_run["status"] for stage_run in _stage_runs_of(tenant, run)}
        _enter(tenant, run, "success" if statuses == {"success"} else "failure")
        return
    _settle(tenant, run)


def _start(tenant: Tenant, stage_run: Row) -> None:
    """Start a stage on the devices that its target lists have now."""
    stage_run["started_at"] = tenant.now()
    targets = targets_of(tenant, stage_run["stage_id"])
    if not targets or not stage_run["_operations"]:
        _enter(tenant, stage_run, "invalid")
        return
    _enter(tenant, stage_run, "running")
    for target_id, device in targets:
        _add_target_runs(tenant, stage_run, target_id, device)


def _add_target_runs(tenant: Tenant, stage_run: Row, target_id: str, device: Device) -> list[Row]:
    """Add the operations of a stage on a device. It gets the first one at once, and each other after the one before."""
    created: list[Row] = []
    for operation_id in stage_run["_operations"]:
        row: Row = {
            **_new(tenant),
            **_PENDING,
            "target_id": target_id,
            "device_id": device.id,
            "device_alias": device.alias,
            "stage_run_id": stage_run["id"],
            "stage_run_operation_id": operation_id,
            "command_id": "",
            "command_status": "",
            "command_meta": {},
        }
        tenant.objects[TARGET_RUNS][row["id"]] = row
        stage_run["_target_runs"].append(row["id"])
        created.append(row)
    _send(tenant, created[0])
    return created


def _send(tenant: Tenant, target_run: Row) -> None:
    """Send the command of a target run to its device."""
    device = tenant.devices.get(target_run["device_id"])
    if device is None:
        _enter(tenant, target_run, "invalid")
    elif not target_run["command_id"]:
        operation = tenant.objects[_OPERATIONS][target_run["stage_run_operation_id"]]
        begin(tenant, target_run["id"], operation["operation_type"], operation["args"], [device], "IMMEDIATE")
        target_run["command_id"] = tenant.jobs[target_run["id"]][0].id
        target_run["started_at"] = tenant.now()
        _follow_task(tenant, target_run)


def _follow_devices(tenant: Tenant, stage_run: Row) -> None:
    """Each device of a stage goes a step on with its first target run that has not ended."""
    first: dict[str, Row] = {}
    for target_run in _target_runs_of(tenant, stage_run):
        if target_run["status"] not in _FINAL:
            first.setdefault(target_run["device_id"], target_run)
    sent = [each for each in first.values() if each["command_id"]]
    advance(tenant, [tenant.tasks[each["command_id"]] for each in sent])
    for target_run in sent:
        _follow_task(tenant, target_run)
    for target_run in first.values():
        if not target_run["command_id"] and stage_run["status"] not in _FINAL:
            _send(tenant, target_run)


def _follow_task(tenant: Tenant, target_run: Row) -> None:
    """A target run has the state of its task."""
    status, target_run["command_status"] = _STATUSES[tenant.tasks[target_run["command_id"]].state]
    if status != target_run["status"]:
        _enter(tenant, target_run, status)


def _settle_above(tenant: Tenant, target_run: Row) -> None:
    """The stage and the run of a target run end, if it was the last one."""
    stage_run = tenant.objects[_STAGE_RUNS][target_run["stage_run_id"]]
    _settle(tenant, tenant.objects[RUNS][stage_run["pipeline_run_id"]])


def _settle(tenant: Tenant, run: Row) -> None:
    """Stages end with their last target run. Then the run waits, or is complete."""
    stage_runs = _stage_runs_of(tenant, run)
    for stage_run in stage_runs:
        latest = {
            (row["device_id"], row["stage_run_operation_id"]): row["status"]
            for row in _target_runs_of(tenant, stage_run)
        }
        if stage_run["status"] == "running" and _FINAL.issuperset(latest.values()):
            _enter(tenant, stage_run, "success" if set(latest.values()) == {"success"} else "failure")
    if run["status"] not in ("running", "waiting") or any(row["status"] in ("queued", "running") for row in stage_runs):
        return
    following = _first(tenant, run, "pending")
    if following is None:
        _enter(tenant, run, "complete")
    elif tenant.conduct.waits:
        if run["status"] != "waiting":
            _enter(tenant, run, "waiting")
    else:
        _start(tenant, following)


def _cancel_stage(tenant: Tenant, stage_run: Row) -> None:
    if stage_run["status"] not in _FINAL:
        _enter(tenant, stage_run, "cancelled")
        for target_run in _target_runs_of(tenant, stage_run):
            if target_run["status"] in _UNSENT:
                _enter(tenant, target_run, "cancelled")


def _enter(tenant: Tenant, row: Row, status: str) -> None:
    """Set another status."""
    row["status"], row["updated_at"] = status, tenant.now()
    if status in _FINAL:
        row["ended_at"] = row["updated_at"]


# --- rows -------------------------------------------------------------------------------------------------------------


def _new(tenant: Tenant) -> Row:
    now = tenant.now()
    return {"id": tenant.new_id(), "created_by": 1, "updated_by": 1, "created_at": now, "updated_at": now}


def _runs_of(tenant: Tenant, pipeline_id: str) -> list[Row]:
    return [run for run in tenant.objects[RUNS].values() if run["pipeline_id"] == pipeline_id]


def _stage_runs_of(tenant: Tenant, run: Row) -> list[Row]:
    return [row for row in tenant.objects[_STAGE_RUNS].values() if row["pipeline_run_id"] == run["id"]]


def _target_runs_of(tenant: Tenant, stage_run: Row) -> list[Row]:
    return [tenant.objects[TARGET_RUNS][name] for name in stage_run["_target_runs"]]


def _first(tenant: Tenant, run: Row, status: str) -> Row | None:
    return next((row for row in _stage_runs_of(tenant, run) if row["status"] == status), None)


def _run(tenant: Tenant, call: Call) -> Row:
    """The run in the path, of the pipeline in the path if it has one."""
    run = found(tenant.objects[RUNS], call.values["pipeline_run_id"])
    return found({run["pipeline_id"]: run}, call.values.get("pipeline_id", run["pipeline_id"]))


def _stage_run(tenant: Tenant, call: Call) -> Row:
    """The stage run in the path, of the run in the path if it has one."""
    row = found(tenant.objects[_STAGE_RUNS], call.values["stage_run_id"])
    return found({row["pipeline_run_id"]: row}, call.values.get("pipeline_run_id", row["pipeline_run_id"]))


def _target_run(tenant: Tenant, call: Call) -> Row:
    row = found(tenant.objects[TARGET_RUNS], call.values["target_run_id"])
    return found({row["stage_run_id"]: row}, call.values["stage_run_id"])


def _command(tenant: Tenant, target_run: Row) -> Row:
    """The command of a target run."""
    task: Task = found(tenant.tasks, target_run["command_id"])
    return {
        "target_run_id": target_run["id"],
        "operation_id": target_run["stage_run_operation_id"],
        "enterprise_id": tenant.settings.enterprise_id,
        "command": task.command,
        "command_type": "DEVICE",
        "device_type": "all",
        "device_id": task.device,
        "schedule": "IMMEDIATE",
        "args": dict(task.arguments or {}),
        "request_id": task.id,
        "request_status": target_run["command_status"],
        "request_status_reason": task.reason,
    }


def _check_open(row: Row, title: str) -> None:
    if row["status"] in _FINAL:
        raise refuse("status", f"{title} has ended.")


def _list(call: Call, rows: Sequence[Row], show: Callable[[Row], Row] | None = None) -> Answer:
    """A page of rows that have the status, the name and the like of the query, in its order. No time is the latest."""
    filters = {name: text for name, text in call.query.items() if name not in ("limit", "offset", "ordering")}
    if "pipeline_name" in filters:
        name = filters.pop("pipeline_name").lower()
        rows = [row for row in rows if name in row["pipeline_name"].lower()]
    rows = [row for row in rows if all(row[name] == text for name, text in filters.items())]
    if ordering := call.query.get("ordering", ""):
        key = ordering.lstrip("-").replace("__", "_")
        rows.sort(key=lambda row: (row[key] is None, row[key] or 0), reverse=ordering.startswith("-"))
    return Answer({"code": 200, "message": "success", "content": apps_list(call, rows, show or _shown)})


def _answer(row: Row) -> Answer:
    return Answer({"code": 200, "message": "success", "content": _shown(row)})


def _shown(row: Row) -> Row:
    return {name: value for name, value in row.items() if not name.startswith("_")}


def _shown_operation(row: Row) -> Row:
    """An operation, whose arguments are JSON in a text."""
    return {**row, "args": orjson.dumps(row["args"] or {}).decode()}


OPERATIONS: dict[str, Behavior] = {
    "GET /pipelines/v0/runs/": list_all_runs,
    f"GET {RUNS}/": list_runs,
    f"POST {RUNS}/": create_run,
    f"GET {_RUN}": get_run,
    f"PUT {_RUN}": update_run,
    f"DELETE {_RUN}": delete_run,
    f"GET {_STAGE_RUNS}/": list_stage_runs,
    f"GET {_STAGE_RUN}": get_stage_run,
    f"PUT {_STAGE_RUN}": update_stage_run,
    f"GET {_OPERATIONS}/": list_operations,
    f"GET {_OPERATIONS}/{{stage_run_operation_id}}/": get_operation,
    f"GET {TARGET_RUNS}/": list_target_runs,
    f"POST {TARGET_RUNS}/": create_target_runs,
    f"GET {_TARGET_RUN}": get_target_run,
    f"PUT {_TARGET_RUN}": update_target_run,
    f"GET {_COMMAND}": get_command,
    f"POST {_COMMAND}": create_command,
    f"PUT {_COMMAND}{{command_id}}/": update_command,
}
