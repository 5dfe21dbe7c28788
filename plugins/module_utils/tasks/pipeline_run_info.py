# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module that reads runs of pipelines: one by number or ID, or the newest ones. See pipeline_runs.py for runs.

Based on /pipelines/v0/runs/ and /pipelines/v0/pipelines/{pipeline_id}/runs/ of the contract (pipelines.yaml). There is
no GET of a run without its pipeline, so an ID is looked up in the list of all runs then.
"""

from __future__ import annotations

import itertools
import typing as t

from ..base.errors import InvalidParameter
from ..base.ids import is_uuid
from ..base.row import Params, Row
from ..base.validators import in_range
from ..engine.tenant_view import TenantView
from ..kinds.pipeline import pipelines
from ..model.module_spec import NO_DIFF, READS_ONLY, ModuleSpec, Option, Value
from ..task import ModuleDefinition, ModuleResult, RunContext
from .pipeline_runs import (
    PIPELINE_RUN,
    STATUSES,
    find_run,
    iterate_runs,
    read_all_devices,
    read_stage_runs,
    report,
    report_values,
    select_stages,
    stage_result,
)

_MODULE = ModuleSpec(
    short_description="Get information about runs of Esper pipelines",
    description=(
        "Returns one run by number or ID, or the newest runs of a pipeline or of all pipelines. The newest run is the"
        " first.",
        "If the run or the pipeline does not exist, the list is empty.",
    ),
    options=(
        Option("pipeline", "Pipeline by name or ID, case-sensitive.", identifier=True),
        Option("run", "Run by number or ID. Quote a number. A number requires O(pipeline).", identifier=True),
        Option("status", "Status of the runs.", choices=STATUSES),
        Option("limit", "Maximum number of runs to return, 1 or more.", type="int", default=10),
        Option(
            "stages",
            "If V(true), the module also returns the stages of each run, with a request for each run.",
            type="bool",
            default=False,
        ),
        Option(
            "devices",
            "If V(true), the module also returns the stages, the numbers of their devices by result, and the devices"
            " that did not succeed. This takes a request for each stage and for each 250 results.",
            type="bool",
            default=False,
        ),
        Option(
            "reasons",
            "If V(true), the module also reads the reasons of failures, with a request for each failed device. Requires"
            " O(devices=true).",
            type="bool",
            default=False,
        ),
        Option(
            "stage",
            "Stage by name or ID. Only this stage is returned. Requires O(stages=true) or O(devices=true).",
            identifier=True,
        ),
    ),
    rules={"mutually_exclusive": [("run", "status")]},
    returns=(
        Value(
            "pipeline_runs",
            "The runs that match. The newest is the first.",
            type="list",
            elements="dict",
            contains=(
                *PIPELINE_RUN.fields,
                *report_values(
                    "Only returned if O(devices=true).",
                    stages="Only returned if O(stages=true) or O(devices=true).",
                ),
            ),
        ),
    ),
    check_mode=READS_ONLY,
    diff_mode=NO_DIFF,
    seealso=("pipeline_run", "pipeline_info"),
)


def _run(view: TenantView, params: Params, _context: RunContext) -> ModuleResult:
    if why := in_range(1)(params["limit"]):
        raise InvalidParameter(f"The option limit {why}.")
    if params["reasons"] and not params["devices"]:
        raise InvalidParameter("The option reasons=true requires devices=true.")
    if params["stage"] is not None and not (params["stages"] or params["devices"]):
        raise InvalidParameter("The option stage requires stages=true or devices=true.")
    runs = list(_runs(view, params))
    records = [{**view.to_result(PIPELINE_RUN, run), **_parts(view, run, params)} for run in runs]
    return ModuleResult({"changed": False, "pipeline_runs": records})


def _runs(view: TenantView, params: Params) -> t.Iterator[Row]:
    pipeline = None
    if params["pipeline"] is not None:
        name = params["pipeline"]
        pipeline = pipelines(view).find({"id": name.strip()} if is_uuid(name.strip()) else {"name": name})
        if pipeline is None:
            return iter([])
    if params["run"] is not None:
        run = find_run(view, pipeline, params["run"])
        return iter([] if run is None else [run])
    return itertools.islice(iterate_runs(view, pipeline, params["status"]), params["limit"])


def _parts(view: TenantView, run: Row, params: Params) -> Row:
    """Return the stages of a run and the results of its devices, if the task asks for them."""
    if not (params["stages"] or params["devices"]):
        return {}
    stage_runs = read_stage_runs(view, run)
    if params["stage"] is not None:
        stage_runs = select_stages(stage_runs, params["stage"])
    if not params["devices"]:
        return {"stages": [stage_result(view, row) for row in stage_runs]}
    return report(view, read_all_devices(view, stage_runs), reasons=params["reasons"])


PIPELINE_RUN_INFO = ModuleDefinition("pipeline_run_info", _MODULE, _run, unknown={"pipeline_runs": []})
