# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module that starts, follows, promotes, cancels and retries runs of pipelines. See pipeline_runs.py for runs.

Based on the runs, stage runs and target runs of the contract (pipelines.yaml). A pipeline has one run at a time.

Choice: a run that waits goes on if its next stage run gets the status ``queued``, as an older client of Esper does.
Choice: a run that appears after a request without a response is that of the task.
Choice: the contract does not say what a target run does after the end of the run, so the module starts none then.
Choice: a stage that Esper calls invalid has no devices or no operations. It does not fail the run, but is a warning.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ..base.errors import ApiError, EsperError, InvalidParameter, NotFound
from ..base.row import Params, Row
from ..base.text import counted, listed
from ..engine.apply import apply_each, raise_first
from ..engine.tenant_view import TenantView
from ..kinds.command_risk import RISKY, risk_of, risks
from ..kinds.device_search import devices_option, label_of, labels_of, require_devices
from ..kinds.pipeline import PIPELINE, pipelines
from ..kinds.pipeline_tree import RUNS
from ..model.module_spec import ModuleSpec, Option, Support, Value
from ..model.plan import Step
from ..task import ModuleDefinition, ModuleResult, RunContext, diff_entry
from .command import raise_one
from .commanded import commanded, commanded_value
from .pipeline_runs import (
    COMMAND,
    PIPELINE_RUN,
    RUN,
    STAGE_RUN,
    TARGET_RUN,
    TARGET_RUNS,
    UNSENT,
    DeviceRun,
    StageDevices,
    find_run,
    has_ended,
    ids_of,
    iterate_runs,
    newest_run,
    read_all_devices,
    read_devices,
    read_run,
    read_stage_runs,
    report,
    report_values,
    select_stage,
    stage_name,
    status_of,
    title_of,
    without_report,
)
from .polling import attempts, check_timeout, timeout_option
from .waiting import check_percentage

# The maximum number of devices in a message. The result contains all.
_NAMED_DEVICES = 5
# The longest pause between readings of the run, in seconds.
_LONGEST_PAUSE = 30.0
# The number of readings of the run for each reading of its stages. They are also read if the run has changed.
_READINGS_PER_STAGES = 3
# The options that only some states have.
_STATES_OF = {
    "run": ("resumed", "cancelled", "retried", "absent"),
    "stage": ("resumed", "cancelled", "retried"),
    "devices": ("cancelled", "retried"),
    "if_running": ("started",),
}
# The results of devices that a task retries by default.
_FAILED = ("failed", "timed_out")
_REQUIRE_WAIT = ("until", "promote", "cancel_on_failure")

