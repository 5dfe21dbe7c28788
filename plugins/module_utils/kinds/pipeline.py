# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pipelines: staged work on devices and device groups, as one tree.

Based on pipelines.yaml of the contract. See pipeline_tree.py and pipeline_changes.py for the tree.

Choice: the filter by name is not exact, and several pipelines can have one name.
Choice: PUT replaces a pipeline, a stage and a list, so the module sends all of their values.
Choice: a deleted pipeline only becomes invisible, so its parts are not deleted before.
Choice: Esper copies a pipeline when a run starts, so a change counts for the next run. A pipeline with a run is only
changed with ``force``.
"""

from __future__ import annotations

import typing as t

from ..base.row import Row
from ..base.validators import in_range
from ..engine.tenant_view import TenantView
from ..model.field import Field
from ..model.kind import Guard, Related, Routes
from ..model.module_spec import Option, Value
from ..model.plain import plain_kind
from .command_risk import RISKY, risks
from .pipeline_exporter import PipelineExporter
from .pipeline_lookup import PipelineLookup
from .pipeline_planner import PipelinePlanner
from .pipeline_reader import PipelineReader, read_runs, read_unattached
from .pipeline_result import STAGES, TARGET_LISTS
from .pipeline_stages import STAGES_OPTION
from .pipeline_tree import PIPELINES, PREFIX, RUN, TreeReader, is_active_run


def _active_runs(view: t.Any, row: Row) -> list[str]:
    """Return a phrase for the run of a pipeline that has not ended."""
    runs = TreeReader(view, row, f"pipeline '{row.get('name') or row['id']}'").last_runs(1)
    return [
        f"run {run.get('run_number')}, which is {str(run.get('status')).lower()}" for run in runs if is_active_run(run)
    ]


_RUNS = Field(
    "runs",
    "Latest runs, the latest first. Returned if O(runs) is above 0.",
    type="list",
    elements="dict",
    fields=RUN.fields,
    sample=[],
)

PIPELINE = plain_kind(
    name="pipeline",
    seealso=("pipeline_run",),
    doc=(
        "A pipeline runs operations on devices and device groups, stage by stage. A task describes all of it: its"
        " stages in their order, with target lists and operation lists.",
        "The module reads only what the task sets. It adds first and removes last, so an interrupted task can be run"
        " again.",
        "To start a pipeline, use M(esper.cloud.pipeline_run).",
    ),
    routes=Routes(list=PIPELINES, object=f"{PIPELINES}{{id}}/", update="PUT", page_size=None, extra_prefixes=(PREFIX,)),
    fields=(
        Field("id", "ID of the pipeline.", writable=False, sample="0b1e7f3c-5a3f-4a53-9f3c-0d5e3f3b7a10"),
        Field(
            "name",
            "Name of the pipeline, case-sensitive. With O(id), its new name.",
            identifier=True,
            normalize=str.strip,
            returns="Name of the pipeline.",
            sample="POS release",
        ),
        Field("description", "Description of the pipeline.", sample="Head office, then Berlin, then all stores"),
        Field(
            "active",
            "If V(true), the pipeline can run. Esper creates pipelines as active by default.",
            api="is_active",
            type="bool",
            returns="If V(true), the pipeline can run.",
            sample=True,
        ),
        Field(
            "default",
            "If V(true), the pipeline is a default one. Esper does not document the effect.",
            api="is_default",
            type="bool",
            sample=False,
        ),
        Field(
            "timeout_seconds",
            "Time in seconds after which a run of the pipeline times out. Esper documents 86400 as the default, but"
            " also that runs time out after 21 days.",
            type="int",
            validator=in_range(1),
            returns="Time in seconds after which a run of the pipeline times out.",
            sample=86400,
            changed=604800,
        ),
        Field(
            "valid",
            "If V(true), Esper considers the pipeline as valid. Esper does not document the rules.",
            api="is_valid",
            type="bool",
            writable=False,
            sample=True,
        ),
        Field(
            "visible",
            "If V(true), the pipeline is visible.",
            api="is_visible",
            type="bool",
            writable=False,
            sample=True,
        ),
        Field(
            "archived",
            "If V(true), the pipeline is archived.",
            api="is_archived",
            type="bool",
            writable=False,
            sample=False,
        ),
        Field("created_at", "Time of creation.", writable=False, sample="2026-03-01T09:30:00Z"),
        Field("updated_at", "Time of the last change.", writable=False, sample="2026-03-02T11:00:00Z"),
        STAGES,
    ),
    options=(
        STAGES_OPTION,
        Option(
            "exact",
            "If V(true), removes the stages, target lists and operation lists that the task does not list. Lists of a"
            " stage are only removed if the task lists those of the same type.",
            type="bool",
            default=False,
        ),
        Option(
            "recreate_stages",
            "If V(true), deletes stages and creates them again if their order requires it. They get other IDs, and keep"
            " what the task omits. If V(false), the task fails instead.",
            type="bool",
            default=False,
        ),
        Option(
            "confirm",
            f"If V(true), confirms new operations that cannot be undone, or that take devices offline: {risks(RISKY)}.",
            type="bool",
            default=False,
        ),
        Option(
            "force",
            (
                "If V(true), the pipeline is changed even if a run has not ended. The change counts for the next run.",
                "With O(state=absent), cancels the run first, and waits up to one minute for its end.",
                "If V(false), the task fails instead, and the error names the run.",
            ),
            type="bool",
            default=False,
        ),
    ),
    related=(
        Related(
            TARGET_LISTS,
            Option(
                "unattached",
                "If V(true), also returns the target lists that no stage has.",
                type="bool",
                default=False,
            ),
            read_unattached,
        ),
        Related(_RUNS, Option("runs", "Number of the latest runs to return.", type="int", default=0), read_runs),
    ),
    info_options=(
        Option(
            "tree",
            "If V(true), also returns stages with their lists and members. This takes several requests for each"
            " pipeline.",
            type="bool",
            default=True,
        ),
        Option(
            "members",
            "If V(true), also returns the devices in the device groups of target lists, as Esper has them now. This"
            " takes one request for each device group.",
            type="bool",
            default=False,
        ),
        Option(
            "export",
            (
                "If V(true), returns pipelines as options of M(esper.cloud.pipeline) for another tenant.",
                "The export omits lists of devices and of collections, which differ from tenant to tenant, and secret"
                " arguments of operations. RV(omitted) lists them.",
            ),
            type="bool",
            default=False,
        ),
    ),
    info_returns=(
        Value(
            "omitted",
            "Values that the export omits.",
            type="list",
            elements="dict",
            returned="with O(export=true)",
            contains=(
                Value("pipeline", "Name of the pipeline.", sample="POS release"),
                Value("path", "Path of the option.", sample="stages[0].target_lists[0].devices"),
            ),
        ),
    ),
    guards=(
        Guard(
            users=_active_runs,
            also_update=True,
            advice="Wait until it ends, or cancel it with esper.cloud.pipeline_run",
        ),
    ),
    lookup=PipelineLookup,
    planner=PipelinePlanner,
    reader=PipelineReader,
    exporter=PipelineExporter,
)


def pipelines(view: TenantView) -> PipelineLookup:
    """Return the lookup of pipelines in a view."""
    return PipelineLookup(view, PIPELINE)
