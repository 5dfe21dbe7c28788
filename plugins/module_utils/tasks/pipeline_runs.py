# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of pipelines: how they are found and read, and how their devices are counted.

Based on the runs, stage runs and target runs of the contract (pipelines.yaml). A run has a stage run for each stage. A
stage run has a target run for each device and operation, and a target run has one command.

Choice: statuses are read without regard to case, because an older client of Esper has them in upper case.
Choice: the contract documents no order of stage runs, so they have the order of the stages, which is that of creation.
Choice: an older client of Esper sends ``limit`` for target runs, so this file does too. Other lists are read without.
Choice: a target run that somebody starts again replaces the earlier one of the same device and operation.
"""

from __future__ import annotations

import itertools
import typing as t
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timezone

from ..base.errors import Ambiguous, ApiError, InvalidParameter, NotFound
from ..base.ids import is_uuid, normal_id
from ..base.row import Row
from ..base.text import composed
from ..base.times import parse_time
from ..engine.tenant_view import TenantView
from ..http.paging import iterate, list_all
from ..http.parallel import CONCURRENCY, in_parallel
from ..kinds.device_search import labels_of
from ..kinds.pipeline_tree import RUNS, TreeReader
from ..model.conform import to_row, to_text
from ..model.field import Field
from ..model.kind import Kind, Routes, Shape
from ..model.module_spec import Value
from .waiting import DEVICE_ID, DEVICE_NAME, DEVICE_REASON, exceeds

RUN = f"{RUNS}{{run_id}}/"
STAGE_RUNS = "/pipelines/v0/runs/{run_id}/stageruns/"
STAGE_RUN = "/pipelines/v0/runs/{run_id}/stageruns/{stage_run_id}/"
TARGET_RUNS = "/pipelines/v0/stageruns/{stage_run_id}/targetruns/"
TARGET_RUN = "/pipelines/v0/stageruns/{stage_run_id}/targetruns/{target_run_id}/"
COMMAND = "/pipelines/v0/stageruns/{stage_run_id}/targetruns/{target_run_id}/command/"
_OPERATIONS = "/pipelines/v0/stageruns/{stage_run_id}/operations/"

STATUSES = (
    "pending",
    "queued",
    "processing",
    "running",
    "waiting",
    "complete",
    "success",
    "failure",
    "cancelled",
    "timeout",
    "invalid",
)
ENDS = frozenset(STATUSES[6:])
# The statuses of a target run that has no command yet.
UNSENT = frozenset(STATUSES[:3])
# The result of a target run by its status. Those with other statuses are pending.
_RESULTS = {
    "success": "succeeded",
    "failure": "failed",
    "invalid": "failed",
    "timeout": "timed_out",
    "cancelled": "cancelled",
}
# The result of a failed target run by the status of its command.
_COMMAND_RESULTS = {"TIMEOUT": "timed_out", "CANCELLED": "cancelled"}
# The result of a device is the first of these that one of its target runs has.
_WORST_FIRST = ("failed", "timed_out", "cancelled", "pending", "succeeded")
_UNKNOWN_TIME = datetime.min.replace(tzinfo=timezone.utc)

_TIMES = (
    Field("started_at", "Time of the start.", writable=False, sample="2026-03-01T09:30:00Z"),
    Field("ended_at", "Time of the end. Null before.", writable=False, sample="2026-03-01T11:05:00Z"),
)
PIPELINE_RUN = Kind(
    name="pipeline_run",
    title="pipeline run",
    plural="pipeline_runs",
    routes=Routes(list="/pipelines/v0/runs/", object=RUN, page_size=None, name_filter=""),
    shape=Shape.READ_ONLY,
    label=lambda row: f"{row.get('run_number')} of the pipeline '{row.get('pipeline_name')}'",
    fields=(
        Field("id", "ID of the run.", writable=False, sample="4c0f7f1e-2d55-4b2e-9d0b-5f1c0a7e6b02"),
        Field("number", "Number of the run. Each pipeline counts its runs.", api="run_number", type="int", sample=7),
        Field("pipeline", "Name of the pipeline.", api="pipeline_name", sample="POS release"),
        Field("pipeline_id", "ID of the pipeline.", sample="9b1a1fbb-1c3d-4f1e-8b52-0f5b8b526a1f"),
        Field(
            "status",
            "Status of the run in the Esper API, for example V(running), V(waiting) or V(success).",
            normalize=str.lower,
            sample="success",
        ),
        *_TIMES,
    ),
)
_STAGE_RUN = Kind(
    name="stage_run",
    title="stage run",
    plural="stage_runs",
    routes=Routes(list=STAGE_RUNS, object=STAGE_RUN, page_size=None, name_filter=""),
    shape=Shape.READ_ONLY,
    fields=(
        Field("id", "ID of the stage run.", writable=False, sample="d5a1c3a0-77a6-4c11-8e37-9b1a1fbb1c3d"),
        Field("name", "Name of the stage when the run started.", api="stage_meta.name", sample="Berlin"),
        Field(
            "status",
            "Status of the stage run in the Esper API, for example V(pending), V(running) or V(success).",
            normalize=str.lower,
            sample="failure",
        ),
        *_TIMES,
    ),
)
_COUNTS = (
    ("succeeded", "Number of devices on which all operations succeeded.", 98),
    ("failed", "Number of devices on which an operation failed.", 2),
    ("timed_out", "Number of devices that timed out in Esper.", 0),
    ("cancelled", "Number of devices whose operations were canceled.", 0),
    ("pending", "Number of devices that have not reported a result.", 0),
)
_COUNT_VALUES = tuple(Value(name, doc, type="int", sample=sample) for name, doc, sample in _COUNTS)


def report_values(condition: str, *, stages: str = "", counts: str = "") -> tuple[Value, ...]:
    """Return the documentation of the return values of report(). ``condition`` is a sentence about when they are
    returned, ``stages`` and ``counts`` are those of the values of these names, if they differ."""
    return (
        Value(
            "stages",
            ("Stages of the run, in their order.", stages or condition),
            type="list",
            elements="dict",
            contains=(
                *_STAGE_RUN.fields,
                Value("counts", "Number of devices by result.", type="dict", contains=_COUNT_VALUES),
                Value(
                    "failed_percentage",
                    "Percentage of the devices of the stage that did not succeed. V(0) if it has not started.",
                    type="float",
                    sample=2.0,
                ),
            ),
        ),
        Value(
            "counts",
            (
                "Sum of the numbers of devices of all stages, by result. A device counts once for each of its stages.",
                counts or condition,
            ),
            type="dict",
            contains=_COUNT_VALUES,
        ),
        Value(
            "failed_devices",
            ("Devices that did not succeed, for each of their stages. It includes pending devices.", condition),
            type="list",
            elements="dict",
            contains=(
                DEVICE_ID,
                DEVICE_NAME,
                Value("stage", "Name of the stage.", sample="Berlin"),
                Value("operation_type", "Type of the first operation that did not succeed.", sample="INSTALL"),
                Value(
                    "state",
                    "Result of the device, V(failed), V(timed_out), V(cancelled) or V(pending).",
                    sample="failed",
                ),
                DEVICE_REASON,
            ),
        ),
    )


# --- runs -------------------------------------------------------------------------------------------------------------


def status_of(row: Row) -> str:
    """Return the status of a run, a stage run or a target run in lower case."""
    return str(row.get("status") or "").strip().lower()


def has_ended(row: Row) -> bool:
    """Return whether the status of a run, a stage run or a target run is final."""
    return status_of(row) in ENDS


def title_of(run: Row) -> str:
    """Return a run as the subject of a sentence."""
    return f"Run {PIPELINE_RUN.name_of(run)}"


def ids_of(run: Row) -> dict[str, str]:
    """Return the values of the placeholders in the paths of a run."""
    return {"pipeline_id": str(run["pipeline_id"]), "run_id": str(run["id"])}


def iterate_runs(view: TenantView, pipeline: Row | None, status: str | None = None) -> t.Iterator[Row]:
    """Yield the runs of a pipeline, or of all pipelines, the newest first. They are not cached."""
    path, ordering = PIPELINE_RUN.routes.list, "-started_at"
    if pipeline is not None:
        path, ordering = view.client.target(RUNS, {"pipeline_id": str(pipeline["id"])}), "-run_number"
    query = {"status": status, "ordering": ordering}
    for row in iterate(view.client, path, query=query, page_size=None, purpose=PIPELINE_RUN.purpose_of_list):
        if typed := _typed_run(view, row, pipeline):
            yield typed


def read_run(view: TenantView, run: Row) -> Row:
    """Return a run as it is now."""
    return _typed_run(view, view.client.get_object(RUN, ids=ids_of(run), purpose=f"Reading {_object(run)}"), run) or run


def _typed_run(view: TenantView, row: Row, known: Row | None) -> Row | None:
    """Return a run with the types of its fields, None if it has no ID. ``known`` is the pipeline, or the run as it was
    read before."""
    typed = view.typed(PIPELINE_RUN, row)
    if typed is None or known is None:
        return typed
    is_run = "run_number" in known
    names = {"pipeline_id": "pipeline_id", "pipeline_name": "pipeline_name"} if is_run else _FROM_PIPELINE
    return {**typed, **{name: known.get(key) for name, key in names.items()}}


_FROM_PIPELINE = {"pipeline_id": "id", "pipeline_name": "name"}


def _object(run: Row) -> str:
    return f"run {PIPELINE_RUN.name_of(run)}"


def newest_run(view: TenantView, pipeline: Row) -> Row | None:
    """Return the run of a pipeline with the highest number, None if the pipeline has not run."""
    return next(iterate_runs(view, pipeline), None)


def find_run(view: TenantView, pipeline: Row | None, text: str) -> Row | None:
    """Return a run by ID, or by number if the pipeline is known. Return None if it does not exist."""
    text = text.strip()
    if text.isdecimal():
        if pipeline is None:
            raise InvalidParameter(f"The run {text} is a number, so the option pipeline is required.")
        return next((row for row in iterate_runs(view, pipeline) if row.get("run_number") == int(text)), None)
    if not is_uuid(text):
        raise InvalidParameter(f"Invalid run: '{text}'. It must be a number or an ID.")
    if pipeline is None:
        # There is no path to a run without its pipeline.
        return next((row for row in iterate_runs(view, None) if normal_id(row["id"]) == normal_id(text)), None)
    ids = {"pipeline_id": str(pipeline["id"]), "run_id": str(normal_id(text))}
    row = view.client.find_object(RUN, ids=ids, purpose=f"Reading the run {text}")
    return None if row is None else _typed_run(view, row, pipeline)


# --- stage runs -------------------------------------------------------------------------------------------------------


def read_stage_runs(view: TenantView, run: Row) -> list[Row]:
    """Return the stage runs of a run as they are now, in the order of the stages."""
    path = view.client.target(STAGE_RUNS, {"run_id": str(run["id"])})
    rows = list_all(view.client, path, page_size=None, purpose=f"Reading the stages of {_object(run)}")
    typed = [row for each in rows if (row := view.typed(_STAGE_RUN, each))]
    if len(typed) < 2:
        return typed
    order = {id_: index for index, id_ in enumerate(_stage_ids(view, run))}
    # Stages that were deleted since then have no place.
    is_known = all(str(row.get("stage_id")) in order for row in typed)
    return sorted(typed, key=lambda row: order[str(row["stage_id"])]) if is_known else sorted(typed, key=_created_at)


def _stage_ids(view: TenantView, run: Row) -> list[str]:
    """Return the IDs of the stages of the pipeline in their order, none if the pipeline is deleted. They are read
    once."""
    reader = TreeReader(view, {"id": run["pipeline_id"]}, f"pipeline '{run.get('pipeline_name')}'")
    try:
        tree = reader.read(has_targets=False, has_operations=False, has_unattached=False)
    except ApiError as error:
        if error.status != 404:
            raise
        return []
    return [str(stage["id"]) for stage in tree.stages]


def stage_name(stage_run: Row) -> str:
    """Return the name of the stage of a stage run, or its ID."""
    return str(to_row(stage_run.get("stage_meta")).get("name") or stage_run["id"])


def select_stage(stage_runs: list[Row], run: Row, name: str) -> Row:
    """Return the stage run of a stage by name or ID. Raise NotFound or Ambiguous."""
    found, title = select_stages(stage_runs, name), f"stage of {_object(run)}"
    if not found:
        raise NotFound(title, name, map(stage_name, stage_runs))
    if len(found) > 1:
        raise Ambiguous(title, name, [f"{stage_name(row)} (ID {row['id']})" for row in found], "Use the ID instead.")
    return found[0]


def select_stages(stage_runs: list[Row], name: str) -> list[Row]:
    """Return the stage runs of the stages with a name or ID."""
    name = composed(name).strip()
    found = [row for row in stage_runs if normal_id(name) in {normal_id(row.get(key)) for key in ("id", "stage_id")}]
    return found or [row for row in stage_runs if composed(stage_name(row)).strip() == name]


def _created_at(row: Row) -> datetime:
    return parse_time(str(row.get("created_at"))) or _UNKNOWN_TIME


# --- devices ----------------------------------------------------------------------------------------------------------


@dataclass
class DeviceRun:
    """A device in a stage run. ``target_runs`` has one for each operation, the latest one. ``state`` is the result of
    the device, and ``decisive`` the first target run with this result."""

    device_id: str
    target_runs: list[Row]
    state: str = field(init=False)
    decisive: Row = field(init=False)

    def __post_init__(self) -> None:
        by_result: dict[str, Row] = {}
        for row in self.target_runs:
            by_result.setdefault(_result_of(row), row)
        self.state = next(each for each in _WORST_FIRST if each in by_result)
        self.decisive = by_result[self.state]


@dataclass
class StageDevices:
    """A stage run with its devices."""

    stage_run: Row
    devices: list[DeviceRun]

    @property
    def name(self) -> str:
        """The name of the stage."""
        return stage_name(self.stage_run)

    @property
    def counts(self) -> Counter[str]:
        """The number of devices by result."""
        return Counter(device.state for device in self.devices)

    @property
    def unsuccessful(self) -> list[DeviceRun]:
        """The devices that did not succeed."""
        return [device for device in self.devices if device.state != "succeeded"]

    def exceeds(self, percentage: float) -> bool:
        """Return whether the percentage of devices that did not succeed is higher."""
        return exceeds(len(self.unsuccessful), len(self.devices), percentage)


def read_all_devices(view: TenantView, stage_runs: list[Row]) -> list[StageDevices]:
    """Return stage runs with their devices as they are now."""
    # Each list has pages, too.
    concurrency = max(CONCURRENCY // max(len(stage_runs), 1), 1)
    read = in_parallel(view.client, lambda row: read_devices(view, row, concurrency), stage_runs, CONCURRENCY)
    return list(read)


def read_devices(view: TenantView, stage_run: Row, concurrency: int = CONCURRENCY) -> StageDevices:
    """Return a stage run with its devices as they are now. A stage that has not started has none."""
    if status_of(stage_run) == "pending":
        return StageDevices(stage_run, [])
    path = view.client.target(TARGET_RUNS, {"stage_run_id": str(stage_run["id"])})
    purpose = f"Reading the devices of the stage '{stage_name(stage_run)}'"
    rows = list_all(view.client, path, concurrency=concurrency, convert=_target_run, purpose=purpose)
    by_device: dict[str, dict[str, Row]] = {}
    for row in sorted(rows, key=lambda row: row["created_at"]):
        # A target run without an operation replaces no other one, which could hide a failure.
        by_device.setdefault(row["device_id"], {})[row["operation_id"] or row["id"]] = row
    return StageDevices(stage_run, [DeviceRun(id_, list(latest.values())) for id_, latest in by_device.items()])


def _target_run(row: Row) -> Row:
    """Return what this file needs of a target run, with the types that it needs."""
    texts = (value for value in to_row(row.get("command_meta")).values() if value and isinstance(value, str))
    return {
        "id": to_text(row.get("id")),
        "target_id": to_text(row.get("target_id")),
        "device_id": to_text(row.get("device_id")) or to_text(row.get("target_id")) or "",
        "device_alias": to_text(row.get("device_alias")),
        "operation_id": to_text(row.get("stage_run_operation_id")) or "",
        "status": to_text(row.get("status")),
        "command_id": to_text(row.get("command_id")),
        "command_status": to_text(row.get("command_status")),
        "reason": next(texts, None),
        "created_at": _created_at(row),
    }


def _result_of(target_run: Row) -> str:
    status = status_of(target_run)
    if status == "failure":
        return _COMMAND_RESULTS.get(str(target_run["command_status"]).upper(), "failed")
    return _RESULTS.get(status, "pending")


# --- results ----------------------------------------------------------------------------------------------------------


def without_report() -> Row:
    """Return the values of report() if the devices are not read."""
    counts: Row = {name: 0 for name, _doc, _sample in _COUNTS}
    return {"stages": [], "counts": {**counts, "pending": None}, "failed_devices": []}


def report(view: TenantView, stages: list[StageDevices], *, reasons: bool) -> Row:
    """Return the stages of a run with the numbers of their devices, their sum, and the devices that did not succeed.
    ``reasons`` is whether the reason of each of them is read."""
    total = sum((stage.counts for stage in stages), Counter[str]())
    return {
        "stages": [stage_result(view, stage) for stage in stages],
        "counts": _counts(total),
        "failed_devices": _failed_devices(view, stages, reasons=reasons),
    }


def stage_result(view: TenantView, stage: StageDevices | Row) -> Row:
    """Return a stage run in the form of the result, with the numbers of its devices if they are known."""
    if not isinstance(stage, StageDevices):
        return view.to_result(_STAGE_RUN, stage)
    percentage = len(stage.unsuccessful) * 100 / max(len(stage.devices), 1)
    row = view.to_result(_STAGE_RUN, stage.stage_run)
    return {**row, "counts": _counts(stage.counts), "failed_percentage": round(percentage, 2)}


def _counts(counts: Counter[str]) -> dict[str, int]:
    return {name: counts[name] for name, _doc, _sample in _COUNTS}


def _failed_devices(view: TenantView, stages: list[StageDevices], *, reasons: bool) -> list[Row]:
    failed = [stage for stage in stages if stage.unsuccessful]
    operations = dict(
        itertools.chain.from_iterable(
            in_parallel(view.client, lambda stage: _operation_types(view, stage), failed, CONCURRENCY)
        )
    )
    pairs = [(stage, device) for stage in failed for device in stage.unsuccessful]
    names = labels_of(view, dict.fromkeys(device.device_id for _stage, device in pairs if device.device_id))
    texts: t.Iterable[str | None] = (device.decisive["reason"] for _stage, device in pairs)
    if reasons:
        texts = in_parallel(view.client, lambda pair: _reason(view, *pair), pairs, CONCURRENCY)
    return [
        {
            "id": device.device_id,
            "name": names.get(device.device_id) or device.decisive["device_alias"],
            "stage": stage.name,
            "operation_type": operations.get(device.decisive["operation_id"]),
            "state": device.state,
            "reason": reason or None,
        }
        for (stage, device), reason in zip(pairs, texts, strict=True)
    ]


def _operation_types(view: TenantView, stage: StageDevices) -> list[tuple[str, str | None]]:
    path = view.client.target(_OPERATIONS, {"stage_run_id": str(stage.stage_run["id"])})
    rows = view.list_at(path, page_size=None, purpose=f"Reading the operations of the stage '{stage.name}'")
    return [(str(row["id"]), to_text(row.get("operation_type"))) for row in rows]


def _reason(view: TenantView, stage: StageDevices, device: DeviceRun) -> str | None:
    row = device.decisive
    if device.state == "pending" or not (row["id"] and row["command_id"]):
        return t.cast("str | None", row["reason"])
    ids = {"stage_run_id": str(stage.stage_run["id"]), "target_run_id": row["id"]}
    body = view.client.find_object(COMMAND, ids=ids, key=None, purpose="Reading the reason of a failure")
    return to_text((body or {}).get("request_status_reason")) or row["reason"]