MODULE = ModuleSpec(
    short_description="Run Esper pipelines and follow their runs",
    description=(
        "Starts a run of a pipeline, and optionally waits until it is complete. Resumes a waiting run, cancels a run or"
        " parts of it, retries failed devices, and deletes a run.",
        "A pipeline has one run at a time. Esper pauses it after each stage, until somebody promotes the run to the"
        " next stage, or the task does with O(promote=always).",
        "If a task is interrupted, the run continues in Esper. With O(if_running=follow), another task follows it"
        " and starts no other.",
        "A stage ends when all of its devices have a result, so an offline device keeps it running until it times out"
        " in Esper. To leave devices out, cancel them with O(state=cancelled) and O(devices).",
        "If the response to a request is lost, the module looks for the run before it sends the request again. A"
        " pipeline never runs twice.",
    ),
    options=(
        Option(
            "state",
            (
                "Desired state of the run.",
                "V(started) starts a run. V(resumed) promotes a waiting run to the next stage.",
                "V(cancelled) cancels the run, a stage or devices.",
                "V(retried) repeats the operations of a stage on failed devices. The run must not have ended.",
                "V(absent) deletes a run that has ended.",
            ),
            choices=("started", "resumed", "cancelled", "retried", "absent"),
            default="started",
        ),
        Option(
            "pipeline",
            "Pipeline by name or ID, case-sensitive. Required unless O(run) is an ID.",
            identifier=True,
        ),
        Option(
            "run",
            "Run by number or ID. Quote a number. Defaults to the run of the pipeline that has not ended, or else to"
            " the last run. Not allowed if O(state=started).",
            identifier=True,
        ),
        Option(
            "stage",
            (
                "Stage of the run, by name or ID.",
                "With O(state=resumed), the stage to start. Defaults to the next stage. With O(state=cancelled) or"
                " O(state=retried), the only stage that the task changes.",
            ),
            identifier=True,
        ),
        devices_option(
            "With O(state=cancelled) or O(state=retried), the only devices that the task changes. With"
            " O(state=retried), it defaults to all devices that failed or timed out.",
        ),
        Option(
            "if_running",
            (
                "What O(state=started) does if a run of the pipeline has not ended.",
                "V(fail) fails. V(follow) starts no other run, and waits for this one if O(wait=true).",
            ),
            choices=("fail", "follow"),
            default="fail",
        ),
        Option(
            "confirm",
            "If V(true), confirms an action that cannot be undone, or that takes devices offline. Required to start a"
            f" pipeline with operations of the type {risks(RISKY)}, and to delete a run.",
            type="bool",
            default=False,
        ),
        Option(
            "wait",
            (
                "If V(true), the task waits for the run, as O(until) says. If O(wait_timeout) is exceeded, the task"
                " fails, and the run continues in Esper.",
                "If V(false), the task ends when Esper has accepted the request.",
            ),
            type="bool",
            default=False,
        ),
        timeout_option("the run", 3600.0),
        Option(
            "until",
            (
                "What the task waits for. Requires O(wait=true).",
                "V(completed) waits for the end of the run. V(waiting) also ends if the run waits for a promotion.",
            ),
            choices=("completed", "waiting"),
            default="completed",
        ),
        Option(
            "promote",
            (
                "Whether the task promotes the run if it waits. Requires O(wait=true).",
                "V(never) waits until somebody else promotes the run. V(always) promotes it to the next stage, unless"
                " more devices of the last stage than O(max_fail_percentage) failed.",
            ),
            choices=("never", "always"),
            default="never",
        ),
        Option(
            "max_fail_percentage",
            "Maximum percentage of the devices of each stage, from 0 to 100, that can fail without failing the task."
            " Devices that timed out, or whose operations were canceled, also count.",
            type="float",
            default=0.0,
        ),
        Option(
            "cancel_on_failure",
            "If V(true), the task cancels the run if more devices of a stage than O(max_fail_percentage) failed."
            " Requires O(wait=true).",
            type="bool",
            default=False,
        ),
        Option(
            "report",
            "If V(true) and O(wait=true), the task reads the results of all devices after it has waited.",
            type="bool",
            default=True,
        ),
        Option(
            "reasons",
            "If V(true), the task also reads the reasons of failures, with a request for each failed device.",
            type="bool",
            default=False,
        ),
    ),
    rules={"required_one_of": [("pipeline", "run")], "required_if": [("state", "absent", ("run",))]},
    returns=(
        Value(
            "pipeline_run",
            "The run. Null if it does not exist, or in check mode if the task starts it.",
            type="dict",
            contains=PIPELINE_RUN.fields,
        ),
        Value(
            "state",
            (
                "Result of the task.",
                "V(accepted) if the run has not ended, and the task does not wait for it.",
                "V(waiting) if the run waits for a promotion.",
                "V(completed) if the run has ended as the task demands, or is canceled or deleted by the task.",
                "V(failed) if the run has failed.",
            ),
            sample="completed",
        ),
        *report_values(
            "Empty if O(wait=false) or O(report=false).",
            counts="RV(counts.pending) is null if O(wait=false) or O(report=false).",
        ),
        commanded_value(
            "Devices in the stages that have started, if O(wait=true) and O(report=true). Null otherwise.",
            "With O(state=retried), or if O(devices) is set, devices whose operations are canceled or retried.",
            name=Value("name", "Name of the device. Null if the task has not read it.", sample="OUW-MDJ-00001"),
        ),
        Value(
            "device_count",
            "Number of devices whose operations are canceled or retried.",
            type="int",
            sample=2,
            returned="if O(state=retried) or O(devices) is set",
        ),
        Value(
            "late_devices",
            "Names of devices that execute an operation already, so it cannot be canceled.",
            type="list",
            elements="str",
            sample=["OUW-MDJ-00001"],
            returned="if O(state=cancelled) and O(devices) is set",
        ),
    ),
    check_mode=Support("full", "Sends no request that changes a run, and does not wait."),
    diff_mode=Support(
        "partial",
        "Shows the status before and after a change of a run.",
        "Not if the task starts a run, because it has no previous status.",
    ),
    seealso=("pipeline_run_info", "pipeline", "device_command"),
)


def _run(view: TenantView, params: Params, context: RunContext) -> ModuleResult:
    _check_options(params)
    pipeline = None if params["pipeline"] is None else pipelines(view).resolve(params["pipeline"])
    task = _Task(view, params, context, pipeline)
    actions = {
        "started": task.start,
        "resumed": task.resume,
        "cancelled": task.cancel,
        "retried": task.retry,
        "absent": task.delete,
    }
    result = actions[params["state"]]()
    return ModuleResult(result, task.warnings)


def _check_options(params: Params) -> None:
    state = params["state"]
    defaults = {option.name: option.default for option in MODULE.options if isinstance(option, Option)}
    for name, states in _STATES_OF.items():
        if state not in states and params[name] != defaults[name]:
            raise InvalidParameter(f"The option {name} is not allowed with state={state}.")
    if state == "started" and params["pipeline"] is None:
        raise InvalidParameter("The option pipeline is required with state=started.")
    for name in _REQUIRE_WAIT:
        if params[name] != defaults[name] and not params["wait"]:
            raise InvalidParameter(f"The option {name}={str(params[name]).lower()} requires wait=true.")
    if params["until"] == "waiting" and params["promote"] == "always":
        raise InvalidParameter("until=waiting and promote=always exclude each other. Omit one of them.")
    if params["devices"] is not None and not params["devices"]:
        raise InvalidParameter("The option devices is empty. List a device, or omit the option.")
    check_percentage(params, "max_fail_percentage")
    check_timeout(params["wait_timeout"])


@dataclass
class _Task:
    """A task about runs of one pipeline. ``pipeline`` is None if the task names only the ID of a run."""

    view: TenantView
    params: Params
    context: RunContext
    pipeline: Row | None
    warnings: list[str] = field(default_factory=list)

    # --- start --------------------------------------------------------------------------------------------------------

    def start(self) -> Row:
        """Start a run, or follow the one that has not ended."""
        pipeline = t.cast("Row", self.pipeline)
        title = PIPELINE.phrase(pipeline)
        newest = newest_run(self.view, pipeline)
        if newest is not None and not has_ended(newest):
            return self._follow_other(newest)
        if pipeline.get("is_active") is False:
            raise InvalidParameter(f"The {title} is not active, so Esper does not run it. Set active=true for it.")
        if pipeline.get("is_valid") is False:
            self.warnings.append(f"Esper calls the {title} invalid. Check its stages.")
        self._check_stages(pipeline)
        if self.context.check_mode:
            return {"changed": True, "pipeline_run": None, "state": "accepted", **_without_devices()}
        number = -1 if newest is None else newest.get("run_number") or -1
        step = Step(
            purpose=f"Starting the {title}",
            method="POST",
            path=RUNS,
            ids={"pipeline_id": pipeline["id"]},
            body={},
            find_existing=lambda _body: self._find_started(pipeline, number),
        )
        raise_one(apply_each(self.view, PIPELINE_RUN, [step]))
        run = {"pipeline_name": pipeline["name"], "pipeline_id": pipeline["id"], **(step.response or {})}
        if step.adopted and not any(each.step is step for each in self.view.accepted):
            # Esper rejected the request, because another client was faster.
            return self._follow_other(run)
        self.context.effects.add(
            f"{title_of(run)} (ID {run['id']}) continues in Esper. To follow it, set if_running=follow.",
            **self._accepted(run),
        )
        return self._follow(run, changed=True, is_current=True)

    def _find_started(self, pipeline: Row, number: int) -> Row | None:
        run = newest_run(self.view, pipeline)
        return run if run is not None and (run.get("run_number") or 0) > number else None

    def _follow_other(self, run: Row) -> Row:
        if self.params["if_running"] == "fail":
            raise InvalidParameter(
                f"{title_of(run)} has the status {status_of(run)}, and a pipeline has one run at a time. Set"
                " if_running=follow to wait for it, or cancel it."
            )
        return self._follow(run, changed=False)

    def _check_stages(self, pipeline: Row) -> None:
        """Raise InvalidParameter if Esper would call the run invalid, or if it has an operation to confirm."""
        title = PIPELINE.phrase(pipeline)
        stages = pipelines(self.view).tree_reader(pipeline).read(has_unattached=False).stages
        if not stages:
            raise InvalidParameter(f"The {title} has no stages. Add a stage to it.")
        for stage in stages:
            operations = [row for each in stage["operation_lists"] for row in each["operations"]]
            if not (stage["target_lists"] and operations):
                missing = "operations" if stage["target_lists"] else "devices or device groups"
                raise InvalidParameter(f"The stage '{stage.get('name')}' of the {title} has no {missing}. Add them.")
            for operation in operations:
                name = str(operation.get("operation_type"))
                effect = risk_of(name, operation["args"] or {}, RISKY)
                if effect and not self.params["confirm"]:
                    raise InvalidParameter(
                        f"The stage '{stage.get('name')}' of the {title} has the operation {name}, which {effect}. Set"
                        " confirm to true to continue."
                    )

    # --- the other states ---------------------------------------------------------------------------------------------

    def resume(self) -> Row:
        """Promote a run that waits."""
        run = self._required_run()
        if status_of(run) != "waiting":
            return self._follow(run, changed=False)
        stage_runs = read_stage_runs(self.view, run)
        if self.params["stage"] is not None:
            following: Row | None = select_stage(stage_runs, run, self.params["stage"])
        else:
            following = _next_stage(stage_runs)
        if following is None:
            raise InvalidParameter(f"{title_of(run)} waits, but all its stages have started.")
        if status_of(following) != "pending":
            return self._follow(run, changed=False)
        changed = self.context.check_mode or self.promote(run, following)
        name = stage_name(following)
        diff = self._diff(run, {name: "pending"}, {name: "queued"}) if changed else {}
        return self._follow(run, changed=changed, promoted=str(following["id"])) | diff

    def promote(self, run: Row, stage_run: Row) -> bool:
        """Start a stage of a run that waits. Return whether that was still possible."""
        step = Step(
            purpose=f"Promoting run {PIPELINE_RUN.name_of(run)} to the stage '{stage_name(stage_run)}'",
            method="PUT",
            path=STAGE_RUN,
            ids={"run_id": run["id"], "stage_run_id": stage_run["id"]},
            body={"status": "queued"},
        )
        # Somebody else can have promoted the run at the same time.
        return self._change(step, lambda row: status_of(row) != "pending")[0]

    def cancel(self) -> Row:
        """Cancel a run, a stage, or devices."""
        run = self._find_run()
        if run is None:
            return {"changed": False, "pipeline_run": None, "state": "completed", **_without_devices()}
        if self.params["devices"] is not None:
            return self._cancel_devices(run)
        if self.params["stage"] is not None:
            return self._cancel_stage(run)
        if has_ended(run):
            return {"changed": False, **self._accepted(run), "state": "completed"}
        diff = self._diff(run, {"status": status_of(run)}, {"status": "cancelled"})
        if self.context.check_mode:
            return self._follow(run, changed=True) | diff
        changed, after = self.cancel_run(run)
        return self._follow(after, changed=changed, is_current=True) | (diff if changed else {})

    def cancel_run(self, run: Row) -> tuple[bool, Row]:
        """Cancel a run. Return whether it was still possible, and the run afterwards."""
        step = Step(
            purpose=f"Canceling run {PIPELINE_RUN.name_of(run)}",
            method="PUT",
            path=RUN,
            ids={**ids_of(run)},
            body={"status": "cancelled"},
        )
        changed, after = self._change(step)
        return changed, {**run, **after}

    def _cancel_stage(self, run: Row) -> Row:
        stage_run = select_stage(read_stage_runs(self.view, run), run, self.params["stage"])
        if has_ended(stage_run):
            return self._follow(run, changed=False)
        name = stage_name(stage_run)
        diff = self._diff(run, {name: status_of(stage_run)}, {name: "cancelled"})
        step = Step(
            purpose=f"Canceling the stage '{name}' of run {PIPELINE_RUN.name_of(run)}",
            method="PUT",
            path=STAGE_RUN,
            ids={"run_id": run["id"], "stage_run_id": stage_run["id"]},
            body={"status": "cancelled"},
        )
        changed = self.context.check_mode or self._change(step)[0]
        return self._follow(run, changed=changed) | (diff if changed else {})

    def _cancel_devices(self, run: Row) -> Row:
        stages, names = self._selected_devices(run)
        steps: dict[Step, str] = {}
        late: set[str] = set()
        for stage, device in stages:
            for target_run in device.target_runs:
                if has_ended(target_run):
                    continue
                step = _cancel_target_step(stage, target_run, names[device.device_id])
                if step is None:
                    late.add(device.device_id)
                else:
                    steps[step] = device.device_id
        if not self.context.check_mode:
            failures = apply_each(self.view, PIPELINE_RUN, steps)
            raise_first([failure for failure in failures if not _is_rejection(failure[1])])
            # A device can receive its command, or report its result, at the same time.
            late |= {steps.pop(step) for step, _error in failures}
        cancelled_ids = set(steps.values())
        devices = [{"id": id_, "name": name} for id_, name in names.items() if id_ in cancelled_ids]
        cancelled = [row["name"] for row in devices]
        late_names = [names[id_] for id_ in names if id_ in late]
        if late_names:
            self.warnings.append(f"Too late to cancel: {listed(late_names)}. The devices execute an operation already.")
        diff = self._diff(run, dict.fromkeys(cancelled, "pending"), dict.fromkeys(cancelled, "cancelled"))
        counts = {"device_count": len(cancelled), "late_devices": late_names, **commanded(devices)}
        return self._follow(run, changed=bool(steps)) | counts | (diff if steps else {})

    def retry(self) -> Row:
        """Repeat the operations of a stage on devices that failed."""
        run = self._required_run()
        stages, devices = self._selected_devices(run)
        states = _FAILED if self.params["devices"] is None else (*_FAILED, "cancelled")
        failed = [(stage, device) for stage, device in stages if device.state in states]
        labels = {device.device_id: devices.get(device.device_id, device.device_id) for _stage, device in failed}
        if failed and has_ended(run):
            raise InvalidParameter(
                f"{title_of(run)} has ended, so devices cannot be retried: {listed(list(labels.values()))}. Start"
                " another run."
            )
        steps = [self._retry_step(stage, device, labels[device.device_id]) for stage, device in failed]
        before = {labels[device.device_id]: device.state for _stage, device in failed}
        diff = self._diff(run, before, dict.fromkeys(before, "pending")) if failed else {}
        if not self.context.check_mode:
            raise_first(apply_each(self.view, PIPELINE_RUN, steps))
        count = {"device_count": len(labels), **commanded({"id": id_, "name": name} for id_, name in labels.items())}
        return self._follow(run, changed=bool(steps)) | count | diff

    def _retry_step(self, stage: StageDevices, device: DeviceRun, label: str) -> Step:
        known = {row["id"] for row in device.target_runs}

        def find(_body: t.Any) -> Row | None:
            found = (each for each in read_devices(self.view, stage.stage_run).devices)
            rows = (row for each in found if each.device_id == device.device_id for row in each.target_runs)
            return next((row for row in rows if row["id"] not in known), None)

        return Step(
            purpose=f"Retrying the device '{label}' in the stage '{stage.name}'",
            method="POST",
            path=TARGET_RUNS,
            ids={"stage_run_id": stage.stage_run["id"]},
            body={
                "target_id": device.decisive["target_id"] or device.device_id,
                "device_name": label,
                "device_alias": device.decisive["device_alias"] or "",
            },
            find_existing=find,
        )

    def delete(self) -> Row:
        """Delete a run that has ended."""
        run = find_run(self.view, self.pipeline, self.params["run"])
        result: Row = {"changed": run is not None, "pipeline_run": None, "state": "completed", **_without_devices()}
        if run is None:
            return result
        if not has_ended(run):
            raise InvalidParameter(f"{title_of(run)} has the status {status_of(run)}. Cancel it before you delete it.")
        if not self.params["confirm"]:
            raise InvalidParameter(f"Deleting run {PIPELINE_RUN.name_of(run)} cannot be undone. Set confirm to true.")
        if not self.context.check_mode:
            step = Step(f"Deleting run {PIPELINE_RUN.name_of(run)}", "DELETE", RUN, ids={**ids_of(run)})
            raise_one(apply_each(self.view, PIPELINE_RUN, [step]))
        return result | self._diff(run, {"status": status_of(run)}, {})

    # --- parts --------------------------------------------------------------------------------------------------------

    def _find_run(self) -> Row | None:
        """Return the run that the task names, or else the last run of the pipeline, None if it has not run."""
        if self.params["run"] is None:
            return newest_run(self.view, t.cast("Row", self.pipeline))
        run = find_run(self.view, self.pipeline, self.params["run"])
        if run is None:
            raise NotFound("pipeline run", self.params["run"], [str(each) for each in self._numbers()])
        return run

    def _numbers(self) -> t.Iterator[t.Any]:
        if self.pipeline is not None:
            yield from (row.get("run_number") for row in iterate_runs(self.view, self.pipeline))

    def _required_run(self) -> Row:
        run = self._find_run()
        if run is None:
            raise InvalidParameter(f"The {PIPELINE.phrase(t.cast('Row', self.pipeline))} has not run.")
        return run

    def _selected_devices(self, run: Row) -> tuple[list[tuple[StageDevices, DeviceRun]], dict[str, str]]:
        """Return the devices of a run that the task selects, with their stages, and their names by ID."""
        stage_runs = read_stage_runs(self.view, run)
        if self.params["stage"] is not None:
            stage_runs = [select_stage(stage_runs, run, self.params["stage"])]
        pairs = [(stage, device) for stage in read_all_devices(self.view, stage_runs) for device in stage.devices]
        if self.params["devices"] is None:
            failed = dict.fromkeys(device.device_id for _stage, device in pairs if device.state in _FAILED)
            return pairs, labels_of(self.view, failed)
        names = {str(row["id"]): label_of(row) for row in require_devices(self.view, self.params["devices"])}
        known = {device.device_id for _stage, device in pairs}
        for id_, label in names.items():
            if id_ not in known:
                raise NotFound(f"device of run {PIPELINE_RUN.name_of(run)}", label, note="Its stage has not started.")
        return [(stage, device) for stage, device in pairs if device.device_id in names], names

    def _change(self, step: Step, is_late: t.Callable[[Row], bool] = has_ended) -> tuple[bool, Row]:
        """Change the status of a run or a stage run. Return whether it was still possible, and the object afterwards.
        If Esper rejects the request, ``is_late`` returns whether the object that exists explains it."""
        for failed, error in apply_each(self.view, PIPELINE_RUN, [step]):
            if not _is_rejection(error):
                raise error
            ids = {name: str(value) for name, value in failed.ids.items()}
            row = self.view.client.get_object(failed.path, ids=ids, purpose=f"{failed.purpose} (reading its status)")
            if not is_late(row):
                raise error
            return False, row
        return True, step.response or {}

    def _follow(self, run: Row, *, changed: bool, promoted: str = "", is_current: bool = False) -> Row:
        """Return the result about a run, after the wait if the task waits. ``promoted`` is the ID of the stage run that
        the task has promoted. ``is_current`` is whether the run was read after the change."""
        following = _Following(self, run, {promoted} - {""}, changed=changed)
        if self.context.check_mode:
            return {"changed": changed or following.will_promote, **self._accepted(run)}
        if self.params["wait"]:
            return following.result()
        if (changed or promoted) and not is_current:
            run = read_run(self.view, run)
        return {"changed": changed, **self._accepted(run)}

    def _accepted(self, run: Row) -> Row:
        """Return the result about a run for which the task does not wait."""
        state = "waiting" if status_of(run) == "waiting" else "accepted"
        if has_ended(run):
            state = "completed" if self.is_goal(run) else "failed"
        return {**self.result_of(run), "state": state, **_without_devices()}

    def is_goal(self, run: Row) -> bool:
        """Return whether a run has ended as the task demands."""
        is_cancellation = self.params["state"] == "cancelled" and self.params["stage"] is self.params["devices"] is None
        return status_of(run) == "success" or is_cancellation

    def result_of(self, run: Row) -> Row:
        """Return a run in the form of the result."""
        return {"pipeline_run": self.view.to_result(PIPELINE_RUN, run)}

    def _diff(self, run: Row, before: Row, after: Row) -> Row:
        if not self.context.diff:
            return {}
        return {"diff": [diff_entry(f"pipeline run {PIPELINE_RUN.name_of(run)}", before, after)]}


@dataclass
class _Following:
    """The wait for a run. ``promoted`` are the IDs of the stage runs that the task has promoted, ``changed`` is whether
    the task has changed anything. ``exceeding`` are the stages in which too many devices failed."""

    task: _Task
    run: Row
    promoted: set[str]
    changed: bool
    stage_runs: list[Row] = field(default_factory=list)
    exceeding: list[StageDevices] = field(default_factory=list)
    _devices: dict[tuple[str, t.Any], StageDevices] = field(default_factory=dict)

    @property
    def _params(self) -> Params:
        return self.task.params

    @property
    def will_promote(self) -> bool:
        """True if the task promotes the run, as far as is known now. Reads the stages."""
        if self._params["promote"] == "never" or self._params["until"] == "waiting" or has_ended(self.run):
            return False
        return _next_stage(read_stage_runs(self.task.view, self.run)) is not None

    def result(self) -> Row:
        """Wait, and return the result of the task."""
        state, message = self._wait()
        result: Row = {"changed": self.changed, **self.task.result_of(self.run), "state": state, **_without_devices()}
        if self._params["report"] or self.exceeding:
            stages = self._read_devices(self.stage_runs)
            result |= report(self.task.view, stages, reasons=self._params["reasons"])
            result["devices"] = _devices_of(stages, result["failed_devices"])
        if state == "failed":
            result |= {"failed": True, "msg": self._with_devices(message, result["failed_devices"])}
        return result

    def _with_devices(self, message: str, devices: list[Row]) -> str:
        """Return a message with the names of devices that did not succeed: those of the stages in which too many
        failed, or else of all stages. The most useful ones come first."""
        stages = [stage.name for stage in self.exceeding]
        first = "failed" if stages else "pending"
        shown = [device for device in devices if not stages or device["stage"] in stages]
        shown.sort(key=lambda device: device["state"] != first)
        if not shown:
            return f"{message}."
        names = [f"{device['name'] or device['id']} ({device['reason'] or device['state']})" for device in shown]
        hidden = len(names) - _NAMED_DEVICES
        more = f" and {hidden} more (see failed_devices)" if hidden > 0 else ""
        separator = ":" if stages else ". These devices did not succeed:"
        return f"{message}{separator} {', '.join(names[:_NAMED_DEVICES])}{more}."

    def _wait(self) -> tuple[str, str]:
        """Return the state of the result, and the message of a failure."""
        view, timeout = self.task.view, self._params["wait_timeout"]
        for number in attempts(view.client, timeout, longest_pause=_LONGEST_PAUSE):
            before, self.run = self.run, read_run(view, self.run)
            has_changed = any(before.get(key) != self.run.get(key) for key in ("status", "updated_at"))
            is_decisive = has_ended(self.run) or status_of(self.run) == "waiting"
            if not self.stage_runs or has_changed or is_decisive or number % _READINGS_PER_STAGES == 0:
                self.stage_runs = read_stage_runs(view, self.run)
            self.task.context.effects.latest = self.task.result_of(self.run)
            self.task.context.progress(f"{title_of(self.run)}: {self._progress()}")
            if has_ended(self.run):
                return self._judge_end()
            if status_of(self.run) == "waiting" and (outcome := self._judge_wait()):
                return outcome
        return "failed", (
            f"{title_of(self.run)} has not ended after {timeout:g} s: {self._progress()}. It continues in Esper."
            " Increase wait_timeout, or follow the run with if_running=follow"
        )

    def _progress(self) -> str:
        """Return the stage that runs, or else the last one that has started, with its status."""
        started = [(number, row) for number, row in enumerate(self.stage_runs, 1) if status_of(row) != "pending"]
        if not started:
            return status_of(self.run)
        number, row = next((pair for pair in started if not has_ended(pair[1])), started[-1])
        suffix = ", waiting for a promotion" if status_of(self.run) == "waiting" else ""
        return f"stage {number} of {len(self.stage_runs)}, {stage_name(row)}: {status_of(row)}{suffix}"

    def _judge_end(self) -> tuple[str, str]:
        """Return the outcome of a run that has ended."""
        status = status_of(self.run)
        if self.task.is_goal(self.run):
            return "completed", ""
        if status != "failure":
            return "failed", f"{title_of(self.run)} has the status {status}"
        stages = self._read_devices(self.stage_runs)
        self.exceeding = [stage for stage in stages if stage.exceeds(self._params["max_fail_percentage"])]
        if self.exceeding:
            return "failed", f"{title_of(self.run)} failed: {'; '.join(map(_failed_part, self.exceeding))}"
        if unstarted := [stage.name for stage in stages if status_of(stage.stage_run) == "pending"]:
            return "failed", f"{title_of(self.run)} failed before these stages started: {listed(unstarted)}"
        if invalid := [stage.name for stage in stages if status_of(stage.stage_run) == "invalid"]:
            self.task.warnings.append(
                f"{title_of(self.run)} has a stage that Esper calls invalid, because it has no devices or no"
                f" operations: {listed(invalid)}."
            )
        return "completed", ""

    def _judge_wait(self) -> tuple[str, str] | None:
        """Promote a run that waits if the task does so. Return the outcome, None if the task waits on."""
        following = _next_stage(self.stage_runs)
        if following is None or str(following["id"]) in self.promoted:
            return None
        index = self.stage_runs.index(following)
        if index:
            previous = self.stage_runs[index - 1]
            (stage,) = self._read_devices([previous])
            is_retried = status_of(previous) == "failure" and stage.counts["pending"]
            if not has_ended(previous) or is_retried:
                return None
            if stage.exceeds(self._params["max_fail_percentage"]):
                self.exceeding = [stage]
                if self._params["cancel_on_failure"]:
                    changed, self.run = self.task.cancel_run(self.run)
                    self.changed |= changed
                reason = f"because too many devices failed: {_failed_part(stage)}"
                return "failed", f"{title_of(self.run)} has the status {status_of(self.run)}, {reason}"
        if self._params["until"] == "waiting":
            return "waiting", ""
        if self._params["promote"] == "always":
            self.changed |= self.task.promote(self.run, following)
            self.promoted.add(str(following["id"]))
        return None

    def _read_devices(self, stage_runs: list[Row]) -> list[StageDevices]:
        """Return stage runs with their devices. They are read once after all of them have a result."""
        keys = [(str(row["id"]), row.get("updated_at")) for row in stage_runs]
        unread = [row for row, key in zip(stage_runs, keys, strict=True) if key not in self._devices]
        read = {str(stage.stage_run["id"]): stage for stage in read_all_devices(self.task.view, unread)}
        for key in keys:
            stage = read.get(key[0])
            if stage is not None and has_ended(stage.stage_run) and not stage.counts["pending"]:
                self._devices[key] = stage
        return [read.get(key[0]) or self._devices[key] for key in keys]


def _without_devices() -> Row:
    """Return the values of the result about devices if they are not read."""
    return {**without_report(), **commanded(None)}


def _devices_of(stages: list[StageDevices], named: list[Row]) -> list[Row]:
    """Return the devices of the stages of a run, once each. ``named`` are those whose names are read already: target
    runs have none."""
    names = {row["id"]: row["name"] for row in named}
    ids = dict.fromkeys(device.device_id for stage in stages for device in stage.devices if device.device_id)
    return [{"id": id_, "name": names.get(id_)} for id_ in ids]


def _next_stage(stage_runs: list[Row]) -> Row | None:
    """Return the first stage that has not started."""
    return next((row for row in stage_runs if status_of(row) == "pending"), None)


def _cancel_target_step(stage: StageDevices, target_run: Row, label: str) -> Step | None:
    """Return the request that cancels an operation on a device, None if the device executes it already."""
    purpose = f"Canceling the stage '{stage.name}' on the device '{label}'"
    ids = {"stage_run_id": stage.stage_run["id"], "target_run_id": target_run["id"]}
    if status_of(target_run) in UNSENT:
        return Step(purpose, "PUT", TARGET_RUN, ids=ids, body={"status": "cancelled"})
    if status_of(target_run) != "dispatched" or not target_run["command_id"]:
        return None
    return Step(
        purpose,
        "PUT",
        f"{COMMAND}{{command_id}}/",
        ids={**ids, "command_id": target_run["command_id"]},
        body={"request_status": "cancelled"},
        response_key="request_id",
    )


def _is_rejection(error: EsperError) -> bool:
    """Return whether Esper rejected a request, for example because the status has changed before."""
    return isinstance(error, ApiError) and error.status in (400, 409)


def _failed_part(stage: StageDevices) -> str:
    """Return the number of devices of a stage that did not succeed, as part of a sentence."""
    return f"{len(stage.unsuccessful)} of {counted(len(stage.devices))} of the stage '{stage.name}' did not succeed"


PIPELINE_RUN_TASK = ModuleDefinition(
    "pipeline_run", MODULE, _run, unknown={"pipeline_run": None, "state": "accepted", **_without_devices()}
)
